"""What CPM's mixtures hold at one moment of a training, and what prompts drawn from them ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from avslib.errors import UserError
from avslib.figures.explorers.still import still
from avslib.figures.html import Floats, Masks
from avslib.methods.cpm.learner import PromptingLearner
from avslib.methods.cpm.memory import EmbeddingMemory
from avslib.methods.cpm.mixtures import ClassMixtures
from avslib.methods.cpm.model import CPM
from avslib.types import Batch


@dataclass(frozen=True)
class PromptShot:
    """c classes are shown, each with M components, of each of which P prompts are drawn and asked alone.

    name:        of the moment, as "after 90 steps"
    shown:       the c classes
    embeddings:  (R, D), a few that are remembered of every class; classes: (R,), K' is "no object"
    means:       (c, M, D); spread: (c, M, D) variances or (c, M, D, D) covariances; weights: (c, M)
    fitted:      (c,) bool, False: of this class nothing has been remembered yet
    prompts:     (c, M, P, D)
    masks:       (c, M, P, h, w) logits in the picture
    sound_masks: (c, M, P, f, m) logits in the spectrogram
    own:         (c, M, P), the probability of its own class that the decoder gives a prompt at the end
    """

    name: str
    shown: tuple[int, ...]
    embeddings: Floats
    classes: npt.NDArray[np.int64]
    means: Floats
    spread: Floats
    weights: Floats
    fitted: Masks
    prompts: Floats
    masks: Floats
    sound_masks: Floats
    own: Floats


def shoot(
    learner: PromptingLearner,
    batch: Batch,
    *,
    classes: Sequence[int],
    second: int = 0,
    draws: int = 3,
    remembered: int = 24,
    seed: int = 0,
    name: str = "",
) -> PromptShot:
    """A shot of `learner` as it is, which does not change it, nor any other chance.

    batch:      its first clip is shown in `second`
    classes:    which are shown, whether they sound or not
    draws:      P; equal seeds draw the same noise, so that a prompt moves with its component
    remembered: at most so many embeddings of each class

    Raises UserError for a learner without mixtures or masks of the spectrogram, a class that it does not know, a second that
    there is not.
    """
    model = cast(CPM, learner.model)
    memory, mixtures = learner.memory, model.mixtures
    if memory is None or mixtures is None or model.sound_masks is None:
        raise UserError(
            "this learner has no mixtures, or no masks of the spectrogram; take CPM with ACP or PCL"
        )
    if not classes or not set(classes) <= set(range(len(learner.assigned))):
        raise UserError(f"classes {list(classes)}: give some from 0 to {len(learner.assigned) - 1}")
    if not 0 <= second < batch.sound.shape[1] or draws < 1:
        raise UserError(
            f"second {second} of {batch.sound.shape[1]}, {draws} draws: give one of them, and 1 or more"
        )
    with still(learner, seed=seed) as device:
        some = torch.tensor(classes, device=device)
        prompts = _drawn(mixtures, some, draws)  # c M P D
        found = _asked(model, batch.to(device), second, prompts)
        own = found["class_logits"].softmax(dim=-1)[torch.arange(len(some), device=device), :, :, some]
        embeddings, kinds = _remembered(memory, remembered)
        return PromptShot(
            name=name, shown=tuple(classes), embeddings=_numpy(embeddings), classes=_numpy(kinds),
            means=_numpy(mixtures.means[some]), spread=_numpy(mixtures.spread[some]),
            weights=_numpy(mixtures.weights[some]), fitted=_numpy(mixtures.fitted[some]), prompts=_numpy(prompts),
            masks=_numpy(found["mask_logits"]), sound_masks=_numpy(found["sound_logits"]), own=_numpy(own),
        )  # fmt: skip


def _drawn(mixtures: ClassMixtures, classes: Tensor, draws: int) -> Tensor:
    """classes (c,) -> (c, M, P, D)."""
    shape = (len(classes), mixtures.components, draws)
    components = torch.arange(mixtures.components, device=classes.device)
    every = classes[:, None, None].expand(shape).flatten(), components[:, None].expand(shape).flatten()
    return torch.unflatten(mixtures.sample_component(*every), 0, shape)


def _asked(model: CPM, batch: Batch, second: int, prompts: Tensor) -> dict[str, Tensor]:
    """prompts (c, M, P, D), each in a batch place of its own -> "class_logits", "mask_logits", "sound_logits" (c, M, P, ...)."""
    asking = prompts.flatten(0, 2)[:, None]  # N 1 D
    none = asking.new_zeros(())
    frames = batch.frames[:1, min(second, batch.frames.shape[1] - 1)]  # 1 3 H W
    sound = model.hear(model.audio(batch.sound[0, second : second + 1]))  # 1 L D
    sound = sound.expand(len(asking), -1, -1)
    heard = model.listen(asking, none, model.heard(sound))
    last = model.regard(heard, model.see(frames, len(asking)), none)[-1]
    found = {name: last[name] for name in ("class_logits", "mask_logits")}
    if model.sound_masks is not None:
        found["sound_logits"] = model.sound_masks(heard, sound)
    return {name: torch.unflatten(x[:, 0], 0, prompts.shape[:3]) for name, x in found.items()}


def _remembered(memory: EmbeddingMemory, most: int) -> tuple[Tensor, Tensor]:
    """(R, D), and (R,) of which class each is."""
    counts = memory.held.clamp(max=most).tolist()
    parts = [rows[:count] for rows, count in zip(memory.embeddings, counts)]
    kinds = torch.arange(len(counts), device=memory.held.device)
    return torch.cat(parts), kinds.repeat_interleave(memory.held.clamp(max=most))


def _numpy(x: Tensor) -> Any:
    return (x.float() if x.is_floating_point() else x).cpu().numpy().copy()
