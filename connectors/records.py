"""Files of rows: JSON Lines and JSON arrays of objects, taken apart record by record in bounded memory.

JSON Lines: https://jsonlines.org; JSON: RFC 8259. Records are counted from 1, those that are broken included.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from connectors.compression import Stream
from connectors.document import Failure
from connectors.fields import value_at
from warehouse.rows import Reason

HEAD_BYTES = 4096
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SHOWN_CHARACTERS = 80


class Form(StrEnum):
    ARRAY = "array"
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it is written, or why it is none."""

    name: str
    """Its own id, verbatim, else its number."""
    data: bytes
    failure: Failure | None = None


_ARRAY = re.compile(rb'\s*\[\s*\{\s*["}]')
_OBJECT = re.compile(rb'\s*\{[ \t]*"')
_SOME_OBJECT = re.compile(rb'^[ \t]*\{[ \t]*["}]', re.MULTILINE)
_LINE_ENDS = re.compile(rb"\r\n?|\n")
# Numbers stay as they are written: an id is verbatim, and a long number costs no time.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)


def may_hold_rows(head: bytes) -> bool:
    """Tell whether it is worth looking closer: `head` opens like JSON, or is UTF-16."""
    return head.startswith(_UTF16) or head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"[")


def form_of(stream: Stream, name: str, limit_bytes: int) -> Form | None:
    """How the stream holds rows, looking ahead only; None when it holds none.

    An array whose first element is an object is rows. Lines are when the first two are JSON objects, or the name says
    so and a line opens like one; a single object, however it is written, is a document.
    """
    is_named = _is_named_lines(name)
    head = _head(stream, HEAD_BYTES)
    if _ARRAY.match(head):
        return Form.ARRAY
    if is_named:
        first = head.strip().split(b"\n", 1)[0].strip()
        return Form.LINES if _SOME_OBJECT.search(head) and first != b"{" else None
    if not _OBJECT.match(head):
        return None
    return Form.LINES if _has_two_objects(stream, limit_bytes) else None


def _is_named_lines(name: str) -> bool:
    return re.search(r"\.(?:jsonl|ndjson|jsonlines|ldjson)(?:\.\w{2,4})?$", name, re.IGNORECASE) is not None


def _head(stream: Stream, size: int) -> bytes:
    head = stream.peek(size)
    if head.startswith(_UTF16):
        return head.decode("utf-16", "ignore").encode("utf-8", "ignore")
    return head.removeprefix(codecs.BOM_UTF8)


def _has_two_objects(stream: Stream, limit_bytes: int) -> bool:
    size = HEAD_BYTES
    while True:
        head = _head(stream, size)
        is_all = len(stream.peek(size)) < size
        lines = [line for line in _LINE_ENDS.split(head.lstrip(), maxsplit=8) if line.strip()]
        if len(lines) > 1:
            # The second may be longer than what was looked at: that it opens like an object is enough.
            return _parsed(lines[0]) is not None and _OBJECT.match(lines[1]) is not None
        if is_all or size > 2 * limit_bytes:
            return False
        size *= 4


def records(stream: Stream, form: Form, *, limit_bytes: int, id_field: str = "id", skip: int = 0) -> Iterator[Record]:
    """Yield the records but for the first `skip`; raises `Broken` where the stream does, after those before it."""
    blocks = stream.blocks()
    if stream.peek(2).startswith(_UTF16):
        blocks = _utf8(blocks)
    pieces = _elements(blocks, limit_bytes) if form is Form.ARRAY else _lines(blocks, limit_bytes)
    for number, (line, data) in enumerate(pieces, 1):
        if number > skip:
            yield _record(number, f"line {line}" if form is Form.LINES else f"element {line}", data, id_field)


def _record(number: int, where: str, data: bytes | None, id_field: str) -> Record:
    if data is None:
        return Record(str(number), b"", Failure(Reason.TOO_LARGE, f"{where} is longer than the limit"))
    found = _parsed(data)
    if found is None:
        shown = data[: 4 * _SHOWN_CHARACTERS].decode("utf-8", "replace")[:_SHOWN_CHARACTERS]
        return Record(str(number), data, Failure(Reason.RECORD_BROKEN, f"{where} is no JSON object: {shown}"))
    stated = value_at(found, id_field)
    name = stated if isinstance(stated, str) and stated.strip() else str(number)
    return Record(name.encode("utf-8", "backslashreplace").decode(), data)


