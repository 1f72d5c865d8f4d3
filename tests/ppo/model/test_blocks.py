"""ppo/model/cpu/blocks.py: the hand-written forwards and backwards are those of transformers and PEFT."""

import pytest
import torch
from transformers import AutoModelForCausalLM, MistralConfig

from ppo.config import LoraSettings
from ppo.model.base_model import BaseModel
from ppo.model.cpu.blocks import DecoderBlocks
from ppo.model.cpu.fused_linear import MergedLinear
from ppo.model.cpu.onednn_linear import OneDNNLinear
from ppo.model.decoders import BlocksDecoder, ModuleDecoder, additive_mask
from ppo.model.policy import Policy
from ppo.model.rollout import rollout_of
from ppo.model.row_packing import pack_rows
from tests.ppo.model.test_families import FAMILIES, SHAPE, TOKENIZER

CPU = torch.device("cpu")
T = 0.7
KNOWN = ("llama", "llama with biases", "llama, rotary positions scaled", "mistral", "qwen2")


def make(config, precision):
    """A policy whose adapter does something and whose biases, where it has any, are not 0."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        lm = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    draw = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, p in lm.named_parameters():
            if name.endswith("bias") or "norm" in name:
                p.add_(torch.randn(p.shape, generator=draw) * 0.3)
    lm.requires_grad_(False).eval()
    policy = Policy(
        BaseModel("made", "", lm, TOKENIZER, (), 0), LoraSettings(r=4, alpha=6), precision, seed=1
    )
    with torch.no_grad():
        for p in policy.adapter_parameters():
            p.add_(torch.randn(p.shape, generator=draw) * 0.1)
    return policy


@pytest.fixture(params=KNOWN, ids=lambda name: name.replace(" ", "-"))
def config(request):
    return FAMILIES[request.param]


@pytest.fixture
def rollout():
    draw = torch.Generator().manual_seed(0)
    responses = [torch.randint(0, 250, (n,), generator=draw).tolist() for n in (3, 8, 1, 0, 6, 2)]
    prompts = [[5, 6, 7, 9, 10]] * 3 + [[5, 6, 7, 11]] * 3
    return rollout_of(prompts, responses, [False] * 6, [0] * 3 + [1] * 3, 0, CPU)


def outcome(policy, rollout):
    """Log-probabilities, the adapter's gradients, and what the reward head would read of the reference."""
    reading = policy.forward(rollout, T)
    weights = torch.linspace(-1, 1, reading.logprobs.numel()).view(reading.logprobs.shape)
    (reading.logprobs * weights).sum().backward()
    grads = [p.grad.clone() for p in policy.adapter_parameters()]
    for p in policy.adapter_parameters():
        p.grad = None
    with torch.no_grad(), policy.reference():
        rows, kept = policy.hidden_states(rollout, (0, 1, 2))
    return reading.logprobs.detach(), grads, [rows, *kept]


def by_transformers(policy, rollout):
    policy._blocks, blocks = None, policy._blocks
    try:
        return outcome(policy, rollout)
    finally:
        policy._blocks = blocks


def test_the_same_numbers_and_gradients_as_the_model(config, rollout):
    policy = make(config, "fp32")
    assert policy._blocks is not None
    got, wanted = outcome(policy, rollout), by_transformers(policy, rollout)
    torch.testing.assert_close(got[0], wanted[0], atol=2e-5, rtol=0)
    for one, other in zip(got[1], wanted[1], strict=True):
        assert other.abs().max() > 0
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-3)
    for one, other in zip(got[2], wanted[2], strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=0)


def test_in_bf16_no_further_from_fp32_than_the_model_is(config, rollout):
    exact = outcome(make(config, "fp32"), rollout)
    policy = make(config, "bf16")
    got, model = outcome(policy, rollout), by_transformers(policy, rollout)

    def distance(found):
        return float((found[0] - exact[0]).square().mean().sqrt())

    def turned(found):
        a, b = (torch.cat([g.flatten() for g in x[1]]) for x in (found, exact))
        return float(1 - torch.cosine_similarity(a, b, dim=0))

    assert 0 < distance(got) < 2 * distance(model)  # both are rounding: neither is nearer by rule
    assert 0 < turned(got) < 2 * turned(model)


def test_read_twice_gives_the_same_to_the_bit(config, rollout):
    """Scoring (no gradient) and training (with one) of the same micro-batch, in bf16 as in fp32."""
    for precision in ("fp32", "bf16"):
        policy = make(config, precision)
        trained = policy.forward(rollout, T).logprobs.detach()
        with torch.no_grad():
            assert torch.equal(policy.forward(rollout, T).logprobs, trained)


