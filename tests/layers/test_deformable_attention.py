"""Deformable attention against Hugging Face's, and against a loop over places."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from avslib.layers.deformable_attention import DeformableAttention, pixel_centres

SIZES = [(5, 7), (3, 4), (2, 1)]
PIXELS = sum(h * w for h, w in SIZES)


def random_module(dim: int = 16, heads: int = 4, points: int = 3) -> DeformableAttention:
    torch.manual_seed(0)
    module = DeformableAttention(dim=dim, heads=heads, levels=len(SIZES), points=points)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.7)  # offsets of several pixels, also out of the maps
    return module


def inputs(dim: int = 16, queries: int = 6) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(2, queries, dim), torch.rand(2, queries, 3, 2), torch.randn(2, PIXELS, dim)


def test_equals_hugging_face() -> None:
    detr = pytest.importorskip("transformers.models.deformable_detr.modeling_deformable_detr")
    ours = random_module()
    config = SimpleNamespace(d_model=16, num_feature_levels=3, disable_custom_kernels=True)
    theirs = detr.DeformableDetrMultiscaleDeformableAttention(config, num_heads=4, n_points=3)
    names = {
        "offsets": "sampling_offsets",
        "weights": "attention_weights",
        "value": "value_proj",
        "out": "output_proj",
    }
    theirs.load_state_dict(
        {f"{names[n.split('.')[0]]}.{n.split('.')[1]}": t for n, t in ours.state_dict().items()}
    )
    query, places, memory = inputs()
    results = []
    for module in (ours, theirs):
        leaves = [x.clone().requires_grad_() for x in (query, places, memory)]
        if module is ours:
            out = module(leaves[0], leaves[1], leaves[2], SIZES)
        else:
            out, _ = module(
                hidden_states=leaves[0], reference_points=leaves[1], encoder_hidden_states=leaves[2],
                spatial_shapes=torch.tensor(SIZES), spatial_shapes_list=SIZES,
            )  # fmt: skip
        out.square().sum().backward()
        results.append(
            [
                out,
                *(x.grad for x in leaves),
                module.value.weight.grad if module is ours else theirs.value_proj.weight.grad,
            ]
        )
    for mine, other in zip(*results):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-5)


def bilinear(image: Tensor, x: float, y: float) -> Tensor:
    """image (D, h, w) at (x, y) in [0, 1]; pixel (i, j) has its centre at ((j + 0.5) / w, (i + 0.5) / h)."""
    _, height, width = image.shape
    column, row = x * width - 0.5, y * height - 0.5
    result = torch.zeros(len(image))
    for i in (math.floor(row), math.floor(row) + 1):
        for j in (math.floor(column), math.floor(column) + 1):
            if 0 <= i < height and 0 <= j < width:
                result += (1 - abs(row - i)) * (1 - abs(column - j)) * image[:, i, j]
    return result


def test_equals_a_loop_over_places() -> None:
    """Deformable DETR, eq. 3, one head, query, map and place at a time."""
    module, (query, places, memory) = random_module(), inputs()
    where, weight = module.looks(query, places, SIZES)
    value = module.value(memory).view(2, PIXELS, 4, 4)
    expected = torch.zeros(2, 6, 4, 4)
    starts = [0, 35, 47]
    for n in range(2):
        for q in range(6):
            for head in range(4):
                for level, ((h, w), start) in enumerate(zip(SIZES, starts)):
                    image = value[n, start : start + h * w, head].T.reshape(4, h, w)
                    for point in range(3):
                        x, y = where[n, q, head, level, point].tolist()
                        seen = bilinear(image, x, y)
                        expected[n, q, head] += weight[n, q, head, level, point] * seen
    torch.testing.assert_close(module(query, places, memory, SIZES), module.out(expected.flatten(2)))


def test_offsets_are_counted_in_pixels_of_their_level() -> None:
    module, (query, places, _) = random_module(), inputs()
    where, weight = module.looks(query, places, SIZES)
    offset = module.offsets(query).view(2, 6, 4, 3, 3, 2)
    torch.testing.assert_close((where - places[:, :, None, :, None])[..., 0, :, 0] * 7, offset[..., 0, :, 0])
    torch.testing.assert_close((where - places[:, :, None, :, None])[..., 0, :, 1] * 5, offset[..., 0, :, 1])
    torch.testing.assert_close(weight.sum(dim=(3, 4)), torch.ones(2, 6, 4))


def test_at_the_start_heads_look_into_all_directions() -> None:
    module = DeformableAttention(dim=16, heads=8, levels=2, points=2)
    offset = module.offsets.bias.view(8, 2, 2, 2)
    assert offset[0, 0].tolist() == [[1, 0], [2, 0]]
    torch.testing.assert_close(offset[2, 1], torch.tensor([[0.0, 1.0], [0.0, 2.0]]), atol=1e-6, rtol=0)
    torch.testing.assert_close(offset[5, 0, 1], torch.tensor([-2.0, -2.0]))
    assert not module.offsets.weight.any() and not module.weights.weight.any()


def test_a_pixel_stands_in_its_middle() -> None:
    centres = pixel_centres([(2, 4), (1, 1)], like=torch.zeros(1))[0, :, 0]
    assert centres.tolist() == [
        *([x, 0.25] for x in (0.125, 0.375, 0.625, 0.875)),
        *([x, 0.75] for x in (0.125, 0.375, 0.625, 0.875)),
        [0.5, 0.5],
    ]


def test_looking_at_oneself_gives_the_value_there() -> None:
    module = DeformableAttention(dim=4, heads=1, levels=3, points=1)
    torch.nn.init.zeros_(module.offsets.bias)
    module.weights.bias.data = torch.tensor([50.0, 0.0, 0.0])  # the first map alone
    memory = torch.randn(1, PIXELS, 4)
    got = module(memory, pixel_centres(SIZES, like=memory), memory, SIZES)
    torch.testing.assert_close(got[:, :35], module.out(module.value(memory))[:, :35])


def test_rounding_to_bfloat16_moves_no_place() -> None:
    module = random_module()
    query, places, memory = inputs()
    exact = module(query, places, memory, SIZES)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = module(query, places, memory, SIZES)
    assert torch.linalg.norm(rounded - exact) < 0.03 * torch.linalg.norm(exact)
    low = module.to(torch.bfloat16)(query.bfloat16(), places, memory.bfloat16(), SIZES)
    assert low.dtype == torch.bfloat16
