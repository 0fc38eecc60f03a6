"""Batches that were pulled and are not loaded yet: immutable folders below `landing/`.

A batch holds `documents.parquet` (a folder's documents by reference, fetched ones with their bytes), the markers that
its load commits (`files`, `cursors`, `polls`, `sources`) and `batch.json`. It is written under a name that begins with a dot and
renamed when whole, so that what stands there is complete, whenever the process died.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.connector import FileRead, Item, Moved, Passed, Unchanged
from connectors.document import Document, Failure
from warehouse.rows import CursorRow, FileRow, Flag, PollRow, Reason, Role, SourceRow
from warehouse.schema import record_batch

GROUP_BYTES = 8 * 1024 * 1024
GROUP_DOCUMENTS = 1000

_TEXT = ("source", "role", "address", "uri", "file", "url", "media_type", "charset", "final_uri", "headers", "fields")
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in (*_TEXT, "document_id", "article_id", "failure_reason", "failure_detail")),
        ("fetched_at", pa.timestamp("us", tz="UTC")),
        ("data", pa.binary()),
        ("path", pa.binary()),
        ("size_bytes", pa.int64()),
        ("http_status", pa.int64()),
        ("flags", pa.list_(pa.string())),
        ("entry", pa.binary()),
    ]
)


@dataclass(frozen=True, slots=True)
class Batch:
    """A landed batch."""

    folder: Path
    batch_id: str
    documents: int
    unchanged: int
    """Items known without reading, counted by the run that loads the batch."""

    def groups(self) -> list[str]:
        """One key for each row group of the documents: what the pipeline takes as elements."""
        file = pq.ParquetFile(self.folder / "documents.parquet")
        return [f"{self.batch_id}-{n:05d}" for n in range(file.num_row_groups)]


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """When a batch is full, at the next marker."""

    size_bytes: int = 96 * 1024 * 1024
    documents: int = 10_000
    markers: int = 50_000


@dataclass
class _Writer:
    """A batch while it is being written."""

    folder: Path
    size_bytes: int = 0
    documents: int = 0
    unchanged: int = 0
    files: list[FileRow] = field(default_factory=list)
    cursors: list[CursorRow] = field(default_factory=list)
    polls: list[PollRow] = field(default_factory=list)
    sources: list[SourceRow] = field(default_factory=list)
    _group: list[Document] = field(default_factory=list)
    _group_bytes: int = 0
    _parquet: pq.ParquetWriter | None = None

    def take(self, item: Item, batch_id: str) -> None:
        """Put the item where it belongs."""
        match item:
            case Document():
                self._add(item)
            case FileRead():
                self.files.append(_file_row(item))
            case Moved():
                self.cursors.append(CursorRow(source=item.source, cursor=item.cursor, batch_id=batch_id))
            case PollRow():
                self.polls.append(item)
            case SourceRow():
                self.sources.append(item)
            case Unchanged():
                self.unchanged += item.count

    def _add(self, document: Document) -> None:
        size = len(document.data) if document.data is not None else document.size_bytes
        size += len(document.entry or b"")
        self._group.append(document)
        self._group_bytes += size
        self.size_bytes += size
        self.documents += 1
        if self._group_bytes >= GROUP_BYTES or len(self._group) >= GROUP_DOCUMENTS:
            self._flush()

    def _flush(self) -> None:
        if self._parquet is None:
            self._parquet = pq.ParquetWriter(self.folder / "documents.parquet", _SCHEMA, compression="zstd")
        if self._group:
            self._parquet.write_batch(_to_arrow(self._group), row_group_size=len(self._group))
        self._group, self._group_bytes = [], 0

    def is_full(self, limits: BatchLimits) -> bool:
        return (
            self.size_bytes >= limits.size_bytes
            or self.documents >= limits.documents
            or len(self.files) + len(self.cursors) + len(self.polls) >= limits.markers
        )

    def is_empty(self) -> bool:
        return not (self.documents or self.files or self.cursors or self.polls or self.sources or self.unchanged)

    def close(self) -> None:
        self._flush()
        if self._parquet is not None:
            self._parquet.close()
        for name, row, rows in (
            ("files", FileRow, list({(f.source, f.path): f for f in self.files}.values())),
            ("cursors", CursorRow, list({c.source: c for c in self.cursors}.values())),
            ("polls", PollRow, self.polls),
            ("sources", SourceRow, list({s.source: s for s in self.sources}.values())),
        ):
            pq.write_table(pa.Table.from_batches([record_batch(row, rows)]), self.folder / f"{name}.parquet")


def land(
    items: Iterable[Item],
    landing: Path,
    run_id: str,
    *,
    limits: BatchLimits | None = None,
    passed: list[Passed] | None = None,
    first: int = 0,
) -> Iterator[Batch]:
    """Write the items of one or many sources as batches, lazily: the next is begun when the last one was taken.

    What a connector passed over is appended to `passed`; `first` numbers the first batch.
    """
    limits = limits or BatchLimits()
    source, number = iter(items), first
    while True:
        batch_id = f"{run_id}-{number:06d}"
        writer = _begin(landing, batch_id)
        with ExitStack() as cleanup:
            cleanup.callback(shutil.rmtree, writer.folder, ignore_errors=True)
            is_last = _fill(writer, source, batch_id, limits, passed)
            if writer.is_empty():
                return
            batch = _commit(writer, landing, batch_id)
        yield batch
        number += 1
        if is_last:
            return


def _begin(landing: Path, batch_id: str) -> _Writer:
    folder = landing / f".{batch_id}"
    folder.mkdir(parents=True)
    return _Writer(folder)


def _fill(
    writer: _Writer, items: Iterator[Item], batch_id: str, limits: BatchLimits, passed: list[Passed] | None
) -> bool:
    """Take items until the batch is full; True when they came to an end."""
    for item in items:
        if not isinstance(item, Passed):
            writer.take(item, batch_id)
        elif passed is not None:
            passed.append(item)
        if isinstance(item, FileRead | Moved | Unchanged) and writer.is_full(limits):
            return False
    return True


def _file_row(marker: FileRead) -> FileRow:
    return FileRow(
        source=marker.source,
        path=marker.path,
        size_bytes=marker.size_bytes,
        modified_ns=marker.modified_ns,
        records=marker.records,
        is_complete=marker.is_complete,
        pipeline_version=None,
        fields=marker.fields,
    )


def _commit(writer: _Writer, landing: Path, batch_id: str) -> Batch:
    writer.close()
    meta = {"batch_id": batch_id, "documents": writer.documents, "unchanged": writer.unchanged}
    (writer.folder / "batch.json").write_text(json.dumps(meta), encoding="utf-8")
    for path in writer.folder.iterdir():
        _sync(path)
    sys.audit("newsmill.point", "batch-written")
    writer.folder.rename(landing / batch_id)
    _sync(landing)
    sys.audit("newsmill.point", "batch-landed")
    return Batch(landing / batch_id, batch_id, writer.documents, writer.unchanged)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def pending(landing: Path) -> list[Batch]:
    """Batches that were landed and not loaded, oldest first."""
    found = []
    for folder in sorted(landing.glob("[!.]*/")):
        try:
            meta = json.loads((folder / "batch.json").read_text(encoding="utf-8"))
        except FileNotFoundError:  # its load was committed, and its removal cut short
            shutil.rmtree(folder, ignore_errors=True)
            continue
        found.append(Batch(folder, **meta))
    return found


def discard(batch: Batch) -> None:
    """Remove a batch that was loaded; cut short, `pending` goes on with it."""
    (batch.folder / "batch.json").unlink(missing_ok=True)
    sys.audit("newsmill.point", "batch-unmarked")
    shutil.rmtree(batch.folder, ignore_errors=True)
    sys.audit("newsmill.point", "batch-removed")


def read_group(stream: Any, number: int) -> list[Document]:
    """The documents of one row group of a `documents.parquet` that is open for reading."""
    return _from_arrow(pq.ParquetFile(stream).read_row_group(number).to_pylist())


def _to_arrow(documents: list[Document]) -> pa.RecordBatch:
    failures = [d.failure for d in documents]
    columns: dict[str, list[Any]] = {
        "failure_reason": [str(f.reason) if f else None for f in failures],
        "failure_detail": [f.detail if f else None for f in failures],
        "path": [None if d.path is None else os.fsencode(d.path) for d in documents],
        "flags": [sorted(d.flags) for d in documents],
    }
    for name in set(_SCHEMA.names) - set(columns):
        columns[name] = list(map(attrgetter(name), documents))
    return pa.record_batch([pa.array(columns[f.name], f.type) for f in _SCHEMA], schema=_SCHEMA)


def _from_arrow(rows: list[dict[str, Any]]) -> list[Document]:
    documents = []
    for row in rows:
        reason, detail = row.pop("failure_reason"), row.pop("failure_detail")
        row["role"], row["flags"] = Role(row["role"]), frozenset(map(Flag, row.get("flags", ())))
        row["path"] = row["path"] and os.fsdecode(row["path"])
        document = Document(**row)
        if reason:
            document = replace(document, failure=Failure(Reason(reason), detail))
        documents.append(document)
    return documents
