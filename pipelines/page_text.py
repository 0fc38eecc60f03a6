"""The article in the text of a whole page: navigation, teasers and footers stand around it, and between its lines.

A linear chain over the lines (conditional random field, Lafferty et al. 2001; for pages Vogels et al. 2018, "Web2Text")
goes from what stands before the article through its first line, its lines and the gaps in it to what stands behind it.
Its weights are the table `data/page_text.tsv`, made by `infra/train_page_text.py`. Whether a text is a page at all is
asked first, and a text that is not evidently one stays whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from math import exp, prod
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from pipelines.page_lines import Described, Line, Shape, describe, title_words

if TYPE_CHECKING:
    from collections.abc import Iterator

STATES = ("before", "first", "article", "gap", "behind", "rest")
"""What a line may be; `first` is the article's first line, `behind` the first one after it."""
NEXT = {
    "before": ("before", "first"),
    "first": ("article", "gap", "behind"),
    "article": ("article", "gap", "behind"),
    "gap": ("article", "gap"),
    "behind": ("rest",),
    "rest": ("rest",),
}
_LEAST_CHANCE = 0.1
_LEAST_FOR_PROSE = 0.05
_LEAST_ALONE = 0.75
_RATHER = 0.5
_FEWEST_LINES = 12
_MOST_LINES = 20_000
"""No page has more; a longer text is a book, a table or hostile."""
_FEWEST_SHORT = 5
_FEWEST_WORDED = 4
_FURNITURE = frozenset({"account", "advert", "comment", "legal", "nav", "related", "share", "site", "subscribe"})
_FEWEST_CLASSES = 3
_FEWEST_TITLE_WORDS = 3
_MOST_KNOWN = 65_536
_TINY = 1e-300

_Row: TypeAlias = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Page:
    """What stands around the article of a whole page's text."""

    cuts: tuple[tuple[int, int], ...]
    """Start and end of each run of lines that are not the article's."""
    headline: str | None
    above: tuple[str, ...]
    """The lines from the headline to the article, where byline and date stand."""


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """The factors of the chain, e to the power of its weights."""

    weights: dict[str, _Row]
    starts: _Row
    ends: _Row
    then: tuple[_Row, ...]
    """A row for each state: the factor for going on to each."""
    known: dict[tuple[str, ...], _Row] = field(default_factory=dict)
    """What groups of features that were met say."""

    def of(self, group: tuple[str, ...]) -> _Row:
        """What a group of features says for each state."""
        rows = [self.weights[feature] for feature in group if feature in self.weights]
        b, s, a, g, x, e = map(prod, zip(*rows, strict=True)) if rows else (1.0,) * 6
        if len(self.known) >= _MOST_KNOWN:
            self.known.clear()
        return self.known.setdefault(group, (b, s, a, g, x, e))


def find_page(text: str, title: str = "") -> Page | None:
    """The article in a whole page's text in paragraphs; None for a text that is not evidently a page's."""
    if not _may_be_page(text):
        return None
    described = describe(text, title)
    lines = described.lines
    chances = article_chances(lines)
    likely = [at for at, chance in enumerate(chances) if chance > _RATHER]
    if not likely or not _is_page(lines, likely[0], likely[-1]):
        return None
    first = likely[0]
    top = _headline(described, first)
    above = range(top + 1, first) if top is not None and first - top < 20 else range(0)
    kept = kept_lines(lines, chances)
    if top is not None:
        kept[top] = False
    return Page(
        cuts=tuple(_runs(lines, kept)),
        headline=_headline_text(text, lines, top) if top is not None else None,
        above=tuple(_bare(text, lines[at]) for at in above),
    )


def kept_lines(lines: list[Line], chances: list[float], model: Model | None = None) -> list[bool]:
    """Which lines stay: a lost sentence weighs more than a teaser that stays, and a button that stays helps nobody.

    Sentences that by themselves look like an article's stay wherever they stand, for a chain that has once taken an
    interruption for the article's end is sure of it.
    """
    model = model or _model()
    return [
        chance > _least_chance(line.shape) or (line.shape.is_prose and _alone(model, line) > _LEAST_ALONE)
        for line, chance in zip(lines, chances, strict=True)
    ]


def _alone(model: Model, line: Line) -> float:
    """How likely a line is the article's, by its own features."""
    before, _, article, gap, behind, rest = _score(model, line.groups)
    return article / (before + article + gap + behind + rest)


def _least_chance(shape: Shape) -> float:
    if shape.is_prose:
        return _LEAST_FOR_PROSE
    return _RATHER if shape.classes and shape.kind in ("menu", "phrase") else _LEAST_CHANCE


def _may_be_page(text: str) -> bool:
    """Whether there are lines enough, and many of them short and open: cheap, for all texts are asked."""
    count = text.count("\n") + 1
    if not _FEWEST_LINES <= count <= 2 * _MOST_LINES:
        return False
    lines = [line for line in text.split("\n") if line]
    menus = sum(len(line) < 40 and line[-1] not in ".!?,;:。" for line in lines)
    return _FEWEST_LINES <= len(lines) <= _MOST_LINES and menus >= _FEWEST_SHORT


def _is_page(lines: list[Line], first: int, last: int) -> bool:
    """Whether short lines with the words of menus and footers stand around the article, and prose stays."""
    around = [line.shape for line in (*lines[:first], *lines[last + 1 :])]
    worded = [shape.classes & _FURNITURE for shape in around if shape.kind in ("menu", "phrase")]
    return (
        sum(map(bool, worded)) >= _FEWEST_WORDED
        and len(frozenset[str]().union(*worded)) >= _FEWEST_CLASSES
        and any(line.shape.is_prose for line in lines[first : last + 1])
    )


