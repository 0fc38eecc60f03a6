from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from connectors.connector import Moved
from connectors.document import Document, Failure
from connectors.landing import land
from tests.lake import CLOCK, load_documents, new_home, query, record, rows_of
from warehouse import runs
from warehouse.catalog import Home, open_lake
from warehouse.known import LakeKnown, cursors, payloads, put_source, sources
from warehouse.load import Staging, load
from warehouse.maintain import check, maintain
from warehouse.rows import Flag, PollRow, Reason, Role, SourceRow

FERRY = "https://harbour.example/ferry"
OLD = "The ferry to Lunde sank at its mooring on Tuesday, and nobody was on board."
NEW = "The ferry to Lunde sank at its mooring on Tuesday. Two sailors swam ashore."


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_lake(new_home(tmp_path / "home")) as connection:
        yield connection


def versions(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return query(connection, "SELECT version, body, cause FROM lake.article_versions ORDER BY article_id, version")


def decisions(connection: duckdb.DuckDBPyConnection) -> list[str]:
    return [
        d for (d,) in query(connection, "SELECT decision FROM lake.outcomes ORDER BY run_id, document_id, decision")
    ]


def test_a_document_becomes_an_article_with_its_payload_and_outcome(lake, tmp_path):
    counts = load_documents(lake, tmp_path, [record(OLD, url=FERRY, headline="Ferry sinks")])
    assert (counts.documents, counts.new) == (1, 1)
    assert query(lake, "SELECT headline, body, version FROM lake.articles") == [("Ferry sinks", OLD, 1)]
    assert query(lake, "SELECT role FROM lake.payloads") == [("entry",)]
    assert decisions(lake) == ["new"]


def test_the_same_batch_loaded_twice_changes_nothing(lake, tmp_path):
    load_documents(lake, tmp_path, [record(OLD, url=FERRY)])
    before = rows_of(lake)
    assert load_documents(lake, tmp_path, [record(OLD, url=FERRY)]).documents == 0
    assert rows_of(lake) == before


def test_an_edit_makes_a_version_and_keeps_the_old_one(lake, tmp_path):
    load_documents(lake, tmp_path, [record(OLD, url=FERRY, tags=["ferries"])])
    counts = load_documents(lake, tmp_path, [record(NEW, url=FERRY, seen=5, tags=["rescue"])], "b2")
    assert counts.changed == 1
    assert versions(lake) == [(1, OLD, "source"), (2, NEW, "source")]
    assert query(lake, "SELECT body FROM lake.articles") == [(NEW,)]
    assert query(lake, "SELECT tag FROM lake.article_tags WHERE scheme = 'source'") == [("rescue",)]


def test_an_older_content_that_comes_late_takes_its_place_before_the_newer(lake, tmp_path):
    load_documents(lake, tmp_path, [record(NEW, url=FERRY, seen=5)])
    counts = load_documents(lake, tmp_path, [record(OLD, url=FERRY, seen=1)], "b2")
    assert counts.changed == 1
    assert versions(lake) == [(1, OLD, "source"), (2, NEW, "source")]
    assert query(lake, "SELECT version FROM lake.outcomes ORDER BY run_id") == [(2,), (1,)]
    assert query(lake, "SELECT DISTINCT first_seen_at::VARCHAR FROM lake.article_versions") == [
        ("2024-03-05 00:01:00+00",)
    ]


def test_a_return_to_the_old_content_is_a_third_version(lake, tmp_path):
    for number, (text, seen) in enumerate([(OLD, 1), (NEW, 2), (OLD, 3)]):
        load_documents(lake, tmp_path, [record(text, url=FERRY, seen=seen)], f"b{number}")
    assert [v[:2] for v in versions(lake)] == [(1, OLD), (2, NEW), (3, OLD)]


def test_a_document_seen_again_outranks_what_came_between(lake, tmp_path):
    for number, (text, seen) in enumerate([(OLD, 1), (OLD, 5), (NEW, 3)]):
        load_documents(lake, tmp_path, [record(text, url=FERRY, seen=seen)], f"b{number}")
    assert query(lake, "SELECT body FROM lake.articles") == [(OLD,)]


def test_the_same_content_again_is_unchanged(lake, tmp_path):
    load_documents(lake, tmp_path, [record(OLD, url=FERRY)])
    counts = load_documents(lake, tmp_path, [record(OLD, url=FERRY + "?utm_source=x", seen=9)], "b2")
    assert (counts.unchanged, counts.new, counts.changed) == (1, 0, 0)
    assert len(versions(lake)) == 1


def test_one_row_that_stands_twice_in_a_batch_is_stored_once_and_counted_twice(lake, tmp_path):
    counts = load_documents(lake, tmp_path, [record(OLD, url=FERRY)] * 3)
    assert (counts.documents, counts.new, counts.unchanged) == (3, 1, 2)
    assert [len(query(lake, f"FROM lake.{t}")) for t in ("documents", "payloads", "articles", "outcomes")] == [1] * 4


def test_another_source_with_the_same_address_does_not_take_the_article_over(lake, tmp_path):
    load_documents(lake, tmp_path, [record(OLD, url=FERRY, source="harbour")])
    counts = load_documents(lake, tmp_path, [record(NEW, url=FERRY, source="gossip", seen=9)], "b2")
    assert counts.unchanged == 1
    assert query(lake, "SELECT source, body FROM lake.articles") == [("harbour", OLD)]
    assert query(lake, "SELECT reason FROM lake.outcomes WHERE decision = 'unchanged'") == [
        ("another source brought the article",)
    ]


def test_a_page_that_comes_after_its_entry_outranks_it(lake, tmp_path):
    entry = record(OLD, url=FERRY)
    load_documents(lake, tmp_path, [entry])
    ((document_id,),) = query(lake, "SELECT document_id FROM lake.documents")
    page = replace(record(NEW, url=FERRY, seen=3), role=Role.PAGE, document_id=document_id)
    counts = load_documents(lake, tmp_path, [page], "b2")
    assert counts.changed == 1
    assert query(lake, "SELECT body, role, version FROM lake.articles") == [(NEW, "page", 2)]
    assert query(lake, "SELECT role FROM lake.payloads ORDER BY role") == [("entry",), ("page",)]
    assert len(query(lake, "FROM lake.documents")) == 1
    counts = load_documents(lake, tmp_path, [record(OLD, url=FERRY, seen=60)], "b3")
    assert counts.unchanged == 1
    assert query(lake, "SELECT body FROM lake.articles") == [(NEW,)]


def test_an_entry_and_its_page_in_one_batch_are_one_document(lake, tmp_path):
    entry = record(OLD, url=FERRY)
    from pipelines.read import read

    page = replace(record(NEW, url=FERRY, seen=3), role=Role.PAGE, document_id=entry.identity(read(entry).sha256))
    counts = load_documents(lake, tmp_path, [entry, page])
    assert (counts.documents, counts.new) == (1, 1)
    assert query(lake, "SELECT body FROM lake.articles") == [(NEW,)]


def with_page(entry: Document, text: str, *, seen: int, is_late: bool = False, flags: frozenset[Flag] = frozenset()):
    """The page behind an entry, fetched with it or, as a further payload, later."""
    page = record(text, url=entry.url, seen=seen, role=Role.PAGE)
    ident = entry.identity(hashlib.sha256(entry.data or b"").hexdigest()) if is_late else None
    return replace(page, address=entry.address, entry=entry.data, document_id=ident, flags=flags)


class TestPages:
    def test_an_entry_and_its_page_are_two_payloads_of_one_document(self, lake, tmp_path):
        entry = record(OLD, url=FERRY)
        counts = load_documents(lake, tmp_path, [with_page(entry, NEW, seen=1)])
        assert (counts.documents, counts.new) == (1, 1)
        sha256 = hashlib.sha256(entry.data).hexdigest()
        assert query(lake, "SELECT kind, payload_sha256, size_bytes FROM lake.documents") == [
            ("entry", sha256, len(entry.data))
        ]
        assert query(lake, "SELECT role, sha256 = ? FROM lake.payloads ORDER BY role", sha256) == [
            ("entry", True),
            ("page", False),
        ]
        assert query(lake, "SELECT body, role, version FROM lake.articles") == [(NEW, "page", 1)]
        ((document_id,),) = query(lake, "SELECT document_id FROM lake.documents")
        assert payloads(lake, [document_id, "other"], Role.ENTRY) == {document_id: entry.data}
        assert set(LakeKnown(lake, "t").entries([document_id])) == {document_id}

    def test_the_page_of_a_reject_is_kept_beside_its_entry(self, lake, tmp_path):
        page = replace(with_page(record("", url=FERRY), "", seen=1), data=b" \n ", media_type="text/html")
        assert load_documents(lake, tmp_path, [page]).rejected == 1
        assert query(lake, "SELECT role FROM lake.payloads ORDER BY role") == [("entry",), ("page",)]

    def test_what_is_noticed_of_a_page_that_comes_later_is_what_the_document_says(self, lake, tmp_path):
        entry = replace(record(OLD, url=FERRY), flags=frozenset({Flag.PAGE_MISSING}))
        load_documents(lake, tmp_path, [entry])
        broken = replace(with_page(entry, NEW, seen=3, is_late=True), data=b" ")
        load_documents(lake, tmp_path, [broken], "b2")
        flags = "SELECT d.flags, a.flags FROM lake.articles a JOIN lake.documents d USING (document_id)"
        assert query(lake, flags) == [([], ["page-missing"])]
        page = with_page(entry, NEW, seen=5, is_late=True, flags=frozenset({Flag.NOAI}))
        load_documents(lake, tmp_path, [replace(page, charset="windows-1252", final_uri=f"{FERRY}/1")], "b3")
        assert query(lake, flags) == [(["noai"], ["noai"])]
        assert query(lake, "SELECT final_uri FROM lake.documents") == [(f"{FERRY}/1",)]

    def test_neither_order_nor_batches_of_entries_and_pages_decide(self, tmp_path):
        entry, edited = record(OLD, url=FERRY), record(OLD + " Edited.", url=FERRY, seen=100)
        documents = [
            entry,
            with_page(entry, NEW, seen=5, is_late=True),
            with_page(entry, NEW, seen=60, is_late=True),
            with_page(entry, NEW + " Three.", seen=90, is_late=True),
            with_page(edited, NEW + " Four.", seen=120),
            record(OLD + " Edited again.", url=FERRY, seen=150),
        ]
        whole = self.lake_of(tmp_path / "whole", [documents])
        assert len(whole["superseded"]) == 4
        for number, order in enumerate([(5, 4, 3, 2, 1, 0), (2, 0, 5, 4, 1, 3)]):
            found = self.lake_of(tmp_path / str(number), [[documents[n]] for n in order])
            assert found == whole, order

    def test_an_edited_entry_outranks_the_page_of_the_entry_before_it(self, lake, tmp_path):
        """Whether they state when they were modified or not, and in whatever order they come."""
        first, second = {"modified": "2024-03-05T00:03:00Z"}, {"modified": "2024-03-05T00:08:00Z"}
        orders = []
        for number, (stated, edit) in enumerate([(first, second), (first, {}), ({}, second), ({}, {})]):
            for order in itertools.permutations(range(3)):
                url = f"{FERRY}/{number}/{''.join(map(str, order))}"
                entry = record(f"{url} in short.", url=url, **stated)
                text = record(f"{url} at length.", url=url, **stated)
                page = replace(with_page(entry, "", seen=5, is_late=True), data=text.data)
                documents = [entry, page, record(f"{url} corrected.", url=url, seen=10, **edit)]
                orders.append([documents[n] for n in order])
        for number, documents in enumerate(zip(*orders, strict=True)):
            load_documents(lake, tmp_path, documents, f"b{number}")
        found = query(lake, "SELECT url, list(body ORDER BY version) FROM lake.article_versions GROUP BY url")
        assert found == [(u, [f"{u} in short.", f"{u} at length.", f"{u} corrected."]) for u, _ in found]
        assert len(found) == 24
        assert check(lake) == []

    def test_a_page_that_states_an_old_date_still_stands_for_its_entry(self, lake, tmp_path):
        entry = record("A teaser.", url=FERRY, seen=10)
        dated = record(NEW, url=FERRY, modified="2024-03-04T00:00:00Z").data
        page = replace(with_page(entry, NEW, seen=12, is_late=True), data=dated)
        for number, document in enumerate([record(OLD, url=FERRY, seen=5), entry, page]):
            load_documents(lake, tmp_path, [document], f"b{number}")
        assert [v[1] for v in versions(lake)] == [OLD, "A teaser.", NEW]

    @staticmethod
    def lake_of(folder: Path, batches: list[list[Document]]) -> dict[str, list[tuple[Any, ...]]]:
        with open_lake(new_home(folder / "home")) as connection:
            for number, documents in enumerate(batches):
                load_documents(connection, folder, documents, f"b{number}")
            assert check(connection) == []
            tables = ("articles", "superseded", "documents", "payloads", "duplicates", "rejects", "removals")
            return rows_of(connection, without=("fetched_at", "seen_at", "data"), tables=tables)


class TestNamesakes:
    """A feed that gives one id and another link to texts with words in common: another article, and a copy of the first."""

    @staticmethod
    def entry(link: str, text: str, published: str | None = None, *, guid: str = "g1", seen: int = 0) -> Document:
        told = f"The ferry to Ondra stays in port tonight, the harbour office said: {text}"
        return replace(record(told, url=f"https://{link}.example/", seen=seen, published=published), address=guid)

    @staticmethod
    def copies(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str, str]]:
        rows = query(
            connection,
            """SELECT a.url[9:9], o.url[9:9], reason FROM lake.duplicates d JOIN lake.articles a USING (article_id)
            JOIN lake.articles o ON o.article_id = duplicate_of""",
        )
        return set(rows)

    def test_the_first_is_the_original_whatever_came_first(self, lake, tmp_path):
        load_documents(lake, tmp_path, [self.entry("b", "Two.", "2024-03-02"), self.entry("x", "Else.", guid="g2")])
        counts = load_documents(lake, tmp_path, [self.entry("a", "One.", "2024-03-01")], "b2")
        assert (counts.new, counts.duplicates) == (1, 1)
        assert self.copies(lake) == {("b", "a", "guid")}
        load_documents(lake, tmp_path, [self.entry("c", "Three."), self.entry("0", "0.", "2024-02-01")], "b3")
        assert self.copies(lake) == {("a", "0", "guid"), ("b", "0", "guid"), ("c", "0", "guid")}
        assert check(lake) == []

    def test_an_id_that_is_used_again_for_something_else_makes_no_copy(self, lake, tmp_path):
        other = replace(record("Nobody was hurt in the quarry's fire.", url="https://b.example/"), address="g1")
        load_documents(lake, tmp_path, [self.entry("a", "One.")])
        assert load_documents(lake, tmp_path, [other], "b2").new == 1
        assert self.copies(lake) == set()

    def test_one_link_with_other_content_is_no_copy(self, lake, tmp_path):
        for number, text in enumerate(("One.", "Two.")):
            load_documents(lake, tmp_path, [self.entry("a", text, seen=number)], f"b{number}")
        other = replace(self.entry("b", "Three."), source="other wire")
        load_documents(lake, tmp_path, [other], "b3")
        assert self.copies(lake) == set()

    def test_an_exact_copy_is_no_copy_by_id_and_none_is_of_a_copy(self, lake, tmp_path):
        batches = [
            [self.entry("a", "One.", "2024-03-02"), self.entry("b", "Two.", "2024-03-03")],
            [self.entry("c", "Two.", "2024-03-04", guid="g3")],  # content of b, which is of a
            [self.entry("d", "One.", "2024-03-01", guid="g4")],  # takes a over, and with it what was a's
            [self.entry("e", "One.", "2024-03-05")],  # content and id alike
        ]
        for number, documents in enumerate(batches):
            load_documents(lake, tmp_path, documents, f"b{number}")
            assert check(lake) == []
        assert self.copies(lake) == {
            ("a", "d", "content"),
            ("b", "d", "guid"),
            ("c", "d", "content"),
            ("e", "d", "content"),
        }


