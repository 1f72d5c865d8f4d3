"""A tiny model of every causal family in the installed transformers, with random weights: what the sweep runs over.

Two layers of width 32 over the byte tokenizer, made so that what is special about a family is at work: sliding
windows shorter than the text, four experts of which two are asked, both kinds of layer where there are two, biases
and norms that are not 0 and 1. Settings that most families share are in `SHARED` and go where a config has such a
field; what a family needs beside is in `OWN`. The truth of a family is its own forward: one text at a time, no
padding, no mask, no cache.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM, PreTrainedModel
from transformers.configuration_utils import PretrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from ppo.model.loading.tiny_model import byte_tokenizer
from tests.ppo.model.tiny_family_settings import LEFT_OUT, OWN, SHARED, VARIANTS

TOKENIZER = byte_tokenizer()
VOCABULARY = (
    264  # a few rows more than the tokenizer has, as most models keep; Qwen's adds a token of its own
)
SPECIAL = {
    **dict.fromkeys(("vocab_size", "decoder_vocab_size", "vocab_size_per_layer_input"), VOCABULARY),
    "eos_token_id": TOKENIZER.eos_token_id,
    "bos_token_id": TOKENIZER.bos_token_id,
    "pad_token_id": TOKENIZER.pad_token_id,
}
FAMILIES = tuple(t for t in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES if t not in LEFT_OUT) + tuple(VARIANTS)


def tiny_config(family: str) -> PretrainedConfig:
    """The config of a model type of transformers, or of a variant of one (`VARIANTS`)."""
    model_type, changes = VARIANTS.get(family, (family, {}))
    own = {**OWN.get(model_type, {}), **changes}
    return _shrunk(CONFIG_MAPPING[model_type], own)


def _shrunk(config_class: Any, own: dict[str, Any]) -> PretrainedConfig:
    """An instance with the shared settings that it has fields for, and its own; a dict in `own` is a sub-config's."""
    fields = config_class.__dataclass_fields__
    values = {name: value for name, value in {**SHARED, **SPECIAL}.items() if name in fields}
    if "sliding_window" in fields and not fields["sliding_window"].default:
        del values["sliding_window"]  # a family without a window unless it is asked for
    values |= {name: value for name, value in own.items() if name not in config_class.sub_configs}
    for name, sub in config_class.sub_configs.items():
        settings = own.get(name, {})
        if settings is None:
            values[name] = None
            continue
        if sub is AutoConfig:
            sub = CONFIG_MAPPING[config_class.sub_configs_defaults[name].model_type]
        values[name] = _shrunk(sub, settings)
    return config_class(**values)


def tiny_model_of(family: str, seed: int = 0) -> PreTrainedModel:
    """A model of `family` in fp32 on the CPU, every number of it finite and drawn from `seed`, in eval mode."""
    with torch.random.fork_rng(devices=[]), _nan_where_nothing_is_written():
        torch.manual_seed(seed)
        lm = AutoModelForCausalLM.from_config(tiny_config(family), dtype=torch.float32)
        draw = torch.Generator().manual_seed(seed)
        persistent = set(lm.state_dict())
        buffers = {name: b for name, b in lm.named_buffers() if name in persistent}
        with torch.no_grad():
            for tensor in [*lm.parameters(), *buffers.values()]:
                if tensor.is_floating_point():
                    _randomise(tensor, draw)
    return lm.requires_grad_(False).eval()


def _randomise(tensor: Tensor, draw: torch.Generator) -> None:
    """Numbers for what the family left unwritten, and some noise on what is all the same (biases, norms)."""
    noise = torch.randn(tensor.shape, generator=draw) * 0.1
    if not torch.isfinite(tensor).all():
        tensor.copy_(noise)
    elif tensor.numel() and tensor.min() == tensor.max():
        tensor.add_(noise)


@contextmanager
def _nan_where_nothing_is_written() -> Iterator[None]:
    """Memory that a family takes with torch.empty and never fills is NaN inside, and so can be found."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


@torch.no_grad()
def plain_logprobs(lm: Any, prompt: Sequence[int], response: Sequence[int], temperature: float) -> Tensor:
    """The truth: log-probabilities (T,) of a response's tokens, fp32, from the family's own forward over one text."""
    logits = lm(input_ids=torch.tensor([[*prompt, *response]])).logits[0, len(prompt) - 1 : -1]
    return logprobs_of_logits(logits, response, temperature)


def logprobs_of_logits(logits: Tensor, response: Sequence[int], temperature: float) -> Tensor:
    """logits (T, V) that precede each token of the response → (T,), fp32."""
    every = torch.log_softmax(logits.float() / temperature, dim=-1)
    return every[torch.arange(len(response)), torch.tensor(list(response))]
