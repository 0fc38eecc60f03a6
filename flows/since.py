"""Times as people write them on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_since(text: str, now: datetime) -> datetime:
    """The moment meant by `2026-01-31`, `2026-01-31T12:00`, `90m`, `12h`, `7d` or `2w`, in UTC. Raises `TimeError`."""
    try:
        if match := re.fullmatch(r"(\d{1,6})([mhdw])", text.strip()):
            return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
        moment = datetime.fromisoformat(text.strip())
    except (OverflowError, ValueError):
        raise TimeError(f"{text!r} is no time: write 2026-01-31, 2026-01-31T12:00, 90m, 12h, 7d or 2w") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class TimeError(ValueError):
    """A time that cannot be read."""
