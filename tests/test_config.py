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
    parts = [f.default_factory() for f in fields(Config) if f.name not in ("precision", "seed")]
    assert all(is_dataclass(p) for p in parts)
    assert sum(len(fields(p)) for p in parts) + 2 < 40
