"""Files of weights: what is in one, and what it is when it is none. Nothing in them can run code."""

from __future__ import annotations

import re
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from avslib.errors import UserError, one_line
from avslib.files import reason

HEAD = 2**12
"""Bytes by which a file is known."""


class _Left:
    """Stands where a file has settings or counters beside its weights; keeps nothing of them, and does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> _Left:
        return object.__new__(cls)

    def __setstate__(self, state: Any) -> None:
        pass


class _LeftDict:
    """The same for dictionaries of other packages; the reader takes no dict but Python's own."""

    def __new__(cls, *_: Any, **__: Any) -> OrderedDict[Any, Any]:  # type: ignore[misc]
        return OrderedDict()


_BESIDE: dict[str, type] = dict.fromkeys(
    """
    argparse.Namespace types.SimpleNamespace
    pathlib.PosixPath pathlib.WindowsPath pathlib.PurePosixPath pathlib.PureWindowsPath
    pathlib._local.PosixPath pathlib._local.WindowsPath
    datetime.datetime datetime.date datetime.timedelta
    numpy.core.multiarray.scalar numpy._core.multiarray.scalar numpy.dtype numpy.ndarray
    numpy.core.multiarray._reconstruct numpy._core.multiarray._reconstruct
    omegaconf.dictconfig.DictConfig omegaconf.listconfig.ListConfig omegaconf.base.ContainerMetadata
    omegaconf.base.Metadata omegaconf.nodes.AnyNode typing.Any
    builtins.list builtins.dict builtins.int builtins.float builtins.str
    """.split(),
    _Left,
) | dict.fromkeys(
    """
    collections.defaultdict easydict.EasyDict yacs.config.CfgNode addict.addict.Dict mmcv.utils.config.ConfigDict
    mmengine.config.config.ConfigDict ml_collections.config_dict.config_dict.ConfigDict
    """.split(),
    _LeftDict,
)
"""What training scripts save beside the weights. None of these is ever made: their names stand for the classes above."""


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The named tensors of a .pth, .pt or .safetensors file; nothing in the file can run code.

    Settings, paths and numbers of numpy beside the tensors are passed over. Raises UserError when the file is not a
    state dict of that kind, telling what it is.
    """
    if fault := strange(path):
        raise UserError(f"{path}: not a readable weight file: {fault}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        known: list[Any] = [(stand_in, name) for name, stand_in in _BESIDE.items()]
        with torch.serialization.safe_globals(known):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can fail in any way
        told = reason(error)
        way_out = "save its state dict alone" if told.startswith("it asks for") else "fetch it again"
        raise UserError(f"{path}: not a readable weight file ({told}); {way_out}") from None
    return _named_tensors(path, content)


def _named_tensors(path: Path, content: Any) -> dict[str, Tensor]:
    for wrapper in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    named = isinstance(content, dict) and all(isinstance(name, str) for name in content)
    if not named or not all(isinstance(value, Tensor) for value in content.values()):
        raise UserError(
            f"{path}: not a readable weight file: holds no state dict; give a file that maps names to tensors"
        )
    state: dict[str, Tensor] = content
    return state


def strange(path: Path) -> str:
    """What the file is, and the way out, when its size and its first bytes cannot be of weights; else nothing."""
    if not path.is_file():
        return "a folder, not a file; give the file in it" if path.is_dir() else "no such file"
    with path.open("rb") as file:
        head = file.read(HEAD)
    size = path.stat().st_size
    if head.strip(b"\0") == b"":
        what = "empty" if not head else "zeros, as a download leaves that did not finish"
        return f"{what} ({size} bytes); fetch it again"
    if head.startswith(b"PK\3\4") and not zipfile.is_zipfile(path):
        return f"cut off after {size} bytes; fetch it again"
    if head.startswith((b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf", b"BZh", b"\xfd7zXZ")):
        return "a packed archive; unpack it, and give the file in it"
    return text_in_place(head)


def text_in_place(head: bytes) -> str:
    """What a text is, from its first bytes, that was sent in place of a file; nothing for what is no text."""
    code = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    if code == "utf-8" and b"\0" in head:
        return ""
    words = head.decode(code, errors="ignore")
    written = [c for c in words if c.isprintable() or c.isspace()]
    whole = len("".join(written).encode(code)) > 0.9 * len(head)
    words = words.lstrip("\ufeff \t\r\n")
    is_page = re.match(r"<(!doctype|html|\?xml)", words, re.I)
    return _kind_of_text(words) if whole or is_page else ""


def _kind_of_text(words: str) -> str:
    if words.startswith("version https://git-lfs"):
        return "a Git-LFS pointer, which only names the file; fetch the file itself with git lfs pull"
    if words.startswith("<"):
        title = re.search(r"<title[^>]*>(.*?)</title>", words, re.I | re.S)
        named = f" ({one_line(title[1])[:60]!r})" if title and title[1].strip() else ""
        return f"a web page{named}; fetch the file with a browser, past what the page asks"
    if words.startswith(("{", "[")):
        return f"JSON, as servers answer ({one_line(words)[:60]}); fetch the file again"
    return f"text ({one_line(words)[:60]!r}); fetch the file again"


def load_exactly(module: nn.Module, state: dict[str, Tensor], path: Path) -> None:
    """Load `state` into `module`; raises UserError naming what is missing, left over or of another shape.

    Only batch norm's step counters may be missing: files from before 2019 have none.
    """
    own = module.state_dict()
    needed = (key for key in own if not key.endswith("num_batches_tracked"))
    wrong = [f"{key} is missing" for key in needed if key not in state]
    wrong += [f"{key} is not part of the network" for key in state if key not in own]
    wrong += [
        f"{key} is {tuple(state[key].shape)}, not {tuple(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    if wrong:
        raise UserError(f"{path}: not the weights of this network: {wrong[0]} ({len(wrong)} such entries)")
    module.load_state_dict(dict(state))  # without its version, else batch norm insists on the counters
