"""The bodies of answers, decoded while they stream and stopped when they unpack to too much.

`Content-Encoding` may be gzip, deflate (as zlib, or raw as some servers send it), br and zstd, several of them in a row
(RFC 9110, 8.4; RFC 8878). A body that says gzip and is none is taken as it is; one that is gzip and does not say so is
unpacked.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Protocol

import brotli
import zstandard

_PIECE_BYTES = 1 << 16
_ZSTD_PIECE_BYTES = 256
"""A block of four bytes may stand for 128 KiB, and the reader gives all that is in a piece at once."""
_ZSTD_WINDOW_BYTES = 1 << 23
"""What a decoder of the web must offer, and no more (RFC 9659)."""
_RATIO_FROM_BYTES = 1 << 20
_MOST_LAYERS = 3
_GZIP_MAGIC = b"\x1f\x8b\x08"


class UndecodableError(Exception):
    """The bytes are not what their `Content-Encoding` says; the message is the encoding's name."""


class TooLargeError(Exception):
    """More bytes than allowed."""


class BombError(Exception):
    """It unpacks to far more than a text does."""


class _Layer(Protocol):
    @property
    def is_whole(self) -> bool:
        """Whether what has come is complete."""

    def unpack(self, data: bytes) -> Iterator[bytes]:
        """What the data unpacks to, in pieces of bounded size."""


class Body:
    """A body as it comes in: `add` each piece, then take `data`."""

    def __init__(self, content_encoding: str, *, decoded_bytes: int, ratio: int) -> None:
        names = [name.strip().lower() for name in content_encoding.split(",")]
        self._layers: list[_Layer] = [layer for name in reversed(names) if (layer := _layer(name))]
        if len(self._layers) > _MOST_LAYERS:
            raise UndecodableError(content_encoding)
        self._layers.append(_Gzip())
        self._most_bytes, self._ratio = decoded_bytes, ratio
        self._pieces: list[bytes] = []
        self._decoded_bytes = 0
        self.received_bytes = 0

    def add(self, data: bytes) -> None:
        """Take the next piece. Raises `UndecodableError`, `TooLargeError` and `BombError`."""
        self.received_bytes += len(data)
        for piece in _unpacked(self._layers, data):
            self._pieces.append(piece)
            self._decoded_bytes += len(piece)
            if self._decoded_bytes > self._most_bytes:
                raise TooLargeError
            if self._decoded_bytes > max(_RATIO_FROM_BYTES, self._ratio * self.received_bytes):
                raise BombError

    @property
    def data(self) -> bytes:
        """What was decoded so far."""
        return b"".join(self._pieces)

    @property
    def is_whole(self) -> bool:
        """Whether no compressed stream breaks off."""
        return self.received_bytes == 0 or all(layer.is_whole for layer in self._layers)


def _unpacked(layers: list[_Layer], data: bytes) -> Iterable[bytes]:
    if not layers:
        return (data,)
    return (piece for outer in layers[0].unpack(data) for piece in _unpacked(layers[1:], outer))


def _layer(name: str) -> _Layer | None:
    match name:
        case "gzip" | "x-gzip":
            return _Gzip()
        case "deflate" | "x-deflate":
            return _Deflate()
        case "br":
            return _Brotli()
        case "zstd":
            return _Zstd()
        case "" | "identity" | "none" | "binary" | "aws-chunked":  # the last is how it came into the store
            return None
    try:
        codecs.lookup(name)  # servers that mean the charset
    except (LookupError, ValueError) as error:
        raise UndecodableError(name) from error
    return None


class _Gzip:
    """One member after the other; what follows them is padding. What does not begin as gzip does passes."""

    def __init__(self) -> None:
        self._head = b""
        self._reader: zlib._Decompress | None = None
        self._is_over = False

    @property
    def is_whole(self) -> bool:
        return not self._head and (self._reader is None or self._reader.eof)

    def unpack(self, data: bytes) -> Iterator[bytes]:
        data, self._head = self._head + data, b""
        while data and not self._is_over:
            if self._reader is None or self._reader.eof:
                if _GZIP_MAGIC.startswith(data[: len(_GZIP_MAGIC)]) and len(data) < len(_GZIP_MAGIC):
                    self._head = data
                    return
                if not data.startswith(_GZIP_MAGIC):
                    self._is_over = True
                    break
                self._reader = zlib.decompressobj(31)
            yield from _inflated(self._reader, data, "gzip")
            data = self._reader.unused_data
        if self._reader is None and data:
            yield data


class _Deflate:
    """RFC 9110 says zlib; some servers send the raw stream."""

    def __init__(self) -> None:
        self._head = b""
        self._reader: zlib._Decompress | None = None

    @property
    def is_whole(self) -> bool:
        return self._reader is not None and self._reader.eof

    def unpack(self, data: bytes) -> Iterator[bytes]:
        if self._reader is None:
            self._head += data
            if len(self._head) < 2:
                return
            data = self._head
            is_zlib = data[0] & 0x0F == 8 and int.from_bytes(data[:2]) % 31 == 0
            self._reader = zlib.decompressobj(15 if is_zlib else -15)
        yield from _inflated(self._reader, data, "deflate")


class _Brotli:
    def __init__(self) -> None:
        self._reader = brotli.Decompressor()

    @property
    def is_whole(self) -> bool:
        return bool(self._reader.is_finished())

    def unpack(self, data: bytes) -> Iterator[bytes]:
        try:
            while not self._reader.is_finished():
                piece = self._reader.process(data, output_buffer_limit=_PIECE_BYTES)
                if not piece:  # `can_accept_more_data` says yes while some is still to come out
                    return
                yield piece
                data = b""
        except brotli.error as error:
            raise UndecodableError("br") from error


class _Zstd:
    def __init__(self) -> None:
        self._reader = self._new()
        self._is_inside = False

    @property
    def is_whole(self) -> bool:
        return not self._is_inside

    def unpack(self, data: bytes) -> Iterator[bytes]:
        cuts = [*range(0, len(data), _ZSTD_PIECE_BYTES), len(data)]
        for start, end in pairwise(cuts):
            yield from self._piece(data[start:end])

    def _piece(self, data: bytes) -> Iterator[bytes]:
        try:
            while data:
                self._is_inside = True
                piece = self._reader.decompress(data)
                data = b""
                if self._reader.eof:
                    data, self._reader, self._is_inside = self._reader.unused_data, self._new(), False
                if piece:
                    yield piece
        except zstandard.ZstdError as error:
            raise UndecodableError("zstd") from error

    @staticmethod
    def _new() -> zstandard.ZstdDecompressionObj:
        return zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj()


def _inflated(reader: zlib._Decompress, data: bytes, name: str) -> Iterator[bytes]:
    try:
        while data and not reader.eof:
            piece = reader.decompress(data, _PIECE_BYTES)
            data = reader.unconsumed_tail
            if piece:
                yield piece
    except zlib.error as error:
        raise UndecodableError(name) from error
