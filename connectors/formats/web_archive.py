"""Records of web archives, one by one, in bounded memory, whatever is broken between them.

WARC: ISO 28500, versions 0.17 to 1.1 (https://iipc.github.io/warc-specifications/); ARC 1 and 2: Burner and Kahle,
"Arc File Format" (1996). The libraries stop, or lose what follows, where a record is not as long as it says; here the
next header is looked for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from connectors.compression import Broken, Stream
from connectors.document import Failure
from connectors.formats.http_record import HEAD_END
from warehouse.rows import Reason

_WARC = re.compile(rb"WARC/\d\.\d{1,3}[ \t]*\r?\n")
_WARC_START = re.compile(rb"WARC/\d\.\d{1,3}[ \t]*\r?\n(?=[A-Za-z-]{3,40}[ \t]*:)")
_ARC_OPENING = re.compile(rb"filedesc://[^\s]{1,4000} [^\s]{1,50} \d{1,20} [^\r\n]{1,300}\r?\n")
_ARC_LINE = re.compile(rb"[a-z][a-z0-9+.-]{1,15}:[^\r\n]{1,9000}\r?\n")
_ARC_START = re.compile(rb"[\n\0]([a-z][a-z0-9+.-]{1,15}:[^\r\n\0]{1,9000})\r?\n")
_HEAD_BYTES = 1 << 16
_OVERLAP_BYTES = 1 << 14
_WRONG_LENGTHS = 16
"""After so many records that are not as long as they say, no length is believed: each is looked for its end."""
_STAMP_DIGITS = 14
_HASHES = {"md5": hashlib.md5, "sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha512": hashlib.sha512}


class Form(StrEnum):
    ARC = "arc"
    WARC = "warc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a record says of itself."""

    kind: str
    """`response`, `revisit` and so on, in lower case; of an ARC record always `response`, but for the first."""
    url: str
    recorded_at: datetime | None
    length: int | None
    record_id: str | None = None
    media_type: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    """All fields of a WARC record, names in lower case."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record and its block, or why it is none; `head` is None for bytes that are no record at all."""

    head: Head | None
    block: bytes = b""
    failure: Failure | None = None
    is_damaged: bool = False
    """Whether it is not as long as it says, or its checksum is another; the block reaches to the next record."""
    is_cut_off: bool = False
    """Whether the archive ends in it."""


