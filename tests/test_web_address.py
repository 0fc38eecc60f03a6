"""Addresses as they are asked for."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.exchange.web_address import target


@pytest.mark.parametrize(
    ("url", "asked", "place"),
    [
        ("HTTP://News.Example:80/a#b", "http://news.example/a", "news.example"),
        ("https://news.example:443", "https://news.example/", "news.example"),
        ("https://news.example:8443/?", "https://news.example:8443/", "news.example:8443"),
        ("http://user:pass@news.example/", "http://news.example/", "news.example"),
        (" http://news.example/a\n/b ", "http://news.example/a/b", "news.example"),
        ("http://news.example/a/../b/./c?d=/../e", "http://news.example/b/c?d=/../e", "news.example"),
        ("http://news.example//a/../b", "http://news.example//a/../b", "news.example"),
        ("http://[2001:DB8::1]:81/", "http://[2001:db8::1]:81/", "[2001:db8::1]:81"),
        ("http://zeitung.münchen.example/ä", "http://zeitung.xn--mnchen-3ya.example/%C3%A4", None),
    ],
)
def test_addresses(url, asked, place):
    found = target(url)
    assert found.url == asked
    assert place is None or found.place == place


@given(url=st.one_of(st.text(), st.from_regex(r"https?://[^/]{0,20}(/.{0,30})?")))
def test_anything_is_an_address_in_ascii_or_a_value_error(url):
    with contextlib.suppress(ValueError):
        found = target(url)
        assert found.url.isascii()
        assert not set(found.url) & set(' \t\r\n"<>\\')
        assert target(found.url).url == found.url
