"""Time over floor: the training loop's images per second against what the encoder alone could do.

The floor is the encoder's bare forward and backward on what needs a gradient, its forward alone on what does not
(FixMatch's weak views), and the optimiser's step, on a resident batch, in the best of two memory layouts and two
precisions, compiled or not. Loop and floor take turns in one run, so that whatever else the machine does hits both.

usage: python benchmarks/throughput.py [--threads N] [--rounds 40] [--processor-time] [--no-compile]
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import timm
import torch
from torch import Tensor, nn

from study import RESULTS, keep, provenance, use_threads
from tacit import read
from tacit.compare.recipe import built
from tacit.compare.workbench import make_fabric
from tacit.engines.method import Context
from tacit.labels import Exact
from tacit.modalities.image import ImageModality
from tacit.systems.base import systems
from tacit.train.loop import Work, train
from tacit.train.pool import Pool
from tacit.train.watch import Watch

ENCODER, SIZE, BATCH, LABELLED = "resnet10t", 32, 256, 32
LONGEST_COMPILE = 240.0
SCREENING, WARM = 5, 3
COMPILED_FORMS = 64
"""Layouts, precisions, shapes and gradient modes share one function; past torch's own limit it would run uncompiled."""

LAYOUTS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}
Clock = Callable[[], float]


@dataclass(frozen=True)
class Shape:
    """Images of a step that need a gradient, and images that are only looked at."""

    learned: int
    looked_at: int


SHAPES = {"simclr": Shape(2 * BATCH, 0), "fixmatch": Shape(LABELLED + BATCH, BATCH)}


class Floor:
    """The bare encoder in one layout and precision, compiled or not."""

    def __init__(self, layout: str, bf16: bool, compiled: bool) -> None:
        self.name = f"{layout}, {'bf16' if bf16 else 'float32'}{', compiled' if compiled else ''}"
        self.bf16 = bf16
        self.layout: Any = LAYOUTS[layout]
        encoder = timm.create_model(ENCODER, num_classes=0).to(memory_format=self.layout).train()
        self.optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-4, fused=True)
        self.encoder: nn.Module = torch.compile(encoder, dynamic=False) if compiled else encoder  # type: ignore[assignment]
        self._images: dict[int, Tensor] = {}

    def step(self, shape: Shape) -> None:
        """One training step of this shape."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            if shape.looked_at:
                with torch.no_grad():
                    self.encoder(self._resident(shape.looked_at))
            loss = self.encoder(self._resident(shape.learned)).float().square().mean()
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def _resident(self, count: int) -> Tensor:
        if count not in self._images:
            images = torch.randn(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(count))
            self._images[count] = images.contiguous(memory_format=self.layout)
        return self._images[count]


class Turns(Watch):
    """Lets the floor take a step after each of the loop's, and times both."""

    def __init__(self, floor: Callable[[], None], clock: Clock) -> None:
        self.floor, self.clock = floor, clock
        self.floor_seconds: list[float] = []
        self.loop_seconds: list[float] = []
        self._since = clock()

    def advance(self, step: int, records: int, losses: dict[str, float]) -> None:
        """The loop has made a step."""
        self.loop_seconds.append(self.clock() - self._since)
        self.floor_seconds.append(timed(self.floor, self.clock))
        self._since = self.clock()


class Loop:
    """tacit's training loop on a system's first stage."""

    def __init__(self, name: str, steps: int) -> None:
        rng = np.random.default_rng(0)
        records = read(rng.integers(0, 256, (8 * BATCH, SIZE, SIZE, 3), dtype=np.uint8))
        prepared = ImageModality().fit(records, f"timm:{ENCODER}", options={"size": SIZE})
        labels = Exact(np.where(np.arange(len(records)) < 4 * LABELLED, np.arange(len(records)) % 10, -1))
        stage = systems()[name].stages[0]
        context = Context(prepared, labels.task, len(records), 4 * LABELLED, pretrained=False)
        settings = stage.settings(context).but(labelled_batch=LABELLED, unlabelled_batch=BATCH, optimiser="adamw")
        self.method = built(stage, context, None, 0)
        self.fabric = make_fabric("cpu")
        self.work = Work(Pool(records, prepared), prepared, labels, settings, steps, 0)

    def run(self, watch: Watch) -> None:
        """So many steps of real training."""
        train(self.method, self.work, self.fabric, watch)


