"""Copies and stories of new articles, in a young lake and in one that a year of news has filled: rate, memory, size.

The lake is filled with made-up news (`made_news`), some 2,700 articles a day: a young one with the last days of it, an old
one with a year. What is new goes on with the stream. The stories of the last fortnight are settled as loads would settle
them. Those before are an article each, and no article of the fortnight is like one of them.

What is new is settled by a process of its own, so the peak of memory is its own.
"""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.way import Way
from tests.benchmarks.figures import Figure
from tests.benchmarks.lake import ARTICLE, CLOCK, FILES, IDS, SKETCH, STORY, STORY_ARTICLE, TAGS, VECTOR, Lake
from tests.benchmarks.made_news import A_YEAR, News
from tests.benchmarks.measure import cost
from tests.benchmarks.path import Sizes
from warehouse.catalog import Home
from warehouse.copies import settle_copies
from warehouse.load import transaction
from warehouse.stories import WINDOW_DAYS, settle_stories

_BATCH = 5_000
_BATCHES = 2
_FEW = 50
_LOADS_OF_FEW = 5
_IN_WINDOW = WINDOW_DAYS * A_YEAR // 365
_AT_A_TIME = 200_000
_INDEXES = ("sketches", "vectors", "story_articles", "stories")

_MADE = {
    "articles": IDS
    | ARTICLE
    | {"body": "body", "published_at": "placed_at", "first_seen_at": "placed_at", "publisher": "publisher"},
    "sketches": IDS | SKETCH | {"placed_at": "placed_at", "sampled": "sampled"},
    "vectors": IDS | VECTOR | {"placed_at": "placed_at", "terms": "terms", "weights": "weights"},
}
_SIZES = f"SELECT table_name, file_size_bytes FROM ducklake_table_info('lake') WHERE table_name IN {_INDEXES}"
_COPY = {"article_id": IDS["article_id"], "duplicate_of": "md5('a' || original)", "reason": "'near'"}


def horizon(place: Path, sizes: Sizes) -> Iterator[Figure]:
    """A young and an old lake in turn."""
    rates = []
    for count in (sizes.small_articles, sizes.articles):
        home = Home(place / f"of-{count}")
        yield from _filled(home, count)
        found = json.loads(cost(["-m", "tests.benchmarks.horizon", home.path]).output)
        rates.append(found["copies and stories"])
        for name in ("copies", "stories", "copies and stories"):
            goal = 500 if " and " in name else None
            yield Figure(f"{name} a second a core, {count:,} articles there", found[name], "/s", goal, is_floor=True)
        yield Figure(f"peak memory of it, {_BATCH:,} at a time", found["peak_bytes"] / 2**20, "MiB", 1_500)
        yield Figure(f"{_FEW} new texts enriched and committed into {count:,}", found["few_s"], "s", 2)
        yield Figure("the same, processor time with the landing", found["few_cpu_s"], "s")
        shutil.rmtree(home.path)
    yield Figure(
        f"copies and stories among {sizes.articles:,} to {sizes.small_articles:,}, CPU", rates[0] / rates[1], "×", 1.5
    )


# Filling


def _filled(home: Home, count: int) -> Iterator[Figure]:
    """The lake, with the rows of what is new beside it; gives the sizes of its indexes."""
    end = count + _BATCH * _BATCHES
    news = News(end, era_begins=max(0, count - _IN_WINDOW))
    lake = Lake(home, Way())
    for start in range(0, count, _AT_A_TIME):
        with transaction(lake.connection, "articles"):
            _put(lake, pa.Table.from_batches(news.batches(start, min(count, start + _AT_A_TIME))))
    lake.insert("documents", count, IDS | {"address": "'bulk/' || i || '.txt'", "kind": "'file'"})
    lake.insert("outcomes", count, IDS | {"decision": "'new'", "version": "1"})
    lake.insert("files", count, FILES)
    _tell(lake, news.era_begins, count)
    lake.maintain()
    sizes = dict(lake.connection.execute(_SIZES).fetchall())
    lake.connection.close()
    pq.write_table(pa.Table.from_batches(news.batches(count, end)), home.path / "new.parquet")
    for table, size in sizes.items():
        yield Figure(f"`{table}` of {count:,} articles", size / count, "MB a million")


