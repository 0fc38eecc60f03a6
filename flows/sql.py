"""`newsmill sql`: a query's rows on standard output, or an interactive prompt."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import math
import os
import re
import shutil
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from warehouse.query import Policy, QueryError, connect, execute, raise_interrupt, statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import duckdb

Row = tuple[Any, ...]
_BATCH = 2048
_TABLE_SAMPLE = 1000  # the rows that a table's widths are taken from
# Control characters, and the format characters that reorder a line: a hostile headline must not steer the terminal.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_NUMBERS = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL")
_HELP = """\
SQL up to a semicolon runs; arrow keys fetch earlier queries.
.tables          the tables of the lake
.schema [TABLE]  their columns
.help            this page
.quit            leave (or Ctrl-D); Ctrl-C stops a running query
"""


def run_sql(
    home: Path,
    query: str | None,
    *,
    format: str = "table",  # noqa: A002 - the name of the option
    as_of: str | datetime | None = None,
    unsafe: bool = False,
    out: TextIO | BinaryIO | None = None,
    interactive: bool = False,
) -> int:
    """Run `query` (`-`: standard input; none: a prompt when `interactive`) and print its rows; 0 when done.

    Raises `QueryError`. A reader of the output that has left (`| head`) ends it quietly.
    """
    target = sys.stdout if out is None else out
    if format not in _WRITERS and format != "parquet":
        raise QueryError(f"there is no format {format}: use {', '.join([*_WRITERS, 'parquet'])}")
    if query is None and not interactive:
        query = "-"
    connection = connect(home, unsafe=unsafe, as_of=as_of)
    policy = Policy(home, unsafe=unsafe)
    try:
        if query is None:
            return _prompt(connection, policy, format, _text(target))
        _run(connection, sys.stdin.read() if query == "-" else query, policy, format, target)
    except BrokenPipeError:
        _leave_pipe(target)
    finally:
        connection.close()
    return 0


def _run(
    connection: duckdb.DuckDBPyConnection, text: str, policy: Policy, format_name: str, out: TextIO | BinaryIO
) -> None:
    found = statements(connection, text, policy)
    if not found:
        raise QueryError("the query is empty")
    if len([s for s in found if s.type.name != "CREATE"]) > 1 and format_name not in {"table", "markdown"}:
        raise QueryError(f"--format {format_name} takes one statement at a time")
    for statement in found:
        _execute(connection, statement)
        if statement.type.name != "CREATE":
            _print(connection, format_name, out)


def _execute(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> None:
    try:
        execute(connection, statement)
    except KeyboardInterrupt:
        connection.interrupt()
        raise


def _print(connection: duckdb.DuckDBPyConnection, format_name: str, out: TextIO | BinaryIO) -> None:
    if format_name == "parquet":
        _write_parquet(connection, out)
        return
    names = unique([column[0] for column in connection.description])
    types = [str(column[1]) for column in connection.description]
    text = _text(out)
    counted = _Counted(_rows(connection))
    _WRITERS[format_name](names, types, counted, text)
    text.flush()
    if text.isatty() and format_name == "table":
        print(f"({counted.count} row{'' if counted.count == 1 else 's'})", file=sys.stderr)


class _Counted:
    """Rows as they pass, and how many have passed."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self.count += 1
            yield row


def _rows(connection: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    """The rows of the last statement, a batch at a time; raises `QueryError` for what fails on the way."""
    import duckdb

    try:
        while batch := connection.fetchmany(_BATCH):
            yield from batch
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise QueryError(str(error).splitlines()[0]) from error
    except RuntimeError as error:
        raise_interrupt(error)
        raise


def _text(out: TextIO | BinaryIO) -> TextIO:
    if isinstance(out, io.TextIOBase) or not isinstance(out, (io.RawIOBase, io.BufferedIOBase)):
        return out  # type: ignore[return-value]  # it is text
    return io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)


