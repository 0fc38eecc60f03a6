"""How much text two articles share: shingles of their bodies, and a sample of them that is kept.

Copies are cut, padded and reworded, so what counts is containment, the share of the shorter text that stands in the
longer one, and not resemblance (Broder, "On the resemblance and containment of documents", 1997). The sample keeps
the shingles whose hash is zero modulo a rate (Manku, Jain, Das Sarma and others call it 0 mod p), with finer rates for
short texts: rates are powers of two, so two samples are compared at the coarser of their rates.

The pipeline samples, the load compares.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from warehouse.rows import Hash32
from warehouse.words import IS_SPACELESS, MARKS, SPACELESS, alphabetic_words

SKETCH_VERSION = 2
"""Raised whenever a text gives other shingles or another sample: what older code sampled is then sampled again."""

_WORDS = 4
_CHARACTERS = 8
_TOKEN = re.compile(rf"[{SPACELESS}]|(?:[^\W_{SPACELESS}]|[{MARKS}])+")
_BLANK, _NOUGHT, _DIGITS = 32, 48, 10
_BASE = 0x9E3779B97F4A7C15
_MIXER, _HALF = np.uint64(0xD6E8FEB86659FD93), np.uint64(32)
_AT_ONCE = 8192
_POWERS_KEPT = 1 << 16
_ONE = np.ones(1, np.bool_)
_NO_HASHES = np.empty(0, np.uint32)
_RATES = ((64, 1), (128, 2), (256, 4))
_COARSEST = 8
_LEAD = 60
"""Words of a text that are its lead."""

_FEWEST = 15
"""Fewest shingles that two articles share which are copies: less is a quotation, or a line of boilerplate."""
_FEWEST_OF_ALL = 10
"""The same of a text of which nearly all is shared."""
_NEARLY_ALL = 0.9
_CONTAINED = 0.3
"""Share of the shorter text's shingles from which on it is a copy."""
_CONTAINED_WITH_LEAD = 0.2
"""The same where the two open alike."""
_LEAD_SHARED = 0.5
_BRIEF = 100
_CONTAINED_BRIEF = 0.5
"""The same of a text with fewer shingles than that: forms of words are a good part of a brief."""
_CONTAINED_MOSTLY = 0.7
"""The same of two texts of one publisher, which share its forms and lists, and of two that share nothing but their ends: the
background that an agency adds, or a footer."""
_END_SHARED = 0.9
_ALIKE = 0.12
"""The same where another copy is like both."""
_GAP = 8
"""Words between two shared passages that may be a blank of a form, filled in another way."""
_NUMBERS, _NUMBERS_SHARE = 3, 0.2
"""A text whose gaps hold so many numbers, and so many of their words, is another report in the same form: markets, weather,
results, bond issues. In a copy that was reworded hardly a number changes."""
SHARED_SAMPLES = 3
"""Sampled shingles that two articles share at the least which are looked at."""


def shingles(text: str) -> NDArray[np.uint32]:
    """32-bit hashes of all runs of four words, or of eight characters where a script writes no spaces: in order, each once."""
    return _each_once(_Runs.of(text).hashes)


@dataclass(frozen=True, slots=True)
class _Runs:
    """The runs of words of a text, in its order."""

    hashes: NDArray[np.uint32]
    are_numeric: NDArray[np.bool_]
    """Whether the first word of a run holds a digit."""
    width: int
    """Words of a run."""

    @classmethod
    def of(cls, text: str) -> Self:
        words, width = _words(text)
        fewest = min(width, len(words))
        pieces = [_rolled(words[at : at + _AT_ONCE + fewest - 1], fewest) for at in _pieces(len(words), fewest)]
        hashes, are_numeric = zip(*pieces, strict=True) if pieces else ((_NO_HASHES,), (_NO_HASHES > 0,))
        return cls(np.concatenate(hashes), np.concatenate(are_numeric), width)


def _words(text: str) -> tuple[list[bytes], int]:
    """The text's words in small letters, and how many of them are a run."""
    lower = text.lower()
    words = alphabetic_words(lower)
    if words is not None:
        return words, _WORDS
    tokens = _TOKEN.findall(lower)
    return [token.encode("utf-8", "surrogatepass") for token in tokens], _width(lower, tokens)


def _width(text: str, tokens: list[str]) -> int:
    is_spaceless = not text.isascii() and sum(map(bool, map(IS_SPACELESS.match, tokens))) * 2 > len(tokens)
    return _CHARACTERS if is_spaceless else _WORDS


def _pieces(words: int, width: int) -> range:
    return range(0, words - width + 1 if words else 0, _AT_ONCE)


def _rolled(words: list[bytes], width: int) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """A hash of each run of so many words, and whether its first word holds a digit.

    A polynomial modulo 2⁶⁴ of the bytes (Karp and Rabin, "Efficient randomized pattern-matching algorithms", 1987), of
    which a multiplication then takes the upper half.
    """
    data = np.frombuffer(b" ".join(words), np.uint8)
    powers, inverses = _powers(len(data))
    blanks = np.flatnonzero(data == _BLANK)
    starts = np.concatenate(([0], blanks + 1))[: len(words) - width + 1]
    ends = np.concatenate((blanks, [len(data)]))
    before = np.zeros(len(data) + 1, np.uint64)
    np.cumsum(data * powers, out=before[1:])
    mixed = (before[ends[width - 1 :]] - before[starts]) * inverses[starts]
    digits = np.zeros(len(data) + 1, np.int64)
    np.cumsum(data - np.uint8(_NOUGHT) < _DIGITS, out=digits[1:])
    return (((mixed ^ (mixed >> _HALF)) * _MIXER) >> _HALF).astype(np.uint32), digits[ends[: len(starts)]] > digits[
        starts
    ]


