from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from connectors.document import Document, Failure
from tests.lake import CLOCK, load_documents, query, record, rows_of
from warehouse.catalog import Home, open_lake
from warehouse.maintain import check, maintain
from warehouse.rows import Reason, Role

FERRY = "https://harbour.example/ferry"
OLD = "The ferry to Lunde sank at its mooring on Tuesday, and nobody was on board."
NEW = "The ferry to Lunde sank at its mooring on Tuesday. Two sailors swam ashore."


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_lake(Home(tmp_path / "home")) as connection:
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
    later = load_documents(lake, tmp_path, [record(OLD + " Late.", url=FERRY, seen=60)], "b3")
    assert later.documents == 1
    assert query(lake, "SELECT body FROM lake.articles") == [(NEW,)]


def test_an_entry_and_its_page_in_one_batch_are_one_document(lake, tmp_path):
    entry = record(OLD, url=FERRY)
    from pipelines.fingerprint import document_id
    from pipelines.read import read

    page = replace(record(NEW, url=FERRY, seen=3), role=Role.PAGE, document_id=document_id(entry, read(entry).sha256))
    counts = load_documents(lake, tmp_path, [entry, page])
    assert (counts.documents, counts.new) == (1, 1)
    assert query(lake, "SELECT body FROM lake.articles") == [(NEW,)]


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
documents_of_few_articles = st.lists(
    st.builds(
        lambda text, page, seen, source: (text, page, seen, source),
        st.sampled_from(TEXTS),
        st.integers(0, 1),
        st.integers(0, 500),
        st.just("wire"),
    ),
    min_size=1,
    max_size=7,
    unique_by=lambda d: d[2],
)


def made(parts: list[tuple[str, int, int, str]], site: str) -> list[Document]:
    return [record(t, url=f"{site}{p}", seen=seen, source=source) for t, p, seen, source in parts]


@pytest.fixture(scope="module")
def shared_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    folder = tmp_path_factory.mktemp("shared")
    with open_lake(Home(folder / "home")) as connection:
        yield connection, folder


EXAMPLES = itertools.count()


@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(parts=documents_of_few_articles, data=st.data())
def test_neither_order_nor_batches_decide_what_counts(shared_lake, parts, data):
    """Each article's current content is that of its latest document, whatever came first and with what."""
    connection, folder = shared_lake
    site = f"https://harbour{next(EXAMPLES)}.example/"
    shuffled = data.draw(st.permutations(parts))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(parts)), max_size=3)) | {len(parts)})
    for begin, end in itertools.pairwise([0, *cuts]):
        counts = load_documents(connection, folder, made(shuffled[begin:end], site), f"{site[8:-1]}-{end}")
        assert counts.documents == counts.new + counts.changed + counts.unchanged + counts.rejected
    found = dict(query(connection, "SELECT url, body FROM lake.articles WHERE starts_with(url, ?)", site))
    assert found == {f"{site}{p}": t for t, p, *_ in sorted(parts, key=lambda d: d[2])}
    numbers = query(connection, "SELECT list(version ORDER BY version) FROM lake.article_versions GROUP BY article_id")
    assert all(n == list(range(1, len(n) + 1)) for (n,) in numbers)
    assert check(connection) == []


def test_maintenance_changes_no_row(lake, tmp_path):
    for number in range(6):
        load_documents(
            lake, tmp_path, [record(f"{OLD} {number // 2}", url=f"{FERRY}/{number % 4}", seen=number)], f"b{number}"
        )
    before = rows_of(lake)
    done = maintain(lake, Home(tmp_path / "home"), clock=CLOCK, snapshot_days=30)
    assert rows_of(lake) == before
    assert done.problems == ()
