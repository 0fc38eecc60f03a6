"""Lists of subscriptions: what readers write is read whole, what is broken as far as it goes, and what is written comes back."""

from __future__ import annotations

import html
import re
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from connectors.opml import Opml, OpmlError, Outline, read_opml, write_opml

DATA = Path(__file__).parents[2] / "shared" / "data" / "opml"
STARTER = Path(__file__).parents[1] / "examples" / "sources.opml"
LIST = """<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0">
  <head><title>My  news</title><ownerName>Ida</ownerName></head>
  <body>
    <outline text="World">
      <outline text="Europe" title="Europe">
        <outline type="rss" text="Harbour Herald" xmlUrl="https://herald.example/feed?a=1&amp;b=2" htmlUrl="https://herald.example/"/>
        <outline type="atom" text="short" title="The Quay" xmlUrl="https://quay.example/atom" category="/Ports/Ferries,Shipping"/>
      </outline>
    </outline>
    <outline text="An empty group"/>
    <outline text="Top" type="RSS" xmlUrl=" https://top.example/rss "/>
    <outline text="Ports"><outline text="Harbour Herald" xmlUrl="https://herald.example/feed?a=1&amp;b=2"/></outline>
  </body>
</opml>
"""


def read(text: str | bytes) -> Opml:
    return read_opml(text.encode() if isinstance(text, str) else text)


def outlined(*attributes: str) -> str:
    return "<opml>\n<body>\n" + "".join(f"<outline {one}/>\n" for one in attributes) + "</body>\n</opml>"


def urls(opml: Opml) -> list[str]:
    return [outline.feed_url for outline in opml.outlines]


def test_nested_groups_are_categories_and_a_feed_in_two_groups_is_one():
    assert read(LIST) == Opml(
        "My news",
        (
            Outline(
                feed_url="https://herald.example/feed?a=1&b=2",
                title="Harbour Herald",
                site_url="https://herald.example/",
                categories=("World/Europe", "Ports"),
            ),
            Outline(
                feed_url="https://quay.example/atom",
                title="The Quay",
                kind="atom",
                categories=("World/Europe", "Ports/Ferries", "Shipping"),
            ),
            Outline(feed_url="https://top.example/rss", title="Top"),
        ),
    )


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ('xmlUrl="https://a.example/f"', "rss"),
        ("XMLURL='https://a.example/f' type='Atom'", "atom"),
        ('xmlurl="https://a.example/f" type=""', "rss"),
        ('type="rss" url="https://a.example/f"', "rss"),
        ('type="link" URL="https://a.example/f"', "link"),
        ('url="https://a.example/f"', "link"),
        ('feedUrl="https://a.example/f" type="rss"', "rss"),
        ('xmlUrl="feed:https://a.example/f"', "rss"),
        ('x:xmlUrl="https://a.example/f"', "rss"),
        ('xmlUrl="\n   https://a.example/f "', "rss"),
    ],
)
def test_spellings_of_a_feed(attributes, kind):
    opml = read(outlined(f'text="T" {attributes}'))
    assert opml.outlines == (Outline(feed_url="https://a.example/f", title="T", kind=kind),)
    assert opml.problems == ()


def test_addresses_without_https_in_front():
    opml = read(outlined('xmlUrl="feed://a.example/f"', 'xmlUrl="www.b.example/f"', 'xmlUrl="HTTP://c.example/f"'))
    assert urls(opml) == ["http://a.example/f", "https://www.b.example/f", "HTTP://c.example/f"]


def test_what_is_no_feed_is_named_with_its_line():
    opml = read(
        outlined(
            'text="A" xmlUrl="javascript:alert(1)"',
            'text="B" type="rss" htmlUrl="https://b.example/"',
            'type="include" url="https://c.example/more.opml"',
            'text="D" xmlUrl="https://d.example/f"',
        )
    )
    assert urls(opml) == ["https://d.example/f"]
    assert opml.problems == (
        "Line 3: javascript:alert(1) is no address of the web.",
        "Line 4: https://b.example/ is a site, and its feed is not named: find it with `sources discover`.",
        "Line 5: https://c.example/more.opml is a further list: import it too.",
    )


def test_bare_ampersands_and_entities_of_html():
    opml = read(
        outlined(
            'text="Ships & Sails" xmlUrl="https://a.example/?a=1&b=2&copy=3"',
            'text="Caf&eacute;&nbsp;&#233;&#0;" xmlUrl="https://b.example/"',
        )
    )
    assert [(o.title, o.feed_url) for o in opml.outlines] == [
        ("Ships & Sails", "https://a.example/?a=1&b=2&copy=3"),
        ("Café é�", "https://b.example/"),
    ]
    assert opml.problems == ("Line 3: a bare & was read as &amp;.",)


