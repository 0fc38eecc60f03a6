"""When a source is asked again: what decides, what it never does, and what a silence means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.polling.schedule import Asked, Bounds, Due, Rhythm, first_rhythm, next_poll

NOW = datetime(2031, 4, 2, 12, 30, tzinfo=UTC)  # a Wednesday
HOUR, DAY = 3600, 24 * 3600
DAILY = Rhythm(per_hour=1 / 24, observed_h=300, last_new_at=NOW - timedelta(hours=5))
BUSY = Rhythm(per_hour=5, observed_h=300, last_new_at=NOW)


def due(asked: Asked | None = None, rhythm: Rhythm = BUSY, bounds: Bounds | None = None, chance: float = 0.0) -> Due:
    return next_poll(rhythm, asked or Asked(), bounds or Bounds(), NOW, chance)


def ago(*hours: float) -> list[datetime]:
    return [NOW - timedelta(hours=h) for h in hours]


def asked_every(rhythm: Rhythm, every_h: float, found: list[int]) -> Rhythm:
    """The rhythm after polls from NOW on, `every_h` apart."""
    for number, new in enumerate(found, 1):
        rhythm = rhythm.after(new, every_h * HOUR, NOW + number * timedelta(hours=every_h))
    return rhythm


class TestNextPoll:
    def test_a_busy_source_is_asked_once_an_hour_unless_it_says_more(self) -> None:
        assert due() == Due(NOW + timedelta(hours=1), HOUR, "at most once in 1 h")

    def test_a_quiet_source_is_asked_less(self) -> None:
        found = due(rhythm=DAILY)
        assert 2 * HOUR < found.interval_s < 3 * HOUR
        assert found.reason == "about an item a day"

    def test_what_decided_is_said(self) -> None:
        assert due(Asked(fresh_s=3 * HOUR, ttl_s=2 * HOUR)).reason == "the server asks for 3 h (max-age)"
        assert due(Asked(fresh_s=2 * HOUR, ttl_s=3 * HOUR)).reason == "the feed asks for 3 h (ttl)"
        assert due(rhythm=Rhythm()).reason == "at most once in 1 h"
        assert due(rhythm=replace(DAILY, last_new_at=NOW - timedelta(days=40))).reason == "nothing new for 40 days"
        assert due(Asked(failures=1)).reason == "1 failure"
        assert due(Asked(failures=3)).reason == "3 failures in a row"

    @pytest.mark.parametrize(
        ("stated", "interval_s"),
        [
            (Asked(fresh_s=300), 900),
            (Asked(ttl_s=1200), 1200),
            (Asked(fresh_s=60, ttl_s=1800), 1800),
            (Asked(fresh_s=7200), 7200),
            (Asked(fresh_s=0), HOUR),
            (Asked(ttl_s=-5), HOUR),
        ],
    )
    def test_a_source_that_states_less_than_an_hour_is_taken_at_its_word(self, stated: Asked, interval_s: int) -> None:
        assert due(stated).interval_s == interval_s

    def test_an_interval_that_the_user_states_for_a_source_is_kept_whatever_it_states(self) -> None:
        assert due(Asked(fresh_s=300), bounds=Bounds().of(2 * HOUR)).interval_s == 2 * HOUR
        assert due(Asked(entries=3), bounds=Bounds().of(2 * HOUR)).interval_s == 2 * HOUR
        assert due(Asked(), bounds=Bounds().of(300)).interval_s < HOUR
        assert Bounds().of(None) == Bounds()

    def test_a_feed_that_would_lose_items_is_asked_more_often(self) -> None:
        found = due(Asked(entries=10, fresh_s=HOUR))
        assert found.interval_s == HOUR / 3  # in which it brings a sixth of its window
        assert found.reason == "about 5 items an hour, and it shows 10"
        assert due(Asked(entries=2)).interval_s == Bounds().least_s
        assert due(Asked(entries=40)).interval_s == HOUR

    def test_after_a_gap_the_rhythm_does_not_count(self) -> None:
        found = due(Asked(entries=20, gap=True), DAILY)
        assert found.interval_s == HOUR
        assert "missed" in found.reason

    def test_no_server_silences_a_source(self) -> None:
        found = due(Asked(fresh_s=365 * DAY), chance=0.9)
        assert DAY * 0.9 < found.interval_s <= DAY
        assert found.reason == "the server asks for 365 days (max-age), but at least once in 24 h"

    def test_failures_back_off_from_the_normal_interval(self) -> None:
        intervals = [due(Asked(failures=n, fresh_s=2 * HOUR)).interval_s for n in range(4)]
        assert intervals == [2 * HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR]
        assert due(Asked(failures=1000), chance=0.999).interval_s <= DAY

    def test_what_is_gone_is_probed_every_week(self) -> None:
        found = due(Asked(is_gone=True, failures=5), chance=0.5)
        assert 6 * DAY < found.interval_s <= 7 * DAY
        assert "gone" in found.reason

    def test_retry_after_is_kept_and_only_ever_delays(self) -> None:
        until = NOW + timedelta(hours=30)
        found = due(Asked(retry_at=until, failures=1))
        assert found.at == until
        assert found.reason == "asked to wait until 03 Apr 18:30 (Retry-After)"
        assert due(Asked(retry_at=NOW + timedelta(seconds=5))).interval_s == HOUR

    def test_skipped_hours_and_days_are_left_out(self) -> None:
        assert due(Asked(skip_hours=frozenset({13, 14}))).at == datetime(2031, 4, 2, 15, tzinfo=UTC)
        found = due(Asked(skip_days=frozenset({2, 3}), skip_hours=frozenset({0})))
        assert found.at == datetime(2031, 4, 4, 1, tzinfo=UTC)
        assert found.reason.endswith("then the feed's skipHours or skipDays")
        assert found.interval_s == (found.at - NOW).total_seconds()

    def test_a_feed_that_skips_all_hours_or_days_is_asked_all_the_same(self) -> None:
        assert due(Asked(skip_hours=frozenset(range(24)))).interval_s == HOUR
        assert due(Asked(skip_hours=frozenset(range(25)), skip_days=frozenset(range(7)))).interval_s == HOUR

    def test_sources_that_wait_for_the_same_moment_are_spread(self) -> None:
        retry, skip = Asked(retry_at=NOW + timedelta(hours=3)), Asked(skip_hours=frozenset({13}))
        for asked in (Asked(), retry, skip, Asked(failures=50)):
            assert len({due(asked, chance=n / 10).at for n in range(10)}) == 10


seconds = st.none() | st.integers(-10, 10**10)
moments = st.integers(0, 110 * 365 * DAY).map(
    lambda s: datetime(1990, 1, 1, tzinfo=UTC) + timedelta(seconds=s, milliseconds=s % 997)
)
rhythms = st.builds(
    Rhythm,
    per_hour=st.none() | st.floats(0, 1e9),
    observed_h=st.floats(24, 336),
    last_new_at=st.none() | moments,
    longest_h=st.none() | st.floats(0, 1e5),
)
askeds = st.builds(
    Asked,
    fresh_s=seconds,
    ttl_s=seconds,
    skip_hours=st.frozensets(st.integers(-1, 25)),
    skip_days=st.frozensets(st.integers(-1, 8)),
    retry_at=st.none() | moments,
    failures=st.integers(0, 10**6),
    is_gone=st.booleans(),
    entries=st.integers(0, 2000),
    gap=st.booleans(),
)
boundses = st.builds(
    Bounds,
    floor_s=st.integers(60, 2 * DAY),
    least_s=st.integers(60, DAY),
    cap_s=st.integers(60, 7 * DAY),
    gone_s=st.integers(60, 30 * DAY),
    jitter=st.floats(0, 1),
)
chances = st.floats(0, 1, exclude_max=True)


class TestNever:
    @given(rhythms, askeds, boundses, moments, chances)
    def test_too_early_too_late_or_when_it_is_not_wanted(
        self, rhythm: Rhythm, asked: Asked, bounds: Bounds, now: datetime, chance: float
    ) -> None:
        found = next_poll(rhythm, asked, bounds, now, chance)
        assert found.at >= now + timedelta(seconds=min(bounds.floor_s, bounds.least_s))
        assert asked.retry_at is None or found.at >= asked.retry_at
        hours, days = asked.skip_hours & set(range(24)), asked.skip_days & set(range(7))
        assert found.at.hour not in hours or len(hours) == 24
        assert found.at.weekday() not in days or len(days) == 7
        most_s = max(bounds.cap_s, bounds.floor_s, bounds.gone_s if asked.is_gone else 0) + 1
        begin = max(now + timedelta(seconds=most_s), (asked.retry_at or now) + timedelta(seconds=bounds.floor_s))
        assert found.at <= begin + (timedelta(days=8) if hours or days else timedelta())
        assert 0 <= found.interval_s - (found.at - now).total_seconds() < 1
        assert found.reason

    @given(rhythms, askeds, boundses, moments, chances)
    def test_below_the_floor_of_a_source_whose_user_states_one(
        self, rhythm: Rhythm, asked: Asked, bounds: Bounds, now: datetime, chance: float
    ) -> None:
        found = next_poll(rhythm, asked, bounds.of(bounds.floor_s), now, chance)
        assert found.interval_s >= bounds.floor_s

    @given(rhythms, askeds, boundses, moments, chances, st.integers(1, 50))
    def test_sooner_after_more_failures(
        self, rhythm: Rhythm, asked: Asked, bounds: Bounds, now: datetime, chance: float, more: int
    ) -> None:
        fewer = replace(asked, skip_hours=frozenset(), skip_days=frozenset())
        worse = replace(fewer, failures=fewer.failures + more)
        assert next_poll(rhythm, fewer, bounds, now, chance).at <= next_poll(rhythm, worse, bounds, now, chance).at

    @given(rhythms, st.integers(0, 10**6), st.floats(-1e6, 1e9), moments)
    def test_a_rhythm_that_is_no_number(self, rhythm: Rhythm, new: int, elapsed_s: float, now: datetime) -> None:
        found = rhythm.after(new, elapsed_s, now)
        assert found.per_hour is not None
        assert isfinite(found.per_hour)
        assert found.per_hour >= 0
        assert isfinite(found.observed_h)
        found.silent_from()

    @given(st.lists(moments, max_size=30), moments)
    def test_a_date_ahead_counts(self, published: list[datetime], now: datetime) -> None:
        found = first_rhythm(published, now)
        assert found == first_rhythm([p for p in published if p <= now], now)
        assert found.last_new_at == max((p for p in published if p <= now), default=None)
        next_poll(found, Asked(), Bounds(), now, 0.5)


class TestRhythm:
    @pytest.mark.parametrize("every_h", [0.5, 1, 6])
    def test_the_rate_is_learnt_however_often_one_asks(self, every_h: float) -> None:
        found = asked_every(Rhythm(), every_h, [int(2 * every_h)] * int(40 * 24 / every_h))
        assert found.per_hour == pytest.approx(2, rel=0.05)

    def test_recent_polls_count_more(self) -> None:
        slow_then_fast = asked_every(Rhythm(), 24, [1] * 20 + [24] * 20).per_hour
        fast_then_slow = asked_every(Rhythm(), 24, [24] * 20 + [1] * 20).per_hour
        assert slow_then_fast is not None
        assert fast_then_slow is not None
        assert slow_then_fast > 2 * fast_then_slow

    def test_polls_grow_rarer_while_nothing_comes(self) -> None:
        silent = [asked_every(BUSY, 24, [0] * days) for days in (1, 5, 30, 90)]
        waits = [
            next_poll(r, Asked(), Bounds(), NOW + timedelta(days=d), 0).interval_s
            for r, d in zip(silent, (1, 5, 30, 90), strict=True)
        ]
        assert waits == sorted(waits)
        assert waits[0] > HOUR
        assert waits[-1] > 20 * HOUR


class TestFirstRhythm:
    def test_nothing_is_known_without_dates(self) -> None:
        assert first_rhythm([], NOW) == Rhythm()
        assert first_rhythm(ago(-5, -100), NOW) == Rhythm()

    def test_a_daily_feed_is_known_by_its_dates(self) -> None:
        found = first_rhythm(ago(*(24 * n + 2 for n in range(20))), NOW)
        assert found.per_hour == pytest.approx(1 / 24, rel=0.15)
        assert found.silent_from() is not None

    def test_equal_dates_are_no_burst(self) -> None:
        assert first_rhythm(ago(*[1.0] * 50), NOW) == first_rhythm(ago(1), NOW)

    def test_ten_minutes_are_no_habit(self) -> None:
        found = first_rhythm(ago(*(n / 60 for n in range(10))), NOW)
        assert found.per_hour is not None
        assert found.per_hour < 1
        assert found.silent_from() is None

    def test_of_an_archive_of_years_the_last_weeks_count(self) -> None:
        old = [24.0 * n for n in range(100, 3000, 3)]
        assert first_rhythm(ago(*old, *range(0, 500, 12)), NOW).per_hour == pytest.approx(1 / 12, rel=0.3)
        dead = first_rhythm(ago(*old), NOW)
        assert next_poll(dead, Asked(), Bounds(), NOW, 0).interval_s > 20 * HOUR


class TestSilence:
    @pytest.mark.parametrize(
        ("dates", "least_days", "most_days"),
        [
            ([n / 4 for n in range(2000)], 1, 1.1),  # always busy
            ([h for h in range(24 * 30) if h % 24 < 14], 1, 2),  # silent at night
            ([24 * n for n in range(40)], 3, 4),
            ([24 * n for n in range(40) if n % 7 not in (0, 1)], 6, 9),  # silent at weekends
            ([168 * n for n in range(12)], 20, 23),
        ],
    )
    def test_is_one_when_it_is_longer_than_the_source_is_used_to(
        self, dates: list[float], least_days: float, most_days: float
    ) -> None:
        newest = NOW - timedelta(hours=min(dates))
        silent_from = first_rhythm(ago(*dates), NOW).silent_from()
        assert silent_from is not None
        assert least_days <= (silent_from - newest) / timedelta(days=1) <= most_days

    def test_is_never_one_within_a_day(self) -> None:
        assert replace(BUSY, longest_h=0.5).silent_from() == NOW + timedelta(days=1)

    def test_does_not_recede_while_it_lasts(self) -> None:
        known = first_rhythm(ago(*(24 * n for n in range(40))), NOW)
        assert asked_every(known, 6, [0] * 40).silent_from() == known.silent_from()

    def test_of_ours_is_none_of_the_source(self) -> None:
        known = first_rhythm(ago(*range(500)), NOW)
        back = known.after(5, 30 * DAY, NOW + timedelta(days=30)).silent_from()
        assert back is not None
        assert back - NOW < timedelta(days=40)

    def test_is_not_known_before_a_week(self) -> None:
        assert asked_every(Rhythm(), 1, [1] * 24 * 6).silent_from() is None
        assert asked_every(Rhythm(), 1, [1] * 24 * 10).silent_from() is not None
        assert asked_every(Rhythm(), 1, [0] * 24 * 10).silent_from() is None
