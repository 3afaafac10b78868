import io
import struct
import zlib

import numpy as np
import pandas as pd
import pytest
from conftest import png, truncate, write_openi
from PIL import Image
from small_study import run_stage

from lungfuse.archive import Member
from lungfuse.datasets import openi
from lungfuse.errors import UserError
from lungfuse.imaging.decode import DECODE_ERRORS, decode
from lungfuse.imaging.markers import brightest
from lungfuse.ingest.images import write_array
from lungfuse.settings.ingest import ImageSettings

SMALL = ImageSettings(image_size=16, fit="stretch")


def test_an_image_becomes_a_grey_square_and_keeps_its_source_size():
    pixels, source = decode(png(40, 30), SMALL)
    assert pixels.shape == (16, 16)
    assert pixels.dtype == np.uint8
    assert source == (40, 30)


COLOUR = ImageSettings(image_size=16, fit="stretch", colour=True)


def test_colours_are_kept_where_the_settings_say_so_and_grey_is_three_times_the_same():
    red = saved(np.full((30, 40, 3), [250, 20, 0], np.uint8))
    assert decode(red, COLOUR)[0][8, 8].tolist() == [250, 20, 0]
    assert decode(red, SMALL)[0].shape == (16, 16)
    for data in [png(), png(dtype=np.uint16, brightest=4095)]:
        pixels, source = decode(data, COLOUR)
        assert pixels.shape == (16, 16, 3) and source == (40, 30)
        assert np.array_equal(pixels[..., 0], decode(data, SMALL)[0])
        assert (pixels == pixels[..., :1]).all()
    with pytest.raises(ValueError, match="has colours of 16 bits"):
        decode(deep_colour_png(), COLOUR)


def test_an_array_with_colours_has_an_axis_of_them(tmp_path):
    write_array([Member("a.png", png())], {"a"}, COLOUR, tmp_path / "images.npy")
    assert np.load(tmp_path / "images.npy").shape == (1, 16, 16, 3)


def test_pad_keeps_everything_crop_fills_the_square():
    wide = png(64, 32)
    assert (decode(wide, ImageSettings(image_size=32, fit="pad"))[0][:8] == 0).all()
    assert (decode(wide, ImageSettings(image_size=32, fit="crop"))[0][4:] > 0).all()


@pytest.mark.parametrize(("bits", "brightest"), [(8, 255), (12, 4095), (16, 65535)])
def test_deep_images_are_scaled_to_8_bits(bits, brightest):
    pixels, _ = decode(png(dtype=np.uint16, brightest=brightest), SMALL)
    assert pixels.max() > 240, f"{bits} bits"
    assert abs(pixels.mean() - 127) < 3


def saved(pixels: np.ndarray) -> bytes:
    """An image file without loss, TIFF."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "tiff")
    return data.getvalue()


def deep_colour_png() -> bytes:
    """Two by one pixels of 16 bits a colour, 12 of them used."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"\0" + struct.pack(">6H", 0, 0, 0, 4095, 4095, 4095)
    head = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_signed_samples_of_32_bits_are_scaled_as_long_as_none_is_negative():
    pixels, _ = decode(saved(np.linspace(0, 70_000, 1200).reshape(30, 40).astype(np.int32)), SMALL)
    assert pixels.max() > 120 and abs(pixels.mean() - pixels.max() / 2) < 3


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (saved(np.linspace(0, 1, 1200, dtype=np.float32).reshape(30, 40)), "has samples that are fractions"),
        (saved(np.linspace(-1000, 3000, 1200).reshape(30, 40).astype(np.int32)), "has negative samples"),
        (deep_colour_png(), "has colours of 16 bits"),
    ],
)
def test_samples_whose_black_and_white_are_not_known_are_refused(data, reason):
    with pytest.raises(ValueError, match=f"{reason}.*; save it"):
        decode(data, SMALL)


