"""`explain`: each way to name a document or an article finds it, and what is told of it is what the lake holds."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import zstandard

from connectors.document import digest
from connectors.names import file_uri
from flows.explain import Explanation, explain, print_explanation
from flows.show import print_json
from pipelines.address import normalise
from warehouse.catalog import Home, open_lake
from warehouse.rows import TABLES
from warehouse.schema import columns

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

NOW = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)
URL = "https://quay-gazette.example/ferry?utm_source=x"
FERRY = digest("address", normalise(URL) or "")
_EMPTY = {str: "", int: 0, float: 0.0, bytes: b"", bool: True, datetime: NOW}


ENTRY = zstandard.compress(json.dumps({"id": "guid-1", "title": "Ferry \x1b[2J stays", "tags": ["fog"]}).encode())


def insert(lake: duckdb.DuckDBPyConnection, table: str, **values: Any) -> None:
    """A row, with something for each column that must hold something."""
    row = {
        name: None if nullable else [] if is_list else _EMPTY[kind]
        for name, kind, is_list, nullable in columns(TABLES[table])
    } | values
    lake.execute(
        f"INSERT INTO lake.{table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values())
    )


def document(lake: duckdb.DuckDBPyConnection, ident: str, uri: str, address: str, **values: Any) -> None:
    row = {"source": "folder", "kind": "file", "media_type": "text/plain", "fetched_at": NOW, "run_id": "r1"} | values
    insert(lake, "documents", document_id=ident, uri=uri, address=address, **row)


def outcome(lake: duckdb.DuckDBPyConnection, ident: str, article: str | None, decision: str, **values: Any) -> None:
    row = {"run_id": "r1", "version": 1 if article else None} | values
    insert(lake, "outcomes", document_id=ident, article_id=article, decision=decision, **row)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that was read, and the home of its lake."""
    root = tmp_path_factory.mktemp("place").resolve()
    folder = root / "texts"
    (folder / "sub").mkdir(parents=True)
    for name in ("ferry.txt", "sub/渡船 1.txt", "edited.txt", "never.txt", ".hidden.txt", "rows.jsonl"):
        (folder / name).write_text(f"The text of {name}.", encoding="utf-8")
    (folder / "link.txt").symlink_to("ferry.txt")
    with open_lake(Home(root / "home")) as lake:
        fill(lake, folder)
    return root


def fill(lake: duckdb.DuckDBPyConnection, folder: Path) -> None:
    insert(lake, "sources", source="folder", kind="folder", location=str(folder), state="ok")
    for name in ("ferry.txt", "sub/渡船 1.txt", "edited.txt", "rows.jsonl"):
        status = (folder / name).stat()
        size = status.st_size + (name == "edited.txt")
        insert(lake, "files", source="folder", path=name, size_bytes=size, modified_ns=status.st_mtime_ns, records=1)
    document(lake, "a" * 8 + "1" * 24, file_uri(str(folder / "ferry.txt")), "ferry.txt")
    document(lake, "a" * 8 + "2" * 24, "file:///old/mount/sub/x.txt", "sub/渡船 1.txt", headers="{}", http_status=200)
    document(lake, "b" * 32, file_uri(str(folder / "rows.jsonl")) + "#o 1#2", "rows.jsonl#o 1#2", kind="record")
    then = NOW - timedelta(days=40)
    document(lake, "c" * 32, URL, "guid-1", kind="entry", url=URL, fetched_at=then, source="quay", flags=["noai"])
    insert(lake, "payloads", document_id="c" * 32, role="entry", data=ENTRY, fetched_at=then)
    for hours in (-9, -5, -1, 1, 5):
        moment = then + timedelta(hours=hours)
        insert(lake, "polls", source="quay", polled_at=moment, outcome="ok", new_entries=40 + hours)
    insert(lake, "payloads", document_id="c" * 32, role="page", data=b"123", fetched_at=NOW)
    insert(lake, "payloads", document_id="a" * 8 + "1" * 24, role="file", data=b"1234567", fetched_at=NOW)
    reject = {"stage": "read", "reason": "binary", "detail": "\x1b[31mnoise\x07", "uri": URL, "source": "folder"}
    insert(lake, "rejects", document_id="a" * 8 + "2" * 24, pipeline_version="1-x", **reject)
    outcome(lake, "a" * 8 + "2" * 24, None, "rejected", reason="binary")
    articles(lake)


