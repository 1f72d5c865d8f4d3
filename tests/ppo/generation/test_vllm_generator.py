"""Writing by a server of vLLM: adapters by name, agreement with the trainer, and what a server can do wrong."""

import os
import time
from dataclasses import replace

import httpx
import pytest
import torch

from ppo.algorithm.maths import importance_weights
from ppo.config import LoraSettings, SampleConfig
from ppo.generation import agreement, vllm_generator
from ppo.generation.agreement import check_agreement
from ppo.generation.vllm_generator import VllmGenerator
from ppo.generation.vllm_server import GeneratorAway, VllmServer
from ppo.model.loading.tiny_model import tiny_model
from ppo.model.policy import Policy
from ppo.model.rollout import rollout_of
from rater_data.errors import BadInput
from tests.ppo.generation.stand_in import BASE, NOISE, OTHER_ADAPTER, RAW, UNADAPTED, StandIn

SAMPLE = SampleConfig(max_new_tokens=12)
PROMPTS = [[10, 20, 30], [40, 50], [60, 61, 62, 63]]
LOAD, UNLOAD, COMPLETE = "/v1/load_lora_adapter", "/v1/unload_lora_adapter", "/v1/completions"


@pytest.fixture(scope="module")
def policy():
    return Policy(tiny_model(torch.device("cpu")), LoraSettings(), "fp32", 0)


@pytest.fixture(autouse=True)
def fresh(policy):
    kept = policy.adapter_state()
    yield
    policy.load_adapter_state(kept)


def generator(policy, folder, server=None, **ways):
    """A generator on a stand-in (a new one, that goes wrong in these ways), and the stand-in."""
    server = server or StandIn(**ways)
    asked = VllmServer("http://gpu:8000", server.key, (0, 0), httpx.ASGITransport(server.app))
    return VllmGenerator(asked, asked.model(), policy, folder), server


def adapt(policy, size):
    """Gives the policy another adapter for each size."""
    draw = torch.Generator().manual_seed(1)
    policy.load_adapter_state(
        {n: t + size * torch.randn(t.shape, generator=draw) for n, t in policy.adapter_state().items()}
    )


def rollout_from(policy, drawn, prompts=PROMPTS):
    rows = [(i, one) for i, group in enumerate(drawn) for one in group]
    return rollout_of(
        [prompts[i] for i, _ in rows],
        [one.token_ids for _, one in rows],
        [one.ended for _, one in rows],
        [i for i, _ in rows],
        policy.base.pad_id,
        policy.device,
        [one.logprobs for _, one in rows],
    )


def agreed(policy, written, sample=SAMPLE, seed=3):
    """The measures of a few responses, as the trainer takes them."""
    rollout = rollout_from(policy, written.draw(PROMPTS, 4, sample, seed))
    with torch.no_grad():
        logprobs = policy.forward(rollout, sample.temperature).logprobs
    return check_agreement(policy, rollout, logprobs, sample.temperature), rollout, logprobs


@pytest.mark.parametrize("size", [0.0, 0.1])
def test_the_same_weights_give_the_same_logprobs_and_weights_of_1(policy, tmp_path, size):
    if size:
        adapt(policy, size)
    measures, rollout, logprobs = agreed(policy, generator(policy, tmp_path)[0])
    assert measures["generator_gap"] < 1e-5  # fp32: two orders of the same sums
    assert measures["generator_clipped"] == 0
    assert measures["generator_effective"] == pytest.approx(1, abs=1e-6)
    weights = importance_weights(logprobs, rollout.generator_logprobs, rollout.response_mask)
    assert weights == pytest.approx(1, abs=1e-4)


def test_a_seed_gives_the_same_responses_and_another_seed_others(policy, tmp_path):
    written, server = generator(policy, tmp_path)
    first, again, other = (written.draw(PROMPTS, 2, SAMPLE, seed) for seed in (1, 1, 2))
    assert first == again != other
    seeds = [body["seed"] for body in server.asked(COMPLETE)[:6]]
    assert len(set(seeds)) == 6, "each response has a seed of its own"
    assert [len(group) for group in first] == [2, 2, 2]


