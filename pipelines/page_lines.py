"""The lines of a text as features that tell an article from the page around it.

All are cheap signs of shape, wording and place: length, final punctuation, function words, words of menus and footers,
repetition, agreement with the page's title, and the shape of the neighbours (Kohlschütter et al. 2010, "Boilerplate
detection using shallow text features"); the densest run of prose is found as a maximum subsequence (Pasternack and
Roth 2009, "Extracting article text from the web with maximum subsequence segmentation").
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, chain
from operator import itemgetter
from pathlib import Path

_DATA = Path(__file__).with_name("data")
_LINE = re.compile(r"[^\n]+")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
"""Scripts that say in one character what others say in two or three."""
_MARKS = (
    *(("©", "rights"), ("›", "bar"), ("»", "bar"), ("→", "bar"), ("…", "cut")),
    *(("@", "at"), ("|", "bar"), ("http", "link"), ("#", "hash"), ("{", "code"), ("<", "code"), ("=", "code")),
    *(("*", "star"), ("...", "cut")),
)
_BEYOND_ASCII = 5
"""So many of the marks are no ASCII characters, and come first."""
_CLOCK = re.compile(r"\d[:./-]\d\d|\b(?:19|20)\d\d\b")
_WORD = re.compile(r"\w{4,}")
_DIGIT = re.compile(r"\d")
_PUNCTUATION = ".,:;!?()[]|•·–\"'“”"
_FIRST = itemgetter(0)
_SHORT = 60
_LONGEST_HEADLINE = 250
_AGREES = 0.6
_AGREES_PARTLY = 0.25
_LITTLE_PROSE = (0, 150, 500, 1000)
_FEW_WORDED = (0, 1, 3, 5)
_FAR = 31


def _steps(limits: tuple[int, ...]) -> dict[int, int]:
    """Class of each distance in lines, below 0 upwards."""
    return {
        distance: bisect_left(limits, distance) if distance >= 0 else -bisect_left(limits, -distance)
        for distance in range(-_FAR, _FAR + 1)
    }


_STEPS_FROM_HEADLINE = _steps((0, 1, 3, 6, 12, 30))
_STEPS_FROM_RUN = _steps((0, 1, 2, 4, 8, 20))
_CLOSERS = "\"'”’»)]）」』"
_ENDS = {"。": "stop", ".": "stop", "।": "stop", "؟": "ask", "？": "ask", "?": "ask", "！": "ask", "!": "ask"}
_ENDS |= {":": "colon", "：": "colon", ",": "comma", "、": "comma", "…": "cut", "|": "bar", "›": "bar", "»": "bar"}
_OPENERS = dict.fromkeys("\"“”„«‘'「『»", "quote") | dict.fromkeys("-•*–—·▪●#>[(", "bullet")
_SIZES = (3, 7, 12, 20, 30, 45, 65, 90, 130, 190, 280, 420)
_LOOKED_AT = 300
"""Characters at a line's beginning that are looked at, and its last ones: the rest says nothing new."""
_MOST_WORDS = 14
"""In a longer line a word of a menu is one of a sentence."""


@dataclass(slots=True)
class Shape:
    """What a line is like by itself."""

    width: int
    is_prose: bool
    kind: str
    features: tuple[str, ...]
    classes: frozenset[str]
    """Of the words in it that pages have around their articles."""
    written: str
    """What titles are compared with, in lower case; empty where a line has one word, or is too long for a title."""


@dataclass(slots=True)
class Line:
    """A line that is not blank, where it stands, and what tells of it."""

    start: int
    end: int
    shape: Shape
    groups: list[tuple[str, ...]]
    """Its features in groups of which there are few, so that what is known of a group can be kept."""

    @property
    def features(self) -> list[str]:
        """Those of all groups."""
        return list(chain.from_iterable(self.groups))


@dataclass(slots=True)
class Described:
    """The lines of a text, and the number of the one that is the headline, where one agrees with the title."""

    lines: list[Line]
    headline: int | None


