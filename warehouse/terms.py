"""What an article is about, as the stories compare it: its best terms and their weights.

A vector of terms weighted by how often they stand in the text and how rare they are in the language (Salton and
Buckley, "Term-weighting approaches in automatic text retrieval", 1988). Rarity is that of the language at large, from
tables that never change, and not that of the lake: so an article's vector depends on nothing but the article. Pairs of
capitalised words, which are mostly names, are terms too. A term is hashed with the language, so articles in two
languages share none.

A leaf: the pipeline makes vectors, the load compares them.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Self

import numpy as np
import zstandard
from numpy.typing import NDArray

from warehouse.words import MARKS, alphabetic_words

VECTOR_VERSION = 2
"""Raised whenever a text gives another vector: what older code made is then made again."""
UNIT = 1000
"""The length of a vector."""

_BEST = 40
_FIRST_CHARACTERS = 4000
_FIRST_WORDS = 500
_HEADLINE_COUNTS = 2
_POWER = 1.75
_OFTEN = np.array([0.0, *(1 + math.log(count) for count in range(1, 1 << 14))])
"""How much more a term weighs that stands so often."""
_ZIPF_OF_ANY = 8.0
"""On the Zipf scale, the frequency from which on a word says nothing."""
_ZIPF_OF_RARE = 2.5
_ZIPF_OF_NUMBERS = {0: 5.0, 1: 5.0, 2: 4.0}
"""By their digits, but for noughts at the end: 3, 20 and 100,000 are common."""
_ZIPF_OF_YEARS = 4.0
_LONGEST = 64
"""Bytes of a word: a longer one is none."""
_LETTERS_OF_STEM = 6
_KNOWN = 60_000
_YES = np.ones(1, np.bool_)
_MIXER, _HALF = np.uint64(0xD6E8FEB86659FD93), np.uint64(32)

_TABLES = Path(__file__).parent / "data" / "word_frequencies"
_ALIKE = {"nb": "no", "nn": "no", "bs": "sh", "hr": "sh", "sr": "sh", "tl": "fil", "ms": "id", "yue": "zh", "wuu": "zh"}
_TABLE_OF = {"no": "nb"}

_PAIRED = "\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_RUNS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_WORD = re.compile(rf"[{_PAIRED}]+|[{_RUNS}]+|(?:[^\W_{_PAIRED}{_RUNS}]|[{MARKS}])+")
_NUMBER = re.compile(r"[0-9](?:[.,][0-9]+)+")
_IS_PAIRED = re.compile(f"[{_PAIRED}]")
_IS_RUN = re.compile(f"[{_RUNS}]")
_RUN = 5
"""Characters of a term in the scripts without spaces of which there are no tables."""
_YEAR = re.compile("(?:19|20)[0-9][0-9]")
_ABBREVIATIONS = frozenset(
    "avg bln bpd cts ct div divs dlr dlrs hr kg km mb gb mln mths mthly pct qtly qtr qtrly qtrs revs shr shrs stg tonne tonnes"
    " vs co corp inc ltd plc reuter".split()
)
"""Units, forms of firms and what else newswires write in every report of a kind; tables of words at large count them rare."""
_ENDINGS = ("ing", "edly", "ed", "es", "s")


@dataclass(frozen=True, slots=True)
class Vector:
    """An article's best terms."""

    language: str
    terms: tuple[int, ...]
    """32-bit hashes, in order."""
    weights: tuple[int, ...]
    """Of each; the length of the whole is `UNIT`."""


def vector(headline: str | None, body: str, language: str | None) -> Vector:
    """The vector of an article; one without any terms for a text without words."""
    family = family_of(language)
    best = _Best.of(headline, body, family)
    units = np.rint(UNIT * best.weights / math.sqrt(float(best.weights @ best.weights) or 1.0)).astype(np.int64)
    order = np.argsort(best.terms)
    order = order[units[order] > 0]
    return Vector(family, tuple(best.terms[order].tolist()), tuple(units[order].tolist()))


