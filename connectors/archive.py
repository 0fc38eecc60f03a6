"""Members of zip and tar archives, in stored order, without anything being written to disk.

zip: PKWARE APPNOTE 6.3; tar: POSIX.1-1988 ustar, POSIX.1-2001 pax, GNU long names.
"""

from __future__ import annotations

import errno
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import IO

from connectors.compression import BLOCK_BYTES, Broken, Compression, Limits, Stream, unpack
from connectors.document import Failure
from warehouse.rows import Reason

HEAD_BYTES = 512


class Packing(StrEnum):
    TAR = "tar"
    ZIP = "zip"


@dataclass(frozen=True, slots=True)
class Member:
    """A member: its bytes, or why they cannot be had, or why it is passed over."""

    name: str
    """As the archive states it; an id, never a path that anything is written to."""
    modified_at: datetime | None = None
    stream: Stream | None = None
    """To be read before the next member is asked for."""
    failure: Failure | None = None
    passed: str | None = None


def packing_of(head: bytes) -> Packing | None:
    """What the first 512 bytes of a file say it is; office documents and programs that are zip files are none."""
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return None if head[30:].startswith(_NO_FOLDERS) else Packing.ZIP
    return Packing.TAR if _is_tar(head) else None


_NO_FOLDERS = (b"[Content_Types].xml", b"META-INF/", b"_rels/", b"docProps/", b"mimetype", b"word/", b"xl/", b"ppt/")
_CHECKSUM = re.compile(rb"[ 0-7]{6}[\0 ]{2}")


def _is_tar(head: bytes) -> bool:
    if head[257:262] == b"ustar":
        return True
    if not _CHECKSUM.fullmatch(head[148:156]):
        return False
    try:
        return bool(tarfile.TarInfo.frombuf(head[:512], "utf-8", "surrogateescape").name)
    except tarfile.HeaderError:
        return False


# zip


def zip_members(file: IO[bytes], limits: Limits) -> Iterator[Member]:
    """Yield the members as the central directory lists them; raises `Broken` where the archive itself is."""
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OverflowError, ValueError, struct.error) as error:
        raise Broken(Reason.ARCHIVE_BROKEN, f"damaged zip: {error}") from error
    except OSError as error:
        # A damaged directory sends the reader to places that no file has.
        if error.errno != errno.EINVAL:
            raise
        raise Broken(Reason.ARCHIVE_BROKEN, "damaged zip: its directory is not where it says") from error
    file.seek(0, 2)
    # Members that overlap let a small file hold more than any one of them shows.
    budget = max(limits.ratio * file.tell(), limits.ratio_from_bytes)
    for info in archive.infolist():
        if info.is_dir():
            continue
        member = _zip_member(file, info, limits)
        yield member
        budget -= member.stream.taken if member.stream else 0
        if budget < 0:
            raise Broken(Reason.RATIO, f"its members unpack to more than {limits.ratio} times its size")


_ZIP_METHODS = {
    0: None,
    8: Compression.DEFLATE,
    12: Compression.BZIP2,
    93: Compression.ZSTD,
    95: Compression.XZ,
}


