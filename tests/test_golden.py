"""Each `golden/NAME.ext` becomes the article that `golden/NAME.expected.json` states; a key left out is not held."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from connectors.document import Document
from pipelines.way import Way
from warehouse.rows import Role

WAY = Way()
GOLDEN = Path(__file__).parent / "golden"
EXACT = ("headline", "dateline", "credit_line", "body")
LISTS = ("byline", "stated_sources", "stated_tags")
CASES = sorted(p for p in GOLDEN.iterdir() if p.is_file() and not p.name.endswith(".expected.json"))


def expected(path: Path) -> dict[str, Any]:
    return json.loads(path.with_name(f"{path.stem}.expected.json").read_text(encoding="utf-8"))


@cache
def article(path: Path) -> dict[str, Any]:
    document = Document(
        source="golden",
        role=Role.FILE,
        address=path.name,
        uri=path.as_uri(),
        fetched_at=datetime(2024, 3, 5, tzinfo=UTC),
        path=str(path),
    )
    made = WAY(document)
    assert made.article, made.reject
    tags = [(tag.scheme, tag.name, tag.code) for tag in made.tags]
    return asdict(made.article) | {
        "stated_tags": sorted(name for scheme, name, _ in tags if scheme == "source"),
        "countries": [code for scheme, _, code in tags if scheme == "country"],
        "removals": [removal.text for removal in made.removals],
    }


def moment(value: str | datetime | None) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def is_case(path: Path) -> bool:
    return path.with_name(f"{path.stem}.expected.json").is_file()


def test_every_case_has_both_files():
    stems = {path.stem for path in CASES}
    assert [path.name for path in CASES if not is_case(path)] == []
    assert {path.name.removesuffix(".expected.json") for path in GOLDEN.glob("*.expected.json")} == stems
    assert len(stems) == len(CASES)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_article_is_the_expected_one(path: Path):
    want, got = expected(path), article(path)
    keys = [key for key in (*EXACT, *LISTS) if key in want]
    assert {key: list(got[key]) if key in LISTS else got[key] for key in keys} == {key: want[key] for key in keys}
    for passage in want.get("body_contains", []):
        assert passage in got["body"]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_time_of_publication(path: Path):
    assert moment(article(path)["published_at"]) == moment(expected(path)["published_at"])


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_language_and_countries(path: Path):
    want, got = expected(path), article(path)
    assert got["language"] == want["language"]
    assert set(want["countries"]) <= set(got["countries"])


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_boilerplate_is_in_the_removals(path: Path):
    removals = [squeezed(removal) for removal in article(path)["removals"]]
    missing = [text for text in expected(path).get("removed", []) if not any(text in span for span in removals)]
    assert missing == []
