"""TPAVI: every pixel of every frame is compared with the sound of every second (paper, eq. 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from avslib.layers.recording import is_recording, record


class TemporalPixelwiseInteraction(nn.Module):
    """Every pixel asks every second's sound, and receives visual features in return (paper, eq. 2).

    Query: the pixel. Key: the sound, the same at every place of a frame. Value: the *visual* feature. No
    softmax: responses are divided by the number of keys. Because the key does not change over a frame, the
    sum over places can be taken first, and over seconds too: all that the sound contributes is one
    inner x inner matrix for the seconds that attend together. That is exact, and it replaces a
    (T*h*w) x (T*h*w) matrix. `literal=True` builds the large matrix, for teaching and for the test.

    width:            C of the maps
    inner:            channels of query, key and value
    audio_dim:        D of the sound's embedding
    audio_bias:       the authors' AVSS code has none in the layer that brings the sound to C channels
    seconds_together: how many seconds attend jointly: None all T (paper); n blocks of n (the authors' AVSS
                      code cuts ten seconds into two blocks of 5)
    initial_influence: weight of the last batch norm at the start. With 0 (authors' code) sound changes
                      nothing at first and has to be discovered, which a short schedule does not live to see
    """

    def __init__(
        self,
        *,
        width: int = 256,
        inner: int = 128,
        audio_dim: int = 128,
        audio_bias: bool = True,
        seconds_together: int | None = None,
        initial_influence: float = 0.0,
        literal: bool = False,
    ) -> None:
        super().__init__()
        self.seconds_together, self.literal = seconds_together, literal
        self.align = nn.Linear(audio_dim, width, bias=audio_bias)
        self.query = nn.Conv2d(width, inner, 1)
        self.key = nn.Linear(width, inner)
        self.value = nn.Conv2d(width, inner, 1)
        self.out = nn.Conv2d(inner, width, 1)
        self.out_norm = nn.BatchNorm2d(width)
        self.norm = nn.LayerNorm(width)
        nn.init.constant_(self.out_norm.weight, initial_influence)

    def forward(self, maps: Tensor, audio: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """maps (B, T or 1, C, h, w), audio (B, T, D), valid (B, T) -> maps (B, T, C, h, w), audio (B, T, C).

        A time axis of 1 is a still: its query and value are computed once and meet T sounds. Padded seconds
        take no part. (In training they do enter the batch norm's statistics, as in the reference.)
        """
        clips = maps.shape[0]
        aligned = self.align(audio)  # B T C
        key = self.key(aligned)  # B T I
        query = self.query(maps.flatten(0, 1)).unflatten(0, maps.shape[:2])  # B T|1 I h w
        value = self.value(maps.flatten(0, 1)).unflatten(0, maps.shape[:2])
        if is_recording():
            record("tpavi.response", self.response(maps, aligned))
        together = self._together(valid, maps.dtype)  # B T T
        attend = self._literal if self.literal else self._through_one_matrix
        y = attend(query, key, value, together)  # B T I h w
        z = self.out_norm(self.out(y.flatten(0, 1))).unflatten(0, (clips, -1)) + maps  # B T C h w
        z = self.norm(z.movedim(2, -1)).movedim(-1, 2)
        return z, aligned

    def response(self, maps: Tensor, aligned: Tensor) -> Tensor:
        """maps (B, T or 1, C, h, w), aligned sound (B, T, C) -> query . key, (B, T or 1, T, h, w).

        Entry (b, q, s, y, x): how much the pixel (y, x) of frame q answers to the sound of second s.
        """
        query = self.query(maps.flatten(0, 1)).unflatten(0, maps.shape[:2])
        return torch.einsum("bqihw,bsi->bqshw", query, self.key(aligned))

    def _together(self, valid: Tensor, dtype: torch.dtype) -> Tensor:
        """(B, T, T) weight of second s in the mean that second t receives; rows sum to 1 (0: all padded)."""
        seconds = valid.shape[1]
        block = torch.arange(seconds, device=valid.device) // (self.seconds_together or seconds)
        weight = ((block[:, None] == block[None]) & valid[:, None]).to(dtype)
        return weight / weight.sum(dim=2, keepdim=True).clamp(min=1)

    @staticmethod
    def _through_one_matrix(query: Tensor, key: Tensor, value: Tensor, together: Tensor) -> Tensor:
        mean_value = value.mean(dim=(3, 4)).expand(-1, key.shape[1], -1)  # B T J
        each = key.unsqueeze(3) * mean_value.unsqueeze(2)  # B T I J
        matrix = torch.einsum("bts,bsij->btij", together.to(each.dtype), each)
        return torch.einsum("btihw,btij->btjhw", query.expand(-1, key.shape[1], -1, -1, -1), matrix)

    @staticmethod
    def _literal(query: Tensor, key: Tensor, value: Tensor, together: Tensor) -> Tensor:
        seconds, (height, breadth) = key.shape[1], query.shape[-2:]
        places = height * breadth
        query = query.expand(-1, seconds, -1, -1, -1).movedim(2, -1).flatten(1, 3)  # B THW I
        value = value.expand(-1, seconds, -1, -1, -1).movedim(2, -1).flatten(1, 3)  # B THW J
        keys = key.repeat_interleave(places, dim=1)  # B THW I: the same key at every place
        weight = together.repeat_interleave(places, dim=1).repeat_interleave(places, dim=2) / places
        y = (query @ keys.transpose(1, 2) * weight) @ value  # B THW J
        return y.view(y.shape[0], seconds, height, breadth, -1).movedim(-1, 2)
