"""Mark-up that an entry carries, as text: a title, a short summary, a number of words. Bodies are for extraction."""

from __future__ import annotations

import html
import re

from warehouse import words

_HIDDEN = re.compile(
    r"<(script|style|template|noscript)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL | re.IGNORECASE
)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<[!?][^<>]*>")
_INLINE = re.compile(
    r"</?(?:a|abbr|b|big|br|cite|code|del|em|font|i|img|ins|mark|p|q|s|small|span|strong|sub|sup|tt|u)\b[^<>]*>",
    re.IGNORECASE,
)
_BREAK = re.compile(
    r"<(?:/?(?:article|blockquote|div|dd|dl|dt|figure|h[1-6]|hr|li|ol|p|pre|section|table|tr|ul)|br)\b[^<>]*>",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]\w{1,31});", re.IGNORECASE)
_BLANKS = re.compile(r"[^\S\n]+")
_BREAKS = re.compile(r"\s*\n\s*")


def title_text(value: str, *, is_html: bool) -> str:
    """A title on one line, without mark-up; what is said to be text loses only the tags that titles are dressed in."""
    bare = _HIDDEN.sub(" ", value) if "<" in value else value
    bare = _TAG.sub("", _BREAK.sub(" ", bare)) if is_html else _INLINE.sub("", bare)
    # Escaped twice, as many feeds do it.
    bare = _ENTITY.sub(_character, html.unescape(bare) if is_html else bare)
    return " ".join(bare.split())


def paragraphs(value: str) -> str:
    """HTML as text, a blank line between its blocks."""
    bare = _BREAK.sub("\n", _HIDDEN.sub(" ", " ".join(value.split())))
    return _BREAKS.sub("\n\n", _BLANKS.sub(" ", html.unescape(_TAG.sub("", bare)))).strip()


def count_words(value: str) -> int:
    """Words of the text in the mark-up; of scripts that write none between words, characters."""
    bare = _TAG.sub(" ", _HIDDEN.sub(" ", value)) if "<" in value else value
    return words.count_words(bare)


def _character(entity: re.Match[str]) -> str:
    return html.unescape(entity[0])
