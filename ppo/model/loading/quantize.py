"""A base in 4 bits: the linear layers below the head as bitsandbytes holds them, the adapter beside them (QLoRA).

NormalFloat4 in blocks of 64 weights, whose scales are quantised once more: 4.13 bits a weight (Dettmers et al. 2023,
arXiv 2305.14314). The quantised model is then the reference; what rounding did to it is no error of ours and is not
counted as one.

A model that is read from a folder is quantised while it is read, tensor after tensor: what is in memory at once is what
is in 4 bits already, what stays as it is, and one tensor more. transformers' loader asks a quantiser about each tensor;
its own one for bitsandbytes makes another choice of layers and changes the config, so this one is ours.
"""

import importlib.util
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel
from transformers.core_model_loading import ConversionOps
from transformers.quantizers import HfQuantizer, register_quantization_config, register_quantizer
from transformers.utils.quantization_config import QuantizationConfigMixin

from ppo.config import FOUR_BIT
from ppo.model.lora import linear_layers
from rater_data.errors import BadInput

METHOD = "rateloop_nf4"
BITS = 4.127  # of a weight, with its doubly quantised scales


def check_can_quantize(quantize: str) -> None:
    """Raises BadInput where bitsandbytes is asked for and not installed."""
    if quantize == FOUR_BIT and importlib.util.find_spec("bitsandbytes") is None:
        raise BadInput(
            f"--quantize {FOUR_BIT} needs bitsandbytes, which is not installed: "
            ".venv/bin/pip install -r requirements-4bit.txt"
        )


def quantizable_layers(lm: PreTrainedModel) -> dict[str, nn.Linear]:
    """The linear layers below the head that can be held in 4 bits, by name."""
    return {n: m for n, m in linear_layers(lm).items() if type(m) is nn.Linear}


def four_bit_weight(weight: Tensor, device: torch.device) -> Any:
    """weight (O, I) → the same in 4 bits on `device`, as bitsandbytes' parameter."""
    from bitsandbytes.nn import Params4bit

    plain = Params4bit(weight.detach(), requires_grad=False, quant_type="nf4", compress_statistics=True)
    return plain.to(device)


@register_quantization_config(METHOD)
class QuantizedWhileRead(QuantizationConfigMixin):
    """For `from_pretrained`: linear weights are put into 4 bits as they are read. `not_finite` names those that held
    no numbers, which cannot be told from the 4 bits any more."""

    def __init__(self) -> None:
        self.quant_method: Any = METHOD
        self.not_finite: list[str] = []


@register_quantizer(METHOD)
class _TensorQuantizer(HfQuantizer):
    quantized_element_size = BITS / 8

    def _process_model_before_weight_loading(self, model: Any, **_: Any) -> None:
        self.waiting = {f"{name}.weight" for name in quantizable_layers(model)}

    def param_needs_quantization(self, model: Any, param_name: str, **_: Any) -> bool:
        return param_name in self.waiting

    def get_quantize_ops(self) -> ConversionOps:
        return _Quantize(self)

    def _process_model_after_weight_loading(self, model: Any, **_: Any) -> Any:
        self.remove_quantization_config(model)  # it is said in the notes, and no file tells it
        return model

    def is_serializable(self) -> bool:
        return False

    @property
    def is_trainable(self) -> bool:
        return True


class _Quantize(ConversionOps):
    def __init__(self, quantizer: Any):
        self.quantizer = quantizer

    def convert(
        self, input_dict: dict[str, Any], source_patterns: Any, target_patterns: Any, **given: Any
    ) -> dict[str, Any]:
        """Weights by name → the same in 4 bits where they are; one of another shape stays, for the loader to tell."""
        model = given["model"]
        found = {}
        for name, value in input_dict.items():
            weight = value[0] if isinstance(value, list) else value
            if weight.shape != model.get_parameter(name).shape:
                self.quantizer.waiting.discard(name)
                found[name] = weight
                continue
            if not torch.isfinite(weight).all():
                self.quantizer.quantization_config.not_finite.append(name)
            found[name] = four_bit_weight(weight, weight.device)
        return found


def quantize_layers(lm: PreTrainedModel, name: str) -> str:
    """Puts the linear layers below the head into 4 bits where they are, one after the other; what was done, a
    sentence. Weights that are in 4 bits already stay as they are.

    Raises BadInput for a model without such layers.
    """
    from bitsandbytes.nn import Linear4bit, Params4bit

    layers = quantizable_layers(lm)
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
        held: Any = layer.weight
        if not isinstance(held, Params4bit):
            held = four_bit_weight(held, held.device)
        narrow.weight = held
        narrow.bias = layer.bias
        narrow.forward = partial(_forward, narrow)
        parent, _, own = path.rpartition(".")
        setattr(lm.get_submodule(parent), own, narrow.requires_grad_(False))
        before += layer.in_features * layer.out_features * held.quant_state.dtype.itemsize
        after += held.nbytes
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
