"""Normal form of addresses: RFC 3986 section 6.2, and what the rule adds to it."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.address import normalise

NORMAL = {
    "scheme and host in lower case": ("HTTPS://User@Mill.EXAMPLE/Rye", "https://mill.example/Rye"),
    "http and https alike": ("http://mill.example/rye", "https://mill.example/rye"),
    "an empty path is /": ("https://mill.example", "https://mill.example/"),
    "an empty path before a query": ("https://mill.example?id=1", "https://mill.example/?id=1"),
    "an empty query": ("https://mill.example/rye?", "https://mill.example/rye"),
    "the fragment goes": ("https://mill.example/rye#top", "https://mill.example/rye"),
    "the root label's dot goes": ("https://mill.example./rye", "https://mill.example/rye"),
    "blanks around": (" \thttps://mill.example/rye\n", "https://mill.example/rye"),
    "default port of http": ("http://mill.example:80/", "https://mill.example/"),
    "default port of https": ("https://mill.example:443/", "https://mill.example/"),
    "empty port": ("https://mill.example:/", "https://mill.example/"),
    "another port": ("http://mill.example:08080/", "https://mill.example:8080/"),
    "port 80 is not the default of https": ("https://mill.example:80/", "https://mill.example:80/"),
    "IPv6": ("http://[2001:DB8::1]:80/", "https://[2001:db8::1]/"),
    "IDNA": ("https://BÜCHER.example/", "https://xn--bcher-kva.example/"),
    "IDNA, encoded": ("https://XN--BCHER-KVA.example/", "https://xn--bcher-kva.example/"),
    "IDNA, full stop of another script": ("https://mill。example/", "https://mill.example/"),
    "escapes in the host": ("https://%6Dill.example/", "https://mill.example/"),
    "unreserved characters bare": ("https://mill.example/%7Erye%2D%5f", "https://mill.example/~rye-_"),
    "escapes in upper case": ("https://mill.example/a%2fb%c3%bc", "https://mill.example/a%2Fb%C3%BC"),
    "characters that need escapes": ("https://mill.example/mühle rye", "https://mill.example/m%C3%BChle%20rye"),
    "reserved characters stay": ("https://mill.example/a;b,c=@:!$&'()*+", "https://mill.example/a;b,c=@:!$&'()*+"),
    "a percent sign that escapes nothing": ("https://mill.example/50%", "https://mill.example/50%25"),
    "an escape that shows by unescaping": ("https://mill.example/%%34%31", "https://mill.example/%2541"),
    "dot segments": ("https://mill.example/a/b/c/./../../g", "https://mill.example/a/g"),
    "dot segments at the end": ("https://mill.example/a/b/..", "https://mill.example/a/"),
    "dot segment for itself": ("https://mill.example/a/.", "https://mill.example/a/"),
    "dot segments above the root": ("https://mill.example/../../a", "https://mill.example/a"),
    "dot segments, escaped": ("https://mill.example/a/%2e%2E/b", "https://mill.example/b"),
    "dots that are no segments": ("https://mill.example/..a/b../.c", "https://mill.example/..a/b../.c"),
    "tracking parameters": (
        "https://mill.example/rye?utm_source=x&id=7&UTM_Medium=y&fbclid=z&gclid=1&mc_cid=2",
        "https://mill.example/rye?id=7",
    ),
    "nothing but tracking": ("https://mill.example/rye?utm_source=x", "https://mill.example/rye"),
    "tracking, escaped": ("https://mill.example/rye?%75tm_source=x&id=7", "https://mill.example/rye?id=7"),
    "parameters that only look like it": ("https://mill.example/?xutm_=1&utm=2", "https://mill.example/?xutm_=1&utm=2"),
    "empty parameters": ("https://mill.example/?&a=&&b", "https://mill.example/?a=&b"),
}


@pytest.mark.parametrize(("url", "normal"), NORMAL.values(), ids=NORMAL)
def test_an_address_has_one_normal_form(url, normal):
    assert normalise(url) == normal


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://www.mill.example/", "https://mill.example/"),
        ("https://mill.example/rye/", "https://mill.example/rye"),
        ("https://mill.example/?a=1&b=2", "https://mill.example/?b=2&a=1"),
        ("https://mill.example/Rye", "https://mill.example/rye"),
        ("https://mill.example/a%2Fb", "https://mill.example/a/b"),
        ("https://mill.example/?a=%26b", "https://mill.example/?a=&b"),
        ("https://mill.example//rye", "https://mill.example/rye"),
        ("https://mill.example:8080/", "https://mill.example/"),
    ],
)
def test_what_a_site_may_tell_apart_stays_apart(one, other):
    assert normalise(one) != normalise(other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mill.example/rye",
        "//mill.example/rye",
        "/rye",
        "mailto:miller@mill.example",
        "file:///rye.txt",
        "ftp://mill.example/rye",
        "https://",
        "https:///rye",
        "https://./rye",
        "https://mill.example:port/",
        "https://mill.example:70000/",
        "https://[::1/",
        "urn:isbn:1",
    ],
)
def test_what_is_no_web_address_has_none(text):
    assert normalise(text) is None


messy = st.text(st.sampled_from("aB%2E5/.:?#[]@&=;+ \\\tü漢ß。\ud800\x00~|utm_source"), max_size=30)


@given(st.text() | messy.map("http://mill.example/{}".format) | messy.map("HTTP://{}".format))
@example("http://mill.example:443/")
@example("http://a\ud800.example/")
@example("http://" + "a" * 70 + "ü.example/")
@example("http://a%2Fb@c/%%32%35")
@example("http://0。")
@example("http://％41/")
def test_the_normal_form_is_its_own_and_never_raises(text):
    normal = normalise(text)
    if normal is None:
        return
    assert normalise(normal) == normal
    assert normal.isascii()
    assert normal.startswith("https://")
    parts = urlsplit(normal)
    assert parts.hostname
    assert parts.path.startswith("/")
    assert not parts.fragment
    assert not {".", ".."} & set(parts.path.split("/"))
