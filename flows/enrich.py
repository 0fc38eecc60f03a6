"""The flow `enrich`: tags, copies and stories again, from the articles as the lake keeps them; no body is touched.

Batch after batch, each in one transaction, in which only rows that come out different are written. So a run that was
stopped is not gone on with but begun again: what is right already is left alone.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from flows.changes import COLOURS
from flows.full_disk import says_full_disk
from flows.maintain import merge_if_due
from flows.run import Run, catch_up, dry_run, run
from flows.settings import Settings
from flows.since import TimeError, parse_since
from flows.source_list import need_source
from warehouse.copies import settle_copies
from warehouse.load import TAGS, Counts, add_counts, replace_tags, transaction
from warehouse.passing import fill
from warehouse.query import connect
from warehouse.rows import TagRow
from warehouse.schema import record_batch
from warehouse.stories import settle_stories

if TYPE_CHECKING:
    from pipelines.retag import Stored

_TAGGED_AT_ONCE = 2_000
_SETTLED_AT_ONCE = 5_000


class Part(StrEnum):
    """What can be made again, in the order in which it is."""

    TAGS = "tags"
    COPIES = "copies"
    STORIES = "stories"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which enrichments, of which articles: those published, or else first seen, from `since` until before `until`."""

    parts: tuple[Part, ...] = tuple(Part)
    source: str | None = None
    since: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What an enrichment changes of an article."""

    article_id: str
    headline: str | None
    part: Part
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Enriched:
    """What an enrichment did, or would do."""

    run_id: str
    articles: int
    """Those that were looked at."""
    changed: int
    changed_tags: int = 0
    changed_copies: int = 0
    changed_stories: int = 0
    new_copies: int = 0
    is_stopped: bool = False
    differences: tuple[Difference, ...] = ()
    """With `is_diff`, where they were not printed."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an enrichment is."""

    part: Part
    done: int
    all: int
    changed: int


@dataclass
class _Work:
    """An enrichment under way."""

    current: Run
    selection: Selection
    report: Callable[[Progress], None]
    show: Callable[[Difference], None] | None
    """None where differences are not wanted."""
    changed: dict[Part, set[str]] = field(default_factory=lambda: {part: set() for part in Part})
    new_copies: int = 0

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        return self.current.connection


@says_full_disk
def enrich(
    settings: Settings,
    selection: Selection,
    *,
    is_diff: bool = False,
    report: Callable[[Progress], None] = lambda _: None,
    stop: threading.Event | None = None,
    show: Callable[[Difference], None] | None = None,
) -> Enriched:
    """Make the enrichments again; with `is_diff`, change nothing and `show`, or give, what would change.

    Raises, before anything is done, `TimeError` for a period that is none and `SourceError` for a source that is not there.
    """
    read_period(selection, datetime.now(UTC))
    if selection.source:
        with connect(settings.home.path) as lake:
            need_source(lake, settings.home, selection.source)
    found: list[Difference] = []
    begin = dry_run if is_diff else run
    with begin(settings, "enrich", stop=stop) as current:
        work = _Work(current, selection, report, (show or found.append) if is_diff else None)
        with _changing(work) if is_diff else nullcontext():  # one transaction, so that each part sees the one before
            if is_diff:
                catch_up(current)
            articles = _choose(work)
            for part in selection.parts:
                _PARTS[part](work, articles)
        changed = len(set().union(*work.changed.values()))
        if not is_diff:
            _account(work, articles, changed)
            merge_if_due(current)
        return Enriched(
            run_id=current.run_id,
            articles=articles,
            changed=changed,
            changed_tags=len(work.changed[Part.TAGS]),
            changed_copies=len(work.changed[Part.COPIES]),
            changed_stories=len(work.changed[Part.STORIES]),
            new_copies=work.new_copies,
            is_stopped=current.stop.is_set(),
            differences=tuple(found),
        )


def enriched_lines(result: Enriched, *, is_diff: bool) -> Iterator[str]:
    """How many articles changed, and in what, in a line or two."""
    kinds = (
        (result.changed_tags, "in their tags"),
        (result.changed_copies, "in what they are copies of"),
        (result.changed_stories, "in their story"),
    )
    how = "; ".join(f"{count:,} {kind}" for count, kind in kinds if count)
    would = "would change" if is_diff else "changed"
    yield f"{result.changed:,} of {result.articles:,} articles {would}{f': {how}' if how else ''}"
    if result.is_stopped:
        yield "stopped before the end: run it again, what is right already is left alone"


