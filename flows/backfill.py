"""The flows that pull: `backfill` of paths, and `ingest` of the sources that are wanted."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.connector import Item, Passed
from connectors.document import Document
from connectors.folder import Folder
from flows.full_disk import says_full_disk
from flows.maintain import merge_if_due
from flows.run import Run, Step, directly, dry_run, run
from flows.settings import Settings
from flows.sources import Binding, SourceError, Wanted, bind, check_named, read_sources
from warehouse.known import FileRow, articles_of, cursors, put_source, sources
from warehouse.load import Counts, transaction
from warehouse.rows import KnownFile, Role, SourceRow

if TYPE_CHECKING:
    from connectors.polling.fleet import Fleet, Progress


_GROUP, _GROUP_BYTES = 1000, 8 << 20
"""Rows that are looked up at a time."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run did."""

    run_id: str
    counts: Counts
    resumed: int
    """Batches of a dead run that were loaded first."""
    passed: tuple[Passed, ...]
    sources: tuple[str, ...]
    errors: tuple[str, ...] = field(default=())
    """Sources that could not be pulled, each with what to do."""
    waiting: int = 0
    """Sources that are not due yet."""


@says_full_disk
def backfill(
    settings: Settings,
    paths: Sequence[Path],
    *,
    source: str | None = None,
    limit: int | None = None,
    fields: str | None = None,
    is_dry: bool = False,
    report: Callable[[Counts], None] = lambda _: None,
    stop: threading.Event | None = None,
    step: Step = directly,
) -> Result:
    """Read files, folders and archives into the lake, or only say what that would do.

    `fields` is what `connectors.fields.read_mapping` gave: which columns of rows stand for which fields.
    Raises `SourceError` for a path that is not there, and for a source name that cannot be.
    """
    for path in paths:
        if not os.path.lexists(path):
            raise SourceError(f"{path} does not exist")
    if source is not None:
        check_named(source, paths)
    if not any(_holds_something(settings, path) for path in paths):
        raise SourceError(f"{', '.join(map(str, paths))}: nothing there that newsmill reads; nothing was changed")
    begin = dry_run if is_dry else partial(run, step=step)
    with begin(settings, "backfill", report=report, stop=stop) as current:
        wanted = read_sources(settings.home)
        bindings: list[Binding] = []
        for path in paths:
            learnt = sources(current.connection) | {b.source: _row(current, b) for b in bindings}
            bindings += bind(path, wanted, learnt, name=source)
        return _pull(current, _distinct(bindings), limit, fields=fields)


@says_full_disk
def ingest(
    settings: Settings,
    names: Sequence[str] = (),
    *,
    with_archive: bool = False,
    report: Callable[[Counts], None] = lambda _: None,
    polling: Callable[[Progress], None] = lambda _: None,
    stop: threading.Event | None = None,
    step: Step = directly,
) -> Result:
    """Pull the named sources, or all that are due and not paused, once; `with_archive`, the past that they offer too."""
    wanted = read_sources(settings.home)
    if unknown := set(names) - {w.name for w in wanted}:
        known = ", ".join(w.name for w in wanted) or "none yet; add one with: newsmill sources add LOCATION"
        raise SourceError(f"no source is named {min(unknown)!r}; there are: {known}")
    chosen = [w for w in wanted if (w.name in names if names else not w.is_paused)]
    with run(settings, "ingest", report=report, stop=stop, step=step) as current:
        learnt = sources(current.connection)
        left_out = {w.name for w in wanted} - {w.name for w in chosen}
        folders = [w for w in chosen if w.kind == "folder"]
        bindings = [b for w in folders for b in _whole(w, wanted, learnt) if b.source not in left_out]
        polls = _polls(
            current,
            [w for w in chosen if w.kind != "folder"],
            is_named=bool(names),
            with_archive=with_archive,
            report=polling,
        )
        return _pull(current, _distinct(bindings), None, polls)


class _Nothing:
    """A look-up in an empty lake."""

    def files(self, source: str, paths: Sequence[str]) -> Mapping[str, KnownFile]:  # noqa: ARG002
        return {}

    def entries(self, document_ids: Sequence[str]) -> Mapping[str, bytes]:  # noqa: ARG002
        return {}


def _holds_something(settings: Settings, path: Path) -> bool:
    """Whether there is a document at all; the walk ends at the first."""
    real = Path(os.path.realpath(path))
    folder = real if real.is_dir() else real.parent
    connector = Folder(None if real == folder else real.name, leave_out=(str(settings.home.path.resolve()),))
    try:
        return any(isinstance(item, Document) for item in connector.pull("", str(folder), None, _Nothing()))
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error


def _whole(wanted: Wanted, others: Sequence[Wanted], learnt: Mapping[str, SourceRow]) -> list[Binding]:
    """The source, and those below it whose articles are in the lake under their own names."""
    place = Path(os.path.realpath(wanted.location))
    if not place.is_dir():  # gone: pulling it will say so
        return [Binding(wanted.name, place, is_known=True)]
    return bind(place, others, learnt)


