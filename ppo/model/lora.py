"""LoRA's linear layer as one step of autograd: y = x·Wᵀ + s·(x·Aᵀ)·Bᵀ.

PEFT builds it from eight operations, each with its own pass over memory and its own copy for the backward: half of
an update's time on a CPU. Here the low-rank part is added into the result of the frozen product, forwards and
backwards, and only x and x·Aᵀ are kept. PEFT still owns the parameters, the on and off, saving and loading.
"""

import re
from collections import Counter
from functools import partial
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora import Linear as LoraLinear
from torch import Tensor, nn
from torch.nn import functional
from transformers.pytorch_utils import Conv1D

from ppo.config import ADAPTER

# Of layers with a state, read without being called; PEFT refuses these names for these families
STATE_NAMES = {
    family: {"out_proj", "conv1d"}
    for family in ("falcon_h1", "falcon_mamba", "mamba", "mamba2", "nemotron_h")
}
EXPERT_NAMES = {"gate", "gate_proj", "up_proj", "down_proj", "w1", "w2", "w3"}


def fuse_lora_layers(model: PeftModel, dtype: torch.dtype) -> int:
    """Lets the LoRA layers over plain linear ones compute in `dtype`, fused; returns how many there are.

    Others (GPT-2's turned weights, a second adapter at work, DoRA) go PEFT's own way.
    """
    fused = 0
    for module in model.modules():
        if is_plain_lora(module):
            module.forward = partial(_forward, module, module.forward, dtype)
            fused += 1
    return fused


def is_plain_lora(module: nn.Module) -> bool:
    """LoRA over a linear layer and nothing else: no bias of its own, no variant."""
    return (
        type(module) is LoraLinear
        and isinstance(module.get_base_layer(), nn.Linear)
        and not getattr(module, "lora_variant", {})
        and not getattr(module, "lora_bias", {}).get(ADAPTER, False)
    )


def adapted_layers(lm: nn.Module, idle: frozenset[str] = frozenset()) -> str | list[str]:
    """What the adapter goes on, for `LoraConfig.target_modules`: all linear layers below the head but `idle` ones.

    Of a mixture of experts whose experts are one fused parameter, those outside the feed-forward parts: PEFT takes the
    names of the others for the experts of the same model before it was fused, and adapts neither. Of state-space layers
    those that PEFT can adapt.
    """
    config: Any = lm.config
    left_out = (EXPERT_NAMES if fused_experts(lm) else set()) | STATE_NAMES.get(config.model_type, set())
    if not left_out and not idle:
        return "all-linear"
    linear = [name for name in linear_layers(lm) if name.rpartition(".")[2] not in left_out]
    if not idle.intersection(linear):
        return sorted({name.rpartition(".")[2] for name in linear})
    return sorted(set(linear) - idle)


def linear_layers(lm: nn.Module) -> dict[str, nn.Module]:
    """The linear layers below the head by name. Exactly these kinds: routers are often one that gives two tensors."""
    head: Any = lm.get_output_embeddings()  # type: ignore[operator]  # a model of transformers
    return {n: m for n, m in lm.named_modules() if _is_linear(m) and m is not head}


def _is_linear(module: nn.Module) -> bool:
    return type(module) in (nn.Linear, Conv1D) or type(module).__name__ == "Linear4bit"  # of bitsandbytes


def idle_layers(lm: nn.Module, called: set[str]) -> frozenset[str]:
    """Linear layers that an adapter would be lost on.

    Of kinds that the model reads text without calling (image towers, cross attention, weights that are read directly),
    or whose weight is another layer's too. `called`: the names of those that were called; of a kind (the same name but
    for its numbers) one is enough.
    """
    layers = linear_layers(lm)
    kinds = {_kind(name) for name in called}
    uses = Counter(id(layer.weight) for layer in layers.values())
    return frozenset(n for n, m in layers.items() if _kind(n) not in kinds or uses[id(m.weight)] > 1)


def _kind(name: str) -> str:
    return re.sub(r"\d+", "#", name)


def fused_experts(lm: nn.Module) -> int:
    """How many parameters hold the weights of several experts at once; no adapter goes on them."""
    return sum(p.ndim == 3 and "expert" in name for name, p in lm.named_parameters())


def _forward(
    module: Any, peft_forward: Any, dtype: torch.dtype, x: Tensor, *args: Any, **kwargs: Any
) -> Tensor:
    base = module.get_base_layer()
    if module.disable_adapters:
        return functional.linear(x.to(dtype), base.weight, base.bias)
    if module.merged or module.active_adapters != [ADAPTER] or args or kwargs:
        return peft_forward(x, *args, **kwargs)
    a, b = module.lora_A[ADAPTER].weight, module.lora_B[ADAPTER].weight
    rows = _Fused.apply(x, base.weight, base.bias, a, b, module.scaling[ADAPTER], dtype)
    # Outside of it: some families add to what they get in place, which no view made inside would allow
    return rows.view(*x.shape[:-1], -1)


class _Fused(torch.autograd.Function):
    """x (..., I), weight (O, I), a (r, I), b (O, r) → (N, O) in `dtype`, its rows flat; gradients for x, a and b."""

    @staticmethod
    def forward(ctx, x, weight, bias, a, b, scale, dtype):
        rows, a_low, b_low = x.reshape(-1, x.shape[-1]).to(dtype), a.to(dtype), b.to(dtype)
        low = rows @ a_low.T
        out = functional.linear(rows, weight, bias).addmm_(low, b_low.T, alpha=scale)
        ctx.save_for_backward(rows, low, weight, a_low, b_low)
        ctx.scale, ctx.shape, ctx.dtypes = scale, x.shape, (x.dtype, a.dtype, b.dtype)
        return out

    @staticmethod
    def backward(ctx, upstream):
        rows, low, weight, a_low, b_low = ctx.saved_tensors
        up = upstream.reshape(-1, upstream.shape[-1]).to(rows.dtype)
        down = (up @ b_low).mul_(ctx.scale)
        x_type, a_type, b_type = ctx.dtypes
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = (up @ weight).addmm_(down, a_low).to(x_type).view(ctx.shape)
        grad_a = (down.T @ rows).to(a_type)
        grad_b = (up.T @ low).mul_(ctx.scale).to(b_type)
        return grad_x, None, None, grad_a, grad_b, None, None
