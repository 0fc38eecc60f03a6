import json
import re
import time
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.document import Document
from pipelines.extract import extract
from pipelines.origin import ORIGINS
from pipelines.read import read
from pipelines.values import Rejected
from warehouse.rows import Flag, Reason, Role, Stage

SEEDS = Path(__file__).parents[2] / "shared" / "data" / "seeds"
BODY = "The harbour of Lindvik was closed on Tuesday after a storm.\n\nThe mayor said that it would open again."
DAY = datetime(2024, 3, 5, tzinfo=UTC)


def extracted(data, *, address="a.txt", role=Role.FILE, **options):
    data = data.encode() if isinstance(data, str) else data
    stated = {"source": "s", "uri": f"file:///s/{address}", "fetched_at": DAY}
    return extract(read(Document(role=role, address=address, data=data, **stated, **options)))


def row(**fields):
    return extracted(json.dumps(fields), role=Role.RECORD)


def reason(data, **options):
    with pytest.raises(Rejected) as caught:
        extracted(data, **options)
    assert caught.value.stage is Stage.EXTRACT
    return caught.value.reason


def stated(article):
    """The fields that hold something, and whence the date is."""
    left_out = {"text", "extractor", "flags", *ORIGINS.values()} - {"published_from"}
    return {name: value for name in article.__slots__ if name not in left_out and (value := getattr(article, name))}


# Text files: their forms


def test_a_body_alone_states_nothing():
    article = extracted(BODY)
    assert (article.text, stated(article), article.flags) == (BODY, {}, frozenset())


@pytest.mark.parametrize(
    "title",
    [
        "Storm closes harbour of Lindvik",
        "“We will rebuild,” says mayor",
        "Who closed the harbour?",
        "Harbour closed in the U.S.",
        "Memories of a harbour...",
        "港口因风暴关闭",
        "Storm closes harbour | Lindvik Post",
    ],
)
@pytest.mark.parametrize("gap", ["\n\n", "\n \n\n\n"])
def test_a_title_line_is_the_headline(title, gap):
    article = extracted(f"{title}{gap}{BODY}\n")
    assert (article.text, stated(article)) == (BODY, {"headline": title})


@pytest.mark.parametrize(
    "first",
    [
        "The harbour was closed.",
        "Among the ships in the harbour were:",
        "A first line\nand a second one",
        "LINDVIK, March 5 - " + "the harbour of the town was closed " * 8,
        "* * *",
        "Harbour map 2.JPG",
    ],
)
def test_a_first_paragraph_is_no_headline(first):
    article = extracted(f"{first}\n\n{BODY}")
    assert article.headline is None
    assert article.text.startswith(first.split("\n")[0].strip())


def test_a_standfirst_stays_in_the_body():
    article = extracted(f"Storm closes harbour\n\nFerries stay in port until further notice\n\n{BODY}")
    assert article.headline == "Storm closes harbour"
    assert article.text.startswith("Ferries stay in port until further notice\n\nThe harbour")


def test_a_list_of_short_lines_has_no_headline():
    text = "Ships\n\nThe Ada\n\nThe Berta"
    assert (extracted(text).headline, extracted(text).text) == (None, text)


@pytest.mark.parametrize(
    "prefix",
    [
        " date 2024-03-05 ",
        "date 2024-03-05\n\n",
        "Date: 2024-03-05\n",
        "DATE 2024-3-5 ",
        "Date: March 5, 2024\n\n",
        "date 5 March 2024 ",
    ],
)
def test_a_date_prefix_is_the_day_of_publication(prefix):
    article = extracted(prefix + BODY)
    assert (article.text, stated(article)) == (BODY, {"published_at": DAY, "published_from": "text"})
    assert article.flags == {Flag.DATE_ONLY}


@pytest.mark.parametrize(
    "text",
    ["Date palms fell in the storm.", "Date 2024-03-05 was chosen for the vote.", "date 2024-13-45 The storm came."],
)
def test_a_sentence_that_begins_with_date_is_none(text):
    article = extracted(text)
    assert (article.text, article.published_at) == (text, None)


