"""The paragraphs of a plain text: wrapped lines joined, lists and verse left in lines, one blank line between."""

from __future__ import annotations

import re
from itertools import pairwise

from pipelines.normalise import clean

_WIDEST_WRAP = 110
"""Nobody wraps text by hand at more characters than this: a longer line is a whole paragraph."""
_NARROWEST_WRAP = 40
_BLANKS = re.compile(r"[ \t]{2,}|\t")
_ITEM = re.compile(r"\s*(?:[-*•–—·▪●]|\d{1,3}[.)])\s+\S")
_SENTENCE_END = re.compile(r"[.!?…。！？؟।][\"'”’»)\]]*$")
# Han, kana, full-width forms: written without blanks between words.
_UNSPACED = re.compile("[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")


def lay_out(text: str) -> str:
    """A cleaned text as paragraphs separated by one blank line, without blanks at the ends of lines."""
    width = _wrap_width(text)
    paragraphs = [part for block in text.split("\n\n") for part in _paragraphs(block, width)]
    return clean("\n\n".join(paragraphs))


def _wrap_width(text: str) -> int:
    """The width that the text was wrapped at, 0 where it was not."""
    lengths = sorted(len(line) for line in text.split("\n") if line)
    # A few longer lines (an address, a table) do not tell against wrapping.
    width = lengths[len(lengths) * 19 // 20] if lengths else 0
    return width if width <= _WIDEST_WRAP else 0


def _paragraphs(block: str, width: int) -> list[str]:
    lines = [line for line in block.split("\n") if line.strip()]
    if len(lines) < 2:
        return [_tidy(line) for line in lines]
    if max(map(len, lines)) > _WIDEST_WRAP:
        return _long_lines(lines)
    parts = _indented_parts(lines)
    if _is_wrapped(parts, width):
        return [_join(paragraph) for part in parts for paragraph in _ended_parts(part, width)]
    if _mostly(lines, _SENTENCE_END) and not _mostly(lines, _ITEM):
        return [_tidy(line) for line in lines]
    return [_in_lines(lines)]


def _long_lines(lines: list[str]) -> list[str]:
    """Each line a paragraph, items that follow each other one list."""
    paragraphs: list[str] = []
    was_item = False
    for line in lines:
        is_item = _ITEM.match(line) is not None
        if is_item and was_item:
            paragraphs[-1] += "\n" + _tidy(line)
        else:
            paragraphs.append(_tidy(line))
        was_item = is_item
    return paragraphs


def _indented_parts(lines: list[str]) -> list[list[str]]:
    """The lines parted where an indented one follows one that is not, as wire services mark a paragraph."""
    indented = [line[:1] in " \t\u3000" for line in lines]
    if all(indented[1:]) or not any(indented):
        return [lines]
    parts: list[list[str]] = []
    for line, is_first in zip(lines, indented, strict=True):
        if is_first or not parts:
            parts.append([line])
        else:
            parts[-1].append(line)
    return parts


def _is_wrapped(parts: list[list[str]], width: int) -> bool:
    """Whether the lines break where the next word did not fit: what tells wrapped prose from verse and lists."""
    lines = [line for part in parts for line in part]
    narrowest = _NARROWEST_WRAP // 2 if _UNSPACED.search(lines[0]) else _NARROWEST_WRAP
    if width < narrowest or _mostly(lines, _ITEM):
        return False
    pairs = [pair for part in parts for pair in pairwise(part)]
    full = sum(_is_full(line, following, width) for line, following in pairs)
    odd = sum(not _is_full(line, following, width) and not _SENTENCE_END.search(line) for line, following in pairs)
    # One odd line is the first one, whose dateline was taken away.
    return full * 2 >= len(pairs) > 0 and (odd * 5 <= len(pairs) or (odd == 1 and len(pairs) > 2))


def _is_full(line: str, following: str, width: int) -> bool:
    return len(line) + 1 + _first_word_length(following) > width * 0.85


def _ended_parts(lines: list[str], width: int) -> list[list[str]]:
    """Wrapped lines parted where a sentence ends in a line that had room for more."""
    parts = [[lines[0]]]
    for line, following in pairwise(lines):
        if _SENTENCE_END.search(line) and not _is_full(line, following, width):
            parts.append([following])
        else:
            parts[-1].append(following)
    return parts


def _first_word_length(line: str) -> int:
    word = line.split(maxsplit=1)[0]
    return 1 if _UNSPACED.match(word) else len(word)


def _join(lines: list[str]) -> str:
    joined = lines[0].strip()
    for line in lines[1:]:
        following = line.strip()
        is_unspaced = _UNSPACED.match(joined[-1]) and _UNSPACED.match(following)
        is_divided = joined[-1] == "-" and joined[-2:-1].isalpha() and following[0].islower()
        joined += following if is_unspaced or is_divided else f" {following}"
    return _tidy(joined)


def _in_lines(lines: list[str]) -> str:
    return "\n".join(_tidy(line) for line in lines)


def _mostly(lines: list[str], pattern: re.Pattern[str]) -> bool:
    return sum(pattern.search(line) is not None for line in lines) * 5 >= len(lines) * 3


def _tidy(line: str) -> str:
    return _BLANKS.sub(" ", line.strip()) if "  " in line or "\t" in line else line.strip()
