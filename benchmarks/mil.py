"""Multiple-instance learning on five sets of bags: ours against torchmil's attention and bag statistics.

Ten repetitions of ten stratified folds of bags, kept in ``folds/mil.json``. Every method sees the same training bags,
standardised on them, and chooses its setting by the same five inner folds of them, by the accuracy there and between
equals by the likelihood:

* *statistics*: a plain classifier (logistic regression, a support vector machine, a random forest, each with its
  settings) on minima, maxima, means and deviations of a bag's instances, or on some of these;
* *ABMIL*, *DSMIL*: torchmil's modules with and without a hidden layer before them, two weight decays, and the epochs
  after which to stop. The models of all inner folds and the final one train side by side, on bags of similar size;
* *best of the three inside*: of these, the one with the highest accuracy on the inner folds;
* *ours*: the members of `tacit.engines.bags`, or their blend; *blend*, for development, is always the blend.

Finished folds are skipped. Repetitions from 100 on are for development: their folds are others, and no figure has
them. torchmil (``pip install --no-deps torchmil tensordict pyvers einops h5py``, in an environment of its own that
also has tacit's dependencies) is left out with a message where it is missing.

usage: TACIT_DATA=... python benchmarks/mil.py [--repetitions 0-9] [--only SET ...] [--methods NAME ...] [--threads 1]
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from crowd import installed
from study import RESULTS, ROOT, data_folder, keep, numbers, provenance, use_threads
from tacit.engines.bags import Columns, Instances, fit_bags, log_likelihood, statistics

Floats = NDArray[np.float64]
Bits = NDArray[np.bool_]
Index = NDArray[np.int64]

SETS = ("musk1", "musk2", "tiger", "elephant", "fox")
FOLDS = ROOT / "benchmarks" / "folds" / "mil.json"
FOLDER = RESULTS / "mil"
REPETITIONS, OUTER, INNER = 10, 10, 5
PEERS = ("statistics", "ABMIL", "DSMIL")
BEST_INSIDE = "best of the three inside"
MARGIN = 0.02
"""What counts as below."""

EPOCHS = (10, 20, 40)
DECAYS = (1e-2, 1.0)
HIDDEN = (0, 64)
RATE, BATCH, ROWS = 3e-3, 20, 300
"""AdamW's rate, and how many bags and padded instances are in a batch at most."""


@dataclass(frozen=True)
class Split:
    """Training bags with their classes and inner folds, and test bags."""

    train: Instances
    y: Bits
    inner: Index
    test: Instances
    seed: int

    def parts(self) -> Iterator[tuple[Index, Index]]:
        """Positions of what stays and of what is held out, by inner fold."""
        for number in range(INNER):
            yield np.flatnonzero(self.inner != number), np.flatnonzero(self.inner == number)


@dataclass(frozen=True)
class Tried:
    """A setting: log-odds of the training bags, each held out, and of the test bags after fitting to all training."""

    setting: str
    held_out: Floats
    test: Floats


Method = Callable[[Split], list[Tried]]


def chosen(tried: Sequence[Tried], y: Bits) -> Tried:
    """The most accurate on the inner folds, and of these the likeliest."""
    return max(tried, key=lambda t: (((t.held_out > 0) == y).mean(), log_likelihood(t.held_out, y)))


def folds(y: Bits, parts: int, seed: int) -> Index:
    """(n,) the fold in which each bag is held out, stratified by class."""
    from sklearn.model_selection import StratifiedKFold

    fold = np.empty(len(y), dtype=np.int64)
    for number, (_, out) in enumerate(StratifiedKFold(parts, shuffle=True, random_state=seed).split(y, y)):
        fold[out] = number
    return fold


def bags_of(name: str) -> tuple[Instances, Bits]:
    """A set's bags and their classes."""
    found = np.load(data_folder() / f"mil_{name}/mil_{name}.npz")
    return Instances.of(found["X"], found["bag"], len(found["y"])), found["y"] == 1


def outer_folds(name: str, repetition: int, y: Bits) -> Index:
    """The stored folds; from repetition 100 on, others."""
    if repetition >= 100:
        return folds(y, OUTER, repetition)
    return np.array([int(digit) for digit in json.loads(FOLDS.read_text())[name][repetition]])


def write_folds() -> None:
    """One string of digits a repetition: the fold of each bag."""
    drawn = {}
    for name in SETS:
        y = bags_of(name)[1]
        drawn[name] = ["".join(map(str, folds(y, OUTER, repetition))) for repetition in range(REPETITIONS)]
    keep(FOLDS, drawn)