def test_front_matter_gives_its_fields():
    article = extracted(
        "---\ntitle: 'Storm: harbour closed'\ndate: 2024-03-05\nauthors: [Ann Berg, Jon Lund]\nTags: sea, ports\n"
        'sources: ["https://a.example/1", "https://b.example/2"]\nurl: https://c.example/3\nlang: en\n'
        f"publisher: Lindvik Post\nsection: Local\nsubtitle: Ferries stay in port\n---\n\n{BODY}\n"
    )
    assert article.text == BODY
    assert stated(article) == {
        "headline": "Storm: harbour closed",
        "subheadline": "Ferries stay in port",
        "published_at": DAY,
        "published_from": "front matter",
        "byline": ("Ann Berg", "Jon Lund"),
        "stated_tags": ("sea", "ports"),
        "stated_sources": ("https://a.example/1", "https://b.example/2"),
        "url": "https://c.example/3",
        "language": "en",
        "publisher": "Lindvik Post",
        "section": "Local",
    }


def test_front_matter_and_heading_together():
    article = extracted(f"---\ntags: [sea]\n...\n\n# Harbour *closed* ([map](http://m.example))\n\n{BODY}")
    assert (article.headline, article.stated_tags, article.text) == ("Harbour closed (map)", ("sea",), BODY)


def test_a_heading_that_repeats_the_front_matters_title_goes():
    assert extracted(f"---\ntitle: Harbour closed\n---\n# Harbour closed\n\n{BODY}").text == BODY


@pytest.mark.parametrize(
    "text",
    [
        f"---\n\n{BODY}",
        f"---\n\n{BODY}\n\n---\n\nThe port is old.",
        "---\nBREAKING: harbour closed\n---\n\nThe port is old.",
        f"{BODY}\n\n---\ntitle: x\n---",
    ],
)
def test_a_rule_is_no_front_matter(text):
    article = extracted(text)
    assert (stated(article), article.flags) == ({}, frozenset())
    assert "The " in article.text


@pytest.mark.parametrize(
    "block", ["title: Harbour closed\ntags:\n\t- sea\n\t- ports", "title: Harbour closed\ntags: [sea, ports"]
)
def test_broken_front_matter_is_read_by_line_and_flagged(block):
    article = extracted(f"---\n{block}\n---\n\n{BODY}")
    assert article.headline == "Harbour closed"
    assert article.text.endswith(BODY)
    assert article.flags == {Flag.FRONT_MATTER_BROKEN}


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "block",
    [
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "\n".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
        "title: " + "[" * 5000 + "]" * 5000,
        "title: " + "{a: " * 5000,
        "? " * 3000 + "title: x",
        "title: !!python/object/apply:os.system [echo]",
        "title: x\nbig: " + "y" * 200_000,
    ],
)
def test_a_yaml_bomb_does_no_harm(block):
    assert extracted(f"---\n{block}\n---\n\n{BODY}").text.endswith(BODY)


def test_an_impossible_date_is_left_out_and_flagged():
    article = extracted(f"---\ndate: 2024-02-31\n---\n\n{BODY}")
    assert (article.published_at, article.flags) == (None, {Flag.DATE_IMPLAUSIBLE})


def test_header_lines_below_the_title_are_fields():
    article = extracted(f"Storm closes harbour\nBy Ann Berg and Jon Lund\nPublished: March 5, 2024\n\n{BODY}")
    assert (article.headline, article.byline, article.published_at) == (
        "Storm closes harbour",
        ("Ann Berg", "Jon Lund"),
        DAY,
    )
    assert article.text == BODY


@pytest.mark.parametrize("line", ["By the sea, people waited.", "By the way", "By Tuesday the storm had gone"])
def test_a_sentence_that_begins_with_by_is_no_byline(line):
    article = extracted(f"Storm closes harbour\n\n{line}\n\n{BODY}")
    assert (article.byline, line in article.text) == ((), True)


def test_header_lines_alone():
    article = extracted(
        f"Title: Storm closes harbour\nAuthor: Ann Berg\nDate: 2024-03-05\nSource: Lindvik Post\n\n{BODY}"
    )
    assert article.headline == "Storm closes harbour"
    assert (article.byline, article.published_at, article.publisher) == (("Ann Berg",), DAY, "Lindvik Post")
    assert article.text == BODY


@settings(max_examples=60)
@given(
    title=st.from_regex(r"[A-Z][a-z]{2,9}( [a-z]{2,9}){1,8}", fullmatch=True),
    tags=st.lists(st.from_regex(r"[a-z]{2,9}", fullmatch=True), unique=True, max_size=4),
    day=st.dates(min_value=datetime(1600, 1, 1, tzinfo=UTC).date()),
    form=st.sampled_from(["front", "prefix", "heading", "title"]),
)
def test_every_form_round_trips(title, tags, day, form):
    opening = {
        "front": f"---\ntitle: {json.dumps(title)}\ndate: {day}\ntags: {json.dumps(tags)}\n---\n",
        "prefix": f" date {day} ",
        "heading": f"# {title}\n",
        "title": f"{title}\n\n",
    }[form]
    article = extracted(opening + BODY)
    assert article.text == BODY
    assert article.headline == (None if form == "prefix" else title)
    assert (article.published_at.date() if article.published_at else None) == (
        day if form in ("front", "prefix") else None
    )
    assert article.stated_tags == (tuple(tags) if form == "front" else ())


