"""Names of persons in the words that publishers set about them: "By", roles, places, agencies, dates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipelines.normalise import one_line

AGENCIES = frozenset(
    """
    aap|adnkronos|afp|agence france-presse|agencia efe|agencies|agenturen|agi|ana-mpa|anadolu|anadolu agency|anadolu ajansı|ani
    |ansa|anp|ap|apa|apn|asian news international|associated press|ats|australian associated press|belga|bloomberg
    |bloomberg news|bns|bta|business wire|canadian press|cp|ctk|deutsche presse-agentur|čtk|dha|dpa|dts|efe|efe news|elta|epd|europa press|europe1
    |ians|iha|i̇ha|interfax|itar-tass|jiji|jiji press|keystone-sda|kna|kyodo|kyodo news|la presse canadienne|lapresse
    |leta|lusa|mti|ntb|pa|pa media|pa news agency|pap|petra|press association|press trust of india|pti|red|reuters|reuters staff
    |ria|ria novosti|ritzau|rtr|sda|sid|sputnik|stt|tanjug|tass|tass news agency|the associated press|the canadian press
    |thomson reuters|tt|tt-ritzau|ukrinform|united press international|upi|wire reports|wire services|xinhua|yonhap
    |yonhap news agency|ап|риа новости|тасс|интерфакс|укринформ|共同|共同通信|共同通信社|新华社|新華社|中新社|中央社|時事|時事通信|时事|연합뉴스|뉴시스|뉴스1
    |رويترز|أ ف ب|د ب أ|واس|وكالات|ロイター|ロイター通信|ブルームバーグ
    """.replace("\n    |", "|")
    .strip()
    .split("|")
)
"""News agencies and what desks write for them, in lower case: credit, not byline."""

_BY = re.compile(
    r"^(?:(?:article |story |words |report |photos? |text |guest )?(?:written |posted |published |reporting |reported )?by"
    r"|von|words|par|por|di|da|door|av|af|text|texte|texto|autor(?:in|es|a)?|auteurs?|autore|author|authors|bericht von|ein artikel von"
    r"|eine analyse von|ein kommentar von|kirjoittaja|forfatter|skriven av|napisał[a]?|автор|текст|بقلم|كتب(?:ت)?|文|記者|记者|作者|編輯|取材"
    r"|propos recueillis par|interview|from|yazan|haber)(?:\s*[:/／：]\s*|\s+)(?=\S)",
    re.IGNORECASE,
)
_NOISE = re.compile(
    r"[\w.+-]{1,64}@[\w.-]{1,64}|https?://\S+|(?<!\w)@\w+|\([^()]{0,60}\)|\[[^\[\]]{0,60}\]"
    r"|\bon (?:\w{3,9},? )?(?:\d{1,2} \w{3,9}|\w{3,9} \d{1,2},?) \d{4}\b|\d{1,2}:\d\d\S*|\b\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b"
)
_FIELDS = re.compile(r"\s*[|·•\n]\s*|\s[-–—]\s")
_HARD = re.compile(r"\s*(?:[;/、，؛،／&,]|(?<=[^\W\d_]{3})\.(?=\s))\s*")
_SPLIT = re.compile(f"(?:{_FIELDS.pattern})|(?:{_HARD.pattern})")
_AND = re.compile(
    r"\s(?:and|und|et|with|avec|con|mit|och|og|ja|ve|и|та|és|a|i|y|e|en|and|및|和)\s|\sو(?=\S)", re.IGNORECASE
)
_LONG_AND = re.compile(r"\s(?:and|und|with|mit|och|og|ve)\s", re.IGNORECASE)
_LEADING_AND = re.compile(r"^(?:and|und|et|y|e|en|og|och|i|ve|и)\s+", re.IGNORECASE)
_ROLE = re.compile(
    r"^(?:\w*(?:reda[kc]t\w+|rédact\w+|report(?:er|erin|eur)s?|journalist\w*|leiter\w*)|giornalista|periodista|jornalista|korrespondent\w*"
    r"|correspon\w+|corrispondente|columnist\w*|kolumnist\w*|chronique\w*|editor\w*|producer|writer|contribut\w+|collaborat\w+"
    r"|colaborador\w*|autor|autorin|auteur|author|staff|volontär\w*|praktikant\w*|ressort\w*|chef\w*|director|head"
    r"|envoyé\w*|enviad[oa]\w*|inviat[oa]|repórter|verslaggever|toimittaja\w*|muhabir\w*|editör\w*|dziennikarz\w*|analyst\w*"
    r"|freelance\w*|fotograf\w*|photograph\w*|presenter|anchor|intern|trainee|bureau|desk|service|special|senior|deputy"
    r"|assistant|associate|chief|professor\w*|prof|researcher|lecturer|minister|expert\w*|specialist\w*|blogger|host|guest"
    r"|former|political|business|sports?|science|health|economics?|news|lifestyle|travel|showbiz|tv|entertainment|politics"
    r"|money|features?|crime|education|environment|technology|tech|world|national|foreign|diplomatic|home|audience"
    r"|content|digital|social|in|aus|from|at|video|(?:mon|tues|wednes|thurs|fri|satur|sun)day|montag|dienstag|mittwoch|donnerstag|freitag|samstag"
    r"|sonntag|profesor\w*|profesörü?|wissenschaftler\w*)$",
    re.IGNORECASE,
)
_CJK_ROLE = re.compile(
    r"\s*(?:기자(?:\s*외\s*\d*\s*명?)?|특파원|논설위원|선임기자|記者|记者|通讯员|編集委員|論説委員|特派員|支局長|編輯)$"
)
_PARTICLES = frozenset(
    """
    a al ap auf aus ben bin bint da dal das de degli dei del della delle der des di do dos du e el el- i ibn la las le los
    lo mac of op 't te ten ter the till tot und van vanden ve vom von y z zu zum zur äl af av abu ould
    """.split()
)
_NEWSROOM = re.compile(
    r"(?:\b|_)(?:news|newsroom|news ?desk|desk|staff|team|redaktion\w*|redaktionen|rédaction|redacción|redacció|redazione"
    r"|redação|redakcja|redactie|redaktsioon|редакция|agenc(?:y|ies)|agentur\w*|agences?|agencias?|editors?|editorial|reporters"
    r"|correspondents?|press|admin|administrator|webmaster|online|web ?desk|network|media|wire|services?|tv|radio|zeitung|sportinformationsdienst"
    r"|newspaper|contributors?|guest|bureau|haber merkezi|ajansı|toimitus|uutiset|編集部|取材班|通信|新聞社|编辑部|综合|뉴스|편집국|데스크"
    r"|apibrėžta|na|n/a|none|null|undefined|unknown|anonymous)(?:\b|_)|\.(?:com|de|net|org|fr|it|es|at|ch|lt|no|se|tr|uk|nl|be|jp)\b",
    re.IGNORECASE,
)
_NO_NAME = re.compile(
    r"(?:about|view|see|read|more|all|follow|show|contact|share|subscribe|sign|log|mehr|alle|über|voir|ver|leer|lire|vedi"
    r"|the|this|last|first|originally|please|click|getty|comments?)\b",
    re.IGNORECASE,
)
_CASELESS = re.compile("[\u0590-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SPACELESS = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_WORD = re.compile(r"^[^\W\d_][\w.'’ʼ`´-]*$|^[A-Z]\.$")
_WORD_START = re.compile(r"(?:^|(?<=[-.]))[^\W\d_]")
_MOST_NAMES = 30
_LONGEST_BYLINE = 1000
_LONGEST_NAME = 50


def names_in(text: str, *, is_trusted: bool = False) -> tuple[str, ...]:
    """The persons that a byline names, in order, none twice.

    `is_trusted` is a text that is stated to be a person's name: one word or small letters will do.
    """
    text = _BY.sub("", _NOISE.sub(" ; ", one_line(text[:_LONGEST_BYLINE])).strip(" ;:"))
    # "Jane Doe | Lindvik | 5 March": what follows the names is place, day or house.
    fields = (tuple(_names(field, is_trusted=is_trusted)) for field in _FIELDS.split(text))
    return next((names for names in fields if names), ())[:_MOST_NAMES]


def _names(text: str, *, is_trusted: bool) -> Iterator[str]:
    found = (_name(part, is_trusted=is_trusted) for part in _parts(text))
    yield from dict.fromkeys(name for name in found if name)


def is_newsroom(text: str) -> bool:
    """Whether a name is that of a desk, an agency or another body, by its words."""
    return _NEWSROOM.search(text) is not None or is_agency(text) or _of_agency(text) is not None


def is_agency(text: str) -> bool:
    """Whether a name is that of a news agency."""
    return text.strip(" .()").casefold() in AGENCIES


def agencies_in(text: str) -> tuple[str, ...]:
    """The news agencies that a byline names."""
    parts = (part.strip(" .()") for half in _SPLIT.split(one_line(text[:_LONGEST_BYLINE])) for part in _AND.split(half))
    found = (part if is_agency(part) else _of_agency(part) for part in parts)
    return tuple(dict.fromkeys(agency for agency in found if agency and agency.casefold() != "red"))


def _of_agency(text: str) -> str | None:
    """The agency of a desk's name, such as "AP Sports"."""
    first = text.partition(" ")[0]
    return first if first.isupper() and len(first) > 1 and is_agency(first) else None


