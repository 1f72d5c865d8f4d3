"""The same engine on the families people bring: Llama, Qwen, GPT-2, Gemma, and Mistral's sliding window.

Tiny, randomly made models of each: what is held is the arithmetic (masks, positions, turned weights, soft caps), and
that an update moves the adapter and nothing else.
"""

from dataclasses import replace

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
)

from ppo.algorithm.experience import build_experience, evaluate_rollout
from ppo.algorithm.maths import logprobs_of
from ppo.algorithm.ppo_update import TrainState, ppo_update
from ppo.config import Config, LoraSettings, PPOConfig, SampleConfig
from ppo.model.base_model import BaseModel
from ppo.model.cpu.blocks import DecoderBlocks
from ppo.model.decoders import ModuleDecoder, StaticDecoder
from ppo.model.loading.tiny_model import byte_tokenizer
from ppo.model.policy import Policy, softcaps_attention
from ppo.model.rollout import rollout_of
from ppo.model.sampling import sample_responses

CPU = torch.device("cpu")
T = 0.7
TOKENIZER = byte_tokenizer()
END = TOKENIZER.eos_token_id
SHAPE = {
    "vocab_size": len(TOKENIZER),
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 128,
    "initializer_range": 0.2,
    "eos_token_id": END,
    "bos_token_id": None,
    "pad_token_id": 0,
}
NEOX = {k: v for k, v in SHAPE.items() if k not in ("num_key_value_heads", "head_dim")}
FAMILIES = {
    "llama": LlamaConfig(**SHAPE),
    "llama with biases": LlamaConfig(**SHAPE, attention_bias=True, mlp_bias=True),
    "llama, rotary positions scaled": LlamaConfig(
        **SHAPE, rope_parameters={"rope_type": "linear", "factor": 4.0, "rope_theta": 100.0}
    ),
    "mistral": MistralConfig(**SHAPE, sliding_window=None),
    "qwen2": Qwen2Config(**SHAPE),
    "qwen3": Qwen3Config(**SHAPE),
    "gpt2": GPT2Config(
        vocab_size=len(TOKENIZER),
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=128,
        initializer_range=0.2,
        eos_token_id=END,
    ),
    "gpt-neox": GPTNeoXConfig(**NEOX),
    "gemma2": Gemma2Config(**SHAPE, sliding_window=64, query_pre_attn_scalar=8),
    "gemma3": Gemma3TextConfig(**SHAPE, sliding_window=64, query_pre_attn_scalar=8),
    "mistral, a window shorter than the text": MistralConfig(**SHAPE, sliding_window=6),
}
CONFIG = Config(
    sample=SampleConfig(temperature=T, max_new_tokens=8),
    lora=LoraSettings(r=4, alpha=8),
    ppo=replace(PPOConfig(), minibatch=4, learning_rate=1e-2),
)


def base_of(family):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        lm = AutoModelForCausalLM.from_config(FAMILIES[family], dtype=torch.float32)
    lm.requires_grad_(False).eval()
    return BaseModel(family, "", lm, TOKENIZER, (END,), 0)


@pytest.fixture(params=FAMILIES, ids=lambda name: name.replace(" ", "-"))
def base(request):
    return base_of(request.param)


@pytest.fixture
def policy(base):
    return Policy(base, CONFIG.lora, "fp32", seed=1)


@pytest.fixture
def rollout():
    shared, draw = [5, 6, 7, 8], torch.Generator().manual_seed(0)
    responses = [torch.randint(0, 250, (n,), generator=draw).tolist() for n in (3, 8, 1, 5, 6, 2, 8, 4)]
    return rollout_of(
        [[*shared, 9, 10]] * 4 + [[*shared, 11]] * 4, responses, [False] * 8, [0] * 4 + [1] * 4, 0, CPU
    )


def moved(policy):
    with torch.no_grad():
        for i, parameter in enumerate(policy.adapter_parameters()):
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(i)) * 0.05)
    return policy


def test_packed_reading_is_the_plain_model(policy, rollout):
    got = moved(policy).forward(rollout, T).logprobs
    for b in range(len(rollout)):
        prompt = rollout.prompt_ids[b][rollout.prompt_mask[b]].tolist()
        response = rollout.response_ids[b][rollout.response_mask[b]].tolist()
        with torch.no_grad():
            logits = policy.base.lm(input_ids=torch.tensor([prompt + response])).logits[
                0, len(prompt) - 1 : -1
            ]
        wanted = logprobs_of(logits, torch.tensor(response), T)
        torch.testing.assert_close(got[b, : len(response)], wanted, atol=1e-4, rtol=0)


