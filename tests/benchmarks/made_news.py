"""A year of made-up news as the indexes of copies and stories see it: sketches and vectors that lie as dense as real ones.

Measured on 210 articles of a newspaper and on 456 of many sites, and in brackets what is made here for one day: two
articles share 0.23 to 0.43 terms on the average (0.35); one pair in 490 to 230 is alike by .15 (one in 210, half of them in
one story), one in 750 to 480 by .20 (one in 300); two share 0.007 to 0.008 sampled shingles (0.008), the most common of
which is in three or four articles of a hundred (four).

Each number is a hash of the article's, so a part of the year is the same whatever else is made.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tests.benchmarks.corpus import paragraph
from warehouse.terms import UNIT

A_YEAR = 1_000_000
"""Articles of a year."""
END_S = 1_924_992_000
"""When the last is published: the first of January 2031."""
_CHUNK = 20_000

_MOST_OF_A_STORY = 200
_TAIL_OF_STORIES = 1.2
"""Sizes of stories: Pareto's law with this exponent, three articles on the average."""
_DAYS_OF_A_STORY = 1.5
_BEATS = 2_000
_FIRST_BEAT = 8
"""The n-th beat has a part of the stories like 1 / (n + this)."""
_COPIES = 0.06

# Of the terms of each kind: how many there are to choose from, how many an article has, how their choice falls off, their
# weights.
_STORY = (14, 8, 0.3, 180, 340)
_BEAT = (40, 13, 1.0, 60, 320)
_ANY = (60_000, 19, 20, 90, 200)

_SAMPLED = 60
_COMMON_SAMPLED = 14
_COMMON_SHINGLES = 150_000
_OF_PUBLISHER = 3
_PUBLISHERS = 2_000
_KEPT_BY_COPIES = 45
_PARAGRAPHS = 20_000
_OF_BODY = 5

Numbers = npt.NDArray[np.int64]


def _mixed(*of: Numbers | int) -> npt.NDArray[np.uint64]:
    """A 64-bit hash of the numbers, broadcast (the finaliser of SplitMix64)."""
    z = np.zeros(1, np.uint64)
    for each in of:
        z = (z ^ np.asarray(each).astype(np.uint64)) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return z


def _share(*of: Numbers | int) -> npt.NDArray[np.float64]:
    return (_mixed(*of) >> np.uint64(11)).astype(np.float64) / 2**53 + 2**-54


