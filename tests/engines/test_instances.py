"""Pseudo-labels of records in bags: sure negatives, prototypes, the queue, and what a step is told."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from tacit.data.batch import Affine, Batch, View
from tacit.data.task import Classes, MultiLabel
from tacit.engines.instances import NOBODY, HighestRecord, Prototypes, PrototypicalInstances, Queue, may_be
from tacit.engines.method import Step, evidence_loss
from tacit.labels import Bags, Exact, Labels
from tacit.nets.image import SmallEncoder

TASK = Classes(("no", "yes"))
BAGS = Bags([0, 0, 0, 1, 1, 1], [True, False])
INDEX = torch.tensor([7, 1, 4, 0, 9, 2])


def test_only_records_of_bags_without_positives_are_surely_negative() -> None:
    bags = Bags([0, 0, 1, 1, 2, 2, 3, 3, -1], [1, 0, -1, 0], k=[1, 1, 1, 2])
    assert may_be(bags)[:, 0].all()
    assert may_be(bags)[:, 1].tolist() == [True, True, False, False, True, True, True, True, True]


def test_a_queue_keeps_the_newest() -> None:
    queue = Queue(5, 2)
    assert len(queue.filled()[0]) == 0
    for first in range(0, 9, 3):
        numbers = torch.arange(first, first + 3)
        queue.push(torch.stack([numbers, numbers], dim=1).float(), numbers % 2)
    keys, kind = queue.filled()
    assert sorted(keys[:, 0].tolist()) == [4, 5, 6, 7, 8]
    assert (kind == keys[:, 0] % 2).all()
    queue.push(torch.zeros(9, 2), torch.zeros(9, dtype=torch.int64))
    assert not queue.filled()[0].any()


def test_prototypes_move_towards_the_mean_of_their_class_alone() -> None:
    prototypes = Prototypes(2, 2, momentum=0.9)
    prototypes.update(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([1, 1]))
    root = 0.5**0.5
    torch.testing.assert_close(prototypes.values, torch.tensor([[0.0, 0.0], [root, root]]))
    prototypes.update(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([1, 0]))
    moved = normalize(torch.tensor([0.9 * root + 0.1, 0.9 * root]), dim=0)
    torch.testing.assert_close(prototypes.values, torch.stack([torch.tensor([0.0, 1.0]), moved]))
    torch.testing.assert_close(
        prototypes(torch.tensor([[0.0, 2.0]])), torch.stack([torch.tensor(2.0), 2 * moved[1]])[None]
    )


def test_max_pooling_hears_the_likeliest_record_of_a_bag_alone() -> None:
    """Bags of three and of two records; of the third nothing is known, and the fourth needs two positive records."""
    labels = Bags([1, 0, 0, 1, 0, 2, 3, 3], [1, 0, -1, 1], k=[1, 1, 1, 2])
    odds = torch.tensor([-1.0, 0.4, -2.0, 0.5, -0.3, 9.0, 8.0, 7.0])
    outputs = torch.stack([torch.zeros(8), odds], dim=1).requires_grad_()
    loss = HighestRecord(TASK)(step(labels, 0.0), outputs)
    p = 1 / (1 + np.exp(-np.array([0.4, 0.5])))
    assert float(loss.detach()) == pytest.approx(-(np.log(p[0]) + np.log(1 - p[1])) / 2)
    loss.backward()  # type: ignore[no-untyped-call]
    assert outputs.grad is not None
    assert outputs.grad[:, 1].nonzero().flatten().tolist() == [1, 3]


def method(**settings: float) -> PrototypicalInstances:
    torch.manual_seed(0)
    return PrototypicalInstances(SmallEncoder(1, (8, 8)), TASK, 10, dimensions=4, queue=8, **settings).eval()  # type: ignore[arg-type]


def step(labels: Labels, progress: float) -> Step:
    generator = torch.Generator().manual_seed(1)
    views = {
        name: View(Batch({"pixels": torch.rand(6, 1, 8, 8, generator=generator)}), Affine(torch.empty(6, 0, 0)))
        for name in ("weak", "strong")
    }
    none = torch.empty(0, dtype=torch.int64)
    return Step(views, {}, INDEX, none, labels.model(), progress, torch.Generator())


def log_p(found: PrototypicalInstances, batch: Step) -> Tensor:
    return torch.cat([found.network(view.batch) for view in batch.labelled.values()]).log_softmax(dim=1)


def bag_loss(found: PrototypicalInstances, batch: Step) -> float:
    """The mean over views and both bags of what the bags' labels cost under the likeliest record, by hand."""
    p = log_p(found, batch)[:, 1].exp().reshape(2, 2, 3).amax(dim=2).detach()
    return float(-(p[:, 0].log() + (1 - p[:, 1]).log()).mean() / 2)


