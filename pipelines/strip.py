"""The step `strip`: boilerplate out of the extracted text, span by span, so that it can be put back.

The rules are a table (`boilerplate.toml`) and an argument of the step. One pass of an Aho-Corasick automaton over
the text finds the words that a rule needs; its pattern then looks only at the lines where they stand.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ahocorasick_rs import AhoCorasick, Implementation

from pipelines.home_rules import RulesError
from pipelines.values import Extracted, Rejected, Removal, Stripped
from warehouse.rows import Documented, Reason, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date


class Family(Documented):
    """What kind of boilerplate a rule takes out."""

    FURNITURE = "furniture", "parts of the page: buttons, advertisements, cookie notices, comments"
    LEARNED = "learned", "lines that recur across a source's articles"
    MARKET_DATA = "market-data", "who supplied quotes, and how late they are"
    NEWSLETTER = "newsletter", "newsletters, subscriptions and appeals for support"
    PICTURE = "picture", "captions' labels and credits of pictures"
    PROMOTION = "promotion", "the publisher's apps, clips and channels"
    RELATED = "related", "links to other articles"
    RIGHTS = "rights", "copyright, licences and reprints"
    SOCIAL = "social", "embedded posts"
    WIRE = "wire", "datelines and credits of agencies and reporters"


class Unit(Documented):
    """What a rule's pattern must cover, and so what goes."""

    BLOCK = "block", "a whole paragraph"
    FOOTER = "footer", "the end of the text: the pattern's phrases in their order, whole or mutilated"
    HEADLINE = "headline", "a paragraph in upper case between two that are not"
    INLINE = "inline", "exactly what matches, inside a line"
    LINE = "line", "a whole line"
    OPENING = "opening", "what a line opens with"
    SENTENCE = "sentence", "a whole sentence of a line"


