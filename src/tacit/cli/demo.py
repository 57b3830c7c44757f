"""``tacit demo``: the main job in a minute or two, on data that comes with scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tacit.cli import options
from tacit.cli.fit import finish, train
from tacit.cli.progress import watch
from tacit.compare.budget import Budget
from tacit.workplace import require_place

LABELS_PER_CLASS = 4
SPLIT_SEED = 0


def demo(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="The run's folder.")] = Path("demo-run"),
    budget: options.Budget = "75s",
    seed: options.Seed = 0,
    resume: options.Resume = False,
    json: options.Json = False,
) -> None:
    """Handwritten digits as 8x8 images: 40 labels, 858 images without, and 899 to test on."""
    teller = watch(json)
    Budget.parse(budget)
    require_place(out, resume)
    teller.say("scikit-learn's digits as 8x8 images, 4 labels per class, the rest unlabelled, a fixed half as test")
    images, labels, test_images, test_labels = digits(seed)
    run = train(
        teller,
        out,
        context.obj,
        records=images,
        labels=labels,
        budget=budget,
        seed=seed,
        resume=resume,
        test=test_images,
        test_labels=test_labels,
    )
    finish(run, out, json)


def digits(seed: int) -> tuple[Any, list[int | None], Any, list[int]]:
    """Images (n, 8, 8) of bytes and labels, all but four a class None; then the fixed half that is the test."""
    import numpy as np
    from sklearn.datasets import load_digits

    found = load_digits()
    images = (found.images * (255 / 16)).round().astype(np.uint8)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(images))
    pool, test = order[: len(order) // 2], order[len(order) // 2 :]
    y = found.target
    rng = np.random.default_rng(seed)
    chosen = {int(i) for c in range(10) for i in rng.permutation(pool[y[pool] == c])[:LABELS_PER_CLASS]}
    known = [int(y[i]) if int(i) in chosen else None for i in pool]
    return images[pool], known, images[test], y[test].tolist()
