"""`status`: what a lake of known rows is said to hold, and what calls for a person."""

from __future__ import annotations

import fcntl
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.show import ago, command, print_json, print_record, print_table, short, size
from flows.sources import Wanted, add_source, set_paused
from flows.status import Status, is_replayable, print_status, status, what_to_do
from tests.lake import new_home
from warehouse.catalog import Home, open_lake, writing
from warehouse.rows import Reason

if TYPE_CHECKING:
    import duckdb

NOW = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)
RUN = {
    "flow": "backfill",
    "started_at": NOW - timedelta(minutes=3, seconds=20),
    "finished_at": NOW - timedelta(minutes=3),
    "state": "done",
    "documents": 9,
    "articles_new": 4,
    "articles_changed": 1,
    "articles_unchanged": 2,
    "duplicates": 1,
    "rejected": 2,
    "pipeline_version": "1-x",
}


def insert(lake: duckdb.DuckDBPyConnection, table: str, **values: Any) -> None:
    marks = ", ".join("?" * len(values))
    lake.execute(f"INSERT INTO lake.{table} ({', '.join(values)}) VALUES ({marks})", list(values.values()))


def reject(lake: duckdb.DuckDBPyConnection, number: int, uri: str, reason: str = "empty") -> None:
    values = {"document_id": f"d{number}", "source": "wire", "uri": uri, "stage": "read", "reason": reason}
    insert(lake, "rejects", **values, pipeline_version="1-x", run_id="r1", rejected_at=NOW + timedelta(seconds=number))


def source(lake: duckdb.DuckDBPyConnection, name: str, location: Path, **values: Any) -> None:
    row = {"kind": "folder", "state": "ok", "added_at": NOW, "error_streak": 0} | values
    insert(lake, "sources", source=name, location=str(location), **row)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return new_home(tmp_path / "home")


def read(home: Home, *, check: bool = False) -> Status:
    return status(home, check=check, clock=lambda: NOW)


def printed(found: Status) -> str:
    out = io.StringIO()
    print_status(found, out)
    return out.getvalue()


def test_a_new_home_is_empty_and_well(home: Home) -> None:
    found = read(home, check=True)
    assert (found.articles, found.runs, found.drops, found.problems) == (0, (), (), ())
    assert found.size_bytes > 0
    assert "newsmill backfill FOLDER" in printed(found)
    assert read(home).problems is None


def test_runs_are_told_with_their_accounting_latest_first(home: Home) -> None:
    with open_lake(home) as lake:
        for number in range(12):
            began = NOW - timedelta(hours=number)
            insert(lake, "runs", **RUN | {"run_id": f"r{number:02}", "started_at": began, "finished_at": None})
        insert(
            lake, "runs", run_id="now", **RUN | {"started_at": NOW + timedelta(1), "finished_at": NOW + timedelta(1, 2)}
        )
    found = read(home)
    assert [r.run_id for r in found.runs] == ["now", *(f"r{n:02}" for n in range(9))]
    for run in found.runs:
        assert run.documents == run.articles_new + run.articles_changed + run.articles_unchanged + run.rejected
    assert found.runs[0].duration_s == 2
    assert found.runs[1].duration_s is None


def test_drops_are_counted_by_stage_and_reason_with_an_example_and_advice(home: Home) -> None:
    with open_lake(home) as lake:
        for number in range(3):
            reject(lake, number, f"file:///x/{number}.txt", "no-text")
        reject(lake, 9, "file:///x/scan.bin", "vanished")
        reject(lake, 10, "file:///x/new", "reason-of-a-newer-one")
    first, *rest = read(home).drops
    assert (first.reason, first.stage, first.documents, first.example_uri) == ("no-text", "read", 3, "file:///x/2.txt")
    assert {d.reason for d in rest} == {"vanished", "reason-of-a-newer-one"}
    text = printed(read(home))
    assert f"newsmill --home {home.path} explain file:///x/2.txt" in text
    assert "replay --reason no-text" in text
    assert "replay --reason vanished" not in text


@pytest.mark.parametrize("reason", list(Reason))
def test_each_reason_has_advice(reason: Reason) -> None:
    assert what_to_do(reason)
    assert is_replayable(reason) or "replay" not in what_to_do(reason)


def test_sources_of_both_kinds_and_what_is_wrong_with_them(home: Home, tmp_path: Path) -> None:
    for name in ("here", "gone", "asleep", "new"):
        add_source(home, Wanted(name, "folder", str(tmp_path / name)))
    set_paused(home, "asleep", is_paused=True)
    (tmp_path / "here").mkdir()
    (tmp_path / "new").mkdir()
    with open_lake(home) as lake:
        source(lake, "here", tmp_path / "here", last_success_at=NOW - timedelta(minutes=3))
        source(lake, "gone", tmp_path / "gone")
        source(lake, "once", tmp_path / "once")
        source(lake, "sick", tmp_path, state="failing", error="no answer")
    found = read(home, check=True)
    states = {s.source: s.state for s in found.sources}
    watched = {"here": "ok", "gone": "gone", "asleep": "paused", "new": "never pulled"}
    assert states == watched | {"once": "gone", "sick": "failing"}
    assert found.problems is not None
    assert [p.split()[1].rstrip(":") for p in found.problems] == ["gone", "sick"]
    assert "3 minutes ago" in printed(found)


