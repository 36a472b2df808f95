"""`J&F-papers`: the mean of two numbers that tables of AVS papers print as J&F."""

from __future__ import annotations

from avslib.metrics.avsbench_binary import AVSBenchBinary
from avslib.metrics.avsbench_semantic import AVSBenchSemantic
from avslib.metrics.frames import FrameProtocol, Frames


class JAndFOfPapers(FrameProtocol):
    """Half mIoU, half F of the AVSBench protocols, as in Table 1 of the CAVP paper: TPAVI's 78.80 is the mean
    of its 72.79 and 84.80. The traps:

    - It shares its name with the DAVIS measure and none of its contours; see `J&F`.
    - It has all traps of the protocol it is the mean of. F is a maximum over thresholds and takes the
      batch size along.

    of: the protocol whose mIoU and F are averaged; `AVSBenchSemantic` for AVSS
    """

    def __init__(self, *, of: AVSBenchBinary | AVSBenchSemantic | None = None) -> None:
        self.of = of or AVSBenchBinary()

    @property
    def name(self) -> str:
        """E.g. 'J&F-papers (avsbench-binary, batch of 4 clips)'."""
        return f"J&F-papers ({self.of.name.replace(' (', ', ').removesuffix(')')})"

    @property
    def frames_per_batch(self) -> int:
        """Of the protocol inside; 1 where it has no batches."""
        return getattr(self.of, "frames_per_batch", 1)

    def add(self, frames: Frames) -> None:
        """See `FrameProtocol`; as the protocol inside does."""
        self.of.add(frames)

    def merge(self, other: JAndFOfPapers) -> None:
        """See `FrameProtocol`."""
        super().merge(other)
        self.of.merge(other.of)  # type: ignore[arg-type]

    def compute(self) -> dict[str, float]:
        """{'J&F', 'J', 'F'} in 0..1 so far. Raises UserError when nothing was scored."""
        found = self.of.compute()
        return {"J&F": (found["mIoU"] + found["F"]) / 2, "J": found["mIoU"], "F": found["F"]}
