"""The rows of the lake: every table and column is declared here, once.

The Arrow schemas and the DDL (`warehouse.schema`), the page `docs/fields.md` and the closed lists of reasons
and flags are derived from these declarations. A leaf: it imports nothing of ours, so every stage may use it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType, Self


class Documented(StrEnum):
    """A closed list of words, each with the sentence that the docs print for it."""

    doc: str

    def __new__(cls, value: str, doc: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.doc = doc
        return member


class Role(Documented):
    """Which of a document's payloads the bytes are."""

    FILE = "file", "a whole file of a folder or a member of an archive"
    RECORD = "record", "one record of a file of rows"
    ENTRY = "entry", "an entry of a feed"
    PAGE = "page", "the web page behind an address"


class Decision(Documented):
    """What a run did with a document that it read."""

    NEW = "new", "an article that the lake did not hold"
    CHANGED = "changed", "a further version of an article that the lake holds"
    UNCHANGED = "unchanged", "nothing that the lake does not hold already"
    REJECTED = "rejected", "no article; `rejects` says why"


class Stage(Documented):
    """Where on its way a document was rejected."""

    READ = "read", "opening, unpacking, decoding"
    EXTRACT = "extract", "finding the article in the document"
    STRIP = "strip", "taking the boilerplate out"
    PROCESS = "process", "the worker process itself: it hung, crashed or ran out of memory"


class Reason(Documented):
    """Why a document became no article."""

    ARCHIVE_BROKEN = (
        "archive-broken",
        "the archive, compressed or Parquet file is damaged; what came before the damage was read",
    )
    ARCHIVE_NESTED = "archive-nested", "an archive inside an archive"
    BINARY = "binary", "not a text: a picture, a program, an office document, noise"
    BOILERPLATE_ONLY = "boilerplate-only", "nothing was left once the boilerplate was taken out"
    CHALLENGE = "challenge", "a check for robots or a refusal that stands in the page's place"
    CONSENT_WALL = "consent-wall", "a page that asks for consent and holds no article until it is given"
    CRASHED = "crashed", "the worker process died of this document"
    EMPTY = "empty", "no bytes, or nothing but white space"
    GALLERY_ONLY = "gallery-only", "a page of pictures without a text"
    MEMORY = "memory", "the document needed more memory than a worker may use"
    NO_TEXT = "no-text", "a page or row that holds no article text"
    NOT_A_FILE = "not-a-file", "a pipe, socket or device"
    RATIO = "ratio", "it unpacks to far more than a text does: a decompression bomb"
    RECORD_BROKEN = (
        "record-broken",
        "a row that is no JSON object or does not fit its table, or a record of a web archive that is damaged or cut off",
    )
    SCRIPT_SHELL = "script-shell", "a page that scripts would fill, and that holds no text itself"
    SECTION_FRONT = "section-front", "a list of articles: a home page, a section, the results of a search"
    SOFT_404 = "soft-404", "a page that says that there is none at its address, whatever the status of the answer"
    TIMEOUT = "timeout", "the document took longer than a worker may take"
    TOO_LARGE = "too-large", "larger than the limit of the settings"
    UNREADABLE = "unreadable", "the operating system refused to read it"
    UNSUPPORTED = "unsupported", "a format that is not read yet"
    VANISHED = "vanished", "it was gone, or changed while it was read"
    VIDEO_ONLY = "video-only", "a page of a video without a text"


