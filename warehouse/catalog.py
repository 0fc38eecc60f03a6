"""The home and its lake: creating, opening, locking.

DuckLake keeps no keys and SQLite no two writers, so whoever writes holds the home's lock. What else was learnt of
DuckLake stands where it matters; the format of a home has a version, and an older one is migrated step by step.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from warehouse.rows import TABLES, HomeRow
from warehouse.schema import columns, create_table, sql_type

FORMAT_VERSION = 1

_VERSIONS_VIEW = """
CREATE OR REPLACE VIEW lake.article_versions AS
SELECT * FROM lake.articles UNION ALL SELECT * FROM lake.superseded
"""
_OPTIONS = (
    ("parquet_compression", "zstd", None),
    # With the default of 122,880 rows, long bodies take more memory than the limit and leave a partial file.
    ("parquet_row_group_size", "8192", None),
    ("data_inlining_row_limit", "200", None),
    ("data_inlining_row_limit", "0", "payloads"),
    ("parquet_row_group_size", "128", "payloads"),
    ("parquet_compression", "uncompressed", "payloads"),  # they are zstd already
)
# Articles are not sorted: a sort merges 122,880 rows a thread at once, and of bodies that is more than the memory limit.
_LAYOUT = (
    "ALTER TABLE lake.payloads SET PARTITIONED BY (year(fetched_at), month(fetched_at))",
    "ALTER TABLE lake.article_tags SET SORTED BY (tag ASC)",
    "ALTER TABLE lake.vectors SET SORTED BY (placed_at ASC)",
)
_ZEROS = {bool: " DEFAULT 'false'", int: " DEFAULT 0", str: " DEFAULT ''"}


class HomeError(Exception):
    """The home cannot be used; the message says why and what to do."""


class LockedError(HomeError):
    """Another process writes to the home and did not finish in time."""


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds all state."""

    path: Path

    @property
    def catalog(self) -> Path:
        return self.path / "catalog.sqlite"

    @property
    def lake(self) -> Path:
        return self.path / "lake"

    @property
    def landing(self) -> Path:
        return self.path / "landing"

    @property
    def rules(self) -> Path:
        """The home's own rules for boilerplate, learned and written by hand."""
        return self.path / "rules.toml"

    @property
    def exists(self) -> bool:
        return self.catalog.exists()


def extension(name: str) -> str:
    """Path of a DuckDB extension in its wheel, so that nothing is downloaded or installed."""
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    if spec is None or not spec.submodule_search_locations:
        raise HomeError(
            f"the package duckdb-extension-{name.replace('_', '-')} is not installed: install newsmill again"
        )
    (folder,) = spec.submodule_search_locations
    return str(Path(folder) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension")


def attach(home: Home, *, memory_limit: str = "1GB") -> duckdb.DuckDBPyConnection:
    """A writing connection with the lake attached as `lake`."""
    if home.exists and not (os.access(home.path, os.W_OK) and os.access(home.catalog, os.W_OK)):
        raise HomeError(
            f"{home.path} can be read and not written: it or its catalog.sqlite is read-only, or another user's; "
            "change that, or name another home with --home"
        )
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            # It would keep what a long run has read of the lake, up to the memory limit.
            "enable_external_file_cache": False,
            "memory_limit": memory_limit,
            "preserve_insertion_order": False,
            "temp_directory": str(home.path / "tmp"),
        }
    )
    for name in ("ducklake", "sqlite_scanner"):
        connection.load_extension(extension(name))
    connection.execute("SET TimeZone = 'UTC'")
    try:
        connection.execute(
            f"ATTACH 'ducklake:sqlite:{_quoted(home.catalog.absolute())}' AS lake "
            f"(DATA_PATH '{_quoted(home.lake.absolute())}/', OVERRIDE_DATA_PATH true, "
            "META_JOURNAL_MODE 'WAL', META_BUSY_TIMEOUT 10000)"
        )
    except duckdb.Error as error:
        connection.close()
        raise HomeError(f"{home.catalog} is not a catalog that can be opened: {_first_line(error)}") from error
    return connection


def open_lake(home: Home, *, lock_timeout_s: float = 600.0, memory_limit: str = "1GB") -> duckdb.DuckDBPyConnection:
    """Open the home for a run, creating or migrating what is not there yet."""
    if home.path.exists() and not home.path.is_dir():
        raise HomeError(f"{home.path} is a file; a home is a folder: name another with --home")
    home.path.mkdir(parents=True, exist_ok=True)
    if home.exists:
        connection = attach(home, memory_limit=memory_limit)
        if _is_current(connection, home):
            return connection
        connection.close()
    with writing(home, "creating the home", timeout_s=lock_timeout_s):
        return _create(home, memory_limit)


