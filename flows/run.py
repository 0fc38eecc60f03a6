"""One pass over some sources: land, process, load, batch after batch, and go on with what a dead run left.

Plain functions: a command calls them directly, `flows.service` wraps them as Prefect flows and tasks.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import duckdb

from connectors.connector import FileRead, Item, Moved, Passed, Unchanged
from connectors.landing import Batch, BatchLimits, discard, land, pending
from flows.settings import Settings, defaults_toml
from pipelines.home_rules import rows_in_force
from pipelines.version import pipeline_version
from warehouse import runs
from warehouse.catalog import Home, HomeError, open_lake, writing
from warehouse.copies import lacking, settle_copies
from warehouse.known import LakeKnown
from warehouse.load import Counts, Staging, load, transaction
from warehouse.query import init_sql
from warehouse.rows import SourceRow
from warehouse.stories import are_overdue, close_stories, settle_stories
from warehouse.untold import settle_untold, untold

if TYPE_CHECKING:
    from pipelines.way import Way
    from pipelines.workers import WorkerLimits


Step = Callable[[Callable[[Batch], None], Batch], None]


def now() -> datetime:
    return datetime.now(UTC)


def directly(load: Callable[[Batch], None], batch: Batch) -> None:
    """The step of a run that nobody else carries."""
    load(batch)


@dataclass
class Run:
    """A run that is under way."""

    settings: Settings
    run_id: str
    flow: str
    connection: duckdb.DuckDBPyConnection
    pipeline_version: str
    report: Callable[[Counts], None] = lambda _: None
    stop: threading.Event = field(default_factory=threading.Event)
    """Set by Ctrl-C: the batch in hand is finished, and no other begun."""
    clock: Callable[[], datetime] = now
    counts: Counts = field(default_factory=Counts)
    passed: list[Passed] = field(default_factory=list)
    sources: list[SourceRow] = field(default_factory=list)
    """What was learnt of the sources, written as the run ends."""
    resumed: int = 0
    """Batches of dead runs that this one loaded."""
    landing: Path | None = None
    """Where batches land, if not in the home."""
    is_dry: bool = False
    """Whether each load is rolled back."""
    step: Step = directly
    """Carries a batch's way into the lake, and may repeat it."""
    inspect: Callable[[duckdb.DuckDBPyConnection], None] = lambda _: None
    """Sees each load within its transaction."""

    @property
    def home(self) -> Home:
        return self.settings.home

    @property
    def known(self) -> LakeKnown:
        return LakeKnown(self.connection, self.pipeline_version)

    def take(self, items: Iterable[Item]) -> None:
        """Land the items and take them the whole way."""
        sizes = self.settings.pipeline
        limits = BatchLimits(size_bytes=sizes.batch_mib * 1024 * 1024, documents=sizes.batch_documents)
        landing = self.landing or self.home.landing
        landed = land(self._until_stopped(items), landing, self.run_id, limits=limits, passed=self.passed)
        for batch in landed:
            self.step(self.pass_on, batch)

    def pass_on(self, batch: Batch) -> None:
        """Process and load a landed batch; one that was loaded and is being removed is left."""
        if not (batch.folder / "batch.json").exists():  # a step that died after its load is carried again
            return
        staged = process(self.settings, batch)
        staging = Staging(batch_id=batch.batch_id, markers=batch.folder, staged=staged, unchanged=batch.unchanged)
        with self.writing():
            counts = load(
                self.connection,
                staging,
                self.run_id,
                clock=self.clock(),
                pipeline_version=self.pipeline_version,
                is_dry=self.is_dry,
                inspect=self.inspect,
            )
        discard(batch)
        self.counts += counts
        self.report(self.counts)

    def writing(self, timeout_s: float | None = None) -> AbstractContextManager[None]:
        """The home's lock, for as long as a load."""
        what = f"{self.flow} run {self.run_id}"
        return writing(self.home, what, timeout_s=timeout_s or self.settings.lake.lock_timeout_s)

    def _until_stopped(self, items: Iterable[Item]) -> Iterator[Item]:
        is_whole = True
        for item in items:
            if is_whole and self.stop.is_set():
                return
            yield item
            is_whole = isinstance(item, FileRead | Moved | Unchanged)