class Flag(Documented):
    """What a reader should know of an article."""

    CHARSET_GUESSED = "charset-guessed", "the character set was not stated and was guessed"
    CHARSET_MIXED = "charset-mixed", "bytes that fit no single character set; they were read one by one"
    DATE_IMPLAUSIBLE = "date-implausible", "a stated date could not be true and was left out"
    DATE_ONLY = "date-only", "the day of publication is known, not the time: 00:00 UTC stands for it"
    FRONT_MATTER_BROKEN = (
        "front-matter-broken",
        "the front matter is no YAML; lines of it that could not be read stand in the body",
    )
    GALLERY = "gallery", "a page of pictures; the text may be their captions"
    LANGUAGE_DISPUTED = "language-disputed", "the stated language is not the one of the text"
    LIVE_BLOG = "live-blog", "a page to which entries were added as things happened"
    NOAI = "noai", "the publisher asks that the page train no models (`noai`, `noimageai`)"
    NOARCHIVE = "noarchive", "the publisher asks that no copy of the page be shown"
    NOINDEX = "noindex", "the publisher asks that the page stay out of indexes"
    PAGE_MISSING = "page-missing", "the page behind the entry could not be had; the article is what the entry carries"
    PAGE_TEXT = (
        "page-text",
        "the text of a whole page: navigation and other parts stood around the article; `removals` has them",
    )
    RECORD_DAMAGED = (
        "record-damaged",
        "the record of the web archive has another length or checksum than it states; its text may be damaged",
    )
    PAYWALLED = "paywalled", "only a part of the text is there; the rest is for those who pay or sign in"
    TDM_RESERVED = "tdm-reserved", "the publisher reserves text and data mining of the page (TDMRep)"
    TRUNCATED = "truncated", "only the beginning of a very long text was kept"
    WITHDRAWN = "withdrawn", "the news agency canceled the item, or withholds it"
    VIDEO = "video", "a page of a video; the text is what is told of it"


class Found(Documented):
    """Where a field of an article was found."""

    FIELD = "field", "a field of a row or of another structured record"
    FRONT_MATTER = "front matter", "the front matter of a text"
    FEED = "feed", "the entry of a feed"
    JSON_LD = "json-ld", "the page's linked data (schema.org as JSON-LD)"
    META = "meta", "a `<meta>` or `<link>` of the page, or its `<title>`"
    MICRODATA = "microdata", "the page's elements with `itemprop` (schema.org as microdata)"
    OPENGRAPH = "opengraph", "a `<meta>` of the Open Graph or of a Twitter card"
    TEXT = "text", "the text itself: its first lines, or the language it is written in"
    URL = "url", "the address"
    VISIBLE = "visible", "what the page shows"


Hash32 = NewType("Hash32", int)
"""An unsigned number of 32 bits."""


