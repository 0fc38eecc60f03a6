"""Groups of things that are alike: average linkage, and which groups a change concerns.

The two groups whose members are most alike on the average are joined, over and over, until none are alike enough (Sokal
and Michener, "A statistical method for evaluating systematic relationships", 1958). The order in which groups join is a
tree. A group need not know of the others: it comes out the same alone as among all of them, unless a part of it and a
part of another would rather have joined one another, earlier than each joined its own (`is_torn`). So a change is
worked out among the groups that it concerns, and what comes out is what working out everything would give.

Likenesses are whole numbers, so sums of them are exact and do not depend on the order.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Alike = Mapping[int, Mapping[int, int]]
"""Of each thing, how alike others are to it; what is not there is 0."""


@dataclass(frozen=True, eq=False)
class Tree:
    """A group, and how it came together."""

    leaves: tuple[int, ...]
    """Its members; those that joined each other stand side by side."""
    levels: tuple[float, ...] = ()
    """Between each two neighbours, how alike the two parts were that joined there."""

    @cached_property
    def parts(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Where each part that the group once was in begins and ends, and how alike it was to what it joined next; 0 of the whole."""
        size = len(self.leaves)
        spans = {(at, at + 1) for at in range(size)} | set(_spans(self.levels))
        starts, ends = np.array(sorted(spans), dtype=np.int64).T
        beside = np.array([0.0, *self.levels, 0.0])
        return starts, ends, np.maximum(beside[starts], beside[ends])


def _spans(levels: Sequence[float]) -> list[tuple[int, int]]:
    """For each place where two parts joined, where what they became begins and ends."""
    before = _last_lower(levels)
    after = [len(levels) - 1 - at for at in reversed(_last_lower(levels[::-1]))]
    return [(start + 1, end + 1) for start, end in zip(before, after, strict=True)]


def _last_lower(levels: Sequence[float]) -> list[int]:
    """For each level the place of the last lower one before it, -1 where there is none."""
    found: list[int] = []
    rising: list[int] = []
    for at, level in enumerate(levels):
        while rising and levels[rising[-1]] >= level:
            rising.pop()
        found.append(rising[-1] if rising else -1)
        rising.append(at)
    return found


def group(things: Sequence[int], alike: Alike, *, least: int, most: int) -> list[Tree]:
    """The groups of the things, whose order decides between likenesses that are the same.

    Parts join that are alike by `least` or more on the average and have no more than `most` members together.
    """
    place = {thing: at for at, thing in enumerate(things)}
    sums = [{place[other]: n for other, n in alike[thing].items() if other in place} for thing in things]
    trees: list[tuple[list[int], list[float]] | None] = [([thing], []) for thing in things]
    heap: list[tuple[float, int, int]] = [
        (-n, a, b) for a, row in enumerate(sums) for b, n in row.items() if a < b and n >= least and most > 1
    ]
    heapq.heapify(heap)
    while heap:
        negative, a, b = heapq.heappop(heap)
        one, other = trees[a], trees[b]
        if one is None or other is None or len(one[0]) + len(other[0]) > most:
            continue
        if sums[a][b] / (len(one[0]) * len(other[0])) != -negative:  # a part has grown since
            continue
        one[0].extend(other[0])
        one[1].extend([-negative, *other[1]])
        trees[b] = None
        for c, n in sums[b].items():
            if c != a:
                sums[a][c] = sums[c][a] = sums[a].get(c, 0) + n
                del sums[c][b]
        del sums[a][b]
        sums[b] = {}
        for c, n in sums[a].items():
            size = len((trees[c] or ((), ()))[0])
            average = n / (len(one[0]) * size)
            if average >= least and len(one[0]) + size <= most:
                heapq.heappush(heap, (-average, min(a, c), max(a, c)))
    return [Tree(tuple(leaves), tuple(levels)) for leaves, levels in filter(None, trees)]


def is_torn(one: Tree, other: Tree, alike: Alike, *, least: int, most: int) -> bool:
    """Whether a part of the one and a part of the other would have joined, had the two groups come together among each other."""
    if len(one.leaves) == len(other.leaves) == 1:
        return most > 1 and alike[one.leaves[0]].get(other.leaves[0], 0) >= least
    sums = np.zeros((len(one.leaves) + 1, len(other.leaves) + 1), dtype=np.int64)
    for at, thing in enumerate(one.leaves, 1):
        row = alike[thing]
        sums[at, 1:] = [row.get(leaf, 0) for leaf in other.leaves]
    sums = sums.cumsum(0).cumsum(1)
    starts, ends, joined = one.parts
    other_starts, other_ends, other_joined = other.parts
    rows = sums[ends] - sums[starts]
    between = rows[:, other_ends] - rows[:, other_starts]
    sizes, other_sizes = ends - starts, other_ends - other_starts
    average = between / (sizes[:, None] * other_sizes)
    bar = np.maximum(np.maximum(joined[:, None], other_joined), least)
    return bool(np.any((average >= bar) & (sizes[:, None] + other_sizes <= most)))
