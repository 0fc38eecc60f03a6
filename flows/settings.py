"""Settings: `newsmill.toml` of the home, read once into one typed value; nothing else looks at the environment."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
import typing
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.catalog import Home
from warehouse.rows import Flag

if TYPE_CHECKING:
    from connectors.http import HttpLimits
    from connectors.polling.schedule import Bounds


class SettingsError(Exception):
    """`newsmill.toml` or `sources.toml` cannot be used; the message names the line and what was expected."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """`[pipeline]`: what processing may cost, and who does it."""

    workers: int = 0
    """Worker processes; 0 for one a core."""
    timeout_s: float = 30.0
    """Seconds that a document may take."""
    memory_mib: int = 2048
    """Memory that a worker process may take."""
    document_mib: int = 32
    """Size up to which a document is read."""
    reject_payload_kib: int = 1024
    """Size up to which the bytes of a rejected document are kept."""
    batch_mib: int = 96
    """Size of what is loaded in one transaction."""
    batch_documents: int = 10_000
    """Documents loaded in one transaction, at most."""
    runner: str = "FnApiRunner"
    """Beam's runner; in one process unless another is named."""
    options: tuple[str, ...] = ()
    """Beam's options for that runner, as on its command line."""


@dataclass(frozen=True, slots=True)
class Lake:
    """`[lake]`: how the warehouse is kept."""

    snapshot_days: int = 30
    """Days that older snapshots stay readable with `--as-of`."""
    merge_after_commits: int = 100
    """Commits after which small files are merged."""
    lock_timeout_s: float = 600.0
    """Seconds that a writer waits for another."""
    memory_mib: int = 1024
    """Memory that DuckDB may take."""


@dataclass(frozen=True, slots=True)
class Service:
    """`[service]`: what `newsmill up` does."""

    port: int = 4200
    """Port of the Prefect server on 127.0.0.1."""
    ingest_minutes: int = 5
    """Minutes between two ingest runs; each pulls only what is due."""
    maintain_hours: int = 24
    """Hours between two maintenance runs."""


@dataclass(frozen=True, slots=True)
class Network:
    """`[network]`: what may be reached, and how politely."""

    allow: tuple[str, ...] = ()
    """Private networks that the web connectors may reach, as `127.0.0.0/8`."""
    contact: str = ""
    """Address of a page or mailbox that the User-Agent names, for those whose servers are asked."""
    user_agent: str = ""
    """The whole User-Agent, instead of newsmill's."""
    per_host: int = 2
    """Connections to a host at one time."""
    per_domain: int = 4
    """Connections to the hosts of a registered domain at one time."""
    pause_s: float = 1.0
    """Seconds between two requests to a host."""
    connect_s: float = 10.0
    """Seconds that connecting may take."""
    read_s: float = 20.0
    """Seconds that a server may say nothing."""
    total_s: float = 60.0
    """Seconds that an exchange may take."""
    in_flight: int = 500
    """Sources that are asked at one time."""
    decoded_mib: int = 15
    """Size up to which an answer is read, received or unpacked."""
    skip: tuple[str, ...] = ()
    """Signals of publishers for which a page is not kept: any of noindex, noarchive, noai, tdm-reserved."""


