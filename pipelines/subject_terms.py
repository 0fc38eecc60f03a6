"""The subjects that a text speaks of: words and phrases that speak for a concept of the Media Topics, weighed.

A linear model: terms that people chose, each for one concept and so for all above it, and how far each is to be
trusted, learnt by `infra/train_subjects.py`. All are found in one pass (Aho and Corasick, "Efficient string matching",
CACM 18, 1975), whole words only, those of the headline and the lead counting more.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipelines.subjects import MAX_TOPS, chosen, rows, subjects
from pipelines.values import Tag

if TYPE_CHECKING:
    from collections.abc import Iterator, KeysView, Sequence

METHOD = "terms/2"
LANGUAGES = frozenset(("de", "en", "es", "fr", "it", "pt"))
MAX_CHARS = 20_000
STRENGTHS = {"4": 3.0, "2": 1.0, "1": 0.35}
NOTHING = "-"
STEM_LETTERS = 6

HEADLINE, LEAD = 2.5, 1.5
LEAD_BYTES = 400
AGAIN, OFTEN = 0.5, 3.0
"""What a term's second mention counts, beside 1 for its first; what counts so much already counts a third of that."""

FULL_WEIGHT = 8.0
"""The weight at which a text is two thirds sure to speak of a subject, however little it speaks of others."""
MIN_STRENGTH, MIN_STRENGTH_ELSEWHERE = 0.4, 0.43
"""In English, and where the terms are stems that no text has taught to be trusted less."""
LEANING = {f"medtop:{number:02}000000": 1.0 for number in range(1, 18)}
LEANING |= {"medtop:02000000": 0.9, "medtop:11000000": 1.15}
"""Courts and police stand in news of every subject; politics speaks the words of the subject that it disputes."""
FEWEST_BESIDE = 3
"""Terms that speak for a second or third subject."""
ONE_IN = 14
"""The part of a text's terms that speaks for a concept in a long text."""
ALONE, TWO = 10.0, 7.0
"""The weights from which one term and two are enough: one that says it in the headline and twice below it, two that do
not only stand together in passing."""
MIN_DEEPER, DEEPER_SHARE = 6.0, 0.2
HINT = 0.1
"""The part of the best subject's weight from which a text has a word worth the name of another."""
EVIDENCE = 5


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """A word or phrase, and what it says for each subject."""

    text: str
    is_name: bool
    """Counts with a capital only."""
    weights: dict[str, float]
    """By code, for the concepts that it speaks for and all above them."""
    root: str
    """The same for words of one stem."""


@dataclass(frozen=True, slots=True)
class Terms:
    """All terms of one language, ready to be found."""

    automaton: Any
    terms: tuple[Term, ...]
    """The term of each pattern."""
    spoken_for: frozenset[str]
    """Concepts that have terms of their own."""
    has_names: bool
    """Some count with a capital only, as in English, where all else is ASCII."""


_LETTERS = bytes(c if c > 127 or chr(c).isalnum() else 32 for c in range(256))
_PUNCTUATION = re.compile(rb"\xe2\x80[\x80-\xbf]|\xc2[\x80-\xbf]")
"""Unicode's blocks General Punctuation and Latin-1 Supplement up to its letters, in UTF-8."""


def _words(text: str) -> bytes:
    """UTF-8 with blanks for what is no letter or digit, two at least around every word, two exactly within a phrase."""
    data = text.encode("utf-8", "replace")
    if len(data) > len(text):
        data = _PUNCTUATION.sub(b" ", data)
    return b"  %b  " % data.translate(_LETTERS).replace(b" ", b"  ")