def split(name: str, repetition: int, number: int) -> Split:
    """One of the ten parts of a repetition."""
    bags, y = bags_of(name)
    fold = outer_folds(name, repetition, y)
    rest, out = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
    seed = repetition * OUTER + number
    return Split(bags.take(rest), y[rest], folds(y[rest], INNER, seed), bags.take(out), seed)


def ours(part: Split) -> list[Tried]:
    """The blend and its members, whose settings `fit_bags` has chosen by the inner folds."""
    blend = fit_bags(part.train, part.y, part.inner)
    found = blend.each(part.test)
    members = [
        Tried(f"{m.name}, width {m.width:g}, penalty {m.penalty:g}", m.held_out, found[m.name]) for m in blend.members
    ]
    return [Tried("blend", blend.held_out, blend(part.test)), *members]


def blend(part: Split) -> list[Tried]:
    """The blend without a choice."""
    return ours(part)[:1]


def plain(part: Split) -> list[Tried]:
    """Classifiers on statistics of bags."""
    from sklearn.base import clone
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC

    columns = Columns.of(part.train.x)
    train, test = (statistics(bags.mapped(columns)) for bags in (part.train, part.test))
    blocks = np.arange(train.shape[1]) // part.train.x.shape[1]
    kinds = {"min, max": [0, 1], "mean": [2], "min, max, mean, std": [0, 1, 2, 3]}
    models = (
        {f"logistic, C {c:g}": LogisticRegression(C=c, max_iter=1000) for c in (0.001, 0.01, 0.1, 1.0)}
        | {f"SVM, C {c:g}": SVC(C=c) for c in (1.0, 10.0)}
        | {"forest": RandomForestClassifier(200, max_features="sqrt", random_state=part.seed)}
    )
    tried = []
    for kind, which in kinds.items():
        some = np.isin(blocks, which)
        scaled = Columns.of(train[:, some])
        x, new = scaled(train[:, some]), scaled(test[:, some])
        for name, model in models.items():
            held_out = np.empty(len(x))
            for rest, out in part.parts():
                held_out[out] = scores(clone(model).fit(x[rest], part.y[rest]), x[out])
            tried.append(Tried(f"{name} on {kind}", held_out, scores(model.fit(x, part.y), new)))
    return tried


def scores(model: Any, x: Floats) -> Floats:
    """(n,) log-odds, or the margin of a support vector machine."""
    if hasattr(model, "decision_function"):
        return np.asarray(model.decision_function(x))
    p = model.predict_proba(x)[:, 1].clip(1e-3, 1 - 1e-3)
    return np.asarray(np.log(p) - np.log1p(-p))


