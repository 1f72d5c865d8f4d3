"""The tokenizer of a model's folder: read without code of others, and of no more tokens than the model knows."""

import importlib.util
import re
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerFast

from ppo.model.loading.folders import ModelFolder
from ppo.model.loading.foreign import check_no_pointer, read_json, reason_of, silenced
from rater_data.errors import BadInput

FAST, SETTINGS = "tokenizer.json", "tokenizer_config.json"
VOCABULARIES = ("vocab.json", "vocab.txt", "vocab.bpe", "*.model", "*.tiktoken", "tekken.json", "*.vocab")
PROBE = "What is a zebra?"
TRIALS = (
    PROBE,
    "  two  blanks, 1234567 don't\n\n\nCAPS",
    "naïve 日本語 🙂 x_1 = (y+2);",
    "HELLO World's 12,345\t!",
)


def has_tokenizer(folder: ModelFolder) -> bool:
    """Whether there are files of one at all."""
    return any(file for pattern in (FAST, *VOCABULARIES) for file in folder.path.glob(pattern))


def load_tokenizer(folder: ModelFolder, config: Any) -> tuple[Any, tuple[str, ...]]:
    """The tokenizer for a model with `config`, and what was done to make it load. Raises BadInput with one sentence."""
    settings = _check_files(folder)
    try:
        with silenced():
            tokenizer, note = _read(folder.path, settings, config)
            ids = _ids(tokenizer, PROBE)
    except Exception as error:  # files of many kinds, each with a reader of its own
        raise BadInput(
            f"{folder.whose}: its tokenizer cannot be loaded ({reason_of(error)}); bring the {FAST} that belongs to "
            "the model."
        ) from error
    if not set(ids) - {tokenizer.unk_token_id}:
        raise BadInput(
            f"{folder.whose}: its tokenizer knows no word of a plain question; bring the {FAST} that belongs to the "
            "model."
        )
    return tokenizer, (note,) if note else ()


def _read(folder: Path, settings: dict[str, Any], config: Any) -> tuple[Any, str]:
    """The tokenizer, and a sentence where tokenizer.json was followed against the class that is meant to read it.

    Several classes of transformers put rules of their own in the place of the file's: the texts of a model with other
    rules would be split into other tokens than those that it was trained on.
    """
    if not (folder / FAST).is_file():
        return AutoTokenizer.from_pretrained(folder, config=config, trust_remote_code=False), ""
    if "auto_map" in settings:
        note = f"The tokenizer asks for code of its own (auto_map); it was not run, {FAST} was read."
        return PreTrainedTokenizerFast.from_pretrained(folder), note
    plain = PreTrainedTokenizerFast.from_pretrained(folder)
    try:
        made = AutoTokenizer.from_pretrained(folder, config=config, trust_remote_code=False)
        if type(made) is PreTrainedTokenizerFast or all(_ids(made, t) == _ids(plain, t) for t in TRIALS):
            return made, ""
    except Exception as error:  # every class wants its files in its own way
        return (
            plain,
            f"The class of the tokenizer does not take {FAST} ({reason_of(error)}); the file was followed.",
        )
    return (
        plain,
        f"transformers' {type(made).__name__} splits texts otherwise than {FAST}; the file was followed.",
    )


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def check_ids(folder: ModelFolder, tokenizer: Any, rows: int) -> tuple[str, ...]:
    """Raises BadInput for a tokenizer with tokens beyond the embedding's `rows` that can occur in a text.

    Special ones that were added cannot, unless the chat template writes them: what people spell is encoded as text.
    Those are told as notes.
    """
    added = tokenizer.added_tokens_decoder
    own = set(tokenizer.get_vocab().values()) - set(added)
    template = str(tokenizer.chat_template or "")
    spoken = {i for i, token in added.items() if not token.special or token.content in template}
    largest = max(own | spoken | set(tokenizer(PROBE)["input_ids"]))
    if largest >= rows:
        raise BadInput(
            f"{folder.whose} knows {rows} tokens and its tokenizer {largest + 1}: they do not belong together; bring "
            "the tokenizer that the model was trained with."
        )
    silent = {i: token.content for i, token in added.items() if i >= rows}
    if tokenizer.eos_token_id in silent:
        tokenizer.eos_token = None  # the model cannot write it: it ends nothing
    return tuple(
        f"The tokenizer's special token {text} ({i}) lies beyond the model's {rows} tokens; it is never used."
        for i, text in sorted(silent.items())
    )


def _check_files(folder: ModelFolder) -> dict[str, Any]:
    """The settings of the tokenizer. Raises BadInput for a folder that has no readable one."""
    path = folder.path
    settings = read_json(folder.whose, path / SETTINGS) if (path / SETTINGS).is_file() else {}
    if (path / FAST).is_file():
        read_json(folder.whose, path / FAST)
        return settings
    found = sorted(file for pattern in VOCABULARIES for file in path.glob(pattern))
    if not found:
        raise BadInput(f"{folder.whose} has no tokenizer; bring the {FAST} that belongs to it.")
    for file in found:
        check_no_pointer(folder.whose, file)
        needed = _package_for(file)
        if needed and importlib.util.find_spec(needed) is None:
            raise BadInput(
                f"{folder.whose}: its tokenizer is in {file.name} alone, which takes the package {needed} to read; "
                f"install that, or write it as {FAST} where it is installed (AutoTokenizer's save_pretrained)."
            )
    return settings


def _package_for(file: Path) -> str:
    """The package that reads a vocabulary file; "" for text that transformers reads alone."""
    if file.name == "tekken.json":
        return "mistral_common"
    with file.open("rb") as opened:
        start = opened.readline(1000)
    if re.fullmatch(rb"[A-Za-z0-9+/]+=* \d+\s*", start):
        return "tiktoken"
    return "sentencepiece" if file.suffix == ".model" else ""
