"""What a load does to articles that the lake holds: before and after, field by field."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, TextIO

import duckdb

from flows.show import printable
from flows.sql import as_json
from warehouse.rows import ArticleRow

_OWN = frozenset(
    "article_id document_id source role url run_id version cause seen_at first_seen_at pipeline_version word_count "
    "payload_sha256 content_sha256 derived_sha256 body_sha256".split()
)
"""Columns of an article that say where it is from, and those that follow from others."""
_AT_ONCE = 500
"""Articles held in memory, before and after."""
COLOURS = {"-": "\x1b[31m", "+": "\x1b[32m", "@": "\x1b[36m"}


@dataclass(frozen=True, slots=True)
class Change:
    """An article as it is and as it would be: the fields that differ, and those alone."""

    article_id: str
    address: str
    before: dict[str, Any]
    """Empty for a document that becomes an article."""
    after: dict[str, Any]
    """Empty for an article that would be rejected today; it stays as it is."""
    reason: str | None = None
    """Why it would be rejected."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many articles a load changes."""

    new: int = 0
    versions: int = 0
    """Those whose headline, subheadline, byline, date or body differ."""
    details: int = 0
    """Those of which anything else differs: their version stays."""
    rejected: int = 0
    """Those that would be rejected today, and stay as they are."""

    @property
    def changed(self) -> int:
        return self.new + self.versions + self.details

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.new + other.new,
            self.versions + other.versions,
            self.details + other.details,
            self.rejected + other.rejected,
        )


def tally(connection: duckdb.DuckDBPyConnection) -> Tally:
    """Of the load in hand, within its transaction."""
    if not _has_read(connection):
        return Tally()
    row = connection.execute(
        """SELECT count(*) FILTER (NOT is_old), count(*) FILTER (is_old AND NOT is_known),
            count(*) FILTER (is_old AND is_known) FROM final JOIN firsts USING (article_id)
        WHERE is_current AND (NOT is_old OR article_id IN (FROM affected UNION FROM retagged))"""
    ).fetchone()
    new, versions, details = row or (0, 0, 0)
    return Tally(new, versions, details, len(_rejected(connection)))


def changes(connection: duckdb.DuckDBPyConnection) -> Iterator[Change]:
    """Of the load in hand, within its transaction, in the order of their ids."""
    if not _has_read(connection):
        return
    found = connection.execute(
        "SELECT article_id FROM firsts WHERE NOT is_old UNION FROM affected UNION FROM retagged"
    ).fetchall()
    ids = sorted(ident for (ident,) in found)
    outside = connection.cursor()  # of the transaction: the lake as it is
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        old, new = _articles(outside, some), _articles(connection, some)
        for ident in sorted(new):
            was, now = old.get(ident, {}), new[ident]
            differing = [key for key in now if was.get(key) != now[key] and key != "address"]
            if differing:
                before = {key: was[key] for key in differing if key in was}
                yield Change(ident, now["address"], before, {key: now[key] for key in differing})
    for ident, address, reason in _rejected(connection):
        yield Change(ident, address, {}, {}, reason)


def _has_read(connection: duckdb.DuckDBPyConnection) -> bool:
    """A load of a batch without documents, or of one that was loaded, makes none of the tables looked at here."""
    if not connection.execute("FROM duckdb_tables() WHERE temporary AND table_name = 'keys'").fetchall():
        return False
    return bool(connection.execute("FROM keys LIMIT 1").fetchall())


def _articles(connection: duckdb.DuckDBPyConnection, ids: list[str]) -> dict[str, dict[str, Any]]:
    names = ", ".join(f"a.{f.name}" for f in fields(ArticleRow) if f.name not in _OWN)
    wanted = "article_id IN (SELECT unnest($ids::VARCHAR[]))"
    found = connection.execute(
        f"""SELECT a.article_id, coalesce(a.url, d.uri) AS address, {names}, t.tags, r.removals
        FROM (FROM lake.articles WHERE {wanted}) a LEFT JOIN lake.documents d USING (document_id)
        LEFT JOIN (SELECT article_id, list(scheme || ':' || coalesce(code, tag) ORDER BY ALL) AS tags
            FROM lake.article_tags WHERE {wanted} GROUP BY ALL) t USING (article_id)
        LEFT JOIN (SELECT article_id, version, list(rule || ': ' || trim(text) ORDER BY start) AS removals
            FROM lake.removals WHERE {wanted} GROUP BY ALL) r USING (article_id, version)""",
        {"ids": ids},
    )
    keys = [column[0] for column in found.description or ()][1:]
    return {row[0]: dict(zip(keys, row[1:], strict=True)) for row in found.fetchall()}


def _rejected(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    return connection.execute(
        """SELECT a.article_id, coalesce(a.url, a.document_id), k.reason
        FROM lake.articles a JOIN (FROM keys WHERE reason IS NOT NULL) k USING (document_id) ORDER BY 1"""
    ).fetchall()


def print_change(change: Change, out: TextIO, *, is_coloured: bool) -> None:
    """Print before and after in the form of `diff -u`, a line for each field and the body by paragraphs."""
    for line in _lines(change):
        text, colour = printable(line), COLOURS.get(line[:1], "")
        is_head = line.startswith(("--- ", "+++ "))
        if is_coloured and (colour or is_head):
            text = f"\x1b[1m{text}\x1b[0m" if is_head else f"{colour}{text}\x1b[0m"
        print(text, file=out)


def _lines(change: Change) -> Iterator[str]:
    is_new = not change.before and not change.reason
    yield "--- no article" if is_new else f"--- {change.article_id} {change.address}"
    if change.reason:
        yield f"+++ would be rejected today: {change.reason}; it stays as it is"
        return
    yield f"+++ {change.article_id} {change.address}" if is_new else f"+++ {change.article_id} as it would be"
    for key in change.after:
        if key != "body":
            yield from (f"{sign}{key}: {_text(side[key])}" for sign, side in _sides(change) if side.get(key))
    if "body" in change.after:
        before, after = change.before.get("body"), change.after["body"]
        diff = difflib.unified_diff(before.split("\n") if before else [], after.split("\n"), lineterm="", n=1)
        yield from (line for line in diff if not line.startswith(("---", "+++")))


def _sides(change: Change) -> tuple[tuple[str, dict[str, Any]], ...]:
    return (("-", change.before), ("+", change.after))


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "; ".join(map(_text, value))
    return str(as_json(value))
