"""Which articles tell one story: part of the load's transaction.

Two articles are as alike as their vectors (`warehouse.terms`), less for the days between them. Articles that are no
copies are joined to stories by average linkage (`warehouse.clusters`), and a copy is in the story of its original. That
is a function of the articles alone, not of the order in which they came: a load works out anew those stories that its
articles concern. Articles in two languages share no story.

Only the ids have a history: a story keeps its id while it grows. Where two become one, the id of the one with fewer
articles in it is kept and points to the other; where one falls apart, the part with most of its articles keeps the id.

The index is the table `vectors`, written in the same transaction; what it lacks `warehouse.untold` finds.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.clusters import Likes, Tree, group, is_torn
from warehouse.passing import fill, insert, keep
from warehouse.publishers import PUBLISHER, plain_publisher
from warehouse.rows import VectorRow
from warehouse.schema import record_batch
from warehouse.terms import UNIT, VECTOR_VERSION, vector

WINDOW_DAYS = 14
"""Articles whose times lie further apart are not alike at all."""
_SIGMA_DAYS = 4.0
_LEAST_OF_TIME = 0.5
"""What is left of how alike two articles are towards the end of the window."""
JOIN = UNIT * UNIT * 20 // 100
"""How alike the articles of two parts of a story are, on the average, at the least."""
_NOTHING = UNIT * UNIT * 15 // 100
"""Articles that are less alike than this are not alike at all."""
_MOST = 500
"""Articles of a story, without copies."""
_AT_A_TIME = 2_000
"""Articles that are placed at a time: what bounds the memory."""
_LOOSE_ROUNDS = 8
"""So often are stories that tear one another worked out by themselves; then with all that they were worked out with, which ends."""
_HELD_AT_A_TIME = 50_000
"""Articles of the index that they are compared with at a time: the same."""
_LAST_BITS = 2**20 - 1
"""Bits of a term that tell of most that they are not asked for."""
_SHARE_OF_TAGS = 0.2
_MOST_TAGS = 5
_BEGINNING = 120
"""Characters of a text that stand for a headline."""

_EVER = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
PLACED = "coalesce(published_at, first_seen_at)"
_OVERDUE = "state = 'open' AND last_published_at < ?"

Place = tuple[datetime, str]
"""Of an article in the order of time: when it was published or first seen, and its id."""


def settle_stories(
    connection: duckdb.DuckDBPyConnection,
    changed: Sequence[str],
    *,
    clock: datetime,
    staged: str | None = None,
    keeps_before: bool = False,
) -> None:
    """Bring `vectors`, `story_articles` and `stories` up to date with the articles whose ids the tables `changed` hold.

    `staged` names rows of `vectors` that the pipeline has made; what it lacks is made from the texts. Copies are settled
    before. `clock` tells which stories are closed. If it `keeps_before`, the tables `was_told` and `settled` hold the articles
    of the stories that were written again, as they were and as they are.
    """
    named = " UNION ".join(f"SELECT article_id FROM {table}" for table in changed)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE retold AS {named}")
    _vectorise(connection, staged)
    sys.audit("newsmill.point", "loaded-vectors")
    if keeps_before:
        for table in ("was_told", "settled"):
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS FROM lake.story_articles WHERE false")
    _Stories(connection, clock, keeps_before=keeps_before).settle()
    sys.audit("newsmill.point", "loaded-stories")


def are_overdue(connection: duckdb.DuckDBPyConnection, *, clock: datetime) -> bool:
    """Whether stories are to be closed, which no article of today would join."""
    return bool(connection.execute(f"SELECT 1 FROM lake.stories WHERE {_OVERDUE} LIMIT 1", [_oldest(clock)]).fetchone())


def close_stories(connection: duckdb.DuckDBPyConnection, *, clock: datetime) -> None:
    """Close those stories."""
    connection.execute(f"UPDATE lake.stories SET state = 'closed' WHERE {_OVERDUE}", [_oldest(clock)])


def _oldest(clock: datetime) -> datetime:
    return clock - timedelta(WINDOW_DAYS)


def _vectorise(connection: duckdb.DuckDBPyConnection, staged: str | None) -> None:
    """`moved`: those of the articles that the index lacks, or has another content or time of; it holds them then."""
    columns = f"article_id, content_sha256, coalesce(language, '') AS language, {PLACED} AS placed_at"
    keep(connection, "there", "retold", columns)
    indexed = "lake.vectors SEMI JOIN there USING (article_id)"
    if not connection.execute(f"SELECT article_id FROM {indexed} LIMIT 1").fetchone():
        indexed = "lake.vectors WHERE false"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE moved AS SELECT a.*, v.article_id IS NOT NULL AS is_there FROM there a
        LEFT JOIN (SELECT article_id, content_sha256, language, placed_at, vector_version FROM {indexed}) v USING (article_id)
        WHERE (a.content_sha256, a.language, a.placed_at, {VECTOR_VERSION})
            IS DISTINCT FROM (v.content_sha256, v.language, v.placed_at, v.vector_version)"""
    )
    if connection.execute("SELECT 1 FROM moved WHERE is_there LIMIT 1").fetchone():
        connection.execute("DELETE FROM lake.vectors WHERE article_id IN (SELECT article_id FROM moved WHERE is_there)")
    made = "(SELECT NULL::VARCHAR AS content_sha256, NULL::VARCHAR AS language WHERE false)"
    if staged:
        made = f"""(SELECT DISTINCT ON (content_sha256, language) * REPLACE (coalesce(language, '') AS language)
            FROM {staged} WHERE vector_version = {VECTOR_VERSION})"""
        connection.execute(
            f"""INSERT INTO lake.vectors BY NAME SELECT m.* EXCLUDE (is_there), s.vector_version, s.terms, s.weights
            FROM moved m JOIN {made} s USING (content_sha256, language)"""
        )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE unmade AS SELECT *, row_number() OVER (ORDER BY article_id) - 1 AS n
        FROM moved ANTI JOIN {made} USING (content_sha256, language)"""
    )
    (count,) = connection.execute("SELECT count(*) FROM unmade").fetchone() or (0,)
    for start in range(0, count, _AT_A_TIME):
        rows = connection.execute(
            f"""SELECT m.article_id, m.content_sha256, m.language, m.placed_at, a.headline, a.body FROM lake.articles a
            JOIN (FROM unmade WHERE n BETWEEN {start} AND {start + _AT_A_TIME - 1}) m USING (article_id)"""
        ).fetchall()
        insert(connection, "vectors", record_batch(VectorRow, [_vectorised(*row) for row in rows]))


def _vectorised(
    article_id: str, content_sha256: str, language: str, placed_at: datetime, headline: str | None, body: str
) -> VectorRow:
    of = vector(headline, body, language)
    return VectorRow(
        article_id=article_id,
        content_sha256=content_sha256,
        language=language,
        vector_version=VECTOR_VERSION,
        placed_at=placed_at,
        terms=of.terms,
        weights=of.weights,
    )


@dataclass(frozen=True, slots=True)
class _Member:
    """An article that is met, as the lake has it."""

    story_id: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class _Compared:
    """An article that is compared with all others."""

    number: int
    seconds: float
    terms: npt.NDArray[np.int64]
    weights: npt.NDArray[np.int64]


def _compared(rows: pa.Table) -> list[_Compared]:
    bounds = np.append(0, pc.list_value_length(rows["terms"]).to_numpy().cumsum())
    terms, weights = (pc.list_flatten(rows[name]).to_numpy() for name in ("terms", "weights"))
    return [
        _Compared(number, seconds, terms[start:end], weights[start:end])
        for number, seconds, (start, end) in zip(
            rows["number"].to_pylist(), rows["seconds"].to_pylist(), pairwise(bounds.tolist()), strict=True
        )
    ]


class _Held:
    """Some articles of the index: which of them have which of the terms that are asked for."""

    def __init__(self, articles: pa.RecordBatch, terms: npt.NDArray[np.int64]) -> None:
        self._terms = terms
        self._seconds = articles["seconds"].to_numpy()
        found = pc.list_flatten(articles["terms"]).to_numpy()
        is_any = np.zeros(_LAST_BITS + 1, dtype=bool)
        is_any[terms & _LAST_BITS] = True
        kept = np.flatnonzero(is_any[found & _LAST_BITS])
        at = np.minimum(np.searchsorted(terms, found[kept]), len(terms) - 1)
        is_term = terms[at] == found[kept]
        kept, at = kept[is_term], at[is_term]
        order = np.argsort(at, kind="stable")
        kept = kept[order]
        self._bounds = np.searchsorted(at[order], np.arange(len(terms) + 1))
        self._articles = pc.list_parent_indices(articles["terms"]).to_numpy()[kept]
        self._weights = pc.list_flatten(articles["weights"]).to_numpy()[kept]

    def alike(self, one: _Compared) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Which of the articles are like the one, and how much."""
        at = np.searchsorted(self._terms, one.terms)
        starts, ends = self._bounds[at], self._bounds[at + 1]
        spans = [slice(*span) for span in zip(starts.tolist(), ends.tolist(), strict=True)]
        weights = np.concatenate([self._weights[span] for span in spans]) * np.repeat(one.weights, ends - starts)
        articles = np.concatenate([self._articles[span] for span in spans])
        sums = np.bincount(articles, weights, len(self._seconds))  # of whole numbers, so these are exact
        found = np.flatnonzero(sums >= _NOTHING)
        days = np.abs(self._seconds[found] - one.seconds) / 86_400
        share = np.maximum(_LEAST_OF_TIME, np.exp(-(days**2) / (2 * _SIGMA_DAYS**2)))
        alike = np.where(days <= WINDOW_DAYS, sums[found] * share, 0).astype(np.int32)
        kept = alike >= _NOTHING
        return found[kept].astype(np.int32), alike[kept]


