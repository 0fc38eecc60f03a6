"""Feeds in every format, as they should be and as they are, become entries."""

from __future__ import annotations

import json
import pickle
import time
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.feed import Entry, Feed, NotAFeedError, read_feed

URL = "https://www.harbour.example/news/feed.xml"
TEXT = "<p>The ferry to the islands sails again, the harbour office said on Tuesday.</p><p>It had lain still for weeks.</p>"


def rss(items: str, channel: str = "<title>Harbour News</title><link>https://www.harbour.example/</link>") -> bytes:
    names = (
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:media="http://search.yahoo.com/mrss/" xmlns:itunes="http://www.itunes.com/DTDs/PodCast-1.0.dtd" '
        'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" xmlns:slash="http://purl.org/rss/1.0/modules/slash/" '
        'xmlns:atom="http://www.w3.org/2005/Atom"'
    )
    return f'<?xml version="1.0"?><rss version="2.0" {names}><channel>{channel}{items}</channel></rss>'.encode()


def read(data: bytes | str, **options) -> Feed:
    return read_feed(data.encode() if isinstance(data, str) else data, url=URL, **options)


def only(data: bytes | str, **options) -> Entry:
    (entry,) = read(data, **options).entries
    return entry


def item(entry: Entry) -> dict:
    found = json.loads(entry.record)
    assert entry.record == json.dumps(found, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return found


# Formats


def test_an_item_of_rss_is_an_item_of_json_feed():
    entry = only(
        rss(
            f"""<item><title>Ferry &amp;amp; tram sail &lt;b&gt;again&lt;/b&gt;</title><link>/ferry</link>
            <guid isPermaLink="false">f-1</guid><pubDate>Tue, 5 Mar 2024 07:30:00 +0100</pubDate>
            <dc:creator>Jane Doe</dc:creator><category>Islands</category><category>Transport</category>
            <description>The ferry is back.</description><content:encoded><![CDATA[{TEXT}]]></content:encoded>
            <source url="https://wire.example/rss">Island Wire</source><slash:comments>17</slash:comments>
            <media:content url="/small.jpg" medium="image" width="90"/><media:content url="/large.jpg" medium="image" width="900"/>
            </item>"""
        )
    )
    assert item(entry) == {
        "_newsmill": {
            "feed": "Harbour News",
            "source": {"title": "Island Wire", "url": "https://wire.example/rss"},
        },
        "authors": [{"name": "Jane Doe"}],
        "content_html": TEXT,
        "date_published": "Tue, 5 Mar 2024 07:30:00 +0100",
        "id": "f-1",
        "image": "https://www.harbour.example/large.jpg",
        "summary": "The ferry is back.",
        "tags": ["Islands", "Transport"],
        "title": "Ferry & tram sail again",
        "url": "https://www.harbour.example/ferry",
    }
    assert (entry.address, entry.link) == ("f-1", "https://www.harbour.example/ferry")
    assert (entry.published_at, entry.words) == (datetime(2024, 3, 5, 6, 30, tzinfo=UTC), 19)


FORMATS = {
    "rss20": "<rss version='2.0'><channel><item><title>Ferry</title><link>https://harbour.example/1</link></item></channel></rss>",
    "rss092": "<rss version='0.92'><channel><item><title>Ferry</title><link>https://harbour.example/1</link></item></channel></rss>",
    "rss091u": "<rss version='0.91'><channel><item><title>Ferry</title><link>https://harbour.example/1</link></item></channel></rss>",
    "rss10": "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'><channel/>"
    "<item rdf:about='https://harbour.example/1'><title>Ferry</title><link>https://harbour.example/1</link></item></rdf:RDF>",
    "rss090": "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://my.netscape.com/rdf/simple/0.9/'>"
    "<channel/><item><title>Ferry</title><link>https://harbour.example/1</link></item></rdf:RDF>",
    "atom10": "<feed xmlns='http://www.w3.org/2005/Atom'><entry><title>Ferry</title><link href='https://harbour.example/1'/></entry></feed>",
    "atom03": "<feed version='0.3' xmlns='http://purl.org/atom/ns#'><entry><title>Ferry</title>"
    "<link rel='alternate' type='text/html' href='https://harbour.example/1'/></entry></feed>",
    "json10": '{"version":"https://jsonfeed.org/version/1","items":[{"id":1,"url":"https://harbour.example/1","title":"Ferry"}]}',
    "json11": '{"version":"https://jsonfeed.org/version/1.1","items":[{"id":"1","url":"https://harbour.example/1","title":"Ferry"}]}',
    "rss": "<channel><item><title>Ferry</title><link>https://harbour.example/1</link></item></channel>",
}


@pytest.mark.parametrize("version", FORMATS)
def test_every_format_is_read(version):
    feed = read(FORMATS[version])
    assert feed.version == version
    assert [(e.link, item(e)["title"]) for e in feed.entries] == [("https://harbour.example/1", "Ferry")]


def test_json_feed_has_its_fields_kept_and_what_it_says_for_all_items():
    data = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Harbour News",
        "home_page_url": "https://www.harbour.example/",
        "language": "en",
        "authors": [{"name": "The desk"}],
        "next_url": "/page/2",
        "hubs": [{"type": "WebSub", "url": "https://hub.example/"}],
        "items": [
            {"id": 7, "url": "ferry", "content_text": "It sails.", "date_published": "2024-03-05T07:00:00Z", "x": 1},
            {
                "id": "8",
                "external_url": "https://other.example/a",
                "summary": "It sank.",
                "author": {"name": "Jane Doe"},
            },
            "no item",
        ],
    }
    feed = read(json.dumps(data))
    assert (feed.next_url, feed.hub_url) == ("https://www.harbour.example/page/2", "https://hub.example/")
    assert item(feed.entries[0]) == {
        "_newsmill": {"feed": "Harbour News"},
        "authors": [{"name": "The desk"}],
        "content_text": "It sails.",
        "date_published": "2024-03-05T07:00:00Z",
        "id": "7",
        "language": "en",
        "url": "https://www.harbour.example/ferry",
    }
    assert item(feed.entries[1])["authors"] == [{"name": "Jane Doe"}]
    assert feed.entries[1].link is None


