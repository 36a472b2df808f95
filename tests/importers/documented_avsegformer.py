"""AVSegFormer as it is documented, one function a part, on the authors' names.

Independent of the library's modules and of timm, slow and literal. There is a reference case for the ResNet on
S4; this one makes cases for the PVT, for AVSS and for other sizes.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from documented_tpavi import State, norm, part, pvt
from torch import Tensor


def model(state: State, frames: Tensor, logmel: Tensor) -> dict[str, Tensor]:
    """frames (N, 3, H, W), logmel (N, 1, 96, 64) -> outputs by the names of a case."""
    head = part(state, "head.")
    sound = F.linear(
        vggish(part(state, "vggish."), logmel), state["audio_proj.weight"], state["audio_proj.bias"]
    )
    maps = [
        group(part(head, f"in_proj.{i}."), x) for i, x in enumerate(pvt(part(state, "backbone."), frames))
    ]
    memory = encoder(head, maps[1:])
    h, w = maps[1].shape[2:]
    fine = memory[:, : h * w].transpose(1, 2).unflatten(2, (h, w))
    fine = F.interpolate(fine, scale_factor=2, mode="bilinear", align_corners=False)
    feature = group(
        part(head, "out_conv."), group(part(head, "lateral_conv."), maps[0]) + fine, padding=1
    ).relu()
    queries = generator(part(head, "query_generator."), sound[:, None]) + head["learnable_query.weight"]
    for i in range(6):
        queries = layer(part(head, f"transformer.decoder.layers.{i}."), queries, memory)
    feature = feature * gate(part(head, "fusion_block."), feature, sound)[:, :, None, None]
    x = (queries @ feature.flatten(2)).unflatten(2, feature.shape[2:])
    for i in range(3):
        x = F.conv2d(x, head[f"mlp.layers.{i}.weight"], head[f"mlp.layers.{i}.bias"])
        x = x.relu() if i < 2 else x
    x = F.conv2d(feature + x, head["fc.0.weight"], head["fc.0.bias"], padding=1)
    x = F.interpolate(x, scale_factor=4, mode="bilinear", align_corners=False)
    x = F.conv2d(x, head["fc.2.weight"], head["fc.2.bias"], padding=1).relu()
    return {"pred": F.conv2d(x, head["fc.4.weight"]), "mask_feature": feature}


def vggish(s: State, x: Tensor) -> Tensor:
    for i in (0, 3, 6, 8, 11, 13):
        x = F.conv2d(x, s[f"features.{i}.weight"], s[f"features.{i}.bias"], padding=1).relu()
        if i not in (6, 11):
            x = F.max_pool2d(x, 2)
    x = x.permute(0, 2, 3, 1).flatten(1)
    for i in (0, 2, 4):
        x = F.linear(x, s[f"embeddings.{i}.weight"], s[f"embeddings.{i}.bias"]).relu()
    return x


def group(s: State, x: Tensor, padding: int = 0) -> Tensor:
    x = F.conv2d(x, s["0.weight"], s["0.bias"], padding=padding)
    return F.group_norm(x, 32, s["1.weight"], s["1.bias"])


def encoder(head: State, maps: list[Tensor]) -> Tensor:
    places, positions = [], []
    for level, x in enumerate(maps):
        h, w = x.shape[2:]
        y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        places.append(torch.stack([(x + 0.5) / w, (y + 0.5) / h], dim=-1).flatten(0, 1))
        waves = torch.cat([sines(y + 1), sines(x + 1)], dim=-1).flatten(0, 1)
        positions.append(waves + head["level_embed"][level])
    memory = torch.cat([x.flatten(2) for x in maps], dim=2).transpose(1, 2)
    sizes = [tuple(x.shape[2:]) for x in maps]
    for i in range(6):
        s = part(head, f"transformer.encoder.layers.{i}.")
        looked = deformable(
            part(s, "self_attn."), memory + torch.cat(positions), torch.cat(places), memory, sizes
        )
        memory = norm(memory + looked, s, "norm1", 1e-5)
        memory = norm(memory + feed(s, memory, "linear1", "linear2"), s, "norm2", 1e-5)
    return memory


def sines(count: Tensor) -> Tensor:
    """(h, w) whole numbers -> (h, w, 128)."""
    angles = [count / 10_000 ** (2 * (i // 2) / 128) for i in range(128)]
    return torch.stack([a.cos() if i % 2 else a.sin() for i, a in enumerate(angles)], dim=-1)


def deformable(
    s: State, query: Tensor, places: Tensor, memory: Tensor, sizes: list[tuple[int, ...]]
) -> Tensor:
    offset = linear(s, "sampling_offsets", query).unflatten(2, (8, 3, 4, 2))
    weight = linear(s, "attention_weights", query).unflatten(2, (8, 12)).softmax(-1).unflatten(3, (3, 4))
    values = linear(s, "value_proj", memory).unflatten(2, (8, 32)).split([h * w for h, w in sizes], dim=1)
    out = torch.zeros(*query.shape[:2], 8, 32)
    for level, ((h, w), value) in enumerate(zip(sizes, values)):
        column = places[:, 0, None, None] * w + offset[..., level, :, 0] - 0.5  # N L heads points
        row = places[:, 1, None, None] * h + offset[..., level, :, 1] - 0.5
        for i in (row.floor(), row.floor() + 1):
            for j in (column.floor(), column.floor() + 1):
                inside = (i >= 0) & (i < h) & (j >= 0) & (j < w)
                share = (1 - (row - i).abs()) * (1 - (column - j).abs()) * inside * weight[..., level, :]
                at = (i * w + j).where(inside, 0).long()
                taken = torch.stack(
                    [value[n, at[n, :, m], m] for n in range(len(query)) for m in range(8)]
                ).unflatten(0, (-1, 8))  # N heads L points 32
                out += (taken.transpose(1, 2) * share[..., None]).sum(3)
    return linear(s, "output_proj", out.flatten(2))


def generator(s: State, sound: Tensor) -> Tensor:
    queries = s["query.weight"].expand(len(sound), -1, -1)
    for i in range(6):
        queries = layer(part(s, f"layers.{i}."), queries, sound, feeds=("ffn.0", "ffn.2"))
    return queries


def layer(
    s: State, queries: Tensor, memory: Tensor, feeds: tuple[str, str] = ("linear1", "linear2")
) -> Tensor:
    queries = norm(queries + attention(part(s, "self_attn."), queries, queries), s, "norm1", 1e-5)
    queries = norm(queries + attention(part(s, "cross_attn."), queries, memory), s, "norm2", 1e-5)
    return norm(queries + feed(s, queries, *feeds), s, "norm3", 1e-5)


def attention(s: State, queries: Tensor, memory: Tensor) -> Tensor:
    biases = s["in_proj_bias"].chunk(3) if "in_proj_bias" in s else (None, None, None)
    query, key, value = (
        F.linear(x, w, b).unflatten(2, (8, 32)).transpose(1, 2)
        for x, w, b in zip((queries, memory, memory), s["in_proj_weight"].chunk(3), biases)
    )
    weights = (query @ key.transpose(2, 3) / math.sqrt(32)).softmax(-1)
    return F.linear(
        (weights @ value).transpose(1, 2).flatten(2), s["out_proj.weight"], s.get("out_proj.bias")
    )


def gate(s: State, feature: Tensor, sound: Tensor) -> Tensor:
    query = F.linear(sound, s["q_proj.weight"]).unflatten(1, (8, 1, 32))
    pixels = F.linear(feature.flatten(2).transpose(1, 2), s["kv_proj.weight"])
    key, value = pixels.unflatten(2, (2, 8, 32)).permute(2, 0, 3, 1, 4)
    weights = (query @ key.transpose(2, 3) / math.sqrt(32)).softmax(-1)
    return linear(s, "proj", (weights @ value).flatten(1)).sigmoid()


def feed(s: State, x: Tensor, first: str, second: str) -> Tensor:
    return linear(s, second, F.gelu(linear(s, first, x)))


def linear(s: State, name: str, x: Tensor) -> Tensor:
    return F.linear(x, s[f"{name}.weight"], s[f"{name}.bias"])
