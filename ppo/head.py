"""Log-probabilities from hidden states without ever keeping a (rows, vocabulary) tensor.

The log-probability of one token is one number a row, so its gradient with respect to the row is one vector,
(W[id] − softmax · W) / temperature, and can be made in the forward while the softmax is at hand: nothing but
(N, H) waits for the backward. The same sums as `maths.logprobs_of(rows @ W.T, …)`, which the tests hold it to.
"""

from typing import Any

import torch
from torch import Tensor, nn

CHUNK_ROWS = 256  # rows of logits alive at once: 50 MB of fp32 for a vocabulary of 49 thousand


def logprobs_of_rows(
    rows: Tensor, head: nn.Linear, ids: Tensor, temperature: float, config: Any
) -> tuple[Tensor, Tensor]:
    """rows (N, H), ids (N,) → log-probabilities of ids and entropies, both fp32 (N,).

    The first carries a gradient to `rows` (never to the head, which is frozen), the second none. `config` is
    the model's: soft-capped (Gemma) and scaled (Cohere, Granite) logits are honoured.
    """
    scale = float(getattr(config, "logit_scale", None) or 1.0) / float(
        getattr(config, "logits_scaling", None) or 1.0
    )
    cap = getattr(config, "final_logit_softcapping", None)
    bias = getattr(head, "bias", None)
    return _RowLogprobs.apply(rows, head.weight, bias, ids, temperature, scale, cap)


class _RowLogprobs(torch.autograd.Function):
    @staticmethod
    def forward(ctx, rows, weight, bias, ids, temperature, scale, cap):
        wants_gradient = ctx.needs_input_grad[0]
        logprobs, entropies, slopes = [], [], []
        for part, part_ids in zip(rows.split(CHUNK_ROWS), ids.split(CHUNK_ROWS), strict=True):
            logits, bend = _logits(part.float(), weight, bias, scale, cap, wants_gradient)
            logits = logits.div_(temperature)
            picked = logits.gather(1, part_ids.unsqueeze(1)).squeeze(1)
            log_z = logits.logsumexp(1)
            logprobs.append(picked - log_z)
            p = logits.sub_(log_z.unsqueeze(1))
            # entropy = −Σ p·log p; log p stands in the same tensor that becomes p one line later
            p_exp = p.exp()
            entropies.append(-torch.einsum("nv,nv->n", p_exp, p.clamp_(min=-1e4)))
            if wants_gradient:
                slopes.append(_slope(p_exp, part_ids, weight, bend) * (scale / temperature))
        if not logprobs:
            return rows.new_zeros(0, dtype=torch.float32), rows.new_zeros(0, dtype=torch.float32)
        if wants_gradient:
            ctx.save_for_backward(torch.cat(slopes))
            ctx.rows_dtype = rows.dtype
        entropy = torch.cat(entropies)
        ctx.mark_non_differentiable(entropy)
        return torch.cat(logprobs), entropy

    @staticmethod
    def backward(ctx, upstream, _):
        (slopes,) = ctx.saved_tensors
        return (upstream.unsqueeze(1) * slopes).to(ctx.rows_dtype), None, None, None, None, None, None


def _logits(part, weight, bias, scale, cap, wants_gradient):
    logits = part @ weight.float().T
    if bias is not None:
        logits += bias
    if scale != 1.0:
        logits *= scale
    if not cap:
        return logits, None
    bent = torch.tanh(logits / cap)
    return bent * cap, (1 - bent**2 if wants_gradient else None)


def _slope(p, ids, weight, bend):
    """(onehot(ids) − p) · W with the cap's own slope in between: (n, V) → (n, H)."""
    if bend is None:
        return weight[ids].float() - p @ weight.float()
    onehot = torch.zeros_like(p).scatter_(1, ids.unsqueeze(1), 1.0)
    return ((onehot - p) * bend) @ weight.float()
