"""The blocks of a page: what a reader sees as one paragraph, heading, item or line, and where in the page it stands.

The unit of Kohlschütter, Fankhauser and Nejdl, "Boilerplate Detection using Shallow Text Features" (WSDM 2010).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree
from lxml.html import HtmlElement

_SKIPPED = frozenset(
    "applet area audio base basefont bgsound button canvas datalist embed frame frameset head iframe img input link map "
    "math menuitem meta noembed noframes noscript object optgroup option param picture progress rp rt script select "
    "source style svg template textarea title track video".split()
)
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big br cite code data del dfn em font i ins kbd label mark nobr q ruby rb s samp small span "
    "strike strong sub sup time tt u var wbr".split()
)
_NAMED = frozenset(["div", "p", "span"])
_BOLD = frozenset(["b", "strong"])
_MARKS = {
    "article": "article",
    "aside": "aside",
    "blockquote": "blockquote",
    "caption": "figcaption",
    "details": "aside",
    "dialog": "aside",
    "dl": "list",
    "figcaption": "figcaption",
    "figure": "figure",
    "footer": "footer",
    "form": "form",
    "header": "header",
    "li": "li",
    "main": "main",
    "nav": "nav",
    "ol": "list",
    "table": "table",
    "ul": "list",
}
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_UNSEEN = re.compile(
    r"(?:^|[\s_-])(?:sr-?only|visually-?hidden|screen-?reader(?:-text|-only)?|vh)(?=$|\s)", re.IGNORECASE
)
"""Classes of what is only read out, as "opens in a new window"."""
_NAME = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_STRAY = re.compile(r"(?<=\w) +(?=[,.](?:\s|$))")
"""Blanks that mark-up leaves before a comma or full stop; no language has them there."""
_SPACE = re.compile(r"[ \t\n\r\f\xa0\u2002-\u200a\u202f\u3000]+")
_NAMING = ("class", "id", "role", "itemprop", "data-component", "data-testid", "data-qa", "data-type", "data-module")
_MOST_NAMES = 12


@dataclass(slots=True, frozen=True, eq=False)
class Place:
    """A block-level element, with what it has from those around it."""

    tag: str
    up: Place | None
    depth: int
    names: frozenset[str]
    """The words of its classes, its id and its role."""
    marks: frozenset[str]
    """What it stands in: `article`, `aside`, `figure` and the like, from all levels."""
    number: int
    """Its place in the order of the page."""


@dataclass(slots=True, frozen=True, eq=False)
class Block:
    """A run of text between two edges of block-level elements, or two line breaks."""

    text: str
    """White space as one blank, a single line break as `\\n`."""
    place: Place
    linked: int
    """Characters of it inside links."""
    bold: int


def blocks_of(tree: HtmlElement) -> list[Block]:
    """The blocks of the tree in the order of the page, those without letters and digits left out."""
    walk = etree.iterwalk(tree, events=("start", "end", "comment", "pi"))
    gathering = _Gathering()
    for event, element in walk:
        if event == "start":
            if gathering.is_skipped(element):
                walk.skip_subtree()
            else:
                gathering.open(element)
        else:
            if event == "end":
                gathering.close(element)
            if element.tail:
                gathering.add(element.tail)
    gathering.flush()
    return gathering.blocks


class _Gathering:
    """The blocks gathered so far, and the one that is being read."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._names: dict[str, frozenset[str]] = {}
        self._place = Place("html", None, 0, frozenset(), frozenset(), 0)
        self._number = self._links = self._bolds = self._breaks = self._linked = self._bold = 0
        self._pieces: list[str] = []
        self._skipped: set[HtmlElement] = set()

    def is_skipped(self, element: HtmlElement) -> bool:
        tag = element.tag
        named = element.get("class") if tag in _NAMED else None
        if tag in _SKIPPED or (named and _UNSEEN.search(named)):
            self._skipped.add(element)
            return True
        if tag == "br" or (tag == "span" and named and "br" in named.split() and not element.text and not len(element)):
            self._break()
        return False

    def open(self, element: HtmlElement) -> None:
        tag = element.tag
        if tag == "a":
            self._links += 1
        elif tag in _BOLD:
            self._bolds += 1
        elif tag not in _INLINE:
            self.flush()
            self._number += 1
            self._place = _place(element, tag, self._place, self._number, self._names)
        if element.text:
            self.add(element.text)

    def close(self, element: HtmlElement) -> None:
        tag = element.tag
        if element in self._skipped:
            self._skipped.discard(element)
        elif tag == "a":
            self._links -= 1
        elif tag in _BOLD:
            self._bolds -= 1
        elif tag not in _INLINE:
            self.flush()
            self._place = self._place.up or self._place

    def add(self, text: str) -> None:
        self._pieces.append(text)
        if not text.isspace():
            self._breaks = 0
            self._linked += len(text) if self._links else 0
            self._bold += len(text) if self._bolds else 0

    def _break(self) -> None:
        breaks = self._breaks + 1
        if breaks > 1:
            self.flush()
        elif self._pieces:
            self._pieces.append("\x01")
        self._breaks = breaks

    def flush(self) -> None:
        if self._pieces:
            if text := _text(self._pieces):
                linked, bold = min(self._linked, len(text)), min(self._bold, len(text))
                self.blocks.append(Block(text, self._place, linked, bold))
            self._pieces, self._linked, self._bold = [], 0, 0
        self._breaks = 0


def _text(pieces: list[str]) -> str:
    text = _SPACE.sub(" ", "".join(pieces)).strip(" \x01")
    if not any(map(str.isalnum, text)):
        return ""
    if "\x01" in text:
        text = "\n".join(filter(None, (line.strip() for line in text.split("\x01"))))
    if " ," in text or " ." in text:
        text = _STRAY.sub("", text)
    return text


def _place(element: HtmlElement, tag: str, up: Place, number: int, known: dict[str, frozenset[str]]) -> Place:
    attributes = element.attrib
    marks = up.marks
    named = " ".join([attributes[name] for name in _NAMING if name in attributes]) if attributes else ""
    names = known.get(named)
    if names is None:
        names = known[named] = frozenset(name.lower() for name in _NAME.findall(named[:400])[:_MOST_NAMES])
    mark = _MARKS.get(tag)
    if mark and mark not in marks:
        marks = marks | {mark}
    if attributes:
        if "hidden" in attributes or ("style" in attributes and _HIDDEN.search(attributes["style"])):
            marks = marks | {"hidden"}
        if attributes.get("aria-hidden") == "true":
            marks = marks | {"aria-hidden"}
        if attributes.get("itemprop") == "articleBody":
            marks = marks | {"articleBody"}
    return Place(tag, up, up.depth + 1, names, marks, number)
