"""`newsmill stories`: what happened, a paragraph a story, and one story from its first article to its last."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from flows.show import command, paragraph, printable, short
from flows.source_list import need_source
from pipelines.subjects import subjects
from warehouse.catalog import Home
from warehouse.publishers import PUBLISHER, plain_publisher
from warehouse.query import connect, records
from warehouse.rows import Flag

if TYPE_CHECKING:
    import duckdb

_CENTRAL_SHOWN = 3
_TAGS_SHOWN = 3
_SHORTEST_ID = 4
_HEADLINE, _PUBLISHER = 110, 40
_NARROW = 60
"""Columns below which a story's times have no column of their own."""


class StoryError(Exception):
    """A story that cannot be shown; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which stories are listed."""

    since: datetime | None = None
    """Those with an article since then."""
    source: str | None = None
    """Those with an article of this source or publisher."""
    country: str | None = None
    """Those about this country: its tag, its code or its name."""
    subject: str | None = None
    """Those about this subject: its tag, its code or its name."""
    least: int = 1
    """Articles at the least, copies not counted."""
    limit: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An article of a story."""

    article_id: str
    headline: str | None
    """Or what its text begins with."""
    publisher: str
    url: str | None
    published_at: datetime
    """Or first seen."""
    known: str = "time"
    """`time`; `day`, where 00:00 stands for it; `seen`, where nothing is known but when it was first seen."""
    score: float
    copy_of: str | None
    seen_at: tuple[datetime, ...] = ()
    """Of its versions, the first one first, when each was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A story with articles of it: the most central ones in a list of stories, else all in the order of time."""

    story_id: str
    headline: str | None
    language: str | None
    first_published_at: datetime
    last_published_at: datetime
    first_known: str = "time"
    """What is known of that time: `time`, `day` or `seen`, as of an article."""
    last_known: str = "time"
    articles: int
    copies: int
    publishers: int
    countries: tuple[str, ...]
    subjects: tuple[str, ...]
    state: str
    merged_into: str | None
    asked_id: str | None = None
    """The id of a story that was merged into this, where that was asked for."""
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stories:
    """The stories that were asked for, those of most publishers first."""

    home: str
    stories: tuple[Story, ...]
    count: int
    """How many there are; only the first are listed."""


def stories(home: Home, wanted: Wanted) -> Stories:
    """The stories that were asked for.

    Raises `QueryError` for a lake that cannot be opened, `StoryError` for one without stories, or without the country or
    the subject, `SourceError` without the source.
    """
    with connect(home.path) as lake:
        lake.execute("BEGIN")  # one snapshot for all the questions
        _need_stories(lake, home)
        if wanted.source:
            _need_publisher(lake, home, wanted.source)
        where, values = _conditions(lake, wanted)
        (count,) = lake.execute(f"SELECT count(*) FROM stories s WHERE {where}", values).fetchone() or (0,)
        rows = records(
            lake,
            f"""SELECT * FROM stories s WHERE {where}
            ORDER BY publishers DESC, articles - copies DESC, articles DESC, last_published_at DESC, story_id LIMIT $limit""",
            **values,
            limit=wanted.limit,
        )
        return Stories(home=str(home.path), stories=_stories(lake, rows, most=_CENTRAL_SHOWN), count=count)


def story(home: Home, story_id: str) -> Story:
    """One story with all that was told of it; of a merged one, that which it is part of. An id may be shortened, in any case.

    Raises `QueryError` for a lake that cannot be opened, `StoryError` where no story, or more than one, has this id.
    """
    with connect(home.path) as lake:
        lake.execute("BEGIN")
        _need_stories(lake, home)
        if len(story_id) < _SHORTEST_ID:
            raise StoryError(f"{story_id!r} is too short: give {_SHORTEST_ID} characters of the id or more")
        found = records(lake, "SELECT * FROM stories WHERE starts_with(story_id, lower($id)) LIMIT 2", id=story_id)
        if not found:
            raise StoryError(f"no story {story_id!r}: `{command(home, 'stories')}` lists them")
        if len(found) > 1:
            raise StoryError(f"several stories begin with {story_id!r}: give more of the id")
        (row,) = found
        if not row["merged_into"]:
            return _stories(lake, found)[0]
        into = records(lake, "SELECT * FROM stories WHERE story_id = $id", id=row["merged_into"])
        if not into:
            raise StoryError(f"story {row['story_id']} was merged into {row['merged_into']}, which is lost")
        return replace(_stories(lake, into)[0], asked_id=row["story_id"])


def _need_stories(lake: duckdb.DuckDBPyConnection, home: Home) -> None:
    if not lake.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'stories'").fetchall():
        raise StoryError(
            f"older code made this lake, and no stories yet: any run does, such as `{command(home, 'ingest')}`"
        )


def _need_publisher(lake: duckdb.DuckDBPyConnection, home: Home, name: str) -> None:
    if not lake.execute("SELECT 1 FROM articles WHERE publisher = ? LIMIT 1", [name]).fetchone():
        need_source(lake, home, name)


def _conditions(lake: duckdb.DuckDBPyConnection, wanted: Wanted) -> tuple[str, dict[str, Any]]:
    conditions = ["state <> 'merged'", "articles - copies >= $least"]
    values: dict[str, Any] = {"least": wanted.least}
    if wanted.since:
        conditions.append("last_published_at >= $since")
        values["since"] = wanted.since
    if wanted.source:
        conditions.append(
            """story_id IN (SELECT story_id FROM story_articles SEMI JOIN (
                SELECT article_id FROM articles WHERE $source IN (source, publisher)) USING (article_id))"""
        )
        values["source"] = wanted.source
    if wanted.country:
        conditions.append("list_has_any(countries, $countries)")
        values["countries"] = _tags(lake, "country", "country", wanted.country)
    if wanted.subject:
        conditions.append("list_has_any(subjects, $subjects)")
        values["subjects"] = _tags(lake, "mediatopic", "subject", wanted.subject)
    return " AND ".join(conditions), values


def _tags(lake: duckdb.DuckDBPyConnection, scheme: str, what: str, named: str) -> list[str]:
    """The tags that are, or have the code or the name, that is given in any case."""
    rows = lake.execute(
        """SELECT DISTINCT tag FROM article_tags
        WHERE scheme = $scheme AND lower(trim($named)) IN (lower(tag), lower(code), lower(name))""",
        {"scheme": scheme, "named": named},
    ).fetchall()
    if not rows:
        raise StoryError(f"no {what} {named!r} is in the lake")
    return [row[0] for row in rows]


def _stories(
    lake: duckdb.DuckDBPyConnection, rows: list[dict[str, Any]], *, most: int | None = None
) -> tuple[Story, ...]:
    """The stories of these rows, with so many articles of each that are no copies, the most central ones, or with all."""
    lake.execute(_MEMBERS, [[row["story_id"] for row in rows]])
    known = {row.pop("story_id"): row for row in records(lake, _KNOWN)}
    told = _told(lake, most)
    lists = ("countries", "subjects")
    return tuple(
        Story(
            **row | known.get(row["story_id"], {}) | {name: tuple(row[name] or ()) for name in lists},
            told=tuple(told[row["story_id"]]),
        )
        for row in rows
    )


_MEMBERS = f"""
CREATE OR REPLACE TEMP TABLE members AS
WITH m AS (
    SELECT s.story_id, s.article_id, s.score, d.duplicate_of AS copy_of
    FROM (FROM story_articles WHERE story_id IN (SELECT unnest(?::VARCHAR[]))) s LEFT JOIN duplicates d USING (article_id)
)
SELECT m.*, a.* EXCLUDE (article_id) FROM m JOIN (
    SELECT article_id, headline, {PUBLISHER} AS publisher, url, published_at AS dated_at,
        coalesce(published_at, first_seen_at) AS published_at,
        CASE WHEN published_at IS NULL THEN 'seen' WHEN list_contains(flags, '{Flag.DATE_ONLY}') THEN 'day' ELSE 'time' END
            AS known
    FROM articles SEMI JOIN m USING (article_id)
) a USING (article_id)
"""
_KNOWN = """
SELECT story_id, coalesce(arg_min(known, dated_at), 'seen') AS first_known, coalesce(arg_max(known, dated_at), 'seen') AS last_known
FROM members GROUP BY story_id
"""
_TOLD = f"""
WITH central AS (
    SELECT *, row_number() OVER (
        PARTITION BY story_id, {plain_publisher("publisher")} ORDER BY score DESC, published_at, article_id) AS nth
    FROM members WHERE $most IS NULL OR copy_of IS NULL
), told AS (
    FROM central QUALIFY $most IS NULL
        OR row_number() OVER (PARTITION BY story_id ORDER BY nth, score DESC, published_at, article_id) <= $most
), versions AS (
    SELECT article_id, list(seen_at ORDER BY version) AS seen_at FROM article_versions SEMI JOIN told USING (article_id)
    GROUP BY article_id
)
SELECT told.* EXCLUDE (dated_at, nth), seen_at FROM told JOIN versions USING (article_id)
ORDER BY CASE WHEN $most IS NOT NULL THEN nth END, CASE WHEN $most IS NOT NULL THEN -score END, published_at, article_id
"""
"""Of the most central articles, one of every publisher before a second one of any."""


def _told(lake: duckdb.DuckDBPyConnection, most: int | None) -> defaultdict[str, list[Told]]:
    """What the stories of `members` tell: the most central articles first, or all in the order of time."""
    found: defaultdict[str, list[Told]] = defaultdict(list)
    rows = records(lake, _TOLD, most=most)
    beginnings = _beginnings(lake, [row["article_id"] for row in rows if not row["headline"]])
    for row in rows:
        story_id = row.pop("story_id")
        row["headline"] = row["headline"] or beginnings.get(row["article_id"])
        found[story_id].append(Told(**row | {"seen_at": tuple(row["seen_at"])}))
    return found


def _beginnings(lake: duckdb.DuckDBPyConnection, article_ids: list[str]) -> dict[str, str]:
    """What the texts of articles without a headline begin with."""
    if not article_ids:
        return {}
    return dict(
        lake.execute(
            f"""SELECT article_id, left(body, {4 * _HEADLINE}) FROM articles
            WHERE article_id IN (SELECT unnest(?::VARCHAR[]))""",
            [article_ids],
        ).fetchall()
    )


# For a person


def print_stories(found: Stories, out: TextIO) -> None:
    """Print the stories for a person: those with several articles, then in short those that were told but once."""
    if not found.stories:
        out.write("no such stories\n")
    several = [one for one in found.stories if one.articles - one.copies > 1]
    once = [one for one in found.stories if one.articles - one.copies <= 1]
    for one in several:
        _print_several(one, out)
    if several and once:
        out.write("Told but once:\n\n")
    for one in once:
        _print_once(one, out)
    out.write("\n" if once else "")
    rest = found.count - len(found.stories)
    if rest > 0:
        fewer = ", --min 2 leaves out what is told but once" if once else ""
        out.write(f"and {rest:,} more: --limit shows more of them{fewer}\n")
    if found.stories:
        example = command(Home(Path(found.home)), "stories", found.stories[0].story_id[:8])
        out.write(f"all that was told of one, from the first: {example}\n")


def _print_several(one: Story, out: TextIO) -> None:
    """Print a story, and what its central articles say that its headline does not."""
    headline = _headline(one.headline)
    teller = next((told for told in one.told if _headline(told.headline) == headline), None)
    _print_head(one, out, by=teller.publisher if teller and one.publishers > 1 else None)
    is_alike = _are_alike(one.told)
    for said in dict.fromkeys(_said(told, is_alike=is_alike) for told in one.told if told is not teller):
        paragraph(said, out, indent=4, hang=2)
    out.write("\n")


def _print_once(one: Story, out: TextIO) -> None:
    paragraph(_headline(one.headline), out, indent=0)
    paragraph(" · ".join([one.story_id[:8], *_counts(one), *_about(one)]), out)


def print_story(one: Story, out: TextIO) -> None:
    """Print a story from its first article on, each copy under its original."""
    _print_head(one, out)
    if one.asked_id:
        paragraph(f"{one.asked_id[:8]} was merged into it", out)
    first, copies = _first(one.told), defaultdict(list)
    for told in one.told:
        copies[told.copy_of].append(told)
    times = {told.article_id: _when(told.published_at, told.known) for told in one.told}
    room = max(map(len, times.values()), default=0)
    is_alike = _are_alike(one.told)
    for original in copies[None]:
        for told in (original, *copies[original.article_id]):
            note = "copy" if told.copy_of else "first" if told is first else None
            indent = " " * 4 if told.copy_of else ""
            when = f"{times[told.article_id]:16}".rjust(room) + f"  {indent}"
            text = f"{when}{_said(told, is_alike=is_alike)}{_noted(told, note)}"
            hang = len(when) if _is_wide() else 4
            paragraph(text, out, hang=hang)
            address = f" {printable(told.url)}" if told.url else ""
            out.write(f"  {' ' * hang}{told.article_id[:8]}{address}\n")


def _is_wide() -> bool:
    return shutil.get_terminal_size().columns >= _NARROW


def _noted(told: Told, note: str | None) -> str:
    notes = [note] if note else []
    if len(told.seen_at) > 1:
        notes.append(f"{len(told.seen_at)} versions, the last of {_minute(told.seen_at[-1])}")
    return f" ({'; '.join(notes)})" if notes else ""


def _first(told: Sequence[Told]) -> Told | None:
    """The article that is known to have been before the others."""
    if len(told) < 2 or told[0].known == "seen":
        return None
    first, second = (_when(one.published_at, told[0].known) for one in told[:2])
    return told[0] if first != second else None


def _print_head(one: Story, out: TextIO, *, by: str | None = None) -> None:
    named = f" ({_publisher(by)})" if by else ""
    paragraph(_headline(one.headline) + named, out, indent=0)
    paragraph(" · ".join(_counts(one)), out)
    paragraph(" · ".join([one.story_id[:8], *_about(one)]), out)


def _counts(one: Story) -> list[str]:
    articles = _number(one.articles, "article")
    if one.copies:
        articles += f" ({_number(one.copies, 'copy', 'copies')})"
    is_one = one.publishers == 1 and one.told
    by = _publisher(one.told[0].publisher) if is_one else _number(one.publishers, "publisher")
    return [_times(one), articles, by]


def _about(one: Story) -> list[str]:
    lists = (one.countries, _narrowest(one.subjects))
    return [", ".join(tags[:_TAGS_SHOWN]) for tags in lists if tags]


def _narrowest(slugs: Sequence[str]) -> list[str]:
    """The subjects without those that are above others of them."""
    chains = [subject.chain for subject in subjects().values() if subject.slug in slugs]
    above = {code for chain in chains for code in chain[1:]}
    return [slug for slug in slugs if slug not in {subjects()[code].slug for code in above}]


def _are_alike(told: Sequence[Told]) -> bool:
    """Whether they are of one publisher, which need not be said with each."""
    return len({one.publisher for one in told}) == 1


def _said(told: Told, *, is_alike: bool) -> str:
    return ("" if is_alike else f"{_publisher(told.publisher)}: ") + _headline(told.headline)


def _publisher(name: str) -> str:
    return short(name, _PUBLISHER)


def _times(one: Story) -> str:
    is_seen = one.first_known == "seen"
    first, last = (
        _when(moment, "time" if is_seen else known)
        for moment, known in ((one.first_published_at, one.first_known), (one.last_published_at, one.last_known))
    )
    if first[:10] != last[:10]:
        text = f"{first} to {last}"
    elif first == last:
        text = first
    else:
        text = f"{first} to {last[11:]}" if ":" in first and ":" in last else first[:10]
    return f"{'seen ' if is_seen else ''}{text}{' UTC' if ':' in text else ''}"


def _when(moment: datetime, known: str) -> str:
    """The time as far as it is known."""
    return f"{moment:%Y-%m-%d}" if known == "day" else f"{'seen ' if known == 'seen' else ''}{_minute(moment)}"


def _minute(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M}"


def _headline(text: str | None) -> str:
    return short(text or "without a headline", _HEADLINE)


def _number(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