def timed(act: Callable[[], None], clock: Clock) -> float:
    """Seconds that it takes."""
    begun = clock()
    act()
    return clock() - begun


def screened(shape: Shape, floors: list[Floor], clock: Clock, rounds: int) -> dict[str, float]:
    """The least seconds a step of every floor, by turns."""
    seconds: dict[str, list[float]] = {floor.name: [] for floor in floors}
    for _ in range(rounds):
        for floor in floors:
            seconds[floor.name].append(timed(lambda floor=floor: floor.step(shape), clock))  # type: ignore[misc]
    return {name: min(values) for name, values in seconds.items()}


def made(compile_too: bool) -> tuple[list[Floor], list[str]]:
    """Every floor that works, warmed up for all shapes, and notes on those that do not."""
    floors, notes = [], []
    spent = 0.0
    for compiled, layout, bf16 in itertools.product((False, True), LAYOUTS, (False, True)):
        if compiled and (not compile_too or spent > LONGEST_COMPILE):
            notes.append(f"not compiled: {layout}, {'bf16' if bf16 else 'float32'}")
            continue
        floor = Floor(layout, bf16, compiled)
        begun = time.monotonic()
        try:
            for shape in SHAPES.values():
                floor.step(shape)
        except Exception as error:  # whatever a compiler may raise
            notes.append(f"{floor.name} failed: {str(error).splitlines()[0][:200]}")
            continue
        spent += time.monotonic() - begun if compiled else 0.0
        floors.append(floor)
    return floors, notes


def compared(name: str, floors: list[Floor], clock: Clock, rounds: int) -> dict[str, Any]:
    """The loop against the floor that was best in a screening, step by step by turns."""
    shape = SHAPES[name]
    screening = screened(shape, floors, clock, SCREENING)
    best = min(floors, key=lambda floor: screening[floor.name])
    turns = Turns(lambda: best.step(shape), clock)
    Loop(name, rounds + WARM).run(turns)
    floor_seconds, loop_seconds = np.array(turns.floor_seconds[WARM:]), np.array(turns.loop_seconds[WARM:])
    ratios = floor_seconds / loop_seconds
    low, high = np.quantile(ratios, [0.25, 0.75])
    fastest = {"best": best.name, "images_per_second": BATCH / float(np.median(floor_seconds)), "screening": screening}
    return {
        "images_per_second": BATCH / float(np.median(loop_seconds)),
        "floor": fastest,
        "ratio": float(np.median(ratios)),
        "low": float(low),
        "high": float(high),
        "ratio_of_best": float(floor_seconds.min() / loop_seconds.min()),
        "ratios": ratios.tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--rounds", type=int, default=40, help="at most 100: beyond, the loop does not log every step")
    parser.add_argument("--methods", default=",".join(SHAPES))
    parser.add_argument("--processor-time", action="store_true", help="count processor time, where others are at work")
    parser.add_argument("--no-compile", action="store_true")
    chosen = parser.parse_args()
    use_threads(chosen.threads)
    torch._dynamo.config.recompile_limit = COMPILED_FORMS
    clock = time.process_time if chosen.processor_time else time.perf_counter
    floors, notes = made(not chosen.no_compile)
    methods = {}
    for name in chosen.methods.split(","):
        row = methods[name] = compared(name, floors, clock, chosen.rounds)
        for floor, seconds in row["floor"]["screening"].items():
            print(f"{name:10} floor {floor:35} {1000 * seconds:8.1f} ms a step")
        print(
            f"{name:10} {row['images_per_second']:.0f} images a second, floor {row['floor']['images_per_second']:.0f}: "
            f"{row['ratio']:.3f} ({row['low']:.3f} to {row['high']:.3f}), best of each {row['ratio_of_best']:.3f}"
        )
    shape = {"encoder": ENCODER, "size": SIZE, "batch": BATCH, "rounds": chosen.rounds}
    clocks = {"clock": "processor time" if chosen.processor_time else "wall clock", "notes": notes}
    keep(RESULTS / "throughput.json", shape | clocks | {"methods": methods, "provenance": provenance()})


if __name__ == "__main__":
    main()
