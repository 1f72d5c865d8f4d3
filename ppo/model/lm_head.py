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
from torch.nn import functional

CHUNK_ROWS = 256  # rows whose logits of a block are alive at once
BLOCK = 4096  # entries of the vocabulary a block on a CPU: logits of a mini-batch stay in its cache; measured
WIDE_BLOCK = 16384  # on a GPU, where starting an operation costs more than a pass over memory


class LMHead:
    """A model's frozen head, by its own weight alone.

    Logits are fp32 always, the gradient's product is in bf16 if `bf16`; of a weight of another type each block is
    converted as it is used (a tenth of the product's time).
    `config` is the model's: soft-capped (Gemma) and scaled (Cohere, Granite) logits are honoured.
    """

    def __init__(self, module: nn.Linear, config: Any, bf16: bool):
        self.weight, self.bias, self.config = module.weight.detach(), module.bias, config
        self.low = torch.bfloat16 if bf16 else torch.float32
        size = BLOCK if self.weight.device.type == "cpu" else WIDE_BLOCK
        self.blocks = [slice(first, first + size) for first in range(0, len(self.weight), size)]

    def block(self, x: Tensor, rows: slice) -> Tensor:
        """x (n, H) fp32 → what the head gives for those rows of its weight (n, b), fp32."""
        bias = None if self.bias is None else self.bias[rows].float()
        return functional.linear(x, self.weight[rows].float(), bias)

    def logprobs(self, rows: Tensor, ids: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
        """rows (N, H), ids (N,) → log-probabilities of ids and entropies, both fp32 (N,).

        The first carries a gradient to `rows` (never to the head), the second none.
        """
        here = self.weight.device  # of a model on several devices its own one, and the rows may be on another
        transform = _logit_transform(self.config, temperature)
        logprobs, entropy = _RowLogprobs.apply(rows.to(here), ids.to(here), self, transform)
        return logprobs.to(rows.device), entropy.to(rows.device)

    def weighted_rows(self, p: Tensor, rows: slice) -> Tensor:
        """p (n, b) · those rows of its weight → (n, H) fp32."""
        return (p.to(self.low) @ self.weight[rows].to(self.low)).float()


def logprobs_of_logits(logits: Tensor, ids: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Finished logits (N, V), ids (N,) → log-probabilities of ids and entropies (without a gradient), fp32 (N,)."""
    every = torch.log_softmax(logits.float() / temperature, -1)
    with torch.no_grad():
        entropy = -(every.exp() * every).sum(-1)
    picked = every.gather(1, ids.unsqueeze(1).to(every.device)).squeeze(1)
    return picked.to(ids.device), entropy.to(ids.device)


def logits_of_rows(rows: Tensor, head: nn.Linear, temperature: float, config: Any) -> Tensor:
    """rows (N, H) → tempered logits (N, V), fp32: for drawing one token a row.

    Rows are made whole first: a slice of (B, T, H) would be multiplied with a copy of the head for every row.
    """
    return tempered_logits(head(rows.contiguous()), temperature, config)


def tempered_logits(plain: Tensor, temperature: float, config: Any) -> Tensor:
    """What a head gives (N, V), of any type → logits as the model means them over the temperature, fp32."""
    return _logit_transform(config, temperature).apply(plain.float())


def _logit_transform(config: Any, temperature: float) -> "_LogitTransform":
    scale = float(getattr(config, "logit_scale", None) or 1.0)
    divisor = float(getattr(config, "logits_scaling", None) or 1.0)
    return _LogitTransform(scale / divisor, getattr(config, "final_logit_softcapping", None), temperature)


@dataclass(frozen=True)
class _LogitTransform:
    """From what the head gives to tempered logits: cap·tanh(x·scale/cap)/temperature, without the tanh if no cap."""

    scale: float
    cap: float | None
    temperature: float

    def apply(self, plain: Tensor) -> Tensor:
        """x·Wᵀ + b → tempered logits, in place."""
        if self.cap:
            return plain.mul_(self.scale / self.cap).tanh_().mul_(self.cap / self.temperature)
        return plain.mul_(self.scale / self.temperature)

    def derivative(self, logits: Tensor) -> Tensor | float:
        """d tempered logit / d (x·Wᵀ + b), from the tempered logits."""
        factor = self.scale / self.temperature
        return factor * (1 - (logits * (self.temperature / self.cap)) ** 2) if self.cap else factor


class _RowLogprobs(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows, ids, head, transform):
        gradient = ctx.needs_input_grad[0]
        parts = [
            _blockwise_logprobs(part.float(), part_ids, head, transform, gradient)
            for part, part_ids in zip(rows.split(CHUNK_ROWS), ids.split(CHUNK_ROWS), strict=True)
            if len(part)
        ]
        if not parts:  # responses without a token
            ctx.save_for_backward(rows)
            ctx.rows_dtype = rows.dtype
            return rows.new_zeros(0, dtype=torch.float32), rows.new_zeros(0, dtype=torch.float32)
        logprobs, entropy = torch.cat([f[0] for f in parts]), torch.cat([f[1] for f in parts])
        if gradient:
            ctx.save_for_backward(torch.cat([f[2] for f in parts if f[2] is not None]))
            ctx.rows_dtype = rows.dtype
        ctx.mark_non_differentiable(entropy)
        return logprobs, entropy

    @staticmethod
    def backward(ctx, upstream, _):
        (slopes,) = ctx.saved_tensors
        return (upstream.unsqueeze(1) * slopes).to(ctx.rows_dtype), None, None, None


def _blockwise_logprobs(
    x: Tensor, ids: Tensor, head: LMHead, transform: "_LogitTransform", gradient: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    """x (n, H) fp32, ids (n,) → log-probabilities (n,), entropies (n,) and, if wanted, d logprob / d x (n, H).

    With top the largest logit so far: z = Σ exp(l − top), weighted_logits = Σ exp(l − top)·(l − top), weighted_rows =
    Σ exp(l − top)·slope·W, all rescaled when a larger logit is met.
    """
    top = x.new_full((len(x), 1), -1e30)
    z, weighted_logits = torch.zeros_like(top), torch.zeros_like(top)
    weighted_rows = torch.zeros_like(x) if gradient else None
    for rows in head.blocks:
        logits = transform.apply(head.block(x, rows))
        slope = transform.derivative(logits) if gradient else 0.0
        higher = torch.maximum(top, logits.amax(1, keepdim=True))
        shrink = torch.exp(top - higher)
        weighted_logits = shrink * (weighted_logits + z * (top - higher))
        logits -= higher
        p = logits.exp()
        z = shrink * z + p.sum(1, keepdim=True)
        weighted_logits += torch.einsum("nv,nv->n", p, logits).unsqueeze(1)
        if weighted_rows is not None:
            weighted_rows = shrink * weighted_rows + head.weighted_rows(p.mul_(slope), rows)
        top = higher
    own = head.weight[ids].float()
    plain = (x * own).sum(1)
    if head.bias is not None:
        plain = plain + head.bias[ids]
    picked = transform.apply(plain.unsqueeze(1))
    slopes = own * transform.derivative(picked) - weighted_rows / z if weighted_rows is not None else None
    return (picked - top - z.log()).squeeze(1), (z.log() - weighted_logits / z).squeeze(1), slopes
