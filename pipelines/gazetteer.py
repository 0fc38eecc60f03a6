"""The gazetteer: the words that name countries, and where they stand in a text."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.country_names import CITY, find_names

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(__file__).parent / "data"
NEVER_COUNTRIES = "-"

NEEDS_PROOF = {"Georgia": "GE", "GEORGIA": "GE", "Jordan": "JO", "JORDAN": "JO", "Chad": "TD", "CHAD": "TD"}
NEEDS_PROOF |= {"Turkey": "TR", "TURKEY": "TR"}


@dataclass(frozen=True, slots=True, eq=False)
class Gazetteer:
    """The words that name countries, as tables that pickle small; equal when of the same version."""

    version: str
    words: tuple[tuple[str, str, float], ...]
    """What stands in a text, the country's code, the weight of such a mention."""
    countries: tuple[tuple[str, str, str], ...]
    """Code, slug, name."""
    country_slugs: tuple[tuple[str, str], ...]
    """Slug of a name that a tag may carry, code."""
    names: tuple[tuple[str, str], ...] = ()
    """Language, its lines of `country_words.txt` and `country_names.txt` in one."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Gazetteer) and other.version == self.version

    def __hash__(self) -> int:
        return hash(self.version)


def load_gazetteer() -> Gazetteer:
    """The gazetteer of the tables in `pipelines/data`; its version is a hash of their bytes."""
    files = (
        "countries.txt",
        "cities.txt",
        "country_names.txt",
        "country_words.txt",
    )
    texts = [(DATA / name).read_text(encoding="utf-8") for name in files]
    rows = [[line.split("|") for line in text.splitlines() if line and line[0] != "#"] for text in texts]
    countries, words, country_slugs = _country_tables(rows[0])
    for code, names in rows[1]:
        words = dict.fromkeys(names.split(","), (code, CITY)) | words
    return Gazetteer(
        version=hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12],
        words=tuple((word, code, weight) for word, (code, weight) in words.items()),
        countries=countries,
        country_slugs=country_slugs,
        names=_names(rows[2], rows[3]),
    )


def _names(*tables: list[list[str]]) -> Pairs:
    """Each language with all that the tables hold for it, on one line."""
    lines: dict[str, str] = {}
    for row in (row for table in reversed(tables) for row in table):
        lines[row[0]] = "|".join([lines.get(row[0], row[0]), *row[1:]])
    return tuple(lines.items())


Words = dict[str, tuple[str, float]]
Pairs = tuple[tuple[str, str], ...]


def _country_tables(rows: list[list[str]]) -> tuple[tuple[tuple[str, str, str], ...], Words, Pairs]:
    words: Words = {}
    slugs: dict[str, str] = {}
    countries = []
    for code, slug, name, aliases, demonyms, institutions in rows:
        names = [n for n in (name, *aliases.split(",")) if n.strip("-")]
        for word in (*names, *filter(None, (*demonyms.split(","), *institutions.split(",")))):
            # A demonym shared by two countries stands with one of them in the table.
            words.setdefault(word, (code, 1.0))
        if code != NEVER_COUNTRIES:
            countries.append((code, slug or slugify(name), name))
            slugs |= dict.fromkeys([slug or slugify(name), *map(slugify, names)], code)
    return tuple(countries), words, tuple(slugs.items())


def slugify(text: str) -> str:
    """The tag in lower case, NFKC, with `-` for all that is no letter, digit or combining mark."""
    folded = unicodedata.normalize("NFKC", text).casefold() if not text.isascii() else text.lower()
    kept = "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else "-" for c in folded)
    return re.sub(r"-+", "-", kept).strip("-")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A gazetteer made ready."""

    automaton: Any
    patterns: tuple[tuple[str, str, float], ...]
    countries: dict[str, tuple[str, str]]
    country_slugs: dict[str, str]
    names: dict[str, str]


@lru_cache(maxsize=4)
def compiled(gazetteer: Gazetteer) -> Compiled:
    """The gazetteer made ready, once a process."""
    from ahocorasick_rs import AhoCorasick, MatchKind

    forms = {word: (word, code, weight) for word, code, weight in gazetteer.words}
    for word, code, weight in gazetteer.words:
        # Datelines and headlines in capitals.
        forms.setdefault(word.upper(), (word.upper(), code, weight))
    return Compiled(
        automaton=AhoCorasick(list(forms), matchkind=MatchKind.LeftmostLongest),
        patterns=tuple(forms.values()),
        countries={code: (slug, name) for code, slug, name in gazetteer.countries},
        country_slugs=dict(gazetteer.country_slugs),
        names=dict(gazetteer.names),
    )


Match = tuple[str, str, float, int, int]
"""Word, code, weight, start and end."""


SAME_TABLE = {"nb": "no", "nn": "no"}


def find_countries(text: str, language: str | None, ready: Compiled) -> list[Match]:
    """Where a text names countries: in English, and in its own language, which goes first where both match."""
    primary = (language or "").split("-")[0]
    primary = SAME_TABLE.get(primary, primary)
    line = ready.names.get(primary)
    if line is None:
        return list(_english(text, ready))
    return _merged(list(find_names(text, primary, line)), list(_english(text, ready)))


def _merged(own: list[Match], english: list[Match]) -> list[Match]:
    taken = {at for _, _, _, start, end in own for at in range(start, end)}
    others = [match for match in english if match[3] not in taken and match[4] - 1 not in taken]
    return sorted((*(match for match in own if match[1] != NEVER_COUNTRIES), *others), key=lambda match: match[3])


def _english(text: str, ready: Compiled) -> Iterator[Match]:
    for index, start, end in ready.automaton.find_matches_as_indexes(text):
        word, code, weight = ready.patterns[index]
        if code == NEVER_COUNTRIES or (start and text[start - 1].isalnum()) or text[end : end + 1].isalnum():
            continue
        if word in NEEDS_PROOF and _is_part_of_a_name(text, start, end):
            continue
        yield word, code, weight, start, end


FIRST_NAME = re.compile(r"\b([A-Z][a-z]+|[A-Z]\.) $")
SURNAME = re.compile(r" [A-Z][a-z]+")
BEFORE_A_COUNTRY = {"In", "From", "The", "And", "As", "With", "For", "Of", "To", "When", "While", "At", "But", "If"}
BEFORE_A_COUNTRY |= {
    "Northern",
    "Southern",
    "Eastern",
    "Western",
    "King",
    "Neighbouring",
    "Since",
    "After",
    "Why",
    "How",
}


def _is_part_of_a_name(text: str, start: int, end: int) -> bool:
    before = FIRST_NAME.search(text, max(0, start - 20), start)
    if before and before[1] not in BEFORE_A_COUNTRY:
        return True
    after = SURNAME.match(text, end)
    return bool(after) and text[start:end] in ("Chad", "Jordan")
