"""Staged rows as Parquet files that a retry overwrites."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems
from apache_beam.transforms.window import GlobalWindow

from pipelines.staging import Staged


class Write(beam.PTransform):
    """Writes `(key, Staged)` as `folder/<table>/<window and key>.parquet`; gives the paths, keyed by table.

    The name depends on nothing but the element, and a file appears whole under it: a bundle that is retried, on
    this machine or another, leaves the same files.
    """

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder

    def expand(self, staged: Any) -> Any:
        return staged | beam.ParDo(_Write(self._folder))


class _Write(beam.DoFn):
    def __init__(self, folder: str) -> None:
        self._folder = folder

    def process(self, element: tuple[str, Staged], window: Any = beam.DoFn.WindowParam) -> Iterable[tuple[str, str]]:
        key, tables = element
        name = key if isinstance(window, GlobalWindow) else f"{window.end.micros}-{key}"
        for table, batch in tables.items():
            path = FileSystems.join(self._folder, table, f"{name}.parquet")
            write_parquet(path, batch)
            sys.audit("newsmill.point", f"staged-{table}")
            yield table, path


def write_parquet(path: str, batch: pa.RecordBatch) -> None:
    """Write a whole file under a passing name, each attempt its own, and rename it over what an earlier one left."""
    passing = f"{path}.{secrets.token_hex(4)}.part"
    folder = FileSystems.split(path)[0]
    if not FileSystems.exists(folder):
        try:
            FileSystems.mkdirs(folder)
        except OSError:
            if not FileSystems.exists(folder):  # not another worker's doing
                raise
    with FileSystems.create(passing, mime_type="application/vnd.apache.parquet") as stream:
        pq.write_table(pa.Table.from_batches([batch]), stream, compression="lz4", write_statistics=False)
    try:
        FileSystems.rename([passing], [path])
    except BeamIOError:
        if not FileSystems.exists(path):
            raise
        FileSystems.delete([path])  # a file system that does not rename over a file
        FileSystems.rename([passing], [path])
