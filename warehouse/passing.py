"""Rows of this process as tables of a connection: for as long as a transaction needs them, or into the lake."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa


def fill(
    connection: duckdb.DuckDBPyConnection, table: str, **columns: Sequence[object] | pa.Array | pa.ChunkedArray
) -> None:
    """Make a temporary table of the columns, in place of one of that name."""
    _run(connection, f"CREATE OR REPLACE TEMP TABLE {table} AS FROM passed", pa.table(columns))


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: pa.RecordBatch) -> None:
    """Insert the rows into a table of the lake, by the names of their columns."""
    _run(connection, f"INSERT INTO lake.{table} BY NAME FROM passed", pa.Table.from_batches([rows]))


def _run(connection: duckdb.DuckDBPyConnection, sql: str, passed: pa.Table) -> None:
    connection.register("passed", passed)
    connection.execute(sql)
    connection.unregister("passed")
