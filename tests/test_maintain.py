"""Maintenance of tables that are too large to be taken into memory, or to be written again each time."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import duckdb

from tests.benchmarks.lake import ARTICLE, CLOCK, IDS, Lake
from tests.lake import new_home, query, way
from warehouse.catalog import Home, open_lake
from warehouse.maintain import maintain

LONG = ARTICLE | {"body": "repeat(md5(i::VARCHAR), 100)"}


def insert(lake: Lake, first: int, end: int, values: dict[str, str]) -> None:
    lake.insert("articles", end - first, IDS | values, f"range({first}, {end}) t(i)")


def files(connection: duckdb.DuckDBPyConnection) -> set[Any]:
    return {path for (path,) in query(connection, "SELECT data_file FROM ducklake_list_files('lake', 'articles')")}


def keep(connection: duckdb.DuckDBPyConnection, home: Home) -> None:
    maintain(connection, home, clock=CLOCK, snapshot_days=30)


def test_long_bodies_that_are_larger_than_the_memory_limit_are_merged(tmp_path):
    home = new_home(tmp_path / "home")
    lake = Lake(home, way())
    lake.connection.execute("ALTER TABLE lake.articles SET SORTED BY (published_at ASC)")  # as older code did
    for first in range(0, 60_000, 15_000):
        insert(lake, first, first + 15_000, LONG)
    lake.connection.close()
    with closing(open_lake(home, memory_limit="200MB")) as connection:
        assert len(files(connection)) == 4
        keep(connection, home)
        assert len(files(connection)) == 1
        assert query(connection, "SELECT count(DISTINCT article_id), sum(length(body)) FROM lake.articles") == [
            (60_000, 60_000 * 3200)
        ]


def test_large_files_are_written_again_only_once_they_are_many(tmp_path):
    lake = Lake(new_home(tmp_path / "home"), way())
    lake.connection.execute("CALL lake.set_option('parquet_compression', 'uncompressed', table_name => 'articles')")
    for first in range(0, 7 * 6000, 6000):
        insert(lake, first, first + 6000, LONG)
    large = files(lake.connection)
    for first in range(100_000, 103_000, 1000):
        insert(lake, first, first + 300, ARTICLE)
    keep(lake.connection, lake.home)
    after = files(lake.connection)
    assert large < after
    assert len(after) == 8
    insert(lake, 200_000, 206_000, LONG)
    keep(lake.connection, lake.home)
    assert len(files(lake.connection)) == 2
    assert query(lake.connection, "SELECT count(DISTINCT article_id) FROM lake.articles") == [(8 * 6000 + 3 * 300,)]