def column(doc: str, **options: Any) -> Any:
    """A column with the sentence that describes it in `docs/fields.md`; `options` are those of `dataclasses.field`."""
    return field(metadata={"doc": doc}, **options)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow:
    """Item pulled from a source."""

    document_id: str = column("Hash of the source, the path or address relative to it, and the bytes first pulled")
    source: str = column("Name of the source it was pulled from")
    kind: str = column("`file`, `record`, `entry` or `page`")
    address: str = column("Path or address relative to the source: with it and the bytes, the document's identity")
    uri: str = column("What was asked for or recorded, verbatim")
    url: str | None = column("Stated address of the article, where the connector knew it")
    final_uri: str | None = column("The address after redirects, where it differs")
    fetched_at: datetime = column("When it was pulled; of a file, when it was last modified")
    media_type: str | None = column("What it is, by its content")
    charset: str | None = column("Character set that it was decoded with")
    http_status: int | None = column("Status of the HTTP answer")
    headers: str | None = column("Headers of the HTTP answer, a JSON object")
    flags: tuple[str, ...] = column("What its connector noticed; a closed list, the one of the articles")
    fields: str | None = column("Of a row, which columns stand for which fields (`--fields`): a JSON object")
    payload_sha256: str = column("SHA-256 of the bytes first pulled")
    size_bytes: int = column("Size of the bytes first pulled")
    run_id: str = column("The run that first loaded it")


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadRow:
    """Raw bytes of a document (a feed entry and its page are two)."""

    document_id: str = column("The document")
    role: str = column("`entry`, `page`, `file` or `record`")
    sha256: str = column("SHA-256 of the bytes before compression")
    media_type: str | None = column("What they are, by their content")
    data: bytes = column("The bytes, compressed with zstd")
    fetched_at: datetime = column("When they were pulled; of a file, when it was last modified")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRow:
    """Document and run that read it."""

    document_id: str = column("The document")
    run_id: str = column("The run that loaded what it read")
    article_id: str | None = column("The article that the document is of")
    version: int | None = column("The article's version that holds this document's content")
    decision: str = column("`new`, `changed`, `unchanged` or `rejected`")
    reason: str | None = column("Why, where the decision does not say it")
    seen_at: datetime = column("When the document was pulled; of a file, when it was last modified")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleRow:
    """Article, its current version."""

    article_id: str = column("Hash of the stated address, else of source, path and record id, else of the content")
    document_id: str = column("The document whose content this is")
    source: str = column("Source that first brought the article")
    publisher: str | None = column("Who published it")
    url: str | None = column("Stated address, verbatim")
    canonical_url: str | None = column("Address that the page itself names, else the stated one, normalised")
    canonical_from: str | None = column("Where that address was found; a closed list")
    headline: str | None = column("Headline")
    headline_from: str | None = column("Where the headline was found")
    subheadline: str | None = column("Line under the headline")
    byline: tuple[str, ...] = column("Persons who wrote it; a newsroom where it alone is named")
    byline_from: str | None = column("Where the byline was found")
    dateline: str | None = column("Place and day that the text opens with")
    credit_line: str | None = column("Agency that supplied it")
    section: str | None = column("Section of the publication")
    section_from: str | None = column("Where the section was found")
    language: str | None = column("BCP 47 language")
    language_from: str | None = column("Where the language was found")
    body: str = column("Text without boilerplate: paragraphs separated by one blank line, NFC")
    word_count: int = column("Words of the body")
    summary: str | None = column("Summary that the publisher gave")
    image_url: str | None = column("Lead picture")
    image_from: str | None = column("Where the lead picture was found")
    stated_sources: tuple[str, ...] = column("Sources that the text itself states")
    published_at: datetime | None = column("Time of publication, UTC")
    published_from: str | None = column("Where the time of publication was found")
    modified_at: datetime | None = column("Time of the last edit that the publisher states, UTC")
    modified_from: str | None = column("Where the time of the last edit was found")
    first_seen_at: datetime = column("When the first document of the article was pulled")
    seen_at: datetime = column("When the document of this version was pulled")
    content_sha256: str = column("SHA-256 of headline, subheadline, byline, time of publication and body")
    body_sha256: str = column("SHA-256 of the body: what exact copies share")
    payload_sha256: str = column("SHA-256 of the bytes that the content came from")
    version: int = column("1 for the first content seen, one more for each further one")
    cause: str = column("`source` when the publisher made this version, `pipeline` when better extraction did")
    role: str = column("Which payload the content came from: `entry`, `page`, `file` or `record`")
    extractor: str = column("Extractor and its version")
    flags: tuple[str, ...] = column("What a reader should know; a closed list")
    pipeline_version: str = column("Version of the code that made the row")
    derived_sha256: str = column(
        "SHA-256 of what the pipeline made of the document: row and removals; tags are compared as they are"
    )
    run_id: str = column("The run that loaded this version")


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRow:
    """Article and tag."""

    article_id: str = column("The article")
    tag: str = column("Slug")
    scheme: str = column("`mediatopic`, `country`, `entity` or `source`")
    code: str | None = column("Code in the scheme: `medtop:…`, ISO 3166 alpha-2")
    top_code: str | None = column("Code of the top-level subject")
    name: str = column("Name for people")
    score: float = column("0–1")
    method: str = column("How it was found, with version")
    evidence: str | None = column("What in the text it rests on")


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalRow:
    """Span of boilerplate taken out."""

    article_id: str = column("The article")
    version: int = column("Its version")
    rule: str = column("Name of the rule")
    family: str = column("Family of the rule")
    start: int = column("Where the span began, in code points of the extracted text")
    length: int = column("Length of the span in code points")
    text: str = column("The span")


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectRow:
    """Document that became no article."""

    document_id: str = column("The document")
    source: str = column("Its source")
    uri: str = column("Its address")
    stage: str = column("Where it was rejected")
    reason: str = column("Why; a closed list")
    detail: str | None = column("Why, in a sentence")
    pipeline_version: str = column("Version of the code that rejected it")
    run_id: str = column("The run that first rejected it")
    rejected_at: datetime = column("When")


@dataclass(frozen=True, slots=True, kw_only=True)
class DuplicateRow:
    """Article that is a copy."""

    article_id: str = column("The copy")
    duplicate_of: str = column("The original, itself no copy")
    reason: str = column(
        "`content`: the bodies are the same; `canonical`: one page names the other; `guid`: a feed gave both the same id; "
        "`near`: a good part of the shorter body stands in the other"
    )
    score: float = column("0–1; of `near`, the share of the shorter body that both have")
    run_id: str = column("The run that found it")


