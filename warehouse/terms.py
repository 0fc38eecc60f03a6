"""What an article is about, as the stories compare it: its best terms and their weights.

A vector of terms weighted by how often they stand in the text and how rare they are in the language (Salton and
Buckley, "Term-weighting approaches in automatic text retrieval", 1988). Rarity is that of the language at large, from
tables that never change, and not that of the lake: so an article's vector depends on nothing but the article. Pairs of
capitalised words, which are mostly names, are terms too. A term is hashed with the language, so articles in two
languages share none.

A leaf: the pipeline makes vectors, the load compares them.
"""

from __future__ import annotations

import heapq
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import zstandard

VECTOR_VERSION = 1
"""Raised whenever a text gives another vector: what older code made is then made again."""
UNIT = 1000
"""The length of a vector."""

_BEST = 40
_FIRST_CHARACTERS = 4000
_FIRST_WORDS = 500
_HEADLINE_COUNTS = 2
_POWER = 1.75
_ZIPF_OF_ANY = 8.0
"""On the Zipf scale, the frequency from which on a word says nothing."""
_ZIPF_OF_RARE = 2.5
_ZIPF_OF_NUMBERS = {0: 5.0, 1: 5.0, 2: 4.0}
"""By their digits, but for noughts at the end: 3, 20 and 100,000 are common."""
_ZIPF_OF_YEARS = 4.0
_LONGEST = 40
"""Characters of a word: a longer one is none."""
_LETTERS_OF_STEM = 6

_TABLES = Path(__file__).parent / "data" / "word_frequencies"
_ALIKE = {"nb": "no", "nn": "no", "bs": "sh", "hr": "sh", "sr": "sh", "tl": "fil", "ms": "id", "yue": "zh", "wuu": "zh"}
_TABLE_OF = {"no": "nb"}

_PAIRED = "\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_RUNS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0970-\u0d7f\u200c\u200d"
_WORD = re.compile(
    rf"[0-9]+(?:[.,][0-9]+)+|[{_PAIRED}]+|[{_RUNS}]+|[^\W_{_PAIRED}{_RUNS}](?:[^\W_{_PAIRED}{_RUNS}]|[{_MARKS}])*"
)
_IS_PAIRED = re.compile(f"[{_PAIRED}]")
_IS_RUN = re.compile(f"[{_RUNS}]")
_RUN = 5
"""Characters of a term in the scripts without spaces of which there are no tables."""
_YEAR = re.compile("(?:19|20)[0-9][0-9]")
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
    best = best_terms(headline, body, language)
    length = math.sqrt(sum(weight * weight for weight in best.values()))
    hashed: dict[int, int] = {}
    for term, weight in best.items():
        if units := round(UNIT * weight / length):
            hashed[zlib.crc32(f"{family} {term}".encode("utf-8", "surrogatepass"))] = units
    terms = tuple(sorted(hashed))
    return Vector(family, terms, tuple(hashed[term] for term in terms))


def shared_terms(one: Mapping[str, float], other: Mapping[str, float], *, most: int = 10) -> tuple[str, ...]:
    """Of two articles' best terms, those that make them most alike."""
    shared = {term: one[term] * other[term] for term in one.keys() & other.keys()}
    return tuple(sorted(shared, key=lambda term: (-shared[term], term))[:most])


def family_of(language: str | None) -> str:
    """The language that a text is compared in: varieties that detectors and publishers mix up are one."""
    primary = (language or "und").partition("-")[0].lower()
    return _ALIKE.get(primary, primary)


def best_terms(headline: str | None, body: str, language: str | None) -> dict[str, float]:
    """The terms that tell the article from others, with their weights."""
    family = family_of(language)
    words = _words(body)
    counts = Counter(map(str.lower, words))
    for word in _words(headline or ""):
        counts[word.lower()] += _HEADLINE_COUNTS
    found: dict[str, list[float]] = {}  # how often a term is there, and how rare it is
    for word, count in counts.items():
        for term, rarity in _terms(word, family):
            _count(found, term, count, rarity)
    for (one, other), count in Counter(_names(words)).items():
        (a, rarity_a), (b, rarity_b) = _terms(one, family)[0], _terms(other, family)[0]
        _count(found, f"{a} {b}", count, min(_ZIPF_OF_ANY, (rarity_a + rarity_b) / 2 + 1))
    weighed = [((1 + math.log(count)) * rarity**_POWER, term) for term, (count, rarity) in found.items() if rarity]
    best = heapq.nsmallest(_BEST, ((-weight, term) for weight, term in weighed))
    return {term: -weight for weight, term in best}


def _count(found: dict[str, list[float]], term: str, count: int, rarity: float) -> None:
    there = found.get(term)
    if there is None:
        found[term] = [count, rarity]
    else:
        there[0] += count
        there[1] = min(there[1], rarity)


def pairs_of(run: str) -> tuple[str, ...]:
    """The pairs of neighbouring characters; a character alone is itself."""
    return tuple(a + b for a, b in pairwise(run)) if len(run) > 1 else (run,)


def _words(text: str) -> list[str]:
    """The first words of the text, and the first runs of characters of scripts without spaces."""
    words = _WORD.findall(text[:_FIRST_CHARACTERS])[:_FIRST_WORDS]
    return [word for word in words if len(word) <= _LONGEST or not word.isascii()]


def _names(words: list[str]) -> Iterator[tuple[str, str]]:
    """Pairs of neighbouring words that begin with capitals."""
    is_capital = [word[0].isupper() for word in words]
    for at, both in enumerate(pairwise(is_capital)):
        if both == (True, True):
            yield words[at].lower(), words[at + 1].lower()


@lru_cache(maxsize=50_000)
def _terms(word: str, family: str) -> tuple[tuple[str, float], ...]:
    """The terms of a word in small letters, and how rare each is: from 0 up to 6."""
    if not word.isascii() and _IS_PAIRED.match(word):
        zipf = _frequencies(family)
        return tuple((pair, _rarity(zipf.get(pair))) for pair in pairs_of(word))
    if not word.isascii() and _IS_RUN.match(word):
        return tuple((word[at : at + _RUN], _rarity(None)) for at in range(max(1, len(word) - _RUN + 1)))
    if word[0].isdigit() and word[-1].isdigit():
        digits = word.replace(",", "").replace(".", "")
        zipf_of = _ZIPF_OF_YEARS if _YEAR.fullmatch(word) else _ZIPF_OF_NUMBERS.get(len(digits.rstrip("0")))
        return ((digits, _rarity(zipf_of)),)
    return ((_stem(word, family), _rarity_of_word(word, family)),)


def _rarity_of_word(word: str, family: str) -> float:
    zipf = _frequencies(family)
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
