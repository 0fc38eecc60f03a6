"""The pages behind a feed's entries: fetched at once, tried again when they failed, and once more some hours later."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connectors.document import Document
from connectors.feed import Entry
from connectors.http import PAGE_ACCEPT, Answer, FetchError, Request, Trouble
from connectors.poll import Tools, own_headers
from connectors.reservations import reservations
from connectors.web_source import Pages, PendingPage, State, WebSource
from warehouse.rows import Flag, Role

FULL_TEXT_WORDS = 150
"""An entry that carries fewer is taken for a summary."""
RETRY_AFTER = tuple(timedelta(minutes=m) for m in (15, 60, 240, 720, 1440))
_PENDING = 2000
_KEPT_HEADERS = ("content-type", "content-language", "date", "etag", "last-modified", "link", "x-robots-tag", "tdm-reservation")  # fmt: skip
_FOR_GOOD = frozenset({Trouble.REFUSED, Trouble.ROBOTS, Trouble.MEDIA, Trouble.TOO_LARGE, Trouble.RATIO})


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRules:
    """What the settings say."""

    wait_s: float = 60.0
    """How long a source's pages may take in one cycle; what is not there then comes with a later one."""
    again: timedelta | None = timedelta(hours=6)
    """A page is fetched once more so long after publication."""
    skip: frozenset[Flag] = frozenset()
    """Signals for which a page is not kept."""


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A page that came, or why it did not, and whether it is worth trying again."""

    answer: Answer | None
    flags: frozenset[Flag] = frozenset()
    may_come: bool = True


async def documents_of(
    source: WebSource,
    state: State,
    new: Sequence[Entry],
    records: Mapping[str, bytes],
    tools: Tools,
    rules: PageRules,
) -> tuple[list[Document], State]:
    """The documents of new entries, each with its page where that is wanted and came, and the state after.

    Pages that are due from before are fetched too; `records` holds their entries, by document.
    """
    now = tools.clock()
    edited = {e.address for e in new}
    waiting_pages = [p for p in state.pages if p.address not in edited]
    pending = [p for p in waiting_pages if p.due_at > now]
    ready = [p for p in waiting_pages if p.due_at <= now and p.document_id in records]
    wanted = [e for e in new if is_wanted(source, e)]
    urls = dict.fromkeys([*(e.link or "" for e in wanted), *(p.url for p in ready)])
    fetched = await _fetch_all(source, urls, tools, rules)
    documents: list[Document] = []
    for entry in new:
        document = _entry_document(source, state, entry, now)
        page = fetched.get(entry.link or "") if entry in wanted else None
        if page and page.answer:
            document = _page_document(document, page, entry=entry.record)
            pending += _again(document, entry, rules, now)
        elif entry in wanted:
            document = replace(document, flags=document.flags | {Flag.PAGE_MISSING} | (page.flags if page else set()))
            pending += _retried(document, entry, page, now)
        documents.append(document)
    for waiting in ready:
        page = fetched.get(waiting.url)
        if page and page.answer:
            base = _later_document(source, waiting, records[waiting.document_id])
            documents.append(_page_document(base, page, entry=records[waiting.document_id]))
        elif not waiting.is_again:
            pending += _next_try(waiting, page, now)
    pending.sort(key=lambda p: p.due_at)
    return documents, replace(state, pages=tuple(pending[:_PENDING]))


def is_wanted(source: WebSource, entry: Entry) -> bool:
    """Whether the page behind an entry is to be fetched."""
    if not entry.link or source.pages is Pages.NEVER:
        return False
    return source.pages is Pages.ALWAYS or entry.words < FULL_TEXT_WORDS


async def _fetch_all(source: WebSource, urls: Iterable[str], tools: Tools, rules: PageRules) -> dict[str, _Fetched]:
    """What came of the pages in the time that they may take."""
    tasks = {url: asyncio.create_task(_fetch(source, url, tools, rules)) for url in urls}
    if not tasks:
        return {}
    try:
        done, _ = await asyncio.wait(tasks.values(), timeout=rules.wait_s)
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
    return {url: task.result() for url, task in tasks.items() if task in done}


async def _fetch(source: WebSource, url: str, tools: Tools, rules: PageRules) -> _Fetched:
    request = Request(url=url, accept=PAGE_ACCEPT, headers=own_headers(source, url), with_robots=True)
    try:
        answer = await tools.client.get(request)
    except FetchError as error:
        return _Fetched(None, may_come=error.trouble not in _FOR_GOOD)
    if answer.status != 200 or not answer.data.strip():
        return _Fetched(None, may_come=answer.status not in (410, 451))
    flags = reservations(answer.headers, answer.data)
    return _Fetched(None, flags, may_come=False) if flags & rules.skip else _Fetched(answer, flags)


def _entry_document(source: WebSource, state: State, entry: Entry, now: datetime) -> Document:
    return Document(
        source=source.name,
        role=Role.ENTRY,
        address=entry.address,
        uri=entry.link or f"{state.location}#{entry.address}",
        fetched_at=now,
        data=entry.record,
        url=entry.link,
        media_type="application/feed+json",
        charset="utf-8",
    )


def _later_document(source: WebSource, waiting: PendingPage, record: bytes) -> Document:
    return Document(
        source=source.name,
        role=Role.PAGE,
        address=waiting.address,
        uri=waiting.url,
        fetched_at=waiting.due_at,
        url=waiting.url,
        entry=record,
        document_id=waiting.document_id,
    )


def _page_document(document: Document, page: _Fetched, *, entry: bytes) -> Document:
    """The document with its page, as it was answered."""
    answer = page.answer
    if answer is None:
        return document
    stated = answer.headers.get("content-type", "")
    kept = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
    return replace(
        document,
        role=Role.PAGE,
        data=answer.data,
        entry=entry,
        fetched_at=answer.fetched_at,
        media_type=stated.partition(";")[0].strip().lower() or None,
        charset=_charset(stated),
        final_uri=answer.url if answer.url != document.uri else None,
        http_status=answer.status,
        headers=json.dumps(kept, ensure_ascii=False, sort_keys=True),
        flags=document.flags | page.flags,
    )


def _charset(content_type: str) -> str | None:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip("\"'") or None
    return None


def _again(document: Document, entry: Entry, rules: PageRules, now: datetime) -> Sequence[PendingPage]:
    if rules.again is None or entry.link is None:
        return ()
    published = min(entry.published_at or now, now)
    if published + rules.again <= now:
        return ()
    page = PendingPage(
        address=entry.address,
        document_id=_identity(document),
        url=entry.link,
        due_at=published + rules.again,
        is_again=True,
    )
    return (page,)


def _retried(document: Document, entry: Entry, page: _Fetched | None, now: datetime) -> Sequence[PendingPage]:
    waiting = PendingPage(
        address=entry.address, document_id=_identity(document), url=entry.link or "", due_at=now, tries=0
    )
    return _next_try(waiting, page, now)


def _next_try(waiting: PendingPage, page: _Fetched | None, now: datetime) -> Sequence[PendingPage]:
    """The page's next try: at once where there was no time for this one, never where it will not come."""
    if page is None:
        return (replace(waiting, due_at=now),)
    if not page.may_come or waiting.tries >= len(RETRY_AFTER):
        return ()
    return (replace(waiting, due_at=now + RETRY_AFTER[waiting.tries], tries=waiting.tries + 1),)


def _identity(document: Document) -> str:
    return document.identity(hashlib.sha256(document.data or b"").hexdigest())
