"""Your own video: decoded, segmented in windows of T seconds, painted, and written with its sound.

media.py       a file, opened so that it can name no other, and what it says of itself
pictures.py    its pictures, upright        sound.py    its sound, one stream of samples
windows.py     what a model is shown, and what it marks
painting.py    what a viewer is shown       writing.py  the video as a file, whole or not at all
report.py      what was heard and marked    segmenting.py  all of it, one after the other
"""

from avslib.video.report import Report
from avslib.video.segmenting import check_wanted, segment_video
from avslib.video.wanted import Wanted

__all__ = ["Report", "Wanted", "check_wanted", "segment_video"]
