"""A system as a candidate: its stages trained one after another on the shared pool."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from tacit.compare.candidate import FitPlan, Predictor, StagePlan
from tacit.compare.estimate import estimated
from tacit.compare.workbench import Workbench
from tacit.data.atomic import atomic_write
from tacit.data.prediction import Prediction
from tacit.data.records import Records
from tacit.data.task import Task
from tacit.engines.method import Context, Method
from tacit.labels.base import Labels
from tacit.modalities.base import Prepared
from tacit.systems.base import Stage, System, systems
from tacit.train.loop import Work, train
from tacit.train.predict import predict, record_batches


@dataclass(frozen=True)
class Pretrained:
    """What the label-free stages left: their weights, loaded into a fresh copy for every fold."""

    weights: dict[str, Tensor] | None


class Recipe:
    """Trains a `System` on a `Workbench`. ``options`` reach the system's builders by name."""

    saves: ClassVar[bool] = True

    def __init__(
        self, system: System, bench: Workbench, options: Mapping[str, float | int | str | bool] | None = None
    ) -> None:
        self.system = system
        self.bench = bench
        self.options = dict(options or {})
        self.name, self.title, self.family, self.baseline = system.name, system.title, system.family, system.baseline
        self.naive = system.baseline

    @property
    def label_free(self) -> tuple[Stage, ...]:
        """The leading stages that read no labels."""
        count = next((i for i, s in enumerate(self.system.stages) if s.needs_labels), len(self.system.stages))
        return self.system.stages[:count]

    def context(self, labelled: int) -> Context:
        """What the system's builders read."""
        return Context(self.bench.prepared, self.bench.task, len(self.bench.records), labelled, self.options)

    def prepare(self, records: Records, plan: FitPlan, rng: np.random.Generator) -> Pretrained:
        """Train the label-free stages; their plans come first in ``plan.stages``."""
        method: Method | None = None
        for stage, stage_plan in zip(self.label_free, plan.stages, strict=False):
            method = self._stage(stage, stage_plan, method, None, plan, rng)
        return Pretrained(None if method is None else {k: v.cpu().clone() for k, v in method.state_dict().items()})

    def fit(
        self, records: Records, labels: Labels, shared: Pretrained, plan: FitPlan, rng: np.random.Generator
    ) -> Predictor:
        """Train the remaining stages on the evidence; held-out records stay in the unlabelled stream."""
        method = self._restored(shared, len(labels.labelled()))
        stages = self.system.stages[len(self.label_free) :]
        for stage, stage_plan in zip(stages, plan.stages, strict=True):
            method = self._stage(stage, stage_plan, method, labels, plan, rng)
        assert method is not None
        return NetworkPredictor(
            self.bench.prepared, self.bench.task, self.name, self.options, method.predictor(), self.bench
        )

    def _stage(
        self,
        stage: Stage,
        stage_plan: StagePlan,
        before: Method | None,
        labels: Labels | None,
        plan: FitPlan,
        rng: np.random.Generator,
    ) -> Method:
        seed = int(rng.integers(2**62))
        context = self.context(0 if labels is None else len(labels.labelled()))
        method = built(stage, context, before, seed)
        begun = time.monotonic()
        evidence = None if labels is None or method.naive else estimated(self.bench, self.bench.records, labels)
        if plan.deadline is not None:
            # planned seconds are those of steps
            plan.deadline.forgive(time.monotonic() - begun)
        work = Work(
            pool=self.bench.pool,
            prepared=self.bench.prepared,
            labels=labels,
            settings=stage_plan.settings,
            steps=stage_plan.steps,
            seed=seed,
            name=f"{plan.name or self.name}: {stage.name}",
            checkpoint=plan.folder / f"{stage.name}.safetensors" if plan.folder is not None else None,
            evidence=evidence,
        )
        done = train(method, work, self.bench.fabric, self.bench.watch, plan.deadline)
        plan.curve += [(step, f"{stage.name}/{name}", value) for step, name, value in done.curve]
        if done.cut:
            plan.cuts.append(f"{work.name} stopped after step {done.steps} of {work.steps}")
        return method

    def _restored(self, shared: Pretrained, labelled: int) -> Method | None:
        if shared.weights is None:
            return None
        method: Method | None = None
        for stage in self.label_free:
            method = built(stage, self.context(labelled), method, 0)
        assert method is not None
        method.load_state_dict(shared.weights)
        return method.to(self.bench.fabric.device)


def built(stage: Stage, context: Context, before: Method | None, seed: int) -> Method:
    """The stage's method, its initial weights a function of ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return stage.build(context, before)


class NetworkPredictor:
    """A trained network under the name of the system that built it, so that loading builds the same one again."""

    kind: ClassVar[str] = "network"

    def __init__(
        self,
        prepared: Prepared,
        task: Task,
        system: str,
        options: Mapping[str, float | int | str | bool],
        module: nn.Module,
        bench: Workbench | None = None,
    ) -> None:
        self.prepared, self.task, self.system, self.options = prepared, task, system, dict(options)
        self.module = module.requires_grad_(False).eval()
        self.bench = bench

    def __call__(self, records: Records) -> Prediction:
        batches = self.bench.batches(records) if self.bench else record_batches(records, self.prepared)
        return predict(self.module, batches, self.prepared, self.task)

    def save(self, folder: Path) -> None:
        meta = {"system": self.system, "options": self.options}
        atomic_write(folder / "network.json", json.dumps(meta, indent=1))
        state = {k: v.detach().cpu().contiguous().clone() for k, v in self.module.state_dict().items()}
        atomic_write(folder / "network.safetensors", save(state))

    @classmethod
    def load(cls, folder: Path, prepared: Prepared, task: Task) -> Self:
        meta = json.loads((folder / "network.json").read_text())
        module = blank_predictor(systems()[meta["system"]], Context(prepared, task, 1, 1, meta["options"], False))
        module.load_state_dict(load_file(folder / "network.safetensors"))
        return cls(prepared, task, meta["system"], meta["options"], module)


def blank_predictor(system: System, context: Context) -> nn.Module:
    """The system's predictor with whatever weights its builders start from."""
    method: Method | None = None
    for stage in system.stages:
        method = built(stage, context, method, 0)
    assert method is not None
    return method.predictor()
