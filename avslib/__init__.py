"""avslib: audio-visual segmentation, the library behind the course *Seeing Sound*."""

__version__ = "0.1.0"
