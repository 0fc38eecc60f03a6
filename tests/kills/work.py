"""What a child process may be told to do with a home; each gives a value that JSON can hold."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors import folder
from connectors.connector import Item
from connectors.folder import Folder
from flows.backfill import backfill
from flows.run import run
from flows.settings import Lake, Pipeline, Settings
from pipelines.origin import ORIGINS
from tests.fake_feed import pull_all
from warehouse import maintain
from warehouse.catalog import Home, attach

ROWS_BETWEEN_MARKS = 8
"""Instead of 500: a file of forty rows then spans batches as one of thousands does."""


def settings(home: str, *, lock_timeout_s: float = 60.0, batch_documents: int = 24, workers: int = 1) -> Settings:
    pipeline = Pipeline(workers=workers, batch_documents=batch_documents)
    return Settings(Home(Path(home)), pipeline=pipeline, lake=Lake(lock_timeout_s=lock_timeout_s))


def do_backfill(home: str, paths: Sequence[str], source: str | None = None, **options: Any) -> Any:
    folder._MARK_RECORDS = ROWS_BETWEEN_MARKS
    result = backfill(settings(home, **options), [Path(path) for path in paths], source=source)
    return asdict(result.counts) | {"resumed": result.resumed, "run_id": result.run_id}


def do_ingest(home: str, polls: int, batch_documents: int = 10_000) -> Any:
    """Poll the fake feeds from where their cursors stand, all in one landing."""
    with run(settings(home, batch_documents=batch_documents), "ingest") as current:
        current.take(pull_all(current.connection, current.known, polls))
        return asdict(current.counts) | {"resumed": current.resumed}


def do_maintain(home: str) -> Any:
    """Maintain as it would be done in four days, so that everything out of use by now goes."""
    with (
        run(settings(home), "maintain", clock=lambda: datetime.now(UTC) + timedelta(days=4)) as current,
        current.writing(),
    ):
        return asdict(maintain.maintain(current.connection, current.home, clock=current.clock(), snapshot_days=1))


def do_shuffled(home: str, place: str, source: str, seed: int, **options: Any) -> Any:
    """Take the files of a folder in another order: each file's items stay together, markers behind documents."""
    folder._MARK_RECORDS = 10_000
    with run(settings(home, **options), "backfill") as current:
        files: list[list[Item]] = [[]]
        for item in Folder().pull(source, place, None, current.known):
            files[-1].append(item)
            if isinstance(item, folder.FileRead):
                files.append([])
        random.Random(seed).shuffle(files)
        current.take(item for group in files for item in group)
        return asdict(current.counts)


def do_age(home: str) -> Any:
    """Make the home one of code that did not yet say where fields were found."""
    with attach(Home(Path(home))) as lake:
        lake.execute("DROP VIEW lake.article_versions")
        for table in ("articles", "superseded"):
            for name in ORIGINS.values():
                if name != "published_from":
                    lake.execute(f"ALTER TABLE lake.{table} DROP COLUMN {name}")
        lake.execute(
            "CREATE VIEW lake.article_versions AS SELECT * FROM lake.articles UNION ALL SELECT * FROM lake.superseded"
        )
    return {}


def do_cli(argv: Sequence[str]) -> Any:
    from flows.cli import main

    os.environ["COLUMNS"] = "200"
    main(argv)


WORK: dict[str, Callable[..., Any]] = {
    "age": do_age,
    "backfill": do_backfill,
    "cli": do_cli,
    "ingest": do_ingest,
    "maintain": do_maintain,
    "shuffled": do_shuffled,
}
