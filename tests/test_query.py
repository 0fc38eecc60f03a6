"""Read-only SQL: what is refused changes nothing, and every format gives back what the lake holds."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import shutil
import sqlite3
from typing import TYPE_CHECKING

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.sql import _write_csv, _write_jsonl, dot_command, fitted, run_sql, visible
from warehouse.catalog import extension
from warehouse.query import Policy, QueryError, connect, execute, init_sql, statements

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def make_lake(home: Path) -> None:
    """A lake with a table in Parquet, one inlined in the catalog, and hostile text."""
    (home / "lake").mkdir(parents=True)
    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    for name in ("ducklake", "sqlite_scanner"):
        connection.load_extension(extension(name))
    connection.execute(
        f"ATTACH 'ducklake:sqlite:{home}/catalog.sqlite' AS lake "
        f"(DATA_PATH '{home}/lake/', META_JOURNAL_MODE 'WAL', DATA_INLINING_ROW_LIMIT 20)"
    )
    connection.execute("CREATE TABLE lake.articles (article_id VARCHAR, headline VARCHAR, byline VARCHAR[], n BIGINT)")
    connection.execute(
        "INSERT INTO lake.articles SELECT 'a' || i, 'Ferry to Alvik, part ' || i, ['Ann Ek'], i FROM range(3000) r(i)"
    )
    connection.execute("CREATE TABLE lake.runs (run_id VARCHAR, started_at TIMESTAMPTZ, data BLOB)")
    connection.execute("INSERT INTO lake.runs VALUES ('r1', '2023-11-21 00:00:00+00', 'x'::BLOB), ('r2', NULL, NULL)")
    connection.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("made") / "home"
    make_lake(home)
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "home")


def contents(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file() and not file.name.endswith(("-wal", "-shm"))
    }


def ask(home: Path, query: str, **options: object) -> str:
    out = io.StringIO()
    assert run_sql(home, query, out=out, **options) == 0
    return out.getvalue()


ATTACKS = """
INSERT INTO articles VALUES ('x', 'x', [], 1)
INSERT INTO articles VALUES ('x', 'x', [], 1) RETURNING 1
UPDATE articles SET n = 1
DELETE FROM articles
TRUNCATE articles
MERGE INTO articles USING runs ON false WHEN NOT MATCHED THEN INSERT VALUES ('x', 'x', [], 1)
DROP TABLE articles
ALTER TABLE articles ADD COLUMN z INTEGER
COMMENT ON TABLE articles IS 'x'
CREATE TABLE z (i INTEGER)
CREATE TABLE memory.z AS SELECT 1
CREATE TEMP TABLE z AS SELECT 1
CREATE MACRO memory.f() AS TABLE FROM sqlite_scan('{out}/other.sqlite', 'q')
CREATE VIEW memory.v AS FROM read_text('{out}/secret.txt')
COPY articles TO '{home}/lake/x.parquet'
COPY articles TO '{out}/x.csv'
COPY (SELECT 1) TO '{home}/lake/main/x.csv'
COPY articles FROM '{out}/secret.txt'
COPY FROM DATABASE lake TO memory
ATTACH '{out}/new.db' AS z
ATTACH '{out}/other.sqlite' AS z (TYPE sqlite)
DETACH lake
INSTALL httpfs
LOAD httpfs
FORCE INSTALL httpfs FROM '{out}'
FROM read_text('{out}/secret.txt')
FROM read_blob('{out}/secret.txt')
FROM read_csv('{out}/secret.txt')
FROM read_json('{out}/secret.txt')
FROM read_parquet('{out}/secret.txt')
FROM sniff_csv('{out}/secret.txt')
FROM glob('{out}/*')
FROM '{out}/secret.csv'
SELECT * FROM '{out}/other.db'
FROM read_text('{home}/lake/../../out/secret.txt')
FROM read_text('{home}/lake/link.txt')
FROM sqlite_scan('{out}/other.sqlite', 'q')
FROM "sqlite_scan"('{out}/other.sqlite', 'q')
FROM "SQLITE_SCAN" /* ( */ ('{out}/other.sqlite', 'q')
FROM system.main.sqlite_scan('{out}/other.sqlite', 'q')
FROM query('FROM sqlite_' || 'scan(''{out}/other.sqlite'', ''q'')')
FROM sqlite_query('__ducklake_metadata_lake', 'PRAGMA journal_mode=DELETE')
CALL sqlite_attach('{out}/other.sqlite')
FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))
PRAGMA json_execute_serialized_sql('')
CALL ducklake_expire_snapshots('lake', older_than => now())
FROM ducklake_expire_snapshots('lake', older_than => now())
CALL ducklake_merge_adjacent_files('lake')
FROM ducklake_merge_adjacent_files('lake')
CALL ducklake_cleanup_old_files('lake', cleanup_all => true)
FROM ducklake_cleanup_old_files('lake', cleanup_all => true)
FROM ducklake_delete_orphaned_files('lake', cleanup_all => true)
FROM ducklake_add_data_files('lake', 'articles', '{out}/x.parquet')
FROM ducklake_flush_inlined_data('lake')
CALL lake.set_commit_message('a', 'b')
FROM lake.set_option('parquet_compression', 'zstd')
FROM enable_logging(storage => 'file', storage_config => {{'path': '{home}/lake/log'}})
CALL enable_logging('QueryLog')
SELECT getenv('HOME')
SET enable_external_access = true
SET TimeZone = 'Europe/Oslo'
SET VARIABLE a = 1
RESET allowed_directories
PRAGMA enable_profiling
PRAGMA memory_limit = '1GB'
PRAGMA copy_database('lake', 'memory')
EXPORT DATABASE '{out}/export'
EXPORT DATABASE '{home}/lake/export'
IMPORT DATABASE '{out}/import'
PREPARE p AS COPY articles TO '{home}/lake/x.csv'
EXECUTE p
EXPLAIN ANALYZE COPY articles TO '{home}/lake/x.parquet'
EXPLAIN (ANALYZE, FORMAT json) COPY articles TO '{home}/lake/x.parquet'
EXPLAIN (FORMAT "table") COPY articles TO '{home}/lake/x.parquet'
EXPLAIN ANALYZE INSERT INTO articles VALUES ('x', 'x', [], 1)
EXPLAIN ANALYZE CREATE TABLE memory.z AS SELECT 1
SELECT 1; COPY articles TO '{home}/lake/x.csv'
PIVOT articles ON n USING count(*); CREATE TABLE memory.z AS SELECT 1
BEGIN
CHECKPOINT
VACUUM
ANALYZE
USE memory
CALL pragma_version()
""".strip().splitlines()


@pytest.fixture(scope="module")
def fortress(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fortress")
    make_lake(root / "home")
    out = root / "out"
    (out / "import").mkdir(parents=True)
    (out / "import" / "schema.sql").write_text("CREATE TABLE memory.evil (i INTEGER);")
    (out / "import" / "load.sql").write_text("")
    for name in ("secret.txt", "secret.csv"):
        (out / name).write_text("a,b\n1,top-secret\n")
    for name in ("other.sqlite", "other.db"):
        with sqlite3.connect(out / name) as other:
            other.execute("CREATE TABLE q AS SELECT 'top-secret' AS i")
        other.close()
    return root


@pytest.fixture(scope="module")
def readers(fortress: Path) -> Iterator[dict[bool, duckdb.DuckDBPyConnection]]:
    found = {unsafe: connect(fortress / "home", unsafe=unsafe) for unsafe in (False, True)}
    yield found
    for connection in found.values():
        connection.close()


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("unsafe", [False, True])
def test_what_could_write_or_read_elsewhere_is_refused_and_changes_nothing(fortress, readers, attack, unsafe) -> None:
    link = fortress / "home" / "lake" / "link.txt"
    if not link.is_symlink():
        link.symlink_to(fortress / "out" / "secret.txt")
    before = contents(fortress)
    query = attack.format(home=fortress / "home", out=fortress / "out")
    outside = any(word in attack for word in ("{out}", "/out/", "link.txt"))
    refused = contextlib.suppress(QueryError) if unsafe and outside else pytest.raises(QueryError)
    with refused:  # `unsafe` may read and write outside, never in the home
        for statement in statements(readers[unsafe], query, Policy(fortress / "home", unsafe=unsafe)):
            execute(readers[unsafe], statement)
            assert "top-secret" not in str(readers[unsafe].fetchall()) or unsafe
    (fortress / "out" / "x.csv").unlink(missing_ok=True)
    assert contents(fortress) == before


@pytest.mark.parametrize(
    "query",
    [
        "FROM articles LIMIT 1",
        "WITH a AS (SELECT 1 AS one) FROM a",
        "VALUES (1)",
        "DESCRIBE articles",
        "SHOW TABLES",
        "SHOW ALL TABLES",
        "SUMMARIZE articles",
        "PIVOT (FROM articles LIMIT 3) ON n USING count(*)",
        "EXPLAIN SELECT count(*) FROM articles",
        "EXPLAIN ANALYZE SELECT count(*) FROM articles",
        "FROM lake.snapshots()",
        "FROM articles AT (VERSION => 1)",
        "FROM lake.table_changes('articles', 0, 2) LIMIT 1",
        "PRAGMA table_info('articles')",
        "SELECT 'sqlite_scan(1)' AS \"copy\" FROM range(3)",
        "SELECT 1;",
        "-- a remark\nSELECT 1 /* another */",
    ],
)
def test_reading_is_allowed(fortress, query) -> None:
    assert ask(fortress / "home", query).count("\n") >= 2


def test_reading_changes_no_byte_of_the_home(home) -> None:
    before = contents(home)
    ask(home, "SELECT count(*), max(n) FROM articles, runs", format="csv")
    assert contents(home) == before


def test_unsafe_reads_and_writes_outside_only(home, tmp_path) -> None:
    (tmp_path / "ids.csv").write_text("id\na7\n")
    rows = ask(home, f"SELECT n FROM articles JOIN '{tmp_path}/ids.csv' ON id = article_id", unsafe=True, format="csv")
    assert rows == "n\n7\n"
    ask(home, f"COPY runs TO '{tmp_path}/runs.csv'", unsafe=True, format="csv")
    assert (tmp_path / "runs.csv").exists()
    (tmp_path / "way").symlink_to(home / "lake")
    for target in (home / "x.csv", tmp_path / "way" / "x.csv", tmp_path / "out" / ".." / "home" / "x.csv"):
        with pytest.raises(QueryError, match="nothing inside the home"):
            ask(home, f"COPY runs TO '{target}'", unsafe=True)


def test_the_connection_itself_reads_only(home) -> None:
    connection = connect(home)
    assert connection.execute("SELECT count(*) FROM articles").fetchone() == (3000,)
    for statement in ("DELETE FROM articles", "SET enable_external_access = true", "FROM '/etc/passwd'"):
        with pytest.raises(duckdb.Error):
            connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            "SELECT headlne\nFROM articles",
            r"no column headlne: did you mean headline\? \(line 1, column 8\)\n.*\n {9}\^",
        ),
        ("SELECT 1\nFROM articels", r"no table articels: did you mean articles\? \(line 2, column 6\)"),
        ("SELECT uper(headline) FROM articles", r"no function uper: did you mean upper\?"),
        ("SELECT FROM WHERE", r"syntax error"),
        ("SELECT 'a", r"unterminated"),
        ("", "empty"),
        ("SELECT 1\0; COPY runs TO 'x'", "NUL"),
        ("SELECT '\udcff'", "UTF-8"),
        ("COPY runs TO 'x'", "--unsafe"),
        ("FROM read_text('/etc/passwd')", "--unsafe"),
    ],
)
def test_an_error_says_where_and_what_was_meant(home, query, message) -> None:
    with pytest.raises(QueryError, match=message):
        ask(home, query)


def test_a_home_that_cannot_be_opened_is_named(tmp_path) -> None:
    with pytest.raises(QueryError, match="holds no lake"):
        connect(tmp_path / "nowhere")
    (tmp_path / "catalog.sqlite").write_bytes(os.urandom(5000))
    with pytest.raises(QueryError, match=r"catalog\.sqlite is not a catalog"):
        connect(tmp_path)
    (tmp_path / "catalog.sqlite").write_bytes(b"")
    with pytest.raises(QueryError, match=r"catalog\.sqlite is not a catalog"):
        connect(tmp_path)


def test_as_of(home) -> None:
    assert ask(home, "SELECT count(*) FROM articles", as_of="1", format="csv") == "count_star()\n0\n"
    assert "3000" in ask(home, "SELECT count(*) FROM articles", as_of="2999-01-01")
    assert "3000" in ask(home, "SELECT count(*) FROM articles", as_of="2999-01-01T00:00:00+05:00")
    with pytest.raises(QueryError, match="begins at 20"):
        connect(home, as_of="2001-01-01")
    with pytest.raises(QueryError, match="snapshots 0 to"):
        connect(home, as_of="4711")
    with pytest.raises(QueryError, match="is no time"):
        connect(home, as_of="last week'; DETACH lake; --")


def test_a_home_that_was_moved_and_one_with_a_quote(home, tmp_path) -> None:
    moved = tmp_path / "Ann's new place"
    shutil.move(home, moved)
    assert "3000" in ask(moved, "SELECT count(*) FROM articles")


def test_values(home) -> None:
    query = "SELECT run_id, started_at, data FROM runs ORDER BY run_id"
    assert ask(home, query, format="csv") == "run_id,started_at,data\nr1,2023-11-21 00:00:00+00,78\nr2,,\n"
    assert json.loads(ask(home, query, format="json")) == [
        {"run_id": "r1", "started_at": "2023-11-21T00:00:00Z", "data": "eA=="},
        {"run_id": "r2", "started_at": None, "data": None},
    ]
    odd = "SELECT 'nan'::DOUBLE AS a, {'b': [1, NULL]} AS a, 1.50::DECIMAL(5, 2) AS c, DATE '2023-11-21' AS d, '' AS e"
    assert ask(home, odd, format="csv").splitlines()[1] == 'nan,"{""b"": [1, null]}",1.50,2023-11-21,""'
    assert json.loads(ask(home, odd, format="jsonl")) == {
        "a": None,
        "a_1": {"b": [1, None]},
        "c": 1.5,
        "d": "2023-11-21",
        "e": "",
    }


def test_no_rows_still_have_a_header(home) -> None:
    query = "SELECT run_id FROM runs WHERE false"
    assert ask(home, query).startswith("run_id\n")
    assert ask(home, query, format="csv") == "run_id\n"
    assert ask(home, query, format="json") == "[]\n"
    assert ask(home, query, format="jsonl") == ""


def test_parquet_is_read_by_pyarrow(home) -> None:
    import pyarrow.parquet as pq

    out = io.BytesIO()
    run_sql(home, "FROM articles ORDER BY n", format="parquet", out=out)
    table = pq.read_table(io.BytesIO(out.getvalue()))
    assert table.num_rows == 3000
    assert table.column("byline")[0].as_py() == ["Ann Ek"]


def test_formats_that_hold_one_result_take_one_statement(home) -> None:
    assert ask(home, "SELECT 1 AS a; SELECT 2 AS b").splitlines()[0] == "a"
    with pytest.raises(QueryError, match="one statement"):
        ask(home, "SELECT 1; SELECT 2", format="csv")


def test_a_hostile_headline_does_not_steer_the_terminal(home) -> None:
    for name in ("table", "markdown"):
        shown = ask(home, "SELECT chr(27) || ']0;owned' || chr(7) || chr(8238) || chr(155) || 'a' AS h", format=name)
        assert not set(shown) & set("\x1b\x07\u202e\x9b")
        assert "\\x1b" in shown


@given(st.text())
def test_visible_text_is_one_line_without_controls(text) -> None:
    shown = visible(text)
    assert all(character >= " " for character in shown)
    assert len(shown.splitlines()) <= 1


TEXTS = st.one_of(st.none(), st.text(st.characters(blacklist_categories=["Cs"])))


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS)))
def test_csv_and_jsonl_give_the_rows_back(rows) -> None:
    out = io.StringIO()
    _write_csv(["a", "b"], ["VARCHAR"] * 2, rows, out)
    read = list(csv.reader(io.StringIO(out.getvalue(), newline=""), strict=True))
    assert read[1:] == [[value or "" for value in row] for row in rows]
    lines = io.StringIO()
    _write_jsonl(["a", "b"], ["VARCHAR"] * 2, rows, lines)
    assert [tuple(json.loads(line).values()) for line in lines.getvalue().split("\n") if line] == rows


@given(st.lists(st.integers(0, 500), min_size=1, max_size=8), st.integers(1, 200))
def test_columns_fit_the_line(widths, limit) -> None:
    found = fitted(widths, limit)
    assert all(new <= old for new, old in zip(found, widths, strict=True))
    assert sum(found) + 3 * (len(found) - 1) <= max(limit, 7 * len(found) - 3)


def test_a_reader_that_leaves_ends_it_quietly(home) -> None:
    reading, written = os.pipe()
    os.close(reading)
    with os.fdopen(written, "w") as out:
        assert run_sql(home, "SELECT * FROM articles", format="csv", out=out) == 0


def test_dot_commands(home) -> None:
    connection = connect(home)
    out = io.StringIO()
    assert dot_command(connection, ".tables", out)
    assert out.getvalue() == "articles\nruns\n"
    assert dot_command(connection, ".schema runs;", out)
    assert "started_at" in out.getvalue()
    assert not dot_command(connection, ".quit", out)
    connection.close()


def test_statements_run_one_by_one(home) -> None:
    connection = connect(home)
    (statement,) = statements(connection, "SELECT max(n) FROM articles", Policy(home))
    execute(connection, statement)
    assert connection.fetchall() == [(2999,)]
    connection.close()


def test_init_sql_names_the_home_both_ways(home) -> None:
    text = init_sql(home)
    assert "'ducklake:sqlite:catalog.sqlite'" in text
    assert f"{home}/lake/" in text
