"""Responses of round 1 that are rated anew: the same ones, while their cards would say what is so."""

from dataclasses import replace

import pytest

from ppo.config import Config
from ppo.training.generate import anchor_responses
from rater_data.records import Prompt
from tests.rater_data.store_world import open_store, start_round, version

CONFIG = Config()


@pytest.mark.parametrize(
    ("changes", "anchors"),
    [
        ({}, 2),
        ({"temperature": 1.0, "max_new_tokens": 12}, 2),
        ({"system": "Be brief."}, 0),
        ({"prompt_format": "plain"}, 0),
    ],
)
def test_anchors_are_of_rounds_that_told_the_model_the_same(tmp_path, changes, anchors):
    store = open_store(tmp_path / "home")
    store.add_version(version(0, status="current"))
    store.add_prompts([Prompt.of("What is rain?", split="train")])
    start_round(store, 1, 3, sample=CONFIG.to_dict()["sample"])
    config = replace(CONFIG, sample=replace(CONFIG.sample, **changes))
    found = anchor_responses(store, config, 2, 30)
    assert [(r.slot, r.stratum, r.text) for r in found] == [
        (30 + i, "anchor", f"round 1, prompt 0, response {i}") for i in range(anchors)
    ]
    store.close()
