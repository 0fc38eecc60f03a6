"""`read`: from a document to its bytes, and from bytes to decoded text of a known kind.

Two functions, so that a reject after reading still has its bytes: `fetch` gives them, `decode` makes `Raw` of them.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass, replace

from connectors.charset import Decoded, decode_as, decode_text, wide_charset
from connectors.document import Document
from connectors.formats import mail
from connectors.formats.wire import MEDIA_TYPES
from pipelines.media_type import binary_kind, collection_kind, is_markdown, is_page, is_record, xml_root
from pipelines.normalise import clean, cut
from pipelines.values import Raw, Rejected
from warehouse.rows import Flag, Reason, Role, Stage

MAX_CHARS = 2_000_000
_ATTEMPTS = 3
_REASONS = {
    errno.ENOENT: Reason.VANISHED,
    errno.ENOTDIR: Reason.VANISHED,
    errno.ESTALE: Reason.VANISHED,
    errno.ELOOP: Reason.NOT_A_FILE,
    errno.ENXIO: Reason.NOT_A_FILE,
}
_UNDECODED = ("text/html", mail.MEDIA_TYPE)
"""What its parser decodes."""
_NO_ARTICLES = {
    **dict.fromkeys(("feed", "rdf", "rss"), "a feed without an entry that could be read"),
    **dict.fromkeys(("newsmessage", "newsml"), "a message of a news agency without an item that could be read"),
    "opml": "an OPML list of sources, which holds no articles: `newsmill sources import` reads it",
    "sitemapindex": "a sitemap index, which holds addresses and no articles: `newsmill sources add` takes it as a source",
    "urlset": "a sitemap, which holds addresses and no articles: `newsmill sources add` takes it as a source",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read."""

    max_bytes: int = 32 * 1024 * 1024
    """Bytes of one document."""


_DEFAULT_LIMITS = Limits()


def read(document: Document, limits: Limits = _DEFAULT_LIMITS) -> Raw:
    """The document's bytes, what they are, and their text; raises `Rejected`."""
    return decode(document, fetch(document, limits))


def fetch(document: Document, limits: Limits = _DEFAULT_LIMITS) -> bytes:
    """The document's bytes; raises `Rejected` where they cannot be had or are more than the limit."""
    if document.failure:
        raise Rejected(Stage.READ, document.failure.reason, document.failure.detail)
    if document.data is not None:
        _refuse_large(len(document.data), limits.max_bytes)
        return document.data
    if document.path is None:
        raise Rejected(Stage.READ, Reason.EMPTY, "a document with neither bytes nor a path")
    try:
        return _read_file(document.path, limits.max_bytes)
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, Reason.UNREADABLE)
        raise Rejected(Stage.READ, reason, error.strerror or str(error)) from error


def decode(document: Document, data: bytes) -> Raw:
    """What the bytes are, and their text; raises `Rejected` for what is no text or of a kind not read yet.

    A page whose entry is there too is not rejected here: its `Raw` has the verdict.
    """
    try:
        return _decode(document, data)
    except Rejected as verdict:
        if document.entry is None:
            raise
        media_type = document.media_type or "application/octet-stream"
        return Raw(
            document=document,
            data=data,
            sha256=hashlib.sha256(data).hexdigest(),
            media_type=media_type,
            verdict=verdict,
        )


