"""`newsmill status`: sources and their health, the last runs, what was dropped and why, and the size of it all."""

from __future__ import annotations

import fcntl
import json
import os
import shlex
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from flows.health import Health, in_words, is_overdue, rate, read_health, share
from flows.show import ago, command, duration, heading, paragraph, print_record, print_table, printable, size
from flows.sources import SourceError, Wanted, read_sources
from warehouse.catalog import Home, holder
from warehouse.known import sources as learnt_sources
from warehouse.query import connect, records
from warehouse.rows import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import duckdb

_RUNS_SHOWN = 10
_SOURCES_SHOWN = 20
"""Of more sources, those that need no person are only counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """A source of `sources.toml`, or one that the lake holds articles of."""

    source: str
    kind: str
    location: str
    state: str
    """`ok`, `retrying`, `failing`, `silent`, `gone`, `paused`, `broken` (its options), `removed` or `never pulled`."""
    is_watched: bool
    """Whether scheduled runs pull it."""
    articles: int
    last_success_at: datetime | None
    error: str | None
    health: Health | None = None
    """Of a feed or sitemap that was pulled."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What needs a person, of a source that is watched."""
        if not self.is_watched:
            return ()
        if self.state == "broken":
            return (f"cannot be pulled: {self.error}",)
        return self.health.notes if self.health else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """A run with its accounting: `documents = new + changed + unchanged + rejected`."""

    run_id: str
    flow: str
    state: str
    started_at: datetime
    finished_at: datetime | None
    duration_s: float | None
    documents: int
    articles_new: int
    articles_changed: int
    articles_unchanged: int
    rejected: int
    duplicates: int
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Documents that became no article for one reason at one stage."""

    stage: str
    reason: str
    meaning: str
    documents: int
    example_uri: str
    what_to_do: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingBatch:
    """A batch that was pulled and is not loaded yet."""

    batch_id: str
    run_id: str
    documents: int
    is_run_alive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """All that `newsmill status` says of a home."""

    home: str
    read_at: datetime
    articles: int
    versions: int
    copies: int
    documents: int
    rejected: int
    size_bytes: int
    sources: tuple[SourceStatus, ...]
    runs: tuple[RunStatus, ...]
    """The last ten, latest first."""
    drops: tuple[Drop, ...]
    waiting: tuple[WaitingBatch, ...]
    lock_holder: str | None
    maintained_at: datetime | None
    problems: tuple[str, ...] | None
    """What needs a person; None when it was not asked for."""


def status(
    home: Home,
    *,
    check: bool = False,
    source: str | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Status:
    """Read the status of a home, or of one source, without changing anything; `check` looks for what needs a person.

    Raises `QueryError` for a lake that cannot be opened, `SettingsError` for a broken `sources.toml`, `SourceError`
    for a source that is not there.
    """
    wanted = read_sources(home)
    with connect(home.path) as lake:
        lake.execute("BEGIN")  # one snapshot for all the questions
        now = clock()
        sources = tuple(s for s in _sources(lake, wanted, now) if source in (None, s.source))
        if source and not sources:
            raise SourceError(f"no source is named {source!r}: see `newsmill sources list`")
        runs = tuple(_runs(lake))
        waiting = tuple(waiting_batches(home.landing))
        return Status(
            home=str(home.path),
            read_at=now,
            articles=_count(lake, "articles"),
            versions=_count(lake, "articles") + _count(lake, "superseded"),
            copies=_count(lake, "duplicates"),
            documents=_count(lake, "documents"),
            rejected=_count(lake, "rejects"),
            size_bytes=_size_bytes(home),
            sources=sources,
            runs=runs,
            drops=tuple(_drops(lake)),
            waiting=waiting,
            lock_holder=lock_holder(home),
            maintained_at=_maintained_at(lake),
            problems=tuple(_problems(home, sources, () if source else runs, waiting, now)) if check else None,
        )


def _count(lake: duckdb.DuckDBPyConnection, table: str) -> int:
    row = lake.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(row[0]) if row else 0


def _maintained_at(lake: duckdb.DuckDBPyConnection) -> datetime | None:
    row = lake.execute("SELECT max(maintained_at) FROM home").fetchone()
    return row[0] if row else None


def _sources(lake: duckdb.DuckDBPyConnection, wanted: list[Wanted], now: datetime) -> Iterator[SourceStatus]:
    """Those of `sources.toml` in its order, then those that were backfilled, or are watched no more."""
    health = read_health(lake, learnt_sources(lake).values(), now)
    learnt = {row[0]: _source(*row, health.get(row[0])) for row in lake.execute(_SOURCES).fetchall()}
    for w in wanted:
        new = _source(w.name, w.kind, w.location, "never pulled", None, 0, None, None)
        known = replace(learnt.pop(w.name, new), kind=w.kind, location=w.location, is_watched=not w.is_paused)
        if w.problem:
            yield replace(known, state="broken", error=w.problem)
        else:
            yield replace(known, state="paused") if w.is_paused else _looked_at(known)
    for rest in learnt.values():
        yield _looked_at(rest) if rest.kind == "folder" else replace(rest, state="removed")


def _source(*row: Any) -> SourceStatus:
    source, kind, location, state, error, articles, last_success_at, health = row
    return SourceStatus(
        source=source,
        kind=kind,
        location=location,
        state=health.state if health else state,
        is_watched=False,
        articles=articles,
        last_success_at=health.last_success_at if health else last_success_at,
        error=error,
        health=health,
    )


def _looked_at(source: SourceStatus) -> SourceStatus:
    is_gone = source.kind == "folder" and not os.path.lexists(source.location)
    return replace(source, state="gone") if is_gone else source


# A run's id begins with its time, so the greatest is the last.
_SOURCES = """
SELECT s.source, s.kind, s.location, s.state, s.error, coalesce(a.articles, 0),
    coalesce(s.last_success_at, r.finished_at, r.started_at)
