"""Health of feeds: what `status`, `sources list` and `sources show` say of failures, silence, gaps and losses."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.polling.web_source import PendingPage, State
from flows.health import Health, read_health
from flows.show import print_json
from flows.source_list import listed, print_list, print_source, shown_source
from flows.sources import SourceError, Wanted, add_sources, set_paused
from flows.status import print_check, print_status, status
from tests.lake import load_documents, record
from tests.test_cli import newsmill
from warehouse.catalog import Home, open_lake
from warehouse.known import put_source, sources
from warehouse.rows import Role, SourceRow

NOW = datetime(2031, 5, 14, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WELL = SourceRow(
    source="harbour",
    kind="feed",
    location="https://harbour.example/feed.xml",
    title="The Harbour Post",
    state="ok",
    interval_s=3600,
    interval_reason="about 12 items a day",
    next_poll_at=NOW + HOUR,
    added_at=NOW - 30 * 24 * HOUR,
    last_polled_at=NOW - HOUR,
    last_success_at=NOW - HOUR,
    last_new_at=NOW - 2 * HOUR,
    items_per_day=12.0,
    silent_from=NOW + 20 * HOUR,
    error=None,
)
FAILING = {"state": "failing", "error": "harbour.example does not answer", "last_success_at": NOW - 9 * HOUR}


class Lake:
    """A home whose sources and polls are written as a test says."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, Home(folder / "home")
        self.connection = open_lake(self.home)
        self.connection.execute("USE lake")

    def source(self, name: str, **changes: Any) -> None:
        location = f"https://{name}.example/feed.xml"
        put_source(self.connection, replace(WELL, source=name, location=location, **changes))
        add_sources(self.home, [Wanted(name, "feed", location)])

    def poll(self, source: str, before: timedelta, **values: Any) -> None:
        row = {"outcome": "ok", "gap": False} | values | {"source": source, "polled_at": NOW - before}
        marks = ", ".join("?" * len(row))
        self.connection.execute(f"INSERT INTO lake.polls ({', '.join(row)}) VALUES ({marks})", list(row.values()))

    def health(self, source: str = "harbour") -> Health:
        return read_health(self.connection, sources(self.connection).values(), NOW)[source]

    def checked(self, source: str | None = None) -> tuple[str, str]:
        out, errors = io.StringIO(), io.StringIO()
        print_check(status(self.home, check=True, source=source, clock=lambda: NOW), out, errors)
        return out.getvalue(), errors.getvalue()

    def printed(self, *, show_all: bool = False) -> str:
        out = io.StringIO()
        print_status(status(self.home, clock=lambda: NOW), out, show_all=show_all)
        return out.getvalue()

    def shown(self, name: str = "harbour") -> str:
        out = io.StringIO()
        print_source(shown_source(self.home, name, NOW), NOW, out)
        return out.getvalue()


@pytest.fixture(scope="module")
def one_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    found = Lake(tmp_path_factory.mktemp("health"))
    yield found
    found.connection.close()


@pytest.fixture
def lake(one_lake: Lake) -> Lake:
    """The lake, emptied."""
    for table in ("articles", "cursors", "documents", "polls", "rejects", "runs", "sources"):
        one_lake.connection.execute(f"DELETE FROM lake.{table}")
    (one_lake.home.path / "sources.toml").unlink(missing_ok=True)
    return one_lake


def test_a_source_that_fares_well_needs_nobody(lake: Lake) -> None:
    lake.source("harbour")
    assert lake.health().notes == ()
    out, errors = lake.checked()
    assert (out, errors) == ("OK: 1 source: 1 ok\n", "")


@pytest.mark.parametrize(
    ("streak", "since", "state"),
    [(1, HOUR, "retrying"), (2, HOUR, "retrying"), (3, HOUR, "failing"), (1, 25 * HOUR, "failing")],
)
def test_failures_count_after_three_or_after_a_day(lake: Lake, streak: int, since: timedelta, state: str) -> None:
    lake.source("harbour", **FAILING | {"last_success_at": NOW - 30 * HOUR}, error_streak=streak)
    lake.poll("harbour", 40 * HOUR, outcome="failed")  # before it last answered
    lake.poll("harbour", 30 * HOUR)
    lake.poll("harbour", since, outcome="failed")
    assert lake.health().state == state
    assert ("harbour.example does not answer" in "".join(lake.health().notes)) == (state == "failing")


