"""`sources.toml` and its commands: what is wanted of feeds, lists in and out, and one sentence for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.opml import OpmlError, read_opml, write_opml
from connectors.polling.web_source import Pages, WebSource
from flows.settings import Feeds, Network, Settings, bounds, http_limits, read_settings, user_agent
from flows.sources import (
    SourceError,
    Wanted,
    add_source,
    add_web,
    bind,
    read_sources,
    remove_source,
    set_paused,
    watch,
    web_name,
    web_source,
)
from flows.subscriptions import export_opml, import_list
from newsmill import __version__
from tests.test_cli import newsmill, refused
from tests.test_health import WELL
from warehouse.catalog import Home, open_lake
from warehouse.known import put_source

SHARED = Path(__file__).parents[2] / "shared" / "data" / "opml"
OPML = b"""<opml version="2.0"><head><title>Mine</title></head><body>
<outline text="Coast"><outline text="North">
<outline text="The Harbour Post: Top Stories" xmlUrl="https://harbour.example/feed.xml" htmlUrl="https://harbour.example/"/>
</outline><outline text="\xe6\xb8\xaf\xe3\x81\xae\xe6\x96\xb0\xe8\x81\x9e" xmlUrl="https://minato.example/rss"/></outline>
<outline text="A file" xmlUrl="ftp://files.example/feed"/>
<outline text="Again" xmlUrl="http://HARBOUR.example/feed.xml?utm_source=reader"/>
</body></opml>"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home").mkdir()
    return Home(tmp_path / "home")


def stated(home: Home, text: str) -> Wanted:
    """The one source of a `sources.toml` with these lines."""
    head = '[[source]]\nname = "harbour"\nkind = "feed"\nlocation = "https://harbour.example/feed.xml"\n'
    (home.path / "sources.toml").write_text(head + text)
    (wanted,) = read_sources(home)
    return wanted


def source(home: Home, text: str, **environ: str) -> WebSource:
    return web_source(stated(home, text), Settings(home), environ)


def test_settings_become_the_limits_and_bounds_of_the_connectors(home: Home) -> None:
    (home.path / "newsmill.toml").write_text(
        '[network]\ncontact = "https://orme.example/bot"\nper_host = 1\npause_s = 3\ntotal_s = 9\ndecoded_mib = 2\n'
        'skip = ["noai"]\n[feeds]\nfloor_minutes = 10\ncap_hours = 48\n'
    )
    settings = read_settings(home)
    limits = http_limits(settings)
    assert (limits.per_host, limits.pause_s, limits.total_s, limits.decoded_bytes) == (1, 3, 9, 2 * 2**20)
    assert (bounds(settings).floor_s, bounds(settings).least_s, bounds(settings).cap_s) == (600, 600, 48 * 3600)
    assert user_agent(settings) == f"newsmill/{__version__} (+https://orme.example/bot)"
    assert bounds(Settings(home)).floor_s == 3600
    assert bounds(Settings(home, feeds=Feeds(floor_minutes=60 * 48))).cap_s == 48 * 3600
    assert user_agent(Settings(home, network=Network(user_agent="Reader/9"))) == "Reader/9"


