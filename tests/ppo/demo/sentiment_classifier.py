"""A sentiment classifier trained in seconds: `python -m tests.ppo.demo.sentiment_classifier --out FOLDER`.

It stands in for those of the hub where there is no hub: a DistilBERT of one small layer over whole words, taught by
VADER (Hutto & Gilbert 2014) on random texts of its lexicon's words. The folder is like any that save_pretrained writes.
"""

import argparse
import random
import re
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from torch.nn import functional
from transformers import (
    DistilBertConfig,
    DistilBertForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from vaderSentiment.vaderSentiment import BOOSTER_DICT, NEGATE, SentimentIntensityAnalyzer

from tests.paths import ROOT

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
LABELS = {0: "NEGATIVE", 1: "POSITIVE"}
LONGEST = 64  # tokens
WORDS = (4, 20)  # words a text
FEW_WORDS = ["good", "bad", "great", "awful", "love", "hate"]


def train(
    folder: Path, lexicon: list[str] | None = None, texts: int = 16_000, epochs: int = 3
) -> PreTrainedModel:
    """Trains on texts of `lexicon` (all of VADER's words by default), saves model and tokenizer, returns the model."""
    vader = SentimentIntensityAnalyzer()
    charged = lexicon or sorted(word for word in vader.lexicon if re.fullmatch(r"[a-z]{2,}", word))
    turning = [word for word in [*NEGATE, *BOOSTER_DICT] if re.fullmatch(r"[a-z']+", word)]
    neutral = sorted(plain_words() - set(charged) - set(turning))
    tokenizer = word_tokenizer([*charged, *turning, *neutral])
    draw = random.Random(0)
    written = [" ".join(random_words(draw, charged, turning, neutral)) for _ in range(texts)]
    shares = [(vader.polarity_scores(text)["compound"] + 1) / 2 for text in written]
    model = fit(tokenizer, written, torch.tensor(shares), vader.lexicon, epochs)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


def plain_words() -> set[str]:
    """The words of the bundled prompts."""
    files = (ROOT / "rater_data" / "prompts").glob("*.jsonl")
    return {word for file in files for word in re.findall(r"[a-z']+", file.read_text("utf-8").lower())}


def random_words(
    draw: random.Random, charged: list[str], turning: list[str], neutral: list[str]
) -> list[str]:
    words = [draw.choice(neutral) if draw.random() < 0.8 else "[UNK]" for _ in range(draw.randint(*WORDS))]
    for _ in range(draw.randint(0, 4)):
        place = draw.randrange(len(words))
        words[place] = draw.choice(charged)
        if place and draw.random() < 0.2:
            words[place - 1] = draw.choice(turning)
    return words


def word_tokenizer(words: list[str]) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(dict.fromkeys([*SPECIAL, *words]))}, "[UNK]")
    )
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("[^a-z']+"), "removed")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    pad, unknown, start, end = SPECIAL
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=pad,
        unk_token=unknown,
        cls_token=start,
        sep_token=end,
        model_max_length=LONGEST,
    )


def fit(
    tokenizer: PreTrainedTokenizerFast,
    texts: list[str],
    shares: torch.Tensor,
    valences: dict[str, float],
    epochs: int,
) -> PreTrainedModel:
    """Cross-entropy against the share of the positive label; a word's vector begins with its valence, of −4…4."""
    torch.manual_seed(0)
    model = DistilBertForSequenceClassification(
        DistilBertConfig(
            vocab_size=len(tokenizer),
            dim=32,
            n_layers=1,
            n_heads=2,
            hidden_dim=64,
            max_position_embeddings=LONGEST,
            dropout=0.0,
            attention_dropout=0.0,
            seq_classif_dropout=0.0,
            id2label=LABELS,
            label2id={name: i for i, name in LABELS.items()},
        )
    )
    vectors = model.get_input_embeddings().weight.data
    for word, place in tokenizer.get_vocab().items():
        vectors[place, 0] = valences.get(word, 0.0) / 4
    read = tokenizer(texts, padding=True, return_tensors="pt")
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(texts)).split(64):
            inputs = {name: read[name][batch] for name in ("input_ids", "attention_mask")}
            target = torch.stack([1 - shares[batch], shares[batch]], dim=-1)
            loss = functional.cross_entropy(model(**inputs).logits, target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return model.eval()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    train(parser.parse_args().out)
