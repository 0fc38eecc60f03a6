"""Groups of things that are alike: average linkage, and which groups a change concerns.

The two groups whose members are most alike on the average are joined, over and over, until none are alike enough (Sokal
and Michener, "A statistical method for evaluating systematic relationships", 1958). The order in which groups join is a
tree. A group need not know of the others: it comes out the same alone as among all of them, unless a part of it and a
part of another would rather have joined one another, earlier than each joined its own (`is_torn`). So a change is
worked out among the groups that it concerns, and what comes out is what working out everything would give.

Likenesses are whole numbers, so sums of them are exact and do not depend on the order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt


class Likes(NamedTuple):
    """How alike others are to a thing; what is not there is 0."""

    others: npt.NDArray[np.int32]
    """In ascending order."""
    alike: npt.NDArray[np.int32]

    @classmethod
    def of(cls, others: npt.NDArray[np.int32], alike: npt.NDArray[np.int32]) -> Self:
        order = np.argsort(others)
        return cls(others[order], alike[order])

    def to(self, things: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """How alike these things are to it, in their order."""
        if not len(self.others):
            return np.zeros(len(things), dtype=np.int32)
        at = np.minimum(np.searchsorted(self.others, things), len(self.others) - 1)
        return np.where(self.others[at] == things, self.alike[at], 0)


Alike = Mapping[int, Likes]
"""Of each thing, what it is like."""


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
    if len(things) == 1:
        return [Tree(tuple(things))]
    return _Groups(things, alike, most).join(least)


class _Groups:
    """Groups that grow; one goes by the place of its first member.

    Two that are each other's nearest join, whatever joins before or after elsewhere: a group is never nearer to a third
    than the nearer of its parts was. So a chain from a group to its nearest and on ends in two that join, and time and
    memory grow with the square of the number at the most (Murtagh, "A survey of recent advances in hierarchical
    clustering algorithms", 1983).
    """

    def __init__(self, things: Sequence[int], alike: Alike, most: int) -> None:
        self._most = most
        self._trees: list[tuple[list[int], list[float]]] = [([thing], []) for thing in things]
        self._members = [[at] for at in range(len(things))]
        self._group = np.arange(len(things))
        """Of each thing, the group that it is in."""
        self._sizes = np.ones(len(things))
        beyond = max(things) + 1
        place = np.full(beyond + 1, -1, dtype=np.int32)
        place[list(things)] = self._group
        self._rows = dict(
            enumerate(_within(place[np.minimum(alike[it].others, beyond)], alike[it].alike) for it in things)
        )
        """Of each group, others as they were when it was looked at last, and how alike they are to it in sum, which is exact."""

    def join(self, least: int) -> list[Tree]:
        for start in range(len(self._trees)):
            chain = [start] if self._group[start] == start else []
            while chain:
                nearest, average = self._nearest(chain[-1])
                if average < least:
                    chain.pop()
                elif nearest in chain[-2:-1]:
                    self._join(min(nearest, chain[-1]), max(nearest, chain[-1]), average)
                    chain = chain[:-2] or [start]
                else:
                    chain.append(nearest)
        return [Tree(tuple(leaves), tuple(levels)) for leaves, levels in self._trees if leaves]

    def _nearest(self, group: int) -> tuple[int, float]:
        """The group that is most alike of those that may join this one, the first of several, and how alike it is."""
        met, of_each = self._rows[group]
        total = np.bincount(self._group[met], of_each, len(self._group)).astype(np.float64, copy=False)
        total[group] = 0
        others = np.flatnonzero(total).astype(np.int32)
        sums = total[others]
        self._rows[group] = others, sums
        sizes = self._sizes[others]
        averages = np.where(sizes + self._sizes[group] <= self._most, sums / (sizes * self._sizes[group]), 0)
        if not len(averages):
            return group, 0.0
        at = averages.argmax()
        return int(others[at]), float(averages[at])

    def _join(self, one: int, other: int, average: float) -> None:
        leaves, levels = self._trees[other]
        self._trees[one][0].extend(leaves)
        self._trees[one][1].extend([average, *levels])
        self._trees[other] = [], []
        self._group[self._members[other]] = one
        self._members[one] += self._members[other]
        self._sizes[one] += self._sizes[other]
        (others, sums), (more, more_sums) = self._rows[one], self._rows.pop(other)
        self._rows[one] = np.concatenate([others, more]), np.concatenate([sums, more_sums])


def _within(
    places: npt.NDArray[np.int32], alike: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    kept = places >= 0
    return places[kept], alike[kept].astype(np.float64)


def is_torn(one: Tree, other: Tree, alike: Alike, *, least: int, most: int) -> bool:
    """Whether a part of the one and a part of the other would have joined, had the two groups come together among each other."""
    sums = np.zeros((len(one.leaves) + 1, len(other.leaves) + 1), dtype=np.int64)
    others = np.array(other.leaves, dtype=np.int32)
    for at, thing in enumerate(one.leaves, 1):
        sums[at, 1:] = alike[thing].to(others)
    if len(one.leaves) == len(other.leaves) == 1:
        return most > 1 and int(sums[1, 1]) >= least
    sums = sums.cumsum(0).cumsum(1)
    starts, ends, joined = one.parts
    other_starts, other_ends, other_joined = other.parts
    rows = sums[ends] - sums[starts]
    between = rows[:, other_ends] - rows[:, other_starts]
    sizes, other_sizes = ends - starts, other_ends - other_starts
    average = between / (sizes[:, None] * other_sizes)
    bar = np.maximum(np.maximum(joined[:, None], other_joined), least)
    return bool(np.any((average >= bar) & (sizes[:, None] + other_sizes <= most)))
