"""Co-teaching against a literal transcription, and the compression of features."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tacit.data.batch import Batch, Columns, View
from tacit.data.task import Classes
from tacit.engines.coteaching import Committee, CompressedEncoder, CoTeaching, Dropout, NestedDropout, smallest
from tacit.engines.method import Context, Step
from tacit.labels import Exact, Noisy
from tacit.nets.network import Network
from tacit.systems.nested_coteaching import SYSTEM

from .encoders import Rows

TASK = Classes(("a", "b", "c"))
X = torch.randn(10, 4, generator=torch.Generator().manual_seed(1))
Y = np.array([0, 1, 2, 0, 1, 2, 0, 1, -1, 2])
KNOWN = np.flatnonzero(Y >= 0)


def method(forget: float = 0.4, ramp: float = 0.5, views: tuple[str, ...] = ("weak",)) -> CoTeaching:
    torch.manual_seed(0)
    first, second = Network(Rows(4, 6), 3), Network(Rows(4, 6), 3)
    return CoTeaching((first, second), TASK, views, forget, ramp)


def step_at(progress: float, labels: Exact | Noisy | None = None, views: tuple[str, ...] = ("weak",)) -> Step:
    evidence = (Noisy(Y, "estimate", TASK.names) if labels is None else labels).model()
    seen = {name: View(Batch({"x": X * (1 + i)}), Columns(torch.empty(0))) for i, name in enumerate(views)}
    none = torch.empty(0, dtype=torch.int64)
    return Step(seen, {}, torch.arange(10), none, evidence, progress, torch.Generator())


def costs(network: nn.Module, scale: float = 1.0) -> Tensor:
    y = torch.from_numpy(Y[KNOWN])
    return cross_entropy(network(Batch({"x": X * scale}))[KNOWN], y, reduction="none")


@pytest.mark.parametrize(("progress", "kept"), [(0.0, 9), (0.25, 7), (0.5, 5), (1.0, 5)])
def test_each_network_learns_from_the_records_on_which_the_other_loses_least(progress: float, kept: int) -> None:
    """9 known labels, of which a share rising to 0.4 by half of the steps is forgotten: 9, 7.2, 5.4 remain."""
    taught = method()
    first, second = (costs(network) for network in taught.networks)
    losses = taught.loss(step_at(progress))
    ranked = [sorted(range(9), key=lambda i: float(c[i]))[:kept] for c in (first.detach(), second.detach())]
    torch.testing.assert_close(losses["first"], first[ranked[1]].mean())
    torch.testing.assert_close(losses["second"], second[ranked[0]].mean())
    assert kept == 9 or set(ranked[0]) != set(ranked[1]), "the networks choose differently"


def test_a_loss_reaches_its_own_network_alone() -> None:
    taught = method()
    taught.loss(step_at(1.0))["first"].backward()
    assert all(p.grad is not None for p in taught.networks[0].parameters())
    assert all(p.grad is None for p in taught.networks[1].parameters())


def test_several_views_are_averaged() -> None:
    taught = method(forget=0.0, views=("weak", "strong"))
    losses = taught.loss(step_at(0.5, views=("weak", "strong")))
    for name, network in zip(("first", "second"), taught.networks, strict=True):
        torch.testing.assert_close(losses[name], (costs(network).mean() + costs(network, 2.0).mean()) / 2)


def test_without_labels_there_is_no_loss_and_without_evidence_an_error() -> None:
    taught = method()
    losses = taught.loss(step_at(0.5, Exact(np.full(10, -1), TASK.names)))
    sum(losses.values()).backward()
    assert [float(v.detach()) for v in losses.values()] == [0.0, 0.0]
    step = step_at(0.5)
    step.evidence = None
    with pytest.raises(ValueError, match="needs evidence"):
        taught.loss(step)
    with pytest.raises(ValueError, match="to forget"):
        method(forget=1.0)


def test_at_least_one_record_is_kept_and_shares_are_rounded_down() -> None:
    values = torch.tensor([3.0, 1.0, 2.0, 0.0])
    assert smallest(values, 0.1).tolist() == [3]
    assert smallest(values, 0.75).tolist() == [3, 1, 2]
    assert smallest(torch.arange(10.0), 1 - 0.3).tolist() == list(range(7)), "0.7 * 10 is 7 whatever floats say"


def test_the_mean_probability_of_the_averaged_networks_predicts() -> None:
    taught = method()
    start = copy.deepcopy(taught.networks[1].head.weight.detach())
    with torch.no_grad():
        taught.networks[1].head.weight.add_(1.0)
    taught.after_step(step_at(0.0))
    members = taught.members()
    torch.testing.assert_close(members[1].head.weight.detach(), start + 1 - 2 / 11)
    batch = Batch({"x": X})
    mean = sum(member(batch).softmax(dim=1) for member in members) / 2
    predictor = taught.predictor()
    assert isinstance(predictor, Committee)
    torch.testing.assert_close(predictor(batch).softmax(dim=1), mean)
    assert predictor.encoder is members[0].encoder is taught.encoder()


def test_nested_dropout_lets_prefixes_through_with_their_chances() -> None:
    torch.manual_seed(0)
    nested = NestedDropout(8, deviation=0.5)
    ones = torch.ones(2, 8)
    drawn = [nested(ones) for _ in range(4000)]
    counts = np.zeros(8)
    for masked in drawn:
        assert torch.equal(masked[0], masked[1]), "one cut-off a batch"
        assert bool((masked[0, 1:] <= masked[0, :-1]).all()), "a prefix"
        counts[int(masked[0].sum()) - 1] += 1
    chances = np.exp(-((np.arange(1, 9) / 4.0) ** 2))
    np.testing.assert_allclose(counts / 4000, chances / chances.sum(), atol=0.03)


def test_nested_dropout_keeps_the_channels_that_were_trained_often_enough() -> None:
    nested = NestedDropout(8, deviation=0.5, trained=0.1).eval()
    chances = np.exp(-((np.arange(1, 9) / 4.0) ** 2))
    passes = [chances[i:].sum() / chances.sum() for i in range(8)]
    kept = sum(share >= 0.1 for share in passes)
    assert 1 < kept < 8
    assert nested(torch.ones(3, 8)).tolist() == [[1.0] * kept + [0.0] * (8 - kept)] * 3
    assert NestedDropout(8, deviation=0.5, trained=1.1).prefix == 1, "one channel at least"


def test_dropout_drops_in_training_alone() -> None:
    torch.manual_seed(0)
    compression, ones = Dropout(0.25), torch.ones(100, 100)
    assert float((compression(ones) == 0).float().mean()) == pytest.approx(0.25, abs=0.02)
    assert torch.equal(compression.eval()(ones), ones)


def test_records_are_chosen_by_the_features_that_are_read_at_prediction() -> None:
    torch.manual_seed(0)
    networks = tuple(Network(CompressedEncoder(Rows(4, 6), NestedDropout(6, 0.2)), 3) for _ in range(2))
    taught = CoTeaching((networks[0], networks[1]), TASK, forget=0.5, ramp=0.5).train()
    torch.manual_seed(3)
    losses = taught.loss(step_at(1.0))
    torch.manual_seed(3)
    trained = [costs(network) for network in networks]
    kept = [costs(network.eval()).detach().argsort()[:4] for network in networks]
    torch.testing.assert_close(losses["first"], trained[0][kept[1]].mean())
    torch.testing.assert_close(losses["second"], trained[1][kept[0]].mean())


def test_the_second_stage_starts_from_the_averages_of_the_first(toy: object) -> None:
    prepared = toy("table").prepared  # type: ignore[operator]
    apart, together = (stage.build for stage in SYSTEM.stages)
    context = Context(prepared, TASK, 10, 9, {"forget": 0.3})
    before = apart(context, None)
    assert isinstance(before, CoTeaching) and before.forget == 0
    after = together(context, before)
    assert isinstance(after, CoTeaching) and after.forget == 0.3
    for network, member in zip(after.networks, before.members(), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(network.parameters(), member.parameters(), strict=True))
        assert all(p.requires_grad for p in network.parameters())
    with pytest.raises(ValueError, match="unknown compression 'zip'"):
        apart(Context(prepared, TASK, 10, 9, {"compression": "zip"}), None)