def _distinct(bindings: Iterable[Binding]) -> list[Binding]:
    return list({(b.source, b.only): b for b in bindings}.values())


def _polls(
    current: Run,
    wanted: Sequence[Wanted],
    *,
    is_named: bool,
    with_archive: bool,
    report: Callable[[Progress], None],
) -> Fleet | None:
    """The cycle over those of the sources that are on the web."""
    if not wanted:
        return None
    from flows.web import fleet

    return fleet(
        current.settings,
        wanted,
        cursors(current.connection),
        clock=current.clock,
        is_named=is_named,
        with_archive=with_archive,
        report=report,
        stop=current.stop,
    )


def _pull(
    current: Run,
    bindings: Sequence[Binding],
    limit: int | None,
    polls: Fleet | None = None,
    fields: str | None = None,
) -> Result:
    errors: dict[str, str] = {}
    if not current.is_dry:
        _register(current, bindings)
    with ExitStack() as opened:
        pulled = opened.enter_context(closing(polls.pull(current.known))) if polls else ()
        current.take(_limited(chain(_items(current, bindings, errors, fields), pulled), limit))
    if not current.is_dry:
        current.sources = _states(current, bindings, errors)
        merge_if_due(current)
    failed = errors | (polls.errors if polls else {})
    return Result(
        current.run_id,
        current.counts,
        current.resumed,
        tuple(current.passed),
        tuple(dict.fromkeys([*(b.source for b in bindings), *(polls.polled if polls else ())])),
        tuple(f"{name}: {error}" for name, error in failed.items()),
        polls.waiting if polls else 0,
    )


def _states(current: Run, bindings: Iterable[Binding], errors: Mapping[str, str]) -> list[SourceRow]:
    """What the run learnt of its sources, to be written as it ends."""
    known = sources(current.connection)
    names = dict.fromkeys(b.source for b in bindings)
    return [
        replace(known[name], state="failing", error=errors[name])
        if name in errors
        else replace(known[name], state="ok", error=None, last_success_at=current.clock())
        for name in names
    ]


def _items(
    current: Run, bindings: Iterable[Binding], errors: dict[str, str], fields: str | None = None
) -> Iterator[Item]:
    home = str(current.home.path.resolve())
    for binding in bindings:
        connector = Folder(binding.only, fields=fields, leave_out=(*binding.leave_out, home))
        try:
            pulled = connector.pull(binding.source, str(binding.location), None, current.known)
            yield from _as_known(current, pulled) if fields else pulled
        except OSError as error:
            place = binding.location / (binding.only or "")
            errors[binding.source] = f"{place} cannot be read: {error.strerror or error}"


def _as_known(current: Run, items: Iterator[Item]) -> Iterator[Item]:
    """The items; a row that the lake holds stays the article that it is, whatever other columns make of it."""
    for group in _groups(items):
        rows = {n: row for n, item in enumerate(group) if (row := _row_of(item))}
        known = articles_of(current.connection, list(rows.values()))
        for n, item in enumerate(group):
            found = known.get(rows[n]) if n in rows else None
            if found and isinstance(item, Document):
                yield replace(item, document_id=found[0], article_id=found[1])
            else:
                yield item


def _groups(items: Iterator[Item]) -> Iterator[list[Item]]:
    group: list[Item] = []
    size = 0
    for item in items:
        group.append(item)
        size += item.size_bytes if isinstance(item, Document) else 0
        if len(group) >= _GROUP or size > _GROUP_BYTES:
            yield group
            group, size = [], 0
    yield group


def _row_of(item: Item) -> FileRow | None:
    if not isinstance(item, Document) or item.role is not Role.RECORD or item.data is None or item.failure:
        return None
    sha256 = hashlib.sha256(item.data).hexdigest()
    return FileRow(item.identity(sha256), item.source, item.file or "", sha256)


def _limited(items: Iterator[Item], limit: int | None) -> Iterator[Item]:
    """The first documents, without the marker that would cover those left out."""
    count = 0
    for item in items:
        if limit is not None and isinstance(item, Document):
            if count >= limit:
                return
            count += 1
        yield item


def _register(current: Run, bindings: Iterable[Binding]) -> None:
    """Write the sources that the lake does not know yet, or knows at another place."""
    known = sources(current.connection)
    rows = [_row(current, b) for b in bindings]
    news = [r for r in rows if r.source not in known or known[r.source].location != r.location]
    if not news:
        return
    with current.writing(), transaction(current.connection, f"run {current.run_id} sources"):
        for row in {r.source: r for r in news}.values():
            added_at = known[row.source].added_at if row.source in known else row.added_at
            put_source(current.connection, replace(row, added_at=added_at))


def _row(current: Run, binding: Binding) -> SourceRow:
    return SourceRow(
        source=binding.source,
        kind="folder",
        location=str(binding.location),
        state="ok",
        interval_s=None,
        interval_reason=None,
        added_at=current.clock(),
        last_success_at=None,
        error=None,
    )
