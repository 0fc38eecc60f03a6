"""Lists of subscriptions: OPML and plain lists of addresses in, OPML out. Nothing here asks the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from flows.show import command, printable
from flows.sources import (
    SourceError,
    Wanted,
    add_sources,
    check_address,
    learnt_sources,
    place_of,
    read_sources,
    web_name,
)
from flows.web_options import Options
from warehouse.catalog import Home

if TYPE_CHECKING:
    from connectors.opml import Outline


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of an import."""

    added: tuple[str, ...]
    """Names of the sources that are new."""
    there: tuple[str, ...]
    """Addresses that were sources already."""
    problems: tuple[str, ...]
    """What could not be taken, a sentence each."""


def import_list(home: Home, data: bytes) -> Imported:
    """Add the feeds of an OPML file or of a text with an address on each line.

    Groups become categories. Raises `OpmlError` for a file that names no feed.
    """
    from connectors.opml import read_opml

    opml = read_opml(data)
    there = read_sources(home)
    places = {place_of(w) for w in there}
    taken = {w.name for w in there}
    rows = [s for s in learnt_sources(home).values() if s.source not in taken]
    learnt = {place_of(Wanted(s.source, s.kind, s.location)): s.source for s in rows}
    taken |= set(learnt.values())
    added: list[Wanted] = []
    known: list[str] = []
    problems = list(opml.problems)
    for outline in opml.outlines:
        wanted = _wanted(outline)
        place = place_of(wanted)
        if place in places:
            known.append(outline.feed_url)
            continue
        if wanted.problem:
            problems.append(wanted.problem)
            continue
        name = learnt.get(place) or web_name(outline.title, outline.feed_url, taken)
        places.add(place)
        taken.add(name)
        added.append(Wanted(name, wanted.kind, wanted.location, options=wanted.options))
    if added:
        add_sources(home, added)
    return Imported(added=tuple(w.name for w in added), there=tuple(known), problems=tuple(problems))


def _wanted(outline: Outline) -> Wanted:
    options = Options(title=outline.title, categories=outline.categories)
    try:
        check_address(outline.feed_url)
        problem = ""
    except SourceError as error:
        problem = str(error)
    return Wanted("", guessed_kind(outline.feed_url), outline.feed_url, options=options, problem=problem)


def guessed_kind(location: str) -> str:
    """`sitemap` for an address that says so, else `feed`."""
    path = location.partition("?")[0].rstrip("/").rpartition("/")[2].lower()
    return "sitemap" if "sitemap" in path else "feed"


def export_opml(home: Home) -> bytes:
    """The feeds and sitemaps of `sources.toml` as OPML 2.0."""
    from connectors.opml import Outline, write_opml

    learnt = learnt_sources(home)
    outlines = []
    for w in read_sources(home):
        if not w.is_web:
            continue
        row = learnt.get(w.name)
        outlines.append(
            Outline(
                feed_url=w.location,
                title=w.options.title or (row.title if row else None) or w.name,
                site_url=row.site_url if row else None,
                categories=w.options.categories,
            )
        )
    return write_opml("newsmill", outlines)


def print_imported(home: Home, found: Imported, out: TextIO, errors: TextIO) -> None:
    """Print the counts, and each problem."""
    errors.writelines(f"newsmill: {printable(problem)}\n" for problem in found.problems)
    problems = f"{len(found.problems):,} problem{'s' if len(found.problems) != 1 else ''}"
    counts = f"{len(found.added):,} added, {len(found.there):,} there already, {problems}"
    out.write(f"{counts}\n")
    if found.added:
        out.write(f"pull them now with `{command(home, 'ingest')}`, or leave `newsmill up` running\n")