def articles(lake: duckdb.DuckDBPyConnection) -> None:
    first = {
        "article_id": FERRY,
        "document_id": "c" * 32,
        "url": URL,
        "canonical_url": normalise(URL),
        "headline": "Ferry stays in port",
        "body": "Fog.\n\nThe ferry waits.\n\nNobody minds.",
        "published_at": None,
        "cause": "source",
        "role": "entry",
        "extractor": "record/1",
        "version": 1,
    }
    then = {"headline": "渡船は出た", "body": "Fog.\n\nThe ferry left.", "published_at": NOW, "version": 2}
    then |= {"role": "page", "extractor": "page/1", "headline_from": "json-ld"}
    insert(lake, "superseded", **first)
    insert(lake, "articles", **first | then)
    insert(lake, "articles", article_id="e" * 32, document_id="a" * 8 + "1" * 24, headline=None, body="Fog.", version=1)
    insert(lake, "duplicates", article_id="e" * 32, duplicate_of=FERRY, reason="content", score=1.0)
    insert(lake, "article_tags", article_id=FERRY, tag="no", scheme="country", name="Norway", evidence="Norway ×2")
    for version, text in ((1, "Old footer"), (2, "Sign up\nfor our letter")):
        insert(lake, "removals", article_id=FERRY, version=version, rule="sign-up", family="promotion", text=text)
    outcome(lake, "c" * 32, FERRY, "new")
    outcome(lake, "c" * 32, FERRY, "changed", run_id="r2", version=2)
    outcome(lake, "a" * 8 + "1" * 24, "e" * 32, "new")


def ask(place: Path, what: object) -> Explanation:
    return explain(Home(place / "home"), str(what))


def printed(found: Explanation) -> str:
    out = io.StringIO()
    print_explanation(found, out)
    return out.getvalue()


def documents(found: Explanation) -> list[str]:
    return [story.document["document_id"] for story in found.documents]


@pytest.mark.parametrize(
    "what",
    [URL, "HTTP://quay-gazette.example/ferry?utm_campaign=other#top", FERRY, FERRY[:6], "c" * 32, "c" * 7],
)
def test_an_article_is_found_by_any_name(place: Path, what: str) -> None:
    found = ask(place, what)
    assert found.is_found
    assert [a.article["article_id"] for a in found.articles] == [FERRY]
    assert documents(found) == ["c" * 32]


def test_the_story_of_an_article(place: Path) -> None:
    found = ask(place, FERRY)
    (story,) = found.articles
    assert story.article["headline"] == "渡船は出た"
    assert [v.version for v in story.versions] == [1, 2]
    assert story.versions[0].changes == ()
    headline, published, *body = story.versions[1].changes
    assert headline == "headline: “Ferry stays in port” → “渡船は出た”"
    assert published.startswith("published_at: none → ")
    assert body == ["body: 2 paragraphs out, 1 in", "- The ferry waits.", "- Nobody minds.", "+ The ferry left."]
    assert [c["article_id"] for c in story.copies] == ["e" * 32]
    assert story.copy_of is None
    text = printed(found)
    for told in ("Norway ×2", "copies of it: 1", "Sign up for our letter", "changed", "r2", "entry", "page"):
        assert told in text
    assert "Old footer" not in text  # what was taken out of an older version is in the JSON
    assert [r["version"] for r in story.removals] == [1, 2]


def test_all_payloads_of_an_entry_are_found_a_later_page_too(place: Path) -> None:
    (story,) = ask(place, "c" * 32).documents
    assert {(p["role"], p["stored_bytes"]) for p in story.payloads} == {("entry", len(ENTRY)), ("page", 3)}
    assert [o["decision"] for o in story.outcomes] == ["new", "changed"]


def test_of_a_feeds_document_the_entry_its_flags_and_the_polls_around_it_are_told(place: Path) -> None:
    found = ask(place, "c" * 32)
    (story,) = found.documents
    assert [p["new_entries"] for p in story.polls] == [35, 39, 41]
    assert story.entry is not None
    assert story.entry["tags"] == ["fog"]
    text = printed(found)
    for told in ("noai", '["fog"]', "2031-05-04", "of the page by page/1", "polls of its feed"):
        assert told in text
    assert "\x1b" not in text


def test_a_copy_names_its_original(place: Path) -> None:
    found = ask(place, "e" * 32)
    assert f"a copy of {FERRY} (content, score 1.00)" in printed(found)


