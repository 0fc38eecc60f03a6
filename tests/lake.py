"""What tests do with a lake: load documents without Beam, and read every table back."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from connectors.document import Document
from pipelines.staging import staged
from pipelines.way import Way
from pipelines.write import write_parquet
from warehouse import runs
from warehouse.catalog import Home, open_lake
from warehouse.load import Counts, Staging, load
from warehouse.rows import TABLES, Role

CLOCK = datetime(2024, 5, 1, tzinfo=UTC)
PASSING = {"run_id", "batch_id", "rejected_at", "loaded_at", "added_at", "pipeline_version"}
"""Columns that tell runs apart and not what the lake holds."""


@cache
def way() -> Way:
    return Way()


@cache
def _empty() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(prefix="newsmill-tests-")
    open_lake(Home(Path(folder.name))).close()
    return folder


def new_home(path: Path) -> Home:
    """An empty home, copied: a copy costs a tenth of what making one costs."""
    shutil.copytree(_empty().name, path)
    return Home(path)


def record(
    text: str, *, url: str | None = None, seen: int = 0, source: str = "wire", role: Role = Role.ENTRY, **fields: Any
) -> Document:
    """A document as a feed gives it; `seen` is the minute of its poll."""
    names = {"headline": "title", "published": "date_published", "modified": "date_modified"}
    item = {names[name]: value for name, value in fields.items() if name in names}
    # As a row and as an item of JSON Feed: what stands for a page is read as a row.
    data = json.dumps({"text": text, "content_text": text, "url": url, **fields, **item}).encode()
    return Document(
        source=source,
        role=role,
        address=url or text[:20],
        uri=url or f"urn:{text[:20]}",
        fetched_at=datetime(2024, 3, 5, seen // 60, seen % 60, tzinfo=UTC),
        data=data,
        url=url,
        media_type="application/json",
    )


def load_documents(
    connection: duckdb.DuckDBPyConnection, folder: Path, documents: Iterable[Document], batch_id: str = "b1"
) -> Counts:
    """Take documents the way and load them as one batch of a run of its own."""
    rows = staged([way()(d) for d in documents])
    for table, batch in rows.items():
        write_parquet(str(folder / batch_id / table / "0.parquet"), batch)
    run_id = f"run-{batch_id}"
    if not connection.execute("SELECT 1 FROM lake.runs WHERE run_id = ?", [run_id]).fetchall():
        runs.begin(connection, run_id, "test", clock=CLOCK, pipeline_version="t")
    staging = Staging(batch_id=batch_id, markers=None, staged=folder / batch_id)
    return load(connection, staging, run_id, clock=CLOCK, pipeline_version="t")


def rows_of(
    connection: duckdb.DuckDBPyConnection, *, without: Sequence[str] = (), tables: Sequence[str] = ()
) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the tables, sorted, less what only tells runs apart."""
    found = {}
    for table in tables or sorted(set(TABLES) - {"runs", "batches"}):
        names = [c[0] for c in connection.execute(f"DESCRIBE lake.{table}").fetchall()]
        kept = [n for n in names if n not in PASSING and n not in without]
        found[table] = sorted(connection.execute(f"SELECT {', '.join(kept)} FROM lake.{table}").fetchall(), key=repr)
    return found


def query(connection: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    return connection.execute(sql, list(values) or None).fetchall()