FROM sources s
LEFT JOIN (SELECT source, count(*) AS articles FROM articles GROUP BY source) a USING (source)
LEFT JOIN (SELECT source, max(run_id) AS run_id FROM documents GROUP BY source) d USING (source)
LEFT JOIN runs r USING (run_id)
ORDER BY s.source
"""


def _runs(lake: duckdb.DuckDBPyConnection) -> Iterator[RunStatus]:
    found = records(
        lake,
        """SELECT run_id, flow, state, started_at, finished_at, documents, articles_new, articles_changed,
            articles_unchanged, rejected, duplicates, error
        FROM runs ORDER BY started_at DESC, run_id DESC LIMIT $most""",
        most=_RUNS_SHOWN,
    )
    for values in found:
        ended = values["finished_at"]
        seconds = (ended - values["started_at"]).total_seconds() if ended else None
        yield RunStatus(**values, duration_s=seconds)


def _drops(lake: duckdb.DuckDBPyConnection) -> Iterator[Drop]:
    rows = lake.execute(
        """SELECT stage, reason, count(*), arg_max(uri, rejected_at) FROM rejects
        GROUP BY ALL ORDER BY count(*) DESC, stage, reason"""
    ).fetchall()
    for stage, reason, documents, uri in rows:
        yield Drop(
            stage=stage,
            reason=reason,
            meaning=meaning(reason),
            documents=documents,
            example_uri=uri,
            what_to_do=what_to_do(reason),
        )


def meaning(reason: str) -> str:
    """The sentence of a reason; empty for one of a newer newsmill."""
    return next((known.doc for known in Reason if known == reason), "")


_ADVICE: dict[str, str] = {
    Reason.ARCHIVE_BROKEN: "fetch the archive again, then run backfill on it",
    Reason.ARCHIVE_NESTED: "unpack the outer archive, then run backfill on the inner one",
    Reason.BINARY: "nothing, unless it should hold a text: then mend the file, and the next run reads it again",
    Reason.CHALLENGE: "open it in a browser; if the site refuses newsmill, its feed may carry the text",
    Reason.CONSENT_WALL: "nothing: newsmill gives no consent; the site's feed may carry the text",
    Reason.EMPTY: "nothing, unless it should hold a text: then mend the file, and the next run reads it again",
    Reason.GALLERY_ONLY: "nothing: there is no text to read",
    Reason.MEMORY: "raise memory_mib under [pipeline] in newsmill.toml, then replay",
    Reason.NOT_A_FILE: "nothing: only files are read",
    Reason.RATIO: "if it is no bomb, unpack it and run backfill on the folder",
    Reason.SCRIPT_SHELL: "nothing now: newsmill runs no scripts; the site's feed may carry the text",
    Reason.SECTION_FRONT: "nothing: to have its articles, add the site's feed or sitemap as a source",
    Reason.SOFT_404: "nothing: the article is gone, or its address was wrong",
    Reason.TIMEOUT: "raise timeout_s under [pipeline] in newsmill.toml, then replay",
    Reason.TOO_LARGE: "if it is a text, raise document_mib under [pipeline] in newsmill.toml and run backfill again",
    Reason.UNREADABLE: "make it readable; the next run tries it again by itself",
    Reason.VANISHED: "nothing: the next run reads it again if it is there",
    Reason.VIDEO_ONLY: "nothing: there is no text to read",
}
# Of these no bytes were kept, so there is nothing to extract again from.
_NOT_KEPT = frozenset(
    [
        *(Reason.ARCHIVE_BROKEN, Reason.ARCHIVE_NESTED, Reason.EMPTY, Reason.NOT_A_FILE, Reason.RATIO),
        *(Reason.TOO_LARGE, Reason.UNREADABLE, Reason.VANISHED),
    ]
)


def what_to_do(reason: str) -> str:
    """What can be done about documents that were rejected for this reason."""
    return _ADVICE.get(reason, "nothing now: newer code looks at it again by itself, and replay does at once")


def is_replayable(reason: str) -> bool:
    """Whether the bytes of documents with this reason may have been kept."""
    return reason not in _NOT_KEPT


def waiting_batches(landing: Path) -> Iterator[WaitingBatch]:
    """Batches that are whole and wait in `landing`, oldest first; reading them changes nothing."""
    for folder in sorted(landing.glob("[!.]*/")):
        try:
            documents = int(json.loads((folder / "batch.json").read_text(encoding="utf-8"))["documents"])
        except (FileNotFoundError, NotADirectoryError):  # it was loaded meanwhile
            continue
        except (KeyError, TypeError, ValueError):
            documents = 0
        run_id = folder.name.rpartition("-")[0]
        yield WaitingBatch(
            batch_id=folder.name,
            run_id=run_id,
            documents=documents,
            is_run_alive=is_locked(landing / f"{run_id}.lock"),
        )


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock on the file; neither the file nor the lock is touched for longer than a look."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # it is not there, or its file system knows no locks
        return False
    return False


def lock_holder(home: Home) -> str | None:
    """Who writes to the home right now, in words."""
    path = home.path / "lock"
    return holder(path) if is_locked(path) else None


def _size_bytes(home: Home) -> int:
    """Size of the lake's files and its catalog on disk."""
    files = [p for p in home.path.glob("catalog.sqlite*") if p.is_file()]
    return sum(p.stat().st_size for p in files) + sum(s for _, s in lake_files(home).values())