def test_a_path_by_each_spelling(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place / "texts" / "ferry.txt"
    monkeypatch.chdir(place / "texts" / "sub")
    (place / "mount").symlink_to(place / "texts") if not (place / "mount").is_symlink() else None
    for what in (path, "../ferry.txt", file_uri(str(path)), place / "mount" / "ferry.txt"):
        found = ask(place, what)
        assert documents(found) == ["a" * 8 + "1" * 24]
        assert found.file is not None
        assert found.file.now.startswith("unchanged since it was read")
        assert [p["role"] for p in found.documents[0].payloads] == ["file"]


def test_a_document_from_another_mount_is_found_by_its_place_in_the_source(place: Path) -> None:
    found = ask(place, place / "texts" / "sub" / "渡船 1.txt")
    (story,) = found.documents
    assert story.reject is not None
    text = printed(found)
    assert "not a text: a picture" in text  # the sentence of the reason
    assert "what to do" in text
    assert "try again: newsmill" in text
    assert not set(text) & {"\x1b", "\x07"}


def test_a_record_with_a_hash_in_its_id(place: Path) -> None:
    path = place / "texts" / "rows.jsonl"
    for what in (path, f"{path}#o 1#2", file_uri(str(path)) + "#o 1#2"):
        assert documents(ask(place, what)) == ["b" * 32]
    assert not ask(place, f"{path}#o9").documents


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("edited.txt", "has changed since it was read"),
        ("never.txt", "was not read"),
        (".hidden.txt", "passed over: hidden"),
        ("link.txt", "a symbolic link"),
    ],
)
def test_how_a_file_is_now(place: Path, name: str, told: str) -> None:
    found = ask(place, place / "texts" / name)
    assert found.is_found
    assert found.file is not None
    assert told in found.file.now


def test_a_file_that_is_gone(place: Path) -> None:
    with open_lake(Home(place / "home")) as lake:
        insert(lake, "files", source="folder", path="gone.txt", records=1)
    found = ask(place, place / "texts" / "gone.txt")
    assert found.file is not None
    assert "now it cannot be" in found.file.now


def test_a_folder_lists_what_was_read_below_it(place: Path) -> None:
    found = ask(place, place / "texts")
    assert set(documents(found)) == {"a" * 8 + "1" * 24, "b" * 32}


def test_a_file_of_no_source(place: Path) -> None:
    (place / "stray.txt").write_text("x")
    found = ask(place, place / "stray.txt")
    assert not found.is_found
    assert "newsmill backfill" in printed(found)


def test_a_short_id_of_several_lists_them(place: Path) -> None:
    found = ask(place, "aaaaaaaa")
    assert not found.is_found
    assert found.candidates == (f"document {'a' * 8 + '1' * 24}", f"document {'a' * 8 + '2' * 24}")
    assert found.candidates[0] in printed(found)


def test_fields_say_where_they_were_found(place: Path) -> None:
    assert "渡船は出た (json-ld)\n" in printed(ask(place, FERRY))


def test_what_is_near_is_suggested(place: Path) -> None:
    found = ask(place, "fery.txt")
    assert not found.is_found
    assert found.suggestions[0].endswith("/ferry.txt")
    assert "ferry.txt" in printed(found)


@pytest.mark.parametrize(
    "what", ["", "渡船", "\x1b[2J", "'; DROP TABLE articles; --", "file:", "http://[", "\udc80", "a" * 5000]
)
def test_odd_questions_find_nothing_and_break_nothing(place: Path, what: str) -> None:
    found = ask(place, what)
    assert not found.documents or what in ("", "file:")
    assert "\x1b" not in printed(found)


def test_json_holds_it_all(place: Path) -> None:
    out = io.StringIO()
    print_json(ask(place, FERRY), out)
    told = json.loads(out.getvalue())
    assert told["articles"][0]["article"]["published_at"] == "2031-05-04T12:00:00Z"
    assert told["articles"][0]["versions"][1]["changes"]


def test_explaining_changes_nothing(place: Path) -> None:
    def files() -> dict[str, tuple[int, int]]:
        found = [p for p in (place / "home").rglob("*") if not p.name.endswith(("-shm", "-wal"))]
        return {str(p): (p.stat().st_size, p.stat().st_mtime_ns) for p in found if p.is_file()}

    before = files()
    ask(place, FERRY)
    assert files() == before
