from __future__ import annotations

import base64
import io
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tacit.report.confusion import confusion, count
from tacit.report.curves import split, thin
from tacit.report.embedding import choose, fit
from tacit.report.folder import Absent, read_folder
from tacit.report.outoffold import HeldOutClasses, HeldOutNumbers, held_out
from tacit.report.previews import Album, preview_of, to_pixels
from tacit.report.shares import Shares, Spread, shares
from tacit.report.text import Axis, finite, snippet, visible

from .make_run import HOSTILE, make_run


def test_finite_takes_numbers_only() -> None:
    assert [finite(v) for v in (1, 2.5, math.nan, math.inf, None, "3", True)] == [1.0, 2.5] + [None] * 5


def test_visible_text_is_one_line_without_tricks() -> None:
    assert visible("a\r\nb\tc\x00d\u202ee\ud800") == "a↵b c␀d\ufffde\ufffd"
    assert visible("x" * 500, 10) == "x" * 9 + "…"
    assert snippet("  a \n\n b  ") == "a b"


@pytest.mark.parametrize("values", [[0.0, 1.0], [-3.2, 17.0], [5.0], [], [1e-7, 3e-7], [1e9, 1.1e9], [-2.0, -2.0]])
def test_axis_holds_its_values_and_has_ticks_inside(values: list[float]) -> None:
    axis = Axis.around(values)
    assert all(0 <= axis.at(v) <= 100 for v in values)
    assert 2 <= len(axis.ticks) <= 11
    assert all(-1e-6 <= at <= 100 + 1e-6 for at, _ in axis.marks())
    labels = [label for _, label in axis.marks()]
    assert len(set(labels)) == len(labels)
    steps = np.diff(axis.ticks)
    assert np.allclose(steps, steps[0])
    assert round(steps[0] / 10 ** math.floor(math.log10(steps[0]) + 1e-9), 6) in (1, 2, 5)


def test_pixels_of_every_kind_of_image() -> None:
    rng = np.random.default_rng(0)
    same = rng.integers(0, 256, (5, 4, 3), dtype=np.uint8)
    assert np.array_equal(to_pixels(same), same)
    deep = np.array([[0, 65535], [32768, 100]], dtype=np.uint16)
    assert to_pixels(deep[:, :, None]).tolist() == [[0, 255], [128, 0]]
    real = np.array([[0.25, math.nan], [0.75, math.inf]], dtype=np.float32)
    assert to_pixels(real).tolist() == [[0, 0], [255, 255]]
    many = rng.random((3, 3, 7))
    low, high = many[..., :3].min(), many[..., :3].max()
    assert np.array_equal(to_pixels(many), np.round(255 * (many[..., :3] - low) / (high - low)))
    assert to_pixels(np.full((2, 2, 2), 7.0)).tolist() == [[0, 0], [0, 0]]
    assert to_pixels(np.eye(2, dtype=bool)).tolist() == [[255, 0], [0, 255]]
    assert to_pixels(rng.random((2, 2, 4))).shape == (2, 2, 4)


