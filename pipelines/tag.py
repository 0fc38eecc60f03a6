"""`tag`: what an article is about, and the language that it is in.

Three methods, each of which a tag's row names: `stated/1` keeps and maps the tags that came with the article,
`gazetteer/1` finds countries in the text. The language is the detector's and the publisher's word, compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from pipelines.gazetteer import NEEDS_PROOF, Gazetteer, compiled, find_countries, load_gazetteer, slugify
from pipelines.language import detector, encodable, find_language, normalise_language
from pipelines.stated_tags import stated_tags
from pipelines.values import Extracted, Stripped, Tag, Tagged

__all__ = ["Gazetteer", "load_gazetteer", "normalise_language", "slugify", "tag", "warm"]

MAX_CHARS = 50_000
OF_STATE = 0.6
"""The weight of a state that shares its name with a country."""

# Weights of a mention, tuned on one half of Reuters' labelled articles and read off the other.
HEADLINE, DATELINE, LEAD, MIDDLE, TAIL = 2.0, 1.5, 1.5, 1.0, 0.6
LEAD_CHARS = 250
TAIL_FROM = 1000
MAX_MENTIONS = 4
MIN_SCORE = 1.4
MIN_SHARE = 0.2
MAX_COUNTRIES = 3

UPPER_WORDS = {"POLISH", "POLE", "POLES", "FINN", "THAI", "US", "TURKEY", "CHAD", "DUMA", "SWEDE", "DANE"}
"""Headlines in capitals hide which of these is a common word."""


def tag(extracted: Extracted, stripped: Stripped, gazetteer: Gazetteer) -> Tagged:
    """The language and the tags: those stated first, then the countries found, best first, one row a tag and scheme."""
    language, flags = find_language(extracted.language, stripped.body)
    mentions = _mentions(extracted, stripped, gazetteer, language)
    stated = stated_tags(extracted.stated_tags, gazetteer, {code for code, _, _ in mentions})
    tags: dict[tuple[str, str], Tag] = {}
    for found in (*stated, *_countries(mentions, gazetteer)):
        tags.setdefault((found.scheme, found.tag), found)
    return Tagged(tags=tuple(tags.values()), language=language, flags=flags)


def warm() -> None:
    """Loads what a first call would load, for a process from which workers are forked."""
    detector()
    compiled(load_gazetteer())


Mention = tuple[str, float, str]
"""Code, score, the word."""


def _mentions(extracted: Extracted, stripped: Stripped, gazetteer: Gazetteer, language: str | None) -> list[Mention]:
    """Every mention of a country in headline, dateline and text, with the score that its place gives it."""
    ready = compiled(gazetteer)
    headline = encodable((extracted.headline or "")[:MAX_CHARS])
    is_upper = headline.isupper()
    found = [
        (code, HEADLINE * weight, word)
        for word, code, weight, *_ in find_countries(headline, language, ready)
        if not (is_upper and word in UPPER_WORDS)
    ]
    dateline = encodable((stripped.dateline or "")[:MAX_CHARS])
    found += [(code, DATELINE * weight, word) for word, code, weight, *_ in find_countries(dateline, language, ready)]
    body = encodable(stripped.body[:MAX_CHARS])
    found += [
        (code, weight * _place(start), word) for word, code, weight, start, _ in find_countries(body, language, ready)
    ]
    return _proven(found, f"{headline}\n{body}")


def _place(start: int) -> float:
    return LEAD if start < LEAD_CHARS else MIDDLE if start < TAIL_FROM else TAIL


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


def _countries(mentions: list[Mention], gazetteer: Gazetteer) -> list[Tag]:
    """The best two or three countries, ranked; a score of 4, a headline and a lead that agree, is about .5."""
    scores: dict[str, list[float]] = defaultdict(list)
    words: dict[str, Counter[str]] = defaultdict(Counter)
    for code, score, word in mentions:
        scores[code].append(score)
        words[code][word] += 1
    # What is said ten times is not ten times as much about it.
    totals = {code: sum(sorted(each, reverse=True)[:MAX_MENTIONS]) for code, each in scores.items()}
    ranked = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    best = ranked[0][1] if ranked else 0.0
    chosen = [(c, s) for c, s in ranked if s >= max(MIN_SCORE, MIN_SHARE * best)][:MAX_COUNTRIES]
    names = compiled(gazetteer).countries
    return [
        Tag(
            tag=names[code][0],
            scheme="country",
            code=code,
            name=names[code][1],
            score=round(score / (score + 4.0), 3),
            method="gazetteer/1",
            evidence=", ".join(f"{word} ×{count}" for word, count in words[code].most_common(5)),
        )
        for code, score in chosen
        if code in names
    ]