class Position(Documented):
    """Where in the text a rule holds."""

    ANYWHERE = "anywhere", "everywhere"
    FIRST = "first", "up to four lines that stay may stand before it"
    LAST = "last", "up to four lines that stay may stand behind it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A row of the table.

    A space in `pattern` stands for any white space (` ?` for any or none), an apostrophe also for `’`, and `{name}` for a fragment of the
    table. Groups named `agency`, `credit` (which may name an agency), `dateline` and `names` fill the fields of `Stripped`.
    """

    name: str
    family: Family
    unit: Unit
    position: Position = Position.ANYWHERE
    pattern: str
    words: tuple[str, ...] = ()
    """In lower case: a line without any of them is not looked at. Of a footer: those that hardly stand in prose."""
    sites: tuple[str, ...] = ()
    """Hosts it holds for, with those below them; all when empty."""
    sources: tuple[str, ...] = ()
    """Sources it holds for; all when empty."""
    longest: int = 300
    """Longest span, in code points, that whole lines and blocks are looked at for."""
    is_case_sensitive: bool = False
    seen_from: date | None = None
    seen_to: date | None = None
    reason: str
    example: str
    counterexample: str


@dataclass(frozen=True, slots=True)
class Rules:
    """The table, an argument of the pipeline; equal when their versions are."""

    version: str
    rules: tuple[Rule, ...] = field(compare=False)


@dataclass(frozen=True, slots=True)
class _Cut:
    start: int
    end: int
    rule: Rule
    named: tuple[tuple[str, str], ...] = ()


WHOLE_PAGE = Rule(
    name="whole-page-text",
    family=Family.FURNITURE,
    unit=Unit.BLOCK,
    pattern="",
    reason="what `pipelines.page_text` finds around the article in the text of a whole page",
    example="",
    counterexample="",
)
"""Stands in no table: a model of lines takes the place of its pattern."""
_NOT_BREAK = re.compile(r"[^\n]+")
_ALWAYS = frozenset({Unit.FOOTER, Unit.HEADLINE, Unit.OPENING})
_EDGE = 4
_MOST_ENDINGS = 20
"""How often what a cut uncovers at the end is looked at again: each time costs a pass over the text."""
_MANY_CUTS = 1000
"""From here on, neighbours of one rule are one removal: no article has so many, and each costs a row."""
_LONGEST_LINE = 20_000


def load_rules(path: Path | None = None, *, more: Sequence[Mapping[str, Any]] = ()) -> Rules:
    """The rules of a table, by default the one that comes with newsmill, and `more` of a home's own.

    Raises `RulesError` where a rule is not valid, its example does not match or its counterexample does.
    """
    table = tomllib.loads((path or Path(__file__).with_name("boilerplate.toml")).read_text("utf-8"))
    fragments = table.get("fragments", {})
    entries = table.get("rule", ())
    rules = tuple(_rule(entry, fragments) for entry in (*entries, *more))
    names = [rule.name for rule in rules]
    if names[: len(entries)] != sorted(names[: len(entries)]) or len(set(names)) < len(names):
        raise RulesError("names of rules must be unique and in alphabetical order")
    for rule in rules:
        _check(rule)
    described = json.dumps([[str(getattr(rule, item.name)) for item in fields(Rule)] for rule in rules])
    return Rules(hashlib.sha256(described.encode()).hexdigest()[:12], rules)


def _rule(entry: Mapping[str, Any], fragments: dict[str, str]) -> Rule:
    name = entry.get("name", "without a name")
    try:
        known = {
            "family": Family(entry["family"]),
            "unit": Unit(entry["unit"]),
            "position": Position(entry.get("position", Position.ANYWHERE)),
            "pattern": re.sub(r"\{([a-z]+)\}", lambda match: fragments[match[1]], entry["pattern"]),
            "words": tuple(entry.get("words", ())),
            "sites": tuple(entry.get("sites", ())),
            "sources": tuple(entry.get("sources", ())),
        }
        return Rule(**{**entry, **known})
    except (KeyError, TypeError, ValueError) as error:
        raise RulesError(f"rule {name}: {error}") from error


def _check(rule: Rule) -> None:
    try:
        _compiled(rule)
    except re.error as error:
        raise RulesError(f"rule {rule.name}: the pattern does not compile: {error}") from error
    if rule.unit not in _ALWAYS and not any(word in _folded(rule.example) for word in rule.words):
        raise RulesError(f"rule {rule.name}: its example holds none of its words")
    if any(word != _folded(word) for word in rule.words):
        raise RulesError(f"rule {rule.name}: words are given in lower case")
    if not has_match(rule, rule.example):
        raise RulesError(f"rule {rule.name}: its example does not match")
    if has_match(rule, rule.counterexample):
        raise RulesError(f"rule {rule.name}: its counterexample matches")


def has_match(rule: Rule, text: str) -> bool:
    """Whether a rule takes something out of a line or block, wherever that stands."""
    if rule.unit is Unit.FOOTER:
        return bool(_footer(text, len(text), rule))
    if rule.unit is Unit.HEADLINE:
        return bool(_compiled(rule).search(text))
    return any(_matches(rule, _compiled(rule), text, 0, len(text)))


def strip(extracted: Extracted, rules: Rules, source: str = "") -> Stripped:
    """The body of a source's article without boilerplate, and what was taken out of the extracted text.

    Raises `Rejected` when nothing is left.
    """
    text = extracted.text
    kit = _kit(rules, _host(extracted), source)
    around = [_Cut(start, end, WHOLE_PAGE) for start, end in extracted.furniture]
    cuts = _apart(around + _cuts(_within(text, around), kit))
    removals = tuple(_removals(text, cuts))
    body = _without(text, removals)
    if around and not body.strip():
        return strip(replace(extracted, furniture=()), rules, source)
    if not body or body.isspace():
        raise Rejected(Stage.STRIP, Reason.BOILERPLATE_ONLY, ", ".join(sorted({cut.rule.name for cut in cuts})))
    named = [pair for cut in cuts for pair in cut.named]
    return Stripped(
        body=body,
        removals=removals,
        dateline=next((value for key, value in named if key == "dateline"), None),
        credit_line=next((credit for key, value in named if (credit := _credit(key, value))), None),
        byline=tuple(dict.fromkeys(person for key, value in named if key == "names" for person in _persons(value))),
    )


def _within(text: str, around: list[_Cut]) -> str:
    """The text with blanks for the parts of the page around the article; its lines stay."""
    pieces: list[str] = []
    done = 0
    for cut in around:
        pieces += (text[done : cut.start], _NOT_BREAK.sub(lambda run: " " * len(run[0]), text[cut.start : cut.end]))
        done = cut.end
    return "".join((*pieces, text[done:]))


def restore(body: str, removals: Iterable[Removal]) -> str:
    """The extracted text: the body with its removals put back."""
    pieces: list[str] = []
    taken = done = 0
    for removal in removals:
        kept = removal.start - done
        pieces += (body[taken : taken + kept], removal.text)
        taken += kept
        done = removal.start + removal.length
    return "".join((*pieces, body[taken:]))


def _without(text: str, removals: tuple[Removal, ...]) -> str:
    pieces: list[str] = []
    done = 0
    for removal in removals:
        pieces.append(text[done : removal.start])
        done = removal.start + removal.length
    return "".join((*pieces, text[done:]))


def _host(extracted: Extracted) -> str:
    try:
        return urlsplit(extracted.canonical_url or extracted.url or "").hostname or ""
    except ValueError:
        return ""


# Rules made ready.


@dataclass(frozen=True, slots=True)
class _Kit:
    """The rules that hold for a site and a source, made ready for use."""

    automaton: AhoCorasick
    by_word: tuple[tuple[int, ...], ...]
    rules: tuple[Rule, ...]
    patterns: tuple[re.Pattern[str], ...]
    by_unit: dict[Unit, tuple[tuple[Rule, re.Pattern[str]], ...]]

    def of(self, unit: Unit) -> tuple[tuple[Rule, re.Pattern[str]], ...]:
        """The rules of a unit with their patterns."""
        return self.by_unit[unit]


def _kit(rules: Rules, host: str, source: str = "") -> _Kit:
    site = next((site for site in _sites(rules) if host == site or host.endswith("." + site)), "")
    return _kit_for(rules, site, source if source in _sources(rules) else "")


@lru_cache(maxsize=8)
def _sites(rules: Rules) -> tuple[str, ...]:
    return tuple(sorted({site for rule in rules.rules for site in rule.sites}, key=len, reverse=True))


@lru_cache(maxsize=8)
def _sources(rules: Rules) -> frozenset[str]:
    return frozenset(source for rule in rules.rules for source in rule.sources)


@lru_cache(maxsize=64)
def _kit_for(rules: Rules, site: str, source: str) -> _Kit:
    valid = tuple(
        rule
        for rule in rules.rules
        if (not rule.sites or any(site == at or site.endswith("." + at) for at in rule.sites))
        and (not rule.sources or source in rule.sources)
    )
    by_word: dict[str, list[int]] = {}
    for index, rule in enumerate(valid):
        for word in rule.words if rule.unit not in _ALWAYS else ():
            by_word.setdefault(word, []).append(index)
    numbers = tuple(tuple(indexes) for indexes in by_word.values())
    patterns = tuple(_compiled(rule) for rule in valid)
    paired = tuple(zip(valid, patterns, strict=True))
    by_unit = {unit: tuple(pair for pair in paired if pair[0].unit is unit) for unit in Unit}
    # Twice as fast and twenty times as large: only for the kit that most texts share.
    implementation = None if site or source else Implementation.DFA
    return _Kit(AhoCorasick(list(by_word), implementation=implementation), numbers, valid, patterns, by_unit)


_LEFT = r"(?:^\W*|(?<=[.!?…\"”’)\]:;])\s+[(\[“\"*—–-]*)"
_RIGHT = r"(?:\s*[.!…:]+[\"”’)\]]*(?=\s|$)|[\"”’)\]]*(?=\s*$)|(?=\s+(?-i:[A-Z©™“\"(*])))"
_FRAMES = {
    Unit.BLOCK: r"\W*(?:{})\W*",
    Unit.FOOTER: "",
    Unit.HEADLINE: "(?:{})",
    Unit.INLINE: "(?:{})",
    Unit.LINE: r"\W*(?:{})\W*",
    Unit.OPENING: "(?:{})",
    Unit.SENTENCE: _LEFT + "(?P<cut>{})" + _RIGHT,
}


@lru_cache(maxsize=4096)
def _compiled(rule: Rule) -> re.Pattern[str]:
    pattern = rule.pattern.replace(" ?", r"\s*").replace(" ", r"\s+").replace("'", "['’]")
    flags = re.MULTILINE | (re.NOFLAG if rule.is_case_sensitive else re.IGNORECASE)
    return re.compile(_FRAMES[rule.unit].replace("{}", pattern), flags)


def _folded(text: str) -> str:
    """The text in lower case, code point by code point, so that positions in it are positions in the text."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(low if len(low := character.lower()) == 1 else character for character in text)
    return lower.replace("\xa0", " ").replace("’", "'")