@contextmanager
def run(
    settings: Settings,
    flow: str,
    *,
    report: Callable[[Counts], None] = lambda _: None,
    stop: threading.Event | None = None,
    clock: Callable[[], datetime] = now,
    step: Step = directly,
    inspect: Callable[[duckdb.DuckDBPyConnection], None] = lambda _: None,
) -> Iterator[Run]:
    """Open the home, write the run's row, load what dead runs left, and end the row as the run ends."""
    home = settings.home
    connection = open_lake(
        home, lock_timeout_s=settings.lake.lock_timeout_s, memory_limit=f"{settings.lake.memory_mib}MB"
    )
    _write_texts(home)
    run_id = f"{clock():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    current = Run(settings, run_id, flow, connection, version(settings), report, stop or threading.Event(), clock)
    current.step, current.inspect = step, inspect
    with connection, _held(home, run_id) as is_held:
        if not is_held:
            raise HomeError(f"another run took over the lock of {run_id} as it began: try again")
        with current.writing():
            dead = [r for r in runs.running(connection) if not is_alive(home, r)]
            runs.mark_dead(connection, dead, clock=clock())
            runs.begin(connection, run_id, flow, clock=clock(), pipeline_version=current.pipeline_version)
        sys.audit("newsmill.point", "run-begun")
        try:
            catch_up(current)
            _adopt(current)
            yield current
        except BaseException as error:
            state = "stopped" if isinstance(error, KeyboardInterrupt) else "failed"
            # Where even this cannot be written (a full disk, a lock), the next run marks the row.
            with suppress(duckdb.Error, HomeError, OSError):
                _finish(current, state, str(error)[:500] or type(error).__name__, lock_timeout_s=2)
            raise
        _finish(current, "stopped" if current.stop.is_set() else "done", None)


def _write_texts(home: Home) -> None:
    """`init.sql` for where the home is now, and a `newsmill.toml` that shows every setting."""
    init = home.path / "init.sql"
    text = init_sql(home.path)
    if not init.exists() or init.read_text(encoding="utf-8") != text:
        passing = home.path / f".init.sql.{os.getpid()}"
        passing.write_text(text, encoding="utf-8")
        passing.replace(init)
    if not (home.path / "newsmill.toml").exists():
        (home.path / "newsmill.toml").write_text(defaults_toml(), encoding="utf-8")


@contextmanager
def dry_run(
    settings: Settings,
    flow: str,
    *,
    report: Callable[[Counts], None] = lambda _: None,
    stop: threading.Event | None = None,
    inspect: Callable[[duckdb.DuckDBPyConnection], None] = lambda _: None,
) -> Iterator[Run]:
    """A run that changes nothing: its batches land in a passing folder, and its loads are rolled back."""
    with tempfile.TemporaryDirectory(prefix="newsmill-") as folder:
        place = settings if settings.home.exists else replace(settings, home=Home(Path(folder) / "home"))
        connection = open_lake(place.home, memory_limit=f"{settings.lake.memory_mib}MB")
        run_id = f"{now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        current = Run(place, run_id, flow, connection, version(place), report, stop or threading.Event())
        current.landing, current.is_dry, current.inspect = Path(folder) / "landing", True, inspect
        with connection:
            yield current


def _finish(current: Run, state: str, error: str | None, *, lock_timeout_s: float | None = None) -> None:
    with current.writing(lock_timeout_s):
        runs.finish(
            current.connection,
            current.run_id,
            state,
            clock=current.clock(),
            error=error,
            sources=current.sources,
        )
    sys.audit("newsmill.point", "run-finished")


def catch_up(current: Run) -> None:
    """Take into the indexes of copies and stories what they lack, some thousand articles at a time, and close old stories.

    Of a dry run within the transaction that its caller rolls back.
    """
    lake, clock = current.connection, current.clock()
    tried: frozenset[str] = frozenset()
    is_whole = False
    while not is_whole:
        with nullcontext() if current.is_dry else current.writing():
            if lacking(lake):
                with _catching_up(current, "index of copies"):
                    settle_copies(lake, "lacking", current.run_id)
                    settle_stories(lake, ("recopied",), clock=clock)
            elif (found := untold(lake)) - tried:  # a copy whose original is lost stays untold
                tried = found
                with _catching_up(current, "index of stories"):
                    settle_untold(lake, clock=clock)
            else:
                is_whole = True
                if are_overdue(lake, clock=clock):
                    with _catching_up(current, "old stories closed"):
                        close_stories(lake, clock=clock)


