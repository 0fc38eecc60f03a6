"""Homes to begin from, and what an undisturbed run makes of each; a kill in between must make no difference."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Any

from tests.kills.corpus import SOURCE, Corpus
from tests.kills.driver import KILLED, Driver, Ended, at
from tests.kills.lakes import Rows, differences, lake_rows, look, stray_files

ONE_BATCH = 1_000
FEW = 24
"""Documents in a batch where a run is to have several."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A piece of work on a home, and what undisturbed it comes to."""

    work: str
    arguments: Mapping[str, Any]
    start: Path | None
    """Home that it begins with; None for none."""
    begins_with: Rows | None
    ends_with: Rows
    totals: Mapping[str, int]
    undisturbed: Ended

    @property
    def occurrences(self) -> list[tuple[str, int]]:
        """Every point that the undisturbed run reached, each time that it did."""
        seen: Counter[str] = Counter()
        found = []
        for point in self.undisturbed.points:
            seen[point] += 1
            found.append((point, seen[point]))
        return found

    def fresh(self, home: Path) -> Path:
        if self.start is not None:
            shutil.copytree(self.start, home)
        return home


def scene(driver: Driver, folder: Path, work: str, start: Path | None = None, **arguments: Any) -> Scene:
    """Do the work undisturbed in `folder`, on a copy of `start`."""
    if start is not None:
        shutil.copytree(start, folder)
    begins_with = lake_rows(folder) if start is not None else None
    ended = driver.do(work, home=folder, **arguments)
    seen = look(folder)
    assert not seen.problems
    return Scene(work, arguments, start, begins_with, seen.rows, seen.totals, ended)


def killed_at(driver: Driver, home: Path, start: Path | None, point: str, work: str, **arguments: Any) -> Path:
    """The home as a kill at the point leaves it."""
    if start is not None:
        shutil.copytree(start, home)
    assert driver.run(work, [at(point)], home=home, **arguments).code == KILLED
    return home


def finished_after(driver: Driver, found: Scene, home: Path) -> list[str]:
    """What is wrong once the next run has gone on where a kill stopped one; nothing, if all is well."""
    ended = driver.run(found.work, home=home, **found.arguments)
    if ended.code:
        return [f"the next run ends with {ended.code}: {ended.output[-2000:]}"]
    seen = look(home)
    wrong = differences(seen.rows, found.ends_with) + seen.problems
    if seen.totals != found.totals:
        wrong.append(f"all runs together did {seen.totals}, undisturbed {found.totals}")
    if found.work == "maintain":
        wrong += [f"lake/ or the catalog holds alone: {name}" for name in stray_files(home)]
    return wrong


def killed_at_each(
    drivers: Queue[Driver], found: Scene, folder: Path, is_wanted: Callable[[str, int], bool]
) -> list[str]:
    """Kill the work at each point that is wanted, go on, and tell what is wrong, a line each."""

    def case(occurrence: tuple[str, int]) -> list[str]:
        point, nth = occurrence
        home = found.fresh(folder / f"{point}-{nth}")
        with borrowed(drivers) as driver:
            ended = driver.run(found.work, [at(point, nth=nth)], home=home, **found.arguments)
            if ended.code != KILLED:
                return [f"{point} number {nth} was not reached: {ended.output[-1000:]}"]
            wrong = finished_after(driver, found, home)
        shutil.rmtree(home)
        return [f"killed at {point} number {nth}: {what}" for what in wrong]

    cases = [(point, nth) for point, nth in found.occurrences if is_wanted(point, nth)]
    assert cases
    with ThreadPoolExecutor(drivers.maxsize) as pool:
        return [line for lines in pool.map(case, cases) for line in lines]


@contextmanager
def borrowed(drivers: Queue[Driver]) -> Iterator[Driver]:
    driver = drivers.get()
    try:
        yield driver
    finally:
        drivers.put(driver)


@contextmanager
def two_drivers() -> Iterator[Queue[Driver]]:
    """One for each core of a small machine."""
    drivers: Queue[Driver] = Queue(maxsize=2)
    with Driver() as first, Driver() as second:
        drivers.put(first)
        drivers.put(second)
        yield drivers


@dataclass(frozen=True, slots=True)
class Homes:
    """Homes that the scenes begin with."""

    corpus: Corpus
    before: Path
    """The corpus as it was, loaded in one batch."""
    processed: Path
    """The same, and a run of the corpus as it is later killed before its load."""
    after: Path
    """The later state, loaded."""
    older: Path
    """The corpus as it was, in a home of older code, whose tables lack columns."""
    polled: Path
    """The fake feeds after their first poll, and a run of the second poll killed before its load."""


def make_homes(driver: Driver, corpus: Corpus, folder: Path) -> Homes:
    before, after, once = folder / "start", folder / "done", folder / "polled-once"
    driver.do("backfill", home=before, paths=[corpus.before], batch_documents=ONE_BATCH)
    processed = killed_at(driver, folder / "processed", before, "batch-processed", "backfill", **later(corpus))
    shutil.copytree(processed, after)
    driver.do("backfill", home=after, **later(corpus))
    driver.do("ingest", home=once, polls=1)
    older = shutil.copytree(before, folder / "older")
    driver.do("age", home=older)
    polled = killed_at(driver, folder / "polled", once, "batch-processed", "ingest", polls=2)
    return Homes(corpus, before, processed, after, older, polled)


def later(corpus: Corpus, batch_documents: int = ONE_BATCH) -> dict[str, Any]:
    """The work of backfilling the later state."""
    return {"paths": [str(corpus.after)], "source": SOURCE, "batch_documents": batch_documents}


def make_scenes(drivers: Queue[Driver], homes: Homes, folder: Path) -> dict[str, Scene]:
    """The scenes whose points are all killed at."""
    few = {"paths": [str(homes.corpus.before / "odd")], "batch_documents": ONE_BATCH}
    wanted = {
        "create": partial(_scene, work="backfill", start=None, **few),
        "grow": partial(_scene, work="backfill", start=homes.older, **few),
        "pull": partial(_scene, work="backfill", start=homes.before, **later(homes.corpus)),
        "load": partial(_scene, work="backfill", start=homes.processed, **later(homes.corpus)),
        "feed": partial(_scene, work="ingest", start=homes.polled, polls=2),
        "maintain": partial(_scene, work="maintain", start=homes.after),
    }
    with ThreadPoolExecutor(drivers.maxsize) as pool:
        made = [pool.submit(begin, drivers, folder / name) for name, begin in wanted.items()]
        return dict(zip(wanted, (future.result() for future in made), strict=True))


def _scene(drivers: Queue[Driver], folder: Path, **options: Any) -> Scene:
    with borrowed(drivers) as driver:
        return scene(driver, folder, **options)
