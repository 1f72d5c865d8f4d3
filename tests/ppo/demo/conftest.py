"""A classifier that is trained once for the tests of this room."""

from pathlib import Path

import pytest

from tests.ppo.demo.sentiment_classifier import FEW_WORDS, train


@pytest.fixture(scope="session")
def sentiment(tmp_path_factory) -> Path:
    """Its folder."""
    folder = tmp_path_factory.mktemp("sentiment")
    train(folder, FEW_WORDS, texts=1500)
    return folder
