"""Floors of quality: what was reached once may only get better.

The figures on development data run where its folder lies beside the project; the golden folder always runs.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.document import Document
from pipelines.page.article import extract_html
from pipelines.page.metadata import read_metadata
from pipelines.page.parsed import parse
from pipelines.strip import restore
from pipelines.values import Removal
from tests.benchmarks.residue import residue
from tests.lake import way
from tests.test_stories import Article as StoryArticle
from tests.test_stories import Lake as StoryLake
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
        "tags": ["conflicts", "iraq", "usa"],
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
    assert sorted(t.name for t in got.tags if t.scheme == "source") == want.get("tags", [])
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


SECTIONS = {"business": "04", "entertainment": "01", "politics": "11", "sport": "15", "tech": "13"}


@needs_data
def test_the_section_of_a_newspaper_is_among_the_subjects():
    first = among = count = 0
    for path in sorted((DATA / "text/bbc").glob("*/*.txt")):
        found = sorted(made(path).tags, key=lambda tag: -tag.score)
        tops = list(dict.fromkeys((t.top_code or "")[7:9] for t in found if t.scheme == "mediatopic"))
        assert len(tops) <= 3
        first += tops[:1] == [SECTIONS[path.parent.name]]
        among += SECTIONS[path.parent.name] in tops
        count += 1
    assert first / count >= 0.89
    assert among / count >= 0.97


_WORD = re.compile(r"\w+")
_CREDITED = {"afp", "ap", "dpa", "efe", "red", "redaktion", "reuters", "sid"}


def folded(text: str | None) -> str:
    return " ".join(_WORD.findall((text or "").lower()))


def signed(names: Any) -> set[str]:
    return {folded(name) for name in names or ()} - _CREDITED


def stated_pages() -> Any:
    """Each page's address and HTML, and the versions of what its publisher's parser reads from it."""
    folder = DATA / "html/fundus-tests"
    for name, meta in json.loads((folder / "index.json").read_text(encoding="utf-8")).items():
        expected = folder / meta["expected"]
        versions = json.loads(expected.read_text(encoding="utf-8")).values() if expected.exists() else ()
        gold = [version for version in versions if isinstance(version, dict) and version.get("body")]
        if gold:
            yield meta["url"], gzip.decompress((folder / name).read_bytes()).decode("utf-8", "replace"), gold


@needs_data
def test_pages_state_their_headline_byline_and_date():
    right: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for url, html, versions in stated_pages():
        page = parse(html, url)
        assert page
        found = read_metadata(page)
        day = found.published_at.date().isoformat() if found.published_at else ""
        wanted = {
            "headline": {folded(version.get("title")) for version in versions} - {""},
            "byline": [names for version in versions if (names := signed(version.get("authors")))],
            "date": {(version.get("publishing_date") or "")[:10] for version in versions} - {""},
        }
        got = {"headline": folded(found.headline), "byline": signed(found.byline), "date": day}
        asked.update(name for name, values in wanted.items() if values)
        right.update(name for name, values in wanted.items() if got[name] in values)
    share = {name: right[name] / asked[name] for name in asked}
    assert min(asked.values()) > 100
    assert share["headline"] >= 0.90
    assert share["byline"] >= 0.87
    assert share["date"] >= 0.97


@needs_data
def test_known_boilerplate_is_left_on_at_most_one_page_in_fifty():
    count, found = residue(step=4)
    assert count >= 60
    assert len({line.url for line in found}) / count <= 0.02, found


@needs_data
def test_the_articles_of_whole_page_texts_are_found():
    # The weights were fitted to these pages too: on sites held out of them F1 is lower by some hundredths.
    gold = json.loads((DATA / "html/scrapinghub/ground-truth.json").read_text("utf-8"))
    found = [
        overlap(page["articleBody"], made(DATA / "text/fullpage-html-text" / f"{key}.txt").article.body)
        for key, page in sorted(gold.items())[::2]
    ]
    precision, recall = (sum(values) / len(found) for values in zip(*found, strict=True))
    assert recall >= 0.96
    assert 2 * precision * recall / (precision + recall) >= 0.93


@needs_data
def test_the_bodies_of_pages_are_found():
    # The weights were fitted to these pages too: on sites left out F1 is .970.
    gold = json.loads((DATA / "html/scrapinghub/ground-truth.json").read_text("utf-8"))
    found = []
    for key, page in sorted(gold.items())[::4]:
        html = gzip.decompress((DATA / f"html/scrapinghub/html/{key}.html.gz").read_bytes()).decode("utf-8", "replace")
        found.append(overlap(page["articleBody"], extract_html(html, page["url"]).text))
    precision, recall = (sum(values) / len(found) for values in zip(*found, strict=True))
    assert recall >= 0.97
    assert 2 * precision * recall / (precision + recall) >= 0.965


def overlap(gold, body):
    """Precision and recall of the runs of four words."""
    wanted, had = (Counter(zip(*(words[at:] for at in range(4)), strict=False)) for words in map(_words, (gold, body)))
    both = (wanted & had).total()
    return both / max(1, had.total()), both / max(1, wanted.total())


def _words(text):
    return re.findall(r"\w+", text)


def bcubed(found: list[Any], wanted: list[Any]) -> float:
    """F1 of two groupings of the same things, each thing's precision and recall counting alike."""
    sizes, wanted_sizes = Counter(found), Counter(wanted)
    both = Counter(zip(found, wanted, strict=True))
    pairs = list(zip(found, wanted, strict=True))
    precision = sum(both[pair] / sizes[pair[0]] for pair in pairs) / len(pairs)
    recall = sum(both[pair] / wanted_sizes[pair[1]] for pair in pairs) / len(pairs)
    return 2 * precision * recall / (precision + recall)


@needs_data
def test_articles_on_one_event_are_one_story():
    lines = (DATA / "stories/ecbplus.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if int(re.match(r"[0-9]+", row["id"])[0]) % 2]
    lake = StoryLake()
    lake.put(*(StoryArticle(row["id"], row["text"]) for row in rows))
    stories = dict(lake.rows("SELECT article_id, story_id FROM lake.story_articles"))
    assert len(rows) > 400
    # The topics with even numbers are those that how alike articles have to be was chosen on.
    assert bcubed([stories[row["id"]] for row in rows], [row["story"] for row in rows]) >= 0.91
