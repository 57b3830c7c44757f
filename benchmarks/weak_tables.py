"""The sections of docs/results.md on labels that are not exact, from the figures in benchmarks/results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Read = Callable[[str], dict[str, Any]]


def sections(read: Read) -> Iterator[str]:
    """A section for every study that has figures, in the order of the page."""
    for name, write in WRITERS.items():
        if found := read(name):
            yield write(found)


def crowd(found: Mapping[str, Any]) -> str:
    """Aggregation of crowds."""
    methods = list(found["mean"])
    rows = [[name, *(points(f["accuracy"][m]) for m in methods)] for name, f in found["sets"].items()]
    rows.append(["mean", *(points(found["mean"][m]) for m in methods)])
    said = found["pooled, to the better"]
    text = f"tacit minus the better of majority and Dawid-Skene, pooled over items: {gap(said)} points."
    return section(
        "Votes of crowds", "Expected accuracy in percent, ties shared.", ["set", *methods], rows, text, found
    )


def simulated(found: Mapping[str, Any]) -> str:
    """Crowds like the real ones, whose truth is known."""
    names = list(next(iter(found["rows"].values()))["accuracy"])
    others = ("majority", "Dawid-Skene")
    rows = [
        [title, *(points(row["accuracy"][n]) for n in names), *(gap(row["difference"][o]) for o in others)]
        for title, row in found["rows"].items()
    ]
    note = (
        f"The same items and sources, votes drawn from what either model estimated there; {found['draws']} draws. Of "
        "hard items many voters take the same wrong class, which no model knows."
    )
    heads = ["drawn", *names, *(f"tacit minus {o}" for o in others)]
    return section("Votes like those of the crowds", note, heads, rows, "", found)


def rules(found: Mapping[str, Any]) -> str:
    """Aggregation of rules, and a model trained on it."""
    parts = []
    for key, title in (("aggregation", "train rows with a vote"), ("end model", "end model on test")):
        methods = list(next(iter(found[key].values()))["accuracy"])
        rows = [[name, *(points(f["accuracy"][m]) for m in methods)] for name, f in found[key].items()]
        parts.append(f"{title[:1].upper()}{title[1:]}:\n\n{grid(['set', *methods], rows)}")
    over = "; ".join(f"{n} {gap(f['joint']['majority'])}" for n, f in found["aggregation"].items())
    trained = "; ".join(f"{n} {gap(f['joint']['shares'])}" for n, f in found["end model"].items())
    text = f"Joint model minus majority: {over}. End model on its beliefs minus that on vote shares: {trained}."
    body = "\n\n".join([*parts, text, origin(found)])
    return f"## Votes of rules\n\nWRENCH, accuracy in percent, seeds {listed(found['seeds'])}.\n\n{body}\n"


def partial(found: Mapping[str, Any]) -> str:
    """Candidate labels on their stored folds."""
    return _ways("Candidate labels", "Five stored folds, logistic regression, accuracy in percent.", found, "ours")


def kinds(found: Mapping[str, Any]) -> str:
    """Kinds of evidence against their naive reading and against none of it."""
    note = (
        "One linear model each; ten draws that no earlier look has drawn (30-39, of preferences 40-49). Accuracy, or "
        "minus the squared error in units of the variance, on the test part or 2,000 random records of it, of which "
        "smaller ones were in earlier looks too. *Naive*: the weak evidence read naively; *dropped*: the exact part "
        "alone. Penalties are the best on two development draws for each way; that of *dropped* for preferences on "
        "california_housing was unlucky: with 10 instead of 1 ours would be ahead by 0.19 instead of 0.45."
    )
    return _kinds("Kinds of evidence", note, found)


def earlier_kinds(found: Mapping[str, Any]) -> str:
    """The looks that led to the last one."""
    note = (
        "Judged on the first 1,000 records of the test part, which in files that are ordered by place or time are like "
        "no others (california_housing: mean 11.89 where it is 12.09 in the whole test part and in training), unless "
        "random ones are named; preferences with centre and unit from exact numbers alone, and "
        "class trees with one softmax over the classes. Draws 0-9 unless another look is named."
    )
    return _kinds("Kinds of evidence: earlier looks", note, found)


def _kinds(title: str, note: str, found: Mapping[str, Any]) -> str:
    rows = []
    for name, row in found["rows"].items():
        differences = [gap(row["difference"][way], 1.0, 3) for way in ("naive", "dropped")]
        rows.append([name, *(f"{row['mean'][way]:.3f}" for way in ("ours", "naive", "dropped")), *differences])
    heads = ["setting", "ours", "naive", "dropped", "ours minus naive", "ours minus dropped"]
    return section(title, note, heads, rows, "", found)


def anchored(found: Mapping[str, Any]) -> str:
    """What is left of the error of comparisons once centre and unit are known."""
    ways = ("ours", "naive", "naive, placed", "ours, affine", "naive, affine")
    rows = [[name, *(f"{row[way]:.3f}" for way in ways)] for name, row in found["sets"].items()]
    note = (
        f"Five comparisons a record, development draws {listed(found['seeds'])}: minus the squared error in units of "
        "the variance, as it is; of win rates also with centre and unit from exact numbers and the bounds that "
        "comparisons with these put on others, as ours has them (*placed*); and with both from all numbers (*affine*). "
        "What ours gains is mostly where the numbers are placed."
    )
    return section(
        "What 20 exact numbers leave open beside comparisons", note, ["set", *ways], rows, "", found, intervals=False
    )


def bags(found: Mapping[str, Any]) -> str:
    """Bags by ten folds."""
    methods = list(found["mean"])
    rows = [
        [name, *(points(row[m]) for m in methods), f"{found['best peer'][name]} {gap(found['to the best'][name])}"]
        for name, row in found["sets"].items()
    ]
    rows.append(["mean", *(points(found["mean"][m]) for m in methods), gap(found["to the best, pooled"])])
    against = "; ".join(f"{name} {gap(row)}" for name, row in found["against"].items())
    note = (
        "Bag accuracy in percent, ten folds that are stored, settings chosen by five inner folds; repetitions "
        f"{listed(found['repetitions'])}. *Best of the three inside*: by the accuracy that its chosen setting has on "
        "the inner folds; statistics chooses among 21 settings there and the networks among 12, which flatters it."
    )
    heads = ["set", *methods, "ours minus the best of the others"]
    return section("Bags of instances", note, heads, rows, f"Ours minus each, pooled: {against}.", found)


def noisy(found: Mapping[str, Any]) -> str:
    """Noisy human labels: accuracy of the chosen methods, and the search for wrong labels."""
    chosen = {side: ", ".join(sorted({f"{m} {n}" for m, n in each})) for side, each in found["chosen"].items()}
    rows = [[f"{side} ({chosen[side]})", points(found["accuracy"][side])] for side in ("plain", "ours")]
    searches = "; ".join(f"{name} {value:.3f}" for name, value in found["average precision"].items())
    text = (
        f"Ours minus plain cross-entropy: {gap(found['ours minus plain'])} points. Average precision of the search for "
        f"wrong labels, on the same out-of-fold predictions: {searches}."
    )
    note = (
        f"CIFAR-10N, the worst of three labels, {points(found['wrong'])} % wrong; one network on fixed features; "
        "method and steps chosen by held-out evidence on both sides. Accuracy in percent on the true test labels."
    )
    where = f"Seeds {listed(found['seeds'])}; `{found['command']}`; commit {found['commits'][0][:12]}."
    heads = grid(["side (method, steps)", "accuracy"], rows)
    return f"## Noisy human labels\n\n{note}\n\n{heads}\n\n{text}\n\n{where}\n"


def searches(found: Mapping[str, Any]) -> str:
    """What a transition adds to self-confidence in the search for wrong labels."""
    ways = list(next(iter(found["noises"].values())))
    rows = [[noise, *(f"{sum(each[w]) / len(each[w]):.3f}" for w in ways)] for noise, each in found["noises"].items()]
    note = (
        "Half of CIFAR-10's first 10,000 training images, wrong labels that are known, the same out-of-fold "
        f"predictions of a linear head for all ways; average precision, means of seeds {listed(found['seeds'])}. "
        "Nobody has the true transition; under an even one the posterior ranks as self-confidence does."
    )
    return section("The search for wrong labels", note, ["noise", *ways], rows, "", found, intervals=False)


def mixed(found: Mapping[str, Any]) -> str:
    """A mixture of four kinds."""
    arms = list(next(iter(found.values()))["accuracy"])
    rows = [[name, *(points(f["accuracy"][arm]) for arm in arms)] for name, f in found.items()]
    lines = [
        f"{name}: " + "; ".join(f"{arm} {gap(d)}" for arm, d in f["evidence minus"].items())
        for name, f in found.items()
    ]
    text = "All evidence minus each arm, in points. " + ". ".join(lines) + "."
    first = next(iter(found.values()))
    where = (
        f"Seeds {listed(first['seeds'])}; `{first['command']}`; commit {', '.join(c[:12] for c in first['commits'])}."
    )
    note = "5 % exact, 30 % candidates, 20 % three annotators, 20 % in bags of 8 with counts; accuracy in percent."
    return f"## A mixture of evidence\n\n{note}\n\n{grid(['set', *arms], rows)}\n\n{text}\n\n{where}\n"


def speed(found: Mapping[str, Any]) -> str:
    """Seconds of aggregation against peers."""
    heads = ["items", "votes", "Dawid-Skene: tacit, s", "Crowd-Kit, s", "times faster", "own: tacit, s", "Snorkel, s"]
    rows = []
    for row in found["rows"]:
        ours, theirs = row["Dawid-Skene"], row["label model"]
        seconds = [ours["tacit"], ours["Crowd-Kit"], theirs["tacit"], theirs["Snorkel"]]
        first = [f"{min(s['seconds']):.2f}" for s in seconds]
        times = [f"{ours['times faster']:.1f}", f"{theirs['times faster']:.1f}"]
        rows.append([f"{row['items']:,}", f"{row['votes']:,}", *first[:2], times[0], *first[2:], times[1]])
    note = (
        "Ten iterations of Dawid-Skene on both sides, equal beliefs; tacit's own against Snorkel's label model, from a "
        "matrix of items and sources. Each item has votes of random sources, such that few items share theirs; equal "
        "ones would be one item."
    )
    return section("Speed of aggregation", note, [*heads, "times faster"], rows, "", found, intervals=False)


def _ways(title: str, note: str, found: Mapping[str, Any], ours: str) -> str:
    ways = list(next(iter(found["rows"].values()))["mean"])
    rows = [
        [name, *(points(r["mean"][w]) for w in ways), *(gap(r["difference"][w]) for w in ways if w != ours)]
        for name, r in found["rows"].items()
    ]
    return section(title, note, ["set", *ways, *(f"{ours} minus {w}" for w in ways if w != ours)], rows, "", found)


def section(
    title: str,
    note: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    text: str,
    found: Mapping[str, Any],
    intervals: bool = True,
) -> str:
    """A heading, what is shown, a table, a sentence, and where it comes from; ``intervals``: whether it has any."""
    parts = [f"## {title}", note, grid(heads, rows), text, origin(found, intervals)]
    return "\n\n".join(part for part in parts if part) + "\n"


def grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def points(share: float) -> str:
    """A share in percent."""
    return f"{100 * share:.1f}"


def gap(difference: Mapping[str, Any], scale: float = 100.0, places: int = 1) -> str:
    """A paired difference with its bootstrap interval."""
    low, high = difference["bootstrap"]
    return f"{scale * difference['mean']:+.{places}f} ({scale * low:+.{places}f} to {scale * high:+.{places}f})"


def listed(seeds: Sequence[int]) -> str:
    """0-9, or 0, 2, 3."""
    whole = list(range(seeds[0], seeds[-1] + 1)) == list(seeds)
    return f"{seeds[0]}-{seeds[-1]}" if whole and len(seeds) > 1 else ", ".join(map(str, seeds))


INTERVALS = "Intervals: bootstrap over draws and records."


def origin(found: Mapping[str, Any], intervals: bool = True) -> str:
    """Commit and command."""
    where = found["provenance"]
    plus = "" if where["clean"] else "+"
    return f"`{where['command']}`; commit {where['commit'][:12]}{plus}. {INTERVALS if intervals else ''}".strip()


WRITERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "crowd": crowd,
    "crowd_simulated": simulated,
    "weak_labels": rules,
    "votes": speed,
    "partial_labels": partial,
    "weak_evidence": kinds,
    "weak_evidence_earlier": earlier_kinds,
    "preference_units": anchored,
    "mil": bags,
    "noisy_labels": noisy,
    "wrong_labels": searches,
    "mixed": mixed,
}
