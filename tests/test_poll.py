"""One poll of one source: what is asked, what is believed, and what is remembered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors.feed import Entry, Feed, NotAFeedError
from connectors.http import Answer, FetchError, Hop, Request, Trouble
from connectors.polling.poll import Polled, Tools, poll, source_row
from connectors.polling.schedule import Bounds
from connectors.polling.web_source import State, WebSource

START = datetime(2031, 3, 3, 8, tzinfo=UTC)
FEED = "https://harbour.example/feed.xml"
SOURCE = WebSource(name="harbour", kind="feed", location=FEED)


def entry(number: int, text: str = "The ferry sails again.") -> Entry:
    link = f"https://harbour.example/{number}"
    record = json.dumps({"id": link, "url": link, "title": f"Report {number}", "content_text": text}, sort_keys=True)
    return Entry(address=link, link=link, record=record.encode(), published_at=None, words=4)


def answer(status: int = 200, *, hops: tuple[Hop, ...] = (), url: str = FEED, **headers: str) -> Answer:
    return Answer(
        url=url,
        status=status,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        data=b"<rss/>",
        received_bytes=6,
        hops=hops,
        duration_ms=3,
        fetched_at=START,
    )


@dataclass
class Web:
    """A server, a reader and a clock that do what the test says."""

    replies: list[Answer | FetchError] = field(default_factory=list)
    feed: Feed | NotAFeedError = field(default_factory=lambda: Feed(version="rss20"))
    now: datetime = START
    asked: list[Request] = field(default_factory=list)

    async def get(self, request: Request) -> Answer:
        self.asked.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, FetchError):
            raise reply
        return reply

    def not_before(self, url: str) -> datetime | None:
        return None

    async def read(self, kind: str, reply: Answer) -> Feed:
        if isinstance(self.feed, NotAFeedError):
            raise self.feed
        return self.feed

    def poll(self, state: State | None = None, source: WebSource = SOURCE) -> Polled:
        tools = Tools(
            client=self, read=self.read, clock=lambda: self.now, chance=lambda: 0.0, bounds=Bounds(jitter=0.0)
        )
        state = state or State(location=source.location, wanted=source.location, added_at=START)
        # A cursor goes through the lake between two polls.
        polled = asyncio.run(poll(source, State.from_bytes(state.to_bytes()), tools))
        return replace(polled, state=State.from_bytes(polled.state.to_bytes()))

    def brings(self, *entries: Entry, **fields: object) -> None:
        digest = "/".join(sorted(e.record.decode() for e in entries))
        self.feed = Feed(version="rss20", entries=entries, digest=digest, **fields)  # type: ignore[arg-type]

    def later(self, **delta: float) -> None:
        self.now += timedelta(**delta)


def titles(polled: Polled) -> list[str]:
    return [json.loads(e.record)["title"] for e in polled.new]


def test_entries_are_new_once_and_an_edit_is_new_again() -> None:
    web = Web([answer()])
    web.brings(entry(2), entry(1))
    first = web.poll()
    assert (titles(first), first.known, first.row.new_entries) == (["Report 2", "Report 1"], 0, 2)
    web.later(hours=2)
    web.brings(entry(3), entry(1, "It does not."), entry(2))
    second = web.poll(first.state)
    assert (titles(second), second.known, second.row.new_entries) == (["Report 3", "Report 1"], 1, 1)
    web.later(hours=2)
    web.brings(entry(1, "It does not."), entry(2), entry(3))  # order means nothing
    assert web.poll(second.state).new == ()


def test_an_entry_that_left_the_feed_and_came_back_is_known() -> None:
    web = Web([answer()])
    web.brings(entry(1), entry(2))
    state = web.poll().state
    web.brings(entry(2))
    state = web.poll(state).state
    web.brings(entry(1), entry(2))
    assert web.poll(state).new == ()


def test_validators_are_sent_back_verbatim_and_refreshed_by_304() -> None:
    web = Web([answer(etag='W/"a"-gzip', last_modified="yesterday, about noon"), answer(304, etag="b")])
    web.brings(entry(1))
    state = web.poll().state
    web.later(hours=1)
    polled = web.poll(state)
    assert [(r.etag, r.last_modified) for r in web.asked] == [(None, None), ('W/"a"-gzip', "yesterday, about noon")]
    assert polled.row.outcome == "not_modified"
    web.later(hours=1)
    web.poll(polled.state)
    assert (web.asked[-1].etag, web.asked[-1].last_modified) == ("b", "yesterday, about noon")


def test_once_a_day_it_is_asked_without_validators() -> None:
    web = Web([answer(etag="a")])
    web.brings(entry(1))
    state = web.poll().state
    for hours, expected in ((23, "a"), (1, None), (1, "a")):
        web.later(hours=hours)
        state = web.poll(state).state
        assert web.asked[-1].etag == expected


def test_validators_can_be_switched_off() -> None:
    web, source = Web([answer(etag="a")]), replace(SOURCE, is_conditional=False)
    state = web.poll(source=source).state
    web.later(hours=1)
    web.poll(state, source)
    assert web.asked[-1].etag is None


@pytest.mark.parametrize(
    "reply", [answer(500), answer(403), answer(404), FetchError(Trouble.TIMEOUT, "no answer within 20 s")]
)
def test_a_failed_poll_changes_neither_validators_nor_entries(reply: Answer | FetchError) -> None:
    web = Web([answer(etag="a")])
    web.brings(entry(1))
    before = web.poll().state
    web.replies = [reply]
    web.later(hours=1)
    polled = web.poll(before)
    after = polled.state
    assert polled.row.outcome == "failed"
    assert polled.row.error
    assert (after.etag, after.seen, after.digest, after.failures) == ("a", before.seen, before.digest, 1)
    assert source_row(SOURCE, after).state == "failing"


def test_a_200_that_is_no_feed_is_a_failed_poll() -> None:
    web = Web([answer(etag="a"), answer(etag="login")])
    web.brings(entry(1))
    state = web.poll().state
    web.feed = NotAFeedError("a page of HTML that asks for a login")
    polled = web.poll(state)
    assert (polled.row.outcome, polled.row.error) == ("failed", "a page of HTML that asks for a login")
    assert (polled.state.etag, polled.state.seen) == ("a", state.seen)


def test_a_truncated_feed_keeps_what_is_whole_and_moves_no_validators() -> None:
    web = Web([answer(etag="a"), answer(etag="b")])
    web.brings(entry(1))
    state = web.poll().state
    web.brings(entry(2), entry(1), is_truncated=True)
    polled = web.poll(state)
    assert titles(polled) == ["Report 2"]
    assert polled.state.etag == "a"
    assert polled.row.error


def test_failures_back_off_and_a_success_ends_them() -> None:
    web = Web([answer()])
    web.brings(entry(1))
    state = web.poll().state
    web.replies = [answer(502)]
    waits = []
    for _ in range(5):
        web.now = state.next_poll_at or web.now
        state = web.poll(state).state
        assert state.next_poll_at
        waits.append((state.next_poll_at - web.now).total_seconds())
    assert waits == sorted(waits)
    assert waits[0] >= 3600
    assert waits[-1] > waits[0]
    web.replies = [answer()]
    web.now = state.next_poll_at or web.now
    state = web.poll(state).state
    assert (state.failures, state.error, state.failing_since) == (0, None, None)


MOVED = "https://port.example/feed.xml"


@pytest.mark.parametrize("status", [301, 308])
def test_a_permanent_redirect_is_believed_after_a_week(status: int) -> None:
    web = Web([answer(hops=(Hop(FEED, status, MOVED),), url=MOVED)])
    state = web.poll().state
    web.later(days=6)
    state = web.poll(state).state
    assert state.location == FEED
    web.later(days=1)
    state = web.poll(state).state
    assert state.location == MOVED
    assert source_row(SOURCE, state).asked_at_url == MOVED


@pytest.mark.parametrize("status", [302, 303, 307])
def test_another_redirect_never(status: int) -> None:
    web = Web([answer(hops=(Hop(FEED, status, MOVED),), url=MOVED)])
    state = web.poll().state
    for _ in range(3):
        web.later(days=7)
        state = web.poll(state).state
    assert state.location == FEED


def test_a_redirect_that_stops_begins_its_week_anew() -> None:
    web = Web([answer(hops=(Hop(FEED, 301, MOVED),), url=MOVED)])
    state = web.poll().state
    web.later(days=4)
    web.replies = [answer()]
    state = web.poll(state).state
    web.later(days=4)
    web.replies = [answer(hops=(Hop(FEED, 301, MOVED),), url=MOVED)]
    assert web.poll(state).state.location == FEED


def test_an_upgrade_to_https_is_believed_at_once() -> None:
    plain = replace(SOURCE, location="http://harbour.example/feed.xml")
    web = Web([answer(hops=(Hop(plain.location, 301, FEED),))])
    assert web.poll(source=plain).state.location == FEED


def test_a_redirect_to_what_is_no_feed_is_not_believed() -> None:
    web = Web([answer(hops=(Hop(FEED, 301, MOVED),), url=MOVED)])
    web.feed = NotAFeedError("a page of HTML")
    state = web.poll().state
    web.later(days=8)
    assert web.poll(state).state.location == FEED


def test_410_retires_a_feed_which_keeps_a_slow_probe() -> None:
    web = Web([answer(410)])
    polled = web.poll()
    state = polled.state
    assert polled.row.outcome == "gone"
    assert source_row(SOURCE, state).state == "gone"
    assert state.next_poll_at
    assert state.next_poll_at - web.now >= timedelta(days=6)
    web.replies = [answer()]
    web.brings(entry(1))
    web.later(days=8)
    assert source_row(SOURCE, web.poll(state).state).state == "ok"


def test_404_retires_a_feed_only_after_a_week() -> None:
    web = Web([answer(404)])
    state = web.poll().state
    web.later(days=6)
    polled = web.poll(state)
    assert polled.row.outcome == "failed"
    web.later(days=1)
    assert web.poll(polled.state).row.outcome == "gone"


def test_a_host_that_is_left_alone_is_no_failure() -> None:
    web = Web([FetchError(Trouble.BUSY, "harbour.example asked to be left alone until 10:00")])
    assert web.poll().state.failures == 0


def test_retry_after_is_kept() -> None:
    web = Web([answer(429, retry_after="86000")])
    polled = web.poll()
    assert polled.row.next_poll_at
    assert polled.row.next_poll_at >= START + timedelta(seconds=86000)


def test_a_window_that_slid_past_is_noticed() -> None:
    web = Web([answer()])
    web.brings(*(entry(n) for n in range(5)))
    first = web.poll()
    assert not first.row.gap
    web.later(hours=1)
    web.brings(*(entry(n) for n in range(3, 8)))
    second = web.poll(first.state)
    assert not second.row.gap
    web.later(hours=1)
    web.brings(*(entry(n) for n in range(20, 25)))
    third = web.poll(second.state)
    assert third.row.gap
    assert source_row(SOURCE, third.state).gap_at == web.now


def test_226_brings_only_what_is_new() -> None:
    web = Web([answer(etag="a"), answer(226, im="feed", etag="b")])
    web.brings(*(entry(n) for n in range(5)))
    state = web.poll().state
    web.brings(*(entry(n) for n in range(10, 14)))
    polled = web.poll(state)
    assert len(polled.new) == 4
    assert not polled.row.gap
    assert polled.state.etag == "b"


def test_a_sitemap_index_is_read_with_its_newest_maps() -> None:
    source = WebSource(name="map", kind="sitemap", location="https://harbour.example/index.xml")
    web = Web([answer()])
    feeds: Callable[[], Feed] = iter(
        [
            Feed(version="sitemap", maps=("https://harbour.example/1.xml", "https://harbour.example/2.xml")),
            Feed(version="sitemap", entries=(entry(1), entry(2))),
            Feed(version="sitemap", entries=(entry(2), entry(3))),
        ]
    ).__next__

    async def read(kind: str, reply: Answer) -> Feed:
        return feeds()

    web.read = read  # type: ignore[method-assign]
    assert len(web.poll(source=source).new) == 3
    assert [r.url.rpartition("/")[2] for r in web.asked] == ["index.xml", "1.xml", "2.xml"]


LOGIN = replace(SOURCE, headers=(("Authorization", "Bearer abc"),))


def test_credentials_do_not_follow_to_where_a_source_moved() -> None:
    for moved in (MOVED, "http://harbour.example/feed.xml"):
        web = Web([answer()])
        web.poll(State(location=moved, wanted=FEED, added_at=START), LOGIN)
        assert dict(web.asked[0].headers) == {}


def test_credentials_go_along_to_https_on_the_same_host_even_before_it_answers_well() -> None:
    plain = replace(LOGIN, location="http://harbour.example/feed.xml")
    web = Web([answer(401, hops=(Hop(plain.location, 301, FEED),)), answer()])
    state = web.poll(source=plain).state
    assert state.location == FEED
    web.poll(state, plain)
    assert dict(web.asked[1].headers) == {"Authorization": "Bearer abc"}


def test_a_source_is_asked_at_its_own_address_again_where_the_one_it_moved_to_died() -> None:
    web = Web([answer(404)])
    state = State(location=MOVED, wanted=FEED, added_at=START, etag="a")
    for _ in range(3):
        state = web.poll(state).state
        web.later(days=4)
    assert state.location == FEED
    assert web.poll(state).row.outcome == "failed"
    assert web.asked[-1].url == FEED


def test_a_fault_of_ours_is_a_failed_poll() -> None:
    web = Web([answer(etag="a")])

    async def read(*_: object) -> Feed:
        raise KeyError("x")

    web.read = read  # type: ignore[method-assign]
    polled = web.poll()
    assert polled.row.outcome == "failed"
    assert "fault of newsmill's" in (polled.row.error or "")
    assert polled.row.next_poll_at


def test_a_poll_by_a_clock_that_was_ahead_does_not_silence_a_source() -> None:
    web = Web([answer()])
    web.now = datetime(2099, 1, 1, tzinfo=UTC)
    state = web.poll().state
    assert state.is_due(START)
    assert not state.is_due(web.now + timedelta(minutes=1))


def test_a_dead_map_does_not_stop_the_others_and_an_index_moves_no_validators() -> None:
    source = WebSource(name="map", kind="sitemap", location="https://harbour.example/index.xml")
    web = Web([answer(etag="a"), answer(404), answer()])
    feeds = iter(
        [
            Feed(version="sitemap", maps=("https://harbour.example/1.xml", "https://harbour.example/2.xml")),
            Feed(version="sitemap", entries=(entry(1), entry(2)), is_truncated=True),
        ]
    )

    async def read(kind: str, reply: Answer) -> Feed:
        return next(feeds)

    web.read = read  # type: ignore[method-assign]
    polled = web.poll(source=source)
    assert len(polled.new) == 2
    assert polled.state.etag is None
    assert polled.row.error, "the end of a map was missing"


def test_an_address_changed_by_hand_is_no_gap() -> None:
    web = Web([answer()])
    web.brings(*(entry(n) for n in range(5)))
    state = web.poll().state
    web.brings(*(entry(n) for n in range(10, 15)))
    moved = replace(SOURCE, location=MOVED)
    assert not web.poll(State.of(moved, state.to_bytes(), web.now), moved).row.gap


@pytest.mark.parametrize("cursor", [b"{", b"[]", b'{"pages": [{}]}', b'{"seen": 1}', b"\xff"])
def test_a_cursor_of_other_code_begins_anew(cursor: bytes) -> None:
    assert State.of(SOURCE, cursor, START) == State(location=FEED, wanted=FEED, added_at=START)


def test_a_cursor_comes_back_as_it_was() -> None:
    web = Web([answer(etag="a")])
    web.brings(entry(1), ttl_s=60, skip_hours=frozenset({3}), skip_days=frozenset({6}))
    state = web.poll().state
    assert State.from_bytes(state.to_bytes()) == state
    assert (state.ttl_s, state.skip_hours, state.skip_days) == (60, (3,), (6,))
    assert len(state.to_bytes()) < 1000
