"""Belief propagation against sums over all configurations: exact on trees, near on loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from tacit.data.batch import Affine, Batch, View
from tacit.data.task import Classes
from tacit.engines.method import Step
from tacit.engines.propagation import (
    CERTAIN,
    Bags,
    Field,
    Propagated,
    bag_messages,
    believed,
    exact_messages,
    marginals,
    neighbour_pairs,
    normal_messages,
    pair_messages,
    pooled_by,
)
from tacit.labels import Exact, Labels, Proportions
from tacit.nets.image import SmallEncoder

NONE = np.zeros((0, 2), dtype=np.int64)


def bags_of(*members: tuple[list[int], int]) -> Bags:
    sizes = [len(records) for records, _ in members]
    flat = [r for records, _ in members for r in records]
    return Bags(
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.array(flat, dtype=np.int64),
        np.array([count for _, count in members], dtype=np.int64),
    )


def enumerated(field: np.ndarray, pairs: np.ndarray, bags: Bags, coupling: float, strength: float) -> np.ndarray:
    """Marginals by adding up all 2^n configurations."""
    total, on = 0.0, np.zeros(len(field))
    for y in itertools.product((0, 1), repeat=len(field)):
        energy = sum(h * s for h, s in zip(field, y, strict=True))
        energy += sum(coupling * (y[i] == y[j]) for i, j in pairs.tolist())
        for b, k in enumerate(bags.count):
            members = bags.record[bags.offsets[b] : bags.offsets[b + 1]]
            energy -= strength * (sum(y[r] for r in members) - k) ** 2
        weight = np.exp(energy)
        total += weight
        on += weight * np.array(y)
    return on / total


def test_a_tree_of_pairs_and_bags_is_exact() -> None:
    """Two bags, chains that hang from their members, one pair between the bags: no loop."""
    bags = bags_of(([0, 1, 2], 1), ([3, 4], 2))
    pairs = np.array([[0, 5], [5, 6], [1, 7], [2, 3], [4, 8]])
    field = np.random.default_rng(0).normal(size=9)
    found = marginals(torch.from_numpy(field), pairs, bags, 0.8, 1.3, sweeps=200)
    np.testing.assert_allclose(found.numpy(), enumerated(field, pairs, bags, 0.8, 1.3), atol=1e-5)


def test_loops_are_near_where_couplings_are_weak() -> None:
    rng = np.random.default_rng(1)
    bags = bags_of(([0, 1, 2, 3], 1), ([4, 5, 6, 7], 3))
    pairs = np.array([[0, 1], [1, 4], [4, 0], [2, 5], [3, 6], [6, 7], [2, 3]])
    field = rng.normal(size=8)
    found = marginals(torch.from_numpy(field), pairs, bags, 0.3, 0.5, sweeps=200)
    np.testing.assert_allclose(found.numpy(), enumerated(field, pairs, bags, 0.3, 0.5), atol=0.02)


def test_a_bag_alone_is_exact_and_a_strong_one_holds_its_count() -> None:
    field, bags = np.array([3.0, 1.0, -1.0, -2.0, 0.5]), bags_of(([4, 0, 2, 1, 3], 2))
    for strength in (0.1, 50.0):
        found = marginals(torch.from_numpy(field), NONE, bags, 0.0, strength).numpy()
        np.testing.assert_allclose(found, enumerated(field, NONE, bags, 0.0, strength), atol=1e-6)
    assert found.sum() == pytest.approx(2.0, abs=1e-6)


@pytest.mark.parametrize("count", [0, 12])
def test_a_bag_that_is_all_off_or_all_on_is_certain(count: int) -> None:
    """Every member by itself is sure of the opposite; nothing may become NaN."""
    against = torch.full((1, 12), 8.0 if count == 0 else -8.0, dtype=torch.float64)
    said = exact_messages(against, torch.tensor([float(count)]), 100.0)
    belief = torch.sigmoid(said.clamp(-30, 30) + against)
    assert bool(((belief < 1e-6) if count == 0 else (belief > 1 - 1e-6)).all())


def test_messages_of_a_large_bag_are_near_the_exact_ones() -> None:
    cavity = torch.randn(3, 200, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    count = torch.tensor([60.0, 100.0, 130.0])
    exact, normal = (said(cavity, count, 0.5) for said in (exact_messages, normal_messages))
    torch.testing.assert_close(normal[1], exact[1], atol=0.02, rtol=0)
    torch.testing.assert_close(normal, exact, atol=0.3, rtol=0.15)


def test_bags_of_different_sizes_do_not_mix() -> None:
    bags = bags_of(([0, 1], 1), ([2, 3, 4], 0), ([5], 1))
    cavity = torch.randn(6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = bag_messages(cavity, bags, 2.0)
    for part, count in ((slice(0, 2), 1.0), (slice(2, 5), 0.0), (slice(5, 6), 1.0)):
        alone = exact_messages(cavity[None, part], torch.tensor([count]), 2.0)[0]
        torch.testing.assert_close(found[part], alone)


def test_a_pair_says_what_the_sum_over_its_states_says() -> None:
    h, j = 1.3, 0.7
    wanted = np.log((np.exp(j + h) + 1) / (np.exp(h) + np.exp(j)))
    assert float(pair_messages(torch.tensor([h], dtype=torch.float64), j)) == pytest.approx(wanted)
    assert float(pair_messages(torch.tensor([h]), 0.0)) == 0.0


def test_pairs_are_neighbours_and_named_once() -> None:
    points = np.array([[0.0], [1.0], [1.1], [5.0], [5.3]], dtype=np.float32)
    assert neighbour_pairs(points, 1).tolist() == [[0, 1], [1, 2], [3, 4]]
    assert len(neighbour_pairs(points[:2], 5)) == 1


def test_bags_become_potentials_and_exact_labels_fields() -> None:
    """Two pairs of neighbours and a bag between them make a tree; more than two classes are each against the rest."""
    points = np.array([[0.0], [1.0], [10.0], [11.0]], dtype=np.float32)
    counts = Proportions([-1, 0, 0, -1], [[1, 1]], classes=["no", "yes"])
    labels = Labels.combine(counts, Exact([1, -1, -1, -1], ["no", "yes"]))
    field = Field(coupling=0.6, strength=0.9, neighbours=1)
    found = believed(labels, points, field).numpy()
    pairs = np.array([[0, 1], [2, 3]])
    wanted = enumerated(np.array([CERTAIN, 0, 0, 0]), pairs, bags_of(([1, 2], 1)), 0.6, 0.9)
    np.testing.assert_allclose(found[:, 1], wanted, atol=1e-4)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)

    three = Proportions([0, 0, 1, 1], [[1, 1, 0], [0, 0, 2]], classes=["a", "b", "c"])
    found = believed(three, points, Field(0.0, 50.0, 1)).numpy()
    np.testing.assert_allclose(found, [[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1], [0, 0, 1]], atol=1e-4)


def test_unknown_bags_say_nothing() -> None:
    points = np.array([[0.0], [1.0]], dtype=np.float32)
    labels = Proportions([0, 1], [[1, 0], [-1, -1]], classes=["no", "yes"])
    found = believed(labels, points, Field(0.0, 50.0, 1)).numpy()
    np.testing.assert_allclose(found[:, 1], [0.0, 0.5], atol=1e-6)


def test_the_loss_is_cross_entropy_to_beliefs_and_the_evidence_per_record() -> None:
    names = ("no", "yes")
    labels = Proportions([0, 0, 0, 0], [[3, 1]], classes=names)
    encoder = SmallEncoder(1, (8, 8))
    method = Propagated(encoder, Classes(names), 4, pooled_by(encoder), Field(), weight=2.0)
    method.eval().requires_grad_(False)
    method.beliefs.values.copy_(torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5], [1.0, 0.0]]))
    batch = Batch({"pixels": torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))})
    view, order = View(batch, Affine(torch.empty(4, 0, 0))), [2, 0, 3, 1]
    step = Step(
        labelled={"weak": view, "strong": view},
        unlabelled={},
        labelled_index=torch.tensor(order),
        unlabelled_index=torch.empty(0, dtype=torch.int64),
        evidence=labels.take(np.array(order)).model(),
        progress=0.0,
        generator=torch.Generator(),
    )
    p = torch.softmax(method.network(batch), dim=1).double()
    losses = method.loss(step)
    cross = -(method.beliefs.values[order] * p.log()).sum(1).mean()
    one_of_four = sum(p[i, 1] * torch.stack([p[j, 0] for j in range(4) if j != i]).prod() for i in range(4))
    assert float(losses["pseudo"]) == pytest.approx(float(cross), rel=1e-4)
    assert float(losses["evidence"]) == pytest.approx(-2 * float(torch.log(torch.as_tensor(one_of_four))) / 4, rel=1e-4)
