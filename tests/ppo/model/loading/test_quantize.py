"""ppo/model/loading/quantize.py: a base in 4 bits trains with its adapter beside it, or a sentence says what lacks."""

import os
import subprocess
import sys

import pytest

from ppo.config import Config
from ppo.model.loading import quantize
from ppo.model.loading.base_models import load_base
from rater_data.errors import BadInput
from tests.paths import ROOT

EXTRAS = (
    ROOT / ".venv" / "extras"
)  # `make check` puts bitsandbytes there: PEFT imports it wherever it finds it


def test_without_bitsandbytes_one_sentence_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(quantize.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(
        BadInput, match=r"needs bitsandbytes, which is not installed: .*requirements-4bit\.txt"
    ):
        load_base("tiny", tmp_path, "cpu", "bf16", "4bit")


def test_another_word_is_refused():
    with pytest.raises(BadInput, match="--quantize is 4bit or left out, not '8bit'"):
        Config(quantize="8bit")


@pytest.mark.skipif(not EXTRAS.is_dir(), reason="bitsandbytes is not there; `make check` fetches it")
def test_a_base_in_4_bits():
    file = ROOT / "tests/ppo/model/loading/four_bit_checks.py"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", str(file)]
    environment = os.environ | {"PYTHONPATH": str(EXTRAS), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)
    assert "9 passed" in done.stdout, done.stdout + done.stderr
