"""Seconds that steps and predictions take: measured by a short probe, or estimated from shapes alone."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from tacit.compare.recipe import Recipe, blank_predictor, built
from tacit.engines.method import Method
from tacit.errors import Interrupted
from tacit.labels.base import Labels
from tacit.systems.base import Stage
from tacit.train.loop import Batches, Work, train
from tacit.train.predict import predict
from tacit.train.watch import Aside

PROBE_STEPS = 5
PROBE_SECONDS = 0.5
"""Slow steps are probed for about so long, so fewer of them: the probe is part of the budget."""

PROBE_RECORDS = 128
FLOPS_PER_SECOND = 25e9
SECONDS_PER_MODULE = 6e-5


def measured(recipe: Recipe, labels: Labels, seed: int) -> list[float]:
    """Seconds per step of each stage: what up to ``PROBE_STEPS`` more steps add to a first one."""
    seconds = []
    method: Method | None = None
    for stage in recipe.system.stages:
        if recipe.bench.watch.interrupted:
            raise Interrupted("interrupted before anything was trained")
        method, work = _work(recipe, stage, method, labels, seed)

        def probed(steps: int, method: Method = method, work: Work = work) -> float:
            begun = time.perf_counter()
            train(method, replace(work, steps=steps), recipe.bench.fabric, Aside(recipe.bench.watch))
            return time.perf_counter() - begun

        # the first run warms up; the second holds what is done once before training
        probed(1)
        once = probed(1)
        more = min(PROBE_STEPS, max(1, round(PROBE_SECONDS / once)))
        whole = probed(1 + more)
        seconds.append(max(whole - once, 0.1 * whole) / more)
    return seconds


def prediction(recipe: Recipe) -> float:
    """Seconds in which the recipe's network predicts one record: asked of ``PROBE_RECORDS`` after `measured`."""
    bench = recipe.bench
    module = blank_predictor(recipe.system, recipe.context(0)).to(bench.fabric.device)
    chosen = np.unique(np.linspace(0, len(bench.records) - 1, PROBE_RECORDS).astype(np.int64))
    sample = bench.records.take(chosen)
    begun = time.perf_counter()
    predict(module, bench.batches(sample), bench.prepared, bench.task)
    return (time.perf_counter() - begun) / len(sample)


def estimated(recipe: Recipe, labels: Labels, seed: int) -> list[float]:
    """Seconds per step of each stage on two ordinary cores, a function of shapes alone: the same on any machine."""
    seconds = []
    method: Method | None = None
    for stage in recipe.system.stages:
        method, work = _work(recipe, stage, method, labels, seed)
        method.to(recipe.bench.fabric.device).train()
        counter = FlopCounterMode(display=False)
        with torch.random.fork_rng(devices=[]), counter:
            losses = method(Batches(method, work, recipe.bench.fabric.device).at(0, 0.0))
            torch.stack([v.float() for v in losses.values()]).sum().backward()  # type: ignore[no-untyped-call]
        modules = sum(1 for m in method.modules() if not isinstance(m, nn.Sequential))
        seconds.append(counter.get_total_flops() / FLOPS_PER_SECOND + modules * SECONDS_PER_MODULE)
    return seconds


def _work(recipe: Recipe, stage: Stage, before: Method | None, labels: Labels, seed: int) -> tuple[Method, Work]:
    context = recipe.context(len(labels.labelled()))
    method = built(stage, context, before, seed)
    settings = stage.settings(context)
    return method, Work(recipe.bench.pool, recipe.bench.prepared, labels, settings, 1, seed, "speed probe")
