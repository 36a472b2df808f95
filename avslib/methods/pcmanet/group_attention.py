"""PCMANet's AVGA: where does the picture agree with the sound, asked once a group of channels."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from avslib.layers.recording import record
from avslib.methods.pcmanet.conv_norm_relu import conv_norm_relu


class AudioVisualGroupAttention(nn.Module):
    """The cosine between sound and pixel, group by group, multiplies the pixel (PCMANet, section III-B).

    The channels of the map are split into groups; the sound is brought to the channels of one group, the same
    for all. Each group is multiplied by its own map of cosines, and a 1x1 convolution mixes the groups. Both
    sides have passed a ReLU, so a cosine lies in [0, 1].

    width:  C of the maps and of the sound
    groups: g; 8 in the paper. (The authors' S4 model on ResNet-50 has 4.) Must divide `width`
    """

    def __init__(self, *, width: int = 256, groups: int = 8) -> None:
        super().__init__()
        self.groups = groups
        self.project = conv_norm_relu(width, width, kernel=1, groups=groups)
        self.hear = nn.Sequential(nn.Linear(width, width), nn.Linear(width, width // groups), nn.ReLU())
        self.merge = conv_norm_relu(width, width, kernel=1)

    def forward(self, maps: Tensor, sound: Tensor) -> tuple[Tensor, Tensor | None]:
        """maps (B, T or 1, C, h, w), sound (B, T, C) -> (B, T, C, h, w), and the cosines (B, T, G, h, w).

        A time axis of 1 is a still: it is projected once and compared with T sounds.
        """
        x = self.project(maps.flatten(0, 1)).unflatten(0, maps.shape[:2])  # B T|1 C h w
        x = x.unflatten(2, (self.groups, -1))  # B T|1 G C/G h w
        heard = F.normalize(self.hear(sound), dim=-1)  # B T C/G
        product = (x * heard[:, :, None, :, None, None]).sum(dim=3)  # B T G h w
        attention = product / x.norm(dim=3).clamp(min=1e-12)  # B T G h w
        record("pcmanet.attention", attention)
        weighed = (x * attention.unsqueeze(3)).flatten(2, 3)  # B T C h w
        merged: Tensor = self.merge(weighed.flatten(0, 1)).view(weighed.shape)
        return merged, attention


class Addition(nn.Module):
    """In the place of AVGA: the sound is added to every pixel. The first row of PCMANet's Table IV."""

    def forward(self, maps: Tensor, sound: Tensor) -> tuple[Tensor, Tensor | None]:
        """As `AudioVisualGroupAttention`, without cosines."""
        return maps + sound[..., None, None], None
