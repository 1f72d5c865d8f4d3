"""When two names are one person's, and what is no name."""

import pytest

from rater_data.errors import BadInput
from rater_data.names import LONGEST_NAME, check_name, clean_name, name_key


def test_neither_case_nor_blanks_tell_people_apart():
    assert clean_name("  Anna \t Lee ") == "Anna Lee"
    assert name_key("  Anna  Lee ") == name_key("ANNA LEE") != name_key("Annalee")


@pytest.mark.parametrize("name", ["", "   ", "a\0b", "\ud800", 5, "x" * (LONGEST_NAME + 1)])
def test_what_is_no_name_is_a_sentence(name):
    with pytest.raises(BadInput, match=r"^The name|^A name has at most 80 letters; this one has 81\."):
        check_name(name, "The name")
    check_name(" " + "x" * LONGEST_NAME + " ")
