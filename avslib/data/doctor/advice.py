"""What to type next."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from avslib.data.doctor.faults import Fault
from avslib.data.doctor.inventory import Inventory
from avslib.data.mini.writer import LAYOUTS, MiniOrder
from avslib.data.readers.layouts import OBJECT_FOLDER, OBJECT_TABLE, SEMANTIC_CLASSES_FILE, TABLES, VPO_TABLE

SCRIPT = dict.fromkeys(OBJECT_TABLE, "avsbench_object.py") | dict.fromkeys(VPO_TABLE, "vpo.py")
SCRIPT["avss"] = "avsbench_semantic.py"
DATA = {"s4": "avsbench/s4", "ms3": "avsbench/ms3"}
"""Names of `avslib train --data`, where they are not the subset's."""
FEW = 10
"""Files of AVS-Mini that are written again one by one; of more, all are."""


def next_command(found: Inventory, faults: Sequence[Fault]) -> str:
    """One paragraph: what is the matter, and a command for it that can be pasted."""
    if not faults:
        subset = found.subsets[0]
        return f"All is well. Next:\n  {_shell('avslib', 'train', 'tpavi', '--data', DATA.get(subset, subset), '--data-dir', found.root)}"
    heading = f"{len(faults)} faults. Next:"
    commands = _removal(found, faults)
    if found.order:
        commands += [_mini_write(found, found.order)]
    else:
        commands += [
            _shell("python", f"data_scripts/{script}", found.root, *_sources(found, script))
            for script in dict.fromkeys(SCRIPT[subset] for subset in found.subsets)
            if any(_belongs(fault, script) for fault in faults)
        ]
        heading += " (ARCHIVE: the files that you were sent)" if any("ARCHIVE" in c for c in commands) else ""
    again = _shell("avslib", "doctor", found.root)
    return "\n  ".join((heading, *commands, again))


def _removal(found: Inventory, faults: Sequence[Fault]) -> list[str]:
    """What has to go first: links, which no script overwrites; in AVS-Mini all that is bad, because its writer
    takes files that are there to be whole."""
    bad = {fault.path for fault in faults if fault.kind == "link out" or found.order} - _TABLES
    there = sorted(path for path in bad if os.path.lexists(found.root / path))
    if found.order and len(there) > FEW:
        return [_shell("mv", "--", found.root, f"{found.root}.faulty")]
    return [_shell("rm", "-r", "--", *(found.root / path for path in there))] if there else []


_TABLES = {*TABLES.values(), SEMANTIC_CLASSES_FILE}


def _mini_write(found: Inventory, order: MiniOrder) -> str:
    subset = [] if order.subsets == LAYOUTS[order.layout] else ["--subset", *order.subsets]
    family = [] if order.family is None else ["--family", order.family]
    options = {"--clips": order.clips, "--size": order.size, "--fold": order.fold, "--seed": order.seed}
    numbers = [str(part) for option in options.items() for part in option]
    return _shell("avslib", "mini", "write", "--layout", order.layout, *subset, *numbers, *family, found.root)


def _sources(found: Inventory, script: str) -> list[str]:
    """Archives, unless there are videos to take frames and sound from."""
    videos = any((found.root / folder / "raw_videos").is_dir() for folder in OBJECT_FOLDER.values())
    return [] if videos and script == SCRIPT["s4"] else ["--archives", "ARCHIVE"]


def _belongs(fault: Fault, script: str) -> bool:
    """Whether the release that `script` prepares has this fault."""
    release = "vpo.py" if fault.path.startswith(("VPO", "vggsound")) else "avsbench_semantic.py"
    return script == ("avsbench_object.py" if fault.path.startswith(("Single", "Multi")) else release)


def _shell(*words: object) -> str:
    return shlex.join(map(str, words))
