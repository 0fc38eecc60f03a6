"""Tables, row by row in bounded memory: delimited text (RFC 4180 and its kin) and Parquet.

A row becomes a JSON object in the order of its columns, without those that are empty or null; times are written as in
ISO 8601, decimals as text, and bytes that are no UTF-8 are left out. Rows are counted from 1.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import IO, Any

from connectors.charset import decode_text, wide_charset
from connectors.compression import Broken, Limits, Stream
from connectors.document import Failure
from connectors.fields import TEXT_NAMES, columns_of
from connectors.records import Record
from warehouse.rows import Reason

MAX_COLUMNS = 10_000
_HEAD_BYTES = 65_536
_NAMED = re.compile(r"\.(?:csv|tsv|tab)(?:\.\w{2,4})?$", re.IGNORECASE)
_NAMED_TABS = re.compile(r"\.(?:tsv|tab)(?:\.\w{2,4})?$", re.IGNORECASE)
_TEXTS = frozenset({"html", *TEXT_NAMES})
_OTHERS = frozenset(
    """author authors byline date date_publish headline id keywords lang language link pubdate publish_date published
    published_at publisher source source_domain tags title url""".split()
)
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
_DELIMITERS = ",;\t|"
_DUMPED = re.compile(r"\\[nN]")
_QUOTED = re.compile(r'(?:^|\t)"', re.MULTILINE)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "0": ""}
_SHOWN = 80
_NUL_SHARE = 20
"""Of so many characters one may be NUL, and is dropped; of more it is no text."""
_TITLE_ROWS = 5
"""So many rows may stand before the header: a title, the day of the export, a header of headers."""
_NULLS = frozenset({"#N/A", "<NA>", "NULL", "NaN", "NaT", "None", "\\N", "nan"})
"""What writers put for nothing: spreadsheets, pandas, SQL."""
_ROW_LINES = 65_536
"""More than any article has: behind a quote that nobody closes are the other rows."""
_BATCH_ROWS, _BATCH_BYTES = 128, 8 << 20
_BUFFER_BYTES = 1 << 20
_PARQUET, _ENCRYPTED = b"PAR1", b"PARE"

csv.field_size_limit((1 << 31) - 1)  # what a row may hold is bounded where its lines are read


class NoTable(Exception):  # noqa: N818  a finding about the file, not an error of ours
    """Raised for a file that is named a table and holds no rows that could be articles."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.failure = Failure(reason, detail)


# Delimited text


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table of text is written."""

    charset: str
    options: Mapping[str, Any]
    """For `csv.reader`."""
    header: tuple[str, ...]
    skipped_lines: int = 0
    """Before the header: Excel's `sep=;`, a title."""
    is_dump: bool = False
    """Whether a backslash and a letter stand for a break, as in what `COPY` and `mysql --batch` write."""


def may_be_delimited(head: bytes, name: str) -> bool:
    """Whether it is worth looking closer: the name says so, or the first line opens like a header with a text in it."""
    return _NAMED.search(name) is not None or _is_header(_first_line(head))


def dialect_of(stream: Stream, name: str) -> Dialect | None:
    """How the stream holds rows, looking ahead only; None where it is no table for certain.

    One that is named a table is one; of another file the first line must be nothing but names, one of them of a text,
    and the line behind it as many cells.
    """
    head = stream.peek(_HEAD_BYTES)
    if not may_be_delimited(head, name) or head.startswith((_PARQUET, _ENCRYPTED)):
        return None
    charset = _charset(head)
    text = head.decode(charset, "ignore").removeprefix("\ufeff")
    if text.count("\0") > len(text) // _NUL_SHARE:
        return None
    text = text.replace("\0", "")
    if not text.strip():
        return None
    separator = _SEPARATOR_LINE.match(text)
    if separator:
        text = text[separator.end() :]
    is_all = len(head) < _HEAD_BYTES
    tried = separator[1] if separator else "\t" + _DELIMITERS if _NAMED_TABS.search(name) else _DELIMITERS
    found = max((_tried(text, delimiter, is_all=is_all) for delimiter in tried), key=lambda t: t[:2])
    _, _, rows, options = found
    is_named = _NAMED.search(name) is not None
    if not is_named and not (len(rows) > 1 and len(rows[0].cells) == len(rows[1].cells)):
        return None
    header = _header(rows) if is_named else rows[0]
    skipped_lines = header.lines_before + (separator is not None)
    return Dialect(charset, options, names(header.cells), skipped_lines, is_dump=_is_dump(text, options["delimiter"]))