def test_options_of_a_feed(home: Home) -> None:
    found = source(home, 'pages = "always"\nconditional = false\ninterval_minutes = 15\n')
    assert (found.pages, found.is_conditional, found.interval_s) == (Pages.ALWAYS, False, 900)
    plain = source(home, 'title = "Harbour"\ncategories = ["Coast", "World/North"]\n')
    assert (plain.pages, plain.is_conditional, plain.interval_s, plain.headers) == (Pages.SHORT, True, None, ())
    never = Settings(home, feeds=Feeds(pages="never"))
    assert web_source(stated(home, ""), never, {}).pages is Pages.NEVER


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ('auth = { type = "basic", user = "kim", env = "T" }', "Authorization", "Basic a2ltOnMzY3JldA=="),
        ('auth = { type = "basic", env = "T" }', "Authorization", "Basic czNjcmV0"),
        ('auth = { type = "bearer", env = "T" }', "Authorization", "Bearer s3cret"),
        ('auth = { type = "cookie", env = "T" }', "Cookie", "s3cret"),
        ('auth = { type = "header", name = "X-Key", env = "T" }', "X-Key", "s3cret"),
        ('headers = { "X-Key" = "env:T" }', "X-Key", "s3cret"),
    ],
)
def test_credentials_come_from_the_environment(home: Home, text: str, name: str, value: str) -> None:
    assert source(home, text, T="s3cret\n").headers == ((name, value),)
    with pytest.raises(SourceError, match="environment variable T is not set"):
        source(home, text)
    with pytest.raises(SourceError, match="control characters"):
        source(home, text, T="a\r\nHost: b")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('headers = { "X-Key" = "s3cret" }', 'the header X-Key stands in sources.toml.*"env:NAME"'),
        ('auth = { type = "bearer", token = "s3cret" }', "no 'token'.*belongs into the environment"),
        ('auth = { type = "basic", user = "kim", env = "my password" }', "environment variable that holds"),
        ('auth = { type = "digest", env = "T" }', "basic, bearer, cookie, header"),
        ('headers = { "X Key" = "env:T" }', "no name of a header"),
        ('headers = ["X-Key"]', "table of strings"),
        ('pages = "some"', "always, short, never"),
        ("interval_minutes = 0", "whole number from 1"),
        ('conditional = "no"', "true or false"),
        ("every = 5", "no option 'every'"),
        ('categories = "Coast"', "list of strings"),
    ],
)
def test_an_option_that_is_wrong_stops_its_source_alone(home: Home, text: str, why: str) -> None:
    wanted = stated(home, text)
    with pytest.raises(SourceError, match=why) as error:
        web_source(wanted, Settings(home), {"T": "x"})
    assert "s3cret" not in str(error.value)
    assert "sources.toml" in str(error.value)


@pytest.mark.parametrize(
    ("location", "why"),
    [
        ("ftp://harbour.example/", "no address of the web"),
        ("https://", "no address"),
        ("https://[::1/", "no address"),
        ("https://kim:s3cret@harbour.example/feed", "give the source `auth`"),
    ],
)
def test_an_address_that_cannot_be_asked(home: Home, location: str, why: str) -> None:
    with pytest.raises(SourceError, match=why) as error:
        add_web(home, location, "feed")
    assert "s3cret" not in str(error.value)
    assert not (home.path / "sources.toml").exists()


def test_comments_and_order_stay(home: Home) -> None:
    before = '# mine\n\n[[source]]   # the good one\nname = "b"\nkind="feed"\nlocation = "https://b.example/"\n# end\n'
    (home.path / "sources.toml").write_text(before)
    add_web(home, "https://a.example/feed", "feed")
    set_paused(home, "b", is_paused=True)
    set_paused(home, "b", is_paused=False)
    text = (home.path / "sources.toml").read_text()
    assert text.startswith(before)
    assert [w.name for w in read_sources(home)] == ["b", "a.example"]
    remove_source(home, "a.example")
    assert (home.path / "sources.toml").read_text().strip() == before.strip()


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("The Harbour Post: Top Stories", "the-harbour-post-top-stories"),
        ("  Kim’s “Notes” №5 ", "kims-notes-no5"),
        ("港の新聞", "港の新聞"),
        ("बंदरगाह समाचार", "बंदरगाह-समाचार"),
        ("***", "harbour.example"),
        (None, "harbour.example"),
        ("word " * 40, "-".join(["word"] * 12)),
        ("taken", "taken-2"),
    ],
)
def test_names_can_be_typed_and_are_free(title: str | None, name: str) -> None:
    assert web_name(title, "https://www.harbour.example/feed", {"taken"}) == name


def test_the_same_address_is_a_source_once(home: Home) -> None:
    add_web(home, "https://harbour.example/feed.xml", "feed", name="harbour")
    with pytest.raises(SourceError, match="is a source already, named 'harbour'"):
        add_web(home, "http://Harbour.example:80/feed.xml?utm_source=x#top", "feed")
    with pytest.raises(SourceError, match="'harbour' already: choose another with --name"):
        add_web(home, "https://quay.example/feed.xml", "feed", name="harbour")


def test_a_source_comes_back_under_the_name_that_its_articles_have(home: Home, tmp_path: Path) -> None:
    with open_lake(home) as lake:
        put_source(lake, WELL)
    assert add_web(home, WELL.location, "feed", title="Another").name == "harbour"
    remove_source(home, "harbour")
    with pytest.raises(SourceError, match="in the lake as 'harbour'"):
        add_web(home, WELL.location, "feed", name="other")
    with pytest.raises(SourceError, match=r"'harbour' is the name of https://harbour\.example"):
        add_web(home, "https://quay.example/f", "feed", name="harbour")
    with pytest.raises(SourceError, match="'harbour' is the name of"):
        watch(home, str(tmp_path), "harbour")


