"""What is asked of `avslib segment`, and whether it can be had."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from avslib.errors import UserError
from avslib.files import check_file, check_folder, check_not_read
from avslib.video.report import BEGINNING
from avslib.video.writing import CONTAINERS, MASK_CONTAINERS, check_output


@dataclass(frozen=True)
class Wanted:
    """What is asked for; see `avslib.segment`."""

    video: Path
    out: Path
    sound: Path | None = None
    audio_track: int | None = None
    every_frame: bool = False
    masks: Path | None = None
    report: Path | None = None
    overwrite: bool = False
    progress: bool = True

    def check(self) -> None:
        """Raises UserError for outputs that are inputs, are there already, or cannot be written."""
        outputs = {"-o": self.out, "--masks": self.masks, "--report": self.report}
        for flag, path in outputs.items():
            if path is not None:
                check_not_read(path, [self.video, self.sound], flag)
                check_folder(path.parent, flag)
        check_output(self.out, "-o", CONTAINERS, overwrite=self.overwrite)
        if self.masks is not None and self.masks.suffix:
            check_output(self.masks, "--masks", MASK_CONTAINERS, overwrite=self.overwrite)
        elif self.masks is not None and self.masks.exists():
            raise UserError(f"--masks {self.masks}: is there already; give a new folder")
        if self.report is not None:
            check_file(self.report, "--report", BEGINNING)
