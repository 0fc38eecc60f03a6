"""Each `golden/pages/NAME.html` becomes the article that an editor would make of it: `NAME.expected.json`.

Where the code is not there yet, the field is named in `KNOWN_GAPS` with the reason, and the body's score has a floor.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from connectors.document import Document
from tests.lake import way
from warehouse.rows import Role

PAGES = Path(__file__).parent / "golden" / "pages"
CASES = sorted(path.stem for path in PAGES.glob("*.html"))
FIELDS = (
    "headline",
    "subheadline",
    "byline",
    "dateline",
    "credit_line",
    "published_at",
    "modified_at",
    "section",
    "language",
    "canonical_url",
    "image_url",
    "publisher",
    "kinds",
    "body",
)
KINDS = {"gallery", "live-blog", "paywalled", "video"}
"""Of the flags, those that say what kind of page it is."""
KNOWN_GAPS: dict[tuple[str, str], str] = {
    ("old_cms_breaks", "body"): "lines beside the story stay",
    ("related_in_capitals", "credit_line"): "the line that names it is not in the body",
    ("shift_jis", "byline"): "the label or the form of the line is not known",
    ("spanish_list", "dateline"): "this form of a dateline has no rule",
    ("spanish_list", "body"): "lines beside the story stay",
    ("table_layout_latin1", "byline"): "the label or the form of the line is not known",
}
"""By page and field: why it is not met."""
FLOORS: dict[str, float] = {
    "old_cms_breaks": 0.93,
    "spanish_list": 0.91,
}
"""Least score of a body that is a known gap."""


def expected(name: str) -> dict[str, Any]:
    return json.loads((PAGES / f"{name}.expected.json").read_text(encoding="utf-8"))


@cache
def article(name: str) -> dict[str, Any]:
    url = expected(name)["url"]
    document = Document(
        source="golden",
        role=Role.PAGE,
        address=url,
        uri=url,
        url=url,
        fetched_at=datetime(2026, 1, 5, tzinfo=UTC),
        media_type="text/html",
        data=(PAGES / f"{name}.html").read_bytes(),
    )
    made = way()(document)
    if made.article is None:
        return {"reject": made.reject}
    fields = {key: _plain(value) for key, value in asdict(made.article).items()}
    return fields | {"kinds": sorted(KINDS.intersection(fields["flags"]))}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def wanted(name: str) -> dict[str, Any]:
    """The fields that the case states, the body as one text."""
    case = expected(name)
    return {key: case[key] for key in FIELDS if key in case} | {"body": "\n\n".join(case["body"])}


def checks() -> list[Any]:
    """One parameter for each page and field; those of known gaps are expected to fail."""
    return [
        pytest.param(
            name,
            key,
            id=f"{name}-{key}",
            marks=[pytest.mark.xfail(reason=reason, strict=True)] if (reason := KNOWN_GAPS.get((name, key))) else [],
        )
        for name in CASES
        for key in wanted(name)
    ]


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """Four words each; letter by letter where a script sets no blanks between words."""
    words = re.findall(r"[\u3040-\u30ff\u4e00-\u9fff]|\w+", text)
    return Counter(tuple(words[i : i + 4]) for i in range(max(1, len(words) - 3)) if words)


def score(name: str) -> float:
    """F1 of the body's four-word shingles."""
    want, got = shingles(wanted(name)["body"]), shingles(article(name).get("body", ""))
    both = (want & got).total()
    return 2 * both / max(1, want.total() + got.total())


def test_every_page_has_both_files_and_every_gap_a_page():
    assert {path.name.removesuffix(".expected.json") for path in PAGES.glob("*.json")} == set(CASES)
    assert len(CASES) >= 40
    assert {name for name, _ in KNOWN_GAPS} | set(FLOORS) <= set(CASES)
    assert {name for name, key in KNOWN_GAPS if key == "body"} == set(FLOORS)


@pytest.mark.parametrize(("name", "key"), checks())
def test_field_is_the_expected_one(name: str, key: str):
    assert article(name).get(key) == wanted(name)[key]


@pytest.mark.parametrize("name", FLOORS)
def test_body_stays_above_its_floor(name: str):
    assert score(name) >= FLOORS[name]


def missing() -> str:
    """What is not met yet, as a table; `python -m tests.test_golden_pages` prints it."""
    lines = []
    for name in CASES:
        got, want = article(name), wanted(name)
        if "reject" in got:
            lines.append(f"{name}\treject\t-\t{got['reject'].reason}: {got['reject'].detail}")
            continue
        for key, value in want.items():
            if got.get(key) != value and key != "body":
                lines.append(f"{name}\t{key}\t{value!r}\t{got.get(key)!r}")
        if got["body"] != want["body"]:
            lines.append(f"{name}\tbody {score(name):.3f}\t{_difference(want['body'], got['body'])}")
    return "\n".join(lines)


def _difference(want: str, got: str) -> str:
    """The paragraphs that the body lacks, and those that it has too many."""
    wanted_ones, found = want.split("\n\n"), got.split("\n\n")
    lacks = [p for p in wanted_ones if p not in found]
    extra = [p for p in found if p not in wanted_ones]
    return f"lacks {lacks!r}\textra {extra!r}" if lacks or extra else "other order"


if __name__ == "__main__":
    print(missing())