@dataclass(frozen=True, slots=True)
class Feeds:
    """`[feeds]`: when feeds and sitemaps are asked, and the pages behind their entries."""

    floor_minutes: int = 60
    """Minutes between two polls of a source, at least."""
    cap_hours: int = 24
    """Hours between two polls of a source, at most."""
    pages: str = "short"
    """Pages that are fetched: always, short (where the entry does not carry the full text) or never."""
    page_again_hours: float = 6.0
    """Hours after publication at which a page is fetched once more; 0 for never."""
    page_wait_s: float = 90.0
    """Seconds that a source's pages may take in one run; the others come with the next."""
    unconditional_hours: float = 24.0
    """Hours after which a source is asked without validators, in case they never change."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`[rules]`: what is learned of boilerplate."""

    learn: str = "never"
    """What maintenance does about lines that recur: never looks, propose rules, or accept those beyond doubt."""
    accept_share: float = 0.3
    """Share of a source's articles from which a rule is beyond doubt."""
    accept_articles: int = 50
    """Articles that a source must have for that."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a home."""

    home: Home
    pipeline: Pipeline = field(default_factory=Pipeline)
    lake: Lake = field(default_factory=Lake)
    service: Service = field(default_factory=Service)
    network: Network = field(default_factory=Network)
    feeds: Feeds = field(default_factory=Feeds)
    rules: Rules = field(default_factory=Rules)

    @property
    def workers(self) -> int:
        """Worker processes: those of `[pipeline]`, else one for each core that this process may use."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return self.pipeline.workers or cores


_SECTIONS: dict[str, type[Pipeline | Lake | Service | Network | Feeds | Rules]] = {
    "pipeline": Pipeline,
    "lake": Lake,
    "service": Service,
    "network": Network,
    "feeds": Feeds,
    "rules": Rules,
}
LEARNING = ("never", "propose", "accept")
PAGES = ("always", "short", "never")
SIGNALS = tuple(str(flag) for flag in (Flag.NOAI, Flag.NOARCHIVE, Flag.NOINDEX, Flag.TDM_RESERVED))


def _is_network(text: str) -> bool:
    with suppress(ValueError):
        return bool(ipaddress.ip_network(text, strict=False))
    return False


def _is_header(text: str) -> bool:
    return text.isascii() and (text.isprintable() or not text)


_CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "accept_share": (lambda value: 0 < value <= 1, "a share such as 0.3"),
    "allow": (lambda value: all(map(_is_network, value)), 'a list of networks such as "127.0.0.0/8"'),
    "cap_hours": (lambda value: value >= 1, "at least 1"),
    "contact": (_is_header, "printable ASCII, for it is sent with each request"),
    "decoded_mib": (lambda value: value >= 1, "at least 1"),
    "in_flight": (lambda value: value >= 1, "at least 1"),
    "learn": (lambda value: value in LEARNING, f"one of {', '.join(LEARNING)}"),
    "pages": (lambda value: value in PAGES, f"one of {', '.join(PAGES)}"),
    "per_domain": (lambda value: value >= 1, "at least 1"),
    "per_host": (lambda value: value >= 1, "at least 1"),
    "skip": (lambda value: set(value) <= set(SIGNALS), f"a list of {', '.join(SIGNALS)}"),
    "user_agent": (_is_header, "printable ASCII, for it is sent with each request"),
}
"""What a setting must be, beyond its type."""


def find_home(option: Path | None, environ: Mapping[str, str]) -> Home:
    """`--home`, else `NEWSMILL_HOME`, else `./news`."""
    return Home(Path(option or environ.get("NEWSMILL_HOME") or "news").expanduser())


def prefect_api(environ: Mapping[str, str] = os.environ) -> str | None:
    """The Prefect API that the environment or the active profile names, looked up without importing Prefect."""
    if (stated := environ.get("PREFECT_API_URL")) is not None:
        return stated or None
    folder = Path(environ.get("PREFECT_HOME") or "~/.prefect").expanduser()
    path = Path(environ.get("PREFECT_PROFILES_PATH") or folder / "profiles.toml")
    try:
        profiles = tomllib.loads(path.read_text(encoding="utf-8"))
        profile = profiles["profiles"][environ.get("PREFECT_PROFILE") or profiles["active"]]
        return str(profile["PREFECT_API_URL"]) or None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError):
        return None


def child_environment(ours: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a Prefect process of ours: without the user's own Prefect settings."""
    return {name: value for name, value in environ.items() if not name.startswith("PREFECT_")} | dict(ours)


