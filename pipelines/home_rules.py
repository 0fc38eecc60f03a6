"""A home's own rules for boilerplate: `rules.toml`, whose rows are learned from the lake or written by hand.

A row is one of the shipped table (`pipelines/boilerplate.toml`) with a `pattern`, or holds the literal `text` of
lines that go, in which `#` stands for a number. What a row says of its evidence is no part of the rule.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STATES = ("proposed", "accepted", "rejected")
EVIDENCE = (
    *("state", "version", "learned_at", "decided_at"),
    *("articles", "of", "share_at_end", "first_seen", "last_seen", "examples"),
)
NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_NUMBER = rf"(?:#|{NUMBER.pattern})"


class RulesError(ValueError):
    """Raised for a table of rules that is not valid; says which rule, and what is wrong with it."""


def read_rows(path: Path) -> list[dict[str, Any]]:
    """All rows of a home's rules, with their evidence; none where there is no such file. Raises `RulesError`."""
    try:
        stated = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RulesError(f"{path}: {error}") from error
    rows = stated.get("rule", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise RulesError(f"{path}: expected [[rule]] tables")
    for row in rows:
        if row.get("state", "accepted") not in STATES:
            name, states = row.get("name", "without a name"), ", ".join(STATES)
            raise RulesError(f"{path}: rule {name}: state is one of {states}, not {row['state']!r}")
    return rows


def rows_in_force(path: Path) -> list[dict[str, Any]]:
    """The rows of a home's rules that hold, as entries of a table: those that are accepted or state nothing."""
    return [entry(row) for row in read_rows(path) if row.get("state", "accepted") == "accepted"]


def entry(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as an entry of a table of rules, its literal text as a pattern."""
    stated = {key: value for key, value in row.items() if key not in EVIDENCE}
    text = stated.pop("text", None)
    if text is None:
        return stated
    if not isinstance(text, str) or not text.strip():
        raise RulesError(f"rule {row.get('name', 'without a name')}: text is lines in quotes")
    lines = [line for line in text.replace("’", "'").splitlines() if line.strip()]
    made = {
        "family": "learned",
        "unit": "line",
        "pattern": "|".join(map(_pattern, lines)),
        "words": sorted({_word(line) for line in lines}),
        "longest": max(map(len, lines)) + 100,
        "reason": "written by hand" if "articles" not in row else "it recurs across the source's articles",
        "example": lines[0].replace("#", "7"),
        "counterexample": f"It said so: {lines[0]} And more.",
    }
    return made | stated


def _pattern(line: str) -> str:
    return " ".join(re.escape(token).replace(r"\#", _NUMBER) for token in line.split())


def _word(line: str) -> str:
    """The longest word of a line that stands in all of its copies."""
    words = [word for word in re.findall(r"[^\s#]+", line.lower()) if len(word) == len(word.upper().lower())]
    return max(words, key=len, default=line.lower())
