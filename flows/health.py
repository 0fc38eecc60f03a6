"""Health of the sources on the web: failures, silence beyond a source's own rhythm, what it brings and what is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flows.show import ago, duration
from warehouse.rows import SourceRow

if TYPE_CHECKING:
    import duckdb

WINDOW = timedelta(days=7)
"""What `last days` means here."""
_STREAK = 3
_A_DAY = timedelta(days=1)
_CLOCKS_DIFFER = timedelta(minutes=5)
_SHARE = 0.2
_FEW = 5
"""So many documents must be missing before their share says anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a feed or sitemap fares; counts and shares are of the last seven days."""

    state: str
    """`ok`, `retrying` (a poll or two failed), `failing`, `silent`, `gone`."""
    notes: tuple[str, ...]
    """What needs a person, a sentence each."""
    last_polled_at: datetime | None
    last_success_at: datetime | None
    last_new_at: datetime | None
    silent_from: datetime | None
    error_streak: int
    failing_since: datetime | None
    error: str | None
    new_per_day: float | None
    """None until it was watched for a day."""
    usual_per_day: float | None
    documents: int
    rejected: int
    rejected_share: float | None
    pages_missing: int
    """Articles whose page could not be had."""
    gap_at: datetime | None
    asked_at_url: str | None
    next_poll_at: datetime | None
    interval_reason: str | None


def read_health(lake: duckdb.DuckDBPyConnection, rows: Iterable[SourceRow], now: datetime) -> dict[str, Health]:
    """Health of the feeds and sitemaps among the rows, by name."""
    polls = _by_source(lake, _POLLS, [now - WINDOW])
    documents = _by_source(lake, _DOCUMENTS, [now - WINDOW])
    missing = _by_source(lake, _MISSING, [now - WINDOW])
    return {
        row.source: _health(
            row,
            polls.get(row.source, (0, None, None)),
            documents.get(row.source, (0, 0)),
            missing.get(row.source, (0,))[0],
            now,
        )
        for row in rows
        if row.kind != "folder"
    }


# What a source's first answer holds was not new in the time before it.
_POLLS = """
WITH firsts AS (SELECT source, min(polled_at) AS first_at FROM polls WHERE outcome = 'ok' GROUP BY source)
SELECT p.source, coalesce(sum(new_entries) FILTER (polled_at >= ? AND polled_at > first_at), 0), min(first_at),
    min(polled_at) FILTER (outcome NOT IN ('ok', 'not_modified')
        AND (s.last_success_at IS NULL OR polled_at > s.last_success_at))
