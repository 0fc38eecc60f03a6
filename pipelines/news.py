"""The whole path of news, from documents as they were pulled to Parquet ready to load.

    read · extract · strip · tag · fingerprint        `pipelines.way`, pure functions
    in processes that can be killed                   `pipelines.workers`
    write                                             `pipelines.write`

The same composite runs on one machine, on many, and on a stream: its elements are batches of documents, it keeps
no state, and what it writes, a retry writes again under the same name.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import WindowedValue

from connectors.document import Document
from connectors.landing import read_group
from pipelines.staging import Staged
from pipelines.way import Way
from pipelines.workers import Started, WorkerLimits, Workers
from pipelines.write import Write


@dataclass(frozen=True, slots=True)
class Group:
    """An element: some documents, under a key that names them for good."""

    key: str
    documents: tuple[Document, ...]


class News(beam.PTransform):
    """Documents in, staged rows out: `(table, path)` of each Parquet file, the table `rejects` among them."""

    def __init__(self, way: Way, folder: str, limits: WorkerLimits | None = None) -> None:
        super().__init__()
        self._way, self._folder, self._limits = way, folder, limits or WorkerLimits()

    def expand(self, groups: Any) -> Any:
        return (
            groups
            | "Read, extract, strip, tag, fingerprint" >> beam.ParDo(_Process(self._way, self._limits))
            | "Write" >> Write(self._folder)
        )


class ReadLanding(beam.PTransform):
    """The documents of a landed batch, from the keys of its row groups."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder

    def expand(self, keys: Any) -> Any:
        return keys | beam.ParDo(_ReadGroup(self._folder))


class _ReadGroup(beam.DoFn):
    def __init__(self, folder: str) -> None:
        self._folder = folder

    def process(self, key: str) -> Iterable[Group]:
        with FileSystems.open(FileSystems.join(self._folder, "documents.parquet")) as stream:
            yield Group(key, tuple(read_group(stream, int(key.rpartition("-")[2]))))


class _Process(beam.DoFn):
    """Keeps a few groups in flight, so that no worker process waits for another's slowest page."""

    _IN_FLIGHT = 2

    def __init__(self, way: Way, limits: WorkerLimits) -> None:
        self._way, self._limits = way, limits

    def setup(self) -> None:
        self._workers = Workers(self._way, self._limits)

    def start_bundle(self) -> None:
        self._started: deque[tuple[str, Started, Any, Any]] = deque()

    def process(
        self, group: Group, timestamp: Any = beam.DoFn.TimestampParam, window: Any = beam.DoFn.WindowParam
    ) -> Iterator[WindowedValue]:
        self._started.append((group.key, self._workers.start(group.documents), timestamp, window))
        while len(self._started) > self._IN_FLIGHT:
            yield self._finished()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        while self._started:
            yield self._finished()

    def teardown(self) -> None:
        self._workers.close()

    def _finished(self) -> WindowedValue:
        key, started, timestamp, window = self._started.popleft()
        rows = self._workers.finish(started)
        _count(rows)
        return WindowedValue((key, rows), timestamp, (window,))


def _count(rows: Staged) -> None:
    """In, out and dropped by stage and reason, in Beam's metrics."""
    Metrics.counter("newsmill", "documents").inc(rows["keys"].num_rows)
    if "articles" in rows:
        Metrics.counter("newsmill", "articles").inc(rows["articles"].num_rows)
    if "rejects" in rows:
        for stage, reason in zip(*(rows["rejects"].column(c).to_pylist() for c in ("stage", "reason")), strict=True):
            Metrics.counter("newsmill", f"rejected {stage} {reason}").inc()