def form_of(head: bytes, name: str = "") -> Form | None:
    """What a file that opens so, or is named so, is."""
    if _WARC.match(head):
        return Form.WARC
    if _ARC_OPENING.match(head) or _arc_head(head[: _HEAD_BYTES // 4]):
        return Form.ARC
    found = re.search(r"\.(w?arc)(?:\.(?:bz2|gz|xz|zst))?$", name, re.IGNORECASE)
    return Form(found[1].lower()) if found else None


def opens_record(data: bytes) -> bool:
    """Whether the bytes begin with a record's header."""
    return _WARC.match(data) is not None or _arc_head(data) is not None


def records(part: Stream, form: Form, limit_bytes: int) -> Iterator[Record]:
    """Yield the records of a stream, the damaged ones as failures at their place; never raises `Broken`."""
    return _Reader(part, form, limit_bytes).records()


class _Reader:
    def __init__(self, part: Stream, form: Form, limit_bytes: int) -> None:
        self._part, self._form, self._limit_bytes = part, form, limit_bytes
        self._wrong_lengths = 0

    def records(self) -> Iterator[Record]:
        has_told = False
        while True:
            self._skip_blank()
            if not self._part.peek(1):
                failure = self._breakage()
                if failure and not has_told:
                    yield Record(None, failure=failure)
                return
            head = self._head()
            record = self._record(head) if head else self._stray()
            has_told = record.failure is not None
            yield record

    def _skip_blank(self) -> None:
        while (window := self._part.peek(512)) and len(rest := window.lstrip(b"\r\n \t\0")) < len(window):
            self._part.read(len(window) - len(rest))
            if rest:
                return

    def _breakage(self) -> Failure | None:
        """Why the stream has no more, None at its proper end."""
        try:
            self._part.read(1)
        except Broken as broken:
            return broken.failure
        return None

    def _head(self) -> Head | None:
        """The header that stands here, taken; None, and nothing taken, where there is none."""
        size = 2048
        while True:
            window = self._part.peek(size)
            found = _warc_head(window) if self._form is Form.WARC else _arc_head(window)
            if found:
                head, length = found
                self._part.read(length)
                return head
            if len(window) < size or size >= _HEAD_BYTES or not self._may_open(window):
                return None
            size *= 4

    def _may_open(self, window: bytes) -> bool:
        return _WARC.match(window) is not None if self._form is Form.WARC else b"\n" not in window

    def _stray(self) -> Record:
        size = len(self._part.read(1)) + self._to_next(0)[1]
        return Record(None, failure=Failure(Reason.RECORD_BROKEN, f"{size} bytes that are no record"))

    def _record(self, head: Head) -> Record:
        length = head.length
        if length is None or length > self._limit_bytes or self._wrong_lengths > _WRONG_LENGTHS:
            return self._unmeasured(head)
        data = self._part.read(length) if self._part.peek(1) else b""
        if len(data) == length and self._is_at_end(data):
            return self._measured(head, data)
        self._wrong_lengths += 1
        start = self._find(data + self._part.peek(_OVERLAP_BYTES))
        if 0 <= start < len(data):
            self._part.unread(data[start:])
            return Record(head, _trimmed(data[:start]), is_damaged=True)
        if len(data) < length:
            breakage = self._breakage()
            return Record(head, data, breakage or _cut_off(length, len(data)), is_cut_off=breakage is None)
        more, size = self._to_next(self._limit_bytes - length)
        return self._whole(head, data + more, length + size)

    def _measured(self, head: Head, data: bytes) -> Record:
        """A record that is as long as it says."""
        if self._part.is_broken and not self._part.peek(1):
            # The checksum of what compresses it comes behind it.
            return Record(head, data, self._breakage())
        return Record(head, data, is_damaged=not _has_digest(head, data))

    def _unmeasured(self, head: Head) -> Record:
        """A record whose length is not stated, not believed, or more than may be read."""
        data, size = self._to_next(self._limit_bytes)
        return self._whole(head, data, size)

    def _whole(self, head: Head, data: bytes, size: int) -> Record:
        if size > self._limit_bytes:
            return Record(head, failure=Failure(Reason.TOO_LARGE, f"a record of {size} bytes"))
        if self._part.is_broken and not self._part.peek(1):
            return Record(head, data, self._breakage())
        return Record(head, _trimmed(data), is_damaged=True)

    def _is_at_end(self, data: bytes) -> bool:
        """Whether a record may end here: line ends follow, a record, or nothing."""
        after = self._part.peek(_OVERLAP_BYTES if self._form is Form.ARC else 32)
        ends = b"\r\n\r\n" if self._form is Form.WARC else (b"\n", b"\r\n")
        rest = after.lstrip(b"\r\n")
        return not rest or after.startswith(ends) or (data.endswith(b"\n") and opens_record(rest))

    def _find(self, data: bytes) -> int:
        """Where the first record begins in the data, -1 where none does."""
        if self._form is Form.WARC:
            found = _WARC_START.search(data)
            return found.start() if found else -1
        for line in _ARC_START.finditer(data):
            if _arc_head(line[1] + b"\n"):
                return line.start(1)
        return -1

    def _to_next(self, keep_bytes: int) -> tuple[bytes, int]:
        """Take what stands before the next record: as much of it as may be kept, and how many bytes it is."""
        return self._part.take_to(self._find, keep_bytes, _OVERLAP_BYTES)


def _trimmed(data: bytes) -> bytes:
    """Without the line ends that stand between records."""
    return data.removesuffix(b"\n").removesuffix(b"\r").removesuffix(b"\n").removesuffix(b"\r")


def _cut_off(length: int, found: int) -> Failure:
    return Failure(Reason.RECORD_BROKEN, f"the archive ends {length - found} bytes before the record does")


# Headers


def _warc_head(window: bytes) -> tuple[Head, int] | None:
    """The header of a WARC record, and its length."""
    opening = _WARC.match(window)
    end = HEAD_END.search(window, opening.end() - 2) if opening else None
    if opening is None or end is None:
        return None
    fields: dict[str, str] = {}
    name = ""
    for line in window[opening.end() : end.start()].splitlines():
        text = line.decode("utf-8", "replace")
        if line[:1] in (b" ", b"\t") and name:
            fields[name] = f"{fields[name]} {text.strip()}".strip()
        else:
            name, _, value = text.partition(":")
            name = name.strip().lower()
            fields.setdefault(name, value.strip())
    return _of_fields(fields), end.end()


def _of_fields(fields: Mapping[str, str]) -> Head:
    length = fields.get("content-length", "")
    return Head(
        kind=fields.get("warc-type", "").lower(),
        # Of a WARC 1.0 by wget, the address stands between < and >.
        url=fields.get("warc-target-uri", "").removeprefix("<").removesuffix(">"),
        recorded_at=_moment(fields.get("warc-date", "")),
        length=int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None,
        record_id=fields.get("warc-record-id", "").removeprefix("<").removesuffix(">") or None,
        media_type=fields.get("content-type", ""),
        fields=fields,
    )


def _arc_head(window: bytes) -> tuple[Head, int] | None:
    """The header line of an ARC record, and its length; an address may have blanks in it, so it is read from its end."""
    line = _ARC_LINE.match(window)
    if line is None:
        return None
    words = line[0].decode("utf-8", "replace").strip().split(" ")
    for after in (3, 8):  # fields behind the date in version 1 and in version 2
        if len(words) >= after + 2 and _is_stamp(words[-after]):
            length = words[-1]
            head = Head(
                kind="response" if not words[0].startswith("filedesc:") else "warcinfo",
                url=" ".join(words[: -after - 1]),
                recorded_at=_moment(words[-after]),
                length=int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None,
                media_type=words[1 - after],
            )
            return head, line.end()
    return None


def _is_stamp(word: str) -> bool:
    return word.isascii() and word.isdigit() and 8 <= len(word) <= 20


def _moment(stated: str) -> datetime | None:
    """W3C-DTF, as far as WARC 1.1 allows it to be short; or the 14 digits of ARC and of early WARC."""
    try:
        if _is_stamp(stated):
            digits = stated[:_STAMP_DIGITS].ljust(_STAMP_DIGITS, "0")
            return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        found = datetime.fromisoformat({4: f"{stated}-01-01", 7: f"{stated}-01"}.get(len(stated), stated))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def _has_digest(head: Head, block: bytes) -> bool:
    """Whether the block has the checksum that its record states in a way that can be read, or states none."""
    algorithm, _, stated = head.fields.get("warc-block-digest", "").partition(":")
    hashed = _HASHES.get(algorithm.strip().lower().replace("-", ""))
    if hashed is None:
        return True
    found = hashed(block).digest()
    return stated.strip().rstrip("=") in _spellings(found) or not _is_readable(stated, len(found))


def _spellings(found: bytes) -> tuple[str, ...]:
    """A checksum as tools write it: in base 32, hexadecimal, base 64."""
    texts = (
        base64.b32encode(found),
        base64.b32encode(found).lower(),
        binascii.hexlify(found),
        binascii.hexlify(found).upper(),
        base64.b64encode(found),
        base64.urlsafe_b64encode(found),
    )
    return tuple(text.decode().rstrip("=") for text in texts)


def _is_readable(stated: str, size: int) -> bool:
    digits = len(stated.strip().rstrip("="))
    return digits in (2 * size, -(-size * 8 // 5), -(-size * 8 // 6))
