"""Figures of one worker process over many pages: whether its memory grows."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from connectors.document import Document
from pipelines.way import Way
from pipelines.workers import WorkerLimits, Workers
from tests.benchmarks.corpus import pages
from tests.benchmarks.figures import Figure
from tests.benchmarks.path import Sizes
from warehouse.rows import Role

_AT_ONCE = 50
_TIMES = 5
"""So many times the pages of the other measurements: 5,000."""


def worker(_place: Path, sizes: Sizes) -> Iterator[Figure]:
    """Resident memory of a worker as it takes pages: after a tenth of them, and at its peak over all."""
    if sys.platform != "linux":
        return
    count = sizes.pages * _TIMES
    workers = Workers(Way(), WorkerLimits(processes=1))
    try:
        documents, early, done = _documents(count), 0, 0
        while group := list(islice(documents, _AT_ONCE)):
            workers.finish(workers.start(group))
            done += len(group)
            if not early and done >= count / 10:
                early = _largest("VmHWM")
        peak = _largest("VmHWM")
    finally:
        workers.close()
    yield Figure(f"memory of a worker over {count:,} pages, peak", peak / 2**20, "MiB", 400)
    yield Figure("that peak to the one of the first tenth", peak / early, "×", 1.25)


def _documents(count: int) -> Iterator[Document]:
    for number, data in enumerate(pages(count)):
        url = f"https://herald.example/{number}"
        now = datetime(2031, 3, 3, tzinfo=UTC)
        yield Document(source="herald", role=Role.PAGE, address=url, uri=url, url=url, fetched_at=now, data=data)


def _largest(what: str) -> int:
    """Bytes of the process below this one that has most; its figures stand in /proc (proc(5))."""
    found = [_bytes(pid, what) for pid in _below(os.getpid())]
    return max(found, default=0)


def _below(pid: int) -> Iterator[int]:
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, path.read_text(encoding="ascii").split()):
            yield child
            yield from _below(child)


def _bytes(pid: int, what: str) -> int:
    line = re.search(rf"^{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"), re.MULTILINE)
    return int(line[1]) * 1024 if line else 0
