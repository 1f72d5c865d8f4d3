"""Models of known shapes with random weights, made where they are used: what a step costs depends on nothing else."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from ppo.model.base_model import BaseModel, prepare
from ppo.model.loading.quantize import (
    check_can_quantize,
    four_bit_weight,
    quantizable_layers,
    quantize_layers,
)
from ppo.model.loading.tiny_model import byte_tokenizer
from ppo.model.loading.weights import free_memory, weight_bytes
from rater_data.errors import BadInput

LLAMA, QWEN2 = "llama", "qwen2"
SPREAD = 0.02  # standard deviation of the weights, as both families begin


@dataclass(frozen=True)
class Shape:
    """What a Llama-shaped model's cost depends on: widths, numbers of layers and heads, vocabulary.

    `tied`: the embedding is the head. Of Qwen2's layers the queries, keys and values have biases.
    """

    family: str
    hidden: int
    mlp: int
    layers: int
    heads: int
    kv_heads: int
    vocabulary: int
    tied: bool
    context: int = 32768
    rope: tuple[tuple[str, Any], ...] = (("rope_type", "default"), ("rope_theta", 1e6))

    @property
    def head_width(self) -> int:
        """Width of one head."""
        return self.hidden // self.heads

    @property
    def kv_width(self) -> int:
        """Width of the keys, and of the values, of one token in one layer."""
        return self.kv_heads * self.head_width

    def linears(self) -> dict[str, tuple[int, int]]:
        """(inputs, outputs) of the linear layers of one layer."""
        return {
            "q_proj": (self.hidden, self.hidden),
            "k_proj": (self.hidden, self.kv_width),
            "v_proj": (self.hidden, self.kv_width),
            "o_proj": (self.hidden, self.hidden),
            "gate_proj": (self.hidden, self.mlp),
            "up_proj": (self.hidden, self.mlp),
            "down_proj": (self.mlp, self.hidden),
        }

    @property
    def linear_weights(self) -> int:
        """Weights of all linear layers below the head."""
        return self.layers * sum(inputs * outputs for inputs, outputs in self.linears().values())

    @property
    def table_weights(self) -> int:
        """Weights of the embedding, and of the head where that is another tensor."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2)

    @property
    def small_weights(self) -> int:
        """Norms and biases."""
        biases = self.hidden + 2 * self.kv_width if self.family == QWEN2 else 0
        return self.layers * (2 * self.hidden + biases) + self.hidden

    @property
    def parameters(self) -> int:
        """All of them."""
        return self.linear_weights + self.table_weights + self.small_weights

    def config(self, **ids: int | None) -> PreTrainedConfig:
        """As transformers has it; `ids` are those of the tokenizer's special tokens."""
        kind: Any = LlamaConfig if self.family == LLAMA else Qwen2Config
        return kind(
            vocab_size=self.vocabulary,
            hidden_size=self.hidden,
            intermediate_size=self.mlp,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.kv_heads,
            max_position_embeddings=self.context,
            tie_word_embeddings=self.tied,
            rms_norm_eps=1e-5 if self.family == LLAMA else 1e-6,
            rope_parameters=dict(self.rope),
            **ids,
        )


LLAMA_3_ROPE = (
    ("rope_type", "llama3"),
    ("rope_theta", 5e5),
    ("factor", 8.0),
    ("low_freq_factor", 1.0),
    ("high_freq_factor", 4.0),
    ("original_max_position_embeddings", 8192),
)
SMOLLM2_ROPE = (("rope_type", "default"), ("rope_theta", 1e5))
SHAPES = {
    "smollm2-135m": Shape(LLAMA, 576, 1536, 30, 9, 3, 49152, True, 8192, SMOLLM2_ROPE),
    "qwen2.5-0.5b": Shape(QWEN2, 896, 4864, 24, 14, 2, 151936, True),
    "qwen2.5-1.5b": Shape(QWEN2, 1536, 8960, 28, 12, 2, 151936, True),
    "qwen2.5-7b": Shape(QWEN2, 3584, 18944, 28, 28, 4, 152064, False),
    "llama-3.1-8b": Shape(LLAMA, 4096, 14336, 32, 32, 8, 128256, False, 131072, LLAMA_3_ROPE),
}


def find_shape(name: str) -> Shape:
    """The shape called `name`. Raises BadInput with the names that there are."""
    if name not in SHAPES:
        raise BadInput(f"--shape {name} is not known. Use one of {', '.join(SHAPES)}.")
    return SHAPES[name]


def shaped_model(
    name: str, device: torch.device, precision: str, quantize: str = "", seed: int = 0
) -> BaseModel:
    """A model of that shape on `device`: norms 1, the rest normal(0, .02) from `seed`, over the byte tokenizer.

    Its weights are bf16 (fp32 for products in fp32) and made in place: nothing is read, and nothing is copied. With
    `quantize` ("4bit") each linear layer is put into 4 bits as it is made, as of a model that is loaded.
    Raises BadInput for an unknown shape and for one that does not fit.
    """
    check_can_quantize(quantize)
    shape, dtype = find_shape(name), torch.bfloat16 if precision == "bf16" else torch.float32
    tokenizer = byte_tokenizer()
    ids = {f"{end}_token_id": getattr(tokenizer, f"{end}_token_id") for end in ("bos", "eos", "pad")}
    config = shape.config(**ids)
    kind: Any = LlamaForCausalLM if shape.family == LLAMA else Qwen2ForCausalLM
    with torch.device("meta"):
        lm = kind(config).to(dtype)
    needed, free = weight_bytes(lm, dtype, quantize) / 2**30, free_memory(device) / 2**30
    if needed > free:
        raise BadInput(
            f"The shape {name} needs {needed:.1f} GiB for its weights alone and {free:.1f} GiB are free on {device}. "
            "Name a smaller one."
        )
    _fill(lm, device, seed, quantize)
    lm.tie_weights()
    # Angles are computed, not learned, and stay fp32
    lm.model.rotary_emb = type(lm.model.rotary_emb)(config).to(device)
    lm.generation_config.eos_token_id = tokenizer.eos_token_id
    stored = str(dtype).removeprefix("torch.")
    notes = (quantize_layers(lm, name),) if quantize else ()
    base = replace(prepare(name, lm, tokenizer, device), stored_dtype=stored)
    return replace(base, notes=notes)


@torch.no_grad()
def _fill(lm: PreTrainedModel, device: torch.device, seed: int, quantize: str) -> None:
    """Makes the weights one after the other, each in its place."""
    draw = torch.Generator(device).manual_seed(seed)
    narrow = {f"{name}.weight" for name in quantizable_layers(lm)} if quantize else set()
    for name, parameter in list(lm.named_parameters()):
        made = torch.empty_like(parameter, device=device)
        made = made.fill_(1.0) if "norm" in name else made.normal_(0.0, SPREAD, generator=draw)
        module, _, own = name.rpartition(".")
        held = four_bit_weight(made, device) if name in narrow else nn.Parameter(made)
        setattr(lm.get_submodule(module), own, held)
