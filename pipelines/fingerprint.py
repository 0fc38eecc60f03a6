"""The last pure step: identity and hashes, and with them the rows that a document becomes.

What each id and hash covers is in `docs/design.md`; they are the same on every machine and in every order.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import zstandard

from connectors.document import Document, digest
from pipelines.address import normalise
from pipelines.entry import MEDIA_TYPE
from pipelines.language import normalise_language
from pipelines.values import Extracted, Raw, Rejected, Stripped, Tag, Tagged
from warehouse.rows import (
    ArticleRow,
    DocumentRow,
    Found,
    KeyRow,
    PayloadRow,
    RejectRow,
    RemovalRow,
    Role,
    SketchRow,
    TagRow,
    VectorRow,
)
from warehouse.shingles import SKETCH_VERSION, sample, shingles
from warehouse.terms import VECTOR_VERSION, vector
from warehouse.words import count_words

_NEVER = datetime(1, 1, 1, tzinfo=UTC)
_PACKER = zstandard.ZstdCompressor(level=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """`fingerprint`: all rows of one document."""

    key: KeyRow
    document: DocumentRow
    payloads: tuple[PayloadRow, ...] = ()
    """The bytes; of a page the entry's too."""
    article: ArticleRow | None = None
    tags: tuple[TagRow, ...] = ()
    removals: tuple[RemovalRow, ...] = ()
    sketch: SketchRow | None = None
    vector: VectorRow | None = None
    reject: RejectRow | None = None


def article_id(document: Document, extracted: Extracted, content_sha256: str) -> str:
    """Identity by stated address, else by place in the source, else (a row without id) by content."""
    if document.article_id:
        return document.article_id
    stated = document.url or extracted.url
    address = normalise(stated) if stated else None
    if address:
        return digest("address", address)
    if extracted.guid:
        return digest("guid", document.source, extracted.guid)
    if document.role is Role.RECORD and extracted.record_id is None:
        return digest("content", document.source, content_sha256)
    return digest("place", document.source, document.address)


def fingerprint(
    document: Document,
    raw: Raw,
    extracted: Extracted,
    stripped: Stripped,
    tagged: Tagged,
    *,
    pipeline_version: str,
) -> Made:
    """Rows of a document that became an article; what only the load knows (version, run) is left empty."""
    byline = extracted.byline or stripped.byline
    content = _sha256(
        extracted.headline or "",
        extracted.subheadline or "",
        "\x01".join(byline),
        extracted.published_at.isoformat() if extracted.published_at else "",
        stripped.body,
    )
    ident = article_id(document, extracted, content)
    url = document.url or extracted.url
    canonical_url, address = normalise(extracted.canonical_url or ""), normalise(url or "")
    article = ArticleRow(
        article_id=ident,
        document_id=document.identity(raw.sha256),
        source=document.source,
        publisher=extracted.publisher,
        url=url,
        canonical_url=canonical_url or address,
        canonical_from=extracted.canonical_from if canonical_url else Found.URL if address else None,
        headline=extracted.headline,
        headline_from=extracted.headline_from,
        subheadline=extracted.subheadline,
        byline=byline,
        byline_from=extracted.byline_from if extracted.byline else Found.TEXT if byline else None,
        dateline=extracted.dateline or stripped.dateline,
        credit_line=extracted.credit_line or stripped.credit_line,
        section=extracted.section,
        section_from=extracted.section_from,
        language=tagged.language,
        language_from=_language_from(extracted, tagged),
        body=stripped.body,
        word_count=count_words(stripped.body),
        summary=extracted.summary,
        image_url=extracted.image_url,
        image_from=extracted.image_from,
        stated_sources=extracted.stated_sources,
        published_at=extracted.published_at,
        published_from=extracted.published_from,
        modified_at=extracted.modified_at,
        modified_from=extracted.modified_from,
        first_seen_at=document.fetched_at,
        seen_at=document.fetched_at,
        content_sha256=content,
        body_sha256=_sha256(stripped.body),
        payload_sha256=raw.sha256,
        version=1,
        cause="source",
        role=str(document.role),
        extractor=extracted.extractor,
        flags=tuple(sorted(document.flags | raw.flags | extracted.flags | tagged.flags)),
        pipeline_version=pipeline_version,
        derived_sha256="",
        run_id="",
    )
    tags = tuple(tag_row(ident, tag) for tag in tagged.tags)
    removals = tuple(
        RemovalRow(
            article_id=ident, version=1, rule=r.rule, family=r.family, start=r.start, length=r.length, text=r.text
        )
        for r in stripped.removals
    )
    article = replace(article, derived_sha256=_derived(article, removals))
    return Made(
        key=_key(document, raw.sha256, article, None),
        document=_document(document, raw.sha256, len(raw.data), raw.media_type, raw.charset),
        payloads=_payloads(document, raw.data, raw.sha256, raw.media_type),
        article=article,
        tags=tags,
        removals=removals,
        sketch=_sketch(article),
        vector=_vector(article),
    )