def _leave_pipe(out: TextIO | BinaryIO) -> None:
    """Python flushes standard output once more when it ends: let that go nowhere."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, out.fileno())
        os.close(null)


def _write_parquet(connection: duckdb.DuckDBPyConnection, out: TextIO | BinaryIO) -> None:
    import pyarrow.parquet as pq

    if out.isatty():
        raise QueryError("Parquet is not for a terminal: redirect the output to a file")
    reader = connection.to_arrow_reader(_BATCH * 4)
    binary = getattr(out, "buffer", out)
    with pq.ParquetWriter(binary, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)
    binary.flush()


def unique(names: list[str]) -> list[str]:
    """The names of columns, a repeated one with `_1`, `_2` … behind it, as DuckDB does."""
    found: list[str] = []
    for name in names:
        candidate, number = name, 0
        while candidate in found:
            number += 1
            candidate = f"{name}_{number}"
        found.append(candidate)
    return found


def as_json(value: Any) -> Any:  # noqa: PLR0911 - one line for each kind of value
    """The value as JSON can hold it: times in UTC with `Z`, bytes in base64, NaN and infinities as null."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime():
            return _iso(value, "T").replace("+00", "Z")
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode("ascii")
        case dict():
            return {str(key): as_json(item) for key, item in value.items()}
        case list() | tuple():
            return [as_json(item) for item in value]
        case _:
            return as_text(value)


