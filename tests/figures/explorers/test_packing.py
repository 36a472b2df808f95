"""What a page holds of numbers and masks is what they were."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from avslib.figures.explorers.packing import first_second, mask_sheet, pack, quantise, upright


def unpacked(packed: dict[str, Any]) -> np.ndarray:
    """(n, h, w) bytes, as floats."""
    raw = np.frombuffer(base64.b64decode(packed["values"]), np.uint8)
    return raw.reshape(-1, packed["height"], packed["width"]).astype(float)


@pytest.mark.parametrize("signed", [False, True])
def test_eight_bits_keep_the_values(signed: bool) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, 3, 4)) if signed else rng.random((2, 3, 4))
    packed = quantise(values, signed=signed)
    back = ((unpacked(packed) - 128) / 127 if signed else unpacked(packed) / 255) * packed["top"]
    assert np.abs(back - values).max() <= packed["top"] / 250


def test_what_is_beyond_the_scale_is_cut_off() -> None:
    packed = quantise(np.array([[[-30.0, -5.0, 0.0, 30.0]]]), signed=True, top=10.0)
    assert unpacked(packed).tolist() == [[[1, 64, 128, 255]]]


def test_each_map_can_have_its_own_scale() -> None:
    maps = np.random.default_rng(0).random((4, 3, 5)) * np.array([1, 10, 0.1, 5])[:, None, None]
    packed = pack(maps)
    back = unpacked(packed) / 255 * np.array(packed["tops"])[:, None, None]
    assert (np.abs(back - maps).max(axis=(1, 2)) <= maps.max(axis=(1, 2)) / 100).all()


def test_masks_become_bits(masks: np.ndarray) -> None:
    sheet = mask_sheet(masks, ~masks)
    assert sheet.shape == (2 * 32, 48) and np.array_equal(sheet[32:], np.where(masks[1], 1, 2))
    assert first_second(np.stack([0 * masks[0] > 0, masks[1]])) == 1 and first_second(masks > 1) == 0


def test_a_spectrogram_stands_upright() -> None:
    sound = np.zeros((2, 3, 4))  # two of three columns and four pitches
    sound[1, 2, 0] = 2.0
    picture = upright(sound, 0.0, 1.0)
    assert picture.shape == (2, 4, 3) and picture[1, 3, 2] == 255 and picture.sum() == 255
    assert upright(sound, -1.0, 3.0)[1].tolist() == [[64, 64, 64]] * 3 + [[64, 64, 191]]
