"""Classes with preferences beside them, against a literal transcription pair by pair."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
import torch
from torch import Tensor

from tacit.data.batch import Batch, Columns, View
from tacit.data.task import Classes, Number
from tacit.engines.method import Losses, Step
from tacit.engines.preference import PreferToClassify, mean_cross_entropy, most_disputed
from tacit.labels import Exact, Labels, Preferences

from .encoders import Plain

NAMES = ("a", "b", "c")
TASK = Classes(NAMES)
X = torch.randn(6, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64).float()
Y = np.array([0, 1, -1, 2, -1, 1])
PAIRS = {"b": [(0, 1, False), (3, 2, True), (4, 0, False)], "c": [(5, 4, False)]}


def method(**settings: float) -> PreferToClassify:
    torch.manual_seed(0)
    return PreferToClassify(Plain(), TASK, ("weak",), **settings)  # type: ignore[arg-type]


def compared(of: str, nu: float = 0.7) -> Preferences:
    winner, loser, tie = zip(*PAIRS[of], strict=True)
    return Preferences(list(winner), list(loser), 6, of, NAMES, list(tie), nu if any(tie) else None)


def step_at(labels: Labels, progress: float = 0.0) -> Step:
    view = View(Batch({"x": X}), Columns(torch.empty(0)))
    none = torch.empty(0, dtype=torch.int64)
    return Step({"weak": view}, {}, torch.arange(6), none, labels.model(), progress, torch.Generator().manual_seed(0))


def values(losses: Losses) -> dict[str, float]:
    return {name: float(value.detach()) for name, value in losses.items()}


@pytest.mark.parametrize("trust", [(1.0, 1.0, 1.0), (0.5, 0.8, 0.125)])
def test_the_terms_are_those_of_the_paper_pair_by_pair(trust: tuple[float, float, float]) -> None:
    taught = method(informative=1.0, preference=0.5, consistency=2.0, diversity=0.25)
    labels = Labels.combine(compared("b"), Exact(Y, NAMES), compared("c"), trust=trust)
    found = values(taught.loss(step_at(labels)))
    log_p = torch.log_softmax(taught.network.head(X), dim=1).detach()
    scores = [head(X).detach() for head in taught.heads]
    known = [i for i, y in enumerate(Y) if y >= 0]
    right = [trust[1] * math.exp(log_p[i, Y[i]]) + (1 - trust[1]) / len(NAMES) for i in known]
    assert found["classes"] == pytest.approx(-float(np.mean(np.log(right))), rel=1e-5)
    costs, apart, unlike = [], [], []
    for of, pairs in PAIRS.items():
        c, weight = NAMES.index(of), trust[0] if of == "b" else trust[2]
        for winner, loser, tie in pairs:
            gap = math.exp(log_p[winner, c]) - math.exp(log_p[loser, c])
            apart.append(weight * (abs(gap) if tie else max(0.0, -gap)))
            wins = []
            for score in scores:
                up, down = math.exp(score[winner, c]), math.exp(score[loser, c])
                wins.append(up / (up + down))
                level = 0.7 * math.sqrt(up * down) if of == "b" else 0.0  # Davidson: b's ties have a share
                costs.append(-weight * math.log((level if tie else up) / (up + down + level)))
            unlike.append(np.mean([-p * math.log(q) - (1 - p) * math.log(1 - q) for p, q in permutations(wins, 2)]))
    assert max(apart) > 0 and min(apart) == 0, "some of the preferred are the less probable"
    assert found["preferences"] == pytest.approx(0.5 * float(np.mean(costs)), rel=1e-5)
    assert found["consistency"] == pytest.approx(2.0 * float(np.mean(apart)), rel=1e-4)
    assert found["diversity"] == pytest.approx(-0.25 * float(np.mean(unlike)), rel=1e-5)


def test_without_preferences_it_is_cross_entropy_and_without_labels_preferences_alone() -> None:
    taught = method()
    exact = Exact(Y, NAMES)
    alone = values(taught.loss(step_at(exact)))
    prediction = TASK.prediction(taught.network.head(X).detach())
    assert alone["classes"] == pytest.approx(-float(exact.log_likelihood(prediction).mean()), rel=1e-6)
    assert sum(alone.values()) == pytest.approx(alone["classes"])
    unlabelled = values(taught.loss(step_at(compared("c"))))
    assert unlabelled["classes"] == 0 and unlabelled["preferences"] > 0
    taught.loss(step_at(compared("c")))["preferences"].backward()
    assert taught.network.head.weight.grad is None, "preferences reach the class head through consistency alone"


def test_consistency_makes_the_preferred_the_more_probable() -> None:
    taught = method(preference=0.0, diversity=0.0, consistency=1.0, informative=1.0)
    optimizer = torch.optim.SGD(taught.network.parameters(), lr=5.0)
    step = step_at(compared("c"))
    for _ in range(200):
        optimizer.zero_grad()
        sum(taught.loss(step).values()).backward()
        optimizer.step()
    assert values(taught.loss(step))["consistency"] == 0
    p = torch.softmax(taught.network.head(X), dim=1)[:, 2]
    assert p[5] >= p[4]


def test_disputed_pairs_come_first_as_training_goes_on() -> None:
    lead = torch.tensor([[0.0, 3.0, 1.0, -2.0], [0.0, -3.0, 1.0, -2.0], [0.1, 0.0, 0.2, -2.0]])
    rng = torch.Generator().manual_seed(0)
    for _ in range(5):
        assert most_disputed(lead, 0.5, 1.0, rng).tolist() == [1, 2]
    assert [most_disputed(lead, 0.5, 0.5, rng).tolist()[0] for _ in range(5)] == [1] * 5
    drawn = [sorted(most_disputed(lead, 0.5, 0.0, rng).tolist()) for _ in range(200)]
    counts = np.bincount(np.concatenate(drawn), minlength=4)
    assert all(len(set(pair)) == 2 for pair in drawn)
    assert counts.min() > 70, "at first any pair, each as often"
    assert sorted(most_disputed(lead, 1.0, 0.3, rng).tolist()) == [0, 1, 2, 3]
    assert len(most_disputed(lead, 0.01, 0.3, rng)) == 1, "one at least"


def test_heads_that_differ_cost_more_and_no_gradient_goes_through_targets() -> None:
    lead = torch.tensor([[0.5, -1.0], [2.0, 0.3]], requires_grad=True)
    p = 1 / (1 + np.exp(-lead.detach().numpy().astype(float)))
    one_way = -(p[0] * np.log(p[1]) + (1 - p[0]) * np.log(1 - p[1])).mean()
    other = -(p[1] * np.log(p[0]) + (1 - p[1]) * np.log(1 - p[0])).mean()
    cost = mean_cross_entropy(lead)
    assert float(cost.detach()) == pytest.approx((one_way + other) / 2, rel=1e-5)
    cost.backward()  # type: ignore[no-untyped-call]
    expected = torch.from_numpy((p - p[::-1]) / 4).float()
    assert isinstance(lead.grad, Tensor)
    torch.testing.assert_close(lead.grad, expected)
    assert float(mean_cross_entropy(lead[:1].detach())) == 0


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(TypeError, match="one class a record"):
        PreferToClassify(Plain(), Number())
    with pytest.raises(ValueError, match="share of 0"):
        method(informative=0.0)
    step = step_at(compared("b"))
    step.evidence = None
    with pytest.raises(ValueError, match="needs evidence"):
        method().loss(step)