def _catching_up(current: Run, what: str) -> AbstractContextManager[None]:
    return nullcontext() if current.is_dry else transaction(current.connection, f"run {current.run_id} {what}")


def _adopt(current: Run) -> None:
    """Load the batches whose run is dead, before their sources are pulled again."""
    landing = current.home.landing
    owners = {folder.name.lstrip(".").rpartition("-")[0] for folder in landing.glob("*/")}
    owners |= {lock.stem for lock in landing.glob("*.lock")}
    for owner in sorted(owners - {current.run_id}):
        with _held(current.home, owner) as is_ours:
            if not is_ours:  # alive, or another run is at it
                continue
            for folder in landing.glob(f".{owner}-*/"):
                shutil.rmtree(folder, ignore_errors=True)
            for batch in pending(landing):
                if batch.batch_id.startswith(f"{owner}-"):
                    current.step(current.pass_on, batch)
                    current.resumed += 1


@contextmanager
def _held(home: Home, run_id: str) -> Iterator[bool]:
    """Hold the lock of a run, which tells other runs that its batches are in good hands; False where it is taken."""
    path = home.landing / f"{run_id}.lock"
    file = _locked(path)
    if file is None:
        yield False
        return
    with file:
        try:
            yield True
        finally:
            path.unlink(missing_ok=True)


def _locked(path: Path) -> IO[str] | None:
    """The file at the path, locked; None where another holds it for longer than a look takes."""
    for _ in range(20):
        file = path.open("a", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_ino == path.stat().st_ino:
                return file
        except (BlockingIOError, FileNotFoundError):  # held, or removed by its last holder while this one waited
            pass
        file.close()
        time.sleep(0.005)
    return None


def is_alive(home: Home, run_id: str) -> bool:
    """Whether the process of a run, or one that took its batches over, is still there."""
    try:
        with (home.landing / f"{run_id}.lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def process(settings: Settings, batch: Batch) -> Path:
    """Stage a landed batch with Beam, once; gives the folder of staged rows."""
    staged, done = batch.folder / "staged", batch.folder / "processed"
    if not batch.documents or (done.exists() and done.read_text(encoding="utf-8") == version(settings)):
        return staged
    shutil.rmtree(staged, ignore_errors=True)  # of a run that died here

    with quiet_imports():
        import apache_beam as beam

        from flows.runner import pipeline
        from pipelines.news import News, ReadLanding

    document_way = way(settings)
    with pipeline(settings.pipeline) as steps:
        (
            steps
            | beam.Create(batch.groups())
            | ReadLanding(str(batch.folder))
            | News(document_way, str(staged), worker_limits(settings))
        )
    done.write_text(document_way.version, encoding="utf-8")
    sys.audit("newsmill.point", "batch-processed")
    return staged


@contextmanager
def quiet_imports() -> Iterator[None]:
    """Beam warns at import of cloud libraries that nobody asked for."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def version(settings: Settings) -> str:
    """The version of the pipeline under these settings: the home's own rules are part of it."""
    return pipeline_version(rows_in_force(settings.home.rules))


def way(settings: Settings) -> Way:
    """The way of a document under these settings."""
    from pipelines.read import Limits
    from pipelines.strip import load_rules
    from pipelines.way import Way

    own = rows_in_force(settings.home.rules)
    return Way(
        rules=load_rules(more=own),
        version=pipeline_version(own),
        limits=Limits(max_bytes=settings.pipeline.document_mib * 1024 * 1024),
        payload_limit=settings.pipeline.reject_payload_kib * 1024,
    )


def worker_limits(settings: Settings) -> WorkerLimits:
    """What worker processes may cost under these settings."""
    from pipelines.workers import WorkerLimits

    return WorkerLimits(
        processes=settings.workers,
        timeout_s=settings.pipeline.timeout_s,
        memory_bytes=settings.pipeline.memory_mib * 1024 * 1024,
    )
