"""A pickle may hold numbers. It may not do anything."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import subprocess
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from avslib.data.readers import safe_pickle
from avslib.data.readers.safe_pickle import read_tensor
from avslib.errors import UserError

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("gradient", [False, True])
def test_a_pickled_tensor_is_read(tmp_path: Path, protocol: int, gradient: bool) -> None:
    tensor = torch.randn(5, 1, 96, 64).requires_grad_(gradient)
    found = read_tensor(put(tmp_path / "a.pkl", pickle.dumps(tensor, protocol)))
    assert torch.equal(found, tensor.detach()) and not found.requires_grad


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", ["<f4", ">f4", "f8", "f2", "i4", "u1", "?"])
def test_a_pickled_array_is_read(tmp_path: Path, protocol: int, kind: str) -> None:
    array = np.arange(24).reshape(2, 3, 4).astype(kind)
    for each in (array, np.asfortranarray(array)):
        found = read_tensor(put(tmp_path / "a.pkl", pickle.dumps(each, protocol)))
        assert found.shape == array.shape and (found.numpy() == array).all()


def test_views_keep_their_place_in_the_storage(tmp_path: Path) -> None:
    tensor = torch.arange(24.0).reshape(4, 6)[1:3, ::2].T
    assert torch.equal(read_tensor(put(tmp_path / "a.pkl", pickle.dumps(tensor))), tensor)


class Evil:
    """Asks for one call when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("where", ["bare", "in a list", "beside a tensor", "as hooks"])
def test_a_call_is_refused_and_not_made(tmp_path: Path, protocol: int, where: str) -> None:
    marker = tmp_path / "marker"
    evil = Evil(os.system, f"touch {marker}")
    tensor = torch.zeros(2)
    value = {
        "bare": evil,
        "in a list": [1, [evil]],
        "beside a tensor": (tensor, evil),
        "as hooks": Evil(
            torch._utils._rebuild_tensor_v2, tensor._typed_storage(), 0, (2,), (1,), False, evil
        ),
    }[where]
    path = put(tmp_path / "a.pkl", pickle.dumps(value, protocol))
    with pytest.raises(UserError, match=r"a\.pkl: asks for (posix|nt)\.system; refused"):
        read_tensor(path)
    assert not marker.exists()
    pickle.loads(path.read_bytes())
    assert marker.exists(), "the test's own pickle does nothing"


@pytest.mark.parametrize(
    "function",
    [
        eval,
        exec,
        __import__,
        open,
        getattr,
        subprocess.Popen,
        builtins.print,
        pickle.loads,
        torch.load,
        np.load,
    ],
    ids=lambda function: function.__name__,
)
def test_no_other_name_is_known(tmp_path: Path, function: Any) -> None:
    path = put(tmp_path / "a.pkl", pickle.dumps(Evil(function, "1")))
    with pytest.raises(UserError, match="asks for"):
        read_tensor(path)


def test_a_pickle_within_the_storage_is_not_unpickled(tmp_path: Path) -> None:
    """`torch.storage._load_from_bytes` would unpickle what it is given."""
    marker = tmp_path / "marker"
    inner = io.BytesIO()
    torch.save(Evil(os.system, f"touch {marker}"), inner)
    for data in (inner.getvalue(), pickle.dumps(Evil(os.system, f"touch {marker}"), 2)):
        path = put(tmp_path / "a.pkl", pickle.dumps(Evil(torch.storage._load_from_bytes, data)))
        with pytest.raises(UserError, match=r"a\.pkl: not a pickled tensor"):
            read_tensor(path)
    assert not marker.exists()


@pytest.mark.parametrize(
    "name", ["torch._utils\n_rebuild_tensor_v2", "numpy\nndarray", "collections\nOrderedDict"]
)
def test_a_pickle_cannot_change_the_functions_it_may_call(tmp_path: Path, name: str) -> None:
    """BUILD sets attributes of whatever lies on the stack, a function too."""
    program = b"\x80\x02c" + name.encode() + b"\nN}X\x04\x00\x00\x00makeK\x01s\x86b."
    with pytest.raises(UserError, match="asks to change a function"):
        read_tensor(put(tmp_path / "a.pkl", program))
    tensor = torch.ones(3)
    assert torch.equal(read_tensor(put(tmp_path / "b.pkl", pickle.dumps(tensor))), tensor)


@pytest.mark.parametrize(
    "value",
    [{"a": 1}, [torch.zeros(1)], "text", None, 3, OrderedDict(), np.array([{}], object), np.array(["a"])],
    ids=lambda value: type(value).__name__,
)
def test_anything_but_one_tensor_of_numbers_is_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(UserError, match=r"a\.pkl: "):
        read_tensor(put(tmp_path / "a.pkl", pickle.dumps(value)))


def test_a_tensor_larger_than_its_numbers_is_refused(tmp_path: Path) -> None:
    storage = torch.zeros(4)._typed_storage()
    for offset, size, stride in ((0, (5,), (1,)), (1, (4,), (1,)), (0, (10**12,), (1,)), (0, (10**12,), (0,)),
                                 (-1, (1,), (1,)), (0, (-1,), (1,)), (0, (2,), (-1,))):  # fmt: skip
        value = Evil(torch._utils._rebuild_tensor_v2, storage, offset, size, stride, False, OrderedDict())
        with pytest.raises(UserError, match=r"not a pickled tensor|in a small file"):
            read_tensor(put(tmp_path / "a.pkl", pickle.dumps(value)))


def test_damaged_files_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pickle.dumps(torch.zeros(5, 1, 96, 64))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.pkl", b"x")
    for data in (b"", b"hello", whole[:100], whole[:-20], buffer.getvalue()):
        with pytest.raises(UserError, match=r"a\.pkl: not a pickled tensor"):
            read_tensor(put(tmp_path / "a.pkl", data))
    with pytest.raises(UserError, match="no such file"):
        read_tensor(tmp_path / "nothing.pkl")
    monkeypatch.setattr(safe_pickle, "LARGEST", 1000)
    with pytest.raises(UserError, match="too large"):
        read_tensor(put(tmp_path / "a.pkl", whole))
