"""PCMANet as its code is documented, one function a part, on the authors' names, with the PVT's encoder.

Independent of the library's modules, slow and literal: one loop a clip, one a head, masks applied to every
query. There are reference cases for S4 with the ResNet only; this one makes cases for the PVT and for AVSS.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from documented_tpavi import State, norm, part, pvt
from torch import Tensor

POOLED = {4: 7, 3: 7, 2: 14, 1: 28}
"""Places a side that each stage asks from, of pictures of 224 pixels."""


def model(state: State, frames: Tensor, audio: Tensor, *, groups: int, seconds: int) -> dict[str, Tensor]:
    """frames (N, 3, H, H), H a multiple of 32, audio (N, 128), N a multiple of `seconds` -> outputs by the names of a case."""
    maps = pvt(part(state, "encoder_backbone."), frames)
    name = "aud_fc1" if "aud_fc1.weight" in state else "aud_fc"
    audio = F.linear(audio, state[f"{name}.weight"], state[f"{name}.bias"])
    passed, above, mask, outputs = audio, None, None, {}
    for stage in (4, 3, 2, 1):
        x = cbr(maps[stage - 1], part(state, f"conv{stage}."), padding=1)
        low = avga(part(state, f"avga{stage}."), x, audio, groups)
        guide, passed = qsca(
            part(state, f"qsca{stage}."), low, passed, mask, POOLED[stage] * frames.shape[-1] // 224, seconds
        )
        above = fuse(part(state, f"gf{stage}."), low, above, guide)
        head = part(state, f"output_conv{stage}.")
        score = F.conv2d(cbr(above, head, padding=1), head["3.weight"], head["3.bias"])
        p = score.sigmoid() if score.shape[1] == 1 else score.softmax(1).max(1, keepdim=True).values
        unsure = ((p <= 0.99) & (p >= 0.01)).float()
        mask = unsure if mask is None else unsure * F.interpolate(mask, unsure.shape[2:], mode="nearest")
        outputs[f"out{stage}"] = enlarge(score, frames.shape[2:])
    return dict(sorted(outputs.items()))


def cbr(x: Tensor, s: State, padding: int = 0, groups: int = 1) -> Tensor:
    x = F.conv2d(x, s["0.weight"], s["0.bias"], padding=padding, groups=groups)
    return F.batch_norm(x, s["1.running_mean"], s["1.running_var"], s["1.weight"], s["1.bias"]).relu()


def avga(s: State, x: Tensor, audio: Tensor, groups: int) -> Tensor:
    x = cbr(x, part(s, "seq1."), groups=groups)
    a = F.linear(audio, s["fc.0.weight"], s["fc.0.bias"])
    a = F.normalize(F.linear(a, s["fc.1.weight"], s["fc.1.bias"]).relu(), dim=1)[:, :, None, None]
    parts = [g * (F.normalize(g, dim=1) * a).sum(1, keepdim=True) for g in x.chunk(groups, dim=1)]
    return cbr(torch.cat(parts, dim=1), part(s, "seq2."))


def qsca(
    s: State, x: Tensor, audio: Tensor, mask: Tensor | None, size: int, seconds: int
) -> tuple[Tensor, Tensor]:
    wide = x.shape[2:]
    x = F.adaptive_avg_pool2d(x, size)
    embed, fn = part(s, "attn.to_patch_embedding.1."), part(s, "attn.transformer.layers.0.0.fn.")
    v = F.linear(x.permute(0, 2, 3, 1).flatten(1, 2), embed["weight"], embed["bias"])  # N hw C
    a = F.linear(audio, s["aud_fc.weight"], s["aud_fc.bias"])  # N C
    layer = part(s, "attn.transformer.layers.0.0.")
    seen, heard = norm(v, layer, "norm", 1e-5), norm(a, layer, "norm", 1e-5)
    q_a, k_a, v_a = F.linear(heard, fn["a_to_qkv.weight"]).chunk(3, dim=-1)
    q_v, (k_v, v_v) = F.linear(seen, fn["v_to_q.weight"]), F.linear(seen, fn["v_to_kv.weight"]).chunk(2, -1)
    audio_out, visual_out = torch.empty_like(a), torch.empty_like(v)
    for start in range(0, len(x), seconds):
        clip = slice(start, start + seconds)
        audio_out[clip] = attend(q_a[clip], k_v[clip].flatten(0, 1), v_v[clip].flatten(0, 1))
        for n in range(start, start + seconds):
            visual_out[n] = attend(q_v[n], k_a[clip], v_a[clip])
    if mask is not None:
        visual_out = visual_out * mask.flatten(1)[:, :, None]
    audio_out, visual_out = (
        F.linear(y, fn["to_out.0.weight"], fn["to_out.0.bias"]) + r
        for y, r in ((audio_out, a), (visual_out, v))
    )
    return enlarge(visual_out.reshape(x.shape), wide), audio_out  # hw C is read as C hw


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """(Q, C), (P, C), (P, C) -> (Q, C), eight heads."""
    heads = zip(query.chunk(8, 1), key.chunk(8, 1), value.chunk(8, 1))
    return torch.cat([(q @ k.T * q.shape[1] ** -0.5).softmax(-1) @ v for q, k, v in heads], dim=1)


def fuse(s: State, low: Tensor, above: Tensor | None, guide: Tensor) -> Tensor:
    size = low.shape[2:]
    if above is None:
        return cbr(low + cbr(guide, part(s, "seq1."), padding=1), part(s, "seq3."), padding=1)
    low = low + cbr(enlarge(above, size), part(s, "seq1."), padding=1)
    low = low + cbr(enlarge(guide, size), part(s, "seq2."), padding=1)
    return cbr(low, part(s, "seq3."), padding=1)


def enlarge(x: Tensor, size: torch.Size) -> Tensor:
    return F.interpolate(x, (size[0], size[1]), mode="bilinear", align_corners=False)