def test_each_response_draws_its_own_limit(policy, tmp_path):
    ranged = replace(SAMPLE, max_new_tokens_from=3)
    written, server = generator(policy, tmp_path)
    drawn = [one for group in written.draw(PROMPTS, 4, ranged, 5) for one in group]
    limits = [body["max_tokens"] for body in server.asked(COMPLETE)]
    assert len(set(limits)) > 3
    assert all(one.ended or len(one.token_ids) == limit for one, limit in zip(drawn, limits, strict=True))


def test_the_base_needs_no_adapter(policy, tmp_path):
    written, server = generator(policy, tmp_path)
    written.draw(PROMPTS, 1, SAMPLE, 0)
    assert {body["model"] for body in server.asked(COMPLETE)} == {BASE}
    assert server.asked(LOAD) == []


def test_versions_in_turn_are_loaded_once_and_the_oldest_goes(policy, tmp_path):
    written, server = generator(policy, tmp_path)
    start = policy.adapter_state()

    def draw(size):
        policy.load_adapter_state(start)
        adapt(policy, size)
        written.draw(PROMPTS[:1], 1, SAMPLE, 0)
        return server.asked(COMPLETE)[-1]["model"]

    version, control = draw(0.1), draw(0.2)
    assert [draw(0.1), draw(0.2), draw(0.1)] == [version, control, version]
    assert len(server.asked(LOAD)) == 2, "a control arm costs no second loading"
    steps = [draw(0.3), draw(0.4)]
    assert len({version, control, *steps}) == 4, "a step of PPO has a name of its own"
    assert [body["lora_name"] for body in server.asked(UNLOAD)] == [control]
    assert set(server.adapters) == {version, *steps}
    assert {f.name for f in tmp_path.iterdir()} == {version, *steps}, "its folder goes with it"


def test_a_server_that_was_started_anew_gets_its_adapter_again(policy, tmp_path):
    written, server = generator(policy, tmp_path)
    adapt(policy, 0.1)
    first = written.draw(PROMPTS, 1, SAMPLE, 0)
    server.restart()
    assert written.draw(PROMPTS, 1, SAMPLE, 0) == first
    assert len(server.asked(LOAD)) == 2


def test_another_trainers_leftovers_are_taken_over(policy, tmp_path):
    adapt(policy, 0.1)
    _, server = generator(policy, tmp_path / "a")
    drawn = [generator(policy, tmp_path / name, server)[0].draw(PROMPTS, 1, SAMPLE, 0) for name in "ab"]
    assert drawn[0] == drawn[1]
    assert server.asked(LOAD)[-1]["lora_path"] == str(tmp_path / "b" / server.asked(COMPLETE)[-1]["model"])


def test_old_folders_are_cleared_and_lost_ones_written_anew(policy, tmp_path):
    old = tmp_path / "rateloop-left-by-a-killed-one"
    old.mkdir()
    os.utime(old, (time.time() - 2 * vllm_generator.OLD_S,) * 2)
    written, server = generator(policy, tmp_path)
    assert not old.exists()
    adapt(policy, 0.1)
    written.draw(PROMPTS, 1, SAMPLE, 0)
    (folder,) = tmp_path.iterdir()
    folder.rename(tmp_path / "moved")
    written.draw(PROMPTS, 1, SAMPLE, 0)
    assert (folder / "adapter_model.safetensors").is_file()
    assert len(server.asked(LOAD)) == 1


def test_the_probe_says_what_was_found_and_leaves_the_policy(policy, tmp_path):
    adapt(policy, 0.1)
    before = policy.adapter_state()
    written, server = generator(policy, tmp_path)
    says = written.probe()
    assert "http://gpu:8000 (tiny-base)" in says and "with an adapter." in says
    assert len(server.asked(LOAD)) == 1, "an adapter was tried, too"
    assert all(torch.equal(before[name], now) for name, now in policy.adapter_state().items())


