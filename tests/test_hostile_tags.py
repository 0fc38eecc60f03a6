"""Texts that are made to be slow: tags, language, shingles and terms take time in proportion to their length."""

from __future__ import annotations

import time

import pytest

from pipelines.gazetteer import load_gazetteer
from pipelines.stated_tags import in_order
from pipelines.tag import tag
from pipelines.values import Extracted, Stripped
from warehouse.shingles import Shingled, compare, shared_passages
from warehouse.terms import vector

PIECES = {
    "a chain of countries": "Norway-",
    "firms": "London A-B C-D E-F ",
    "capitals": "Paris Texas Of The And ",
    "one word": "strike ",
    "no blank": "x",
    "at signs": "a@",
    "dots": "1.2",
    "addresses": "http://a.",
    "marks": "a\u0301\u0302",
    "commas": "Georgia, ",
    "Arabic": "العراق",
    "Thai": "ไทย",
    "Chinese": "中国",
    "Russian": "Россия-",
    "surrogates": "\ud800 ",
    "digits": "12 ",
}


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES.keys())
def test_a_text_takes_no_more_than_its_length(piece: str) -> None:
    text = piece * (50_000 // len(piece))
    gazetteer = load_gazetteer()
    tag(Extracted(text="x", extractor=""), Stripped(body="x", dateline=None), gazetteer)  # loads the tables
    stated = {"headline": text, "dateline": text, "section": text, "stated_tags": (text,) * 20}
    begin = time.process_time()
    tag(Extracted(text=text, extractor="", **stated), Stripped(body=text, dateline=None), gazetteer)
    vector(text, text, "en")
    body = Shingled.of(text)
    compare(body, body)
    shared_passages(text, text)
    assert time.process_time() - begin < 3


def test_stated_tags_come_back_from_the_lake_as_they_went_in() -> None:
    names = ("medtop:15000000", "MEDTOP 15000000", "a" * 199 + " b", " Sport ", "sport")
    once = in_order(names)
    assert in_order(once) == once
    assert len(once) == 3
