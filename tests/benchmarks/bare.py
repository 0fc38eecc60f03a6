"""The bare loop that the path is measured against: the same pure functions in one process, and nothing written.

`python -m tests.benchmarks.bare FOLDER` prints the processor seconds of the loop alone, without starting up.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from connectors.document import Document
from pipelines.way import Way
from warehouse.rows import Role


def loop_s(folder: Path) -> float:
    """Processor seconds of taking each file the whole way, its payload left as it is."""
    way = Way()
    paths = sorted(os.fspath(p) for p in folder.rglob("*.*"))
    with patch("pipelines.fingerprint.zstandard.compress", lambda data, _level: data):
        way(_document(folder, paths[0]))
        begin = time.process_time()
        for path in paths:
            way(_document(folder, path))
        return time.process_time() - begin


def _document(folder: Path, path: str) -> Document:
    now = datetime.now(UTC)
    address = os.path.relpath(path, folder)
    return Document(source="bare", role=Role.FILE, address=address, uri=f"file://{path}", fetched_at=now, path=path)


if __name__ == "__main__":
    print(loop_s(Path(sys.argv[1])))