# Where the rules match.


def _cuts(text: str, kit: _Kit) -> list[_Cut]:
    lists: dict[Position, list[_Cut]] = {position: [] for position in Position}
    for cut in _worded(text, kit):
        lists[cut.rule.position].append(cut)
    cuts = _joined(text, _apart([*lists[Position.ANYWHERE], *_headlines(text, kit), *_footers(text, kit)]))
    cuts += _peeled(_blanked(text, cuts), lists[Position.FIRST], from_end=False)
    for _ in range(_MOST_ENDINGS):
        ending = _ending(_blanked(text, cuts), lists[Position.LAST], kit)
        if not ending:
            break
        cuts += ending
    return cuts + _opening(_blanked(text, cuts), kit)


def _joined(text: str, cuts: list[_Cut]) -> list[_Cut]:
    """Of a great many cuts in order, those of one rule that only white space separates as one."""
    if len(cuts) < _MANY_CUTS:
        return cuts
    joined = cuts[:1]
    for cut in cuts[1:]:
        last = joined[-1]
        if cut.rule is last.rule and not (cut.named or last.named) and not text[last.end : cut.start].strip():
            joined[-1] = _Cut(last.start, cut.end, cut.rule)
        else:
            joined.append(cut)
    return joined


def _blanked(text: str, cuts: list[_Cut]) -> str:
    """The text with blanks for what is cut, so that positions stay."""
    if not cuts:
        return text
    pieces: list[str] = []
    done = 0
    for cut in _apart(cuts):
        pieces += (text[done : cut.start], " " * (cut.end - cut.start))
        done = cut.end
    return "".join((*pieces, text[done:]))


