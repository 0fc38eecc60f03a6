"""Which articles are copies, and of which original: part of the load's transaction.

Two articles match when their bodies are the same, when one page names the other's address as its canonical one, when a
feed gave both one id, or when a good part of the shorter body stands in the other (`warehouse.shingles`). All articles
stand in one order, that of publication; each is a copy of an earlier article that it matches itself and that is no
copy, and else an original. That is a function of the articles alone, not of the order in which they came: a load
works out anew those that it brought or changed, and whichever others hang on them.

The index is the table `sketches`, written in the same transaction, so it is never behind; where it is not there, or of
older code, `lacking` names the articles to settle.
"""

from __future__ import annotations

import heapq
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import duckdb
import pyarrow as pa

from warehouse.passing import fill, in_times, insert, keep
from warehouse.rows import SketchRow
from warehouse.schema import record_batch
from warehouse.shared import EARLIEST, Row, near_pairs
from warehouse.shingles import (
    SKETCH_VERSION,
    Likeness,
    Shingled,
    compare,
    sample,
    shingles,
)

_MOSTLY = 0.6
"""Share of a text from which on it is mostly another's."""
_HOLDING = 24
"""Later articles that are looked at, of those that are mostly made of one."""
HORIZON_DAYS = 366
"""Articles whose times of publication lie further apart are copies only by their whole bodies, addresses or ids."""
_SHINGLES = 10_000_000
"""Of bodies that are kept for the next comparison: some ten bytes each."""
_BODIES = 20_000
"""Bodies whose shingles are held at a time: some 2 KB each."""
_READS = 12
"""So often are bodies read at the most, of another time each."""
_GAP = timedelta(days=1)
_CATCH_UP = 10_000

_PLACED = "coalesce(published_at, CASE WHEN role IN ('entry', 'page') THEN first_seen_at END)"
_PUBLISHER = "coalesce(publisher, CASE WHEN role IN ('entry', 'page') THEN source END)"
_SAME_TEXT = (
    "CASE WHEN word_count < 10 THEN concat(body_sha256, coalesce(lower(headline), article_id)) ELSE body_sha256 END"
)
"""A few words (“All songs”, “Watch the video below.”) are the same text under the same headline only."""

Pair = tuple[str, str]
"""Ids of two articles, the earlier first."""
Place = tuple[bool, datetime | str, str]
"""Of an article in the order of originals: undated last, then the time, then the id."""


@dataclass(frozen=True, slots=True)
class _Match:
    reason: str
    score: float = 1.0
    is_copy: bool = True
    """Whether it makes a copy by itself, or only where another copy of the same original is like both."""


@dataclass(frozen=True, slots=True)
class _Copy:
    """What a row of `duplicates` says of a copy."""

    original: str
    reason: str
    score: float

    def is_less_near(self, match: _Match) -> bool:
        """Whether the copy has most of its text, and more of it, in common with another article."""
        return self.reason == match.reason == "near" and match.score >= _MOSTLY and match.score > self.score


def settle_copies(connection: duckdb.DuckDBPyConnection, changed: str, run_id: str, staged: str | None = None) -> int:
    """Bring `sketches` and `duplicates` up to date with the articles whose ids the table `changed` holds.

    `staged` names rows of `sketches` that the pipeline has made; what it lacks is made from the bodies.
    Gives the number of articles that have become copies; the table `recopied` holds all of which something else is said,
    `uncopied` what was said of them.
    """
    _sketch(connection, changed, staged)
    sys.audit("newsmill.point", "loaded-sketches")
    count = _Copies(connection, run_id).settle(changed)
    sys.audit("newsmill.point", "loaded-duplicates")
    return count