@lru_cache(maxsize=8)
def terms_of(language: str, *, learned: bool = True) -> Terms:
    """The terms of a language by its two letters, with or without what was learnt from texts."""
    from ahocorasick_rs import BytesAhoCorasick, MatchKind

    known = subjects()
    weights: dict[str, dict[str, float]] = defaultdict(dict)
    spoken_for: set[str] = set()
    for row_language, number, strength, terms in rows("subject_terms.txt"):
        if row_language == language:
            chain = known[f"medtop:{number}"].chain if number != NOTHING else ()
            spoken_for.update(chain[:1])
            for text in terms.split(", "):
                by_code = weights[text]
                by_code.update({code: max(by_code.get(code, 0.0), STRENGTHS[strength]) for code in chain})
    trusted = dict(rows("subject_weights.txt")) if learned and language == "en" else {}
    listed = {text.lower() for text in weights}
    patterns: dict[bytes, Term] = {}
    for text in sorted(weights, key=lambda text: text[:1].isupper()):
        term = _term(text, weights[text], float(trusted.get(text, 1.0)))
        for form in _forms(text, language):
            if form == text or form.lower() not in listed:
                patterns.setdefault(_pattern(form), term)
    automaton = BytesAhoCorasick(list(patterns), matchkind=MatchKind.LeftmostLongest)
    return Terms(automaton, tuple(patterns.values()), frozenset(spoken_for), language == "en")


def _term(text: str, by_code: dict[str, float], trusted: float) -> Term:
    by_code = {code: weight * trusted for code, weight in by_code.items()}
    root = text.lower().rstrip("s") if " " in text else text.lower().rstrip("s")[:STEM_LETTERS]
    return Term(text, text[:1].isupper(), by_code, root)


def _pattern(form: str) -> bytes:
    words = b"  ".join(_words(form.lower()).split())
    return (b"" if form[0] == "*" else b" ") + words + (b"" if form[-1] == "*" else b" ")


def _forms(term: str, language: str) -> Iterator[str]:
    """The term and, in English, its plural; other languages' terms are stems."""
    yield term
    if language != "en" or len(term) < 3 or not term[-1].isalpha() or term[-1] == "s":
        return
    if term[-1] == "y" and term[-2] not in "aeiou":
        yield f"{term[:-1]}ies"
    else:
        yield f"{term}es" if term.endswith(("ch", "sh", "x", "z")) else f"{term}s"


def subject_tags(
    headline: str | None, body: str, language: str | None, section: str | None = None, stated: Sequence[str] = ()
) -> list[Tag]:
    """The subjects of an article, stated and found, best first, at most three at the top level."""
    counts, ready = _counted(headline, body, language)
    weights = weights_of(counts)
    tops = weights_of_tops(weights)
    best = max(tops.values(), default=0.0)
    hinted = {code for code, weight in tops.items() if weight >= HINT * best} if best >= FULL_WEIGHT else None
    return chosen(section, stated, _found(counts, weights, tops, ready), hinted)


def find_subjects(headline: str | None, body: str, language: str | None) -> list[Tag]:
    """The subjects of a text, best first: at most three at the top level, each with the concepts below it."""
    counts, ready = _counted(headline, body, language)
    weights = weights_of(counts)
    return _found(counts, weights, weights_of_tops(weights), ready)


def _counted(headline: str | None, body: str, language: str | None) -> tuple[Counts, Terms | None]:
    primary = (language or "en").partition("-")[0]
    if primary not in LANGUAGES:
        return {}, None
    ready = terms_of(primary)
    return count_terms(ready, headline or "", body), ready


def weights_of(counts: Counts) -> dict[str, float]:
    """What the terms say for each concept."""
    weights: dict[str, float] = {}
    for term, count in counts.items():
        for code, weight in term.weights.items():
            weights[code] = weights.get(code, 0.0) + weight * count
    return weights


def _found(counts: Counts, weights: dict[str, float], tops: dict[str, float], ready: Terms | None) -> list[Tag]:
    strengths = {}
    least = MIN_STRENGTH if ready and ready.has_names else MIN_STRENGTH_ELSEWHERE
    for code, strength in _kept(tops, counts, least).items():
        strengths[code] = strength
        below = _below(code, strength, tops[code], weights, ready.spoken_for if ready else frozenset())
        strengths |= {code: strength for code, strength in below.items() if _is_said(code, weights[code], counts)}
    known, evidence = subjects(), _evidence(strengths.keys(), counts)
    return [
        known[code].tag(score=_likelihood(strength), method=METHOD, evidence=evidence[code])
        for code, strength in strengths.items()
    ]