def lake_files(home: Home) -> dict[str, tuple[Path, int]]:
    """Path and size of each file below `lake/` by its name, which DuckLake makes unique."""
    found = {}
    for folder, _, names in os.walk(home.lake):
        for name in names:
            path = Path(folder) / name
            try:
                found[name] = (path, path.lstat().st_size)
            except FileNotFoundError:  # maintenance removed it meanwhile
                continue
    return found


def _problems(
    home: Home,
    sources: tuple[SourceStatus, ...],
    runs: tuple[RunStatus, ...],
    waiting: tuple[WaitingBatch, ...],
    now: datetime,
) -> Iterator[str]:
    for s in sources:
        yield from _problems_of(home, s)
    overdue = [s.source for s in sources if s.is_watched and s.health and is_overdue(s.health, now)]
    if overdue:
        yield (
            f"{len(overdue):,} source{'s were' if len(overdue) > 1 else ' was'} due over a day ago, such as {overdue[0]}: "
            f"leave `newsmill up` running, or have cron call `{command(home, 'ingest')}`"
        )
    last = next((r for r in runs if r.state != "running"), None)
    if last and last.state == "failed":
        yield f"the last run, {last.flow} {last.run_id}, failed: {last.error or 'no reason was given'}"
    for r in runs:
        if r.state == "running" and not is_locked(home.landing / f"{r.run_id}.lock"):
            yield f"{r.flow} run {r.run_id} died without a word; the next run goes on where it stopped"
    dead = [b for b in waiting if not b.is_run_alive]
    if dead:
        yield (
            f"{len(dead)} batch{'es' if len(dead) > 1 else ''} of a dead run wait in {home.landing}: "
            f"any run loads them first, such as `{command(home, 'ingest')}`"
        )


def _problems_of(home: Home, s: SourceStatus) -> Iterator[str]:
    if s.kind != "folder":
        if s.state in ("broken", "failing", "gone", "silent"):
            hint = f" (`{command(home, 'sources', 'check', s.source)}` looks closer)" if s.state != "broken" else ""
            yield from (f"source {s.source} {note}{hint}" for note in s.notes[:1])
    # A folder that was read once may go; nothing is expected of it any more.
    elif s.state == "gone" and s.is_watched:
        yield f"source {s.source}: {s.location} is not there: bring it back, or `newsmill sources pause {shlex.quote(s.source)}`"
    elif s.state == "failing":
        yield f"source {s.source} is failing: {s.error or 'no reason was given'}"


