"""The flow `replay`: extracts again from the payloads that are kept; only what comes out different is touched."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import zstandard

from connectors.connector import Item, Passed, Unchanged
from connectors.document import Document
from flows.backfill import Result
from flows.changes import Change, Tally, changes, tally
from flows.full_disk import says_full_disk
from flows.run import Run, dry_run, run
from flows.settings import Settings
from flows.since import parse_since
from warehouse.load import Counts
from warehouse.rows import Flag, Role

_GROUP = 200

_WANTED = """
WITH wanted AS (
    SELECT a.document_id, a.payload_sha256 AS sha256, a.seen_at, NULL AS reason, a.article_id FROM lake.articles a WHERE NOT $rejected
    UNION ALL
    SELECT r.document_id, coalesce(l.sha256, d.payload_sha256), coalesce(l.seen_at, d.fetched_at), r.reason, NULL
    FROM lake.rejects r JOIN lake.documents d USING (document_id) LEFT JOIN (
        SELECT document_id, arg_max(sha256, fetched_at) AS sha256, max(fetched_at) AS seen_at
        FROM lake.payloads SEMI JOIN lake.rejects USING (document_id) WHERE role = 'page' GROUP BY document_id
    ) l USING (document_id)
)
"""
_CHOSEN = """($reason IS NULL OR w.reason = $reason) AND ($source IS NULL OR d.source = $source)
    AND ($since IS NULL OR w.seen_at >= $since)"""
_KEPT = f"""{_WANTED}
SELECT d.source, p.role, d.address, d.uri, w.seen_at AS fetched_at, p.data, d.url, d.media_type, d.charset,
    d.final_uri, d.http_status, d.headers, d.flags, d.fields, e.data AS entry, d.document_id, w.article_id
FROM wanted w JOIN lake.documents d USING (document_id)
JOIN lake.payloads p ON p.document_id = w.document_id AND p.sha256 = w.sha256
LEFT JOIN (FROM lake.payloads WHERE role = 'entry') e ON p.role = 'page' AND e.document_id = w.document_id
WHERE {_CHOSEN}
"""
_WITHOUT_BYTES = f"""{_WANTED}
SELECT count(*) FROM wanted w JOIN lake.documents d USING (document_id)
ANTI JOIN lake.payloads p ON p.document_id = w.document_id AND p.sha256 = w.sha256 WHERE {_CHOSEN}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which documents to replay."""

    rejected: bool = False
    reason: str | None = None
    source: str | None = None
    since: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed(Result):
    """What a replay did, or would do."""

    tally: Tally
    changes: tuple[Change, ...] = ()
    """With `is_diff`, where they were not printed."""


@says_full_disk
def replay(
    settings: Settings,
    selection: Selection,
    *,
    is_diff: bool = False,
    report: Callable[[Counts], None] = lambda _: None,
    stop: threading.Event | None = None,
    show: Callable[[Change], None] | None = None,
) -> Replayed:
    """Take kept documents the whole way again; with `is_diff`, change nothing and `show`, or give, what would change."""
    tallies: list[Tally] = []
    found: list[Change] = []

    def inspect(connection: duckdb.DuckDBPyConnection) -> None:
        tallies.append(tally(connection))
        if is_diff:
            for change in changes(connection):
                (show or found.append)(change)

    begin = dry_run if is_diff else run
    with begin(settings, "replay", report=report, stop=stop, inspect=inspect) as current:
        current.passed += _without_bytes(current, selection)
        current.take(_documents(current, selection))
        return Replayed(
            run_id=current.run_id,
            counts=current.counts,
            resumed=current.resumed,
            passed=tuple(current.passed),
            sources=(selection.source or "all",),
            tally=sum(tallies, Tally()),
            changes=tuple(found),
        )


def replayed_lines(result: Replayed, *, is_diff: bool) -> Iterator[str]:
    """How many articles changed, and how, in a line or two."""
    t = result.tally
    articles = result.counts.documents - result.counts.rejected + t.rejected
    would = "would change" if is_diff else "changed"
    kinds = (
        (t.versions, "in what a reader sees, which makes a version"),
        (t.details, "in other fields or tags"),
        (t.new, "that had been rejected"),
    )
    how = "; ".join(f"{count:,} {kind}" for count, kind in kinds if count)
    yield f"{t.changed:,} of {articles:,} articles {would}{f': {how}' if how else ''}"
    if t.rejected:
        yield f"{t.rejected:,} would be rejected today, and stay as they are"


def _values(selection: Selection) -> dict[str, Any]:
    since = parse_since(selection.since, datetime.now(UTC)) if selection.since else None
    return {
        "rejected": selection.rejected,
        "reason": selection.reason,
        "source": selection.source,
        "since": since,
    }


def _without_bytes(current: Run, selection: Selection) -> list[Passed]:
    """Documents whose bytes were too many to be kept, could not be read, or were kept for their time."""
    (count,) = current.connection.execute(_WITHOUT_BYTES, _values(selection)).fetchone() or (0,)
    return [Passed("documents", "their bytes are not kept, so they stay as they are", count)] if count else []


def _documents(current: Run, selection: Selection) -> Iterator[Item]:
    reader = current.connection.cursor()  # the loads of this run go on beside it
    found = reader.execute(_KEPT, _values(selection))
    names = [d[0] for d in found.description or ()]
    unpack = zstandard.ZstdDecompressor()
    while rows := found.fetchmany(_GROUP):
        for row in rows:
            yield _document(dict(zip(names, row, strict=True)), unpack)
        yield Unchanged(0)


def _document(row: dict[str, Any], unpack: zstandard.ZstdDecompressor) -> Document:
    fields: dict[str, Any] = row | {
        "data": unpack.decompress(row["data"]),
        "role": Role(row["role"]),
        "flags": frozenset(map(Flag, row["flags"] or ())),  # null in rows of older code
        "entry": row["entry"] and unpack.decompress(row["entry"]),
    }
    return Document(**fields)
