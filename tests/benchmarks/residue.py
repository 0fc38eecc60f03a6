"""Known boilerplate left in the bodies of real pages, where the development data lies beside the project.

The phrases are written from what such lines say, not from the rules: a phrase inside a sentence of the story is no
residue, so lines that the page's gold text holds are left out. `python -m tests.benchmarks.residue` prints what is left.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.page.article import extract_html
from pipelines.strip import load_rules, strip
from pipelines.values import Rejected

DATA = Path(__file__).parents[3] / "shared" / "data" / "html"
_PHRASES = re.compile(
    r"""cloudquote|barchart|quotes? delayed|factset|fund data by|market data provided|real-time\ snapshot
    |\((?:AP|Reuters|AFP|dpa|APA)\)\ ?[-–—]|reporting\ by\ |editing\ by\ |contributed\ to\ this\ (?:report|story)
    |trust\ principles|licensing\ rights|suggested\ topics|with\ files\ from|dpa-infocom
    |may\ not\ be\ (?:published|reproduced)|all\ rights\ reserved|©|non-?commercial\ use|alle\ rechte\ vorbehalten
    |tous\ droits|todos\ los\ derechos|riproduzione\ riservata|without\ charge\ to\ any
    |click\ here|top\ headlines|what\ you.re\ reading|add\ us\ on|follow\ us|like\ us\ on|folgen\ sie\ uns
    |suivez[ -]nous|s[íi]guenos|seguici|whatsapp[ -](?:kanal|channel|canal)|join\ our|download\ (?:the|our)\ app
    |\(related:|read\ more|recommended\ stories|more\ from|also\ read|see\ also|read\ next|lesen\ sie\ (?:auch|mehr)
    |mehr\ zum\ thema|[àa]\ lire\ aussi|lire\ aussi|te\ puede\ interesar|lee\ tambi[ée]n|leia\ tamb[ée]m|leggi\ anche
    |lees\ ook|les\ også|l[äa]s\ (?:också|även)|l[æe]s\ ogs[åa]|czytaj\ (?:też|więcej)|up\ next|you\ (?:may|might)\ also
    |^\W*advertisement|story\ continues|scroll\ to\ continue|end\ of\ carousel|skip\ past|share\ this|click\ to\ share
    |sign\ in\ to|leave\ a\ comment|\d\ comments|cookie|recaptcha|min(?:ute)?\ read|^\W*(?:anzeige|publicité|publicidad)\b
    |lesezeit|lesedauer|temps\ de\ lecture|tiempo\ de\ lectura|tempo\ di\ lettura
    |sign\ up|subscribe|newsletter|don.t\ miss\ a|already\ a\ subscriber|your\ inbox|abonnieren|abonnez-vous
    |suscr[íi]bete|iscriviti|support\ (?:independent|our)\ journalism
    |\(image:|photo\ by|photo:|image\ (?:copyright|source|credit)|media\ caption|file\ photo|getty\ images|foto:|bildquelle
    |pic\.twitter\.com|\(@\w+\)""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True)
class Residue:
    """A line of a body that holds a phrase."""

    url: str
    phrase: str
    line: str


def pages(step: int = 1) -> Iterator[tuple[str, str, str]]:
    """Address, HTML and gold text of every page, or of each so many."""
    folder = DATA / "scrapinghub"
    golds = json.loads((folder / "ground-truth.json").read_text(encoding="utf-8"))
    for key in list(golds)[::step]:
        yield golds[key]["url"], _html(folder / f"html/{key}.html.gz"), golds[key]["articleBody"]
    folder = DATA / "fundus-tests"
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    for key in [key for key in index if (folder / index[key]["expected"]).exists()][::step]:
        gold = json.loads((folder / index[key]["expected"]).read_text(encoding="utf-8"))
        yield index[key]["url"], _html(folder / key), json.dumps(gold, ensure_ascii=False)


def _html(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode("utf-8", "replace")


def residue(step: int = 1) -> tuple[int, list[Residue]]:
    """How many pages gave a body, and the lines with a phrase in them."""
    rules, count = load_rules(), 0
    found: list[Residue] = []
    for url, html, gold in pages(step):
        try:
            body = strip(extract_html(html, url), rules).body
        except Rejected:
            continue
        count += 1
        words = _flat(gold)
        found += [
            Residue(url, match[0], line)
            for line in body.split("\n")
            if (match := _PHRASES.search(line)) and _flat(line)[:60] not in words
        ]
    return count, found


def _flat(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.replace("\\n", " ").replace('\\"', " ")))


if __name__ == "__main__":
    number, lines = residue()
    for one in lines:
        print(f"{one.url}: {one.phrase!r} in {one.line[:120]!r}")
    print(f"{len({one.url for one in lines})} of {number} pages")