class TestCopies:
    def test_the_first_published_is_the_original(self, lake, tmp_path):
        load_documents(
            lake,
            tmp_path,
            [
                record(OLD, url="https://a.example/1", published="2024-03-02T00:00:00Z"),
                record(OLD, url="https://b.example/1", published="2024-03-01T00:00:00Z"),
                record(OLD, url="https://c.example/1"),
            ],
        )
        assert self.copies(lake) == [
            ("https://a.example/1", "https://b.example/1"),
            ("https://c.example/1", "https://b.example/1"),
        ]

    def test_a_late_original_takes_over_the_copies(self, lake, tmp_path):
        load_documents(
            lake, tmp_path, [record(OLD, url=f"https://{x}.example/1", published="2024-03-02") for x in "ab"]
        )
        counts = load_documents(lake, tmp_path, [record(OLD, url="https://z.example/1", published="2024-03-01")], "b2")
        assert {original for _, original in self.copies(lake)} == {"https://z.example/1"}
        assert len(self.copies(lake)) == 2
        assert counts.new == 1

    def test_an_edited_copy_is_no_copy_any_more(self, lake, tmp_path):
        load_documents(lake, tmp_path, [record(OLD, url=f"https://{x}.example/1") for x in "abc"])
        ((original,),) = query(
            lake, "SELECT DISTINCT url FROM lake.duplicates d JOIN lake.articles a ON a.article_id = duplicate_of"
        )
        load_documents(lake, tmp_path, [record(NEW, url=original, seen=9)], "b2")
        copies = self.copies(lake)
        assert len(copies) == 1
        assert original not in copies[0]

    @staticmethod
    def copies(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
        return query(
            connection,
            """SELECT a.url, o.url FROM lake.duplicates d JOIN lake.articles a USING (article_id)
            JOIN lake.articles o ON o.article_id = duplicate_of ORDER BY 1""",
        )


def test_a_reject_is_stored_once_and_counted_each_time(lake, tmp_path):
    broken = replace(record("x"), data=b"\x89PNG\r\n\x1a\n" + bytes(64), media_type=None, role=Role.FILE)
    for batch in ("b1", "b2"):
        counts = load_documents(lake, tmp_path, [broken], batch)
        assert (counts.documents, counts.rejected) == (1, 1)
    assert query(lake, "SELECT stage, reason, run_id FROM lake.rejects") == [("read", "binary", "run-b1")]
    assert decisions(lake) == ["rejected", "rejected"]


def test_better_code_counts_whatever_date_it_reads_anew(lake, tmp_path):
    first = record(OLD, url=FERRY, modified="2024-03-05T10:00:00Z")
    load_documents(lake, tmp_path, [first])
    lake.execute("UPDATE lake.articles SET modified_at = '2030-01-01 00:00:00+00', content_sha256 = 'older code'")
    counts = load_documents(lake, tmp_path, [first], "b2")
    assert counts.changed == 1
    assert query(lake, "SELECT version, cause, content_sha256 <> 'older code' FROM lake.articles") == [
        (2, "pipeline", True)
    ]


def test_an_article_whose_page_is_rejected_later_is_no_reject(lake, tmp_path):
    load_documents(lake, tmp_path, [record(OLD, url=FERRY)])
    ((document_id,),) = query(lake, "SELECT document_id FROM lake.documents")
    page = replace(record("x", url=FERRY, seen=3), role=Role.PAGE, document_id=document_id, data=b" ")
    counts = load_documents(lake, tmp_path, [page], "b2")
    assert counts.rejected == 1
    assert query(lake, "FROM lake.rejects") == []


def test_a_file_that_can_be_read_again_is_no_reject_any_more(lake, tmp_path):
    unread = replace(record(OLD), role=Role.FILE, data=None, failure=Failure(Reason.UNREADABLE, "no permission"))
    load_documents(lake, tmp_path, [unread])
    assert len(query(lake, "FROM lake.rejects")) == 1
    load_documents(lake, tmp_path, [replace(record(OLD), role=Role.FILE)], "b2")
    assert query(lake, "FROM lake.rejects") == []
    assert len(query(lake, "FROM lake.articles")) == 1


TEXTS = [OLD, NEW, "The council of Lunde voted to build a second pier before the winter storms."]


@dataclass(frozen=True)
class Part:
    """An entry as a poll at minute `seen` gave it, or its page, fetched then; `note` is no part of the content."""

    text: str
    note: bool
    path: int
    seen: int
    page: str | None

    def document(self, site: str) -> Document:
        entry = record(self.text, url=f"{site}{self.path}", seen=self.seen, note=self.note)
        if self.page is None:
            return entry
        return with_page(entry, self.body, seen=self.seen, is_late=self.page == "late")

    @property
    def body(self) -> str:
        return self.text if self.page is None else f"{self.text} And the page, of minute {self.seen}."


def current(parts: list[Part]) -> str:
    """The text that counts: of the entry that was seen or fetched last, its latest page, or itself."""
    last = max(parts, key=lambda p: p.seen)
    pages = [p for p in parts if p.page and (p.text, p.note) == (last.text, last.note)]
    return max(pages, default=last, key=lambda p: p.seen).body


documents_of_few_articles = st.lists(
    st.builds(
        Part,
        text=st.sampled_from(TEXTS),
        note=st.booleans(),
        path=st.integers(0, 1),
        seen=st.integers(0, 500),
        page=st.sampled_from([None, None, "late", "at once"]),
    ),
    min_size=1,
    max_size=7,
    unique_by=lambda p: p.seen,
)


@pytest.fixture(scope="module")
def shared_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    folder = tmp_path_factory.mktemp("shared")
    with open_lake(Home(folder / "home")) as connection:
        yield connection, folder


EXAMPLES = itertools.count()


@settings(max_examples=10, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(parts=documents_of_few_articles, data=st.data())
def test_neither_order_nor_batches_decide_what_counts(shared_lake, parts, data):
    """Each article's current content is that of its latest entry or of its page, whatever came first and with what."""
    connection, folder = shared_lake
    site = f"https://harbour{next(EXAMPLES)}.example/"
    shuffled = data.draw(st.permutations(parts))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(parts)), max_size=2)) | {len(parts)})
    for begin, end in itertools.pairwise([0, *cuts]):
        documents = [part.document(site) for part in shuffled[begin:end]]
        counts = load_documents(connection, folder, documents, f"{site[8:-1]}-{end}")
        assert counts.documents == counts.new + counts.changed + counts.unchanged + counts.rejected
    found = dict(query(connection, "SELECT url, body FROM lake.articles WHERE starts_with(url, ?)", site))
    paths = {part.path for part in parts}
    assert found == {f"{site}{path}": current([p for p in parts if p.path == path]) for path in paths}
    numbers = query(connection, "SELECT list(version ORDER BY version) FROM lake.article_versions GROUP BY article_id")
    assert all(n == list(range(1, len(n) + 1)) for (n,) in numbers)
    assert check(connection) == []


