"""The article in the data that a page hands to its scripts, for pages that have it nowhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pipelines.fragment import fragment_text

_SCRIPT = re.compile(r"<script\b[^<>]{0,2000}+>((?:[^<]++|<(?!/script))*+)", re.IGNORECASE)
_STRING = re.compile(r'"((?:[^"\\]++|\\.)*+)(?:"|\\?\Z)', re.DOTALL)
"""One that is not closed ends with the script, so that none is looked at twice."""
_SHORTEST = 300
_PARAGRAPH = re.compile(r"<p[\s>]", re.IGNORECASE)
_FEWEST_PARAGRAPHS = 2
_MOST_CHARS = 3_000_000


def body_in_scripts(html: str) -> str:
    """The longest string of HTML paragraphs in the page's scripts, as plain text; empty where there is none.

    Looked for are JSON strings, also those in the strings of another JSON text, as frameworks that stream a page write.
    """
    found = (string for script in _SCRIPT.findall(html[:_MOST_CHARS]) for string in _strings(script))
    paragraphs = (string for string in found if len(_PARAGRAPH.findall(string)) >= _FEWEST_PARAGRAPHS)
    longest = max(paragraphs, key=len, default="")
    return fragment_text(longest) if longest else ""


def _strings(script: str) -> Iterator[str]:
    for quoted in _STRING.findall(script):
        if len(quoted) >= _SHORTEST and (string := _unquoted(quoted)):
            yield from (_unquoted(inner) for inner in _STRING.findall(string) if len(inner) >= _SHORTEST)
            yield string


def _unquoted(quoted: str) -> str:
    try:
        return str(json.loads(f'"{quoted}"', strict=False))
    except ValueError:
        return ""
