"""A row: one JSON object, its fields by the names that `docs` list."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

from connectors.fields import mapped
from pipelines.media_type import is_fragment
from pipelines.normalise import clean, cut
from pipelines.origin import ORIGINS, with_origin
from pipelines.page.article import extract_html
from pipelines.stated import Stated, body_field, read_fields
from pipelines.text_forms import Form, read_text
from pipelines.values import Extracted, Raw, Rejected
from warehouse.rows import Flag, Found, Reason, Stage

EXTRACTOR = "record/1"
_MAX_CHARS = 2_000_000


def extract_record(raw: Raw) -> Extracted:
    """The article of a row; raises `Rejected` for what is no JSON object or holds no text."""
    row = mapped(_object(raw.text or ""), raw.document.fields)
    stated = read_fields(row)
    found = body_field(row)
    if found is None:
        raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, "no field of the row holds text")
    body, is_html = found
    if is_html or is_fragment(body):
        return _over(extract_html(body, stated.url), stated)
    text, is_cut = cut(body, _MAX_CHARS)
    form = read_text(clean(text), with_title=stated.headline is None)
    if not any(char.isalnum() for char in form.text):
        raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, "the row's text holds no words")
    flags = frozenset({Flag.TRUNCATED}) if is_cut else frozenset()
    return _over(of_form(form, flags), stated)


def of_form(form: Form, flags: frozenset[Flag]) -> Extracted:
    """The article of a text with its fields."""
    stated = form.stated
    values = {item.name: getattr(stated, item.name) for item in fields(stated) if item.name != "flags"}
    flags |= stated.flags | ({Flag.PAGE_TEXT} if form.furniture else set())
    extracted = Extracted(text=form.text, extractor="text/1", furniture=form.furniture, flags=flags, **values)
    return with_origin(with_origin(extracted, Found.FRONT_MATTER, form.front), Found.TEXT)


def _over(extracted: Extracted, stated: Stated) -> Extracted:
    """The article with the row's fields, which win over what its text says."""
    names = [item.name for item in fields(stated) if item.name != "flags"]
    values = {name: getattr(stated, name) for name in names if getattr(stated, name)}
    flags = extracted.flags
    values |= {ORIGINS[name]: Found.FIELD for name in ORIGINS if name in values}
    if stated.published_at:
        flags -= {Flag.DATE_ONLY, Flag.DATE_IMPLAUSIBLE}
    return replace(extracted, extractor=EXTRACTOR, flags=flags | stated.flags, **values)


def _object(text: str) -> dict[str, Any]:
    try:
        row = json.loads(text, strict=False, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise Rejected(Stage.EXTRACT, Reason.RECORD_BROKEN, f"no JSON: {error!s:.200}") from error
    if not isinstance(row, dict):
        raise Rejected(Stage.EXTRACT, Reason.RECORD_BROKEN, f"a JSON {type(row).__name__}, not an object")
    return row


def _integer(digits: str) -> int | str:
    # Python refuses to read integers of thousands of digits; no field of ours is one.
    return int(digits) if len(digits) < 100 else digits