@pytest.mark.parametrize(
    ("ways", "words"),
    [
        ({"ways": (RAW,)}, "from before the temperature; start it with --logprobs-mode processed_logprobs"),
        ({"ways": (UNADAPTED,)}, "answers with the base model where the adapter was asked for"),
        ({"ways": (OTHER_ADAPTER,)}, "agreed on the base model, so it answers with another adapter"),
        ({"seed": 1}, "serves another base model"),
        ({"ways": (NOISE,), "noise": 1.0}, "serves another base model, or this one quantised"),
        ({"runtime_loading": False}, "VLLM_ALLOW_RUNTIME_LORA_UPDATING=1"),
        ({"lora": False}, "--enable-lora"),
        ({"max_rank": 8}, "--max-lora-rank 16"),
        ({"max_model_len": 40}, "--max-model-len 46"),
    ],
)
def test_the_probe_tells_causes_apart(policy, tmp_path, ways, words):
    with pytest.raises(BadInput, match=words):
        generator(policy, tmp_path, **ways)[0].probe()
    assert agreement.adapter_is_zero(policy), "the policy is as it was"


def test_an_adapter_that_changes_little_is_missed_all_the_same(policy, tmp_path, monkeypatch):
    monkeypatch.setattr(vllm_generator, "PROBE_SIZE", 0.002)
    with pytest.raises(BadInput, match=r"are 0\.0\d+ nats .* answers with the base model"):
        generator(policy, tmp_path, ways=(UNADAPTED,))[0].probe()


def test_another_model_is_named(policy, tmp_path):
    written, _ = generator(policy, tmp_path, seed=1)
    written.served = replace(written.served, root="/models/other")
    with pytest.raises(BadInput, match=r"another base model.*\(it serves /models/other, here is tiny\)\.$"):
        written.probe()


@pytest.mark.parametrize(
    ("ways", "words"),
    [
        ((RAW, UNADAPTED), "and with log-probabilities from before the temperature"),
        ((RAW,), "processed_logprobs"),
    ],
)
def test_a_server_that_goes_wrong_later_is_refused_with_the_cause(policy, tmp_path, ways, words):
    written, server = generator(policy, tmp_path)
    adapt(policy, 0.1)
    assert agreed(policy, written)[0]["generator_gap"] < 1e-5
    server.ways = ways
    with pytest.raises(BadInput, match=words):
        agreed(policy, written, replace(SAMPLE, temperature=0.5))


def test_what_is_a_little_off_is_weighed_and_not_refused(policy, tmp_path):
    written, _ = generator(policy, tmp_path, ways=(NOISE,), noise=0.2)
    measures, *_ = agreed(policy, written)
    assert 0.1 < measures["generator_gap"] < agreement.REFUSED
    assert 0.9 < measures["generator_effective"] < 0.999


def test_one_that_dies_is_one_sentence_and_goes_on_when_it_is_back(policy, tmp_path):
    written, server = generator(policy, tmp_path, dies_after=2)
    with pytest.raises(GeneratorAway, match="EngineCore encountered an issue"):
        written.draw(PROMPTS, 1, SAMPLE, 0)
    server.dies_after = None
    assert len(written.draw(PROMPTS, 1, SAMPLE, 0)) == 3


def test_its_key_opens_it(policy, tmp_path):
    written, _ = generator(policy, tmp_path, key="open sesame")
    assert len(written.draw(PROMPTS, 1, SAMPLE, 0)) == 3


def test_the_stand_in_samples_as_the_trainer_does():
    # An oracle that drew from something else would make every test above worth nothing
    server = StandIn()
    row = {"prompt": [10, 20], "temperature": 0.7, "max_tokens": 1, "stop_token_ids": []}
    drawn = server.write(server.lm, [row | {"seed": s} for s in range(500)])
    with torch.no_grad():
        logits = server.lm(input_ids=torch.tensor([[10, 20]])).logits[0, -1]
    wanted = torch.log_softmax(logits / 0.7, -1)
    found = wanted[[c["token_ids"][0] for c in drawn]]
    error = 4 * float(found.std()) / 500**0.5
    assert float(found.mean()) == pytest.approx(float((wanted.exp() * wanted).sum()), abs=error)
    assert float((torch.softmax(logits, -1) * wanted).sum()) < float(found.mean()) - error, (
        "temperature 1 is seen"
    )
