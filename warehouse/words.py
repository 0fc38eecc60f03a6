"""Words of texts in any script. A leaf, for whoever counts or compares them."""

from __future__ import annotations

import re

SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Characters of scripts that write no spaces between words, as ranges for a pattern."""
IS_SPACELESS = re.compile(f"[{SPACELESS}]")


def count_words(text: str) -> int:
    """Words by white space; of scripts that write none between words, characters."""
    characters = 0 if text.isascii() else len(IS_SPACELESS.findall(text))
    if not characters:
        return len(text.split())
    others = IS_SPACELESS.sub(" ", text).split()
    return characters + sum(any(map(str.isalnum, word)) for word in others)  # the rest is their punctuation