def read_settings(home: Home) -> Settings:
    """The home's settings; what `newsmill.toml` does not name has its default. Raises `SettingsError`."""
    path = home.path / "newsmill.toml"
    try:
        text = path.read_text(encoding="utf-8")
        stated = tomllib.loads(text)
    except (FileNotFoundError, NotADirectoryError):
        return Settings(home)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    sections = {}
    for name, values in stated.items():
        if name not in _SECTIONS:
            raise SettingsError(_at(path, text, name, f"no section {name!r}; expected one of {', '.join(_SECTIONS)}"))
        sections[name] = _section(path, text, name, values)
    return Settings(home, **sections)


def _section(path: Path, text: str, name: str, values: Any) -> Any:
    kind = _SECTIONS[name]
    if not isinstance(values, dict):
        raise SettingsError(_at(path, text, name, f"{name} is a section: write [{name}]"))
    hints = typing.get_type_hints(kind)
    checked = {}
    for key, value in values.items():
        if key not in hints:
            raise SettingsError(
                _at(path, text, key, f"no setting {key!r} in [{name}]; expected one of {', '.join(hints)}")
            )
        checked[key] = _checked(path, text, key, value, hints[key])
    return kind(**checked)


def _checked(path: Path, text: str, key: str, value: Any, hint: Any) -> Any:
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise SettingsError(_at(path, text, key, f"{key} is a list of strings"))
        value = tuple(value)
    elif isinstance(value, bool) or not isinstance(value, (int, float) if hint is float else hint):
        wanted = {int: "a whole number", float: "a number", str: "a string in quotes"}[hint]
        raise SettingsError(_at(path, text, key, f"{key} is {wanted}, not {value!r}"))
    if hint in (int, float) and value < 0:
        raise SettingsError(_at(path, text, key, f"{key} cannot be negative"))
    is_right, wanted = _CHECKS.get(key, (lambda _: True, ""))
    if not is_right(value):
        shown = list(value) if isinstance(value, tuple) else value
        raise SettingsError(_at(path, text, key, f"{key} is {wanted}, not {shown!r}"))
    return value


def _at(path: Path, text: str, key: str, message: str) -> str:
    pattern = re.compile(rf"^\s*\[*\s*[\"']?{re.escape(key)}[\"']?\s*[\]=.]")
    line = next((n for n, line in enumerate(text.splitlines(), 1) if pattern.match(line)), 1)
    return f"{path}, line {line}: {message}"


def user_agent(settings: Settings) -> str:
    """How newsmill names itself to servers (RFC 9110, 10.1.5): product, version and, where settings give it, a contact."""
    from newsmill import __version__

    network = settings.network
    return network.user_agent or f"newsmill/{__version__}" + (f" (+{network.contact})" if network.contact else "")


def http_limits(settings: Settings) -> HttpLimits:
    """What an exchange may cost under these settings."""
    from connectors.http import HttpLimits

    network = settings.network
    size_bytes = network.decoded_mib * 1024 * 1024
    return HttpLimits(
        connect_s=network.connect_s,
        read_s=network.read_s,
        total_s=network.total_s,
        received_bytes=size_bytes,
        decoded_bytes=size_bytes,
        per_host=network.per_host,
        per_domain=network.per_domain,
        pause_s=network.pause_s,
        in_flight=network.in_flight,
    )


def bounds(settings: Settings) -> Bounds:
    """Between which intervals sources are polled under these settings."""
    from connectors.polling.schedule import Bounds

    floor_s = settings.feeds.floor_minutes * 60
    return Bounds(
        floor_s=floor_s,
        least_s=min(Bounds().least_s, floor_s),
        cap_s=max(settings.feeds.cap_hours * 3600, floor_s),
    )


def defaults_toml() -> str:
    """The text of a new home's `newsmill.toml`: every setting with its default, commented out."""
    lines = ["# Settings of this newsmill home. Every line shows its default; take the # away to change one.", ""]
    for name, kind in _SECTIONS.items():
        lines.append(f"[{name}]")
        value = kind()
        lines += [f"# {f.name} = {_toml(getattr(value, f.name))}" for f in fields(kind)]
        lines.append("")
    return "\n".join(lines)


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{v}"' for v in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
