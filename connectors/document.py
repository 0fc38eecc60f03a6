"""What a connector yields: documents, with their provenance."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from warehouse.rows import Flag, Reason, Role


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a connector could not give a document's bytes: the document becomes a reject."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """An item of a source: its bytes as they came, or the path to read them from.

    `address` is what identifies the item within its source whatever the mount or mirror: the path in the
    folder (`a/b.txt`), in the archive (`c.zip#d.txt`), a record's number or id (`rows.jsonl#17`), an entry's guid.
    """

    source: str
    role: Role
    address: str
    uri: str
    fetched_at: datetime
    """Aware, UTC; of a file, when it was last modified."""
    data: bytes | None = None
    path: str | None = None
    """File to read the bytes from where `data` is None; `os.fsdecode` of its name."""
    file: str | None = None
    """Path in the source of the file that the item is in, as the table `files` spells it."""
    size_bytes: int = 0
    """Size of the bytes, or what the file's was when it was found: batches are cut by it."""
    url: str | None = None
    """The stated address, where the connector knows it (an entry's link, a page's URL); else extraction may find one."""
    media_type: str | None = None
    """As stated; detection by content decides."""
    charset: str | None = None
    """As stated by the transport."""
    final_uri: str | None = None
    http_status: int | None = None
    headers: str | None = None
    flags: frozenset[Flag] = frozenset()
    """What the connector noticed, and a reader should know."""
    fields: str | None = None
    """Of a row, which columns stand for which fields: what `connectors.fields.read_mapping` gave."""
    entry: bytes | None = None
    """Of a page, the feed's entry that led to it: the document's first payload, and a further candidate for its text."""
    document_id: str | None = None
    """Set for a further payload (a page fetched after its entry): the document that it belongs to."""
    article_id: str | None = None
    """Set when a kept document is read again: the article that it is of, whatever better code finds in it."""
    failure: Failure | None = None

    def identity(self, sha256: str) -> str:
        """Id of the document, `sha256` the hash of its bytes; of a page, the id of the document that it belongs to."""
        if self.document_id:
            return self.document_id
        first = hashlib.sha256(self.entry).hexdigest() if self.entry is not None else sha256
        return digest(self.source, self.address, first)


def digest(*parts: str) -> str:
    """128 bits of SHA-256 over the parts, in hex: an id."""
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