@dataclass(frozen=True, slots=True, kw_only=True)
class SketchRow:
    """Sample of an article's text: the index that finds its copies."""

    article_id: str = column("The article")
    body_sha256: str = column("SHA-256 of the body that was sampled")
    sketch_version: int = column("Version of the code that sampled it")
    placed_at: datetime | None = column("What decides which of several copies is the original: the earliest is")
    shingles: int = column("Runs of four words that differ, in the body")
    sampled: tuple[Hash32, ...] = column("32-bit hashes of those that are kept, in order")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryRow:
    """Story: articles about one event; one that became part of another names it."""

    story_id: str = column("Id; stays while the story grows")
    headline: str | None = column("Headline of the most central article that has one, else the beginning of its text")
    language: str | None = column("Language of that article")
    first_published_at: datetime = column(
        "When the first of its dated articles was published; of a story without any, first seen"
    )
    last_published_at: datetime = column("When the last of them was")
    articles: int = column("Articles in it, copies included")
    copies: int = column("Those of them that are copies")
    publishers: int = column(
        "Publishers, else hosts or sources, of the articles that are no copies; one under two names counts once"
    )
    countries: tuple[str, ...] = column("Tags of the countries that its articles are about, the most frequent first")
    subjects: tuple[str, ...] = column("Tags of their subjects, the most frequent first")
    state: str = column(
        "`open`; `closed`: its last article is too old for one of today to join it; `merged`: its articles are in others"
    )
    merged_into: str | None = column("Of a merged story, the one that most of its articles went to")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryArticleRow:
    """Article and the story that it is in."""

    story_id: str = column("The story")
    article_id: str = column("The article")
    score: float = column(
        "0–1: how alike it is to the story's others on the average, 1 alone; of a copy, its original's"
    )
    position: int | None = column(
        "Place in the story's tree, where those that joined first stand together; null for a copy"
    )
    level: float | None = column(
        "How alike it and what stands before it were to what joined them there, in millionths; 0 of the first"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorRow:
    """What an article is about: the index that finds its story."""

    article_id: str = column("The article")
    content_sha256: str = column("SHA-256 of the content that it was made of")
    language: str | None = column("Language that it was made in")
    vector_version: int = column("Version of the code that made it")
    placed_at: datetime | None = column("When the article was published, else first seen")
    terms: tuple[int, ...] = column("32-bit hashes of its best terms, in order")
    weights: tuple[int, ...] = column("Weight of each; the square root of the sum of their squares is 1,000")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """Source with what was learnt of it (`sources.toml` says what the user wants)."""

    source: str = column("Name")
    kind: str = column("`folder` or the kind of its connector")
    location: str = column("Folder or address")
    title: str | None = column("Title that it gives itself", default=None)
    site_url: str | None = column("Site that it belongs to", default=None)
    asked_at_url: str | None = column("Address that is asked now, where it moved for good", default=None)
    state: str = column("`ok`, `failing` or `gone`")
    interval_s: int | None = column("Seconds until it is pulled again")
    interval_reason: str | None = column("Why that long")
    next_poll_at: datetime | None = column("When it is due", default=None)
    pages_due_at: datetime | None = column("When the next page behind an entry is due", default=None)
    added_at: datetime = column("When it was first seen")
    last_polled_at: datetime | None = column("When it was last asked", default=None)
    last_success_at: datetime | None = column("When it last answered")
    last_new_at: datetime | None = column("When it last had something new", default=None)
    items_per_day: float | None = column("New items a day that it is used to have", default=None)
    silent_from: datetime | None = column("When a silence since then would be longer than its habit", default=None)
    gap_at: datetime | None = column("When entries may last have come and gone between two polls", default=None)
    error_streak: int = column("Polls in a row that failed", default=0)
    etag: str | None = column("Validator of the last answer, verbatim", default=None)
    last_modified: str | None = column("Validator of the last answer, verbatim", default=None)
    feed_sha256: str | None = column("Hash of its entries in canonical form", default=None)
    error: str | None = column("What went wrong last")


@dataclass(frozen=True, slots=True, kw_only=True)
class PollRow:
    """Poll of one source, kept for 90 days."""

    source: str = column("The source")
    polled_at: datetime = column("When")
    outcome: str = column("`ok`, `not_modified`, `failed`, `refused` or `gone`")
    http_status: int | None = column("Status of the HTTP answer")
    entries: int | None = column("Entries that the answer held")
    new_entries: int | None = column("Those that were not known")
    size_bytes: int | None = column("Size of the answer")
    duration_ms: int | None = column("Milliseconds that it took")
    next_poll_at: datetime | None = column("When the source is due again")
    reason: str | None = column("Why then")
    gap: bool = column("Whether entries may have come and gone since the poll before", default=False)
    error: str | None = column("What went wrong")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """Run: one pass of a flow."""

    run_id: str = column("Id")
    flow: str = column("`backfill`, `ingest`, `replay`, `enrich` or `maintain`")
    started_at: datetime = column("When it began")
    finished_at: datetime | None = column("When it ended")
    state: str = column("`running`, `done`, `failed` or `stopped`")
    documents: int = column("Items pulled, those known without reading included")
    articles_new: int = column("Decisions `new`")
    articles_changed: int = column("Decisions `changed`")
    articles_unchanged: int = column("Decisions `unchanged`, and items known without reading")
    duplicates: int = column("Copies found")
    rejected: int = column("Decisions `rejected`")
    pipeline_version: str = column("Version of the code")
    error: str | None = column("What ended it, where it failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """Batch loaded: the loader's ledger, which makes a second load of it change nothing."""

    batch_id: str = column("Id")
    run_id: str = column("The run that loaded it")
    loaded_at: datetime = column("When")
    documents: int = column("Documents in it")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """File of a folder seen, so that an unchanged one is not read again."""

    source: str = column("The folder's source")
    path: str = column("Path in the folder; bytes that are not UTF-8 as surrogate escapes spelt `\\xNN`")
    size_bytes: int = column("Its size when it was read")
    modified_ns: int = column("When it was last modified, nanoseconds since 1970")
    records: int = column("Documents of it that are loaded")
    is_complete: bool = column("Whether all of them are")
    pipeline_version: str | None = column("Where a document of it was rejected, the code that did, else null")
    fields: str | None = column("Which columns of its rows stood for which fields (`--fields`): a JSON object")


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorRow:
    """Where a source's connector goes on."""

    source: str = column("The source")
    cursor: bytes = column("Opaque to all but its connector")
    batch_id: str = column("The batch that moved it")


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What the lake knows of a file: how it was when it was read, and how far it was read."""

    size_bytes: int
    modified_ns: int
    records: int
    is_complete: bool
    fields: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeRow:
    """The home itself: one row, written when it is whole."""

    format_version: int = column("Format of the home; a newer one is refused")
    created_at: datetime = column("When it was made")
    maintained_at: datetime | None = column("When maintenance ended last")
    maintained_snapshot: int = column("Snapshot that it ended with")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """What a load decides on, one row a document of the batch; staged, never stored."""

    document_id: str = column("The document")
    source: str = column("Its source")
    file: str | None = column("The file that it is in")
    role: str = column("Which payload it is")
    sha256: str = column("SHA-256 of its bytes")
    seen_at: datetime = column("When they were pulled")
    article_id: str | None = column("The article that it is of; null for a reject")
    modified_at: datetime | None = column("Time of the last edit that it states")
    content_sha256: str | None = column("What makes a version")
    derived_sha256: str | None = column("What the pipeline made of it")
    reason: str | None = column("Why it was rejected")


TABLES: dict[str, type] = {
    "articles": ArticleRow,
    "article_tags": TagRow,
    "batches": BatchRow,
    "cursors": CursorRow,
    "documents": DocumentRow,
    "duplicates": DuplicateRow,
    "files": FileRow,
    "outcomes": OutcomeRow,
    "payloads": PayloadRow,
    "polls": PollRow,
    "rejects": RejectRow,
    "removals": RemovalRow,
    "runs": RunRow,
    "sketches": SketchRow,
    "sources": SourceRow,
    "stories": StoryRow,
    "story_articles": StoryArticleRow,
    "superseded": ArticleRow,
    "vectors": VectorRow,
}
"""Each table and the type of its rows; `superseded` holds the versions of an article before its current one."""
