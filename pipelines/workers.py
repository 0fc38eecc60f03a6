"""Worker processes that can be killed: a page that hangs, crashes or eats the memory costs that page alone.

The way of a document knows nothing of this. Documents travel in small groups; a group that fails is repeated
document by document, and the one that fails alone becomes a reject.
"""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import TimeoutError as TaskTimeoutError
from concurrent.futures import wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
from pebble import ProcessExpired, ProcessFuture, ProcessPool

from connectors.document import Document
from connectors.killable import begin_worker
from pipelines.read import fetch
from pipelines.staging import Staged, staged
from pipelines.values import Rejected
from pipelines.way import Way
from warehouse.rows import Reason, Stage

GROUP_DOCUMENTS = 128
GROUP_BYTES = 512 * 1024
_POOLS = 3
"""Pools that a group may see break before the run fails: then it is not the documents, workers cannot be started."""


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """What a document may cost."""

    processes: int = 1
    timeout_s: float = 30.0
    memory_bytes: int = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class _Task:
    future: ProcessFuture[Staged]
    pool: ProcessPool

    def result(self) -> Staged | BaseException:
        """What came of it; a pool that broke has forgotten what waited in its queue."""
        while not self.future.done():
            if not self.pool.active:
                return BrokenProcessPool()
            wait([self.future], timeout=1)
        return self.future.exception() or self.future.result()


@dataclass(frozen=True, slots=True)
class Started:
    """Documents that are being processed, in groups."""

    groups: tuple[tuple[tuple[Document, ...], _Task], ...]


class Workers:
    """A pool that takes documents the whole way, in order."""

    def __init__(self, way: Way, limits: WorkerLimits) -> None:
        self._way, self._limits = way, limits

    @cached_property
    def _pool(self) -> ProcessPool:
        # With `fork`, a worker that hangs would keep the home's lock after its parent was killed.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["pipelines.warm"])
        return ProcessPool(
            max_workers=self._limits.processes,
            initializer=_begin,
            initargs=(self._way, self._limits.memory_bytes),
            context=context,
        )

    def start(self, documents: Sequence[Document]) -> Started:
        """Begin with the documents, without waiting."""
        return Started(tuple((group, self._submit(group)) for group in grouped(documents)))

    def finish(self, started: Started) -> Staged:
        """Wait for the documents; every one of them is an article or a reject."""
        made: list[Staged] = []
        for group, task in started.groups:
            result = self._result(group, task)
            made += self._one_by_one(group, result) if isinstance(result, BaseException) else [result]
        return _joined(made)

    def close(self) -> None:
        """End the processes at once."""
        if "_pool" in self.__dict__:
            self._pool.stop()
            self._pool.join()
            del self._pool

    def _submit(self, group: tuple[Document, ...]) -> _Task:
        if not self._pool.active:
            self.close()
        return _Task(self._pool.schedule(_process, args=(group,), timeout=self._limits.timeout_s), self._pool)

    def _result(self, group: tuple[Document, ...], task: _Task) -> Staged | BaseException:
        """The group's rows, or what it failed with. A pool breaks when an idle worker is killed: no fault of the group's."""
        for _ in range(_POOLS):
            result = task.result()
            if not isinstance(result, BrokenProcessPool):
                return result
            task = self._submit(group)
        raise BrokenProcessPool(f"{_POOLS} pools of worker processes broke, one after the other")

    def _one_by_one(self, group: tuple[Document, ...], error: BaseException) -> Iterator[Staged]:
        # A process that died may have been killed from outside, so even a document that was alone is tried again.
        if len(group) == 1 and not isinstance(error, ProcessExpired):
            yield self._reject(group[0], error)
            return
        for document, task in [(d, self._submit((d,))) for d in group]:
            result = self._result((document,), task)
            yield self._reject(document, result) if isinstance(result, BaseException) else result

    def _reject(self, document: Document, error: BaseException) -> Staged:
        try:
            data = fetch(document, self._way.limits)
        except Rejected as verdict:
            return staged([self._way.reject(document, b"", verdict)])
        return staged([self._way.reject(document, data, self._verdict(error))])

    def _verdict(self, error: BaseException) -> Rejected:
        if isinstance(error, TaskTimeoutError):
            return Rejected(Stage.PROCESS, Reason.TIMEOUT, f"not done after {self._limits.timeout_s:g} s")
        if isinstance(error, MemoryError):
            return Rejected(Stage.PROCESS, Reason.MEMORY, f"more than {self._limits.memory_bytes >> 20} MiB")
        if isinstance(error, ProcessExpired):
            return Rejected(Stage.PROCESS, Reason.CRASHED, f"the worker process ended with {error.exitcode}")
        return Rejected(Stage.PROCESS, Reason.CRASHED, str(error)[:500])


def grouped(documents: Sequence[Document]) -> Iterator[tuple[Document, ...]]:
    """The documents in groups of few texts or fewer pages."""
    group: list[Document] = []
    size = 0
    for document in documents:
        size += len(document.data) if document.data is not None else document.size_bytes
        group.append(document)
        if len(group) >= GROUP_DOCUMENTS or size >= GROUP_BYTES:
            yield tuple(group)
            group, size = [], 0
    if group:
        yield tuple(group)


_worker: dict[str, Way] = {}
"""The way of this worker process; set once, as it begins."""


def _begin(way: Way, memory_bytes: int) -> None:
    for library in ("htmldate", "readability", "trafilatura"):  # what they say of a bad page, its article's row says
        logging.getLogger(library).setLevel(logging.CRITICAL)
    begin_worker(memory_bytes)
    _worker["way"] = way


class _Unexpected(Exception):  # noqa: N818  what a step raised, in words
    pass


def _process(group: tuple[Document, ...]) -> Staged:
    try:
        return staged([_worker["way"](document) for document in group])
    except MemoryError:
        raise MemoryError from None
    except BaseException as error:  # noqa: BLE001
        # Whatever it is (a panic of Rust is no Exception), it may not survive pickling, and would break the pool.
        raise _Unexpected(f"{type(error).__name__}: {error}"[:500]) from None


def _joined(parts: Sequence[Staged]) -> Staged:
    tables: dict[str, list[pa.RecordBatch]] = {}
    for part in parts:
        for table, batch in part.items():
            tables.setdefault(table, []).append(batch)
    return {table: pa.concat_batches(batches) for table, batches in tables.items()}