def test_the_plain_attention_is_the_fused_one(policy, rollout):
    """What bf16 uses on a CPU, here in fp32, where it can be compared: every family whose attention has no soft cap."""
    if policy.base.name == "gemma2":
        assert softcaps_attention(policy.base.lm), "its soft cap is the family's own to take: never switched"
        return
    if policy.base.name.startswith("mistral"):
        policy._window = None  # rows are packed only where the window holds them; here it is left out of both
    policy._blocks = None  # these have an attention of their own
    found = []
    for policy._can_switch_attention in (False, True):
        reading = moved(policy).forward(rollout, T) if not found else policy.forward(rollout, T)
        reading.logprobs.sum().backward()
        found.append((reading.logprobs.detach(), [p.grad.clone() for p in policy.adapter_parameters()]))
        for parameter in policy.adapter_parameters():
            parameter.grad = None
    assert policy.base.lm.config._attn_implementation == "rateloop"
    torch.testing.assert_close(found[1][0], found[0][0], atol=1e-5, rtol=0)
    for one, other in zip(found[1][1], found[0][1], strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


def test_with_a_learning_rate_of_0_new_is_old(policy, rollout):
    still = replace(CONFIG, ppo=replace(CONFIG.ppo, learning_rate=0.0, value_learning_rate=0.0))
    state = TrainState.begin(moved(policy), still.ppo, 1)
    evaluated = evaluate_rollout(policy, rollout, (), still)
    metrics = ppo_update(state, build_experience(evaluated, torch.randn(8), 0.05, 0.95), still, 2, seed=0)
    assert metrics["ratio_gap"] <= 1e-4


def test_kl_is_0_at_the_start_and_an_update_moves_the_adapter_alone(policy, rollout):
    evaluated = evaluate_rollout(policy, rollout, (), CONFIG)
    assert (evaluated.kl_per_response() == 0).all()
    frozen = {n: p.detach().clone() for n, p in policy.peft.named_parameters() if "lora_" not in n}
    state = TrainState.begin(policy, CONFIG.ppo, 1)
    ppo_update(state, build_experience(evaluated, torch.randn(8), 0.05, 0.95), CONFIG, 2, seed=0)
    moved_b = [float(p.detach().abs().sum()) for n, p in policy.peft.named_parameters() if "lora_B" in n]
    assert moved_b
    assert all(size > 0 for size in moved_b), "every adapted layer learns"
    assert all(torch.equal(p, frozen[n]) for n, p in policy.peft.named_parameters() if "lora_" not in n)
    assert float(evaluate_rollout(policy, rollout, (), CONFIG).kl_per_response().abs().sum()) > 0


def test_the_sampler_writes_what_the_policy_would(policy):
    """Generation with the merged adapter, a cache and left padding = the adapted model, whole texts, one by one."""
    moved(policy)
    prompts = [[5, 6, 7], [8, 9, 10, 11, 12, 13, 14]]
    greedy = SampleConfig(temperature=1e-4, max_new_tokens=8)
    drawn = sample_responses(policy.decoder(), policy.base, prompts, 2, greedy, seed=0)
    for prompt, group in zip(prompts, drawn, strict=True):
        ids = list(prompt)
        for _ in range(8):
            with torch.no_grad():
                ids.append(int(policy.base.lm(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] == END:
                break
        assert all(one.token_ids == ids[len(prompt) :] for one in group)


def test_the_static_decoder_is_the_growing_one(policy):
    """Shapes that never change (what a GPU captures), rows that are kept and rows that are not."""
    model = moved(policy).base.lm
    if not StaticDecoder.supports(model):
        assert policy.base.name.startswith(("gemma", "mistral, a window"))
        return
    growing, static = ModuleDecoder(model), StaticDecoder(model)
    found: dict = {growing: [], static: []}
    with torch.no_grad():
        for decoder, logits in found.items():
            logits.append(decoder.logits(decoder.prefill([[5, 6, 7], [8, 9, 10, 11, 12]], 2, 5), T))
            logits.append(decoder.logits(decoder.step(torch.tensor([1, 2, 3, 4])), T))
            decoder.keep_rows(torch.tensor([0, 3]))
            logits.append(decoder.logits(decoder.step(torch.tensor([20, 21])), T))
            decoder.keep_rows(torch.tensor([1]))
            logits.append(decoder.logits(decoder.step(torch.tensor([30])), T))
    for one, other in zip(found[static], found[growing], strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=0)


def test_the_static_decoder_writes_in_bf16_with_states_in_fp32(monkeypatch):
    """As on a GPU: by transformers' modules, where rotary positions leave keys in fp32 beside values in bf16."""
    monkeypatch.setattr(DecoderBlocks, "supports", lambda _lm: False)
    policy = Policy(base_of("llama"), LoraSettings(r=2, alpha=4), "bf16", 0)
    static = StaticDecoder(policy.base.lm, policy.autocast)
    growing = ModuleDecoder(policy.base.lm, policy.autocast)
    prompts, tokens = [[5, 6, 7], [8, 9, 10, 11, 12]], torch.tensor([1, 2, 3, 4])
    with torch.no_grad():
        for decoder in (static, growing):
            decoder.prefill(prompts, 2, 5)
        one, other = static.step(tokens), growing.step(tokens)
    torch.testing.assert_close(one, other, atol=0.05, rtol=0)  # a rounding or two of bf16
    assert {layer.keys.dtype for layer in static._cache.layers} == {torch.bfloat16}, "half of fp32's bytes"
