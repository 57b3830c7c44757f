"""Pairs of labels as classes: against pairs counted by hand; clean records alone carry the clean loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tacit.data.batch import Affine, Batch, View
from tacit.data.task import Classes
from tacit.engines.method import Step
from tacit.engines.sublabels import Clean, given, sub_classes
from tacit.labels import Exact, Labels, Noisy
from tacit.nets.image import SmallEncoder

SAID = np.array([0, 0, 0, 1, 1, 2, 2, 2])
TAUGHT = np.array([0, 1, 1, 1, 0, 2, 2, 0])


def test_every_pair_is_a_class_and_rare_ones_are_the_predicted_class() -> None:
    pairs = list(zip(SAID.tolist(), TAUGHT.tolist(), strict=True))
    assert sub_classes(SAID, TAUGHT, 3, "sub", 1).tolist() == [3 * s + t for s, t in pairs]
    merged = [(s, t) if pairs.count((s, t)) >= 2 else (t, t) for s, t in pairs]
    assert sub_classes(SAID, TAUGHT, 3, "sub", 2).tolist() == [3 * s + t for s, t in merged]


def test_the_strategies_beside_it() -> None:
    assert (sub_classes(SAID, TAUGHT, 3, "query", 5) // 4).tolist() == SAID.tolist()
    assert (sub_classes(SAID, TAUGHT, 3, "teacher", 5) % 3).tolist() == TAUGHT.tolist()
    agreed = sub_classes(SAID, TAUGHT, 3, "agreement", 5)
    assert agreed.tolist() == [0, -1, -1, 4, -1, 8, 8, -1]
    shuffled = sub_classes(SAID, TAUGHT, 3, "random", 1)
    assert (shuffled // 3).tolist() == SAID.tolist()
    assert sorted((shuffled % 3).tolist()) == sorted(TAUGHT.tolist())
    assert (shuffled % 3).tolist() != TAUGHT.tolist()


def test_what_was_given_is_read_beside_the_clean_labels() -> None:
    noisy, clean = Noisy([0, 1, -1, 2], "estimate", "abc"), Exact([-1, 0, 1, -1], "abc")
    assert given(Labels.combine(noisy, clean)).tolist() == [0, 1, -1, 2]
    assert given(noisy).tolist() == [0, 1, -1, 2]
    assert given(clean).tolist() == [-1] * 4


@pytest.mark.parametrize("clean", [[-1, 2, -1, 0, 1], [-1, 1, -1, -1, -1], [-1] * 5])
def test_only_clean_records_carry_the_loss(clean: list[int]) -> None:
    method = Clean(SmallEncoder(1, (8, 8)), Classes(("a", "b", "c")), views=("weak",)).eval().requires_grad_(False)
    batch = Batch({"pixels": torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))})
    labels = Labels.combine(Noisy([0, 0, 1, 1, 2], "estimate", "abc"), Exact(clean, "abc"))
    step = Step(
        labelled={"weak": View(batch, Affine(torch.empty(5, 0, 0)))},
        unlabelled={},
        labelled_index=torch.arange(5),
        unlabelled_index=torch.empty(0, dtype=torch.int64),
        evidence=labels.model(),
        progress=0.0,
        generator=torch.Generator(),
    )
    log_p = torch.log_softmax(method.network(batch), dim=1)
    known = [(i, y) for i, y in enumerate(clean) if y >= 0]
    wanted = -np.mean([float(log_p[i, y]) for i, y in known]) if known else 0.0
    assert float(method.loss(step)["supervised"]) == pytest.approx(wanted, rel=1e-5)
