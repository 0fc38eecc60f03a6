"""The pages behind entries: which are fetched, which document they make, and when they are tried again."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from connectors.document import Document
from connectors.exchange.reservations import reservations
from connectors.feed import Entry
from connectors.http import Answer, FetchError, Request, Trouble
from connectors.polling.pages import AT_ONCE, RETRY_AFTER, PageRules, documents_of
from connectors.polling.poll import Tools
from connectors.polling.schedule import Bounds
from connectors.polling.web_source import Pages, State, WebSource, short
from warehouse.rows import Flag, Role

START = datetime(2031, 3, 3, 8, tzinfo=UTC)
SOURCE = WebSource(name="harbour", kind="feed", location="https://harbour.example/feed.xml")
STATE = State(location=SOURCE.location, wanted=SOURCE.location, added_at=START)
PAGE = b"<html><body><article><p>The ferry sails again.</p></article></body></html>"


def entry(number: int = 1, *, words: int = 4, link: str | None = None, published: datetime | None = START) -> Entry:
    link = link or f"https://harbour.example/{number}"
    record = json.dumps({"id": link, "url": link, "words": words}).encode()
    return Entry(address=f"guid-{number}", link=link, record=record, published_at=published, words=words)


@dataclass
class Site:
    """Pages by URL: bytes, a status, a trouble, or none that ever comes."""

    pages: dict[str, bytes | int | Trouble | None] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "text/html; charset=UTF-8"})
    now: datetime = START
    asked: list[Request] = field(default_factory=list)

    async def get(self, request: Request) -> Answer:
        self.asked.append(request)
        page = self.pages.get(request.url, PAGE)
        if page is None:
            await asyncio.Event().wait()
        if isinstance(page, Trouble):
            raise FetchError(page, "no page")
        data, status = (b"", page) if isinstance(page, int) else (page or b"", 200)
        return Answer(
            url=request.url,
            status=status,
            headers=self.headers,
            data=data,
            received_bytes=len(data),
            duration_ms=1,
            fetched_at=self.now,
        )

    def not_before(self, url: str) -> datetime | None:
        return None

    def documents(
        self,
        *new: Entry,
        state: State = STATE,
        source: WebSource = SOURCE,
        rules: PageRules | None = None,
        records: dict[str, bytes] | None = None,
    ) -> tuple[list[Document], State]:
        async def read(*_: object) -> None:
            raise AssertionError

        tools = Tools(client=self, read=read, clock=lambda: self.now, chance=lambda: 0.0, bounds=Bounds())  # type: ignore[arg-type]
        rules = rules or PageRules(wait_s=0.2)
        return asyncio.run(documents_of(source, state, new, records or {}, tools, rules))


def test_a_page_and_its_entry_are_one_document() -> None:
    site = Site()
    (document,), _ = site.documents(entry())
    assert (document.role, document.data, document.entry) == (Role.PAGE, PAGE, entry().record)
    assert (document.address, document.url, document.media_type, document.charset) == (
        "guid-1",
        "https://harbour.example/1",
        "text/html",
        "UTF-8",
    )
    assert document.document_id is None
    assert site.asked[0].with_robots


def test_an_entry_with_the_full_text_needs_no_page() -> None:
    site = Site()
    (document,), state = site.documents(entry(words=400))
    assert (document.role, site.asked, state.pages, document.flags) == (Role.ENTRY, [], (), frozenset())


def test_a_source_may_always_want_pages_or_never() -> None:
    site = Site()
    (always,), _ = site.documents(entry(words=400), source=replace(SOURCE, pages=Pages.ALWAYS))
    (never,), _ = site.documents(entry(), source=replace(SOURCE, pages=Pages.NEVER))
    assert (always.role, never.role, never.flags) == (Role.PAGE, Role.ENTRY, frozenset())


def test_a_failed_page_leaves_the_entry_and_is_tried_again_ever_more_slowly_and_not_for_ever() -> None:
    site = Site({"https://harbour.example/1": 500})
    (document,), state = site.documents(entry())
    assert document.role is Role.ENTRY
    assert document.flags == {Flag.PAGE_MISSING}
    records = {document.identity(hashlib.sha256(document.data or b"").hexdigest()): entry().record}
    waits = []
    while state.pages:
        waits.append(state.pages[0].due_at - site.now)
        site.now = state.pages[0].due_at
        documents, state = site.documents(state=state, records=records)
        assert documents == []
    assert waits == list(RETRY_AFTER)


def test_a_page_that_comes_later_is_a_further_payload_of_the_entrys_document() -> None:
    site = Site({"https://harbour.example/1": Trouble.TIMEOUT})
    (first,), state = site.documents(entry())
    ident = first.identity(hashlib.sha256(first.data or b"").hexdigest())
    site.now += timedelta(hours=1)
    site.pages = {}
    (later,), state = site.documents(state=state, records={ident: entry().record})
    assert (later.role, later.document_id, later.entry, later.data) == (Role.PAGE, ident, entry().record, PAGE)
    assert (later.source, later.address, later.url) == (first.source, first.address, first.url)
    assert later.flags == frozenset()
    assert [p.is_again for p in state.pages] == [True]


def test_what_will_never_come_is_not_tried_again() -> None:
    for page in (410, Trouble.ROBOTS, Trouble.REFUSED):
        (document,), state = Site({"https://harbour.example/1": page}).documents(entry())
        assert document.flags == {Flag.PAGE_MISSING}
        assert state.pages == ()


def test_a_page_that_takes_too_long_is_left_for_the_next_cycle() -> None:
    site = Site({"https://harbour.example/1": None})
    documents, state = site.documents(entry(1), entry(2))
    assert [d.role for d in documents] == [Role.ENTRY, Role.PAGE]
    assert [(p.url, p.due_at, p.tries) for p in state.pages if not p.is_again] == [
        ("https://harbour.example/1", START + RETRY_AFTER[0], 0)
    ]


def test_a_page_that_never_comes_is_given_up_after_days() -> None:
    site = Site({"https://harbour.example/1": None})
    _, state = site.documents(entry(), rules=PageRules(wait_s=0.01))
    records = {state.pages[0].document_id: entry().record}
    while state.pages:
        site.now = state.pages[0].due_at
        _, state = site.documents(state=state, records=records, rules=PageRules(wait_s=0.001))
    assert timedelta(days=2) < site.now - START <= timedelta(days=3, hours=1)


def test_a_page_whose_entry_is_not_at_hand_goes_on_waiting() -> None:
    """It became due after the entries of this cycle were looked up."""
    site = Site({"https://harbour.example/1": 500})
    _, state = site.documents(entry())
    site.now = state.pages[0].due_at
    documents, after = site.documents(state=state, records={})
    assert (documents, after.pages) == ([], state.pages)


def test_of_very_many_entries_none_is_lost() -> None:
    """Some pages come, some wait, and the entries for which there is no room are as if they had not been seen."""
    everything = [entry(n, words=0) for n in range(5000)]
    seen = {short(e.address): short(e.record) for e in everything}
    site, state = Site(), replace(STATE, seen=seen, etag="a")
    documents, state = site.documents(*everything, state=state, rules=PageRules(wait_s=5, again=None))
    came = sum(d.role is Role.PAGE for d in documents)
    assert 0 < came <= AT_ONCE
    assert len(documents) == came + len(state.pages) == len(state.seen)
    assert len(documents) >= 2000
    assert state.etag is None, "the next poll brings them again"


def test_a_page_that_broke_off_is_tried_again() -> None:
    class Broken(Site):
        async def get(self, request: Request) -> Answer:
            return replace(await super().get(request), is_truncated=True)

    (document,), state = Broken().documents(entry())
    assert document.flags == {Flag.PAGE_MISSING}
    assert state.pages


def test_a_page_is_fetched_once_more_some_hours_after_publication() -> None:
    site = Site()
    (first,), state = site.documents(entry(published=START - timedelta(hours=1)))
    (again,) = state.pages
    assert (again.due_at, again.is_again) == (START + timedelta(hours=5), True)
    assert again.document_id == first.identity(hashlib.sha256(PAGE).hexdigest())
    site.now = again.due_at
    (second,), state = site.documents(state=state, records={again.document_id: entry().record})
    assert second.document_id == again.document_id
    assert state.pages == ()


def test_an_old_article_is_not_fetched_again_and_a_setting_switches_it_off() -> None:
    _, old = Site().documents(entry(published=START - timedelta(days=2)))
    _, off = Site().documents(entry(), rules=PageRules(again=None))
    assert (old.pages, off.pages) == ((), ())


def test_an_edited_entry_takes_the_place_of_what_was_pending() -> None:
    site = Site({"https://harbour.example/1": 503})
    _, state = site.documents(entry())
    site.pages = {}
    (document,), state = site.documents(entry(words=5), state=state)
    assert document.entry == entry(words=5).record
    assert all(p.is_again for p in state.pages)


def test_credentials_go_to_the_sources_own_origin_only() -> None:
    source = replace(SOURCE, headers=(("Authorization", "Bearer abc"),))
    site = Site()
    site.documents(entry(1), entry(2, link="https://elsewhere.example/2"), source=source)
    assert [(r.url, dict(r.headers)) for r in site.asked] == [
        ("https://harbour.example/1", {"Authorization": "Bearer abc"}),
        ("https://elsewhere.example/2", {}),
    ]


def test_what_the_publisher_reserves_is_recorded_and_kept_out_only_if_asked() -> None:
    site = Site(headers={"content-type": "text/html", "x-robots-tag": "noai, noindex", "tdm-reservation": "1"})
    (document,), _ = site.documents(entry())
    assert document.flags == {Flag.NOAI, Flag.NOINDEX, Flag.TDM_RESERVED}
    rules = PageRules(skip=frozenset({Flag.NOAI}))
    (kept_out,), state = site.documents(entry(), rules=rules)
    assert kept_out.role is Role.ENTRY
    assert kept_out.flags >= {Flag.NOAI, Flag.PAGE_MISSING}
    assert state.pages == ()


def test_reservations_are_read_from_the_head_of_the_page() -> None:
    page = b"""<head><META content='noarchive, follow' name=robots><meta name="tdm-reservation" content="1">
        <meta name="googlebot" content="noindex"></head>"""
    assert reservations({}, page) == {Flag.NOARCHIVE, Flag.TDM_RESERVED}
    assert reservations({"x-robots-tag": "all"}, b"") == frozenset()
