"""Where the fields of an article were found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from pipelines.values import Extracted
from warehouse.rows import Found

ORIGINS = {
    "byline": "byline_from",
    "canonical_url": "canonical_from",
    "headline": "headline_from",
    "image_url": "image_from",
    "language": "language_from",
    "modified_at": "modified_from",
    "published_at": "published_from",
    "section": "section_from",
}
"""Fields that say where they were found, and the columns that say it."""


def with_origin(extracted: Extracted, origin: Found, names: Collection[str] = ORIGINS.keys()) -> Extracted:
    """The article, the origin set for those fields that hold something and have none yet."""
    unsaid: dict[str, Any] = {
        ORIGINS[name]: origin
        for name in ORIGINS
        if name in names and getattr(extracted, name) and not getattr(extracted, ORIGINS[name])
    }
    return replace(extracted, **unsaid) if unsaid else extracted