def _zip_member(file: IO[bytes], info: zipfile.ZipInfo, limits: Limits) -> Member:
    name = _zip_name(info)
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return Member(name, passed="a symbolic link" if stat.S_ISLNK(mode) else "no regular file")
    if info.flag_bits & 1:
        return Member(name, failure=Failure(Reason.UNREADABLE, "the member is encrypted"))
    if info.compress_type not in _ZIP_METHODS:
        return Member(name, failure=Failure(Reason.UNSUPPORTED, f"zip compression method {info.compress_type}"))
    return Member(name, _zip_time(info), Stream(_zip_blocks(file, info, limits)))


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The name; many writers store UTF-8 without the flag that says so (APPNOTE, appendix D)."""
    if info.flag_bits & 0x800:
        return info.orig_filename
    try:
        return info.orig_filename.encode("cp437").decode()
    except UnicodeError:
        return info.orig_filename


def _zip_time(info: zipfile.ZipInfo) -> datetime | None:
    # 1980-01-01 is what writers put for no time; the format knows no time zone.
    if info.date_time <= (1980, 1, 1, 0, 0, 0):
        return None
    try:
        return datetime(*info.date_time, tzinfo=UTC)
    except ValueError:
        return None


def _zip_blocks(file: IO[bytes], info: zipfile.ZipInfo, limits: Limits) -> Iterator[bytes]:
    """The member's bytes, checked against its CRC.

    Not `ZipFile.open`, which unpacks bzip2 and LZMA without a bound.
    """
    stored = _zip_stored(file, info)
    method = _ZIP_METHODS[info.compress_type]
    checksum = 0
    for block in unpack(method, Stream(stored), limits) if method else stored:
        checksum = zlib.crc32(block, checksum)
        yield block
    if checksum != info.CRC:
        raise Broken(Reason.ARCHIVE_BROKEN, "the checksum of the member is wrong")


def _zip_stored(file: IO[bytes], info: zipfile.ZipInfo) -> Iterator[bytes]:
    if not 0 <= info.header_offset < 1 << 62:
        raise Broken(Reason.ARCHIVE_BROKEN, "the member is not where the archive says")
    file.seek(info.header_offset)
    header = file.read(30)
    if len(header) < 30 or not header.startswith(b"PK\x03\x04"):
        raise Broken(Reason.ARCHIVE_BROKEN, "the member is not where the archive says")
    position = info.header_offset + 30 + sum(struct.unpack_from("<HH", header, 26))
    left = info.compress_size
    while left > 0:
        # Another member may have been read in between.
        file.seek(position)
        block = file.read(min(left, BLOCK_BYTES))
        if not block:
            raise Broken(Reason.ARCHIVE_BROKEN, "the archive ends in the middle of the member")
        position, left = position + len(block), left - len(block)
        yield block


# tar

_BLOCK = 512
_HEADER_LIMIT_BYTES = 1 << 20
_REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_PASSED = {
    tarfile.LNKTYPE: "a link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
}
_EXTENDED = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)


def tar_members(stream: Stream) -> Iterator[Member]:
    """Yield the members as they are stored; raises `Broken` where the archive is, unless a member has told already.

    Not the module `tarfile`, which keeps every header and reads those of any size into memory.
    """
    stated: dict[str, str] = {}
    while (info := _tar_header(stream)) is not None:
        if info.type in _EXTENDED or info.type in (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK):
            stated |= _tar_extension(stream, info)
            continue
        size = _tar_size(info, stated) if _has_body(info) else 0
        body = Stream(_tar_body(stream, size))
        if info.type != tarfile.DIRTYPE:
            yield _tar_member(info, stated, body)
        if body.is_broken:
            return
        _tar_skip(stream, size, body)
        stated = {}
    for _ in stream.blocks():
        # What compresses the archive has its checksum at the end.
        pass


def _has_body(info: tarfile.TarInfo) -> bool:
    return info.type not in _PASSED and info.type != tarfile.DIRTYPE


def _tar_member(info: tarfile.TarInfo, stated: dict[str, str], body: Stream) -> Member:
    name = stated.get("path", info.name)
    if info.type in _PASSED:
        return Member(name, passed=_PASSED[info.type])
    if info.type not in _REGULAR:
        return Member(name, failure=Failure(Reason.UNSUPPORTED, f"tar member of type {info.type!r}"))
    return Member(name, _tar_time(stated.get("mtime", info.mtime)), body)


def _tar_header(stream: Stream) -> tarfile.TarInfo | None:
    """The next header, None at the end of the archive."""
    block = stream.read(_BLOCK)
    if len(block) < _BLOCK and block.strip(b"\0"):
        raise Broken(Reason.ARCHIVE_BROKEN, "tar that ends in the middle")
    if not block.strip(b"\0"):
        return None
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise Broken(Reason.ARCHIVE_BROKEN, f"damaged tar: {error}") from error


def _tar_size(info: tarfile.TarInfo, stated: dict[str, str]) -> int:
    size = stated.get("size", "")
    found = int(size) if size.isascii() and size.isdigit() and len(size) < 20 else info.size
    if found < 0:
        raise Broken(Reason.ARCHIVE_BROKEN, "tar member of a negative size")
    return found


def _tar_time(stated: str | float) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(stated), UTC) if float(stated) > 0 else None
    except (OverflowError, OSError, ValueError):
        return None


def _tar_extension(stream: Stream, info: tarfile.TarInfo) -> dict[str, str]:
    """What a header of its own states of the next member: pax records, or a GNU long name."""
    if not 0 <= info.size <= _HEADER_LIMIT_BYTES:
        raise Broken(Reason.ARCHIVE_BROKEN, f"tar header of {info.size} bytes")
    data = stream.read(-(-info.size // _BLOCK) * _BLOCK)[: info.size]
    if info.type == tarfile.GNUTYPE_LONGNAME:
        return {"path": data.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")}
    return _pax(data) if info.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE) else {}


def _pax(data: bytes) -> dict[str, str]:
    r"""The records `LENGTH KEY=VALUE\n` of an extended header (POSIX.1-2001, pax)."""
    found: dict[str, str] = {}
    while (record := re.match(rb"(\d{1,7}) ([^=\n]+)=", data)) is not None:
        length = int(record[1])
        if not record.end() < length <= len(data):
            break
        value = data[record.end() : length - 1]
        found[record[2].decode("utf-8", "surrogateescape")] = value.decode("utf-8", "surrogateescape")
        data = data[length:]
    return found


def _tar_body(stream: Stream, size: int) -> Iterator[bytes]:
    left = size
    for block in stream.blocks(size):
        left -= len(block)
        yield block
    if left:
        raise Broken(Reason.ARCHIVE_BROKEN, "tar that ends in the middle of the member")


def _tar_skip(stream: Stream, size: int, body: Stream) -> None:
    """Leave what was not read of the member, and the padding behind it."""
    for _ in body.blocks():
        pass
    padding = -size % _BLOCK
    if len(stream.read(padding)) < padding:
        raise Broken(Reason.ARCHIVE_BROKEN, "tar that ends in the middle")
