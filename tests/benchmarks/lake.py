"""Figures of a large lake: loads into it, and queries on it.

The lake is filled by SQL. Payloads are left out: a load of files only adds to them.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.connector import FileRead
from connectors.document import Document
from connectors.landing import discard, land
from pipelines.staging import staged
from pipelines.way import Way
from tests.benchmarks.corpus import texts
from tests.benchmarks.figures import Figure
from tests.benchmarks.path import Sizes
from warehouse.catalog import Home, open_lake
from warehouse.load import Staging, load
from warehouse.maintain import commits_since, maintain
from warehouse.query import connect
from warehouse.rows import TABLES, Role
from warehouse.schema import columns, sql_type
from warehouse.shingles import SKETCH_VERSION
from warehouse.terms import VECTOR_VERSION

CLOCK = datetime(2031, 1, 2, tzinfo=UTC)
_AT_A_TIME = 10_000
_TIME = "TIMESTAMPTZ '2021-01-01' + to_seconds((hash(i) % 315360000)::BIGINT)"
IDS = {
    "article_id": "md5('a' || i)",
    "document_id": "md5('d' || i)",
    "payload_sha256": "md5('p' || i) || md5(i::VARCHAR)",
}
ARTICLE = {
    "url": "'https://bulk.example/news/' || i",
    "canonical_url": "'https://bulk.example/news/' || i",
    "headline": "'Council votes on the plan with the number ' || i",
    # 2.1 kB, of which compression leaves a sixth.
    "body": "repeat(array_to_string(list_transform(range(16), k -> md5((i * 16 + k)::VARCHAR)), ' ') || ' ', 4)",
    "language": "'en'",
    "published_at": _TIME,
    "first_seen_at": _TIME,
    "content_sha256": "md5('c' || i) || md5(i::VARCHAR)",
    "body_sha256": "md5('b' || i) || md5(i::VARCHAR)",
    "derived_sha256": "md5('e' || i) || md5(i::VARCHAR)",
    "version": "1",
    "role": "'file'",
}
TAGS = {"tag": "'tag-' || (hash(i, n) % 200)", "scheme": "'mediatopic'"}
SKETCH = {
    "body_sha256": ARTICLE["body_sha256"],
    "placed_at": _TIME,
    "sketch_version": str(SKETCH_VERSION),
    "shingles": "480",
    "sampled": "list_sort(list_transform(range(60), k -> (hash(i * 64 + k) >> 32)::BIGINT))",
}
STORY_ARTICLE = {"story_id": "md5('s' || i)", "position": "0", "level": "0", "score": "1"}
STORY = {
    "story_id": "md5('s' || i)",
    "headline": ARTICLE["headline"],
    "first_published_at": _TIME,
    "last_published_at": _TIME,
    "articles": "1",
    "publishers": "1",
    "state": "'closed'",
}
VECTOR = {
    "content_sha256": ARTICLE["content_sha256"],
    "language": "'en'",
    "vector_version": str(VECTOR_VERSION),
    "placed_at": _TIME,
    # The n-th of 200,000 terms is in one of n articles, nearly: Zipf's law.
    "terms": "list_transform(range(40), k -> (200000 ** ((hash(i * 64 + k) % 1000000) / 1e6))::BIGINT * 7919)",
    "weights": "list_transform(range(40), k -> 158)",
}
FILES = {"path": "'bulk/' || i || '.txt'", "is_complete": "true", "records": "1", "size_bytes": "300"}
_DEFAULTS = {
    "VARCHAR": "''",
    "BIGINT": "0",
    "BOOLEAN": "false",
    "DOUBLE": "0.5",
    "TIMESTAMPTZ": "TIMESTAMPTZ '2030-12-31'",
}
_QUERIES = {
    "articles a day by tag": "SELECT published_at::DATE AS day, count(*) FROM articles "
    "JOIN article_tags USING (article_id) WHERE tag = 'tag-7' GROUP BY day ORDER BY day",
    "the last day's headlines": "SELECT headline, published_at FROM articles "
    "WHERE published_at >= TIMESTAMPTZ '2030-12-29' ORDER BY published_at DESC LIMIT 100",
    "one article by URL": "SELECT * FROM articles WHERE url = 'https://bulk.example/news/4711'",
}


@dataclass
class Lake:
    """A lake and the connection that writes to it."""

    home: Home
    way: Way
    connection: duckdb.DuckDBPyConnection = field(init=False)
    _number: int = 0

    def __post_init__(self) -> None:
        self.connection = open_lake(self.home)

    def fill(self, count: int) -> float:
        """Put so many articles in, and maintain; gives the seconds of that."""
        for first in range(0, count, _AT_A_TIME):
            self.insert("articles", count, IDS | ARTICLE, f"range({first}, {min(count, first + _AT_A_TIME)}) t(i)")
        self.insert("documents", count, IDS | {"address": "'bulk/' || i || '.txt'", "kind": "'file'"})
        self.insert("outcomes", count, IDS | {"decision": "'new'", "version": "1"})
        self.insert("article_tags", count, IDS | TAGS, "range({count}) t(i), range(3) u(n)")
        self.insert("sketches", count, IDS | SKETCH)
        self.insert("vectors", count, IDS | VECTOR)
        self.insert("story_articles", count, IDS | STORY_ARTICLE)
        self.insert("stories", count, STORY)
        self.insert("files", count, FILES)
        return self.maintain()

    def insert(self, table: str, count: int, values: dict[str, str], source: str = "range({count}) t(i)") -> None:
        """Insert the rows that a query gives, each column as an expression or of its own default."""
        wanted = []
        for name, kind, is_list, nullable in columns(TABLES[table]):
            default = "[]" if is_list else "NULL" if nullable else _DEFAULTS.get(sql_type(kind, is_list=False), "NULL")
            wanted.append(f"{values.get(name, default)} AS {name}")
        self.connection.execute(
            f"INSERT INTO lake.{table} BY NAME SELECT {', '.join(wanted)} FROM {source.format(count=count)}"
        )

    def maintain(self) -> float:
        """Seconds that maintenance took."""
        begin = time.perf_counter()
        maintain(self.connection, self.home, clock=CLOCK, snapshot_days=30)
        return time.perf_counter() - begin

    def load_s(self, count: int, *, is_whole: bool = False) -> float:
        """Seconds of loading so many new articles, landed and staged before; if it is whole, with the way and the staging, and dated."""
        self._number += 1
        items = list(_items(self._number, count, is_dated=is_whole))
        (batch,) = land(items, self.home.landing, f"r{self._number}")
        documents = [item for item in items if isinstance(item, Document)]
        begin = time.perf_counter()
        for table, rows in staged([self.way(d) for d in documents]).items():
            path = batch.folder / "staged" / table / f"{batch.batch_id}.parquet"
            path.parent.mkdir(parents=True)
            pq.write_table(pa.Table.from_batches([rows]), path, compression="lz4")
        staging = Staging(batch_id=batch.batch_id, markers=batch.folder, staged=batch.folder / "staged")
        if not is_whole:
            begin = time.perf_counter()
        counts = load(self.connection, staging, "run", clock=CLOCK, pipeline_version=self.way.version)
        seconds = time.perf_counter() - begin
        discard(batch)
        if counts.new != count:
            raise ValueError(f"{count} articles were loaded as {counts}")
        return seconds


def _items(number: int, count: int, *, is_dated: bool = False) -> Iterator[Document | FileRead]:
    at = CLOCK - timedelta(hours=12) + timedelta(minutes=number)
    date = f"---\ndate: {at:%Y-%m-%d %H:%M}\n---\n" if is_dated else ""
    for n, text in enumerate(texts(count, seed=number)):
        address = f"load-{number}/{n}.txt"
        data = f"{date}{text}\n\nIt is of load {number}.".encode()
        uri = f"file:///{address}"
        yield Document(
            source="loads", role=Role.FILE, address=address, uri=uri, fetched_at=CLOCK, data=data, file=address
        )
        yield FileRead("loads", address, len(data), 1, 1, is_complete=True)


def lake(place: Path, sizes: Sizes) -> Iterator[Figure]:
    """Loads into a small and a large lake, and queries before and after many small loads."""
    way = Way()
    small = Lake(Home(place / "small"), way)
    small.fill(sizes.small_articles)
    large = Lake(Home(place / "large"), way)
    yield Figure(f"the first maintenance of {sizes.articles:,}", large.fill(sizes.articles), "s")
    small_s, large_s = _median_loads_s(small, large, sizes)
    yield Figure(f"a load of 50 articles into {sizes.articles:,}", large_s, "s", 1)
    yield Figure(f"the same to one into {sizes.small_articles:,}", large_s / small_s, "×", 3)
    yield from _queries(large.home, "")
    times, pauses = [], []
    for _ in range(sizes.loads):
        times.append(large.load_s(5))
        if commits_since(large.connection) >= 100:
            pauses.append(large.maintain())
    yield Figure(f"one of {sizes.loads:,} loads of 5 articles into {sizes.articles:,}", median(times), "s")
    if pauses:
        yield Figure("maintenance in between, every 100 commits", median(pauses), "s")
    yield from _queries(large.home, f", after {sizes.loads:,} small loads")
    shutil.rmtree(place / "large")


def _median_loads_s(small: Lake, large: Lake, sizes: Sizes) -> tuple[float, float]:
    """In turn, so that a busy machine weighs on both; the first of each is left out."""
    pairs = [(small.load_s(50), large.load_s(50)) for _ in range(2 * sizes.rounds + 2)]
    return median(s for s, _ in pairs[1:]), median(s for _, s in pairs[1:])


def _queries(home: Home, when: str) -> Iterator[Figure]:
    with connect(home.path) as connection:
        for name, query in _QUERIES.items():
            connection.execute(query).fetchall()
            times = []
            for _ in range(20):
                begin = time.perf_counter()
                connection.execute(query).fetchall()
                times.append(1000 * (time.perf_counter() - begin))
            yield Figure(f"{name}{when}", median(times), "ms", 100)
