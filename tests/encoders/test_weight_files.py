"""What is in a file of weights, what it is when it is none; nothing in it runs, and the reader is told one line."""

from __future__ import annotations

import argparse
import collections
import datetime
import os
import types
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save, save_file

from avslib.encoders.weight_files import load_exactly, read_state_dict
from avslib.errors import UserError
from avslib.files import reason

TENSORS = {"a": torch.ones(2)}


def test_read_state_dict(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "a.safetensors")
    torch.save(TENSORS, tmp_path / "a.pth")
    torch.save({"model": TENSORS, "epoch": 3}, tmp_path / "wrapped.pth")
    for name in ("a.safetensors", "a.pth", "wrapped.pth"):
        assert torch.equal(read_state_dict(tmp_path / name)["a"], torch.ones(2))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "beside",
    [
        argparse.Namespace(lr=0.1, out=Path("x")),
        types.SimpleNamespace(deep=[argparse.Namespace()]),
        np.float64(0.5),
        np.int64(3),
        np.arange(3.0),
        {"best": np.float32(0.1), "history": [np.float64(1)]},
        collections.defaultdict(list),
        datetime.datetime(2026, 1, 1),
        [Path("x")],
    ],
    ids=lambda beside: type(beside).__name__,
)
def test_what_training_scripts_save_beside_the_weights_is_passed_over(
    beside: Any, zipped: bool, tmp_path: Path
) -> None:
    path = tmp_path / "theirs.pth"
    content = {"state_dict": TENSORS, "beside": beside}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    read = read_state_dict(path)
    assert read.keys() == {"a"} and torch.equal(read["a"], torch.ones(2))
    allowed = [each[1] for each in torch.serialization.get_safe_globals() if isinstance(each, tuple)]
    assert "argparse.Namespace" not in allowed, "what may stand beside is allowed for this one reading only"


class Call:
    """Pickled as a call of `function`."""

    def __init__(self, function: Any, *arguments: object) -> None:
        self.what = function, arguments

    def __reduce__(self) -> Any:
        return self.what


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (Call(os.system, "touch ran"), "system, which is not a tensor"),
        ({"state_dict": TENSORS, "args": Call(eval, "open('ran', 'w')")}, "asks for eval"),
        (
            torch.nn.Linear(1, 1),
            r"asks for torch.nn.modules.linear.Linear, which is not a tensor\); save its state",
        ),
        ({"a": Path("x")}, "not a readable weight file: holds no state dict"),
        ({"a": np.ones(2)}, "not a readable weight file: holds no state dict"),
        ({"a": 1}, "not a readable weight file: holds no state dict"),
        ({0: torch.ones(1)}, "holds no state dict"),
    ],
)
def test_code_in_a_file_is_not_run(
    content: object, told: str, zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(content, "x.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(UserError, match=told) as error:
        read_state_dict(Path("x.pth"))
    check_message(str(error.value), "x.pth")
    assert not Path("ran").exists()


def check_message(told: str, name: str) -> None:
    """One line that names the file, without a command to the terminal or advice to run what is in the file."""
    assert told.isprintable() and name in told and len(told) < 300
    for advice in ("weights_only", "add_safe_globals", "two options", "trust", "PyTorch 2.6"):
        assert advice not in told


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


PAGE = (
    b"\n<!DOCTYPE html><html><head><title>Drive \x1b[31m-\nscan</title></head><body>too large</body></html>"
)
ZIPPED = b"PK\3\4" + bytes(range(1, 256)) * 9
IN_PLACE = {
    "page": (PAGE, r"a web page \('Drive - scan'\); fetch the file with a browser"),
    "page of another system": ("<html><title>\u4e0b\u8f7d</title>\u7f51\u9875".encode("gbk"), "a web page"),
    "wide page": ("<html>hello".encode("utf-16"), "a web page"),
    "json": (b'{"error": {"code": 403,\n "message": "quota"}}', "JSON, as servers answer"),
    "pointer": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        "Git-LFS pointer.*git lfs pull",
    ),
    "nothing": (b"", r"empty \(0 bytes\); fetch it again"),
    "zeros": (bytes(5000), r"zeros, .* \(5000 bytes\)"),
    "cut off": (ZIPPED, "cut off after 2299 bytes; fetch it again"),
    "packed": (b"\x1f\x8b\x08\0\0\0", "a packed archive; unpack it"),
    "words": ("Acc\u00e8s refus\u00e9".encode(), "text .*; fetch the file again"),
    "noise": (bytes(range(255, 0, -1)) * 9, "not what torch writes, or damaged"),
}


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("what", IN_PLACE)
def test_what_lies_in_place_of_weights_is_told_as_what_it_is(what: str, suffix: str, tmp_path: Path) -> None:
    content, told = IN_PLACE[what]
    path = tmp_path / f"given.{suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError, match="not a readable" if what == "noise" else told) as error:
        read_state_dict(path)
    check_message(str(error.value), path.name)


def test_what_is_cut_off_is_told(tmp_path: Path) -> None:
    many = {"a": torch.arange(9999.0)}
    for zipped in (True, False):
        path = tmp_path / "whole.pth"
        torch.save(many, path, _use_new_zipfile_serialization=zipped)
        (tmp_path / f"{zipped}.pth").write_bytes(cut(path.read_bytes()))
    (tmp_path / "cut.safetensors").write_bytes(cut(save(many)))
    with zipfile.ZipFile(tmp_path / "other.pth", "w") as file:
        file.writestr("notes.txt", "hello")
    for name in ("True.pth", "False.pth", "cut.safetensors", "other.pth", "absent.pth", ""):
        with pytest.raises(UserError, match=r"not a readable weight file") as error:
            read_state_dict(tmp_path / name)
        check_message(str(error.value), name)


def test_the_safest_tensors_are_never_taken_for_text(tmp_path: Path) -> None:
    """A safetensors file of 123 bytes of names begins with a brace."""
    for length in range(1, 120):
        path = tmp_path / f"{length}.safetensors"
        save_file({"n" * length: torch.ones(1)}, path)
        assert read_state_dict(path)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (ValueError(""), "ValueError"),
        (ValueError("\x1b[1mfirst\x1b[0m\nsecond"), "first"),
        (
            RuntimeError(
                "Weights only load failed. Re-running `torch.load` with `weights_only` set to `False`"
            ),
            "damaged",
        ),
        (
            RuntimeError("Unsupported global: GLOBAL a.b was not. Please use add_safe_globals"),
            "it asks for a.b",
        ),
    ],
)
def test_a_library_s_error_becomes_a_few_plain_words(error: Exception, told: str) -> None:
    assert told in reason(error) and reason(error).isprintable() and "weights_only" not in reason(error)


def test_load_exactly(tmp_path: Path) -> None:
    layer = torch.nn.Linear(2, 1)
    good = {"weight": torch.ones(1, 2), "bias": torch.zeros(1)}
    load_exactly(layer, good, tmp_path)
    assert torch.equal(layer.weight, good["weight"])
    for wrong, says in (
        ({"weight": good["weight"]}, "bias is missing"),
        (good | {"extra": good["bias"]}, "extra is not part"),
        (good | {"bias": torch.zeros(2)}, r"bias is \(2,\), not \(1,\)"),
    ):
        with pytest.raises(UserError, match=says):
            load_exactly(layer, wrong, tmp_path)
