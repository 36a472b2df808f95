"""Scoring: a model under named protocols and counterfactual sounds; runs and masks in files."""

from avslib.evaluation.counterfactual import foreground_iou, score_by_sound, visual_oracle
from avslib.evaluation.evaluate import evaluate
from avslib.evaluation.score import load_run

__all__ = ["evaluate", "foreground_iou", "load_run", "score_by_sound", "visual_oracle"]
