"""The HTTP answer in a record of a web archive: its status, its headers, and its body as the reader saw it (RFC 9112)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connectors.exchange.decoding import Body, UndecodableError

_STATUS = re.compile(rb"HTTP(?:/\d(?:\.\d)?)? +(\d{3})(?:[^\n]{0,2000})?\n|ICY +(\d{3})[^\n]{0,2000}\n", re.IGNORECASE)
HEAD_END = re.compile(rb"\r?\n\r?\n")
_HEAD_BYTES = 1 << 18
_CHUNK = re.compile(rb"[ \t]*([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]{0,1000})?\r?\n")
_PIECE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; `headers` with names in lower case."""

    status: int | None
    headers: Mapping[str, str]
    data: bytes
    is_whole: bool = True
    """Whether the body has the length, the chunks and the compressed stream that it promises."""


def answer_of(block: bytes, *, limit_bytes: int, ratio: int, is_padded: bool = False) -> Answer:
    """The answer that a record's block holds; a block without HTTP headers is all body, its status None.

    A body that is not coded as its headers say is taken as it is: many crawlers store it decoded, and keep the
    headers. `is_padded` says that the block's own length is not known, so that the stated length of the body counts.
    Raises `TooLargeError` and `BombError` of `connectors.exchange.decoding`.
    """
    opening = _STATUS.match(block[:4096])
    if opening is None:
        return Answer(None, {}, block)
    end = HEAD_END.search(block, opening.end() - 2, _HEAD_BYTES)
    head = block[opening.end() : end.start() if end else _HEAD_BYTES]
    body = block[end.end() :] if end else b""
    headers = _headers(head)
    is_whole = end is not None and len(body) >= _stated_length(headers)
    if is_padded and (length := _stated_length(headers)):
        body = body[:length]
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body, has_all_chunks = _unchunked(body)
        is_whole = is_whole and has_all_chunks
    data, is_unpacked_whole = _decoded(headers.get("content-encoding", ""), body, limit_bytes, ratio)
    return Answer(int(opening[1] or opening[2]), headers, data, is_whole and is_unpacked_whole)


def _headers(head: bytes) -> dict[str, str]:
    """Fields by name; of a repeated one the values joined, of a repeated `Content-Type` or `Content-Length` the first."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in head.splitlines():
        text = _text(line)
        if line[:1] in (b" ", b"\t") and name:  # folded (RFC 9112, 5.2)
            found[name].append(f" {text.strip()}")
            continue
        name, _, value = text.partition(":")
        name = name.strip().lower()
        if name in found and name not in ("content-length", "content-type"):
            found[name].append(f", {value.strip()}")
        elif name:
            found.setdefault(name, [value.strip()])
    return {name: "".join(parts) for name, parts in found.items()}


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _stated_length(headers: Mapping[str, str]) -> int:
    stated = headers.get("content-length", "")
    return int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 20 else 0


def _unchunked(body: bytes) -> tuple[bytes, bool]:
    """The body without its chunks' sizes, and whether all were there; what follows a wrong size is taken as it is."""
    parts: list[bytes] = []
    position = 0
    while (size := _CHUNK.match(body, position)) is not None:
        length = int(size[1], 16)
        if length == 0:
            return b"".join(parts), True
        parts.append(body[size.end() : size.end() + length])
        position = size.end() + length
        position += 2 if body.startswith(b"\r\n", position) else body.startswith(b"\n", position)
    # A body that was stored without its chunks is whole.
    return b"".join([*parts, body[position:]]), not parts


def _decoded(content_encoding: str, body: bytes, limit_bytes: int, ratio: int) -> tuple[bytes, bool]:
    decoder = None
    try:
        decoder = Body(content_encoding, decoded_bytes=limit_bytes, ratio=ratio)
        for piece in _pieces(body):
            decoder.add(piece)
    except UndecodableError:
        return (decoder.data, False) if decoder and decoder.data else (body, True)
    return decoder.data, decoder.is_whole


def _pieces(body: bytes) -> Iterator[bytes]:
    return (body[start : start + _PIECE_BYTES] for start in range(0, len(body), _PIECE_BYTES))
