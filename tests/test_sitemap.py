"""Sitemaps: what is read of them in every form, and what hostile ones are not allowed."""

from __future__ import annotations

import gzip
import json
import re
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.feed import Feed, NotAFeedError
from connectors.sitemap import read_sitemap, sitemaps_of_robots

DATA = Path(__file__).parents[2] / "shared" / "data" / "sitemaps"
URL = "https://herald.example/maps/news.xml"
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
    'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9" '
    'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1" xmlns:xhtml="http://www.w3.org/1999/xhtml">\n'
)
FERRY = """<url>
  <loc>https://herald.example/2024/04/ferry?id=7&amp;page=1</loc>
  <lastmod>2024-04-02T09:30:00+02:00</lastmod>
  <xhtml:link rel="alternate" hreflang="de" href="https://herald.example/de/faehre"/>
  <news:news>
    <news:publication><news:name>Harbour Herald</news:name><news:language>en</news:language></news:publication>
    <news:publication_date>2024-04-02</news:publication_date>
    <news:title><![CDATA[Ferry “Ida” runs again & on time]]></news:title>
    <news:keywords>harbour, ferries,  ,harbour</news:keywords>
  </news:news>
  <image:image><image:loc>/img/ida.jpg</image:loc></image:image>
  <image:image><image:loc>/img/quay.jpg</image:loc></image:image>
</url>
"""


def read(text: str | bytes, **options: int) -> Feed:
    return read_sitemap(text.encode() if isinstance(text, str) else text, url=URL, **options)


def page(loc: str, lastmod: str | None = None) -> str:
    stated = f"<lastmod>{lastmod}</lastmod>" if lastmod else ""
    return f"<url><loc>{loc}</loc>{stated}</url>\n"


def urlset(*pages: str) -> str:
    return HEAD + "".join(pages) + "</urlset>"


def links(feed: Feed) -> list[str | None]:
    return [entry.link for entry in feed.entries]


def test_a_news_sitemap_states_what_an_entry_needs():
    feed = read(urlset(FERRY))
    (entry,) = feed.entries
    assert json.loads(entry.record) == {
        "id": "https://herald.example/2024/04/ferry?id=7&page=1",
        "url": "https://herald.example/2024/04/ferry?id=7&page=1",
        "title": "Ferry “Ida” runs again & on time",
        "date_published": "2024-04-02",
        "date_modified": "2024-04-02T09:30:00+02:00",
        "tags": ["harbour", "ferries"],
        "language": "en",
        "image": "https://herald.example/img/ida.jpg",
        "_newsmill": {"source": {"title": "Harbour Herald"}},
    }
    assert entry.address == entry.link == "https://herald.example/2024/04/ferry?id=7&page=1"
    assert entry.published_at == datetime(2024, 4, 2, tzinfo=UTC)
    assert entry.words == 0
    assert (feed.version, feed.title, feed.charset, feed.is_truncated) == ("sitemap", "Harbour Herald", "utf-8", False)


def test_the_newest_come_first_and_only_so_many():
    feed = read(
        urlset(
            page("https://a.example/old", "2023"),
            page("https://a.example/undated"),
            page("https://a.example/day", "2024-05-06"),
            page("https://a.example/new", "2024-05-06T00:00:01Z"),
            page("https://a.example/month", "2024-05"),
            page("https://a.example/words", "Mon, 06 May 2024 12:00:00 GMT"),
            page("https://a.example/nonsense", "yesterday"),
            page("https://a.example/old", "2024-01-01"),
        ),
        limit=6,
    )
    assert links(feed) == [f"https://a.example/{name}" for name in ("words", "new", "day", "month", "old", "undated")]
    assert json.loads(feed.entries[4].record)["date_modified"] == "2024-01-01"
    assert feed.dropped == ("1 older addresses: only the newest 6 are taken",)


def test_a_publication_counts_like_a_modification():
    published = "<news:news><news:publication_date>2024-06-01T10:00:00Z</news:publication_date></news:news>"
    feed = read(
        urlset(page("https://a.example/1", "2024-05-06"), f"<url><loc>https://a.example/2</loc>{published}</url>")
    )
    assert links(feed) == ["https://a.example/2", "https://a.example/1"]
    assert feed.entries[1].published_at is None


