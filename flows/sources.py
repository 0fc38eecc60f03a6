"""Sources: what the user wants pulled (`sources.toml`), and which source a path belongs to."""

from __future__ import annotations

import os
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import tomlkit

from flows.settings import Settings, SettingsError
from flows.web_options import OptionError, Options, read_options, request_headers
from pipelines.address import normalise
from warehouse.catalog import Home
from warehouse.rows import SourceRow

if TYPE_CHECKING:
    from connectors.polling.web_source import WebSource

KINDS = ("folder", "feed", "sitemap")
_NAME_CHARS = 60


class SourceError(Exception):
    """A source cannot be added, found or changed; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A source of `sources.toml`."""

    name: str
    kind: str
    location: str
    is_paused: bool = False
    options: Options = Options()
    problem: str = ""
    """What is wrong with its options, which keeps this source alone from being pulled."""

    @property
    def is_web(self) -> bool:
        return self.kind != "folder"


@dataclass(frozen=True, slots=True)
class Binding:
    """A part of a source to pull: all of its location, or what lies at `only` below it, less `leave_out`."""

    source: str
    location: Path
    only: str | None = None
    leave_out: tuple[str, ...] = ()
    is_known: bool = False


def read_sources(home: Home) -> list[Wanted]:
    """The sources of `sources.toml`, in its order. Raises `SettingsError`."""
    path = home.path / "sources.toml"
    try:
        stated = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    entries = stated.get("source", [])
    if not isinstance(entries, list):
        raise SettingsError(f"{path}: expected [[source]] tables")
    found = [_wanted(path, number, entry) for number, entry in enumerate(entries, 1)]
    names = [w.name for w in found]
    if doubled := {name for name, count in Counter(names).items() if count > 1}:
        raise SettingsError(f"{path}: two sources are named {min(doubled)!r}; a name stands once")
    return found


def _wanted(path: Path, number: int, entry: object) -> Wanted:
    if not isinstance(entry, Mapping):
        raise SettingsError(f"{path}: expected [[source]] tables")
    for key in ("name", "location"):
        if not isinstance(entry.get(key), str) or not entry[key]:
            raise SettingsError(f'{path}: [[source]] number {number} needs {key} = "…"')
    kind = entry.get("kind", "folder")
    if kind not in KINDS:
        kinds = ", ".join(KINDS)
        raise SettingsError(f"{path}: [[source]] number {number} is of kind {kind!r}; this newsmill pulls: {kinds}")
    paused = entry.get("paused", False)
    if not isinstance(paused, bool):
        raise SettingsError(f"{path}: [[source]] number {number}: paused is true or false")
    options, problem = Options(), ""
    if kind != "folder":
        try:
            check_address(entry["location"])
            options = read_options(entry)
        except (OptionError, SourceError) as error:
            problem = f"{path}: {error}"
    return Wanted(entry["name"], kind, entry["location"], paused, options, problem)


def check_address(location: str) -> None:
    """Raise `SourceError` for a location that no request could be sent to."""
    try:
        parts = urlsplit(location)
        is_fit = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_fit = False
    if not is_fit:
        raise SourceError(f"{location} is no address of the web, such as https://coast.example/feed.xml")
    if parts.username is not None or parts.password is not None:
        raise SourceError(f"the address at {parts.hostname} holds a user or password: give the source `auth` instead")


def web_source(wanted: Wanted, settings: Settings, environ: Mapping[str, str]) -> WebSource:
    """What the connector is to pull. Raises `SourceError` where it cannot be asked: an option, a missing variable."""
    from connectors.polling.web_source import Pages, WebSource

    if wanted.problem:
        raise SourceError(wanted.problem)
    options = wanted.options
    try:
        headers = request_headers(options, environ)
    except OptionError as error:
        raise SourceError(str(error)) from error
    return WebSource(
        name=wanted.name,
        kind=wanted.kind,
        location=wanted.location,
        pages=Pages(options.pages or settings.feeds.pages),
        is_conditional=options.is_conditional,
        interval_s=options.interval_minutes and options.interval_minutes * 60,
        headers=headers,
    )


def check_name(name: str) -> None:
    """Raise `SourceError` for a name that no one could read or type again."""
    if not name.isprintable() or name != name.strip() or not name:
        raise SourceError(f"{name!r} is no name for a source: it needs letters, and no control characters around them")


def check_named(name: str, paths: Iterable[Path]) -> None:
    """Raise `SourceError` unless all paths can belong to the one source of that name: a source is one folder."""
    check_name(name)
    folders = {real if real.is_dir() else real.parent for real in (Path(os.path.realpath(path)) for path in paths)}
    if len(folders) > 1:
        first, second, *_ = sorted(folders)
        raise SourceError(f"{first} and {second} cannot both be the source {name!r}: give --source to one at a time")


