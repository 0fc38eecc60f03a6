# ruff: noqa: INP001  a script of its own
"""Writes `warehouse/data/word_frequencies`: how common the words of forty languages are, for the stories.

Usage: `python infra/build_word_frequencies.py`, where wordfreq is installed (`pip install wordfreq`). It is frozen since
2024, which suits: what is written here stays as it is, for every change of it changes the stories. Its data may be
shared under CC BY-SA 4.0, and so may these tables (`warehouse/data/word_frequencies/LICENSE`).

A table is a text compressed with zstd, a line for each tenth of a step of the Zipf scale (van Heuven and others,
"SUBTLEX-UK", 2014: the logarithm to base ten of how often a word stands in a thousand million), then its words. Of
Chinese, Japanese and Korean it holds pairs of characters.
"""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path

import zstandard
from wordfreq import available_languages, get_frequency_dict

from warehouse.terms import pairs_of

OUT = Path(__file__).resolve().parent.parent / "warehouse" / "data" / "word_frequencies"
MOST = 30_000
"""Words of each language."""
BY_PAIRS = ("ja", "ko", "zh")


def table(language: str) -> str:
    """The language's commonest words by the tenths of their frequency."""
    frequency: dict[str, float] = defaultdict(float)
    for word, share in get_frequency_dict(language, "best").items():
        for term in pairs_of(word) if language in BY_PAIRS else (word,):
            if not term[0].isdigit():
                frequency[term] += share
    steps: dict[int, list[str]] = defaultdict(list)
    for word, share in sorted(frequency.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST]:
        steps[round(10 * math.log10(share * 1e9))].append(word)
    return "".join(f"{step} {' '.join(sorted(words))}\n" for step, words in sorted(steps.items(), reverse=True))


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    for language in sorted(available_languages("best")):
        data = table(language).encode()
        (OUT / f"{language}.zst").write_bytes(zstandard.compress(data, 19))


if __name__ == "__main__":
    main()
