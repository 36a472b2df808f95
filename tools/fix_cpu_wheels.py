"""Make torchvision and torchaudio importable beside a CPU-only torch, where they are not.

    python tools/fix_cpu_wheels.py          # with the environment's own Python

The Linux wheels of torchvision and torchaudio that pip finds by default are linked against CUDA. Beside a
CPU build of torch their compiled extensions do not load: `import torchvision` stops at an operator that
nobody registered, and `timm` stops with it. Nothing in this project needs those extensions. So, only where
an import really fails, this script puts a small module into the environment's site-packages which registers
what the import looks for. It acts when torchvision or torchaudio is first imported, not before; a Python
that imports neither pays nothing. On a GPU machine, in Colab and on macOS there is nothing to mend.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

HOOK = "avslib_cpu_wheels"

SOURCE = '''"""Written by tools/fix_cpu_wheels.py: stands in for extensions that were built for CUDA."""
import importlib.abc
import sys
import types

_kept = []  # a torch Library unregisters its operators when it is collected


def _mend_torchvision():
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _kept.append(library)


def _mend_torchaudio():
    stub = types.ModuleType("torchaudio._extension")
    stub._IS_TORCHAUDIO_EXT_AVAILABLE = stub._IS_ALIGN_AVAILABLE = False
    stub._load_lib = lambda name: False
    stub._check_cuda_version = lambda: None

    def fail_if_no_align(function):
        def missing(*args, **kwargs):
            raise RuntimeError(f"{function.__name__} needs the compiled extension of torchaudio")

        return missing

    stub.fail_if_no_align = fail_if_no_align
    sys.modules["torchaudio._extension"] = stub


class _Mender(importlib.abc.MetaPathFinder):
    """Acts once, just before the package is really imported, then lets the usual finders go on."""

    todo = {"torchvision": _mend_torchvision, "torchaudio": _mend_torchaudio}

    def find_spec(self, name, path=None, target=None):
        mend = self.todo.pop(name, None)
        if mend is not None:
            mend()
        return None


sys.meta_path.insert(0, _Mender())
'''


def imports(package: str) -> bool:
    """True when a fresh interpreter of this environment can import `package`."""
    return subprocess.run([sys.executable, "-c", f"import {package}"], capture_output=True).returncode == 0


def main() -> int:
    if all(imports(package) for package in ("torchvision", "torchaudio")):
        print("torchvision and torchaudio load: nothing to mend")
        return 0
    site = Path(sysconfig.get_paths()["purelib"])
    (site / f"{HOOK}.py").write_text(SOURCE, encoding="utf-8")
    (site / f"{HOOK}.pth").write_text(f"import {HOOK}\n", encoding="utf-8")
    still = [package for package in ("torchvision", "torchaudio", "timm") if not imports(package)]
    if still:
        print(
            f"{', '.join(still)} cannot be imported even so; reinstall with the versions in constraints.txt"
        )
        return 1
    print(f"mended: torchvision and torchaudio load beside a CPU torch ({site / HOOK}.py)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
