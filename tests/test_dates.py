from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.dates import parse_date

NOON = datetime(2023, 11, 21, 12, tzinfo=UTC)
MIDNIGHT = datetime(2023, 11, 21, tzinfo=UTC)
EARLY, LATE = datetime.fromisoformat("1400-01-02"), datetime.fromisoformat("9998-01-01")


@pytest.mark.parametrize(
    "text",
    [
        "2023-11-21T12:00:00Z",
        "2023-11-21 12:00",
        "2023-11-21T13:00:00.123+01:00",
        "20231121T120000Z",
        "2023-11-21T12:00:00Z[Europe/London]",
        "2023-11-21T14:00:00 GMT+2",
        "Tue, 21 Nov 2023 12:00:00 GMT",
        "Tue, 21 Nov 23 07:00:00 EST",
        "Tuesday, 21-Nov-23 12:00:00 UTC",
        "Tue Nov 21 12:00:00 2023",
        "21-NOV-2023 12:00:00.79",
        "Nov. 21st, 2023 at 7:00 a.m. ET",
        "November 21, 2023, 12:00 PM",
        "21.11.2023, 12:00 Uhr",
        "21 de noviembre de 2023 12:00",
        "2023年11月21日 12:00",
        "1700568000",
        1700568000,
        1700568000000,
        1700568000.0,
        datetime(2023, 11, 21, 13, tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_a_moment_is_read_in_utc(text):
    parsed = parse_date(text)
    assert parsed is not None
    assert (parsed[0].replace(microsecond=0), parsed[1]) == (NOON, False)


@pytest.mark.parametrize(
    "text",
    [
        "2023-11-21",
        "2023/11/21",
        "20231121",
        20231121,
        "21 Nov 2023",
        "November 21, 2023",
        "mardi 21 novembre 2023",
        "21. November 2023",
        "21.11.2023",
        "21/11/2023",
        "11/21/2023",
        "2023년 11월 21일",
        "2023-W47-2",
        "2023-325",
        date(2023, 11, 21),
    ],
)
def test_a_day_is_that_day_at_midnight(text):
    assert parse_date(text) == (MIDNIGHT, True)


@pytest.mark.parametrize(
    "text",
    [
        "06/10/2003",
        "0000-00-00",
        "0001-01-01T00:00:00Z",
        "2023-02-30",
        "21 Nov 2023 25:00",
        "9999-12-31T23:59:59-05:00",
        "May 2023",
        "2023",
        "Date palms",
        "",
        0,
        -1,
        True,
        None,
        float("nan"),
        float("inf"),
        [],
        "9" * 150,
    ],
)
def test_what_nobody_can_know_is_no_date(text):
    assert parse_date(text) is None


def test_midnight_may_end_a_day():
    assert parse_date("Wed, 31 Dec 2003 24:00:00 GMT") == (datetime(2004, 1, 1, tzinfo=UTC), False)


def test_bounds_are_the_callers():
    assert parse_date("1887-05-01") is not None
    assert parse_date("1887-05-01", earliest=datetime(1990, 1, 1, tzinfo=UTC)) is None
    assert parse_date("2099-05-01", latest=NOON) is None


@given(st.datetimes(min_value=EARLY, max_value=LATE, timezones=st.timezones()))
def test_iso_round_trips(moment):
    moment = moment.replace(microsecond=0, second=0)
    if moment.utcoffset().total_seconds() % 60:
        moment = moment.astimezone(UTC)
    assert parse_date(moment.isoformat()) == (moment.astimezone(UTC), False)


@given(st.one_of(st.text(), st.integers(), st.floats(), st.text("0123456789 -/:.TZ+JanFebMarUTC")))
def test_nothing_raises(value):
    parsed = parse_date(value)
    assert parsed is None or parsed[0].tzinfo is UTC