def lacking(connection: duckdb.DuckDBPyConnection) -> int:
    """Fill the temporary table `lacking` with ids of articles that the index lacks or has of older code, the earliest first.

    Gives their number, which is 0 at once where the index is whole, and bounded where it is not.
    """
    numbers = connection.execute(
        f"""SELECT (SELECT count(*) FROM lake.articles),
            (SELECT count(*) FROM lake.sketches WHERE sketch_version = {SKETCH_VERSION})"""
    ).fetchone()
    if numbers and numbers[0] == numbers[1]:
        return 0
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE lacking AS SELECT article_id FROM lake.articles
        ANTI JOIN (FROM lake.sketches WHERE sketch_version = {SKETCH_VERSION}) USING (article_id)
        ORDER BY {_PLACED} NULLS LAST, article_id LIMIT {_CATCH_UP}"""
    )
    (count,) = connection.execute("SELECT count(*) FROM lacking").fetchone() or (0,)
    return int(count)


def _sketch(connection: duckdb.DuckDBPyConnection, changed: str, staged: str | None) -> None:
    """Take the changed articles into the index, where it holds none or another body of theirs."""
    keep(connection, "fresh", changed, _NAMED)
    sketched = "lake.sketches SEMI JOIN fresh USING (article_id)"
    if not connection.execute(f"SELECT article_id FROM {sketched} LIMIT 1").fetchone():
        sketched = "lake.sketches WHERE false"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE unsketched AS SELECT a.article_id, a.body_sha256, a.placed_at,
            s.article_id IS NOT NULL AS is_there FROM fresh a
        LEFT JOIN (SELECT article_id, body_sha256, placed_at, sketch_version FROM {sketched}) s USING (article_id)
        WHERE (a.body_sha256, a.placed_at, {SKETCH_VERSION}) IS DISTINCT FROM (s.body_sha256, s.placed_at, s.sketch_version)"""
    )
    connection.execute("CREATE OR REPLACE TEMP TABLE former AS FROM lake.sketches WHERE false")
    if connection.execute("SELECT 1 FROM unsketched WHERE is_there LIMIT 1").fetchone():
        connection.execute(
            f"""INSERT INTO former FROM lake.sketches SEMI JOIN (FROM unsketched WHERE is_there) USING (article_id)
            WHERE sketch_version = {SKETCH_VERSION}"""
        )
        connection.execute(
            "DELETE FROM lake.sketches WHERE article_id IN (SELECT article_id FROM unsketched WHERE is_there)"
        )
    made = "(SELECT NULL::VARCHAR AS body_sha256 WHERE false)"
    if staged:
        made = f"(SELECT DISTINCT ON (body_sha256) body_sha256, shingles, sampled FROM {staged})"
        connection.execute(
            f"""INSERT INTO lake.sketches BY NAME SELECT article_id, body_sha256, {SKETCH_VERSION} AS sketch_version,
            placed_at, shingles, sampled FROM unsketched JOIN {made} USING (body_sha256)"""
        )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE unmade AS FROM unsketched ANTI JOIN {made} USING (body_sha256)")
    if not connection.execute("SELECT 1 FROM unmade LIMIT 1").fetchone():
        return
    rows = connection.execute(
        """SELECT a.article_id, u.body_sha256, u.placed_at, a.body FROM lake.articles a JOIN unmade u USING (article_id)"""
    ).fetchall()
    insert(connection, "sketches", record_batch(SketchRow, [_sketched(*row) for row in rows]))


def _sketched(article_id: str, body_sha256: str, placed_at: datetime | None, body: str) -> SketchRow:
    of = shingles(body)
    return SketchRow(
        article_id=article_id,
        body_sha256=body_sha256,
        sketch_version=SKETCH_VERSION,
        placed_at=placed_at,
        shingles=len(of),
        sampled=sample(of),
    )


