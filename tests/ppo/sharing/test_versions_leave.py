"""ppo/sharing/push.py and merge.py: an adapter that others load, with a true card; a plain model that says the same.

Both in one file: a version is trained for them once.
"""

import hashlib
import json
import re
from dataclasses import replace

import pytest
import torch
from huggingface_hub import ModelCard
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
from typer.testing import CliRunner

from ppo.cli.main import cli
from ppo.config import Config
from ppo.model.loading.tiny_model import tiny_model
from ppo.sharing import merge
from ppo.sharing.push import PushWish, push
from ppo.training.engine import Engine
from rater_data.artifacts.folders import FolderArtifacts
from rater_data.errors import BadInput, DiskFull, Missing, Refused
from rater_data.records import RESTORED
from rater_data.statistics.agreement import krippendorff_alpha
from rater_data.store.cards.ratings import insert_rating
from rater_data.store.rounds.versions import insert_version
from tests.ppo.sharing.test_hub import StandIn
from tests.rater_data.store_world import rating
from tests.rater_data.store_world import version as made_version

IDS = torch.tensor([[5, 6, 7, 8, 9]])


def send(store, target, api=None, **wish):
    return push(store, FolderArtifacts(store.home), str(target), PushWish(**wish), api)


def test_plain_peft_gives_the_policys_own_logits(home, store, tmp_path):
    out = tmp_path / "adapter"
    done = CliRunner().invoke(cli, ["push", "--version", "1", "--to", str(out), "--home", str(home)])
    assert done.exit_code == 0, done.output
    assert "Version 1, an adapter for tiny, is in" in done.output
    base = tiny_model(torch.device("cpu")).lm
    with torch.no_grad():
        plain = base(input_ids=IDS).logits
        loaded = PeftModel.from_pretrained(base, out)(input_ids=IDS).logits
    engine = Engine(home, "tiny", "cpu", Config(precision="fp32"))
    engine.load_version(store, 1)
    with torch.no_grad():
        policy = engine.policy.peft(input_ids=IDS).logits
    torch.testing.assert_close(loaded, policy, atol=1e-5, rtol=0)
    assert not torch.allclose(loaded, plain, atol=1e-3), "it did move"
    assert {f.name for f in out.iterdir()} == {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "rateloop.json",
    }


def test_the_card_says_what_the_store_says(store, tmp_path):
    send(store, tmp_path / "adapter")
    text = (tmp_path / "adapter" / "README.md").read_text("utf-8")
    head = ModelCard(text).data.to_dict()
    assert head["library_name"] == "peft" and "lora" in head["tags"]
    assert "base_model" not in head and "license" not in head, "nobody knows them here"
    sealed, version, gate = store.snapshot(1), store.version(1), store.round(1).gate
    alpha = krippendorff_alpha(sealed)
    for wanted in (
        "fitted to 48 ratings by 3 raters, sealed in round 1, on the scale `score_1_10`",
        f"| {alpha.mean:.2f} ({alpha.low:.2f} to {alpha.high:.2f}, n = {alpha.n}) |",
        f"| {gate['spearman']:.2f} ({gate['spearman_ci'][0]:.2f} to {gate['spearman_ci'][1]:.2f}) |",
        f"| {version.metrics['kl']:.2f} | {version.metrics['distinct_2']:.2f} |",
        "Temperature 0.7, all tokens (no top-k, no top-p, no penalty), at most 24 tokens",
        "Not measured yet: too few ratings compare this version with version 0 (the base)",
        "Whoever shared the adapter chose none of its own",
    ):
        assert wanted in text, wanted
    first = store.samples(1)[0]
    assert store.prompt(first.prompt_id).text in text
    assert not any(re.search(rf"\b{re.escape(u.name)}\b", text) for u in store.users()), "nobody is named"
    assert not any(u.pseudonym in text for u in store.users())
    assert str(store.home) not in text
    for file in ("adapter_config.json", "adapter_model.safetensors", "rateloop.json"):
        assert hashlib.sha256((tmp_path / "adapter" / file).read_bytes()).hexdigest() in text


def test_no_sample_is_shown_that_is_not_wanted(store, tmp_path):
    send(store, tmp_path / "adapter", samples=0, licence="mit", datasets=("me/ratings",))
    text = (tmp_path / "adapter" / "README.md").read_text("utf-8")
    assert not any(store.prompt(s.prompt_id).text in text for s in store.samples(1))
    head = ModelCard(text).data.to_dict()
    assert (head["license"], head["datasets"]) == ("mit", ["me/ratings"])
    assert "The adapter's is `mit`." in text


def test_a_version_that_people_compared_says_how_it_fared(store, tmp_path):
    """Round 2 was written by version 1, with a control arm of the base."""
    rater = store.users()[-1]
    with store.writing() as connection:
        for i, response in enumerate(store.responses(2)):
            score = 3 if response.stratum == "control" else 8
            insert_rating(connection, rating(response.id, rater.id, score + i % 2), 1.0)
    send(store, tmp_path / "adapter")
    text = (tmp_path / "adapter" / "README.md").read_text("utf-8")
    assert re.search(r"Yes\. Against version 0 \(the base\), .* round 2: \+[45]\.\d\d points, 95 %", text)


def test_a_damaged_version_goes_nowhere(home, store, tmp_path):
    hub = StandIn()
    weights = home / "versions" / "0001" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    for target, base in ((tmp_path / "adapter", None), ("me/adapter", "me/base")):
        with pytest.raises(BadInput, match="cut short or altered"):
            send(store, target, hub, version=1, base=base)
    assert not (tmp_path / "adapter").exists() and hub.calls == []


