"""What the user wants of a source on the web, and the state that its connector keeps between polls (its cursor)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from connectors.schedule import Rhythm


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

    def due_at(self) -> datetime | None:
        """When there is something to do: a poll, or a page; None for at once."""
        moments = [p.due_at for p in self.pages]
        if self.next_poll_at is None:
            return None
        return min([self.next_poll_at, *moments])

    def relocated(self, location: str) -> State:
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
        """The state in a cursor; what later code added has its default."""
        stored = json.loads(cursor)
        names = {f.name for f in fields(cls)}
        values: dict[str, Any] = {n: _moment(n, v) for n, v in stored.items() if n in names}
        values["pages"] = tuple(
            PendingPage(**{n: _moment(n, v) for n, v in page.items()}) for page in stored.get("pages", ())
        )
        for name in ("archive", "skip_hours", "skip_days"):
            values[name] = tuple(stored.get(name, ()))
        rhythm = stored.get("rhythm", {})
        values["rhythm"] = replace(Rhythm(), **{n: _moment(n, v) for n, v in rhythm.items()})
        return cls(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return {f.name: getattr(value, f.name) for f in fields(value)}


def _moment(name: str, value: Any) -> Any:
    if isinstance(value, str) and name.endswith(("_at", "_since")):
        return datetime.fromisoformat(value)
    return value