def test_what_a_feed_says_of_itself_is_read():
    feed = read(
        rss(
            "<item><title>A</title><link>/a</link></item>",
            """<title>Harbour <![CDATA[<i>News</i>]]></title><link>https://www.harbour.example/</link><ttl>90</ttl>
            <sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>
            <skipHours><hour>0</hour><hour>24</hour><hour>5</hour></skipHours><skipDays><day>Sunday</day></skipDays>
            <atom:link rel="hub" href="https://hub.example/"/><atom:link rel="prev-archive" href="/2023.xml"/>
            <itunes:new-feed-url>https://new.example/feed</itunes:new-feed-url>""",
        )
    )
    assert (feed.title, feed.site_url) == ("Harbour News", "https://www.harbour.example/")
    assert (feed.ttl_s, feed.skip_hours, feed.skip_days) == (21_600, {0, 5}, {6})
    assert (feed.hub_url, feed.next_url) == ("https://hub.example/", "https://www.harbour.example/2023.xml")
    assert feed.moved_to == "https://new.example/feed"


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ("<description>Short.</description>", {"summary": "Short."}),
        (f"<description><![CDATA[{TEXT * 8}]]></description>", {"content_html": TEXT * 8}),
        ("<description>&lt;p&gt;One.&lt;/p&gt;&lt;p&gt;Two.&lt;/p&gt;</description>", {"summary": "One.\n\nTwo."}),
        (
            f"<description>Short.</description><media:text><media:description>{'A gull. ' * 30}</media:description></media:text>",
            {"summary": "Short."},
        ),
        (
            f"<description><![CDATA[{TEXT}]]></description><content:encoded><![CDATA[{TEXT}]]></content:encoded>",
            {"content_html": TEXT},
        ),
        ("<media:group><media:description>Of a film.</media:description></media:group>", {"summary": "Of a film."}),
    ],
)
def test_what_is_text_and_what_is_summary(inner, expected):
    found = item(only(rss(f"<item><title>A</title><link>/a</link>{inner}</item>")))
    assert {k: v for k, v in found.items() if k in ("content_html", "content_text", "summary")} == expected


# Links and identity


@pytest.mark.parametrize(
    ("attributes", "link", "expected"),
    [
        ("", "story", "https://site.example/dir/story"),
        ('xml:base="https://base.example/x/"', "story", "https://base.example/x/story"),
        ("", "//cdn.example/story", "https://cdn.example/story"),
        ("", " https://a.example/b c\n", "https://a.example/b%20c"),
        ("", "https://a.example/?utm_source=rss#top", "https://a.example/?utm_source=rss#top"),
    ],
)
def test_links_resolve_against_the_base_then_the_site(attributes, link, expected):
    data = rss(
        f"<item {attributes}><title>A</title><link>{link}</link></item>", "<link>https://site.example/dir/</link>"
    )
    assert only(data).link == expected