@pytest.mark.parametrize("state", ["failed", "done"])
def test_check_minds_the_last_run_only(home: Home, state: str) -> None:
    with open_lake(home) as lake:
        insert(lake, "runs", run_id="old", **RUN | {"state": "failed", "started_at": NOW - timedelta(days=1)})
        insert(lake, "runs", run_id="last", **RUN | {"state": state, "error": "disk full"})
    problems = read(home, check=True).problems
    assert bool(problems) == (state == "failed")


def test_batches_of_a_dead_run_are_told_from_those_of_a_live_one(home: Home) -> None:
    for run in ("dead", "live"):
        folder = home.landing / f"{run}-000000"
        folder.mkdir()
        (folder / "batch.json").write_text(json.dumps({"batch_id": folder.name, "documents": 5, "unchanged": 0}))
    (home.landing / ".half-000001").mkdir()
    with (home.landing / "live.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = read(home, check=True)
    assert [(b.run_id, b.documents, b.is_run_alive) for b in found.waiting] == [("dead", 5, False), ("live", 5, True)]
    assert found.problems is not None
    assert len(found.problems) == 1
    assert sorted(p.name for p in home.landing.iterdir()) == [".half-000001", "dead-000000", "live-000000", "live.lock"]


def test_a_run_that_died_without_a_word_is_a_problem(home: Home) -> None:
    with open_lake(home) as lake:
        insert(lake, "runs", run_id="silent", **RUN | {"state": "running", "finished_at": None})
    problems = read(home, check=True).problems
    assert problems is not None
    assert "silent" in problems[0]


def test_the_writer_is_named_while_it_writes(home: Home) -> None:
    assert read(home).lock_holder is None
    with writing(home, "a test"):
        holder = read(home).lock_holder
    assert holder is not None
    assert "a test" in holder


def test_nothing_printed_steers_a_terminal_and_json_gives_all_back(home: Home, tmp_path: Path) -> None:
    evil = "file:///\x1b[2J\u202e渡船\x9b.txt"
    with open_lake(home) as lake:
        reject(lake, 1, evil)
        source(lake, "渡船\x07", tmp_path, state="failing", error="\x1b]0;owned\x07")
    found = read(home, check=True)
    text = printed(found)
    assert not set(text) & {"\x1b", "\x07", "\u202e", "\x9b"}
    assert "渡船" in text
    out = io.StringIO()
    print_json(found, out)
    assert not set(out.getvalue()) & {"\x1b", "\x07", "\u202e", "\x9b"}
    again = json.loads(out.getvalue())
    assert again["drops"][0]["example_uri"] == evil
    assert again["read_at"] == "2031-05-04T12:00:00Z"


def test_table_aligns_wide_characters_and_numbers() -> None:
    out = io.StringIO()
    print_table(["name", "n"], [["渡船", 5], ["ab", 12345], [None, None]], out)
    assert out.getvalue() == "name       n\n渡船       5\nab    12,345\n-          -\n"


def test_a_table_without_rows_is_its_header() -> None:
    out = io.StringIO()
    print_table(["name", "n"], [], out)
    assert out.getvalue() == "name  n\n"


def test_record_leaves_out_what_is_not_known() -> None:
    out = io.StringIO()
    print_record({"a": 0, "bcd": None, "e": "x\ny", "f": []}, out)
    assert out.getvalue() == "a  0\ne  x\\ny\n"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "just now"), (20, "20 seconds ago"), (60, "1 minute ago"), (7300, "2 hours ago"), (-90000, "in 1 day")],
)
def test_times_in_words(seconds: int, words: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == words


@given(st.integers(min_value=0, max_value=10**15))
def test_sizes_have_a_unit(size_bytes: int) -> None:
    assert size(size_bytes).split()[1] in {"bytes", "kB", "MB"}


@given(st.text(), st.integers(min_value=2, max_value=50))
def test_short_is_short_and_on_one_line(text: str, limit: int) -> None:
    found = short(text, limit)
    assert len(found) <= limit
    assert len(found.splitlines()) <= 1


@given(st.text())
def test_json_holds_any_text(text: str) -> None:
    out = io.StringIO()
    print_json({"text": text, "bytes": b"\xff"}, out)
    assert json.loads(out.getvalue())["text"] == text


def test_a_command_names_the_home_unless_it_is_the_default() -> None:
    assert command(Home(Path("news")), "status") == "newsmill status"
    assert command(Home(Path("/a b")), "explain", "x y") == "newsmill --home '/a b' explain 'x y'"
