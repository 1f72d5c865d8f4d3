"""Log-probabilities from hidden states without ever keeping a (rows, vocabulary) tensor.

The log-probability of one token is one number a row, so its gradient with respect to the row is one vector,
(W[id] − softmax · W) / temperature, and can be made in the forward while the softmax is at hand. The vocabulary is
walked in blocks with a running maximum (as flash attention walks its keys), so that the logits of a block are
still in the processor's cache when they are exponentiated: a third of the time of logits, logsumexp and a second
pass. The same sums as `maths.logprobs_of(rows @ W.T, …)`, which the tests hold it to.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

CHUNK_ROWS = 256  # rows whose logits of a block are alive at once
BLOCK = 4096  # entries of the vocabulary a block: 4 MB of fp32 logits; measured


def logprobs_of_rows(
    rows: Tensor, head: nn.Linear, ids: Tensor, temperature: float, config: Any, low: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """rows (N, H), ids (N,) → log-probabilities of ids and entropies, both fp32 (N,).

    The first carries a gradient to `rows` (never to the head, which is frozen), the second none. `config` is
    the model's: soft-capped (Gemma) and scaled (Cohere, Granite) logits are honoured. `low` is the head's weight
    in bf16: with it the gradient's product is taken in bf16; logits are fp32 always.
    """
    return _RowLogprobs.apply(rows, ids, _head_of(head, config, temperature, low))


def logits_of_rows(rows: Tensor, head: nn.Linear, temperature: float, config: Any) -> Tensor:
    """rows (N, H) → tempered logits (N, V), fp32: for drawing one token a row.

    Rows are made whole first: a slice of (B, T, H) would be multiplied with a copy of the head for every row.
    """
    plain = head(rows.contiguous()).float()
    return _head_of(head, config, temperature, None).bend(plain)


def _head_of(head: nn.Linear, config: Any, temperature: float, low: Tensor | None) -> "_Head":
    scale = float(getattr(config, "logit_scale", None) or 1.0) / float(
        getattr(config, "logits_scaling", None) or 1.0
    )
    cap = getattr(config, "final_logit_softcapping", None)
    return _Head(head.weight, getattr(head, "bias", None), low, scale, cap, temperature)


@dataclass(frozen=True)
class _Head:
    """weight (V, H), bias (V,) or None; the tempered logits are cap·tanh((x·Wᵀ + b)·scale/cap)/temperature."""

    weight: Tensor
    bias: Tensor | None
    low: Tensor | None
    scale: float
    cap: float | None
    temperature: float

    def bend(self, plain: Tensor) -> Tensor:
        """x·Wᵀ + b → tempered logits, in place."""
        if self.cap:
            return plain.mul_(self.scale / self.cap).tanh_().mul_(self.cap / self.temperature)
        return plain.mul_(self.scale / self.temperature)

    def slope(self, logits: Tensor) -> Tensor | float:
        """d tempered logit / d (x·Wᵀ + b), from the tempered logits."""
        factor = self.scale / self.temperature
        return factor * (1 - (logits * (self.temperature / self.cap)) ** 2) if self.cap else factor

    def pull(self, p: Tensor, start: int, end: int) -> Tensor:
        """p (n, b) · W[start:end] → (n, H) fp32."""
        if self.low is not None:
            return (p.to(self.low.dtype) @ self.low[start:end]).float()
        return p @ self.weight[start:end].float()


class _RowLogprobs(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows, ids, head):
        gradient = ctx.needs_input_grad[0]
        found = [
            _walk(part.float(), part_ids, head, gradient)
            for part, part_ids in zip(rows.split(CHUNK_ROWS), ids.split(CHUNK_ROWS), strict=True)
            if len(part)
        ]
        if not found:
            return rows.new_zeros(0, dtype=torch.float32), rows.new_zeros(0, dtype=torch.float32)
        logprobs, entropy = torch.cat([f[0] for f in found]), torch.cat([f[1] for f in found])
        if gradient:
            ctx.save_for_backward(torch.cat([f[2] for f in found]))
            ctx.rows_dtype = rows.dtype
        ctx.mark_non_differentiable(entropy)
        return logprobs, entropy

    @staticmethod
    def backward(ctx, upstream, _):
        (slopes,) = ctx.saved_tensors
        return (upstream.unsqueeze(1) * slopes).to(ctx.rows_dtype), None, None


def _walk(x: Tensor, ids: Tensor, head: _Head, gradient: bool) -> tuple[Tensor, Tensor, Tensor | None]:
    """x (n, H) fp32, ids (n,) → log-probabilities (n,), entropies (n,) and, if wanted, d logprob / d x (n, H).

    With top the largest logit so far: z = Σ exp(l − top), heat = Σ exp(l − top)·(l − top), pulled = Σ exp(l − top)·
    slope·W, all rescaled when a larger logit is met.
    """
    top = x.new_full((len(x), 1), -1e30)
    z, heat = torch.zeros_like(top), torch.zeros_like(top)
    pulled = torch.zeros_like(x) if gradient else None
    for start in range(0, len(head.weight), BLOCK):
        end = min(start + BLOCK, len(head.weight))
        logits = x @ head.weight[start:end].float().T
        if head.bias is not None:
            logits += head.bias[start:end]
        logits = head.bend(logits)
        slope = head.slope(logits) if gradient else 0.0
        higher = torch.maximum(top, logits.amax(1, keepdim=True))
        shrink = torch.exp(top - higher)
        heat = shrink * (heat + z * (top - higher))
        logits -= higher
        p = logits.exp()
        z = shrink * z + p.sum(1, keepdim=True)
        heat += torch.einsum("nv,nv->n", p, logits).unsqueeze(1)
        if pulled is not None:
            pulled = shrink * pulled + head.pull(p.mul_(slope), start, end)
        top = higher
    own = head.weight[ids].float()
    plain = (x * own).sum(1)
    if head.bias is not None:
        plain = plain + head.bias[ids]
    picked = head.bend(plain.unsqueeze(1))
    slopes = own * head.slope(picked) - pulled / z if pulled is not None else None
    return (picked - top - z.log()).squeeze(1), (z.log() - heat / z).squeeze(1), slopes