def print_difference(difference: Difference, out: Any, *, is_coloured: bool) -> None:
    """Print what changes of an article in the form of a `diff`."""
    from flows.show import printable

    if Counter(difference.before) == Counter(difference.after):
        return
    lines = [f"@ {difference.article_id} {difference.part}: {difference.headline or '(no headline)'}"]
    before, after = Counter(difference.before), Counter(difference.after)
    lines += [f"- {line}" for line in (before - after).elements()]
    lines += [f"+ {line}" for line in (after - before).elements()]
    for line in map(printable, lines):
        print(f"{COLOURS[line[0]]}{line}\x1b[0m" if is_coloured else line, file=out)


def read_period(selection: Selection, now: datetime) -> tuple[datetime | None, datetime | None]:
    """From when until when. Raises `TimeError` where that is no period."""
    since, until = (parse_since(text, now) if text else None for text in (selection.since, selection.until))
    if since and until and since >= until:
        raise TimeError(f"--since {selection.since} is not before --until {selection.until}")
    return since, until


def _choose(work: _Work) -> int:
    """Fill the temporary table `chosen`: the articles in the order of their times, numbered; gives their number."""
    selection = work.selection
    since, until = read_period(selection, datetime.now(UTC))
    work.connection.execute(
        """CREATE OR REPLACE TEMP TABLE chosen AS
        SELECT article_id, row_number() OVER (ORDER BY placed_at, article_id) - 1 AS n FROM (
            SELECT article_id, source, coalesce(published_at, first_seen_at) AS placed_at FROM lake.articles
        ) WHERE ($source IS NULL OR source = $source) AND ($since IS NULL OR placed_at >= $since)
            AND ($until IS NULL OR placed_at < $until)""",
        {"source": selection.source, "since": since, "until": until},
    )
    (count,) = work.connection.execute("SELECT count(*) FROM chosen").fetchone() or (0,)
    return int(count)


def _batches(work: _Work, articles: int, size: int) -> Iterator[str]:
    """The queries for the ids of each batch, until Ctrl-C."""
    for start in range(0, articles, size):
        if work.current.stop.is_set():
            return
        yield f"SELECT article_id FROM chosen WHERE n BETWEEN {start} AND {start + size - 1}"


@contextmanager
def _changing(work: _Work) -> Iterator[None]:
    """One transaction under the home's lock; one for all where nothing is to be kept."""
    if work.show is None:
        with work.current.writing(), transaction(work.connection, f"run {work.current.run_id} enriched"):
            yield
        return
    with transaction(work.connection, "", is_dry=True):
        yield


@contextmanager
def _batch(work: _Work) -> Iterator[None]:
    with nullcontext() if work.show else _changing(work):
        yield


# Tags

_STORED = """
SELECT a.article_id, a.url, a.publisher, a.headline, a.subheadline, a.dateline, a.section, a.summary, a.language,
    left(a.body, 50000) AS body, coalesce(t.stated, []) AS stated_tags
FROM (FROM lake.articles SEMI JOIN batch USING (article_id)) a LEFT JOIN (
    SELECT article_id, list(evidence ORDER BY evidence) AS stated FROM lake.article_tags SEMI JOIN batch USING (article_id)
    WHERE scheme = 'source' AND evidence IS NOT NULL GROUP BY article_id
) t USING (article_id)
"""


def _tag(work: _Work, articles: int) -> None:
    from pipelines.gazetteer import load_gazetteer
    from pipelines.retag import tags_again

    gazetteer, done = load_gazetteer(), 0
    for ids in _batches(work, articles, _TAGGED_AT_ONCE):
        work.connection.execute(f"CREATE OR REPLACE TEMP TABLE batch AS {ids}")
        with _batch(work):
            rows = work.connection.execute(_STORED).fetchall()
            _keep_tags(work, [made for row in rows for made in tags_again(_stored(row), gazetteer)])
        done += len(rows)
        work.report(Progress(Part.TAGS, done, articles, len(work.changed[Part.TAGS])))


def _keep_tags(work: _Work, made: Sequence[TagRow]) -> None:
    connection = work.connection
    tagged = record_batch(TagRow, made)
    fill(connection, "tagged", **dict(zip(tagged.schema.names, tagged.columns, strict=True)))
    replace_tags(connection, "batch", f"SELECT DISTINCT {TAGS} FROM tagged")
    connection.execute("CREATE OR REPLACE TEMP TABLE differing AS FROM retagged")
    _note(work, Part.TAGS, _TAGS)
    settle_stories(connection, ("retagged",), clock=work.current.clock())  # which keep what most of their articles have


