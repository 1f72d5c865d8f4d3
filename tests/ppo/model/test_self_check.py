"""ppo/model/self_check.py and plain_path.py: no family is read otherwise than its own forward reads it, unsaid."""

from dataclasses import replace

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    BertConfig,
    BertLMHeadModel,
    BloomConfig,
    LlamaConfig,
    MixtralConfig,
    ModernBertDecoderConfig,
    MptConfig,
)

from ppo.algorithm.experience import build_experience, evaluate_rollout
from ppo.algorithm.ppo_update import TrainState, ppo_update
from ppo.config import Config, LoraSettings, PPOConfig, SampleConfig
from ppo.model import self_check
from ppo.model.base_model import prepare
from ppo.model.loading.tiny_model import byte_tokenizer
from ppo.model.plain_path import BY_LENGTH, PADDED, WITHOUT_CACHE, WRITERS, PlainDecoder
from ppo.model.policy import Policy, narrowest_window
from ppo.model.sampling import sample_responses
from ppo.model.self_check import FAST, FP32_LIMIT, PLAIN_PATH, SelfCheck, Texts, checked_policy
from rater_data.errors import BadInput

CPU = torch.device("cpu")
TOKENIZER = byte_tokenizer()
LORA = LoraSettings(r=4, alpha=8)
SHAPE = {
    "vocab_size": len(TOKENIZER),
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "initializer_range": 0.2,
    "eos_token_id": TOKENIZER.eos_token_id,
    "bos_token_id": TOKENIZER.bos_token_id,
    "pad_token_id": 0,
}
BERT = {k: v for k, v in SHAPE.items() if k != "num_key_value_heads"}
LLAMA = LlamaConfig(**SHAPE)
ALIBI = MptConfig(
    vocab_size=len(TOKENIZER), d_model=32, n_heads=4, n_layers=2, max_seq_len=128, expansion_ratio=2
)
CONFIG = Config(
    sample=SampleConfig(max_new_tokens=8),
    lora=LORA,
    ppo=replace(PPOConfig(), minibatch=4, learning_rate=1e-2),
)