def test_a_silence_beyond_its_rhythm_is_told(lake: Lake) -> None:
    lake.source("harbour", silent_from=NOW - HOUR, last_new_at=NOW - 72 * HOUR, last_success_at=NOW - HOUR / 2)
    _, errors = lake.checked()
    assert errors.count("\n") == 1
    for words in ("harbour is silent", "about 12 a day", "3 days ago", "sources check harbour"):
        assert words in errors


def test_a_source_that_was_due_and_not_asked_is_not_called_silent(lake: Lake) -> None:
    lake.source("harbour", silent_from=NOW - HOUR, last_success_at=NOW - 3 * HOUR, next_poll_at=NOW - 2 * HOUR)
    assert lake.health().state == "ok"


def test_a_poll_of_a_clock_that_was_ahead_is_told(lake: Lake) -> None:
    ahead = timedelta(days=900)
    lake.source("harbour", last_polled_at=NOW + ahead, last_success_at=NOW + ahead, next_poll_at=NOW + ahead + HOUR)
    assert "a clock was wrong" in "".join(lake.health().notes)
    assert "harbour" in lake.printed(show_all=True)
    assert "a clock was wrong" in lake.shown()


def test_check_says_that_nobody_polls(lake: Lake) -> None:
    lake.source("harbour", next_poll_at=NOW - 25 * HOUR)
    assert "due over a day ago" in lake.checked()[1]


def test_a_source_that_is_gone_or_whose_options_are_wrong_needs_a_person(lake: Lake) -> None:
    lake.source("harbour", state="gone", error="the server says that it is gone for good (410)")
    path = lake.home.path / "sources.toml"
    quay = '[[source]]\nname = "quay"\nkind = "feed"\nlocation = "https://quay.example/f"\npages = "some"\n'
    path.write_text(path.read_text() + quay)
    _, errors = lake.checked()
    assert [line.split()[1] for line in errors.splitlines()] == ["harbour", "quay"]
    assert "410" in errors
    assert "always, short, never" in errors


def test_a_paused_or_removed_source_may_fail(lake: Lake) -> None:
    lake.source("harbour", **FAILING, error_streak=9)
    set_paused(lake.home, "harbour", is_paused=True)
    assert lake.checked() == ("OK: 1 source: 1 paused\n", "")


def test_new_items_are_set_against_the_habit_without_the_first_answer(lake: Lake) -> None:
    lake.source("harbour")
    lake.poll("harbour", 4 * 24 * HOUR, new_entries=50)
    lake.poll("harbour", 2 * 24 * HOUR, new_entries=9)
    lake.poll("harbour", HOUR, new_entries=3)
    lake.poll("harbour", HOUR / 2, outcome="not_modified")
    health = lake.health()
    assert (health.new_per_day, health.usual_per_day) == (3.0, 12.0)
    lake.source("young")
    lake.poll("young", 5 * HOUR, new_entries=50)
    assert lake.health("young").new_per_day is None


def test_what_extraction_lost_and_which_pages_are_missing(lake: Lake) -> None:
    lake.source("harbour")
    texts = [f"The ferry number {n} sails again to Orme." for n in range(10)]
    story = [record(text, url=f"https://harbour.example/{n}", role=Role.RECORD) for n, text in enumerate(texts)]
    load_documents(lake.connection, lake.folder, [replace(d, source="harbour") for d in story])
    lake.connection.execute("DELETE FROM lake.runs")
    lake.connection.execute("UPDATE lake.documents SET fetched_at = ?, kind = 'entry'", [NOW - HOUR])
    lake.connection.execute(
        "INSERT INTO lake.rejects SELECT document_id, source, uri, 'extract', 'no-text', NULL, '1', 'r', ? "
        "FROM lake.documents ORDER BY uri LIMIT 6",
        [NOW],
    )
    lake.connection.execute("UPDATE lake.articles SET flags = ['page-missing'], seen_at = ?", [NOW - HOUR])
    found = lake.health()
    assert (found.documents, found.rejected_share, found.pages_missing) == (10, 0.6, 10)
    assert [note.split()[0] for note in found.notes] == ["lost", "has"]
    assert "harbour lost 6 of 10 documents" in lake.printed()


