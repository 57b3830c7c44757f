"""What is learned along the way: ``refits`` is true of just the evidence that a fit changes, also batch by batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tacit.data.prediction import Categorical
from tacit.labels import Exact, Labels, Noisy, Positives, Soft, Votes

from .judge import belief

CLASSES = ["a", "b"]
RNG = np.random.default_rng(0)
Y = RNG.integers(0, 2, 60)
CROWD = np.where(RNG.random((60, 4)) < 0.8, Y[:, None], 1 - Y[:, None])
EVIDENCE: dict[str, tuple[Labels, bool]] = {
    "exact": (Exact(Y, CLASSES), False),
    "soft": (Soft(np.full((60, 2), 0.5), CLASSES), False),
    "noisy, given": (Noisy(Y, [[0.9, 0.1], [0.2, 0.8]], CLASSES), False),
    "noisy, estimated": (Noisy(Y, "estimate", CLASSES), True),
    "noisy, learned": (Noisy(Y, "learn", CLASSES), True),
    "votes, given": (Votes.from_wide(CROWD, CLASSES, np.tile([[0.8, 0.2], [0.2, 0.8]], (4, 1, 1)), "ignored"), False),
    "votes": (Votes.from_wide(CROWD, CLASSES, abstain="ignored"), True),
    "positives, given": (Positives(Y, 0.6, CLASSES), False),
    "positives": (Positives(Y, classes=CLASSES), True),
}
MIXED = {
    f"{a} and {b}": (Labels.combine(EVIDENCE[a][0], EVIDENCE[b][0]), EVIDENCE[a][1] or EVIDENCE[b][1])
    for a, b in [("noisy, given", "votes, given"), ("noisy, given", "votes"), ("votes", "noisy, given")]
}
ALL = EVIDENCE | MIXED


@pytest.mark.parametrize("name", ALL)
def test_what_refits_is_what_a_fit_changes(name: str) -> None:
    labels, learned = ALL[name]
    model = labels.model()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.fit(Categorical(belief(60, 2)))
    changed = any(
        not torch.allclose(value, before[key], rtol=0, atol=0, equal_nan=True)
        for key, value in model.state_dict().items()
    )
    assert model.refits == model.take(np.arange(5)).refits == changed == learned


@pytest.mark.parametrize("name", ALL)
def test_a_batch_says_what_the_whole_says_of_its_records(name: str) -> None:
    """Evidence that is given and evidence that is learned, alone and mixed."""
    model, log_p = ALL[name][0].model(), belief(60, 2)
    model.fit(Categorical(log_p))
    chosen = np.array([7, 3, 40])
    part = model.take(chosen)
    whole = model.log_likelihood(Categorical(log_p)).detach()
    torch.testing.assert_close(part.log_likelihood(Categorical(log_p[chosen])).detach(), whole[chosen])
    believed, posterior = (m.posterior(Categorical(p)) for m, p in ((part, log_p[chosen]), (model, log_p)))
    assert isinstance(believed, Categorical) and isinstance(posterior, Categorical)
    torch.testing.assert_close(believed.p, posterior.p[chosen])
