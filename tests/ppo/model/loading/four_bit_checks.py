"""What a base in 4 bits has to do, for a process that has bitsandbytes: see test_quantize.py, which runs this file."""

from dataclasses import replace

import pytest
import torch

from ppo.config import Config, LoraSettings, PPOConfig
from ppo.model.loading.base_models import load_base
from ppo.model.self_check import checked_policy
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
