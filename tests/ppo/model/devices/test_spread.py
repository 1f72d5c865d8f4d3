"""A base over several devices, pretended ones: what it says and learns is what one device gives, and nothing mixes."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from ppo.config import Config, LoraSettings, PPOConfig, SampleConfig
from ppo.model.decoders import ModuleDecoder
from ppo.model.devices.layer_map import layer_map, parts_of
from ppo.model.devices.moving import devices_of, move_inputs
from ppo.model.loading import base_models
from ppo.model.loading.base_models import load_base, pick_devices, spread_base
from ppo.model.loading.tiny_model import tiny_model
from ppo.model.sampling import write_responses
from ppo.model.self_check import FAST, PLAIN_PATH, checked_policy
from ppo.processes import Processes
from ppo.training.engine import Engine
from rater_data.errors import BadInput
from tests.gpu_check import spread as spread_check
from tests.ppo.algorithm.test_ppo_update import learn
from tests.ppo.algorithm.test_ppo_update import rollout as rollout  # a fixture
from tests.ppo.model.devices.pretend_devices import pretend_devices
from tests.ppo.model.tiny_families import TOKENIZER, tiny_model_of

CPU = torch.device("cpu")
TWO = (torch.device("cpu", 0), torch.device("cpu", 1))
CONFIG = Config(
    lora=LoraSettings(r=4, alpha=8),
    ppo=replace(PPOConfig(), minibatch=4, learning_rate=1e-3),
    sample=SampleConfig(max_new_tokens=6),
)
PROMPTS = [[5, 6, 7], [9, 10, 11, 12]]


def saved(family, folder):
    tiny_model_of(family).save_pretrained(folder)
    TOKENIZER.save_pretrained(folder)
    return folder


def numbers_of(x):
    return x.detach().to(CPU).clone()


def spread_rollout(rollout):
    return type(rollout).from_message(rollout.as_message(), TWO[0])


def what_it_does(policy, rollout):
    """Responses, readings and features, and the adapter after an update."""
    drawn = write_responses(policy, policy.base, PROMPTS, 3, CONFIG.sample, seed=5)
    scores = torch.tensor([1.0, -1, 1, -1, 1, -1, 1, -1], device=policy.device)
    state, experience, metrics = learn(policy, rollout, CONFIG, scores)
    read = experience.evaluated
    found = [read.logprobs, read.ref_logprobs, read.features, read.states]
    found += [p for _, p in sorted(policy.adapter_state().items())]
    return drawn, [numbers_of(x) for x in found], metrics, state


def test_two_devices_write_read_and_learn_as_one_does(rollout):
    policy, check = checked_policy(tiny_model(CPU), CONFIG.lora, "fp32", seed=0)
    # As on GPUs, where there are no blocks of ours
    policy._blocks = None
    drawn, numbers, metrics, _ = what_it_does(policy, rollout)
    with pretend_devices() as pretended:
        base = tiny_model(TWO[0])
        assert spread_base(base, TWO).startswith("Its layers are spread over 2 devices: ")
        spread, its_check = checked_policy(base, CONFIG.lora, "fp32", seed=0)
        assert check.path == its_check.path == FAST and spread.devices == list(TWO)
        assert isinstance(spread.decoder(), ModuleDecoder) and spread._blocks is None
        pretended.moved.clear()
        its_drawn, its_numbers, its_metrics, state = what_it_does(spread, spread_rollout(rollout))
        assert {p.device for p in spread.adapter_parameters()} == set(TWO)
        held = [(p, one) for p, s in state.optimizer.state.items() for one in (s["exp_avg"], s["exp_avg_sq"])]
        assert held and all(p.device == one.device for p, one in held)
    assert pretended.moved["cpu:0", "cpu:1"] and pretended.moved["cpu:1", "cpu:0"]
    assert its_drawn == drawn
    assert its_metrics["ratio_gap"] <= 1e-5 and its_metrics["grad_norm"] == pytest.approx(
        metrics["grad_norm"], 1e-3
    )
    for found, expected in zip(its_numbers, numbers, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", spread_check.FAMILIES)
def test_what_a_machine_with_two_gpus_has_to_show(family):
    """The check of `make gpu-check`, on pretended devices."""
    with pretend_devices():
        assert max(spread_check.gaps(family, "fp32", TWO)) <= 1e-4
        assert spread_check.responses_that_differ(family, TWO) == 0
    assert "not run" in spread_check.check(CPU).says


def test_without_hooks_the_pretended_devices_would_tell():
    with pretend_devices():
        base = tiny_model(TWO[0])
        places = layer_map(base.lm, TWO, [1e9, 1e9], lambda _name, p: p.nbytes)
        base_models.spread(base.lm, places)
        ids = torch.tensor([[1, 2, 3]], device=TWO[0])
        with pytest.raises(RuntimeError, match=r"one device, not on \['cpu:0', 'cpu:1'\]"):
            base.lm(input_ids=ids)
        move_inputs(base.lm)
        assert base.lm(input_ids=ids).logits.device == TWO[0]


def test_a_mask_is_moved_once_and_not_for_every_layer():
    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4))

        def forward(self, x, mask):
            return x * self.weight + mask

    class Body(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(Layer() for _ in range(6))

        def forward(self, x, mask):
            for layer in self.layers:
                x = layer(x, mask=mask)
            return x

    with pretend_devices() as pretended:
        body = Body()
        body.layers[:2].to(TWO[0])
        body.layers[2:].to(TWO[1])
        move_inputs(body)
        x, mask = torch.ones(1, 4, device=TWO[0]), torch.ones(1000, 4, device=TWO[0])
        pretended.moved.clear()
        first = body(x, mask)
        # Once x and mask go, and the result of the size of the mask comes back
        assert pretended.moved == {("cpu:0", "cpu:1"): 16000 + 16000, ("cpu:1", "cpu:0"): 16000}
        mask.add_(1)  # another mask in the same place
        assert torch.equal(body(x, mask), first + 6)


def test_a_folder_is_read_to_its_devices(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DEACTIVATE_ASYNC_LOAD", "1")  # other threads know nothing of pretended devices
    monkeypatch.setattr(base_models, "pick_devices", lambda _name: TWO)
    folder = saved("qwen2", tmp_path)
    with pretend_devices() as pretended:
        base = load_base(str(folder), tmp_path, "cpu:0,cpu:1")
        size = sum(p.nbytes for p in base.lm.parameters())
        assert devices_of(base.lm) == list(TWO)
        # Each weight went from the disk to its own device, and none from one device to the other
        assert sum(pretended.moved["cpu", str(device)] for device in TWO) >= size
        assert pretended.moved["cpu:0", "cpu:1"] + pretended.moved["cpu:1", "cpu:0"] < size / 4
        assert not any(hasattr(m, "_hf_hook") for m in base.lm.modules())
        assert checked_policy(base, CONFIG.lora, "fp32", seed=0)[1].path == FAST


@pytest.mark.parametrize("family", ["bloom", "opt", "gpt2", "mamba"])
def test_other_families_are_right_or_refused(tmp_path, monkeypatch, family):
    monkeypatch.setenv("HF_DEACTIVATE_ASYNC_LOAD", "1")
    monkeypatch.setattr(base_models, "pick_devices", lambda _name: TWO)
    with pretend_devices():
        base = load_base(str(saved(family, tmp_path)), tmp_path, "cpu:0,cpu:1")
        try:
            policy, check = checked_policy(base, CONFIG.lora, "fp32", seed=0)
        except BadInput as error:
            assert "cannot be trained here" in str(error)
            return
        assert check.path in (FAST, PLAIN_PATH) and check.gap <= check.limit
        assert policy.devices == list(TWO)


def test_layers_stay_in_order_and_each_device_has_its_share():
    lm = tiny_model(CPU).lm
    size = {name: sum(p.nbytes for p in part.parameters()) for name, part in parts_of(lm)}
    assert [name for name in size if "layers" in name] == ["model.layers.0", "model.layers.1"]
    count = lambda _name, p: p.nbytes  # noqa: E731
    even = layer_map(lm, TWO, [1e9, 1e9], count)
    order = [device.index for name, device in even.items() if name != "lm_head"]
    assert order == sorted(order) and set(order) == {0, 1}
    assert even["lm_head"] == even["model.embed_tokens"]  # they are one tensor
    lopsided = layer_map(lm, TWO, [1e9, 1e5], count)
    assert {device.index for name, device in lopsided.items() if "layers" in name} == {0}
    with pytest.raises(BadInput, match=r"does not fit on cpu:0, where 0\.0 GiB are free"):
        layer_map(lm, TWO, [1e3, 1e3], count)


def test_devices_are_named_or_refused_with_a_sentence(tmp_path, monkeypatch):
    for name, said in (
        ("split", "over several GPUs, and this machine has 0"),
        ("cpu,cpu", "names a device twice"),
        ("cuda:0,cuda:1", "no usable GPU"),
        ("gpu", "Use auto, cpu, cuda, cuda:N or split"),
    ):
        with pytest.raises(BadInput, match=said):
            pick_devices(name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert [d.index for d in pick_devices("split")] == [0, 1, 2]
    assert [d.index for d in pick_devices("cuda:0, cuda:2")] == [0, 2]
    with pytest.raises(BadInput, match="GPUs by their numbers"):
        pick_devices("cuda,cpu")
    with pytest.raises(BadInput, match="2 processes were started: start one"):
        Engine(tmp_path, "tiny", "split", CONFIG, processes=Processes(0, 2))