def _put(lake: Lake, rows: pa.Table) -> None:
    """What the tables hold of the articles; which are copies is taken as it was made."""
    lake.connection.register("made", rows)
    for table, values in _MADE.items():
        lake.insert(table, len(rows), values, "made")
    lake.insert("article_tags", len(rows), IDS | TAGS, "made, range(3) u(n)")
    lake.insert("duplicates", len(rows), _COPY, "made WHERE original IS NOT NULL")
    lake.connection.unregister("made")


def _tell(lake: Lake, era_begins: int, count: int) -> None:
    alone = f"range({era_begins}) t(i) ANTI JOIN (SELECT article_id AS copy FROM lake.duplicates) d ON d.copy = md5('a' || i)"
    lake.insert("story_articles", count, IDS | STORY_ARTICLE, alone)
    lake.insert("stories", count, STORY, alone)
    lake.connection.execute(
        """INSERT INTO lake.story_articles SELECT s.* REPLACE (d.article_id AS article_id, NULL AS position, NULL AS level)
        FROM lake.duplicates d JOIN lake.story_articles s ON s.article_id = d.duplicate_of"""
    )
    for start in range(era_begins, count, _BATCH):
        ids = f"SELECT {IDS['article_id']} AS article_id FROM range({start}, {min(count, start + _BATCH)}) t(i)"
        lake.connection.execute(f"CREATE OR REPLACE TEMP TABLE batch AS {ids}")
        with transaction(lake.connection, "stories"):
            settle_stories(lake.connection, ("batch",), clock=CLOCK)


# Measuring, in a process of its own


def measure(home: Home) -> dict[str, float]:
    """Articles a processor second, the peak of memory, and the seconds of a small load on the clock."""
    lake = Lake(home, Way())
    news = pq.read_table(home.path / "new.parquet", memory_map=True)
    copies_s, stories_s = [], []
    for start in range(0, _BATCH * _BATCHES, _BATCH):
        with transaction(lake.connection, "settled"):
            copies, stories = _settled_s(lake, news.slice(start, _BATCH))
        copies_s.append(copies)
        stories_s.append(stories)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    few, few_cpu = [], []
    for _ in range(_LOADS_OF_FEW):
        begin = time.process_time()
        few.append(lake.load_s(_FEW, is_whole=True))
        few_cpu.append(time.process_time() - begin)
    return {
        "copies": _BATCH / median(copies_s),
        "stories": _BATCH / median(stories_s),
        "copies and stories": _BATCH * _BATCHES / (sum(copies_s) + sum(stories_s)),
        "peak_bytes": peak,
        "few_s": median(few[1:]),
        "few_cpu_s": median(few_cpu[1:]),
    }


def _settled_s(lake: Lake, rows: pa.Table) -> tuple[float, float]:
    """Processor seconds of settling the copies and the stories of new articles, sketches and vectors made before."""
    connection = lake.connection
    connection.register("made", rows)
    for table in ("articles",):
        lake.insert(table, len(rows), _MADE[table], "made")
    lake.insert("article_tags", len(rows), IDS | TAGS, "made, range(3) u(n)")
    for table in ("sketches", "vectors"):
        wanted = ", ".join(f"{value} AS {name}" for name, value in _MADE[table].items() if name != "placed_at")
        connection.execute(f"CREATE OR REPLACE TEMP TABLE staged_{table} AS SELECT {wanted} FROM made")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE fresh AS SELECT {IDS['article_id']} AS article_id FROM made")
    connection.unregister("made")
    times = [time.process_time()]
    settle_copies(connection, "fresh", "run", "staged_sketches")
    times.append(time.process_time())
    settle_stories(connection, ("fresh", "recopied"), clock=CLOCK, staged="staged_vectors")
    times.append(time.process_time())
    return times[1] - times[0], times[2] - times[1]


if __name__ == "__main__":
    json.dump(measure(Home(Path(sys.argv[1]))), sys.stdout)
