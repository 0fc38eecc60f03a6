"""Many sources on the web at once: polls in flight by the hundred, their items one source after the other.

The polls run in an event loop on a thread of its own and go on while a batch is processed, until as much waits as
the budget allows. A source's items come together and end with its cursor, so that a batch holds all of a poll or none.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import zip_longest
from urllib.parse import urlsplit

from connectors.connector import Item, Known, Moved, Unchanged
from connectors.document import Document
from connectors.http import FetchError
from connectors.polling.budget import Budget
from connectors.polling.pages import AT_ONCE, MOST_PENDING, PageRules, documents_of
from connectors.polling.poll import Polled, Tools, poll, read_archive, source_row
from connectors.polling.web_source import PendingPage, State, WebSource
from warehouse.rows import Role

_LOOK_S = 0.05
"""How often either side looks whether the other is still there."""
_PAST_PAGES = 1000
"""Pages of a source's past that are read in one cycle."""
_BARREN = 3
"""So many pages in a row without an entry that is not known are the end of a feed's past."""


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
    waiting: int = 0
    """How many are not due yet."""

    def pull(self, known: Known) -> Generator[Item]:
        """The items of all sources, each source's together, in the order in which they are done. To be closed."""
        now = self.clock()
        due: dict[str, State] = {}
        for source in self.sources:  # one after the other: few of the cursors are of sources that are due
            state = State.of(source, self.cursors.get(source.name), now)
            if self.is_named or state.is_due(now) or any(p.due_at <= now for p in state.pages):
                due[source.name] = state
        self.waiting = len(self.sources) - len(due)
        if not due:
            return
        pages = [p.document_id for s in due.values() for p in _ready(s, now)]
        records = known.entries(pages) if pages else {}
        cycle = _Cycle(self, _interleaved([s for s in self.sources if s.name in due]), due, records)
        thread = threading.Thread(target=cycle.run, name="fleet", daemon=True)
        thread.start()
        try:
            yield from cycle.results(self.stop)
        finally:
            cycle.ended.set()
            if threading.current_thread() is not thread:  # which may be where an abandoned generator is collected
                thread.join()


class _Cycle:
    """The polls of a cycle, in the loop of their thread."""

    def __init__(
        self, fleet: Fleet, wanted: Iterable[WebSource], states: Mapping[str, State], records: Mapping[str, bytes]
    ) -> None:
        self._fleet, self._states, self._records = fleet, states, records
        self._sources = iter(wanted)
        self._results: queue.SimpleQueue[list[Item] | BaseException | None] = queue.SimpleQueue()
        self._budget: Budget | None = None
        self._done = self._failed = 0
        self.ended = threading.Event()

    def results(self, stop: threading.Event) -> Iterator[Item]:
        """What the sources bring, drawn by another thread than the loop's, until they are done or `stop` is set."""
        while not stop.is_set():
            try:
                found = self._results.get(timeout=_LOOK_S)
            except queue.Empty:
                continue
            if found is None:
                return
            if isinstance(found, BaseException):
                raise found
            yield from found
            if self._budget:
                self._budget.free(sum(map(_held_bytes, found)))

    def run(self) -> None:
        try:
            asyncio.run(self._all())
        except BaseException as error:  # noqa: BLE001  raised again where the items are drawn
            self._results.put(error)
        else:
            self._results.put(None)

    async def _all(self) -> None:
        budget = self._budget = Budget()
        async with self._fleet.tools() as tools, asyncio.TaskGroup() as group:
            count = min(self._fleet.in_flight, len(self._states))
            work = [group.create_task(self._work(tools, budget)) for _ in range(count)]
            group.create_task(self._watch(work))

    async def _watch(self, work: Sequence[asyncio.Task[None]]) -> None:
        """Call the work off when nobody takes its results any more."""
        while not all(task.done() for task in work):
            if self.ended.is_set():
                for task in work:
                    task.cancel()
                return
            await asyncio.wait(work, timeout=_LOOK_S)

    async def _work(self, tools: Tools, budget: Budget) -> None:
        for source in self._sources:
            await budget.room()
            try:
                async for items in self._turns(source, tools, budget):
                    budget.hold(sum(_held_bytes(i) for i in items if isinstance(i, Document) and i.role is Role.ENTRY))
                    self._results.put(items)
            except Exception as error:  # noqa: BLE001  one source must not stop the others
                self._fleet.errors[source.name] = f"{type(error).__name__}: {error}; this is a fault of newsmill's"

    async def _turns(self, source: WebSource, tools: Tools, budget: Budget) -> AsyncIterator[list[Item]]:
        """The items of the source's poll; then, where that is asked for, of each page of its past."""
        fleet, state = self._fleet, self._states[source.name]
        polled = None
        if fleet.is_named or state.is_due(fleet.clock()):
            polled = await poll(source, state, tools, with_archive=fleet.with_archive)
            state = polled.state
        new = polled.new if polled else ()
        documents, state = await documents_of(source, state, new, self._records, tools, fleet.rules, budget)
        self._done += 1
        fleet.polled.append(source.name)
        if polled and polled.row.outcome not in ("ok", "not_modified"):
            self._failed += 1
            fleet.errors[source.name] = polled.row.error or polled.row.outcome
        fleet.report(Progress(self._done, len(self._states), self._failed))
        yield _items(source, state, polled, documents)
        if fleet.with_archive and source.name not in fleet.errors:
            async for items in self._past(source, state, tools, budget):
                yield items

    async def _past(self, source: WebSource, state: State, tools: Tools, budget: Budget) -> AsyncIterator[list[Item]]:
        """The items of each page of the source's past; it ends where pages lead in a circle or say nothing more."""
        read: set[str] = set()
        found: set[str] = set()
        barren = 0
        while state.archive and len(read) < _PAST_PAGES and not self.ended.is_set():
            await budget.room()
            url = state.archive[0]
            read.add(url)
            try:
                new, state = await read_archive(source, state, tools)
            except FetchError as error:
                self._fleet.errors[source.name] = f"its past is read up to {url}: {error.detail}"
                return
            fresh = [e for e in new if e.address not in found]
            found.update(e.address for e in fresh)
            barren = 0 if fresh else barren + 1
            further = tuple(u for u in state.archive if u not in read)
            if source.kind == "feed" and barren >= _BARREN:
                further = ()
            documents, state = await documents_of(
                source, replace(state, archive=further), fresh, {}, tools, self._fleet.rules, budget
            )
            is_full = len(state.pages) >= MOST_PENDING
            if is_full:  # entries were left, so this page of the past is read again
                state = replace(state, archive=(url, *further))
                self._fleet.errors[source.name] = f"its past is read up to {url}: the pages behind it are still to come"
            yield _items(source, state, None, documents)
            if is_full:
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


def _ready(state: State, now: datetime) -> list[PendingPage]:
    return [page for page in state.pages if page.due_at <= now][:AT_ONCE]


def _held_bytes(item: Item) -> int:
    return len(item.data or b"") if isinstance(item, Document) else 0


def _interleaved(sources: Iterable[WebSource]) -> list[WebSource]:
    """One of each host, then the next of each: sources of one host wait for each other, so they must not stand in line."""
    hosts: defaultdict[str, list[WebSource]] = defaultdict(list)
    for source in sources:
        hosts[urlsplit(source.location).hostname or ""].append(source)
    return [s for row in zip_longest(*hosts.values()) for s in row if s is not None]
