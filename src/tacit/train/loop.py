"""The training loop: one for every method. Views on the device, no synchronisation within a step, exact resume."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

from tacit.data.batch import Affine, Batch, View
from tacit.engines.method import Method, Start, Step
from tacit.engines.settings import Settings
from tacit.errors import Interrupted, TacitError
from tacit.labels.base import EvidenceModel, Labels
from tacit.modalities.base import Prepared
from tacit.train.checkpoint import read_checkpoint, write_checkpoint
from tacit.train.pool import Pool
from tacit.train.predict import of_all, pool_batches, predict
from tacit.train.schedules import share
from tacit.train.streams import Stream, Whole, derive
from tacit.train.watch import Deadline, Watch

if TYPE_CHECKING:
    from lightning.fabric import Fabric

LOG_POINTS = 60
CHECKPOINT_SECONDS = 15.0


@dataclass(frozen=True)
class Work:
    """What a stage is trained on and how long. ``labels`` may hide evidence; hidden records stay unlabelled.

    ``evidence``: the labels with what was estimated of them beforehand, which stays; None to learn it along the way.
    """

    pool: Pool
    prepared: Prepared
    labels: Labels | None
    settings: Settings
    steps: int
    seed: int
    name: str = "train"
    checkpoint: Path | None = None
    evidence: EvidenceModel | None = None


@dataclass
class Trained:
    """What happened: curve points (step, name, value), seconds in all, and the step of an early cut, if any."""

    curve: list[tuple[int, str, float]] = field(default_factory=list)
    seconds: float = 0.0
    steps: int = 0
    cut: bool = False


def train(method: Method, work: Work, fabric: Fabric, watch: Watch, deadline: Deadline | None = None) -> Trained:
    """Train ``method`` in place for ``work.steps`` steps.

    Raises `Interrupted` after a checkpoint when the watch asks for it, and `TacitError` when the loss is no
    longer finite. A deadline that runs out ends the stage early and is reported as a cut.
    """
    evidence = work.labels.model() if work.evidence is None and work.labels is not None else work.evidence
    if method.needs.labelled:
        method.evidence = evidence
    optimizer = make_optimizer(method, work.settings)
    done, start = Trained(), 0
    if work.checkpoint is not None and work.checkpoint.exists():
        meta = read_checkpoint(work.checkpoint, method, optimizer)
        start, done.seconds = int(meta["step"]), float(meta["seconds"])
        done.curve = [(int(s), str(n), float(v)) for s, n, v in meta["curve"]]
    begun = time.monotonic() - done.seconds
    if start == 0 and evidence is not None:
        asked = time.monotonic()
        method.begin(Start(work.pool, work.prepared, evidence, watch.through))
        if deadline is not None:
            # planned seconds are those of steps; after a resume the first fold does what the speed probe did before
            deadline.forgive(time.monotonic() - asked)
    wrapped, wrapped_optimizer = fabric.setup(method, optimizer)
    method.train()
    batches = Batches(method, work, fabric.device)
    parameters = [p for p in method.parameters() if p.requires_grad]
    every = max(1, work.steps // LOG_POINTS)
    learned = work.evidence is None and method.evidence is not None and method.evidence.refits and not method.naive
    refits = refit_steps(work.steps) if learned else frozenset()
    saved = time.monotonic()
    watch.begin(work.name, work.steps)
    step = start
    with _own_global_randomness(fabric.device):
        while step < work.steps:
            progress = step / work.steps
            _set_rate(optimizer, work.settings, progress)
            torch.manual_seed(derive(work.seed, "dropout", step))
            batch = batches.at(step, progress)
            losses = wrapped(batch)
            total = torch.stack([v.float() for v in losses.values()]).sum()
            fabric.backward(total)
            nn.utils.clip_grad_norm_(parameters, work.settings.clip, foreach=True)
            wrapped_optimizer.step()
            wrapped_optimizer.zero_grad(set_to_none=True)
            method.after_step(batch)
            step += 1
            if step in refits:
                refit(method, work)
            if step % every == 0 or step == work.steps:
                values = {name: float(value.detach()) for name, value in losses.items()}
                _require_finite(values, work.name, step)
                done.curve += [(step, name, value) for name, value in values.items()]
                watch.advance(step, every * batches.per_step, values)
            over = deadline is not None and deadline.over
            due = time.monotonic() - saved > CHECKPOINT_SECONDS
            if work.checkpoint is not None and step < work.steps and (due or watch.interrupted) and not over:
                done.seconds = time.monotonic() - begun
                meta = {"step": step, "seconds": done.seconds, "curve": done.curve}
                write_checkpoint(work.checkpoint, method, optimizer, meta)
                saved = time.monotonic()
            if watch.interrupted:
                raise Interrupted(f"interrupted in {work.name} after step {step} of {work.steps}")
            if over and step < work.steps:
                done.cut = True
                break
    done.seconds, done.steps = time.monotonic() - begun, step
    method.eval()
    watch.end(work.name, done.seconds)
    return done


def refit_steps(steps: int) -> frozenset[int]:
    """After which steps estimated evidence is refitted: once the network knows something, then every tenth."""
    return frozenset(round(steps * tenth / 10) for tenth in range(2, 10)) - {0}


def refit(method: Method, work: Work) -> None:
    """Refit the evidence to what the network predicts of the records that it speaks of; of others nothing is said.

    The network has trained on them. Predictions of a quarter held out until half of the steps, and means over refits,
    were tried on digits with wrong labels and votes: the first cost more labels than it brought, the second nothing.
    """
    assert work.labels is not None
    assert method.evidence is not None
    known = work.labels.labelled()
    task = work.labels.task
    found = predict(method.predictor(), pool_batches(work.pool, known), work.prepared, task)
    method.evidence.fit(of_all(found, known, len(work.labels), task))


class Batches:
    """The steps of a stage: batch, views and evidence of each are functions of (seed, step)."""

    def __init__(self, method: Method, work: Work, device: torch.device) -> None:
        self._work, self._device, self._needs = work, device, method.needs
        self._generator = Generator(device=device)
        self._labelled: Stream | Whole | None = None
        self._unlabelled: Stream | None = None
        self._evidence: EvidenceModel | None = None
        settings = work.settings
        if self._needs.labelled:
            if work.labels is None:
                raise ValueError(f"{work.name} needs labels")
            self._evidence = method.evidence if method.evidence is not None else work.labels.model()
            self._labelled = labelled_stream(work.labels, settings.labelled_batch, derive(work.seed, "labelled"))
        if self._needs.unlabelled:
            everything: NDArray[np.int64] = np.arange(len(work.pool))
            size = min(settings.unlabelled_batch, len(everything))
            self._unlabelled = Stream(everything, size, derive(work.seed, "unlabelled"))

    @property
    def per_step(self) -> int:
        """Records read in a step."""
        return sum(s.size for s in (self._labelled, self._unlabelled) if s is not None)

    def at(self, step: int, progress: float) -> Step:
        """The step with this number."""
        self._generator.manual_seed(derive(self._work.seed, "views", step))
        none = torch.empty(0, dtype=torch.int64)
        labelled = self._labelled.at(step) if self._labelled is not None else none
        unlabelled = self._unlabelled.at(step) if self._unlabelled is not None else none
        return Step(
            labelled=self._views(labelled, self._needs.labelled),
            unlabelled=self._views(unlabelled, self._needs.unlabelled),
            labelled_index=labelled,
            unlabelled_index=unlabelled,
            evidence=self._evidence.take(labelled.numpy()) if self._evidence is not None else None,
            progress=progress,
            generator=self._generator,
        )

    def _views(self, index: Tensor, names: tuple[str, ...]) -> dict[str, View]:
        if not names:
            return {}
        batch = self._work.pool.batch(index).to(self._device)
        return {name: make_view(self._work.prepared, batch, name, self._generator) for name in names}


def labelled_stream(labels: Labels, size: int, seed: int) -> Stream | Whole:
    """Labelled records one by one, or by whole units where some evidence speaks of several records at once."""
    units = labels.units()
    records = units.sites // labels.task.sites_per_record
    owner = np.repeat(np.arange(len(units)), np.diff(units.offsets))
    if len(records) == 0 or (records == records[units.offsets[:-1]][owner]).all():
        return Stream(labels.labelled(), size, seed)
    return Whole(units.offsets, records, size, seed)


def make_view(prepared: Prepared, batch: Batch, name: str, rng: Generator) -> View:
    """The named view; "strong2" is a second, independent strong view."""
    kind = name.rstrip("0123456789")
    if kind == "weak":
        return prepared.weak(batch, rng)
    if kind == "strong":
        return prepared.strong(batch, rng)
    if kind == "clean":
        return View(prepared.clean(batch), Affine(torch.empty(len(batch), 0, 0)))
    raise ValueError(f"unknown view {name!r}; known are clean, weak and strong")


def make_optimizer(method: Method, settings: Settings) -> Optimizer:
    """Vectors (biases, norms) are not decayed; the encoder may learn at a rate of its own.

    The fused steps pass over the weights once; without them AdamW takes 4 % of a step of a small network on a CPU.
    """
    encoder = {id(p) for p in method.encoder().parameters()} | {
        id(p) for name, p in method.named_parameters() if ".encoder." in f".{name}"
    }
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for parameter in method.parameters():
        if parameter.requires_grad:
            groups.setdefault((id(parameter) in encoder, parameter.ndim > 1), []).append(parameter)
    described: list[dict[str, Any]] = [
        {
            "params": parameters,
            "weight_decay": settings.weight_decay if decayed else 0.0,
            "lr": settings.rate * (settings.encoder_rate if in_encoder else 1.0),
            "peak": settings.rate * (settings.encoder_rate if in_encoder else 1.0),
        }
        for (in_encoder, decayed), parameters in groups.items()
    ]
    if settings.optimiser == "sgd":
        return SGD(described, momentum=0.9, nesterov=True, fused=True)
    return AdamW(described, betas=(0.9, 0.99), fused=True)


def _set_rate(optimizer: Optimizer, settings: Settings, progress: float) -> None:
    factor = share(settings.schedule, progress, settings.warmup)
    for group in optimizer.param_groups:
        group["lr"] = cast(float, group["peak"]) * factor


def _require_finite(losses: dict[str, float], name: str, step: int) -> None:
    bad = [term for term, value in losses.items() if not np.isfinite(value)]
    if bad:
        raise TacitError(f"{name} diverged: the loss {bad[0]!r} is {losses[bad[0]]} at step {step}")


class _own_global_randomness:  # noqa: N801
    """Dropout draws from torch's global generators: they are seeded for each step here and given back after."""

    def __init__(self, device: torch.device) -> None:
        devices = [device] if device.type == "cuda" else []
        self._fork = torch.random.fork_rng(devices=devices)

    def __enter__(self) -> None:
        self._fork.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._fork.__exit__(*error)
