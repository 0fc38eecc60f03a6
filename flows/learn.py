"""Learning rules from the lake: what recurs across a source's articles becomes a row of `rules.toml`.

A row is proposed, and holds only once it is accepted: by hand, or here where its evidence is beyond doubt.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import tomlkit

from pipelines.home_rules import read_rows
from warehouse.query import connect
from warehouse.recurring import Recurring, recurring

if TYPE_CHECKING:
    from pathlib import Path

    from flows.settings import Settings
    from warehouse.catalog import Home

ACCEPTED_PERIODS = 8
_ACCEPTED_AT_END = 0.9
_ACCEPTED_PROSE = 0.6
"""Share from which also a sentence, or what stands before the text, is beyond doubt: a summary of what came before
and the title of a series recur too."""
_PROPOSED_PROSE = 0.05
_PROPOSED_AMID = 0.05
_PROPOSED_PROSE_AMID = 0.2
_SENTENCE = re.compile(r"""[.!?…。！？]["”’»)]*$""")
_MARKS = re.compile(r"[#©®@]|https?:|www\.|\b(?:you|your|us|our|click|sign up|subscribe)\b", re.IGNORECASE)
_BYLINE = re.compile(
    r"(?i:by|von|par|por|di|de|av|af|door|text|words|story|photos?) ?:? ?(?:[A-ZÀ-Þ][\w.’'-]+,? ?){1,6}"
)
_NAME = re.compile(r"(?:[^\W\d_a-zß-ÿ][\w.’'-]+ ?){2,4}")


@dataclass(frozen=True, slots=True)
class Learned:
    """What a pass over the lake changed in the rules."""

    proposed: tuple[str, ...]
    accepted: tuple[str, ...]
    seen_again: tuple[str, ...]
    """Rules that were there, whose lines still stand in articles."""


def learn(
    settings: Settings,
    now: datetime,
    *,
    source: str | None = None,
    since: datetime | None = None,
    is_accepting: bool = False,
) -> Learned:
    """Look for what recurs and write it into the home's rules; with `is_accepting`, what is beyond doubt holds at once."""
    home = settings.home
    with connect(home.path) as lake:
        found = [one for one in recurring(lake, source=source, since=since) if _is_plausible(one)]
    document = read_document(home)
    known = {(s, line.lower()): row for row in read_rows(home.rules) for s, line in _lines(row)}
    names: dict[str, list[str]] = {"proposed": [], "accepted": []}
    again: dict[str, Recurring] = {}
    for one in found:
        if new := [line for line in one.lines if (one.source, line.lower()) not in known]:
            is_certain = is_accepting and _is_certain(one, settings)
            row = _row(one, new, now, state="accepted" if is_certain else "proposed")
            insert(document, row)
            names[row["state"]].append(row["name"])
        else:
            again[known[one.source, one.lines[0].lower()]["name"]] = one
    for row in document.get("rule", ()):
        if row.get("name") in again:
            row.update(_evidence(again[row["name"]]))
    if found:
        write_document(home, document)
    return Learned(tuple(names["proposed"]), tuple(names["accepted"]), tuple(sorted(again)))


def _lines(row: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for source in row.get("sources", ()):
        for line in str(row.get("text", "")).splitlines():
            yield source, line


def _is_plausible(one: Recurring) -> bool:
    """Whether a person should look at it: sentences, and what stands amid the text, must recur more often."""
    is_prose = all(map(_is_prose, one.lines))
    if one.position == "anywhere":
        return one.share >= (_PROPOSED_PROSE_AMID if is_prose else _PROPOSED_AMID)
    return not is_prose or one.share >= _PROPOSED_PROSE


def _is_certain(one: Recurring, settings: Settings) -> bool:
    """Whether nobody needs to look: at one end of many articles of all times, and nothing that articles say themselves."""
    limits = settings.rules
    if any(_BYLINE.fullmatch(line) or _NAME.fullmatch(line) for line in one.lines):
        return False
    is_doubtful = one.position == "first" or any(map(_is_prose, one.lines))
    return (
        one.position != "anywhere"
        and one.of >= limits.accept_articles
        and one.share >= (max(_ACCEPTED_PROSE, limits.accept_share) if is_doubtful else limits.accept_share)
        and one.share_at_end >= _ACCEPTED_AT_END
        and one.periods >= ACCEPTED_PERIODS
    )


def _is_prose(line: str) -> bool:
    return len(line) >= 40 and bool(_SENTENCE.search(line)) and not _MARKS.search(line)


def _row(one: Recurring, lines: list[str], now: datetime, *, state: str) -> dict[str, Any]:
    digest = hashlib.sha256("\n".join((one.source, *lines)).encode()).hexdigest()[:6]
    words = [word for part in (one.source, " ".join(lines)) for word in _slug(part)[:3]]
    return {
        "name": "-".join([*words, digest]),
        "state": state,
        "sources": [one.source],
        "position": one.position,
        "text": "\n".join(lines),
        **_evidence(one),
        "learned_at": now.replace(microsecond=0),
        "version": 1,
    }


def _evidence(one: Recurring) -> dict[str, Any]:
    return {
        "articles": one.articles,
        "of": one.of,
        "share_at_end": one.share_at_end,
        "first_seen": one.first_seen.date(),
        "last_seen": one.last_seen.date(),
        "examples": list(one.examples),
    }


def _slug(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode())


_HEADER = """\
# Rules for boilerplate of this home, in the order of their names: learned from its articles, or written by hand.
# One holds if its state is "accepted", or if it states none. In `text`, # stands for a number.
# What a change would do: newsmill replay --source NAME --diff
"""


def read_document(home: Home) -> Any:
    """The home's rules as a document that keeps its comments."""
    path: Path = home.rules
    return tomlkit.parse(path.read_text(encoding="utf-8") if path.exists() else _HEADER)


def write_document(home: Home, document: Any) -> None:
    """Put the rules in place of those that were there."""
    passing = home.rules.with_suffix(".toml.part")
    passing.write_text(tomlkit.dumps(document), encoding="utf-8")
    passing.replace(home.rules)


def insert(document: Any, row: dict[str, Any]) -> None:
    """Put a row where its name belongs."""
    rules = document.setdefault("rule", tomlkit.aot())
    table = tomlkit.table()
    for key, value in row.items():
        is_long = key == "text" and "\n" in value
        table[key] = tomlkit.string(f"{value}\n", multiline=True) if is_long else value
    table.trivia.indent = "\n"
    at = next((n for n, other in enumerate(rules) if str(other.get("name", "")) > row["name"]), len(rules))
    rules.insert(at, table)
