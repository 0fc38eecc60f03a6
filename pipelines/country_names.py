"""Countries named in other languages than English, by Unicode CLDR's names (Unicode License v3) and words of our own.

A table holds for texts of its language only. Scripts with spaces are matched by whole words, with the prefixes and
endings that the language adds to a name or an adjective; the others anywhere in the text.
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
CITY = 0.5
"""The weight of a city, where a country's name has 1."""
ADJECTIVE, CITIES = "~", "*"
"""What follows the code of a country whose adjectives or cities an entry of a table holds."""
UNSPACED = frozenset({"ja", "th", "zh"})
SHORTEST_STEM = 5
PREFIXES = {
    "ar": re.compile("[وف]?[بلك]?(?:ال)?|[وف]?لل"),
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
_SCANDINAVIAN = re.compile("(?:[aet]|ne|a?rn[ae]|[ae]?rs?|e[nr]e|en|n?a?s)?")
_ROMANCE = re.compile("[oaei]s?|es|s")
_SLAVIC_LATIN = re.compile("ie|[aeiouyąęáéíýůú]|[ií]?(?:ego|emu|ej|mi?|ch)|é?(?:ho|mu)|[yý](?:mi|ch|m)|ou|ą|om|ami?|u")
ADJECTIVE_ENDINGS = {
    "ar": re.compile("[ةًاه]|ين|ون|ات"),
    "cs": _SLAVIC_LATIN,
    "da": _SCANDINAVIAN,
    "de": re.compile("e[mnrs]?|n|s|er[ns]?|in(?:nen)?|er(?:in(?:nen)?)"),
    "es": _ROMANCE,
    "fr": re.compile("n?es?|s"),
    "it": re.compile("[oaei]|h[ei]"),
    "nl": re.compile("en?|s"),
    "no": _SCANDINAVIAN,
    "pl": _SLAVIC_LATIN,
    "pt": _ROMANCE,
    "ru": re.compile("[иыо]й|[оае]го|[оае]му|[иы]ми?|ом|[ао]я|[оею]й|ую|ое|[иы]е|[иы]х|ин|ине|[аы]"),
    "sk": _SLAVIC_LATIN,
    "sv": _SCANDINAVIAN,
    "tr": re.compile("l[aei]r.{0,4}|[ıiuü]n?"),
    "uk": re.compile("ий|ого|ому|им|ім|ої|ій|ою|их|ими|[аує]|і"),
}
_LONGEST_ENDING = 12
FINAL_VOWEL = re.compile("(?:[aoeěyiаяоеыиіęă])$")
STEMMED = frozenset({"cs", "pl", "ro", "ru", "uk"})
"""Languages whose endings replace a final vowel."""
IA = ("ия", "ія", "ia", "ja")
"""What long enough a name ends in to be told by any stem."""


@dataclass(frozen=True, slots=True)
class _Table:
    automaton: Any
    forms: tuple[_Form, ...]


@dataclass(frozen=True, slots=True)
class _Form:
    name: str
    code: str
    weight: float = 1.0
    is_stem: bool = False
    """It needs an ending."""
    is_adjective: bool = False


def find_names(text: str, language: str, line: str) -> Iterator[tuple[str, str, float, int, int]]:
    """Each name in a text of a language whose table is `line`: the words, the code, the weight, where they start and end."""
    table = _table(language, line)
    for index, start, end in table.automaton.find_matches_as_indexes(text):
        form = table.forms[index]
        name = form.name
        after = end if language in UNSPACED else _word_end(text, end)
        if language in UNSPACED:
            is_name = not _is_katakana(name) or not _is_katakana(text[max(0, start - 1) : start] + text[end : end + 1])
        else:
            is_name = _begins(text, start, language) and _ends(text[end:after], form, language)
        if is_name:
            yield text[start:after], form.code, form.weight, start, after


@lru_cache(maxsize=32)
def _table(language: str, line: str) -> _Table:
    from ahocorasick_rs import AhoCorasick, MatchKind

    forms: dict[str, _Form] = {}
    for entry in line.split("|")[1:]:
        code, _, names = entry.partition("=")
        for name in names.split(","):
            for form in _forms(name, code, language):
                forms.setdefault(form.name, form)
    if language in STEMMED:
        for form in tuple(forms.values()):
            stem = FINAL_VOWEL.sub("", form.name)
            is_told = len(stem) >= SHORTEST_STEM or (form.name.endswith(IA) and len(stem) > 3)
            if form.code != NO_COUNTRY and not form.is_adjective and stem != form.name and is_told:
                forms.setdefault(stem, _Form(stem, form.code, form.weight, is_stem=True))
    return _Table(AhoCorasick(list(forms), matchkind=MatchKind.LeftmostLongest), tuple(forms.values()))


def _forms(name: str, code: str, language: str) -> Iterator[_Form]:
    """What stands in a text for a name of the table."""
    if code.endswith(ADJECTIVE):
        stem = name.removesuffix("-")
        yield _Form(stem, code[:2], is_stem=stem != name, is_adjective=True)
        yield _Form(stem[0].upper() + stem[1:], code[:2], is_stem=stem != name, is_adjective=True)
        return
    weight = CITY if code.endswith(CITIES) else 1.0
    yield _Form(name, code.removesuffix(CITIES), weight)
    if language == "ar" and name.startswith("ال"):
        yield _Form("لل" + name[2:], code.removesuffix(CITIES), weight)


def _is_letter(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def _word_end(text: str, start: int) -> int:
    """Where the word ends, or is longer than any ending."""
    at = start
    while at < min(len(text), start + _LONGEST_ENDING) and _is_letter(text[at]):
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


def _ends(rest: str, form: _Form, language: str) -> bool:
    if not rest:
        return not form.is_stem
    if form.is_adjective:
        endings = ADJECTIVE_ENDINGS.get(language)
        return endings is not None and endings.fullmatch(rest) is not None
    endings = ENDINGS.get(language)
    long_enough = len(form.name) >= SHORTEST_STEM or form.is_stem or language == "ko"
    return endings is not None and long_enough and endings.fullmatch(rest) is not None


def _is_katakana(text: str) -> bool:
    return any("\u30a1" <= character <= "\u30fa" or character == "\u30fc" for character in text)