def base_of(config, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        lm = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        for name, parameter in lm.named_parameters():
            if parameter.ndim > 1 and "norm" not in name:
                torch.nn.init.normal_(parameter, std=0.2)
    return prepare(config.model_type, lm, TOKENIZER, CPU)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_llama_goes_the_fast_path_and_its_adapter_is_left_as_it_was(precision):
    policy, found = checked_policy(base_of(LLAMA), LORA, precision, seed=3)
    assert (found.path, found.because, policy.plain_because) == (FAST, "", "")
    assert found.gap <= found.limit
    untouched = Policy(base_of(LLAMA), LORA, precision, seed=3).adapter_state()
    assert all(torch.equal(p, untouched[n]) for n, p in policy.adapter_state().items())


PLAIN_FAMILIES = {
    "mpt": (ALIBI, "positions"),
    "modernbert-decoder": (
        ModernBertDecoderConfig(**SHAPE, local_attention=8, global_attn_every_n_layers=2),
        "otherwise than the model's own forward",
    ),
    "bert as a decoder": (BertConfig(**BERT, is_decoder=True), "otherwise than the model's own forward"),
    "bloom": (
        BloomConfig(vocab_size=len(TOKENIZER), hidden_size=32, n_layer=2, n_head=4, initializer_range=0.2),
        "positions",
    ),
    "mixtral": (MixtralConfig(**SHAPE, num_local_experts=4, num_experts_per_tok=2), None),
}


@pytest.mark.parametrize("family", PLAIN_FAMILIES)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_family_that_is_read_otherwise_goes_the_plain_path_and_learns(family, precision):
    """Which the first look found wrong in silence, or dying later with an error of Python's."""
    config, because = PLAIN_FAMILIES[family]
    policy, found = checked_policy(base_of(config), LORA, precision, seed=0)
    assert found.path == (FAST if because is None else PLAIN_PATH)
    assert because is None or because in found.because
    assert found.gap <= found.limit
    rollout = Texts.of(policy.base).rollout(CPU)
    still = replace(CONFIG, ppo=replace(CONFIG.ppo, learning_rate=0.0, value_learning_rate=0.0))
    evaluated = evaluate_rollout(policy, rollout, (0, policy.layers), still)
    assert (evaluated.kl_per_response() == 0).all()
    experience = build_experience(evaluated, torch.randn(4), 0.05, 0.95)
    assert (
        ppo_update(TrainState.begin(policy, still.ppo, 1), experience, still, 1, seed=0)["ratio_gap"] <= 1e-4
    )
    frozen = {n: p.detach().clone() for n, p in policy.peft.named_parameters() if "lora_" not in n}
    ppo_update(TrainState.begin(policy, CONFIG.ppo, 1), experience, CONFIG, 2, seed=0)
    assert float(evaluate_rollout(policy, rollout, (), CONFIG).kl_per_response().abs().sum()) > 0
    assert all(torch.equal(p, frozen[n]) for n, p in policy.peft.named_parameters() if "lora_" not in n)


def test_a_model_that_reads_ahead_is_refused():
    with pytest.raises(BadInput, match="depends on the words after it"):
        checked_policy(base_of(BertConfig(**BERT)), LORA, "fp32", 0)
    assert issubclass(BertLMHeadModel, torch.nn.Module)


def test_a_fast_path_that_is_wrong_is_left_and_said(monkeypatch):
    """Positions that start anew at the response, as a mistake in packing would have it."""
    right = Policy.hidden_states

    def wrong(self, rollout, keep_layers=()):
        rows, kept = right(self, rollout, keep_layers)
        return rows + (0 if self.plain_because else 0.5), kept

    monkeypatch.setattr(Policy, "hidden_states", wrong)
    policy, found = checked_policy(base_of(LLAMA), LORA, "fp32", 0)
    assert found.path == PLAIN_PATH
    assert "reads otherwise than the model's own forward, by" in found.because
    assert found.writer == PADDED
    assert "slower" in found.says and policy.plain_because == found.because


def test_where_no_path_is_right_the_model_is_refused(monkeypatch):
    right = Policy.read

    def wrong(self, rollout, temperature, keep_layers=()):
        output, rows, kept = right(self, rollout, temperature, keep_layers)
        return replace(output, logprobs=output.logprobs - 2 * FP32_LIMIT), rows, kept

    monkeypatch.setattr(Policy, "read", wrong)
    with pytest.raises(BadInput, match=r"neither path reads it right .reads otherwise"):
        checked_policy(base_of(LLAMA), LORA, "fp32", 0)


def test_a_model_whose_forward_fails_is_one_sentence(monkeypatch):
    base = base_of(LLAMA)
    monkeypatch.setattr(base.lm, "forward", lambda **_: 1 / 0)
    with pytest.raises(BadInput, match=r"its own forward fails .ZeroDivisionError: division by zero"):
        checked_policy(base, LORA, "fp32", 0)


@pytest.mark.parametrize("writer", WRITERS)
def test_each_way_to_write_is_the_model(writer):
    """Prompts of two lengths, rows that leave, groups that end, against whole texts read one by one."""
    policy = Policy(base_of(LLAMA), LORA, "fp32", 0)
    policy.use_plain_path("a test")
    policy.writer = writer
    prompts = [[5, 6, 7], [8, 9, 10, 11, 12, 13, 14], [15, 16, 17]]
    greedy = SampleConfig(temperature=1e-4, max_new_tokens=6)
    drawn = sample_responses(policy.decoder(), policy.base, prompts, 2, greedy, seed=0)
    ranged = replace(greedy, max_new_tokens_from=1)
    shorter = sample_responses(policy.decoder(), policy.base, prompts, 2, ranged, seed=1)
    assert len({len(one.token_ids) for group in shorter for one in group}) > 1
    for prompt, group, cut in zip(prompts, drawn, shorter, strict=True):
        ids = list(prompt)
        for _ in range(6):
            with torch.no_grad():
                ids.append(int(policy.base.lm(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] in policy.base.stop_ids:
                break
        assert all(one.token_ids == ids[len(prompt) :] for one in group)
        assert all(one.token_ids == ids[len(prompt) :][: len(one.token_ids)] for one in cut)


def test_a_cache_that_is_wrong_is_done_without(monkeypatch):
    right = PlainDecoder._forward

    def wrong(self, group, ids):
        logits = right(self, group, ids)
        return logits if self.writer == WITHOUT_CACHE or ids.shape[1] > 1 else logits.roll(1, -1)

    monkeypatch.setattr(PlainDecoder, "_forward", wrong)
    policy, found = checked_policy(base_of(ALIBI), LORA, "fp32", 0)
    assert (found.writer, policy.writer) == (WITHOUT_CACHE, WITHOUT_CACHE)
    assert BY_LENGTH in WRITERS


def test_windows_are_found_by_whatever_name():
    assert narrowest_window(LLAMA) is None
    assert narrowest_window(ModernBertDecoderConfig(local_attention=8)) == 4, (
        "to either side, as the family has it"
    )


def test_the_result_is_one_sentence():
    slow = SelfCheck(PLAIN_PATH, "its head is no single linear layer", BY_LENGTH, 2e-6, FP32_LIMIT)
    assert slow.says == (
        "Plain path, which is slower, because its head is no single linear layer; written by length: it reads and "
        "writes as the model's own forward does (at most 2e-06 nats a token apart)."
    )
    assert self_check.FAST in SelfCheck(FAST, "", PADDED, 0.0, 1.0).says.lower()
