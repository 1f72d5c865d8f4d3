"""ppo/model/loading/tokenizer.py: a tokenizer that belongs to its model, or a sentence."""

import importlib.util
import json

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer

from ppo.config import SampleConfig
from ppo.model.loading.base_models import load_base
from ppo.model.loading.tiny_model import byte_tokenizer
from rater_data.errors import BadInput
from tests.ppo.model.loading.conftest import ROWS, assert_one_sentence, save_model


def loaded(folder):
    return load_base(str(folder), folder, "cpu")


def only(**files):
    """Takes all files of the tokenizer away and puts these in their place."""

    def damage(folder):
        for file in folder.glob("tokenizer*"):
            file.unlink()
        for name, content in files.items():
            (folder / name.replace("__", ".")).write_text(content)

    return damage


def write(**files):
    def damage(folder):
        for name, content in files.items():
            (folder / name.replace("__", ".")).write_text(content)

    return damage


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
SENTENCEPIECE = "\n\x0e\n\x05<unk>\x15\0\0\0\0\x18\x02"
SPLITTER = {"type": "WordLevel", "vocab": {"[UNK]": 0, "heron": 1}, "unk_token": "[UNK]"}
FAULTS = [
    ("none", only(), r"has no tokenizer; bring the tokenizer\.json that belongs to it"),
    ("settings alone", only(tokenizer_config__json="{}"), r"has no tokenizer; bring"),
    (
        "cut off",
        write(tokenizer__json='{"version": "1.0", "added'),
        r"tokenizer\.json cannot be read \(JSONDecodeErr",
    ),
    ("empty", write(tokenizer__json=""), r"tokenizer\.json cannot be read"),
    ("a list", write(tokenizer__json="[]"), r"tokenizer\.json holds a list"),
    (
        "a pointer",
        write(tokenizer__json=POINTER),
        r"tokenizer\.json is a git-lfs pointer, .* run `git lfs pull`",
    ),
    ("JSON of something else", write(tokenizer__json='{"a": 1}'), r"its tokenizer cannot be loaded \("),
    ("settings cut off", write(tokenizer_config__json="{"), r"tokenizer_config\.json cannot be read"),
    ("settings of a list", write(tokenizer_config__json="[]"), r"tokenizer_config\.json holds a list"),
    (
        "sentencepiece",
        only(tokenizer__model=SENTENCEPIECE),
        r"in tokenizer\.model alone, which takes the package sent",
    ),
    (
        "spiece",
        only(spiece__model=SENTENCEPIECE),
        r"in spiece\.model alone, which takes the package sentencepiece",
    ),
    (
        "tiktoken",
        only(tokenizer__model="aGVsbG8= 0\n"),
        r"in tokenizer\.model alone, which takes the package tiktoken",
    ),
    (
        "of Qwen",
        only(qwen__tiktoken="IQ== 0\n"),
        r"in qwen\.tiktoken alone, which takes the package tiktoken",
    ),
    ("of Mistral", only(tekken__json="{}"), r"in tekken\.json alone, which takes the package mistral_common"),
    ("a pointer to pieces", only(tokenizer__model=POINTER), r"tokenizer\.model is a git-lfs pointer"),
]


@pytest.mark.parametrize(("damage", "said"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_tokenizer_that_cannot_be_read_is_one_sentence(copy_of, monkeypatch, damage, said):
    found = importlib.util.find_spec
    absent = ("sentencepiece", "tiktoken", "mistral_common")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name in absent else found(name, *more)
    )
    folder = copy_of("llama")
    damage(folder)
    with pytest.raises(BadInput, match=said) as refused:
        loaded(folder)
    assert_one_sentence(str(refused.value))


@pytest.mark.parametrize("family", ["gpt2", "qwen2"])
def test_a_family_that_makes_an_empty_tokenizer_of_nothing_is_refused(copy_of, family):
    """transformers makes a GPT-2 tokenizer of one token where it finds no files."""
    folder = copy_of(family)
    only(vocab__json="{}", merges__txt="")(folder)
    with pytest.raises(BadInput, match=r"its tokenizer (knows no word|cannot be loaded)"):
        loaded(folder)


def test_a_tokenizer_that_knows_no_word_is_refused(copy_of):
    folder = copy_of("llama")
    written = json.loads((folder / "tokenizer.json").read_text())
    written |= {
        "model": SPLITTER,
        "pre_tokenizer": {"type": "Whitespace"},
        "decoder": None,
        "added_tokens": [],
    }
    (folder / "tokenizer.json").write_text(json.dumps(written))
    (folder / "tokenizer_config.json").write_text(json.dumps({"unk_token": "[UNK]"}))
    with pytest.raises(BadInput, match="knows no word of a plain question"):
        loaded(folder)


def with_tokens(folder, *tokens, special, template=None):
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens(list(tokens), special_tokens=special)
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)


