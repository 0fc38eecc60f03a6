"""YAML front matter: fields between two lines of three dashes at the top of a text (the convention of Jekyll)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.stated import FRONT_MATTER_NAMES

_LONGEST = 65_536
_DEEPEST = 8
_BLOCK = re.compile(r"\A\s*---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.MULTILINE | re.DOTALL)
_KEY = re.compile(r"""^(["']?)([A-Za-z][\w .-]{0,40}?)\1[ \t]*:(?:[ \t]+(.*))?$""")
_LIST_ITEM = re.compile(r"^\s*-\s+(.*)$")
_PLAIN_KEY = re.compile(r"[a-z][\w-]*$")


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The fields, the text below, and whether the block was no YAML; then it stays in the text unless every line was read."""

    fields: Mapping[str, Any]
    rest: str
    is_broken: bool = False


def split_front_matter(text: str) -> FrontMatter | None:
    """The front matter of a text; None where it has none, as where `---` is but a rule."""
    found = _BLOCK.match(text[: _LONGEST + 16]) if text.lstrip()[:3] == "---" else None
    if found is None:
        return None
    block, rest = found.group(1), text[found.end() :]
    if not block.strip():
        return FrontMatter({}, rest)
    fields = _load(block)
    if fields is not None:
        return FrontMatter(fields, rest) if _is_front_matter(fields) else None
    fields, is_whole = _read_lines(block)
    if not _is_front_matter(fields):
        return None
    return FrontMatter(fields, rest if is_whole else text, is_broken=True)


def _is_front_matter(fields: Mapping[str, Any]) -> bool:
    names = [str(name) for name in fields]
    known = any(name.strip().lower() in FRONT_MATTER_NAMES for name in names)
    return bool(names) and (known or all(_PLAIN_KEY.match(name) for name in names))


def _load(block: str) -> dict[str, Any] | None:
    """The block as YAML, every scalar as it is written; None where it is none, or could be a bomb."""
    import yaml

    depth = 0
    try:
        for event in yaml.parse(block, yaml.CBaseLoader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                return None
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                return None
        loaded = yaml.load(block, yaml.CBaseLoader)  # noqa: S506  it makes only texts, lists and mappings
    except (yaml.YAMLError, ValueError):
        return None
    return loaded if isinstance(loaded, dict) else {} if isinstance(loaded, str) else None


def _read_lines(block: str) -> tuple[dict[str, Any], bool]:
    """Fields of simple `key: value` lines and lists below a key, and whether these were all lines."""
    fields: dict[str, Any] = {}
    name = None
    is_whole = True
    for line in block.split("\n"):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if key := _KEY.match(line):
            name = None if _is_torn(key.group(3) or "") else key.group(2).strip()
            if name is None:
                is_whole = False
                continue
            fields[name] = _value(key.group(3) or "")
        elif name and (item := _LIST_ITEM.match(line)) and isinstance(fields[name] or [], list):
            fields[name] = [*(fields[name] or []), _unquoted(item.group(1))]
        else:
            is_whole = False
    return fields, is_whole


def _is_torn(value: str) -> bool:
    """Whether a list or mapping is opened and not closed on its line: nobody can say what it holds."""
    value = value.strip()
    return value[:1] in ("[", "{") and value[-1] != {"[": "]", "{": "}"}[value[0]]


def _value(text: str) -> str | list[str]:
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        return [_unquoted(part) for part in text[1:-1].split(",") if part.strip()]
    return "" if text[:1] in "&*" and " " not in text else _unquoted(text)


def _unquoted(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text
