"""Read-only SQL over the lake: the connection, which statements may run on it, and errors in one sentence.

The engine's settings refuse most of what could write or read elsewhere. What they let through in DuckDB 1.5.5 (COPY
into the lake's own folder, logs into it, SQLite files anywhere) is refused by the statement's type and by a list of
the table functions that may be called.
"""

from __future__ import annotations

import atexit
import difflib
import re
import shutil
import tempfile
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from warehouse.catalog import FORMAT_VERSION, extension

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

# Table functions that only read what is in the lake, in the query or in DuckDB's own catalogue.
_HARMLESS_FUNCTIONS = frozenset(
    [
        *("ducklake_current_snapshot", "ducklake_last_committed_snapshot", "ducklake_list_files", "ducklake_options"),
        *("ducklake_settings", "ducklake_snapshots", "ducklake_table_changes", "ducklake_table_deletions"),
        *("ducklake_table_info", "ducklake_table_insertions", "generate_series", "icu_calendar_names", "json_each"),
        *("json_tree", "pg_timezone_names", "query_table", "range", "repeat", "repeat_row", "show", "show_databases"),
        *("show_tables", "show_tables_expanded", "storage_info", "summary", "table_info", "test_all_types"),
        *("unnest", "version", "current_snapshot", "database_list", "database_size", "last_committed_snapshot"),
        *("list_files", "options", "settings", "snapshots", "table_changes", "table_deletions", "table_insertions"),
        *("collations", "functions", "platform", "user_agent"),
    ]
)
# These open files, each under the engine's own rule of what may be opened.
_FILE_FUNCTIONS = frozenset(
    [
        *("glob", "parquet_bloom_probe", "parquet_file_metadata", "parquet_full_metadata", "parquet_kv_metadata"),
        *("parquet_metadata", "parquet_scan", "parquet_schema", "read_blob", "read_csv", "read_csv_auto"),
        *(
            "read_json",
            "read_json_auto",
            "read_json_objects",
            "read_json_objects_auto",
            "read_ndjson",
            "read_ndjson_auto",
        ),
        *("read_ndjson_objects", "read_parquet", "read_text", "sniff_csv"),
    ]
)
_READ_ONLY_HINT = "`newsmill sql` only reads; the lake is changed by newsmill's other commands"
_COPY_HINT = "use --format csv, json or parquet and redirect the output, or --unsafe to write files outside the home"


class QueryError(Exception):
    """The lake cannot be opened, or the query is refused or wrong; the message says why and what to do."""


