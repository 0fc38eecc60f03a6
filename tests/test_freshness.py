"""What headers say about when to come back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.exchange.freshness import fresh_s, retry_at

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"cache-control": "max-age=600"}, 600),
        ({"cache-control": "public, Max-Age = 600, must-revalidate"}, 600),
        ({"cache-control": 'max-age="600"'}, 600),
        ({"cache-control": "s-maxage=600"}, None),
        ({"cache-control": "no-cache"}, None),
        ({"cache-control": "max-age=-1"}, None),
        ({"cache-control": "max-age=600", "age": "100"}, 500),
        ({"cache-control": "max-age=600", "age": "700"}, 0),
        ({"cache-control": "max-age=600", "age": "x"}, 600),
        ({"cache-control": "max-age=600", "expires": "Sun, 01 Mar 2026 13:00:00 GMT"}, 600),
        ({"cache-control": "max-age=" + "9" * 400}, 2**31 - 1),
        ({"expires": "Sun, 01 Mar 2026 13:00:00 GMT"}, 3600),
        ({"expires": "Sunday, 01-Mar-26 13:00:00 GMT"}, 3600),
        ({"expires": "Sun Mar  1 13:00:00 2026"}, 3600),
        ({"expires": "Sun, 01 Mar 2026 13:00:00 GMT", "date": "Sun, 01 Mar 2026 12:30:00 GMT", "age": "60"}, 1740),
        ({"expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0),
        ({"expires": "0"}, 0),
        ({"expires": "-1"}, 0),
        ({"expires": "Thu, 31 Dec 9999 23:59:59 -0500"}, 0),
    ],
)
def test_how_long_an_answer_is_fresh(headers, expected):
    assert fresh_s(headers, NOW) == expected


@pytest.mark.parametrize(
    ("stated", "expected_s"),
    [
        ("120", 120),
        (" 120 ", 120),
        ("1.5", 1),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60),
        ("Sunday, 01-Mar-26 12:01:00 GMT", 60),
        ("Sun, 01 Mar 2026 11:59:00 GMT", None),
        ("0", None),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("9" * 400, 2**31 - 1),
    ],
)
def test_when_to_come_back(stated, expected_s):
    expected = None if expected_s is None else NOW + timedelta(seconds=expected_s)
    assert retry_at({"retry-after": stated}, NOW) == expected


@given(value=st.text(max_size=60))
def test_nothing_that_a_header_says_raises(value):
    for name in ("cache-control", "expires", "age", "date"):
        fresh_s({"expires": "Sun, 01 Mar 2026 13:00:00 GMT", name: value}, NOW)
    retry_at({"retry-after": value}, NOW)
