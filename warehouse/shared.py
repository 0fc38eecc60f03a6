"""Pairs of articles whose samples of shingles have about enough in common to be compared.

The index is read once, as it streams by. Of the articles that share a shingle the earliest are paired with the rest, so that
a line that a million articles share costs no more than one that a few do; nothing else of them is kept in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.shingles import SHARED_SAMPLES, rate_of

EARLIEST = 20
"""Of the articles that share a shingle, so many of the earliest are compared with the others: what more share is boilerplate."""
_CANDIDATES = 12
"""Of the earlier articles that share about enough with one, so many of the earliest are compared with it, and of those that
share most."""
_NEXT = 60
"""Of what is later than a wanted article and is not wanted itself, so many of the next are compared with it. The rest are copies
of those, which are looked at once those are copies themselves, or share a line of boilerplate."""
_ABOUT_ENOUGH = 0.1
_AT_A_TIME = 50_000
_PAIRS_AT_A_TIME = 4_000_000
_PRUNED_AT = 500_000
_BEGINNING = np.uint32(10)
"""Bits of a shingle that are left out where most are told by the others not to be wanted."""
_UNDATED = np.iinfo(np.int64).max
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Row = tuple[str, datetime | None, str, datetime | None]
"""The earlier article and its time, the later one and its own."""


def near_pairs(connection: duckdb.DuckDBPyConnection, *, horizon_days: int) -> list[Row]:
    """The pairs of which one article is in the table `wanted`, and that are no further apart than the horizon."""
    columns = "article_id, epoch_us(placed_at) AS placed_us, shingles, sampled"
    wanted = connection.execute(f"SELECT {columns} FROM wanted").to_arrow_table().combine_chunks()
    if not len(pc.list_flatten(wanted["sampled"])):
        return []
    found = _Sharing(wanted)
    others = connection.execute(f"SELECT {columns} FROM lake.sketches ANTI JOIN wanted USING (article_id)")
    for some in others.to_arrow_reader(_AT_A_TIME):
        found.take(some)
    return found.pairs(horizon_days * 86_400_000_000)


class _Sharing:
    """The articles that have a shingle of one that is wanted: of each shingle the earliest, and what is later than a wanted one of those."""

    def __init__(self, wanted: pa.Table) -> None:
        flat = pc.list_flatten(wanted["sampled"]).to_numpy()
        self._shingles = np.unique(flat)
        self._wanted = len(wanted)
        self._articles: list[pa.Table] = [_placed(wanted)]
        self._count = self._wanted
        self._rows: list[Ints] = [pc.list_parent_indices(wanted["sampled"]).to_numpy().astype(np.int64)]
        self._of: list[Ints] = [np.searchsorted(self._shingles, flat)]
        self._times: list[Ints] = [_times(wanted)[self._rows[0]]]
        self._first_wanted = np.full(len(self._shingles), _UNDATED)
        np.minimum.at(self._first_wanted, self._of[0], self._times[0])
        self._last = np.full(len(self._shingles), _UNDATED)
        """Of each shingle, the time from which on no other article counts."""
        self._taken = self._kept = 0

    def take(self, some: pa.RecordBatch) -> None:
        """Take in articles that are not wanted."""
        times, values = _times(some), pc.list_flatten(some["sampled"]).to_numpy()
        at = np.flatnonzero(self._is_any(times.min())[values >> _BEGINNING])
        of = np.searchsorted(self._shingles, values[at])
        of[of == len(self._shingles)] = 0
        parents = pc.list_parent_indices(some["sampled"]).to_numpy()[at]
        times = times[parents]
        kept = np.flatnonzero((self._shingles[of] == values[at]) & (times <= self._last[of]))
        if not len(kept):
            return
        rows, places = np.unique(parents[kept], return_inverse=True)
        self._articles.append(_placed(some.take(rows)))
        self._rows.append(self._count + places)
        self._of.append(of[kept])
        self._times.append(times[kept])
        self._count += len(rows)
        self._taken += len(kept)
        if self._taken > _PRUNED_AT + self._kept:
            self._prune()

    def _is_any(self, earliest: int) -> npt.NDArray[np.bool_]:
        """Of each beginning of a number, whether a shingle begins so of which an article so early counts."""
        found = np.zeros(1 << 32 - int(_BEGINNING), dtype=bool)
        found[self._shingles[self._last >= earliest] >> _BEGINNING] = True
        return found

    def _prune(self) -> None:
        """Leave out what is later than the earliest of a shingle, where those are all earlier than what is wanted."""
        if len(self._rows) == 1:
            return
        rows, of, times = (np.concatenate(some[1:]) for some in (self._rows, self._of, self._times))
        order = np.lexsort((times, of))
        starts = np.searchsorted(of[order], np.arange(len(self._shingles) + 1))
        full = np.flatnonzero(np.diff(starts) >= EARLIEST)
        last = times[order[starts[full] + EARLIEST - 1]]
        is_past = last < self._first_wanted[full]
        self._last[full[is_past]] = last[is_past]
        kept = times <= self._last[of]
        for some, whole in ((self._rows, rows), (self._of, of), (self._times, times)):
            some[1:] = [whole[kept]]
        self._kept, self._taken = int(kept.sum()), 0

    def pairs(self, horizon: int) -> list[Row]:
        """Those that share enough, of each later article with the earliest."""
        self._prune()
        rows, of = np.concatenate(self._rows), np.concatenate(self._of)
        used, rows = np.unique(rows, return_inverse=True)
        articles = pa.concat_tables(self._articles).take(pa.array(used)).combine_chunks()
        order = pc.sort_indices(articles, [("time", "ascending"), ("article_id", "ascending")]).to_numpy()
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        is_wanted = used[order] < self._wanted
        articles = articles.take(pa.array(order))
        at = np.sort((of.astype(np.int64) << 32) | places[rows].astype(np.int64))
        found = [_enough(codes, articles, horizon) for codes in _paired(at >> 32, at & 0xFFFFFFFF, is_wanted)]
        return _named(_best(*map(np.concatenate, zip(*found, strict=True))), articles) if found else []


def _placed(some: pa.RecordBatch | pa.Table) -> pa.Table:
    return pa.table({"article_id": some["article_id"], "time": _times(some), "size": some["shingles"]})


def _times(some: pa.RecordBatch | pa.Table) -> Ints:
    times: Ints = pc.fill_null(some["placed_us"], _UNDATED).to_numpy()
    return times


def _paired(of: Ints, places: Ints, is_wanted: npt.NDArray[np.bool_]) -> Iterator[Ints]:
    """Pairs of places, the earlier in the upper half of the number, once for each shingle that both have.

    All of a pair come at once, and a bounded number of pairs, but for what one article has.
    """
    starts = np.searchsorted(of, of)
    rank = np.arange(len(of)) - starts
    ours = is_wanted[places]
    later = np.flatnonzero(ours & (rank > 0))
    for some in _sliced(later, places[later], np.minimum(rank[later], EARLIEST)):
        counts = np.minimum(rank[some], EARLIEST)
        earlier = np.repeat(starts[some], counts) + _steps(counts)
        yield (places[earlier] << 32) | np.repeat(places[some], counts)
    theirs = np.flatnonzero(~ours)
    first = np.searchsorted(theirs, np.arange(len(of)))
    after = np.minimum(np.searchsorted(theirs, np.searchsorted(of, of, side="right")) - first, _NEXT)
    earliest = np.flatnonzero(ours & (rank < EARLIEST) & (after > 0))
    for some in _sliced(earliest, places[earliest], after[earliest]):
        others = theirs[np.repeat(first[some], after[some]) + _steps(after[some])]
        yield (np.repeat(places[some], after[some]) << 32) | places[others]


def _steps(counts: Ints) -> Ints:
    """0 up to each of the counts, one after the other."""
    return np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)


def _sliced(some: Ints, keys: Ints, counts: Ints) -> Iterator[Ints]:
    """Parts of some that together have a bounded count, and all of a key."""
    order = np.argsort(keys, kind="stable")
    some, keys, total = some[order], keys[order], counts[order].cumsum()
    start = 0
    while start < len(some):
        end = int(np.searchsorted(total, (total[start - 1] if start else 0) + _PAIRS_AT_A_TIME, side="right"))
        end = int(np.searchsorted(keys, keys[max(start, end - 1)], side="right"))
        yield some[start:end]
        start = end


def _enough(codes: Ints, articles: pa.Table, horizon: int) -> tuple[Ints, Floats]:
    """Of the pairs, each once, those that share about enough, and how much of the shorter one that is."""
    pairs, shared = np.unique(codes, return_counts=True)
    pairs, shared = pairs[shared >= SHARED_SAMPLES], shared[shared >= SHARED_SAMPLES]
    both = np.stack([pairs >> 32, pairs & 0xFFFFFFFF])
    times, sizes = articles["time"].to_numpy()[both], articles["size"].to_numpy()[both]
    rates = np.array(list(map(rate_of, sizes.ravel().tolist())), dtype=np.int64).reshape(sizes.shape)
    is_enough = shared * rates.max(axis=0) >= _ABOUT_ENOUGH * sizes.min(axis=0)
    is_in_time = (times[1] - times[0] <= horizon) | (times[1] == _UNDATED)
    is_kept = is_enough & is_in_time
    return pairs[is_kept], (shared * rates.max(axis=0) / sizes.min(axis=0))[is_kept]


def _best(pairs: Ints, shares: Floats) -> Ints:
    """Of each later article, those with the earliest others, and those with the others that it shares most with."""
    turned = ((pairs & 0xFFFFFFFF) << 32) | (pairs >> 32)
    kept = []
    for order in (np.argsort(turned), np.lexsort((turned, -shares, turned >> 32))):
        later = turned[order] >> 32
        kept.append(turned[order][np.arange(len(later)) - np.searchsorted(later, later) < _CANDIDATES])
    return np.union1d(*kept)


def _named(pairs: Ints, articles: pa.Table) -> list[Row]:
    names, times = articles["article_id"], articles["time"]
    columns = []
    for at in (pairs & 0xFFFFFFFF, pairs >> 32):
        columns += [names.take(pa.array(at)).to_pylist(), [*map(_time, times.take(pa.array(at)).to_pylist())]]
    return list(zip(*columns, strict=True))


def _time(micros: int) -> datetime | None:
    return None if micros == _UNDATED else _EPOCH + timedelta(microseconds=micros)
