"""What the user wants of a source on the web, and the state that its connector keeps between polls (its cursor)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from connectors.polling.schedule import Rhythm


class Pages(StrEnum):
    """Whether the pages behind entries are fetched."""

    ALWAYS = "always"
    SHORT = "short"
    """When the entry does not carry the full text."""
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSource:
    """A feed or sitemap of `sources.toml`."""

    name: str
    kind: str
    """`feed` or `sitemap`."""
    location: str
    pages: Pages = Pages.SHORT
    is_conditional: bool = True
    """Whether validators are sent back."""
    interval_s: int | None = None
    """Shortest interval of this source, where it is not the settings'."""
    headers: tuple[tuple[str, str], ...] = ()
    """Names of headers and their values, credentials among them: taken from the environment, never stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingPage:
    """A page that is to be fetched later."""

    address: str
    """Of its entry."""
    document_id: str
    url: str
    due_at: datetime
    until: datetime
    """It is given up then, whatever kept it."""
    tries: int = 0
    is_again: bool = False
    """Fetched once already, and once more because publishers edit in the first hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of a source between two polls; as bytes, its cursor."""

    location: str
    """The address that is asked: the wanted one, or where it moved for good."""
    wanted: str
    """The address that the user wants; where that is another now, the source begins there anew."""
    added_at: datetime
    etag: str | None = None
    last_modified: str | None = None
    digest: str | None = None
    """Of the feed that was read last."""
    seen: dict[str, str] = field(default_factory=dict)
    """Entries of the last answers, oldest first: the beginnings of the hashes of address and record."""
    pages: tuple[PendingPage, ...] = ()
    archive: tuple[str, ...] = ()
    """Pages and maps of its past that are still to be read, the next first; only where that was asked for."""
    rhythm: Rhythm = field(default_factory=Rhythm)
    next_poll_at: datetime | None = None
    interval_s: int | None = None
    interval_reason: str | None = None
    last_polled_at: datetime | None = None
    last_success_at: datetime | None = None
    unconditional_at: datetime | None = None
    """When it was last asked without validators."""
    moved_to: str | None = None
    """Where 301s and 308s lead, and since when they have."""
    moved_since: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None
    gone_since: datetime | None = None
    gap_at: datetime | None = None
    entries: int = 0
    """How many the feed showed last."""
    ttl_s: int | None = None
    """What the feed asks for, as are `skip_hours` and `skip_days`; kept for the polls that bring no feed."""
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()
    title: str | None = None
    site_url: str | None = None
    error: str | None = None

    @classmethod
    def of(cls, source: WebSource, cursor: bytes | None, now: datetime) -> State:
        """The source's state; one whose address was changed by hand begins anew there, but for what it has seen."""
        fresh = cls(location=source.location, wanted=source.location, added_at=now)
        try:
            state = cls.from_bytes(cursor) if cursor else fresh
        except (ValueError, TypeError, AttributeError):  # of other code: what it knew is only read once more
            return fresh
        return state if state.wanted == source.location else state.moved_by_hand(source.location)

    def is_due(self, now: datetime) -> bool:
        """Whether a poll is due; so it is where the last one lies in the future: a clock was wrong then."""
        if self.next_poll_at is None or self.next_poll_at <= now:
            return True
        return self.last_polled_at is not None and self.last_polled_at > now

    def forgetting(self, addresses: Iterable[str]) -> State:
        """The state without these entries, so that the next poll takes them for new, and is not answered by a 304."""
        left = {short(address) for address in addresses}
        if not left:
            return self
        seen = {address: record for address, record in self.seen.items() if address not in left}
        return replace(self, seen=seen, etag=None, last_modified=None, digest=None)

    def moved_by_hand(self, location: str) -> State:
        """The state of a source whose address was changed by hand: what it has seen, and nothing of its old server."""
        return State(
            location=location,
            wanted=location,
            added_at=self.added_at,
            seen=self.seen,
            pages=self.pages,
            rhythm=self.rhythm,
            last_success_at=self.last_success_at,
        )

    def to_bytes(self) -> bytes:
        """As a cursor: JSON, without what has its default."""
        fresh = State(location="", wanted="", added_at=self.added_at)
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        kept = {n: v for n, v in values.items() if n in ("location", "wanted", "added_at") or v != getattr(fresh, n)}
        return json.dumps(kept, default=_plain, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, cursor: bytes) -> State:
        """The state in a cursor; what later code added has its default, what it dropped is left out.

        Raises `ValueError`, `TypeError` or `AttributeError` for what is none.
        """
        stored = json.loads(cursor)
        names = {f.name for f in fields(cls)}
        values: dict[str, Any] = {n: _moment(n, v) for n, v in stored.items() if n in names}
        values["pages"] = tuple(_value(PendingPage, page) for page in stored.get("pages", ()))
        for name in ("archive", "skip_hours", "skip_days"):
            values[name] = tuple(stored.get(name, ()))
        values["rhythm"] = _value(Rhythm, stored.get("rhythm", {}))
        return cls(**values)


def short(value: str | bytes) -> str:
    """The beginning of a hash, which stands for an address or a record in `State.seen`."""
    data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return hashlib.sha256(data).hexdigest()[:12]


def _value(kind: type[Any], stored: dict[str, Any]) -> Any:
    names = {f.name for f in fields(kind)}
    return kind(**{n: _moment(n, v) for n, v in stored.items() if n in names})


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return {f.name: getattr(value, f.name) for f in fields(value)}


def _moment(name: str, value: Any) -> Any:
    if isinstance(value, str) and name.endswith(("_at", "_since", "until")):
        return datetime.fromisoformat(value)
    return value
