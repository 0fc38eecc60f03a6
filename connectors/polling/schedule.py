"""When a source is asked again, and why then."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

_HOUR_S = 3600
_QUARTER_S = 900
_MEMORY_H = 14 * 24.0
"""An item of so long ago counts e times less than one of now."""
_SILENCE_MEMORY_H = 56 * 24.0
"""The same of a silence: longer, so that the holidays of last month are not forgotten."""
_PRIOR_H = 24.0
"""Before anything is known, a source is taken for one that brought an item in so long."""
_KNOWN_H = 7 * 24.0
"""A silence means something only once a week, with its weekend, was seen."""
_SILENCES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the settings say."""

    floor_s: int = 3600
    least_s: int = 900
    """The floor of a source that itself states a freshness below `floor_s`."""
    cap_s: int = 24 * 3600
    gone_s: int = 7 * 24 * 3600
    """A source that is gone is probed so often."""
    jitter: float = 0.1
    """Share of the interval that is added at random, at most."""

    def of(self, interval_s: int | None) -> Bounds:
        """The bounds of a source for which the user states a shortest interval: what its server states is no matter."""
        return self if interval_s is None else replace(self, floor_s=interval_s, least_s=interval_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """What a source is used to bring."""

    per_hour: float | None = None
    """New items an hour, recent ones counting more; None before anything is known."""
    observed_h: float = 0.0
    """Hours that this rests on, recent ones counting more: two weeks' worth at most."""
    last_new_at: datetime | None = None
    longest_h: float | None = None
    """The longest silence, or the mean wait where that is longer; a fresh one counts more."""

    def after(self, new: int, elapsed_s: float, now: datetime) -> Rhythm:
        """The rhythm after a poll that found `new` items, `elapsed_s` after the one before.

        A mean over time whose weights fall off exponentially with age: how often the source was asked, and how
        regularly, makes no difference.
        """
        elapsed_h = max(elapsed_s, 0.0) / _HOUR_S
        kept = math.exp(-elapsed_h / _MEMORY_H)
        span_h = _MEMORY_H * (1 - kept)
        known_h = self.observed_h if self.per_hour is not None else _PRIOR_H
        items = self.per_hour * known_h if self.per_hour is not None else 1.0
        items = items * kept + new * (span_h / elapsed_h if span_h else 1.0)
        observed_h = known_h * kept + span_h
        learnt = replace(self, per_hour=items / observed_h, observed_h=observed_h)
        if not new:
            return learnt
        return replace(learnt, last_new_at=now, longest_h=self._longest_h(elapsed_h, observed_h / items, now))

    def _longest_h(self, elapsed_h: float, wait_h: float, now: datetime) -> float:
        """Only what was seen counts as silence: the time since the poll before, in which we may have slept, does not."""
        if self.last_new_at is None:
            return wait_h
        since_h = self.silent_h(now)
        remembered_h = (self.longest_h or 0.0) * math.exp(-since_h / _SILENCE_MEMORY_H)
        return max(remembered_h, since_h - elapsed_h, wait_h)

    def wait_h(self, now: datetime) -> float:
        """Hours until the next item, as far as one can tell: the mean wait, or the present silence where it is longer."""
        if self.per_hour is None:
            return 0.0
        return max(1 / self.per_hour if self.per_hour > 1e-9 else math.inf, self.silent_h(now))

    def silent_h(self, now: datetime) -> float:
        """Hours since the last new item; 0 where none was seen."""
        return max((now - self.last_new_at) / timedelta(hours=1), 0.0) if self.last_new_at else 0.0

    def silent_from(self) -> datetime | None:
        """From when on a silence is longer than this rhythm lets expect; None while too little is known.

        Three times the longest silence of the last months (of which older ones count less), or the mean wait where
        that is longer; at least a day. So a busy source is missed after a day, a daily one after three to four, one
        that rests at weekends after eight, a weekly one after three weeks. To be compared with the last successful
        poll, not with the present: a source that was not asked is not silent.

        Of made-up sources with nights, weekends and random gaps that live on, it raises a false alarm at most once in
        five years; of one with an item a week at random moments, every other year (`python -m tests.benchmarks
        schedule`).
        """
        if self.last_new_at is None or self.longest_h is None or self.observed_h < _KNOWN_H:
            return None
        return self.last_new_at + timedelta(hours=max(24.0, _SILENCES * self.longest_h))


def first_rhythm(published: Sequence[datetime], now: datetime) -> Rhythm:
    """What the dates in a source's first answer let expect: what polls at those moments would have taught.

    Equal dates count once (some servers give all entries the moment of the answer), future ones not at all.
    """
    rhythm = Rhythm()
    for moment in sorted({p for p in published if p <= now}):
        rhythm = _idle(rhythm, moment).after(1, 0, moment)
    return _idle(rhythm, now)


def _idle(rhythm: Rhythm, until: datetime) -> Rhythm:
    if rhythm.last_new_at is None:
        return rhythm
    return rhythm.after(0, (until - rhythm.last_new_at).total_seconds(), until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What decides when to ask again, besides the rhythm.

    What the feed itself states (`ttl_s`, `skip_…`, `entries`) is that of the last answer with a body: a 304 has none.
    """

    fresh_s: int | None = None
    """`Cache-Control: max-age` or `Expires`, less `Age` (RFC 9111)."""
    ttl_s: int | None = None
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()
    retry_at: datetime | None = None
    """`Retry-After`, of this answer or of its host."""
    failures: int = 0
    """Failed polls in a row, this one included."""
    is_gone: bool = False
    entries: int = 0
    """How many the feed shows; 0 where that is not known."""
    gap: bool = False
    """Whether none of the entries was known: some may have come and gone."""


@dataclass(frozen=True, slots=True)
class Due:
    """When to ask again."""

    at: datetime
    interval_s: int
    """From the poll until then."""
    reason: str
    """A phrase for people: `about 12 items a day`, `the server asks for 3 h (max-age)`, `3 failures in a row`."""


def next_poll(rhythm: Rhythm, asked: Asked, bounds: Bounds, now: datetime, chance: float) -> Due:
    """When to ask again after a poll at `now`; `chance` in [0, 1) is the jitter's.

    The largest of four intervals decides, up to the cap:

    - the floor. Where the server or the feed itself states less than the settings' floor, what it states, but not
      below `least_s`: whoever says that an answer keeps for five minutes expects to be asked again. A stated zero
      says nothing (it is the default of many servers).
    - the freshness that the server states.
    - the feed's `<ttl>`, or update period.
    - the geometric mean of a quarter of an hour and the expected wait for the next item (`Rhythm.wait_h`). Of all
      ways to spend a number of requests on sources, intervals that go with the square root of the wait leave items
      waiting least; the quarter of an hour asks a daily source every 2.5 hours and a weekly one every 6.5. After a
      gap this is left out.

    None of them may lose items: where a feed is known to bring more than a sixth of what it shows within an hour, all
    are cut to the time that a sixth takes, but not below `least_s`. Days have their peaks, and news its bursts.

    Failures double the interval each time after the first. `Retry-After`, skipHours and skipDays (RSS 2.0) then only
    make it later; days and hours that are all skipped are ignored.

    Measured (`python -m tests.benchmarks schedule`): keeping to an hour whatever servers state and feeds show makes
    items wait longer than asking every source every hour, and loses some.
    """
    floor_s, interval_s, reason = _interval(rhythm, asked, bounds, now)
    cap_s = max(bounds.cap_s, floor_s, bounds.gone_s if asked.is_gone else 0)
    if asked.is_gone:
        interval_s, reason = cap_s, "it is gone, and only probed"
    elif asked.failures:
        interval_s *= 2.0 ** min(asked.failures - 1, 20)
        reason = "1 failure" if asked.failures == 1 else f"{asked.failures} failures in a row"
    elif interval_s > cap_s:
        reason += f", but at least once in {_span(cap_s)}"
    # A little under the cap, so that sources that reach it together do not stay together.
    interval_s = max(floor_s, min(interval_s, cap_s / (1 + bounds.jitter)))
    added = bounds.jitter * chance
    at = now + timedelta(seconds=math.ceil(min(interval_s * (1 + added), cap_s)))
    spread = timedelta(seconds=min(added * floor_s, _HOUR_S - 1))
    if asked.retry_at and asked.retry_at > at:
        at, reason = asked.retry_at + spread, f"asked to wait until {asked.retry_at:%d %b %H:%M} (Retry-After)"
    moved = _out_of_skipped(at, asked, spread)
    if moved != at:
        reason += ", then the feed's skipHours or skipDays"
    return Due(moved, math.ceil((moved - now).total_seconds()), reason)


def _interval(rhythm: Rhythm, asked: Asked, bounds: Bounds, now: datetime) -> tuple[float, float, str]:
    """The floor, and the interval without failures and cap, both in seconds; and what decided."""
    sixth_s = _sixth_s(rhythm, asked, bounds)
    fresh_s, ttl_s = (min(max(stated or 0, 0), sixth_s) for stated in (asked.fresh_s, asked.ttl_s))
    stated_s = max(fresh_s, ttl_s)
    floor_s = min(bounds.floor_s, sixth_s, max(stated_s, bounds.least_s) if stated_s else math.inf)
    own_s = 0.0 if asked.gap else min(math.sqrt(_QUARTER_S * rhythm.wait_h(now) * _HOUR_S), sixth_s)
    if asked.gap:
        floor = "no entry was known, some may have been missed"
    elif sixth_s < math.inf:
        floor = f"about {rhythm.per_hour:.0f} items an hour, and it shows {asked.entries}"
    elif floor_s < bounds.floor_s:
        floor = f"the source allows once in {_span(floor_s)}"
    else:
        floor = f"at most once in {_span(floor_s)}"
    candidates = (
        (floor_s, floor),
        (fresh_s, f"the server asks for {_span(fresh_s)} (max-age)"),
        (ttl_s, f"the feed asks for {_span(ttl_s)} (ttl)"),
        (own_s, _habit(rhythm, now)),
    )
    return floor_s, *max(candidates, key=lambda candidate: candidate[0])


def _sixth_s(rhythm: Rhythm, asked: Asked, bounds: Bounds) -> float:
    """The time in which a sixth of the feed is new, `least_s` at least; infinite where it is more than an hour."""
    if not asked.entries or not rhythm.per_hour or asked.entries >= 6 * rhythm.per_hour:
        return math.inf
    return max(_HOUR_S * asked.entries / (6 * rhythm.per_hour), bounds.least_s)


def _out_of_skipped(at: datetime, asked: Asked, spread: timedelta) -> datetime:
    hours = asked.skip_hours if len(asked.skip_hours & set(range(24))) < 24 else frozenset()
    days = asked.skip_days if len(asked.skip_days & set(range(7))) < 7 else frozenset()
    moment = at.astimezone(UTC)
    if moment.hour not in hours and moment.weekday() not in days:
        return at
    while moment.hour in hours or moment.weekday() in days:
        moment = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return moment + spread


def _habit(rhythm: Rhythm, now: datetime) -> str:
    """`about 12 items a day`, `nothing new for 3 days`."""
    wait_h, silent_h = rhythm.wait_h(now), rhythm.silent_h(now)
    if not wait_h:
        return "nothing is known of it"
    if silent_h >= min(wait_h, 7 * 24):
        return f"nothing new for {_span(silent_h * _HOUR_S)}"
    for hours, unit in ((1, "an hour"), (24, "a day"), (7 * 24, "a week")):
        if wait_h <= hours:
            return f"about {hours / wait_h:.0f} items {unit}" if hours / wait_h >= 1.5 else f"about an item {unit}"
    return "rarely anything new"


def _span(seconds: float) -> str:
    """`45 min`, `3 h`, `2.5 days`."""
    for size, unit in ((24 * _HOUR_S, "days"), (_HOUR_S, "h"), (60, "min")):
        if seconds >= (2 * size if unit == "days" else size):
            return f"{round(seconds / size, 1):g} {unit}"
    return f"{seconds:.0f} s"