def _worded(text: str, kit: _Kit) -> Iterator[_Cut]:
    """What the rules with words take out, those of lines and blocks each once."""
    seen: set[tuple[int, int]] = set()
    line = block = (0, -1)
    for word, at, _ in kit.automaton.find_matches_as_indexes(_folded(text), overlapping=True):
        if not line[0] <= at < line[1]:
            line = _line(text, at)
        if line[1] - line[0] > _LONGEST_LINE:
            continue
        for index in kit.by_word[word]:
            rule = kit.rules[index]
            if rule.unit is Unit.BLOCK and not block[0] <= at < block[1]:
                block = _line(text, at, "\n\n")
            span = block if rule.unit is Unit.BLOCK else line
            if (index, span[0]) not in seen:
                seen.add((index, span[0]))
                yield from _matches(rule, kit.patterns[index], text, *span)


def _line(text: str, at: int, between: str = "\n") -> tuple[int, int]:
    """Start and end of the line around a position, or of the paragraph where blank lines stand between."""
    start, end = text.rfind(between, 0, at), text.find(between, at)
    return 0 if start < 0 else start + len(between), len(text) if end < 0 else end


def _matches(rule: Rule, pattern: re.Pattern[str], text: str, start: int, end: int) -> Iterator[_Cut]:
    if rule.unit in (Unit.SENTENCE, Unit.INLINE):
        for match in pattern.finditer(text, start, end):
            yield _cut(rule, match)
    elif end - start <= rule.longest or rule.unit is Unit.OPENING:
        matched = pattern.match(text, start, end) if rule.unit is Unit.OPENING else pattern.fullmatch(text, start, end)
        if matched:
            yield _cut(rule, matched)