@pytest.mark.parametrize(
    "attributes",
    [
        'title="B" description="the "new" quay" xmlUrl="https://b.example/f"',
        'title="B" description="see <a class="k" href="https://x.example/">there</a>, 5 > 3" xmlUrl="https://b.example/f"',
        "title=B xmlUrl=https://b.example/f",
        'title="B" title="C" xmlUrl="https://b.example/f"',
        'title="B" xmlUrl="https://b.example/f" description="a < b"',
    ],
)
def test_of_an_element_that_is_broken_all_is_read(attributes):
    opml = read(
        f'<opml><body><outline text="Group">\n<outline title="A" xmlUrl="https://a.example/f"/>\n<outline {attributes} />\n'
        '<outline title="C" xmlUrl="https://c.example/f"/></outline></body></opml>'
    )
    assert [(o.title, o.feed_url, o.categories) for o in opml.outlines] == [
        (name, f"https://{name.lower()}.example/f", ("Group",)) for name in "ABC"
    ]
    assert [problem.partition(":")[0] for problem in opml.problems][:1] == ["Line 3"]


def test_of_very_many_problems_the_first_are_named():
    opml = read(outlined(*(f'text="A & B" xmlUrl="https://{n}.example/f"' for n in range(60))))
    assert len(opml.outlines) == 60
    assert opml.problems[49:] == ("Line 52: a bare & was read as &amp;.", "10 further problems.")


def test_where_all_else_fails_the_address_is_read():
    opml = read(
        '<opml><body></outline></outline>\n<outline title="A" xmlUrl="https://a.example/?a=1&amp;b=2"/></body></opml>'
    )
    assert urls(opml) == ["https://a.example/?a=1&b=2"]
    assert opml.problems[-1] == "Line 2: of https://a.example/?a=1&b=2 only the address could be read."


def test_of_a_truncated_list_the_whole_outlines_are_kept():
    cut = LIST[: LIST.index("/rss ")]
    opml = read(cut)
    assert urls(opml) == ["https://herald.example/feed?a=1&b=2", "https://quay.example/atom"]
    assert opml.outlines[0].categories == ("World/Europe",)
    assert opml.problems[0].startswith("Line 12: ")


@pytest.mark.parametrize(
    "text",
    [
        '<outline text="A" xmlUrl="https://a.example/f"/>\n<outline text="B" xmlUrl="https://b.example/f"/>',
        '<body><outline text="A" xmlUrl="https://a.example/f"/><outline text="B" xmlUrl="https://b.example/f"/></body>',
        'My feeds:\n<opml><outline text="A" xmlUrl="https://a.example/f"/></body>\n<outline text="B" xmlUrl="https://b.example/f"/>',
    ],
)
def test_elements_may_be_missing_or_too_many(text):
    opml = read(text)
    assert [(o.title, o.feed_url) for o in opml.outlines] == [
        ("A", "https://a.example/f"),
        ("B", "https://b.example/f"),
    ]


def test_a_comment_is_no_subscription():
    opml = read(LIST.replace('<outline text="Top"', "<!-- <outline").replace('rss "/>', 'rss "/> -->'))
    assert "https://top.example/rss" not in urls(opml)


@pytest.mark.parametrize("charset", ["utf-16", "utf-8-sig", "cp1252"])
def test_character_sets(charset):
    text = '<?xml version="1.0" encoding="UTF-8"?>' + outlined(
        'text="Café au lait à l’œil" xmlUrl="https://a.example/f"'
    )
    assert read(text.encode(charset)).outlines[0].title == "Café au lait à l’œil"


def test_a_plain_list_of_addresses():
    opml = read(
        "# my feeds\r\nhttps://a.example/f\r\n\r\n  www.b.example/f  the second\r\nhttps://a.example/f\r\nnonsense\r\n"
    )
    assert opml.outlines == (
        Outline(feed_url="https://a.example/f", kind="link"),
        Outline(feed_url="https://www.b.example/f", kind="link"),
    )
    assert opml.problems == ("Line 6: nonsense is no address of the web.",)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty: export the subscriptions"),
        (b"<opml><head/><body/></opml>", "no feed is named in it"),
        (b"<html><head><title>x</title></head><body>y</body></html>", "web page, not a list"),
        (b'<rss version="2.0"><channel/></rss>', "`newsmill sources add`"),
        (b"hello\nworld", r"Line 1: hello is no address of the web\): give an OPML file"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "no feed is named"),
        (b" " * 5_000_000, "larger than 4 MB"),
    ],
)
def test_what_holds_nothing_says_what_to_do(data, says):
    with pytest.raises(OpmlError, match=says):
        read(data)