def test_markdown_is_read_as_its_reader_sees_it():
    article = extracted(
        "# Harbour closed\n\n![A ship](ship.png)\n\nThe **harbour** of [Lindvik](https://l.example/a_(b)) was _closed_.\n\n"
        "## Ferries\n* The *Ada*\n* The `Berta`\n\n> It will open again.\n\nOld\n---\n\nsnake_case and 2 * 3 * 4 stay.\n",
        address="a.md",
    )
    assert article.text == (
        "The harbour of Lindvik was closed.\n\nFerries\n\n- The Ada\n- The Berta\n\nIt will open again.\n\nOld\n\n"
        "snake_case and 2 * 3 * 4 stay."
    )


# Text files: their layout


def test_long_lines_are_paragraphs():
    first, second = (
        "The storm came at noon and the harbour was closed. " * 4,
        "Ferries stayed in port until the evening. " * 4,
    )
    assert extracted(f"{first}\n{second}\n").text == f"{first.strip()}\n\n{second.strip()}"


def test_wrapped_lines_are_joined_and_indented_ones_begin_a_paragraph():
    text = (
        "    The storm came at noon and the harbour of Lindvik was\nclosed until the evening, as its master, a well-\n"
        "known sailor, said in a short statement to the press of\nthe town.\n"
        "    Ferries stayed in port, and so did the fishing boats of\nthe islands, which had been warned the day before by\nradio.\n"
    )
    assert extracted(text).text == (
        "The storm came at noon and the harbour of Lindvik was closed until the evening, as its master, a well-known sailor, "
        "said in a short statement to the press of the town.\n\n"
        "Ferries stayed in port, and so did the fishing boats of the islands, which had been warned the day before by radio."
    )


def test_verse_and_lists_keep_their_lines():
    verse = "The ship went out\nupon the sea\nand never came\nback home to me"
    assert extracted(f"{BODY}\n\n{verse}").text.endswith(f"\n\n{verse}")


def test_chinese_is_joined_without_blanks():
    line = "港口因风暴关闭直到星期三晚上市长在星期三的声明中宣布了这一消息并感谢所有人"
    assert extracted(f"{line}\n{line}\n{line}。\n").text == f"{line}{line}{line}。"


def test_one_line_of_25_mb_takes_bounded_time():
    data = b"word " * 5_000_000
    begun = time.perf_counter()
    article = extracted(data)
    assert time.perf_counter() - begun < 5
    assert Flag.TRUNCATED in article.flags


@pytest.mark.parametrize("text", ["# Harbour closed", "Harbour closed", "By Ann Berg", "Source: Lindvik Post\n"])
def test_no_text_is_too_short(text):
    article = extracted(text)
    assert (article.text, article.headline) == (text.strip("#\n "), None)


@pytest.mark.parametrize("text", ["***\n\n---\n", "---\ntitle: Harbour closed\n---\n", "date 2024-03-05"])
def test_punctuation_or_a_head_alone_is_no_text(text):
    assert reason(text) is Reason.NO_TEXT


SHAPES = st.text("ab .\n\t-#*>_`[]()!:é\u0301\u3099か一\u00a0'\"|0\r\x0c", max_size=300)


@settings(max_examples=300)
@given(
    st.one_of(SHAPES, st.text(max_size=200), SHAPES.map(lambda text: f"---\ntitle: {text}\n---\n{text}")),
    st.sampled_from(["a.txt", "a.md"]),
)
def test_text_comes_out_tidy(text, address):
    try:
        article = extracted(text.encode("utf-8", "ignore"), address=address)
    except Rejected:
        return
    assert_tidy(article)


def assert_tidy(article):
    text = article.text
    assert unicodedata.is_normalized("NFC", text)
    assert not any(unicodedata.category(char) == "Cc" and char != "\n" for char in text)
    assert not re.search(r"\n{3,}|\s\n(?!\n)[^\S\n]", text)
    assert all(line == line.rstrip() for line in text.split("\n"))
    assert text == text.strip()


# Rows


