"""Which columns of a row stand for the fields of an article, where they have other names: `--fields`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

FIELDS = (
    "byline",
    "headline",
    "html",
    "id",
    "image_url",
    "language",
    "modified_at",
    "published_at",
    "section",
    "source",
    "stated_sources",
    "subheadline",
    "summary",
    "tags",
    "text",
    "url",
)
TEXT_NAMES = ("text", "body", "content", "maintext", "article")
"""Columns that hold the text of an article, the first that is there; before them, `html`."""


class FieldsError(ValueError):
    """What was stated is no mapping of fields; the message says what to write."""


def read_mapping(stated: Iterable[str]) -> str | None:
    """The mapping that `name=column` stands for, one or several with commas between; None where there is none.

    It is a JSON object, its names in order: the same mapping is the same string. Raises `FieldsError`.
    """
    mapping: dict[str, str] = {}
    for part in (part for text in stated for part in text.split(",")):
        name, sign, column = (piece.strip() for piece in part.partition("="))
        if not sign or not column:
            raise FieldsError(f"{part.strip() or 'nothing'!r} is no name=column, such as headline=titel")
        if name not in FIELDS:
            raise FieldsError(f"no field is named {name!r}; there are: {', '.join(FIELDS)}")
        if mapping.setdefault(name, column) != column:
            raise FieldsError(f"{name} is given twice: {mapping[name]} and {column}")
    return json.dumps(mapping, ensure_ascii=False, sort_keys=True) if mapping else None


def columns_of(mapping: str | None) -> dict[str, str]:
    """Field and column."""
    return json.loads(mapping) if mapping else {}


def value_at(row: Mapping[str, Any], column: str) -> Any:
    """The value of a column, else of the path that its dots stand for in nested objects; None where there is none."""
    if column in row:
        return row[column]
    value: Any = row
    for part in column.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value


def mapped(row: Mapping[str, Any], mapping: str | None) -> Mapping[str, Any]:
    """The row with what the mapping names under the names of the fields; where a column is not there, as it was."""
    found = {name: value_at(row, column) for name, column in columns_of(mapping).items()}
    found = {name: value for name, value in found.items() if value is not None}
    if not found:
        return row
    hidden = {*found, "html"} if "text" in found and "html" not in found else found.keys()
    return {name: value for name, value in row.items() if name.strip().lower() not in hidden} | found