@dataclass(frozen=True)
class News:
    """So many articles, in the order of their times; the first of them as many a day as the last."""

    count: int
    era_begins: int = 0
    """The number of the article from which on stories and beats are others than before."""

    @cached_property
    def _told(self) -> tuple[npt.NDArray[np.float64], Numbers]:
        """When, in seconds since 1970, and in which story each article is told."""
        dice = np.random.default_rng(7)
        sizes = np.minimum(_MOST_OF_A_STORY, dice.random(self.count) ** (-1 / _TAIL_OF_STORIES)).astype(np.int64)
        story = np.repeat(np.arange(self.count), sizes)[: self.count]
        span = self.count * 365.25 * 86_400 / A_YEAR
        late = dice.exponential(_DAYS_OF_A_STORY * 86_400, self.count)
        seconds = END_S - (dice.random(self.count)[story] * span + late) % span
        order = np.argsort(seconds, kind="stable")
        return np.round(seconds[order], 3), story[order]

    @cached_property
    def _copied(self) -> Numbers:
        """Of each article the original that it is a copy of, else itself: one of up to 400 before it."""
        n = np.arange(self.count)
        back = np.minimum(n, 1 + (_mixed(n, 1) % np.uint64(400)).astype(np.int64))
        is_copy = _share(n, 2) < _COPIES
        is_copy &= (n - back >= self.era_begins) | (n < self.era_begins)
        original = np.where(is_copy, n - back, n)
        return np.where(is_copy[original], n, original)

    def batches(self, first: int, end: int) -> Iterator[pa.RecordBatch]:
        """Rows with all that the tables of the lake take of the articles."""
        for start in range(first, end, _CHUNK):
            yield self._rows(np.arange(start, min(end, start + _CHUNK)))

    def _rows(self, n: Numbers) -> pa.RecordBatch:
        seconds, _ = self._told
        original = self._copied[n]
        terms, weights = self._vectors(original)
        columns = {
            "i": pa.array(n),
            "original": pa.array(original, mask=original == n),
            "placed_at": pa.array((1e6 * seconds[n]).astype(np.int64)).cast(pa.timestamp("us", "UTC")),
            "publisher": pc.binary_join_element_wise(
                pa.scalar("paper"), pa.array(self._publisher(n)).cast(pa.string()), "-"
            ),
            "body": self._bodies(n, original),
            "terms": terms,
            "weights": weights,
            "sampled": self._samples(n, original),
        }
        return pa.RecordBatch.from_pydict(columns)

    def _publisher(self, n: Numbers) -> Numbers:
        return (_PUBLISHERS * _share(n, 3) ** 2).astype(np.int64)

    def _vectors(self, n: Numbers) -> tuple[pa.Array, pa.Array]:
        story = self._told[1][n]
        era = (n >= self.era_begins).astype(np.int64) << 28
        chance = np.cumsum(1.0 / (np.arange(_BEATS) + _FIRST_BEAT))
        beat = np.searchsorted(chance / chance[-1], _share(story, 4))
        of_any, picks, knee, *_ = _ANY
        any_term = (knee * ((of_any / knee + 1) ** _share(n[:, None], 5, np.arange(picks)) - 1)).astype(np.int64)
        terms = np.concatenate(
            [
                (1 << 31) + era[:, None] + story[:, None] * 16 + _picked(n, 6, _STORY),
                (1 << 30) + era[:, None] + beat[:, None] * 64 + _picked(n, 7, _BEAT),
                any_term,
            ],
            axis=1,
        )
        weights = np.concatenate(
            [
                low + (high - low) * _share(n[:, None], 8 + kind, np.arange(picks))
                for kind, (_, picks, _, low, high) in enumerate((_STORY, _BEAT, _ANY))
            ],
            axis=1,
        )
        terms = (_mixed(terms, 11) >> np.uint64(32)).astype(np.int64)
        order = np.argsort(terms, axis=1)
        terms, weights = np.take_along_axis(terms, order, 1), np.take_along_axis(weights, order, 1)
        weights[:, 1:][terms[:, 1:] == terms[:, :-1]] = 0  # a term that was picked twice
        units = np.round(weights * UNIT / np.sqrt((weights**2).sum(1, keepdims=True))).astype(np.int64)
        kept = units > 0
        offsets = pa.array(np.concatenate([[0], kept.sum(1).cumsum()]).astype(np.int32))
        return pa.ListArray.from_arrays(offsets, terms[kept]), pa.ListArray.from_arrays(offsets, units[kept])

    def _samples(self, n: Numbers, original: Numbers) -> pa.Array:
        own = np.arange(_SAMPLED - _COMMON_SAMPLED - _OF_PUBLISHER)
        owner = np.where(own < _KEPT_BY_COPIES - _COMMON_SAMPLED, original[:, None], n[:, None])
        common = _share(original[:, None], 12, np.arange(_COMMON_SAMPLED)) ** 2 * _COMMON_SHINGLES
        line = np.arange(_OF_PUBLISHER)
        has_line = _share(n, 13)[:, None] < 0.4
        of_publisher = np.where(has_line, self._publisher(n)[:, None], n[:, None] + (1 << 40))
        samples = np.concatenate(
            [
                _mixed(owner, 14, own) >> np.uint64(35),
                _mixed(common.astype(np.int64), 15) >> np.uint64(35),
                _mixed(of_publisher, 16, line) >> np.uint64(35),
            ],
            axis=1,
        ).astype(np.uint32) * np.uint32(8)
        samples.sort(axis=1)
        offsets = pa.array(np.arange(len(n) + 1, dtype=np.int32) * _SAMPLED)
        return pa.ListArray.from_arrays(offsets, samples.ravel())

    def _bodies(self, n: Numbers, original: Numbers) -> pa.Array:
        """Of five paragraphs, of which a copy has four."""
        parts = [
            _paragraphs().take(
                pa.array(
                    (_mixed(original if at + 1 < _OF_BODY else n, 17, at) % np.uint64(_PARAGRAPHS)).astype(np.int64)
                )
            )
            for at in range(_OF_BODY)
        ]
        return pc.binary_join_element_wise(*parts, "\n\n")


def _picked(n: Numbers, kind: int, of: tuple[int, int, float, int, int]) -> Numbers:
    """Different ones of a pool for each, the first of it the likeliest (Efraimidis and Spirakis, 2006)."""
    pool, picks, falls_off, *_ = of
    keys = -np.log(_share(n[:, None], kind, np.arange(pool))) * (np.arange(pool) + 1.0) ** falls_off
    return np.argpartition(keys, picks, axis=1)[:, :picks]


_MADE: list[pa.Array] = []


def _paragraphs() -> pa.Array:
    if not _MADE:
        dice = random.Random(3)
        _MADE.append(pa.array([paragraph(dice) for _ in range(_PARAGRAPHS)]))
    return _MADE[0]
