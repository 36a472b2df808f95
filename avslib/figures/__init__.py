"""Figures of the course: static plots with captions, sounds, and explorers that need no kernel.

    from avslib.figures import ListenPanel, ResponseExplorer, ScenePlayer, scene_figure, show, style

Names are imported when they are first used: nothing here costs time until a figure is made.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# No name may be that of its module: importing the module would put it in the name's place.
_HOME = {
    "Html": "html",
    "show": "captions",
    "style": "captions",
    "STYLE": "captions",
    "OKABE_ITO": "colours",
    "class_colour": "colours",
    "audio_data_uri": "audio",
    "player": "audio",
    "video_player": "video",
    "paint": "overlay",
    "outline": "overlay",
    "scene_figure": "glance",
    "gallery": "grids",
    "score_grid": "grids",
    "Live": "live",
    "Explorer": "explorers.frame",
    "ScenePlayer": "explorers.scene.player",
    "Track": "explorers.scene.tracks",
    "ResponseExplorer": "explorers.response.explorer",
    "QueryExplorer": "explorers.query.explorer",
    "QueryLooks": "explorers.query.explorer",
    "CIMExplorer": "explorers.cim.explorer",
    "Looked": "explorers.cim.explorer",
    "Heard": "explorers.listen.panel",
    "ListenPanel": "explorers.listen.panel",
    "SoundExplorer": "explorers.sound.explorer",
    "ScoreExplorer": "explorers.score.explorer",
    "AttentionExplorer": "explorers.attention.explorer",
    "Anchors": "explorers.anchors.explorer",
    "AnchorsExplorer": "explorers.anchors.explorer",
    "PointsExplorer": "explorers.points.explorer",
    "GroupsExplorer": "explorers.groups.explorer",
    "LayersExplorer": "explorers.layers.explorer",
    "MatchingExplorer": "explorers.matching.explorer",
    "Pairs": "explorers.matching.pairs",
    "Actor": "explorers.stage.explorer",
    "StageExplorer": "explorers.stage.explorer",
    "PromptShot": "explorers.prompts.shots",
    "PromptsExplorer": "explorers.prompts.explorer",
    "Watch": "explorers.prompts.watch",
    "shoot": "explorers.prompts.shots",
    "watched": "explorers.prompts.watch",
    "StabilityExplorer": "explorers.stability.explorer",
    "Recovered": "explorers.recovery.scenes",
    "RecoveryExplorer": "explorers.recovery.explorer",
    "recover": "explorers.recovery.scenes",
    "listen_bars": "curves",
    "table": "chapter",
    "find_ledger": "chapter",
    "ledger_cells": "chapter",
    "score_columns": "chapter",
    "main_scores": "chapter",
    "read_log": "chapter",
    "page_run": "chapter",
    "trained": "chapter",
    "telling": "chapter",
    "comparison": "chapter",
    "listening": "chapter",
    "say": "chapter",
    "box": "diagram",
    "arrow": "diagram",
    "training_curves": "curves",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOME)