@pytest.mark.parametrize("shape", [(8, 8, 1), (200, 100, 3), (1, 500, 3), (60, 60, 4), (48, 48)])
def test_thumbnails_fit_and_small_images_stay_as_they_are(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    preview = preview_of(pixels, 48)
    data = base64.b64decode(preview.image.split(",")[1])
    image = Image.open(io.BytesIO(data))
    assert preview.image.startswith(f"data:image/{str(image.format).lower()};base64,")
    assert max(image.size) == min(48, max(shape[:2]))
    assert preview.crisp == (max(shape[:2]) <= 48)
    if image.format == "PNG" and preview.crisp:
        assert np.array_equal(np.asarray(image), pixels.squeeze())


def test_a_bag_is_its_size_and_means() -> None:
    bag = np.array([[1.0, np.nan, 2.0], [4.0, np.nan, np.nan]])
    assert preview_of(bag).cells == (
        ("instances", "2"),
        ("mean of column 0", "2.5"),
        ("mean of column 1", "–"),
        ("mean of column 2", "2"),
    )


def test_album_asks_once_per_record_and_stops_when_the_room_is_spent() -> None:
    asked: list[str] = []

    def samples(ids: Any) -> list[Any]:
        asked.extend(ids)
        return ["word " * 4] * len(ids)

    album = Album(samples, room=19 * 70)
    ids = [str(k) for k in range(200)]
    found = album.show([*ids, *ids])
    assert len(asked) == len(set(asked)) == 128
    assert [p is not None for p in found] == ([True] * 128 + [False] * 72) * 2


def test_labelled_records_are_kept_when_the_map_is_thinned() -> None:
    rng = np.random.default_rng(1)
    labelled = rng.random(9000) < 0.1
    chosen = choose(np.arange(9000), labelled, seed=3)
    assert len(chosen) == len(set(chosen.tolist())) == 2000
    assert set(np.flatnonzero(labelled)) <= set(chosen.tolist())
    assert np.array_equal(chosen, choose(np.arange(9000), labelled, seed=3))
    assert not np.array_equal(chosen, choose(np.arange(9000), labelled, seed=4))


@pytest.mark.parametrize("xy", [[[0, 0], [3, 1]], [[0, 0], [1, 9]], [[2, 2]], [[1, 0], [1, 5]]])
def test_the_map_keeps_proportions_and_stays_in_its_box(xy: list[list[float]]) -> None:
    points = np.array(xy, dtype=float)
    at, (width, height) = fit(points)
    assert (at >= 0).all()
    assert (at <= [width, height]).all()
    assert 500 <= height <= width == 1000
    if len(points) > 1:
        (dx, dy), (ex, ey) = points[1] - points[0], at[1] - at[0]
        assert ex * dy == pytest.approx(-ey * dx)


def test_out_of_fold_predictions_are_averaged_over_seeds(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    held = held_out(read_folder(folder))
    assert isinstance(held, HeldOutClasses)
    sums: dict[str, list[np.ndarray[Any, Any]]] = {}
    given = {}
    for row in pq.read_table(folder / "oof.parquet").to_pylist():
        if row["candidate"] == "fixmatch":
            sums.setdefault(row["id"], []).append(np.exp(row["log_p"]))
            given[row["id"]] = row["given"]
    assert sorted(held.ids) == sorted(sums)
    for one, p, y in zip(held.ids, held.p, held.given, strict=True):
        assert len(sums[one]) == 2
        assert p == pytest.approx(np.mean(sums[one], axis=0))
        assert y == given[one]


def test_out_of_fold_numbers_are_a_mixture_over_seeds(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", None)
    held = held_out(read_folder(folder))
    assert isinstance(held, HeldOutNumbers)
    rows = [r for r in pq.read_table(folder / "oof.parquet").to_pylist() if r["candidate"] == "fixmatch"]
    rng = np.random.default_rng(0)
    one = held.ids[5]
    draws = np.concatenate([rng.normal(r["mean"], math.exp(r["log_scale"]), 200_000) for r in rows if r["id"] == one])
    assert held.mean[5] == pytest.approx(draws.mean(), abs=0.02)
    assert held.scale[5] == pytest.approx(draws.std(), rel=0.01)


@pytest.mark.parametrize("as_names", [False, True])
def test_confusions_are_counted_by_hand(tmp_path: Path, as_names: bool) -> None:
    names = ["1", "0", "x"]
    truth, guess = [0, 0, 1, 2, 2, 2], [0, 1, 1, 0, 0, 2]
    folder = make_run(tmp_path / "run", names)
    table = {
        "id": [f"r{k}" for k in range(7)],
        "candidate": ["fixmatch"] * 7,
        "given": [*([names[y] for y in truth] if as_names else truth), None],
        "log_p": [np.log(np.eye(3)[y] * 0.9 + 0.05).tolist() for y in [*guess, 0]],
    }
    pq.write_table(pa.table(table), folder / "oof.parquet")
    run = read_folder(folder)
    held = held_out(run)
    assert isinstance(held, HeldOutClasses)
    found = confusion(run, held)
    assert not isinstance(found, Absent)
    assert [[c.count for c in cells] for _, cells, _, _ in found.rows] == [[1, 1, 0], [0, 1, 0], [2, 0, 1]]
    assert (found.right, found.total) == (3, 6)
    assert found.pairs[0] == ("x", "1", 2, 3)


def test_confusions_of_very_many_classes_are_pooled_without_loss(tmp_path: Path) -> None:
    names = [f"c{k}" for k in range(80)]
    folder = read_folder(make_run(tmp_path / "run", names, records=400, labelled=300))
    held = held_out(folder)
    assert isinstance(held, HeldOutClasses)
    found = confusion(folder, held)
    assert not isinstance(found, Absent)
    assert found.names[-1] == "20 others"
    assert sum(c.count for _, cells, _, _ in found.rows for c in cells) == 300
    assert found.right == int(np.trace(count(held.given, held.p.argmax(axis=1), 80)))


def test_shares_are_those_of_labels_and_of_unlabelled_predictions(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", HOSTILE, records=90, labelled=31)
    rows = pq.read_table(folder / "predictions.parquet").to_pylist()
    found = shares(read_folder(folder))
    assert isinstance(found, Shares)
    assert (found.labelled, found.predicted) == (31, 59)
    given = Counter(r["given"] for r in rows if r["split"] == "labelled")
    guess = Counter(r["label"] for r in rows if r["split"] == "unlabelled")
    (a0, t0), (a1, t1) = [(at, float(text.removesuffix(" %"))) for at, text in found.marks[:2]]
    for name, row in zip(HOSTILE, found.rows, strict=True):
        for at, times, of in ((row.given, given[name], 31), (row.predicted, guess[name], 59)):
            assert t0 + (at - a0) * (t1 - t0) / (a1 - a0) == pytest.approx(100 * times / of, abs=0.02)


def test_histograms_cover_all_values(tmp_path: Path) -> None:
    found = shares(read_folder(make_run(tmp_path / "run", None)))
    assert isinstance(found, Spread)
    assert (found.labelled, found.total) == (48, 192)
    tops = [[float(step.split("H")[0]) for step in path.split("V")[1:-1]] for path in (found.given, found.predicted)]
    heights = 100 - np.array(tops)
    assert (heights >= 0).all()
    assert heights.sum(axis=1)[0] == pytest.approx(heights.sum(axis=1)[1], rel=0.02)


def test_a_step_that_falls_back_begins_a_new_line() -> None:
    curve = [(0.0, 1.0), (5.0, 0.5), (0.0, 2.0), (5.0, 1.5), (5.0, 1.0)]
    assert split(curve) == [curve[:2], curve[2:4], curve[4:]]


def test_thinning_keeps_the_mean_and_short_curves() -> None:
    curve = [(float(k), math.sin(k)) for k in range(3200)]
    short = thin(curve)
    assert len(short) == 160
    assert np.mean(short, axis=0) == pytest.approx(np.mean(curve, axis=0))
    assert thin(curve[:7]) == curve[:7]


def test_probabilities_of_scattered_rows(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", HOSTILE, records=500)
    table = pq.read_table(folder / "predictions.parquet")
    pq.write_table(table, folder / "predictions.parquet", row_group_size=64)
    rows = np.random.default_rng(0).integers(0, 500, 80)
    found = read_folder(folder).probabilities(rows)
    expected = np.column_stack([table[f"p_{name}"].to_numpy() for name in HOSTILE])[rows]
    assert found is not None
    assert np.array_equal(found, expected)


def test_class_names_without_probabilities_are_no_error(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run")
    table = pq.read_table(folder / "predictions.parquet").drop_columns(["p_cat"])
    pq.write_table(table, folder / "predictions.parquet")
    assert read_folder(folder).probabilities(np.array([0])) is None
    assert json.loads((folder / "run.json").read_text())["task"]["names"][0] == "cat"
