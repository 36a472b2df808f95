"""The sound as a dense map: u_a of CPM, in which prompts look for the part of the spectrogram that is theirs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from avslib.encoders.resnet_audio import ResNetAudio
from avslib.encoders.small_audio import SmallAudioEncoder
from avslib.encoders.vggish import VGGish


class SoundMap(nn.Module, ABC):
    """An encoder of sound whose maps at strides 4, 8, 16 are joined as in an FPN, with its token added everywhere.

    The paper says that there is such a map, not how it is made.

    pooled:   the encoder (N, A, F, M) -> (N, 1, `pooled.dim`), which is pretrained as in every other method
    channels: of its maps at strides 4, 8, 16
    size:     (F, M) of the sound's picture.  dim: D
    """

    def __init__(
        self, pooled: nn.Module, channels: Sequence[int], *, size: tuple[int, int] = (96, 64), dim: int = 256
    ) -> None:
        super().__init__()
        self.pooled, self.dim = pooled, dim
        self.grid = (-(-size[0] // 4), -(-size[1] // 4))
        self.lateral = nn.ModuleList(nn.Conv2d(c, dim, 1) for c in channels)
        self.everywhere = nn.Linear(cast(int, pooled.dim), dim)
        self.smooth = nn.Conv2d(dim, dim, 3, padding=1)

    def forward(self, sound: Tensor, *, whole: bool = False) -> Tensor:
        """(N, A, F, M) -> tokens (N, L, D), row by row of `grid`: time, then pitch.

        whole: without the holes that an encoder may hear in training. What is hidden nobody can tell from noise
        """
        *maps, token = self.stages(self.with_holes(sound) if self.training and not whole else sound)
        x = self.everywhere(token)[:, :, None, None]  # N D 1 1
        for lateral, seen in zip(reversed(self.lateral), reversed(maps)):
            x = lateral(seen) + F.interpolate(x, seen.shape[-2:])
        tokens: Tensor = self.smooth(x.relu()).flatten(2).mT  # N L D
        return tokens

    def with_holes(self, sound: Tensor) -> Tensor:
        """What is heard in training."""
        return sound

    @abstractmethod
    def stages(self, sound: Tensor) -> list[Tensor]:
        """The maps (N, C, h, w) at strides 4, 8, 16, and the token (N, `pooled.dim`)."""

    @property
    def weights_origin(self) -> str:
        """The sentence for the run's record."""
        return cast(str, self.pooled.weights_origin)

    @weights_origin.setter
    def weights_origin(self, told: str) -> None:
        self.pooled.weights_origin = told  # type: ignore[assignment]


class VGGishSoundMap(SoundMap):
    """Over VGGish, fine-tuned."""

    pooled: VGGish

    def __init__(self, *, pretrained: bool = True, dim: int = 256) -> None:
        super().__init__(VGGish(pretrained=pretrained, frozen=False), (128, 256, 512), dim=dim)

    def stages(self, sound: Tensor) -> list[Tensor]:
        maps, x = [], sound
        for layer in self.pooled.features:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                maps.append(x)
        return [*maps[1:], self.pooled.embeddings(x.permute(0, 2, 3, 1).flatten(1))]


class ResNetSoundMap(SoundMap):
    """Over a ResNet-18 that hears `channels` ears, and a picture of the sound of `size`; by default of VPO's three seconds."""

    pooled: ResNetAudio

    def __init__(
        self, *, pretrained: bool = True, channels: int = 2, size: tuple[int, int] = (300, 64), dim: int = 256
    ) -> None:
        pooled = ResNetAudio(pretrained=pretrained, channels=channels)
        super().__init__(pooled, (64, 128, 256), size=size, dim=dim)

    def stages(self, sound: Tensor) -> list[Tensor]:
        net = self.pooled.net
        x = net.maxpool(net.act1(net.bn1(net.conv1(sound))))
        maps = [x := layer(x) for layer in (net.layer1, net.layer2, net.layer3, net.layer4)]
        return [*maps[:3], net.fc(net.global_pool(maps[3]))]


class SmallSoundMap(SoundMap):
    """Over `SmallAudioEncoder`, for schedules of minutes."""

    pooled: SmallAudioEncoder

    def __init__(self, *, pooled: SmallAudioEncoder, size: tuple[int, int] = (96, 64), dim: int = 64) -> None:
        super().__init__(pooled, (32, 64, 128), size=size, dim=dim)

    def with_holes(self, sound: Tensor) -> Tensor:
        return self.pooled.with_holes(sound)

    def stages(self, sound: Tensor) -> list[Tensor]:
        x = sound
        maps = [x := layer(x) for layer in self.pooled.features]
        return [*maps[1:], self.pooled.embedding(x.mean(dim=(2, 3)) + x.amax(dim=(2, 3)))]