def _cut(rule: Rule, match: re.Match[str]) -> _Cut:
    found = match[0]
    start = match.start() + len(found) - len(found.lstrip())
    named = tuple((key, value) for key, value in match.groupdict().items() if value and key != "cut")
    return _Cut(start, match.end() - len(found) + len(found.rstrip()), rule, named)


def _apart(cuts: list[_Cut]) -> list[_Cut]:
    """In order, without overlap: of two that overlap the earlier stays whole, the other loses what both cover."""
    apart: list[_Cut] = []
    done = 0
    for cut in sorted(cuts, key=lambda cut: (cut.start, -cut.end)):
        if cut.end > done and cut.end > cut.start:
            apart.append(cut if cut.start >= done else _Cut(done, cut.end, cut.rule, cut.named))
            done = cut.end
    return apart


def _lines(text: str, *, from_end: bool) -> Iterator[tuple[int, int]]:
    """The lines that are not blank, from one end of the text on."""
    at = len(text) if from_end else 0
    while 0 <= at <= len(text):
        start, end = (text.rfind("\n", 0, at) + 1, at) if from_end else _line(text, at)
        if end > start and not text[start:end].isspace():
            yield start, end
        at = start - 1 if from_end else end + 1


def _peeled(text: str, cuts: list[_Cut], *, from_end: bool) -> list[_Cut]:
    """Those cuts that few enough lines separate from the end of the text that they belong to."""
    if not cuts:
        return []
    peeled: list[_Cut] = []
    apart = _apart(cuts)
    starts, ends = [cut.start for cut in apart], [cut.end for cut in apart]
    others = 0
    for start, end in _lines(text, from_end=from_end):
        here = apart[bisect_right(ends, start) : bisect_left(starts, end)]
        peeled += here
        others += not here
        if others > _EDGE:
            break
    return _apart(peeled)


def _ending(text: str, last: list[_Cut], kit: _Kit) -> list[_Cut]:
    peeled = [cut for cut in _peeled(text, last, from_end=True) if not text[cut.start : cut.end].isspace()]
    if peeled:
        return peeled
    return _footers(text, kit)


def _footers(text: str, kit: _Kit) -> list[_Cut]:
    """The footer that the text ends with; of several that fit, the one that takes most."""
    end = len(text.rstrip())
    found = [cut for rule, _ in kit.of(Unit.FOOTER) for cut in _footer(text, end, rule)]
    return sorted(found, key=lambda cut: cut.start)[:1]


def _opening(text: str, kit: _Kit) -> list[_Cut]:
    """What the first line that has it opens with, of the first three: a headline and a byline may come before."""
    for number, (start, end) in enumerate(_lines(text, from_end=False)):
        if number == 3:
            break
        for rule, pattern in kit.of(Unit.OPENING):
            for cut in _matches(rule, pattern, text, start, end):
                return [cut]
    return []


_SHORTEST_HEADLINE_WORDS = 8


def _headlines(text: str, kit: _Kit) -> list[_Cut]:
    """Paragraphs in upper case that link to other articles.

    An article that is set in capitals, or has subheadings in capitals, keeps them all: subheadings are short or come
    as a series of questions.
    """
    cuts: list[_Cut] = []
    for rule, pattern in kit.of(Unit.HEADLINE):
        found = [match for match in pattern.finditer(text) if _is_upper(match[0])]
        short = [match for match in found if len(match[0].split()) < _SHORTEST_HEADLINE_WORDS]
        asking = [match for match in found if match[0].rstrip().endswith("?")]
        if not found or len(short) > 1 or len(asking) > 1 or 4 * len(found) > text.count("\n\n") + 1:
            continue
        cuts += [_cut(rule, match) for match in found if match not in short and _stands_in_prose(text, match)]
    return cuts


def _is_upper(line: str) -> bool:
    """Whether most letters are capitals: scripts without case have none."""
    letters = sum(map(str.isalpha, line))
    return 5 * sum(map(str.isupper, line)) > 4 * letters > 0


