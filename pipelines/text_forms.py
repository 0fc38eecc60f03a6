"""The forms that text files open with: front matter, a date prefix, a title line, a Markdown heading, header lines.

Each gives what it states and is taken out of the text; what is not clearly one of them stays in the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime

from pipelines import markdown
from pipelines.dates import parse_date
from pipelines.front_matter import split_front_matter
from pipelines.layout import lay_out
from pipelines.normalise import one_line
from pipelines.page_text import find_page
from pipelines.stated import Stated, persons, read_fields
from warehouse.rows import Flag

_PREFIX = re.compile(
    r"\A\s*date(?:\s*:\s*|[ \t]+)"
    r"(?P<date>\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:(?:T|[ \t]+)\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[ \t]?[+-]\d\d:?\d\d)?)?"
    r"|\d{1,2}\.?[ \t]+[^\W\d_]{3,12}\.?,?[ \t]+\d{4}|[^\W\d_]{3,12}\.?[ \t]+\d{1,2},?[ \t]+\d{4})"
    r"(?=\s|\Z)[ \t]*(?![a-z])",
    re.IGNORECASE,
)
_FOLLOWED_BY_LOWER = re.compile(r"[ \t]*[a-zà-ÿ]")
_HEADER = re.compile(
    r"^(title|headline|subtitle|author|byline|date|published|updated|source|section|url|link|tags|keywords|language)"
    r"[ \t]*:[ \t]*(\S.{0,500})$",
    re.IGNORECASE,
)
_BYLINE = re.compile(
    r"^by[:\s]\s*((?:[^\W\d_][\w.'’-]*\s+){1,3}[^\W\d_][\w.'’-]*(?:(?:,|\s+and|\s+&)\s+(?:[^\W\d_][\w.'’-]*\s+){1,3}[^\W\d_][\w.'’-]*){0,3})$",
    re.IGNORECASE,
)
_DATE_LINE = re.compile(r"^(?:(?:first\s+)?(?:published|posted|updated)(?:\s+on|:)?\s+)?(\S.{5,60})$", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_SMALL_WORD = re.compile(r"(?:^|[\s,])(?:and|[A-Z0-9][\w.'’-]*|de|von|van|der|den|da|di|al|el|bin|la|le|&)(?=[\s,]|$)")
_ABBREVIATION_END = re.compile(r"(?:\b[A-Za-z]\.|\b(?:Inc|Corp|Ltd|Co|Jr|Sr|St|Mr|Dr|No|Bros|etc|vs)\.)[\"'”’)]*$")
_CLOSED = re.compile(r"(?:(?<!\.\.)\.|[:;,。，；])[\"'”’»)]*$")
_PROSE_END = re.compile(r"[.!?…。！？؟।:][\"'”’»)\]]*$")
_FILE_NAME = re.compile(r"\.(?:avif|gif|jpe?g|m4[av]|mov|mp[34]|pdf|png|svg|tiff?|webp)$", re.IGNORECASE)
"""Of a picture or the like that stood above the article."""
_LONGEST_TITLE = 200
_LONGEST_WITH_STOP = 100
"""A longer line whose last word is an abbreviation is the first sentence of a story."""
_MOST_HEADER_LINES = 8


@dataclass(frozen=True, slots=True)
class Form:
    """A text's fields and its paragraphs."""

    stated: Stated
    text: str
    front: frozenset[str] = frozenset()
    """Names of the fields that front matter states."""
    furniture: tuple[tuple[int, int], ...] = ()
    """Start and end of each part of a whole page that stands around the article."""


def read_text(text: str, *, is_markdown: bool = False, with_title: bool = True) -> Form:
    """The fields that a cleaned text opens with, and the rest as paragraphs."""
    form = _below_front_matter(text)
    form = _below_prefix(form)
    if page := _page(form, is_markdown=is_markdown):
        return page
    if with_title:
        form = _below_heading(form) if is_markdown else _below_title(form)
        form = _below_header_lines(form)
    body = markdown.plain(form.text) if is_markdown else form.text
    return replace(form, text=lay_out(body))


def _page(form: Form, *, is_markdown: bool) -> Form | None:
    """The form of a whole page's text: headline, byline and date are what stands above its article."""
    text = lay_out(markdown.plain(form.text) if is_markdown else form.text)
    found = find_page(text)
    if found is None:
        return None
    page = replace(form, text=text, furniture=found.cuts)
    if found.headline and not page.stated.headline:
        page = replace(page, stated=replace(page.stated, headline=one_line(found.headline)))
    for line in found.above:
        if len(line) < _LONGEST_TITLE and not _HEADER.match(line) and (below := _with_header_line(page, line, text)):
            page = below
    return page


