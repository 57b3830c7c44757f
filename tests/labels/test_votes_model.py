"""Sources that are learned along the way, with the network's prediction as each record's prior."""

from __future__ import annotations

import numpy as np
import torch
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from tacit.data.prediction import Categorical
from tacit.labels import Exact, Labels, Votes
from tacit.labels.aggregation import aggregate
from tacit.labels.local import LocalModel
from tacit.labels.votes_model import VotesModel

from .judge import belief


def crowd(accuracy: list[float], items: int = 300, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(items, sources) votes on two classes, a third of them missing, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, items)
    right = rng.random((items, len(accuracy))) < accuracy
    votes = np.where(right, truth[:, None], 1 - truth[:, None])
    return np.where(rng.random(votes.shape) < 1 / 3, -1, votes), truth


def knowing(truth: NDArray[np.int64], sure: float) -> Categorical:
    """What a network predicts that gives the truth this probability."""
    p = np.full((len(truth), 2), 1 - sure)
    p[np.arange(len(truth)), truth] = sure
    return Categorical(torch.from_numpy(p).log())


def test_it_starts_from_what_the_votes_alone_say() -> None:
    matrix, _ = crowd([0.9, 0.7, 0.6])
    votes = Votes.from_wide(matrix, ["a", "b"], abstain="ignored")
    model, found = votes.model(), aggregate(votes)
    assert isinstance(model, VotesModel)
    assert found.confusion is not None
    torch.testing.assert_close(model.emission(), votes.fixed(found.confusion).emission())
    everywhere = Categorical(torch.from_numpy(np.tile(found.prior, (len(votes), 1))).log())
    posterior = model.posterior(everywhere)
    assert isinstance(posterior, Categorical)
    assert_allclose(posterior.p, found.p, atol=1e-10)
    assert not list(model.parameters()) and {"sources.confusion", "sources.weight"} == set(model.state_dict())


def test_a_network_that_knows_shows_who_errs() -> None:
    """Two sources that are worse than chance outvote the good one, until features tell."""
    matrix, truth = crowd([0.9, 0.2, 0.2], items=1000)
    model = Votes.from_wide(matrix, ["a", "b"], abstain="ignored").model()
    assert isinstance(model, VotesModel)
    model.fit(knowing(truth, 0.99))
    accuracy = model.sources.confusion.diagonal(dim1=1, dim2=2).mean(dim=1)
    assert_allclose(accuracy, [0.9, 0.2, 0.2], atol=0.05)
    posterior = model.posterior(knowing(truth, 0.6))
    assert isinstance(posterior, Categorical)
    assert (posterior.p.argmax(dim=1).numpy() == truth).mean() > 0.85


def test_what_the_network_says_and_what_votes_say_add() -> None:
    """Better than either: a mediocre network, and mediocre votes."""
    matrix, truth = crowd([0.7] * 3, items=2000)
    rng = np.random.default_rng(1)
    wrong = rng.random(2000) < 0.25
    network = knowing(np.where(wrong, 1 - truth, truth), 0.75)
    votes = Votes.from_wide(matrix, ["a", "b"], abstain="ignored")
    model = votes.model()
    model.fit(network)
    posterior = model.posterior(network)
    assert isinstance(posterior, Categorical)
    together = (posterior.p.argmax(dim=1).numpy() == truth).mean()
    assert together > max((aggregate(votes).p.argmax(axis=1) == truth).mean(), (~wrong).mean()) + 0.02


def test_certain_predictions_and_records_without_votes_are_no_trouble() -> None:
    matrix, truth = crowd([0.8] * 3, items=20)
    matrix[:3] = -1
    for abstain in ("ignored", "informative"):
        votes = Votes.from_wide(matrix, ["a", "b"], abstain=abstain)  # type: ignore[arg-type]
        model = votes.model()
        sure = Categorical(torch.where(knowing(truth, 0.9).log_p > -1, 0.0, -torch.inf).double())
        model.fit(sure)
        likelihood = model.log_likelihood(sure)
        assert bool(torch.isfinite(likelihood).all()) and len(likelihood) == len(votes.units())
        posterior = model.posterior(sure)
        assert isinstance(posterior, Categorical)
        assert_allclose(posterior.p, sure.p, atol=1e-12)


def test_batches_share_what_is_learned() -> None:
    matrix, truth = crowd([0.9, 0.6, 0.6])
    model = Votes.from_wide(matrix, ["a", "b"]).model()
    part = model.take(np.array([5, 5, 2]))
    model.fit(knowing(truth, 0.9))
    torch.testing.assert_close(part.emission(), model.emission()[[5, 5, 2]])
    torch.testing.assert_close(part.log_emission(), part.emission())


def test_fitted_labels_are_the_model() -> None:
    matrix, truth = crowd([0.9, 0.6, 0.6])
    copied = np.concatenate([matrix, matrix[:, :1]], axis=1)
    model = Votes.from_wide(copied, ["a", "b"], abstain="ignored").model()
    assert isinstance(model, VotesModel)
    model.fit(knowing(truth, 0.8))
    fixed = model.fitted()
    log_p = Categorical(belief(300, 2))
    torch.testing.assert_close(fixed.log_likelihood(log_p), model.log_likelihood(log_p))
    assert fixed.weight[0] < 0.6, "copies still share their vote"
    again = Votes.from_rows(
        fixed.header(), list(fixed.rows([str(i) for i in range(300)])), [str(i) for i in range(300)]
    )
    torch.testing.assert_close(again.log_likelihood(log_p), fixed.log_likelihood(log_p))


def test_known_confusions_stay_and_no_votes_are_no_trouble() -> None:
    matrix, truth = crowd([0.9, 0.6])
    known = Votes.from_wide(matrix, ["a", "b"], np.full((2, 2, 2), 0.5), "ignored").model()
    assert type(known) is LocalModel
    votes = Votes.from_wide(matrix, ["a", "b"], abstain="ignored")
    model = votes.hide(np.arange(len(votes.units()))).model()
    assert isinstance(model, VotesModel)
    before = model.sources.confusion.clone()
    model.fit(knowing(truth, 0.9))
    assert_array_equal(model.sources.confusion, before)


def test_exact_labels_beside_votes_teach_who_errs() -> None:
    """In a mixture, what is known of some records reaches the sources through the others' beliefs."""
    matrix, truth = crowd([0.9, 0.15, 0.2], items=600)
    votes = Votes.from_wide(matrix, ["a", "b"], abstain="ignored")
    y = np.where(np.arange(600) < 200, truth, -1)
    open_ = Categorical(torch.full((600, 2), 0.5, dtype=torch.float64).log())
    model = Labels.combine(votes, Exact(y, ["a", "b"])).model()
    model.fit(open_)
    posterior = model.posterior(open_)
    assert isinstance(posterior, Categorical)
    voted = np.arange(600) >= 200
    assert (posterior.p.argmax(dim=1).numpy() == truth)[voted].mean() > 0.8