def test_no_entity_is_expanded_and_none_is_fetched(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    doctype = f'<!DOCTYPE opml [<!ENTITY e0 "bomb"><!ENTITY file SYSTEM "{secret.as_uri()}">{bomb}]>'
    opml = read(doctype + outlined('text="&file;&e11;" xmlUrl="https://a.example/f"'))
    assert [o.title for o in opml.outlines] == ["&file;&e11;"]


@pytest.mark.parametrize(
    "text",
    [
        "<opml>" + '<outline text="g">' * 20_000 + '<outline xmlUrl="https://a.example/f"/>',
        "<opml>" + "<outline xmlUrl='" * 20_000,
        "<opml>" + ("<outline " + 'a="b' * 1500 + "/>") * 50,
        "<opml>" + ("<outline a=" + '"b ' * 2000 + "/>") * 50,
        "<outline" + "></a>" * 50_000 + "x",
        "<outline xmlurl=" * 20_000,
        "<opml><!--" + "<!--" * 100_000,
        "<!DOCTYPE a [" + '"' * 99_999 + "<outline",
    ],
)
def test_hostile_lists_cost_little(text):
    started = time.process_time()
    with suppress(OpmlError):
        assert len(read(text).outlines) <= 1
    assert time.process_time() - started < 5


@given(st.binary(max_size=200) | st.text(alphabet="<>/&;\"'![]= outlinexmlurhps:.\n", max_size=200).map(str.encode))
def test_nothing_but_opml_errors_is_raised(data):
    for document in (data, b"<opml><body>" + data, LIST.encode()[: len(data) * 5] + data):
        with suppress(OpmlError):
            assert read(document).outlines


names = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8).filter(
    lambda name: "/" not in name
)
outlines = st.builds(
    Outline,
    feed_url=st.integers(0, 99).map(lambda n: f"https://{n}.example/feed?a={n}&b=<>".replace("<>", "%3C")),
    title=st.none() | st.lists(names, min_size=1, max_size=3).map(" ".join),
    site_url=st.none() | st.just("https://site.example/?a=1&b=2"),
    kind=st.sampled_from(["rss", "atom", "link", "sitemap"]),
    categories=st.lists(st.lists(names, min_size=1, max_size=3).map("/".join), max_size=3, unique=True).map(tuple),
)


@given(st.none() | names, st.lists(outlines, min_size=1, max_size=12, unique_by=lambda outline: outline.feed_url))
def test_what_is_written_is_read_again(title, listed):
    opml = read(write_opml(title, listed))

    def comparable(some: list[Outline] | tuple[Outline, ...]) -> set[tuple[object, ...]]:
        return {(o.feed_url, o.title, o.site_url, o.kind, frozenset(o.categories)) for o in some}

    assert (opml.title, comparable(opml.outlines), opml.problems) == (title, comparable(listed), ())
    again = write_opml(opml.title, opml.outlines)
    assert write_opml(title, read(again).outlines) == again, "once grouped, nothing moves"


def test_what_xml_cannot_hold_is_left_out():
    written = write_opml(
        "a\0b", [Outline(feed_url="https://a.example/f", title="x\x0by\n z", categories=("g\x01/h ",))]
    )
    assert read(written) == Opml("ab", (Outline(feed_url="https://a.example/f", title="xy z", categories=("g/h",)),))


def test_other_readers_find_what_they_expect():
    root = etree.fromstring(write_opml("T", [Outline(feed_url="https://a.example/f", categories=("World/Europe",))]))
    assert root.get("version") == "2.0"
    (feed,) = root.xpath("body/outline[@text='World']/outline[@text='Europe']/outline")
    assert dict(feed.attrib) == {"type": "rss", "text": "https://a.example/f", "xmlUrl": "https://a.example/f"}


def test_the_starter_list():
    opml = read_opml(STARTER.read_bytes())
    stated = etree.parse(STARTER).xpath("//outline[@xmlUrl]")
    assert len(stated) == len(opml.outlines) == 30
    assert opml.problems == ()
    assert all(o.feed_url.startswith("https://") and o.title and o.site_url for o in opml.outlines)
    groups = Counter(category for o in opml.outlines for category in o.categories)
    assert len(groups) >= 5
    assert len({o.get("language") for o in stated}) >= 8
    assert all(re.fullmatch("[a-z]{2}", o.get("language", "")) for o in stated)


@pytest.mark.skipif(not DATA.is_dir(), reason="the development data is not beside the project")
def test_saved_lists_are_read_whole():
    files = sorted(DATA.rglob("*.opml"))
    assert len(files) > 50
    for file in files:
        text = re.sub("<!--.*?-->", "", file.read_text(), flags=re.DOTALL)
        stated = {html.unescape(url).strip() for url in re.findall(r'xmlUrl="([^"]*)"', text)}
        opml = read_opml(file.read_bytes())
        assert set(urls(opml)) == stated, file
        grouped = "with_category" in file.parts
        assert all(bool(o.categories) == grouped for o in opml.outlines), file
