"""The values between the steps: one frozen type at each boundary, and the verdict that ends a document's way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connectors.document import Document
from warehouse.rows import Flag, Reason, Stage


class Rejected(Exception):  # noqa: N818  a verdict, not an error
    """Raised by a step for a document that becomes no article."""

    def __init__(self, stage: Stage, reason: Reason, detail: str = "") -> None:
        super().__init__(stage, reason, detail)
        self.stage, self.reason, self.detail = stage, reason, detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """`read`: the bytes, what they are, and their text where they are text."""

    document: Document
    data: bytes
    sha256: str
    media_type: str
    """`text/plain`, `text/markdown`, `text/html`, `application/json`, `application/feed+json`."""
    charset: str | None = None
    text: str | None = None
    """Decoded, line ends as `\\n`, no NUL, NFC; None for HTML, which the parser decodes with `charset`, and for a message."""
    flags: frozenset[Flag] = frozenset()
    verdict: Rejected | None = None
    """Why a page could not be read, where its entry may stand in for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """`extract`: the article as the document holds it, boilerplate still in its text."""

    text: str
    """Paragraphs separated by one blank line, NFC, `\\n`, no blanks at the ends of lines: what removals count in."""
    extractor: str
    url: str | None = None
    canonical_url: str | None = None
    canonical_from: str | None = None
    """A word of `warehouse.rows.Found`, like the other fields named `…_from`."""
    record_id: str | None = None
    guid: str | None = None
    """Names the article wherever its documents lie, as the items of a news agency state it."""
    headline: str | None = None
    headline_from: str | None = None
    subheadline: str | None = None
    byline: tuple[str, ...] = ()
    byline_from: str | None = None
    dateline: str | None = None
    """As stated; what the text opens with `strip` finds."""
    credit_line: str | None = None
    """As stated; what the text names `strip` finds."""
    section: str | None = None
    section_from: str | None = None
    language: str | None = None
    """As stated."""
    language_from: str | None = None
    publisher: str | None = None
    summary: str | None = None
    image_url: str | None = None
    image_from: str | None = None
    stated_sources: tuple[str, ...] = ()
    stated_tags: tuple[str, ...] = ()
    published_at: datetime | None = None
    published_from: str | None = None
    modified_at: datetime | None = None
    modified_from: str | None = None
    furniture: tuple[tuple[int, int], ...] = ()
    """Start and end of each part of a whole page that stands around the article in its text."""
    flags: frozenset[Flag] = frozenset()


@dataclass(frozen=True, slots=True)
class Removal:
    """A span taken out, in code points of the extracted text; it covers the white space that went with it."""

    rule: str
    family: str
    start: int
    length: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stripped:
    """`strip`: the body, and what was taken out of the extracted text to make it."""

    body: str
    removals: tuple[Removal, ...] = ()
    """In order of `start`, without overlap: put back, they give the extracted text."""
    dateline: str | None = None
    credit_line: str | None = None
    byline: tuple[str, ...] = ()
    """Persons that a credit in the text names, for an article without a byline of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """`tag`: a tag of the article."""

    tag: str
    scheme: str
    code: str | None = None
    top_code: str | None = None
    name: str
    score: float
    method: str
    evidence: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """`tag`: the tags, and the language that the text is in."""

    tags: tuple[Tag, ...] = ()
    language: str | None = None
    flags: frozenset[Flag] = frozenset()