class Scored(nn.Module):
    """A torchmil model's log-odds (bags,) and its own loss of every bag, (bags,)."""

    def __init__(self, name: str, columns: int, hidden: int) -> None:
        super().__init__()
        from torchmil import models

        before = nn.Sequential(nn.Linear(columns, hidden), nn.ReLU()) if hidden else nn.Identity()
        criterion = nn.BCEWithLogitsLoss(reduction="none")
        self.model = getattr(models, name)(in_shape=(columns,), feat_ext=before, criterion=criterion)

    def forward(self, x: Tensor, mask: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        log_odds, losses = self.model.compute_loss(y, x, mask)
        return log_odds, torch.stack(list(losses.values())).sum(dim=0)


Batch = tuple[Tensor, Tensor]
"""Instances (bags, most, D) and which are there (bags, most)."""


def padded(each: Sequence[Floats]) -> Batch:
    """Short bags repeat their first instance, masked out: DSMIL's maximum is over masked instances too."""
    most = max(map(len, each))
    x = np.stack([np.concatenate([rows, np.repeat(rows[:1], most - len(rows), axis=0)]) for rows in each])
    mask = np.arange(most) < np.array([[len(rows)] for rows in each])
    return torch.from_numpy(x).float(), torch.from_numpy(mask).float()


def attention(name: str, part: Split) -> list[Tried]:
    """A torchmil model by hidden layer, weight decay and epochs."""
    return [tried for hidden in HIDDEN for tried in trained(name, hidden, part)]


def trained(name: str, hidden: int, part: Split) -> list[Tried]:
    """Models of all inner folds and of all training bags, for every weight decay, trained side by side by AdamW.

    Each has a random start of its own; all see the same batches, where what is held out of a model weighs nothing.
    """
    generator = torch.Generator().manual_seed(part.seed)
    torch.manual_seed(part.seed)
    columns = Columns.of(part.train.x)
    train, test = (bags.mapped(columns).each() for bags in (part.train, part.test))
    y = torch.from_numpy(part.y).float()
    kept = torch.stack([torch.from_numpy(part.inner != number) for number in range(INNER + 1)]).float()
    weight = kept.repeat(len(DECAYS), 1)
    decay = torch.tensor(DECAYS).repeat_interleave(INNER + 1)
    models = [Scored(name, train[0].shape[1], hidden) for _ in range(len(weight))]
    parameters, _ = torch.func.stack_module_state(models)
    optimizer = torch.optim.Adam(parameters.values(), lr=RATE)

    def one(state: Mapping[str, Tensor], x: Tensor, mask: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        found: tuple[Tensor, Tensor] = torch.func.functional_call(models[0], dict(state), (x, mask, y))
        return found

    many = torch.func.vmap(one, in_dims=(0, None, None, None))
    batches = bucketed([len(rows) for rows in train])
    ready = [padded([train[b] for b in batch]) for batch in batches]
    tried = []
    for epoch in range(1, max(EPOCHS) + 1):
        for index in torch.randperm(len(batches), generator=generator).tolist():
            batch = torch.from_numpy(batches[index])
            optimizer.zero_grad()
            losses = many(parameters, *ready[index], y[batch])[1]
            share = weight[:, batch]
            ((losses * share).sum(dim=1) / share.sum(dim=1).clamp_min(1.0)).sum().backward()
            optimizer.step()
            with torch.no_grad():
                for value in parameters.values():
                    value.mul_((1 - RATE * decay).view(-1, *[1] * (value.dim() - 1)))
        if epoch in EPOCHS:
            with torch.no_grad():
                of_train = torch.cat(
                    [many(parameters, *r, y[b])[0] for r, b in zip(ready, batches, strict=True)], dim=1
                )
                of_test = torch.cat([many(parameters, *padded([x]), torch.zeros(1))[0] for x in test], dim=1)
            log_odds = np.empty(of_train.shape)
            log_odds[:, np.concatenate(batches)] = of_train.numpy()
            for number, value in enumerate(DECAYS):
                first = number * (INNER + 1)
                held_out = log_odds[first + part.inner, np.arange(len(y))]
                setting = f"hidden {hidden}, decay {value:g}, {epoch} epochs"
                tried.append(Tried(setting, held_out, of_test[first + INNER].double().numpy()))
    return tried


def bucketed(sizes: Sequence[int]) -> list[Index]:
    """Batches of bags of similar size, which need little padding; large ones are by themselves."""
    batches: list[list[int]] = [[]]
    for bag in np.argsort(sizes, kind="stable").tolist():
        if len(batches[-1]) == BATCH or (batches[-1] and sizes[bag] * (len(batches[-1]) + 1) > ROWS):
            batches.append([])
        batches[-1].append(bag)
    return [np.array(batch) for batch in batches]


def methods() -> dict[str, Method]:
    """Ours and the peers that are installed."""
    found: dict[str, Method] = {"ours": ours, "statistics": plain, "blend": blend}
    if find_spec("torchmil"):
        found |= {name: lambda part, name=name: attention(name, part) for name in ("ABMIL", "DSMIL")}
    return found


def made(name: str, repetition: int, number: int, method: str) -> dict[str, Any]:
    """One fold by one method: log-odds of its test bags."""
    part, begun = split(name, repetition, number), time.process_time()
    tried = methods()[method](part)
    best = chosen(tried, part.y)
    return {
        "log_odds": best.test.round(4).tolist(),
        "setting": best.setting,
        "inner": float(((best.held_out > 0) == part.y).mean()),
        "settings": len(tried),
        "seconds": time.process_time() - begun,
    }


def path_of(name: str, repetition: int) -> Path:
    return FOLDER / f"{name}-{repetition}.json"


def run(name: str, repetition: int, wanted: Sequence[str]) -> None:
    """All folds of a repetition that are not there yet, one after another."""
    path = path_of(name, repetition)
    state = json.loads(path.read_text()) if path.exists() else {"folds": {}}
    for number in range(OUTER):
        for method in wanted:
            if str(number) not in state["folds"].setdefault(method, {}):
                state["folds"][method][str(number)] = made(name, repetition, number, method)
                keep(path, state | {"provenance": provenance()})


def hits(name: str, repetition: int, y: Bits) -> dict[str, Floats]:
    """(bags,) which are right, by method that has all folds."""
    if not path_of(name, repetition).exists():
        return {}
    fold, state = outer_folds(name, repetition, y), json.loads(path_of(name, repetition).read_text())["folds"]
    found = {}
    for method, parts in state.items():
        if len(parts) == OUTER:
            log_odds = np.empty(len(y))
            for number, part in parts.items():
                log_odds[fold == int(number)] = part["log_odds"]
            found[method] = ((log_odds > 0) == y).astype(np.float64)
    if set(PEERS) <= set(found):
        found[BEST_INSIDE] = best_inside(fold, state, found)
    return found


def best_inside(fold: Index, state: Mapping[str, Mapping[str, Any]], found: Mapping[str, Floats]) -> Floats:
    """(bags,) expected hits of the peer that is best by the inner folds of each outer one, equals drawn at random."""
    inner = np.array([[state[peer][str(number)]["inner"] for number in range(OUTER)] for peer in PEERS])
    share = (inner == inner.max(axis=0)).astype(np.float64)
    share /= share.sum(axis=0)
    each = np.stack([found[peer] for peer in PEERS])
    return np.asarray((share[:, fold] * each).sum(axis=0))


def pooled(differences: Sequence[Floats], resamples: int = 10_000) -> dict[str, Any]:
    """The mean over sets of paired differences (repetitions, bags), with 95 % over repetitions and bags resampled."""
    rng, total = np.random.default_rng(0), np.zeros(resamples)
    for values in differences:
        draws, bags = values.shape
        by_draw = rng.multinomial(draws, np.full(draws, 1 / draws), size=resamples) / draws
        by_bag = rng.multinomial(bags, np.full(bags, 1 / bags), size=resamples) / bags
        total += ((by_draw @ values) * by_bag).sum(axis=1) / len(differences)
    low, high = np.quantile(total, [0.025, 0.975])
    return {"mean": float(np.mean([v.mean() for v in differences])), "bootstrap": [float(low), float(high)]}


def summary(repetitions: Sequence[int], sets: Sequence[str]) -> dict[str, Any]:
    """Accuracies and differences over the repetitions that every method has finished on every set."""
    found = {name: [hits(name, r, bags_of(name)[1]) for r in repetitions] for name in sets}
    names = list(dict.fromkeys(m for each in found.values() for h in each for m in h))
    whole = [r for i, r in enumerate(repetitions) if all(set(found[n][i]) >= set(names) for n in sets)]
    if "ours" not in names or not whole:
        return {"repetitions": [], "sets": {}}
    by = {
        n: {m: np.stack([h[m] for r, h in zip(repetitions, found[n], strict=True) if r in whole]) for m in names}
        for n in sets
    }
    peers = [m for m in names if m not in ("ours", "blend")]
    best = {n: max(PEERS, key=lambda m: float(by[n][m].mean())) for n in sets}
    to_best = {n: by[n]["ours"] - by[n][best[n]] for n in sets}
    against = {m: pooled([by[n]["ours"] - by[n][m] for n in sets]) for m in peers}
    worst = {m: min(float((by[n]["ours"] - by[n][m]).mean()) for n in sets) for m in peers}
    return {
        "repetitions": whole,
        "sets": {n: {m: float(values.mean()) for m, values in by[n].items()} for n in sets},
        "mean": {m: float(np.mean([by[n][m].mean() for n in sets])) for m in names},
        "against": against,
        "best peer": best,
        "to the best": {n: pooled([v]) for n, v in to_best.items()},
        "to the best, pooled": pooled(list(to_best.values())),
        "holds": {
            "not below": {m: against[m]["bootstrap"][0] > -MARGIN and worst[m] >= -MARGIN for m in peers},
            "mean above": {m: against[m]["mean"] > 0 for m in peers},
        },
    }


def told(found: Mapping[str, Any]) -> None:
    """The table on the terminal."""
    print(f"repetitions {found['repetitions']}")
    for name, row in found["sets"].items():
        low, high = found["to the best"][name]["bootstrap"]
        cells = "  ".join(f"{m} {a:.3f}" for m, a in row.items())
        print(f"{name:9} {cells}  to {found['best peer'][name]} ({low:+.3f} to {high:+.3f})")
    for name, row in found.get("against", {}).items():
        low, high = row["bootstrap"]
        print(f"to {name}: {row['mean']:+.4f} ({low:+.4f} to {high:+.4f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=numbers, default=list(range(REPETITIONS)))
    parser.add_argument("--only", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--methods", nargs="*", choices=list(methods()), default=[m for m in methods() if m != "blend"])
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    warnings.filterwarnings("ignore")
    peers = installed({"torchmil": "torchmil", "scikit-learn": "sklearn"})
    if not FOLDS.exists():
        write_folds()
    for repetition in arguments.repetitions:
        for name in arguments.only:
            run(name, repetition, arguments.methods)
            print(f"{name} {repetition}", flush=True)
    found = summary(arguments.repetitions, arguments.only)
    told(found)
    if max(arguments.repetitions) < 100 and arguments.only == list(SETS):
        keep(RESULTS / "mil.json", found | {"peers": peers, "provenance": provenance()})


if __name__ == "__main__":
    main()