def _parts(text: str) -> list[str]:
    parts: list[str] = []
    for piece in _HARD.split(text):
        halves = _AND.split(piece)
        # "Ortega y Gasset" is one person, "Ana Ortega y Luis Gasset" are two.
        is_list = len(halves) > 1 and all(len(half.split()) > 1 for half in halves)
        parts += halves if is_list else _LONG_AND.split(piece)
    return parts


def _name(part: str, *, is_trusted: bool) -> str | None:
    text = _CJK_ROLE.sub("", _BY.sub("", _LEADING_AND.sub("", part).strip(" .:–—-\"'“”„")))
    if not text or len(text) > _LONGEST_NAME or _NO_NAME.match(text):
        return None
    words = _without_role(text.split())
    half = len(words) // 2
    if half > 1 and words[:half] == words[half:]:  # once for the eye and once for the screen reader
        words = words[:half]
    name = " ".join(words).strip(" ,.:-") + ("." if words and words[-1].rstrip(".,") in ("Jr", "Sr") else "")
    if is_newsroom(name):
        return None
    if _CASELESS.search(name):
        return name if _is_caseless_name(name) else None
    if not words or not all(_WORD.match(word) for word in words) or len(words) > 6:
        return None
    if not is_trusted and not _has_shape(words):
        return None
    return _cased(name)