class _Stories:
    """Works out anew the stories that some articles concern."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, clock: datetime, *, keeps_before: bool) -> None:
        self._connection, self._clock, self._keeps_before = connection, clock, keeps_before
        self._numbers: dict[str, int] = {}
        self._article_ids: list[str] = []
        self._members: dict[int, _Member] = {}
        """By their numbers, the articles of which more is known than that they are like one."""
        self._alike: dict[int, Likes] = {}
        """Of those that were compared, what they are like."""
        self._trees: dict[int, Tree] = {}
        """Of each article that is placed, its story."""
        self._before: dict[str, Tree] = {}
        """The stories that were met, as the lake has them."""
        self._unplaced: set[int] = set()
        self._asked: set[int] = set()
        self._pools: dict[int, set[int]] = {}
        """Of each article that is placed, those that have been placed together with it."""
        self._grouped_with: dict[int, set[int]] = {}
        """Of each article that was placed anew, those that were then: the story of one does not tear that of another."""
        self._read: tuple[datetime, datetime] | None = None
        """The times whose stories have been read."""
        self._worked: set[int] = set()
        """Whatever was placed anew."""

    def settle(self) -> None:
        gone, stories = self._concerned()
        for some in self._chunks():
            self._place(some)
        self._write(gone, stories)
        if are_overdue(self._connection, clock=self._clock):
            close_stories(self._connection, clock=self._clock)

    # What is concerned

    def _concerned(self) -> tuple[dict[str, str], set[str]]:
        """Learn what is to be placed; gives the story of each article that leaves one, and the stories to be written again."""
        rows = self._connection.execute(
            """SELECT r.article_id, s.story_id, s.position IS NOT NULL, a.placed_at, d.article_id IS NOT NULL, m.article_id IS NOT NULL
            FROM retold r LEFT JOIN there a USING (article_id)
            LEFT JOIN (SELECT article_id FROM lake.duplicates SEMI JOIN retold USING (article_id)) d USING (article_id)
            LEFT JOIN (FROM lake.story_articles SEMI JOIN retold USING (article_id)) s USING (article_id)
            LEFT JOIN moved m USING (article_id)"""
        ).fetchall()
        gone: dict[str, str] = {}
        stories: set[str] = set()
        coming: dict[str, tuple[str | None, datetime]] = {}
        for article_id, story_id, is_placed, placed_at, is_copy, is_moved in rows:
            is_original = placed_at and not is_copy
            if is_original and (is_moved or not is_placed):
                coming[article_id] = (story_id if is_placed else None, placed_at)
            if story_id:
                stories.add(story_id)
            if is_placed and not is_original:
                gone[article_id] = story_id
        broken = {row[1] for row in rows if row[2] and (row[0] in gone or row[0] in coming)}
        for article_id, story_id, _, placed_at in self._rows_of(broken):
            if article_id not in gone:
                coming.setdefault(article_id, (story_id, placed_at))
        self._unplaced = {self._meet(article_id, *known) for article_id, known in coming.items()}
        self._asked = {self._number(article_id) for article_id in gone}
        return gone, stories | self._stories_of_originals()

    def _rows_of(self, stories: Collection[str]) -> list[tuple[str, str, float, datetime]]:
        """Article, story, level and time of each original of the stories, in the order of their trees."""
        if not stories:
            return []
        fill(self._connection, "wanted", story_id=sorted(stories))
        bounds = self._execute(
            "SELECT min(first_published_at), max(last_published_at) FROM lake.stories SEMI JOIN wanted USING (story_id)"
        ).fetchone()
        rows = self._members_placed(*(bounds or (None, None)))
        is_whole = all(placed_at for *_, placed_at in rows)  # what has no date may lie outside its story's times
        return rows if is_whole else self._members_placed(*_EVER)

    def _members_placed(self, first: datetime | None, last: datetime | None) -> list[tuple[str, str, float, datetime]]:
        return self._execute(
            """SELECT s.article_id, s.story_id, s.level, v.placed_at FROM (
                FROM lake.story_articles SEMI JOIN wanted USING (story_id) WHERE position IS NOT NULL
            ) s LEFT JOIN (
                SELECT article_id, placed_at FROM lake.vectors WHERE placed_at BETWEEN ? AND ?
            ) v USING (article_id) ORDER BY s.story_id, s.position""",
            first,
            last,
        ).fetchall()

    def _meet(self, article_id: str, story_id: str | None, placed_at: datetime) -> int:
        number = self._number(article_id)
        self._members[number] = _Member(story_id, (placed_at, article_id))
        return number

    def _number(self, article_id: str) -> int:
        number = self._numbers.setdefault(article_id, len(self._numbers))
        if number == len(self._article_ids):
            self._article_ids.append(article_id)
        return number

    def _stories_of_originals(self) -> set[str]:
        """The stories of the originals of those that are copies."""
        rows = self._connection.execute(
            """SELECT DISTINCT story_id FROM lake.story_articles SEMI JOIN (
                SELECT duplicate_of AS article_id FROM lake.duplicates SEMI JOIN retold USING (article_id)
            ) USING (article_id)"""
        ).fetchall()
        return {row[0] for row in rows}

    # Placing

    def _chunks(self) -> Iterable[set[int]]:
        line = sorted(self._unplaced, key=self._place_of)
        for start in range(0, len(line), _AT_A_TIME):
            yield set(line[start : start + _AT_A_TIME])

    def _place_of(self, number: int) -> Place:
        return self._members[number].place

    def _place(self, some: set[int]) -> None:
        """Place articles among those that are placed: whichever stories they tear are worked out anew, with them."""
        self._unplaced -= some
        self._compare(some)
        trees, rounds = self._grouped(some), 0
        while trees:
            if rounds < _LOOSE_ROUNDS:
                for tree in trees:
                    self._pool(set(tree.leaves))
            rounds += 1
            self._meet_neighbours(trees)
            torn = [tree for tree in trees if self._tears(tree)]
            pools = {id(pool): pool for pool in (self._pools[tree.leaves[0]] for tree in torn)}
            self._compare(set().union(*pools.values()))
            trees = [tree for pool in pools.values() for tree in self._grouped(pool)]

    def _tears(self, tree: Tree) -> bool:
        """Whether there are stories that the tree is to be worked out together with: they share a pool then."""
        is_tearing = False
        for other in self._neighbours(tree):
            if is_torn(tree, other, self._alike, least=JOIN, most=_MOST):
                self._pool(self._pools[tree.leaves[0]] | self._pools[other.leaves[0]])
                is_tearing = True
        return is_tearing

    def _pool(self, leaves: set[int]) -> None:
        self._pools.update(dict.fromkeys(leaves, leaves))

    def _grouped(self, leaves: set[int]) -> list[Tree]:
        trees = group(sorted(leaves, key=self._place_of), self._alike, least=JOIN, most=_MOST)
        self._grouped_with.update(dict.fromkeys(leaves, leaves))
        for tree in trees:
            self._trees.update(dict.fromkeys(tree.leaves, tree))
            self._worked.update(tree.leaves)
        return trees

    def _likes(self, trees: Iterable[Tree]) -> set[int]:
        """All that are like enough to a member to be of its story."""
        likes = (self._alike[leaf] for tree in trees for leaf in tree.leaves)
        return set(np.unique(np.concatenate([one.others[one.alike >= JOIN] for one in likes])).tolist())

    def _neighbours(self, tree: Tree) -> list[Tree]:
        """The stories with a member that is like one of this, but for those that are or were worked out together with it."""
        leaf = tree.leaves[0]
        others = self._likes([tree]) - self._pools[leaf] - self._grouped_with[leaf]
        found = {self._trees[other] for other in others if other in self._trees}
        return sorted(found, key=lambda other: self._place_of(other.leaves[0]))

    def _meet_neighbours(self, trees: Sequence[Tree]) -> None:
        """Learn the stories of the lake that hold what is like a member of these."""
        unmet = self._likes(trees) - self._members.keys() - self._asked
        if not unmet:
            return
        self._asked |= unmet
        self._read_stories([self._place_of(leaf)[0] for tree in trees for leaf in tree.leaves])
        fill(self._connection, "wanted", article_id=[self._article_ids[number] for number in sorted(unmet)])
        rows = self._execute(
            """SELECT article_id, story_id, level, placed_at FROM near_stories
            SEMI JOIN (SELECT story_id FROM near_stories SEMI JOIN wanted USING (article_id)) USING (story_id)
            ORDER BY story_id, position"""
        ).fetchall()
        stories: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for article_id, story_id, level, placed_at in rows:
            stories[story_id].append((self._meet(article_id, story_id, placed_at), level))
        for story_id, found in stories.items():
            tree = Tree(tuple(number for number, _ in found), tuple(level for _, level in found[1:]))
            self._before[story_id] = tree
            self._trees.update(dict.fromkeys(tree.leaves, tree))
            self._pool(set(tree.leaves))

    def _read_stories(self, times: Sequence[datetime]) -> None:
        """`near_stories`: the originals of the stories that have one in the window around the times, with some leeway."""
        first, last = _around(min(times), max(times))
        if self._read and self._read[0] <= first and last <= self._read[1]:
            return
        self._read = first, last = _around(first, last)
        self._execute(
            "CREATE OR REPLACE TEMP TABLE near AS SELECT article_id, placed_at FROM lake.vectors WHERE placed_at BETWEEN ? AND ?",
            *_around(first, last),
        )
        self._execute(
            """CREATE OR REPLACE TEMP TABLE near_stories AS
            SELECT article_id, s.story_id, s.level, s.position, n.placed_at FROM lake.story_articles s
            SEMI JOIN (
                SELECT story_id FROM lake.story_articles
                SEMI JOIN (FROM near WHERE placed_at BETWEEN ? AND ?) USING (article_id) WHERE position IS NOT NULL
            ) USING (story_id) LEFT JOIN near n USING (article_id) WHERE s.position IS NOT NULL""",
            first,
            last,
        )
        if self._execute("SELECT 1 FROM near_stories WHERE placed_at IS NULL LIMIT 1").fetchone():
            self._execute(
                """UPDATE near_stories SET placed_at = v.placed_at FROM lake.vectors v
                WHERE v.article_id = near_stories.article_id AND near_stories.placed_at IS NULL"""
            )

    def _compare(self, numbers: Collection[int]) -> None:
        """Find what articles are like, of all that is in the index."""
        fresh = sorted(set(numbers) - self._alike.keys())
        if not fresh:
            return
        nothing = np.zeros(0, dtype=np.int32)
        self._alike.update((number, Likes(nothing, nothing)) for number in fresh)
        fill(self._connection, "compared", number=fresh, article_id=[self._article_ids[number] for number in fresh])
        times = [self._members[number].place[0] for number in fresh]
        first, last = min(times), max(times)
        found = self._execute(
            """SELECT number, epoch(placed_at) AS seconds, terms, weights FROM lake.vectors JOIN compared USING (article_id)
            WHERE placed_at BETWEEN ? AND ? AND len(terms) > 0""",
            first,
            last,
        ).to_arrow_table()
        compared = _compared(found.combine_chunks())
        if not compared:
            return
        terms = np.unique(np.concatenate([one.terms for one in compared]))
        near = self._execute(
            """SELECT article_id, epoch(placed_at) AS seconds, terms, weights FROM lake.vectors
            WHERE placed_at BETWEEN ? AND ?""",
            *_around(first, last),
        )
        likes: dict[int, list[Likes]] = {one.number: [] for one in compared}
        for some in near.to_arrow_reader(_HELD_AT_A_TIME):
            held = _Held(some, terms)
            found = [held.alike(one) for one in compared]
            places = np.unique(np.concatenate([at for at, _ in found]))
            others = np.zeros(some.num_rows, dtype=np.int32)
            others[places] = [self._number(article_id) for article_id in some["article_id"].take(places).to_pylist()]
            for one, (at, alike) in zip(compared, found, strict=True):
                is_other = others[at] != one.number
                likes[one.number].append(Likes(others[at][is_other], alike[is_other]))
        self._alike.update(
            (number, Likes.of(*map(np.concatenate, zip(*of, strict=True)))) for number, of in likes.items() if of
        )

    # Writing

    def _write(self, gone: dict[str, str], stories: set[str]) -> None:
        """Write the stories that were worked out anew and are others than before, and those of changed articles."""
        trees = {id(tree): tree for tree in (self._trees[n] for n in sorted(self._worked, key=self._place_of))}
        changed = [tree for tree in trees.values() if not self._is_as_before(tree)]
        left = Counter(gone.values())
        shares = [Counter(s for leaf in tree.leaves if (s := self._members[leaf].story_id)) for tree in changed]
        ended = set(left).union(*shares)
        if not changed and not ended and not stories:
            return
        fill(self._connection, "rewritten", story_id=pa.array(sorted(ended | stories), pa.string()))
        self._execute("CREATE OR REPLACE TEMP TABLE before AS FROM lake.stories SEMI JOIN rewritten USING (story_id)")
        names = self._names(changed, shares)
        self._settled(zip(names, changed, strict=True), stories - ended)
        if self._keeps_before:
            self._execute("INSERT INTO was_told FROM lake.story_articles SEMI JOIN rewritten USING (story_id)")
        self._execute("DELETE FROM lake.story_articles WHERE story_id IN (FROM rewritten)")
        self._execute("DELETE FROM lake.stories WHERE story_id IN (FROM rewritten)")
        self._execute(_TOLD)
        self._execute("INSERT INTO lake.story_articles BY NAME FROM settled SEMI JOIN told USING (article_id)")
        sys.audit("newsmill.point", "loaded-story-articles")
        self._insert_stories()
        self._forward(ended - set(names), dict(zip(names, shares, strict=True)), gone)

    def _execute(self, sql: str, *values: object) -> duckdb.DuckDBPyConnection:
        return self._connection.execute(sql, list(values) or None)

    def _is_as_before(self, tree: Tree) -> bool:
        story = self._members[tree.leaves[0]].story_id
        before = self._before.get(story) if story else None
        return before is not None and (before.leaves, before.levels) == (tree.leaves, tree.levels)

    def _names(self, trees: Sequence[Tree], shares: Sequence[Counter[str]]) -> list[str]:
        """The id of each story: that of the one whose articles it has most of, else one of its own."""
        began = dict(self._execute("SELECT story_id, first_published_at FROM before").fetchall())
        wishes = [
            (-n, began.get(story, _EVER[1]), story, at) for at, of in enumerate(shares) for story, n in of.items()
        ]
        names: dict[int, str] = {}
        taken: set[str] = set()
        for _, _, story, at in sorted(wishes):
            if at not in names and story not in taken:
                names[at] = story
                taken.add(story)
        nameless = [at for at in range(len(trees)) if at not in names]
        attempt = 0
        while nameless:
            made = {_story_id(self._first(trees[at]), attempt): at for at in nameless}
            fill(self._connection, "wanted", story_id=sorted(made))
            known = self._execute("SELECT story_id FROM lake.stories SEMI JOIN wanted USING (story_id)").fetchall()
            free = made.keys() - {row[0] for row in known} - taken
            names.update((made[story], story) for story in free)
            taken |= free
            nameless = [at for at in nameless if at not in names]
            attempt += 1
        return [names[at] for at in range(len(trees))]

    def _first(self, tree: Tree) -> str:
        return min(self._members[leaf].place for leaf in tree.leaves)[1]

    def _settled(self, named: Iterable[tuple[str, Tree]], kept: Collection[str]) -> None:
        """`settled`: the articles of the stories that are written, with those that are kept as they are; then copies."""
        rows = [
            (name, self._article_ids[leaf], score, at, level)
            for name, tree in named
            for at, (leaf, score, level) in enumerate(
                zip(tree.leaves, self._scores(tree), (0.0, *tree.levels), strict=True)
            )
        ]
        names = ("story_id", "article_id", "score", "position", "level")
        types = (pa.string(), pa.string(), pa.float64(), pa.int64(), pa.float64())
        columns = zip(*rows, strict=True) if rows else [[]] * len(names)
        fill(self._connection, "settled", **{n: pa.array(c, t) for n, c, t in zip(names, columns, types, strict=True)})
        if kept:
            fill(self._connection, "kept", story_id=sorted(kept))
            self._execute(
                "INSERT INTO settled FROM lake.story_articles SEMI JOIN kept USING (story_id) WHERE position IS NOT NULL"
            )
        self._execute(
            """INSERT INTO settled SELECT s.story_id, d.article_id, s.score, NULL, NULL
            FROM (SELECT article_id, duplicate_of FROM lake.duplicates) d JOIN settled s ON d.duplicate_of = s.article_id"""
        )

    def _scores(self, tree: Tree) -> list[float]:
        """How alike each member is to the others on the average; 1 where there are none."""
        others = len(tree.leaves) - 1
        if not others:
            return [1.0]
        leaves = np.array(tree.leaves, dtype=np.int32)
        sums = [int(self._alike[leaf].to(leaves).sum()) for leaf in tree.leaves]
        return [round(min(1.0, n / others / UNIT**2), 4) for n in sums]

    def _insert_stories(self) -> None:
        """The rows of what is settled."""
        self._execute(_CENTRAL)
        if self._execute("SELECT 1 FROM central WHERE headline IS NULL LIMIT 1").fetchone():
            self._execute(_BEGIN)
        self._execute(_STORIES, _oldest(self._clock))

    def _forward(self, ended: set[str], shares: dict[str, Counter[str]], gone: dict[str, str]) -> None:
        """Keep the ids of stories that are no more, each pointing to the one that holds most of its articles."""
        if not ended:
            return
        found = [(story, name, n) for name, of in shares.items() for story, n in of.items() if story in ended]
        places = dict(self._execute("SELECT article_id, story_id FROM settled WHERE position IS NULL").fetchall())
        found += [(story, places[a], 1) for a, story in gone.items() if story in ended and a in places]
        totals: Counter[tuple[str, str]] = Counter()
        for story, name, n in found:
            totals[story, name] += n
        most = {}
        for (story, name), _ in sorted(totals.items(), key=lambda item: (item[1], item[0])):
            most[story] = name
        fill(
            self._connection,
            "merged",
            story_id=pa.array(list(most), pa.string()),
            into=pa.array(list(most.values()), pa.string()),
        )
        self._execute(
            """INSERT INTO lake.stories BY NAME
            SELECT b.* REPLACE ('merged' AS state, m."into" AS merged_into) FROM before b JOIN merged m USING (story_id)"""
        )
        if self._execute(
            "SELECT 1 FROM lake.stories WHERE merged_into IN (SELECT story_id FROM merged) LIMIT 1"
        ).fetchone():
            self._execute(
                'UPDATE lake.stories AS s SET merged_into = m."into" FROM merged m WHERE s.merged_into = m.story_id'
            )


def _around(first: datetime, last: datetime) -> tuple[datetime, datetime]:
    """The times with the window before and after, as far as there are times."""
    earliest, latest = _EVER
    window = timedelta(WINDOW_DAYS)
    return max(first, earliest + window) - window, min(last, latest - window) + window


def _story_id(article_id: str, attempt: int) -> str:
    return hashlib.sha256(f"story\0{article_id}\0{attempt}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


_TOLD = f"""
CREATE OR REPLACE TEMP TABLE told AS
SELECT s.story_id, s.article_id, s.score, s.position IS NULL AS is_copy, a.* EXCLUDE (article_id)
FROM settled s JOIN (
    SELECT article_id, headline, language, {PLACED} AS placed_at, published_at, {plain_publisher(PUBLISHER)} AS publisher
    FROM lake.articles SEMI JOIN settled USING (article_id)
) a USING (article_id)
"""
_CENTRAL = """
CREATE OR REPLACE TEMP TABLE central AS
SELECT DISTINCT ON (story_id) story_id, article_id, headline, language FROM told
ORDER BY story_id, is_copy, headline IS NULL, score DESC, placed_at, article_id
"""
_BEGIN = f"""
UPDATE central SET headline = left(regexp_replace(left(body, {2 * _BEGINNING}), '\\s+', ' ', 'g'), {_BEGINNING})
FROM (SELECT article_id, body FROM lake.articles SEMI JOIN (FROM central WHERE headline IS NULL) USING (article_id)) a
WHERE central.article_id = a.article_id
"""
_STORIES = f"""
INSERT INTO lake.stories BY NAME
WITH counted AS (
    SELECT story_id, coalesce(min(published_at), min(placed_at)) AS first_published_at,
        coalesce(max(published_at), max(placed_at)) AS last_published_at, count(*) AS articles,
        count(*) FILTER (is_copy) AS copies, count(DISTINCT publisher) FILTER (NOT is_copy) AS publishers
    FROM told GROUP BY story_id
), tagged AS (
    SELECT story_id, scheme, tag, count(*) AS n, sum(t.score) AS total
    FROM lake.article_tags t JOIN (SELECT story_id, article_id FROM told WHERE NOT is_copy) USING (article_id)
    WHERE scheme IN ('country', 'mediatopic') GROUP BY ALL
), frequent AS (
    SELECT story_id, scheme, list(tag ORDER BY n DESC, total DESC, tag)[:{_MOST_TAGS}] AS tags
    FROM tagged JOIN counted USING (story_id) WHERE n >= {_SHARE_OF_TAGS} * (articles - copies) GROUP BY ALL
)
SELECT counted.*, central.headline, central.language, coalesce(c.tags, []) AS countries, coalesce(m.tags, []) AS subjects,
    if(last_published_at < ?, 'closed', 'open') AS state, NULL AS merged_into
FROM counted JOIN central USING (story_id)
LEFT JOIN (FROM frequent WHERE scheme = 'country') c USING (story_id)
LEFT JOIN (FROM frequent WHERE scheme = 'mediatopic') m USING (story_id)
"""
