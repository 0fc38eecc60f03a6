"""How long an answer stays fresh, and when to come back, as the server's headers say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_MAX_AGE = re.compile(r"""(?:^|[,\s])max-age\s*=\s*"?([0-9]+)""", re.IGNORECASE)
_SECONDS = re.compile(r"([0-9]+)(\.[0-9]*)?")
_MOST_S = (1 << 31) - 1
"""What a larger number counts as (RFC 9111, 1.2.2)."""


def fresh_s(headers: Mapping[str, str], now: datetime) -> int | None:
    """For how many more seconds the answer is fresh: `max-age`, else `Expires`, less `Age` (RFC 9111, 4.2).

    None where the headers say nothing; 0 where it is stale already, or `Expires` is no date.
    """
    stated = _MAX_AGE.search(headers.get("cache-control", ""))
    if stated:
        lifetime_s = float(stated[1][:12])
    elif "expires" in headers:
        expires = _moment(headers["expires"])
        since = _moment(headers.get("date", "")) or now
        lifetime_s = (expires - since).total_seconds() if expires else 0.0
    else:
        return None
    age = _SECONDS.fullmatch(headers.get("age", "").strip())
    age_s = float(age[1][:12]) if age else 0.0
    return int(min(max(min(lifetime_s, _MOST_S) - age_s, 0.0), _MOST_S))


def retry_at(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """When `Retry-After`, in seconds or a date, lets us come back (RFC 9110, 10.2.3); None for none, or a past one."""
    stated = headers.get("retry-after", "").strip()
    seconds = _SECONDS.fullmatch(stated)
    moment = now + timedelta(seconds=min(float(seconds[1][:12]), _MOST_S)) if seconds else _moment(stated)
    return moment if moment and moment > now else None


def _moment(text: str) -> datetime | None:
    """The date of a header, in any of HTTP's three forms (RFC 9110, 5.6.7)."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    try:
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except OverflowError:
        return None