def describe(text: str, title: str = "") -> Described:
    """The lines of a text with their features; without a title, a page's first line is taken for it."""
    spans = [match.span() for match in _LINE.finditer(text)]
    raw = [
        text[start:end] if end - start <= _LOOKED_AT else text[start : start + _LOOKED_AT] + text[end - 20 : end]
        for start, end in spans
    ]
    shapes = [
        _short_shape(line) if len(line) < _SHORT else _shape(line, end - start)
        for line, (start, end) in zip(raw, spans, strict=True)
    ]
    lines = [Line(start, end, shape, [shape.features]) for (start, end), shape in zip(spans, shapes, strict=True)]
    _add_neighbours(lines)
    return Described(lines, _add_place(lines, raw, title))


@lru_cache(maxsize=16_384)
def _short_shape(line: str) -> Shape:
    return _shape(line, len(line))


def _shape(line: str, length: int) -> Shape:
    width = length if line.isascii() else length + len(_UNSPACED.findall(line)) * length // len(line)
    size = bisect_left(_SIZES, width)
    bare = line.rstrip(_CLOSERS)
    end = _ENDS.get(bare[-1:]) or ("word" if bare[-1:].isalnum() else "other")
    if end == "stop" and bare.endswith("..."):
        end = "cut"
    words = line.lower().split()
    count = len(words)
    is_unspaced = width - length > length // 3
    classes: frozenset[str] = frozenset()
    if count <= _MOST_WORDS:
        classes = _classes(words, line if is_unspaced else "")
    if is_unspaced:
        share, capitals = -1, -1
        commas = line.count("、") + line.count("，") + line.count("。")
    else:
        known = _stop_words()
        stops = sum(map(known.__contains__, words)) if count > 1 else 0
        share = bisect_left((0, 10, 20, 30, 40), 100 * stops // count)
        commas = line.count(", ") + line.count(". ") if count > 1 else 0
        capital = sum(map(str.isupper, map(_FIRST, line.split()))) if count > 2 else 0
        capitals = bisect_left((15, 35, 60, 85), 100 * capital // count) if count > 2 else -1
    features = (
        *_form(size, end, _opening(line)),
        *_saying(classes, bisect_left((3, _MOST_WORDS), count)),
        *_wording(size, share, bisect_left((2, 5, 10, 20), count), capitals, bisect_left((0, 1, 3), commas)),
        *(() if line.replace(" ", "").isalpha() else _signs(line, size)),
        *(("upper",) if line.isupper() else ()),
    )
    is_prose = (width > 60 and end in ("stop", "ask")) or width > 160
    compared = line.lower() if (count > 1 or is_unspaced) and length <= _LONGEST_HEADLINE else ""
    return Shape(width, is_prose, _kind(width, end, is_prose=is_prose), features, classes, compared)


@lru_cache(maxsize=2048)
def _form(size: int, end: str, opening: str) -> tuple[str, ...]:
    return f"size={size}", f"end={end}", f"size,end={size},{end}", f"start={opening}"


@lru_cache(maxsize=2048)
def _saying(classes: frozenset[str], length: int) -> tuple[str, ...]:
    if length > 1:
        return ()
    return tuple([f"says={name},{('few', 'some')[length]}" for name in sorted(classes)]) or ("says=nothing",)


@lru_cache(maxsize=8192)
def _wording(size: int, share: int, words: int, capitals: int, commas: int) -> tuple[str, ...]:
    """What function words, commas and capitals tell; below 0 where they are not counted."""
    told = (f"stops={share},{words}", f"commas={commas},{bisect_left((4, 7, 9), size)}")
    return told if capitals < 0 else (*told, f"capitals={capitals},{bisect_left((4, 6, 8), size)}")


def _signs(line: str, size: int) -> list[str]:
    marks = _MARKS[_BEYOND_ASCII:] if line.isascii() else _MARKS
    found = list({"mark=" + name for mark, name in marks if mark in line})
    if _DIGIT.search(line):
        found.append(f"{'clock' if _CLOCK.search(line) else 'digit'},{bisect_left((5, 7), size)}")
    return found


def _kind(width: int, end: str, *, is_prose: bool) -> str:
    if is_prose:
        return "prose" if width <= 250 else "long"
    if end in ("stop", "ask"):
        return "sentence"
    return "menu" if width < 26 else "phrase" if width < 60 else "headline"


def _opening(line: str) -> str:
    first = line[0]
    if first.isupper():
        return "upper"
    if first.islower():
        return "lower"
    return "digit" if first.isdigit() else _OPENERS.get(first) or ("letter" if first.isalpha() else "other")


def _classes(words: list[str], unspaced: str) -> frozenset[str]:
    known = _page_words()
    found: set[str] = set()
    for word in words:
        if word in known:
            found.update(known[word])
        elif not word.isalnum() and (bare := word.strip(_PUNCTUATION)) in known:
            found.update(known[bare])
    if unspaced:
        found |= {name for word, name in _unspaced_words() if word in unspaced}
    return frozenset(found)


def _add_neighbours(lines: list[Line]) -> None:
    """What the four lines above and the four below tell of each."""
    shapes = [line.shape for line in lines]
    kinds = ["edge", "edge", *[shape.kind for shape in shapes], "edge", "edge"]
    classes = [frozenset[str](), *[shape.classes for shape in shapes], frozenset[str]()]
    prose = _prose(shapes)
    worded = [0, *accumulate([1 if shape.classes else 0 for shape in shapes])]
    starts = [*[line.start for line in lines], 0]
    count = len(lines)
    is_apart = False
    for at, line in enumerate(lines):
        low, high = max(0, at - 4), min(count, at + 5)
        was_apart, is_apart = is_apart, starts[at + 1] - line.end > 1
        if classes[at] or classes[at + 2]:
            line.groups.append(_beside(classes[at], classes[at + 2]))
        line.groups += (
            _neighbours(*kinds[at : at + 5]),
            _surroundings(
                kinds[at + 2],
                was_apart,
                is_apart,
                bisect_left(_LITTLE_PROSE, prose[at] - prose[low]),
                bisect_left(_LITTLE_PROSE, prose[high] - prose[at + 1]),
                bisect_left(_FEW_WORDED, worded[high] - worded[low]),
                10 * at // count,
            ),
        )


@lru_cache(maxsize=16_384)
def _neighbours(second: str, last: str, kind: str, following: str, then: str) -> tuple[str, ...]:
    return f"around={last},{kind},{following}", f"before={second},{last}", f"after={following},{then}"


@lru_cache(maxsize=16_384)
def _beside(above: frozenset[str], below: frozenset[str]) -> tuple[str, ...]:
    return *[f"follows={name}" for name in sorted(above)], *[f"leads to={name}" for name in sorted(below)]


@lru_cache(maxsize=16_384)
def _surroundings(
    kind: str, is_apart_above: bool, is_apart_below: bool, above: int, below: int, worded: int, tenth: int
) -> tuple[str, ...]:
    gap = ("b" if is_apart_above else "-") + ("b" if is_apart_below else "-")
    around = (f"prose before={above},{kind}", f"prose after={below},{kind}", f"worded={worded},{kind}")
    return f"gap={gap},{kind}", *around, f"place={tenth}"


def _prose(shapes: list[Shape]) -> list[int]:
    """Characters of prose above each line and, at the end, in all; very long lines count in part."""
    return [0, *accumulate([min(shape.width, 400) if shape.is_prose else 0 for shape in shapes])]


def _add_place(lines: list[Line], raw: list[str], title: str) -> int | None:
    """Where each line stands to the headline and to the densest run of prose; returns the headline's number."""
    shapes = [line.shape for line in lines]
    prose = _prose(shapes)
    agreeing = _agreeing(shapes, title)
    headline = _headline(agreeing, prose)
    times = Counter(raw)
    first, last = _prose_run(shapes)
    for at, (line, written) in enumerate(zip(lines, raw, strict=True)):
        shared = agreeing[at]
        line.groups.append(
            _standing(
                line.shape.kind,
                0 if times[written] < 2 else 1 if len(written) < _SHORT else 2,
                2 if shared >= _AGREES else 1 if shared > _AGREES_PARTLY else 0,
                None if headline is None else _STEPS_FROM_HEADLINE[max(-_FAR, min(at - headline, _FAR))],
                _STEPS_FROM_RUN[max(-_FAR, at - first) if at < first else min(at - last, _FAR) if at > last else 0],
                10 * prose[at] // (prose[-1] or 1),
            )
        )
    return headline


@lru_cache(maxsize=32_768)
def _standing(kind: str, again: int, agreement: int, headline: int | None, run: int, tenth: int) -> tuple[str, ...]:
    return (
        *((), ("again",), ("again,long",))[again],
        *((), ("title,partly",), ("title",))[agreement],
        f"headline={headline}",
        *((f"headline ahead,{kind}",) if headline is not None and headline < 0 else ()),
        f"run={run}" if run else f"run,{kind}",
        f"prose so far={tenth}",
        f"prose so far={bisect_left((0, 2, 7, 9), tenth)},{kind}",
    )


def _agreeing(shapes: list[Shape], title: str) -> list[float]:
    """How far each line agrees with the title; one that was taken for it does not count."""
    if not shapes:
        return []
    wanted = title_words(title or shapes[0].written)
    fewest = min(2, len(wanted)) or 1
    may_agree = [bool(shape.written) and sum(map(shape.written.__contains__, wanted)) >= fewest for shape in shapes]
    agreeing = [
        _agreement(wanted, title_words(shape.written)) if may else 0.0
        for shape, may in zip(shapes, may_agree, strict=True)
    ]
    return agreeing if title else [0.0, *agreeing[1:]]


def _headline(agreeing: list[float], prose: list[int]) -> int | None:
    """Which of the lines that agree with the title is the headline: the one with most prose soon below."""
    found = [at for at, shared in enumerate(agreeing) if shared >= _AGREES]
    if not found:
        return None
    below = {at: prose[min(len(agreeing), at + 25)] - prose[at + 1] for at in found}
    return max(found, key=lambda at: (min(below[at], 1500), agreeing[at], at))


def _agreement(title: frozenset[str], line: frozenset[str]) -> float:
    """Share of a line's words that the title has, or of the title's that a line of its length has."""
    both = len(title & line)
    if both == 0 or (both == 1 and len(title) > 1):
        return 0.0
    return both / len(line) if 2 * len(line) > 3 * len(title) else both / min(len(line), len(title))


def title_words(line: str) -> frozenset[str]:
    """What a title or a line is compared by: its longer words, or pairs of characters where no spaces part words."""
    if not line.isascii() and _UNSPACED.search(line):
        return frozenset([line[at : at + 2] for at in range(len(line) - 1) if line[at : at + 2].isalnum()])
    return frozenset(_WORD.findall(line.lower()))


def _prose_run(shapes: list[Shape]) -> tuple[int, int]:
    """First and last line of the run with most prose and fewest other lines; the last is -1 without prose."""
    best = total = 0.0
    first = start = 0
    last = -1
    for at, shape in enumerate(shapes):
        if total <= 0:
            start, total = at, 0.0
        total += min(shape.width, 400) / 25 if shape.is_prose else -1.0 if shape.width > 45 else -1.5
        if total > best:
            best, first, last = total, start, at
    return first, last


@lru_cache(maxsize=1)
def _stop_words() -> frozenset[str]:
    return frozenset(" ".join(_table("stop_words.txt")).split())


@lru_cache(maxsize=1)
def _page_words() -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for line in _table("page_words.txt"):
        name, _, words = line.partition(": ")
        for word in words.split():
            found.setdefault(word, {})[name] = None
    return {word: tuple(names) for word, names in found.items()}


@lru_cache(maxsize=1)
def _unspaced_words() -> tuple[tuple[str, str], ...]:
    return tuple((word, name) for word, names in _page_words().items() for name in names if _UNSPACED.match(word))


def _table(name: str) -> list[str]:
    lines = (_DATA / name).read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