class _Copies:
    """Works out anew which of the articles that are looked at are copies."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, run_id: str) -> None:
        self._connection, self._run_id = connection, run_id
        self._fresh: set[str] = set()
        self._places: dict[str, Place] = {}
        self._before: dict[str, _Copy | None] = {}
        """Of each article that was met, what the lake says of it."""
        self._now: dict[str, _Copy | None] = {}
        """Of those that were decided anew, what holds."""
        self._matches: dict[str, dict[str, _Match]] = {}
        """Of those that were searched for, whatever they match."""
        self._likenesses: dict[Pair, Likeness] = {}
        self._bodies: dict[str, Shingled] = {}
        self._shingles = 0

    def settle(self, changed: str) -> int:
        self._fresh = fresh = self._ids("SELECT article_id FROM fresh")
        hanging = self._ids(
            f"SELECT article_id FROM lake.duplicates SEMI JOIN (SELECT article_id AS duplicate_of FROM {changed}) USING (duplicate_of)"
        )
        self._decide(fresh | hanging | self._touched(), fresh)
        return self._write()

    def _touched(self) -> set[str]:
        """The articles that what has changed was like before."""
        if not self._connection.execute("SELECT 1 FROM former LIMIT 1").fetchone():
            return set()
        self._connection.execute("CREATE OR REPLACE TEMP TABLE wanted AS FROM former")
        return {ident for row in near_pairs(self._connection, horizon_days=HORIZON_DAYS) for ident in (row[0], row[2])}

    def _ids(self, sql: str) -> set[str]:
        return {row[0] for row in self._connection.execute(sql).fetchall()}

    def _decide(self, undecided: set[str], fresh: set[str]) -> None:
        """Decide in the order of places: what comes earlier never depends on what comes later."""
        self._search(undecided)
        undecided &= self._places.keys()  # what the index lacks is decided when it is taken in
        undecided |= {other for ident in fresh & undecided for other in self._freed_by(ident)}
        queue = [(self._places[ident], ident) for ident in undecided]
        heapq.heapify(queue)
        while queue:
            ident = queue[0][1]
            if ident not in self._matches:
                self._search({waiting for _, waiting in queue} - self._matches.keys())
            heapq.heappop(queue)
            undecided.discard(ident)
            for other in self._reconsider(ident, is_fresh=ident in fresh) - undecided:
                undecided.add(other)
                heapq.heappush(queue, (self._places[other], other))

    def _reconsider(self, ident: str, *, is_fresh: bool) -> set[str]:
        """Decide on an article; gives the others that this concerns, all of them later."""
        before = self._of(ident)
        self._now[ident] = now = self._original(ident)
        if not is_fresh and (before and before.original) == (now and now.original):
            return set()
        became_copy = before is None and now is not None and not is_fresh
        return self._later(ident) | (self._hanging(ident) if became_copy else set())

    def _later(self, ident: str) -> set[str]:
        return {other for other in self._matches[ident] if self._places[other] > self._places[ident]}

    def _hanging(self, ident: str) -> set[str]:
        """The copies of what was an original."""
        rows = self._connection.execute(
            "SELECT article_id FROM lake.duplicates WHERE duplicate_of = ?", [ident]
        ).fetchall()
        self._meet(row[0] for row in rows)
        in_lake = {row[0] for row in rows} - self._now.keys()
        return in_lake | {other for other, copy in self._now.items() if copy and copy.original == ident}

    def _of(self, ident: str) -> _Copy | None:
        return self._now[ident] if ident in self._now else self._before[ident]

    def _original(self, ident: str) -> _Copy | None:
        """The original that the article is a copy of, if it is one.

        Of several that it matches and that are no copies of one another, the one that it shares most with. Where it matches
        only copies, their original, if it is like that one too; what is the same by body or id has one original. Where a
        later article is nothing like the original, and is this one more than this one is the original, this one is
        an original too: that of the later one.
        """
        matches = self._matches[ident]
        found: list[tuple[bool, float, Place, _Copy]] = []
        for other, match in matches.items():
            if self._places[other] > self._places[ident] or not match.is_copy:
                continue
            copy = self._of(other)
            original = copy.original if copy else other
            own = match if copy is None or match.reason in ("content", "guid") else self._likened(ident, original)
            if own:
                key = copy is not None, -own.score, self._places[original]
                found.append((*key, _Copy(original, own.reason, own.score)))
        found.sort(key=lambda each: each[:3])
        return next((copy for *_, copy in found if not self._is_held(ident, copy)), None)

    def _likened(self, ident: str, other: str) -> _Match | None:
        """How the article matches one that the search may have missed."""
        if found := self._matches[ident].get(other):
            return found
        if _are_far_apart(self._places[other], self._places[ident]):
            return None
        (likeness,) = self._compared([(other, ident)]).values()
        return _Match("near", round(likeness.share, 4)) if likeness.is_alike else None

    def _is_held(self, ident: str, copy: _Copy) -> bool:
        """Whether a later article needs this one as its original."""
        place = self._places[ident]
        later = sorted(
            (self._places[other], other) for other in self._nearer(ident, copy) if self._places[other] > place
        )
        pairs = [(copy.original, other) for _, other in later[:_HOLDING] if not self._noted((copy.original, other))]
        return not all(likeness.is_alike for likeness in self._compared(pairs).values())

    def _freed_by(self, ident: str) -> Iterator[str]:
        """The earlier articles that can no longer be copies of what they are."""
        for other, match in self._matches[ident].items():
            copy = self._before[other]
            if copy and copy.original not in self._matches[ident] and copy.is_less_near(match):
                yield other

    def _nearer(self, ident: str, copy: _Copy) -> Iterator[str]:
        """The articles that have more in common with this one than it has with what it is a copy of."""
        return (other for other, match in self._matches[ident].items() if copy.is_less_near(match))

    def _meet(self, idents: Iterable[str]) -> None:
        """Learn of articles that have not been met whether they are copies, and of which original."""
        unmet = set(idents) - self._before.keys()
        if not unmet:
            return
        self._before.update(dict.fromkeys(unmet))
        self._fill("met", unmet)
        rows = self._connection.execute(
            "SELECT article_id, duplicate_of, reason, score FROM lake.duplicates SEMI JOIN met USING (article_id)"
        ).fetchall()
        self._before.update((ident, _Copy(*said)) for ident, *said in rows)
        self._place(unmet | {original for _, original, *_ in rows})
        self._meet(original for _, original, *_ in rows)

    def _place(self, idents: set[str]) -> None:
        unplaced = idents - self._places.keys()
        if not unplaced:
            return
        self._fill("met", unplaced)
        rows = self._connection.execute(
            "SELECT article_id, placed_at FROM lake.sketches SEMI JOIN met USING (article_id)"
        )
        self._learn(rows.fetchall())

    def _learn(self, rows: Iterable[tuple[str, datetime | None]]) -> None:
        self._places.update((ident, (placed_at is None, placed_at or "", ident)) for ident, placed_at in rows)

    def _fill(self, table: str, idents: Iterable[str]) -> None:
        fill(self._connection, table, article_id=pa.array(sorted(idents), pa.string()))

    # What matches

    def _search(self, idents: set[str]) -> None:
        """Find all that the articles match."""
        for ident in idents:
            self._matches[ident] = {}
        self._fill("sought", idents)
        if idents <= self._fresh:
            self._connection.execute(
                "CREATE OR REPLACE TEMP TABLE named AS FROM fresh SEMI JOIN sought USING (article_id)"
            )
        else:
            keep(self._connection, "named", "sought", _NAMED)
        sketches, bounds = in_times(self._connection, "lake.sketches", "placed_at", "named")
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE wanted AS {_WANTED.format(sketches)}", bounds)
        self._learn(self._connection.execute("SELECT article_id, placed_at FROM wanted").fetchall())
        near = self._learned(near_pairs(self._connection, horizon_days=HORIZON_DAYS))
        same, named = self._pairs(_SAME_BODY), self._pairs(_SAME_ADDRESS)
        has_feeds = self._connection.execute("SELECT 1 FROM wanted WHERE role IN ('entry', 'page') LIMIT 1").fetchone()
        twins = self._pairs(_SAME_GUID) if has_feeds else []
        self._meet({ident for pairs in (near, same, named, twins) for pair in pairs for ident in pair} | idents)
        for pair in same:
            self._note(pair, _Match("content"))
        for reason, pairs in (("canonical", named), ("guid", twins)):
            for pair, likeness in self._compared(pairs, is_named=True).items():
                if likeness.is_copy:
                    self._note(pair, _Match(reason))
        for pair in near:
            if match := self._noted(pair):
                self._note(pair, match)
        self._note_alike([pair for pair in near if not self._noted(pair)])

    def _note_alike(self, pairs: Sequence[Pair]) -> None:
        for pair, likeness in self._compared(pairs).items():
            if likeness.is_alike:
                self._note(pair, _Match("near", round(likeness.share, 4), likeness.is_copy))

    def _pairs(self, sql: str) -> list[Pair]:
        return self._learned(self._connection.execute(sql).fetchall())

    def _learned(self, rows: Sequence[Row]) -> list[Pair]:
        self._learn((ident, at) for row in rows for ident, at in (row[:2], row[2:]))
        return [(row[0], row[2]) for row in rows]

    def _note(self, pair: Pair, match: _Match) -> None:
        for ident, other in (pair, pair[::-1]):
            if ident in self._matches:
                self._matches[ident].setdefault(other, match)

    def _noted(self, pair: Pair) -> _Match | None:
        """The match of the pair that either of them has."""
        one, other = pair
        return self._matches.get(one, {}).get(other) or self._matches.get(other, {}).get(one)

    def _compared(self, pairs: Sequence[Pair], *, is_named: bool = False) -> dict[Pair, Likeness]:
        """What the bodies of the pairs have in common."""
        found = {} if is_named else self._likenesses
        for some in _sliced(sorted(pair for pair in pairs if pair not in found)):
            bodies = self._shingled({ident for pair in some for ident in pair})
            found.update(((one, other), compare(bodies[one], bodies[other], is_named=is_named)) for one, other in some)
        return {pair: found[pair] for pair in pairs}

    def _shingled(self, idents: set[str]) -> dict[str, Shingled]:
        """The articles' bodies, those lately read among them."""
        if self._shingles > _SHINGLES:
            self._bodies.clear()
            self._shingles = 0
        read = self._read_bodies(idents - self._bodies.keys())
        self._shingles += sum(len(body.all) for body in read.values())
        self._bodies |= read
        return self._bodies

    def _read_bodies(self, idents: set[str]) -> dict[str, Shingled]:
        """The articles' bodies; those of one time are read together, so that little else of the lake is."""
        found: dict[str, Shingled] = {}
        dated = [(at, ident) for ident in idents if isinstance(at := self._places[ident][1], datetime)]
        for some in _near_in_time(sorted(dated)):
            found |= self._read(
                {ident for _, ident in some}, "WHERE published_at BETWEEN ? AND ?", some[0][0], some[-1][0]
            )
        return found | self._read(set(idents) - found.keys(), "WHERE published_at IS NULL")

    def _read(self, idents: set[str], when: str, *values: object) -> dict[str, Shingled]:
        if not idents:
            return {}
        self._fill("met", idents)
        rows = self._connection.execute(
            f"SELECT article_id, body, {_PUBLISHER} FROM (FROM lake.articles {when}) SEMI JOIN met USING (article_id)",
            list(values),
        )
        found: dict[str, Shingled] = {}
        while some := rows.fetchmany(500):
            found.update((ident, Shingled.of(body, publisher)) for ident, body, publisher in some)
        return found

    def _write(self) -> int:
        """Write what has changed of `duplicates`; gives the number of new copies."""
        changed = [ident for ident, copy in self._now.items() if copy != self._before[ident]]
        were = [ident for ident in changed if self._before[ident]]
        self._fill("recopied", changed)
        self._fill("met", were)
        said = "lake.duplicates SEMI JOIN met USING (article_id)" if were else "lake.duplicates WHERE false"
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE uncopied AS FROM {said}")
        if were:
            self._connection.execute("DELETE FROM lake.duplicates WHERE article_id IN (SELECT article_id FROM met)")
        if not changed:
            return 0
        copies = {ident: copy for ident in sorted(changed) if (copy := self._now[ident])}
        if copies:
            rows = {
                "article_id": list(copies),
                "duplicate_of": [copy.original for copy in copies.values()],
                "reason": [copy.reason for copy in copies.values()],
                "score": [copy.score for copy in copies.values()],
                "run_id": [self._run_id] * len(copies),
            }
            insert(self._connection, "duplicates", pa.RecordBatch.from_pydict(rows))
        return sum(self._before[ident] is None for ident in copies)