def test_without_a_site_links_resolve_against_the_address_of_the_feed():
    assert only(rss("<item><title>A</title><link>a</link></item>", "")).link == "https://www.harbour.example/news/a"


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/plain,x", "", "mailto:a@b.example", "https://[", "x" * 3000]
)
def test_an_entry_with_no_link_to_fetch_is_kept_for_its_text_and_else_left_out(link):
    feed = read(
        rss(
            f"<item><title>Bare</title><link>{link}</link></item>"
            f"<item><title>Full</title><guid isPermaLink='false'>g</guid><link>{link}</link><description>It sails.</description></item>"
        )
    )
    assert [(e.address, e.link) for e in feed.entries] == [("g", None)]
    assert len(feed.dropped) == 1
    assert "Bare" in feed.dropped[0]
    assert "link" in feed.dropped[0]


def test_no_two_entries_have_the_same_address():
    feed = read(
        rss(
            "<item><guid isPermaLink='false'>same</guid><title>A</title><link>/a</link></item>"
            "<item><guid isPermaLink='false'>same</guid><title>B</title><link>/b</link></item>"
            "<item><title>C</title><link>/c</link></item><item><title>D</title><link>/c</link></item>"
            "<item><title>C</title><link>/c</link></item>"
        )
    )
    assert [item(e)["title"] for e in feed.entries] == ["A", "B", "C", "D"]
    assert [e.address for e in feed.entries[:2]] == ["https://www.harbour.example/a", "https://www.harbour.example/b"]
    assert len({e.address for e in feed.entries}) == 4
    assert feed.dropped == ("“C”: it stands in the feed twice",)


def test_of_two_versions_of_an_entry_the_last_edited_counts():
    entry = "<entry><id>x</id><title>{0}</title><link href='/a'/><updated>2024-03-0{0}T00:00:00Z</updated></entry>"
    feed = read(f"<feed xmlns='http://www.w3.org/2005/Atom'>{''.join(entry.format(n) for n in (2, 4, 3))}</feed>")
    assert [item(e)["title"] for e in feed.entries] == ["4"]
    assert len(feed.dropped) == 2


def test_entries_that_all_lead_to_the_front_page_have_no_address_of_their_own():
    items = "".join(
        f"<item><guid isPermaLink='false'>{n}</guid><link>https://www.harbour.example/</link><description>Tide {n}.</description></item>"
        for n in range(3)
    )
    assert [(e.address, e.link) for e in read(rss(items)).entries] == [("0", None), ("1", None), ("2", None)]


def test_of_two_guids_one_is_the_address_whatever_it_is():
    entry = only(rss("<item><title>A</title><guid>https://a.example/1</guid><guid isPermaLink='false'>2</guid></item>"))
    assert entry.address in ("https://a.example/1", "2")


# What changes


def test_the_order_and_what_counts_up_change_nothing():
    one = "<item><title>A</title><link>/a</link><slash:comments>{}</slash:comments></item>"
    two = "<item><title>B</title><link>/b</link></item>"
    first = read(
        rss(one.format(1) + two, "<title>T</title><lastBuildDate>Tue, 05 Mar 2024 07:00:00 GMT</lastBuildDate>")
    )
    then = read(
        rss(two + one.format(2), "<title>T</title><lastBuildDate>Tue, 05 Mar 2024 08:00:00 GMT</lastBuildDate>")
    )
    assert first.digest == then.digest
    assert {e.record for e in first.entries} == {e.record for e in then.entries}
    assert first.digest != read(rss(two.replace("B", "C") + one)).digest


def test_entries_stand_newest_first_where_all_have_dates():
    dated = "<item><link>/{0}</link><pubDate>Tue, {0} Mar 2024 07:00:00 GMT</pubDate></item>"
    items = "".join(dated.format(day) for day in (11, 13, 12))
    assert [e.link[-2:] for e in read(rss(items)).entries] == ["13", "12", "11"]
    undated = read(rss(items + "<item><link>/10</link></item>"))
    assert [e.link[-2:] for e in undated.entries] == ["11", "13", "12", "10"]