def add_source(home: Home, wanted: Wanted) -> None:
    """Append a source to `sources.toml`, whose comments and order stay. Raises `SourceError` where it is there already."""
    add_sources(home, [wanted])


def add_sources(home: Home, wanted: Iterable[Wanted]) -> None:
    """Append sources in one go. Raises `SourceError` for a name or place that is there already, and adds none then."""
    there = read_sources(home)
    names = {w.name for w in there}
    places = {place_of(w): w.name for w in there}
    document = _document(home)
    tables = document.setdefault("source", tomlkit.aot())
    for one in wanted:
        check_name(one.name)
        if one.name in names:
            raise SourceError(f"a source is named {one.name!r} already: choose another with --name")
        if (place := place_of(one)) in places:
            raise SourceError(f"{one.location} is a source already, named {places[place]!r}")
        names.add(one.name)
        places[place] = one.name
        table = _table(one)
        if len(tables):
            table.trivia.indent = "\n"  # an empty line before its header
        tables.append(table)
    home.path.mkdir(parents=True, exist_ok=True)
    _write(home, document)


def place_of(wanted: Wanted) -> str:
    """What two sources at one place have in common: a folder's real path, an address in normal form."""
    return normalise(wanted.location) or wanted.location if wanted.is_web else os.path.realpath(wanted.location)


def _table(wanted: Wanted) -> Any:
    entry = tomlkit.table()
    stated = {
        "name": wanted.name,
        "kind": wanted.kind,
        "location": wanted.location,
        "pages": wanted.options.pages,
        "title": wanted.options.title,
        "categories": list(wanted.options.categories),
    }
    for key, value in stated.items():
        if value not in (None, []):
            entry[key] = value
    return entry


def add_web(
    home: Home,
    location: str,
    kind: str,
    *,
    name: str | None = None,
    title: str | None = None,
    options: Options = Options(),  # noqa: B008  a frozen value
) -> Wanted:
    """Make an address a source, under the name that its articles are in the lake by, where some are.

    Raises `SourceError` for what is no address, for one that is a source already, and for a name that is taken.
    """
    check_address(location)
    learnt = learnt_sources(home)
    names = {w.name for w in read_sources(home)}
    place = place_of(Wanted("", kind, location))
    same = next((s.source for s in learnt.values() if s.source not in names and _place_of(s) == place), None)
    if same is not None and name not in (None, same):
        raise SourceError(f"{location} is in the lake as {same!r} already: add it under that name, without --name")
    if same is None and name in learnt:
        raise SourceError(f"{name!r} is the name of {learnt[name].location} in the lake: choose another with --name")
    chosen = same or name or web_name(title, location, {*learnt, *names})
    wanted = Wanted(chosen, kind, location, options=options)
    add_source(home, wanted)
    return wanted


def _place_of(learnt: SourceRow) -> str:
    return place_of(Wanted(learnt.source, learnt.kind, learnt.location))


def web_name(title: str | None, location: str, taken: Iterable[str]) -> str:
    """A name that is easy to type, of a feed's title or else its host, with `-2` and so on where it is taken."""
    host = (urlsplit(location).hostname or "").removeprefix("www.")
    return _free(_slug(title or "") or _slug(host) or "source", taken)


