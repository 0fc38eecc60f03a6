"""Words of texts in any script: the fast way and the plain one give the same, and a language's own marks part no word."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from warehouse.terms import best_terms
from warehouse.words import MARKS, alphabetic_words, count_words

PLAIN = re.compile(rf"(?:[^\W_]|[{MARKS}])+")


@given(st.text(st.characters(max_codepoint=0x2100)))
@example("«Łódź» – over 3½ €, it’s a\u0301 x² ⁿ İstanbul Ω; И мир_и snake_case \u200c")
def test_words_are_runs_of_letters_digits_and_marks(text: str) -> None:
    words = alphabetic_words(text)
    assert words is None or [word.decode("utf-8", "surrogatepass") for word in words] == PLAIN.findall(text)


@pytest.mark.parametrize("text", ["नगर परिषद", "مجلس المدينة", "市議会", "\ud800 lone", "मुंबई and London"])
def test_other_scripts_are_left_to_the_plain_way(text: str) -> None:
    assert alphabetic_words(text) is None


@pytest.mark.parametrize(
    ("text", "count"),
    [("one two", 2), ("“one” — two…", 3), ("東京 is 1", 4), ("สภา", 3), ("naïve façade", 2), ("", 0)],
)
def test_words_are_counted_by_blanks_or_by_characters(text: str, count: int) -> None:
    assert count_words(text) == count


def test_units_and_forms_of_firms_are_no_terms() -> None:
    text = "Norrholm Shipping Corp said 3 mln dlrs, 5 pct of its qtr, went to the Lindvik yard vs 2 mln."
    terms = best_terms(None, text, "en")
    assert {"lindvik", "norrholm"} <= terms.keys()
    assert not terms.keys() & {"mln", "dlrs", "pct", "qtr", "corp", "vs"}
    assert "mln" in best_terms(None, "Firma zarobiła 3 mln", "pl")
