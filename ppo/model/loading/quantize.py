"""A base in 4 bits: the linear layers below the head as bitsandbytes holds them, the adapter beside them (QLoRA).

NormalFloat4 in blocks of 64 weights, whose scales are quantised once more: 4.13 bits a weight (Dettmers et al. 2023,
arXiv 2305.14314). The quantised model is then the reference; what rounding did to it is no error of ours and is not
counted as one.
"""

import importlib.util
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from ppo.config import FOUR_BIT
from ppo.model.lora import linear_layers
from rater_data.errors import BadInput


def check_can_quantize(quantize: str) -> None:
    """Raises BadInput where bitsandbytes is asked for and not installed."""
    if quantize == FOUR_BIT and importlib.util.find_spec("bitsandbytes") is None:
        raise BadInput(
            f"--quantize {FOUR_BIT} needs bitsandbytes, which is not installed: "
            ".venv/bin/pip install -r requirements-4bit.txt"
        )


def quantize_layers(lm: PreTrainedModel, name: str, device: torch.device) -> str:
    """Puts the linear layers below the head into 4 bits on `device`, one after the other; what was done, a sentence.

    Raises BadInput for layers that stand on weights of other layers.
    """
    from bitsandbytes.nn import Linear4bit, Params4bit

    layers = {n: m for n, m in linear_layers(lm).items() if type(m) is nn.Linear}
    if not layers:
        raise BadInput(
            f"Model {name!r} has no linear layers that could be held in 4 bits; leave --quantize out."
        )
    before = after = 0
    for path, layer in layers.items():
        # No type of its own for products: they are in the type of what comes in, as everywhere
        narrow: Any = Linear4bit(
            layer.in_features, layer.out_features, layer.bias is not None, quant_type="nf4"
        )
        narrow.compute_dtype, narrow.compute_type_is_set = None, True
        weight = layer.weight.detach()
        narrow.weight = Params4bit(
            weight.cpu(), requires_grad=False, quant_type="nf4", compress_statistics=True
        ).to(device)
        narrow.bias = layer.bias
        narrow.forward = partial(_forward, narrow)
        parent, _, own = path.rpartition(".")
        setattr(lm.get_submodule(parent), own, narrow.requires_grad_(False))
        before, after = before + weight.nbytes, after + narrow.weight.nbytes
    setattr(lm, "is_loaded_in_4bit", True)  # noqa: B010, PEFT asks for it; torch's modules know no such attribute
    return (
        f"{len(layers)} linear layers are held in 4 bits (nf4): {after / 2**20:.0f} MiB instead of "
        f"{before / 2**20:.0f}. The quantised model is the reference."
    )


def _forward(layer: Any, x: Tensor) -> Tensor:
    """The layer's product in the type of what comes in (of autocast, where that is on).

    bitsandbytes takes other kernels with and without gradients, and on a CPU one that rounds to bf16: the ratio of new
    to old probabilities would not be 1 before an update.
    """
    dtype = torch.get_autocast_dtype(x.device.type) if torch.is_autocast_enabled(x.device.type) else x.dtype
    bias = None if layer.bias is None else layer.bias.to(dtype)
    return _FourBitProduct.apply(x.to(dtype), layer.weight, bias)


class _FourBitProduct(torch.autograd.Function):
    """x (..., I), weight (O, I) in 4 bits → (..., O); its numbers are made anew in each direction and not kept."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.weight = weight
        return functional.linear(x, _numbers_of(weight, x.dtype), bias)

    @staticmethod
    def backward(ctx, upstream):
        return upstream @ _numbers_of(ctx.weight, upstream.dtype), None, None


def _numbers_of(weight: Any, dtype: torch.dtype) -> Tensor:
    from bitsandbytes.functional import dequantize_4bit

    found: Tensor = dequantize_4bit(weight.data, weight.quant_state)
    return found.to(dtype)