def _slug(text: str) -> str:
    """Letters and digits in lower case, of any script, with a hyphen for all between."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("’", "")
    # Vowel signs of Indic scripts are marks, which are no letters to a regular expression.
    kept = "".join(c if c.isalnum() or c in "._" or unicodedata.category(c)[0] == "M" else " " for c in plain)
    slug = "-".join(filter(None, (word.strip("._") for word in kept.split())))
    return slug if len(slug) <= _NAME_CHARS else slug[:_NAME_CHARS].rpartition("-")[0] or slug[:_NAME_CHARS]


def watch(home: Home, location: str, name: str | None = None) -> Wanted:
    """Make a folder a source, under the name that its articles are in the lake by, where some are.

    Raises `SourceError` for what is no folder, and for a folder whose articles belong to another source.
    """
    if not Path(location).is_dir():
        hint = f"; for an address write https://{location}" if re.match(r"[\w-]+(\.[\w-]+)+(/|$)", location) else ""
        raise SourceError(f"{location} is not a folder{hint}")
    place = Path(os.path.realpath(location))
    learnt = learnt_sources(home)
    known = {s.source: Path(s.location) for s in learnt.values() if s.kind == "folder"}
    if name in learnt and learnt[name].kind != "folder":
        raise SourceError(f"{name!r} is the name of {learnt[name].location} in the lake: choose another with --name")
    for other, folder in known.items():
        if folder == place and name not in (None, other):
            raise SourceError(f"{place} is in the lake as {other!r} already: add it under that name, without --name")
        if folder != place and place.is_relative_to(folder):
            raise SourceError(
                f"{place} lies in {folder}, and its articles belong to that source, {other!r}: add {folder}"
            )
    same = next((other for other, folder in known.items() if folder == place), None)
    taken = {*learnt, *(w.name for w in read_sources(home))}
    wanted = Wanted(same or name or free_name(place, taken), "folder", str(place))
    add_source(home, wanted)
    return wanted


def learnt_sources(home: Home) -> dict[str, SourceRow]:
    """What the lake has learnt of sources, by name; nothing where there is no lake."""
    if not home.exists:
        return {}
    from warehouse.known import sources
    from warehouse.query import connect

    with connect(home.path) as lake:
        return sources(lake)


def set_paused(home: Home, name: str, *, is_paused: bool) -> None:
    """Pause or resume a source. Raises `SourceError` for a name that is not there."""
    document = _document(home)
    entry = _entry(document, name, home)
    if is_paused:
        entry["paused"] = True
    else:
        entry.pop("paused", None)
    _write(home, document)


def remove_source(home: Home, name: str) -> None:
    """Take a source out of `sources.toml`; what was pulled from it stays in the lake."""
    document = _document(home)
    document["source"].remove(_entry(document, name, home))
    _write(home, document)


def _document(home: Home) -> Any:
    path = home.path / "sources.toml"
    return tomlkit.parse(path.read_text(encoding="utf-8") if path.exists() else "")


def _entry(document: Any, name: str, home: Home) -> Any:
    for entry in document.get("source", []):
        if entry.get("name") == name:
            return entry
    known = ", ".join(w.name for w in read_sources(home)) or "none yet"
    raise SourceError(f"no source is named {name!r} in sources.toml; there are: {known}")


def _write(home: Home, document: Any) -> None:
    path = home.path / "sources.toml"
    passing = path.with_suffix(".toml.part")
    passing.write_text(tomlkit.dumps(document), encoding="utf-8")
    passing.replace(path)


def bind(
    path: Path, wanted: Iterable[Wanted], learnt: Mapping[str, SourceRow], *, name: str | None = None
) -> list[Binding]:
    """Which sources the path belongs to: the nearest registered folder above, and those that lie below it.

    A path under none becomes a source of its own, named after its folder, or `name`; `name` of a source that is
    there binds it to this place, as a folder that was moved needs.
    """
    real = Path(os.path.realpath(path))
    folder = real if real.is_dir() else real.parent
    wanted = list(wanted)
    web = {w.name for w in wanted if w.is_web} | {s.source for s in learnt.values() if s.kind != "folder"}
    places = {w.name: Path(os.path.realpath(w.location)) for w in wanted if not w.is_web}
    places |= {s.source: Path(s.location) for s in learnt.values() if s.source not in {*places, *web}}
    if name in web:
        raise SourceError(f"{name!r} is a source on the web: give the folder another name with --source")
    if name is not None:
        return [Binding(name, folder, _below(folder, real), is_known=places.get(name) == folder)]
    above = [(place, source) for source, place in places.items() if folder.is_relative_to(place)]
    below = sorted((place, source) for source, place in places.items() if place != real and place.is_relative_to(real))
    if above:
        place, source = max(above, key=lambda found: len(found[0].parts))
        first = Binding(source, place, _below(place, real), tuple(str(b) for b, _ in below), is_known=True)
    else:
        taken = {*places, *web}
        first = Binding(free_name(folder, taken), folder, _below(folder, real), tuple(str(b) for b, _ in below))
    return [first, *_nested(below)]


def _nested(below: list[tuple[Path, str]]) -> list[Binding]:
    return [
        Binding(
            source,
            place,
            leave_out=tuple(str(other) for other, _ in below if other != place and other.is_relative_to(place)),
            is_known=True,
        )
        for place, source in below
        if place.is_dir()
    ]


def _below(folder: Path, path: Path) -> str | None:
    return None if folder == path else str(path.relative_to(folder))


def free_name(folder: Path, taken: Iterable[str]) -> str:
    """The folder's name, with `-2` and so on where it is taken."""
    return _free(os.fsencode(folder.name or "root").decode("utf-8", "backslashreplace"), taken)


def _free(name: str, taken: Iterable[str]) -> str:
    names = set(taken)
    number = 2
    candidate = name
    while candidate in names:
        candidate, number = f"{name}-{number}", number + 1
    return candidate