def _is_dump(text: str, delimiter: str) -> bool:
    return delimiter == "\t" and _DUMPED.search(text) is not None and _QUOTED.search(text) is None


def _header(rows: Sequence[_Row]) -> _Row:
    """The first row, or the one of those behind it that is nothing but names."""
    return next((row for row in rows[:_TITLE_ROWS] if _are_names(row.cells)), rows[0])


def _charset(head: bytes) -> str:
    wide = wide_charset(head)
    if wide:
        return wide
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return decode_text(head).charset
    return "utf-8"


def _first_line(head: bytes) -> str:
    charset = wide_charset(head) or "utf-8"
    return re.split(r"[\r\n]", head.decode(charset, "ignore").removeprefix("\ufeff"), maxsplit=1)[0]


def _is_header(line: str) -> bool:
    return any(_are_names([cell.strip('" ') for cell in line.split(delimiter)]) for delimiter in _DELIMITERS)


def _are_names(cells: Sequence[str]) -> bool:
    """Whether the cells are nothing but names, one of them of a text and another one that a row of news has."""
    found = {cell.strip().lower() for cell in cells}
    return not found.isdisjoint(_TEXTS) and not found.isdisjoint(_OTHERS) and all(map(_may_be_name, cells))


def _may_be_name(cell: str) -> bool:
    return len(cell) <= 40 and len(cell.split()) <= 3


@dataclass(frozen=True, slots=True)
class _Row:
    cells: list[str]
    lines_before: int


_Try = tuple[float, int, list[_Row], dict[str, Any]]


