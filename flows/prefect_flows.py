"""The flows as Prefect sees them: each wraps a plain composition, one task for each batch.

Prefect repeats a batch that died, which is safe because its way is idempotent: what is staged is staged again, what is
loaded is not loaded again. No state of ours lives in Prefect; its artifacts tell what the lake knows.
Imported only where Prefect is wanted: importing it takes seconds.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from flows import backfill as pulling
from flows import maintain as maintaining
from flows.accounting import accounting, maintenance
from flows.settings import read_settings
from warehouse.catalog import Home
from warehouse.query import connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from prefect import Flow

    from connectors.landing import Batch
    from flows.backfill import Result
    from flows.run import Step
    from flows.settings import Settings
    from warehouse.load import Counts
    from warehouse.maintain import Maintained

RETRY_DELAYS_S = (2.0, 10.0)
TIMEOUT_S = 3600.0
_TASK: dict[str, Any] = {
    "retries": len(RETRY_DELAYS_S),
    "retry_delay_seconds": list(RETRY_DELAYS_S),
    "timeout_seconds": TIMEOUT_S,
    "cache_policy": NO_CACHE,
    "persist_result": False,
}


@dataclass(frozen=True)
class Hooks:
    """What connects a flow run with the process that it runs in."""

    report: Callable[[Counts], None] = lambda _: None
    stop: threading.Event = field(default_factory=threading.Event)


def flows(hooks: Hooks) -> dict[str, Flow[..., Any]]:
    """The flows by name; their parameters are plain values, since the API stores them."""
    return {made.name: made for made in (_backfill(hooks), _ingest(hooks), _maintain(hooks))}


def _backfill(hooks: Hooks) -> Flow[..., Any]:
    @flow(name="backfill", persist_result=False)
    def backfill(
        home: str, paths: list[str], source: str | None = None, limit: int | None = None, fields: str | None = None
    ) -> Any:
        """Read files, folders and archives into the lake."""
        settings, places = _settings(home), [Path(path) for path in paths]
        report = _reporting(hooks)
        result = pulling.backfill(
            settings,
            places,
            source=source,
            limit=limit,
            fields=fields,
            report=report,
            stop=hooks.stop,
            step=in_task(hooks.stop),
        )
        return _told("backfill", settings, result)

    return backfill


def _ingest(hooks: Hooks) -> Flow[..., Any]:
    @flow(name="ingest", persist_result=False)
    def ingest(home: str, sources: list[str] | None = None, with_archive: bool = False) -> Any:
        """Pull the named sources, or all that are due and not paused, once."""
        settings = _settings(home)
        step = in_task(hooks.stop)
        result = pulling.ingest(
            settings,
            sources or (),
            with_archive=with_archive,
            report=_reporting(hooks),
            stop=hooks.stop,
            step=step,
        )
        return _told("ingest", settings, result)

    return ingest


def _maintain(_: Hooks) -> Flow[..., Any]:
    @flow(name="maintain", persist_result=False)
    def maintain(home: str) -> Any:
        """Merge small files, expire old snapshots, clean up, check."""
        settings = _settings(home)

        @task(name="maintain the lake", tags=["newsmill", "maintenance"], **_TASK)
        def maintain_lake() -> Maintained:
            return maintaining.maintain(settings)

        found = maintain_lake()
        create_markdown_artifact(maintenance(found), key="newsmill-maintain", description=f"Maintenance of {home}")
        return found

    return maintain


def in_task(stop: threading.Event) -> Step:
    """A step that carries a batch's way into the lake as a task of the flow run that is under way."""

    def step(load: Callable[[Batch], None], batch: Batch) -> None:
        # The batch stays in the closure: Prefect would take apart, and keep, what it is given as a parameter.
        @task(
            name="process and load a batch",
            task_run_name="batch {batch_id}",
            tags=["newsmill", "batch"],
            retry_condition_fn=lambda *_: not stop.is_set(),
            **_TASK,
        )
        def process_and_load(batch_id: str, documents: int) -> None:
            get_run_logger().info("batch %s: %d documents", batch_id, documents)
            load(batch)

        process_and_load(batch.batch_id, batch.documents)

    return step


def _settings(home: str) -> Settings:
    return read_settings(Home(Path(home)))


def _reporting(hooks: Hooks) -> Callable[[Counts], None]:
    log = get_run_logger()

    def report(counts: Counts) -> None:
        log.info("%d documents so far, %d new, %d rejected", counts.documents, counts.new, counts.rejected)
        hooks.report(counts)

    return report


def _told(name: str, settings: Settings, result: Result) -> Result:
    """The result, after the run was given its artifact."""
    with connect(settings.home.path) as connection:
        rejects = connection.execute(
            "SELECT reason, count(*) FROM lake.outcomes WHERE run_id = ? AND decision = 'rejected' GROUP BY reason",
            [result.run_id],
        ).fetchall()
    markdown = accounting(result, {str(reason): count for reason, count in rejects})
    create_markdown_artifact(markdown, key=f"newsmill-{name}", description=f"{name} into {settings.home.path}")
    for error in result.errors:
        get_run_logger().warning(error)
    return result


backfill, ingest, maintain = flows(Hooks()).values()
"""For deployments on a server and work pools of one's own: `infra/prefect.yaml` names them."""
