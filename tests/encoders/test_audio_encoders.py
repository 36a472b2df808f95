from __future__ import annotations

from pathlib import Path

import pytest
import torch

from avslib.encoders.small_audio import SmallAudioEncoder
from avslib.encoders.vggish import VGGish
from avslib.errors import UserError


@pytest.fixture(scope="module")
def vggish() -> VGGish:
    return VGGish(pretrained=False)


def test_vggish_flattens_in_the_order_of_the_original(vggish: VGGish) -> None:
    sound = torch.randn(2, 1, 96, 64)
    tokens = vggish(sound)
    assert tokens.shape == (2, 1, 128) and float(tokens.min()) >= 0
    maps = vggish.features(sound)
    assert maps.shape == (2, 512, 6, 4)
    by_hand = torch.stack([maps[:, c, t, m] for t in range(6) for m in range(4) for c in range(512)], dim=1)
    assert torch.equal(vggish.embeddings(by_hand), tokens[:, 0])


def test_vggish_has_the_public_names(vggish: VGGish) -> None:
    shapes = {name: tuple(value.shape) for name, value in vggish.state_dict().items()}
    assert len(shapes) == 18
    assert shapes["features.0.weight"] == (64, 1, 3, 3)
    assert shapes["features.13.weight"] == (512, 512, 3, 3)
    assert shapes["embeddings.0.weight"] == (4096, 12288)
    assert shapes["embeddings.4.bias"] == (128,)


def test_vggish_is_frozen_unless_asked(vggish: VGGish) -> None:
    assert not vggish.train().training
    assert not any(p.requires_grad for p in vggish.parameters())
    assert vggish.weights_origin == "random"


def test_vggish_takes_the_public_file(vggish: VGGish, tmp_path: Path) -> None:
    torch.save(vggish.state_dict(), tmp_path / "vggish-10086976.pth")
    loaded = VGGish.from_weights(tmp_path / "vggish-10086976.pth", frozen=False)
    assert loaded.weights_origin.startswith("path vggish-10086976.pth, sha256 ")
    assert loaded.training and all(p.requires_grad for p in loaded.parameters())
    assert torch.equal(loaded.embeddings[4].weight, vggish.embeddings[4].weight)


def test_vggish_says_where_its_weights_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AVSLIB_CACHE", str(tmp_path))
    with pytest.raises(UserError) as error:
        VGGish()
    for part in ("vggish-10086976.pth", "harritaylor/torchvggish", str(tmp_path), "pretrained=False"):
        assert part in str(error.value)


def test_small_encoder_has_the_contract_of_vggish() -> None:
    encoder = SmallAudioEncoder()
    tokens = encoder(torch.randn(3, 1, 96, 64))
    assert tokens.shape == (3, 1, encoder.dim) == (3, 1, 128) and bool((tokens >= 0).all())
    tokens.sum().backward()
    assert all(p.grad is not None for p in encoder.parameters())
    assert 1e5 < sum(p.numel() for p in encoder.parameters()) < 4e5
    assert SmallAudioEncoder(channels=2)(torch.randn(2, 2, 300, 64)).shape == (2, 1, 128)


def test_small_encoder_learns_two_tones() -> None:
    """High against low, forty steps, although it hears with holes."""
    torch.manual_seed(0)
    encoder, head = SmallAudioEncoder(), torch.nn.Linear(128, 2)
    optimiser = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=3e-3)
    labels = torch.arange(16) % 2
    for _ in range(40):
        sound = torch.randn(16, 1, 96, 64) - 3
        sound[labels == 0, :, :, 10:14] += 3
        sound[labels == 1, :, :, 40:44] += 3
        loss = torch.nn.functional.cross_entropy(head(encoder(sound)[:, 0]), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.2
