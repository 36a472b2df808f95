"""Readers of the real benchmarks."""

from avslib.data.readers.avsbench_object import AVSBenchObject
from avslib.data.readers.avsbench_semantic import AVSBenchSemantic
from avslib.data.readers.vpo import VPO

__all__ = ["VPO", "AVSBenchObject", "AVSBenchSemantic"]
