"""The engine and the door to the store at the edges: texts longer than the model reads, and what was made elsewhere."""

import math
from dataclasses import replace

import numpy as np
import pytest

from ppo.config import Config, SampleConfig
from ppo.model.rollout import rollout_of
from ppo.reward import reward_head
from ppo.reward.judgements import of_scores
from ppo.training import store_tensors
from ppo.training.engine import Engine
from rater_data.errors import BadInput
from rater_data.records import Message, Prompt, RatedResponse
from tests.rater_data.store_world import rating, response

LONG = "word " * 2000


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    config = replace(
        Config(), precision="fp32", sample=SampleConfig(max_new_tokens=8, max_prompt_tokens=5000)
    )
    return Engine(tmp_path_factory.mktemp("home"), "tiny", "cpu", config)


def prompt(text):
    return Prompt(id=1, messages=(Message(role="user", content=text),), tags=(), split="train")


def test_a_prompt_longer_than_the_context_loses_its_beginning(engine):
    rollout, texts = engine.rollout([prompt(LONG + "the end")], 2, engine.config, seed=0)
    assert rollout.prompt_ids.shape[1] == engine.base.context - 8
    kept = engine.base.decode(rollout.prompt_ids[0].tolist())
    assert "the end" in kept
    assert len(texts) == 2


def test_responses_that_cannot_fit_are_one_sentence(engine):
    config = replace(engine.config, sample=SampleConfig(max_new_tokens=engine.base.context))
    with pytest.raises(BadInput, match=r"Make sample.max_new_tokens smaller"):
        engine.rollout([prompt("Hello")], 1, config, seed=0)


def test_an_imported_response_longer_than_the_context_is_cut(engine):
    imported = response(1, 0, text=LONG, prompt_ids=(), token_ids=(), logprobs=(), stratum="imported")
    rated = RatedResponse(response=imported, prompt=prompt(LONG), rating=rating(1, 1))
    ids, said = store_tensors.token_ids(engine.base, rated, engine.config.sample)
    assert len(ids) + len(said) == engine.base.context
    assert len(said) >= engine.base.context // 2


def test_a_single_rating_gives_a_head_that_says_one_thing():
    x = np.random.default_rng(0).normal(size=(1, 12))
    head = reward_head.fit(x, of_scores(np.array([7.0]), (1, 10)), np.array([1]), np.array([True])).head
    new = np.random.default_rng(1).normal(size=(5, 12))
    assert np.isfinite(head.score(new)).all()
    assert head.rating(new) == pytest.approx(7.0)


def test_the_references_logprob_is_read_with_the_adapter_off(engine):
    prompts = [prompt("Hello?")] * 2
    own = engine.write_responses(prompts, engine.config, seed=1)
    assert [w.ref_logprob for w in own] == [math.fsum(w.logprobs) for w in own]
    start = engine.policy.adapter_state()
    engine.policy.load_adapter_state({n: t + 0.3 for n, t in start.items()})
    engine.loaded_version = 1
    moved = engine.write_responses(prompts, engine.config, seed=1)
    engine.policy.load_adapter_state(start)
    engine.loaded_version = 0
    ids = [w.prompt_ids for w in moved], [w.token_ids for w in moved]
    again = rollout_of(*ids, [w.ended for w in moved], [0, 0], engine.base.pad_id, engine.policy.device)
    read = engine._logprobs(again, engine.config).sum(1).tolist()
    assert [w.ref_logprob for w in moved] == pytest.approx(read, abs=1e-4)
    assert all(abs(w.ref_logprob - sum(w.logprobs)) > 0.1 for w in moved)
