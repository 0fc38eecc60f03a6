"""From a site's address to its feeds: what a page says, what an address tells, and how little is asked for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.discovery import Candidate, Found, discover, feeds_in, likely_paths
from connectors.http import Answer, FetchError, Hop, Request, Trouble

SITE = "https://herald.example"
PAGE = f"{SITE}/news/"


def rss(title: str = "Harbour Herald", *days: int) -> str:
    items = "".join(
        f"<item><title>Day {day}</title><link>{SITE}/{day}</link><pubDate>{day:02} Apr 2024 10:00:00 GMT</pubDate></item>"
        for day in days
    )
    return f'<rss version="2.0"><channel><title>{title}</title>{items}</channel></rss>'


def link(href: str, kind: str = "application/rss+xml", more: str = "") -> str:
    return f'<link rel="alternate" type="{kind}" href="{href}" {more}>'


def html(head: str = "", body: str = "") -> str:
    return f"<!doctype html><html><head><title>Herald</title>{head}</head><body>{body}</body></html>"


@dataclass
class FakeClient:
    """Answers from a table of texts, of redirects and of errors; what is not in it is not found."""

    texts: dict[str, str] = field(default_factory=dict)
    moved: dict[str, tuple[int, str]] = field(default_factory=dict)
    errors: dict[str, Trouble] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def get(self, request: Request) -> Answer:
        self.asked.append(request.url)
        url, hops = request.url, []
        while url in self.moved:
            status, target = self.moved[url]
            hops.append(Hop(url, status, target))
            url = target
        if url in self.errors:
            raise FetchError(self.errors[url], f"{url} cannot be had", hops=hops)
        text = self.texts.get(url)
        return Answer(
            url=url,
            status=404 if text is None else 200,
            headers=self.headers,
            data=(text or html(link("/not-to-be-believed"))).encode(),
            received_bytes=1,
            hops=tuple(hops),
            duration_ms=1,
            fetched_at=datetime(2024, 4, 9, tzinfo=UTC),
        )

    def find(self, url: str = PAGE) -> list[Found]:
        return asyncio.run(discover(url, self))


def found(text: str, url: str = PAGE) -> list[str]:
    return [candidate.url for candidate in feeds_in(text.encode(), url)]


def test_a_page_names_its_feeds():
    page = html(
        link("/feed", more='title="The  Herald &amp; more"')
        + link("atom.xml", "application/atom+xml; charset=utf-8")
        + link("//feeds.example/h.json", "APPLICATION/FEED+JSON", 'hreflang="de"')
        + '<link rel="feed" href="/named-by-its-relation">'
    )
    assert feeds_in(page.encode(), PAGE) == [
        Candidate(url=f"{SITE}/feed", title="The Herald & more", kind="rss", why="the page names it"),
        Candidate(url=f"{PAGE}atom.xml", kind="atom", why="the page names it"),
        Candidate(url="https://feeds.example/h.json", kind="json", why="the page names it, in “de”"),
        Candidate(url=f"{SITE}/named-by-its-relation", why="the page names it"),
    ]


def test_links_in_the_body_and_behind_a_base_count_too():
    page = html('<base href="/sub/"><base href="/second/">', link("feed.xml"))
    assert found(page) == [f"{SITE}/sub/feed.xml"]


def test_what_has_the_relation_but_is_no_feed():
    page = html(
        link("/de/", "text/html", 'hreflang="de"')
        + link("/wp-json/wp/v2/posts/1", "application/json")
        + link("/oembed?format=xml", "text/xml+oembed")
        + '<link rel="alternate stylesheet" type="text/css" href="/rss.xml">'
        + '<link rel="icon" type="application/rss+xml" href="/feed">'
        + link("javascript:feed()")
        + link("")
        + "<link>"
        + link("/feed.json", "application/json")
    )
    assert found(page) == [f"{SITE}/feed.json"]


def test_feeds_of_comments_come_last_and_say_so():
    page = html(
        link("/comments/feed/") + link("/kommentare.xml", more='title="Herald » Kommentar-Feed"') + link("/feed/"),
        '<a href="/rss">RSS</a>',
    )
    candidates = feeds_in(page.encode(), PAGE)
    assert [c.url for c in candidates] == [
        f"{SITE}/feed/",
        f"{SITE}/rss",
        f"{SITE}/comments/feed/",
        f"{SITE}/kommentare.xml",
    ]
    assert candidates[2].why == "the page names it; a feed of comments"


def test_anchors_are_weaker_evidence():
    anchors = {
        "/world/rss.xml": "World",
        "/world.rss": "World",
        "/rss/": "Our feeds",
        "/feed": "",
        "?feed=rss2": "x",
        "/syndication/77": " RSS ",
        "/feed-the-world": "Appeal",
        "/stories/rss-turns-25": "RSS turns 25",
        "/sitemap.xml": "Map",
        "mailto:feed@herald.example": "Feed",
    }
    page = html(link("/all.xml"), "".join(f'<a href="{href}"><b>{words}</b></a>' for href, words in anchors.items()))
    candidates = feeds_in(page.encode(), PAGE)
    assert [c.url for c in candidates] == [
        *(f"{SITE}/all.xml", f"{SITE}/world/rss.xml", f"{SITE}/world.rss", f"{SITE}/rss/", f"{SITE}/feed"),
        *(f"{PAGE}?feed=rss2", f"{SITE}/syndication/77"),
    ]
    assert [c.is_named for c in candidates] == [True] + [False] * 6
    assert candidates[-1].title == "RSS"


def test_the_character_set_of_a_page():
    page = html(link("/feed", more='title="Zeitung für Zürich"'))
    for data, charset in ((page.encode(), None), (page.encode("latin-1"), "iso-8859-1"), (page.encode("utf-16"), None)):
        assert feeds_in(data, PAGE, charset)[0].title == "Zeitung für Zürich"


@given(st.binary(max_size=200) | st.text(alphabet="<>/=\"' linkrehfatypbs[:.?#", max_size=200).map(str.encode))
def test_no_page_is_too_broken(data):
    for page in (
        data,
        b"<link rel=alternate type=application/rss+xml href='" + data,
        b'<a href="' + data + b'">rss</a>',
    ):
        assert all(c.url.startswith(("http://", "https://")) for c in feeds_in(page, PAGE))


@pytest.mark.parametrize(
    ("url", "feed"),
    [
        (
            "https://www.youtube.com/channel/UCabc-1/videos",
            "https://www.youtube.com/feeds/videos.xml?channel_id=UCabc-1",
        ),
        ("https://m.youtube.com/playlist?x=1&list=PLx_2", "https://www.youtube.com/feeds/videos.xml?playlist_id=PLx_2"),
        ("https://youtube.com/user/herald", "https://www.youtube.com/feeds/videos.xml?user=herald"),
        ("https://old.reddit.com/r/harbours/top/", "https://www.reddit.com/r/harbours/.rss"),
        ("https://github.com/herald/press.js/issues", "https://github.com/herald/press.js/releases.atom"),
        ("https://mastodon.example/@herald", "https://mastodon.example/@herald.rss"),
        ("https://medium.com/@herald/about", "https://medium.com/feed/@herald"),
        ("https://herald.medium.com/", "https://herald.medium.com/feed"),
        ("https://herald.substack.com/p/one", "https://herald.substack.com/feed"),
        ("https://herald.blogspot.com/2024/04/x.html", "https://herald.blogspot.com/feeds/posts/default"),
        ("https://herald.wordpress.com", "https://herald.wordpress.com/feed/"),
        ("https://herald.example/", "https://herald.example/feed"),
        ("https://herald.example/blog/", "https://herald.example/blog/feed"),
        ("https://herald.example/blog/index.php", "https://herald.example/blog/feed"),
        ("http://herald.example:8080/a?b#c", "http://herald.example:8080/a/feed"),
    ],
)
def test_what_the_address_alone_tells(url, feed):
    paths = likely_paths(url)
    assert paths[0] == feed
    assert len(paths) == len(set(paths))


def test_the_root_is_tried_too():
    assert {f"{SITE}/feed", f"{SITE}/rss", f"{SITE}/rss.xml"} <= set(likely_paths(f"{SITE}/world/europe/")[:7])


def test_the_address_may_be_a_feed_itself():
    client = FakeClient({PAGE: rss("Herald", 3, 5, 4)})
    assert client.find() == [
        Found(
            url=PAGE,
            title="Herald",
            kind="rss20",
            entries=3,
            latest_at=datetime(2024, 4, 5, 10, tzinfo=UTC),
            why="the address itself",
        )
    ]
    assert client.asked == [PAGE]


def test_the_address_may_be_a_sitemap_itself():
    client = FakeClient({PAGE: "<urlset><url><loc>https://herald.example/1</loc></url></urlset>"})
    (one,) = client.find()
    assert (one.kind, one.entries, one.latest_at) == ("sitemap", 1, None)


def test_each_feed_that_the_page_names_is_read():
    page = html(
        link("/comments/feed", more='title="Comments"') + link("/feed") + link("/dead") + link("/a-page"),
        '<a href="/rss">not needed</a>',
    )
    client = FakeClient(
        {PAGE: page, f"{SITE}/feed": rss("All", 1), f"{SITE}/comments/feed": rss("Talk", 2), f"{SITE}/a-page": html()}
    )
    assert [(one.title, one.url) for one in client.find()] == [
        ("All", f"{SITE}/feed"),
        ("Talk", f"{SITE}/comments/feed"),
    ]
    assert sorted(client.asked) == sorted(
        [PAGE, f"{SITE}/feed", f"{SITE}/dead", f"{SITE}/a-page", f"{SITE}/comments/feed"]
    )


def test_a_feed_of_comments_alone_is_not_enough():
    client = FakeClient(
        {PAGE: html(link("/comments/feed")), f"{SITE}/comments/feed": rss("Talk"), f"{SITE}/feed": rss("All")}
    )
    assert [one.title for one in client.find()] == ["All", "Talk"]


def test_permanent_redirects_give_the_final_address_and_others_do_not():
    old, new, cdn = f"{SITE}/feed", f"{SITE}/rss.xml", "https://cdn.example/77"
    client = FakeClient(
        {PAGE: html(link("/feed") + link("/daily")), cdn: rss(), f"{SITE}/daily-now": rss("Daily")},
        moved={
            old: (301, new),
            new: (302, cdn),
            f"{SITE}/daily": (307, f"{SITE}/daily-now"),
            SITE: (308, PAGE),
        },
    )
    assert [one.url for one in client.find(SITE)] == [new, f"{SITE}/daily"]


def test_two_names_for_one_feed_are_one():
    client = FakeClient(
        {PAGE: html(link("/a") + link("/b")), f"{SITE}/b": rss()}, moved={f"{SITE}/a": (301, f"{SITE}/b")}
    )
    assert [one.url for one in client.find()] == [f"{SITE}/b"]


def test_a_page_of_feeds_is_followed_once():
    lists = html(body='<a href="/world.rss">World</a> <a href="/sport.rss">Sport</a> <a href="/feeds/">Feeds</a>')
    client = FakeClient(
        {
            PAGE: html(body='<a href="/feeds/">RSS</a>'),
            f"{SITE}/feeds/": lists,
            f"{SITE}/world.rss": rss("World"),
            f"{SITE}/sport.rss": rss("Sport"),
        }
    )
    feeds = client.find()
    assert [one.title for one in feeds] == ["World", "Sport"]
    assert feeds[0].why == f"named on {SITE}/feeds/"
    assert len(client.asked) == len(set(client.asked))


def test_where_no_page_names_one_likely_paths_are_tried():
    client = FakeClient({PAGE: html(), f"{SITE}/rss": rss()})
    (one,) = client.find()
    assert (one.url, one.why) == (f"{SITE}/rss", "no page names it; feeds often are there")
    client = FakeClient({f"{SITE}/news/feed": rss()})
    assert [one.url for one in client.find()] == [f"{SITE}/news/feed"], "even where the page itself is missing"


def test_the_service_of_the_address_counts_when_it_leads_elsewhere():
    url, feed = "https://www.youtube.com/channel/UC1", "https://www.youtube.com/feeds/videos.xml?channel_id=UC1"
    consent = "https://consent.example/?continue=x"
    client = FakeClient({consent: html(), feed: rss()}, moved={url: (302, consent)})
    assert [one.url for one in client.find(url)] == [feed]


def test_last_comes_the_news_sitemap_of_robots_txt():
    robots = f"Sitemap: {SITE}/sitemap.xml\nSitemap: {SITE}/sitemap-index.xml?news=0\nSitemap: {SITE}/news-index.xml\n"
    index = "".join(f"<sitemap><loc>{SITE}/{name}.xml</loc></sitemap>" for name in ("pages", "google-news"))
    news = f"<url><loc>{SITE}/1</loc><news><publication_date>2024-04-08</publication_date></news></url>"
    client = FakeClient(
        {
            f"{SITE}/robots.txt": robots,
            f"{SITE}/news-index.xml": f"<sitemapindex>{index}</sitemapindex>",
            f"{SITE}/google-news.xml": f"<urlset>{news}</urlset>",
        }
    )
    (one,) = client.find()
    assert (one.url, one.kind, one.entries) == (f"{SITE}/google-news.xml", "sitemap", 1)
    assert one.latest_at == datetime(2024, 4, 8, tzinfo=UTC)
    del client.texts[f"{SITE}/google-news.xml"]
    (one,) = client.find()
    assert (one.url, one.entries, one.why) == (f"{SITE}/news-index.xml", 2, "robots.txt names it")


@pytest.mark.parametrize(
    "page",
    [
        html(),
        html("".join(link(f"/{n}.xml") for n in range(40))),
        html(body="".join(f'<a href="/{n}.rss">RSS</a>' for n in range(40))),
    ],
)
def test_never_more_than_twelve_requests_and_robots_txt_is_among_them(page):
    client = FakeClient({PAGE: page})
    assert client.find() == []
    assert len(client.asked) <= 12
    assert client.asked[-1] == f"{SITE}/robots.txt"
    assert len(client.asked) == len(set(client.asked))


def test_one_bad_candidate_does_not_stop_the_others():
    client = FakeClient(
        {PAGE: html(link("/slow") + link("/feed")), f"{SITE}/feed": rss()}, errors={f"{SITE}/slow": Trouble.TIMEOUT}
    )
    assert [one.url for one in client.find()] == [f"{SITE}/feed"]


def test_an_address_without_a_scheme():
    client = FakeClient({"https://herald.example": rss()})
    assert [one.url for one in client.find(" herald.example ")] == ["https://herald.example"]
    client = FakeClient({"http://herald.example": rss()}, errors={"https://herald.example": Trouble.CONNECT})
    assert [one.url for one in client.find("herald.example")] == ["http://herald.example"]


def test_what_cannot_be_had_says_why():
    client = FakeClient(errors={PAGE: Trouble.NAME, "https://gone.example": Trouble.NAME})
    for url in (PAGE, "gone.example"):
        with pytest.raises(FetchError, match="cannot be had"):
            client.find(url)
    assert client.asked == [PAGE, "https://gone.example"]