def test_front_matter_and_text_are_told_apart():
    article = extracted(f"---\ndate: 2024-03-05\n---\n\nStorm closes harbour\n\nBy Ann Berg\n\n{BODY}\n")
    assert (article.published_from, article.headline_from, article.byline_from) == ("front matter", "text", "text")


def test_a_row_is_taken_by_its_field_names():
    article = row(
        id=17,
        url="https://a.example/1",
        headline=None,
        title="Storm closes AT&amp;T harbour",
        text=BODY,
        published="2024-03-05T00:00:00Z",
        authors=["Ann Berg", {"name": "Jon Lund"}],
        lang="en",
        source_domain="a.example",
        keywords="sea, ports",
    )
    assert (article.text, article.extractor) == (BODY, "record/1")
    assert stated(article) == {
        "record_id": "17",
        "url": "https://a.example/1",
        "headline": "Storm closes AT&T harbour",
        "published_at": DAY,
        "published_from": "field",
        "byline": ("Ann Berg", "Jon Lund"),
        "language": "en",
        "publisher": "a.example",
        "stated_tags": ("sea", "ports"),
    }


@pytest.mark.parametrize("name", ["text", "body", "content", "maintext", "article", "Body"])
def test_any_name_of_the_body_will_do(name):
    assert row(**{name: BODY}).text == BODY


def test_html_goes_before_text_and_fields_before_its_metadata():
    page = f"<html lang='de'><head><title>Other</title></head><body><article><p>{'</p><p>'.join(BODY.split(chr(10) * 2))}</p></article></body></html>"
    article = row(html=page, text="no", title="Storm", language="en")
    assert (article.text, article.headline, article.language) == (BODY, "Storm", "en")
    assert row(content="<p>One is here.</p><p>Two<br>lines</p><ul><li>a</li><li>b</li></ul>").text == (
        "One is here.\n\nTwo\nlines\n\n- a\n- b"
    )


def test_a_text_with_a_title_of_its_own_gives_it_only_where_no_field_does():
    assert row(text=f"Storm closes harbour\n\n{BODY}").headline == "Storm closes harbour"
    article = row(title="Harbour closed", text=f"Ferries stay in port\n\n{BODY}")
    assert (article.headline, article.text[:20]) == ("Harbour closed", "Ferries stay in port")


def test_python_lists_in_a_column_are_lists():
    article = row(text=BODY, authors="['Ann Berg', 'Jon Lund']", tags='["sea", "ports"]')
    assert (article.byline, article.stated_tags) == (("Ann Berg", "Jon Lund"), ("sea", "ports"))


@pytest.mark.parametrize("data", ["", "[1]", "nonsense", '"text"', '{"text": "cut', "[" * 100_000, '{"a":' * 100_000])
def test_a_row_that_is_no_object_is_broken(data):
    if data:
        assert reason(data, role=Role.RECORD) is Reason.RECORD_BROKEN


def test_names_of_fields_may_have_blanks_and_a_text_may_be_a_list():
    article = row(**{"Article": ["One boat left.", "Two came."], "Date Published": "2024-03-05T00:00:00Z"})
    assert (article.text, article.published_at) == ("One boat left.\n\nTwo came.", DAY)


@pytest.mark.parametrize(
    "fields", [{}, {"title": "x"}, {"text": " \n"}, {"text": None}, {"text": 5}, {"html": "<p></p>"}, {"text": "..."}]
)
def test_a_row_without_text_is_a_reject(fields):
    assert reason(json.dumps(fields), role=Role.RECORD) is Reason.NO_TEXT


def test_odd_values_of_a_row_do_no_harm():
    data = '{"id": %s, "id": 2, "text": "A \\ud800 b \\u0000 c", "date": NaN, "title": {"a": [1e999]}, "tags": [[["x"]]], "author": true}'
    article = extracted(data % ("9" * 6000), role=Role.RECORD)
    assert (article.text, article.record_id, article.published_at, article.flags) == (
        "A  b  c".replace("  ", " "),
        "2",
        None,
        frozenset(),
    )


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=40)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)
NAMES = st.sampled_from(
    [
        "id",
        "url",
        "link",
        "headline",
        "title",
        "html",
        "text",
        "body",
        "published_at",
        "date",
        "authors",
        "byline",
        "lang",
        "source",
        "tags",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, JSON, max_size=6))
def test_any_row_is_an_article_or_a_reject(fields):
    try:
        assert_tidy(row(**fields))
    except Rejected as verdict:
        assert verdict.stage is Stage.EXTRACT  # noqa: PT017  either end is right


# Pages

