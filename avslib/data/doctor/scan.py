"""Look at every clip, in as many processes as there are cores, and compare the clips with each other."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import TypeVar

import torch
from tqdm.auto import tqdm

from avslib.data.doctor.checks import Findings, check_clip
from avslib.data.doctor.faults import TABLE, Fault
from avslib.data.doctor.inventory import Listed, count_faults, take_inventory
from avslib.data.doctor.report import Report
from avslib.data.readers import layouts
from avslib.data.readers.paths import data_folder
from avslib.errors import UserError, check_number

T = TypeVar("T")
R = TypeVar("R")
WORTH = 200
"""Clips that one more process is worth: it takes seconds to start."""


def examine(root: Path | str, *, workers: int = 0, progress: bool = True) -> Report:
    """Read every table and decode every file of the releases in `root`.

    workers: processes; as many as there are cores if 0, but fewer where there is little to do

    Raises UserError for a folder that holds no release, and when a process is killed.
    """
    found = take_inventory(data_folder(root))
    check = partial(check_clip, root=found.root, classes=len(found.classes) + 1)
    findings = run_parallel(check, found.clips, workers=workers, progress=progress, unit="clip")
    faults = {fault for one in findings for fault in one.faults} | set(found.faults)
    faults |= {*odd_sizes(found.clips, findings), *leaks(found.clips, findings)}
    in_order = {layouts.TABLES[name] for name in found.subsets if not _has_table_fault(name, faults)}
    faults |= {fault for fault in count_faults(found) if fault.path in in_order}
    return Report(found, findings, sorted(faults))


def run_parallel(
    work: Callable[[T], R], items: Sequence[T], *, workers: int = 0, progress: bool = True, unit: str = "file"
) -> list[R]:
    """[work(item) for item in items], in processes of their own, with a progress bar.

    Raises UserError when a process is killed, and for workers below 0.
    """
    check_number("workers", workers, 0)
    workers = min(workers or cores(), 1 + len(items) // WORTH)
    bar = partial(tqdm, total=len(items), unit=unit, disable=not progress)
    if workers == 1:
        return list(bar(map(work, items)))
    with ProcessPoolExecutor(workers, _fresh(), _begin) as pool:
        try:
            return list(bar(pool.map(work, items, chunksize=8)))
        except BrokenProcessPool:
            raise UserError("a process was killed (memory?); run it again with fewer --workers") from None


def _begin() -> None:
    """In a new process: one thread, and Ctrl-C is for the first process alone."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _fresh() -> BaseContext:
    """How to start processes: never as copies of this one, because its torch may have threads, which a fork
    does not survive. Where the system can, as copies of one that has imported everything and done nothing."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([check_clip.__module__])
    return context


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def odd_sizes(clips: Sequence[Listed], findings: Sequence[Findings]) -> Iterator[Fault]:
    """Whole clips of AVSBench-object in another size than the rest: its models know one."""
    for subset in layouts.OBJECT_TABLE:
        own = [(clip, one.size) for clip, one in zip(clips, findings) if clip.subset == subset and one.size]
        usual = Counter(size for _, size in own).most_common(1)
        for clip, size in own:
            if size != usual[0][0]:
                what = "{} x {}; the other clips have {} x {}".format(*size, *usual[0][0])
                yield Fault("wrong size", clip.files.frames[0].rpartition("/")[0], what)


def leaks(clips: Sequence[Listed], findings: Sequence[Findings]) -> Iterator[Fault]:
    """Clips of two splits with the same pictures, byte for byte, under whatever names."""
    first: dict[tuple[str, bytes], Listed] = {}
    for clip, one in zip(clips, findings):
        other = first.setdefault((clip.subset, one.pictures), clip)
        if one.pictures and other.split != clip.split:
            what = f"{clip.name} of {clip.split} has the pictures of {other.name} of {other.split}"
            yield Fault("split leak", clip.files.frames[0], what)


def _has_table_fault(subset: str, faults: set[Fault]) -> bool:
    """Whether something is wrong with which clips there are."""
    tops = {"s4": "Single-source", "ms3": "Multi-sources", "avss": "metadata.csv label2idx.json v1s v1m v2"}
    places = tuple((tops | layouts.VPO_FOLDER)[subset].split())
    return any(fault.kind in TABLE and fault.path.startswith(places) for fault in faults)
