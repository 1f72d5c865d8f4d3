"""What is exported for a trainer is loaded by that trainer: one step of TRL's own on the tiny model."""

from __future__ import annotations

import json

import datasets
import pytest
import torch
from transformers import LlamaForSequenceClassification
from trl import (
    DPOConfig,
    DPOTrainer,
    KTOConfig,
    KTOTrainer,
    RewardConfig,
    RewardTrainer,
    SFTConfig,
    SFTTrainer,
)

from ppo.model.loading.tiny_model import tiny_model
from rater_data.exporting.export import export
from rater_data.importing.import_files import import_ratings
from rater_data.store import Store
from rater_data.store.database import schema as t

pytestmark = pytest.mark.filterwarnings("ignore")  # of TRL and transformers, about each other

CHAT = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trainers")
    made = Store.open(folder / "home")
    rows = [
        {"prompt": f"Question {i}?", "response": f"Answer {j}.", "rating": 1 + 3 * j, "rater": "A"}
        for i in range(4)
        for j in range(4)
    ]
    (folder / "in.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    import_ratings(made, folder / "in.jsonl")
    with made.writing() as connection:
        edit = {"rater_id": 1, "given_at": 1.0, "active_ms": 1, "revision": 1, "is_current": True}
        rows = [edit | {"response_id": i, "key": f"key {i}", "text": f"Better {i}."} for i in range(1, 17, 4)]
        connection.execute(t.edits.insert(), rows)
    yield made
    made.close()


@pytest.fixture(scope="module")
def tiny():
    base = tiny_model(torch.device("cpu"))
    base.tokenizer.chat_template = base.tokenizer.chat_template or CHAT
    return base


def fresh():
    """The tiny model with weights that may move."""
    return tiny_model(torch.device("cpu")).lm.requires_grad_(True)


def settings(kind, folder, **more):
    return kind(
        output_dir=str(folder),
        max_steps=1,
        per_device_train_batch_size=2,
        report_to=[],
        use_cpu=True,
        bf16=False,
        fp16=False,
        gradient_checkpointing=False,
        disable_tqdm=True,
        save_strategy="no",
        dataloader_pin_memory=False,
        **more,
    )


def loaded(store, folder, file_type, **wish):
    """The train part of an export as a user of `datasets` gets it."""
    if file_type == "dataset":
        export(store, folder / "set", file_type=file_type, **wish)
        return datasets.load_dataset(str(folder / "set"), split="train", cache_dir=str(folder / "cache"))
    export(store, folder / f"out.{file_type}", file_type=file_type, **wish)
    kind = {"jsonl": "json"}.get(file_type, file_type)
    return datasets.load_dataset(
        kind, data_files=str(folder / f"out.{file_type}"), split="train", cache_dir=str(folder / "cache")
    )


def trains(trainer):
    before = {n: p.detach().clone() for n, p in trainer.model.named_parameters()}
    assert torch.isfinite(torch.tensor(trainer.train().training_loss))
    assert any(not torch.equal(p, before[n]) for n, p in trainer.model.named_parameters())


@pytest.mark.parametrize(
    ("file_type", "chat"), [("jsonl", False), ("parquet", True), ("dataset", True), ("dataset", False)]
)
def test_pairs_train_a_reward_model(store, tiny, tmp_path, file_type, chat):
    pairs = loaded(store, tmp_path, file_type, format="preference", conversational=chat)
    assert set(pairs["edited"]) == {True, False}
    model = LlamaForSequenceClassification(
        type(tiny.lm.config)(**tiny.lm.config.to_dict() | {"num_labels": 1})
    )
    model.config.pad_token_id = tiny.tokenizer.pad_token_id
    args = settings(RewardConfig, tmp_path, max_length=128)
    trains(RewardTrainer(model=model, args=args, train_dataset=pairs, processing_class=tiny.tokenizer))


@pytest.mark.parametrize(("file_type", "chat"), [("jsonl", False), ("dataset", True)])
def test_pairs_train_dpo(store, tiny, tmp_path, file_type, chat):
    pairs = loaded(store, tmp_path, file_type, format="preference", conversational=chat)
    args = settings(DPOConfig, tmp_path, max_length=128)
    model, base = (fresh() for _ in range(2))
    tokenizer = tiny.tokenizer
    trains(DPOTrainer(model, base, args=args, train_dataset=pairs, processing_class=tokenizer))


@pytest.mark.parametrize(("file_type", "chat"), [("jsonl", False), ("dataset", True)])
def test_labelled_texts_train_kto(store, tiny, tmp_path, file_type, chat):
    texts = loaded(store, tmp_path, file_type, format="unpaired", conversational=chat)
    assert set(texts["label"]) == {True, False}
    args = settings(KTOConfig, tmp_path, max_length=128)
    model, base = (fresh() for _ in range(2))
    tokenizer = tiny.tokenizer
    trains(KTOTrainer(model, base, args=args, train_dataset=texts, processing_class=tokenizer))


@pytest.mark.parametrize(("file_type", "chat"), [("parquet", False), ("dataset", True)])
def test_texts_train_sft(store, tiny, tmp_path, file_type, chat):
    texts = loaded(store, tmp_path, file_type, format="prompt-completion", conversational=chat, threshold=7)
    assert {score is None or score >= 7 for score in texts["score"]} == {True}
    assert [score is None for score in texts["score"]] == [one is not None for one in texts["replaces"]]
    assert any(texts["replaces"])
    args = settings(SFTConfig, tmp_path, max_length=128)
    model = fresh()
    trains(SFTTrainer(model=model, args=args, train_dataset=texts, processing_class=tiny.tokenizer))
