"""Sources: what the user wants pulled (`sources.toml`), and which source a path belongs to."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from flows.settings import SettingsError
from warehouse.catalog import Home
from warehouse.rows import SourceRow


class SourceError(Exception):
    """A source cannot be added, found or changed; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A source of `sources.toml`."""

    name: str
    kind: str
    location: str
    is_paused: bool = False


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
    if doubled := {n for n in names if names.count(n) > 1}:
        raise SettingsError(f"{path}: two sources are named {min(doubled)!r}; a name stands once")
    return found


def _wanted(path: Path, number: int, entry: object) -> Wanted:
    if not isinstance(entry, Mapping):
        raise SettingsError(f"{path}: expected [[source]] tables")
    for key in ("name", "location"):
        if not isinstance(entry.get(key), str) or not entry[key]:
            raise SettingsError(f'{path}: [[source]] number {number} needs {key} = "…"')
    kind = entry.get("kind", "folder")
    if kind != "folder":
        raise SettingsError(f"{path}: [[source]] number {number} is of kind {kind!r}; this newsmill pulls folders")
    paused = entry.get("paused", False)
    if not isinstance(paused, bool):
        raise SettingsError(f"{path}: [[source]] number {number}: paused is true or false")
    return Wanted(entry["name"], kind, entry["location"], paused)


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
    """Append a source to `sources.toml`, whose comments and order stay. Raises `SourceError` where the name is taken."""
    check_name(wanted.name)
    for other in read_sources(home):
        if other.name == wanted.name:
            raise SourceError(f"a source is named {wanted.name!r} already: choose another with --name")
        if os.path.realpath(other.location) == os.path.realpath(wanted.location):
            raise SourceError(f"{wanted.location} is a source already, named {other.name!r}")
    document = _document(home)
    entry = tomlkit.table()
    entry["name"] = wanted.name
    entry["kind"] = wanted.kind
    entry["location"] = wanted.location
    document.setdefault("source", tomlkit.aot()).append(entry)
    _write(home, document)


def watch(home: Home, location: str, name: str | None = None) -> Wanted:
    """Make a folder a source, under the name that its articles are in the lake by, where some are.

    Raises `SourceError` for what is no folder, and for a folder whose articles belong to another source.
    """
    if "://" in location:
        raise SourceError(f"{location} is an address; this newsmill watches folders")
    if not Path(location).is_dir():
        raise SourceError(f"{location} is not a folder")
    place = Path(os.path.realpath(location))
    known = {s.source: Path(s.location) for s in _learnt(home).values() if s.kind == "folder"}
    for other, folder in known.items():
        if folder == place and name not in (None, other):
            raise SourceError(f"{place} is in the lake as {other!r} already: add it under that name, without --name")
        if folder != place and place.is_relative_to(folder):
            raise SourceError(
                f"{place} lies in {folder}, and its articles belong to that source, {other!r}: add {folder}"
            )
    same = next((other for other, folder in known.items() if folder == place), None)
    taken = {*known, *(w.name for w in read_sources(home))}
    wanted = Wanted(same or name or free_name(place, taken), "folder", str(place))
    home.path.mkdir(parents=True, exist_ok=True)
    add_source(home, wanted)
    return wanted


def _learnt(home: Home) -> dict[str, SourceRow]:
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
    places = {w.name: Path(os.path.realpath(w.location)) for w in wanted}
    places |= {s.source: Path(s.location) for s in learnt.values() if s.kind == "folder" and s.source not in places}
    if name is not None:
        return [Binding(name, folder, _below(folder, real), is_known=places.get(name) == folder)]
    above = [(place, source) for source, place in places.items() if folder.is_relative_to(place)]
    below = sorted((place, source) for source, place in places.items() if place != real and place.is_relative_to(real))
    if above:
        place, source = max(above, key=lambda found: len(found[0].parts))
        first = Binding(source, place, _below(place, real), tuple(str(b) for b, _ in below), is_known=True)
    else:
        taken = {*places, *learnt}
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
    name = os.fsencode(folder.name or "root").decode("utf-8", "backslashreplace")
    names = set(taken)
    number = 2
    candidate = name
    while candidate in names:
        candidate, number = f"{name}-{number}", number + 1
    return candidate


def listed(home: Home) -> list[dict[str, Any]]:
    """All sources with what the lake knows of them: those wanted first, then folders that were backfilled."""
    from warehouse.query import connect

    learnt: dict[str, tuple[str, str, str, int]] = {}
    if home.exists:
        with connect(home.path) as lake:
            learnt = {
                name: (kind, location, state, count)
                for name, kind, location, state, count in lake.execute(
                    """SELECT s.source, kind, location, state, count(article_id) FROM sources s
                    LEFT JOIN articles a USING (source) GROUP BY ALL ORDER BY ALL"""
                ).fetchall()
            }
    rows = []
    for wanted in read_sources(home):
        count = learnt.pop(wanted.name, ("", "", "", 0))[3]
        state = "paused" if wanted.is_paused else "watched"
        rows.append(_listed(wanted.name, wanted.kind, state, count, wanted.location))
    return rows + [_listed(name, kind, "backfilled", count, place) for name, (kind, place, _, count) in learnt.items()]


def _listed(name: str, kind: str, state: str, articles: int, location: str) -> dict[str, Any]:
    return {"source": name, "kind": kind, "state": state, "articles": articles, "location": location}
