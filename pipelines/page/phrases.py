"""Words by which pages that are no articles give themselves away: the table `pipelines/data/page_kinds.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path


class Sign(StrEnum):
    """What a phrase is a sign of, and where it is looked for."""

    CHALLENGE_MARK = "challenge-mark"
    """In the mark-up."""
    CHALLENGE_TEXT = "challenge-text"
    CHALLENGE_TITLE = "challenge-title"
    """A whole part of the title or first heading, as all signs of titles."""
    CONSENT_BUTTON = "consent-button"
    """The whole of a button's or link's label."""
    CONSENT_TEXT = "consent-text"
    GALLERY_TITLE = "gallery-title"
    LIVE_TITLE = "live-title"
    NOT_FOUND_TEXT = "not-found-text"
    NOT_FOUND_TITLE = "not-found-title"
    PAYWALL_TEXT = "paywall-text"
    SCRIPT_TEXT = "script-text"


_WHOLE = frozenset(sign for sign in Sign if sign.endswith(("-title", "-button")))


class PhrasesError(Exception):
    """The table is not valid; the message names the phrase."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """The words of a sign in a language (BCP 47, `mul` for several, `zxx` for none)."""

    sign: Sign
    language: str
    pattern: str
    """Of text as `folded` leaves it."""
    example: str
    counterexample: str
    words: tuple[str, ...] = ()
    """Of which a text must hold one to be looked at: for signs that every page is asked for."""

    def matches(self, text: str) -> bool:
        """Whether the sign is in a text, or is it, where it must be the whole."""
        return Phrases({self.sign: ((self.words, re.compile(self.pattern)),)}).find(self.sign, folded(text)) is not None


@dataclass(frozen=True, slots=True)
class Phrases:
    """All phrases: of each sign the patterns, each with its words."""

    patterns: Mapping[Sign, tuple[tuple[tuple[str, ...], re.Pattern[str]], ...]]

    def find(self, sign: Sign, text: str) -> str | None:
        """What of a folded text is the sign."""
        for words, pattern in self.patterns[sign]:
            if words and not any(map(text.__contains__, words)):
                continue
            if found := pattern.fullmatch(text) if sign in _WHOLE else pattern.search(text):
                return found[0].strip()
        return None


@cache
def load_phrases(path: Path | None = None) -> Phrases:
    """The phrases of a table, by default the one that comes with newsmill; raises `PhrasesError`."""
    table = read_table(path)
    for phrase in table:
        if not phrase.matches(phrase.example):
            raise PhrasesError(f"{phrase.sign} of {phrase.language}: its example does not match")
        if phrase.matches(phrase.counterexample):
            raise PhrasesError(f"{phrase.sign} of {phrase.language}: its counterexample matches")
    return Phrases({sign: tuple((p.words, re.compile(p.pattern)) for p in table if p.sign is sign) for sign in Sign})


def read_table(path: Path | None = None) -> tuple[Phrase, ...]:
    """The rows of the table, in their order; raises `PhrasesError` where one lacks a key or is out of order."""
    path = path or Path(__file__).parents[1] / "data" / "page_kinds.toml"
    try:
        rows = tomllib.loads(path.read_text("utf-8"))["phrase"]
        table = tuple(
            Phrase(**{**row, "sign": Sign(row["sign"]), "words": tuple(row.get("words", ()))}) for row in rows
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PhrasesError(f"{path.name}: {error}") from error
    keys = [(phrase.sign, phrase.language) for phrase in table]
    if keys != sorted(set(keys)):
        raise PhrasesError(f"{path.name}: signs and languages must be unique and in alphabetical order")
    return table


def folded(text: str) -> str:
    """The text as patterns meet it: lower case, single spaces, straight apostrophes."""
    return " ".join(text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").lower().split())
