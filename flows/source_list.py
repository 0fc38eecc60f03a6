"""`newsmill sources list` and `show`: what is wanted, what was learnt, and the last polls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

from flows.health import Health, rate, read_health, share
from flows.show import ago, duration, heading, paragraph, print_record, print_table, short, size
from flows.sources import SourceError, Wanted, read_sources
from flows.web_options import Options
from warehouse.catalog import Home
from warehouse.known import cursor, sources
from warehouse.query import connect, records
from warehouse.rows import SourceRow

if TYPE_CHECKING:
    import duckdb

_POLLS = 10
_PAGES = 10


def listed(home: Home, now: datetime) -> list[dict[str, Any]]:
    """All sources with what the lake knows of them: those wanted first, then those that are watched no more."""
    wanted = read_sources(home)
    if not home.exists:
        return _rows(wanted, {}, {}, {})
    with connect(home.path) as lake:
        return _known_rows(lake, wanted, now)


def _known_rows(lake: duckdb.DuckDBPyConnection, wanted: list[Wanted], now: datetime) -> list[dict[str, Any]]:
    learnt = sources(lake)
    counts = dict(lake.execute("SELECT source, count(*) FROM articles GROUP BY source").fetchall())
    return _rows(wanted, learnt, counts, read_health(lake, learnt.values(), now))


def _rows(
    wanted: list[Wanted], learnt: dict[str, SourceRow], counts: dict[str, int], health: dict[str, Health]
) -> list[dict[str, Any]]:
    rows = [_listed(w.name, w.kind, _state(w, health), counts, health, w.location) for w in wanted]
    rest = [s for s in learnt.values() if s.source not in {w.name for w in wanted}]
    return rows + [_listed(s.source, s.kind, _left(s), counts, health, s.location) for s in rest]


def _left(learnt: SourceRow) -> str:
    return "backfilled" if learnt.kind == "folder" else "removed"


def _state(wanted: Wanted, health: dict[str, Health]) -> str:
    if wanted.is_paused:
        return "paused"
    if wanted.problem:
        return "broken"
    if not wanted.is_web:
        return "watched"
    return health[wanted.name].state if wanted.name in health else "never pulled"


def _listed(
    name: str, kind: str, state: str, counts: dict[str, int], health: dict[str, Health], location: str
) -> dict[str, Any]:
    known = health.get(name)
    return {
        "source": name,
        "kind": kind,
        "state": state,
        "articles": counts.get(name, 0),
        "new_per_day": known.new_per_day if known else None,
        "last_new_at": known.last_new_at if known else None,
        "location": location,
    }


def print_list(rows: Sequence[dict[str, Any]], now: datetime, out: TextIO) -> None:
    """Print the list; the columns of feeds are left out where there is none."""
    if all(row["kind"] == "folder" for row in rows):
        names = ["source", "kind", "state", "articles", "location"]
        print_table(names, [[row[name] for name in names] for row in rows], out)
        return
    cells = [
        [
            *(row["source"], row["kind"], row["state"], row["articles"]),
            *("-" if row["kind"] == "folder" else text for text in (rate(row["new_per_day"]), _when(row, now))),
            row["location"],
        ]
        for row in rows
    ]
    print_table(["source", "kind", "state", "articles", "new a day", "last new", "location"], cells, out)


def _when(row: dict[str, Any], now: datetime) -> str:
    return ago(row["last_new_at"], now)


def need_source(lake: duckdb.DuckDBPyConnection, home: Home, name: str) -> None:
    """Raise `SourceError` for a source that nothing came from and that nobody named."""
    known = "SELECT 1 FROM sources WHERE source = $name UNION ALL SELECT 1 FROM articles WHERE source = $name LIMIT 1"
    if lake.execute(known, {"name": name}).fetchone() or name in {wanted.name for wanted in read_sources(home)}:
        return
    raise SourceError(f"no source is named {name!r}: see `newsmill sources list`")


def shown_source(home: Home, name: str, now: datetime) -> dict[str, Any]:
    """All that is known of a source. Raises `SourceError` for one that is not there."""
    wanted = read_sources(home)
    learnt: dict[str, Any] = {"learnt": None, "health": None, "polls": [], "pending_pages": []}
    if home.exists:
        with connect(home.path) as lake:
            rows = _known_rows(lake, wanted, now)
            learnt |= _learnt(lake, name, now)
    else:
        rows = _rows(wanted, {}, {}, {})
    row = next((r for r in rows if r["source"] == name), None)
    if row is None:
        raise SourceError(f"no source is named {name!r}: see `newsmill sources list`")
    one = next((w for w in wanted if w.name == name), None)
    return row | {"wanted": _options(one), "problem": one.problem if one else ""} | learnt


def _learnt(lake: duckdb.DuckDBPyConnection, name: str, now: datetime) -> dict[str, Any]:
    """What the lake knows of a feed or sitemap; nothing of a folder."""
    row = sources(lake).get(name)
    if row is None or row.kind == "folder":
        return {}
    latest = "SELECT * FROM polls WHERE source = $source ORDER BY polled_at DESC LIMIT $most"
    there = cursor(lake, name)
    return {
        "learnt": asdict(row),
        "health": asdict(read_health(lake, [row], now)[name]),
        "polls": records(lake, latest, source=name, most=_POLLS),
        "pending_pages": _pending(there) if there else [],
    }


def _options(wanted: Wanted | None) -> dict[str, Any] | None:
    """What `sources.toml` says besides the defaults; of credentials the variables' names."""
    if wanted is None:
        return None
    fresh = asdict(Options())
    return {key: value for key, value in asdict(wanted.options).items() if value != fresh[key]}


