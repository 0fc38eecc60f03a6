"""Lakes compared row for row, and held to what must be true of every lake."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from warehouse.catalog import Home, attach
from warehouse.maintain import check
from warehouse.query import connect
from warehouse.rows import TABLES

PASSING = {"run_id", "batch_id", "rejected_at", "loaded_at", "added_at", "last_success_at"}
"""Run ids and times of processing: all that a killed and an undisturbed way may differ in."""
_NAMED = "(SELECT story_id, min(article_id) AS first FROM story_articles GROUP BY story_id)"
_STORIES = {
    "stories": f"(SELECT s.* EXCLUDE (merged_into) REPLACE (first AS story_id) FROM stories s JOIN {_NAMED} USING (story_id))",
    "story_articles": f"(SELECT s.* REPLACE (first AS story_id) FROM story_articles s JOIN {_NAMED} USING (story_id))",
}
"""Ids of stories have a history, which tells batches apart: a story is known by its articles."""
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reader sees of a home."""

    rows: Rows
    """Every row of every table, sorted, less the runs themselves, and the lake's options."""
    totals: dict[str, int]
    """What all runs together did; `unchanged` is left out, since a run that goes on counts what is there again."""
    problems: list[str]
    """What is wrong where nobody works: sums, ids, leftovers."""


def look(home: Path) -> Seen:
    with connect(home) as lake:
        return Seen(_rows(lake), _totals(lake), [*check(lake), *_problems(lake), *_leftovers(home)])


def lake_rows(home: Path) -> Rows:
    with connect(home) as lake:
        return _rows(lake)


def _rows(lake: duckdb.DuckDBPyConnection) -> Rows:
    found = {}
    for table in (*sorted(set(TABLES) - {"runs", "batches"}), "article_versions"):
        kept = ", ".join(_kept(lake, table))
        rows = lake.execute(f"SELECT {kept} FROM {_STORIES.get(table, table)}").fetchall()
        found[table] = sorted(rows, key=repr)
    options = lake.execute("SELECT option_name, scope_entry, value FROM lake.options()").fetchall()
    found["options"] = sorted((row for row in options if row[0] != "data_path"), key=repr)
    return found


def _kept(lake: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    names = [column[0] for column in lake.execute(f"SELECT * FROM {table} LIMIT 0").description or ()]
    return [name for name in names if name not in PASSING and name != "merged_into"]


def differences(found: Rows, expected: Rows) -> list[str]:
    """What is missing and what is too much, a line each; none when the lakes are equal."""
    lines = []
    for table, rows in expected.items():
        have, want = Counter(map(repr, found[table])), Counter(map(repr, rows))
        lines += [f"{table} lacks {row[:300]}" for row in (want - have).elements()]
        lines += [f"{table} has beyond {row[:300]}" for row in (have - want).elements()]
    return lines


def _totals(lake: duckdb.DuckDBPyConnection) -> dict[str, int]:
    rows = lake.execute("SELECT sum(articles_new), sum(articles_changed), sum(rejected) FROM runs").fetchall()
    return dict(zip(("new", "changed", "rejected"), map(int, rows[0]), strict=True))


def _problems(lake: duckdb.DuckDBPyConnection) -> list[str]:
    found = []
    off = "documents <> articles_new + articles_changed + articles_unchanged + rejected"
    for what, query in {
        "does not add up": f"SELECT run_id FROM runs WHERE {off}",
        "is said to be running": "SELECT run_id FROM runs WHERE state = 'running'",
        "stands twice": "SELECT article_id FROM article_versions GROUP BY article_id, version HAVING count(*) > 1",
    }.items():
        found += [f"{key} {what}" for (key,) in lake.execute(query).fetchall()]
    return found


def _leftovers(home: Path) -> list[str]:
    return [f"landing holds {path.name}" for path in (home / "landing").iterdir()]


def stray_files(home: Path) -> set[str]:
    """Parquet files below `lake/` that the catalog does not know, and those of it that are not there (after maintenance)."""
    known = set()
    with attach(Home(home)) as connection:
        for table in (*TABLES, "home"):
            rows = connection.execute(f"SELECT data_file, delete_file FROM ducklake_list_files('lake', '{table}')")
            known |= {Path(path).name for row in rows.fetchall() for path in row if path}
    return known ^ {path.name for path in (home / "lake").rglob("*.parquet")}