_LOWER = re.compile("[a-zß-öø-ÿ]")


def _stands_in_prose(text: str, match: re.Match[str]) -> bool:
    before = text[max(0, match.start() - 300) : match.start()].rstrip()
    after = text[match.end() : match.end() + 300].lstrip()
    return len(before) > 40 and len(_LOWER.findall(before)) > 20 and len(_LOWER.findall(after)) > 20


# Footers: phrases in their order, with any words missing.

_TOKEN = re.compile(r"\w+")
_FOOTER_WINDOW = 1500
_LONGEST_REMNANT = 80
_REMNANT = re.compile(r"(?:(?<=\n)\w{1,2}\W+)?\b(?:https?://)?w{1,3}\.\Z|(?<=\n)(?:\w{1,2}\W*|[^\w\n]+\n*)\Z")
"""What may stay of a footer's first word, before the first one that is known."""
_ADDRESS = frozenset({"http", "https", "www"})
_NUMBERS = frozenset({"five", "ten", "fifteen", "twenty", "thirty"})


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    index: int
    """Which token of the footer's phrases it is."""
    is_whole: bool


def _footer(text: str, end: int, rule: Rule) -> list[_Cut]:
    """The end of the text where it is a mutilated copy of the rule's phrases, else nothing."""
    phrases = _phrases(rule)
    line_from = max(0, end - _FOOTER_WINDOW)
    aligned = _aligned(text, line_from, end, phrases)
    for number, token in enumerate(aligned):
        rest = aligned[number:]
        pairs = sum(0 < b.index - a.index <= 3 for a, b in pairwise(rest))
        before = text[line_from : token.start].rstrip(" \t([*•|–—-")
        remnant = _REMNANT.search(before, max(0, len(before) - _LONGEST_REMNANT))
        before = before[: remnant.start()] if remnant else before
        at_line = not before or before[-1] == "\n"
        evident = any(phrases.tokens[later.index] in rule.words for later in rest)
        at_phrase = token.index in phrases.starts and token.is_whole
        after_sentence = before[-1:] in set('.!?…"”’)')
        if (
            (at_line and (evident or pairs > 1 or (pairs and at_phrase)))
            or (at_phrase and after_sentence and pairs > 1)
            or (at_phrase and text[token.start].isupper() and pairs > 6)
            or (after_sentence and pairs > 3)
        ):
            return [_Cut(line_from + len(before), end, rule)]
    return []


def _aligned(text: str, start: int, end: int, phrases: _Phrases) -> list[_Token]:
    """The last tokens of the text, as many as stand in the phrases in the same order; parts of words count."""
    final = [word for word in _TOKEN.findall(text, max(start, end - 40), end) if len(word) > 1 or word.isdigit()]
    if not final or _plain(final[-1]) not in phrases.parts:
        return []
    aligned: list[_Token] = []
    upper = len(phrases.tokens)
    for match in reversed(list(_TOKEN.finditer(text, start, end))):
        word = _plain(match[0])
        if word in _ADDRESS or (len(word) == 1 and not aligned):
            continue
        before = range(upper - 1, -1, -1)
        found = next((index for index in before if word in _parts(phrases.tokens[index])), None)
        if found is None:
            break
        aligned.append(_Token(match.start(), match.end(), found, phrases.tokens[found] == word))
        upper = found
    return aligned[::-1]


def _plain(word: str) -> str:
    lower = word.lower()
    return "#" if lower.isdigit() or lower in _NUMBERS else lower


@dataclass(frozen=True, slots=True)
class _Phrases:
    tokens: tuple[str, ...]
    starts: frozenset[int]
    """Which tokens begin a phrase."""
    parts: frozenset[str]
    """The tokens, and what they may be cut to."""


@lru_cache(maxsize=64)
def _phrases(rule: Rule) -> _Phrases:
    tokens: list[str] = []
    starts: set[int] = set()
    for phrase in rule.pattern.splitlines():
        starts.add(len(tokens))
        tokens += map(_plain, _TOKEN.findall(phrase))
    parts = {part for token in tokens for part in _parts(token)} | _ADDRESS
    return _Phrases(tuple(tokens), frozenset(starts), frozenset(parts))