def test_of_very_many_entries_the_newest_are_kept():
    items = "".join(
        f"<item><link>/{n}</link><pubDate>Tue, 05 Mar 2024 {n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02} GMT</pubDate></item>"
        for n in range(20_000)
    )
    begin = time.process_time()
    feed = read(rss(items, "<title>A & B</title>"))
    assert time.process_time() - begin < 4
    assert len(feed.entries) == 2000
    assert {e.link for e in read(rss(items), limit=3).entries} == {
        f"https://www.harbour.example/{n}" for n in (19_997, 19_998, 19_999)
    }


# Bytes


@pytest.mark.parametrize(
    ("charset", "header", "declared", "with_bom"),
    [
        ("utf-8", None, None, False),
        ("utf-8", "application/xml", "utf-8", True),
        ("windows-1251", "text/xml; charset=windows-1251", "utf-8", False),
        ("windows-1251", None, "windows-1251", False),
        ("windows-1251", None, None, False),
        ("koi8-r", "application/rss+xml; charset=KOI8-R", None, False),
        ("utf-16", None, "utf-16", True),
        ("utf-16-le", None, "utf-16", False),
        ("utf-8", "text/xml; charset=iso-8859-1", "utf-8", False),
        ("utf-8", "text/xml; charset=no-such-thing", None, False),
        ("utf-8", "text/xml; charset=windows-1251", None, True),
    ],
)
def test_the_character_set_is_found(charset, header, declared, with_bom):
    title = "Паром снова ходит на острова, сообщили во вторник в порту"
    head = f'<?xml version="1.0"{f" encoding={declared!r}" if declared else ""}?>'
    text = f"{head}<rss version='2.0'><channel><title>{title}</title><item><title>{title}</title><link>/a</link></item></channel></rss>"
    data = text.encode(charset)
    if with_bom and charset == "utf-8":
        data = b"\xef\xbb\xbf" + data
    feed = read(data, headers={"Content-Type": header} if header else None)
    assert item(feed.entries[0])["title"] == title
    assert feed.charset


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Rail & Sea", "Rail & Sea"),
        ("AT&T; rises", "AT&T; rises"),
        ("Tide&nbsp;table&hellip;", "Tide table…"),
        ("Ferry\x00 \x0bsails\x1b", "Ferry sails"),
        ("a &#1114112;&#55296;&#0; b", "a"),
        ("<![CDATA[a < b & c]]>", "a < b & c"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;Ferry", "Ferry"),
        ("&lt;em&gt;Ferry&lt;/em&gt; sails", "Ferry sails"),
        ("Why x &lt; y matters", "Why x < y matters"),
        ("Ferry<br>sails", "Ferry"),
    ],
)
def test_titles_are_text_whatever_stands_in_them(title, expected):
    found = item(only(rss(f"<item><title>{title}</title><link>/a</link><description>Text.</description></item>")))
    assert found["title"].startswith(expected)
    assert not set(found["title"]) & set("\0\x0b\x1b")


def test_links_keep_their_ampersands():
    bare = rss("<item><title>A</title><link>https://a.example/?a=1&copy=2&b=3</link></item>")
    assert only(bare).link == "https://a.example/?a=1&copy=2&b=3"


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: b"\n\n  " + d,
        lambda d: b"<br />\n<b>Warning</b>: something in line 3<br />\n" + d,
        lambda d: d + b"<!-- 0.2 s --><script>1</script>",
        lambda d: d.replace(b"</item>", b"<undeclared:x>1</undeclared:x></item>"),
        lambda d: d.replace(b'xmlns:dc="http://purl.org/dc/elements/1.1/"', b""),
        lambda d: d.replace(b"<description>", b"<description>a <b>c<i></b> <br> & "),
        lambda d: d.replace(b'<?xml version="1.0"?>', b'<?xml version="1.1"?>'),
        lambda d: d.replace(b"</rss>", b""),
    ],
)
def test_what_is_not_well_formed_is_read_all_the_same(damage):
    whole = rss(
        "<item><title>A</title><link>/a</link><dc:creator>Jane Doe</dc:creator><description>Text.</description></item>"
        "<item><title>B</title><link>/b</link><dc:creator>Jane Doe</dc:creator><description>Text.</description></item>"
    )
    data = damage(whole)
    feed = read(data)
    assert [item(e)["title"] for e in feed.entries] == ["A", "B"]
    assert [item(e)["authors"] for e in feed.entries] == [[{"name": "Jane Doe"}]] * 2
    assert not feed.is_truncated