def _powers(count: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The first powers of the polynomial's base, and of its inverse."""
    if count <= _POWERS_KEPT:
        return _powers_kept()[0][:count], _powers_kept()[1][:count]
    return _raised(_BASE, count), _raised(pow(_BASE, -1, 1 << 64), count)


@lru_cache(maxsize=1)
def _powers_kept() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    return _raised(_BASE, _POWERS_KEPT), _raised(pow(_BASE, -1, 1 << 64), _POWERS_KEPT)


def _raised(base: int, count: int) -> NDArray[np.uint64]:
    factors = np.full(count, base, np.uint64)
    factors[:1] = 1
    return np.cumprod(factors)


def _each_once(hashes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    ordered = np.sort(hashes)
    is_first = np.concatenate((_ONE[: len(ordered)], ordered[1:] != ordered[:-1]))
    once: NDArray[np.uint32] = ordered[is_first]
    return once


def sample(of: NDArray[np.uint32]) -> tuple[Hash32, ...]:
    """The shingles that are kept of a text's, in order."""
    return tuple(of[of % np.uint32(rate_of(len(of))) == 0].tolist())


def rate_of(size: int) -> int:
    """One shingle in how many is kept of a text that has so many."""
    return next((rate for below, rate in _RATES if size < below), _COARSEST)


@dataclass(frozen=True, slots=True)
class Likeness:
    """What two texts have in common."""

    share: float
    """Of the shorter text, what stands in the other one."""
    is_copy: bool
    is_alike: bool
    """Whether it is enough where a copy of the one is like the other."""


@dataclass(frozen=True, slots=True)
class Shingled:
    """A body as it is compared."""

    all: NDArray[np.uint32]
    """Its shingles, each once."""
    lead: NDArray[np.uint32]
    """Those that it opens with."""
    runs: _Runs
    publisher: str | None = None

    @classmethod
    def of(cls, text: str, publisher: str | None = None) -> Self:
        """The shingles of the text."""
        runs = _Runs.of(text)
        return cls(_each_once(runs.hashes), _each_once(runs.hashes[:_LEAD]), runs, publisher)


def compare(one: Shingled, other: Shingled, *, is_named: bool = False) -> Likeness:
    """What two bodies have in common.

    Of articles of which one names the other (`is_named`) little need be shared, and of short ones a run of words.
    """
    shorter, longer = (one, other) if len(one.all) <= len(other.all) else (other, one)
    shared, size = _shared(shorter.all, longer.all), len(shorter.all)
    share = shared / max(1, size)
    if is_named:
        is_copy = shared > 0 if size < _FEWEST else share >= _ALIKE
        return Likeness(1.0, is_copy, is_copy)
    if share >= _NEARLY_ALL:
        return Likeness(share, shared >= _FEWEST_OF_ALL, is_alike=shared >= _FEWEST_OF_ALL)
    is_of_one = one.publisher is not None and one.publisher == other.publisher
    if shared < _FEWEST or share < _ALIKE or (is_of_one and share < _CONTAINED_MOSTLY):
        return Likeness(share, is_copy=False, is_alike=False)
    if _is_in_the_same_form(shorter, longer) or (share < _CONTAINED_MOSTLY and _end_alike(shorter, longer)):
        return Likeness(share, is_copy=False, is_alike=False)
    contained = _CONTAINED_BRIEF if size < _BRIEF else _CONTAINED
    if _CONTAINED_WITH_LEAD <= share < _CONTAINED and size >= _BRIEF:
        fewest = _LEAD_SHARED * min(len(one.lead), len(other.lead))
        return Likeness(share, is_copy=_shared(one.lead, other.lead) >= fewest, is_alike=True)
    return Likeness(share, share >= contained, is_alike=True)


def _shared(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> int:
    return len(np.intersect1d(one, other, assume_unique=True))


def _end_alike(one: Shingled, other: Shingled) -> bool:
    """Whether the two share but one passage, and that at their ends."""
    for this, that in ((one, other), (other, one)):
        shared = np.isin(this.runs.hashes, that.all)
        start = int(np.argmax(shared))
        if start < this.runs.width or shared[start:].mean() < _END_SHARED:
            return False
    return True


def _is_in_the_same_form(shorter: Shingled, longer: Shingled) -> bool:
    """Whether between the passages that both have stand other numbers."""
    runs = shorter.runs
    starts = np.cumsum(np.isin(runs.hashes, longer.all))
    shared = np.flatnonzero(np.concatenate((starts[: runs.width], starts[runs.width :] - starts[: -runs.width])))
    at = np.flatnonzero((np.diff(shared) > 1) & (np.diff(shared) <= _GAP + 1))
    first, end = shared[at] + 1, shared[at + 1]
    before = np.concatenate(([0], np.cumsum(runs.are_numeric)))
    numbers = int((before[end] - before[first]).sum())
    return numbers >= _NUMBERS and numbers >= _NUMBERS_SHARE * int((end - first).sum())


def shared_passages(text: str, other: str, *, longest: int = 3) -> tuple[str, ...]:
    """The longest runs of words of `text` that stand in `other` too, the longest first."""
    lower = text.lower()
    if len(lower) != len(text):
        return ()
    runs = _Runs.of(text)
    spans = [match.span() for match in _TOKEN.finditer(lower)]
    width = min(runs.width, len(spans))
    found: list[tuple[int, int]] = []
    for at in np.flatnonzero(np.isin(runs.hashes, shingles(other))).tolist():
        start, end = spans[at][0], spans[at + width - 1][1]
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    found.sort(key=lambda span: span[0] - span[1])
    return tuple(text[start:end] for start, end in found[:longest])
