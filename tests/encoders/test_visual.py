from __future__ import annotations

import math
from pathlib import Path

import pytest
import timm
import torch
from torch import nn
from warm_python import WarmPython

from avslib.encoders.visual import VisualEncoder
from avslib.errors import UserError

NAMES = ("resnet50", "pvt_v2_b5", "swin_b", "efficientnet_lite0")


def pixels(*size: int) -> torch.Tensor:
    return torch.randint(0, 256, (*size[:-2], 3, *size[-2:]), dtype=torch.uint8)


@pytest.fixture(scope="module")
def lite() -> VisualEncoder:
    return VisualEncoder(name="efficientnet_lite0", pretrained=False).eval()


@pytest.mark.parametrize("name", NAMES)
def test_maps_at_four_strides(name: str) -> None:
    encoder = VisualEncoder(name=name, pretrained=False).eval()
    assert encoder.weights_origin == "random"
    for height, width in ((64, 64), (45, 70)):
        with torch.no_grad():
            maps = encoder(pixels(2, height, width))
        expected = [
            (2, c, math.ceil(height / s), math.ceil(width / s))
            for c, s in zip(encoder.channels, (4, 8, 16, 32))
        ]
        assert [tuple(m.shape) for m in maps] == expected
        assert all(bool(torch.isfinite(m).all()) and float(m.std()) > 0 for m in maps)


def test_pvt_norms_and_drop_path() -> None:
    """The reference's epsilons: 1e-6 in blocks and stages, 1e-5 after patches and reduced keys."""
    net = VisualEncoder(name="pvt_v2_b5", pretrained=False).net
    for name, module in net.named_modules():
        if isinstance(module, nn.LayerNorm):
            small = "attn" in name or "downsample" in name or "patch_embed" in name
            assert module.eps == (1e-5 if small else 1e-6), name
    rates = [block.drop_path1 for stage in net.stages for block in stage.blocks]
    assert isinstance(rates[0], nn.Identity) and rates[-1].drop_prob == pytest.approx(0.1)


def test_resnet_maps_are_the_layers() -> None:
    encoder = VisualEncoder(name="resnet50", pretrained=False).eval()
    frames = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        maps = encoder(frames)
        x = encoder.net.forward_features(frames)
    assert torch.equal(maps[-1], x)
    assert all(float(m.min()) >= 0 for m in maps), "maps are taken after the ReLU"


def test_uint8_is_normalised_inside(lite: VisualEncoder) -> None:
    frames = pixels(1, 64, 64)
    with torch.no_grad():
        inside, outside = lite(frames), lite((frames.float() - 127) / 128)
    for a, b in zip(inside, outside):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


def test_channels_last_gives_the_same(lite: VisualEncoder) -> None:
    other = VisualEncoder(name="efficientnet_lite0", pretrained=False).eval()
    other.load_state_dict(lite.state_dict())
    other.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    frames = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        for a, b in zip(lite(frames), other(frames)):
            torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)


def test_lite_with_and_without_its_last_convolution() -> None:
    without = VisualEncoder(name="efficientnet_lite0", pretrained=False, conv_head=False).eval()
    assert without.channels == [24, 40, 112, 320]
    with torch.no_grad():
        assert without(pixels(1, 64, 64))[-1].shape == (1, 320, 2, 2)


def test_frozen_stages_do_not_change() -> None:
    encoder = VisualEncoder(
        name="efficientnet_lite0", pretrained=False, frozen_to_stride=4, keep_batch_norm_statistics=True
    ).train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in encoder.parameters() if p.requires_grad], lr=1.0, momentum=0.9)
    sum(m.square().mean() for m in encoder(pixels(2, 64, 64))).backward()  # type: ignore[union-attr]
    optimiser.step()
    changed = {name for name, value in encoder.state_dict().items() if not torch.equal(value, before[name])}
    frozen = ("net.conv_stem", "net.bn1", "net.blocks.0", "net.blocks.1")
    assert not [name for name in changed if name.startswith(frozen)]
    assert not [name for name in changed if "running" in name]
    assert "net.blocks.2.0.conv_pw.weight" in changed and "net.conv_head.weight" in changed


def test_batch_norm_follows_unless_kept() -> None:
    encoder = VisualEncoder(name="efficientnet_lite0", pretrained=False, frozen_to_stride=8).train()
    training = {name: m.training for name, m in encoder.net.named_modules() if isinstance(m, nn.BatchNorm2d)}
    assert not any(training[name] for name in training if name.startswith(("bn1", "blocks.0", "blocks.2")))
    assert training["blocks.3.0.bn1"] and training["bn2"]
    assert not any(m.training for m in encoder.eval().modules())


@pytest.mark.parametrize("bad", [pixels(1, 31, 64), pixels(64, 64), torch.zeros(1, 3, 64, 64).long()])
def test_bad_frames(lite: VisualEncoder, bad: torch.Tensor) -> None:
    with pytest.raises(UserError, match="frames of"):
        lite(bad)


def test_bad_arguments() -> None:
    with pytest.raises(UserError, match="resnet51: no such visual encoder"):
        VisualEncoder(name="resnet51", pretrained=False)
    with pytest.raises(UserError, match="frozen_to_stride=5"):
        VisualEncoder(name="resnet50", pretrained=False, frozen_to_stride=5)


def test_published_file_without_counters(tmp_path: Path) -> None:
    """Old torchvision files have a classifier and no step counters; both are no obstacle."""
    published = timm.create_model("resnet50").state_dict()
    kept = {name: value for name, value in published.items() if not name.endswith("num_batches_tracked")}
    torch.save(kept, tmp_path / "resnet50-19c8e357.pth")
    encoder = VisualEncoder(name="resnet50", weights=tmp_path / "resnet50-19c8e357.pth")
    assert encoder.weights_origin.startswith("path resnet50-19c8e357.pth, sha256 ")
    assert torch.equal(encoder.net.layer4[2].conv3.weight, published["layer4.2.conv3.weight"])


def test_weights_of_another_network(tmp_path: Path) -> None:
    torch.save(timm.create_model("resnet18").state_dict(), tmp_path / "other.pth")
    with pytest.raises(UserError, match=r"other\.pth: not the weights of this network: layer1\.0"):
        VisualEncoder(name="resnet50", weights=tmp_path / "other.pth")


def test_a_network_that_another_package_registers_under_the_name_changes_nothing(python: WarmPython) -> None:
    """The authors' pvt.py registers a pvt_v2_b5 of its own in timm."""
    foreign = (
        "import torch, sys\n"
        "from timm.models import register_model\n"
        "@register_model\n"
        "def pvt_v2_b5(pretrained=False, **options):\n"
        "    raise RuntimeError('the foreign one')\n"
        "import timm\n"
        "from avslib.encoders.visual import VisualEncoder\n"
        "encoder = VisualEncoder(name='pvt_v2_b5', pretrained=False)\n"
        "assert encoder.channels == [64, 128, 320, 512]\n"
        "try:\n"
        "    timm.create_model('pvt_v2_b5')\n"
        "except RuntimeError:\n"
        "    sys.exit(0)\n"
        "sys.exit('the foreign one is not registered: this test tests nothing')\n"
    )
    python("-c", foreign)
