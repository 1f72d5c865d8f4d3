"""ppo/model/lora.py: fused, and nothing else than what PEFT computes."""

import pytest
import torch
from peft import LoraConfig, get_peft_model

from ppo.model.loading.tiny_model import tiny_model
from ppo.model.lora import fuse_lora_layers

CPU = torch.device("cpu")
IDS = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 12]])


def model(fused, bias=False, dtype=torch.float32):
    base = tiny_model(CPU).lm
    if bias:
        for layer in base.model.layers:
            draw = torch.Generator().manual_seed(7)
            layer.mlp.up_proj.bias = torch.nn.Parameter(torch.randn(128, generator=draw), requires_grad=False)
    made = get_peft_model(base, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear")).eval()
    with torch.no_grad():
        for i, p in enumerate(p for n, p in sorted(made.named_parameters()) if "lora_" in n):
            p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(i)) * 0.05)
    if fused:
        assert fuse_lora_layers(made, dtype) == 14, "seven linear layers in each of two"
    return made


def outcome(made):
    logits = made(input_ids=IDS).logits
    (logits.float() ** 2).mean().backward()
    return logits.detach(), {n: p.grad for n, p in made.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("bias", [False, True])
def test_the_same_logits_and_gradients_as_peft(bias):
    wanted, wanted_grads = outcome(model(False, bias))
    got, got_grads = outcome(model(True, bias))
    torch.testing.assert_close(got, wanted, atol=1e-5, rtol=0)
    assert got_grads.keys() == wanted_grads.keys()
    for name, grad in wanted_grads.items():
        assert grad.abs().max() > 0
        torch.testing.assert_close(got_grads[name], grad, atol=1e-6, rtol=1e-3)


def test_switched_off_it_is_the_base():
    made = model(True)
    with torch.no_grad(), made.disable_adapter():
        off = made(input_ids=IDS).logits
    with torch.no_grad():
        assert torch.equal(off, tiny_model(CPU).lm(input_ids=IDS).logits)
        assert not torch.allclose(made(input_ids=IDS).logits, off)


def test_merged_or_with_a_second_adapter_peft_does_it():
    plain, made = model(False), model(True)
    with torch.no_grad():
        wanted = plain(input_ids=IDS).logits
        made.merge_adapter()
        torch.testing.assert_close(made(input_ids=IDS).logits, wanted, atol=1e-5, rtol=0)
        made.unmerge_adapter()
        made.add_adapter("other", LoraConfig(r=2, lora_alpha=4, target_modules="all-linear"))
        made.set_adapter("other")
        torch.testing.assert_close(
            made(input_ids=IDS).logits, tiny_model(CPU).lm(input_ids=IDS).logits, atol=1e-5, rtol=0
        )


def test_a_layer_that_is_not_plain_lora_is_left_to_peft():
    base = tiny_model(CPU).lm
    dora = get_peft_model(base, LoraConfig(r=4, use_dora=True, target_modules="all-linear"))
    assert fuse_lora_layers(dora, torch.float32) == 0
