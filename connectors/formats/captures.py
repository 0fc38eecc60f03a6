"""The pages that a web archive holds: which of its records is one, and what the web server said of it."""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from connectors.compression import Limits, Stream
from connectors.document import Failure
from connectors.exchange.answer_headers import charset_of, kept, media_type_of
from connectors.exchange.decoding import BombError, TooLargeError
from connectors.exchange.reservations import reservations
from connectors.formats.http_record import Answer, answer_of
from connectors.formats.web_archive import Form, Head, Record, records
from warehouse.rows import Flag, Reason

_SILENT = frozenset({"metadata", "request", "warcinfo"})
_BODILESS = (204, 205)
_HTML = frozenset({"application/xhtml+xml", "text/html"})
_UNTYPED = frozenset(
    {None, "application/octet-stream", "application/unknown", "application/xml", "text/xml", "unknown"}
)
_HTML_OPENING = re.compile(rb"<(?:!doctype\s+html|html[\s>]|head[\s>]|body[\s>])", re.IGNORECASE)
_HTML_END = re.compile(rb"</body\s*>", re.IGNORECASE)
"""Behind it stands no text: a page that the archive's end cuts off here is whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A page as it was recorded, or why it cannot be read."""

    name: str
    """The record's id, else its number in the archive, counted from 1."""
    url: str
    recorded_at: datetime | None = None
    data: bytes = b""
    media_type: str | None = None
    charset: str | None = None
    http_status: int | None = None
    headers: str | None = None
    flags: frozenset[Flag] = frozenset()
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Records that are no page, and are said and not counted."""

    why: str
    count: int


def captures(parts: Iterable[Stream], form: Form, limits: Limits) -> Iterator[Capture | LeftOut]:
    """Yield the pages in the order of their records, and at the end what was left out, by reason."""
    reader = _Reader(limits)
    for part in parts:
        for record in records(part, form, limits.record_bytes):
            capture = reader.capture(record)
            if capture:
                yield capture
    if reader.is_empty:
        yield Capture(name="empty", url="", failure=Failure(Reason.EMPTY, "a web archive without a record"))
    for why, count in reader.left_out.most_common():
        yield LeftOut(why, count)


@dataclass
class _Reader:
    limits: Limits
    left_out: Counter[str] = field(default_factory=Counter)
    is_empty: bool = True
    _number: int = 0
    _earlier: OrderedDict[int, tuple[list[str], Capture]] = field(default_factory=OrderedDict)
    """The last pages, up to the size of a record together: what a revisit may refer to."""
    _earlier_bytes: int = 0
    _numbers: dict[str, int] = field(default_factory=dict)
    """Which of them has the name that a revisit refers with."""

    def capture(self, record: Record) -> Capture | None:
        self._number += 1
        self.is_empty = False
        head = record.head
        if head is None:
            return Capture(name=str(self._number), url="", failure=record.failure)
        if head.kind in _SILENT or head.url.startswith(("dns:", "whois:")):
            if record.failure:
                self.left_out["a damaged record of a crawler's own"] += 1
            return None
        page = Capture(name=head.record_id or str(self._number), url=head.url, recorded_at=head.recorded_at)
        if record.failure and not record.is_cut_off:
            return self._failed(page, head, record.failure)
        match head.kind:
            case "revisit":
                return self._revisit(page, head)
            case "response" | "resource" | "conversion":
                return self._page(page, head, record)
        self.left_out[f"a record of the type {head.kind[:40] or 'none'}"] += 1
        return None

    def _failed(self, page: Capture, head: Head, failure: Failure) -> Capture | None:
        # What is too large and is no page is no loss.
        media_type = media_type_of(head.media_type)
        if failure.reason is Reason.TOO_LARGE and media_type not in ("application/http", *_HTML, *_UNTYPED):
            return self._leave_out(media_type or "")
        return replace(page, failure=failure)

    def _page(self, page: Capture, head: Head, record: Record) -> Capture | None:
        try:
            answer = self._answer(head, record)
        except TooLargeError:
            detail = f"unpacks to more than {self.limits.record_bytes} bytes"
            return replace(page, failure=Failure(Reason.TOO_LARGE, detail))
        except BombError:
            detail = f"unpacks to more than {self.limits.ratio} times its size"
            return replace(page, failure=Failure(Reason.RATIO, detail))
        if answer.status is not None and (not 200 <= answer.status < 300 or answer.status in _BODILESS):
            self.left_out[f"an answer with HTTP status {answer.status}"] += 1
            return None
        if record.failure and not _HTML_END.search(answer.data):
            return replace(page, failure=record.failure)
        stated = answer.headers.get("content-type", "") if answer.status is not None else head.media_type
        media_type = media_type_of(stated)
        if not _is_page(media_type, answer.data, head.kind):
            return self._leave_out(media_type or "of no stated type")
        found = replace(
            page,
            data=answer.data,
            media_type=media_type,
            charset=charset_of(stated),
            http_status=answer.status,
            headers=kept(answer.headers) if answer.status is not None else None,
            flags=reservations(answer.headers, answer.data) | _flags(head, record, answer),
        )
        self._remember(found, head)
        return found

    def _answer(self, head: Head, record: Record) -> Answer:
        if head.kind != "response":
            return Answer(None, {}, record.block)
        return answer_of(
            record.block,
            limit_bytes=self.limits.record_bytes,
            ratio=self.limits.ratio,
            is_padded=record.is_damaged,
        )

    def _leave_out(self, media_type: str) -> Capture | None:
        self.left_out[f"no page: {media_type[:60]}"] += 1
        return None

    def _revisit(self, page: Capture, head: Head) -> Capture | None:
        """The page again, as it was when it was recorded before."""
        for reference in _references(head.fields):
            if number := self._numbers.get(reference):
                self._earlier.move_to_end(number)
                earlier = self._earlier[number][1]
                return replace(earlier, name=page.name, url=page.url or earlier.url, recorded_at=page.recorded_at)
        self.left_out["unchanged since a record that is not at hand (revisit)"] += 1
        return None

    def _remember(self, page: Capture, head: Head) -> None:
        names = _names(head)
        self._earlier[self._number] = (names, page)
        self._earlier_bytes += len(page.data)
        self._numbers |= dict.fromkeys(names, self._number)
        while self._earlier_bytes > self.limits.record_bytes:
            number, (names, oldest) = self._earlier.popitem(last=False)
            self._earlier_bytes -= len(oldest.data)
            for name in names:
                if self._numbers.get(name) == number:
                    del self._numbers[name]


def _is_page(media_type: str | None, data: bytes, kind: str) -> bool:
    if media_type in _HTML or (kind == "conversion" and media_type == "text/plain"):
        return True
    return media_type in _UNTYPED and _HTML_OPENING.search(data[:2048]) is not None


def _flags(head: Head, record: Record, answer: Answer) -> frozenset[Flag]:
    is_cut = not answer.is_whole or "warc-truncated" in head.fields or "warc-segment-number" in head.fields
    flags = {
        Flag.TRUNCATED: is_cut or answer.status == 206,
        Flag.RECORD_DAMAGED: record.is_damaged or record.is_cut_off,
    }
    return frozenset(flag for flag, is_set in flags.items() if is_set)


def _names(head: Head) -> list[str]:
    """What a later revisit may refer to the record by."""
    digest, stated = head.fields.get("warc-payload-digest"), head.fields
    when = f"{head.url} {stated.get('warc-date', '')}"
    return [name for name in (digest, head.record_id, when) if name]


def _references(fields: Mapping[str, str]) -> Iterator[str]:
    if refers_to := fields.get("warc-refers-to"):
        yield refers_to.removeprefix("<").removesuffix(">")
    if url := fields.get("warc-refers-to-target-uri"):
        yield f"{url.removeprefix('<').removesuffix('>')} {fields.get('warc-refers-to-date', '')}"
    if digest := fields.get("warc-payload-digest"):
        yield digest


def fields_of(capture: Capture) -> dict[str, Any]:
    """What the capture's document has of it."""
    return {
        "data": capture.data,
        "size_bytes": len(capture.data),
        "url": capture.url if capture.url.lower().startswith(("http://", "https://")) else None,
        "media_type": capture.media_type,
        "charset": capture.charset,
        "http_status": capture.http_status,
        "headers": capture.headers,
        "flags": capture.flags,
    }