def _decode(document: Document, data: bytes) -> Raw:
    if document.role is Role.ENTRY:
        return _raw(document, data, "application/feed+json", Decoded(data.decode("utf-8", "replace"), "utf-8"))
    stated = document.media_type
    if document.role is Role.RECORD and stated and stated in MEDIA_TYPES.values():
        return _raw(document, data, stated, decode_text(data, stated="utf-8"))
    wide = wide_charset(data)
    if not data or not data.strip(b"\0 \t\r\n\v\f"):
        raise Rejected(Stage.READ, Reason.EMPTY, f"{len(data)} bytes, none of them text")
    if stated == mail.MEDIA_TYPE or (
        document.role is Role.FILE and mail.is_message(data[: mail.HEAD_BYTES], document.address)
    ):
        return _raw(document, data, mail.MEDIA_TYPE, Decoded("", ""))
    if document.role is not Role.RECORD and (kind := collection_kind(data)):
        raise Rejected(Stage.READ, Reason.UNSUPPORTED, f"it is {kind} inside something else")
    if not wide and (kind := binary_kind(data)):
        raise Rejected(Stage.READ, Reason.BINARY, f"it is {kind}" if kind.startswith("a") else kind)
    if not wide and b"<" in data[:65_536] and (page := _decode_markup(document, data)):
        return page
    decoded = decode_text(data, stated=document.charset)
    if wide and (page := _decode_markup(document, data)):
        return page
    return _decode_text(document, data, decoded)


def _decode_markup(document: Document, data: bytes) -> Raw | None:
    """A page, whose text the parser makes; None where the document is no mark-up."""
    if document.role is Role.RECORD or data.lstrip()[:1] == b"{":
        return None
    # Mark-up is ASCII in every set but the wide ones, so the head need not be decoded properly.
    text = decode_as(data[:65_536], wide_charset(data) or "windows-1252").removeprefix("ï»¿")
    if root := xml_root(text, document.address):
        if root in MEDIA_TYPES and root != "newsml":
            return _raw(document, data, MEDIA_TYPES[root], decode_text(data, stated=document.charset, is_html=True))
        raise Rejected(Stage.READ, Reason.UNSUPPORTED, _NO_ARTICLES.get(root, f"XML with the root element {root}"))
    if not is_page(text, document.address, document.media_type):
        return None
    decoded = decode_text(data, stated=document.charset, is_html=True)
    return _raw(document, data, "text/html", decoded)


def _decode_text(document: Document, data: bytes, decoded: Decoded) -> Raw:
    if document.role is Role.RECORD or is_record(decoded.text, document.address, document.media_type):
        return _raw(document, data, "application/json", decoded)
    text, is_cut = cut(decoded.text, MAX_CHARS)
    text = clean(text)
    if not text.strip():
        raise Rejected(Stage.READ, Reason.EMPTY, "nothing but white space and control characters")
    media_type = "text/markdown" if is_markdown(text, document.address, document.media_type) else "text/plain"
    flags = decoded.flags | ({Flag.TRUNCATED} if is_cut else set())
    return _raw(document, data, media_type, replace(decoded, text=text, flags=flags))


def _raw(document: Document, data: bytes, media_type: str, decoded: Decoded) -> Raw:
    return Raw(
        document=document,
        data=data,
        sha256=hashlib.sha256(data).hexdigest(),
        media_type=media_type,
        charset=decoded.charset or None,
        text=None if media_type in _UNDECODED else decoded.text,
        flags=decoded.flags,
    )


def _read_file(path: str, max_bytes: int) -> bytes:
    """The file as it is between two equal states, or, where it never rests, as it is at the last attempt."""
    data = b""
    for _ in range(_ATTEMPTS):
        data, is_settled = _read_once(path, max_bytes)
        if is_settled:
            break
    return data


def _read_once(path: str, max_bytes: int) -> tuple[bytes, bool]:
    # O_NONBLOCK: opening a pipe without a writer must not wait.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise Rejected(Stage.READ, Reason.NOT_A_FILE, "a directory, pipe, socket or device")
        _refuse_large(before.st_size, max_bytes)
        data = _read_up_to(descriptor, max_bytes + 1)
        _refuse_large(len(data), max_bytes)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return data, (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns) and len(
        data
    ) == after.st_size


def _read_up_to(descriptor: int, limit: int) -> bytes:
    parts: list[bytes] = []
    while limit > 0 and (part := os.read(descriptor, min(limit, 1 << 20))):
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


def _refuse_large(size_bytes: int, max_bytes: int) -> None:
    if size_bytes > max_bytes:
        raise Rejected(Stage.READ, Reason.TOO_LARGE, f"{size_bytes} bytes, {max_bytes} are the limit")
