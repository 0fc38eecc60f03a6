"""The web connectors under a home's settings: the tools of a poll, and the cycle over sources that are due."""

from __future__ import annotations

import fcntl
import os
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from urllib.request import getproxies_environment

from flows.sources import SourceError, Wanted, web_source
from warehouse.rows import Flag

if TYPE_CHECKING:
    from pathlib import Path

    from connectors.http import Client
    from connectors.polling.fleet import Fleet, Progress
    from connectors.polling.pages import PageRules
    from connectors.polling.poll import Tools
    from flows.settings import Settings

_READ_S = 30.0
"""Seconds that reading a feed may take."""


@asynccontextmanager
async def tools(settings: Settings, clock: Callable[[], datetime], *, keeps: bool = False) -> AsyncIterator[Tools]:
    """Client and reader, open for as long as the event loop needs them.

    `keeps` says whether what hosts asked for is written for later processes. Raises `SettingsError` for a proxy or a
    network that cannot be used.
    """
    from connectors.http import Client
    from connectors.polling.poll import Tools
    from connectors.polling.reading import FeedReader
    from flows.settings import SettingsError, bounds, http_limits, user_agent

    try:
        client = Client(
            http_limits(settings),
            user_agent=user_agent(settings),
            clock=clock,
            allow=settings.network.allow,
            proxies=getproxies_environment(),
        )
    except ValueError as error:
        raise SettingsError(str(error)) from error
    reader = FeedReader(
        processes=settings.workers,
        timeout_s=_READ_S,
        memory_bytes=settings.pipeline.memory_mib * 1024 * 1024,
        preload=("connectors.polling.reading", "pipelines.warm"),
    )
    memory = settings.home.path / "web-memory.json"
    _recall(client, memory)
    try:
        async with client:
            yield Tools(
                client=client,
                read=reader,
                clock=clock,
                chance=random.random,
                bounds=bounds(settings),
                unconditional=timedelta(hours=settings.feeds.unconditional_hours),
            )
    finally:
        reader.close()
        if keeps:
            _remember(client, memory)


def _recall(client: Client, memory: Path) -> None:
    """Who asked to be left alone, and the robots.txt of the last day; without it, hosts are only asked once more."""
    with suppress(OSError, ValueError):
        client.recall(memory.read_bytes())


def _remember(client: Client, memory: Path) -> None:
    """Add what this client learnt to what others wrote meanwhile, one process after the other."""
    passing = memory.with_suffix(f".{os.getpid()}.part")
    with suppress(OSError), _alone(memory.parent):
        _recall(client, memory)
        passing.write_bytes(client.memory())
        passing.replace(memory)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def fleet(
    settings: Settings,
    wanted: Iterable[Wanted],
    cursors: Mapping[str, bytes],
    *,
    clock: Callable[[], datetime],
    is_named: bool = False,
    with_archive: bool = False,
    report: Callable[[Progress], None] = lambda _: None,
    stop: threading.Event | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Fleet:
    """A cycle over the sources; one that cannot be asked (a missing credential) is among its errors."""
    from connectors.polling.fleet import Fleet

    sources = []
    errors: dict[str, str] = {}
    for one in wanted:
        try:
            sources.append(web_source(one, settings, environ))
        except SourceError as error:
            errors[one.name] = str(error)
    return Fleet(
        sources,
        cursors,
        partial(tools, settings, clock, keeps=True),
        clock,
        rules=page_rules(settings),
        in_flight=settings.network.in_flight,
        report=report,
        errors=errors,
        stop=stop or threading.Event(),
        is_named=is_named,
        with_archive=with_archive,
    )


def page_rules(settings: Settings) -> PageRules:
    """How pages are fetched under these settings."""
    from connectors.polling.pages import PageRules

    feeds = settings.feeds
    return PageRules(
        wait_s=feeds.page_wait_s,
        again=timedelta(hours=feeds.page_again_hours) if feeds.page_again_hours else None,
        skip=frozenset(Flag(signal) for signal in settings.network.skip),
    )
