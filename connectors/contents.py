"""What a file holds: the documents of an archive, of a compressed file, of a file of rows, of a saved feed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import IO, Any

from connectors.archive import HEAD_BYTES, Member, Packing, packing_of, tar_members, zip_members
from connectors.compression import BLOCK_BYTES, Broken, Compression, Limits, Stream, compression_of
from connectors.connector import Passed
from connectors.document import Document, Failure
from connectors.feed import Feed
from connectors.fields import columns_of, value_at
from connectors.formats import mail
from connectors.formats.captures import Capture, LeftOut, captures, fields_of
from connectors.formats.mail import Message, is_mailbox, is_message, messages
from connectors.formats.saved_feed import may_be_feed, saved_feed
from connectors.formats.table import (
    Dialect,
    NoTable,
    check_columns,
    delimited,
    dialect_of,
    is_parquet,
    may_be_delimited,
    parquet,
)
from connectors.formats.web_archive import form_of as web_archive_form
from connectors.formats.web_archive import opens_record
from connectors.formats.wire import WireItem, may_be_wire, wire_items
from connectors.names import leftover, spelt
from connectors.records import Record, form_of, may_hold_rows, records
from connectors.salvage import parts
from warehouse.rows import Flag, Reason, Role


@dataclass(frozen=True, slots=True)
class Place:
    """Where bytes stand: what their document says of its provenance."""

    source: str
    file: str
    """The file in the source, spelt."""
    address: str
    uri: str
    name: str
    fetched_at: datetime
    separator: str = "#"
    """Stands before the name of what is inside: `#` in a file, `::` in a member of an archive."""
    mapping: str | None = None
    """Which columns of rows stand for which fields: what `connectors.fields.read_mapping` gave."""

    @property
    def id_field(self) -> str:
        """The column that names a row."""
        return columns_of(self.mapping).get("id", "id")

    def inside(self, name: str) -> Place:
        return replace(
            self,
            address=f"{self.address}{self.separator}{name}",
            uri=f"{self.uri}{self.separator}{name}",
            name=name,
            separator="::",
        )

    def document(self, role: Role = Role.FILE, **fields: Any) -> Document:
        return Document(
            source=self.source,
            role=role,
            address=self.address,
            uri=self.uri,
            fetched_at=self.fetched_at,
            file=self.file,
            **fields,
        )

    def failed(self, failure: Failure, data: bytes = b"", role: Role = Role.FILE) -> Document:
        return self.document(role, failure=failure, data=data or None, size_bytes=len(data))

    def broken(self, failure: Failure) -> Document:
        """The document that stands for what could not be read of something that holds several."""
        return self.inside(failure.reason.value).failed(failure)


def is_plain(head: bytes, name: str) -> bool:
    """Tell whether a file that opens so is one document for certain, without a closer look."""
    may_be_packed = compression_of(head) or packing_of(head)
    may_be_table = may_hold_rows(head) or is_parquet(head) or may_be_delimited(head, name)
    may_be_archive = may_be_packed or web_archive_form(head, name) or is_mailbox(head)
    return not (may_be_archive or may_be_table or may_be_feed(head) or may_be_wire(head))


@dataclass(frozen=True, slots=True)
class Contents:
    """Takes files apart within limits."""

    limits: Limits
    missing: set[str] = field(default_factory=set)
    """Columns that are looked for, less those that a row had."""

    def documents(self, place: Place, file: IO[bytes], skip: int = 0) -> Iterator[Document | Passed] | None:
        """The documents but for the first `skip`; None when the file is a single one, to be read as it is.

        Raises `OSError` while they are drawn, when the file cannot be read on.
        """
        stream = Stream(iter(lambda: file.read(BLOCK_BYTES), b""))
        head = stream.peek(HEAD_BYTES)
        packing, compression = packing_of(head), compression_of(head)
        if packing is Packing.ZIP:
            return _behind(skip, self._archive(place, zip_members(file, self.limits)))
        if packing is Packing.TAR:
            return _behind(skip, self._archive(place, tar_members(stream)))
        if compression:
            return self._unpacked(place, compression, stream, skip)
        if is_parquet(head):
            return self._parquet(place, file, skip)
        return self._several(place, stream, skip)

    def _unpacked(
        self, place: Place, compression: Compression, packed: Stream, skip: int, *, may_be_tar: bool = True
    ) -> Iterator[Document | Passed]:
        found = parts(compression, packed, self.limits, opens_record)
        stream = next(found)
        head = stream.peek(HEAD_BYTES)
        if may_be_tar and packing_of(head) is Packing.TAR:
            return _behind(skip, self._archive(place, tar_members(stream)))
        if form := web_archive_form(head, place.name):
            return _behind(skip, _captures(place, captures(chain([stream], found), form, self.limits)))
        return self._inner(place, stream, skip)

    def _inner(self, place: Place, stream: Stream, skip: int = 0) -> Iterator[Document | Passed]:
        """The documents of what was unpacked and may not be unpacked further."""
        head = stream.peek(HEAD_BYTES)
        nested = packing_of(head) or compression_of(head)
        if nested:
            failure = Failure(Reason.ARCHIVE_NESTED, f"{nested} inside an archive or a compressed file")
            return _behind(skip, iter([place.failed(failure)]))
        return self._several(place, stream, skip) or _behind(skip, self._single(place, stream))

    def _several(self, place: Place, stream: Stream, skip: int) -> Iterator[Document | Passed] | None:
        """The pages, messages, rows or entries of the stream; None where it holds none of them."""
        head = stream.peek(mail.HEAD_BYTES)
        if form := web_archive_form(head, place.name):
            return _behind(skip, _captures(place, captures([stream], form, self.limits)))
        if is_mailbox(head):
            return _behind(skip, _messages(place, messages(stream, self.limits.record_bytes)))
        return None if is_message(head, place.name) else self._structured(place, stream, skip)

    def _structured(self, place: Place, stream: Stream, skip: int) -> Iterator[Document | Passed] | None:
        """The rows or entries of the stream; None where it holds neither."""
        limit = self.limits.record_bytes
        if is_parquet(stream.peek(HEAD_BYTES)):
            return self._spooled(place, stream, skip)
        form = form_of(stream, place.name, limit)
        if form:
            return self._rows(place, records(stream, form, limit_bytes=limit, id_field=place.id_field, skip=skip))
        dialect = dialect_of(stream, place.name)
        if dialect:
            return self._table(place, stream, dialect, skip)
        feed = saved_feed(stream, limit)
        if feed:
            return _behind(skip, _entries(place, feed))
        items = wire_items(stream, limit)
        return _behind(skip, _items(place, items)) if items else None

    def _table(self, place: Place, stream: Stream, dialect: Dialect, skip: int) -> Iterator[Document | Passed]:
        limit = self.limits.record_bytes
        try:
            check_columns(dialect.header, place.mapping)
        except NoTable as none:
            return _behind(skip, iter([place.failed(none.failure)]))
        return self._rows(place, delimited(stream, dialect, limit_bytes=limit, id_field=place.id_field, skip=skip))

    def _parquet(self, place: Place, file: IO[bytes], skip: int) -> Iterator[Document | Passed]:
        return self._rows(
            place, parquet(file, limits=self.limits, mapping=place.mapping, id_field=place.id_field, skip=skip)
        )

    def _rows(self, place: Place, found: Iterator[Record]) -> Iterator[Document]:
        try:
            for record in found:
                inner = place.inside(record.name)
                if record.failure:
                    yield inner.failed(record.failure, record.data, Role.RECORD)
                    continue
                if self.missing:
                    self.missing.difference_update(_there(record.data, self.missing))
                yield inner.document(
                    Role.RECORD,
                    data=record.data,
                    size_bytes=len(record.data),
                    media_type="application/json",
                    fields=place.mapping,
                )
        except NoTable as none:
            yield place.failed(none.failure)
        except Broken as broken:
            yield place.broken(broken.failure)

    def _spooled(self, place: Place, stream: Stream, skip: int) -> Iterator[Document | Passed]:
        """The rows of a Parquet file that is packed, from a passing copy: its table of contents is at its end."""
        with tempfile.TemporaryFile(prefix="newsmill-") as file:
            try:
                for block in stream.blocks():
                    file.write(block)
                    if file.tell() > self.limits.spool_bytes:
                        what = f"Parquet of more than {self.limits.spool_bytes} bytes in an archive: unpack it"
                        yield from _behind(skip, iter([place.failed(Failure(Reason.TOO_LARGE, what))]))
                        return
            except Broken as broken:
                yield from _behind(skip, iter([place.broken(broken.failure)]))
                return
            yield from self._parquet(place, file, skip)

    def _archive(self, place: Place, members: Iterator[Member]) -> Iterator[Document | Passed]:
        seen: dict[str, int] = {}
        try:
            for member in members:
                name = spelt(member.name)
                why = member.passed or leftover(member.name)
                if why:
                    yield Passed(place.inside(name).address, why)
                    continue
                seen[name] = seen.get(name, 0) + 1
                inner = place.inside(name if seen[name] == 1 else f"{name}~{seen[name]}")
                yield from self._member(replace(inner, name=name, fetched_at=_plausible(member, place)), member)
        except Broken as broken:
            yield place.broken(broken.failure)
            return
        if not seen:
            yield place.failed(Failure(Reason.EMPTY, "an archive without files"))

    def _member(self, place: Place, member: Member) -> Iterator[Document | Passed]:
        if member.stream is None:
            failure = member.failure or Failure(Reason.UNREADABLE, "the member cannot be read")
            return iter([place.failed(failure)])
        if compression := compression_of(member.stream.peek(HEAD_BYTES)):
            return self._unpacked(place, compression, member.stream, 0, may_be_tar=False)
        return self._inner(place, member.stream)

    def _single(self, place: Place, stream: Stream) -> Iterator[Document]:
        try:
            data = stream.read(self.limits.record_bytes + 1)
            if len(data) <= self.limits.record_bytes:
                # Draws what the stream raises at its end.
                stream.read(1)
        except Broken as broken:
            yield place.failed(broken.failure)
            return
        if len(data) > self.limits.record_bytes:
            yield place.failed(Failure(Reason.TOO_LARGE, f"unpacks to more than {self.limits.record_bytes} bytes"))
            return
        yield place.document(data=data, size_bytes=len(data))


def _there(data: bytes, columns: Iterable[str]) -> set[str]:
    """Those of the columns that the row has."""
    row = json.loads(data.decode("utf-8", "replace"), strict=False, parse_int=str, parse_float=str)
    return {column for column in columns if value_at(row, column) is not None}


def _items(place: Place, items: Iterator[WireItem]) -> Iterator[Document | Passed]:
    """The items of a message of a news agency."""
    for item in items:
        inner = place.inside(item.name)
        if item.passed:
            yield Passed(inner.address, item.passed)
        else:
            yield inner.document(
                Role.RECORD,
                data=item.data,
                size_bytes=len(item.data),
                media_type=item.media_type,
                charset="utf-8",
                flags=frozenset({Flag.TRUNCATED}) if item.is_cut_off else frozenset(),
            )


def _captures(place: Place, found: Iterator[Capture | LeftOut]) -> Iterator[Document | Passed]:
    """The pages of a web archive, each under its own address on the web."""
    for item in found:
        if isinstance(item, LeftOut):
            yield Passed(place.inside("other").address, item.why, item.count)
            continue
        inner = place.inside(item.name)
        inner = replace(inner, uri=item.url or inner.uri, fetched_at=item.recorded_at or inner.fetched_at)
        if item.failure:
            yield inner.failed(item.failure, role=Role.PAGE)
        else:
            yield inner.document(Role.PAGE, **fields_of(item))


def _messages(place: Place, found: Iterator[Message]) -> Iterator[Document]:
    """The messages of a mailbox."""
    for message in found:
        inner = place.inside(message.name)
        if message.failure:
            yield inner.failed(message.failure, role=Role.RECORD)
        else:
            yield inner.document(
                Role.RECORD, data=message.data, size_bytes=len(message.data), media_type=mail.MEDIA_TYPE
            )


def _entries(place: Place, feed: Feed) -> Iterator[Document | Passed]:
    """The entries of a saved feed."""
    for entry in feed.entries:
        inner = place.inside(entry.address)
        yield replace(inner, uri=entry.link or inner.uri).document(
            Role.ENTRY,
            data=entry.record,
            size_bytes=len(entry.record),
            url=entry.link,
            media_type="application/feed+json",
            charset="utf-8",
        )
    for dropped in feed.dropped:
        name, _, why = dropped.rpartition(": ")
        yield Passed(place.inside(name).address, f"an entry: {why}")
    if feed.is_truncated:
        yield Passed(place.inside("end").address, "missing; what was whole of the feed was read")


def _behind(skip: int, items: Iterator[Document | Passed]) -> Iterator[Document | Passed]:
    """The items behind the first `skip` documents."""
    for item in items:
        if skip > 0:
            skip -= isinstance(item, Document)
        else:
            yield item


def _plausible(member: Member, place: Place) -> datetime:
    """When the member says it was modified, unless that is after the archive itself was."""
    stated = member.modified_at
    return stated if stated and stated <= place.fetched_at + timedelta(days=1) else place.fetched_at
