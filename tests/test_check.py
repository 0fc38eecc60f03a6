"""`sources add`, `discover` and `check` against a server on this machine: what is asked, explained, added, refused."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.polling.web_source import State
from flows import add as adding
from flows.add import Added, add, discover, print_added, print_candidates
from flows.check import Checked, check, print_checked
from flows.settings import Network, Settings
from flows.sources import SourceError, add_web, read_sources
from tests.test_cli import newsmill, refused
from tests.web_server import Received, Reply, WebServer
from warehouse.catalog import Home, open_lake

NOW = datetime(2031, 5, 14, 12, tzinfo=UTC)
ENTRIES = 12
HTML = {"Content-Type": "text/html"}
XML = {"Content-Type": "application/rss+xml", "ETag": '"seven"', "Cache-Control": "max-age=7200"}


def feed(title: str) -> str:
    items = "".join(
        f"<item><title>Ferry {n} sails again</title><link>https://harbour.example/{n}</link><guid>g{n}</guid>"
        f"<pubDate>{NOW - timedelta(hours=n):%a, %d %b %Y %H:%M:%S} GMT</pubDate></item>"
        for n in range(ENTRIES)
    )
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>{title}</title>{items}</channel></rss>'


def conditional(request: Received) -> Reply:
    if request.headers.get("if-none-match") == '"seven"':
        return Reply(304, {"ETag": '"seven"'})
    return Reply(200, XML, feed("The Harbour Post"))


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer() as found:
        found.script("/feed.xml", conditional)
        found.script("/sports.xml", Reply(200, XML, feed("Harbour Sports")))
        link = '<link rel="alternate" type="application/rss+xml" href="/{0}.xml" title="{0}">'
        page = f"<html><head>{link.format('feed')}{link.format('sports')}</head><body>Hello</body></html>"
        found.script("/", Reply(200, HTML, page))
        found.script("/old", Reply(301, {"Location": "/feed.xml"}))
        found.script("/members", Reply(401))
        found.script("/lie", Reply(200, HTML, "<html><head><title>Our paper</title></head><body>Welcome</body></html>"))
        yield found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "home").mkdir()
    return Settings(Home(tmp_path / "home"), network=Network(allow=("127.0.0.0/8",), pause_s=0))


def added(settings: Settings, *locations: str, **options: str) -> list[Added]:
    return list(add(settings, locations, clock=lambda: NOW, **options))  # type: ignore[arg-type]


def checked(settings: Settings, what: str | None, *, is_full: bool = False, **environ: str) -> list[Checked]:
    return check(settings, what, is_full=is_full, environ=environ, clock=lambda: NOW)


def printed(found: list[Checked], *, is_brief: bool = False) -> str:
    out = io.StringIO()
    print_checked(found, NOW, out, is_brief=is_brief)
    return out.getvalue()


def test_of_a_site_the_feed_is_added_and_what_it_would_bring_is_shown(server: WebServer, settings: Settings) -> None:
    (found,) = added(settings, server.url("/"), pages="always")
    assert (found.source, found.url, found.error) == ("the-harbour-post", server.url("/feed.xml"), None)
    assert found.preview is not None
    assert found.preview.entries == ENTRIES
    assert [h.headline for h in found.preview.headlines[:2]] == ["Ferry 0 sails again", "Ferry 1 sails again"]
    assert found.preview.headlines[1].published_at == NOW - timedelta(hours=1)
    assert found.preview.interval_s >= 7200
    assert [c.url for c in found.others] == [server.url("/sports.xml")]
    assert len(server.asked("/feed.xml")) == 1
    (wanted,) = read_sources(settings.home)
    assert (wanted.name, wanted.kind, wanted.options.pages) == ("the-harbour-post", "feed", "always")
    out = io.StringIO()
    print_added(settings.home, found, out, io.StringIO())
    for words in ("added the-harbour-post", "Ferry 0 sails again", "2031-05-14 11:00:00 UTC", "asked again  in"):
        assert words in out.getvalue()
    assert f"sources add {server.url('/sports.xml')}" in out.getvalue()


def test_one_bad_location_does_not_stop_the_others(server: WebServer, settings: Settings) -> None:
    found = added(settings, server.url("/members"), server.url("/sports.xml"), server.url("/sports.xml"))
    assert [f.source for f in found] == [None, "harbour-sports", None]
    assert "asks for a login (401)" in (found[0].error or "")
    assert "is a source already" in (found[2].error or "")
    assert len(server.asked("/sports.xml")) == 1


def test_without_a_check_nothing_is_asked(server: WebServer, settings: Settings) -> None:
    (found,) = add(settings, [f"feed:{server.url('/members')}"], is_checked=False)
    assert (found.error, found.url) == (None, server.url("/members"))
    assert server.requests == []


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/members", "asks for a login.*`auth`"),
        ("/missing", "answered 404: check the address"),
        ("/lie", "no feed or sitemap was found"),
    ],
)
def test_where_no_feed_is_one_sentence_says_what_to_do(
    server: WebServer, settings: Settings, path: str, why: str
) -> None:
    server.script("/feed.xml", Reply(404))
    server.script("/feed", Reply(404))
    with pytest.raises(SourceError, match=why):
        adding.discover(settings, server.url(path))
    assert added(settings, server.url(path))[0].error
    assert read_sources(settings.home) == []


def test_a_feed_elsewhere_on_the_site_is_named_and_not_taken_for_a_page_that_fails(
    server: WebServer, settings: Settings
) -> None:
    (found,) = added(settings, server.url("/members"))
    assert f"sources add {server.url('/feed.xml')}" in (found.error or "")
    assert read_sources(settings.home) == []


def test_what_cannot_be_reached_is_one_sentence(server: WebServer, settings: Settings) -> None:
    closed = Settings(settings.home)
    (found,) = added(closed, server.url("/"))
    assert "not a public address" in (found.error or "")
    assert "`allow`" in (found.error or "")
    assert server.requests == []
    (found,) = added(settings, "http://127.0.0.1:9/")
    assert "newsmill doctor" in (found.error or "")


def test_discover_lists_and_adds_nothing(server: WebServer, settings: Settings) -> None:
    found = discover(settings, server.url("/"), clock=lambda: NOW)
    assert [c.title for c in found] == ["The Harbour Post", "Harbour Sports"]
    assert read_sources(settings.home) == []
    out = io.StringIO()
    print_candidates(settings.home, found, out)
    assert f"sources add {server.url('/feed.xml')}" in out.getvalue()


def test_check_explains_the_exchange_and_writes_nothing(server: WebServer, settings: Settings) -> None:
    add_web(settings.home, server.url("/old"), "feed", name="harbour")
    before = sorted(settings.home.path.iterdir())
    (found,) = checked(settings, "harbour")
    assert (found.outcome, found.status, found.entries, found.new, found.known) == ("ok", 200, ENTRIES, ENTRIES, 0)
    assert found.hops == (f"301 {server.url('/old')} → {server.url('/feed.xml')}",)
    assert (found.headers["etag"], found.headers["cache-control"]) == ('"seven"', "max-age=7200")
    assert (found.pages, found.pages_to_fetch, len(found.headlines)) == ("short", ENTRIES, 10)
    assert found.next_poll_at is not None
    assert found.next_poll_at >= NOW + timedelta(hours=2)
    assert sorted(settings.home.path.iterdir()) == before
    text = printed([found])
    for words in (
        "301 ",
        'etag            "seven"',
        "12 new, 0 changed",
        "it would be asked again in",
        "nothing was written",
    ):
        assert words in text


def test_check_of_a_known_source_is_conditional(server: WebServer, settings: Settings) -> None:
    add_web(settings.home, server.url("/feed.xml"), "feed", name="harbour")
    url = server.url("/feed.xml")
    state = State(location=url, wanted=url, added_at=NOW, etag='"seven"', unconditional_at=NOW, last_success_at=NOW)
    with open_lake(settings.home) as lake:
        lake.execute("INSERT INTO lake.cursors VALUES ('harbour', ?, 'b')", [state.to_bytes()])
    (found,) = checked(settings, url)
    assert (found.source, found.outcome, found.status) == ("harbour", "not_modified", 304)
    assert found.sent["if-none-match"] == '"seven"'
    assert "--full asks for all" in printed([found])
    (found,) = checked(settings, "harbour", is_full=True)
    assert (found.status, "if-none-match" in found.sent) == (200, False)


@pytest.mark.parametrize(
    ("path", "why"), [("/members", "login"), ("/lie", "sources discover"), ("/missing", "not found")]
)
def test_check_of_what_fails_says_why_and_when_it_would_be_tried_again(
    server: WebServer, settings: Settings, path: str, why: str
) -> None:
    (found,) = checked(settings, server.url(path))
    assert why in (found.error or "")
    assert found.next_poll_at is not None
    assert f"! {found.error}" in printed([found])


def test_credentials_are_sent_and_never_shown(server: WebServer, settings: Settings) -> None:
    text = f'[[source]]\nname = "m"\nkind = "feed"\nlocation = "{server.url("/feed.xml")}"\n'
    (settings.home.path / "sources.toml").write_text(text + 'auth = { type = "bearer", env = "TOKEN" }\n')
    (found,) = checked(settings, "m", TOKEN="s3cret")
    assert server.requests[0].headers["authorization"] == "Bearer s3cret"
    assert "authorization" in found.sent
    assert "s3cret" not in repr(found) + printed([found])
    server.script("/feed.xml", Reply(301, {"Location": "/members"}))
    (found,) = checked(settings, "m", TOKEN="s3cret")
    assert (found.status, len(found.hops)) == (401, 1)
    assert "s3cret" not in json.dumps(asdict(found), default=str) + printed([found])
    (found,) = checked(settings, "m")
    assert (found.outcome, "TOKEN is not set" in (found.error or "")) == ("broken", True)


def test_check_of_all_is_a_table_and_one_bad_source_does_not_stop_it(server: WebServer, settings: Settings) -> None:
    add_web(settings.home, server.url("/feed.xml"), "feed", name="harbour")
    add_web(settings.home, server.url("/members"), "feed", name="members")
    text = (settings.home.path / "sources.toml").read_text()
    (settings.home.path / "sources.toml").write_text(text + 'auth = { type = "bearer", env = "TOKEN" }\n')
    found = checked(settings, None)
    assert [f.outcome for f in found] == ["ok", "broken"]
    assert "2 checked, 1 failed" in printed(found, is_brief=True)


def test_the_commands_say_it_in_one_sentence(tmp_path: Path) -> None:
    home = tmp_path / "home"
    refused(newsmill("--home", home, "sources", "check", "harbour"), "no feed or sitemap is named 'harbour'")
    refused(newsmill("--home", home, "sources", "add", "http://127.0.0.1:9/"), "not a public address")
    refused(newsmill("--home", home, "sources", "add", "https://a.example", "--pages", "some"), "always, short, never")
    assert not home.exists()
