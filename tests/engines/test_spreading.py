"""Spreading over views against brute force and closed forms; and it can be stopped while the graph is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from tacit.engines import spreading
from tacit.engines.method import Start
from tacit.engines.spreading import balanced, invariant_graph, spread, spread_over_views
from tacit.labels import Exact, Noisy, Votes
from tacit.modalities.base import Nearby
from tacit.train.pool import Pool


@pytest.fixture
def pool(toy: Callable[[str], Any]) -> Pool:
    images = toy("image")
    return Pool(images.records, images.prepared)


def test_neighbours_are_the_nearest_over_all_small_changes(pool: Pool, toy: Callable[[str], Any]) -> None:
    """One record at a time, one view at a time, all distances in full."""
    prepared = toy("image").prepared
    assert isinstance(prepared, Nearby)
    graph = invariant_graph(pool, prepared).toarray()
    flat = torch.stack(
        [next(prepared.nearby(pool.batch(torch.tensor([i])), 1))["pixels"].reshape(-1) for i in range(72)]
    )
    most = spreading.VIEWED // flat.numel()
    squared = np.full((72, 72), np.inf)
    for i in range(72):
        for view in prepared.nearby(pool.batch(torch.tensor([i])), most):
            far = (flat - view["pixels"].reshape(-1)).double().square().sum(1).numpy()
            squared[i] = np.minimum(squared[i], far)
        squared[i, i] = np.inf
    near = np.argsort(squared, axis=1)[:, : spreading.NEIGHBOURS]
    least = np.take_along_axis(squared, near, axis=1)
    width = 0.5 * least[:, -1].mean()
    weights = np.zeros((72, 72))
    np.put_along_axis(weights, near, np.exp(-least / width), axis=1)
    weights = np.maximum(weights, weights.T)
    root = np.sqrt(weights.sum(axis=1))
    np.testing.assert_allclose(graph, weights / root[:, None] / root[None, :], atol=2e-3)


def test_spreading_solves_the_equation_of_zhou_et_al(pool: Pool, toy: Callable[[str], Any]) -> None:
    images = toy("image")
    graph = invariant_graph(pool, images.prepared)
    y = images.some(9)
    found = spread(graph, Exact(y, ("a", "b", "c")).model(), torch.full((3,), 1 / 3))
    seeds = np.eye(3)[np.maximum(y, 0)] * (y >= 0)[:, None]
    solved = np.linalg.solve(np.eye(72) - 0.99 * graph.toarray(), seeds)
    expected = balanced(torch.from_numpy(np.maximum(solved, 1e-12)), torch.full((3,), 1 / 3))
    torch.testing.assert_close(found, expected.float(), atol=1e-3, rtol=0)
    assert (found.argmax(1).numpy() == images.y).mean() > 0.9


def test_balanced_beliefs_have_the_shares_asked_for() -> None:
    shares = torch.tensor([0.5, 0.3, 0.2])
    z = balanced(torch.rand(400, 3, generator=torch.Generator().manual_seed(0)) + 0.1, shares)
    torch.testing.assert_close(z.sum(1), torch.ones(400))
    torch.testing.assert_close(z.mean(0), shares, atol=1e-4, rtol=0)


def test_the_graph_is_made_in_blocks_that_can_be_stopped(
    pool: Pool, toy: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spreading, "BLOCK", 20)
    images = toy("image")
    heard: list[tuple[str, int, int]] = []

    def stop(what: str, done: int, total: int) -> None:
        heard.append((what, done, total))
        if done == 2:
            raise KeyboardInterrupt

    labels, shares = Exact(images.some(9), ("a", "b", "c")), torch.full((3,), 1 / 3)
    with pytest.raises(KeyboardInterrupt):
        spread_over_views(Start(pool, images.prepared, labels.model(), stop), shares)
    assert [(done, total) for _, done, total in heard] == [(0, 4), (1, 4), (2, 4)]
    assert not pool.derived, "half a graph is not kept"
    whole = spread_over_views(Start(pool, images.prepared, labels.model()), shares)
    assert whole is not None and whole.shape == (72, 3)


def test_labels_whose_errors_are_yet_to_be_estimated_are_spread_nearly_at_their_word(
    pool: Pool, toy: Callable[[str], Any]
) -> None:
    images = toy("image")
    graph, shares = invariant_graph(pool, images.prepared), torch.full((3,), 1 / 3)
    y = np.where(np.arange(72) < 9, images.y, -1)
    names = ["a", "b", "c"]
    exact = spread(graph, Exact(y, names).model(), shares)
    torch.testing.assert_close(spread(graph, Noisy(y, "estimate", names).model(), shares), exact, atol=0.02, rtol=0)
    votes = Votes.from_wide(np.repeat(y[:, None], 3, axis=1), names, abstain="ignored")
    assert torch.equal(spread(graph, votes.model(), shares).argmax(1), exact.argmax(1))
