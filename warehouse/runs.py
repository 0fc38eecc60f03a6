"""The rows of `runs`: begun, counted up by each load, ended; those whose process died are marked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import duckdb

from warehouse.known import put_source
from warehouse.load import transaction
from warehouse.rows import SourceRow


def begin(
    connection: duckdb.DuckDBPyConnection, run_id: str, flow: str, *, clock: datetime, pipeline_version: str
) -> None:
    """Write the row of a run that begins; the caller holds the lock."""
    with transaction(connection, f"run {run_id} begins"):
        connection.execute(
            """INSERT INTO lake.runs (run_id, flow, started_at, state, documents, articles_new, articles_changed,
                articles_unchanged, duplicates, rejected, pipeline_version) VALUES (?, ?, ?, 'running', 0, 0, 0, 0, 0, 0, ?)""",
            [run_id, flow, clock, pipeline_version],
        )


def finish(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    state: str,
    *,
    clock: datetime,
    error: str | None = None,
    sources: Sequence[SourceRow] = (),
) -> None:
    """Write how a run ended, and what it learnt of its sources; the caller holds the lock."""
    with transaction(connection, f"run {run_id} {state}"):
        for source in sources:
            put_source(connection, source)
        connection.execute(
            "UPDATE lake.runs SET state = ?, finished_at = ?, error = ? WHERE run_id = ?",
            [state, clock, error, run_id],
        )


def running(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Runs that have not ended, as far as the lake knows."""
    rows = connection.execute("SELECT run_id FROM lake.runs WHERE state = 'running' ORDER BY run_id").fetchall()
    return [row[0] for row in rows]


def mark_dead(connection: duckdb.DuckDBPyConnection, run_ids: Sequence[str], *, clock: datetime) -> None:
    """Say of runs whose process is gone that they failed; the caller holds the lock."""
    for run_id in run_ids:
        finish(
            connection, run_id, "failed", clock=clock, error="the process ended without saying why; a later run goes on"
        )