def _create(home: Home, memory_limit: str) -> duckdb.DuckDBPyConnection:
    for folder in (home.lake, home.landing):
        folder.mkdir(exist_ok=True)
    sys.audit("newsmill.point", "home-folders")
    connection = attach(home, memory_limit=memory_limit)
    sys.audit("newsmill.point", "home-attached")
    if _is_current(connection, home):
        return connection
    if _format(connection) == FORMAT_VERSION:
        _add_columns(connection)
        return connection
    for option, value, table in _OPTIONS[:3]:
        _set_option(connection, option, value, table)
    sys.audit("newsmill.point", "home-options")
    connection.execute("BEGIN")
    for name, row in TABLES.items():
        connection.execute(create_table(name, row))
    connection.execute(_VERSIONS_VIEW)
    sys.audit("newsmill.point", "home-tables")
    connection.execute("COMMIT")
    for option, value, table in _OPTIONS[3:]:
        _set_option(connection, option, value, table)
    for statement in _LAYOUT:
        connection.execute(statement)
    sys.audit("newsmill.point", "home-laid-out")
    connection.execute("BEGIN")
    connection.execute(create_table("home", HomeRow))
    connection.execute("DELETE FROM lake.home")
    connection.execute("INSERT INTO lake.home VALUES (?, ?, NULL, 0)", [FORMAT_VERSION, datetime.now(UTC)])
    connection.execute("COMMIT")
    sys.audit("newsmill.point", "home-created")
    return connection


def _is_current(connection: duckdb.DuckDBPyConnection, home: Home) -> bool:
    """Whether the home is whole and of this format. Raises `HomeError` for a newer one."""
    found = _format(connection)
    if found > FORMAT_VERSION:
        connection.close()
        raise HomeError(
            f"{home.path} was made by a newer newsmill (format {found}, this one reads {FORMAT_VERSION}): upgrade newsmill"
        )
    return found == FORMAT_VERSION and not _missing_columns(connection)


def _missing_columns(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    """Table, name and type of each declared column that a home made by older code does not have."""
    rows = connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'lake'"
    ).fetchall()
    there = set(rows)
    return [
        (table, name, sql_type(kind, is_list=is_list) + ("" if nullable or is_list else _ZEROS.get(kind, "")))
        for table, row in TABLES.items()
        for name, kind, is_list, nullable in columns(row)
        if (table, name) not in there
    ]


def _add_columns(connection: duckdb.DuckDBPyConnection) -> None:
    """Add what newer code declares: in the rows that are there null, or zero where it may not be null.

    A list is null there too: DuckLake has no default for one.
    """
    connection.execute("BEGIN")
    for name, row in TABLES.items():
        connection.execute(create_table(name, row))
    for table, name, kind in _missing_columns(connection):
        connection.execute(f"ALTER TABLE lake.{table} ADD COLUMN {name} {kind}")
    connection.execute(_VERSIONS_VIEW)
    sys.audit("newsmill.point", "home-columns")
    connection.execute("COMMIT")


def _set_option(connection: duckdb.DuckDBPyConnection, option: str, value: str, table: str | None) -> None:
    """Set an option that is not set so already: setting the inlining limit again crashes once a table has its own."""
    scope = f", table_name => '{table}'" if table else ""
    found = connection.execute(
        "SELECT 1 FROM lake.options() WHERE (option_name, value) = (?, ?) AND scope_entry IS NOT DISTINCT FROM ?",
        [option, value, f"main.{table}" if table else None],
    )
    if not found.fetchall():
        connection.execute(f"CALL lake.set_option('{option}', '{value}'{scope})")


def _format(connection: duckdb.DuckDBPyConnection) -> int:
    """Format of the home; 0 for one whose creation was cut short."""
    try:
        row = connection.execute("SELECT max(format_version) FROM lake.home").fetchone()
    except duckdb.CatalogException:
        return 0
    return int(row[0]) if row and row[0] is not None else 0


@contextmanager
def writing(home: Home, what: str, *, timeout_s: float = 600.0) -> Iterator[None]:
    """Hold the home's lock: one writer at a time; a process that dies lets go of it.

    Raises `LockedError`, which names the holder, when it is not free within `timeout_s`.
    """
    path = home.path / "lock"
    with path.open("a+", encoding="utf-8") as file:
        _acquire(file.fileno(), path, timeout_s)
        try:
            file.truncate(0)
            file.write(json.dumps({"pid": os.getpid(), "what": what, "since": datetime.now(UTC).isoformat()}))
            file.flush()
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


def _acquire(handle: int, path: Path, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    wait_s = 0.005
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise LockedError(f"the home {path.parent} is being written by {holder(path)}") from None
            time.sleep(wait_s)
            wait_s = min(wait_s * 1.5, 0.25)
        else:
            return


def holder(path: Path) -> str:
    """Who wrote the lock file last, in words."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        return f"process {held['pid']} ({held['what']}, since {held['since'][:19]}Z)"
    except (OSError, ValueError, KeyError):
        return "another process"


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