def _runs(lines: list[Line], kept: list[bool]) -> Iterator[tuple[int, int]]:
    start = end = -1
    for line, keeps in zip(lines, kept, strict=True):
        if not keeps:
            start, end = line.start if start < 0 else start, line.end
        elif start >= 0:
            yield start, end
            start = -1
    if start >= 0:
        yield start, end


_NO_HEADLINE = frozenset({"role", "share", "month", "picture", "legal", "subscribe"})


def _headline(described: Described, first: int) -> int | None:
    """The line that agrees with the page's title; without one the title, else what is above the article and like one."""
    lines = described.lines
    if described.headline is not None and described.headline < first:
        return described.headline
    above = [at for at in range(max(0, first - 10), first) if not lines[at].shape.classes & _NO_HEADLINE]
    titles = [0] if first and len(title_words(lines[0].shape.written)) >= _FEWEST_TITLE_WORDS else above
    found = [at for at in titles if lines[at].shape.kind in ("phrase", "headline")]
    return max(found, key=lambda at: lines[at].shape.width, default=None)


_SEPARATOR = re.compile(r"\s+[|»–—:-]+\s+|\s*\|\s*")


def _without_site(title: str) -> str:
    """The longest part of a page's title: the site's name and the section's are shorter than a headline."""
    return max(_SEPARATOR.split(title), key=len).strip()


_BULLET = re.compile(r"^(?:#{1,6}|[-*•])\s+")


def _headline_text(text: str, lines: list[Line], at: int) -> str:
    """The headline, without what a button's label or a kicker puts before the page's own title."""
    title = _without_site(_bare(text, lines[0]))
    if at == 0:
        return title
    written = _bare(text, lines[at])
    has_title = len(title_words(title)) >= _FEWEST_TITLE_WORDS and written.casefold().endswith(title.casefold())
    return written[-len(title) :] if has_title else written


def _bare(text: str, line: Line) -> str:
    return _BULLET.sub("", text[line.start : line.end].strip())


def article_chances(lines: list[Line], model: Model | None = None) -> list[float]:
    """How likely each line is one of the article, all ways through the lines considered (forward-backward algorithm)."""
    model = model or _model()
    scores = [_score(model, line.groups) for line in lines]
    behind = _backward(model, scores)
    (bb, bs, *_), (_, _, sa, sg, sx, _), (_, _, aa, ag, ax, _), (_, _, ga, gg, _, _), (*_, xe), (*_, ee) = model.then
    chances = []
    before = first = article = gap = after = rest = 0.0
    for number, ((b, s, a, g, x, e), (back_b, back_s, back_a, back_g, back_x, back_e)) in enumerate(
        zip(scores, reversed(behind), strict=True)
    ):
        if number:
            before, first, article, gap, after, rest = (
                before * bb * b,
                before * bs * s,
                (first * sa + article * aa + gap * ga) * a,
                (first * sg + article * ag + gap * gg) * g,
                (first * sx + article * ax) * x,
                (after * xe + rest * ee) * e,
            )
        else:
            before, first = model.starts[0] * b, model.starts[1] * s
        scale = 1.0 / (before + first + article + gap + after + rest)
        before *= scale
        first *= scale
        article *= scale
        gap *= scale
        after *= scale
        rest *= scale
        inside = first * back_s + article * back_a
        chances.append(inside / (inside + before * back_b + gap * back_g + after * back_x + rest * back_e + _TINY))
    return chances


def _backward(model: Model, scores: list[_Row]) -> list[_Row]:
    """From the last line up, how well the lines below go with each state of a line; each row sums to 1."""
    (bb, bs, *_), (_, _, sa, sg, sx, _), (_, _, aa, ag, ax, _), (_, _, ga, gg, _, _), (*_, xe), (*_, ee) = model.then
    _, first, article, _, after, rest = model.ends
    before = gap = 0.0
    found = [(before, first, article, gap, after, rest)]
    for b, s, a, g, x, e in scores[:0:-1]:
        to_article, to_gap, to_after, to_rest = a * article, g * gap, x * after, e * rest
        before = bb * b * before + bs * s * first
        first = sa * to_article + sg * to_gap + sx * to_after
        article = aa * to_article + ag * to_gap + ax * to_after
        gap = ga * to_article + gg * to_gap
        after, rest = xe * to_rest, ee * to_rest
        scale = 1.0 / (before + first + article + gap + after + rest)
        before *= scale
        first *= scale
        article *= scale
        gap *= scale
        after *= scale
        rest *= scale
        found.append((before, first, article, gap, after, rest))
    return found


def _score(model: Model, groups: list[tuple[str, ...]]) -> _Row:
    """What a line's features say for each state."""
    known, of = model.known.get, model.of
    b = s = a = g = x = e = 1.0
    for group in groups:
        nb, ns, na, ng, nx, ne = known(group) or of(group)
        b *= nb
        s *= ns
        a *= na
        g *= ng
        x *= nx
        e *= ne
    return b, s, a, g, x, e


@lru_cache(maxsize=1)
def _model() -> Model:
    return read_model(Path(__file__).with_name("data") / "page_text.tsv")


def read_model(path: Path) -> Model:
    """The weights of a table: a feature a line, and one number for each state."""
    weights: dict[str, _Row] = {}
    for line in path.read_text("utf-8").splitlines():
        name, *numbers = line.split("\t")
        if not name.startswith("# "):
            b, s, a, g, x, e = (exp(float(number)) for number in numbers)
            weights[name] = (b, s, a, g, x, e)
    then = tuple(weights.pop(f"then:{state}") for state in STATES)
    return Model(weights, weights.pop("starts"), weights.pop("ends"), then)
