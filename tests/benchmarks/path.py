"""Figures of the whole path: processor time, worker processes, memory, and a second run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.corpus import write_pages, write_rows, write_texts
from tests.benchmarks.figures import Figure
from tests.benchmarks.measure import Cost, cost


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured, and how often."""

    rounds: int = 3
    pages: int = 1000
    texts: int = 20_000
    small_rows: int = 20_000
    large_rows: int = 200_000
    articles: int = 1_000_000
    small_articles: int = 10_000
    loads: int = 2_000
    feeds: int = 5_000


QUICK = Sizes(
    rounds=1,
    pages=168,
    texts=4_000,
    small_rows=4_000,
    large_rows=40_000,
    articles=100_000,
    small_articles=1_000,
    loads=110,
    feeds=500,
)


def backfill(home: Path, folder: Path, *, workers: int = 0, sample_s: float = 0.0, is_again: bool = False) -> Cost:
    """Backfill the folder into a new home, or into the one that was left there."""
    if not is_again:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        (home / "newsmill.toml").write_text(f"[pipeline]\nworkers = {workers}\n", encoding="utf-8")
    return cost(["-m", "flows.cli", "--home", home, "backfill", folder], sample_s=sample_s)


def texts(place: Path, sizes: Sizes) -> Iterator[Figure]:
    """Texts end to end against the bare loop; then the folder again, unchanged."""
    yield from _against_bare(place, write_texts(place / "texts", sizes.texts), f"{sizes.texts:,} texts", sizes, 1.35)
    again = [backfill(place / "home", place / "texts", is_again=True) for _ in range(sizes.rounds)]
    first = backfill(place / "home", place / "texts")
    share = 100 * median(c.cpu_s for c in again) / first.cpu_s
    yield Figure("a second run on them, unchanged, of the first's CPU", share, "%", 10)
    stored = sum(path.stat().st_size for path in (place / "home" / "lake").rglob("*.parquet"))
    yield Figure("Parquet, payloads included", stored / sizes.texts / 1e6, "MB a document")
    yield Figure("of which without payloads", (stored - _payload_bytes(place)) / sizes.texts / 1e6, "MB a document")


def _payload_bytes(place: Path) -> int:
    return sum(p.stat().st_size for p in (place / "home" / "lake").rglob("*.parquet") if "payloads" in p.parts)


def pages(place: Path, sizes: Sizes) -> Iterator[Figure]:
    """Web pages end to end against the bare loop."""
    yield from _against_bare(place, write_pages(place / "pages", sizes.pages), f"{sizes.pages:,} pages", sizes, 1.10)


def _against_bare(place: Path, folder: Path, what: str, sizes: Sizes, goal: float) -> Iterator[Figure]:
    """One after the other and in turn, so that a busy machine weighs on both."""
    ratios, started, seconds = [], [], []
    single = place / "single"
    first = min(path for path in folder.rglob("*") if path.is_file())
    single.mkdir()
    shutil.copy(first, single)
    for _ in range(sizes.rounds):
        bare_s = float(cost(["-m", "tests.benchmarks.bare", folder]).output)
        path = backfill(place / "home", folder)
        ratios.append(path.cpu_s / bare_s)
        seconds.append(path.wall_s)
        started.append((path.cpu_s - backfill(place / "home-of-one", single).cpu_s) / bare_s)
    yield Figure(f"CPU of {what} end to end, to the bare loop", median(ratios), "×", goal)
    yield Figure("the same less that of a single one, which is starting up", median(started), "×")
    documents = int(what.split(maxsplit=1)[0].replace(",", ""))
    yield Figure(f"{what} end to end", documents / median(seconds), "documents a second")


def workers(place: Path, sizes: Sizes) -> Iterator[Figure]:
    """Two worker processes against one, by the clock."""
    folder = write_pages(place / "worker-pages", sizes.pages)
    ratios = []
    for _ in range(sizes.rounds):
        one = backfill(place / "home", folder, workers=1)
        ratios.append(one.wall_s / backfill(place / "home", folder, workers=2).wall_s)
    name = f"two worker processes to one, {sizes.pages:,} pages end to end"
    yield Figure(name, median(ratios), "×", 1.6, is_floor=True)


def memory(place: Path, sizes: Sizes) -> Iterator[Figure]:
    """Peak of memory of all processes together, ten times the documents against the documents."""
    peaks = []
    for count in (sizes.small_rows, sizes.large_rows):
        peak = backfill(place / "home", write_rows(place / f"rows-{count}", count), sample_s=0.1).peak_bytes
        peaks.append(peak)
        yield Figure(f"peak memory at {count:,} documents, all processes", peak / 2**20, "MiB")
    yield Figure(f"peak at {sizes.large_rows:,} to that at {sizes.small_rows:,}", peaks[1] / peaks[0], "×", 1.2)
