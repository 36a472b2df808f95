"""AVSBench's model with PVTv2-B5 as it is documented, one function a part, on the authors' names.

Independent of the library's modules and of timm, slow and literal: the large product is built, the ReLU
works in place, clips have five frames. There is a reference case for the ResNet only; this one makes cases for
the PVT and for AVSS.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]

DEPTHS, HEADS, REDUCTIONS = (3, 6, 40, 3), (1, 2, 5, 8), (8, 4, 2, 1)


def model(state: State, frames: Tensor, audio: Tensor) -> dict[str, Tensor]:
    """frames (N, 3, H, W), audio (N, 128), N a multiple of 5 -> outputs by the names of a case."""
    maps = []
    for stage, x in enumerate(pvt(part(state, "encoder_backbone."), frames), start=1):
        branches = part(state, f"conv{stage}.conv2d_list.")
        x = sum(
            F.conv2d(x, branches[f"{i}.weight"], branches[f"{i}.bias"], padding=d, dilation=d)
            for i, d in enumerate((3, 6, 12, 18))
        )
        clips = x.unflatten(0, (-1, 5)), audio.unflatten(0, (-1, 5))
        maps.append(tpavi(part(state, f"tpavi_b{stage}."), *clips).flatten(0, 1))
    x = fuse(part(state, "path4."), maps[3], None)
    for stage in (3, 2, 1):
        x = fuse(part(state, f"path{stage}."), x, maps[stage - 1])
    head = part(state, "output_conv.")
    x = F.conv2d(x, head["0.weight"], head["0.bias"], padding=1)
    x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    x = F.conv2d(x, head["2.weight"], head["2.bias"], padding=1).relu()
    pred = F.conv2d(x, head["4.weight"], head["4.bias"])
    return {"pred": pred, **{f"fmap{i}": m for i, m in enumerate(maps)}}


def tpavi(s: State, maps: Tensor, audio: Tensor) -> Tensor:
    """maps (B, 5, C, h, w), audio (B, 5, 128)."""
    x = maps.transpose(1, 2)  # B C T h w
    aligned = F.linear(audio, s["align_channel.weight"], s.get("align_channel.bias"))
    heard = aligned.transpose(1, 2)[..., None, None].expand_as(x)
    g, theta, phi = (
        F.conv3d(y, s[f"{n}.weight"], s[f"{n}.bias"]).flatten(2)
        for n, y in (("g", x), ("theta", x), ("phi", heard))
    )
    f = theta.transpose(1, 2) @ phi / theta.shape[2]  # B THW THW
    y = (f @ g.transpose(1, 2)).transpose(1, 2).unflatten(2, x.shape[2:])
    y = F.conv3d(y, s["W_z.0.weight"], s["W_z.0.bias"])
    statistics = s["W_z.1.running_mean"], s["W_z.1.running_var"]
    z = F.batch_norm(y, *statistics, s["W_z.1.weight"], s["W_z.1.bias"]) + x
    z = norm(z.movedim(1, -1), s, "norm_layer", 1e-5)  # B T h w C
    return z.movedim(-1, 2)


def fuse(s: State, x: Tensor, fine: Tensor | None) -> Tensor:
    if fine is not None:
        x = x + unit(part(s, "resConfUnit1."), fine)
    x = unit(part(s, "resConfUnit2."), x)
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)


def unit(s: State, x: Tensor) -> Tensor:
    y = F.conv2d(x.relu_(), s["conv1.weight"], s["conv1.bias"], padding=1).relu()
    return F.conv2d(y, s["conv2.weight"], s["conv2.bias"], padding=1) + x


def pvt(s: State, x: Tensor) -> list[Tensor]:
    maps = []
    for stage, depth in enumerate(DEPTHS, start=1):
        embed = part(s, f"patch_embed{stage}.")
        size, stride = (7, 4) if stage == 1 else (3, 2)
        x = F.conv2d(x, embed["proj.weight"], embed["proj.bias"], stride=stride, padding=size // 2)
        h, w = x.shape[2:]
        x = norm(x.flatten(2).transpose(1, 2), embed, "norm", 1e-5)  # N hw C
        for i in range(depth):
            b = part(s, f"block{stage}.{i}.")
            y = norm(x, b, "norm1", 1e-6)
            x = x + attention(part(b, "attn."), y, h, w, HEADS[stage - 1], REDUCTIONS[stage - 1])
            y = F.linear(norm(x, b, "norm2", 1e-6), b["mlp.fc1.weight"], b["mlp.fc1.bias"])
            kernel, bias = b["mlp.dwconv.dwconv.weight"], b["mlp.dwconv.dwconv.bias"]
            y = F.conv2d(image(y, h, w), kernel, bias, padding=1, groups=len(kernel))
            y = F.gelu(y.flatten(2).transpose(1, 2))
            x = x + F.linear(y, b["mlp.fc2.weight"], b["mlp.fc2.bias"])
        x = image(norm(x, s, f"norm{stage}", 1e-6), h, w)
        maps.append(x)
    return maps


def attention(s: State, x: Tensor, h: int, w: int, heads: int, reduction: int) -> Tensor:
    seen = x
    if reduction > 1:
        seen = F.conv2d(image(x, h, w), s["sr.weight"], s["sr.bias"], stride=reduction)
        seen = norm(seen.flatten(2).transpose(1, 2), s, "norm", 1e-5)
    query = F.linear(x, s["q.weight"], s["q.bias"])
    key, value = F.linear(seen, s["kv.weight"], s["kv.bias"]).chunk(2, dim=-1)
    query, key, value = (t.unflatten(2, (heads, -1)).transpose(1, 2) for t in (query, key, value))
    weights = (query @ key.transpose(2, 3) * query.shape[-1] ** -0.5).softmax(-1)
    return F.linear((weights @ value).transpose(1, 2).flatten(2), s["proj.weight"], s["proj.bias"])


def image(x: Tensor, h: int, w: int) -> Tensor:
    return x.transpose(1, 2).unflatten(2, (h, w))


def norm(x: Tensor, s: State, name: str, eps: float) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], s[f"{name}.weight"], s[f"{name}.bias"], eps)


def part(state: State, prefix: str) -> State:
    return {name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)}
