"""What a base in 4 bits has to do, for a process that has bitsandbytes: see test_quantize.py, which runs this file."""

import gc
import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from ppo.config import Config, LoraSettings, PPOConfig
from ppo.model.loading import quantize, weights
from ppo.model.loading.base_models import load_base
from ppo.model.loading.tiny_model import byte_tokenizer
from ppo.model.self_check import checked_policy
from rater_data.errors import BadInput
from tests.ppo.algorithm.test_ppo_update import learn
from tests.ppo.algorithm.test_ppo_update import rollout as rollout  # a fixture

CONFIG = Config(lora=LoraSettings(r=4, alpha=8), ppo=replace(PPOConfig(), minibatch=4, learning_rate=1e-3))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_base_in_4_bits_trains_and_its_weights_stay(tmp_path, rollout, precision):
    base = load_base("tiny", tmp_path, "cpu", precision, "4bit")
    assert "14 linear layers are held in 4 bits" in base.notes[-1]
    policy, _ = checked_policy(base, CONFIG.lora, precision, seed=0)
    frozen = {n: p.detach().clone() for n, p in policy.peft.named_parameters() if "lora_" not in n}
    assert sum(p.dtype == torch.uint8 for p in frozen.values()) == 14
    _, experience, metrics = learn(policy, rollout, CONFIG)
    assert metrics["ratio_gap"] <= 1e-4
    assert (experience.evaluated.kl_per_response() == 0).all()
    assert any(p.abs().sum() > 0 for n, p in policy.peft.named_parameters() if "lora_B" in n)
    assert all(torch.equal(p, frozen[n]) for n, p in policy.peft.named_parameters() if n in frozen)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six layers, in which nearly all of the weights are, stored in bf16."""
    tokenizer, path = byte_tokenizer(), tmp_path_factory.mktemp("layers")
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=6,
        num_attention_heads=4,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=tokenizer.bos_token_id,
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).bfloat16().save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def numbers_of(base):
    """Every tensor of a model by name, and the scales of its weights in 4 bits."""
    found = dict(base.lm.state_dict())
    assert any(name.endswith("nested_absmax") for name in found)
    return found


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_read_in_4_bits_is_what_the_whole_model_would_be_put_into(tmp_path, folder, precision):
    read = load_base(str(folder), tmp_path, "cpu", precision, "4bit")
    whole = load_base(str(folder), tmp_path, "cpu", precision)
    note = quantize.quantize_layers(whole.lm, whole.name)
    assert note in read.notes and "42 linear layers are held in 4 bits" in note
    expected, found = numbers_of(whole), numbers_of(read)
    assert found.keys() == expected.keys()
    assert all(found[n].dtype == expected[n].dtype and torch.equal(found[n], expected[n]) for n in expected)
    assert not hasattr(read.lm.config, "quantization_config") and read.stored_dtype == "bfloat16"


def test_no_more_than_one_tensor_is_there_before_it_is_in_4_bits(tmp_path, folder, monkeypatch):
    """All tensors that live whenever one is put into 4 bits, against what stays and twice the largest."""
    seen, real = [], quantize.four_bit_weight

    def counting(weight, device):
        seen.append(living_bytes())
        return real(weight, device)

    monkeypatch.setattr(quantize, "four_bit_weight", counting)
    gc.freeze()  # what is there already is not looked at
    base = load_base(str(folder), tmp_path, "cpu", "fp32", "4bit")
    stays, largest = living_bytes(), 256 * 512 * 4
    assert len(seen) == 42
    assert max(seen) <= stays + 2 * largest
    seen.clear()
    del base
    whole = load_base(str(folder), tmp_path, "cpu", "fp32")
    quantize.quantize_layers(whole.lm, whole.name)
    gc.unfreeze()
    assert max(seen) > stays + 20 * largest  # and the count tells the difference


def living_bytes():
    """Bytes of all tensors since `gc.freeze`, each storage once."""
    tensors = [x for x in gc.get_objects() if isinstance(x, torch.Tensor) and x.device.type == "cpu"]
    return sum({x.untyped_storage().data_ptr(): x.untyped_storage().nbytes() for x in tensors}.values())


@pytest.mark.parametrize("fault", ["not finite", "another shape", "are missing|is missing"])
def test_a_fault_is_told_though_the_weight_would_be_in_4_bits(tmp_path, folder, fault):
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in folder.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    name, tensors = "model.layers.3.mlp.up_proj.weight", load_file(broken / "model.safetensors")
    if fault == "not finite":
        tensors[name][5, 7] = torch.inf
    elif fault == "another shape":
        tensors[name] = tensors[name][:-1].clone()
    else:
        del tensors[name]
    save_file(tensors, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BadInput, match=fault) as told:
        load_base(str(broken), tmp_path, "cpu", "bf16", "4bit")
    assert "layers.3.mlp.up_proj" in str(told.value)


def test_the_memory_that_is_asked_for_is_that_of_4_bits_and_one_layer(tmp_path, folder, monkeypatch):
    settings = LlamaConfig(**json.loads((folder / "config.json").read_text()))
    with torch.device("meta"):
        skeleton = LlamaForCausalLM(settings)
    linear = 6 * (4 * 256 * 256 + 3 * 256 * 512)
    rest = sum(p.numel() for p in skeleton.parameters()) - linear
    needed = 2 * (rest + 256 * 512) + linear * 4.127 / 8
    assert weights.weight_bytes(skeleton, torch.bfloat16, "4bit") == pytest.approx(needed)
    monkeypatch.setattr(weights, "free_memory", lambda _device: int(needed) + 1)
    load_base(str(folder), tmp_path, "cpu", "bf16", "4bit")
    with pytest.raises(BadInput, match="GiB are missing"):
        load_base(str(folder), tmp_path, "cpu", "bf16")
