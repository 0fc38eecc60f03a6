"""The protocol between a source and the rest: a connector yields documents, and says how far it has come.

Items come in order, and a marker (`FileRead`, `Moved`) covers the documents before it: a batch is cut only behind a
marker or a count (`Unchanged`), and the markers are committed in the transaction that loads their documents, so that a kill at any
moment neither loses nor repeats one. What lies between two markers should stay under some 8 MB.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from connectors.document import Document
from warehouse.rows import KnownFile, PollRow, SourceRow


class Known(Protocol):
    """Look-up of what is in the lake already."""

    def files(self, source: str, paths: Sequence[str]) -> Mapping[str, KnownFile]:
        """Those of the paths that were read before, but for files to look at again because the code has changed."""

    def entries(self, document_ids: Sequence[str]) -> Mapping[str, bytes]:
        """The feed's entries that documents began with, by document; without those that are not kept."""


@dataclass(frozen=True, slots=True)
class FileRead:
    """Marker: the documents of the file so far have been yielded, `records` of them counted from its beginning."""

    source: str
    path: str
    size_bytes: int
    modified_ns: int
    records: int
    is_complete: bool
    fields: str | None = None
    """Which columns of its rows stood for which fields."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Marker: the source has been pulled up to this cursor."""

    source: str
    cursor: bytes


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Items that are known without having been read: counted, not stored."""

    count: int


@dataclass(frozen=True, slots=True)
class Passed:
    """Something that is no item of the source and is passed over (a link, an editor's leftover): said, not counted."""

    path: str
    why: str
    count: int = 1


Item = Document | FileRead | Moved | Unchanged | Passed | PollRow | SourceRow


class Connector(Protocol):
    """Reads one kind of source."""

    kind: str

    def pull(self, source: str, location: str, cursor: bytes | None, known: Known) -> Iterator[Item]:
        """Yield what is new at the location, lazily, in a stable order."""
