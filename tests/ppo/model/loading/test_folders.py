"""ppo/model/loading/folders.py: what the hub gives, read from a cache as it lies on the disk after a download."""

import shutil

import huggingface_hub.constants
import pytest

from ppo.model.loading import folders
from ppo.model.loading.base_models import load_base
from rater_data.errors import BadInput, Missing

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path, made, monkeypatch):
    """A hub cache that holds one model, and no network."""
    snapshot = tmp_path / "models--somebody--small" / "snapshots" / COMMIT
    shutil.copytree(made("llama"), snapshot)
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text(COMMIT)
    fetch = folders.snapshot_download
    monkeypatch.setattr(
        folders, "snapshot_download", lambda name, **more: fetch(name, cache_dir=tmp_path, **more)
    )
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return snapshot


def test_a_model_of_the_hub_keeps_its_name_and_its_commit(cache, tmp_path):
    base = load_base("somebody/small", tmp_path, "cpu")
    assert (base.name, base.revision) == ("somebody/small", COMMIT)


def test_a_damaged_download_is_told_like_any_other(cache, tmp_path):
    (cache / "model.safetensors").write_bytes(b"")
    with pytest.raises(BadInput, match=r"^Model 'somebody/small': model\.safetensors is empty"):
        load_base("somebody/small", tmp_path, "cpu")


@pytest.mark.parametrize("name", ["somebody/other", "no-such-model"])
def test_a_name_that_leads_nowhere(cache, tmp_path, name):
    with pytest.raises(Missing, match=r"was not found: no such folder, and no such model on the hub"):
        load_base(name, tmp_path, "cpu")


@pytest.mark.parametrize("name", ["/no/such/folder", "a b", "x/y/z", "~/nowhere/at/all"])
def test_what_cannot_be_a_name_of_the_hub_is_not_asked_for(tmp_path, name, monkeypatch):
    monkeypatch.setattr(folders, "snapshot_download", lambda *_, **__: pytest.fail("asked the hub"))
    with pytest.raises(Missing, match=r"was not found: there is no such folder\."):
        load_base(name, tmp_path, "cpu")
