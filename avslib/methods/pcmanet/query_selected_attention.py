"""PCMANet's QSCA: sound and picture ask each other, and only the unsure pixels ask."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class QuerySelectedCrossAttention(nn.Module):
    """Two cross-attentions between the seconds of sound and the places of a picture (PCMANet, eq. 3 and 4).

    The sound asks all places of all frames, and its answer goes to the next stage (eq. 3a). The places ask
    the sounds of all seconds, and their answer guides the decoder (eq. 3b). Of the places, only those that
    the mask selects ask: they are gathered before the queries are made and scattered back after the output
    layer, so that what is not selected costs neither. It keeps its own feature.

    width: C;  heads: of the attention, which must divide C
    passes_sound: whether the sound gets an answer. The finest stage has nobody to pass it to, and no stage
                  has without "continuity" (Table IV): then the layers for it do not exist

    Where the authors' code differs from the paper:

    scrambled_layout: the answer (places, C) is read as if it were (C, places), without transposing
    selection_without_gradient: no gradient reaches the queries, nor the sounds' keys and values, through a
                      selected answer
    bias_on_unselected: the output layer runs over the unselected places too, which receive its bias
    """

    def __init__(
        self,
        *,
        width: int = 256,
        heads: int = 8,
        passes_sound: bool = True,
        scrambled_layout: bool = False,
        selection_without_gradient: bool = False,
        bias_on_unselected: bool = False,
    ) -> None:
        super().__init__()
        self.heads, self.scrambled_layout = heads, scrambled_layout
        self.selection_without_gradient = selection_without_gradient
        self.bias_on_unselected = bias_on_unselected
        self.hear = nn.Linear(width, width)
        self.embed = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.visual_query = nn.Linear(width, width, bias=False)
        self.sound_key_value = nn.Linear(width, 2 * width, bias=False)
        self.sound_query = nn.Linear(width, width, bias=False) if passes_sound else None
        self.visual_key_value = nn.Linear(width, 2 * width, bias=False) if passes_sound else None
        self.out = nn.Linear(width, width)

    def forward(
        self, maps: Tensor, sound: Tensor, valid: Tensor, selected: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """maps (B, T, C, h, w), sound (B, T, C), valid (B, T), selected (B, T, h, w) bool or None for all.

        Returns the guide (B, T, C, h, w) and the sound for the next stage (B, T, C), or None. Padded seconds
        are neither keys nor values.
        """
        seconds, places = maps.shape[1], maps.shape[-2] * maps.shape[-1]
        tokens = self.embed(maps.flatten(3).transpose(2, 3)).flatten(1, 2)  # B Thw C
        heard = self.hear(sound)  # B T C
        seen, listening = self.norm(tokens), self.norm(heard)
        present = valid | ~valid.any(dim=1, keepdim=True)  # a softmax over nothing would be NaN
        shown = present.repeat_interleave(places, dim=1)  # B Thw
        chosen = None if selected is None else selected.flatten(1) & shown
        guide = tokens + self.answer_places(seen, listening, present, chosen)  # B Thw C
        guide = guide.unflatten(1, (seconds, places))
        guide = (guide if self.scrambled_layout else guide.transpose(2, 3)).reshape(maps.shape)
        if self.sound_query is None or self.visual_key_value is None:
            return guide, None
        key, value = self.visual_key_value(seen).chunk(2, dim=-1)
        answer = self._attend(self.sound_query(listening), key, value, shown)  # B T C
        return guide, heard + self.out(answer)

    def answer_places(
        self, seen: Tensor, listening: Tensor, present: Tensor, chosen: Tensor | None
    ) -> Tensor:
        """Normed places (B, P, C), normed sounds (B, T, C), their presence, chosen (B, P) -> (B, P, C).

        Each clip's chosen places are moved to the front, and as many are taken as the fullest clip has. A
        compiled or exported graph, whose shapes are fixed, asks for all places and erases the others.
        """
        key, value = self.sound_key_value(listening).chunk(2, dim=-1)
        if chosen is None:
            everywhere: Tensor = self.out(self._attend(self.visual_query(seen), key, value, present))
            return everywhere
        if torch.compiler.is_compiling():
            answer = self._attend(self.visual_query(seen), key, value, present)
            everywhere = self.out(self._cut(answer)) * chosen.unsqueeze(-1)
        else:
            most = max(1, int(chosen.sum(dim=1).max()))
            first = chosen.long().argsort(dim=1, descending=True, stable=True)[:, :most]  # B P'
            index = first.unsqueeze(-1).expand(-1, -1, seen.shape[-1])  # B P' C
            query = self.visual_query(seen.gather(1, index))
            answer = self.out(self._cut(self._attend(query, key, value, present)))
            answer = answer * chosen.gather(1, first).unsqueeze(-1)
            everywhere = answer.new_zeros(seen.shape).scatter(1, index, answer)  # B P C
        if self.bias_on_unselected:
            everywhere = everywhere + self.out.bias * ~chosen.unsqueeze(-1)
        return everywhere

    def _cut(self, answer: Tensor) -> Tensor:
        return answer.detach() if self.selection_without_gradient else answer

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, present: Tensor) -> Tensor:
        """query (B, Q, C), key and value (B, P, C), present (B, P) bool -> (B, Q, C)."""
        q, k, v = (x.view(*x.shape[:2], self.heads, -1).transpose(1, 2) for x in (query, key, value))
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=present[:, None, None])  # B heads Q C/heads
        return mixed.transpose(1, 2).flatten(2)
