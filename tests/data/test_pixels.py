"""Modes of picture files: what 16 bits, alpha, palettes and few bits mean, or that it cannot be known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import releases
import torch
from PIL import Image
from releases import half, picture

from avslib.data.doctor import examine
from avslib.data.readers.avsbench_object import AVSBenchObject
from avslib.data.readers.avsbench_semantic import AVSBenchSemantic
from avslib.data.readers.images import read_image
from avslib.data.readers.palette import palette, to_colours
from avslib.data.readers.pixels import to_picture
from avslib.data.readers.vpo import VPO
from avslib.errors import UserError

MS3 = "Multi-sources/ms3_data"
SS = "VPO/VPO-SS/mask/dog/000000000007_000000000070.png"
RAMP = np.linspace(0, 65535, 64).round().astype(np.uint16)[None].repeat(8, 0)


def save(path: Path, pixels: np.ndarray, mode: str | None = None, **options: Any) -> Path:
    image = Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(path, **options)
    return path


def test_16_bits_keep_their_share_of_white(tmp_path: Path) -> None:
    for mode in ("RGB", "L"):
        grey = read_image(save(tmp_path / "a.png", RAMP), size=None, mode=mode).astype(float)  # type: ignore[arg-type]
        assert abs(grey.mean() - 127.5) < 0.1
        assert (grey[0].reshape(64, -1)[:, 0] == (RAMP[0] / 257).round()).all()
    small = read_image(tmp_path / "a.png", size=16)
    assert small.shape == (16, 16, 3) and abs(small.mean() - 127.5) < 1


@pytest.mark.parametrize("order", ["<u2", ">u2", "<i4"])
def test_16_bits_in_every_order_and_in_32(order: str) -> None:
    image = Image.fromarray(RAMP.astype(order)) if order != ">u2" else Image.frombytes(
        "I;16B", (64, 8), RAMP.astype(">u2").tobytes()
    )  # fmt: skip
    assert image.mode in ("I;16", "I;16B", "I")
    assert (np.asarray(to_picture(image, "L")) == (RAMP / 257).round()).all()


def test_what_is_no_share_of_white_is_refused() -> None:
    for values in (
        np.full((2, 2), 70000, np.int32),
        np.full((2, 2), -1, np.int32),
        np.full((2, 2), -0.5, np.float32),
    ):
        with pytest.raises(UserError, match=r"values outside 0\.\.65535"):
            to_picture(Image.fromarray(values))


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "CMYK"])
def test_a_binary_mask_in_any_mode_is_the_same(mode: str, tmp_path: Path) -> None:
    releases.write_object(tmp_path)
    path = tmp_path / MS3 / "gt_masks/test/fff3/fff3_3.png"
    options = {"format": "JPEG", "quality": 100} if mode == "CMYK" else {}
    save(path, half(255), mode, **options)
    clip = AVSBenchObject(tmp_path, subset="ms3", split="test", size=None)[0]
    assert (clip.labels[2].numpy() == half(1)).all()


def test_a_soft_mask_of_16_bits_is_that_of_8(tmp_path: Path) -> None:
    releases.write_object(tmp_path)
    soft = np.where(half(1), 0.95, 0.02)
    labels = []
    for scale, kind in ((255, np.uint8), (65535, np.uint16)):
        save(tmp_path / MS3 / "gt_masks/test/fff3/fff3_3.png", (soft * scale).round().astype(kind))
        clips = AVSBenchObject(tmp_path, subset="ms3", split="test", size=20)
        labels.append(clips[0].labels)
    assert torch.equal(*labels) and (labels[0][2].numpy() == half(1, 20, 20)).all()
    save(tmp_path / MS3 / "gt_masks/test/fff3/fff3_3.png", half(1).astype(np.uint16) * 255)
    with pytest.raises(UserError, match=r"fff3_3\.png: its brightest pixel is 1 of 255"):
        clips[0]
    assert [f.path for f in wrong(tmp_path)] == [f"{MS3}/gt_masks/test/fff3/fff3_3.png"]


def wrong(root: Path) -> list[Any]:
    return [f for f in examine(root, workers=1, progress=False).faults if f.kind == "wrong colour"]


RGBA = np.dstack([np.full((32, 48, 3), 255, np.uint8), half(255)])
GREY_ALPHA = np.dstack([np.full((32, 48), 255, np.uint8), half(255)])
BLACK_ALPHA = np.dstack([np.zeros((32, 48), np.uint8), half(255)])
OTHERWISE = np.dstack([half(255), half(255)[:, ::-1]])


@pytest.mark.parametrize(
    "pixels", [RGBA, GREY_ALPHA, BLACK_ALPHA, OTHERWISE, np.dstack([half(255), half(0)])]
)
def test_alpha_that_says_something_else_is_refused_everywhere(pixels: np.ndarray, tmp_path: Path) -> None:
    releases.write_object(tmp_path)
    save(tmp_path / MS3 / "gt_masks/test/fff3/fff3_3.png", pixels)
    with pytest.raises(UserError, match=r"fff3_3\.png: its transparency \(alpha\) says something else"):
        AVSBenchObject(tmp_path, subset="ms3", split="test", size=None)[0]
    (fault,) = wrong(tmp_path)
    assert "alpha" in fault.what


def test_alpha_that_says_the_same_or_nothing_is_read(tmp_path: Path) -> None:
    opaque, constant = half(255, 32, 48), np.full((32, 48), 200, np.uint8)
    for alpha in (half(255), constant, np.full((32, 48), 255, np.uint8)):
        path = save(tmp_path / "a.png", np.dstack([opaque, alpha]))
        assert (read_image(path, size=None, mode="L", nearest=True) == opaque).all()
    colours = to_colours(half(7))
    path = save(tmp_path / "b.png", np.dstack([colours, half(255)]))
    assert (read_image(path, size=None, nearest=True) == colours).all()


def test_transparent_entries_of_palette_and_grey_count_as_alpha(tmp_path: Path) -> None:
    save(tmp_path / "ok.png", half(255), transparency=0)
    assert (read_image(tmp_path / "ok.png", size=None, mode="L", nearest=True) == half(255)).all()
    for name, pixels in {"grey": half(255), "deep": half(1).astype(np.uint16) * 65535}.items():
        path = save(tmp_path / f"{name}.png", pixels, transparency=int(pixels.max()))
        with pytest.raises(UserError, match=rf"{name}\.png: its transparency"):
            read_image(path, size=None, mode="L", nearest=True)
    indexed = Image.fromarray(half(7), mode="P")
    indexed.putpalette(palette(9).tobytes())
    for clear, told in ((0, False), (7, True)):
        indexed.save(tmp_path / "p.png", transparency=clear)
        for mode in ("RGB", "as stored"):
            if told:
                with pytest.raises(UserError, match="its transparency"):
                    read_image(tmp_path / "p.png", size=None, mode=mode, nearest=True)  # type: ignore[arg-type]
            else:
                read_image(tmp_path / "p.png", size=None, mode=mode, nearest=True)  # type: ignore[arg-type]


def test_frames_may_have_any_mode(tmp_path: Path) -> None:
    pixels = picture(0).astype(np.uint8)
    for mode in ("1", "L", "P", "LA", "RGBA"):
        save(tmp_path / "a.png", pixels, mode)
        expected = np.asarray(Image.fromarray(pixels).convert(mode).convert("RGB"))
        assert (read_image(tmp_path / "a.png", size=None) == expected).all()


@pytest.mark.parametrize("value", [256 + 18, 18 * 257, 65535])
def test_a_class_number_of_16_bits_is_not_cut_down_to_8(value: int, tmp_path: Path) -> None:
    releases.write_vpo(tmp_path)
    save(tmp_path / SS, half(1).astype(np.uint16) * value)
    with pytest.raises(
        UserError, match=rf"000000000070\.png: holds the value {value}; class numbers end at 255"
    ):
        VPO(tmp_path, split="train")[0]
    (fault,) = wrong(tmp_path)
    assert fault.path == SS and f"[{value}]" in fault.what


def test_class_numbers_in_16_bits_palette_and_grey_with_alpha_are_read(tmp_path: Path) -> None:
    releases.write_vpo(tmp_path)
    for pixels, mode in ((half(18).astype(np.uint16), None), (half(18), None), (half(18), "LA")):
        save(tmp_path / SS, pixels, mode)
        assert (VPO(tmp_path, split="train", size=None)[0].labels[0].numpy() == half(9)).all()
    indexed = Image.fromarray(half(18), mode="P")
    indexed.putpalette(palette(71).tobytes())
    indexed.save(tmp_path / SS)
    assert (VPO(tmp_path, split="train", size=None)[0].labels[0].numpy() == half(9)).all()
    assert not wrong(tmp_path)


def png(path: Path, depth: int, colour: int, rows: list[bytes]) -> Path:
    """A png by hand, in depths that Pillow does not write."""
    import struct
    import zlib

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    width = 8 * len(rows[0]) // (depth * {0: 1, 2: 3, 4: 2, 6: 4}[colour])
    head = struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return path


def test_four_bits_of_grey_are_a_shade_but_no_label(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", 4, 0, [bytes([0x0F, 0x1F])])
    assert read_image(path, size=None, mode="L", nearest=True).tolist() == [[0, 255, 17, 255]]
    with pytest.raises(UserError, match=r"a\.png: grey of 4 bits: label or shade\?"):
        read_image(path, size=None, mode="as stored")
    assert not read_image(png(path, 4, 0, [bytes(2)]), size=None, mode="as stored").any()


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_16_bits_in_several_channels_are_a_picture_but_no_mask(
    colour: int, channels: int, tmp_path: Path
) -> None:
    path = png(tmp_path / "a.png", 16, colour, [b"\xff\xff" * channels + b"\x01\x03" * channels])
    assert read_image(path, size=None)[0, 0].tolist() == [255] * 3
    for mode in ("RGB", "L", "as stored"):
        with pytest.raises(UserError, match=r"16 bits in each|channels where a mask has one"):
            read_image(path, size=None, mode=mode, nearest=True)  # type: ignore[arg-type]


def test_one_channel_of_16_bits_is_no_colour(tmp_path: Path) -> None:
    releases.write_semantic(tmp_path)
    save(tmp_path / "v2/three_0/labels_rgb/4.png", half(1, 36, 64).astype(np.uint16) * 259)
    with pytest.raises(UserError, match=r"4\.png: has one channel of 16 bits where a mask has colours"):
        AVSBenchSemantic(tmp_path, split="train", size=None)[2]
    assert [fault.path for fault in wrong(tmp_path)] == ["v2/three_0/labels_rgb/4.png"]


def test_a_tiff_in_disguise_is_no_picture(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 0.5, np.float32)).save(tmp_path / "a.png", format="TIFF")
    with pytest.raises(UserError, match=r"a\.png: cannot be read as a picture"):
        read_image(tmp_path / "a.png", size=None, mode="L", nearest=True)
