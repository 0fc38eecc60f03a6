"""Rows of this process as tables of a connection: for as long as a transaction needs them, or into the lake."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb
import pyarrow as pa


def fill(
    connection: duckdb.DuckDBPyConnection, table: str, **columns: Sequence[object] | pa.Array | pa.ChunkedArray
) -> None:
    """Make a temporary table of the columns, in place of one of that name."""
    _run(connection, f"CREATE OR REPLACE TEMP TABLE {table} AS FROM passed", pa.table(columns))


def keep(connection: duckdb.DuckDBPyConnection, table: str, ids: str, columns: str) -> None:
    """Make a temporary table of columns of the articles whose ids a table holds; of the lake, what is of their times is read."""
    articles, bounds = in_times(
        connection, "lake.articles", "published_at", f"lake.articles SEMI JOIN {ids} USING (article_id)"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {columns} FROM {articles} SEMI JOIN {ids} USING (article_id)",
        bounds,
    )


def in_times(
    connection: duckdb.DuckDBPyConnection, table: str, time: str, rows: str
) -> tuple[str, list[datetime | None]]:
    """The rows of a table whose time lies among those of other rows, as SQL and its two values; undated ones if one of those is.

    Files and parts of files that hold no such time are not read.
    """
    first, last, undated = connection.execute(
        f"SELECT min({time}), max({time}), count(*) - count({time}) FROM {rows}"
    ).fetchone() or (None, None, 0)
    or_undated = f" UNION ALL FROM {table} WHERE {time} IS NULL" if undated else ""
    return f"(FROM {table} WHERE {time} BETWEEN ? AND ?{or_undated})", [first, last]


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.RecordBatch) -> None:
    """Insert the rows into a table of the lake, by the names of their columns."""
    _run(connection, f"INSERT INTO lake.{table} BY NAME FROM passed", pa.Table.from_batches([rows]))


def _run(connection: duckdb.DuckDBPyConnection, sql: str, passed: pa.Table) -> None:
    connection.register("passed", passed)
    connection.execute(sql)
    connection.unregister("passed")
