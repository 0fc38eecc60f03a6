"""How much text two articles share: shingles of their bodies, and a sample of them that is kept.

Copies are cut, padded and reworded, so what counts is containment, the share of the shorter text that stands in the
longer one, and not resemblance (Broder, "On the resemblance and containment of documents", 1997). The sample keeps
the shingles whose hash is zero modulo a rate (Manku, Jain, Das Sarma and others call it 0 mod p), with finer rates for
short texts: rates are powers of two, so two samples are compared at the coarser of their rates.

The pipeline samples, the load compares.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from warehouse.rows import Hash32
from warehouse.words import IS_SPACELESS, SPACELESS

SKETCH_VERSION = 1
"""Raised whenever a text gives other shingles or another sample: what older code sampled is then sampled again."""

_WORDS = 4
_CHARACTERS = 8
_TOKEN = re.compile(rf"[{SPACELESS}]|[^\W{SPACELESS}]+")
_DIGIT = re.compile(rb"\d")
_RATES = ((64, 1), (128, 2), (256, 4))
_COARSEST = 8
RATE = f"CASE {' '.join(f'WHEN {{0}} < {below} THEN {rate}' for below, rate in _RATES)} ELSE {_COARSEST} END"
"""`rate_of` in SQL, of the expression put in."""
_LEAD = 60
"""Words of a text that are its lead."""

_FEWEST = 15
"""Fewest shingles that two articles share which are copies: less is a quotation, or a line of boilerplate."""
_CONTAINED = 0.3
"""Share of the shorter text's shingles from which on it is a copy."""
_CONTAINED_WITH_LEAD = 0.2
"""The same where the two open alike."""
_LEAD_SHARED = 0.5
_BRIEF = 100
_CONTAINED_BRIEF = 0.4
"""The same of a text with fewer shingles than that: forms of words are a good part of a brief."""
_ALIKE = 0.12
"""The same where another copy is like both."""
_NUMERIC = 24
_NUMERIC_SHARED = 0.25
"""A text with so many shingles that hold numbers, of which less than this part of what is usual in it is shared, reports on
another day in the same words: markets, weather, results."""
SHARED_SAMPLES = 3
"""Sampled shingles that two articles share at the least which are looked at."""


def shingles(text: str) -> frozenset[int]:
    """32-bit hashes of all runs of four words, or of eight characters where a script writes no spaces."""
    return frozenset(_hashes(text))


def _hashes(text: str) -> list[int]:
    return [zlib.crc32(run) for run in _runs(text)]


def _runs(text: str) -> list[bytes]:
    tokens = _TOKEN.findall(text.lower())
    width = _width(text, tokens)
    words = [token.encode("utf-8", "surrogatepass") for token in tokens]
    if len(words) < width:
        return [b" ".join(words)] if words else []
    return [b" ".join(run) for run in zip(*(words[start:] for start in range(width)), strict=False)]


def _width(text: str, tokens: list[str]) -> int:
    """Of how many of its tokens a text's shingles are."""
    is_spaceless = not text.isascii() and sum(map(bool, map(IS_SPACELESS.match, tokens))) * 2 > len(tokens)
    return _CHARACTERS if is_spaceless else _WORDS


def sample(of: Collection[int]) -> tuple[Hash32, ...]:
    """The shingles that are kept of a text's, in order."""
    rate = rate_of(len(of))
    return tuple(map(Hash32, sorted(of if rate == 1 else (shingle for shingle in of if shingle % rate == 0))))


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
    numeric: NDArray[np.uint32]
    """Those that hold a number."""

    @classmethod
    def of(cls, text: str) -> Self:
        """The shingles of the text."""
        runs = _runs(text)
        hashes = [zlib.crc32(run) for run in runs]
        numeric = [shingle for shingle, run in zip(hashes, runs, strict=True) if _DIGIT.search(run)]
        return cls(*(np.unique(np.array(some, np.uint32)) for some in (hashes, hashes[:_LEAD], numeric)))


def compare(one: Shingled, other: Shingled, *, is_named: bool = False) -> Likeness:
    """What two bodies have in common.

    Of articles of which one names the other (`is_named`) little need be shared, and of short ones nothing.
    """
    shared, shorter = _shared(one.all, other.all), min(len(one.all), len(other.all))
    share = shared / max(1, shorter)
    if is_named:
        is_copy = shorter < _FEWEST or share >= _ALIKE
        return Likeness(1.0, is_copy, is_copy)
    if shared < _FEWEST or share < _ALIKE or _is_of_another_day(one, other, share):
        return Likeness(share, is_copy=False, is_alike=False)
    contained = _CONTAINED_BRIEF if shorter < _BRIEF else _CONTAINED
    if _CONTAINED_WITH_LEAD <= share < _CONTAINED and shorter >= _BRIEF:
        fewest = _LEAD_SHARED * min(len(one.lead), len(other.lead))
        return Likeness(share, is_copy=_shared(one.lead, other.lead) >= fewest, is_alike=True)
    return Likeness(share, share >= contained, is_alike=True)


def _shared(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> int:
    return len(np.intersect1d(one, other, assume_unique=True))


def _is_of_another_day(one: Shingled, other: Shingled, share: float) -> bool:
    shorter, longer = (one, other) if len(one.all) <= len(other.all) else (other, one)
    count = len(shorter.numeric)
    return count >= _NUMERIC and _shared(shorter.numeric, longer.all) < _NUMERIC_SHARED * share * count


def shared_passages(text: str, other: str, *, longest: int = 3) -> tuple[str, ...]:
    """The longest runs of words of `text` that stand in `other` too, the longest first."""
    lower = text.lower()
    if len(lower) != len(text):
        return ()
    theirs = shingles(other)
    spans = [match.span() for match in _TOKEN.finditer(lower)]
    width = _width(text, [lower[start:end] for start, end in spans])
    found: list[tuple[int, int]] = []
    for at, shingle in enumerate(_hashes(text)):
        if shingle not in theirs or at + width > len(spans):
            continue
        start, end = spans[at][0], spans[at + width - 1][1]
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    found.sort(key=lambda span: span[0] - span[1])
    return tuple(text[start:end] for start, end in found[:longest])