def rejected(
    document: Document,
    data: bytes,
    verdict: Rejected,
    *,
    media_type: str | None,
    charset: str | None,
    pipeline_version: str,
    payload_limit: int,
    clock: datetime,
) -> Made:
    """Rows of a document that became none; a payload is kept up to `payload_limit` bytes."""
    sha256 = hashlib.sha256(data).hexdigest()
    ident = document.identity(sha256)
    reject = RejectRow(
        document_id=ident,
        source=document.source,
        uri=document.uri,
        stage=str(verdict.stage),
        reason=str(verdict.reason),
        detail=verdict.detail or None,
        pipeline_version=pipeline_version,
        run_id="",
        rejected_at=clock,
    )
    return Made(
        key=_key(document, sha256, None, str(verdict.reason)),
        document=_document(document, sha256, len(data) or document.size_bytes, media_type, charset),
        payloads=_payloads(document, data, sha256, media_type, limit=payload_limit),
        reject=reject,
    )


def _sha256(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _derived(article: ArticleRow, removals: tuple[RemovalRow, ...]) -> str:
    """Hash of the row and its removals, less what says only which code made them: a replay compares it, and tags as rows."""
    bare = replace(article, pipeline_version="", document_id="", body="", first_seen_at=_NEVER, seen_at=_NEVER)
    return _sha256(repr(bare), article.body_sha256, repr(removals))


def _language_from(extracted: Extracted, tagged: Tagged) -> str | None:
    """Where the language was found; that of the text where it is not the stated one."""
    is_stated = tagged.language is not None and normalise_language(extracted.language) == tagged.language
    return extracted.language_from if is_stated else Found.TEXT if tagged.language else None


def tag_row(ident: str, tag: Tag) -> TagRow:
    """The row of a tag."""
    return TagRow(
        article_id=ident,
        tag=tag.tag,
        scheme=tag.scheme,
        code=tag.code,
        top_code=tag.top_code,
        name=tag.name,
        score=tag.score,
        method=tag.method,
        evidence=tag.evidence,
    )


def _sketch(article: ArticleRow) -> SketchRow:
    of = shingles(article.body)
    return SketchRow(
        article_id=article.article_id,
        body_sha256=article.body_sha256,
        sketch_version=SKETCH_VERSION,
        placed_at=None,
        shingles=len(of),
        sampled=sample(of),
    )


def _vector(article: ArticleRow) -> VectorRow:
    of = vector(article.headline, article.body, article.language)
    return VectorRow(
        article_id=article.article_id,
        content_sha256=article.content_sha256,
        language=article.language,
        vector_version=VECTOR_VERSION,
        placed_at=None,
        terms=of.terms,
        weights=of.weights,
    )


def _key(document: Document, sha256: str, article: ArticleRow | None, reason: str | None) -> KeyRow:
    return KeyRow(
        document_id=document.identity(sha256),
        source=document.source,
        file=document.file,
        role=str(document.role),
        sha256=sha256,
        seen_at=document.fetched_at,
        article_id=article.article_id if article else None,
        modified_at=article.modified_at if article else None,
        content_sha256=article.content_sha256 if article else None,
        derived_sha256=article.derived_sha256 if article else None,
        reason=reason,
    )


def _document(
    document: Document, sha256: str, size_bytes: int, media_type: str | None, charset: str | None
) -> DocumentRow:
    """The document's row; its first payload is the entry, where it has one."""
    entry = document.entry
    return DocumentRow(
        document_id=document.identity(sha256),
        source=document.source,
        kind=str(document.role if entry is None else Role.ENTRY),
        address=document.address,
        uri=document.uri,
        url=document.url,
        final_uri=document.final_uri,
        fetched_at=document.fetched_at,
        media_type=media_type or document.media_type,
        charset=charset or document.charset,
        http_status=document.http_status,
        headers=document.headers,
        flags=tuple(sorted(document.flags)),
        fields=document.fields,
        payload_sha256=sha256 if entry is None else hashlib.sha256(entry).hexdigest(),
        size_bytes=size_bytes if entry is None else len(entry),
        run_id="",
    )


def _payloads(
    document: Document, data: bytes, sha256: str, media_type: str | None, *, limit: int | None = None
) -> tuple[PayloadRow, ...]:
    """What is kept of the document, up to `limit` bytes each."""
    kept = [(document.role, sha256, media_type or document.media_type, data)]
    if document.entry is not None:
        kept.insert(0, (Role.ENTRY, hashlib.sha256(document.entry).hexdigest(), MEDIA_TYPE, document.entry))
    return tuple(
        PayloadRow(
            document_id=document.identity(sha256),
            role=str(role),
            sha256=of,
            media_type=kind,
            data=_PACKER.compress(payload),
            fetched_at=document.fetched_at,
        )
        for role, of, kind, payload in kept
        if limit is None or 0 < len(payload) <= limit
    )
