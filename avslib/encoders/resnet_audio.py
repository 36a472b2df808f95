"""A ResNet-18 that takes the log-mel of one or two ears for a picture: the audio network of CAVP, and CPM, on VPO."""

from __future__ import annotations

from pathlib import Path

from timm.models import resnet
from torch import Tensor, nn

from avslib.encoders.weights import PublicWeights, find_weights, load_exactly, read_state_dict

PUBLIC = PublicWeights(
    name="resnet18",
    files=("resnet18-f37072fd.pth", "resnet18-5c106cde.pth", "resnet18.tv_in1k.safetensors"),
    release="torchvision's ResNet18_Weights.IMAGENET1K_V1",
    hub="timm/resnet18.tv_in1k",
)


class ResNetAudio(nn.Module):
    """(N, A, F, M) log-mel -> one token each, (N, 1, dim). The maximum over time and pitch, not the mean.

    pretrained: on ImageNet's pictures, but for the first convolution, which has other channels, and the last layer
    channels:   A, 1 mono or 2 stereo.  dim: D
    """

    def __init__(
        self, *, pretrained: bool = True, weights: Path | None = None, channels: int = 2, dim: int = 304
    ) -> None:
        super().__init__()
        found = find_weights(PUBLIC, weights) if pretrained else None
        self.net = resnet.resnet18(pretrained=False, in_chans=channels, num_classes=dim, global_pool="max")
        self.dim = dim
        if found:
            new = {n: p for n, p in self.net.state_dict().items() if n.startswith(("conv1.", "fc."))}
            load_exactly(self.net, read_state_dict(found.path) | new, found.path)
        self.weights_origin = found.origin if found else "random"

    def forward(self, sound: Tensor) -> Tensor:
        token: Tensor = self.net(sound)
        return token.unsqueeze(1)
