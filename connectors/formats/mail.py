"""Messages: those of a mailbox one by one (mbox, RFC 4155; mboxo and mboxrd), and how to tell one that is alone.

A line "From " begins a message only where a date, or nothing but an address, stands in it and a header follows: many
writers quote no such lines in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from connectors.compression import Broken, Stream
from connectors.document import Failure
from warehouse.rows import Reason

MEDIA_TYPE = "message/rfc822"
HEAD_BYTES = 4096
_REACH_BYTES = 2048
_START = re.compile(rb"(From [^\r\n]{1,500})\r?\n(?=[!-9;-~]{1,80}:|>From )")
_STAMP = re.compile(rb"\d\d?:\d\d(?::\d\d)?(?: [+-]?[A-Z0-9]{1,6}){0,2} (?:19|20)\d\d(?!\d)")
"""The end of what `asctime` writes, with or without a time zone in it."""
_BARE_ADDRESS = re.compile(rb"From [^\s@]{1,200}@[^\s@]{1,200}[ \t]*")
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)
_HEAD_END = re.compile(rb"\r?\n\r?\n|\r\r")
_FIELD = re.compile(rb"^([!-9;-~]{1,80})[ \t]*:", re.MULTILINE)
_LINE = re.compile(rb"[!-9;-~]{1,80}[ \t]*:|[ \t]|>?From ")
_ID = re.compile(rb"^message-id[ \t]*:\s*<?([^<>\r\n]{1,1000}?)>?[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_TRANSPORT = frozenset((b"dkim-signature", b"message-id", b"mime-version", b"received", b"return-path"))


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it is stored, or why it cannot be read."""

    name: str
    """Its `Message-ID`, verbatim but for the angle brackets; else its number in the mailbox, counted from 1."""
    data: bytes
    failure: Failure | None = None


def is_mailbox(head: bytes) -> bool:
    """Whether a file that opens so is a mailbox."""
    return _opening(head, 0) is not None


def is_message(head: bytes, name: str = "") -> bool:
    """Whether a file that opens so is a message: sender and date, and a trace of its transport; one if it is named so."""
    end = _HEAD_END.search(head)
    lines = head[: end.start() if end else len(head)].splitlines()
    if not end and len(head) >= HEAD_BYTES and len(lines) > 1:
        del lines[-1]  # it may be cut
    if not lines or not all(map(_LINE.match, lines)) or _FIELD.match(lines[0]) is None:
        return False
    fields = {found[1].lower() for line in lines if (found := _FIELD.match(line))}
    if name.lower().endswith((".eml", ".eml.gz")):
        return not fields.isdisjoint((b"date", b"from", b"subject", *_TRANSPORT))
    is_written = {b"from", b"date"} <= fields or {b"from", b"subject"} <= fields
    return (is_written and not fields.isdisjoint(_TRANSPORT)) or len(fields & _TRANSPORT) > 1


def messages(stream: Stream, limit_bytes: int) -> Iterator[Message]:
    """Yield the messages of a mailbox, what stood before them quoted for its sake set right.

    Raises `Broken` where the stream does, after the messages before it.
    """
    number = 0
    while stream.peek(1):
        number += 1
        data, size = stream.take_to(_next, limit_bytes, _REACH_BYTES)
        if size > limit_bytes:
            yield Message(str(number), b"", Failure(Reason.TOO_LARGE, f"a message of {size} bytes"))
        elif stream.is_broken and not stream.peek(1):
            yield from _cut_off(stream, number)
            return
        else:
            yield _message(number, data)


def _next(window: bytes) -> int:
    at = window.find(b"\nFrom ")
    while at >= 0 and _opening(window, at + 1) is None:
        at = window.find(b"\nFrom ", at + 1)
    return at + 1 if at >= 0 else -1


def _opening(data: bytes, position: int) -> re.Match[bytes] | None:
    """The line "From " that stands there and begins a message."""
    found = _START.match(data, position)
    if found is None:
        return None
    return found if _STAMP.search(found[1]) or _BARE_ADDRESS.fullmatch(found[1]) else None


def _cut_off(stream: Stream, number: int) -> Iterator[Message]:
    try:
        stream.read(1)
    except Broken as broken:
        yield Message(str(number), b"", broken.failure)


def _message(number: int, data: bytes) -> Message:
    opening = _opening(data, 0)
    data = _QUOTED.sub(rb"\1", data[opening.end() :] if opening else data).rstrip(b"\r\n") + b"\n"
    end = _HEAD_END.search(data)
    found = _ID.search(data, 0, end.end() if end else len(data))
    return Message(found[1].decode("utf-8", "backslashreplace").strip() or str(number) if found else str(number), data)