class _Token(NamedTuple):
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What a query may do: where the home is, and whether it may use files outside it."""

    home: Path
    unsafe: bool = False


def connect(home: Path, *, unsafe: bool = False, as_of: str | datetime | None = None) -> duckdb.DuckDBPyConnection:
    """A connection that reads the lake of `home`, as it is or as it was at `as_of` (a time or a snapshot's number).

    `unsafe` lets it read and write files outside the lake. Raises `QueryError` when the lake cannot be opened.
    """
    home = home.absolute()
    catalog = home / "catalog.sqlite"
    if not catalog.is_file():
        raise QueryError(f"{home} holds no lake (there is no {catalog.name}): name another home with --home")
    connection = _engine()
    try:
        _attach(connection, home, catalog, _snapshot(as_of))
        connection.execute("USE lake")
        _refuse_newer(connection, home)
        if not unsafe:
            connection.execute(f"SET allowed_directories = [{_literal(f'{home}/lake/')}]")
            connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    except QueryError:
        connection.close()
        raise
    return connection


def _refuse_newer(connection: duckdb.DuckDBPyConnection, home: Path) -> None:
    import duckdb

    try:
        row = connection.execute("SELECT max(format_version) FROM lake.home").fetchone()
    except duckdb.CatalogException:  # before the home was whole, or a lake of other making
        return
    if row and row[0] is not None and row[0] > FORMAT_VERSION:
        raise QueryError(
            f"{home} was made by a newer newsmill (format {row[0]}, this one reads {FORMAT_VERSION}): upgrade newsmill"
        )


def _engine() -> duckdb.DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
            # DuckDB lets queries read the folder that large sorts spill into: one of this connection's own.
            "temp_directory": str(Path(tempfile.gettempdir()) / f"newsmill-{uuid.uuid4().hex}"),
        }
    )
    for name in ("ducklake", "sqlite_scanner"):
        connection.load_extension(extension(name))
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _attach(connection: duckdb.DuckDBPyConnection, home: Path, catalog: Path, snapshot: str) -> None:
    import duckdb

    try:
        connection.execute(_attach_statement(home, catalog, snapshot))
    except duckdb.Error as error:
        text = str(error)
        if snapshot and "No snapshot found" in text:
            raise QueryError(_no_snapshot(connection, home, catalog)) from error
        if "readonly database" in text or "unable to open database" in text:
            _attach_copy(connection, home, catalog, snapshot)
        else:
            raise QueryError(f"{catalog} is not a catalog that can be opened: {_first_line(text)}") from error


def _attach_copy(connection: duckdb.DuckDBPyConnection, home: Path, catalog: Path, snapshot: str) -> None:
    """SQLite reads a WAL catalog only where it may write beside it; elsewhere a private copy is read."""
    import duckdb

    folder = Path(tempfile.mkdtemp(prefix="newsmill-catalog-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        for file in (catalog, catalog.with_name(catalog.name + "-wal")):
            if file.exists():
                shutil.copyfile(file, folder / file.name)
        connection.execute(_attach_statement(home, folder / catalog.name, snapshot))
    except (OSError, duckdb.Error) as error:
        if snapshot and "No snapshot found" in str(error):
            raise QueryError(_no_snapshot(connection, home, folder / catalog.name)) from error
        raise QueryError(f"{catalog} cannot be read: {_first_line(str(error))}") from error


def _attach_statement(home: Path, catalog: Path, snapshot: str) -> str:
    # No META_JOURNAL_MODE: a reader leaves the mode as the writer set it.
    return (
        f"ATTACH {_literal(f'ducklake:sqlite:{catalog}')} AS lake (DATA_PATH {_literal(f'{home}/lake/')}, "
        f"OVERRIDE_DATA_PATH true, META_BUSY_TIMEOUT 10000, READ_ONLY{snapshot})"
    )


def _snapshot(as_of: str | datetime | None) -> str:
    """The option of ATTACH for a point in time; a time without a zone is in UTC."""
    if as_of is None:
        return ""
    if isinstance(as_of, str) and as_of.strip().isdecimal() and len(as_of.strip()) != len("20231121"):
        return f", SNAPSHOT_VERSION {int(as_of)}"
    try:
        when = as_of if isinstance(as_of, datetime) else datetime.fromisoformat(as_of.strip())
        when = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except (OverflowError, ValueError) as error:
        raise QueryError(f"{as_of!r} is no time: use one like 2023-11-21 or 2023-11-21T06:30:00Z") from error
    return f", SNAPSHOT_TIME '{when:%Y-%m-%d %H:%M:%S.%f}+00'"


def _no_snapshot(connection: duckdb.DuckDBPyConnection, home: Path, catalog: Path) -> str:
    connection.execute(_attach_statement(home, catalog, ""))
    row = connection.execute(
        "SELECT strftime(min(snapshot_time), '%Y-%m-%dT%H:%M:%S.%fZ'), min(snapshot_id), max(snapshot_id) "
        "FROM lake.snapshots()"
    ).fetchone()
    first, low, high = row or (None, None, None)
    return f"the lake holds nothing as of then: it begins at {first} (snapshots {low} to {high})"


def records(connection: duckdb.DuckDBPyConnection, query: str, **values: object) -> list[dict[str, Any]]:
    """The rows of a query of newsmill's own, each by the names of its columns."""
    found = connection.execute(query, values)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def statements(connection: duckdb.DuckDBPyConnection, text: str, policy: Policy) -> list[duckdb.Statement]:
    """The statements of `text`, each of which may run; raises `QueryError` for one that is refused or cannot be read."""
    import duckdb

    if re.search("[\0\ud800-\udfff]", text):
        raise QueryError("the query is no text: it holds a NUL or bytes that are not UTF-8")
    tokens = _tokens(text)
    _check_beginnings(tokens)
    _check_functions(connection, tokens, policy)
    try:
        found = connection.extract_statements(text)
    except duckdb.Error as error:
        raise QueryError(explain(connection, str(error))) from error
    for statement, after in zip_longest(found, found[1:]):
        _check_type(statement, after, tokens, policy)
    return found


def execute(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> None:
    """Run a statement that `statements` let through; raises `QueryError` for what the engine does not like."""
    import duckdb

    try:
        connection.execute(statement)
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise QueryError(explain(connection, str(error))) from error
    except RuntimeError as error:
        raise_interrupt(error)
        raise


def raise_interrupt(error: RuntimeError) -> None:
    """Raise `KeyboardInterrupt` when `error` is what DuckDB makes of Ctrl-C."""
    if "Query interrupted" in str(error):
        raise KeyboardInterrupt from error


def _tokens(text: str) -> list[_Token]:
    import duckdb

    raw = text.encode()
    found = duckdb.tokenize(text)
    ends = [*(start for start, _ in found[1:]), len(raw)]
    return [
        _Token(kind.name, raw[start:end].decode(errors="replace").strip())
        for (start, kind), end in zip(found, ends, strict=False)
    ]


def _name(token: _Token) -> str:
    """The name that a token spells, quoted or not, without the comment that may follow it."""
    quoted = re.match(r'"((?:[^"]|"")*)"', token.text)
    if quoted:
        return quoted[1].replace('""', '"').lower()
    plain = re.match(r"\w+", token.text)
    return plain[0].lower() if plain else ""


def _check_beginnings(tokens: list[_Token]) -> None:
    """Refuse what DuckDB replaces by other statements while it parses, before it is parsed."""
    starts = [True] + [token.text.startswith(";") for token in tokens[:-1]]
    for token, start in zip(tokens, starts, strict=False):
        if start and _name(token) in {"import", "export"}:
            raise QueryError(f"{_name(token).upper()} is refused: {_READ_ONLY_HINT}")


def _check_functions(connection: duckdb.DuckDBPyConnection, tokens: list[_Token], policy: Policy) -> None:
    called = {
        _name(token)
        for token, after in pairwise(tokens)
        if after.text.startswith("(") and token.kind in {"identifier", "keyword"}
    }
    refused = sorted(called & _refused_functions(connection, policy)) if called else []
    if refused:
        raise QueryError(f"the function {refused[0]} is refused: {_READ_ONLY_HINT}")


def _refused_functions(connection: duckdb.DuckDBPyConnection, policy: Policy) -> frozenset[str]:
    rows = connection.cursor().execute(
        "SELECT DISTINCT lower(function_name) FROM duckdb_functions() "
        "WHERE function_type IN ('table', 'pragma', 'table_macro') AND database_name = 'system' "
        "AND NOT starts_with(function_name, 'duckdb_') AND NOT starts_with(function_name, 'pragma_')"
    )
    names = {name for (name,) in rows.fetchall()} | {"write_log", "getenv"}
    # The lake's own spelling of the same functions: lake.set_option(…).
    names |= {name.removeprefix("ducklake_") for name in names}
    allowed = _HARMLESS_FUNCTIONS | _FILE_FUNCTIONS | ({"read_duckdb"} if policy.unsafe else set())
    return frozenset(names - allowed)


def _check_type(
    statement: duckdb.Statement, after: duckdb.Statement | None, tokens: list[_Token], policy: Policy
) -> None:
    kind = statement.type.name
    if kind == "SELECT":
        return
    if kind == "EXPLAIN":
        _check_explained(statement.query)
    elif kind == "CREATE" and _is_pivot(statement, after, tokens):
        return  # PIVOT without IN becomes a temporary type and a SELECT
    elif kind == "COPY":
        _check_copy(_tokens(statement.query), policy)
    elif kind in {"SET", "VARIABLE_SET", "RESET"}:
        raise QueryError("SET is refused: settings are fixed while the lake is read")
    elif kind == "CALL":
        raise QueryError(f"CALL is refused: use SELECT * FROM the function instead; {_READ_ONLY_HINT}")
    else:
        raise QueryError(f"{kind.replace('_', ' ')} is refused: {_READ_ONLY_HINT}")


def _is_pivot(statement: duckdb.Statement, after: duckdb.Statement | None, tokens: list[_Token]) -> bool:
    # DuckDB gives statements that it made itself no text.
    return (
        not statement.query
        and after is not None
        and not after.query
        and any(_name(token) in {"pivot", "pivot_wider"} for token in tokens if token.kind == "keyword")
    )


_WRITING_VERBS = frozenset(
    [
        *("alter", "attach", "call", "checkpoint", "copy", "create", "delete", "detach", "drop", "execute", "export"),
        *("import", "insert", "install", "load", "merge", "prepare", "reset", "set", "truncate", "update", "vacuum"),
    ]
)


def _check_explained(text: str) -> None:
    """EXPLAIN ANALYZE runs what it explains: only what may run may be explained."""
    depth = 0
    for token in _tokens(text):
        depth += token.text.startswith("(") - token.text.startswith(")")
        if depth <= 0 and token.kind != "string_const" and token.text.lower().startswith(tuple(_WRITING_VERBS)):
            verb = _name(token)
            if verb in _WRITING_VERBS:
                raise QueryError(f"EXPLAIN of {verb.upper()} is refused: {_READ_ONLY_HINT}")


def _check_copy(tokens: list[_Token], policy: Policy) -> None:
    """COPY … TO a plain file name outside the home, with `unsafe`; nothing else."""
    if not policy.unsafe:
        raise QueryError(f"COPY is refused: {_COPY_HINT}")
    targets = list(_copy_targets(tokens))
    if not targets or any(_name(token) == "filename_pattern" for token in tokens):
        raise QueryError("COPY is refused: only COPY … TO 'a file outside the home' can be used")
    home = policy.home.resolve()
    for target in targets:
        if Path(target.removeprefix("file://")).expanduser().resolve().is_relative_to(home):
            raise QueryError(f"COPY to {target} is refused: nothing inside the home {home} may be written")


def _copy_targets(tokens: list[_Token]) -> Iterator[str]:
    for token, after in pairwise(tokens):
        if _name(token) == "to" and token.kind == "keyword":
            literal = re.match(r"'((?:[^']|'')*)'", after.text)
            if literal is None:
                raise QueryError("COPY is refused: write the file's name as a plain 'text' after TO")
            yield literal[1].replace("''", "'")


def explain(connection: duckdb.DuckDBPyConnection, text: str) -> str:
    """An error of DuckDB in one sentence, with the nearest name, its position and the caret below the line."""
    message = _first_line(text)
    missing = re.search(
        r'Referenced (column) "(.+?)" not found|does not have a (column) named "(.+?)"'
        r"|(Table) with name (.+?) does not exist|(Function) with name (.+?) does not exist",
        message,
    )
    if "file system operations are disabled" in message:
        message = f"{message}; --unsafe lets a query use files outside the lake"
    elif missing:
        kind, name = (group for group in missing.groups() if group)
        message = f"there is no {kind.lower()} {name}{_nearest(connection, kind.lower(), name)}"
    return message + _position(text)


def _nearest(connection: duckdb.DuckDBPyConnection, kind: str, name: str) -> str:
    queries = {
        "column": "SELECT DISTINCT column_name FROM duckdb_columns() WHERE database_name = 'lake'",
        "function": "SELECT DISTINCT function_name FROM duckdb_functions()",
        "table": "SELECT table_name FROM information_schema.tables WHERE table_catalog = 'lake'",
    }
    known = sorted(found for (found,) in connection.cursor().execute(queries[kind]).fetchall())
    near = difflib.get_close_matches(name.rpartition(".")[2].lower(), known, n=1)
    return f": did you mean {near[0]}?" if near else ""


def _position(text: str) -> str:
    found = re.search(r"^(LINE (\d+): )(.*)\n( *)\^", text, re.MULTILINE)
    if found is None:
        return ""
    label, number, line, indent = found.groups()
    column = len(indent) - len(label)
    where = f"line {number}" if line.startswith("...") else f"line {number}, column {column + 1}"
    return f" ({where})\n  {line}\n  {' ' * column}^"


def _first_line(text: str) -> str:
    return re.sub(r"^(?:[A-Za-z]+Context )?[A-Z]\w*(?: [A-Z]\w*)? Error: ", "", text.strip().splitlines()[0])


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def init_sql(home: Path) -> str:
    """The text of `init.sql`, which opens the lake of `home` in the plain `duckdb` shell.

    Started from any folder it opens the path that was written last; where that is gone since the home was moved,
    it opens the catalog of the folder that it is started in. The shell has no name for the file being read, and
    ATTACH takes only literal paths.
    """
    home = home.absolute()
    here = "ATTACH IF NOT EXISTS 'ducklake:sqlite:catalog.sqlite' AS lake (DATA_PATH 'lake/', "
    there = (
        f"ATTACH IF NOT EXISTS {_literal(f'ducklake:sqlite:{home}/catalog.sqlite')} AS lake "
        f"(DATA_PATH {_literal(f'{home}/lake/')}, "
    )
    options = "OVERRIDE_DATA_PATH true, META_BUSY_TIMEOUT 10000, READ_ONLY);"
    return "\n".join(
        (
            "-- Opens the lake, read-only: cd HOME && duckdb -init init.sql. Written again by newsmill when it is used.",
            "-- INSTALL downloads once. Offline, install newsmill's own copies first:",
            *(f"--   INSTALL {_literal(extension(name))};" for name in ("ducklake", "sqlite_scanner")),
            "-- In a home that was moved, the first ATTACH says that it found no catalog; the second then opens the lake.",
            ".bail off",
            "INSTALL ducklake;",
            "INSTALL sqlite;",
            "LOAD ducklake;",
            "LOAD sqlite;",
            "SET TimeZone = 'UTC';",
            there + options,
            here + options,
            "USE lake;",
            "",
        )
    )
