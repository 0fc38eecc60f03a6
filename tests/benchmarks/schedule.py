"""Figures of the schedule: a day of made-up sources, asked at fixed intervals and by ours; and false alarms of silence.

The sources are assumptions, drawn with a fixed seed: busy ones (24 to 250 items a day, fewer at night and at weekends,
whose feeds show a half to a sixteenth of a day), hourly, daily (at a habitual hour, half of them on weekdays only),
weekly and dead ones, with windows of 10 to 50 entries and what servers usually state of freshness. Ours knows them for
two weeks when the day begins, a Tuesday. A delay is the time from an item's publication to the poll that finds it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import mean

from connectors.polling.schedule import Asked, Bounds, Rhythm, first_rhythm, next_poll
from tests.benchmarks.figures import Figure
from tests.benchmarks.path import Sizes

_SOURCES = 400
_MONDAY = datetime(2031, 1, 6, tzinfo=UTC)
_HISTORY_DAYS = 56
"""Of items before the sources are added."""
_DAY = (15 * 24.0, 16 * 24.0)
_END_H = _DAY[1] + 48
"""What the day brought was found by then, or never."""
_MEASURES = ("requests a source", "items missed", "min of delay, mean of items", "min of delay, mean of sources")


@dataclass(frozen=True, slots=True)
class Source:
    """Its items, in hours since the Monday on which it is added, how many its feed shows, and what it states."""

    kind: str
    items: Sequence[float]
    window: int = 10
    fresh_s: int | None = None
    ttl_s: int | None = None


@dataclass(slots=True)
class Polls:
    """What the polls of a day brought; the delays are those of its items, missed ones left out."""

    requests: int = 0
    missed: int = 0
    delays_min: list[float] = field(default_factory=list)


Wait = Callable[[float, list[float]], float]
"""Hours to the next poll, by the hour of this one and what it found."""


def schedule(place: Path, sizes: Sizes) -> Iterator[Figure]:
    """A day with fixed intervals and with ours, then alarms of silence."""
    rng = Random(7)
    sources = [_source(rng, number / _SOURCES) for number in range(_SOURCES)]
    days = {
        "fixed 15 min": [_polls(s, rng, _fixed(0.25)) for s in sources],
        "fixed 60 min": [_polls(s, rng, _fixed(1.0)) for s in sources],
        "ours": [_polls(s, rng, _ours(s, Bounds(), rng)) for s in sources],
        "ours, floor 60 min whatever servers state": [
            _polls(s, rng, _ours(s, Bounds().of(3600), rng)) for s in sources
        ],
        "ours, floor 15 min": [_polls(s, rng, _ours(s, Bounds().of(900), rng)) for s in sources],
    }
    measured = {name: _measured(day) for name, day in days.items()}
    print(_side_by_side(sources, days), end="\n\n")
    quarters, hours = measured["fixed 15 min"], measured["fixed 60 min"]
    goals = (quarters[0], quarters[1], hours[2], None)
    for measure, what in enumerate(_MEASURES):
        for name, values in measured.items():
            has_goal = name in ("ours", "ours, floor 15 min")
            yield Figure(f"24 h, {name}: {what}", values[measure], "", goals[measure] if has_goal else None)
    yield from _alarms(rng)


def _polls(source: Source, rng: Random, wait: Wait) -> Polls:
    found, hour = Polls(), rng.random()
    known = bisect_right(source.items, hour)
    hour += wait(hour, list(source.items[max(0, known - source.window) : known]))
    while hour < _END_H:
        until = bisect_right(source.items, hour)
        shown = max(known, until - source.window)
        found.requests += _DAY[0] <= hour < _DAY[1]
        found.missed += sum(_DAY[0] <= item < _DAY[1] for item in source.items[known:shown])
        new = source.items[shown:until]
        found.delays_min += [60 * (hour - item) for item in new if _DAY[0] <= item < _DAY[1]]
        known = until
        hour += wait(hour, list(new))
    return found


def _fixed(interval_h: float) -> Wait:
    return lambda _hour, _new: interval_h


def _ours(source: Source, bounds: Bounds, rng: Random) -> Wait:
    rhythm: Rhythm | None = None
    before = 0.0

    def wait(hour: float, new: list[float]) -> float:
        nonlocal rhythm, before
        now = _moment(hour)
        if rhythm is None:
            rhythm = first_rhythm([_moment(item) for item in new], now)
        else:
            rhythm = rhythm.after(len(new), 3600 * (hour - before), now)
        before = hour
        shown, gap = source.window, len(new) == source.window
        asked = Asked(fresh_s=source.fresh_s, ttl_s=source.ttl_s, entries=shown, gap=gap)
        return next_poll(rhythm, asked, bounds, now, rng.random()).interval_s / 3600

    return wait


def _moment(hour: float) -> datetime:
    return _MONDAY + timedelta(hours=hour)


def _measured(day: Sequence[Polls]) -> tuple[float, ...]:
    delays = [polls.delays_min for polls in day if polls.delays_min]
    return (
        mean(polls.requests for polls in day),
        sum(polls.missed for polls in day),
        mean(delay for of_source in delays for delay in of_source) if delays else 0.0,
        mean(mean(of_source) for of_source in delays) if delays else 0.0,
    )


def _side_by_side(sources: Sequence[Source], days: dict[str, list[Polls]]) -> str:
    """Markdown: a row for each kind of source and way of asking."""
    lines = [f"| sources | asked | {' | '.join(_MEASURES)} |", "|---|---|---|---|---|---|"]
    for kind in ("all", *dict.fromkeys(s.kind for s in sources)):
        for name, day in days.items():
            values = _measured([p for s, p in zip(sources, day, strict=True) if kind in ("all", s.kind)])
            lines.append(f"| {kind} | {name} | {' | '.join(f'{value:.1f}' for value in values)} |")
    return "\n".join(lines)


def _source(rng: Random, share: float) -> Source:
    """The source at `share` of all: 30 % are busy, 15 % hourly, 30 % daily, 15 % weekly, 10 % dead."""
    ttl_s = rng.choice([None] * 6 + [900, 3600, 3600, 3600])
    some = rng.choice([None] * 7 + [600, 3600, 6 * 3600])
    if share < 0.30:
        a_day = rng.choice([24, 40, 60, 100, 150, 250])
        window = min(50, max(10, a_day // rng.choice([2, 4, 8, 16])))
        fresh_s = rng.choice([None, None, None, 60, 300, 300, 600, 900, 1800, 3600])
        return Source("busy", _by_day(rng, a_day, rng.choice([0.4, 0.6, 0.8]), 18), window, fresh_s, ttl_s)
    if share < 0.45:
        zone, hours = rng.randrange(24), range(-24 * _HISTORY_DAYS, 24 * 18)
        items = sorted(hour + rng.gauss(0.2, 0.1) for hour in hours if (hour + zone) % 24 >= 6)
        return Source("hourly", items, rng.choice([10, 20, 30]), rng.choice([None, None, 300, 900, 3600]), ttl_s)
    if share < 0.75:
        return Source("daily", _daily(rng, 18, 5 if rng.random() < 0.5 else 7), rng.choice([10, 20]), some, ttl_s)
    if share < 0.90:
        return Source("weekly", _weekly(rng, 18), 10, some, ttl_s)
    return Source("dead", [-24 * rng.uniform(30, 56)], 10, some, ttl_s)


def _by_day(rng: Random, a_day: float, weekend: float, days: int) -> list[float]:
    """At random moments, by night a tenth and by day one and a half as often as on average."""
    zone, top = rng.randrange(24), 1.5 * a_day / 24
    hour, items = -24.0 * _HISTORY_DAYS, []
    while hour < 24 * days:
        hour += rng.expovariate(top)
        day, local = divmod(hour + zone, 24)
        share = 0.1 if local < 6 or local >= 23 else 1.5 if 8 <= local < 20 else 0.8
        if rng.random() < share * (weekend if day % 7 >= 5 else 1) / 1.5:
            items.append(hour)
    return items


def _daily(rng: Random, days: int, days_a_week: int = 7) -> list[float]:
    at, spread = rng.uniform(0, 24), rng.choice([0.2, 0.5, 1.5])
    return sorted(24 * day + at + rng.gauss(0, spread) for day in range(-_HISTORY_DAYS, days) if day % 7 < days_a_week)


def _weekly(rng: Random, days: int) -> list[float]:
    at = rng.uniform(0, 168)
    return [168 * week + at + rng.gauss(0, 4) for week in range(-_HISTORY_DAYS // 7, days // 7 + 1)]


_YEAR = 365
_HABITS: dict[str, Callable[[Random], list[float]]] = {
    "100 items a day, half at weekends": lambda rng: _by_day(rng, 100, 0.5, _YEAR),
    "20 a day, none at weekends": lambda rng: _by_day(rng, 20, 0.0, _YEAR),
    "5 a day, half at weekends": lambda rng: _by_day(rng, 5, 0.5, _YEAR),
    "one a day at random": lambda rng: _by_day(rng, 1, 0.4, _YEAR),
    "one a day at its hour": lambda rng: _daily(rng, _YEAR),
    "one a weekday at its hour": lambda rng: _daily(rng, _YEAR, 5),
    "one a week": lambda rng: _weekly(rng, _YEAR),
    "one a week at random": lambda rng: _by_day(rng, 1 / 7, 1.0, _YEAR),
}


def _alarms(rng: Random) -> Iterator[Figure]:
    """Sources that live for a year and then end, asked every three hours."""
    for name, items in _HABITS.items():
        found = [_alarms_of(items(rng)) for _ in range(20)]
        yield Figure(f"false alarms of silence, a source a year: {name}", mean(false for false, _ in found), "")
        yield Figure("days until its end is noticed", mean(days for _, days in found), "")


def _alarms_of(items: Sequence[float]) -> tuple[int, float]:
    """False alarms, and days from the last item to the right one."""
    known = bisect_left(items, 0)
    rhythm = first_rhythm([_moment(item) for item in items[max(0, known - 15) : known]], _MONDAY)
    false, is_alarmed, hour = 0, False, 0.0
    while True:
        hour += 3
        until = bisect_right(items, hour)
        rhythm = rhythm.after(until - known, 3 * 3600, _moment(hour))
        is_silent = (from_ := rhythm.silent_from()) is not None and _moment(hour) > from_
        if is_silent and until == len(items):
            return false, (hour - items[-1]) / 24
        false += is_silent and not is_alarmed
        known, is_alarmed = until, is_silent
