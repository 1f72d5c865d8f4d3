"""`tiny`: two random layers over bytes, so that the whole ring turns in seconds in every test."""

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from ppo.model.base_model import BaseModel, prepare

TINY = "tiny"
TINY_ENDS = ".!?\n"


def tiny_model(device: torch.device, seed: int = 0) -> BaseModel:
    """Two layers of width 64 over bytes, made on the spot from `seed`: the whole ring in seconds.

    Its answers also end at a full stop or a line's end: random weights come upon the end token too rarely for
    anything to be learned from endings.
    """
    tokenizer = byte_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        initializer_range=0.08,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        lm = LlamaForCausalLM(config)
    ends = [tokenizer.encode(c)[0] for c in TINY_ENDS]
    lm.generation_config.eos_token_id = [tokenizer.eos_token_id, *ends]
    return prepare(TINY, lm, tokenizer, device)


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, and three special ones: begin, end, padding."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|end|>", bos_token="<|begin|>", pad_token="<|pad|>"
    )
