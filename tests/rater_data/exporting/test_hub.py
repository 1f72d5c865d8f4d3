"""The push of a dataset onto the hub."""

import datasets
import pytest

from rater_data.errors import Refused
from rater_data.exporting import hub
from tests.rater_data.exporting.helpers import run_export


def test_push_is_datasets_own_and_private(rated, tmp_path, monkeypatch):
    pushed, sent = [], []
    monkeypatch.setattr(
        datasets.DatasetDict,
        "push_to_hub",
        lambda self, name, **more: pushed.append((name, more, {k: len(v) for k, v in self.items()})),
    )
    monkeypatch.setattr("huggingface_hub.upload_file", lambda **more: sent.append(more))
    done = run_export(tmp_path, "--as", "dataset", "--out", tmp_path / "set", "--push-to-hub", "me/ratings")
    assert done.exit_code == 0, done.stderr
    assert "Sent to me/ratings, private." in done.stdout
    ((name, more, counts),) = pushed
    assert (name, more, sum(counts.values())) == ("me/ratings", {"private": True}, 8)
    assert (tmp_path / "set" / "README.md").read_bytes().startswith(sent[0]["path_or_fileobj"])
    assert (sent[0]["repo_id"], sent[0]["repo_type"]) == ("me/ratings", "dataset")
    hub.push(tmp_path / "set", "me/ratings", public=True)
    assert pushed[1][1] == {"private": False}


def test_a_hub_that_says_no_is_a_sentence_and_the_folder_stays(rated, tmp_path, monkeypatch):
    def no(self, name, **more):
        raise ValueError("Token is required\nand more")

    monkeypatch.setattr(datasets.DatasetDict, "push_to_hub", no)
    done = run_export(tmp_path, "--as", "dataset", "--out", tmp_path / "set", "--push-to-hub", "me/ratings")
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert "did not take it as me/ratings: Token is required." in done.stderr
    assert (tmp_path / "set" / "README.md").exists()
    with pytest.raises(Refused):
        hub.push(tmp_path / "set", "me/ratings")


def test_push_is_checked_before_anything_is_written(rated, tmp_path):
    done = run_export(tmp_path, "--as", "jsonl", "--out", tmp_path / "a.jsonl", "--push-to-hub", "me/x")
    assert (done.exit_code, "Only a dataset" in done.stderr) == (1, True)
    done = run_export(tmp_path, "--as", "dataset", "--out", tmp_path / "set", "--push-to-hub", "../../x y")
    assert (done.exit_code, "no name of a dataset" in done.stderr) == (1, True)
    assert not (tmp_path / "set").exists()
