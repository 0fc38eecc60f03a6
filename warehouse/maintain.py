"""Maintenance: inlined rows flushed, small files merged, old snapshots expired, what nobody reads any more removed.

Every step is safe to kill and to repeat. Files are removed only when they have been out of use for a day or more:
readers may still hold them, and a file of a transaction that is not committed yet looks like an orphan.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from warehouse.catalog import Home
from warehouse.load import transaction

POLLS_KEPT = timedelta(days=90)
_GRACE = timedelta(days=1)
# Bytes from and below which files are merged with each other, once they are so many: were all of them merged each time,
# a day's rows would have those of a year written again.
_TIERS = ((0, 16 * 2**20, 2), (16 * 2**20, 512 * 10**6, 8))

# Older code sorted them, which takes more memory than there is once bodies are long.
_SORTED_ARTICLES = """
SELECT 1 FROM __ducklake_metadata_lake.ducklake_sort_info s JOIN __ducklake_metadata_lake.ducklake_table t USING (table_id)
WHERE t.table_name = 'articles' AND s.end_snapshot IS NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintained:
    """What maintenance did."""

    files_before: int
    files_after: int
    size_before_bytes: int
    size_after_bytes: int
    snapshots_expired: int
    files_removed: int
    problems: tuple[str, ...]
    """What the check found; none when all is well."""
    rules_proposed: int = 0
    """Rules for boilerplate that were learned and wait for a person."""
    rules_accepted: int = 0
    """Those that were learned and hold."""


def maintain(connection: duckdb.DuckDBPyConnection, home: Home, *, clock: datetime, snapshot_days: int) -> Maintained:
    """Do all steps; the caller holds the home's lock."""
    before = _files(connection)
    _merge(connection)
    _forget_polls(connection, clock - POLLS_KEPT)
    expired = _expire(connection, clock - timedelta(days=snapshot_days))
    removed = _clean(connection, clock - _GRACE)
    _mark(connection, clock)
    _vacuum(home)
    after = _files(connection)
    return Maintained(
        files_before=before[0],
        files_after=after[0],
        size_before_bytes=before[1],
        size_after_bytes=after[1],
        snapshots_expired=expired,
        files_removed=removed,
        problems=tuple(check(connection)),
    )


def commits_since(connection: duckdb.DuckDBPyConnection) -> int:
    """Commits since maintenance ended last."""
    row = connection.execute(
        "SELECT (FROM ducklake_current_snapshot('lake')) - coalesce(max(maintained_snapshot), 0) FROM lake.home"
    ).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def check(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """What is wrong in the lake, a sentence each: ids that stand twice, copies of copies, runs that do not add up."""
    questions = {
        "articles stand twice in `articles`": "SELECT article_id FROM lake.articles GROUP BY ALL HAVING count(*) > 1",
        "documents stand twice in `documents`": "SELECT document_id FROM lake.documents GROUP BY ALL HAVING count(*) > 1",
        "copies are said to be of a copy": "SELECT 1 FROM lake.duplicates SEMI JOIN (SELECT article_id AS duplicate_of "
        "FROM lake.duplicates) USING (duplicate_of)",
        "runs do not add up": "SELECT run_id FROM lake.runs WHERE documents <> articles_new + articles_changed "
        "+ articles_unchanged + rejected",
        "articles have no document": "SELECT article_id FROM lake.articles ANTI JOIN lake.documents USING (document_id)",
    }
    found = []
    for what, query in questions.items():
        row = connection.execute(f"SELECT count(*) FROM ({query})").fetchone()
        if row and row[0]:
            found.append(f"{row[0]} {what}")
    return found


def _merge(connection: duckdb.DuckDBPyConnection) -> None:
    """Table by table and a merged file at a time, each committed, so that one cut short goes on where it was.

    On one thread, as each has its own rows in memory, and a second makes none of it faster.
    """
    if connection.execute(_SORTED_ARTICLES).fetchall():
        connection.execute("ALTER TABLE lake.articles RESET SORTED BY")
    tables = [name for (name,) in connection.execute("SELECT table_name FROM ducklake_table_info('lake')").fetchall()]
    connection.execute("SET threads = 1")
    try:
        for step, compact in (("flush", _flush), ("merge", _merge_files), ("rewrite", _rewrite)):
            for table in tables:
                compact(connection, table)
            sys.audit("newsmill.point", f"maintain-{step}")
    finally:
        connection.execute("RESET threads")


def _flush(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    connection.execute("CALL ducklake_flush_inlined_data('lake', table_name => ?)", [table])


def _merge_files(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    for least, most, many in _TIERS:
        files = connection.execute(
            "SELECT 1 FROM ducklake_list_files('lake', ?) WHERE data_file_size_bytes >= ? AND data_file_size_bytes < ?",
            [table, least, most],
        ).fetchall()
        is_fewer = len(files) >= many
        while is_fewer:
            merged = connection.execute(
                "SELECT files_processed > files_created FROM ducklake_merge_adjacent_files("
                "'lake', ?, max_compacted_files => 1, min_file_size => ?, max_file_size => ?)",
                [table, least, most],
            )
            is_fewer = any(fewer for (fewer,) in merged.fetchall())


def _rewrite(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    # The default threshold leaves files alone of which little is deleted, and each costs a read more.
    connection.execute("CALL ducklake_rewrite_data_files('lake', ?, delete_threshold => 0.01)", [table])


def _forget_polls(connection: duckdb.DuckDBPyConnection, older_than: datetime) -> None:
    with transaction(connection, "maintain polls"):
        connection.execute("DELETE FROM lake.polls WHERE polled_at < ?", [older_than])


def _expire(connection: duckdb.DuckDBPyConnection, older_than: datetime) -> int:
    rows = connection.execute("CALL ducklake_expire_snapshots('lake', older_than => ?)", [older_than]).fetchall()
    sys.audit("newsmill.point", "maintain-expire")
    return len(rows)


def _clean(connection: duckdb.DuckDBPyConnection, older_than: datetime) -> int:
    removed = 0
    for step in ("cleanup_old_files", "delete_orphaned_files"):
        removed += len(connection.execute(f"CALL ducklake_{step}('lake', older_than => ?)", [older_than]).fetchall())
        sys.audit("newsmill.point", f"maintain-{step}")
    return removed


def _mark(connection: duckdb.DuckDBPyConnection, clock: datetime) -> None:
    with transaction(connection, "maintain"):
        connection.execute(
            "UPDATE lake.home SET maintained_at = ?, "
            "maintained_snapshot = (SELECT * FROM ducklake_current_snapshot('lake')) + 1",
            [clock],
        )
    sys.audit("newsmill.point", "maintain-mark")


def _vacuum(home: Home) -> None:
    with closing(sqlite3.connect(home.catalog, timeout=10)) as catalog:
        try:
            catalog.execute("VACUUM")
        except sqlite3.OperationalError:  # a reader is at work; next time will do
            return
    sys.audit("newsmill.point", "maintain-vacuum")


def _files(connection: duckdb.DuckDBPyConnection) -> tuple[int, int]:
    row = connection.execute(
        "SELECT coalesce(sum(file_count), 0), coalesce(sum(file_size_bytes), 0) FROM ducklake_table_info('lake')"
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)
