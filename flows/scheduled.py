"""The process of `newsmill up` that does the work: registers the deployments and runs what Prefect has scheduled.

It imports everything once and runs one flow at a time, where Prefect's own `serve` starts a process for each run.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import Abort, ObjectNotFound, TerminationSignal
from prefect.flow_engine import run_flow
from prefect.states import Cancelled, Scheduled
from prefect.utilities.callables import parameter_schema

from flows.accounting import one_line
from flows.prefect_flows import Hooks, flows
from flows.settings import read_settings
from warehouse.catalog import Home

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from prefect import Flow, State

    from flows.child import Parent
    from flows.settings import Settings

ASK_EVERY_S = 5.0
"""How long a run that a person starts in the interface waits at most."""
RUNS_PER_PROCESS = 200
"""Runs after which the process makes room for a fresh one, since each leaves some 0.2 MB behind."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A flow that is registered with the server."""

    id: UUID
    flow: Flow[..., Any]


def register(client: SyncPrefectClient, settings: Settings, hooks: Hooks, clock: datetime) -> list[Deployment]:
    """Register the flows. What is due goes first: an ingest at once, maintenance if the last is too long ago."""
    every = {
        "ingest": timedelta(minutes=settings.service.ingest_minutes),
        "maintain": timedelta(hours=settings.service.maintain_hours),
    }
    made = []
    for name, flow in flows(hooks).items():
        interval = every.get(name)
        before = _last_completed(client, f"{name}/{name}") if name == "maintain" else None
        id_ = _create(client, settings, flow, interval, anchor=before or clock)
        if interval and (before is None or before + interval <= clock):
            client.create_flow_run_from_deployment(id_, state=Scheduled(scheduled_time=clock))
        made.append(Deployment(id_, flow))
    return made


def _create(
    client: SyncPrefectClient, settings: Settings, flow: Flow[..., Any], every: timedelta | None, *, anchor: datetime
) -> UUID:
    schedules = []
    if every:
        schedule = IntervalSchedule(interval=every, anchor_date=anchor, timezone="UTC")
        schedules.append(DeploymentScheduleCreate(schedule=schedule, active=True))
    return client.create_deployment(
        flow_id=client.create_flow(flow),
        name=flow.name,
        schedules=schedules,
        parameters={"home": str(settings.home.path.absolute())},
        parameter_openapi_schema=parameter_schema(flow).model_dump_for_openapi(),
        description=flow.description,
        tags=["newsmill"],
    )


def _last_completed(client: SyncPrefectClient, deployment: str) -> datetime | None:
    """When the deployment's last completed run ended."""
    try:
        found = client.read_deployment_by_name(deployment)
    except ObjectNotFound:
        return None
    runs = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[found.id]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.COMPLETED])),
        ),
        sort=FlowRunSort.END_TIME_DESC,
        limit=1,
    )
    return runs[0].end_time if runs else None


def superseded(due: Sequence[FlowRun]) -> list[FlowRun]:
    """Of runs that are due, oldest first, the scheduled ones that a later one of the same flow makes needless.

    After a night's sleep there is one ingest to do, not fifty; what a person asked for is done each time.
    """
    newest = {run.deployment_id: run.id for run in due if run.auto_scheduled}
    return [run for run in due if run.auto_scheduled and newest[run.deployment_id] != run.id]


def serve(settings: Settings, stop: threading.Event) -> None:
    """Run what is due, one flow at a time, until `stop` is set. Errors of the server's end are waited out."""
    hooks = Hooks(stop=stop)
    with get_client(sync_client=True) as client:
        if not _wait_for(client, stop):
            return
        deployments = {d.id: d for d in register(client, settings, hooks, datetime.now(UTC))}
        _say(_greeting(settings))
        done = 0
        while not stop.is_set() and done < RUNS_PER_PROCESS:
            run = _next(client, list(deployments))
            if run is None:
                stop.wait(ASK_EVERY_S)
            elif _wait_until(run.expected_start_time, stop) and run.deployment_id:
                _say(_carried_out(deployments[run.deployment_id].flow, run))
                done += 1


def _wait_for(client: SyncPrefectClient, stop: threading.Event) -> bool:
    """Whether the server answered before the service was stopped; its end is the parent's to see."""
    while not stop.is_set():
        if client.api_healthcheck() is None:
            return True
        stop.wait(0.2)
    return False


def _next(client: SyncPrefectClient, deployment_ids: list[UUID]) -> FlowRun | None:
    """The run to do next, if one is due until we ask again; those that it supersedes are called off."""
    before = datetime.now(UTC) + timedelta(seconds=ASK_EVERY_S)
    try:
        found = client.get_scheduled_flow_runs_for_deployments(deployment_ids, scheduled_before=before)
        due = [client.read_flow_run(run.id) for run in found]
        for run in (needless := superseded(due)):
            state: State[None] = Cancelled(name="Skipped", message="a later run of the same flow is due too")
            client.set_flow_run_state(run.id, state, force=True)
    except httpx.HTTPError:
        return None
    return next((run for run in due if run not in needless), None)


def _wait_until(moment: datetime | None, stop: threading.Event) -> bool:
    """Whether the moment has come before the service was stopped."""
    seconds = (moment - datetime.now(UTC)).total_seconds() if moment else 0.0
    return not stop.wait(max(seconds, 0.0))


def _carried_out(flow: Flow[..., Any], run: FlowRun) -> str:
    """Run the flow, and say in a line what came of it."""
    began = time.monotonic()
    engine: Callable[..., object] = run_flow
    try:
        state = cast("State[Any]", engine(flow, flow_run=run, return_type="state"))
    except Abort as refusal:
        return f"{flow.name}: not run, {refusal}"
    except httpx.HTTPError as error:
        return f"{flow.name}: the Prefect server did not answer ({error}); the lake is whole, the next run goes on"
    if not state.is_completed():
        why, _, _ = (state.message or "no reason given").partition("\n")
        return f"{flow.name}: {str(state.name).lower()}: {why}"
    return f"{flow.name}: {one_line(state.result())} ({time.monotonic() - began:.1f} s)"


def _greeting(settings: Settings) -> str:
    service = settings.service
    return (
        f"up: Prefect's interface is at http://127.0.0.1:{service.port}; ingest every {service.ingest_minutes} minutes, "
        f"maintenance every {service.maintain_hours} hours; Ctrl-C stops"
    )


def _say(line: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", file=sys.stderr, flush=True)


def main(home: str, parent: Parent) -> None:
    """Serve until the parent leaves. The settings of Prefect come from the environment that the parent chose.

    While a flow runs, Prefect takes SIGTERM for itself and breaks off the batch in hand; the parent's way is gentler.
    """
    stop = threading.Event()
    parent.when_gone(stop.set)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        serve(read_settings(Home(Path(home))), stop)
    except TerminationSignal:
        sys.exit("stopped by SIGTERM; nothing is lost, the next run goes on")