@pytest.mark.parametrize("data", [b"", png()[: len(png()) // 2], b"no image", png()[:20]])
def test_what_is_no_whole_image_raises(data):
    with pytest.raises(DECODE_ERRORS):
        decode(data, SMALL)


def test_the_array_holds_the_wanted_images_in_archive_order(tmp_path):
    members = [Member(f"{name}.png", png(brightest=value)) for name, value in [("b", 200), ("x", 90), ("a", 100)]]
    found, rejected = write_array(members, {"a", "b"}, SMALL, tmp_path / "images.npy", threads=2)
    array = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert [(row["image_id"], row["row"]) for row in found] == [("b", 0), ("a", 1)]
    assert array.shape == (2, 16, 16)
    assert np.array_equal(array[1], decode(png(brightest=100), SMALL)[0])
    assert rejected == []


def test_an_empty_archive_gives_an_empty_array(tmp_path):
    write_array([], {"a"}, SMALL, tmp_path / "images.npy")
    assert np.load(tmp_path / "images.npy").shape == (0, 16, 16)


def test_the_stage_names_what_it_could_not_use(tmp_path):
    images = [
        ("good", png()),
        ("half", png()[:60]),
        ("empty", b""),
        ("page", b"<html>"),
        ("good", png()),
        ("lateral", png()),
    ]
    raw = write_openi(tmp_path, {}, images, frontal=[])
    views = [(name, "Frontal") for name in ["good", "half", "empty", "absent", "page"]] + [("lateral", "Lateral")]
    pd.DataFrame(views, columns=["image_id", "view"]).assign(report_id="CXR1").to_csv(
        tmp_path / "views.csv", index=False
    )
    run_stage("images", dataset="openi", raw=raw, view="Frontal", images=SMALL, views=tmp_path / "views.csv",
        array=tmp_path / "images.npy", index=tmp_path / "index.csv",
        rejected_images=tmp_path / "rejected.csv")  # fmt: skip
    assert list(pd.read_csv(tmp_path / "index.csv")["image_id"]) == ["good"]
    rejected = pd.read_csv(tmp_path / "rejected.csv").set_index("id")["reason"]
    assert rejected["half"].startswith("cannot be decoded")
    assert rejected["empty"] == "cannot be decoded (has zero bytes)"
    assert rejected["good"] == "is twice in the raw images (good.png); the first is used"
    assert rejected["absent"] == "not in the raw images"
    assert rejected["page"] == "cannot be decoded (is of no image format that is known)", "the same in every run"
    assert set(rejected.index) == {"half", "empty", "good", "absent", "page"}


def test_a_truncated_archive_leaves_no_array(tmp_path):
    raw = write_openi(tmp_path / "raw", {}, [(f"CXR{n}_a", png()) for n in range(9)], frontal=[])
    truncate(raw / "NLMCXR_png.tgz", 0.8)
    (tmp_path / "views.csv").write_text("image_id,report_id,view\nCXR1_a,CXR1,Frontal\n")
    out = tmp_path / "out"
    with pytest.raises(UserError, match=r"NLMCXR_png\.tgz: truncated or corrupt"):
        run_stage("images",
            dataset="openi", raw=raw, view="Frontal", images=SMALL, views=tmp_path / "views.csv",
            array=out / "images.npy", index=out / "index.csv", rejected_images=out / "rejected.csv",
        )  # fmt: skip
    assert list(out.iterdir()) == []


def test_raw_images_that_are_replaced_while_they_are_read_are_reported(tmp_path, monkeypatch):
    raw = write_openi(tmp_path / "raw", {}, [("CXR1_a", png())], frontal=[])
    later = write_openi(tmp_path / "later", {}, [("CXR1_a", png(brightest=99))], frontal=[])
    (tmp_path / "views.csv").write_text("image_id,report_id,view\nCXR1_a,CXR1,Frontal\n")

    def read_and_replace(folder):
        yield from openi.read_members(folder / openi.IMAGES, ".png", 1 << 20)
        (later / openi.IMAGES).rename(folder / openi.IMAGES)

    monkeypatch.setattr(openi, "read_images", read_and_replace)
    with pytest.raises(UserError, match=r"NLMCXR_png\.tgz: changed while it was read"):
        run_stage("images", dataset="openi", raw=raw, view="Frontal", images=SMALL, views=tmp_path / "views.csv",
            array=tmp_path / "images.npy", index=tmp_path / "index.csv",
        rejected_images=tmp_path / "rejected.csv")  # fmt: skip


RAMP = np.tile(np.linspace(0, 4095, 200).astype(np.uint16), (200, 1))  # 12 bits of 16


SHADES = (RAMP >> 4).astype(np.uint8)


def marked(value: int, side: int) -> np.ndarray:
    """The ramp with a square of one value drawn on it."""
    pixels = RAMP.copy()
    pixels[:side, :side] = value
    return pixels


@pytest.mark.parametrize(("value", "side"), [(65535, 30), (65535, 1), (4096, 1), (60000, 4)])
def test_a_marker_does_not_darken_the_image_below_it(value, side):
    found, _ = decode(encoded(marked(value, side)), SMALL)
    plain, _ = decode(encoded(RAMP), SMALL)
    assert (found[4:] == plain[4:]).all() and found[4:].max() > 240


EDGE = np.clip(np.minimum(np.arange(200) - 5, 40 - np.arange(200)) / 4, 0, 1)  # of a marker, four samples wide
SOFT = np.outer(EDGE, EDGE)
SPREAD = np.pad(np.random.default_rng(0).integers(30_000, 65_536, (20, 50)), ((0, 180), (0, 150)))


@pytest.mark.parametrize(
    "pixels",
    [
        RAMP * (1 - SOFT) + 65535 * SOFT,
        RAMP * (1 - SOFT) + 20000 * SOFT,
        np.maximum(RAMP, SPREAD),
        marked(65535, 71),
    ],
)
def test_a_marker_that_is_soft_or_spread_or_large_does_not_darken_the_image_either(pixels):
    found, _ = decode(encoded(pixels.astype(np.uint16)), SMALL)
    plain, _ = decode(encoded(RAMP), SMALL)
    assert abs(found[8:].astype(int) - plain[8:]).max() < 8


def object_on(background: np.ndarray, radius: int) -> np.ndarray:
    """A drawn round object, thick in its middle, on a background of some noise."""
    y, x = np.mgrid[-100:100, -100:100] / radius
    return background + 30_000 * np.sqrt(np.clip(1 - x**2 - y**2, 0, None))


NOISE = np.random.default_rng(0).normal(700, 150, (200, 200))


@pytest.mark.parametrize("pixels", [object_on(NOISE / 4, 15), object_on(NOISE, 30), object_on(NOISE, 60), RAMP])
def test_what_is_measured_is_no_marker(pixels):
    samples = pixels.clip(0).astype(np.uint16)
    assert brightest(samples) == samples.max()


@pytest.mark.parametrize("pixels", [RAMP // 2 + 32768, RAMP // 4 + 20000, RAMP // 64 + 20000])
def test_samples_in_a_small_part_of_the_range_are_spread(pixels):
    expected, _ = decode(encoded(RAMP), SMALL)
    padded, specks = pixels.copy(), pixels.copy()
    padded[:60], specks[0, :9] = 0, 0
    specks[:30, :30] = 65535
    for made, rows in [(pixels, slice(0, 16)), (padded, slice(6, 16)), (specks, slice(4, 16))]:
        found, _ = decode(encoded(made), SMALL)
        assert abs(found[rows].astype(int) - expected[rows]).max() < 8
    assert decode(encoded(padded), SMALL)[0][:4].max() == 0


@pytest.mark.parametrize(("pixels", "shift"), [(RAMP, 4), (RAMP << 4, 8), (RAMP + 1024, 5), (RAMP // 4 + 1024, 3)])
def test_samples_in_much_of_the_range_are_not_spread(pixels, shift):
    shifted = (pixels >> shift).astype(np.uint8)
    assert np.array_equal(decode(encoded(pixels), SMALL)[0], decode(encoded(shifted), SMALL)[0])


def test_a_tiff_whose_white_is_zero_is_read_as_it_is_seen():
    data = io.BytesIO()
    Image.fromarray(4095 - RAMP).save(data, "tiff", tiffinfo={262: 0})
    found, _ = decode(data.getvalue(), SMALL)
    assert abs(found.astype(int) - decode(encoded(RAMP), SMALL)[0]).max() <= 1


@pytest.mark.parametrize("kind", ["tiff", "gif", "png", "webp", "avif"])
def test_a_file_of_several_pages_is_refused_with_what_to_do(kind):
    data, page = io.BytesIO(), Image.new("RGB", (30, 40))
    page.save(data, kind, save_all=True, append_images=[Image.new("RGB", page.size, "red")])
    with pytest.raises(ValueError, match="has 2 pages; expected one image, so save each page as a file"):
        decode(data.getvalue(), SMALL)


def transparent(colour: int | np.ndarray, alpha: np.ndarray) -> Image.Image:
    """Grey of one value, or of many, with a transparency."""
    return Image.merge(
        "LA", [Image.fromarray(np.broadcast_to(colour, alpha.shape).astype(np.uint8)), Image.fromarray(alpha)]
    )


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("colour", [0, 255])
def test_a_picture_that_the_transparency_alone_holds_is_refused(mode, colour):
    data = io.BytesIO()
    transparent(colour, SHADES).convert(mode).save(data, "png")
    with pytest.raises(ValueError, match="has one colour, and its picture in the transparency; save it without"):
        decode(data.getvalue(), SMALL)


@pytest.mark.parametrize(("colour", "alpha"), [(SHADES, SHADES.T), (SHADES, SHADES * 0 + 255), (90, SHADES * 0 + 9)])
def test_transparency_beside_a_picture_is_dropped(colour, alpha):
    data = io.BytesIO()
    transparent(colour, alpha).save(data, "png")
    plain = encoded(np.broadcast_to(colour, alpha.shape).astype(np.uint8))
    assert np.array_equal(decode(data.getvalue(), SMALL)[0], decode(plain, SMALL)[0])


def encoded(pixels: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "png")
    return data.getvalue()
