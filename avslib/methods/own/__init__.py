"""Python files of one's own as modules, which any process of the run can import again: `load_file("my_method.py")`.

A worker that is started afresh (macOS, Windows; Linux from Python 3.14 on) is sent its work as a pickle, and a pickle names
classes by their module. So the name of such a module holds the file's path, and importing this package is enough to
find it: avslib.methods.own.<the path, in hexadecimal>.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType


def load_file(path: Path) -> ModuleType:
    """The module that `path` is: the one that is loaded already, unless the file has changed since.

    Its folder is searched for imports, as a script's. Raises whatever the file raises.
    """
    path = path.resolve()
    name = f"{__name__}.{os.fsencode(path).hex()}"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    loaded = sys.modules.get(name)
    if loaded is not None and loaded.__dict__.get("__digest__") == digest:
        return loaded
    spec = _Finder().find_spec(name)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    module.__dict__["__digest__"] = digest
    sys.modules[name] = module  # before it runs: dataclasses look themselves up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name)
        raise
    return module


class _Loader(SourceFileLoader):
    """Keeps no __pycache__ beside the file: a cache of the second before would hide a change."""

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


class _Finder(MetaPathFinder):
    """Finds what `load_file` named."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        package, _, code = name.rpartition(".")
        if package != __name__:
            return None
        try:
            file = os.fsdecode(bytes.fromhex(code))
        except ValueError:
            return None
        if (folder := os.path.dirname(file)) not in sys.path:
            sys.path.insert(0, folder)  # as for a script: the file may import its neighbours
        return importlib.util.spec_from_file_location(name, file, loader=_Loader(name, file))


if not any(
    type(finder).__name__ == "_Finder" and type(finder).__module__ == __name__ for finder in sys.meta_path
):
    sys.meta_path.append(_Finder())
