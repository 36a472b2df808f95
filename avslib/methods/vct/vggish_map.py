"""What VGGish hears before it pools: a small map of time and pitch, which VCT's queries can look around in."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from avslib.encoders.vggish import VGGish


class VGGishMap(nn.Module):
    """The convolutions of VGGish: 24 tokens a second, of 6 stretches of time by 4 of pitch. Frozen, as VCT has it.

    pretrained, weights: as in `VGGish`
    """

    dim = 512
    grid = (6, 4)

    def __init__(self, *, pretrained: bool = True, weights: Path | None = None) -> None:
        super().__init__()
        whole = VGGish(pretrained=pretrained, weights=weights)
        self.features, self.weights_origin = whole.features, whole.weights_origin

    def forward(self, sound: Tensor) -> Tensor:
        """(N, 1, 96, 64) log-mel -> (N, 24, 512), >= 0; row by row: time, then pitch."""
        maps: Tensor = self.features(sound)  # N 512 6 4
        return maps.flatten(2).transpose(1, 2)  # N L D
