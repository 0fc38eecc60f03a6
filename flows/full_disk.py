"""A full disk, whichever library meets it first, said in one sentence."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import duckdb

from warehouse.catalog import HomeError

if TYPE_CHECKING:
    from flows.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")
_ROOM_BYTES = 1024 * 1024
"""With less than this, SQLite cannot make its log, and says only that there was an I/O error."""


class DiskFullError(Exception):
    """There is no room left for the home; the message says where and what to do."""


def says_full_disk(flow: Callable[Concatenate[Settings, P], T]) -> Callable[Concatenate[Settings, P], T]:
    """The flow, which raises `DiskFullError` for whatever a full disk makes of it."""

    @wraps(flow)
    def told(settings: Settings, *args: P.args, **kwargs: P.kwargs) -> T:
        with saying_full_disk(settings.home.path):
            return flow(settings, *args, **kwargs)

    return told  # type: ignore[return-value]


@contextmanager
def saying_full_disk(place: Path) -> Iterator[None]:
    """Raise `DiskFullError` for an error that comes of a full disk; others pass."""
    try:
        yield
    except (duckdb.Error, HomeError, OSError, RuntimeError) as error:
        if not any(_is_full(e, place) for e in _chain(error)):
            raise
        raise DiskFullError(
            f"no space left on device: {place} has no room for what is written; nothing is lost: "
            "make room (or raise the quota), and the next run goes on"
        ) from error


def _is_full(error: BaseException, place: Path) -> bool:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    text = str(error)
    if any(words in text for words in ("No space left on device", "Disk quota exceeded", "disk is full")):
        return True
    return "disk I/O error" in text and _free_bytes(place) < _ROOM_BYTES


def _free_bytes(place: Path) -> int:
    status = os.statvfs(place)
    return status.f_bavail * status.f_frsize


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those that it came of."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
