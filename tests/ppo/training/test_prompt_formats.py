"""Rounds on models whose chat template is particular, with a system prompt, and with texts that are continued."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ppo.config import Config, PlanConfig, SampleConfig
from ppo.model.loading.tiny_model import tiny_model
from ppo.training import set_aside, store_tensors
from ppo.training.engine import Engine
from ppo.training.worker import Worker, prepare_settings
from rater_data.records import Message, Prompt
from rater_data.round_settings import (
    EMBEDDED_MODEL,
    EMBEDDED_SYSTEM,
    ENGINE_REPORT,
    REFERENCE,
    ROUND_CONFIG,
    SET_ASIDE,
)
from rater_data.store import Store
from tests import fake_worker
from tests.ppo.model.test_chat_format import GEMMA, assistant, tokenizer_of

PARTICULAR = 3  # prompts of the home below that begin with the assistant
CONFIG = replace(
    Config(),
    precision="fp32",
    sample=SampleConfig(max_new_tokens=12),
    plan=PlanConfig(ratings=16),
    ppo=replace(Config().ppo, steps=1, prompts_per_step=8),
)


def opening(text: str, split: str) -> Prompt:
    return Prompt(messages=(Message(**assistant("Well?")), Message(role="user", content=text)), split=split)


@pytest.fixture(scope="module")
def gemma_like(tmp_path_factory) -> Path:
    """A tiny model whose template takes no system message and wants turns to alternate."""
    folder = tmp_path_factory.mktemp("model")
    lm = tiny_model(torch.device("cpu")).lm
    lm.resize_token_embeddings(270)
    lm.save_pretrained(folder)
    tokenizer_of(GEMMA).save_pretrained(folder)
    return folder


@pytest.fixture
def worker(gemma_like, tmp_path):
    store = Store.open(tmp_path)
    engine = Engine(tmp_path, str(gemma_like), "cpu", CONFIG)
    yield Worker(store, lambda: engine)
    store.close()


def generate(worker: Worker):
    worker.store.enqueue("generate", {})
    job = worker.run_one()
    assert job is not None
    return job


def test_a_prompt_that_cannot_be_written_is_set_aside_and_the_round_goes_on(worker):
    store = worker.store
    store.add_prompts([Prompt.of(f"Question {i}?", split="train") for i in range(6)])
    store.add_prompts([opening(f"And {i}?", "train") for i in range(PARTICULAR)])
    store.add_prompts([opening("Never trained on?", "holdout"), Prompt.of("Held out?", split="holdout")])
    job = generate(worker)
    assert job.state == "done", job.error
    kept = store.setting(SET_ASIDE)
    assert kept["round"] == 1
    texts = {p["text"] for p in kept["prompts"].values()}
    assert "Never trained on?" in texts and any(t.startswith("And ") for t in texts)
    assert all("must alternate" in p["why"] for p in kept["prompts"].values())
    assert "is set aside: The model's chat template cannot write this prompt" in job.log_tail
    written = store.responses(1)
    assert len(written) == 16 and not {str(r.prompt_id) for r in written} & kept["prompts"].keys()
    assert {p.text for p in store_tensors.holdout_prompts(store)} == {"Held out?"}
    assert store.setting(ENGINE_REPORT)["path"] == "fast"
    assert len(store.setting(ENGINE_REPORT)["notes"]) == 2, "what the template wants is said once"


def test_homes_old_and_new_write_as_long_as_they_should(tmp_path):
    store = Store.open(tmp_path)
    prepare_settings(store, "another")
    assert store.setting(ROUND_CONFIG) is None
    prepare_settings(store, EMBEDDED_MODEL)
    assert store.setting(ROUND_CONFIG) == {"sample": {"system": EMBEDDED_SYSTEM}}
    store.set_setting(ROUND_CONFIG, {"sample": {"system": ""}})
    prepare_settings(store, EMBEDDED_MODEL)
    assert store.setting(ROUND_CONFIG) == {"sample": {"system": ""}}, "somebody wanted none"
    store.set_setting(ROUND_CONFIG, {})
    store.add_version(fake_worker.version(0, None, "current"))
    store.start_round({"quota": 8, "sample": {"temperature": 0.7, "max_new_tokens": 40}}, 0)
    prepare_settings(store, EMBEDDED_MODEL)
    assert store.setting(ROUND_CONFIG) == {"sample": {"max_new_tokens": 40}}, "of an older release"
    store.close()


def test_where_nothing_can_be_written_the_reason_is_said(worker):
    worker.store.add_prompts([opening(f"And {i}?", "train") for i in range(PARTICULAR)])
    job = generate(worker)
    assert job.state == "failed"
    assert job.error == (
        "No training prompt is left: 3 were set aside. The first: The model's chat template cannot write this prompt: "
        "Conversation roles must alternate."
    )


def test_every_round_tries_them_anew(worker):
    store = worker.store
    store.set_setting(SET_ASIDE, {"round": 1, "prompts": {"7": {"text": "x", "why": "y"}}})
    set_aside.begin_round(store, 1)
    assert store.setting(SET_ASIDE)["prompts"], "a round that goes on keeps its own"
    set_aside.begin_round(store, 2)
    assert store.setting(SET_ASIDE) == {"round": 2, "prompts": {}}


def test_a_system_prompt_is_read_and_on_record_and_measures_follow_it(worker):
    store = worker.store
    store.add_prompts([Prompt.of(f"Question {i}?", split="train") for i in range(6)])
    store.set_setting(ROUND_CONFIG, {"sample": {"system": "Be brief."}})
    assert generate(worker).state == "done"
    decode = worker.engine.base.tokenizer.decode
    assert all("Be brief.\n\nQuestion" in decode(list(r.prompt_ids)) for r in store.responses(1))
    assert store.version(0).metrics["sample"]["system"] == "Be brief."
    first = store.setting(REFERENCE)
    assert first["sample"]["system"] == "Be brief." and {"kl", "distinct_2"} <= first["metrics"].keys()


def test_a_text_is_continued_within_a_range_of_lengths(tmp_path):
    sample = SampleConfig(max_new_tokens=9, max_new_tokens_from=2, prompt_format="plain")
    config = replace(CONFIG, sample=sample)
    store = Store.open(tmp_path)
    engine = Engine(tmp_path, "tiny", "cpu", config)
    store.add_prompts([Prompt.of(f"It was a dark night, number {i}, and", split="train") for i in range(8)])
    assert generate(Worker(store, lambda: engine)).state == "done"
    written = store.responses(1)
    lengths = [len(r.token_ids) for r in written]
    assert min(lengths) >= 1 and max(lengths) <= 9 and len(set(lengths)) > 3
    for response in written:
        prompt = engine.base.tokenizer.decode(list(response.prompt_ids))
        assert prompt.startswith("It was a dark night") and prompt.endswith(", and"), "nothing but the text"
        whole = engine.base.tokenizer.decode(
            [*response.prompt_ids, *engine.base._without_end(response.token_ids)]
        )
        assert (prompt + response.text).startswith(whole.rstrip())
    store.close()
