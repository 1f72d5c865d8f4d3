"""ppo/training/checkpoint.py: there and back bit for bit, hashes, damage, PEFT."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from peft import PeftModel

from ppo.algorithm.experience import build_experience, evaluate_rollout
from ppo.algorithm.ppo_update import TrainState, ppo_update
from ppo.config import Config, LoraSettings, PPOConfig
from ppo.model.loading.tiny_model import tiny_model
from ppo.model.policy import Policy
from ppo.model.rollout import rollout_of
from ppo.reward.judgements import of_scores
from ppo.reward.reward_head import fit
from ppo.training import checkpoint
from ppo.training.checkpoint import RoundCheckpoints
from rater_data.artifacts.folders import FolderArtifacts
from rater_data.checksums import check_folder
from rater_data.errors import BadInput, DiskFull, Missing

CPU = torch.device("cpu")
CONFIG = Config(lora=LoraSettings(r=4, alpha=8), ppo=replace(PPOConfig(), minibatch=2, kl_target=3.0))


def begin():
    return TrainState.begin(Policy(tiny_model(CPU), CONFIG.lora, "fp32", seed=0), CONFIG.ppo, 1)


def step(state):
    draw = torch.Generator().manual_seed(state.step)
    responses = [torch.randint(0, 250, (5,), generator=draw).tolist() for _ in range(4)]
    rollout = rollout_of([[5, 6, 7]] * 4, responses, [False] * 4, [0, 0, 1, 1], 0, CPU)
    evaluated = evaluate_rollout(state.policy, rollout, (), CONFIG)
    experience = build_experience(evaluated, torch.randn(4, generator=draw), state.kl.coef, 0.95)
    ppo_update(state, experience, CONFIG, 2, seed=state.step)
    state.kl.update(9.0, 4)
    state.step += 1


def everything(state):
    heads = state.policy.value_head.state_dict()
    moments = state.optimizer.state_dict()["state"]
    flat = {f"{i}.{k}": v for i, entry in moments.items() for k, v in entry.items()}
    return {**state.policy.adapter_state(), **{k: v.clone() for k, v in heads.items()}, **flat}


def head():
    x = np.random.default_rng(0).normal(size=(20, 10))
    scores = of_scores(np.clip(5 + x[:, 0], 1, 10), (1, 10))
    return fit(x, scores, np.arange(20) // 2, np.ones(20, dtype=bool)).head


def test_n_plus_m_steps_are_n_a_new_process_and_m(tmp_path):
    whole = begin()
    for _ in range(4):
        step(whole)
    half = begin()
    for _ in range(2):
        step(half)
    half.doubt = np.linspace(0, 1 / 3, 10)
    checkpoint.save(half, FolderArtifacts(tmp_path), "step-0002", CONFIG, head(), resumable=True)
    resumed = begin()
    checkpoint.load_state(resumed, tmp_path / "step-0002")
    assert resumed.step == 2
    np.testing.assert_array_equal(resumed.doubt, half.doubt)
    for _ in range(2):
        step(resumed)
    one, other = everything(whole), everything(resumed)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[k], other[k]) for k in one), "bit for bit"
    assert whole.kl.coef == resumed.kl.coef


def test_a_forgotten_optimizer_would_be_seen(tmp_path):
    whole, half = begin(), begin()
    for _ in range(2):
        step(whole)
    step(half)
    checkpoint.save(half, FolderArtifacts(tmp_path), "s", CONFIG, None, resumable=True)
    wrong = begin()
    checkpoint.load_policy(wrong.policy, tmp_path / "s")
    wrong.step, wrong.kl.coef = 1, half.kl.coef
    step(wrong)
    assert any(not torch.equal(v, everything(wrong)[k]) for k, v in whole.policy.adapter_state().items())


def test_the_adapter_loads_with_plain_peft(tmp_path):
    state = begin()
    step(state)
    checkpoint.save(state, FolderArtifacts(tmp_path), "v", CONFIG, None, resumable=False)
    plain = PeftModel.from_pretrained(tiny_model(CPU).lm, tmp_path / "v")
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        torch.testing.assert_close(plain(input_ids=ids).logits, state.policy.peft(input_ids=ids).logits)


def test_the_reward_head_is_kept_beside_its_version(tmp_path):
    checkpoint.save(begin(), FolderArtifacts(tmp_path), "v", CONFIG, head(), resumable=False)
    x = np.random.default_rng(1).normal(size=(3, 10))
    np.testing.assert_array_equal(checkpoint.load_head(tmp_path / "v").score(x), head().score(x))


@pytest.mark.parametrize(
    "name", ["adapter_model.safetensors", "heads.safetensors", "state.json", "manifest.json"]
)
@pytest.mark.parametrize("harm", ["cut", "alter", "remove"])
def test_damage_is_named(tmp_path, name, harm):
    digest = checkpoint.save(begin(), FolderArtifacts(tmp_path), "v", CONFIG, None, resumable=False)
    file = tmp_path / "v" / name
    data = file.read_bytes()
    if harm == "cut":
        file.write_bytes(data[: len(data) // 2])
    elif harm == "alter":
        file.write_bytes(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:])
    else:
        file.unlink()
    with pytest.raises((BadInput, Missing), match="checkpoint v"):
        check_folder(tmp_path / "v", digest)


def test_another_adapter_in_its_place_is_not_the_published_one(tmp_path):
    state = begin()
    digest = checkpoint.save(state, FolderArtifacts(tmp_path), "v", CONFIG, None, resumable=False)
    step(state)
    checkpoint.save(state, FolderArtifacts(tmp_path), "v", CONFIG, None, resumable=False)
    check_folder(tmp_path / "v")
    with pytest.raises(BadInput, match="not the one that was published"):
        check_folder(tmp_path / "v", digest)


def test_a_damaged_step_is_named_and_the_one_before_it_used(tmp_path):
    state, said, steps = begin(), [], RoundCheckpoints(FolderArtifacts(tmp_path), 1, "ab")
    for _ in range(3):
        step(state)
        steps.save(state, CONFIG, head())
    folder = tmp_path / "rounds" / "0001"
    assert sorted(p.name for p in folder.iterdir()) == ["seal", "step-0002", "step-0003"]
    weights = folder / "step-0003" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert steps.latest(said.append) == ("step-0002", folder / "step-0002")
    assert "step-0003" in said[0]
    # what a process leaves that is killed while it replaces a step
    (folder / "step-0002").rename(folder / "step-0002.old-0123abcd")
    assert steps.latest(said.append) is None


def test_steps_that_another_kind_of_head_rewarded_are_not_gone_on_from(tmp_path, monkeypatch):
    state, said, steps = begin(), [], RoundCheckpoints(FolderArtifacts(tmp_path), 1, "ab")
    with monkeypatch.context() as earlier:
        earlier.setattr(checkpoint, "HEAD_FORM", 1)
        steps.save(state, CONFIG, head())
        assert steps.latest(said.append) is not None
    assert steps.latest(said.append) is None
    assert "begins anew" in said[0]


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    state = begin()
    digest = checkpoint.save(state, FolderArtifacts(tmp_path), "v", CONFIG, None, resumable=False)

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(DiskFull, match="could not be written"):
        checkpoint.save(state, FolderArtifacts(tmp_path), "v", CONFIG, None, resumable=False)
    check_folder(tmp_path / "v", digest)
    assert [p.name for p in tmp_path.iterdir()] == ["v"], "nothing half-written is left"


def test_no_pickle_in_a_checkpoint(tmp_path):
    checkpoint.save(begin(), FolderArtifacts(tmp_path), "v", CONFIG, head(), resumable=True)
    assert {p.suffix for p in (tmp_path / "v").iterdir()} <= {".safetensors", ".json"}
    assert set(json.loads((tmp_path / "v" / "manifest.json").read_text())) == {
        p.name for p in (tmp_path / "v").iterdir()
    } - {"manifest.json"}


def test_checkpoints_of_other_ratings_are_dropped(tmp_path):
    """Also: a training that an earlier release began goes on, whose seal lay in the same place."""
    folder = tmp_path / "rounds" / "0001"
    (folder / "step-0001").mkdir(parents=True)
    (folder / "seal").write_text("ab", "ascii")
    RoundCheckpoints(FolderArtifacts(tmp_path), 1, "ab")
    assert (folder / "step-0001").is_dir()
    RoundCheckpoints(FolderArtifacts(tmp_path), 1, "cd")
    assert [path.name for path in folder.iterdir()] == ["seal"]
    assert (folder / "seal").read_text() == "cd"
    checkpoint.remove_steps(FolderArtifacts(tmp_path), 1)
    assert not folder.exists()