def test_an_index_gives_its_maps_newest_first():
    index = """<?xml version="1.0"?><sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
      <sitemap><loc>https://herald.example/maps/2023.xml.gz</loc><lastmod>2023-12-31</lastmod></sitemap>
      <sitemap><loc><![CDATA[ https://herald.example/maps/2024.xml?a=1&b=2 ]]></loc><lastmod>2024-03-01</lastmod></sitemap>
      <sitemap><loc>/maps/undated.xml</loc></sitemap>
      <sitemap><loc>https://herald.example/maps/news.xml</loc></sitemap>
    </sitemapindex>"""
    feed = read(index)
    assert feed.maps == (
        "https://herald.example/maps/2024.xml?a=1&b=2",
        "https://herald.example/maps/2023.xml.gz",
        "https://herald.example/maps/undated.xml",
    ), "and not itself"
    assert feed.entries == ()
    assert feed.digest != read(index.replace("2024-03-01", "2024-03-02")).digest


@pytest.mark.parametrize(
    "text",
    [
        urlset(FERRY).replace("sitemaps.org/schemas/sitemap/0.9", "google.com/schemas/sitemap/0.84"),
        urlset(FERRY).replace('xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" ', ""),
        urlset(FERRY).replace("xmlns:news=", "xmlns:other="),
        re.sub(r"(</?)(?=url|loc|lastmod)", r"\1map:", urlset(FERRY)),
        urlset(FERRY).replace("schemas/sitemap-news/0.9", "schemas/sitemap-news/0.7"),
        "\n\n  <!-- <rss> -->\n" + urlset(FERRY),
        urlset(FERRY).replace("?id=7&amp;page", "?id=7&page"),
        urlset(FERRY).replace("<loc>", "<loc>\n\t ").replace("</loc>", " \n</loc>"),
        urlset(FERRY, "<url/>"),
    ],
)
def test_namespaces_and_small_faults_do_not_matter(text):
    feed = read(text)
    assert feed.entries == read(urlset(FERRY)).entries
    assert not feed.is_truncated


@pytest.mark.parametrize(
    ("data", "charset"),
    [
        (b"\xef\xbb\xbf" + urlset(FERRY).encode(), "utf-8"),
        (urlset(FERRY).replace("UTF-8", "utf-16").encode("utf-16"), "utf-16-le"),
        (urlset(FERRY).replace("UTF-8", "windows-1252").encode("cp1252"), "windows-1252"),
    ],
)
def test_character_sets(data, charset):
    feed = read(data)
    assert feed.entries == read(urlset(FERRY)).entries
    assert feed.charset == charset


def test_a_compressed_map_is_known_by_its_content():
    whole = gzip.compress(urlset(FERRY).encode())
    assert read(whole) == read(urlset(FERRY))
    many = urlset(*(page(f"https://a.example/{n}/{n * n}", f"2024-01-{n % 28 + 1:02}") for n in range(500)))
    cut = read(gzip.compress(many.encode())[:-900])
    assert cut.is_truncated
    assert 0 < len(cut.entries) < 500


def test_of_a_truncated_map_the_whole_entries_are_kept():
    text = urlset(FERRY, page("https://a.example/whole"), page("https://a.example/the-end-of-this-is-missing"))
    feed = read(text[: text.index("-this-is")])
    assert feed.is_truncated
    assert links(feed) == ["https://herald.example/2024/04/ferry?id=7&page=1", "https://a.example/whole"]
    assert read(HEAD).is_truncated
    assert not read("<urlset/>").is_truncated


def test_a_list_of_addresses_is_a_sitemap():
    feed = read("\ufeffhttps://a.example/1?x=1&copy;=2\r\n\r\nhttps://a.example/2\r\n")
    assert links(feed) == ["https://a.example/1?x=1&copy;=2", "https://a.example/2"]


def test_a_feed_may_serve_as_a_sitemap():
    rss = (
        '<rss version="2.0"><channel><title>Herald</title><item><link>https://a.example/1</link></item></channel></rss>'
    )
    assert links(read(rss)) == links(read(gzip.compress(rss.encode()))) == ["https://a.example/1"]
    assert read(rss).version == "rss20"
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "H",
        "items": [{"id": "1", "url": "https://a.example/"}],
    }
    assert read(json.dumps(feed)).version == "json11"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"<!doctype html><title>Page not found</title><p>Sorry", "HTML page, “Page not found”"),
        (b"<?xml version='1.0'?><opml/>", "OPML"),
        (b"User-agent: *\nDisallow: /private\n", "a text"),
        (b"\x1f\x8b\x08\x00 no gzip", "gzip that ends in the middle"),
        (b'{"a": 1}', "JSON"),
    ],
)
def test_what_is_no_sitemap_is_named(data, says):
    with pytest.raises(NotAFeedError, match=says):
        read(data)


def test_addresses_that_cannot_be_fetched_are_left_out_with_a_reason():
    pages = [page(link) for link in ("javascript:alert(1)", "data:text/html,x", "", "ftp://a.example/x")]
    feed = read(urlset(*pages, page("https://[broken/"), page("https://a.example/" + "x" * 2048), page("/kept on/a b")))
    assert links(feed) == ["https://herald.example/kept%20on/a%20b"]
    assert len(feed.dropped) == 6
    assert feed.dropped[0] == "no address of the web: javascript:alert(1)"


