"""Many sources on the web at once: polls in flight by the hundred, their items one source after the other.

The polls run in an event loop on a thread of its own and go on while a batch is processed, until as much waits as
`_WAITING` allows. A source's items come together and end with its cursor, so that a batch holds all of a poll or none.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import zip_longest
from urllib.parse import urlsplit

from connectors.connector import Item, Known, Moved, Unchanged
from connectors.document import Document
from connectors.http import FetchError
from connectors.pages import PageRules, documents_of
from connectors.poll import Polled, Tools, poll, read_archive, source_row
from connectors.web_source import State, WebSource

_WAITING = 100
"""Sources whose items wait to be taken, at most."""
_LOOK_S = 0.05
"""How often either side looks whether the other is still there."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a cycle has come."""

    done: int
    all: int
    failed: int


@dataclass
class Fleet:
    """One cycle over sources that are due."""

    sources: Sequence[WebSource]
    cursors: Mapping[str, bytes]
    tools: Callable[[], AbstractAsyncContextManager[Tools]]
    """Opens client and reader in the loop that uses them."""
    clock: Callable[[], datetime]
    rules: PageRules = field(default_factory=PageRules)
    in_flight: int = 500
    report: Callable[[Progress], None] = lambda _: None
    errors: dict[str, str] = field(default_factory=dict)
    """Sources whose poll failed, each with why; filled as the items are drawn."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set by Ctrl-C: what is not done is left for the next cycle."""
    is_named: bool = False
    """Whether they are polled due or not."""
    with_archive: bool = False
    """Whether their past is read too, as far as they offer it."""
    polled: list[str] = field(default_factory=list)
    """Sources that had their turn."""

    def pull(self, known: Known) -> Iterator[Item]:
        """The items of all sources, each source's together, in the order in which they are done."""
        now = self.clock()
        states = {s.name: self._state(s, now) for s in self.sources}
        due = {name: state for name, state in states.items() if self.is_named or _is_due(state, now)}
        pages = [p.document_id for s in due.values() for p in s.pages if p.due_at <= now]
        records = known.entries(pages) if pages else {}
        wanted = _interleaved([s for s in self.sources if s.name in due])
        results: queue.Queue[list[Item] | BaseException | None] = queue.Queue(_WAITING)
        ended = threading.Event()
        cycle = _Cycle(self, wanted, due, records, results, ended)
        thread = threading.Thread(target=cycle.run, name="fleet", daemon=True)
        thread.start()
        try:
            while not self.stop.is_set():
                with suppress(queue.Empty):
                    found = results.get(timeout=_LOOK_S)
                    if found is None:
                        return
                    if isinstance(found, BaseException):
                        raise found
                    yield from found
        finally:
            ended.set()
            while thread.is_alive():
                with suppress(queue.Empty):  # makes room for a result that is being put
                    results.get(timeout=_LOOK_S)
            thread.join()

    def _state(self, source: WebSource, now: datetime) -> State:
        """The source's state; one whose address was changed by hand begins anew there, but for what it has seen."""
        cursor = self.cursors.get(source.name)
        if cursor is None:
            return State(location=source.location, wanted=source.location, added_at=now)
        state = State.from_bytes(cursor)
        return state if state.wanted == source.location else state.relocated(source.location)


class _Cycle:
    def __init__(
        self,
        fleet: Fleet,
        wanted: Iterable[WebSource],
        states: Mapping[str, State],
        records: Mapping[str, bytes],
        results: queue.Queue[list[Item] | BaseException | None],
        ended: threading.Event,
    ) -> None:
        self._fleet, self._states, self._records = fleet, states, records
        self._sources, self._results, self._ended = iter(wanted), results, ended
        self._done = self._failed = 0

    def run(self) -> None:
        try:
            asyncio.run(self._all())
        except BaseException as error:  # noqa: BLE001  raised again where the items are drawn
            self._put(error)
        else:
            self._put(None)

    async def _all(self) -> None:
        async with self._fleet.tools() as tools, asyncio.TaskGroup() as group:
            work = [group.create_task(self._work(tools)) for _ in range(min(self._fleet.in_flight, len(self._states)))]
            group.create_task(self._watch(work))

    async def _watch(self, work: Sequence[asyncio.Task[None]]) -> None:
        """Call the work off when nobody takes its results any more."""
        while not all(task.done() for task in work):
            if self._ended.is_set():
                for task in work:
                    task.cancel()
                return
            await asyncio.wait(work, timeout=_LOOK_S)

    async def _work(self, tools: Tools) -> None:
        for source in self._sources:
            try:
                async for items in self._turns(source, tools):
                    await self._hand_over(items)
            except Exception as error:  # noqa: BLE001  one source must not stop the others
                self._fleet.errors[source.name] = f"{type(error).__name__}: {error}; this is a fault of newsmill's"

    async def _turns(self, source: WebSource, tools: Tools) -> AsyncIterator[list[Item]]:
        """The items of the source's poll; then, where that is asked for, of each page of its past."""
        fleet, state = self._fleet, self._states[source.name]
        is_due = state.next_poll_at is None or state.next_poll_at <= fleet.clock()
        polled = None
        if is_due or fleet.is_named:
            polled = await poll(source, state, tools, with_archive=fleet.with_archive)
            state = polled.state
        new = polled.new if polled else ()
        documents, state = await documents_of(source, state, new, self._records, tools, fleet.rules)
        self._done += 1
        fleet.polled.append(source.name)
        if polled and polled.row.outcome not in ("ok", "not_modified"):
            self._failed += 1
            fleet.errors[source.name] = polled.row.error or polled.row.outcome
        fleet.report(Progress(self._done, len(self._states), self._failed))
        yield _items(source, state, polled, documents)
        read: set[str] = set()
        while fleet.with_archive and state.archive and source.name not in fleet.errors:
            read.add(state.archive[0])
            try:
                new, state = await read_archive(source, state, tools)
            except FetchError as error:
                fleet.errors[source.name] = f"its past is read up to {state.archive[0]}: {error.detail}"
                return
            documents, state = await documents_of(source, state, new, {}, tools, fleet.rules)
            state = replace(state, archive=tuple(url for url in state.archive if url not in read))
            yield _items(source, state, None, documents)

    async def _hand_over(self, items: list[Item]) -> None:
        while not self._ended.is_set():
            try:
                self._results.put_nowait(items)
            except queue.Full:
                await asyncio.sleep(_LOOK_S)
            else:
                return

    def _put(self, result: BaseException | None) -> None:
        while not self._ended.is_set():
            with suppress(queue.Full):
                self._results.put(result, timeout=_LOOK_S)
                return


def _items(source: WebSource, state: State, polled: Polled | None, documents: Sequence[Document]) -> list[Item]:
    """Counts, documents, history, state; the cursor last."""
    items: list[Item] = []
    if polled and polled.known:
        items.append(Unchanged(polled.known))
    items += documents
    if polled:
        items.append(polled.row)
    items += [source_row(source, state), Moved(source.name, state.to_bytes())]
    return items


def _is_due(state: State, now: datetime) -> bool:
    due_at = state.due_at()
    return due_at is None or due_at <= now


def _interleaved(sources: Iterable[WebSource]) -> list[WebSource]:
    """One of each host, then the next of each: sources of one host wait for each other, so they must not stand in line."""
    hosts: defaultdict[str, list[WebSource]] = defaultdict(list)
    for source in sources:
        hosts[urlsplit(source.location).hostname or ""].append(source)
    return [s for row in zip_longest(*hosts.values()) for s in row if s is not None]
