"""Small models of several families as folders, made once and copied for each test that damages one."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import (
    Gemma2Config,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MixtralConfig,
    PreTrainedConfig,
    Qwen2Config,
)
from transformers.models.auto.modeling_auto import AutoModelForCausalLM

from ppo.model.loading.tiny_model import byte_tokenizer

ROWS = len(byte_tokenizer())
WIDE = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}
SHARED = WIDE | {"vocab_size": ROWS, "num_key_value_heads": 1, "max_position_embeddings": 64}
CONFIGS: dict[str, Callable[[], PreTrainedConfig]] = {
    "llama": lambda: LlamaConfig(**SHARED),
    "tied": lambda: LlamaConfig(**SHARED, tie_word_embeddings=True),
    "qwen2": lambda: Qwen2Config(**SHARED | {"vocab_size": ROWS + 1}),  # its tokenizer adds a token
    "gemma2": lambda: Gemma2Config(**SHARED, head_dim=8),
    "mixtral": lambda: MixtralConfig(**SHARED, num_local_experts=3, num_experts_per_tok=2),
    "gpt2": lambda: GPT2Config(n_embd=16, n_layer=2, n_head=2, n_positions=64, vocab_size=ROWS),
    "gpt_neox": lambda: GPTNeoXConfig(**WIDE, vocab_size=ROWS),
}


def save_model(config: PreTrainedConfig, folder: Path) -> Path:
    """A model with random weights and the byte tokenizer, as transformers writes them."""
    torch.manual_seed(0)
    config.bos_token_id, config.eos_token_id = 256, 257
    lm = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in lm.parameters():  # norms and biases too: a lost one must show
            parameter.add_(torch.randn_like(parameter) * 0.1)
    lm.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("models")

    def folder_of(family: str) -> Path:
        if not (root / family).exists():
            save_model(CONFIGS[family](), root / family)
        return root / family

    return folder_of


@pytest.fixture
def copy_of(made, tmp_path) -> Callable[[str], Path]:
    """A folder of one's own with a model of the family."""
    return lambda family: Path(shutil.copytree(made(family), tmp_path / "model"))


def tensors_of(folder: Path) -> dict[str, torch.Tensor]:
    with safe_open(folder / "model.safetensors", framework="pt") as opened:
        return {name: opened.get_tensor(name).clone() for name in opened.keys()}  # noqa: SIM118


def rewrite(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    save_file({name: t.clone().contiguous() for name, t in tensors.items()}, folder / "model.safetensors")


def assert_one_sentence(text: str) -> None:
    """What came and what to do, in one line: no traceback, no list, no half a sentence."""
    assert "\n" not in text
    assert text.endswith(".") and not text.endswith("..")
    assert len(text) < 900
