"""CPM's step: learned queries, and beside them prompts drawn from the mixtures for what is to be found (Fig. 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avslib.losses.mask_targets import MaskTargets, mask_targets
from avslib.losses.set_criterion import SetCriterion
from avslib.methods.cpm.memory import EmbeddingMemory
from avslib.methods.cpm.model import CPM, Seen
from avslib.methods.cpm.prompt_contrast import heard_by, prompt_contrast
from avslib.methods.cpm.spectrogram import Magnitudes, off_screen, with_noise
from avslib.methods.learner import Clock, Learner, gathered
from avslib.metrics.stability import stability
from avslib.types import IGNORE, Batch

Pass = Literal["vcp", "acp", "pcl"]


@dataclass(frozen=True)
class Pace:
    """When what happens; nothing of it is in the paper's text.

    fits:    steps between two updates of the mixtures (GMMSeg: 5)
    warm_up: the part of the run without prompts, in which the mixtures learn what queries become
    prompts: steps between two passes with prompts; at 1 both kinds of queries train in every step
    """

    fits: int = 5
    warm_up: float = 0.1
    prompts: int = 1


class PromptingLearner(Learner):
    """The queries' pass, as in Mask2Former; and after `pace.warm_up` a second one with a prompt for each class present.

    vcp: the prompts' masks and classes in the picture, without matching (eq. 6): "prompted class", ... mask, ... dice
    acp: the sound is mixed with one from off the screen; which part of it the prompts together want (eq. 5): "recovery"
    pcl: what each prompt heard against pixels (eqs. 7-9): "contrast"

    Where the model has mixtures, each query's last embedding is remembered under the class that the matching gave it, "no
    object" included, and prompts are draws of a class's mixture, once that is fitted. Where it has none, a learned vector a
    class is the prompt (Table 5, "point representation").

    scale:   of the front end.  kept: embeddings a class in the memory
    correct_only: only embeddings that are classified as what they were matched to are remembered (GMMSeg)
    views, temperature: of `prompt_contrast`
    """

    assigned: Tensor
    epoch: Tensor

    def __init__(
        self,
        *,
        model: nn.Module,
        criterion: SetCriterion,
        scale: Magnitudes,
        passes: Sequence[Pass] = ("vcp", "acp", "pcl"),
        pace: Pace = Pace(),
        kept: int = 128,
        correct_only: bool = False,
        views: int = 512,
        temperature: float = 0.1,
    ) -> None:
        super().__init__(model=model, criterion=criterion)
        network = cast(CPM, model)
        queries, dim = network.learned.shape
        classes = max(2, network.classes)
        self.scale, self.passes, self.pace, self.correct_only = scale, tuple(passes), pace, correct_only
        self.views, self.temperature = views, temperature
        learns = network.mixtures is None and bool(passes)
        self.points = nn.Parameter(torch.randn(classes, dim)) if learns else None
        self.memory = (
            EmbeddingMemory(classes=classes + 1, kept=kept, dim=dim) if network.mixtures is not None else None
        )
        self.register_buffer("assigned", torch.zeros(classes, queries, dtype=torch.long))
        self.register_buffer("epoch", torch.zeros((), dtype=torch.long))

    def forward(self, batch: Batch, clock: Clock) -> dict[str, Tensor]:
        model = cast(CPM, self.model)
        if self.memory is not None and model.mixtures is not None and clock.step % self.pace.fits == 0:
            model.mixtures.update(self.memory.embeddings, self.memory.held)  # not later: the loss reads them
        seen = model.see(batch.frames.flatten(0, 1), batch.labels.shape[1] // batch.frames.shape[1])
        sound = model.hear(model.audio(batch.sound.flatten(0, 1)))  # N L D
        heard = model.listen(model.learned.expand(len(sound), -1, -1), model.places, model.heard(sound))
        prediction = model.answer(
            model.regard(heard, seen, model.places), batch.valid, batch.frames.shape[-2:]
        )
        with torch.autocast(batch.frames.device.type, enabled=False):
            terms, named = cast(SetCriterion, self.criterion).matched(prediction.in_float32(), batch)
        self._remember(prediction.extras, named.flatten(0, 1), clock)
        since = clock.step - int(self.pace.warm_up * clock.steps)
        if self.passes and since >= 0 and since % self.pace.prompts == 0:
            terms |= self.prompted(batch, seen)
        return terms

    def diagnostics(self) -> dict[str, float]:
        return {"STS": stability(self.assigned)}

    @torch.no_grad()
    def _remember(self, last: dict[str, Tensor], named: Tensor, clock: Clock) -> None:
        """named (N, Q): the class of each query; of the embeddings (B, T, Q, D)."""
        if clock.epoch != int(self.epoch):
            self.assigned.zero_()
            self.epoch.fill_(clock.epoch)
        known = gathered(named)
        classes, queries = self.assigned.shape
        ours = (known >= 0) & (known < classes)
        cells = (known * queries + torch.arange(queries, device=known.device))[ours]
        self.assigned += torch.bincount(cells, minlength=classes * queries).view(classes, queries)
        if self.memory is not None:
            kept = named >= 0
            if self.correct_only:
                kept = kept & (last["class_logits"].argmax(dim=-1).flatten(0, 1) == named)
            self.memory.put(gathered(last["embedding"].flatten(0, 1)[kept]), gathered(named[kept]))

    def prompted(self, batch: Batch, seen: Seen) -> dict[str, Tensor]:
        """The second pass; `seen` as in the first."""
        model = cast(CPM, self.model)
        labels = batch.labels.masked_fill(~batch.annotated[:, :, None, None], IGNORE)
        targets = self.asked(labels.flatten(0, 1))
        absent = targets.classes < 0  # N M
        spare = absent & ~absent.all(dim=1, keepdim=True)
        mixture, ratio = self.mixed(batch, targets)
        sound = model.hear(model.audio(mixture, whole=True))
        none = sound.new_zeros(())
        heard = model.listen(self.drawn(targets.classes), none, model.heard(sound), spare)
        terms: dict[str, Tensor] = {}
        if "vcp" in self.passes:
            layers = model.regard(heard, seen, none, spare)
            with torch.autocast(labels.device.type, enabled=False):
                told = cast(SetCriterion, self.criterion).told(layers, targets)
            terms |= {f"prompted {name}": term for name, term in told.items()}
        if model.sound_masks is not None:
            masks = model.sound_masks(heard, sound).float()  # N M f m
            if "acp" in self.passes:
                terms["recovery"] = recovery(masks, absent, ratio)
            if "pcl" in self.passes:
                found = heard_by(masks.flatten(2), sound.float())
                terms["contrast"] = prompt_contrast(
                    found, targets.classes, seen[1][-1].float(), labels.flatten(0, 1),
                    views=self.views, temperature=self.temperature,
                )  # fmt: skip
        return terms

    def asked(self, labels: Tensor) -> MaskTargets:
        """labels (N, H, W) -> the masks of the classes that are there and have a prompt; at least one place each."""
        targets = mask_targets(labels, len(self.assigned), background=False)
        if not targets.classes.shape[1]:
            targets = replace(
                targets,
                classes=targets.classes.new_full((len(labels), 1), -1),
                masks=targets.masks.new_zeros(len(labels), 1, *labels.shape[1:]),
            )
        mixtures = cast(CPM, self.model).mixtures
        if mixtures is None:
            return targets
        ready = mixtures.fitted[targets.classes.clamp(min=0)]
        return replace(targets, classes=targets.classes.where(ready, -1))

    def drawn(self, classes: Tensor) -> Tensor:
        """classes (N, M), -1 for none -> prompts (N, M, D)."""
        known = classes.clamp(min=0)
        mixtures = cast(CPM, self.model).mixtures
        if mixtures is not None:
            return torch.unflatten(mixtures.sample(known.flatten()), 0, known.shape)
        return cast(nn.Parameter, self.points)[known]

    def mixed(self, batch: Batch, targets: MaskTargets) -> tuple[Tensor, Tensor]:
        """The sounds (N, A, F, M), with noise from off the screen if ACP asks for it, and their ratio masks (N, F, M)."""
        count = len(self.assigned)
        present = F.one_hot(targets.classes.clamp(min=0), count).amax(dim=1)[:, 1:].bool()
        noise, off = off_screen(batch.sound, torch.unflatten(present, 0, batch.sound.shape[:2]))
        off = off & ("acp" in self.passes)
        return with_noise(batch.sound.flatten(0, 1), noise.flatten(0, 1), off.flatten(), self.scale)


def recovery(masks: Tensor, absent: Tensor, ratio: Tensor) -> Tensor:
    """Eq. 5, a scalar: masks (N, M, f, m) of all prompts of a sound `together`, against ratio (N, F, M).

    Sounds without any prompt do not count.
    """
    whole = together(masks, absent, (ratio.shape[-2], ratio.shape[-1]))
    each = (whole - ratio.float()).square().mean(dim=(1, 2))
    counts = ~absent.all(dim=1)
    return (each * counts).sum() / counts.sum().clamp(min=1)


def together(masks: Tensor, absent: Tensor, size: tuple[int, int]) -> Tensor:
    """Logits (N, M, f, m) of the prompts of a sound added up, and then one sigmoid -> (N, F, M) of `size`.

    absent: (N, M) bool, places that hold no prompt
    """
    total = masks.masked_fill(absent[:, :, None, None], 0).sum(dim=1, keepdim=True)  # N 1 f m
    return F.interpolate(total, size, mode="bilinear", align_corners=False)[:, 0].sigmoid()
