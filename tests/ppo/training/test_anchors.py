"""Responses of round 1 that are rated anew: the same ones, while their cards would say what is so."""

from dataclasses import replace

import pytest

from ppo.config import Config
from ppo.training.generate import anchor_responses
from rater_data.records import Prompt
from tests.rater_data.store_world import make_world, open_store, publish, start_round, version

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


def planned(anchors):
    return replace(CONFIG, plan=replace(CONFIG.plan, anchors=anchors))


def test_anchors_are_of_different_prompts_and_of_one_twice_only_where_there_are_no_more(tmp_path):
    store = make_world(tmp_path / "home", prompts=3, k=2).store
    of_prompt = {r.text: r.prompt_id for r in store.responses(1)}
    first, second, third = (p.id for p in store.prompts())

    def prompts(anchors):
        return [of_prompt[r.text] for r in anchor_responses(store, planned(anchors), 2, 9)]

    assert prompts(2) == [first, second]
    assert prompts(4) == [first, second, third, first]
    assert len({r.text for r in anchor_responses(store, planned(6), 2, 9)}) == 6
    assert prompts(0) == []
    store.close()


def test_anchors_that_were_shown_before_go_on(tmp_path):
    """A home whose rounds were planned by an older release has two of its first prompt."""
    store = make_world(tmp_path / "home", prompts=3, k=2).store
    old = store.responses(1)[:2]
    publish(store)
    store.start_round({"quota": 2}, 1)
    store.add_responses([replace(r, id=None, round_number=2, stratum="anchor") for r in old])
    assert [r.text for r in anchor_responses(store, planned(2), 3, 9)] == [r.text for r in old]
    more = anchor_responses(store, planned(3), 3, 9)
    assert [r.text for r in more[:2]] == [r.text for r in old]
    assert more[2].prompt_id not in {r.prompt_id for r in old}, "what is added is of another prompt"
    store.close()


def test_where_raters_compare_there_are_none(tmp_path):
    """Drift is of scores: a pair of anchors would be rated for nothing."""
    store = make_world(tmp_path / "home").store
    assert anchor_responses(store, CONFIG, 2, 9, paired=True) == []
    assert anchor_responses(store, CONFIG, 2, 9)
    store.close()