def test_one_lastmod_for_all_is_when_the_map_was_written():
    def digest(lastmod: str, count: int) -> str:
        return read(urlset(*(page(f"https://a.example/{n}", lastmod) for n in range(count)))).digest

    assert digest("2024-01-01T10:00:00Z", 12) == digest("2024-01-01T11:00:00Z", 12)
    assert digest("2024-01-01", 3) != digest("2024-01-02", 3)


def test_the_digest_does_not_see_the_order():
    pages = [page(f"https://a.example/{n}") for n in range(5)]
    assert read(urlset(*pages)).digest == read(urlset(*reversed(pages))).digest != read(urlset(*pages[1:])).digest


def test_no_entity_is_expanded_and_none_is_fetched(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    doctype = f'<!DOCTYPE urlset [<!ENTITY e0 "bomb"><!ENTITY file SYSTEM "{secret.as_uri()}">{bomb}]>'
    text = urlset(page("https://a.example/&file;/&e11;"), FERRY).replace("?>\n", "?>\n" + doctype, 1)
    feed = read(text)
    assert links(feed)[0] == "https://herald.example/2024/04/ferry?id=7&page=1"
    assert not any(b"secret" in entry.record or b"bomb" in entry.record for entry in feed.entries)


@pytest.mark.parametrize(
    "data",
    [
        b"<urlset>" + b"<url><loc>" * 100_000,
        b"<urlset " + b"a='1' " * 100_000 + b"/>",
        b"<urlset><url>" + b"<![CDATA[" * 200_000,
        b"<!DOCTYPE a [" + b"<!--" * 200_000,
        b"<!-- " * 100_000,
        b"</url>" * 100_000,
        b"<urlset><url><loc>https://a.example/" + b"x" * 3_000_000 + b"</loc></url></urlset>",
    ],
)
def test_hostile_maps_cost_little(data):
    started = time.process_time()
    with suppress(NotAFeedError):
        assert len(read(data).entries) == 0
    assert time.process_time() - started < 3


def test_maps_that_are_too_large_are_refused():
    with pytest.raises(NotAFeedError, match="larger than 15 MB"):
        read(b" " * 100_000_000)
    with pytest.raises(NotAFeedError, match="200 times its size"):
        read(gzip.compress(b" " * 100_000_000))


def test_fifty_thousand_addresses_are_read_quickly():
    data = urlset(*(page(f"https://a.example/{n}", f"2024-01-{n % 28 + 1:02}") for n in range(50_000))).encode()
    started = time.process_time()
    feed = read(data)
    assert time.process_time() - started < 10, "1.2 s on a free core"
    assert len(feed.entries) == 2000
    assert all(b'"2024-01-28"' in entry.record for entry in feed.entries[:1700])


@given(st.binary(max_size=300) | st.text(alphabet='<>/&;"![]url seticoma:\n', max_size=300).map(str.encode))
def test_nothing_but_not_a_feed_is_raised(data):
    for document in (data, HEAD.encode() + data, urlset(FERRY).encode()[: len(data) * 5] + data):
        with suppress(NotAFeedError):
            read(document)


def test_the_sitemaps_that_robots_txt_names():
    robots = (
        "\ufeffUser-agent: *\r\nDisallow: /x\r\nSITEMAP : https://a.example/one.xml # the first\r\n"
        "Sitemap:https://other.example/two.xml\nsitemap: https://a.example/one.xml\nSitemap: /relative.xml\nSitemap:\n"
    )
    assert sitemaps_of_robots(robots.encode()) == ["https://a.example/one.xml", "https://other.example/two.xml"]
    assert sitemaps_of_robots(b"<html><body>Not found") == []
    assert sitemaps_of_robots(b"") == []


@pytest.mark.skipif(not DATA.is_dir(), reason="the development data is not beside the project")
@pytest.mark.parametrize(
    ("name", "entries", "maps"),
    [
        ("news-crawl/sitemap-news.xml", 1, 0),
        ("news-crawl/feed-with-sitemap-namespace.xml", 2, 0),
        ("trafilatura/sitemap.xml", 84, 0),
        ("trafilatura/sitemap.xml.gz", 84, 0),
        ("trafilatura/sitemap2.xml", 0, 2),
        ("trafilatura/sitemap-hreflang.xml", 3, 1),
    ],
)
def test_saved_sitemaps_are_read_whole(name, entries, maps):
    feed = read((DATA / name).read_bytes())
    assert (len(feed.entries), len(feed.maps), feed.is_truncated) == (entries, maps, False)
