"""Identity and hashes: what tells documents, articles and versions apart, and what does not."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from connectors.document import Document
from connectors.folder import Folder
from pipelines.fingerprint import Made, article_id, fingerprint, rejected
from pipelines.staging import TABLES, staged
from pipelines.values import Extracted, Raw, Rejected, Removal, Stripped, Tag, Tagged
from pipelines.way import Way
from warehouse.rows import Flag, Reason, Role, Stage
from warehouse.words import count_words

SEEN = datetime(2024, 5, 1, tzinfo=UTC)
RYE = "https://mill.example/rye"

DOCUMENT = Document(source="mill", role=Role.FILE, address="a/rye.txt", uri="file:///a/rye.txt", fetched_at=SEEN)
EXTRACTED = Extracted(
    text="The mill ground rye.\n\nSign up.",
    extractor="text/1",
    headline="Rye at last",
    subheadline="Forty sacks",
    byline=("Jutta Brenn",),
    published_at=datetime(2024, 4, 30, 8, tzinfo=UTC),
)
STRIPPED = Stripped(body="The mill ground rye.", removals=(Removal("sign-up", "newsletter", 20, 10, "\n\nSign up."),))
TAGGED = Tagged(
    tags=(Tag(tag="austria", scheme="country", code="AT", name="Austria", score=0.9, method="gazetteer/1"),),
    language="en",
    flags=frozenset({Flag.DATE_ONLY}),
)


def make(
    document: Document = DOCUMENT,
    extracted: Extracted = EXTRACTED,
    stripped: Stripped = STRIPPED,
    tagged: Tagged = TAGGED,
    data: bytes = b"bytes",
    version: str = "1-a",
) -> Made:
    raw = Raw(document=document, data=data, sha256=hashlib.sha256(data).hexdigest(), media_type="text/plain")
    return fingerprint(document, raw, extracted, stripped, tagged, pipeline_version=version)


def ident(document: Document = DOCUMENT, extracted: Extracted = EXTRACTED, content: str = "c") -> str:
    return article_id(document, extracted, content)


def with_url(extracted: Extracted, url: str) -> Extracted:
    return replace(extracted, url=url)


# Articles


def test_the_stated_address_is_the_article_wherever_it_was_found():
    same = {
        ident(replace(DOCUMENT, url=RYE)),
        ident(replace(DOCUMENT, url="http://MILL.example:80/rye?utm_source=feed#top")),
        ident(replace(DOCUMENT, source="other", address="7", role=Role.ENTRY, url=RYE)),
        ident(extracted=with_url(EXTRACTED, RYE)),
        ident(replace(DOCUMENT, role=Role.RECORD), with_url(EXTRACTED, RYE), "another content"),
    }
    assert len(same) == 1


def test_the_connectors_address_beats_the_texts_own():
    assert ident(replace(DOCUMENT, url=RYE), with_url(EXTRACTED, f"{RYE}/other")) == ident(replace(DOCUMENT, url=RYE))


def test_a_canonical_address_is_no_identity():
    assert ident(replace(DOCUMENT, url=RYE), replace(EXTRACTED, canonical_url=f"{RYE}/c")) == ident(
        replace(DOCUMENT, url=RYE)
    )


@pytest.mark.parametrize("other", ["https://www.mill.example/rye", f"{RYE}/", f"{RYE}?b=1&a=2", f"{RYE}?a=2&b=1"])
def test_addresses_that_a_site_may_tell_apart_are_articles_of_their_own(other):
    assert ident(replace(DOCUMENT, url=other)) != ident(replace(DOCUMENT, url=RYE))


@pytest.mark.parametrize("url", [None, "", "urn:mill:7", "not an address", "https://[broken"])
def test_without_a_web_address_the_place_is_the_article_whatever_it_says(url):
    document = replace(DOCUMENT, url=url)
    assert ident(document, content="one") == ident(DOCUMENT, content="two")
    assert ident(document) != ident(replace(document, address="b/rye.txt"))
    assert ident(document) != ident(replace(document, source="other"))


def test_a_row_with_an_id_is_its_place_and_one_without_its_content():
    row = replace(DOCUMENT, role=Role.RECORD, address="rows.jsonl#1")
    moved = replace(row, address="rows.jsonl#2")
    with_id = replace(EXTRACTED, record_id="o1")
    assert ident(row, with_id, "one") == ident(row, with_id, "two")
    assert ident(row, with_id) != ident(moved, with_id)
    assert ident(row, content="one") == ident(moved, content="one")
    assert ident(row, content="one") != ident(row, content="two")
    assert ident(row) != ident(replace(row, source="other"))


def test_the_same_folder_under_another_mount_gives_the_same_ids(tmp_path):
    one = tmp_path / "one"
    (one / "year").mkdir(parents=True)
    (one / "year" / "rye.txt").write_text("Rye at last\n\nThe mill at Oberau ground forty sacks.\n")
    (one / "rows.jsonl").write_text('{"id": "7", "text": "The ferry sailed."}\n{"text": "The lamp fell."}\n')
    (one / "empty.txt").touch()
    other = tmp_path / "mnt" / "deep" / "other"
    shutil.copytree(one, other)
    assert ids_below(one) == ids_below(other)
    assert len(ids_below(one)) == 4


@cache
def way() -> Way:
    return Way()


def ids_below(folder: Path) -> set[tuple[str, str | None]]:
    items = Folder().pull("mill", str(folder), None, NothingKnown())
    keys = [way()(item).key for item in items if isinstance(item, Document)]
    return {(key.document_id, key.article_id) for key in keys}


class NothingKnown:
    def files(self, source, paths):
        return {}

    def entries(self, document_ids):
        return {}


# Documents


def test_a_document_is_its_source_place_and_bytes():
    first = DOCUMENT.identity("a")
    elsewhere = replace(DOCUMENT, uri="file:///mnt/a/rye.txt", path="/mnt/a/rye.txt", fetched_at=SEEN + timedelta(1))
    assert elsewhere.identity("a") == first
    changed = [(DOCUMENT, "b"), (replace(DOCUMENT, address="x"), "a"), (replace(DOCUMENT, source="x"), "a")]
    assert len({first, *(d.identity(sha) for d, sha in changed)}) == 4


def test_a_further_payload_belongs_to_its_document():
    page = replace(DOCUMENT, role=Role.PAGE, document_id="d7")
    made = make(page)
    assert made.document.document_id == made.payloads[0].document_id == made.article.document_id == "d7"


def test_a_rejected_document_is_the_one_that_a_better_code_makes_an_article_of():
    no = verdict(b"bytes")
    yes = make()
    assert no.document.document_id == no.key.document_id == no.reject.document_id == yes.key.document_id
    assert no.payloads == yes.payloads


def verdict(data: bytes, payload_limit: int = 100) -> Made:
    return rejected(
        DOCUMENT,
        data,
        Rejected(Stage.READ, Reason.BINARY, "noise"),
        media_type="text/plain",
        charset=None,
        pipeline_version="1-a",
        payload_limit=payload_limit,
        clock=SEEN,
    )


def test_a_rejects_bytes_are_kept_up_to_the_limit():
    assert zstandard.decompress(verdict(b"12345", 5).payloads[0].data) == b"12345"
    assert verdict(b"123456", 5).payloads == ()
    assert verdict(b"123456", 5).document.size_bytes == 6
    assert verdict(b"").payloads == ()


@given(st.tuples(st.text(), st.text()), st.tuples(st.text(), st.text()))
def test_ids_do_not_run_into_each_other(one, other):
    makes = [replace(DOCUMENT, source=s, address=a).identity("sha") for s, a in (one, other)]
    assert (makes[0] == makes[1]) == (one == other)


# Versions


@pytest.mark.parametrize(
    "changed",
    [
        {"headline": "Rye"},
        {"headline": None},
        {"subheadline": "Fifty sacks"},
        {"byline": ("Jutta Brenn", "Elin Vastberg")},
        {"byline": ()},
        {"published_at": datetime(2024, 4, 30, 9, tzinfo=UTC)},
        {"published_at": None},
    ],
)
def test_what_a_reader_sees_makes_a_version(changed):
    before, after = make().article, make(extracted=replace(EXTRACTED, **changed)).article
    assert after.content_sha256 != before.content_sha256
    assert after.body_sha256 == before.body_sha256
    assert after.article_id == before.article_id


def test_the_body_makes_a_version_and_is_what_copies_share():
    before, after = make().article, make(stripped=replace(STRIPPED, body="The mill stood.")).article
    assert after.content_sha256 != before.content_sha256
    assert after.body_sha256 != before.body_sha256
    elsewhere = make(replace(DOCUMENT, source="x", address="y"), Extracted(text="", extractor="page/1")).article
    assert elsewhere.body_sha256 == before.body_sha256


@pytest.mark.parametrize(
    "changed",
    [
        {"section": "Rural"},
        {"summary": "Rye"},
        {"image_url": "https://mill.example/rye.jpg"},
        {"language": "de"},
        {"publisher": "Oberau Post"},
        {"canonical_url": RYE},
        {"stated_tags": ("rye",)},
        {"stated_sources": ("dpa",)},
        {"modified_at": SEEN},
        {"published_from": "json-ld"},
        {"extractor": "page/1"},
        {"flags": frozenset({Flag.TRUNCATED})},
    ],
)
def test_nothing_else_makes_a_version(changed):
    assert make(extracted=replace(EXTRACTED, **changed)).article.content_sha256 == make().article.content_sha256


def test_neither_place_nor_time_nor_tags_nor_removals_nor_code_make_a_version():
    others = [
        make(replace(DOCUMENT, fetched_at=SEEN + timedelta(1), uri="urn:x")),
        make(tagged=Tagged()),
        make(stripped=replace(STRIPPED, removals=(), dateline="OBERAU", credit_line="dpa")),
        make(data=b"other bytes"),
        make(version="2-b"),
    ]
    assert {m.article.content_sha256 for m in others} == {make().article.content_sha256}


def test_a_credit_in_the_text_is_the_byline_where_none_is_stated():
    credited = replace(STRIPPED, byline=("Elin Vastberg",))
    assert make(stripped=credited).article.byline == ("Jutta Brenn",)
    assert make(extracted=replace(EXTRACTED, byline=()), stripped=credited).article.byline == ("Elin Vastberg",)


def test_what_the_text_itself_tells_says_so():
    credited = replace(STRIPPED, byline=("Elin Vastberg",))
    stated = replace(EXTRACTED, byline_from="json-ld", language="sv", language_from="meta")
    swedish = Tagged(language="sv")
    row = make(extracted=stated, stripped=credited, tagged=swedish).article
    assert (row.byline_from, row.language_from) == ("json-ld", "meta")
    row = make(extracted=replace(stated, byline=(), language="en"), stripped=credited, tagged=swedish).article
    assert (row.byline_from, row.language_from) == ("text", "text")


@pytest.mark.parametrize(
    ("canonical", "url", "origin"),
    [(RYE, "https://mill.example/1", "meta"), ("no address", RYE, "url"), (None, None, None)],
)
def test_whence_the_canonical_address_is(canonical, url, origin):
    extracted = replace(EXTRACTED, canonical_url=canonical, canonical_from="meta" if canonical else None, url=url)
    assert make(replace(DOCUMENT, url=None), extracted=extracted).article.canonical_from == origin


def test_fields_do_not_run_into_each_other():
    split = make(extracted=replace(EXTRACTED, headline="ab", subheadline="c")).article
    joined = make(extracted=replace(EXTRACTED, headline="a", subheadline="bc")).article
    assert split.content_sha256 != joined.content_sha256
    one, two = (make(extracted=replace(EXTRACTED, byline=b)).article for b in (("A, B",), ("A", "B")))
    assert one.content_sha256 != two.content_sha256


def test_what_the_pipeline_made_is_told_apart_but_not_which_code_or_sight_made_it():
    derived = make().article.derived_sha256
    same = [make(version="2-b"), make(replace(DOCUMENT, fetched_at=SEEN + timedelta(1)))]
    assert {m.article.derived_sha256 for m in same} == {derived}
    others = [
        make(tagged=Tagged()),
        make(stripped=replace(STRIPPED, removals=())),
        make(stripped=replace(STRIPPED, body="The mill stood.")),
        make(extracted=replace(EXTRACTED, summary="Rye")),
    ]
    assert derived not in {m.article.derived_sha256 for m in others}


# Rows


def test_the_rows_of_an_article_name_it_and_its_payload_gives_the_bytes_back():
    made = make()
    assert {t.article_id for t in made.tags} == {r.article_id for r in made.removals} == {made.article.article_id}
    assert zstandard.decompress(made.payloads[0].data) == b"bytes"
    assert made.key.article_id == made.article.article_id
    assert made.key.reason is None
    assert made.reject is None


@pytest.mark.parametrize(
    ("canonical", "url", "expected"),
    [
        (f"{RYE}?utm_source=x", None, RYE),
        (RYE, "https://mill.example/7", RYE),
        (None, f"{RYE}#top", RYE),
        ("/rye", RYE, RYE),
        ("/rye", None, None),
        (None, None, None),
    ],
)
def test_the_canonical_address_is_the_pages_own_else_the_stated_one(canonical, url, expected):
    made = make(replace(DOCUMENT, url=url), replace(EXTRACTED, canonical_url=canonical))
    assert made.article.canonical_url == expected
    assert made.article.url == url


def test_staged_rows_are_one_batch_a_table_and_parts_name_their_payload():
    made = [make(), make(replace(DOCUMENT, address="b")), verdict(b"")]
    tables = staged(made)
    assert {name: batch.num_rows for name, batch in tables.items()} == {
        "keys": 3,
        "documents": 3,
        "payloads": 2,
        "articles": 2,
        "article_tags": 2,
        "removals": 2,
        "rejects": 1,
        "sketches": 2,
        "vectors": 2,
    }
    assert set(tables) == set(TABLES)
    for part in ("article_tags", "removals"):
        assert tables[part]["document_id"].to_pylist() == [m.key.document_id for m in made[:2]]
        assert tables[part]["payload_sha256"].to_pylist() == [m.key.sha256 for m in made[:2]]
    assert set(staged([verdict(b"")])) == {"keys", "documents", "rejects"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", 0),
        ("Forty sacks of rye.", 4),
        ("Forty sacks\n\nof  rye.", 4),
        ("Žluťoučký kůň – úpěl", 4),
        ("東京で火災。", 5),
        ("東京、大阪で 火災 3 件", 9),
        ("ภาษาไทย", 7),
        ("The word 漢字 is two", 6),
        ("서울에서 불이 났다", 3),
        ("مكتبة في المدينة", 3),
    ],
)
def test_words_are_counted_by_white_space_and_by_characters_where_there_is_none(body, words):
    assert count_words(body) == words
