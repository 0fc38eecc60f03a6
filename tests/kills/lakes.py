"""Lakes compared row for row, and held to what must be true of every lake."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from warehouse.catalog import Home, attach
from warehouse.maintain import check
from warehouse.query import connect
from warehouse.rows import TABLES

PASSING = {"run_id", "batch_id", "rejected_at", "loaded_at", "added_at"}
"""Run ids and times of processing: all that a killed and an undisturbed way may differ in."""
Rows = dict[str, list[tuple[Any, ...]]]


def lake_rows(home: Path) -> Rows:
    """Every row of every table as a reader sees it, sorted, less the runs themselves."""
    found = {}
    with connect(home) as lake:
        for table in (*sorted(set(TABLES) - {"runs", "batches"}), "article_versions"):
            names = [c[0] for c in lake.execute(f"DESCRIBE {table}").fetchall() if c[0] not in PASSING]
            found[table] = sorted(lake.execute(f"SELECT {', '.join(names)} FROM {table}").fetchall(), key=repr)
        options = lake.execute("SELECT option_name, scope_entry, value FROM lake.options()").fetchall()
        found["options"] = sorted((row for row in options if row[0] != "data_path"), key=repr)
    return found


def differences(found: Rows, expected: Rows) -> list[str]:
    """What is missing and what is too much, a line each; none when the lakes are equal."""
    lines = []
    for table, rows in expected.items():
        have, want = Counter(map(repr, found[table])), Counter(map(repr, rows))
        lines += [f"{table} lacks {row[:300]}" for row in (want - have).elements()]
        lines += [f"{table} has beyond {row[:300]}" for row in (have - want).elements()]
    return lines


def totals(home: Path) -> dict[str, int]:
    """What all runs together did; `unchanged` is left out, since a run that goes on counts what is there again."""
    with connect(home) as lake:
        rows = lake.execute("SELECT sum(articles_new), sum(articles_changed), sum(rejected) FROM runs").fetchall()
    return dict(zip(("new", "changed", "rejected"), map(int, rows[0]), strict=True))


def problems(home: Path) -> list[str]:
    """What is wrong with a home where nobody works: sums, ids, leftovers, files without rows."""
    found = []
    with connect(home) as lake:
        off = lake.execute(
            "SELECT run_id FROM runs WHERE documents <> articles_new + articles_changed + articles_unchanged + rejected"
        ).fetchall()
        found += [f"run {run_id} does not add up" for (run_id,) in off]
        running = lake.execute("SELECT run_id FROM runs WHERE state = 'running'").fetchall()
        found += [f"run {run_id} is said to be running" for (run_id,) in running]
        doubled = lake.execute("SELECT article_id, version FROM article_versions GROUP BY ALL HAVING count(*) > 1")
        found += [f"version {row} stands twice" for row in doubled.fetchall()]
    found += [f"landing holds {path.name}" for path in (home / "landing").iterdir()]
    with attach(Home(home)) as connection:
        found += check(connection)
    return found


def stray_files(home: Path) -> set[str]:
    """Parquet files below `lake/` that the catalog does not know, and those of it that are not there (after maintenance)."""
    known = set()
    with attach(Home(home)) as connection:
        for table in (*TABLES, "home"):
            rows = connection.execute(f"SELECT data_file, delete_file FROM ducklake_list_files('lake', '{table}')")
            known |= {Path(path).name for row in rows.fetchall() for path in row if path}
    return known ^ {path.name for path in (home / "lake").rglob("*.parquet")}