def _likelihood(strength: float) -> float:
    """How likely a tag is right: of those read, eight in ten at a strength of 0.4 were, nineteen in twenty at 0.9."""
    return round(min(0.99, 0.65 + 0.35 * strength), 3)


Counts = dict[Term, float]


def count_terms(ready: Terms, headline: str, body: str) -> Counts:
    """How much each term counts in a text."""
    headline, body = headline[:MAX_CHARS], body[:MAX_CHARS]
    if not ready.has_names:
        headline, body = headline.lower(), body.lower()
    start = _words(headline)
    cased = start + _words(body)
    in_headline, in_lead = len(start), len(start) + LEAD_BYTES
    counts: Counts = {}
    terms = ready.terms
    for index, at, _ in ready.automaton.find_matches_as_indexes(cased.lower()):
        term = terms[index]
        if term.is_name and not cased[at + 1 : at + 2].isupper():
            continue
        value = HEADLINE if at < in_headline else LEAD if at < in_lead else 1.0
        before = counts.get(term)
        if before is not None:
            value = before + value * (AGAIN if before < OFTEN else AGAIN / 3.0)
        counts[term] = value
    return counts


def weights_of_tops(weights: dict[str, float]) -> dict[str, float]:
    """What the terms say for each top-level subject."""
    return {code: weight * LEANING.get(code, 1.0) for code, weight in weights.items() if code in LEANING}


def _kept(tops: dict[str, float], counts: Counts, least: float) -> dict[str, float]:
    """The best subjects, and how strongly the text speaks of each, 0–1."""
    ranked = sorted(tops.items(), key=lambda item: (-item[1], item[0]))[:MAX_TOPS]
    kept: dict[str, float] = {}
    for code, weight in ranked:
        share = weight / ranked[0][1]
        strength = share * (1.0 - math.exp(-weight / FULL_WEIGHT))
        if strength >= least and _is_said(code, weight, counts, is_beside=share < 1.0):
            kept[code] = strength
    return kept


def _is_said(code: str, weight: float, counts: Counts, *, is_beside: bool = False) -> bool:
    """Whether enough words speak for a concept, or one that is what the text is about."""
    if weight >= ALONE and not is_beside:
        return True
    said = len({term.root for term in counts if code in term.weights})
    fewest = FEWEST_BESIDE if is_beside else 3 if weight < TWO else 2
    return said >= max(fewest, len(counts) // ONE_IN)


def _below(
    top: str, strength: float, weight_of_top: float, weights: dict[str, float], spoken_for: frozenset[str]
) -> dict[str, float]:
    """The concepts below a subject that its terms speak for most, with all that stand between, and how strongly."""
    known = subjects()
    least = max(MIN_DEEPER, DEEPER_SHARE * weight_of_top)
    strong = [(-weight, code) for code, weight in weights.items() if weight >= least]
    below = [code for _, code in sorted(strong) if code != top and known[code].chain[-1] == top]
    found = {code: strength * (1.0 - math.exp(-weights[code] / FULL_WEIGHT)) for code in below}
    wanted = {above for code in found if code in spoken_for for above in known[code].chain}
    return {code: each for code, each in found.items() if code in wanted}


def _evidence(codes: KeysView[str], counts: Counts) -> dict[str, str]:
    """The terms that spoke most for each concept."""
    said: dict[str, list[tuple[float, str]]] = {code: [] for code in codes}
    for term, count in counts.items():
        for code in codes & term.weights.keys():
            said[code].append((-term.weights[code] * count, term.text))
    return {code: ", ".join(text for _, text in sorted(each)[:EVIDENCE]) for code, each in said.items()}