PAGE = """<!DOCTYPE html><html lang="en-GB"><head><title>Storm closes harbour</title><meta charset="utf-8">
<meta name="author" content="Ann Berg"><meta property="og:site_name" content="Lindvik Post">
<meta name="description" content="Ferries stay in port."><meta name="keywords" content="sea, ports">
<link rel="canonical" href="https://lindvik.example/storm">%s</head>
<body><nav><a href="/">Home</a></nav><article><h1>Storm closes harbour</h1>
<p>The harbour of Lindvik was closed on Tuesday after a storm, and the ferries stayed in port for the night.</p>
<p>The mayor said that it would open again as soon as the wind had dropped and the channel was clear.</p>
<ul><li>The Ada stays in Lindvik</li><li>The Berta stays on the island</li></ul></article></body></html>"""


def test_a_page_gives_its_article_and_what_it_states():
    article = extracted(PAGE % "", address="a.html")
    assert article.text == (
        "The harbour of Lindvik was closed on Tuesday after a storm, and the ferries stayed in port for the night.\n\n"
        "The mayor said that it would open again as soon as the wind had dropped and the channel was clear.\n\n"
        "- The Ada stays in Lindvik\n- The Berta stays on the island"
    )
    assert (article.extractor, article.headline, article.byline) == (
        "blocks/1+trafilatura/2.3.1",
        "Storm closes harbour",
        ("Ann Berg",),
    )
    assert (article.publisher, article.summary) == ("Lindvik Post", "Ferries stay in port.")
    assert (article.language, article.stated_tags) == ("en-GB", ("sea", "ports"))
    assert article.canonical_url == "https://lindvik.example/storm"


@pytest.mark.parametrize(
    ("head", "origin"),
    [
        (
            (
                '<script type="application/ld+json">{"@graph": [{"@type": "WebSite", "datePublished": "2001-01-01"}, '
                '{"@type": "NewsArticle", "datePublished": "2024-03-05T11:30:00+01:00"}]}</script>'
            ),
            "json-ld",
        ),
        ('<meta property="article:published_time" content="2024-03-05T10:30:00Z">', "opengraph"),
        ('<meta name="date" content="2024-03-05"><time datetime="2024-03-05T10:30:00Z">today</time>', "visible"),
    ],
)
def test_a_page_may_state_the_time(head, origin):
    article = extracted(PAGE % head, address="a.html")
    assert (article.published_at, article.published_from) == (datetime(2024, 3, 5, 10, 30, tzinfo=UTC), origin)
    assert Flag.DATE_ONLY not in article.flags


@pytest.mark.parametrize(
    "page", ["<html></html>", "<html><body><img src=x></body></html>", "<!DOCTYPE html>" + "<div>" * 5000]
)
def test_a_page_without_an_article_is_a_reject(page):
    assert reason(page, address="a.html") is Reason.NO_TEXT


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "windows-1252"])
def test_a_page_is_decoded_as_it_was_read(charset):
    page = (PAGE % "").replace('<meta charset="utf-8">', "").replace("Lindvik", "Öresund")
    assert extracted(page.encode(charset), address="a.html").text.startswith("The harbour of Öresund")


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<div>",
                "<li>",
                "<html>",
                "<body>",
                "<br>",
                "<!--",
                "-->",
                "a b",
                "é\x01",
                "&#55296;",
                "<?",
                "<td>",
            ]
        ),
        max_size=30,
    )
)
def test_any_mark_up_is_an_article_or_a_reject(parts):
    try:
        assert_tidy(extracted("<html>" + "".join(parts), address="a.html"))
        assert_tidy(row(html="".join(parts)))
    except Rejected as verdict:
        assert verdict.reason in (Reason.NO_TEXT, Reason.EMPTY, Reason.BINARY)  # noqa: PT017  either end is right


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["a.txt", "a.html", "a.json", "a.md"]))
def test_any_bytes_are_an_article_or_a_reject(data, address):
    try:
        assert_tidy(extracted(data, address=address))
    except Rejected:
        return


@pytest.mark.skipif(not SEEDS.exists(), reason="the development data are not here")
def test_the_seeds():
    articles = {path.name[:3]: extracted(path.read_bytes()) for path in SEEDS.glob("*.txt")}
    assert [name for name in sorted(articles) if articles[name].headline] == ["001", "003", "004"]
    assert articles["002"].published_at == datetime(2023, 11, 21, tzinfo=UTC)
    assert articles["002"].text.startswith("The U.S. killed")
    assert (len(articles["004"].stated_sources), articles["004"].stated_tags) == (2, ("usa", "iraq", "conflicts"))
    assert articles["000"].text.count("\n\n") == 10
