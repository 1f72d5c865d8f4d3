"""Activations computed anew in the backward pass instead of being kept: the memory of one layer, a third more time.

Chen et al. 2016 (arXiv 1604.06174), by torch's non-reentrant checkpoint. transformers' own switch works in training
mode alone, and the policy is never in it: dropout would break the ratio.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer


def recompute_layers(lm: nn.Module, wanted: Callable[[], bool]) -> int:
    """Lets the layers of a model of transformers keep nothing but their input while `wanted`; returns how many."""
    layers = [m for m in lm.modules() if isinstance(m, GradientCheckpointingLayer)]
    for layer in layers:
        layer.forward = partial(_forward, layer.forward, wanted)
    return len(layers)


def _forward(forward: Callable[..., Any], wanted: Callable[[], bool], *args: Any, **kwargs: Any) -> Any:
    if wanted() and torch.is_grad_enabled():
        return checkpoint(forward, *args, use_reentrant=False, preserve_rng_state=False, **kwargs)
    return forward(*args, **kwargs)
