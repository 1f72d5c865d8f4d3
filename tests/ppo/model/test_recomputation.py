"""ppo/model/recomputation.py and long rows: less is kept for the way back, and the gradients are the same."""

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks
from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

from ppo.config import LoraSettings
from ppo.model.base_model import prepare
from ppo.model.loading.tiny_model import byte_tokenizer
from ppo.model.policy import Policy
from ppo.model.rollout import rollout_of

CPU = torch.device("cpu")
SHAPE = {
    "vocab_size": 259,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "initializer_range": 0.2,
}
FAMILIES = {"blocks": (LlamaConfig, LlamaForCausalLM), "modules": (Qwen3Config, Qwen3ForCausalLM)}


def policy_of(family, precision="fp32"):
    config, kind = FAMILIES[family]
    torch.manual_seed(0)
    base = prepare(family, kind(config(**SHAPE, head_dim=8)), byte_tokenizer(), CPU)
    policy = Policy(base, LoraSettings(r=4, alpha=8), precision, seed=0)
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in policy.adapter_parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw) * 0.05)
    return policy


def rollout(length, per_prompt=2):
    draw = torch.Generator().manual_seed(length)
    responses = [torch.randint(3, 250, (length,), generator=draw).tolist() for _ in range(per_prompt)]
    return rollout_of([[5, 6, 7]] * per_prompt, responses, [False] * per_prompt, [0] * per_prompt, 0, CPU)


def gradient(policy, one):
    for parameter in policy.adapter_parameters():
        parameter.grad = None
    out = policy.forward(one, 0.7)
    out.logprobs.sum().backward()
    return out.logprobs.detach(), torch.cat([p.grad.flatten() for p in policy.adapter_parameters()])


def kept_bytes(policy, one):
    """Bytes that autograd keeps of one forward, each storage once."""
    storages = {}

    def keep(tensor):
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        policy.forward(one, 0.7)
    return sum(storages.values())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_recomputed_activations_give_the_same_gradients(family, precision):
    policy, one = policy_of(family, precision), rollout(40)
    logprobs, kept = gradient(policy, one)
    policy.recompute = True
    again, recomputed = gradient(policy, one)
    assert torch.equal(again, logprobs)
    assert float((recomputed - kept).norm() / kept.norm()) < (1e-6 if precision == "fp32" else 1e-2)
    assert float(kept.norm()) > 0


@pytest.mark.parametrize("family", FAMILIES)
def test_a_long_response_is_read_as_a_short_one(family):
    """Beyond a width responses have rows of their own, without a mask: the same log-probabilities and gradients."""
    policy, one = policy_of(family), rollout(500)
    wide, slopes = gradient(policy, one)
    apart = [gradient(policy, one.take(torch.tensor([b]))) for b in range(2)]  # 503 tokens: shared rows
    torch.testing.assert_close(wide, torch.cat([logprobs for logprobs, _ in apart]), atol=1e-4, rtol=0)
    summed = apart[0][1] + apart[1][1]
    assert float((slopes - summed).norm() / summed.norm()) < 1e-4


def test_memory_grows_with_the_tokens_and_not_with_their_square():
    policy = policy_of("modules")
    at = {length: kept_bytes(policy, rollout(length)) for length in (512, 1024, 2048)}
    assert at[1024] / at[512] < 2.1
    assert at[2048] / at[1024] < 2.1
    policy.recompute = True
    assert kept_bytes(policy, rollout(2048)) < 0.5 * at[2048]
