"""Compressed files of many streams one after the other, as web archives are: a damaged one costs none of the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from connectors.compression import BLOCK_BYTES, Broken, Compression, Limits, Stream, unpack
from warehouse.rows import Reason

_MAGIC = {
    Compression.BZIP2: re.compile(rb"BZh[1-9]1AY&SY"),
    Compression.GZIP: re.compile(rb"\x1f\x8b\x08[\x00-\x1f]"),
    Compression.XZ: re.compile(rb"\xfd7zXZ\x00"),
    Compression.ZSTD: re.compile(rb"\x28\xb5\x2f\xfd"),
}
_OVERLAP_BYTES = 16
_PADDING = b"\0\r\n"
_TRIAL_BYTES = 4096
_PAST_BYTES = 1 << 20


class _Tape(Stream):
    """A stream that goes back to its mark, up to a mebibyte: damage is noticed behind the place where it is."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        super().__init__(blocks)
        self._past = bytearray()

    def read(self, size: int) -> bytes:
        data = super().read(size)
        self._past += data
        if len(self._past) > 2 * _PAST_BYTES:
            del self._past[:-_PAST_BYTES]
        return data

    def unread(self, data: bytes) -> None:
        super().unread(data)
        del self._past[max(0, len(self._past) - len(data)) :]

    def mark(self) -> None:
        self._past.clear()

    def rewind(self) -> None:
        self.unread(bytes(self._past))


def parts(compression: Compression, source: Stream, limits: Limits, opens: Callable[[bytes], bool]) -> Iterator[Stream]:
    """Yield what is unpacked up to the first damage, then from the next stream on whose first bytes `opens` accepts.

    A part is to be read to its end before the next is asked for. Each but the last ends with `Broken`; one that holds
    nothing else stands for bytes between two streams that are neither.
    """
    tape = _Tape(source.blocks())
    while True:
        part = Stream(unpack(compression, tape, limits))
        yield part
        if part.is_broken:
            tape.rewind()
        elif tape.peek(BLOCK_BYTES).strip(_PADDING):
            tape.mark()
            yield Stream(_breaking(f"bytes that are no {compression}"))
        else:
            return
        if not _to_next(compression, tape, limits, opens):
            return


def _breaking(detail: str) -> Iterator[bytes]:
    raise Broken(Reason.ARCHIVE_BROKEN, detail)
    yield b""


def _to_next(compression: Compression, tape: Stream, limits: Limits, opens: Callable[[bytes], bool]) -> bool:
    """Leave what stands before the next stream; False where there is none."""
    size = min(1, len(tape.read(1)))
    while size:
        window = tape.peek(BLOCK_BYTES + _TRIAL_BYTES)
        for found in _MAGIC[compression].finditer(window, 0, BLOCK_BYTES + _OVERLAP_BYTES):
            trial = window[found.start() : found.start() + _TRIAL_BYTES]
            if compression is Compression.BZIP2 or opens(_trial(compression, trial, limits)):
                tape.read(found.start())
                return True
        size = len(tape.read(BLOCK_BYTES))
    return False


def _trial(compression: Compression, data: bytes, limits: Limits) -> bytes:
    """The first bytes that the data unpacks to, as far as it does; bzip2 gives none before 900 kB are whole."""
    return Stream(unpack(compression, Stream(iter([data])), limits)).peek(_TRIAL_BYTES)
