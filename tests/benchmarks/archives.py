"""Figures of web archives: how fast their pages are read, beside how fast articles are found in them, on one core."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from pathlib import Path

from connectors.connector import Item
from connectors.document import Document
from connectors.folder import Folder
from pipelines.way import Way
from tests.benchmarks.corpus import pages
from tests.benchmarks.figures import Figure
from tests.benchmarks.path import Sizes

_PAGES = 3000
_ROUNDS = 3
_LEAST_TIMES = 5
"""So many times faster than extraction is reading, to be no bottleneck beside four workers."""


class _Nothing:
    def files(self, source: str, paths: object) -> dict[str, object]:
        return {}


def archives(place: Path, sizes: Sizes) -> Iterator[Figure]:
    """Pages a second out of a WARC compressed record by record, as crawlers write it; the whole way of a sample of them."""
    count = min(_PAGES, 3 * sizes.pages)
    with (place / "pages.warc.gz").open("wb") as file:
        for number, page in enumerate(pages(count)):
            file.write(gzip.compress(_record(number, page), 6))
    rates = []
    for _ in range(_ROUNDS):
        begin = time.process_time()
        found = [item for item in _pulled(place) if isinstance(item, Document)]
        rates.append(count / (time.process_time() - begin))
        if len(found) != count:
            raise AssertionError(f"{len(found)} of {count} pages were found")
    size_mb = sum(d.size_bytes for d in found) / 1e6
    sample = found[: max(count // 10, 50)]
    way = Way()
    way(sample[0])
    begin = time.process_time()
    for document in sample:
        way(document)
    extracted = len(sample) / (time.process_time() - begin)
    yield Figure(f"pages of a WARC read a core, {size_mb * 1000 / count:.0f} KB", max(rates), "/s")
    yield Figure("the same in bytes of pages", max(rates) * size_mb / count, "MB/s")
    yield Figure("the same pages taken the whole way", extracted, "/s")
    yield Figure("reading over extraction", max(rates) / extracted, "×", _LEAST_TIMES, is_floor=True)


def _pulled(place: Path) -> Iterator[Item]:
    return Folder("pages.warc.gz").pull("archives", str(place), None, _Nothing())  # type: ignore[arg-type]


def _record(number: int, page: bytes) -> bytes:
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n" % len(page) + page
    )
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: https://pages.example/{number}\r\n"
        f"WARC-Date: 2024-03-05T07:30:00Z\r\nWARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012d}>\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(answer)}\r\n\r\n"
    )
    return head.encode() + answer + b"\r\n\r\n"