def _near_in_time(dated: Sequence[tuple[datetime, str]]) -> list[Sequence[tuple[datetime, str]]]:
    """The line in a few parts, cut at the widest gaps."""
    gaps = [(later[0] - earlier[0], at) for at, (earlier, later) in enumerate(pairwise(dated), 1)]
    cuts = sorted(at for gap, at in heapq.nlargest(_READS - 1, gaps) if gap > _GAP)
    return [dated[start:end] for start, end in pairwise([0, *cuts, len(dated)])] if dated else []


def _are_far_apart(one: Place, other: Place) -> bool:
    times = [place[1] for place in (one, other) if isinstance(place[1], datetime)]
    return len(times) == 2 and abs(times[1] - times[0]) > timedelta(days=HORIZON_DAYS)


def _sliced(pairs: Sequence[Pair]) -> Iterator[list[Pair]]:
    """The pairs in parts that name a bounded number of articles."""
    some: list[Pair] = []
    named: set[str] = set()
    for pair in pairs:
        some.append(pair)
        named.update(pair)
        if len(named) >= _BODIES:
            yield some
            some, named = [], set()
    if some:
        yield some


# Pairs of articles of which one is wanted, the earlier first. Each group gives its earliest members' pairs only, so that a
# line that a million articles share costs no more than one that a few do.