def _below_front_matter(text: str) -> Form:
    front = split_front_matter(text)
    if front is None:
        return Form(Stated(), text)
    stated = read_fields(front.fields)
    if front.is_broken:
        stated = replace(stated, flags=stated.flags | {Flag.FRONT_MATTER_BROKEN})
    if stated.publisher and "://" in stated.publisher and not stated.stated_sources:
        # `source: https://…` names what the text rests on, not who published it.
        stated = replace(stated, publisher=None, stated_sources=(stated.publisher,))
    return Form(stated, front.rest, frozenset(name for name in Stated.__dataclass_fields__ if getattr(stated, name)))


def _below_prefix(form: Form) -> Form:
    found = _PREFIX.match(form.text) if "date" in form.text[:64].lower() else None
    # "Date 2023-11-21 was chosen" is a sentence.
    if found is None or _FOLLOWED_BY_LOWER.match(form.text[found.end() :]):
        return form
    parsed = parse_date(found["date"])
    return _dated(form, parsed, form.text[found.end() :]) if parsed else form


def _dated(form: Form, parsed: tuple[datetime, bool], rest: str) -> Form:
    """The form with a date that its text states, unless front matter has stated one."""
    if form.stated.published_at:
        return replace(form, text=rest)
    flags = form.stated.flags | ({Flag.DATE_ONLY} if parsed[1] else set())
    return replace(form, stated=replace(form.stated, published_at=parsed[0], flags=flags), text=rest)


def _below_heading(form: Form) -> Form:
    """Markdown: the heading that the text opens with, else a title line."""
    found = markdown.HEADING.match(form.text)
    if found is None:
        return _below_title(form)
    return _titled(form, found["atx"] or found["setext"], form.text[found.end() :])


def _titled(form: Form, title: str, rest: str) -> Form:
    headline = one_line(markdown.plain(title))
    if not form.stated.headline and headline:
        return replace(form, stated=replace(form.stated, headline=headline), text=rest)
    is_repeated = headline.casefold() == (form.stated.headline or "").casefold()
    return replace(form, text=rest) if is_repeated else form


def _below_title(form: Form) -> Form:
    """Plain text: a line of its own above a blank line and prose."""
    text = form.text.lstrip("\n")
    block, _, rest = text.partition("\n\n")
    title, _, others = block.partition("\n")
    if others and not all(_is_header(line) for line in others.split("\n")):
        return form
    if not _is_title(title.strip()) or not _has_prose(rest):
        return form
    return _titled(form, title, f"{others}\n\n{rest}" if others else rest)


def _is_title(line: str) -> bool:
    if not 2 <= len(line) <= _LONGEST_TITLE or len(line.split()) > 30 or _is_header(line):
        return False
    if not any(char.isalpha() for char in line) or _FILE_NAME.search(line):
        return False
    if not _CLOSED.search(line):
        return True
    return len(line) <= _LONGEST_WITH_STOP and _ABBREVIATION_END.search(line) is not None


def _has_prose(rest: str) -> bool:
    """Whether a paragraph soon below is a sentence or long: a standfirst or a page's menu may come first."""
    blocks = (block.strip() for block in rest[:8192].split("\n\n"))
    return any(_PROSE_END.search(block) or len(block) > _LONGEST_TITLE for block in blocks)


def _below_header_lines(form: Form) -> Form:
    """Lines such as `Published: 21 Nov 2023` or `By Jane Doe` at the top of what is left."""
    for _ in range(_MOST_HEADER_LINES):
        line, _, rest = form.text.lstrip("\n").partition("\n")
        below = _with_header_line(form, line.strip(), rest) if len(line) < 600 else None
        if below is None:
            break
        form = below
    return form


def _is_header(line: str) -> bool:
    return _with_header_line(Form(Stated(), ""), line.strip(), "") is not None


def _with_header_line(form: Form, line: str, rest: str) -> Form | None:
    """The form with what a header line states, None for a line that is none."""
    if header := _HEADER.match(line):
        return _with_field(form, header[1].lower(), header[2], rest)
    if (byline := _BYLINE.match(line)) and _are_names(byline[1]):
        if form.stated.byline:
            return None
        return replace(form, stated=replace(form.stated, byline=persons(byline[1])), text=rest)
    dated = _DATE_LINE.match(line) if len(line) < 100 and _DIGIT.search(line) else None
    parsed = parse_date(dated[1]) if dated else None
    if parsed is None or form.stated.published_at:
        return None
    return _dated(form, parsed, rest)


def _with_field(form: Form, name: str, value: str, rest: str) -> Form | None:
    added = read_fields({name: value})
    old = form.stated
    if added.flags & {Flag.DATE_IMPLAUSIBLE} or (name == "updated" and not added.modified_at):
        return None
    changes = {
        key: getattr(added, key)
        for key in Stated.__dataclass_fields__
        if key != "flags" and getattr(added, key) and not getattr(old, key)
    }
    if not changes:
        return None
    return replace(form, stated=replace(old, **changes, flags=old.flags | added.flags), text=rest)


def _are_names(text: str) -> bool:
    return not _SMALL_WORD.sub("", text).strip(" ,")
