"""Lines that recur across a source's articles: what a site sets around its texts, and columns' refrains alike.

Lines are compared in lower case with `#` for numbers; those of at least so many articles count, with the place where
they stand, as the step `strip` counts places: in lines that do not recur. Lines that follow each other belong
together. What recurs at one place in many articles over a long time is seldom text of the articles: the idea of
template detection (Bar-Yossef and Rajagopalan, WWW 2002; Kohlschütter et al., WSDM 2010), on lines instead of trees.

Of a source's articles a sample is looked at, spread evenly, so that memory and time stay bounded in a lake of any size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import duckdb

ARTICLES = 5000
"""Articles of a source that are looked at."""
LEAST_ARTICLES = 20
"""Of a source with fewer, nothing is learned."""
LEAST_LINES = 5
LEAST_SHARE = 0.02
"""A line recurs that stands in so many of the articles and in this share of them."""
LEAST_PERIODS = 3
"""Of ten equal parts of a source's articles by time, those that a line must stand in."""
_TOGETHER = 20_000
"""Articles that are looked at in one pass."""
_LONGEST = 1000
_EDGE = 4
_AT_ONE_PLACE = 0.9
_WITH_NEXT = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurring:
    """Lines of a source that recur, one after the other where there are several."""

    source: str
    lines: tuple[str, ...]
    """As most articles spell them, numbers as `#`."""
    position: str
    """`first`, `last` or `anywhere`."""
    share_at_end: float
    """Share of the articles that have it where at most one other line separates it from its end of the text."""
    articles: int
    of: int
    periods: int
    """In how many tenths of the articles, by time, it stands."""
    first_seen: datetime
    last_seen: datetime
    examples: tuple[str, ...]

    @property
    def share(self) -> float:
        return self.articles / self.of


@dataclass(slots=True)
class _Line:
    source: str
    key: int
    text: str
    articles: int
    periods: int
    first_seen: datetime
    last_seen: datetime
    examples: list[str]
    first: float
    last: float
    at_first: float
    at_last: float
    next: int | None

    @property
    def position(self) -> str:
        if max(self.first, self.last) < _AT_ONE_PLACE:
            return "anywhere"
        return "last" if (self.last, self.at_last) >= (self.first, self.at_first) else "first"

    @property
    def share_at_end(self) -> float:
        return {"first": self.at_first, "last": self.at_last}.get(self.position, 0.0)


_LOOKED_AT = """
CREATE OR REPLACE TEMP TABLE looked_at AS
SELECT source, article_id, moment, ntile(10) OVER (PARTITION BY source ORDER BY moment, article_id) AS period FROM (
    SELECT source, article_id, coalesce(published_at, first_seen_at) AS moment
    FROM lake.articles ANTI JOIN lake.duplicates USING (article_id)
    WHERE ($source IS NULL OR source = $source)
        AND ($since IS NULL OR coalesce(published_at, first_seen_at) >= $since)
    QUALIFY row_number() OVER (PARTITION BY source, body_sha256 ORDER BY article_id) = 1
)
QUALIFY row_number() OVER (PARTITION BY source ORDER BY article_id) <= $articles
"""  # ids are hashes: their order is as good as chance

_LINES = r"""
CREATE OR REPLACE TEMP TABLE lines AS
SELECT source, article_id, moment, period, number, shape, hash(lower(shape)) AS key FROM (
    SELECT source, article_id, moment, period, number, CASE WHEN length(line) <= $longest THEN
        trim(regexp_replace(regexp_replace(replace(line, '’', ''''), '\d+(?:[.,:]\d+)*', '#', 'g'), '\s+', ' ', 'g'))
    END AS shape FROM (
        SELECT source, article_id, moment, period, unnest(parts) AS line, generate_subscripts(parts, 1) AS number FROM (
            SELECT l.*, string_split(a.body, chr(10)) AS parts FROM lake.articles a JOIN looked_at l USING (article_id)
            WHERE l.source IN (SELECT unnest(string_split($sources, chr(0))))
        )
    ) WHERE trim(line) <> ''
)
"""

