"""VGGish, the audio network that nearly every paper of this field starts from."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from avslib.encoders.weights import PublicWeights, find_weights, load_exactly, read_state_dict

PUBLIC = PublicWeights(
    name="vggish",
    files=("vggish-10086976.pth",),
    release="github.com/harritaylor/torchvggish, release v0.1",
)
DIM = 128
LAST = "embeddings.4"


class VGGish(nn.Module):
    """One 0.96 s log-mel picture -> one token of 128 numbers, none negative (AudioSet's VGGish).

    Six convolutions and three linear layers, 72 M parameters. The ReLU after the last layer belongs to it;
    the PCA and the quantisation that AudioSet's release adds do not, as in AVSBench.

    pretrained: start from the public AudioSet weights; False must be asked for by name
    weights:    a file to take them from, instead of the cache folder (see `avslib.encoders.weights`)
    dim:        another D than AudioSet's 128: the last layer is new, the others are still the public ones
    frozen:     no gradient and always evaluation mode, as in AVSBench; False fine-tunes it, as in CAVP

    State dict: `features.*` and `embeddings.*`, as in the public file. Attributes: `dim`; `weights_origin`,
    the sentence for the run's record. Raises UserError with the ways out when the weights are not found.
    """

    def __init__(
        self, *, pretrained: bool = True, weights: Path | None = None, frozen: bool = True, dim: int = DIM
    ) -> None:
        super().__init__()
        self.dim = dim
        found = find_weights(PUBLIC, weights) if pretrained else None
        self.features = nn.Sequential(
            *_convolutions(64, "pool", 128, "pool", 256, 256, "pool", 512, 512, "pool")
        )
        self.embeddings = nn.Sequential(
            nn.Linear(512 * 6 * 4, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, self.dim),
            nn.ReLU(inplace=True),
        )
        if found:
            state = read_state_dict(found.path)
            if dim != DIM:
                state |= {f"{LAST}.{name}": value for name, value in self.embeddings[4].state_dict().items()}
            load_exactly(self, state, found.path)
        self.weights_origin = found.origin if found else "random"
        self.frozen = frozen
        self.requires_grad_(not frozen)
        self.train()

    @classmethod
    def from_weights(cls, path: Path | None = None, *, frozen: bool = True) -> VGGish:
        """The public network, with the weights of `path` or else of the cache folder."""
        return cls(weights=path, frozen=frozen)

    def forward(self, sound: Tensor) -> Tensor:
        """(N, 1, 96, 64) log-mel -> one token each, (N, 1, 128), >= 0."""
        x = self.features(sound)  # (N, 1, 96, 64) -> N 512 6 4
        x = x.permute(0, 2, 3, 1).flatten(1)  # N 12288, in the order time, mel, channel of the original
        embedding: Tensor = self.embeddings(x)
        return embedding.unsqueeze(1)  # N L D, L = 1

    def train(self, mode: bool = True) -> VGGish:
        """A frozen network stays in evaluation mode."""
        super().train(mode and not self.frozen)
        return self


def _convolutions(*plan: int | str) -> list[nn.Module]:
    layers: list[nn.Module] = []
    channels = 1
    for width in plan:
        if isinstance(width, int):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        else:
            layers.append(nn.MaxPool2d(2))
    return layers