def test_folders_and_feeds_do_not_take_each_other_s_names(tmp_path: Path) -> None:
    (tmp_path / "harbour").mkdir()
    wanted = [Wanted("harbour", "feed", "https://harbour.example/feed.xml")]
    assert bind(tmp_path / "harbour", wanted, {})[0].source == "harbour-2"
    with pytest.raises(SourceError, match="'harbour' is a source on the web"):
        bind(tmp_path / "harbour", wanted, {}, name="harbour")


def test_a_list_comes_in_with_its_groups_and_what_is_wrong_is_said(home: Home) -> None:
    found = import_list(home, OPML)
    assert found.added == ("the-harbour-post-top-stories", "港の新聞")
    assert found.there == ("http://HARBOUR.example/feed.xml?utm_source=reader",)
    assert [p for p in found.problems if "ftp://files.example" in p] == list(found.problems)
    first, second = read_sources(home)
    assert (first.options.title, first.options.categories) == ("The Harbour Post: Top Stories", ("Coast/North",))
    assert second.options.categories == ("Coast",)
    again = import_list(home, OPML)
    assert (len(again.added), len(again.there)) == (0, 3)


def test_what_goes_out_comes_in_the_same(home: Home, tmp_path: Path) -> None:
    import_list(home, OPML)
    add_source(home, Wanted("papers", "folder", str(tmp_path)))
    add_web(home, "https://quay.example/news-sitemap.xml", "sitemap")
    other = Home(tmp_path / "other")
    import_list(other, export_opml(home))
    assert read_sources(other) == [
        w if w.options.title else Wanted(w.name, w.kind, w.location, options=read_sources(other)[n].options)
        for n, w in enumerate(w for w in read_sources(home) if w.is_web)
    ]
    assert "papers" not in export_opml(home).decode()


def test_a_plain_list_of_addresses_comes_in_too(home: Home) -> None:
    found = import_list(home, b"https://a.example/feed\n# not this\nhttps://www.b.example/sitemap_news.xml\nnonsense\n")
    assert (found.added, len(found.problems)) == (("a.example", "b.example"), 1)
    assert [w.kind for w in read_sources(home)] == ["feed", "sitemap"]


@pytest.mark.parametrize("data", [b"", b"<html><body>hello</body></html>", b"<rss><channel/></rss>", b"\x00\x01"])
def test_a_file_that_is_no_list_changes_nothing(home: Home, data: bytes) -> None:
    with pytest.raises(OpmlError):
        import_list(home, data)
    assert list(home.path.iterdir()) == []


@pytest.mark.skipif(not SHARED.exists(), reason="needs the lists beside the checkout")
def test_lists_of_others_come_in_whole(home: Home) -> None:
    outlines = [o for path in sorted(SHARED.rglob("*.opml")) for o in read_opml(path.read_bytes()).outlines]
    found = import_list(home, write_opml(None, outlines))
    urls = {o.feed_url for o in outlines}
    wanted = read_sources(home)
    assert len(found.added) + len(found.there) == len(urls)
    assert len({w.name for w in wanted}) == len(wanted) == len(found.added) > 0.9 * len(urls)
    assert not [w for w in wanted if w.problem]


def test_the_commands_of_lists(home: Home, tmp_path: Path) -> None:
    (tmp_path / "mine.opml").write_bytes(OPML)
    done = newsmill("--home", home.path, "sources", "import", tmp_path / "mine.opml")
    assert done.stdout.startswith("2 added, 1 there already, 1 problem\n")
    assert done.stderr.count("newsmill: ") == 1
    assert json.loads(newsmill("--home", home.path, "sources", "list", "--json").stdout)[0]["state"] == "never pulled"
    out = tmp_path / "out.opml"
    assert newsmill("--home", home.path, "sources", "export", "--out", out).returncode == 0
    assert {o.feed_url for o in read_opml(out.read_bytes()).outlines} == {w.location for w in read_sources(home)}
    refused(newsmill("--home", home.path, "sources", "import", tmp_path / "none.opml"), "none.opml cannot be read")
    (tmp_path / "broken.opml").write_text("<opml><body>")
    refused(newsmill("--home", home.path, "sources", "import", tmp_path / "broken.opml"), "no feed is named")
