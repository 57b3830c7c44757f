"""Class-balanced label spreading over a graph whose distances ignore small changes of the samples.

Distances are the smallest over small changes of one side (a discrete form of the tangent distance of Simard et
al. 1998), the graph is spread over as in Zhou et al. 2004, "Learning with Local and Global Consistency", and the
result is balanced to expected class shares by Sinkhorn's row and column scaling.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.linalg import cg
from torch import Tensor

from tacit.data.batch import Batch
from tacit.data.prediction import Categorical
from tacit.engines.method import PoolLike, Start, Through, unheard
from tacit.labels.base import EvidenceModel
from tacit.modalities.base import Nearby

VIEWED = 100_000_000
"""Numbers (pixels) in all views of all records together."""

DENSE_WORK, SPARSE_WORK = 4e11, 1e10
"""Multiplications for comparing views with all records, as matrix products, or with candidates, gathered."""

FEWEST_CANDIDATES = 50
MOST_RECORDS = 60_000
DIMENSIONS = 64
BLOCK = 256
NEIGHBOURS = 7
COMPARING = "comparing every record with small changes of the others"


def spread_over_views(start: Start, shares: Tensor) -> Tensor | None:
    """(records, C) beliefs about the whole pool; None where it is too large for a graph, or has no nearby views.

    The graph is made once for a pool and shared by all folds; ``shares`` (C,) are the expected class shares.
    """
    prepared, count = start.prepared, len(start.pool)
    if not isinstance(prepared, Nearby) or not NEIGHBOURS < count <= MOST_RECORDS:
        return None
    key = "invariant graph"
    if key not in start.pool.derived:
        start.pool.derived[key] = invariant_graph(start.pool, prepared, start.through)
    return spread(start.pool.derived[key], start.evidence, shares)


def invariant_graph(pool: PoolLike, prepared: Nearby, through: Through = unheard) -> csr_array:
    """(N, N) symmetric normalised affinities of each record's nearest neighbours over its nearby views.

    Plain distances choose the candidates that views are compared with: all records of a small pool. ``through``
    hears of every block of records.
    """
    count, parts = len(pool), _parts(len(pool))
    flat = torch.cat([_flat(next(prepared.nearby(pool.batch(part), 1))) for part in parts])
    basis = principal_basis(flat)
    points = flat @ basis
    norms = points.square().sum(1)
    most = VIEWED // (count * flat.shape[1])
    views = sum(1 for _ in prepared.nearby(pool.batch(torch.arange(1)), most))
    each = count * points.shape[1] * views
    everyone = each * count <= DENSE_WORK
    wide = count - 1 if everyone else int(np.clip(SPARSE_WORK / each, FEWEST_CANDIDATES, count - 1))
    near, squared = [], []
    for done, part in enumerate(parts):
        through(COMPARING, done, len(parts))
        plain = norms - 2 * points[part] @ points.T
        plain[torch.arange(len(part)), part] = torch.inf
        index = plain.topk(wide, dim=1, largest=False).indices
        candidates = points if everyone else points[index]
        least = torch.full_like(plain if everyone else plain[:, :wide], torch.inf)
        for batch in prepared.nearby(pool.batch(part), views):
            seen = _flat(batch) @ basis
            cross = seen @ points.T if everyone else torch.bmm(candidates, seen[:, :, None])[:, :, 0]
            sizes = norms if everyone else norms[index]
            least = torch.minimum(least, sizes + seen.square().sum(1, keepdim=True) - 2 * cross)
        if everyone:
            least = least.gather(1, index)
        least, order = least.clamp_min(0.0).topk(NEIGHBOURS, dim=1, largest=False)
        near.append(index.gather(1, order))
        squared.append(least)
    through(COMPARING, len(parts), len(parts))
    return affinities(torch.cat(near).numpy(), torch.cat(squared).double().numpy())


def affinities(near: NDArray[np.int64], squared: NDArray[np.float64]) -> csr_array:
    """Gaussian affinities of k nearest neighbours, ``near`` and ``squared`` (N, k), symmetric and normalised."""
    count, k = near.shape
    width = 0.5 * max(float(squared[:, -1].mean()), 1e-12)
    rows = np.repeat(np.arange(count), k)
    weights: Any = coo_array((np.exp(-squared.ravel() / width), (rows, near.ravel())), shape=(count, count)).tocsr()
    weights = weights.maximum(weights.T)
    degree = np.asarray(weights.sum(axis=1)).ravel()
    root = diags_array(1 / np.sqrt(np.maximum(degree, 1e-12)))
    return csr_array(root @ weights @ root)


def spread(graph: csr_array, evidence: EvidenceModel, shares: Tensor, alpha: float = 0.99) -> Tensor:
    """(N, C) balanced beliefs: the solution of (I - alpha S) Z = Y, rows and columns scaled to ``shares``.

    Y has the posterior of the evidence under equal classes where there is evidence, and zeros elsewhere.
    """
    count, classes = graph.shape[0], len(shares)
    uniform = Categorical(torch.full((count, classes), -float(np.log(classes)), dtype=torch.float64))
    posterior = evidence.posterior(uniform)
    assert isinstance(posterior, Categorical)
    known = evidence.labels.labelled()
    seeds = np.zeros((count, classes))
    seeds[known] = posterior.p.numpy()[known]
    system = diags_array(np.ones(count)) - alpha * graph
    solved = np.stack([cg(system, seeds[:, c], rtol=1e-6, maxiter=500)[0] for c in range(classes)], axis=1)
    return balanced(torch.from_numpy(np.maximum(solved, 1e-12)), shares).float()


def balanced(z: Tensor, shares: Tensor, rounds: int = 50) -> Tensor:
    """Positive (N, C) scaled so that columns sum to N times ``shares`` and rows to 1 (Sinkhorn 1964)."""
    for _ in range(rounds):
        z = z / z.sum(dim=0) * shares.to(z) * len(z)
        z = z / z.sum(dim=1, keepdim=True)
    return z


def principal_basis(flat: Tensor) -> Tensor:
    """(D, at most DIMENSIONS) directions of most variance; all of them where there are few."""
    if flat.shape[1] <= DIMENSIONS:
        return torch.eye(flat.shape[1])
    some = flat[:: max(1, len(flat) // 4096)]
    vectors: Tensor = torch.linalg.eigh(torch.cov(some.T))[1]
    return vectors[:, -DIMENSIONS:]


def _flat(batch: Batch) -> Tensor:
    return torch.cat([t.float().flatten(1) for t in batch.tensors.values() if t.is_floating_point()], dim=1)


def _parts(count: int) -> list[Tensor]:
    return list(torch.split(torch.arange(count), BLOCK))