def test_entities_are_neither_expanded_nor_fetched(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("the password")
    doctype = (
        f'<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "{"&a;" * 10}"><!ENTITY c "{"&b;" * 1000}">'
        f'<!ENTITY s SYSTEM "{secret.as_uri()}"><!ENTITY % p SYSTEM "{secret.as_uri()}"> %p;]>'
    )
    feed = read(
        f"{doctype}<rss version='2.0'><channel><item><title>x &c; &s;</title><link>/a</link></item></channel></rss>"
    )
    title = item(feed.entries[0])["title"]
    assert len(title) < 50
    assert "password" not in repr(feed)


@pytest.mark.parametrize("cut", [0.3, 0.5, 0.7, 0.9])
def test_of_a_truncated_feed_the_whole_entries_are_kept(cut):
    items = "".join(
        f"<item><title>Tide {n}</title><link>/{n}</link><content:encoded><![CDATA[{TEXT}]]></content:encoded></item>"
        for n in range(40)
    )
    data = rss(items)
    feed = read(data[: int(len(data) * cut)])
    assert feed.is_truncated
    assert feed.title == "Harbour News"
    whole = {e.record for e in read(data).entries}
    assert 0 < len(feed.entries) < 40
    assert all(e.record in whole for e in feed.entries)


def test_of_a_truncated_json_feed_the_whole_entries_are_kept():
    data = json.dumps(
        {
            "version": "https://jsonfeed.org/version/1.1",
            "title": "T",
            "items": [{"id": str(n), "url": f"/{n}"} for n in range(9)],
        }
    )
    feed = read(data[:-5])
    assert feed.is_truncated
    assert (feed.title, [e.address for e in feed.entries]) == ("T", [str(n) for n in range(8)])


# No feeds


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "an empty body"),
        (b" \r\n\0", "an empty body"),
        (
            b"<!doctype html><html><head><title>Harbour</title></head><body>Hello</body></html>",
            "an HTML page, “Harbour”",
        ),
        (
            b"<html><head><title>Log in - Harbour</title></head><form><input type=password></form></html>",
            "a login page",
        ),
        (b"<html><head><title>Just a moment...</title></head><body></body></html>", "a challenge page"),
        (b"<html><head><title>429 Too Many Requests</title></head></html>", "too many requests"),
        (b"Too many requests, slow down", "too many requests"),
        (b'{"error": "no such feed"}', "JSON that is no JSON Feed"),
        (b'{"version": "https://jsonfeed.org/version/1", "items": ' + b"[" * 100_000, "JSON"),
        (b"<?xml version='1.0'?><opml version='2.0'><body/></opml>", "an OPML list"),
        (b"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'></urlset>", "a sitemap"),
        (b"<Error><Code>AccessDenied</Code></Error>", "root element `error`"),
        (b"%PDF-1.4", "a text"),
        (b"<rss><channel>" + b"<b>" * 5000, "cannot be read"),
    ],
)
def test_what_is_no_feed_is_said(data, says):
    with pytest.raises(NotAFeedError, match=f"(?i){says}"):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        b"<rss version='2.0'><channel><item>" + b"<![CDATA[" * 200_000,
        b"<rss version='2.0'><channel><item>" + b"<!--" * 200_000,
        b"<rss version='2.0'><channel><item><title>" + b"<" * 1_000_000,
        b"<rss version='2.0'><channel><item x='" * 100_000,
        b"<rss version='2.0'><channel><item><title>" + b"&lt;script " * 100_000 + b"</title></item></channel></rss>",
        b"<rss version='2.0'>" + b"".join(b"<p%d:x/>" % n for n in range(200_000)),
        b"<rss " + b" ".join(b"a%d='1'" % n for n in range(100_000)) + b"/>",
    ],
)
def test_hostile_bytes_cost_little(data):
    begin = time.process_time()
    with suppress(NotAFeedError):
        read(data)
    assert time.process_time() - begin < 3


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(sorted(FORMATS)), st.integers(0, 400), st.integers(0, 40))
def test_whatever_the_bytes_it_is_a_feed_or_none(noise, version, at, gone):
    whole = FORMATS[version].encode()
    try:
        feed = read(whole[:at] + noise + whole[at + gone :])
    except NotAFeedError:
        return
    assert pickle.loads(pickle.dumps(feed)) == feed
    assert all(item(entry) for entry in feed.entries)
    assert len({entry.address for entry in feed.entries}) == len(feed.entries)