@lru_cache(maxsize=1024)
def _parts(token: str) -> frozenset[str]:
    """A token and its beginnings and ends of two letters and more."""
    lengths = range(2, len(token))
    return frozenset({token, *(token[:length] for length in lengths), *(token[-length:] for length in lengths)})


# From cuts to removals: which white space goes with them.


def _removals(text: str, cuts: list[_Cut]) -> Iterator[Removal]:
    for group in _groups(text, cuts):
        yield from _group_removals(text, group)


def _groups(text: str, cuts: list[_Cut]) -> Iterator[list[_Cut]]:
    """Cuts that only white space separates."""
    group: list[_Cut] = []
    for cut in cuts:
        if group and text[group[-1].end : cut.start].strip():
            yield group
            group = []
        group.append(cut)
    if group:
        yield group


def _group_removals(text: str, group: list[_Cut]) -> Iterator[Removal]:
    """All white space of the gap goes but the run that separates most, unless the gap is at an end of the text."""
    gap_start = _blank_start(text, group[0].start)
    gap_end = _blank_end(text, group[-1].end)
    edges = [gap_start, *(edge for cut in group for edge in (cut.start, cut.end)), gap_end]
    blanks = [(edges[i], edges[i + 1]) for i in range(0, len(edges), 2)]
    kept = _separator(text, blanks)
    for number, cut in enumerate(group):
        start = blanks[number][0] if number < kept or (number == 0 and kept < 0) else cut.start
        end = blanks[number + 1][1] if number + 1 > kept else cut.end
        yield Removal(cut.rule.name, cut.rule.family.value, start, end - start, text[start:end])


def _separator(text: str, blanks: list[tuple[int, int]]) -> int:
    """Which of the runs of white space stays; -1 for none."""
    left, right = blanks[0][0], blanks[-1][1]
    if left == 0 or right == len(text):
        return -1
    strengths = [(text.count("\n", start, end), end > start) for start, end in blanks]
    best = max(range(len(blanks)), key=strengths.__getitem__)
    return -1 if not strengths[best][0] and text[right] in ",.;:!?)" else best


def _blank_start(text: str, at: int) -> int:
    while at and text[at - 1].isspace():
        at -= 1
    return at


def _blank_end(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


# What credits say.

_AGENCY = re.compile(
    r"(?:the )?(?:(?-i:[A-Z]{2,6})|Reuters|Xinhua|Bloomberg|(?:[\w&.]+ ){0,4}"
    r"(?:Press|News|Agency|Service|Newswire|Network|Newsroom|Times|Post|Wire|Wires|Journal|Media|Radio|Bureau"
    r"|Associated Press|France-Presse|Reuters|Xinhua))",
    re.IGNORECASE,
)
_WRITERS = re.compile(r"\s+(?:staff )?(?:writers?|reporters?|correspondents?|journalists?|video journalists?)\b.*")
_BETWEEN_NAMES = re.compile(r"\s*(?:[,;&]|\band\b|\bwith\b)\s*")
_PERSON = re.compile(r"[^\W\d_a-zß-ÿ][\w.'’-]*(?: [\w.'’-]+){1,4}")


def _credit(key: str, value: str) -> str | None:
    return value if key == "agency" else _agency(value) if key == "credit" else None


def _agency(credit: str) -> str | None:
    """The agency among those that a credit names."""
    for part in _BETWEEN_NAMES.split(" ".join(credit.split())):
        name = _WRITERS.sub("", part).strip(" .")
        if _AGENCY.fullmatch(name):
            return name
    return None


def _persons(names: str) -> list[str]:
    """The persons that a credit names, without the places they report from."""
    parts = (_PERSON.match(part) for part in _BETWEEN_NAMES.split(" ".join(names.split())))
    return [re.split(r" (?:in|from|at) ", part[0])[0].rstrip(".") for part in parts if part]
