# A Path costs more than the system call behind it, a million times.
# ruff: noqa: PTH112, PTH117, PTH118, PTH208
"""Folders of files: the walk, what is known already, and the marks of how far each file was read."""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from connectors.compression import Limits
from connectors.connector import FileRead, Item, Known, Passed, Unchanged
from connectors.contents import Contents, Place, is_plain
from connectors.document import Document, Failure
from connectors.fields import columns_of
from connectors.names import file_uri, home_names, leftover, spelt
from warehouse.rows import KnownFile, Reason

_PAGE = 2000
_HEAD_BYTES = 4096
_MARK_RECORDS = 500
_MARK_BYTES = 8 << 20
_PATH_MAX_BYTES = os.pathconf("/", "PC_PATH_MAX")
"""How long a path handed to the system may be, its final NUL included."""
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_1_S, _YEAR_9999_S = -62_135_596_800, 253_402_300_799
_INT64_MAX = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class _Entry:
    """Something that the walk came by: a regular file, unless it says what else."""

    path: str
    """Relative to the root, `os.fsdecode` form."""
    size_bytes: int = 0
    modified_ns: int = 0
    failure: Failure | None = None
    passed: str | None = None


class Folder:
    """Connector for a folder, or a single file, with what archives and files of rows in it hold.

    `only` names a path below the location: nothing else is walked, and addresses stay relative to the location.
    `leave_out` holds paths that are passed over with all below them (a home of ours in the folder).
    `fields` says which columns of rows stand for which fields (`connectors.fields`); a file that was read with others is
    read again, and without it a file goes by those that it was read with.
    """

    kind = "folder"

    def __init__(
        self,
        only: str | None = None,
        *,
        limits: Limits | None = None,
        fields: str | None = None,
        leave_out: Iterable[str | os.PathLike[str]] = (),
    ) -> None:
        self._only = only
        self._limits = limits or Limits()
        self._contents = Contents(self._limits, set(columns_of(fields).values()))
        self._fields = fields
        self._has_read = False
        """Whether any file of rows was read."""
        self._leave_out = frozenset(os.path.realpath(path) for path in leave_out)

    def pull(self, source: str, location: str, cursor: bytes | None, known: Known) -> Iterator[Item]:  # noqa: ARG002
        """Yield what the lake does not know yet: in each folder its files, then its folders, by the bytes of names.

        What cannot be read now is yielded as a failing document without a marker, so that the next run tries again.
        Raises `OSError` when the location, or `only` in it, does not exist or cannot be listed.
        """
        root, start = _root(location, self._only)
        unchanged = 0
        for page in _pages(_walk(root, start, self._leave_out)):
            found = known.files(source, [spelt(e.path) for e in page if not (e.failure or e.passed)])
            for entry in page:
                seen = found.get(spelt(entry.path))
                if seen and seen.is_complete and self._is_same(seen, entry):
                    unchanged += seen.records
                    continue
                if unchanged:
                    yield Unchanged(unchanged)
                    unchanged = 0
                yield from self._entry(source, root, entry, seen)
        if unchanged:
            yield Unchanged(unchanged)
        for column in sorted(self._contents.missing) if self._has_read else ():
            yield Passed(location, f"no row has the column {column!r} that --fields names")

    def _entry(self, source: str, root: str, entry: _Entry, seen: KnownFile | None) -> Iterator[Item]:
        path = os.path.join(root, entry.path)
        place = _place(source, path, entry)
        if entry.passed:
            yield Passed(place.file, entry.passed)
        elif entry.failure:
            yield place.failed(entry.failure)
        else:
            try:
                yield from self._file(place, path, seen)
            except OSError as error:
                yield place.failed(_failure(error))

    def _file(self, place: Place, path: str, seen: KnownFile | None) -> Iterator[Item]:
        """The documents of a file, and their markers; raises `OSError` where it cannot be read (on)."""
        with io.FileIO(path, opener=_opener) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                yield place.failed(Failure(Reason.VANISHED, "it became something else while it was read"))
                return
            now = _Entry(place.address, status.st_size, _clamped(status.st_mtime_ns))
            mapping = self._fields or (seen.fields if seen else None)
            place = replace(place, fetched_at=modified_at(now.modified_ns), mapping=mapping)
            head = file.read(_HEAD_BYTES)
            if is_plain(head, place.name):
                yield self._plain(place, path, now, file)
                yield _marker(place, now, 1, is_complete=True)
                return
            file.seek(0)
            skip = seen.records if seen and self._is_same(seen, now) else 0
            documents = self._contents.documents(place, file, skip)
            self._has_read |= documents is not None
            if documents is None:
                documents, skip = iter([self._plain(place, path, now, file)]), 0
            yield from _marked(documents, _marker(place, now, skip, is_complete=False))

    def _is_same(self, seen: KnownFile, now: _Entry) -> bool:
        is_same = (seen.size_bytes, seen.modified_ns) == (now.size_bytes, now.modified_ns)
        return is_same and self._fields in (None, seen.fields)

    def _plain(self, place: Place, path: str, now: _Entry, file: io.FileIO) -> Document:
        if len(os.fsencode(path)) < _PATH_MAX_BYTES:
            return place.document(path=path, size_bytes=now.size_bytes)
        # No one can open it by its path.
        file.seek(0)
        data = file.read(self._limits.record_bytes + 1)
        if len(data) > self._limits.record_bytes:
            return place.failed(Failure(Reason.TOO_LARGE, f"more than {self._limits.record_bytes} bytes"))
        return place.document(data=data, size_bytes=len(data))


