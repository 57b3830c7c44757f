"""Image folders, lists and arrays against the arrays that they were written from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from tacit.data.read import read
from tacit.data.sources import images as image_source

RNG = np.random.default_rng(0)


def pixels(*shape: int, dtype: type = np.uint8) -> NDArray:
    return RNG.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def save(path: Path, array: NDArray, **options: object) -> NDArray:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return array


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "tif", "webp", "PNG"])
@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_lossless_formats_come_back_exactly(tmp_path, suffix: str, shape: tuple[int, ...]) -> None:
    array = pixels(*shape)
    if suffix == "webp":
        array = np.repeat(array[..., None], 3, 2) if array.ndim == 2 else array
    save(tmp_path / f"a.{suffix}", array, **({"lossless": True} if suffix == "webp" else {}))
    records = read(tmp_path)
    assert records.modality == "image"
    assert records.ids == (f"a.{suffix}",)
    np.testing.assert_array_equal(records[0], array.reshape(5, 7, -1))
    assert records.schema == {"channels": 3 if array.ndim == 3 else 1, "dtype": "uint8", "size": [5, 7]}


def test_jpeg_is_what_pillow_decodes(tmp_path) -> None:
    save(tmp_path / "a.jpg", pixels(8, 8, 3))
    with Image.open(tmp_path / "a.jpg") as image:
        np.testing.assert_array_equal(read(tmp_path)[0], np.asarray(image))


def test_rgba_keeps_its_alpha_and_16_bits_stay(tmp_path) -> None:
    rgba = save(tmp_path / "alpha" / "a.png", pixels(4, 4, 4))
    np.testing.assert_array_equal(read(tmp_path / "alpha")[0], rgba)
    for suffix in ("png", "tiff"):
        deep = save(tmp_path / suffix / f"d.{suffix}", pixels(4, 4, dtype=np.uint16))
        records = read(tmp_path / suffix)
        assert records[0].dtype == np.uint16
        np.testing.assert_array_equal(records[0][..., 0], deep)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_tiff_of_many_channels(tmp_path, dtype: type, planar: str) -> None:
    array = RNG.uniform(0, 200, (9, 11, 6)).astype(dtype)
    stored = np.moveaxis(array, -1, 0) if planar == "separate" else array
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="minisblack", planarconfig=planar)
    records = read(tmp_path)
    assert records.schema == {"channels": 6, "dtype": np.dtype(dtype).name, "size": [9, 11]}
    np.testing.assert_array_equal(records[0], array)


def test_pages_of_a_tiff_are_channels_and_deep_colour_is_read(tmp_path) -> None:
    stack = pixels(5, 8, 9, dtype=np.uint16)
    (tmp_path / "stack").mkdir()
    tifffile.imwrite(tmp_path / "stack" / "a.tif", stack)
    np.testing.assert_array_equal(read(tmp_path / "stack")[0], np.moveaxis(stack, 0, -1))
    (tmp_path / "deep").mkdir()
    colour = pixels(8, 9, 3, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "deep" / "a.tif", colour, photometric="rgb")
    np.testing.assert_array_equal(read(tmp_path / "deep")[0], colour)


@pytest.mark.parametrize(("shape", "channels_first"), [((8, 9), False), ((8, 9, 12), False), ((5, 40, 30), True)])
def test_npy_images(tmp_path, shape: tuple[int, ...], channels_first: bool) -> None:
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", RNG.normal(size=shape))
    first = np.load(tmp_path / "a.npy").astype(np.float32)
    first = np.moveaxis(first, 0, -1) if channels_first else first.reshape(*first.shape[:2], -1)
    records = read(tmp_path, modality="image")
    assert records.schema["dtype"] == "float32"
    np.testing.assert_array_equal(records[0], first)


def test_palettes_bits_and_cmyk_become_plain_colours(tmp_path) -> None:
    Image.fromarray(pixels(6, 6, 3)).convert("P").save(tmp_path / "p.png")
    Image.fromarray(pixels(6, 6, 3)).convert("CMYK").save(tmp_path / "c.jpg")
    records = read(tmp_path)
    assert records.schema["channels"] == 3
    for i, name in enumerate(("c.jpg", "p.png")):
        with Image.open(tmp_path / name) as image:
            np.testing.assert_array_equal(records[i], np.asarray(image.convert("RGB")))
    (tmp_path / "bits").mkdir()
    bits = pixels(6, 6) > 128
    Image.fromarray(bits).save(tmp_path / "bits" / "b.png")
    np.testing.assert_array_equal(read(tmp_path / "bits")[0][..., 0], bits * np.uint8(255))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_exif_orientation_is_honoured(tmp_path, orientation: int, suffix: str) -> None:
    array = np.repeat(np.repeat(np.array([[0, 255], [90, 180], [40, 130]], np.uint8), 8, 0), 8, 1)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(array).save(tmp_path / f"a.{suffix}", exif=exif, **({"quality": 100} if suffix == "jpg" else {}))
    # Where the first row and column of the stored pixels belong, from the EXIF standard's table.
    upright = {
        1: array, 2: array[:, ::-1], 3: array[::-1, ::-1], 4: array[::-1],
        5: array.T, 6: array.T[:, ::-1], 7: array.T[::-1, ::-1], 8: array.T[::-1],
    }[orientation]  # fmt: skip
    records = read(tmp_path)
    assert records.schema["size"] == list(upright.shape)
    assert np.abs(records[0][..., 0].astype(int) - upright).max() <= 2


def test_mixed_grey_and_colour_become_rgb_and_mixed_depth_16_bits(tmp_path) -> None:
    grey = save(tmp_path / "colour" / "a.png", pixels(4, 4))
    rgba = save(tmp_path / "colour" / "b.png", pixels(4, 4, 4))
    records = read(tmp_path / "colour")
    assert "all read as RGB" in records.description
    np.testing.assert_array_equal(records[0], np.repeat(grey[..., None], 3, 2))
    np.testing.assert_array_equal(records[1], rgba[..., :3])
    shallow = save(tmp_path / "depth" / "a.png", pixels(4, 4))
    save(tmp_path / "depth" / "b.png", pixels(4, 4, dtype=np.uint16))
    records = read(tmp_path / "depth")
    assert "all read as 16" in records.description
    np.testing.assert_array_equal(records[0][..., 0], shallow * np.uint16(257))


def test_a_model_of_grey_images_reads_colour_as_pillow_does(tmp_path) -> None:
    colour = save(tmp_path / "a.png", pixels(16, 16, 3))
    grey = read(tmp_path).conform({"channels": 1, "dtype": "uint8", "size": [16, 16]})[0]
    expected = np.asarray(Image.fromarray(colour).convert("L")).astype(int)
    assert np.abs(grey[..., 0] - expected).max() <= 1


def test_class_folders_are_a_column_and_unlabelled_is_none(tmp_path) -> None:
    for name in ("cat/a.png", "dog/deep/b.png", "unlabelled/c.png", "Unknown/d.png", "e.png"):
        save(tmp_path / name, pixels(4, 4))
    records = read(tmp_path)
    assert dict(zip(records.ids, records.column("folder"), strict=True)) == {
        "cat/a.png": "cat", "dog/deep/b.png": "dog", "unlabelled/c.png": None, "Unknown/d.png": None, "e.png": None,
    }  # fmt: skip
    assert "2 class folders" in records.description


def test_one_folder_for_all_is_no_class_and_splits_are_their_own_column(tmp_path) -> None:
    for name in ("one/images/a.png", "one/images/b.png", "two/train/cat/a.png", "two/test/dog/a.png"):
        save(tmp_path / name, pixels(4, 4))
    assert read(tmp_path / "one").column("folder").tolist() == [None, None]
    records = read(tmp_path / "two")
    assert records.column("folder").tolist() == ["dog", "cat"]
    assert records.column("split").tolist() == ["test", "train"]


def test_litter_is_skipped_and_other_files_are_mentioned(tmp_path) -> None:
    save(tmp_path / "a.png", pixels(4, 4))
    for name in (".hidden.png", "Thumbs.db", "__MACOSX/._a.png", ".git/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"junk")
    (tmp_path / "labels.csv").write_text("id,label\na.png,cat\n")
    (tmp_path / "notes.txt").write_text("some notes")
    records = read(tmp_path)
    assert records.ids == ("a.png",)
    assert "ignored: 1 .csv, 1 .txt" in records.description
    assert "Thumbs" not in records.description


def test_a_folder_reached_through_a_loop_of_links_is_read_once(tmp_path) -> None:
    save(tmp_path / "cat" / "a.png", pixels(4, 4))
    (tmp_path / "cat" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert read(tmp_path).ids == ("cat/a.png",)


def test_image_list_in_csv(tmp_path) -> None:
    a, b = save(tmp_path / "img" / "a.png", pixels(4, 4)), save(tmp_path / "img" / "b.png", pixels(4, 4))
    (tmp_path / "list.csv").write_text("n,file,label\n1,img/b.png,dog\n2,./img/a.png,\n")
    records = read(tmp_path / "list.csv")
    assert records.modality == "image"
    assert records.ids == ("img/b.png", "img/a.png")
    assert records.column("label").tolist() == ["dog", None]
    np.testing.assert_array_equal(records[0][..., 0], b)
    np.testing.assert_array_equal(records[1][..., 0], a)
    assert read(tmp_path / "list.csv", id="n").ids == ("1", "2")
    assert read(tmp_path / "list.csv", modality="table", exclude=["label"]).modality == "table"


def test_single_image_and_list_of_paths(tmp_path) -> None:
    a = save(tmp_path / "x" / "a.png", pixels(4, 4))
    save(tmp_path / "y" / "b.png", pixels(4, 4))
    np.testing.assert_array_equal(read(tmp_path / "x" / "a.png")[0][..., 0], a)
    assert read([tmp_path / "y" / "b.png", tmp_path / "x" / "a.png"]).ids == ("y/b.png", "x/a.png")


def test_decoding_is_lazy_cached_and_bounded(tmp_path, monkeypatch) -> None:
    for i in range(4):
        save(tmp_path / f"{i}.png", pixels(8, 8))
    decoded: list[str] = []
    real = image_source.decode
    monkeypatch.setattr(image_source, "decode", lambda path: decoded.append(path.name) or real(path))
    monkeypatch.setattr(image_source, "CACHE_BYTES", 2 * 64)
    records = read(tmp_path)
    assert decoded == []
    first = records.gather([2, 2, 0])
    assert decoded == ["2.png", "0.png"]
    assert first[0] is first[1]
    records.gather()
    assert decoded[2:] == ["1.png", "3.png"]
    records.gather([0, 1, 2, 3])
    assert decoded[4:] == ["1.png", "3.png"]


def test_large_images_decode_the_same_in_threads(tmp_path, monkeypatch) -> None:
    arrays = [save(tmp_path / f"{i:02d}.png", pixels(9, 9)) for i in range(20)]
    monkeypatch.setattr(image_source, "THREADED_PIXELS", 1)
    for image, array in zip(read(tmp_path).gather(), arrays, strict=True):
        np.testing.assert_array_equal(image[..., 0], array)


def test_manifest_hash_changes_with_a_file(tmp_path) -> None:
    save(tmp_path / "a.png", pixels(4, 4))
    before = read(tmp_path).hash
    assert read(tmp_path).hash == before
    save(tmp_path / "a.png", pixels(9, 4))
    assert read(tmp_path).hash != before


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float64, np.int64, np.bool_])
def test_arrays_of_three_and_four_dimensions_are_images(dtype: type) -> None:
    array = RNG.integers(0, 2, (3, 6, 5)).astype(dtype)
    records = read(array)
    assert records.modality == "image"
    kept = {np.uint8: "uint8", np.uint16: "uint16", np.bool_: "uint8"}.get(dtype, "float32")
    assert records.schema == {"channels": 1, "dtype": kept, "size": [6, 5]}
    np.testing.assert_array_equal(records[1][..., 0], array[1] * (255 if dtype is np.bool_ else 1))
    assert read(np.zeros((2, 3, 32, 40), np.uint8))[0].shape == (32, 40, 3)
    assert "channels first" in read(np.zeros((2, 3, 32, 40), np.uint8)).description
    assert read(np.zeros((2, 32, 40, 3), np.uint8))[0].shape == (32, 40, 3)


def test_list_of_images_of_different_sizes() -> None:
    images = [pixels(4, 5), pixels(6, 3)]
    records = read(images)
    assert records.schema["size"] is None
    np.testing.assert_array_equal(records[1][..., 0], images[1])


def test_npz_takes_the_named_array_and_side_columns(tmp_path) -> None:
    x = pixels(5, 4, 4)
    np.savez(tmp_path / "d.npz", train_x=x, train_y=np.arange(5), test_x=pixels(9, 4, 4), test_y=np.arange(9))
    records = read(tmp_path / "d.npz")
    assert records.column("train_y").tolist() == [0, 1, 2, 3, 4]
    assert records.columns == ("train_y",)
    assert "not read: test_x, test_y" in records.description
    np.testing.assert_array_equal(records[4][..., 0], x[4])
    np.save(tmp_path / "x.npy", x)
    assert read(tmp_path / "x.npy").content_hash() == records.content_hash()
