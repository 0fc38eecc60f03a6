"""Floors of quality: what was reached once may only get better.

The figures on development data run where its folder lies beside the project; the golden folder always runs.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.document import Document
from pipelines.strip import restore
from pipelines.values import Removal
from tests.lake import way
from warehouse.rows import Role

DATA = Path(__file__).parents[2] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the development data is not beside the project")

SEEDS: dict[str, dict[str, Any]] = {
    "000": {
        "headline": None,
        "begins": "The US has carried out an airstrike on a vehicle",
        "ends": "which is partially owned by an Israeli.",
        "paragraphs": 11,
    },
    "001": {
        "headline": "Iran-backed militia hits US forces at Iraq air base, injuring 8, prompting retaliation",
        "begins": "An attack by an Iran-backed militia on U.S. forces",
        "ends": "before being defeated.",
        "paragraphs": 9,
        "gone": ["cloudquote", "Barchart", "CRITICS SLAM", "contributed to this report", "Privacy Policy"],
    },
    "002": {
        "headline": None,
        "published": datetime(2023, 11, 21, tzinfo=UTC),
        "begins": "The U.S. killed multiple enemy militants",
        "ends": "announced the death of a militia member on Tuesday.",
        "paragraphs": 7,
        "gone": ["RELATED", "pic.twitter.com", "@CENTCOM", "date 2023"],
    },
    "003": {
        "headline": "US Kills Several Iran-Linked Militants In Retaliatory Hit In Iraq",
        "begins": "In a swift and decisive response",
        "ends": "security threats in the Middle East.",
        "paragraphs": 6,
    },
    "004": {
        "headline": "U.S. Strikes Iran-Backed Militia in Iraq in Response to Attacks",
        "begins": "In a significant escalation, U.S. forces",
        "ends": "a time and place of their choosing.",
        "paragraphs": 7,
        "tags": ["usa", "iraq", "conflicts"],
        "sources": 2,
    },
}


def made(path: Path) -> Any:
    document = Document(
        source="texts",
        role=Role.FILE,
        address=path.name,
        uri=path.as_uri(),
        fetched_at=datetime(2024, 1, 1, tzinfo=UTC),
        path=str(path),
    )
    return way()(document)


@needs_data
@pytest.mark.parametrize("number", SEEDS)
def test_the_seeds_land_with_their_story_and_nothing_else(number):
    want = SEEDS[number]
    (path,) = (DATA / "seeds").glob(f"{number}_*")
    got = made(path)
    article = got.article
    assert article.headline == want["headline"]
    assert article.published_at == want.get("published")
    assert article.body.startswith(want["begins"])
    assert article.body.endswith(want["ends"])
    assert len(article.body.split("\n\n")) == want["paragraphs"]
    assert not [phrase for phrase in want.get("gone", []) if phrase in article.body]
    assert [t.name for t in got.tags if t.scheme == "source"] == want.get("tags", [])
    assert len(article.stated_sources) == want.get("sources", 0)
    assert {t.code for t in got.tags if t.scheme == "country"} >= {"US", "IQ"}
    assert not re.search(r"[ \t]$|\n{3}| {2}", article.body, re.MULTILINE)


@needs_data
@pytest.mark.parametrize("number", SEEDS)
def test_every_sentence_of_the_seeds_is_in_body_headline_or_removals(number):
    (path,) = (DATA / "seeds").glob(f"{number}_*")
    got = made(path)
    removals = [
        Removal(**{k: v for k, v in asdict(r).items() if k not in ("article_id", "version")}) for r in got.removals
    ]
    extracted = restore(got.article.body, removals) + (got.article.headline or "")
    text = path.read_text(encoding="utf-8").replace("\xa0", " ")
    story = text.partition("\n---\n")[2] if text.startswith("---") else text.removeprefix(" date 2023-11-21 ")
    sentences = [s.strip(" #") for s in re.split(r"(?<=[.!?])\s+|\n+", story) if s.strip(" #")]
    assert [s for s in sentences if s not in re.sub(r"\s+", " ", extracted)] == []


@needs_data
def test_ordinary_text_loses_at_most_one_sentence_in_a_thousand():
    removed = sentences = 0
    for path in sorted((DATA / "text/bbc").glob("*/*.txt")):
        got = made(path)
        sentences += len(re.findall(r"[.!?](?:\s|$)", got.article.body))
        removed += sum(max(1, len(re.findall(r"[.!?](?:\s|$)", r.text))) for r in got.removals)
    assert sentences > 2000
    assert removed / (sentences + removed) <= 0.001
