"""The methods, a room each. `METHODS["tpavi"]` is all that the course says of one; to add one, add its room here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from avslib.methods.method import Method

ROOMS = (
    "tpavi",
    "avsegformer",
    "pcmanet",
    "cavp",
    "vct",
    "cpm",
)

METHODS: Mapping[str, Method] = {name: import_module(f"avslib.methods.{name}").METHOD for name in ROOMS}
"""Name -> method."""