def test_at_first_only_negative_bags_say_something_of_a_record() -> None:
    found, batch = method(), step(BAGS, 0.1)
    losses = found.loss(batch)
    sure = log_p(found, batch).detach()[[3, 4, 5, 9, 10, 11], 0]
    assert float(losses["supervised"].detach()) == pytest.approx(-float(sure.mean()), rel=1e-5)
    assert float(losses["bags"].detach()) == pytest.approx(bag_loss(found, batch), rel=1e-5)
    assert not found.believed.values.any()
    keys, kind = found.queue.filled()
    assert len(keys) == 6 and (kind[3:] == 0).all()
    torch.testing.assert_close(keys.norm(dim=1), torch.ones(6))


def test_later_pseudo_labels_go_from_what_is_believed_to_the_nearer_prototype() -> None:
    found, batch = method(), step(BAGS, 0.5)
    z = normalize(found.projector(found.network.features(batch.labelled["weak"].batch).pooled), dim=1).detach()
    found.prototypes.values.copy_(torch.stack([z[0], z[1]]))
    first = log_p(found, batch).detach().exp()[:3].clone()
    losses = found.loss(batch)
    kept = 0.95 - 0.15 * 0.5
    nearer = torch.eye(2)[[0, 1, int(z[2] @ z[1] > z[2] @ z[0])]]
    target = torch.cat([kept * first + (1 - kept) * nearer, torch.tensor([[1.0, 0.0]] * 3)])
    torch.testing.assert_close(found.believed(INDEX), target)
    wanted = -(target.repeat(2, 1) * log_p(found, batch)).sum(dim=1).mean()
    torch.testing.assert_close(losses["supervised"], wanted)
    assert not found.believed(torch.tensor([3, 5, 6, 8])).any(), "records that were not in the batch"
    found.prototypes.values.copy_(torch.stack([z[0], z[1]]))
    found.loss(batch)
    torch.testing.assert_close(found.believed(INDEX)[:3], kept * target[:3] + (1 - kept) * nearer)


def test_the_contrast_is_of_records_at_first_and_of_classes_later() -> None:
    """All pseudo-classes alike, later every record attracts every other one: the loss is larger than of itself alone
    where all vectors are far apart, and each key is its own record's."""
    z = torch.eye(4)
    found = method()
    early, late = (found._contrast(z, z, torch.zeros(4, dtype=torch.int64), step(BAGS, p)) for p in (0.1, 0.5))
    assert float(early) == pytest.approx(0.0, abs=1e-4), "the own key is the only likeness, and nothing is as near"
    assert float(late) > 5.0


def test_other_evidence_is_trained_on_by_its_likelihood_and_other_tasks_are_refused() -> None:
    found, batch = method(), step(Exact([0, 1, 0, 1, 1, -1], TASK.names), 0.5)
    assert batch.evidence is not None
    terms = [evidence_loss(batch.evidence, TASK, found.network(view.batch)) for view in batch.labelled.values()]
    torch.testing.assert_close(found.loss(batch)["supervised"], sum(terms) / 2)
    with pytest.raises(TypeError, match="one class each"):
        PrototypicalInstances(SmallEncoder(1, (8, 8)), MultiLabel(("a",)), 10)


def test_all_state_is_in_the_state_dict() -> None:
    names = method().state_dict()
    assert {"queue.keys", "queue.kind", "queue.at", "prototypes.values", "believed.values"} <= set(names)
    assert (method().queue.kind == NOBODY).all()
    assert np.isfinite(sum(float(v.sum()) for v in names.values()))