_NAMED = f"article_id, body_sha256, canonical_url, role, {_PLACED} AS placed_at"
_WANTED = """
SELECT article_id, s.placed_at, shingles, sampled, n.body_sha256, canonical_url, role
FROM {} s JOIN named n USING (article_id)
"""
_PAIRED = f"""
SELECT e.article_id, e.placed_at, l.article_id, l.placed_at FROM ranked e JOIN ranked l USING (shared)
WHERE e.n < l.n AND e.n <= {EARLIEST} AND (e.is_wanted OR l.is_wanted)
"""
_RANKED = """ranked AS (
    SELECT *, article_id IN (SELECT article_id FROM wanted) AS is_wanted,
        row_number() OVER (PARTITION BY shared ORDER BY placed_at NULLS LAST, article_id) AS n
    FROM sharing QUALIFY count(*) OVER (PARTITION BY shared) > 1
)"""
_SAME = f"""
WITH sharing AS (
    SELECT {{1}} AS shared, article_id, {_PLACED} AS placed_at FROM lake.articles
    WHERE {{0}} IN (SELECT {{0}} FROM wanted WHERE {{0}} IS NOT NULL)
), {_RANKED}
SELECT DISTINCT * FROM ({_PAIRED})
"""
_SAME_BODY = _SAME.format("body_sha256", _SAME_TEXT)
_SAME_ADDRESS = _SAME.format("canonical_url", "canonical_url")
_SAME_GUID = f"""
WITH own AS (
    SELECT DISTINCT source, address FROM lake.documents WHERE kind = 'entry' AND document_id IN (
        SELECT document_id FROM lake.outcomes WHERE article_id IN (SELECT article_id FROM wanted))
), entries AS (
    SELECT source, address, document_id FROM lake.documents SEMI JOIN own USING (source, address)
    WHERE kind = 'entry' QUALIFY count(*) OVER (PARTITION BY source, address) > 1
), named AS (
    SELECT DISTINCT row(source, address) AS shared, article_id FROM entries JOIN (
        SELECT document_id, article_id FROM lake.outcomes SEMI JOIN entries USING (document_id) WHERE article_id IS NOT NULL
    ) USING (document_id)
), sharing AS (
    SELECT shared, article_id, placed_at FROM named JOIN lake.sketches USING (article_id)
), {_RANKED}
SELECT DISTINCT * FROM ({_PAIRED})
"""