def _without_role(words: list[str]) -> list[str]:
    """The words before a role: "Jane Doe Political Editor"."""
    for place, word in enumerate(words):
        if place >= 2 and _ROLE.match(word.strip(",.")):
            return words[:place]
    return [] if words and _ROLE.match(words[-1]) and (len(words) != 2 or _ROLE.match(words[0])) else words


def _has_shape(words: list[str]) -> bool:
    """Two to six words in capitals, but for particles; no acronym alone."""
    capitals = [word for word in words if word[:1].isupper() or word.casefold() not in _PARTICLES]
    return (
        len(words) > 1
        and len(capitals) > 0
        and all(
            word[:1].isupper()
            or (word.casefold() in _PARTICLES or word[:2].casefold() in ("d'", "d’", "l'", "l’", "al"))
            for word in words
        )
    )


def _is_caseless_name(name: str) -> bool:
    if _SPACELESS.search(name):
        return len(name.replace(" ", "")) <= 20 and not re.search(r"\d", name)
    return len(name.split()) <= 5 and not re.search(r"\d", name)


def _cased(name: str) -> str:
    """A name in capitals or small letters alone as names are written."""
    if name.isupper() or name.islower():
        return " ".join(_titled(word, place) for place, word in enumerate(name.split()))
    # "Bill MCCARTHY": agencies set surnames in capitals.
    return " ".join(_titled(word, 1) if len(word) > 3 and word.isupper() else word for word in name.split())


def _titled(word: str, place: int) -> str:
    small = word.casefold()
    if (place and small in _PARTICLES) or len(small.rstrip(".")) < 2:
        return small if place and small in _PARTICLES else word.upper()
    if small.startswith(("mc", "o'", "o’", "d'", "d’")) and len(small) > 4:
        return small[:2].capitalize() + small[2:].capitalize()
    return _WORD_START.sub(lambda start: start[0].upper(), small)