@pytest.mark.parametrize(("before", "is_told"), [(24 * HOUR, True), (8 * 24 * HOUR, False)])
def test_a_gap_is_told_for_a_week(lake: Lake, before: timedelta, is_told: bool) -> None:
    lake.source("harbour", gap_at=NOW - before)
    assert ("may have lost entries" in "".join(lake.health().notes)) == is_told


def test_of_many_sources_those_that_need_a_person_are_shown(lake: Lake) -> None:
    rows = [replace(WELL, source=f"s{n:02}", location=f"https://s{n}.example/f") for n in range(30)]
    rows[7] = replace(rows[7], error_streak=5, **FAILING)
    for row in rows:
        put_source(lake.connection, row)
    add_sources(lake.home, [Wanted(r.source, "feed", r.location) for r in rows])
    text = lake.printed()
    assert "30 sources: 29 ok, 1 failing" in text
    assert "s07" in text
    assert "s08" not in text
    assert "29 more need nothing" in text
    assert "s08" in lake.printed(show_all=True)


def test_show_tells_what_is_wanted_learnt_and_to_come(lake: Lake) -> None:
    lake.source("harbour", asked_at_url="https://new.example/feed", etag='W/"7"', gap_at=NOW - HOUR)
    due = {"due_at": NOW + HOUR, "until": NOW + 72 * HOUR}
    page = PendingPage(address="g1", document_id="d", url="https://harbour.example/1", tries=2, **due)
    state = State(location="https://new.example/feed", wanted="https://harbour.example/feed.xml", added_at=NOW)
    lake.connection.execute(
        "INSERT INTO lake.cursors VALUES ('harbour', ?, 'b')", [replace(state, pages=(page,)).to_bytes()]
    )
    lake.poll("harbour", HOUR, http_status=200, entries=20, new_entries=3, size_bytes=12_345, duration_ms=80)
    text = lake.shown()
    for words in (
        "The Harbour Post",
        "https://new.example/feed (for good",
        "in 1 hour, every 1 hour: about 12 items a day",
        'W/"7"',
        "12.3 kB",
        "pages to come (1)",
        "https://harbour.example/1",
        "may have lost entries",
    ):
        assert words in text
    out = io.StringIO()
    print_json(shown_source(lake.home, "harbour", NOW), out)
    assert json.loads(out.getvalue())["polls"][0]["new_entries"] == 3
    with pytest.raises(SourceError, match="no source is named 'quay'"):
        lake.shown("quay")


def test_the_list_tells_health_at_a_glance(lake: Lake) -> None:
    lake.source("harbour", error_streak=5, **FAILING)
    lake.source("quay")
    put_source(lake.connection, replace(WELL, source="left", location="https://left.example/f"))
    add_sources(lake.home, [Wanted("papers", "folder", str(lake.folder))])
    rows = listed(lake.home, NOW)
    assert {r["source"]: r["state"] for r in rows} == {
        "harbour": "failing",
        "quay": "ok",
        "papers": "watched",
        "left": "removed",
    }
    out = io.StringIO()
    print_list(rows, NOW, out)
    assert "2 hours ago" in out.getvalue()


def test_check_exits_for_cron(lake: Lake) -> None:
    lake.source("harbour", next_poll_at=datetime.now(UTC) + HOUR, silent_from=None)
    done = newsmill("--home", lake.home.path, "status", "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "OK: 1 source: 1 ok\n", "")
    lake.connection.execute("UPDATE lake.sources SET error_streak = 3, state = 'failing', error = 'no answer'")
    done = newsmill("--home", lake.home.path, "status", "--check", "--source", "harbour")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "no answer" in done.stderr
    with pytest.raises(SourceError, match="no source is named 'quay'"):
        lake.checked("quay")
