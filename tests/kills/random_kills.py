"""Kills at random moments: `python -m tests.kills.random_kills --count 200 --seed 1` prints where they hit.

Half of them fall anywhere in a run, half between the first staged byte of a batch and the commit of its load.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from tests.kills.corpus import make
from tests.kills.driver import KILLED, Driver, Ended, at
from tests.kills.scenario import FEW, Homes, Scene, borrowed, finished_after, later, make_homes, scene, two_drivers
from tests.kills.zygote import FIRST_STAGED_BYTE

_TRIES = 6


@dataclass(frozen=True, slots=True)
class Hit:
    """A kill: where the run was, and what was wrong after the next one."""

    scene: str
    last: str
    """The last point that it had reached."""
    number: int
    """How often it had reached that point."""
    is_between: bool
    """Whether it was between the first staged byte of a batch and the commit of its load."""
    wrong: tuple[str, ...]


def random_kills(drivers: Queue[Driver], homes: Homes, folder: Path, *, count: int, seed: int) -> list[Hit]:
    """Kill so many runs, each one finished by the next; the moments follow from the seed and the speed of the machine."""
    scenes = _scenes(drivers, homes, folder)
    names = sorted(scenes)

    def case(number: int) -> Hit:
        chance = random.Random(f"{seed}-{number}")
        name = names[chance.randrange(len(names))]
        with borrowed(drivers) as driver:
            if number % 2:
                return _anywhere(driver, name, scenes[name], folder / str(number), chance.random())
            batches = scenes[name].undisturbed.points.count(FIRST_STAGED_BYTE)
            nth, fraction = chance.randrange(batches) + 1, chance.random()
            return _between(driver, name, scenes[name], folder / str(number), nth, fraction)

    with ThreadPoolExecutor(drivers.maxsize) as pool:
        return list(pool.map(case, range(count)))


def report(hits: Sequence[Hit]) -> str:
    """Where the kills hit, as a table."""
    found = Counter((hit.scene, hit.last) for hit in hits)
    lines = [f"{count:4}  {name:8} after {last}" for (name, last), count in sorted(found.items())]
    between = sum(hit.is_between for hit in hits)
    failed = sum(bool(hit.wrong) for hit in hits)
    return "\n".join(
        [*lines, f"{len(hits)} kills, {between} between first staged byte and commit, {failed} with a difference"]
    )


def _scenes(drivers: Queue[Driver], homes: Homes, folder: Path) -> dict[str, Scene]:
    """A first backfill, which makes the home, and one that finds changes; each in several batches."""
    with borrowed(drivers) as driver, borrowed(drivers) as other, ThreadPoolExecutor(2) as pool:
        first = {"paths": [str(homes.corpus.before)], "batch_documents": FEW}
        # At the same time, as they will be killed: their times are those of a machine at work.
        made = {
            "first": pool.submit(scene, driver, folder / "first", "backfill", None, **first),
            "later": pool.submit(scene, other, folder / "later", "backfill", homes.before, **later(homes.corpus, FEW)),
        }
        return {name: future.result() for name, future in made.items()}


def _anywhere(driver: Driver, name: str, found: Scene, home: Path, fraction: float) -> Hit:
    found.fresh(home)
    times = found.undisturbed.times_s
    child = driver.start(found.work, [], home=home, **found.arguments)
    ended = driver.wait(child, kill_after_s=fraction * (times[-1] - times[0]))
    return _hit(driver, name, found, home, ended)


def _between(driver: Driver, name: str, found: Scene, home: Path, nth: int, fraction: float) -> Hit:
    delay_s = fraction * _window_s(found.undisturbed, nth)
    for _ in range(_TRIES):
        found.fresh(home)
        child = driver.start(found.work, [at(FIRST_STAGED_BYTE, "notify", nth)], home=home, **found.arguments)
        ended = driver.wait(child, kill_after_s=delay_s, is_noticed=True)
        if _is_between(ended):
            break
        shutil.rmtree(home)  # it was faster this time
        delay_s /= 2
    return _hit(driver, name, found, home, ended)


def _window_s(ended: Ended, nth: int) -> float:
    """Seconds from the first staged byte of a batch to the commit of its load."""
    starts = [i for i, point in enumerate(ended.points) if point == FIRST_STAGED_BYTE]
    commit = ended.points.index("after-commit", starts[nth - 1])
    return ended.times_s[commit] - ended.times_s[starts[nth - 1]]


def _is_between(ended: Ended) -> bool:
    if ended.code != KILLED or FIRST_STAGED_BYTE not in ended.points:
        return False
    since = ended.points[::-1].index(FIRST_STAGED_BYTE)
    return "after-commit" not in ended.points[len(ended.points) - since :]


def _hit(driver: Driver, name: str, found: Scene, home: Path, ended: Ended) -> Hit:
    wrong: list[str] = []
    if ended.code not in (KILLED, 0):
        wrong.append(f"it ended by itself with {ended.code}: {ended.output[-1000:]}")
    wrong += finished_after(driver, found, home) if home.exists() else []
    shutil.rmtree(home, ignore_errors=True)
    last = ended.last if ended.code else "its end"
    return Hit(name, last, ended.points.count(last), _is_between(ended), tuple(wrong))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place, two_drivers() as drivers:
        folder = Path(place)
        with borrowed(drivers) as driver:
            homes = make_homes(driver, make(folder / "corpus"), folder)
        (folder / "cases").mkdir()
        hits = random_kills(drivers, homes, folder / "cases", count=arguments.count, seed=arguments.seed)
    print(report(hits))
    for number, hit in enumerate(hits):
        for what in hit.wrong:
            print(f"kill {number}, {hit.scene} after {hit.last} number {hit.number}: {what}", file=sys.stderr)
    print(f"{time.monotonic() - began:.0f} s")
    return int(any(hit.wrong for hit in hits))


if __name__ == "__main__":
    sys.exit(main())
