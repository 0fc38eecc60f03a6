"""What of a block tells whether it is part of the article: words that the table of weights is over.

Each feature is present or absent; quantities are put into bins, so that the table can be read. Shallow text features
and those of the neighbours follow Kohlschütter, Fankhauser and Nejdl, "Boilerplate Detection using Shallow Text
Features" (WSDM 2010); the container is the subtree with the greatest sum, as in Sun, Song and Liao, "DOM Based Content
Extraction via Text Density" (SIGIR 2011).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from pipelines.page.blocks import Block, Place
from warehouse.words import IS_SPACELESS

_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"[.!?…][\"'”’»)\]]*(?:\s|$)|[。！？।॥؟۔]")
_DATE = re.compile(r"\b(?:19|20)\d\d\b|\b\d{1,2}:\d\d\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}")
_PICTURE = re.compile(
    r"photo|foto|image|bild|getty|shutterstock|picture|afp|reuters|imago|dpa|credit|©|\(c\)|epa|associated press|via ap"
    r"|/ap\b|instagram|courtesy",
    re.IGNORECASE,
)
_SIZES = (2, 3, 4, 6, 9, 13, 20, 32, 50)
_LINKED = (0.001, 0.1, 0.34, 0.67, 0.95)
_ENDS = dict.fromkeys(".!?。।؟！？۔", ".") | dict.fromkeys("…", "…") | dict.fromkeys(":;,：", ":")
_ENDS |= dict.fromkeys("\"”’»“」'》", "q") | dict.fromkeys(")]）", ")")
_QUOTES = "\"“„«'‘»「"
_GROUPS = {
    "ad": "ad ads advert advertisement advertising adv sponsor sponsored dfp commercial shopping deals product products "
    "affiliate anzeige werbung publicidad publicite",
    "author": "author authors byline bylines bio contributor profile about writer autor autoren auteur autore redactie",
    "body": "body content article story post entry text main paragraph paragraphs prose articlebody storytext rich "
    "richtext wysiwyg copy",
    "caption": "caption captions credit credits photo photos image images img picture pictures gallery slideshow media "
    "video player copyright figure legend bild foto photographer thumbnail lightbox",
    "comment": "comment comments disqus reply replies discussion respond forum talk reviews",
    "embed": "embed tweet instagram facebook oembed iframe youtube pullquote factbox infobox faktabox kasten",
    "foot": "footer foot bottom legal disclaimer privacy cookie cookies consent gdpr cmp banner modal popup overlay",
    "hide": "hidden hide invisible sr reader visually offscreen print",
    "lead": "standfirst subtitle subheadline subhead deck dek lead lede intro summary excerpt description abstract chapeau "
    "entradilla vorspann sottotitolo perex ingress subline",
    "meta": "date time datetime timestamp published publish updated meta metadata info dateline reading duration kicker "
    "category categories label overline eyebrow tag tags topic topics keyword keywords",
    "nav": "nav navigation menu breadcrumb breadcrumbs pagination pager topbar navbar submenu tabs skip masthead toolbar",
    "news": "newsletter newsletters subscribe subscription signup sign paywall premium offer abo login register "
    "registration account form campaign piano donate donation support",
    "related": "related recommend recommended recommendation recommendations recirc recirculation readmore more also next "
    "previous prev teaser teasers trending popular most latest similar crosslink promo promos promoted carousel river "
    "feed cards card taboola outbrain partner partners",
    "side": "sidebar side aside rail right secondary widget widgets complementary",
    "social": "share sharing social facebook twitter whatsapp tools follow email bookmark like likes",
    "title": "title headline heading header",
}
_GROUP_OF: dict[str, list[str]] = defaultdict(list)
for _group, _words in _GROUPS.items():
    for _word in _words.split():
        _GROUP_OF[_word].append(_group)
_OUTSIDE = 99
_PROSE = 10
_CONTROLS = frozenset(["nav", "news", "social"])
_LONGEST_CONTROL = 60
_NO_PROSE = frozenset(["aside", "figcaption", "footer", "nav"])
_VOTE_RUN = 4
_SIGNATURE = 7
"""Bin of sizes from which a block with a name of the byline speaks of the person."""
_LONGEST_SIGNATURE = _LONGEST_DATE = 14
_FEWEST_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the page says of its article elsewhere than in its blocks."""

    headline: str = ""
    description: str = ""
    linked_body: str = ""
    """The body in its linked data."""
    extracted: str = ""
    """What another extractor took for the article."""
    standfirst: str = ""
    """The line that the page shows under its headline."""
    section: str = ""
    names: tuple[str, ...] = ()
    """Those of its byline."""


