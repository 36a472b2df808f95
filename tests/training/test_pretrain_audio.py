"""The audio encoder learns to name what sounds, the same way each time."""

from __future__ import annotations

import torch
import toy

from avslib.training.pretrain_audio import pretrain_audio, sounds_and_classes


def pretrained(seed: int) -> tuple[list[float], torch.Tensor]:
    torch.manual_seed(0)
    encoder = toy.Hearing()
    history = pretrain_audio(encoder, toy.ToyScenes(40, 0), toy.tone, steps=200, batch=8, seed=seed)
    return history, encoder.layer.weight.detach()


def test_it_learns_and_repeats() -> None:
    history, weight = pretrained(seed=0)
    assert len(history) == 200
    assert history[-1] < 0.85 * history[0]
    assert torch.equal(weight, pretrained(seed=0)[1])
    assert not torch.equal(weight, pretrained(seed=1)[1])


def test_every_second_is_an_example_with_its_classes() -> None:
    scenes = [toy.ToyScenes(3, 0).scene(i) for i in range(3)]
    sound, target = sounds_and_classes(scenes, toy.tone)
    assert sound.shape == (6, 1, 2, 1)
    assert torch.equal(target[:, 0].bool(), torch.cat([scene.red for scene in scenes]))
    low, high = sound[:, 0, 0, 0], sound[:, 0, 1, 0]
    assert torch.equal(low > high, target[:, 0].bool())


def test_a_scene_is_composed_once_however_often_it_is_heard() -> None:
    composed: list[int] = []

    class Counting(toy.ToyScenes):
        def scene(self, index: int) -> toy.ToyScene:
            composed.append(index)
            return super().scene(index)

    pretrain_audio(toy.Hearing(), Counting(10, 0), toy.tone, steps=20, batch=5, seed=0)
    assert set(composed) == set(range(10))
    assert len(composed) <= 10 + 1, "one more look tells how many classes there are"