def print_check(found: Status, out: TextIO, errors: TextIO) -> None:
    """Print a line for each problem, else one that all is well: for cron and monitoring."""
    errors.writelines(f"{printable(problem)}\n" for problem in found.problems or ())
    if not found.problems:
        last = next((r for r in found.runs if r.state != "running"), None)
        when = f"; last run {ago(last.started_at, found.read_at)}" if last else ""
        out.write(f"OK: {_counts(found.sources)}{when}\n")


def print_status(found: Status, out: TextIO, *, show_all: bool = False) -> None:
    """Print the status for a person; of many sources only those that need one, unless `show_all`."""
    _print_totals(found, out)
    _print_sources(found, out, show_all=show_all)
    _print_runs(found, out)
    _print_drops(found, out)
    for number, problem in enumerate(found.problems or ()):
        if not number:
            heading("needs attention", out)
        paragraph(f"! {problem}", out)


def _print_totals(found: Status, out: TextIO) -> None:
    dead = sum(not b.is_run_alive for b in found.waiting)
    print_record(
        {
            "home": found.home,
            "articles": f"{found.articles:,} in {found.versions:,} versions, {found.copies:,} of them copies",
            "documents": f"{found.documents:,} stored, {found.rejected:,} of them rejected",
            "size": size(found.size_bytes),
            "maintained": ago(found.maintained_at, found.read_at),
            "landing": f"{len(found.waiting)} batches wait, {dead} of a dead run" if found.waiting else None,
            "writing now": found.lock_holder,
        },
        out,
    )


def _print_sources(found: Status, out: TextIO, *, show_all: bool) -> None:
    heading("sources", out)
    if not found.sources:
        paragraph("none yet: `newsmill backfill FOLDER` reads one, `newsmill sources add LOCATION` watches one", out)
        return
    paragraph(_counts(found.sources), out)
    is_whole = show_all or len(found.sources) <= _SOURCES_SHOWN
    shown = [s for s in found.sources if is_whole or _needs_attention(s)]
    rows = [_row(s, found.read_at) for s in shown]
    if rows:
        out.write("\n")
        names = [
            "source",
            "kind",
            "state",
            "articles",
            "last success",
            "new a day",
            "usual",
            "lost",
            "no page",
            "location",
        ]
        print_table(names, rows, out, indent=2)
    if len(shown) < len(found.sources):
        paragraph(f"{len(found.sources) - len(shown):,} more need nothing; --all shows them", out)
    for s in shown:
        for note in s.notes or filter(None, [s.error]):
            paragraph(f"{s.source} {note}" if s.notes else f"{s.source}: {note}", out)


def _counts(sources: tuple[SourceStatus, ...]) -> str:
    """`12 sources: 10 ok, 2 failing`."""
    states = Counter(s.state for s in sources)
    of = f": {in_words(states)}" if states else ""
    return f"{len(sources):,} source{'s' if len(sources) != 1 else ''}{of}"


def _needs_attention(s: SourceStatus) -> bool:
    return bool(s.notes) or (s.is_watched and s.state in ("failing", "gone"))


def _row(s: SourceStatus, now: datetime) -> list[Any]:
    """A line of the table; what is of the last seven days is of feeds and sitemaps alone."""
    health = s.health
    recent = (
        [rate(health.new_per_day), rate(health.usual_per_day), share(health.rejected_share), health.pages_missing]
        if health
        else ["-"] * 4
    )
    return [s.source, s.kind, s.state, s.articles, ago(s.last_success_at, now), *recent, s.location]


def _print_runs(found: Status, out: TextIO) -> None:
    heading("last runs", out)
    if not found.runs:
        paragraph("none yet", out)
        return
    rows = [
        [
            *(ago(r.started_at, found.read_at), r.flow, r.state),
            *(r.documents, r.articles_new, r.articles_changed, r.articles_unchanged, r.rejected, r.duplicates),
            "-" if r.duration_s is None else duration(r.duration_s),
            r.run_id,
        ]
        for r in found.runs
    ]
    names = ["started", "flow", "state", "documents", "= new", "+ changed", "+ unchanged", "+ rejected", "copies"]
    print_table([*names, "took", "run"], rows, out, indent=2)
    for r in found.runs:
        if r.error:
            paragraph(f"{r.run_id}: {r.error}", out)


def _print_drops(found: Status, out: TextIO) -> None:
    heading("dropped", out)
    if not found.drops:
        paragraph("nothing", out)
        return
    home = Home(Path(found.home))
    for d in found.drops:
        paragraph(f"{d.documents:,} × {d.reason} ({d.stage}): {d.meaning}", out)
        paragraph(f"what to do: {d.what_to_do}", out, indent=6)
        out.write(f"      why:        {command(home, 'explain', d.example_uri)}\n")
        if is_replayable(d.reason):
            out.write(f"      try again:  {command(home, 'replay', '--reason', d.reason)}\n")
