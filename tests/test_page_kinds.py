"""The kinds of pages: precision and recall on pages of every kind, and on near misses."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from connectors.document import Document
from flows.cli import Failed, replay
from flows.status import what_to_do
from pipelines.page.article import extract_html
from pipelines.page.phrases import PhrasesError, load_phrases, read_table
from pipelines.values import Rejected
from tests.lake import load_documents, way
from tests.page_kind_cases import CASES, Case
from tests.test_hard_cases import newsmill
from warehouse.catalog import Home, open_lake
from warehouse.rows import Flag, Reason, Role

DATA = Path(__file__).parents[2] / "shared" / "data" / "html"
KINDS = {Flag.GALLERY, Flag.LIVE_BLOG, Flag.PAYWALLED, Flag.VIDEO}
REFUSED = {
    *(Reason.CHALLENGE, Reason.CONSENT_WALL, Reason.GALLERY_ONLY, Reason.SCRIPT_SHELL),
    *(Reason.SECTION_FRONT, Reason.SOFT_404, Reason.VIDEO_ONLY),
}
FLOORS = {False: 1.0, True: 0.98}
"""Share of the pages that are named rightly: of those that the rules were tuned on, and of those put aside."""
NAMED = {case.name: case for case in CASES}


def kind_of(case: Case) -> str:
    """`article`, or the flags or the reason."""
    try:
        flags = extract_html(case.html, case.url, status=case.status).flags & KINDS
    except Rejected as verdict:
        return verdict.reason
    return " ".join(sorted(flags)) or "article"


@pytest.fixture(scope="module")
def judged() -> dict[str, str]:
    return {case.name: kind_of(case) for case in CASES}


def figures(cases: list[Case], judged: dict[str, str]) -> str:
    """Precision and recall of each kind, and what was taken for what."""
    confusion = Counter((case.kind, judged[case.name]) for case in cases)
    lines = []
    for kind in sorted({kind for pair in confusion for kind in pair}):
        right = confusion[kind, kind]
        said = sum(n for (_, found), n in confusion.items() if found == kind)
        there = sum(n for (gold, _), n in confusion.items() if gold == kind)
        lines.append(f"{kind:14} precision {right}/{said}  recall {right}/{there}")
    return "\n".join(
        [*lines, *(f"{gold} taken for {found}: {n}" for (gold, found), n in confusion.items() if gold != found)]
    )


@pytest.mark.parametrize("is_aside", [False, True])
def test_pages_are_what_they_are(judged, is_aside, capsys):
    cases = [case for case in CASES if case.is_aside is is_aside]
    table = figures(cases, judged)
    with capsys.disabled():
        print(f"\n{'put aside' if is_aside else 'tuned on'}: {len(cases)} pages\n{table}")
    assert {case.kind for case in cases} >= {"article", Reason.CHALLENGE, Reason.CONSENT_WALL, Reason.SECTION_FRONT}
    assert sum(judged[case.name] == case.kind for case in cases) / len(cases) >= FLOORS[is_aside], table


def test_no_article_is_refused_and_none_is_flagged(judged):
    assert {
        name: judged[name] for name, case in NAMED.items() if case.kind == "article" and judged[name] != "article"
    } == {}


def test_no_page_that_has_an_article_is_refused_for_its_kind(judged):
    partial = [case.name for case in CASES if case.kind in KINDS]
    assert len(partial) > 20
    assert {name: judged[name] for name in partial if judged[name] in set(Reason)} == {}


@pytest.mark.parametrize("name", ["cloudflare-managed", "soft-404-plain", "german-pur-wall", "home-page"])
def test_a_refusal_says_what_it_rests_on(name):
    case = NAMED[name]
    with pytest.raises(Rejected) as verdict:
        extract_html(case.html, case.url, status=case.status)
    assert re.search(r"'.+'|\d+ headings", verdict.value.detail)


@pytest.mark.parametrize("reason", sorted(REFUSED))
def test_a_user_is_told_what_to_do(reason):
    assert what_to_do(reason) != what_to_do(Reason.NO_TEXT)
    assert reason in {case.kind for case in CASES}


@pytest.mark.parametrize("phrase", read_table(), ids=lambda phrase: f"{phrase.sign}-{phrase.language}")
def test_the_phrases_keep_their_examples(phrase):
    assert phrase.matches(phrase.example)
    assert not phrase.matches(phrase.counterexample)
    assert phrase.pattern == phrase.pattern.lower().replace(r"\s", " ") or "\\" in phrase.pattern


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"example": '"harbour"'}, "example does not match"),
        ({"counterexample": '"page not found"'}, "counterexample matches"),
        ({"sign": '"tide"'}, "tide"),
        ({"colour": '"red"'}, "colour"),
    ],
)
def test_a_table_that_is_wrong_says_where(tmp_path, change, says):
    row = {
        "sign": '"not-found-title"',
        "language": '"en"',
        "pattern": "'page not found'",
        "example": '"Page not found"',
        "counterexample": '"Page found"',
    } | change
    path = tmp_path / "kinds.toml"
    path.write_text("[[phrase]]\n" + "\n".join(f"{key} = {value}" for key, value in row.items()))
    with pytest.raises(PhrasesError, match=says):
        load_phrases(path)


@pytest.mark.parametrize(
    "text",
    ["we " * 40_000, "the page you " * 20_000, "your browser " * 20_000, "1" * 400_000, "aceptar todo y " * 9_000],
)
def test_hostile_text_costs_little(text):
    for sign in load_phrases().patterns:
        load_phrases().find(sign, text[:20_000])
    html = f"<html><head><title>{text[:5000]}</title></head><body><div>{text}</div><script></script></body></html>"
    with suppress(Rejected):
        assert extract_html(html).text


# Along the way


def document(case: Case, *, entry: str | None = None) -> Document:
    record = (
        json.dumps({"id": "1", "url": case.url, "title": "Quay", "content_text": entry}).encode() if entry else None
    )
    return Document(
        source="harbour",
        role=Role.PAGE,
        address=case.name,
        uri=case.url,
        url=case.url,
        fetched_at=datetime(2031, 3, 4, tzinfo=UTC),
        data=case.html.encode(),
        entry=record,
        http_status=case.status,
    )


@pytest.mark.parametrize(
    "name", ["datadome", "german-cmp-over-nothing", "soft-404-with-teasers", "react-shell", "home-page"]
)
def test_a_wall_in_place_of_a_page_leaves_the_entry(name):
    made = way()(document(NAMED[name], entry="The quay at Brenn is shut for the winter, the harbour board said."))
    assert made.article is not None
    assert made.article.body == "The quay at Brenn is shut for the winter, the harbour board said."
    assert Flag.PAGE_MISSING in made.article.flags


def test_a_part_behind_a_wall_is_kept_and_flagged():
    made = way()(document(NAMED["wall-fr"]))
    assert made.article is not None
    assert Flag.PAYWALLED in made.article.flags
    assert made.article.body.startswith("Le conseil du port de Brenn")


def test_replay_takes_the_rejects_of_one_reason(tmp_path):
    home = tmp_path / "home"
    with open_lake(Home(home)) as lake:
        assert (
            load_documents(lake, tmp_path, [document(NAMED[name]) for name in ("home-page", "datadome")]).rejected == 2
        )
    done = newsmill("--home", home, "replay", "--rejected", "section-front", "--json")
    assert json.loads(done.stdout)["counts"]["documents"] == 1


@pytest.mark.parametrize(
    ("wanted", "options", "says"),
    [
        ("tide", {"rejected": True}, "section-front, soft-404"),
        ("section-front", {"everything": True}, "follows --rejected"),
    ],
)
def test_replay_says_which_reasons_there_are(wanted, options, says):
    with pytest.raises(Failed, match=says):
        replay(wanted, **options)


def real_pages() -> Iterator[tuple[str, str | None, bytes]]:
    truth = json.loads((DATA / "scrapinghub/ground-truth.json").read_text("utf-8"))
    for path in sorted((DATA / "scrapinghub/html").iterdir()):
        yield path.name, truth[path.name.split(".")[0]]["url"], gzip.decompress(path.read_bytes())
    for name, page in json.loads((DATA / "fundus-tests/index.json").read_text("utf-8")).items():
        yield name, page["url"], gzip.decompress((DATA / "fundus-tests" / name).read_bytes())
    for path in sorted((DATA / "newspaper4k").glob("*.html")):
        yield path.name, None, path.read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="the development data is not beside the project")
def test_no_real_article_is_refused_for_its_kind():
    refused = {}
    for name, url, data in islice(real_pages(), 0, None, 2):
        case = Case(name, "article", "", url or "")
        made = way()(replace(document(case), data=data, url=url, uri=url or name))
        if made.article is None:
            refused[name] = made.reject.reason if made.reject else ""
    assert len(refused) <= 1, refused
