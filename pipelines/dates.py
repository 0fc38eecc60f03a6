"""Stated dates, in the forms that feeds, pages, rows and front matter write them in.

Forms: ISO 8601 and RFC 3339, RFC 822 and 2822 and their abuses, epoch seconds, milli- and microseconds, day and month
name in several languages, day-first numbers with dots; `06/10/2003` is not read, since nobody can know the month.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone

_MONTHS = {
    name: month
    for month, names in enumerate(
        (
            "jan january janv janvier januar januari jänner gennaio gen ene enero janeiro stycznia января ocak",
            "feb february févr fév février februar februari febbraio febrero fevereiro fev lutego февраля şubat",
            "mar march mars märz mär mrz maart mrt marzo março marts marca марта mart",
            "apr april avr avril aprile abr abril kwietnia апреля nisan",
            "may mai maj mei maggio mag mayo maio maja мая mayıs",
            "jun june juin juni giugno giu junio junho czerwca июня haziran",
            "jul july juil juillet juli luglio lug julio julho lipca июля temmuz",
            "aug august août aout augustus augusti agosto ago sierpnia августа ağustos",
            "sep sept september septembre settembre set septiembre setembro września сентября eylül",
            "oct october octobre oktober okt ottobre ott octubre outubro out października октября ekim",
            "nov november novembre noviembre novembro listopada ноября kasım",
            "dec december déc décembre dezember dez dicembre dic diciembre dezembro grudnia декабря aralık",
        ),
        1,
    )
    for name in names.split()
}
_ZONE_HOURS = {
    "acst": 9.5, "aedt": 11, "aest": 10, "akdt": -8, "akst": -9, "bst": 1, "cdt": -5, "cest": 2, "cet": 1, "cst": -6,
    "edt": -4, "eest": 3, "eet": 2, "est": -5, "gmt": 0, "hkt": 8, "hst": -10, "ist": 5.5, "jst": 9, "kst": 9,
    "mdt": -6, "mest": 2, "met": 1, "mez": 1, "mesz": 2, "msk": 3, "mst": -7, "nzdt": 13, "nzst": 12, "pdt": -7,
    "pkt": 5, "pst": -8, "sast": 2, "sgt": 8, "ut": 0, "utc": 0, "west": 1, "wet": 0, "wib": 7, "z": 0,
}  # fmt: skip
"""RFC 822 and customary names; any other is read as UTC, as RFC 2822, 4.3, has it."""
_AMERICAN = {"et": "America/New_York", "ct": "America/Chicago", "mt": "America/Denver", "pt": "America/Los_Angeles"}

_TIME = re.compile(
    r"(?:(?:^|[T\s,])(?:(?:at|um|à|alle|kl\.?|las)\s+)?|(?<=\d)t)(?P<hour>\d{1,2}):(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?:[.,]\d{1,9})?)?"
    r"(?:\s*(?P<half>[ap])\.?m\.?(?![a-z]))?"
    r"(?:\s*(?P<name>z|[a-z]{2,5}(?![a-z\d.])))?(?:\s*(?P<sign>[+\-−])(?P<offset>\d\d?(?::?\d\d)?)(?!\d))?"
    r"(?:\s*(?:\([^)]{0,40}\)|\[[^]]{0,40}\]|uhr|hrs?\b))?(?=$|[\s,])",
    re.IGNORECASE,
)
_COMPACT_TIME = re.compile(r"^(\d{8})T?(\d\d)(\d\d)(\d\d)?(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?$", re.IGNORECASE)
_WEEKDAY = re.compile(r"^[^\W\d_]{2,12}(?:-[^\W\d_]{2,6})?[.,]{0,2}\s+(?=\S)")
_FORMS = (
    re.compile(r"^(?P<y>\d{4})-(?P<m>\d\d?)-(?P<d>\d\d?)Z?$"),
    re.compile(r"^(?P<y>\d{4})/(?P<m>\d\d?)/(?P<d>\d\d?)$"),
    re.compile(r"^(?P<y>\d{4})\.\s?(?P<m>\d\d?)\.\s?(?P<d>\d\d?)\.?$"),
    re.compile(r"^(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)$"),
    re.compile(r"^(?P<y>\d{4})\s?[年년]\s?(?P<m>\d\d?)\s?[月월]\s?(?P<d>\d\d?)\s?[日일]?$"),
    re.compile(r"^(?P<d>\d\d?)\.\s?(?P<m>\d\d?)\.\s?(?P<y>\d{4})\.?$"),
    re.compile(r"^(?P<a>\d\d?)[/-](?P<b>\d\d?)[/-](?P<y>\d{4})$"),
    re.compile(
        r"^(?P<d>\d\d?)(?:st|nd|rd|th|er|\.|º)?(?:\s+(?:of|de))?[\s-]*(?P<name>[^\W\d_]{3,12})\.?,?"
        r"(?:\s+de[l]?)?[\s-]*(?P<y>\d{4}|\d\d)$"
    ),
    re.compile(r"^(?P<name>[^\W\d_]{3,12})\.?\s+(?P<d>\d\d?)(?:st|nd|rd|th)?,?\s+(?P<y>\d{4})$"),
    re.compile(r"^(?P<y>\d{4})[\s-](?P<name>[^\W\d_]{3,12})\.?[\s-](?P<d>\d\d?)$"),
)
_ORDINAL = re.compile(r"^(\d{4})-(\d{3})$")
_WEEK = re.compile(r"^(\d{4})-?W(\d\d)-?([1-7])$")
_FIRST_YEAR = 1400
"""Before printing: what states an earlier year states none (0001-01-01 is how some programs spell "unset")."""


def parse_date(
    value: object, *, earliest: datetime | None = None, latest: datetime | None = None
) -> tuple[datetime, bool] | None:
    """The moment in UTC and whether only its day was stated; None for what is no date or lies outside the bounds.

    A time without a zone is read as UTC, a day as 00:00 UTC.
    """
    parsed = _parse(value)
    if parsed is None or (earliest and parsed[0] < earliest) or (latest and parsed[0] > latest):
        return None
    return parsed if parsed[0].year >= _FIRST_YEAR else None


def _parse(value: object) -> tuple[datetime, bool] | None:
    try:
        if isinstance(value, bool):
            return None
        if isinstance(value, datetime):
            return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC), False
        if isinstance(value, date):
            return datetime.combine(value, time(), UTC), True
        if isinstance(value, int | float):
            return _parse_number(value)
        return _parse_text(" ".join(value.split())) if isinstance(value, str) and len(value) < 200 else None
    except (ValueError, OverflowError):
        return None


def _parse_number(number: float) -> tuple[datetime, bool] | None:
    """Epoch seconds, milli-, micro- or nanoseconds by their size, or a day written as YYYYMMDD."""
    if number == int(number) and 14_000_101 <= number <= 99_991_231:
        return _parse_text(str(int(number)))
    for digits, unit in ((12, 1), (15, 1_000), (18, 1_000_000), (21, 1_000_000_000)):
        if 1e8 <= abs(number) < 10 ** (digits - 1):
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=number / unit), False
    return None


def _parse_text(text: str) -> tuple[datetime, bool] | None:
    if text.replace(".", "", 1).isdecimal() and len(text) != 8 and not _COMPACT_TIME.match(text):
        return _parse_number(float(text)) if "." in text else _parse_number(int(text))
    if compact := _COMPACT_TIME.match(text):
        day, hour, minute, second, zone = compact.groups()
        text = f"{day} {hour}:{minute}:{second or '00'}{zone or ''}"
    clock = _TIME.search(text)
    if clock is None:
        day_only = _parse_day(text)
        return (datetime.combine(day_only, time(), UTC), True) if day_only else None
    day = _parse_day(f"{text[: clock.start()]} {text[clock.end() :]}")
    return (_moment(day, clock), False) if day else None


def _parse_day(text: str) -> date | None:
    text = text.strip(" ,|–-").lower()
    if week := _WEEK.match(text.upper()):
        return date.fromisocalendar(*(int(part) for part in week.groups()))
    if ordinal := _ORDINAL.match(text):
        return date(int(ordinal[1]), 1, 1) + timedelta(days=int(ordinal[2]) - 1)
    for candidate in (text, _WEEKDAY.sub("", text)):
        for form in _FORMS:
            if found := form.match(candidate):
                return _day_of(found.groupdict())
    return None


def _day_of(parts: dict[str, str]) -> date | None:
    year = int(parts["y"])
    if len(parts["y"]) == 2:
        year += 2000 if year < 50 else 1900  # RFC 2822, 4.3
    if "a" in parts:
        first, second = int(parts["a"]), int(parts["b"])
        if first <= 12 and second <= 12 and first != second:
            return None
        return date(year, first, second) if second > 12 else date(year, second, first)
    month = _MONTHS.get(parts["name"]) if "name" in parts else int(parts["m"])
    return date(year, month, int(parts["d"])) if month else None


def _moment(day: date, clock: re.Match[str]) -> datetime:
    hour, minute, second = int(clock["hour"]), int(clock["minute"]), int(clock["second"] or 0)
    if clock["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(hour)
        hour = hour % 12 + (12 if clock["half"].lower() == "p" else 0)
    # 24:00 ends a day (ISO 8601:2004); a leap second has no place in datetime.
    is_midnight = (hour, minute, second) == (24, 0, 0)
    local = datetime.combine(day, time(0 if is_midnight else hour, minute, min(second, 59) if second == 60 else second))
    return _in_utc(local + timedelta(days=is_midnight), clock["name"], clock["sign"], clock["offset"])


def _in_utc(local: datetime, name: str | None, sign: str | None, offset: str | None) -> datetime:
    key = (name or "").lower()
    if sign and offset:
        digits = offset.replace(":", "")
        hours, minutes = (int(digits), 0) if len(digits) < 3 else (int(digits[:-2]), int(digits[-2:]))
        shift = timedelta(hours=hours, minutes=minutes) * (1 if sign == "+" else -1)
        return local.replace(tzinfo=timezone(shift)).astimezone(UTC)
    if key in _AMERICAN:
        import pytz

        return pytz.timezone(_AMERICAN[key]).localize(local).astimezone(UTC)
    return local.replace(tzinfo=timezone(timedelta(hours=_ZONE_HOURS.get(key, 0)))).astimezone(UTC)
