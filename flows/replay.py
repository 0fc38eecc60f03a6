"""The flow `replay`: extracts again from the payloads that are kept; only what comes out different is touched."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TextIO

import duckdb
import zstandard

from connectors.connector import Item, Unchanged
from connectors.document import Document
from flows.backfill import Result
from flows.full_disk import says_full_disk
from flows.run import Run, dry_run, run
from flows.settings import Settings
from flows.since import parse_since
from warehouse.load import Counts
from warehouse.rows import Flag, Role

_GROUP = 200

_KEPT = """
WITH wanted AS (
    SELECT a.document_id, a.payload_sha256 AS sha256, a.seen_at, NULL AS reason, a.article_id FROM lake.articles a WHERE NOT $rejected
    UNION ALL
    SELECT r.document_id, coalesce(l.sha256, d.payload_sha256), coalesce(l.seen_at, d.fetched_at), r.reason, NULL
    FROM lake.rejects r JOIN lake.documents d USING (document_id) LEFT JOIN (
        SELECT document_id, arg_max(sha256, fetched_at) AS sha256, max(fetched_at) AS seen_at
        FROM lake.payloads SEMI JOIN lake.rejects USING (document_id) WHERE role = 'page' GROUP BY document_id
    ) l USING (document_id)
)
SELECT d.source, p.role, d.address, d.uri, w.seen_at AS fetched_at, p.data, d.url, d.media_type, d.charset,
    d.final_uri, d.http_status, d.headers, d.flags, e.data AS entry, d.document_id, w.article_id
FROM wanted w JOIN lake.documents d USING (document_id)
JOIN lake.payloads p ON p.document_id = w.document_id AND p.sha256 = w.sha256
LEFT JOIN (FROM lake.payloads WHERE role = 'entry') e ON p.role = 'page' AND e.document_id = w.document_id
WHERE ($reason IS NULL OR w.reason = $reason) AND ($source IS NULL OR d.source = $source)
    AND ($since IS NULL OR w.seen_at >= $since)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which documents to replay."""

    rejected: bool = False
    reason: str | None = None
    source: str | None = None
    since: str | None = None


@says_full_disk
def replay(
    settings: Settings,
    selection: Selection,
    *,
    is_diff: bool = False,
    report: Callable[[Counts], None] = lambda _: None,
    stop: threading.Event | None = None,
    out: TextIO | None = None,
) -> Result:
    """Take kept documents the whole way again; with `is_diff`, print before and after and change nothing."""
    if is_diff:
        begin = dry_run(settings, "replay", report=report, stop=stop, inspect=lambda c: _print_changes(c, out))
    else:
        begin = run(settings, "replay", report=report, stop=stop)
    with begin as current:
        current.take(_documents(current, selection))
        return Result(current.run_id, current.counts, current.resumed, (), (selection.source or "all",))


def _documents(current: Run, selection: Selection) -> Iterator[Item]:
    since = parse_since(selection.since, datetime.now(UTC)) if selection.since else None
    values = {
        "rejected": selection.rejected,
        "reason": selection.reason,
        "source": selection.source,
        "since": since,
    }
    reader = current.connection.cursor()  # the loads of this run go on beside it
    found = reader.execute(_KEPT, values)
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


def _print_changes(connection: duckdb.DuckDBPyConnection, out: TextIO | None) -> None:
    """The articles that the load rewrote, as differences of headline and body."""
    rows = (
        connection.execute(
            """SELECT a.article_id, o.headline, o.body, a.headline, a.body FROM lake.articles a
        JOIN old_articles o USING (article_id) SEMI JOIN affected USING (article_id)
        WHERE (o.headline, o.body) IS DISTINCT FROM (a.headline, a.body) ORDER BY 1"""
        ).fetchall()
        if _has_rewritten(connection)
        else []
    )
    for article_id, headline, body, new_headline, new_body in rows:
        before = [headline or "", "", *(body or "").split("\n")]
        after = [new_headline or "", "", *(new_body or "").split("\n")]
        for line in difflib.unified_diff(
            before, after, f"{article_id} before", f"{article_id} after", lineterm="", n=1
        ):
            print(line, file=out)


def _has_rewritten(connection: duckdb.DuckDBPyConnection) -> bool:
    row = connection.execute("SELECT count(*) FROM affected").fetchone()
    return bool(row and row[0])
