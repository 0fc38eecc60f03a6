"""What a connector yields: documents, with their provenance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from warehouse.rows import Reason, Role


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
    document_id: str | None = None
    """Set for a further payload (a page fetched after its entry): the document that it belongs to."""
    article_id: str | None = None
    """Set when a kept document is read again: the article that it is of, whatever better code finds in it."""
    failure: Failure | None = None
