"""A model in bf16 read in fp32, without a copy of it: what its weights say before anything is rounded."""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

NARROW = (torch.bfloat16, torch.float16)
# What asks for a tensor's form and not for its numbers
FORMS = {"size", "dim", "numel", "stride", "is_contiguous", "data_ptr", "is_floating_point", "element_size"}


class Fp32Reading(TorchFunctionMode):
    """Inside, every operation takes its bf16 and fp16 operands in fp32, each weight as it is used.

    The same sums as a model whose parameters were made fp32 first, with one weight at a time in memory twice.
    """

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name == "__get__" or name in FORMS:
            found = func(*args, **kwargs)
            return torch.float32 if isinstance(found, torch.dtype) and found in NARROW else found
        if func is torch.nn.functional.embedding:
            return func(
                *args, **kwargs
            ).float()  # its rows alone: the table is the largest tensor of a small model
        return func(*tree_map(_widened, args), **tree_map(_widened, kwargs))


def _widened(value: Any) -> Any:
    if isinstance(value, torch.dtype):
        return torch.float32 if value in NARROW else value
    return value.float() if isinstance(value, Tensor) and value.dtype in NARROW else value