def as_text(value: Any) -> str:  # noqa: PLR0911 - one line for each kind of value
    """The value as DuckDB would cast it to text, except that lists and structs are JSON; null is empty."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return _iso(value, " ")
        case date():
            return value.isoformat()
        case timedelta():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case dict() | list() | tuple():
            return json.dumps(as_json(value), ensure_ascii=False)
        case _:
            return str(value)


def _iso(value: datetime, separator: str) -> str:
    if value.tzinfo is None:
        return value.isoformat(separator)
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(separator) + "+00"


def _csv_field(value: Any) -> str:
    text = as_text(value)
    if value is None or (text and text == text.strip() and not re.search('[,"\r\n]', text)):
        return text
    return '"' + text.replace('"', '""') + '"'  # an empty text is quoted, a null is not


def _write_csv(names: list[str], _types: list[str], rows: Iterable[Row], out: TextIO) -> None:
    out.writelines(",".join(map(_csv_field, row)) + "\n" for row in chain([tuple(names)], rows))


def _json_line(names: list[str], row: Row) -> str:
    return json.dumps(dict(zip(names, map(as_json, row), strict=True)), ensure_ascii=False)


def _write_jsonl(names: list[str], _types: list[str], rows: Iterable[Row], out: TextIO) -> None:
    out.writelines(_json_line(names, row) + "\n" for row in rows)


def _write_json(names: list[str], _types: list[str], rows: Iterable[Row], out: TextIO) -> None:
    before = "[\n"
    for row in rows:
        out.write(before + _json_line(names, row))
        before = ",\n"
    out.write("[]\n" if before == "[\n" else "\n]\n")


def _write_markdown(names: list[str], types: list[str], rows: Iterable[Row], out: TextIO) -> None:
    marks = tuple("---:" if _NUMBERS.match(kind) and not kind.endswith("]") else "---" for kind in types)
    out.write("| " + " | ".join(map(_markdown_cell, names)) + " |\n| " + " | ".join(marks) + " |\n")
    out.writelines("| " + " | ".join(_markdown_cell(as_text(value)) for value in row) + " |\n" for row in rows)


def _markdown_cell(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return visible(re.sub(r"\r\n|\r|\n", "<br>", escaped))


def visible(text: str) -> str:
    """The text with control and reordering characters spelled out, safe for a terminal and on one line."""
    return _CONTROL.sub(lambda found: _NAMED.get(found[0]) or _spelled(ord(found[0])), text)


def _spelled(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    return max(wcswidth(text), 0)


def _cut(text: str, width: int) -> str:
    """The text in at most `width` columns, `…` for what was cut."""
    if _width(text) <= width:
        return text
    kept = text[:width]
    while kept and _width(kept) > width - 1:
        kept = kept[:-1]
    return kept + "…"


def _write_table(names: list[str], types: list[str], rows: Iterable[Row], out: TextIO) -> None:
    cells = ([visible(as_text(value)) if value is not None else "NULL" for value in row] for row in rows)
    sample = list(islice(cells, _TABLE_SAMPLE))
    header = [visible(name) for name in names]
    widths = [max(map(_width, column)) for column in zip(header, *sample, strict=True)]
    limit = None
    if out.isatty():
        limit = shutil.get_terminal_size().columns
        widths = fitted(widths, limit)
    right = [bool(_NUMBERS.match(kind)) and not kind.endswith("]") for kind in types]
    out.write(_table_line(header, widths, [False] * len(names), limit) + "\n")
    out.write("─┼─".join("─" * width for width in widths) + "\n")
    out.writelines(_table_line(row, widths, right, limit) + "\n" for row in chain(sample, cells))


def _table_line(row: list[str], widths: list[int], right: list[bool], limit: int | None) -> str:
    cells = []
    for text, width, is_right in zip(row, widths, right, strict=True):
        shown = text if limit is None else _cut(text, width)
        pad = " " * (width - _width(shown))
        cells.append(pad + shown if is_right else shown + pad)
    return " │ ".join(cells).rstrip()


def fitted(widths: list[int], limit: int) -> list[int]:
    """Widths of columns that fit in a line of `limit`, the widest cut first, none below four."""
    room = max(limit - 3 * (len(widths) - 1), 4 * len(widths))
    cap = max(widths, default=0)
    while cap > 4 and sum(min(width, cap) for width in widths) > room:
        cap -= 1
    return [min(width, cap) for width in widths]


_WRITERS: dict[str, Callable[[list[str], list[str], Iterable[Row], TextIO], None]] = {
    "table": _write_table,
    "csv": _write_csv,
    "json": _write_json,
    "jsonl": _write_jsonl,
    "markdown": _write_markdown,
}


def _prompt(connection: duckdb.DuckDBPyConnection, policy: Policy, format_name: str, out: TextIO) -> int:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.history import InMemoryHistory  # a reader writes nothing, so nothing is kept

    words = sorted({name for row in _columns(connection) for name in row[:2]})
    session: PromptSession[str] = PromptSession(
        history=InMemoryHistory(), completer=WordCompleter([*words, ".tables", ".schema", ".help", ".quit"])
    )
    print("Read-only SQL over the lake; end a query with ;  (.help, .quit)", file=sys.stderr)
    pending = ""
    while True:
        try:
            pending += session.prompt("newsmill> " if not pending else "     ...> ") + "\n"
        except KeyboardInterrupt:
            pending = ""
            continue
        except EOFError:
            return 0
        if not pending.strip():
            pending = ""
        elif pending.startswith("."):
            if not dot_command(connection, pending.strip(), out):
                return 0
            pending = ""
        elif pending.rstrip().endswith(";"):
            _answer(connection, pending, policy, format_name, out)
            pending = ""


def _answer(connection: duckdb.DuckDBPyConnection, text: str, policy: Policy, format_name: str, out: TextIO) -> None:
    """Print the rows or the error, and stay at the prompt."""
    import duckdb

    try:
        _run(connection, text, policy, format_name, out)
    except QueryError as error:
        print(visible_lines(str(error)), file=sys.stderr)
    except (KeyboardInterrupt, duckdb.InterruptException):
        connection.interrupt()
        print("stopped", file=sys.stderr)


def visible_lines(text: str) -> str:
    """The text with control characters spelled out, its lines kept."""
    return "\n".join(map(visible, text.split("\n")))


def dot_command(connection: duckdb.DuckDBPyConnection, line: str, out: TextIO) -> bool:
    """Do what `.tables`, `.schema`, `.help` say; false when the prompt is to be left."""
    command, _, name = line.rstrip(";").partition(" ")
    rows = _columns(connection)
    match command:
        case ".quit" | ".exit":
            return False
        case ".tables":
            out.write("".join(f"{visible(table)}\n" for table in dict.fromkeys(row[0] for row in rows)))
        case ".schema":
            wanted = [row for row in rows if not name or row[0] == name.strip()]
            _write_table(["table", "column", "type"], ["VARCHAR"] * 3, wanted, out)
        case ".help":
            out.write(_HELP)
        case _:
            print(f"there is no {visible(command)}: .help lists what there is", file=sys.stderr)
    out.flush()
    return True


def _columns(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    return (
        connection.cursor()
        .execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = 'lake' ORDER BY table_name, column_index"
        )
        .fetchall()
    )
