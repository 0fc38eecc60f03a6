"""What a page states of its article, each conflict between its statements, and where each field was found."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.language import normalise_language
from pipelines.page.metadata import read_metadata
from pipelines.page.names import agencies_in, names_in
from pipelines.page.parsed import parse
from warehouse.rows import Flag, Found

URL = "https://www.coastpost.example/local/storm-closes-harbour"
HEADLINE = "Storm closes the harbour of Lindvik"
TEXT = (
    "<p>The harbour of Lindvik was closed on Tuesday after a storm broke its breakwater, the mayor said.</p>"
    "<p>Ferries to the islands stay in port until Friday, and the fish market moves to the old town hall.</p>"
)


def ld(**values):
    return f'<script type="application/ld+json">{json.dumps({"@type": "NewsArticle"} | values)}</script>'


def og(name, content):
    return f'<meta property="og:{name}" content="{content}">'


def meta(name, content):
    return f'<meta name="{name}" content="{content}">'


def page(head="", above="", *, h1=f"<h1>{HEADLINE}</h1>", below="", url=URL, latest=None, root="<html>"):
    html = f"<!doctype html>{root}<head>{head}</head><body>{above}<article>{h1}{below}{TEXT}</article></body></html>"
    found = parse(html, url, latest)
    assert found
    return read_metadata(found)


NAMED = og("site_name", "Coast Post")


@pytest.mark.parametrize(
    ("head", "h1", "headline", "origin"),
    [
        # The site's name, by evidence
        (og("title", f"{HEADLINE} | Coast Post") + NAMED, "", HEADLINE, "opengraph"),
        (og("title", f"{HEADLINE} - Coast Post") + ld(publisher={"name": "Coast Post"}), "", HEADLINE, "opengraph"),
        (f"<title>{HEADLINE} — The Coast Post</title>", "", HEADLINE, "meta"),
        (f"<title>{HEADLINE} · coastpost.example</title>", "", HEADLINE, "meta"),
        (f"<title>{HEADLINE} :: Local :: Coast Post</title>" + meta("article:section", "Local"), "", HEADLINE, "meta"),
        (f"<title>Coast Post | {HEADLINE}</title>" + NAMED, "", HEADLINE, "meta"),
        (f"<title>{HEADLINE}_Coast Post</title>" + NAMED, "", HEADLINE, "meta"),
        (f"<title>{HEADLINE} - Harbour Gazette</title>", f"<h1>{HEADLINE}</h1>", HEADLINE, "visible"),
        ("<title>Reform - talks of Lind and Berg fail</title>" + NAMED, "", "Reform - talks of Lind and Berg fail", "meta"),
        (f"<title>{HEADLINE} – islands cut off</title>" + NAMED, "", f"{HEADLINE} – islands cut off", "meta"),
        ("<title>Why the harbour closed - and when it opens | Coast Post</title>" + NAMED, "",
         "Why the harbour closed - and when it opens", "meta"),
        (og("title", "Sturm schließt Hafen von Lindvik | Lokales | Küstenpost") + og("site_name", "Küstenpost")
         + meta("article:section", "Lokales"), "", "Sturm schließt Hafen von Lindvik", "opengraph"),
        (og("title", "嵐で港が閉鎖｜海岸新聞") + og("site_name", "海岸新聞"), "", "嵐で港が閉鎖", "opengraph"),
        (og("title", "إغلاق ميناء ليندفيك بسبب العاصفة | بريد الساحل") + og("site_name", "بريد الساحل"), "",
         "إغلاق ميناء ليندفيك بسبب العاصفة", "opengraph"),
        # Which of several
        (ld(headline=HEADLINE) + og("title", "You will not believe what the sea did"), f"<h1>{HEADLINE}</h1>", HEADLINE, "json-ld"),
        (ld(headline="Harbour, closed") + og("title", HEADLINE), f"<h1>{HEADLINE}</h1>", HEADLINE, "opengraph"),
        (og("title", "Storm closes the harbour…"), f"<h1>{HEADLINE}</h1>", HEADLINE, "opengraph"),
        (ld(headline="Ferries: &quot;no way out&quot;"), "", 'Ferries: "no way out"', "json-ld"),
        (ld(headline="Fish &amp;amp; ships"), "", "Fish & ships", "json-ld"),
        (ld(headline="Har\u00adbour <em>closed</em> by storm"), "", "Harbour closed by storm", "json-ld"),
        (ld(headline=HEADLINE.upper()), f"<h1>{HEADLINE}</h1>", HEADLINE, "visible"),
        (ld(headline=HEADLINE), f"<h1><span class='kicker'>Weather</span> {HEADLINE}</h1>", HEADLINE, "json-ld"),
        ("", f"<h1><span class='overline'>Weather: </span>{HEADLINE}</h1>", HEADLINE, "visible"),
        (NAMED, f"<h1 class='logo'>Coast Post</h1><h1>{HEADLINE}</h1>", HEADLINE, "visible"),
        (f"<title>{HEADLINE} | Harbour Gazette of Lind</title>", f"<h1>Harbour Gazette</h1><h1>{HEADLINE}</h1>", HEADLINE, "visible"),
        ("", f"<h2 itemprop='headline'>{HEADLINE}</h2>", HEADLINE, "microdata"),
        (ld(headline={"@value": HEADLINE, "@language": "en"}), "", HEADLINE, "json-ld"),
        (ld(headline="Other story", url="https://www.coastpost.example/other") + ld(headline=HEADLINE, url=URL), "",
         HEADLINE, "json-ld"),
    ],
)  # fmt: skip
def test_headline(head, h1, headline, origin):
    found = page(head, h1=h1)
    assert (found.headline, found.headline_from) == (headline, origin)


def test_a_page_of_nothing_but_its_sites_name_has_no_headline():
    assert page(f"<title>Coast Post</title>{NAMED}", h1="").headline is None


PERSON = {"@type": "Person", "name": "Ann Berg"}


@pytest.mark.parametrize(
    ("head", "below", "byline", "origin", "credit_line"),
    [
        (ld(author=PERSON), "", ("Ann Berg",), "json-ld", None),
        (ld(author=[PERSON, {"@type": "Person", "name": "Jon Lund"}]), "", ("Ann Berg", "Jon Lund"), "json-ld", None),
        (ld(author="Ann Berg and Jon Lund"), "", ("Ann Berg", "Jon Lund"), "json-ld", None),
        (ld(author={"name": "Ann Berg, Political Editor"}), "", ("Ann Berg",), "json-ld", None),
        (ld(author={"@type": "Person", "name": "ann berg"}), "", ("Ann Berg",), "json-ld", None),
        (ld(author={"@type": "Person", "name": "ANN MCBERG"}), "", ("Ann McBerg",), "json-ld", None),
        (ld(author={"@id": "#ann"}) + ld(**{"@type": "Person", "@id": "#ann", "name": "Ann Berg"}), "",
         ("Ann Berg",), "json-ld", None),
        (ld(author="https://coastpost.example/ann-berg") + meta("author", "Jon Lund"), "", ("Jon Lund",), "meta", None),
        (meta("article:author", "https://social.example/ann"), "<p class='byline'>By Ann Berg</p>", ("Ann Berg",), "visible", None),
        (meta("parsely-author", "ann-berg"), "<a rel='author' href='/a/1'>Ann Berg</a>", ("Ann Berg",), "visible", None),
        (ld(author={"@type": "Organization", "name": "Reuters"}), "", (), None, "Reuters"),
        (ld(author={"name": "dpa"}), "<p class='author'>Von Ann Berg, dpa</p>", ("Ann Berg",), "visible", "dpa"),
        (meta("author", "Ann Berg / AFP"), "", ("Ann Berg",), "meta", "AFP"),
        (ld(author={"name": "Ann Berg, AP Sports Writer"}), "", ("Ann Berg",), "json-ld", "AP"),
        # A newsroom signs only what no person does.
        (ld(author={"@type": "Organization", "name": "Coast Post"}) + NAMED, "", ("Coast Post",), "json-ld", None),
        (ld(author={"name": "Coast Post"}) + NAMED, "<p class='byline'>By Ann Berg</p>", ("Ann Berg",), "visible", None),
        (meta("author", "admin"), "", (), None, None),
        # What the page shows
        ("", "<div class='byline'>By <a href='/author/ann'>Ann Berg</a>, Political editor, Lindvik</div>", ("Ann Berg",), "visible", None),
        ("", "<span>Von: <a href='/ann-berg'>Ann Berg</a>, </span>", ("Ann Berg",), "visible", None),
        ("", "<p class='article__author'>Ann Berg | Lindvik | 5 March 2024</p>", ("Ann Berg",), "visible", None),
        ("", "<div><span>Ann Berg</span><span>05.03.2024</span></div>", ("Ann Berg",), "visible", None),
        (ld(author=PERSON), "<div class='authors'><a rel='author'>Jon Lund</a><a rel='author'>Ann Berg</a></div>",
         ("Jon Lund", "Ann Berg"), "visible", None),
        (ld(author=PERSON), "<figure><span class='author'>Jon Lund</span></figure>", ("Ann Berg",), "json-ld", None),
        ("", ("<p>Then <a href='/people/jon-lund'>Jon Lund</a> of the harbour office, who had seen the wave come over the "
         "breakwater and had rung the bell for an hour, sent the crews of all the ferries home and told them to wait for "
         "his call. No call had come when the sun set over the islands, and the crews stayed at home.</p>"), (), None, None),
        ("<!-- -->", "<span itemprop='author'><span itemprop='name'>Ann Berg</span></span>", ("Ann Berg",), "microdata", None),
    ],
)  # fmt: skip
def test_byline(head, below, byline, origin, credit_line):
    found = page(head, below=below)
    assert (found.byline, found.byline_from, found.credit_line) == (byline, origin, credit_line)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("By Ann Berg", ("Ann Berg",)),
        ("Von Ann von der Berg und Jörg Lund", ("Ann von der Berg", "Jörg Lund")),
        ("Par Anne-Marie d'Auberge", ("Anne-Marie d'Auberge",)),
        ("Por Ana Ortega y Gasset", ("Ana Ortega y Gasset",)),
        ("Por Ana Ortega y Luis Gasset", ("Ana Ortega", "Luis Gasset")),
        ("Khalid bin Salim al-Harbi", ("Khalid bin Salim al-Harbi",)),
        ("J. R. Lund Jr.", ("J. R. Lund Jr.",)),
        ("Ann BERG, Jon LUND", ("Ann Berg", "Jon Lund")),
        ("By Ann Berg, Jon Lund, and Kim Dahl, CNN", ("Ann Berg", "Jon Lund", "Kim Dahl")),
        ("Ann Berg Deputy Sports Editor", ("Ann Berg",)),
        ("Ann Berg (abe), ann.berg@coastpost.example", ("Ann Berg",)),
        ("Ann Berg @annberg", ("Ann Berg",)),
        ("山田 太郎", ("山田 太郎",)),
        ("박하늘 기자", ("박하늘",)),
        ("文／林小海", ("林小海",)),
        ("بقلم سالم الحربي", ("سالم الحربي",)),
        ("Анна Берг", ("Анна Берг",)),
        ("Fatma Ann Whitehead", ("Fatma Ann Whitehead",)),
        ("Emil Sund in Lindvik", ("Emil Sund",)),
        ("Ann Berg Ann Berg", ("Ann Berg",)),
        ("Staff Reporter", ()),
        ("Redaktion", ()),
        ("Coast News Desk", ()),
        ("View All", ()),
        ("12 March 2024", ()),
        ("www.coastpost.example", ()),
    ],
)
def test_names(text, names):
    assert names_in(text) == names


def test_agencies():
    assert agencies_in("red, coastpost.example/Reuters, AFP") == ("Reuters", "AFP")


DAY = datetime(2024, 3, 5, tzinfo=UTC)
TEN = datetime(2024, 3, 5, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("head", "below", "url", "published", "origin"),
    [
        (ld(datePublished="2024-03-05T11:30:00+01:00"), "", URL, TEN, "json-ld"),
        (ld(datePublished="2024-03-05T10:30:00Z") + og("article:published_time", "2024-03-07T10:30:00Z"), "", URL, TEN, "json-ld"),
        (ld(dateModified="2024-03-09T10:30:00Z") + meta("date", "2024-03-05T10:30:00Z"), "", URL, TEN, "meta"),
        (ld(dateModified="2024-03-09T10:30:00Z") + ld(**{"@type": "VideoObject", "uploadDate": "2024-03-05T10:30:00Z"}),
         "", URL, TEN, "json-ld"),
        (ld(datePublished="2024-03-05"), "<time datetime='2024-03-05T10:30:00Z'>10:30</time>", URL, TEN, "visible"),
        (ld(datePublished="2024-03-05") + meta("parsely-pub-date", "2024-03-05T10:30:00Z"), "", URL, TEN, "meta"),
        (ld(datePublished="2024-03-05T11:30:00", dateModified="2024-03-06T08:00:00+01:00"), "", URL, TEN, "json-ld"),
        (ld(datePublished="1970-01-01T00:00:00Z") + meta("date", "2024-03-05T10:30:00Z"), "", URL, TEN, "meta"),
        (ld(datePublished="2031-01-01T00:00:00Z") + meta("date", "2024-03-05T10:30:00Z"), "", URL, TEN, "meta"),
        ("<!-- -->", "<span itemprop='datePublished' content='2024-03-05T10:30:00Z'>Tuesday</span>", URL, TEN, "microdata"),
        ("", "<time datetime='2024-03-05T10:30:00Z'>today</time>", URL, TEN, "visible"),
        ("", ("<p>Updated: <time datetime='2024-03-09T10:30:00Z'>9 March</time></p><p>Published: "
         "<time datetime='2024-03-05T10:30:00Z'>5 March</time></p>"), URL, TEN, "visible"),
        ("", "<span class='date'>Veröffentlicht am 5. März 2024</span>", URL, DAY, "visible"),
        ("", "<span class='date'>Publié le 5 mars 2024</span>", URL, DAY, "visible"),
        ("", "<span class='date'>Published: March 5, 2024 | 3 min read</span>", URL, DAY, "visible"),
        ("", "<span class='date'>2024年3月5日</span>", URL, DAY, "visible"),
        ("", "", "https://coastpost.example/2024/03/05/storm", DAY, "url"),
        ("", "", "https://coastpost.example/2024-03/05/c_17.htm", DAY, "url"),
        ("", "", "https://coastpost.example/202403/05/storm.html", DAY, "url"),
        ("", "", "https://coastpost.example/2024/storm-1", None, None),
    ],
)  # fmt: skip
def test_time_of_publication(head, below, url, published, origin):
    found = page(head, below=below, url=url, latest=datetime(2024, 4, 1, tzinfo=UTC))
    assert (found.published_at, found.published_from) == (published, origin)
    assert (Flag.DATE_ONLY in found.flags) == (published == DAY)


def test_a_date_that_cannot_be_true_is_left_out_and_flagged():
    found = page(ld(datePublished="2031-01-01T00:00:00Z"), latest=datetime(2024, 4, 1, tzinfo=UTC))
    assert (found.published_at, found.flags) == (None, {Flag.DATE_IMPLAUSIBLE})


def test_a_saved_page_may_be_of_any_year_since_there_were_pages():
    assert page(ld(datePublished="2031-01-01T00:00:00Z")).published_at == datetime(2031, 1, 1, tzinfo=UTC)


def test_time_of_the_last_edit():
    found = page(ld(datePublished="2024-03-05T10:30:00Z", dateModified="2024-03-06T08:00:00Z"))
    assert (found.modified_at, found.modified_from) == (datetime(2024, 3, 6, 8, tzinfo=UTC), "json-ld")
    assert page(og("updated_time", "2024-03-06T08:00:00Z")).modified_from == "opengraph"


@pytest.mark.parametrize(
    ("head", "below", "subheadline"),
    [
        ("", "<p class='standfirst'>Ferries stay in port until Friday</p>", "Ferries stay in port until Friday"),
        (meta("description", "Ferries stay in port until Friday"), "<h2>Ferries stay in port until Friday</h2>",
         "Ferries stay in port until Friday"),
        (ld(alternativeHeadline="Ferries stay in port"), "<div>Ferries stay in port</div>", "Ferries stay in port"),
        (meta("description", "Ferries stay in port until Friday"), "", None),
        ("", "<figure><p class='subtitle'>The breakwater on Monday night</p></figure>", None),
        (ld(author=PERSON), "<p class='sub-head'>Ann Berg, updated 5 March 2024</p>", None),
    ],
)  # fmt: skip
def test_subheadline(head, below, subheadline):
    assert page(head, below=below).subheadline == subheadline


CRUMBS = ld(**{"@type": "BreadcrumbList", "itemListElement": [
    {"position": 1, "name": "Home"}, {"position": 2, "item": {"name": "Islands"}}, {"position": 3, "name": HEADLINE}]})  # fmt: skip


@pytest.mark.parametrize(
    ("head", "section", "origin"),
    [
        (ld(articleSection=["Islands", "Weather"]), "Islands", "json-ld"),
        (meta("article:section", "Islands"), "Islands", "opengraph"),
        (CRUMBS, "Islands", "json-ld"),
        (NAMED + ld(articleSection="Coast Post") + meta("article:section", "Islands"), "Islands", "opengraph"),
        (meta("article:section", "Uncategorized"), None, None),
        ("", None, None),
    ],
)
def test_section(head, section, origin):
    found = page(head)
    assert (found.section, found.section_from) == (section, origin)


@pytest.mark.parametrize(
    ("head", "canonical", "origin"),
    [
        ("<link rel='canonical' href='/local/storm'>", "https://www.coastpost.example/local/storm", "meta"),
        ("<link rel='canonical' href='https://www.coastpost.example/'>", None, None),
        (og("url", "https://amp.coastpost.example/storm"), "https://amp.coastpost.example/storm", "opengraph"),
        ("<link rel='canonical' href='javascript:void(0)'>", None, None),
        ("<link rel='canonical' href='https://['>" + og("url", URL), URL, "opengraph"),
    ],
)
def test_canonical_address(head, canonical, origin):
    found = page(head)
    assert (found.canonical_url, found.canonical_from) == (canonical, origin)


@pytest.mark.parametrize(
    ("head", "image", "origin"),
    [
        (ld(image={"@type": "ImageObject", "url": "/wave.jpg"}), "https://www.coastpost.example/wave.jpg", "json-ld"),
        (ld(image=["https://i.example/1.jpg", "https://i.example/2.jpg"]), "https://i.example/1.jpg", "json-ld"),
        (og("image", "//i.example/1.jpg"), "https://i.example/1.jpg", "opengraph"),
        (og("image", "data:image/png;base64,AA"), None, None),
    ],
)
def test_lead_picture(head, image, origin):
    found = page(head)
    assert (found.image_url, found.image_from) == (image, origin)


@pytest.mark.parametrize(
    ("root", "head", "language", "origin"),
    [
        ("<html lang='sv-SE'>", ld(inLanguage="en"), "sv-SE", "meta"),
        ("<html>", ld(inLanguage="sv"), "sv", "json-ld"),
        ("<html>", og("locale", "sv_SE"), "sv-SE", "meta"),
        ("<html lang='nonsense!'>", "", None, None),
    ],
)
def test_language(root, head, language, origin):
    found = page(head, root=root)
    assert (normalise_language(found.language), found.language_from) == (language, origin)


def test_keywords_are_the_publishers_and_for_readers():
    found = page(
        NAMED + ld(keywords="Ferries, Coast Post, type_news, ferries, Category: Local, Storms") + meta("keywords", "x")
    )
    assert found.stated_tags == ("Ferries", "Storms") or {tag.lower() for tag in found.stated_tags} == {
        "ferries",
        "storms",
    }


@pytest.mark.parametrize(
    ("head", "publisher"),
    [
        (NAMED, "Coast Post"),
        (
            ld(publisher={"@id": "#o"}) + ld(**{"@type": "Organization", "@id": "#o", "name": "Coast Post"}),
            "Coast Post",
        ),
        (og("site_name", "Coastpost | All of the coast"), "Coastpost"),
        ("", "coastpost.example"),
    ],
)
def test_publisher(head, publisher):
    assert page(head).publisher == publisher


@pytest.mark.parametrize("logo", ['<a href="/">{0}</a>', '<a href="/"><img src="/l.gif" alt="{0}"></a>'])
@pytest.mark.parametrize("title", ["{0}: {1}", "{0} — Local — {1}", "{1} | {0}"])
def test_the_name_that_leads_to_the_front_page_and_ends_the_title_is_the_publishers(logo, title):
    name = "Notes from the Saltings"
    found = page(f"<title>{title.format(name, HEADLINE)}</title>", logo.format(name), below='<a href="/l">Local</a>')
    assert (found.publisher, found.headline) == (name, HEADLINE)
    assert found.section == ("Local" if "Local" in title else None)


def test_the_time_of_a_comment_is_not_that_of_the_article():
    comment = '<div class="comment"><p>7 March 2031 at 11:40</p></div>'
    post = '<abbr class="published" title="2031-03-07T07:12:00Z">07:12</abbr>'
    assert page(below=comment + post).published_at == datetime(2031, 3, 7, 7, 12, tzinfo=UTC)


def test_what_is_marked_as_lead_below_the_text_is_no_subheadline():
    assert page(below=f'{TEXT}<p class="lead-sub">Members read all of our stories.</p>').subheadline is None


@pytest.mark.parametrize(
    "script",
    [
        '<!-- {"@type": "NewsArticle", "headline": "%s",} -->',
        '//<![CDATA[\n{"@type": "NewsArticle", "headline": "%s"}\n//]]>',
        '[{"@graph": [{"@type": ["NewsArticle"], "headline": "%s"}]}];',
    ],
)
def test_linked_data_that_is_not_quite_json_is_read(script):
    found = page(f'<script type="application/ld+json">{script % HEADLINE}</script>', h1="")
    assert (found.headline, found.headline_from) == (HEADLINE, "json-ld")


WORDS = st.sampled_from(
    ["@type", "Article", "@id", "@graph", "author", "headline", "datePublished", "name", "image", "url", "keywords", "x - y | z"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=6),
    max_leaves=20,
)


@given(
    JSON, st.text(max_size=60), st.sampled_from(["", URL, "http://[", "http://x:y/2024/03/05/", "mailto:a@b.example"])
)
def test_no_statement_breaks_the_reading(data, text, url):
    script = json.dumps({"@type": "NewsArticle", "author": data} | (data if isinstance(data, dict) else {}))
    head = f'<title>{text}</title><script type="application/ld+json">{script}</script>{og("title", text)}{meta("author", text)}'
    found = parse(f"<html><head>{head}</head><body><h1>{text}</h1><p class='byline'>{text}</p></body></html>", url)
    if found is not None:
        result = read_metadata(found)
        assert all(isinstance(name, str) and name for name in result.byline)
        assert result.headline_from in (None, *Found)


FULL = (
    "<html lang='en'><head>" + ld(headline=HEADLINE, author=[PERSON], datePublished="2024-03-05") + NAMED + og("image", "/a.jpg")
    + f"</head><body><h1>{HEADLINE}</h1><p class='byline'>By Ann Berg</p><time datetime='2024-03-05'>x</time>{TEXT}</body></html>"
)  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, len(FULL)), st.integers(0, 40), st.text(max_size=8)), max_size=6))
def test_a_damaged_page_is_read_as_far_as_it_goes(changes):
    html = FULL
    for start, length, text in changes:
        html = html[:start] + text + html[start + length :]
    found = parse(html, URL)
    assert found is None or read_metadata(found).language_from in (None, *Found)


@pytest.mark.parametrize(
    "html",
    [
        f"<h1>{HEADLINE}</h1><div class='author'>" + "<p class='byline'>By Ann Berg</p>" * 20_000 + "</div>",
        f"<h1>{HEADLINE}</h1>" + "<div class='byline'>" * 5_000 + "By Ann Berg",
        f"<h1>{HEADLINE}</h1>" + "<span itemprop='author'>" * 3_000 + "Ann Berg",
        f"<h1>{HEADLINE}" + "<span class='kicker'>" * 3_000,
        "<meta name='author' content='Ann Berg'>" * 20_000 + f"<h1>{HEADLINE}</h1>",
        f"<h1>{HEADLINE}</h1>" + "<time datetime='2024-03-05'>x</time>" * 20_000,
    ],
    ids=["bylines", "nested bylines", "nested authors", "nested kickers", "metas", "times"],
)
def test_a_hostile_page_takes_no_longer_than_its_length(html):
    assert page(below=html).headline == HEADLINE


# Names that no person would write


@pytest.mark.parametrize(
    ("head", "publisher"),
    [
        # The same name, better written
        (og("site_name", "coastpost") + ld(publisher={"name": "Coast Post"}), "Coast Post"),
        (og("site_name", "coastpost.example") + ld(publisher={"name": "Coast Post"}), "Coast Post"),
        (og("site_name", "COASTPOST") + ld(publisher={"name": "The Hill Wire"}), "COASTPOST"),
        (og("site_name", "www.coastpost.example") + ld(publisher={"name": "CoastPost"}), "CoastPost"),
        (og("site_name", "CoastPost.example") + ld(publisher={"name": "coastpost"}), "CoastPost.example"),
        (og("site_name", "coastpost") + f"<title>{HEADLINE} | Coast Post</title>", "Coast Post"),
        (og("site_name", "coastpost") + meta("application-name", "Coast Post"), "Coast Post"),
        (og("site_name", "Coast-Post") + ld(publisher={"name": "Coast Post"}), "Coast-Post"),
        (og("site_name", "@CoastPost"), "CoastPost"),
        # Another's name is not taken for it
        (og("site_name", "coastpost.example") + ld(publisher={"name": "Hill Wire Agency"}), "coastpost.example"),
        # An address
        (og("site_name", "https://www.coastpost.example"), "coastpost.example"),
        (og("site_name", "https://www.coastpost.example/") + ld(publisher={"name": "Coast Post"}), "Coast Post"),
        (og("site_name", "//coastpost.example/local"), "coastpost.example"),
        (og("site_name", "https://["), "coastpost.example"),
        # The notice that stands at the foot of a page
        (meta("copyright", "Copyright 2014"), "coastpost.example"),
        (meta("copyright", "Copyright (c) 2014-2024. All rights reserved."), "coastpost.example"),
        (meta("copyright", "© 2019–2024 The Coast Post. All rights reserved."), "The Coast Post"),
        (meta("copyright", "2024 Coast Post"), "Coast Post"),
        (meta("copyright", "© Küstenpost, alle Rechte vorbehalten"), "Küstenpost"),
        (meta("copyright", "© 海岸新聞"), "海岸新聞"),
        (og("site_name", "Lind 2030"), "Lind 2030"),
        # Words of the program that made the page
        (og("site_name", "Hosted") + f"<title>{HEADLINE} | Hosted</title>", "coastpost.example"),
        (og("site_name", "Home") + ld(publisher={"name": "Coast Post"}), "Coast Post"),
        (og("site_name", "2014"), "coastpost.example"),
    ],
)
def test_a_publisher_has_a_name(head, publisher):
    assert page(head).publisher == publisher


@pytest.mark.parametrize(
    "above",
    ["<a href='/'><h1>Küstenblatt</h1></a>", "<h1><a href='https://www.coastpost.example/'>Küstenblatt</a></h1>"],
)
def test_a_heading_that_leads_to_the_front_page_is_no_headline(above):
    title = f"<title>{HEADLINE} - coastpost.example</title>"
    assert page(title, above, h1="").headline == HEADLINE
    assert page(title, above, h1=f"<h2>{HEADLINE}</h2>").headline == HEADLINE
    assert page("", above, h1="").headline is None


def test_a_heading_that_leads_to_the_article_is_its_headline():
    assert page("", h1=f"<h1><a href='{URL}'>{HEADLINE}</a></h1>").headline == HEADLINE
