"""ppo/demo/classifier.py: a text classifier's own probabilities as scores, whatever its family, and in any company."""

import math

import pytest
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2ForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from ppo.demo.classifier import ClassifierRater, Reading, load_classifier
from ppo.demo.scripted_raters import load_rater
from ppo.model.loading.tiny_model import byte_tokenizer
from rater_data.errors import BadInput
from rater_data.rater_functions import ClassifierName
from tests.ppo.demo import sentiment_classifier

TEXTS = [
    "I love it",
    "bad",
    "A great film and a good one, too",
    "awful awful",
    "",
    "I hate this film",
    "good",
]
SIZES = {"vocab_size": 259, "num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 16}


def saved(folder, model):
    """The folder of a model of random weights over bytes, all of them written, so that it is a classifier like any."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    model.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def load(folder, label=None, by="probability"):
    return load_classifier(ClassifierName(str(folder), label, by), "cpu")


@torch.no_grad()
def logits_of(classifier, text):
    """What the model itself says of one text, without any of our batches."""
    read = classifier.tokenizer(text, return_tensors="pt")
    return classifier.model(input_ids=read["input_ids"], attention_mask=read["attention_mask"]).logits[0]


def test_scores_are_the_models_own_probabilities(sentiment):
    classifier = load(sentiment, "POSITIVE")
    own = [logits_of(classifier, text).double().softmax(-1)[1].item() for text in TEXTS]
    assert classifier.scores(TEXTS) == pytest.approx([1 + 9 * share for share in own], abs=1e-5)
    assert max(own) - min(own) > 0.5, "a model that says the same of everything would hide a mistake"


def test_it_learned_and_its_labels_are_opposites(sentiment):
    texts = ["a good film", "a bad film", "I love it", "I hate it", "great", "awful"]
    good, bad = load(sentiment, "positive").scores(texts), load(sentiment, "Negative").scores(texts)
    assert [high > low for high, low in zip(good[::2], good[1::2], strict=True)] == [True] * 3
    assert [a + b for a, b in zip(good, bad, strict=True)] == pytest.approx([11] * 6)


def test_a_score_does_not_depend_on_its_company(sentiment):
    classifier = load(sentiment)
    alone = [classifier.scores([text])[0] for text in TEXTS]
    assert classifier.scores(TEXTS) == pytest.approx(alone, abs=1e-5)
    assert classifier.scores(TEXTS[::-1]) == pytest.approx(alone[::-1], abs=1e-5)
    assert classifier.scores([]) == []


def test_of_a_long_text_the_end_is_left_out(sentiment):
    classifier = load(sentiment)
    room = classifier.limit - 2  # a token before and one after the text
    assert classifier.limit == sentiment_classifier.LONGEST
    long = " ".join(["good"] * room)
    assert classifier.scores([long + " awful" * 200]) == pytest.approx(classifier.scores([long]))
    assert classifier.scores(["awful " + long])[0] != pytest.approx(classifier.scores([long])[0], abs=1e-4)


@pytest.mark.parametrize(
    ("label", "index"), [(None, 1), ("POSITIVE", 1), ("positive", 1), ("1", 1), ("0", 0), ("negative", 0)]
)
def test_a_label_by_name_or_number(sentiment, label, index):
    assert load(sentiment, label).label == index


def test_unknown_labels_and_readings_are_sentences(sentiment):
    for label in ("joy", "2", "-1"):
        with pytest.raises(BadInput, match=f"has no label '{label}': it has NEGATIVE, POSITIVE"):
            load(sentiment, label)
    for by in ("chance", "logit=3..-3", "logit=1", "logit=", "logit=0..inf", "probability=0..1"):
        with pytest.raises(BadInput, match="is no way to read a classifier"):
            load(sentiment, by=by)


def test_three_labels_have_to_be_chosen_from(tmp_path):
    config = BertConfig(**SIZES, intermediate_size=16, id2label={0: "cold", 1: "warm", 2: "hot"})
    folder = saved(tmp_path, BertForSequenceClassification(config))
    with pytest.raises(BadInput, match=r"Name the label .* earns a 10: it has cold, warm, hot\."):
        load(folder)
    shares = [
        [(score - 1) / 9 for score in load(folder, name).scores(TEXTS)] for name in ("0", "WARM", "hot")
    ]
    assert [sum(of_text) for of_text in zip(*shares, strict=True)] == pytest.approx([1.0] * len(TEXTS))


def test_logits(sentiment):
    by_logistic, by_range = load(sentiment, by="logit"), load(sentiment, by="logit=-0.5..1.5")
    for text in TEXTS:
        own = logits_of(by_range, text)[1].item()
        wanted = 1 + 9 / (1 + math.exp(-own))
        assert by_logistic.scores([text]) == pytest.approx([wanted], abs=1e-4)
        assert by_range.scores([text]) == pytest.approx([min(10, max(1, 1 + 9 * (own + 0.5) / 2))], abs=1e-4)
    assert {Reading.parse("logit=-3..3").high, Reading.parse("logit=-3..3").low} == {3.0, -3.0}


def test_a_reward_model_has_one_output_and_no_padding_token(tmp_path):
    """A decoder that finds the end of a text by its padding token, and has none: texts of all lengths are right."""
    config = GPT2Config(vocab_size=259, n_layer=1, n_head=2, n_embd=16, n_positions=64, num_labels=1)
    classifier = load(saved(tmp_path, GPT2ForSequenceClassification(config)))
    assert classifier.model.config.pad_token_id is None
    texts = [text or "." for text in TEXTS]
    own = [logits_of(classifier, text)[0].double().sigmoid().item() for text in texts]
    assert classifier.scores(texts) == pytest.approx([1 + 9 * share for share in own], abs=1e-5)
    assert 1 <= classifier.scores([""])[0] <= 10, "an empty text, of which there is not one token"


def test_labels_that_do_not_exclude_each_other(tmp_path):
    config = BertConfig(
        **SIZES, intermediate_size=16, num_labels=2, problem_type="multi_label_classification"
    )
    classifier = load(saved(tmp_path, BertForSequenceClassification(config)), "LABEL_0")
    own = [logits_of(classifier, text)[0].double().sigmoid().item() for text in TEXTS if text]
    assert classifier.scores([text for text in TEXTS if text]) == pytest.approx(
        [1 + 9 * p for p in own], abs=1e-5
    )


def test_positions_that_begin_behind_the_paddings(tmp_path):
    """RoBERTa's table has two rows more than it reads tokens; one token too many would be out of it."""
    config = RobertaConfig(**SIZES, intermediate_size=16, max_position_embeddings=20, pad_token_id=1)
    classifier = load(saved(tmp_path, RobertaForSequenceClassification(config)))
    assert classifier.limit == 18
    long = "good films are rare"[:18]
    assert classifier.scores([long + " and bad ones are not"]) == pytest.approx(classifier.scores([long]))


def test_control_tokens_in_a_text_are_text(sentiment):
    classifier = load(sentiment)
    wrapped = [classifier._read(text)["input_ids"] for text in ("good film", "good [SEP] film")]
    end = classifier.tokenizer.sep_token_id
    assert [ids.count(end) for ids in wrapped] == [1, 1]
    assert [ids[-1] for ids in wrapped] == [end, end]


def test_what_it_reads(sentiment):
    chat, plain = (load_rater(f"hf:{sentiment}", "cpu", plain=plain) for plain in (False, True))
    scores = load(sentiment).scores(["good", "This was awful and good"])
    assert chat("This was awful and", "good") == pytest.approx(scores[0])
    assert plain("This was awful and", " good") == pytest.approx(scores[1])
    assert "of the response alone" in str(chat)
    assert "of prompt and continuation as one text" in str(plain)
    assert "'POSITIVE' (it has NEGATIVE, POSITIVE)" in str(chat)


def test_a_text_is_read_once(sentiment):
    classifier = load(sentiment)
    rater, read = ClassifierRater(classifier, plain=False), []
    forward = classifier.model.forward

    def counting(input_ids, attention_mask):
        read.append(len(input_ids))
        return forward(input_ids=input_ids, attention_mask=attention_mask)

    classifier.model.forward = counting
    first = rater.rate_all([("a", "good"), ("b", "bad"), ("c", "good")])
    assert first[0] == first[2] != first[1]
    assert rater("d", "bad") == first[1]
    assert read == [2], "two texts of one length, in one batch"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("hf:owner/model", ("owner/model", None, "probability")),
        ("hf:owner/model:POSITIVE", ("owner/model", "POSITIVE", "probability")),
        ("hf:owner/model:1:logit", ("owner/model", "1", "logit")),
        ("hf:owner/model:logit=-2..2", ("owner/model", None, "logit=-2..2")),
        ("hf:owner/model:logit:probability", ("owner/model", "logit", "probability")),
        ("hf:owner/model:very:good", ("owner/model", "very:good", "probability")),
        ("hf:{}/a:b:c", ("{}/a:b", "c", "probability")),
        ("hf:{}/a:b", ("{}/a:b", None, "probability")),
    ],
)
def test_names(tmp_path, name, wanted):
    (tmp_path / "a:b").mkdir()
    model, label, by = wanted
    assert ClassifierName.parse(name.format(tmp_path)) == ClassifierName(model.format(tmp_path), label, by)


def test_a_name_without_a_model():
    with pytest.raises(BadInput, match="names no model"):
        ClassifierName.parse("hf::POSITIVE")