def shared_terms(one: Mapping[str, float], other: Mapping[str, float], *, most: int = 10) -> tuple[str, ...]:
    """Of two articles' best terms, those that make them most alike."""
    shared = {term: one[term] * other[term] for term in one.keys() & other.keys()}
    return tuple(sorted(shared, key=lambda term: (-shared[term], term))[:most])


def family_of(language: str | None) -> str:
    """The language that a text is compared in: varieties that detectors and publishers mix up are one."""
    primary = (language or "und").partition("-")[0].lower()
    return _ALIKE.get(primary, primary)


def best_terms(headline: str | None, body: str, language: str | None) -> dict[str, float]:
    """The terms that tell the article from others, with their weights, the best first."""
    best = _Best.of(headline, body, family_of(language))
    return dict(zip(best.texts(), best.weights.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class _Best:
    """The terms of an article that weigh most, the best first."""

    terms: NDArray[np.uint32]
    weights: NDArray[np.float64]
    words: NDArray[np.int64]
    """Of its text and headline, by their numbers."""
    names: NDArray[np.int64]
    """Where in the text two neighbouring words begin with capitals."""
    known: _Known

    @classmethod
    def of(cls, headline: str | None, body: str, family: str) -> Self:
        """The best terms of an article."""
        known = _known(family)
        text, title = _words(body), _words(headline or "")
        words = known.numbers(text + title)
        capitals = known.are_capital[words[: len(text)]]
        names = np.flatnonzero(capitals[:-1] & capitals[1:])
        one, other = words[names], words[names + 1]
        rarities = np.minimum((known.rarities[one] + known.rarities[other]) / 2 + 1, _ZIPF_OF_ANY)
        terms = np.concatenate((known.terms[words], _paired(known.terms[one], known.terms[other])))
        worths = np.concatenate((known.worths[words], rarities**_POWER))
        counts = np.ones(len(terms), np.int64)
        counts[len(text) : len(words)] = _HEADLINE_COUNTS
        if len(terms):
            order = np.argsort(terms)
            terms = terms[order]
            first = np.flatnonzero(np.concatenate((_YES, terms[1:] != terms[:-1])))
            terms, worths = terms[first], np.minimum.reduceat(worths[order], first)
            counts = np.add.reduceat(counts[order], first)
        weights = worths * _OFTEN[counts]
        best = np.lexsort((terms, -weights))[:_BEST]
        best = best[weights[best] > 0]
        return cls(terms[best], weights[best], words, names, known)

    def texts(self) -> list[str]:
        """The terms as they are read."""
        known, words = self.known, self.words.tolist()
        texts = {int(known.terms[word]): known.texts[word] for word in words}
        for at in self.names.tolist():
            one, other = words[at], words[at + 1]
            term = _paired(known.terms[one : one + 1], known.terms[other : other + 1])
            texts.setdefault(int(term[0]), f"{known.texts[one]} {known.texts[other]}")
        return [texts[term] for term in self.terms.tolist()]


def _paired(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The hashes of names of two words."""
    mixed = (one.astype(np.uint64) << _HALF | other) * _MIXER
    return ((mixed ^ (mixed >> _HALF)) & np.uint64(0xFFFFFFFF)).astype(np.uint32)


class _Known(dict[bytes, int]):
    """The words of a language that were met lately, each with a number, and what is known of it by that."""

    def __init__(self, family: str) -> None:
        self._family = family
        self.texts: list[str] = []
        self.terms = np.zeros(_KNOWN, np.uint32)
        self.rarities = np.zeros(_KNOWN)
        """From 0 up to 6."""
        self.worths = np.zeros(_KNOWN)
        """What a term weighs that stands once."""
        self.are_capital = np.zeros(_KNOWN, np.bool_)

    def numbers(self, words: list[bytes]) -> NDArray[np.int64]:
        """The numbers of the words, good until the next words are asked for."""
        if len(self) + len(words) > _KNOWN:
            self.clear()
            self.texts.clear()
        return np.fromiter(map(self.__getitem__, words), np.int64, len(words))

    def __missing__(self, key: bytes) -> int:
        word = key.decode("utf-8", "surrogatepass")
        term, rarity = _term(word.lower(), self._family)
        number = self[key] = len(self)
        self.texts.append(term)
        self.terms[number] = zlib.crc32(f"{self._family} {term}".encode("utf-8", "surrogatepass"))
        self.rarities[number], self.worths[number] = rarity, rarity**_POWER
        self.are_capital[number] = word[0].isupper()
        return number


@lru_cache(maxsize=8)
def _known(family: str) -> _Known:
    return _Known(family)


def pairs_of(run: str) -> tuple[str, ...]:
    """The pairs of neighbouring characters; a character alone is itself."""
    return tuple(a + b for a, b in pairwise(run)) if len(run) > 1 else (run,)


def _words(text: str) -> list[bytes]:
    """The first words of the text in UTF-8; of scripts without spaces, pairs and pieces of the first runs of characters."""
    text = _NUMBER.sub(_digits, text[:_FIRST_CHARACTERS])
    words = alphabetic_words(text)
    if words is None:
        runs = _WORD.findall(text)[:_FIRST_WORDS]
        return [word.encode("utf-8", "surrogatepass") for run in runs for word in _parts(run)]
    first = words[:_FIRST_WORDS]
    return first if max(map(len, first), default=0) <= _LONGEST else [word for word in first if len(word) <= _LONGEST]


def _digits(number: re.Match[str]) -> str:
    return number[0].replace(",", "").replace(".", "") + " "


def _parts(run: str) -> Sequence[str]:
    """The word, or what is taken for words in a run of characters without blanks."""
    if _IS_PAIRED.match(run):
        return pairs_of(run)
    if _IS_RUN.match(run):
        return [run[at : at + _RUN] for at in range(max(1, len(run) - _RUN + 1))]
    return (run,) if len(run.encode("utf-8", "surrogatepass")) <= _LONGEST else ()


def _term(word: str, family: str) -> tuple[str, float]:
    """The term of a word in small letters, and how rare it is."""
    if not word.isascii() and _IS_PAIRED.match(word):
        return word, _rarity(_frequencies(family).get(word))
    if not word.isascii() and _IS_RUN.match(word):
        return word, _rarity(None)
    if word[0].isdigit() and word[-1].isdigit():
        zipf_of = _ZIPF_OF_YEARS if _YEAR.fullmatch(word) else _ZIPF_OF_NUMBERS.get(len(word.rstrip("0")))
        return word, _rarity(zipf_of)
    return _stem(word, family), _rarity_of_word(word, family)


def _rarity_of_word(word: str, family: str) -> float:
    zipf = _frequencies(family)
    if word in _ABBREVIATIONS and family == "en":
        return 0.0
    if not zipf:  # what is long is rare (Zipf, "The psycho-biology of language", 1935)
        return _rarity(max(_ZIPF_OF_RARE, _ZIPF_OF_ANY - len(word)))
    return _rarity(max(zipf.get(word, 0.0), zipf.get(_stem(word, family), 0.0)) or None)


def _rarity(zipf: float | None) -> float:
    return max(0.0, _ZIPF_OF_ANY - (_ZIPF_OF_RARE if zipf is None else zipf))


def _stem(word: str, family: str) -> str:
    """The word without its ending, roughly: in other languages than English, its beginning.

    Cutting words off does nearly as well as a stemmer of the language does (McNamee, Nicholas and Mayfield, "Don't have
    a stemmer? Be un+concerned", 2008).
    """
    if family != "en":
        return word[:_LETTERS_OF_STEM]
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


@lru_cache(maxsize=4)
def _frequencies(family: str) -> dict[str, float]:
    """Each common word of the language with its frequency on the Zipf scale; none of a language without a table."""
    path = _TABLES / f"{_TABLE_OF.get(family, family)}.zst"
    if not family.isalpha() or not path.exists():
        return {}
    found: dict[str, float] = {}
    for line in zstandard.decompress(path.read_bytes(), 1 << 24).decode().splitlines():
        step, *words = line.split(" ")
        found.update(dict.fromkeys(words, int(step) / 10))
    return found
