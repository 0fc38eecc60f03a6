"""Countries named in other languages than English, by Unicode CLDR's names (Unicode License v3).

A table holds for texts of its language only. Scripts with spaces are matched by whole words, with the prefixes and
endings that the language adds to a name; the others anywhere in the text.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_COUNTRY = "-"
UNSPACED = frozenset({"ja", "th", "zh"})
SHORTEST_STEM = 5
PREFIXES = {
    "ar": re.compile("[وف]?[بلك]?"),
    "he": re.compile("[ושכ]?[בלמהכש]?ה?"),
}
_SLAVIC = re.compile("[аяуюыиіеєїоэй]?|ой|ою|ею|ей|єю|ом|ем|єм|ам|ах|ями?")
ENDINGS = {
    "cs": re.compile("[aeěiíouůy]?|em|ou|ech|í"),
    "da": re.compile("s?"),
    "de": re.compile("s?"),
    "el": re.compile("[ςν]?"),
    "fi": re.compile("i?(?:n|[aä]n|[iou]n|ss[aä]|st[aä]|ll[aä]|lle|lt[aä]|ksi|n[aä]|[aä]|t[aä])?"),
    "hu": re.compile("i|(?:[oeö]?[tnk]|b[ae]n?|r[aóeő]l?|t[óő]l|n[ae]k|v[ae]l|[aoeö]n|ért|ig|hoz|hez)?"),
    "id": re.compile(""),
    "ko": re.compile(
        "(?:은|는|이|가|을|를|의|에|에서|에는|에서는|에도|와|과|과의|와의|도|로|으로|만|까지|부터|인|군|측|산|및)?"
    ),
    "nl": re.compile("s?"),
    "no": re.compile("s?"),
    "pl": re.compile("[aąeęiouy]?|em|owi|ie|ach|ami|om|[ij]i"),
    "ro": re.compile("[aăi]?|ei|iei"),
    "ru": _SLAVIC,
    "sv": re.compile("s?"),
    "uk": _SLAVIC,
}
FINAL_VOWEL = re.compile("(?:[aoeěyiаяоеыиіęă])$")
STEMMED = frozenset({"cs", "pl", "ro", "ru", "uk"})
"""Languages whose endings replace a final vowel."""
IA = ("ия", "ія", "ia", "ja")
"""What long enough a name ends in to be told by any stem."""


@dataclass(frozen=True, slots=True)
class _Table:
    automaton: Any
    forms: tuple[tuple[str, str, bool], ...]
    """Name, code, and whether it is a stem that needs an ending."""


def find_names(text: str, language: str, line: str) -> Iterator[tuple[str, str, int, int]]:
    """Each name in a text of a language whose table is `line`: the words, the code, where they start and end."""
    table = _table(language, line)
    for index, start, end in table.automaton.find_matches_as_indexes(text):
        name, code, is_stem = table.forms[index]
        after = end if language in UNSPACED else _word_end(text, end)
        if language in UNSPACED:
            is_name = not _is_katakana(name) or not _is_katakana(text[max(0, start - 1) : start] + text[end : end + 1])
        else:
            is_name = _begins(text, start, language) and _ends(text[end:after], name, language, is_stem=is_stem)
        if is_name:
            yield text[start:after], code, start, after


@lru_cache(maxsize=32)
def _table(language: str, line: str) -> _Table:
    from ahocorasick_rs import AhoCorasick, MatchKind

    forms: dict[str, tuple[str, str, bool]] = {}
    for entry in line.split("|")[1:]:
        code, _, names = entry.partition("=")
        for name in names.split(","):
            forms[name] = (name, code, False)
            if language == "ar" and name.startswith("ال"):
                forms.setdefault("لل" + name[2:], (name, code, False))
    if language in STEMMED:
        for name, code, _ in tuple(forms.values()):
            stem = FINAL_VOWEL.sub("", name)
            is_told = len(stem) >= SHORTEST_STEM or (name.endswith(IA) and len(stem) > 3)
            if code != NO_COUNTRY and stem != name and is_told:
                forms.setdefault(stem, (stem, code, True))
    return _Table(AhoCorasick(list(forms), matchkind=MatchKind.LeftmostLongest), tuple(forms.values()))


def _is_letter(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def _word_end(text: str, at: int) -> int:
    while at < len(text) and _is_letter(text[at]):
        at += 1
    return at


def _begins(text: str, start: int, language: str) -> bool:
    at = start
    while at and start - at < 4 and _is_letter(text[at - 1]):
        at -= 1
    if at == start:
        return True
    prefix = PREFIXES.get(language)
    return prefix is not None and prefix.fullmatch(text, at, start) is not None


def _ends(rest: str, name: str, language: str, *, is_stem: bool) -> bool:
    if not rest:
        return not is_stem
    endings = ENDINGS.get(language)
    long_enough = len(name) >= SHORTEST_STEM or is_stem or language == "ko"
    return endings is not None and long_enough and endings.fullmatch(rest) is not None


def _is_katakana(text: str) -> bool:
    return any("\u30a1" <= character <= "\u30fa" or character == "\u30fc" for character in text)
