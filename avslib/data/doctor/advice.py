"""What to type next."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from itertools import count as count_from
from pathlib import Path

from avslib.data.doctor.faults import Fault
from avslib.data.doctor.inventory import Inventory
from avslib.data.mini.writer import LAYOUTS, MiniOrder
from avslib.data.readers.layouts import OBJECT_FOLDER, OBJECT_TABLE, VPO_BUILT, VPO_TABLE

SCRIPT = dict.fromkeys(OBJECT_TABLE, "avsbench_object.py") | dict.fromkeys(VPO_TABLE, "vpo.py")
SCRIPT["avss"] = "avsbench_semantic.py"
DATA = {"s4": "avsbench/s4", "ms3": "avsbench/ms3"}
"""Names of `avslib train --data`, where they are not the subset's."""
FEW = 10
"""Files of AVS-Mini that are written again one by one; of more, all are."""
ENOUGH, ENOUGH_FOR_SMOKE = 200, 8
"""Training clips from which on a schedule makes sense: "reduced", and "smoke", which takes two steps of four."""


def next_command(found: Inventory, faults: Sequence[Fault]) -> str:
    """One paragraph: what is the matter, and a command for it that can be pasted."""
    if not faults:
        return f"All is well. Next:\n  {_use(found)}"
    heading = f"{len(faults)} faults. Next:"
    commands = _removal(found, faults)
    if found.order:
        commands += [_mini_write(found, found.order)]
    else:
        commands += [
            _shell("python", *_preparation(found, script))
            for script in dict.fromkeys(SCRIPT[subset] for subset in found.subsets)
            if any(_belongs(fault, script) for fault in faults)
        ]
        heading += " (ARCHIVE: the files that you were sent)" if any("ARCHIVE" in c for c in commands) else ""
    again = _shell("avslib", "doctor", found.root)
    return "\n  ".join((heading, *commands, again))


def _use(found: Inventory) -> str:
    """Train on the first subset that has enough clips, else in seconds on one that has some, else look at a clip."""
    count = Counter(clip.subset for clip in found.clips if clip.split == "train")
    subset = next(
        (s for s in found.subsets if count[s] >= ENOUGH), max(found.subsets, key=lambda s: count[s])
    )
    data = DATA.get(subset, subset)
    if count[subset] < ENOUGH_FOR_SMOKE:
        code = f"import avslib; print(avslib.open_data({data!r}, split='train', data_dir={str(found.root)!r})[0])"
        return _shell("python", "-c", code)
    short = [] if count[subset] >= ENOUGH else ["--schedule", "smoke"]
    return _shell("avslib", "train", "tpavi", "--data", data, "--data-dir", found.root, *short)


def _removal(found: Inventory, faults: Sequence[Fault]) -> list[str]:
    """What has to go first where the writer takes files that are there to be whole, in AVS-Mini and in what was
    built: files that are bad, each by its name; folders are put aside. Of a release nothing goes, the scripts
    replace what is bad."""
    if not found.order and not _is_built(found):
        return []
    bad = _files(found, faults)
    there = sorted(path for path in bad if os.path.lexists(found.root / path))
    if len(there) > FEW:
        return [_shell("mv", "--", found.root, _free(f"{found.root}.faulty"))]
    files = [found.root / path for path in there if not _is_folder(found.root / path)]
    folders = [found.root / path for path in there if _is_folder(found.root / path)]
    folders += [found.root / path for path in _strangers(found, faults)]
    aside = _free(f"{found.root}.aside")
    commands = [_shell("rm", "--", *files)] if files else []
    return commands + ([_shell("mkdir", aside), _shell("mv", "--", *folders, aside)] if folders else [])


def _files(found: Inventory, faults: Sequence[Fault]) -> set[str]:
    """The files that the faults are about, of those that the tables list; other files there are nobody's to remove."""
    clips = [(clip, [*clip.files.needed, *filter(None, [clip.files.log_mel])]) for clip in found.clips]
    listed = {path: [path] for _, paths in clips for path in paths}
    folders = {clip.files.frames[0].rpartition("/")[0]: paths for clip, paths in clips if clip.masks != "ids"}
    files = {path for fault in faults for path in listed.get(fault.path, ())}
    odd = [folders.get(fault.path, []) for fault in faults if fault.kind == "wrong size"]
    return files | {path for paths in odd for path in paths if path.endswith((".png", ".jpg"))}


def _strangers(found: Inventory, faults: Sequence[Fault]) -> list[str]:
    """Folders that no row names, unless it is rows that are missing."""
    own = Counter((clip.subset, clip.split) for clip in found.clips)
    whole = all(own[s, split] == n for s in found.subsets for split, n in found.expected(s).items())
    return [fault.path for fault in faults if whole and fault.kind == "unlisted clip"]


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _free(path: str) -> str:
    """`path`, or with the first number behind it that is not taken."""
    names = chain([path], (f"{path}{number}" for number in count_from(2)))
    return next(name for name in names if not os.path.lexists(name))


def _mini_write(found: Inventory, order: MiniOrder) -> str:
    subset = [] if order.subsets == LAYOUTS[order.layout] else ["--subset", *order.subsets]
    family = [] if order.family is None else ["--family", order.family]
    options = {"--clips": order.clips, "--size": order.size, "--fold": order.fold, "--seed": order.seed}
    numbers = [str(part) for option in options.items() for part in option]
    return _shell("avslib", "mini", "write", "--layout", order.layout, *subset, *numbers, *family, found.root)


def _is_built(found: Inventory) -> bool:
    return (found.root / VPO_BUILT).is_file()


def _preparation(found: Inventory, script: str) -> list[object]:
    """The script and what it is given: what VPO was built of, or archives, unless there are videos to take
    frames and sound from."""
    if _is_built(found) and script == SCRIPT["vpo-ss"]:
        return ["data_scripts/build_vpo.py", found.root, "--coco", "COCO", "--vggsound", "VGGSOUND"]
    videos = any((found.root / folder / "raw_videos").is_dir() for folder in OBJECT_FOLDER.values())
    sources = [] if videos and script == SCRIPT["s4"] else ["--archives", "ARCHIVE"]
    return [f"data_scripts/{script}", found.root, *sources]


def _belongs(fault: Fault, script: str) -> bool:
    """Whether the release that `script` prepares has this fault."""
    release = "vpo.py" if fault.path.startswith(("VPO", "vggsound")) else "avsbench_semantic.py"
    return script == ("avsbench_object.py" if fault.path.startswith(("Single", "Multi")) else release)


def _shell(*words: object) -> str:
    return shlex.join(map(str, words))
