"""`newsmill stories`: what happened, a paragraph a story, and one story from its first article to its last."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from flows.show import command, paragraph, printable, short
from warehouse.catalog import Home
from warehouse.query import connect, records

if TYPE_CHECKING:
    import duckdb

_CENTRAL_SHOWN = 3
_TAGS_SHOWN = 3
_SHORTEST_ID = 4
_HEADLINE = 110


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
    """Those about this country: its tag or its code."""
    subject: str | None = None
    """Those about this subject: its tag or its code."""
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
    articles: int
    copies: int
    publishers: int
    countries: tuple[str, ...]
    subjects: tuple[str, ...]
    state: str
    merged_into: str | None
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stories:
    """The stories that were asked for, those of most publishers first."""

    home: str
    stories: tuple[Story, ...]
    count: int
    """How many there are; only the first are listed."""


def stories(home: Home, wanted: Wanted) -> Stories:
    """The stories that were asked for. Raises `QueryError` for a lake that cannot be opened, `StoryError` for one without stories."""
    with connect(home.path) as lake:
        lake.execute("BEGIN")  # one snapshot for all the questions
        _need_stories(lake, home)
        where, values = _conditions(wanted)
        (count,) = lake.execute(f"SELECT count(*) FROM stories s WHERE {where}", values).fetchone() or (0,)
        rows = records(
            lake,
            f"""SELECT * FROM stories s WHERE {where}
            ORDER BY publishers DESC, articles DESC, last_published_at DESC, story_id LIMIT $limit""",
            **values,
            limit=wanted.limit,
        )
        told = _told(lake, [row["story_id"] for row in rows], "copy_of IS NULL", _CENTRAL_SHOWN)
        return Stories(
            home=str(home.path), stories=tuple(_story(row, told[row["story_id"]]) for row in rows), count=count
        )


def story(home: Home, story_id: str) -> Story:
    """One story with all that was told of it; of a merged one, that which it is part of. An id may be shortened.

    Raises `QueryError` for a lake that cannot be opened, `StoryError` where no story, or more than one, has this id.
    """
    with connect(home.path) as lake:
        lake.execute("BEGIN")
        _need_stories(lake, home)
        found = records(lake, "SELECT * FROM stories WHERE starts_with(story_id, $id) LIMIT 2", id=story_id)
        if not found or len(story_id) < _SHORTEST_ID:
            raise StoryError(f"no story {story_id!r}: `{command(home, 'stories')}` lists them")
        if len(found) > 1:
            raise StoryError(f"several stories begin with {story_id!r}: give more of the id")
        (row,) = found
        if row["merged_into"]:
            (row,) = records(lake, "SELECT * FROM stories WHERE story_id = $id", id=row["merged_into"]) or found
        return _story(row, _told(lake, [row["story_id"]])[row["story_id"]])


def _need_stories(lake: duckdb.DuckDBPyConnection, home: Home) -> None:
    if not lake.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'stories'").fetchall():
        raise StoryError(
            f"older code made this lake, and no stories yet: any run does, such as `{command(home, 'ingest')}`"
        )


def _conditions(wanted: Wanted) -> tuple[str, dict[str, Any]]:
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
    for name, tag, scheme in (("countries", wanted.country, "country"), ("subjects", wanted.subject, "mediatopic")):
        if tag:
            conditions.append(
                f"""list_has_any({name}, (SELECT list(DISTINCT tag) FROM article_tags
                WHERE scheme = '{scheme}' AND (tag = ${scheme} OR upper(code) = upper(${scheme}))))"""
            )
            values[scheme] = tag
    return " AND ".join(conditions), values


def _told(
    lake: duckdb.DuckDBPyConnection, story_ids: list[str], where: str = "true", most: int | None = None
) -> defaultdict[str, list[Told]]:
    """What the stories tell: so many of the most central articles of each, or all in the order of time."""
    found: defaultdict[str, list[Told]] = defaultdict(list)
    rows = records(
        lake,
        f"""WITH members AS (
            SELECT s.story_id, s.article_id, s.score, d.duplicate_of AS copy_of
            FROM (FROM story_articles WHERE story_id IN (SELECT unnest($ids::VARCHAR[]))) s
            LEFT JOIN duplicates d USING (article_id)
        ), versions AS (
            SELECT article_id, list(seen_at ORDER BY version) AS seen_at FROM article_versions
            SEMI JOIN members USING (article_id) GROUP BY article_id
        )
        SELECT m.story_id, m.article_id, a.headline, coalesce(a.publisher, a.source) AS publisher, a.url,
            coalesce(a.published_at, a.first_seen_at) AS published_at, m.score, m.copy_of, v.seen_at
        FROM members m JOIN (
            SELECT article_id, headline, publisher, source, url, published_at, first_seen_at FROM articles
            SEMI JOIN members USING (article_id)
        ) a USING (article_id) JOIN versions v USING (article_id)
        WHERE {where} QUALIFY row_number() OVER (PARTITION BY story_id ORDER BY score DESC, published_at, article_id) <= $most
        ORDER BY published_at, article_id""",
        ids=story_ids,
        most=most or 1 << 31,
    )
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
            f"""SELECT article_id, left(split_part(body, chr(10), 1), {2 * _HEADLINE}) FROM articles
            WHERE article_id IN (SELECT unnest(?::VARCHAR[]))""",
            [article_ids],
        ).fetchall()
    )


def _story(row: dict[str, Any], told: list[Told]) -> Story:
    lists = {name: tuple(row[name] or ()) for name in ("countries", "subjects")}
    return Story(**row | lists, told=tuple(told))


# For a person


def print_stories(found: Stories, out: TextIO) -> None:
    """Print the stories for a person."""
    if not found.stories:
        out.write("no such stories\n")
    for one in found.stories:
        _print_head(one, out)
        central = sorted(one.told, key=lambda told: -told.score) if one.articles - one.copies > 1 else ()
        out.writelines(f"    {_said(told)}\n" for told in central)
        out.write("\n")
    rest = found.count - len(found.stories)
    if rest > 0:
        out.write(f"and {rest:,} more: --limit shows more of them, --min 2 leaves out what is told but once\n")
    if found.stories:
        example = command(Home(Path(found.home)), "stories", found.stories[0].story_id[:8])
        out.write(f"all that was told of one, from the first: {example}\n")


def print_story(one: Story, out: TextIO) -> None:
    """Print a story from its first article on, each copy under its original."""
    _print_head(one, out)
    copies = defaultdict(list)
    for told in one.told:
        copies[told.copy_of].append(told)
    originals = copies[None]
    for told in originals:
        is_first = told is originals[0] and len(one.told) > 1
        _print_told(told, out, note="first" if is_first else "")
        for copy in copies[told.article_id]:
            _print_told(copy, out, note="copy", indent=4)


def _print_head(one: Story, out: TextIO) -> None:
    paragraph(_headline(one.headline), out, indent=0)
    counts = [_times(one), _number(one.articles, "article")]
    if one.copies:
        counts[-1] += f" ({_number(one.copies, 'copy', 'copies')})"
    counts.append(_number(one.publishers, "publisher"))
    out.write(f"  {' · '.join(counts)}\n")
    about = [", ".join(some[:_TAGS_SHOWN]) for some in (one.countries, one.subjects)]
    out.write(f"  {printable(' · '.join([one.story_id[:8], *filter(None, about)]))}\n")


def _print_told(told: Told, out: TextIO, *, note: str, indent: int = 0) -> None:
    notes = [note] if note else []
    if len(told.seen_at) > 1:
        notes.append(f"{len(told.seen_at)} versions, the last of {_minute(told.seen_at[-1])}")
    noted = f" ({'; '.join(notes)})" if notes else ""
    out.write(f"  {_minute(told.published_at)}  {' ' * indent}{_said(told)}{noted}\n")
    address = f" {printable(told.url)}" if told.url else ""
    out.write(f"  {' ' * (18 + indent)}{told.article_id[:8]}{address}\n")


def _said(told: Told) -> str:
    return printable(f"{told.publisher}: {_headline(told.headline)}")


def _times(one: Story) -> str:
    first, last = one.first_published_at, one.last_published_at
    if first == last:
        return f"{_minute(first)} UTC"
    if first.date() == last.date():
        return f"{_minute(first)} to {last:%H:%M} UTC"
    return f"{_minute(first)} to {_minute(last)} UTC"


def _minute(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M}"


def _headline(text: str | None) -> str:
    return short(text or "without a headline", _HEADLINE)


def _number(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