def test_onto_the_hub_by_the_name_that_others_know(store):
    hub = StandIn()
    with pytest.raises(BadInput, match=r"'tiny', is nothing that others can load from the hub: .* --base"):
        send(store, "me/adapter", hub)
    assert hub.calls == []
    done = send(store, "me/adapter", hub, base="someone/tiny")
    files = hub.repositories["me/adapter"]["files"]
    config = json.loads(files["adapter_config.json"])
    assert (config["base_model_name_or_path"], config["revision"]) == ("someone/tiny", None)
    assert ModelCard(files["README.md"].decode()).data.base_model == "someone/tiny"
    assert b"was not checked" in files["README.md"]
    assert b"AutoModelForCausalLM.from_pretrained(base), 'me/adapter')" in files["README.md"]
    assert hub.repositories["me/adapter"]["private"] and done.where.startswith("https://")


def test_what_cannot_be_sent_is_one_sentence(store, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("keep me")
    for target, wish, error, words in (
        (full, {}, BadInput, "no empty folder"),
        (tmp_path / "a", {"version": 0}, Refused, "is the base itself"),
        (tmp_path / "a", {"version": 9}, Missing, "no version 9"),
        ("adapter", {}, BadInput, "as in ./adapter"),
        ("me/a b", {"base": "me/b"}, BadInput, "no name on the hub"),
        (tmp_path / "a", {"public": True}, BadInput, "a folder has no public"),
        (tmp_path / "a", {"licence": "MIT License"}, BadInput, "no licence as the hub writes them"),
        (tmp_path / "a", {"datasets": ("x y/z",)}, BadInput, "no dataset of the hub"),
        (tmp_path / "a", {"base": "../x"}, BadInput, "no model of the hub"),
    ):
        with pytest.raises(error, match=words):
            send(store, target, StandIn(), **wish)
    assert [f.name for f in full.iterdir()] == ["mine.txt"] and not (tmp_path / "a").exists()


def test_a_name_that_is_a_folder_here_is_asked_about(store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "me" / "adapter").mkdir(parents=True)
    with pytest.raises(BadInput, match=r"say \./me/adapter for the folder"):
        send(store, "me/adapter", StandIn(), base="me/base")


def test_a_version_known_from_an_import_is_refused(store, tmp_path):
    with store.writing() as connection:
        insert_version(connection, replace(made_version(7, 1), metrics={RESTORED: True}))
    with pytest.raises(Refused, match="known from imported ratings alone"):
        send(store, tmp_path / "adapter", version=7)


def test_the_training_was_tracked_from_its_first_step_to_its_version(store, told):
    assert told[0][:2] == ("run", "round-0001") and told[-1] == ("finish",)
    logged = [(step, values) for kind, step, values in told[1:-1] if kind == "log"]
    for stored in store.steps(1):
        (values,) = (v for step, v in logged if step == stored["step"] and "score" in v)
        kept = {n: v for n, v in stored.items() if isinstance(v, float | int) and n != "step"}
        assert {name: value for name, value in values.items() if name in kept} == kept
    last = {name: value for _, values in logged for name, value in values.items()}
    assert last["version/kl"] == store.version(1).metrics["kl"] and last["version/number"] == 1
    assert last["gate/pearson"] == store.round(1).gate["pearson"]
    assert "Version 1 learned from" in last["decision"] and "answer:" in last["version/samples"]


# ---- merged


def logits(model):
    with torch.no_grad():
        return model(input_ids=IDS).logits


def test_the_merged_model_gives_the_same_logits(home, tmp_path):
    out = tmp_path / "plain"
    done = CliRunner().invoke(cli, ["merge", "--version", "1", "--out", str(out), "--home", str(home)])
    assert done.exit_code == 0, done.output
    assert "Version 1 of tiny" in done.output
    adapted = logits(
        PeftModel.from_pretrained(tiny_model(torch.device("cpu")).lm, home / "versions" / "0001")
    )
    merged = logits(AutoModelForCausalLM.from_pretrained(out))
    torch.testing.assert_close(merged, adapted, atol=1e-5, rtol=0)
    assert not torch.allclose(merged, logits(tiny_model(torch.device("cpu")).lm), atol=1e-3), "it did move"
    assert AutoTokenizer.from_pretrained(out).decode(IDS[0])
    lineage = json.loads((out / "rateloop.json").read_text())
    assert (lineage["version"], lineage["base_model"]) == (1, "tiny")
    assert not {p.suffix for p in out.iterdir()} & {".bin", ".pt", ".pkl"}


def test_the_current_version_by_default_and_the_base_too(store, home, tmp_path):
    assert merge.merge(store, home, None, tmp_path / "a").version == 1
    assert merge.merge(store, home, 0, tmp_path / "b").difference == 0
    base = logits(AutoModelForCausalLM.from_pretrained(tmp_path / "b"))
    assert torch.equal(base, logits(tiny_model(torch.device("cpu")).lm))


def test_what_cannot_be_merged_is_one_sentence(store, home, tmp_path):
    with pytest.raises(Missing, match="no version 9"):
        merge.merge(store, home, 9, tmp_path / "out")
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").write_text("keep me")
    with pytest.raises(BadInput, match="no empty folder"):
        merge.merge(store, home, 1, full)
    assert (full / "mine.txt").read_text() == "keep me"
    weights = home / "versions" / "0001" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(BadInput, match="cut short or altered"):
        merge.merge(store, home, 1, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_nothing(store, home, tmp_path, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(merge.Path, "rename", full)
    with pytest.raises(DiskFull, match="No space left"):
        merge.merge(store, home, 1, tmp_path / "out")
    assert not [p for p in tmp_path.iterdir() if p.name != "home"]
