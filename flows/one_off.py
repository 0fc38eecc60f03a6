"""A command's run: the composition itself, or the same as a flow run where a Prefect API is configured."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from flows.settings import prefect_api

if TYPE_CHECKING:
    from collections.abc import Callable

    from flows.settings import Settings
    from warehouse.load import Counts


class PrefectError(Exception):
    """The Prefect API that is configured cannot be used; the message says what to do."""


def run_flow_or_direct(
    name: str,
    settings: Settings,
    *,
    report: Callable[[Counts], None] = lambda _: None,
    stop: threading.Event | None = None,
    **arguments: Any,
) -> Any:
    """The result of the flow `backfill`, `ingest` or `maintain`; what the composition raises is raised.

    `arguments` are the composition's: `paths`, `source`, `limit` of a backfill, `names` of an ingest. Prefect is
    imported only where `PREFECT_API_URL` or the active profile names an API. Raises `PrefectError` when that is away.
    """
    stop = stop or threading.Event()
    url = prefect_api()
    if url is None:
        return _direct(name, settings, report=report, stop=stop, **arguments)
    return _flow_run(name, settings, url, report=report, stop=stop, **arguments)


def _direct(
    name: str, settings: Settings, *, report: Callable[[Counts], None], stop: threading.Event, **arguments: Any
) -> Any:
    if name == "maintain":
        from flows.maintain import maintain

        return maintain(settings)
    from flows import backfill as pulling

    compositions: dict[str, Callable[..., Any]] = {"backfill": pulling.backfill, "ingest": pulling.ingest}
    return compositions[name](settings, report=report, stop=stop, **arguments)


def _flow_run(
    name: str,
    settings: Settings,
    url: str,
    *,
    report: Callable[[Counts], None],
    stop: threading.Event,
    **arguments: Any,
) -> Any:
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.logging.handlers import PrefectConsoleHandler

    from flows.prefect_flows import Hooks, flows

    for handler in logging.getLogger().handlers:
        if isinstance(handler, PrefectConsoleHandler):  # the command has its own lines
            handler.setLevel(logging.CRITICAL)
    with get_client(sync_client=True) as client:
        if problem := client.api_healthcheck():
            raise _away(url, problem) from problem
    flow = flows(Hooks(report, stop))[name]
    try:
        return flow(home=str(settings.home.path.absolute()), **_plain(arguments))
    except httpx.TransportError as error:
        raise _away(url, error) from error


def _away(url: str, error: Exception) -> PrefectError:
    return PrefectError(
        f"the Prefect API at {url} does not answer ({error}): start it, or set PREFECT_API_URL='' to run without it"
    )


def _plain(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments as parameters that an API can keep."""
    plain = {name: value for name, value in arguments.items() if name != "polling"}
    if "paths" in plain:
        plain["paths"] = [str(path.absolute()) for path in plain["paths"]]
    if "names" in plain:
        plain["sources"] = list(plain.pop("names"))
    return plain
