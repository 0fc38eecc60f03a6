"""The countries that an article is about: every place that names one, weighed by where and how it stands.

A dateline counts on its own: it is the reporter's word of where the news is. What only looks like a country weighs
little or nothing: the currency it is counted in, a firm named after a city, a treaty named after the place it was
signed at, a town of the same name in an American state, a language or a dish.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from pipelines.country_names import CITY
from pipelines.gazetteer import NEEDS_PROOF, Gazetteer, Match, compiled, find_countries
from pipelines.language import encodable
from pipelines.values import Tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.values import Extracted, Stripped

MAX_CHARS = 50_000
OF_STATE = 0.6
"""The weight of a state that shares its name with a country."""

# Weights of a mention, tuned on one half of Reuters' labelled articles and read off the other.
HEADLINE, DATELINE, LEAD, MIDDLE, TAIL = 2.0, 1.6, 1.5, 1.0, 0.6
OF_MONEY, OF_LANGUAGE = 0.25, 0.25
OF_FIRM = 0.5
LEAD_CHARS, LEAD_PART = 250, 3
"""How long a lead is at most, and the part of a short text that it is."""
TAIL_FROM = 1000
MAX_MENTIONS = 4
MIN_SCORE = 1.6
"""More than one mention in the text has, less than one in the headline: either that, the dateline, or said again."""
BRIEF_CHARS = 500
"""In so short a text a country in the lead is enough if it is the only one."""
MIN_SHARE = 0.2
CHARS_A_POINT, MOST_POINTS = 2000, 2.0
"""A country beside the best that is named below alone needs the more, the longer the text."""
MAX_COUNTRIES = 3

UPPER_WORDS = {"POLISH", "POLE", "POLES", "FINN", "THAI", "US", "TURKEY", "CHAD", "DUMA", "SWEDE", "DANE"}
"""Headlines in capitals hide which of these is a common word."""

Mention = tuple[str, float, str]
"""Code, score, the word."""


def find_mentions(
    extracted: Extracted, stripped: Stripped, gazetteer: Gazetteer, language: str | None
) -> list[Mention]:
    """Every mention of a country in headline, dateline and text, with the score that its place gives it."""
    ready = compiled(gazetteer)
    headline = encodable((extracted.headline or "")[:MAX_CHARS])
    dateline = encodable((extracted.dateline or stripped.dateline or "")[:MAX_CHARS])
    body = encodable(stripped.body[:MAX_CHARS])
    is_upper = headline.isupper()
    if language and not language.startswith("en"):  # only English names are looked for in capitals too
        headline, dateline = (_CAPITALS.sub(_titled, line) for line in (headline, dateline))
    found = [
        (code, HEADLINE * weight, word)
        for word, code, weight, *_ in _weighed(headline, find_countries(headline, language, ready))
        if not (is_upper and word in UPPER_WORDS)
    ]
    found += [
        (code, DATELINE, word) for word, code in _of_dateline(dateline, find_countries(dateline, language, ready))
    ]
    lead = (LEAD, min(LEAD_CHARS, len(body) // LEAD_PART)) if headline else (HEADLINE, LEAD_CHARS)
    found += [
        (code, weight * _place(start, *lead), word)
        for word, code, weight, start, _ in _weighed(body, find_countries(body, language, ready))
    ]
    return _proven(found, f"{headline}\n{body}")


_CAPITALS = re.compile(r"\w{4,}")


def _titled(word: re.Match[str]) -> str:
    return word[0].title() if word[0].isupper() else word[0]


def _place(start: int, lead: float, lead_chars: int) -> float:
    return lead if start < lead_chars else MIDDLE if start < TAIL_FROM else TAIL


_ABBREVIATED = (
    r"Ala|Ariz|Ark|Calif|Colo|Conn|Del|Fla|Ga|Ill|Ind|Kan|Ky|La|Mass|Md|Mich|Minn|Miss|Mo|Mont|Neb|Nev|N\.[CDHJMY]|Okla|Ore|Pa"
    r"|R\.I|S\.[CD]|Tenn|Tex|Va|Vt|W\. ?Va|Wash|Wis|Wyo"
)
"""American states as the Associated Press abbreviates them."""
_STATES = (
    r"(?:Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Hawaii|Idaho|Illinois|Indiana|Iowa"
    r"|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska|Nevada"
    r"|New (?:Hampshire|Jersey|Mexico|York)|(?:North|South) (?:Carolina|Dakota)|Ohio|Oklahoma|Oregon|Pennsylvania|Rhode Island"
    r"|Tennessee|Texas|Utah|Vermont|(?:West )?Virginia|Wisconsin|Wyoming|Ontario|Alberta|Nova Scotia|New Brunswick)\b"
)
_STATE = re.compile(_STATES)
_IN_A_STATE = re.compile(rf",? \(?(?:{_ABBREVIATED}|{_ABBREVIATED.upper()})\b")
_FULL_STATE = re.compile(f", {_STATES}", re.IGNORECASE)
_MONEY = re.compile(
    r"[ -](?:dlrs?|dollars?|pounds?|punts?|francs?|marks?|yen|crowns?|krone[rn]?|kron[ao]r?|lir[ae]|pesos?|rupees?|guilders?|schillings?"
    r"|pesetas?|shekels?|ri[ay]ls?|dinars?|rou?bles?|won|yuan|cents?|currency)\b",
    re.IGNORECASE,
)
_TREATY = re.compile(
    r"(?: \w+)? (?:[Aa]ccords?|[Aa]greement|[Tt]reaty|[Pp]act|Convention|Protocol|Club|Round|Declaration|Consensus)\b"
)
_FIRM_WORDS = "Inc|Corp|Co|Ltd|Plc|PLC|plc|AG|SA|NV|SpA|GmbH|Pty|Bhd|Bancorp|Holdings?|Industries|Securities|Financial|Energy|Petroleum|Resources|Fund"
_FIRM = re.compile(rf"(?:[ -][A-Z][\w&']{{0,40}}){{0,4}},?[ -](?:{_FIRM_WORDS}|(?:{_FIRM_WORDS.upper()}))\b")
_LANGUAGE = re.compile(
    r"[- ](?:language|speaking|speakers?|lessons?|subtitles?|translations?|dictionary|cuisine|restaurants?|recipes?)\b"
)
_SPOKEN = re.compile(r"\b(?:[Ii]n|[Ee]n|[Ii]nto|[Aa]uf|[Ee]m) $")
_LANGUAGES = {"Arabic", "Chinese", "Dutch", "English", "French", "German", "Italian", "Japanese", "Korean", "Spanish"}
_LANGUAGES |= {"anglais", "Deutsch", "Englisch", "español", "français", "inglês", "inglés", "Portuguese", "Russian"}
_GOES_ON = re.compile(r"[ -]\w")
_LISTED = re.compile(r"\blisted (?:in|on the) $")


def _weighed(text: str, matches: list[Match]) -> Iterator[Match]:
    """The matches with the weight that the words around them leave."""
    firms = {word for word, _, weight, _, end in matches if weight == CITY and _FIRM.match(text, end)}
    for word, code, weight, start, end in matches:
        if word in firms:
            continue
        part = OF_LANGUAGE if word in _LANGUAGES and _is_spoken(text, start, end) else 1.0
        if part := part * _around(text, start, end, is_city=weight == CITY):
            yield word, code, weight * part, start, end


def _around(text: str, start: int, end: int, *, is_city: bool) -> float:
    """The share of a mention's weight that is left of it."""
    if _LISTED.search(text, max(0, start - 15), start):
        return 0.0
    is_of_a_double_name = start > 1 and text[start - 1] == "-" and text[start - 2].isalpha()
    if is_of_a_double_name and (is_city or _STATE.match(text, start)):  # Crans-Montana
        return 0.0
    return _before(text, end, is_city=is_city) if text[end : end + 1] in (" ", ",", "-") else 1.0


