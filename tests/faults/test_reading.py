"""Bad input to reading: every path ends in one clear error that names the place, or in a stated fallback."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tacit.data.read import read
from tacit.errors import InputError
from tacit.labels.read import read_labels


def refused(function: Callable[..., Any], *arguments: Any, says: list[str], **options: Any) -> None:
    """``function`` raises an `InputError` of one line that mentions each of ``says``."""
    with pytest.raises(InputError) as caught:
        function(*arguments, **options)
    message = str(caught.value)
    for part in says:
        assert part in message
    assert "\n" not in message


def picture(path: Path, *shape: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.random.default_rng(0).integers(0, 255, shape or (64, 64, 3), dtype=np.uint8)
    Image.fromarray(array).save(path)
    return path


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# Images.


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp", "webp", "npy"])
def test_zero_byte_image(tmp_path, suffix: str) -> None:
    picture(tmp_path / "good.png")
    (tmp_path / f"zero.{suffix}").touch()
    refused(read, tmp_path, says=[f"zero.{suffix}", "empty (0 bytes)"])


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp", "webp", "npy"])
def test_corrupt_image(tmp_path, suffix: str) -> None:
    picture(tmp_path / "good.png")
    written(tmp_path / f"junk.{suffix}", b"this is no image at all" * 9)
    refused(read, tmp_path, says=[f"junk.{suffix}", "corrupt"])


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp", "webp"])
def test_truncated_image(tmp_path, suffix: str) -> None:
    path = picture(tmp_path / f"cut.{suffix}")
    written(path, path.read_bytes()[: path.stat().st_size // 2])
    refused(lambda: read(tmp_path).gather(), says=[f"cut.{suffix}", "truncated"])


def test_truncated_npy_image(tmp_path) -> None:
    for name in ("a.npy", "cut.npy"):
        np.save(tmp_path / name, np.zeros((16, 16, 3), np.uint8))
    written(tmp_path / "cut.npy", (tmp_path / "cut.npy").read_bytes()[:300])
    refused(read, tmp_path, says=["cut.npy", "truncated"])


def test_several_broken_images_are_all_named(tmp_path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.png").touch()
    refused(read, tmp_path, says=["a.png is empty", "Nor can these be read", "b.png", "c.png"])


def test_decompression_bomb(tmp_path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    written(tmp_path / "bomb.png", b"\x89PNG\r\n\x1a\n" + body)
    refused(read, tmp_path, says=["bomb.png", "more pixels than are safe"])


def test_channels_that_cannot_be_made_alike(tmp_path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((20, 20, 3), np.uint8))
    np.save(tmp_path / "b.npy", np.zeros((20, 20, 6), np.uint8))
    refused(read, tmp_path, says=["a.npy has 3 channels", "b.npy 6 channels"])


def test_pixel_types_that_cannot_be_made_alike(tmp_path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((20, 20, 3), np.uint8))
    np.save(tmp_path / "b.npy", np.zeros((20, 20, 3), np.float32))
    refused(read, tmp_path, says=["a.npy has uint8", "b.npy float32"])


def test_npy_that_is_no_picture(tmp_path) -> None:
    for name, shape in (("a.npy", (20, 20)), ("b.npy", (2, 2, 20, 20))):
        np.save(tmp_path / name, np.zeros(shape, np.uint8))
    refused(read, tmp_path, says=["b.npy", "(2, 2, 20, 20)", "height, width"])


def test_infinite_pixels(tmp_path) -> None:
    images = np.zeros((3, 5, 5), np.float32)
    images[1, 2, 2] = np.inf
    refused(lambda: read(images).gather(), says=["image 1", "infinite"])


def test_a_model_of_colour_images_refuses_six_channels() -> None:
    records = read(np.zeros((2, 20, 20, 6), np.uint8))
    refused(records.conform, {"channels": 3, "dtype": "uint8", "size": None}, says=["6 channels", "3 are expected"])


# Folders and paths.


def test_empty_folder(tmp_path) -> None:
    refused(read, tmp_path, says=[str(tmp_path), "is empty"])


def test_folder_of_only_litter(tmp_path) -> None:
    written(tmp_path / ".hidden.png", "x")
    refused(read, tmp_path, says=["is empty"])


def test_folder_of_other_files(tmp_path) -> None:
    written(tmp_path / "a.pdf", "x")
    refused(read, tmp_path, says=[str(tmp_path), "no images or texts", "1 .pdf"])


def test_folder_of_several_tables(tmp_path) -> None:
    for name in ("a.csv", "b.csv"):
        written(tmp_path / name, "x,y\n1,2\n")
    refused(read, tmp_path, says=["several tables", "a.csv", "b.csv"])


def test_no_such_file_suggests_the_nearest(tmp_path) -> None:
    written(tmp_path / "photos.csv", "x,y\n1,2\n")
    refused(read, tmp_path / "photo.csv", says=["photo.csv", "Did you mean", "photos.csv"])
    refused(read, tmp_path / "no" / "where.csv", says=["where.csv", "does not exist either"])
    refused(read, "", says=["path is empty"])


def test_unknown_kind_of_file_and_pickles(tmp_path) -> None:
    refused(read, written(tmp_path / "a.xlsx", b"PK"), says=["a.xlsx", ".csv"])
    refused(read, written(tmp_path / "a.pkl", b"x"), says=["a.pkl", "never loaded"])


def test_unknown_modality_suggests_the_nearest() -> None:
    refused(read, ["a b"], "images", says=["'images'", "Did you mean 'image'"])


def test_column_named_for_a_folder(tmp_path) -> None:
    picture(tmp_path / "a.png")
    refused(read, tmp_path, id="name", says=["--id names a column", str(tmp_path)])


# Image lists.


def test_listed_path_leads_out_of_the_folder(tmp_path) -> None:
    picture(tmp_path / "secret.png")
    (tmp_path / "in").mkdir()
    for cell in ("../secret.png", "x/../../secret.png", str(tmp_path / "secret.png")):
        path = written(tmp_path / "in" / "list.csv", f"file,label\n{cell},1\n")
        refused(read, path, says=["list.csv", "row 2", "'file'", "leads out of the folder"])


def test_listed_image_does_not_exist(tmp_path) -> None:
    picture(tmp_path / "cat1.png")
    path = written(tmp_path / "list.csv", "file,label\ncat1.png,1\ncat_1.png,0\n")
    refused(read, path, says=["list.csv", "row 3", "'file'", "Did you mean", "cat1.png"])


def test_listed_twice_or_not_at_all(tmp_path) -> None:
    picture(tmp_path / "a.png")
    path = written(tmp_path / "list.csv", "file,label\na.png,1\n./a.png,0\n")
    refused(read, path, says=["list.csv", "'a.png' occurs twice", "row 2", "row 3"])
    path = written(tmp_path / "list.csv", "file,label\na.png,1\n,0\n")
    refused(read, path, says=["list.csv", "row 3", "'file'", "missing"])


def test_column_without_paths(tmp_path) -> None:
    path = written(tmp_path / "list.csv", "a,b\n1,2\n2,3\n")
    refused(read, path, "image", says=["list.csv", "--path"])


# Tables.


def test_ragged_csv_names_the_row(tmp_path) -> None:
    path = written(tmp_path / "r.csv", 'a,b\n1,"two\nlines"\n3,4,5\n')
    refused(read, path, says=["r.csv", "row 3", "line 4", "3 cells", "2 columns"])
    path = written(tmp_path / "s.csv", "a,b\n1,2\n3\n")
    refused(read, path, says=["s.csv", "row 3", "1 cells"])


def test_wrong_encoding_names_byte_and_line(tmp_path) -> None:
    path = written(tmp_path / "l.csv", "a,b\n1,x\n2,caf\xe9\n".encode("latin-1"))
    refused(read, path, says=["l.csv", "not UTF-8", "byte 13", "0xe9", "line 3"])
    path = written(tmp_path / "u.csv", "a,b\n1,x\n".encode("utf-16"))
    refused(read, path, says=["u.csv", "UTF-16", "expected UTF-8"])
    path = written(tmp_path / "z.csv", b"a,b\n1,x\0y\n")
    refused(read, path, says=["z.csv", "zero byte", "line 2"])


def test_wrong_encoding_in_a_text_file(tmp_path) -> None:
    written(tmp_path / "good.txt", "fine")
    written(tmp_path / "old.txt", "gr\xfc\xdfe".encode("latin-1"))
    refused(lambda: read(tmp_path).gather(), says=["old.txt", "not UTF-8", "byte 2", "line 1"])


def test_duplicate_ids_name_both_rows(tmp_path) -> None:
    path = written(tmp_path / "d.csv", "key,x\na,1\nb,2\na,3\n")
    refused(read, path, id="key", says=["d.csv", "'key'", "'a' occurs twice", "row 2", "row 4"])


def test_missing_id_names_the_row(tmp_path) -> None:
    path = written(tmp_path / "d.csv", "key,x\na,1\n,2\n")
    refused(read, path, id="key", says=["d.csv", "row 3", "'key'", "missing"])


def test_duplicate_ids_in_a_column_that_only_looks_like_one_fall_back_to_rows(tmp_path) -> None:
    path = written(tmp_path / "d.csv", "id,x\na,1\na,2\n")
    assert read(path).ids == ("0", "1")


def test_unknown_columns_suggest_the_nearest(tmp_path) -> None:
    path = written(tmp_path / "d.csv", "number,income\n1,1\n2,2\n3,5\n")
    refused(read, path, id="nummer", says=["d.csv", "'nummer'", "Did you mean 'number'"])
    refused(read, path, exclude=["incom"], says=["d.csv", "'incom'", "Did you mean 'income'"])
    refused(read, path, text="txt", says=["d.csv", "no column 'txt'"])
    refused(read, path, "table", text="income", says=["--text", "'table'"])


@pytest.mark.parametrize("token", ["inf", "-Infinity", "1e999"])
def test_infinite_number_names_row_and_column(tmp_path, token: str) -> None:
    path = written(tmp_path / "i.csv", f"a,b\n1,2\n3,{token}\n5,\n")
    refused(read, path, says=["i.csv", "row 3", "'b'", "infinite"])


def test_infinite_number_in_memory_and_in_json(tmp_path) -> None:
    array = np.array([[1.0, 2.0], [3.0, np.inf]])
    refused(read, array, says=["row 1, counting from 0", "'x1'", "infinite"])
    refused(read, pd.DataFrame(array, columns=["a", "b"]), says=["row 1", "'b'", "infinite"])
    path = written(tmp_path / "i.jsonl", '{"a": 1, "b": 2}\n\n{"a": 2, "b": -Infinity}\n')
    refused(read, path, says=["i.jsonl", "line 3", "'b'", "infinite"])


def test_repeated_column_name(tmp_path) -> None:
    refused(read, written(tmp_path / "c.csv", "a,b,a\n1,2,3\n"), says=["c.csv", "two columns are named 'a'"])


def test_empty_tables(tmp_path) -> None:
    refused(read, written(tmp_path / "e.csv", " \n"), says=["e.csv", "empty"])
    refused(read, written(tmp_path / "h.csv", "a,b\n"), says=["h.csv", "no rows"])


def test_nothing_to_learn_from(tmp_path) -> None:
    path = written(tmp_path / "n.csv", "id,y,z\n1,a,\n2,b,\n")
    refused(read, path, exclude=["y"], says=["n.csv", "no column to learn from", "'z': it is empty"])


def test_json_that_cannot_be_held(tmp_path) -> None:
    deep, long = "[" * 100_000, "9" * 5_000
    refused(read, written(tmp_path / "d.jsonl", f'{{"a": 1}}\n{{"a": {deep}\n'), says=["d.jsonl", "line 2", "deeply"])
    refused(read, written(tmp_path / "d.json", deep), says=["d.json", "deeply"])
    refused(read, written(tmp_path / "n.jsonl", f'{{"a": {long}}}\n'), says=["n.jsonl", "line 1", "digits"])
    refused(read, written(tmp_path / "n.json", f'[{{"a": {long}}}]'), says=["n.json", "digits"])


def test_broken_jsonl_names_the_line(tmp_path) -> None:
    path = written(tmp_path / "b.jsonl", '{"a": 1}\n\n{"a": 2\n')
    refused(read, path, says=["b.jsonl", "line 3", "no valid JSON"])
    refused(read, written(tmp_path / "l.jsonl", '{"a": 1}\n[2]\n'), says=["l.jsonl", "line 2", "object"])
    refused(read, written(tmp_path / "a.json", '[{"a": 1},\n{"a": ]'), says=["a.json", "line 2"])


def test_broken_parquet_and_gzip(tmp_path) -> None:
    refused(read, written(tmp_path / "p.parquet", b"PAR1 but not really"), says=["p.parquet", "Parquet"])
    refused(read, written(tmp_path / "g.csv.gz", b"a,b\n1,2\n"), says=["g.csv.gz", "gzip"])


def test_text_where_a_model_expects_a_number(tmp_path) -> None:
    schema = read(written(tmp_path / "a.csv", "age,b\n1,2\n3,5\n")).schema
    later = read(written(tmp_path / "b.csv", "age,b\n1,2\nold,5\n"))
    refused(later.conform, schema, says=["b.csv", "row 3", "'age'", "'old' is no number"])


def test_another_form_than_the_model_s(tmp_path) -> None:
    texts, images = read(["a b", "c d"]), read(np.zeros((2, 9, 9), np.uint8))
    table = read(np.array([[1.0, 2.0], [2.0, 3.0]]))
    for records in (texts, images, table):
        for other in (texts, images, table):
            if other is not records:
                refused(records.conform, other.schema, says=["cannot be read in the form"])


# Texts and arrays.


def test_texts_that_are_all_empty(tmp_path) -> None:
    path = written(tmp_path / "t.csv", "text,y\n,1\n,0\n")
    refused(read, path, text="text", says=["t.csv", "'text'", "every text is empty"])
    refused(read, ["", " "], says=["every text is empty"])


def test_pickled_arrays_are_never_loaded(tmp_path) -> None:
    bad = np.array([{"a": 1}, None], dtype=object)
    np.save(tmp_path / "o.npy", bad, allow_pickle=True)
    np.savez(tmp_path / "o.npz", x=bad)
    refused(read, tmp_path / "o.npy", says=["o.npy", "never loaded"])
    refused(read, tmp_path / "o.npz", says=["o.npz", "never loaded"])


def test_archives_without_records(tmp_path) -> None:
    np.savez(tmp_path / "a.npz", offsets=np.arange(3), scale=np.array(2.0))
    refused(read, tmp_path / "a.npz", says=["a.npz", "no array of records", "offsets, scale"])
    with zipfile.ZipFile(tmp_path / "z.npz", "w") as archive:
        archive.writestr("x.npy", b"junk")
    refused(read, tmp_path / "z.npz", says=["z.npz", "no readable NumPy file"])
    refused(read, written(tmp_path / "n.npz", b"junk"), says=["n.npz", "no readable NumPy file"])


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ([], ["list is empty"]),
        (np.zeros((0, 3)), ["(0, 3)", "no records"]),
        (np.zeros(5), ["(5,)", "reshape(-1, 1)"]),
        (np.zeros((2, 3, 4, 5, 6)), ["(2, 3, 4, 5, 6)", "four dimensions"]),
        (np.zeros((2, 3), complex), ["complex"]),
        (["a", 1.5, object()], ["list"]),
        ([[1, 2], [3]], ["list mixes kinds or lengths"]),
        (pd.DataFrame(), ["data frame", "no records"]),
        (object(), ["cannot read a object"]),
    ],
)
def test_data_in_memory_that_is_no_data(source: Any, says: list[str]) -> None:
    refused(read, source, says=says)


def test_sparse_matrices() -> None:
    import scipy.sparse

    refused(read, scipy.sparse.eye(3).tocsr(), says=["sparse", "toarray"])


# Labels.


def test_labels_for_records_that_do_not_exist(tmp_path) -> None:
    for name in ("cat_001.png", "cat_002.png"):
        picture(tmp_path / "photos" / name)
    path = written(tmp_path / "l.csv", "file,label\ncat_001.png,a\ncat-002.png,b\nx.png,c\n")
    refused(
        read_labels, path, read(tmp_path / "photos"),
        says=["l.csv", "'file'", "'cat-002.png' (row 3", "'x.png' (row 4", "Did you mean 'cat_002.png'", "1 of 3"],
    )  # fmt: skip


def test_labels_that_contradict_each_other(tmp_path) -> None:
    path = written(tmp_path / "l.csv", "id,label\n0,a\n1,b\n0,<b>c</b>\n")
    refused(read_labels, path, read(["a b", "c d"]), says=["l.csv", "row 2", "row 4", "'a'", "'<b>c</b>'"])


def test_ambiguous_short_names(tmp_path) -> None:
    for name in ("x/1.png", "y/1.png"):
        picture(tmp_path / "photos" / name)
    path = written(tmp_path / "l.csv", "id,label\n1.png,a\n")
    refused(read_labels, path, read(tmp_path / "photos"), says=["l.csv", "row 2", "'1.png'", "x/1.png, y/1.png"])


def test_labels_without_id_or_label_column(tmp_path) -> None:
    records = read(["a b", "c d"])
    refused(read_labels, written(tmp_path / "o.csv", "label\na\nb\n"), records, says=["o.csv", "one column"])
    path = written(tmp_path / "t.csv", "id,first,second\n0,a,b\n")
    refused(read_labels, path, records, says=["t.csv", "first, second", "target"])
    refused(read_labels, path, records, target="frist", says=["t.csv", "'frist'", "Did you mean 'first'"])
    path = written(tmp_path / "m.csv", "id,label\n0,a\n,b\n")
    refused(read_labels, path, records, says=["m.csv", "row 3", "'id'", "missing"])


def test_label_file_in_another_encoding(tmp_path) -> None:
    path = written(tmp_path / "l.csv", "id,label\n0,caf\xe9\n".encode("latin-1"))
    refused(read_labels, path, read(["a b", "c d"]), says=["l.csv", "not UTF-8", "line 2"])


def test_messages_are_single_sentences_of_ordinary_length(tmp_path) -> None:
    names = [f"column {i}" for i in range(200)]
    path = written(tmp_path / "w.csv", ",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")
    with pytest.raises(InputError) as caught:
        read(path, id="zzz")
    assert re.match(r"w.csv has no column 'zzz'\.", str(caught.value))