def test_without_an_adapter_the_reference_is_the_policy_to_the_bit(config, rollout):
    for precision in ("fp32", "bf16"):
        policy = make(config, precision)
        with torch.no_grad():
            for name, p in policy.peft.named_parameters():
                if "lora_B" in name:
                    p.zero_()
            own = policy.forward(rollout, T).logprobs
            with policy.reference():
                assert torch.equal(policy.forward(rollout, T).logprobs, own)


def test_a_block_keeps_no_more_than_its_backward_needs(config, rollout):
    """Bytes a token: its input, the state in its middle, queries, keys, values, what attention gave, gate and up; not
    what the norms gave, attention's probabilities or silu(gate)·up, which are made anew."""
    policy = make(config, "bf16")
    block, packed = policy._blocks.blocks[0], pack_rows(rollout)
    inputs = policy._blocks.attention_inputs(
        packed.positions, additive_mask(packed.attention, torch.bfloat16)
    )
    x, kept = torch.randn(packed.ids.numel(), config.hidden_size), []
    with torch.no_grad():
        block.forward(x, inputs, True, None, kept)
    flat = [t for one in kept for t in (one if isinstance(one, tuple) else (one,))]
    held = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in flat}
    low = 2 * block.qkv.rank * (3 + 1 + 2 + 1)  # x·Aᵀ of all seven layers
    numbers = sum(block.qkv.sizes) + 2 * config.intermediate_size
    widest = 2 * 4 * config.hidden_size + 2 * (numbers + config.hidden_size) + low + 2 * 4
    assert sum(held.values()) <= widest * len(x)


def test_an_adapter_changed_behind_its_back_is_seen(config, rollout):
    policy = make(config, "fp32")
    with torch.no_grad():
        before = policy.forward(rollout, T).logprobs
        policy.adapter_parameters()[0].add_(1.0)
        after = policy.forward(rollout, T).logprobs
    assert (before - after).abs().max() > 1e-3


@pytest.mark.parametrize(
    "prompts",
    [
        [[5, 6, 7]],
        [[5, 6, 7], [5, 6, 9, 10]],
        [[5, 6, 7], [5, 6]],
        [[5, 6], [5, 6]],
        [[4], [5, 6, 7, 8]],
        [[4], [4]],
    ],
)
def test_decoding_is_the_models_own(config, prompts):
    """Prompts that share a beginning, that share nothing, that are each other's beginning, that are the same."""
    policy = make(config, "fp32")
    mine, theirs = policy.decoder(), ModuleDecoder(policy.base.lm)
    assert isinstance(mine, BlocksDecoder)
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for decoder in (mine, theirs):
            decoder.found = [decoder.logits(decoder.prefill(prompts, 2, 4), T)]
        for kept in (None, torch.tensor([1]), None):
            token = torch.randint(0, 250, (len(mine.found[-1]),), generator=draw)
            if kept is not None:
                token = token[kept]
            for decoder in (mine, theirs):
                if kept is not None:
                    decoder.keep_rows(kept)
                decoder.found.append(decoder.logits(decoder.step(token), T))
    for one, other in zip(mine.found, theirs.found, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=0)


def test_packed_weights_give_the_same_product():
    draw = torch.Generator().manual_seed(0)
    weight, bias, x = (torch.randn(shape, generator=draw) for shape in ((40, 24), (40,), (5, 24)))
    for dtype, off in ((torch.float32, 1e-5), (torch.bfloat16, 0.2)):  # sums of 24 products near 5, rounded
        got = OneDNNLinear(weight.to(dtype), bias)(x)
        torch.testing.assert_close(got.float(), x @ weight.T + bias, atol=off, rtol=0)


def test_merging_is_the_adapter(config):
    policy = make(config, "fp32")
    policy._blocks.refresh()
    projection = policy._blocks.blocks[0].qkv
    x = torch.randn(3, projection.inputs, generator=torch.Generator().manual_seed(0))
    wide = projection.input(3)
    wide[:, : projection.inputs] = x
    with torch.no_grad():
        torch.testing.assert_close(
            MergedLinear(projection).forward(x, True), projection.forward(wide, True), atol=1e-5, rtol=0
        )


def test_other_shapes_are_not_taken_for_these():
    for name in ("qwen3", "gpt2", "gemma2", "gemma3", "gpt-neox", "mistral, a window shorter than the text"):
        assert not DecoderBlocks.supports(AutoModelForCausalLM.from_config(FAMILIES[name]))
    other = MistralConfig(**SHAPE, sliding_window=None, hidden_act="gelu")
    assert not DecoderBlocks.supports(AutoModelForCausalLM.from_config(other))