_TAGS = (
    """SELECT article_id, list_sort(list(concat(
        scheme, ':', tag, ' ' || code, ' of ' || nullif(top_code, code), ' "', name, '" ', score, ' ', method, ' (' || evidence || ')'
    ))) FROM {} SEMI JOIN differing USING (article_id) GROUP BY article_id""",
    ("old_tags", "made_tags"),
)


def _stored(row: tuple[Any, ...]) -> Stored:
    from pipelines.retag import Stored

    values = dict(zip([f.name for f in fields(Stored)], row, strict=True))
    return Stored(**values | {"stated_tags": tuple(values["stated_tags"])})


# Copies and stories


def _copy(work: _Work, articles: int) -> None:
    """Sketches are made anew, and with them what is a copy of what; stories follow."""
    connection, done = work.connection, 0
    for ids in _batches(work, articles, _SETTLED_AT_ONCE):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE batch AS {ids}")
        with _batch(work):
            connection.execute("DELETE FROM lake.sketches WHERE article_id IN (FROM batch)")
            work.new_copies += settle_copies(connection, "batch", work.current.run_id)
            connection.execute("CREATE OR REPLACE TEMP TABLE differing AS FROM recopied")
            settle_stories(connection, ("recopied",), clock=work.current.clock())
            _note(work, Part.COPIES, _COPIES)
        done = min(done + _SETTLED_AT_ONCE, articles)
        work.report(Progress(Part.COPIES, done, articles, len(work.changed[Part.COPIES])))


_COPIES = (
    """SELECT article_id, ['copy of ' || duplicate_of || ' (' || reason || ' ' || score || ')']
    FROM {} SEMI JOIN differing USING (article_id)""",
    ("uncopied", "lake.duplicates"),
)


def _tell(work: _Work, articles: int) -> None:
    """Vectors are made anew, and with them what tells one story."""
    connection, done = work.connection, 0
    for ids in _batches(work, articles, _SETTLED_AT_ONCE):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE batch AS {ids}")
        with _batch(work):
            connection.execute("DELETE FROM lake.vectors WHERE article_id IN (FROM batch)")
            settle_stories(connection, ("batch",), clock=work.current.clock(), keeps_before=True)
            connection.execute(_MOVED)
            _note(work, Part.STORIES, _STORIES)
        done = min(done + _SETTLED_AT_ONCE, articles)
        work.report(Progress(Part.STORIES, done, articles, len(work.changed[Part.STORIES])))


_MOVED = """CREATE OR REPLACE TEMP TABLE differing AS SELECT article_id FROM (
    SELECT article_id, story_id FROM was_told UNION ALL SELECT article_id, story_id FROM settled
) GROUP BY article_id HAVING count(*) < 2 OR count(DISTINCT story_id) > 1"""
_STORIES = (
    "SELECT article_id, ['story ' || story_id] FROM {} SEMI JOIN differing USING (article_id)",
    ("was_told", "settled"),
)


# What is shown and counted


def _note(work: _Work, part: Part, lines: tuple[str, tuple[str, str]]) -> None:
    """Count the articles that the table `differing` holds, and show the lines that a query gives of two tables of them."""
    work.changed[part] |= {row[0] for row in work.connection.execute("FROM differing").fetchall()}
    if work.show:
        query, tables = lines
        old, new = (dict(work.connection.execute(query.format(table)).fetchall()) for table in tables)
        _show(work, work.show, part, old, new)


Lines = dict[str, list[str]]
"""Of articles, by their ids."""


def _show(work: _Work, show: Callable[[Difference], None], part: Part, old: Lines, new: Lines) -> None:
    connection = work.connection
    ids = sorted(old.keys() | new.keys())
    fill(connection, "shown", article_id=pa.array(ids, pa.string()))
    headlines = dict(
        connection.execute(
            "SELECT article_id, headline FROM lake.articles SEMI JOIN shown USING (article_id)"
        ).fetchall()
    )
    for ident in ids:
        lines = {"before": tuple(old.get(ident, ())), "after": tuple(new.get(ident, ()))}
        show(Difference(article_id=ident, headline=headlines.get(ident), part=part, **lines))


def _account(work: _Work, articles: int, changed: int) -> None:
    with work.current.writing(), transaction(work.connection, f"run {work.current.run_id} counted"):
        counts = Counts(
            documents=max(articles, changed),
            changed=changed,
            unchanged=max(0, articles - changed),
            duplicates=work.new_copies,
        )
        add_counts(work.connection, work.current.run_id, counts)


_PARTS: dict[Part, Callable[[_Work, int], None]] = {Part.TAGS: _tag, Part.COPIES: _copy, Part.STORIES: _tell}
