"""Attention on a CPU, for packed rows and for one new token at a time: plain products, the backward written out.

The fused kernel's backward takes most of a layer's attention time here (4.5 of 6.5 ms for four rows of 88 in bf16), and
the eager one copies keys and values once a query head and rounds the scores four times on their way. Here the query
heads that share a key head are rows of one product, and the scores are touched once in each direction. Keeps (L, L) a
head and layer, so it is for short rows; `Policy` picks.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import eager_mask

NAME = "rateloop"
UNKNOWN = ("softcap", "s_aux")  # what some families ask for and this does not do: soft caps, attention sinks


def plain_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """query (R, H, N, D), key and value (R, G, L, D), additive mask (R, 1, N, L) → (R, N, H, D).

    transformers' own interface; called by the models of this family of functions under the name "rateloop".
    """
    if attention_mask is None or attention_mask.ndim != 4 or any(kwargs.get(name) for name in UNKNOWN):
        raise ValueError("this attention takes a 4-D mask and neither soft caps nor sinks")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    # Autocast would take the softmax in fp32 and hand the backward two types to multiply; rotary positions leave
    # queries and keys in fp32 beside values in bf16
    dtype = value.dtype
    if (
        attention_mask.dtype != dtype
    ):  # the lowest number of fp32 is −∞ in bf16, and a row of nothing else NaN
        attention_mask = attention_mask.clamp(min=torch.finfo(dtype).min).to(dtype)
    with torch.autocast(query.device.type, enabled=False):
        out = _Attention.apply(query.to(dtype), key.to(dtype), value, attention_mask, scale)
    return out, None


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, query, key, value, mask, scale):
        q = query * scale
        out, p = attend(q, key, value, mask)
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(q, key, value, p)
            ctx.scale = scale
        return out.transpose(1, 2).contiguous()

    @staticmethod
    def backward(ctx, upstream):
        q, k, v, p = ctx.saved_tensors
        grad_q, grad_k, grad_v = attend_backward(upstream.transpose(1, 2), q, k, v, p)
        return grad_q.mul_(ctx.scale), grad_k, grad_v, None, None


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """q (R, H, N, D), scaled; k, v (R, G, L, D); additive mask (R, 1, N, L) → (R, H, N, D), and for the backward
    the probabilities (R·G, H/G·N, L)."""
    p = probabilities(q, k, mask)
    return torch.bmm(p, v.reshape(len(p), *v.shape[2:])).view(q.shape), p


def probabilities(q: Tensor, k: Tensor, mask: Tensor) -> Tensor:
    """What `attend` weighs the values with (R·G, H/G·N, L)."""
    rows, heads, new, width = q.shape
    groups, length = k.shape[1:3]
    together = q.reshape(rows * groups, heads // groups * new, width)
    scores = torch.bmm(together, k.reshape(rows * groups, length, width).transpose(1, 2))
    scores = scores.view(rows, heads, new, length).add_(mask)
    return torch.softmax(scores, -1).view(rows * groups, -1, length)


def attend_backward(
    upstream: Tensor, q: Tensor, k: Tensor, v: Tensor, p: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """upstream (R, H, N, D), the rest as in `attend` → gradients of q, k and v in their own shapes."""
    groups = k.shape[0] * k.shape[1]
    together, up = (x.reshape(groups, -1, x.shape[-1]) for x in (q, upstream))
    keys, values = k.reshape(groups, *k.shape[2:]), v.reshape(groups, *v.shape[2:])
    grad_v = torch.bmm(p.transpose(1, 2), up)
    grad_p = torch.bmm(up, values.transpose(1, 2))
    grad_scores = torch._softmax_backward_data(grad_p, p, -1, p.dtype)
    grad_q = torch.bmm(grad_scores, keys)
    grad_k = torch.bmm(grad_scores.transpose(1, 2), together)
    return grad_q.view(q.shape), grad_k.view(k.shape), grad_v.view(v.shape)


AttentionInterface.register(NAME, plain_attention)
AttentionMaskInterface.register(NAME, eager_mask)
