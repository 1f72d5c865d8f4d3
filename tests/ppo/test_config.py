"""ppo/config.py: settings travel as JSON and unknown ones are named."""

import json
from dataclasses import fields, is_dataclass

import pytest

from ppo.config import Config
from rater_data.errors import BadInput


def test_there_and_back():
    assert Config.from_dict(json.loads(json.dumps(Config().to_dict()))) == Config()


def test_left_out_settings_take_their_default():
    assert Config.from_dict({"ppo": {"steps": 3}}).ppo.steps == 3
    assert Config.from_dict({"ppo": {"steps": 3}}).ppo.epochs == Config().ppo.epochs


@pytest.mark.parametrize("data", [{"pp": {}}, {"ppo": {"stepz": 1}}])
def test_unknown_settings_are_named(data):
    with pytest.raises(BadInput, match=r"is no setting. Known"):
        Config.from_dict(data)


def test_fewer_than_forty_fields():
    parts = [f.default_factory() for f in fields(Config) if f.name not in ("precision", "quantize", "seed")]
    assert all(is_dataclass(p) for p in parts)
    assert sum(len(fields(p)) for p in parts) + 3 < 40


def test_a_round_of_an_earlier_release_is_read():
    """Three settings that nobody changed are constants now; a round that was begun with them goes on."""
    assert Config.from_dict({"ppo": {"adam_eps": 1e-5, "max_grad_norm": 1.0, "value_coef": 0.5}}) == Config()


def test_formats_and_ranges_that_cannot_be_are_refused():
    with pytest.raises(BadInput, match="chat or plain"):
        Config().changed(["sample.prompt_format=prose"])
    with pytest.raises(BadInput, match="the first is the smaller one"):
        Config().changed(["sample.max_new_tokens_from=20", "sample.max_new_tokens=16"])
    assert Config().changed(["sample.system=Say = little."]).sample.system == "Say = little."


def test_settings_can_be_changed_from_text():
    changed = Config().changed(["ppo.kl_coef=0.02", "ppo.steps=3", "reward.depths=[0, 1]", "seed=7"])
    assert (changed.ppo.kl_coef, changed.ppo.steps, changed.reward.depths, changed.seed) == (
        0.02,
        3,
        (0, 1),
        7,
    )
    assert Config().changed([]) == Config()


IMPOSSIBLE = """
ppo ppo.steps ppo.stepz=3 steps=3 ppo=3 ppo.steps= ppo.steps=many ppo.steps=2.5 ppo.steps=true ppo.kl_coef="0.1"
ppo.steps.more=1 reward.depths=0.5 reward.depths=["a"] precision=1
"""


@pytest.mark.parametrize("change", ["", *IMPOSSIBLE.split()])
def test_a_change_that_cannot_be_is_one_sentence(change):
    with pytest.raises(BadInput):
        Config().changed([change])