def learnt(name: str, **more: Any) -> SourceRow:
    nothing = dict.fromkeys(("interval_s", "interval_reason", "last_success_at", "error"))
    return SourceRow(source=name, kind="feed", location="", state="ok", **nothing | {"added_at": CLOCK} | more)


def test_what_polls_learnt_of_sources_takes_the_place_of_what_was_known(lake, tmp_path):
    poll = {"http_status": 304, "entries": None, "new_entries": None, "size_bytes": 0, "duration_ms": 9}
    for number in range(2):
        at = CLOCK + timedelta(hours=number)
        items = [
            PollRow(source="a", polled_at=at, outcome="ok", next_poll_at=at, reason=None, error=None, **poll),
            learnt("a", etag=f'W/"{number}"', added_at=at),
            Moved("a", f"{number}".encode()),
        ]
        (batch,) = land([*items, learnt("b")] if not number else items, tmp_path, f"r{number}")
        runs.begin(lake, f"r{number}", "ingest", clock=at, pipeline_version="t")
        staging = Staging(batch_id=batch.batch_id, markers=batch.folder, staged=batch.folder / "staged", unchanged=20)
        counts = [load(lake, staging, f"r{number}", clock=at, pipeline_version="t") for _ in range(2)]
        assert [c.documents for c in counts] == [20, 0]
    assert sources(lake) == {"a": learnt("a", etag='W/"1"'), "b": learnt("b")}
    assert cursors(lake) == {"a": b"1"}
    assert len(query(lake, "FROM lake.polls")) == 2