def modified_at(modified_ns: int) -> datetime:
    """Return the time as an aware UTC datetime; a broken clock's is moved into the years 1–9999."""
    seconds = modified_ns // 1_000_000_000
    if not _YEAR_1_S <= seconds <= _YEAR_9999_S:
        return _EPOCH + timedelta(seconds=min(max(seconds, _YEAR_1_S), _YEAR_9999_S))
    return _EPOCH + timedelta(microseconds=modified_ns // 1000)


def _clamped(modified_ns: int) -> int:
    return min(max(modified_ns, -_INT64_MAX), _INT64_MAX)


def _root(location: str, only: str | None) -> tuple[str, str]:
    """The folder that addresses are relative to, and where in it the walk starts."""
    real = os.path.realpath(location, strict=True)
    if not os.path.isdir(real):
        root, start = os.path.split(real)
        return root, start
    start = os.path.normpath(only) if only else ""
    start = "" if start == "." else start
    if os.path.isabs(start) or start.split("/")[0] == "..":
        raise ValueError(f"{only} is not below {location}")
    os.lstat(os.path.join(real, start))
    return real, start


def _place(source: str, path: str, entry: _Entry) -> Place:
    address = spelt(entry.path)
    return Place(source, address, address, file_uri(path), address, modified_at(entry.modified_ns))


def _marker(place: Place, now: _Entry, records: int, *, is_complete: bool) -> FileRead:
    return FileRead(
        place.source, place.file, now.size_bytes, now.modified_ns, records, is_complete, fields=place.mapping
    )


def _marked(documents: Iterator[Document | Passed], marker: FileRead) -> Iterator[Item]:
    """The documents of a file, with markers that go on from `marker`; what was skipped is said to be unchanged."""
    if marker.records:
        yield Unchanged(marker.records)
    records, marked, size = marker.records, marker.records, 0
    for document in documents:
        # Before a document, never behind the last: that one is for the marker that says so.
        if records - marked >= _MARK_RECORDS or size >= _MARK_BYTES:
            yield replace(marker, records=records)
            marked, size = records, 0
        yield document
        if isinstance(document, Document):
            records += 1
            size += document.size_bytes
    yield replace(marker, records=records, is_complete=True)


def _pages(entries: Iterator[_Entry]) -> Iterator[list[_Entry]]:
    page: list[_Entry] = []
    for entry in entries:
        page.append(entry)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page


# The walk


def _walk(root: str, start: str, leave_out: frozenset[str]) -> Iterator[_Entry]:
    """Everything below the start, without recursion, following no link."""
    whole = os.path.normpath(os.path.join(root, start))
    if os.path.realpath(whole) != whole:
        yield _Entry(start, passed="a symbolic link")
        return
    first = _looked_at(start, os.lstat(whole))
    if first is not None:
        yield first
        return
    pending = [start]
    while pending:
        folder = pending.pop()
        below: list[str] = []
        try:
            yield from _listed(root, folder, leave_out, below)
        except OSError as error:
            if folder == start:
                raise
            yield _Entry(f"{folder}/", failure=_failure(error))
        pending.extend(reversed(below))


def _listed(root: str, folder: str, leave_out: frozenset[str], below: list[str]) -> Iterator[_Entry]:
    """What is in a folder, its folders put into `below`; raises `OSError` when it cannot be listed."""
    with _folder(os.path.join(root, folder)) as descriptor:
        names = os.listdir(descriptor)
        of_home = home_names(names)
        for name in sorted(names, key=os.fsencode):
            path = f"{folder}/{name}" if folder else name
            if name in of_home:
                yield _Entry(path, passed="part of a newsmill home")
                continue
            try:
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except OSError as error:
                yield _Entry(path, failure=_failure(error))
                continue
            entry = _entry_of(name, path, status, is_left_out=os.path.join(root, path) in leave_out)
            if entry is None:
                below.append(path)
            else:
                yield entry


def _entry_of(name: str, path: str, status: os.stat_result, *, is_left_out: bool) -> _Entry | None:
    """The entry, None for a folder to descend into."""
    why = "left out" if is_left_out else leftover(name, is_folder=stat.S_ISDIR(status.st_mode))
    return _Entry(path, passed=why) if why else _looked_at(path, status)


def _looked_at(path: str, status: os.stat_result) -> _Entry | None:
    """What the status says it is, None for a folder. Nothing but a regular file is ever opened."""
    mode, modified_ns = status.st_mode, _clamped(status.st_mtime_ns)
    if stat.S_ISREG(mode):
        return _Entry(path, status.st_size, modified_ns)
    if stat.S_ISDIR(mode):
        return None
    if stat.S_ISLNK(mode):
        return _Entry(path, passed="a symbolic link")
    what = "pipe" if stat.S_ISFIFO(mode) else "socket" if stat.S_ISSOCK(mode) else "device"
    return _Entry(path, 0, modified_ns, failure=Failure(Reason.NOT_A_FILE, f"a {what}"))


def _failure(error: OSError) -> Failure:
    """Why the system refuses a file; raises the error again when it is not the file's fault."""
    if error.errno in _EXHAUSTED:
        raise error
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE):
        return Failure(Reason.VANISHED, "it was gone when it was read")
    if error.errno == errno.ELOOP:
        return Failure(Reason.VANISHED, "it became a symbolic link while it was read")
    return Failure(Reason.UNREADABLE, error.strerror or str(error))


@contextmanager
def _folder(path: str) -> Iterator[int]:
    descriptor = _opener(path, os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _opener(path: str, flags: int) -> int:
    """Open a path of any length, never through a link at its end, never waiting for a pipe."""
    flags = _OPEN | (flags & os.O_DIRECTORY)
    try:
        return os.open(path, flags)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
    *folders, name = path.split("/")
    descriptor = os.open("/", _OPEN | os.O_DIRECTORY)
    for folder in folders:
        descriptor = _step(descriptor, folder or ".", _OPEN | os.O_DIRECTORY)
    return _step(descriptor, name, flags)


def _step(descriptor: int, name: str, flags: int) -> int:
    try:
        return os.open(name, flags, dir_fd=descriptor)
    finally:
        os.close(descriptor)
