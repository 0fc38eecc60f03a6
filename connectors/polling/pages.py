"""The pages behind a feed's entries: fetched at once, tried again when they failed, and once more some hours later."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from connectors.document import Document
from connectors.exchange.answer_headers import charset_of, kept, media_type_of
from connectors.exchange.reservations import reservations
from connectors.feed import Entry
from connectors.http import PAGE_ACCEPT, Answer, FetchError, Request, Trouble
from connectors.polling.budget import Budget
from connectors.polling.poll import Tools, own_headers
from connectors.polling.web_source import Pages, PendingPage, State, WebSource
from warehouse.rows import Flag, Role

FULL_TEXT_WORDS = 150
"""An entry that carries fewer is taken for a summary."""
RETRY_AFTER = tuple(timedelta(minutes=m) for m in (15, 60, 240, 720, 1440))
GIVEN_UP_AFTER = timedelta(days=3)
AT_ONCE = 60
"""Pages of a source that are asked for in one cycle."""
MOST_PENDING = 2000
"""Pages of a source that may wait."""
_FOR_GOOD = frozenset({Trouble.REFUSED, Trouble.ROBOTS, Trouble.MEDIA, Trouble.TOO_LARGE, Trouble.RATIO})


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRules:
    """What the settings say."""

    wait_s: float = 90.0
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
    budget: Budget | None = None,
) -> tuple[list[Document], State]:
    """The documents of new entries, each with its page where that is wanted and came, and the state after.

    Pages that are due from before are fetched too; `records` holds their entries, by document. Of very many new
    entries those are left, and forgotten again, whose pages could not even wait: a later poll takes them.
    """
    now = tools.clock()
    edited = {e.address for e in new}
    waiting = [p for p in state.pages if p.address not in edited and p.until > now]
    ready = [p for p in waiting if p.due_at <= now and p.document_id in records][:AT_ONCE]
    asked = {p.document_id for p in ready}
    pending = [p for p in waiting if p.document_id not in asked]
    wanted = [e for e in new if is_wanted(source, e)]
    first = wanted[: max(AT_ONCE - len(ready), AT_ONCE // 2)]
    left = {e.address for e in wanted[max(MOST_PENDING - len(pending), len(first)) :]}
    urls = dict.fromkeys([*(p.url for p in ready), *(e.link or "" for e in first)])
    fetched = await _fetch_all(source, urls, tools, rules, budget)
    documents: list[Document] = []
    for entry in new:
        if entry.address in left:
            continue
        document = _entry_document(source, state, entry, now)
        if is_wanted(source, entry):
            page = fetched.get(entry.link or "")
            published = min(entry.published_at or now, now)
            waits = _waiting(document, now)
            if page and page.answer:
                document = _page_document(document, page, entry=entry.record)
                pending += _second_look(waits, rules, published, now)
            else:
                document = replace(
                    document, flags=document.flags | {Flag.PAGE_MISSING} | (page.flags if page else set())
                )
                pending += _next_try(waits, page, now, was_asked=waits.url in urls)
        documents.append(document)
    for waits in ready:
        page = fetched.get(waits.url)
        if page and page.answer:
            base = _later_document(source, waits, records[waits.document_id])
            documents.append(_page_document(base, page, entry=records[waits.document_id]))
            if not waits.is_again:
                pending += _second_look(waits, rules, waits.until - GIVEN_UP_AFTER, now)
        else:
            pending += _next_try(waits, page, now, was_asked=True)
    pending.sort(key=lambda p: p.due_at)
    return documents, replace(state.forgetting(left), pages=tuple(pending))


def is_wanted(source: WebSource, entry: Entry) -> bool:
    """Whether the page behind an entry is to be fetched."""
    if not entry.link or source.pages is Pages.NEVER:
        return False
    return source.pages is Pages.ALWAYS or entry.words < FULL_TEXT_WORDS


async def _fetch_all(
    source: WebSource, urls: Iterable[str], tools: Tools, rules: PageRules, budget: Budget | None
) -> dict[str, _Fetched]:
    """What came of the pages in the time and memory that they may take."""
    tasks = {url: asyncio.create_task(_fetch(source, url, tools, rules, budget)) for url in urls}
    if not tasks:
        return {}
    try:
        done, _ = await asyncio.wait(tasks.values(), timeout=rules.wait_s)
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
    return {url: result for url, task in tasks.items() if task in done and (result := task.result())}


async def _fetch(source: WebSource, url: str, tools: Tools, rules: PageRules, budget: Budget | None) -> _Fetched | None:
    if budget and budget.is_overspent:
        return None
    request = Request(url=url, accept=PAGE_ACCEPT, headers=own_headers(source, url), with_robots=True)
    try:
        answer = await tools.client.get(request)
    except FetchError as error:
        return _Fetched(None, may_come=error.trouble not in _FOR_GOOD)
    except Exception:  # noqa: BLE001  a fault of ours with one page must not cost its source
        return _Fetched(None)
    if answer.status != 200 or not answer.data.strip():
        return _Fetched(None, may_come=answer.status not in (410, 451))
    if answer.is_truncated:
        return _Fetched(None)
    if budget:
        budget.hold(len(answer.data))
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
    return replace(
        document,
        role=Role.PAGE,
        data=answer.data,
        entry=entry,
        fetched_at=answer.fetched_at,
        media_type=media_type_of(stated),
        charset=charset_of(stated),
        final_uri=answer.url if answer.url != document.uri else None,
        http_status=answer.status,
        headers=kept(answer.headers),
        flags=document.flags | page.flags,
    )


def _waiting(document: Document, now: datetime) -> PendingPage:
    """The page of an entry, as one that is still to be had."""
    return PendingPage(
        address=document.address,
        document_id=document.identity(hashlib.sha256(document.data or b"").hexdigest()),
        url=document.url or "",
        due_at=now,
        until=now + GIVEN_UP_AFTER,
    )


def _second_look(waits: PendingPage, rules: PageRules, published: datetime, now: datetime) -> Sequence[PendingPage]:
    """Publishers edit in the first hours."""
    if rules.again is None or published + rules.again <= now:
        return ()
    due_at = published + rules.again
    return (replace(waits, due_at=due_at, until=due_at + timedelta(days=1), tries=0, is_again=True),)


def _next_try(waits: PendingPage, page: _Fetched | None, now: datetime, *, was_asked: bool) -> Sequence[PendingPage]:
    """The page's next try; none where it will not come. One for which there was no time is not counted as tried."""
    if page is None:
        return (replace(waits, due_at=now + RETRY_AFTER[0] if was_asked else now),)
    if waits.is_again or not page.may_come or waits.tries >= len(RETRY_AFTER):
        return ()
    return (replace(waits, due_at=now + RETRY_AFTER[waits.tries], tries=waits.tries + 1),)