def _parsed(data: bytes) -> dict[str, object] | None:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        # Bytes of another character set do not touch JSON's own characters; whoever decodes the record finds it out.
        text = data.decode("latin-1")
    try:
        found = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _utf8(blocks: Iterator[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-16")("replace")
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")


class _Piece:
    """Bytes collected up to a limit, and only counted beyond it."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= self._limit_bytes:
            self._parts.append(part)
        else:
            self._parts.clear()

    def take(self) -> bytes | None:
        """What was collected, without white space around it; None when it was too much; begin anew."""
        data = None if self._size > self._limit_bytes else b"".join(self._parts).strip()
        self._parts, self._size = [], 0
        return data


def _lines(blocks: Iterator[bytes], limit_bytes: int) -> Iterator[tuple[int, bytes | None]]:
    """Yield number and content of the lines that are not blank; a line ends with LF, CRLF or CR."""
    number, piece = 1, _Piece(limit_bytes)
    for position, block in enumerate(_whole_line_ends(blocks)):
        *whole, tail = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        if position == 0 and whole:
            whole[0] = whole[0].removeprefix(codecs.BOM_UTF8)
        elif position == 0:
            tail = tail.removeprefix(codecs.BOM_UTF8)
        for part in whole:
            piece.add(part)
            if (data := piece.take()) != b"":
                yield number, data
            number += 1
        piece.add(tail)
    if (data := piece.take()) != b"":
        yield number, data


def _whole_line_ends(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes, without a cut between CR and LF."""
    kept = b""
    for block in blocks:
        joined = kept + block
        kept = b"\r" if joined.endswith(b"\r") else b""
        yield joined.removesuffix(b"\r")
    if kept:
        yield kept


_TOKEN = re.compile(rb'["\[\]{},]')
_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)


class _Scanner:
    """Finds the ends of an array's elements by their brackets and strings, whether or not they are valid JSON."""

    def __init__(self, limit_bytes: int) -> None:
        self._piece = _Piece(limit_bytes)
        self._depth = 0
        self._is_in_string = False
        self.is_done = False
        self._kept = b""
        """A backslash at the end of a block: what it escapes comes with the next."""

    def feed(self, block: bytes) -> Iterator[bytes | None]:
        """Yield the elements that end in the block."""
        block, self._kept = self._kept + block, b""
        position = start = 0
        while not self.is_done and position < len(block):
            if self._is_in_string:
                position = self._string_end(block, position)
                continue
            token = _TOKEN.search(block, position)
            if token is None:
                break
            position = token.end()
            if self._step(token[0]):
                self._piece.add(block[start : token.start()])
                yield self._piece.take()
                start = position
            elif self._depth == 1 and token[0] == b"[":
                start = position
        self._piece.add(block[start : len(block) - len(self._kept)])

    def rest(self) -> bytes | None:
        """What came behind the last element."""
        self._piece.add(self._kept)
        return self._piece.take()

    def _string_end(self, block: bytes, position: int) -> int:
        found = _STRING.match(block, position)
        end = found.end() if found else position
        if block[end : end + 1] == b'"':
            self._is_in_string = False
            return end + 1
        self._kept = block[end:]
        return len(block)

    def _step(self, token: bytes) -> bool:
        """Take account of the token; tell whether it ends an element."""
        if token == b'"':
            self._is_in_string = True
        elif token in b"[{":
            self._depth += 1
        elif token in b"]}":
            self._depth -= 1
            self.is_done = self._depth == 0
        return self.is_done or (token == b"," and self._depth == 1)


def _elements(blocks: Iterator[bytes], limit_bytes: int) -> Iterator[tuple[int, bytes | None]]:
    """Yield number and content of the array's elements, and as a last one what does not belong to it."""
    number, scanner = 0, _Scanner(limit_bytes)
    for block in blocks:
        for data in scanner.feed(block):
            if data != b"":
                number += 1
                yield number, data
    rest = scanner.rest()
    if rest != b"" or not scanner.is_done:
        yield number + 1, rest or b""