def flat(text: str) -> str:
    """The words of the text in lower case, one blank between them."""
    return " ".join(_WORD.findall(text.lower()))


def size_of(text: str) -> int:
    """Words; of scripts without spaces, pairs of characters."""
    return len(_WORD.findall(text)) + (0 if text.isascii() else len(IS_SPACELESS.findall(text)) // 2)


def is_date(text: str) -> bool:
    """Whether a line with a date in it holds little else: no more words than digits."""
    digits = sum(map(str.isdecimal, text))
    return digits >= _FEWEST_DIGITS and sum(map(str.isalpha, text)) <= 2.5 * digits


def looks_like_prose(block: Block) -> bool:
    """Whether the block is of sentences, hardly linked, and in no part of the page that is not for them."""
    return (
        block.linked < 0.35 * len(block.text)
        and not _NO_PROSE & block.place.marks
        and _SENTENCE.search(block.text) is not None
    )


def is_control(block: Block) -> bool:
    """Whether the block is links alone, in a part of the page that names itself after sharing or finding one's way."""
    if block.linked < 0.9 * len(block.text.replace(" ", "")) or len(block.text) > _LONGEST_CONTROL:
        return False
    up = block.place.up
    return bool(_CONTROLS & {*_groups(block.place.names), *(_groups(up.names) if up else ())})


class Features:
    """The features of a page's blocks."""

    def __init__(self, blocks: Sequence[Block], evidence: Evidence) -> None:
        self.blocks = blocks
        self.sizes = [size_of(block.text) for block in blocks]
        self.flats = [flat(block.text) for block in blocks]
        self._linked = [block.linked / len(block.text) for block in blocks]
        self._times = Counter(self.flats)
        self._headline = flat(evidence.headline)
        self._description = flat(evidence.description)
        self._standfirst, self._section = flat(evidence.standfirst), flat(evidence.section)
        self._names = [name for name in map(flat, evidence.names) if len(name) > 3]
        self._linked_body = f" {flat(evidence.linked_body)} " if evidence.linked_body else ""
        self._heading = self._heading_at()
        self.votes = self._voted(evidence.extracted)
        """For each block, whether another extractor's text has it: `+` or `-`."""
        self.covered = self._covered()
        """Which share of what looks like prose the other extractor took; 0 where nothing does."""

    def standfirst_at(self) -> int | None:
        """The block that is the line under the headline."""
        return next((at for at, words in enumerate(self.flats) if words and words == self._standfirst), None)

    def is_signature(self, at: int) -> bool:
        """Whether the block is a line with a name of the byline, a date, the headline or section, and little else."""
        if self.flats[at] in (self._headline, self._section):
            return True
        if self.sizes[at] > _LONGEST_SIGNATURE or self.blocks[at].text[-1] in '.!?”"»':
            return False
        return any(name in self.flats[at] for name in self._names) or is_date(self.blocks[at].text)

    def voted_prose(self) -> list[int]:
        """The blocks of prose that the other extractor took."""
        return [
            at
            for at, (block, size, vote) in enumerate(zip(self.blocks, self.sizes, self.votes, strict=True))
            if vote == "+" and size >= _PROSE and looks_like_prose(block)
        ]

    def _covered(self) -> float:
        prose = taken = 0
        for block, size, vote in zip(self.blocks, self.sizes, self.votes, strict=True):
            if size >= _PROSE and looks_like_prose(block):
                prose += size
                taken += size * (vote == "+")
        return taken / prose if prose else 0.0

    def _voted(self, extracted: str) -> list[str]:
        words = flat(extracted).split()
        text = f" {' '.join(words)} "
        runs = {tuple(words[at : at + _VOTE_RUN]) for at in range(len(words) - _VOTE_RUN + 1)}
        return ["+" if block and (f" {block} " in text or _is_mostly(block, runs)) else "-" for block in self.flats]

    def _heading_at(self) -> int | None:
        title = self._headline
        for at, (block, text) in enumerate(zip(self.blocks, self.flats, strict=True)):
            if (
                title
                and len(text) > 8
                and (text == title or (block.place.tag == "h1" and (text in title or title in text)))
            ):
                return at
        return next((at for at, block in enumerate(self.blocks) if block.place.tag == "h1"), None)

    def of_text(self, at: int) -> list[str]:
        """What the block's text is like, and those beside it."""
        block, words = self.blocks[at], self.flats[at]
        text, tag = block.text, block.place.tag
        size, linked = _bin(self.sizes[at], _SIZES), _bin(self._linked[at], _LINKED)
        short = min(size, 6)
        end = _ENDS.get(text[-1], "a")
        sentences = min(len(_SENTENCE.findall(text[:2000])), 3)
        bold = _bin(block.bold / len(text), (0.01, 0.5, 0.95))
        found = [
            f"size:{size}",
            f"links:{linked}",
            f"end:{end}",
            f"sentences:{sentences}",
            f"size/links:{short}/{linked}",
            f"size/end:{short}/{end}",
            f"size/sentences:{short}/{sentences}",
            f"tag/size:{tag}/{size}",
            f"begin:{_beginning(text[0])}",
            f"bold:{bold}",
        ]
        if bold == 3:
            found.append(f"bold/size:{size}")
        letters = [char for char in text[:100] if char.isalpha()]
        if len(letters) > 2:
            found.append(f"upper:{_bin(sum(map(str.isupper, letters)) / len(letters), (0.01, 0.08, 0.2, 0.6))}")
        if _DATE.search(text, 0, 150):
            is_alone = self.sizes[at] < _LONGEST_DATE and is_date(text)
            found += [f"date:{short}", "is:date"] if is_alone else [f"date:{short}"]
        if _PICTURE.search(text, 0, 2000):
            found.append(f"picture:{short}")
        if "|" in text:
            found.append("bar")
        if "\n" in text:
            found.append(f"lines:{min(text.count(chr(10)), 3)}")
        found += _ends_of(words)
        if self._times[words] > 1:
            found.append(f"again:{short}")
        return [
            *found,
            *self._of_evidence(words, size),
            *self._of_statements(words, size),
            *self._of_votes(at, size),
            *self._of_neighbours(at),
        ]

    def _of_votes(self, at: int, size: int) -> list[str]:
        block, votes = self.blocks[at], self.votes
        tag, linked, end = block.place.tag, _bin(self._linked[at], _LINKED), _ENDS.get(block.text[-1], "a")
        own, before, after = votes[at], "".join(votes[max(0, at - 2) : at]), "".join(votes[at + 1 : at + 3])
        return [
            f"vote:{own}",
            f"vote/size:{own}/{size}",
            f"vote/tag:{own}/{tag}",
            f"vote/covered:{own}/{_bin(self.covered, (0.25, 0.5, 0.7, 0.9))}",
            f"vote/links:{own}/{linked}",
            f"vote/end:{own}/{end}",
            f"votes:{before}[{own}]{after}",
            f"votes/size:{before[-1:]}[{own}]{after[:1]}/{min(size, 6)}",
        ]

    def _of_neighbours(self, at: int) -> list[str]:
        block = self.blocks[at]
        tag = block.place.tag
        found = ["heading:none"]
        if self._heading is not None:
            found = [f"heading:{_bin(at - self._heading, (-20, -5, -1, 0, 1, 2, 3, 5, 9, 16, 40))}"]
        for name, other in (("before", at - 1), ("after", at + 1)):
            if 0 <= other < len(self.blocks):
                beside = self.blocks[other].place
                same = "=" if beside.up is block.place.up else "/"
                shape = f"{_bin(self.sizes[other], (3, 9, 20))}{_bin(self._linked[other], (0.1, 0.67))}"
                found += [f"{name}{same}{shape}", f"{name}:{tag}/{beside.tag}"]
        return found

    def _of_evidence(self, words: str, size: int) -> list[str]:
        found = []
        long = len(words) > 25
        if self._headline:
            if words == self._headline:
                found.append("is:headline")
            elif len(words) > 15 and (words in self._headline or self._headline in words):
                found.append("like:headline")
        if self._description:
            if words == self._description:
                found.append("is:description")
            elif long and (words[:60] in self._description or self._description[:60] in words):
                found.append("like:description")
        if self._linked_body:
            inside = "in" if f" {words} " in self._linked_body else "out"
            found += [f"linked body:{inside}", f"linked body/size:{inside}/{min(size, 4)}"]
        return found

    def _of_statements(self, words: str, size: int) -> list[str]:
        """Whether the block shows what the page states of the article."""
        found = []
        if words and words == self._standfirst:
            found.append("is:standfirst")
        elif words and words == self._section:
            found.append("is:section")
        if size < _SIGNATURE and any(name in words for name in self._names):
            found.append(f"names:byline/{size}")
        return found

    @staticmethod
    def of_place(place: Place) -> list[str]:
        """Where in the page the block stands, as far as tags and names tell."""
        names: set[str] = set()
        up = place.up
        for _ in range(3):
            if up is None:
                break
            names |= up.names
            up = up.up
        return [
            *(f"own group:{name}" for name in _groups(place.names)),
            *(f"above group:{name}" for name in _groups(frozenset(names))),
            *(f"in:{mark}" for mark in place.marks),
            f"tag:{place.tag}",
            f"tags:{place.up.tag if place.up else ''}/{place.tag}",
        ]


class Context:
    """The features that hang on what the other blocks were first taken for."""

    def __init__(self, features: Features, scores: Sequence[float]) -> None:
        self._features, self._scores = features, scores
        blocks, sizes = features.blocks, features.sizes
        self._bins = [_bin(score, (-4, -2, -1, 0, 1, 2, 4)) for score in scores]
        self._main = _container(blocks, sizes, scores)
        self._steps: dict[int, int] = {}
        place, step = self._main, 0
        while place is not None:
            self._steps[place.number] = step
            place, step = place.up, step + 1
        self._ways: dict[int, tuple[int, int]] = {}
        sure = [
            score > 0 and size >= 8 and self._way(block.place)[0] == 0
            for block, size, score in zip(blocks, sizes, scores, strict=True)
        ]
        at = [index for index, is_sure in enumerate(sure) if is_sure]
        self._first, self._last = (at[0], at[-1]) if at else (0, len(blocks))
        self._since, self._until = _distances(sure), _distances(sure[::-1])[::-1]
        self._alike: dict[object, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._kin: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._total = 1.0
        for block, size, score, is_sure in zip(blocks, sizes, scores, sure, strict=True):
            for sums in (
                self._alike[_likeness(block.place)],
                self._kin[block.place.up.number if block.place.up else 0],
            ):
                sums[0] += size if score > 0 else 0
                sums[1] += size
            self._total += size * is_sure

    def _way(self, place: Place) -> tuple[int, int]:
        """Steps from the container up to what holds both, and from there down to the place."""
        down: list[Place] = []
        at: Place | None = place
        while at is not None and at.number not in self._steps and at.number not in self._ways:
            down.append(at)
            at = at.up
        way = (_OUTSIDE, 0) if at is None else self._ways.get(at.number) or (self._steps[at.number], 0)
        for step in reversed(down):
            way = self._ways[step.number] = (way[0], way[1] + 1)
        return way

    def of_block(self, at: int) -> list[str]:
        """Where the block stands to the article's container and to the blocks that are surely in it."""
        features, bins = self._features, self._bins
        block, size = features.blocks[at], _bin(features.sizes[at], _SIZES)
        up, down = self._way(block.place)
        up, down, short = min(up, 6), min(down, 5), min(size, 6)
        side = "before" if at < self._first else "after" if at > self._last else "in"
        own = bins[at]
        vote = features.votes[at]
        before = bins[at - 1] if at else 9
        after = bins[at + 1] if at + 1 < len(bins) else 9
        since, until = self._since[at], self._until[at]
        alike = self._alike[_likeness(block.place)]
        kin = self._kin[block.place.up.number if block.place.up else 0]
        found = [
            f"own score:{own}",
            f"score before:{before}",
            f"score after:{after}",
            f"scores:{before // 2}/{own}/{after // 2}",
            f"scores beside/size:{before // 2}/{after // 2}/{short}",
            f"around:{max(bins[max(0, at - 3) : at], default=9)}/{max(bins[at + 1 : at + 4], default=9)}",
            f"main:{up}",
            f"main way:{up}/{down}",
            f"main/vote:{min(up, 2)}/{vote}",
            f"side/vote:{side}/{vote}",
            f"own score/vote:{own}/{vote}",
            f"main/size:{min(up, 3)}/{size}",
            f"side:{side}",
            f"side/size:{side}/{size}",
            f"side/main:{side}/{min(up, 3)}",
            f"side/tag:{side}/{block.place.tag}",
            f"since:{min(since, 5)}",
            f"until:{min(until, 5)}",
            f"between:{min(since, 3)}/{min(until, 3)}/{size // 2}",
            f"alike share:{_bin(alike[0] / self._total, (0.001, 0.05, 0.2, 0.5, 0.8))}",
            f"alike kept:{_bin(alike[0] / (alike[1] or 1), (0.001, 0.2, 0.5, 0.8))}",
            f"kin kept:{_bin(kin[0] / (kin[1] or 1), (0.001, 0.2, 0.5, 0.8, 0.999))}/{short}",
        ]
        if side == "before":
            found.append(f"ahead:{_bin(self._first - at, (2, 3, 5, 8, 20))}")
        elif side == "after":
            found.append(f"behind:{_bin(at - self._last, (2, 3, 5, 8, 16, 40))}/{min(up, 2)}")
        return found


def _is_mostly(block: str, runs: set[tuple[str, ...]]) -> bool:
    """Whether most of the longer block stands in a text of these runs of words, which may have a word more in between."""
    words = block.split()
    if len(words) < 2 * _VOTE_RUN:
        return False
    own = [tuple(words[at : at + _VOTE_RUN]) for at in range(len(words) - _VOTE_RUN + 1)]
    return sum(run in runs for run in own) >= 0.6 * len(own)


def _container(blocks: Sequence[Block], sizes: Sequence[int], scores: Sequence[float]) -> Place | None:
    """The innermost element whose blocks, kept less not kept, hold the most words."""
    sums: dict[int, float] = defaultdict(float)
    places: dict[int, Place] = {}
    for block, size, score in zip(blocks, sizes, scores, strict=True):
        words = min(size, 100) * max(-1.0, min(1.0, score))
        sums[block.place.number] += words
        places[block.place.number] = block.place
    pending = sorted(places, reverse=True)
    for number in _upward(places, pending):
        above = places[number].up
        if above is not None:
            sums[above.number] += sums[number]
    return places[max(sums, key=lambda number: (sums[number], number))] if sums else None


def _upward(places: dict[int, Place], numbers: Sequence[int]) -> list[int]:
    """The numbers of all places and of those above them, the inner ones first."""
    for number in numbers:
        above = places[number].up
        while above is not None and above.number not in places:
            places[above.number] = above
            above = above.up
    return sorted(places, reverse=True)


def _distances(sure: Sequence[bool]) -> list[int]:
    found, distance = [], _OUTSIDE
    for is_sure in sure:
        distance = 0 if is_sure else distance + 1
        found.append(distance)
    return found


def _likeness(place: Place) -> object:
    return place.tag, place.names, place.up.names if place.up else None


@lru_cache(4096)
def _groups(names: frozenset[str]) -> tuple[str, ...]:
    return tuple({group for name in names for group in _GROUP_OF.get(name, ())})


def _ends_of(words: str) -> list[str]:
    if not words:
        return []
    first = words[:60].split()
    found = [f"first:{first[0]}", f"last:{words[-30:].rpartition(' ')[2]}"]
    return [*found, f"first:{first[0]} {first[1]}"] if len(first) > 1 else found


def _beginning(char: str) -> str:
    if char.isdigit():
        return "digit"
    if char.isalpha():
        return "lower" if char.islower() else "upper" if char.isupper() else "letter"
    return "quote" if char in _QUOTES else "sign"


def _bin(value: float, edges: Sequence[float]) -> int:
    return bisect_right(edges, value)
