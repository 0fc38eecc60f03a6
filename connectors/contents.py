"""What a file holds: the documents of an archive, of a compressed file, of a file of rows, of a saved feed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import IO, Any

from connectors.archive import HEAD_BYTES, Member, Packing, packing_of, tar_members, zip_members
from connectors.compression import BLOCK_BYTES, Broken, Limits, Stream, compression_of, unpack
from connectors.connector import Passed
from connectors.document import Document, Failure
from connectors.feed import Feed
from connectors.formats.saved_feed import may_be_feed, saved_feed
from connectors.names import leftover, spelt
from connectors.records import Form, form_of, may_hold_rows, records
from warehouse.rows import Reason, Role


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


def is_plain(head: bytes) -> bool:
    """Tell whether a file that opens so is one document for certain, without a closer look."""
    return not (may_hold_rows(head) or compression_of(head) or packing_of(head) or may_be_feed(head))


@dataclass(frozen=True, slots=True)
class Contents:
    """Takes files apart within limits."""

    limits: Limits
    id_field: str = "id"

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
            return self._unpacked(place, Stream(unpack(compression, stream, self.limits)), skip)
        return self._several(place, stream, skip)

    def _unpacked(self, place: Place, stream: Stream, skip: int) -> Iterator[Document | Passed]:
        if packing_of(stream.peek(HEAD_BYTES)) is Packing.TAR:
            return _behind(skip, self._archive(place, tar_members(stream)))
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
        """The rows or entries of the stream; None where it holds neither."""
        form = form_of(stream, place.name, self.limits.record_bytes)
        if form:
            return self._rows(place, stream, form, skip)
        feed = saved_feed(stream, self.limits.record_bytes)
        return _behind(skip, _entries(place, feed)) if feed else None

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
        compression = compression_of(member.stream.peek(HEAD_BYTES))
        unpacked = unpack(compression, member.stream, self.limits) if compression else None
        return self._inner(place, Stream(unpacked) if unpacked else member.stream)

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

    def _rows(self, place: Place, stream: Stream, form: Form, skip: int) -> Iterator[Document]:
        found = records(stream, form, limit_bytes=self.limits.record_bytes, id_field=self.id_field, skip=skip)
        try:
            for record in found:
                inner = place.inside(record.name)
                if record.failure:
                    yield inner.failed(record.failure, record.data, Role.RECORD)
                else:
                    yield inner.document(
                        Role.RECORD, data=record.data, size_bytes=len(record.data), media_type="application/json"
                    )
        except Broken as broken:
            yield place.broken(broken.failure)


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