_RECURRING = r"""
WITH counted AS (
    SELECT source, key, count(DISTINCT article_id) AS articles, count(DISTINCT period) AS periods,
        min(moment) AS first_seen, max(moment) AS last_seen
    FROM lines WHERE regexp_matches(shape, '\pL\PL*\pL') GROUP BY source, key
    HAVING articles >= $least_lines AND periods >= $least_periods
), recurring AS (
    SELECT counted.* FROM counted JOIN (SELECT source, count(*) AS n FROM looked_at GROUP BY source) USING (source)
    WHERE articles >= $least_share * n
), placed AS (
    SELECT l.source, article_id, l.key, l.shape, l.moment, r.key IS NOT NULL AS recurs, r.articles, r.periods,
        r.first_seen, r.last_seen,
        count(*) FILTER (r.key IS NULL) OVER (PARTITION BY article_id ORDER BY number ROWS UNBOUNDED PRECEDING) AS before,
        count(*) FILTER (r.key IS NULL) OVER (PARTITION BY article_id) AS others,
        CASE WHEN lead(r.key) OVER (PARTITION BY article_id ORDER BY number) IS NOT NULL
            THEN lead(l.key) OVER (PARTITION BY article_id ORDER BY number) END AS next
    FROM lines l LEFT JOIN recurring r ON l.source = r.source AND l.key = r.key
), followed AS (
    SELECT source, key, arg_max(next, n) AS next, max(n) AS n FROM (
        SELECT source, key, next, count(DISTINCT article_id) AS n FROM placed
        WHERE recurs AND next IS NOT NULL GROUP BY source, key, next
    ) GROUP BY source, key
)
SELECT source, key, mode(shape), any_value(p.articles), any_value(periods), any_value(first_seen), any_value(last_seen),
    [min(article_id), max(article_id), arg_max(article_id, moment)],
    avg((before <= $edge)::INTEGER), avg((others - before <= $edge)::INTEGER),
    avg((before <= 1)::INTEGER), avg((others - before <= 1)::INTEGER),
    any_value(CASE WHEN f.n >= $with_next * p.articles THEN f.next END)
FROM placed p LEFT JOIN followed f USING (source, key) WHERE recurs GROUP BY source, key ORDER BY source, key
"""


def recurring(
    connection: duckdb.DuckDBPyConnection, *, source: str | None = None, since: datetime | None = None
) -> Iterator[Recurring]:
    """What recurs in the articles of each source, or of one, in those since a time; sources in order of their names."""
    connection.execute(_LOOKED_AT, {"source": source, "since": since, "articles": ARTICLES})
    rows = connection.execute(
        "SELECT source, count(*) FROM looked_at GROUP BY source HAVING count(*) >= ? ORDER BY source", [LEAST_ARTICLES]
    ).fetchall()
    for group in _grouped(rows):
        connection.execute(_LINES, {"longest": _LONGEST, "sources": "\0".join(group)})
        values = {
            "least_lines": LEAST_LINES,
            "least_periods": LEAST_PERIODS,
            "least_share": LEAST_SHARE,
            "edge": _EDGE,
            "with_next": _WITH_NEXT,
        }
        lines = [_Line(*row) for row in connection.execute(_RECURRING, values).fetchall()]
        for name, of in group.items():
            yield from _together([line for line in lines if line.source == name], of)


def _grouped(counts: Iterable[tuple[str, int]]) -> Iterator[dict[str, int]]:
    """Sources with their numbers of articles, so many together that a pass looks at few enough articles."""
    group: dict[str, int] = {}
    for source, count in counts:
        if group and sum(group.values()) + count > _TOGETHER:
            yield group
            group = {}
        group[source] = count
    if group:
        yield group


def _together(lines: list[_Line], of: int) -> Iterator[Recurring]:
    """Lines of one source, those that nearly always follow each other as one."""
    by_key = {line.key: line for line in lines}
    follows: dict[int, int] = {}
    for line in lines:
        after = by_key.get(line.next) if line.next is not None else None
        if after and after is not line and after.key not in follows and _belong(line, after):
            follows[after.key] = line.key
    leads = {before: after for after, before in follows.items()}
    done: set[int] = set()
    for line in sorted(lines, key=lambda line: line.key in follows):  # heads first; what is left runs in a circle
        chain: list[_Line] = []
        key: int | None = line.key
        while key is not None and key not in done:
            done.add(key)
            chain.append(by_key[key])
            key = leads.get(key)
        if chain:
            yield _joined(chain, of)


def _belong(line: _Line, after: _Line) -> bool:
    return line.position == after.position and after.articles * _WITH_NEXT <= line.articles


def _joined(chain: list[_Line], of: int) -> Recurring:
    most = max(chain, key=lambda line: line.articles)
    return Recurring(
        source=most.source,
        lines=tuple(line.text for line in chain),
        position=most.position,
        share_at_end=math.floor(100 * min(line.share_at_end for line in chain)) / 100,
        articles=most.articles,
        of=of,
        periods=most.periods,
        first_seen=min(line.first_seen for line in chain),
        last_seen=max(line.last_seen for line in chain),
        examples=tuple(dict.fromkeys(most.examples)),
    )