def test_of_two_runs_at_once_the_later_poll_counts_whichever_loads_last(lake, tmp_path):
    def polled(run: str, *, minute: int, cursor: bytes) -> list[Any]:
        at = CLOCK + timedelta(minutes=minute)
        return [learnt("a", last_polled_at=at, etag=run), Moved("a", cursor), learnt("b", etag=run), Moved("b", cursor)]

    polls = {"late": 5, "early": 1, "next": 9, "wrong": 5000, "right": 12}
    for run, minute in polls.items():
        (batch,) = land(polled(run, minute=minute, cursor=run.encode()), tmp_path, run)
        clock = CLOCK + timedelta(hours=1)
        runs.begin(lake, run, "ingest", clock=clock, pipeline_version="t")
        staging = Staging(batch_id=batch.batch_id, markers=batch.folder, staged=batch.folder / "staged")
        load(lake, staging, run, clock=clock, pipeline_version="t")
        kept = "late" if run == "early" else run
        assert cursors(lake) == {"a": kept.encode(), "b": run.encode()}
        assert {name: row.etag for name, row in sources(lake).items()} == {"a": kept, "b": run}


def test_a_home_of_older_code_gets_the_columns_that_it_lacks(tmp_path):
    home = Home(tmp_path / "home")
    with open_lake(home) as connection:
        load_documents(connection, tmp_path, [record(OLD, url=FERRY)])
        put_source(connection, learnt("a"))
        for column in ("sources.error_streak", "sources.etag", "polls.gap", "documents.flags"):
            table, name = column.split(".")
            connection.execute(f"ALTER TABLE lake.{table} DROP COLUMN {name}")
    with open_lake(home) as connection:
        assert sources(connection) == {"a": learnt("a")}
        assert query(connection, "SELECT flags FROM lake.documents") == [(None,)]
        load_documents(connection, tmp_path, [with_page(record(OLD, url=FERRY), NEW, seen=2)], "b2")
        assert query(connection, "SELECT flags FROM lake.documents") == [([],)]


def test_maintenance_changes_no_row(lake, tmp_path):
    for number in range(6):
        load_documents(
            lake, tmp_path, [record(f"{OLD} {number // 2}", url=f"{FERRY}/{number % 4}", seen=number)], f"b{number}"
        )
    before = rows_of(lake)
    done = maintain(lake, Home(tmp_path / "home"), clock=CLOCK, snapshot_days=30)
    assert rows_of(lake) == before
    assert done.problems == ()
