"""Compressed bytes, unpacked piece by piece in bounded memory, and stopped when they are a bomb."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import zstandard

from connectors.document import Failure
from warehouse.rows import Reason

BLOCK_BYTES = 1 << 16
_MEMORY_BYTES = 1 << 27
"""What a stream may ask of its reader: the window of `xz -9` is 64 MiB, of `zstd --ultra -22` 128 MiB."""


class Broken(Exception):  # noqa: N818  a finding about the bytes, not an error of ours
    """Raised while bytes are unpacked, after all that could be had before."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.failure = Failure(reason, detail)


@dataclass(frozen=True, slots=True)
class Limits:
    """How far bytes of others are unpacked."""

    record_bytes: int = 32 << 20
    """Largest member, record or unpacked file."""
    ratio: int = 200
    """Most bytes that one byte may unpack to; texts and rows seldom pass 30."""
    ratio_from_bytes: int = 1 << 20
    """The ratio is looked at once this much came out."""
    spool_bytes: int = 4 << 30
    """Largest packed file that is copied to be sought in."""


class Compression(StrEnum):
    BZIP2 = "bzip2"
    DEFLATE = "deflate"
    """Raw, as zip members are: `compression_of` never finds it."""
    GZIP = "gzip"
    XZ = "xz"
    ZSTD = "zstd"


_MAGIC = (
    (b"\x1f\x8b\x08", Compression.GZIP),
    (b"\xfd7zXZ\x00", Compression.XZ),
    (b"\x28\xb5\x2f\xfd", Compression.ZSTD),
)
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")
"""The first block, or the end of an empty stream, behind `BZh` and a digit that a text may open with too."""


def compression_of(head: bytes) -> Compression | None:
    """What the first bytes of a file say it is compressed with: RFC 1952, RFC 8878, the formats of xz and bzip2."""
    for magic, compression in _MAGIC:
        if head.startswith(magic):
            return compression
    return Compression.BZIP2 if head.startswith(b"BZh") and head[4:10] in _BZIP2_BLOCKS else None


class Stream:
    """Bytes that come in blocks, read in pieces, with a look ahead; what the blocks raise comes after their bytes."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._buffer = bytearray()
        self._raised: Broken | None = None
        self.taken = 0
        """Bytes that were read so far."""

    @property
    def is_broken(self) -> bool:
        return self._raised is not None

    def peek(self, size: int) -> bytes:
        """The next bytes, `size` of them unless the stream ends or breaks before."""
        while len(self._buffer) < size and self._raised is None:
            try:
                block = next(self._blocks, b"")
            except Broken as broken:
                self._raised = broken
                break
            if not block:
                break
            self._buffer += block
        return bytes(self._buffer[:size])

    def read(self, size: int) -> bytes:
        """Take the next `size` bytes, fewer at the end; raises `Broken` where the stream breaks before."""
        data = self.peek(size)
        if len(data) < size and self._raised is not None and not data:
            raise self._raised
        del self._buffer[: len(data)]
        self.taken += len(data)
        return data

    def unread(self, data: bytes) -> None:
        """Put back bytes that were read and not used."""
        self._buffer[:0] = data
        self.taken -= len(data)

    def take_to(self, find: Callable[[bytes], int], keep_bytes: int, reach_bytes: int) -> tuple[bytes, int]:
        """Take what stands before the place that `find` tells (-1 for none), or all: its bytes up to a limit, its size.

        What `find` looks for is at most `reach_bytes` long.
        """
        taken, size = bytearray(), 0
        while window := self.peek(BLOCK_BYTES + reach_bytes):
            at = find(window)
            is_last = len(window) < BLOCK_BYTES + reach_bytes
            data = self.read(at if at >= 0 else len(window) if is_last else BLOCK_BYTES)
            size += len(data)
            if size <= keep_bytes:
                taken += data
            if at >= 0 or is_last:
                break
        return bytes(taken), size

    def mark(self) -> None:
        """Told where a whole one of several compressed streams has begun."""

    def blocks(self, size: int | None = None) -> Iterator[bytes]:
        """Take the next `size` bytes, or all, block by block; raises `Broken` where the stream breaks before."""
        left = size
        while left is None or left > 0:
            block = self.read(BLOCK_BYTES if left is None else min(left, BLOCK_BYTES))
            if not block:
                return
            left = None if left is None else left - len(block)
            yield block


class _Unpacker(Protocol):
    """What `bz2` and `lzma` call a decompressor."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Inflate:
    """zlib's decompressor with the face of the others."""

    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = 0) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


class _Zstd:
    """zstandard's decompressor with the face of the others; it knows no `max_length`, so it is fed by morsels."""

    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor(max_window_size=_MEMORY_BYTES).decompressobj()
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = 0) -> bytes:  # noqa: ARG002
        return self._inner.decompress(data)


_UNPACKERS: dict[Compression, tuple[Callable[[], _Unpacker], int]] = {
    Compression.BZIP2: (bz2.BZ2Decompressor, 1 << 14),
    Compression.DEFLATE: (lambda: _Inflate(-15), 1 << 14),
    Compression.GZIP: (lambda: _Inflate(31), 1 << 14),
    Compression.XZ: (lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _MEMORY_BYTES), 1 << 14),
    # A block of three bytes can stand for 128 KiB: a morsel of 256 gives 11 MB at most.
    Compression.ZSTD: (_Zstd, 256),
}


def unpack(compression: Compression, source: Stream, limits: Limits) -> Iterator[bytes]:
    """Yield what the compressed bytes hold, all streams that were joined in them, in blocks.

    Raises `Broken`: `archive-broken` where they are damaged or cut off, `ratio` where they are a bomb. What stands
    behind the last stream and is none (padding) is left unread, as gzip(1) does.
    """
    taken, given = source.taken, 0
    for block in _joined(compression, source):
        given += len(block)
        if given > limits.ratio_from_bytes and given > limits.ratio * (source.taken - taken):
            raise Broken(Reason.RATIO, f"unpacks to more than {limits.ratio} times its size")
        yield block


def _joined(compression: Compression, source: Stream) -> Iterator[bytes]:
    new, morsel_bytes = _UNPACKERS[compression]
    while True:
        source.mark()
        unpacker = new()
        yield from _one(unpacker, source, morsel_bytes, compression)
        source.unread(unpacker.unused_data)
        if compression_of(source.peek(10)) is not compression:
            return


def _one(unpacker: _Unpacker, source: Stream, morsel_bytes: int, compression: Compression) -> Iterator[bytes]:
    while not unpacker.eof:
        data = source.read(morsel_bytes) if unpacker.needs_input else b""
        try:
            block = unpacker.decompress(data, BLOCK_BYTES)
        except (EOFError, OSError, ValueError, lzma.LZMAError, zlib.error, zstandard.ZstdError) as error:
            raise Broken(Reason.ARCHIVE_BROKEN, f"damaged {compression}: {error}") from error
        if block:
            yield block
        elif not data and unpacker.needs_input and not unpacker.eof:
            raise Broken(Reason.ARCHIVE_BROKEN, f"{compression} that ends in the middle")