def _tried(text: str, delimiter: str, *, is_all: bool) -> _Try:
    """How well the delimiter cuts the beginning: the share of rows as wide as the first, its width, rows and how."""
    plain: dict[str, Any] = {"delimiter": delimiter, "quoting": csv.QUOTE_MINIMAL}
    ways = [plain]
    if '\\"' in text:
        ways.append({**plain, "escapechar": "\\"})
    if f'{delimiter} "' in text:
        ways.append({**plain, "skipinitialspace": True})
    if delimiter == "\t":
        ways.append({**plain, "quoting": csv.QUOTE_NONE})
    tries: list[_Try] = []
    for options in ways:
        rows: list[_Row] = []
        broken = before = 0
        try:
            lines = csv.reader(io.StringIO(text, newline=""), strict=True, **options)
            for row in lines:
                if row:
                    rows.append(_Row(row, before))
                before = lines.line_num
        except csv.Error:
            broken = 1 if is_all or '"' not in text[-_HEAD_BYTES // 2 :] else 0
        if not is_all and len(rows) > 2:
            rows.pop()
        rows = rows or [_Row(text.splitlines()[0].split(delimiter), 0)]
        header = _header(rows)
        width = len(header.cells)
        same = sum(len(row.cells) == width for row in rows) / (len(rows) + broken)
        is_known = bool((_TEXTS | _OTHERS) & {cell.strip().lower() for cell in header.cells})
        tries.append((same * (width > 1) + is_known, width, rows, options))
    return max(tries, key=lambda t: t[0])


def names(cells: Iterable[str]) -> tuple[str, ...]:
    """Names of columns: one without a name is `column_3`, one that comes again `name_2`."""
    found: dict[str, None] = {}
    for number, cell in enumerate(cells, 1):
        plain = " ".join(cell.split()) or f"column_{number}"
        free = (f"{plain}_{n}" if n > 1 else plain for n in itertools.count(1))
        found[next(name for name in free if name not in found)] = None
    return tuple(found)


def check_columns(columns: Sequence[str], mapping: str | None) -> None:
    """Raise `NoTable` where there are too many columns, or none that holds a text."""
    if len(columns) > MAX_COLUMNS:
        raise NoTable(Reason.UNSUPPORTED, f"a table of {len(columns)} columns; {MAX_COLUMNS} are the limit")
    fields = columns_of(mapping)
    stated = {fields[name].split(".")[0] for name in ("text", "html") if name in fields}
    stated |= {fields[name] for name in ("text", "html") if name in fields}
    if not _TEXTS & {column.lower() for column in columns} and not stated & set(columns):
        shown = ", ".join(columns[:40])[:400]
        raise NoTable(
            Reason.NO_TEXT, f"no column is named {', '.join(TEXT_NAMES)} or html; say which with --fields: {shown}"
        )


class _Blocks(io.RawIOBase):
    """A stream as a file, to be read once from beginning to end."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(min(len(buffer), 1 << 16))
        buffer[: len(data)] = data
        return len(data)


class _TooLong(Exception):  # noqa: N818  a finding
    """Raised while the lines of a row are read that are more than the limit."""


class _Lines:
    """Lines for `csv.reader`, each with its number; those of a row that came to nothing can be read again."""

    def __init__(self, text: IO[str], limit: int, *, number: int) -> None:
        self._text, self._limit, self._number = text, limit, number
        self._again: list[tuple[int, str]] = []
        self.taken: list[tuple[int, str]] = []
        """Of the row in hand."""
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        number, line = self._again.pop() if self._again else self._read()
        self.taken.append((number, line))
        self._size += len(line)
        if self._size > self._limit or len(self.taken) > _ROW_LINES:
            raise _TooLong
        return line

    def begin(self) -> None:
        """Begin a row."""
        self.taken, self._size = [], 0

    def first_alone(self) -> None:
        """Keep of the row only its first line; the others are read again."""
        self._again.extend(reversed(self.taken[1:]))
        del self.taken[1:]

    def _read(self) -> tuple[int, str]:
        line = self._text.readline(self._limit + 1)
        if not line:
            raise StopIteration
        self._number += 1
        if len(line) > self._limit and not line.endswith(("\n", "\r")):
            while (rest := self._text.readline(1 << 16)) and not rest.endswith(("\n", "\r")):
                pass
        return self._number, line.replace("\0", "")


def delimited(
    stream: Stream, dialect: Dialect, *, limit_bytes: int, id_field: str = "id", skip: int = 0
) -> Iterator[Record]:
    """Yield the rows but for the first `skip`; raises `Broken` where the stream does, after those before it.

    A row whose quotes are broken is one line, and the next row begins behind it, so that a quote that nobody closes
    costs its own line and nothing else.
    """
    errors = "surrogateescape" if dialect.charset == "utf-8" else "replace"
    text = io.TextIOWrapper(io.BufferedReader(_Blocks(stream), 1 << 16), dialect.charset, errors, newline="")
    for _ in range(dialect.skipped_lines):
        text.readline()
    lines = _Lines(text, limit_bytes, number=dialect.skipped_lines)
    number, is_header = 0, True
    columns, width = dialect.header, len(dialect.header)
    id_column = next((n for n, column in enumerate(columns) if column.lower() == id_field.lower()), None)
    for row, why in _rows(lines, dialect, width):
        if row == [] and not why:
            continue
        if is_header:
            is_header = False
            continue
        number += 1
        if number <= skip:
            continue
        line = lines.taken[0][0]
        if why or len(row) > width:
            wide = Failure(Reason.RECORD_BROKEN, f"line {line} has {len(row)} cells, the header {width}")
            data = "".join(text for _, text in lines.taken).encode("utf-8", "surrogateescape")
            yield Record(str(number), data[:limit_bytes], why or wide)
            continue
        yield _record(number, [_cleaned(cell, dialect) for cell in row], columns, id_column)


def _cleaned(cell: str, dialect: Dialect) -> str:
    """The cell, empty where it says so in words, with the breaks that a dump wrote with a backslash."""
    if cell in _NULLS or (dialect.options.get("escapechar") and cell == "N"):  # its backslash is gone
        return ""
    if dialect.is_dump and "\\" in cell:
        return _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), cell)
    return cell


def _rows(lines: _Lines, dialect: Dialect, width: int) -> Iterator[tuple[list[str], Failure | None]]:
    reader = csv.reader(lines, strict=True, **dialect.options)
    while True:
        lines.begin()
        try:
            yield _trimmed(next(reader), width), None
        except StopIteration:
            return
        except _TooLong:
            if len(lines.taken) > 1:
                yield _alone(lines, dialect, width)
            else:
                what = f"line {lines.taken[0][0]} is longer than the limit"
                lines.taken = [(lines.taken[0][0], "")]
                yield [], Failure(Reason.TOO_LARGE, what)
        except csv.Error:
            yield _alone(lines, dialect, width)


def _alone(lines: _Lines, dialect: Dialect, width: int) -> tuple[list[str], Failure | None]:
    """The first line of a row that is broken, as a row of its own if it can be one."""
    if not lines.taken:
        return [], None
    lines.first_alone()
    number, line = lines.taken[0]
    reader = csv.reader([line, ""], **dialect.options)
    try:
        row = _trimmed(next(reader, []), width)
    except csv.Error:
        row = []
    if len(row) == width and reader.line_num == 1:
        return [*row[:-1], row[-1].rstrip("\r\n")], None
    shown = line.strip()[:_SHOWN].encode("utf-8", "replace").decode()
    return [], Failure(
        Reason.RECORD_BROKEN, f"line {number} has a quote that is not closed, or not where one may be: {shown}"
    )


def _trimmed(row: list[str], width: int) -> list[str]:
    """The row without empty cells behind the last column."""
    while len(row) > width and not row[-1].strip():
        row.pop()
    return row if any(map(str.strip, row)) else []


def _record(number: int, row: list[str], columns: Sequence[str], id_column: int | None) -> Record:
    fields = {column: cell for column, cell in zip(columns, row, strict=False) if cell}
    try:
        data = _json(fields)
    except UnicodeEncodeError:  # bytes that are no UTF-8 between lines that are
        fields = {column: _repaired(cell) for column, cell in fields.items()}
        data = _json(fields)
    stated = fields.get(columns[id_column], "") if id_column is not None else ""
    return Record(stated if stated.strip() else str(number), data)


def _repaired(cell: str) -> str:
    return cell if cell.isascii() else decode_text(cell.encode("utf-8", "surrogateescape")).text


def _json(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


# Parquet


def is_parquet(head: bytes) -> bool:
    """Whether a file that opens so is Parquet for certain, and no text that begins with these letters."""
    return head[:4] in (_PARQUET, _ENCRYPTED) and not head[4:5].isalnum() and head[4:5] not in (b" ", b"\n", b"\r", b"")


def parquet(
    file: IO[bytes], *, limits: Limits, mapping: str | None = None, id_field: str = "id", skip: int = 0
) -> Iterator[Record]:
    """Yield the rows but for the first `skip`, some at a time, of a file that can be sought in.

    Raises `NoTable` for a file without a column of text, `Broken` where it cannot be read (on), or is a bomb: a cell
    that is stored once may stand in every row.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    most_bytes = max(limits.ratio_from_bytes, limits.ratio * file.seek(0, io.SEEK_END))
    file.seek(0)
    if file.read(4) == _ENCRYPTED:
        raise NoTable(Reason.UNSUPPORTED, "an encrypted Parquet file")
    try:
        # Without these two a whole row group is in memory at once.
        opened = pq.ParquetFile(file, pre_buffer=False, buffer_size=_BUFFER_BYTES)
        if opened.metadata.num_columns > MAX_COLUMNS:
            raise NoTable(
                Reason.UNSUPPORTED, f"a table of {opened.metadata.num_columns} columns; {MAX_COLUMNS} are the limit"
            )
        columns = names(opened.schema_arrow.names)
        check_columns(columns, mapping)
        id_column = next((column for column in columns if column.lower() == id_field.lower()), id_field)
        group, number = _group_of(opened.metadata, skip)
        # Group by group: a batch across two of them would be lost with either.
        for one in range(group, opened.metadata.num_row_groups):
            size = _batch_rows(opened.metadata.row_group(one))
            for batch in opened.iter_batches(size, row_groups=[one], use_threads=False):
                for row in _objects(batch, columns, limits.record_bytes):
                    number += 1
                    if number <= skip:
                        continue
                    record = _parquet_record(number, row, id_column, limits.record_bytes)
                    most_bytes -= len(record.data)
                    if most_bytes < 0:
                        raise Broken(Reason.RATIO, f"unpacks to more than {limits.ratio} times its size")
                    yield record
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        shown = " ".join(str(error).split())[:200]
        raise Broken(Reason.ARCHIVE_BROKEN, f"Parquet that cannot be read: {shown}") from error


def _group_of(metadata: Any, skip: int) -> tuple[int, int]:
    """The row group that the first row behind `skip` is in, and the rows before it."""
    before = 0
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group).num_rows
        if before + rows > skip:
            return group, before
        before += rows
    return metadata.num_row_groups, before