FROM polls p JOIN sources s USING (source) LEFT JOIN firsts USING (source)
GROUP BY p.source
"""
_DOCUMENTS = """
SELECT source, count(*), count(r.document_id)
FROM documents LEFT JOIN (SELECT DISTINCT document_id FROM rejects) r USING (document_id)
WHERE kind IN ('entry', 'page') AND fetched_at >= ? GROUP BY source
"""
_MISSING = """
SELECT source, count(*) FROM articles WHERE list_contains(flags, 'page-missing') AND seen_at >= ? GROUP BY source
"""


def _by_source(lake: duckdb.DuckDBPyConnection, query: str, values: list[Any]) -> dict[str, tuple[Any, ...]]:
    return {source: tuple(rest) for source, *rest in lake.execute(query, values).fetchall()}


def _health(
    row: SourceRow,
    polls: tuple[Any, ...],
    documents: tuple[Any, ...],
    pages_missing: int,
    now: datetime,
) -> Health:
    new, first_at, failing_since = polls
    count, rejected = documents
    failing_since = failing_since if row.error_streak else None
    state = _state(row, failing_since, now)
    return Health(
        state=state,
        notes=tuple(_notes(row, state, failing_since, count, rejected, pages_missing, now)),
        last_polled_at=row.last_polled_at,
        last_success_at=row.last_success_at,
        last_new_at=row.last_new_at,
        silent_from=row.silent_from,
        error_streak=row.error_streak,
        failing_since=failing_since,
        error=row.error,
        new_per_day=_per_day(int(new), first_at, now),
        usual_per_day=row.items_per_day,
        documents=count,
        rejected=rejected,
        rejected_share=rejected / count if count else None,
        pages_missing=pages_missing,
        gap_at=row.gap_at,
        asked_at_url=row.asked_at_url,
        next_poll_at=row.next_poll_at,
        interval_reason=row.interval_reason,
    )


def _state(row: SourceRow, failing_since: datetime | None, now: datetime) -> str:
    if row.state == "gone":
        return "gone"
    if row.error_streak >= _STREAK or (failing_since and now - failing_since >= _A_DAY):
        return "failing"
    if row.error_streak:
        return "retrying"
    return "silent" if _is_silent(row, now) else "ok"


def _is_silent(row: SourceRow, now: datetime) -> bool:
    """Whether nothing came for longer than it should; a source that is due, and was not asked since, is not judged."""
    if row.silent_from is None or row.silent_from >= now:
        return False
    is_asked_since = row.last_success_at is not None and row.last_success_at >= row.silent_from
    return is_asked_since or row.next_poll_at is None or row.next_poll_at > now


def is_overdue(row: Health, now: datetime) -> bool:
    """Whether it should have been asked over a day ago: nobody polls."""
    return row.next_poll_at is not None and now - row.next_poll_at > _A_DAY


def _notes(
    row: SourceRow,
    state: str,
    failing_since: datetime | None,
    documents: int,
    rejected: int,
    pages_missing: int,
    now: datetime,
) -> Iterable[str]:
    why = row.error or "no reason was given"
    if state == "gone":
        yield f"is gone: {why}"
    elif state == "failing":
        since = f", for {duration((now - failing_since).total_seconds())}" if failing_since else ""
        yield f"is failing, {_polls(row.error_streak)}{since}: {why}"
    elif state == "silent":
        usual = f" (about {rate(row.items_per_day)} a day)" if row.items_per_day else ""
        yield f"is silent, longer than it is used to{usual}: its last new entry came {ago(row.last_new_at, now)}"
    if row.gap_at and now - row.gap_at < WINDOW:
        yield (
            f"may have lost entries before its poll {ago(row.gap_at, now)}: none of the poll before was left in it; "
            "a lower `interval_minutes` in sources.toml asks it more often"
        )
    if rejected >= _FEW and rejected >= _SHARE * documents:
        yield f"lost {rejected:,} of {documents:,} documents of 7 days in extraction"
    if pages_missing >= _FEW and pages_missing >= _SHARE * documents:
        yield f"has {pages_missing:,} articles of 7 days whose page could not be had"
    if row.last_polled_at and row.last_polled_at - now > _CLOCKS_DIFFER:
        yield f"was last asked {ago(row.last_polled_at, now)}, as its row says: a clock was wrong, then or now"


def _polls(count: int) -> str:
    return f"{count:,} poll{'s' if count != 1 else ''} in a row"


def _per_day(new: int, first_at: datetime | None, now: datetime) -> float | None:
    watched = min(now - first_at, WINDOW) if first_at else timedelta(0)
    return new / (watched / _A_DAY) if watched >= _A_DAY else None


def rate(per_day: float | None) -> str:
    """Items a day in few digits; `-` where it is not known."""
    if per_day is None:
        return "-"
    return f"{per_day:.1f}" if 0 < per_day < 9.95 else f"{per_day:,.0f}"


def share(value: float | None) -> str:
    """A share in per cent; `-` where it is not known."""
    return "-" if value is None else f"{value:.0%}"


def in_words(counts: Mapping[str, int]) -> str:
    """`1,950 ok, 20 failing`: the most first."""
    return ", ".join(f"{count:,} {state}" for state, count in Counter(counts).most_common())
