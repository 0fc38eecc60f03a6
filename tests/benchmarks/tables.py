"""Figures of tables: rows a second that the connector makes of CSV and of Parquet, on one core."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.connector import Item
from connectors.document import Document
from connectors.folder import Folder
from tests.benchmarks.figures import Figure
from tests.benchmarks.path import Sizes

_ROWS = 50_000
_TEXT = 'The ferry to Nordholm stopped at noon, the harbour office said, "for now".\n\nPassengers waited.\n\n' * 15


class _Nothing:
    def files(self, source: str, paths: object) -> dict[str, object]:
        return {}


def tables(place: Path, sizes: Sizes) -> Iterator[Figure]:
    """Rows with a text of 1.4 KB, as most of the day's articles that are kept in tables have."""
    rows = min(_ROWS, 5 * sizes.texts)
    columns = {
        "id": [f"r{n}" for n in range(rows)],
        "title": [f"Ferry number {n} stops" for n in range(rows)],
        "text": [f"{n} {_TEXT}" for n in range(rows)],
        "date": ["2024-03-05T10:00:00Z"] * rows,
    }
    with (place / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    pq.write_table(pa.table(columns), place / "rows.parquet")
    for name in ("rows.csv", "rows.parquet"):
        begun = time.perf_counter()
        count = sum(isinstance(item, Document) for item in _pulled(place, name))
        yield Figure(f"rows of {name.rpartition('.')[2]} read", count / (time.perf_counter() - begun), "rows/s")


def _pulled(place: Path, name: str) -> Iterator[Item]:
    return Folder(name).pull("tables", str(place), None, _Nothing())  # type: ignore[arg-type]