def _batch_rows(group: Any) -> int:
    """How many of the group's rows are some mebibytes."""
    row_bytes = max(1, group.total_byte_size // max(1, group.num_rows))
    return int(max(1, min(_BATCH_ROWS, _BATCH_BYTES // row_bytes)))


def _objects(batch: Any, columns: Sequence[str], limit_bytes: int) -> Iterator[dict[str, Any] | None]:
    """The rows of the batch as objects, None for one that is longer than the limit."""
    if batch.nbytes > limit_bytes:
        if batch.num_rows == 1:
            yield None
        else:
            for n in range(batch.num_rows):
                yield from _objects(batch.slice(n, 1), columns, limit_bytes)
        return
    cells = [_cells(column) for column in batch.columns]
    for values in zip(*cells, strict=True):
        found = ((column, _plain(value)) for column, value in zip(columns, values, strict=True))
        yield {column: value for column, value in found if value is not None}


def _cells(column: Any) -> list[Any]:
    """The values of a column; one that Python has no value for (a year 20000) is None."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        column = pc.cast(column, pa.timestamp("us", column.type.tz), safe=False)
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError, pa.ArrowException):
        return [_cell(value) for value in column]


def _cell(value: Any) -> Any:
    import pyarrow as pa

    try:
        return value.as_py()
    except UnicodeDecodeError:
        data = value.cast(pa.large_binary()).as_py()
        return decode_text(data).text
    except (ValueError, OverflowError, pa.ArrowException):
        return None


def _plain(value: Any) -> Any:  # noqa: PLR0911  a case for each type
    """The value as JSON has it; None for what is null, not a number, or bytes that are no text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return None
    if isinstance(value, dict):
        found = {str(key): _plain(item) for key, item in value.items()}
        return {key: item for key, item in found.items() if item is not None}
    if isinstance(value, list | tuple):
        return [plain for item in value if (plain := _plain(item)) is not None]
    return str(value)


def _parquet_record(number: int, row: dict[str, Any] | None, id_column: str, limit_bytes: int) -> Record:
    data = _json(row) if row is not None else b""
    stated = row.get(id_column) if row is not None else None
    name = str(stated) if isinstance(stated, str | int) and str(stated).strip() else str(number)
    if row is None or len(data) > limit_bytes:
        return Record(name, b"", Failure(Reason.TOO_LARGE, f"row {number} is longer than the limit"))
    return Record(name, data)