def _pending(there: bytes) -> list[dict[str, Any]]:
    from connectors.polling.web_source import State

    return [
        {"url": page.url, "due_at": page.due_at, "tries": page.tries, "is_again": page.is_again}
        for page in State.from_bytes(there).pages
    ]


def print_source(found: dict[str, Any], now: datetime, out: TextIO) -> None:
    """Print what is known of a source for a person."""
    names = ("source", "kind", "state", "articles", "location")
    print_record({name: found[name] for name in names} | {"problem": found["problem"]}, out)
    if found["wanted"]:
        heading("wanted (sources.toml)", out)
        print_record({key: _plain(value) for key, value in found["wanted"].items()}, out, indent=2)
    if found["learnt"]:
        _print_learnt(found["learnt"], found["health"], now, out)
        _print_polls(found["polls"], now, out)
    if pages := found["pending_pages"]:
        heading(f"pages to come ({len(pages):,})", out)
        rows = [["once more" if p["is_again"] else p["tries"], ago(p["due_at"], now), p["url"]] for p in pages[:_PAGES]]
        print_table(["tries", "due", "page"], rows, out, indent=2)


def _plain(value: Any) -> Any:
    """Tables of `sources.toml` as a person would write them."""
    if isinstance(value, dict):
        return ", ".join(f"{name} = {one}" for name, one in value.items() if one is not None)
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return ", ".join(f"{name} = {one}" for name, one in value)
    return value


def _print_learnt(learnt: dict[str, Any], health: dict[str, Any], now: datetime, out: TextIO) -> None:
    heading("learnt", out)
    moved = learnt["asked_at_url"]
    record = {
        "title": learnt["title"],
        "site": learnt["site_url"],
        "moved to": moved and f"{moved} (for good; it is asked there)",
        "last asked": learnt["last_polled_at"],
        "last success": learnt["last_success_at"],
        "last new entry": learnt["last_new_at"],
        "next poll": learnt["next_poll_at"] and f"{ago(learnt['next_poll_at'], now)}, {_interval(learnt)}",
        "next page": learnt["pages_due_at"] and ago(learnt["pages_due_at"], now),
        "new a day": f"{rate(health['new_per_day'])} in the last days, {rate(health['usual_per_day'])} as a habit",
        "silent from": learnt["silent_from"],
        "errors in a row": learnt["error_streak"] or None,
        "last error": learnt["error"],
        "lost in extraction": f"{share(health['rejected_share'])} of {health['documents']:,} documents of 7 days",
        "pages missing": health["pages_missing"] or None,
        "gap noticed": learnt["gap_at"],
        "etag": learnt["etag"],
        "last-modified": learnt["last_modified"],
    }
    print_record(record, out, indent=2)
    for note in health["notes"]:
        paragraph(f"! {note}", out)


def _interval(learnt: dict[str, Any]) -> str:
    every = f"every {duration(learnt['interval_s'])}" if learnt["interval_s"] else "once"
    return f"{every}: {learnt['interval_reason'] or 'no reason was given'}"


def _print_polls(polls: Sequence[dict[str, Any]], now: datetime, out: TextIO) -> None:
    heading("last polls", out)
    if not polls:
        paragraph("none yet", out)
        return
    rows = [
        [
            *(ago(p["polled_at"], now), p["outcome"], p["http_status"], p["entries"], p["new_entries"]),
            *(None if p["size_bytes"] is None else size(p["size_bytes"]), p["duration_ms"]),
            short(p["error"] or p["reason"] or "", 80),
        ]
        for p in polls
    ]
    print_table(["when", "outcome", "status", "entries", "new", "size", "ms", "why"], rows, out, indent=2)