def _before(text: str, end: int, *, is_city: bool) -> float:
    """The share that the words behind a mention leave of it."""
    if _IN_A_STATE.match(text, end) or _FULL_STATE.match(text, end):
        return 0.0
    if _MONEY.match(text, end):
        return OF_MONEY
    if is_city and _TREATY.match(text, end):
        return 0.0
    if _LANGUAGE.match(text, end):
        return OF_LANGUAGE
    return OF_FIRM if _FIRM.match(text, end) else 1.0


def _is_spoken(text: str, start: int, end: int) -> bool:
    """`in Spanish.`, where `in Spanish towns` is a place."""
    if _GOES_ON.match(text, end):
        return False
    return text[max(0, start - 2) : start] in (": ", "/ ") or bool(_SPOKEN.search(text, max(0, start - 6), start))


def _of_dateline(dateline: str, matches: list[Match]) -> Iterator[tuple[str, str]]:
    """What the dateline's place is in: `PARIS, Texas` is in the state."""
    state = _IN_A_STATE.search(dateline) or _FULL_STATE.search(dateline)
    if state and _IN_A_STATE.match(state[0]):
        yield dateline[: state.end()].split(",", maxsplit=1)[0].strip(), "US"
        return
    seen: set[str] = set()
    for word, code, _, _, end in reversed(matches):
        if code not in seen and not _FULL_STATE.match(dateline, end):
            seen.add(code)
            yield word, code


def _proven(found: list[Mention], text: str) -> list[Mention]:
    """The mentions without those of a name that is more likely a state, a person or a bird here."""
    proofs = {code for code, _, word in found if word not in NEEDS_PROOF}
    kept = []
    for code, score, word in found:
        if word in NEEDS_PROOF and code not in proofs:
            if code == "GE" and "US" in proofs:
                kept.append(("US", score * OF_STATE, word))
                continue
            if code == "TR" and ("Thanksgiving" in text or "oven" in text):
                continue
        kept.append((code, score, word))
    return kept


def country_tags(mentions: list[Mention], gazetteer: Gazetteer, chars: int) -> Iterator[Tag]:
    """The best two or three countries of a text so long; a score of 4, a headline and a lead that agree, is about .5."""
    scores: dict[str, list[float]] = defaultdict(list)
    words: dict[str, Counter[str]] = defaultdict(Counter)
    for code, score, word in mentions:
        scores[code].append(score)
        words[code][word] += 1
    # What is said ten times is not ten times as much about it.
    totals = {code: sum(sorted(each, reverse=True)[:MAX_MENTIONS]) for code, each in scores.items()}
    ranked = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    best = ranked[0][1] if ranked else 0.0
    least = LEAD if len(totals) == 1 and chars < BRIEF_CHARS else max(MIN_SCORE, MIN_SHARE * best)
    least_below = max(least, MIN_SCORE + min(MOST_POINTS, chars / CHARS_A_POINT))
    named_above = {code for code, each in scores.items() if max(each) >= MIN_SCORE or totals[code] == best}
    kept = [(code, score) for code, score in ranked if score >= (least if code in named_above else least_below)]
    names = compiled(gazetteer).countries
    for code, score in kept[:MAX_COUNTRIES]:
        if code in names:
            yield Tag(
                tag=names[code][0],
                scheme="country",
                code=code,
                name=names[code][1],
                score=round(score / (score + 4.0), 3),
                method="gazetteer/3",
                evidence=", ".join(f"{word} ×{count}" for word, count in words[code].most_common(5)),
            )
