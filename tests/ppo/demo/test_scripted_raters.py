"""ppo/demo/scripted_raters.py: scripted tastes, and a stranger's file."""

import pytest

from ppo.demo.scripted_raters import BUILT_IN, brevity, load_rater, on_topic, warmth
from rater_data.errors import BadInput, Missing


def test_brevity_falls_with_words():
    assert brevity("", "one two three") == 10
    assert brevity("", "w " * 15) == 10
    assert brevity("", "w " * 30) == pytest.approx(0)


def test_warmth_is_vaders_sentiment():
    assert warmth("", "I love this, thank you!") > 8
    assert warmth("", "I hate this. It is awful.") < 2
    assert warmth("", "The table has four legs.") == 5


def test_on_topic_counts_the_prompts_content_words():
    assert on_topic("How do I cook rice at home?", "Cook the rice at home.") == 10
    assert on_topic("How do I cook rice at home?", "Bananas are yellow.") == 1
    assert on_topic("How are you?", "Fine.") == 5.5


def test_to_reader_counts_the_words_that_mean_the_reader():
    assert load_rater("to-reader")("", "You and your cat; yourselves") == 7
    assert load_rater("to-reader")("", "A youth in Youngstown.") == 1


def test_lists_counts_items():
    assert load_rater("lists")("", "- one\n* two\n 3. three\n4) four") == 7
    assert load_rater("lists")("", "Bread, milk; eggs.") == 4
    assert load_rater("lists")("", "Version 2.5 - fine") == 1


def test_plain_words_are_short():
    plain = load_rater("plain-words")
    assert plain("", "The cat sat on it.") == 10
    assert plain("", "abcde abcde") == pytest.approx(10 - 4 * 1.4)
    assert plain("", "?!") == 1


def test_built_in_by_name():
    assert all(load_rater(name) is rater for name, rater in BUILT_IN.items())


def test_a_function_of_a_file(tmp_path):
    (tmp_path / "mine.py").write_text("def taste(prompt, response):\n    return len(response)\n")
    assert load_rater(f"{tmp_path}/mine.py:taste")("", "abc") == 3


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("kindness", BadInput, "neither one of"),
        ("hf:{}", Missing, "holds no config.json"),
        ("{}/none.py:taste", Missing, "does not exist"),
        ("{}/mine.py:none", BadInput, "has no function"),
        ("{}/broken.py:taste", BadInput, "failed: ZeroDivisionError"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path, name, error, words):
    (tmp_path / "mine.py").write_text("")
    (tmp_path / "broken.py").write_text("1 / 0\n")
    with pytest.raises(error, match=words):
        load_rater(name.format(tmp_path))