def test_a_special_token_beyond_the_embedding_is_told_and_never_used(copy_of):
    folder = copy_of("llama")
    with_tokens(folder, "[PAD]", special=True)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"pad_token": "[PAD]"}))
    base = loaded(folder)
    assert (
        f"The tokenizer's special token [PAD] ({ROWS}) lies beyond the model's {ROWS} tokens" in base.notes[0]
    )
    assert base.tokenizer.pad_token_id == ROWS and base.pad_id < ROWS
    for style in ("chat", "plain"):
        sample = SampleConfig(prompt_format=style)
        ids = base.encode([{"role": "user", "content": "[PAD] and [PAD]"}], sample)
        assert max(ids) < ROWS
    assert base.encode([{"role": "user", "content": ""}], SampleConfig(prompt_format="plain"))[0] < ROWS


def test_an_end_token_beyond_the_embedding_ends_nothing(copy_of):
    folder = copy_of("llama")
    with_tokens(folder, "<|over|>", special=True)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"eos_token": "<|over|>"}))
    base = loaded(folder)
    assert all(i < ROWS for i in base.stop_ids)
    assert base.encode([{"role": "user", "content": ""}], SampleConfig(prompt_format="plain"))[0] < ROWS


TEMPLATE = "{% for m in messages %}<|turn|>{{ m['content'] }}{% endfor %}"


@pytest.mark.parametrize(
    ("special", "template"), [(False, None), (True, TEMPLATE)], ids=["words", "written by the template"]
)
def test_tokens_beyond_the_embedding_that_can_occur_are_refused(copy_of, special, template):
    folder = copy_of("llama")
    with_tokens(folder, "<|turn|>", special=special, template=template)
    with pytest.raises(
        BadInput, match=f"knows {ROWS} tokens and its tokenizer {ROWS + 1}: they do not belong"
    ) as no:
        loaded(folder)
    assert_one_sentence(str(no.value))


def test_the_tokenizer_of_a_larger_model_is_refused(made, tmp_path):
    from transformers import LlamaConfig

    from tests.ppo.model.loading.conftest import SHARED

    folder = save_model(LlamaConfig(**SHARED | {"vocab_size": 258}), tmp_path / "model")
    written = json.loads((folder / "tokenizer.json").read_text())
    written["model"]["vocab"]["zebra"] = 400
    (folder / "tokenizer.json").write_text(json.dumps(written))
    with pytest.raises(BadInput, match="knows 258 tokens and its tokenizer 401"):
        loaded(folder)


TEXT = "What is a zebra? It's what 1234 herons aren't: HELLO   World, don't\n\nask  again. " * 20
TEXTS = (TEXT, "HELLO   World 1234 aren't\n\nherons", "a zebra")


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2", "gemma2", "gpt_neox"])
@pytest.mark.parametrize("named", [None, "PreTrainedTokenizerFast", "XGLMTokenizer"])
def test_the_rules_of_the_file_are_followed_whatever_the_class_would_do(copy_of, family, named):
    """Texts must become the tokens that the model was trained on; classes of transformers have rules of their own."""
    folder = copy_of(family)
    own = Tokenizer(models.BPE())
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    own.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=ROWS, initial_alphabet=alphabet, show_progress=False)
    own.train_from_iterator([TEXT], trainer)
    own.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": named} if named else {}))
    base = loaded(folder)
    assert all(ids_of(base.tokenizer, text) == own.encode(text).ids for text in TEXTS)
    told = any(note.endswith("the file was followed.") for note in base.notes)
    assert told == (not reads_the_same(folder, own))


def reads_the_same(folder, own):
    """Whether the class that transformers chooses follows the file."""
    try:
        chosen = AutoTokenizer.from_pretrained(folder)
        return all(ids_of(chosen, text) == own.encode(text).ids for text in TEXTS)
    except Exception:  # many classes, many ways to refuse a file
        return False


def ids_of(tokenizer, text):
    return tokenizer(text, add_special_tokens=False)["input_ids"]
