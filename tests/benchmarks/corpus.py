"""Inputs of a chosen size: self-made, or, where `../shared/data` is there, real texts and pages mixed anew."""

from __future__ import annotations

import gzip
import html
import itertools
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

SHARED = Path(__file__).parents[3] / "shared" / "data"
_COMMON = (
    "the of to and a in that said is for it was on as with by at from his be have has had he were are this not an "
    "but they their which or who will been its would more one about after when up also people year new than two out "
    "there all we last government could over other first some time if what no into can company only before most told "
    "years minister should because city against police report while home market public three now work state since "
    "under month week country between group down made party during many may day part percent court health water make"
).split()
_STEMS = (
    "harbour ferry council quarry storm school bridge budget tariff vaccine election orchestra striker satellite "
    "reactor refugee pension inflation drought festival museum software railway airline mortgage parliament treaty "
    "glacier fishery hospital verdict strike coach tournament merger startup battery wheat steel cabinet"
).split()
_ENDINGS = "s er ing ed al ness ist ment ward less ful ism ship like land worth craft hold work side".split()
_NAMES = (
    "Anna Lind;Per Holm;Maria Duarte;Tomas Weiss;Grace Okafor;Li Wen;Harbourton;Germany;Kenya;Brazil;Japan;London;"
    "Paris;the Harbour Guard;Northern Rail;the central bank;Lakeside United;the World Health Organization"
).split(";")
_WORDS = [*_COMMON, *_NAMES, *(stem + ending for ending in ("", *_ENDINGS) for stem in _STEMS)]
_WEIGHTS = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(_WORDS))))


def _sentence(dice: random.Random) -> str:
    words = dice.choices(_WORDS, cum_weights=_WEIGHTS, k=dice.randint(9, 28))
    text = " ".join(words)
    return f"{text[0].upper()}{text[1:]}."


def paragraph(dice: random.Random) -> str:
    return " ".join(_sentence(dice) for _ in range(dice.randint(2, 5)))


def _made_text(dice: random.Random, number: int) -> str:
    headline = _sentence(dice)[:70].rstrip(" .")
    paragraphs = [paragraph(dice) for _ in range(dice.randint(4, 7))]
    return "\n\n".join([headline, *paragraphs, f"The case has the number {number}."])


def _real_text(dice: random.Random, number: int, titles: list[str], sentences: list[str]) -> str:
    """Sentences of many texts: of whole paragraphs, every article would be a copy of some other."""
    paragraphs = [" ".join(dice.sample(sentences, dice.randint(2, 5))) for _ in range(dice.randint(5, 9))]
    return "\n\n".join([dice.choice(titles), *paragraphs, f"The case has the number {number}."])


def texts(count: int, *, seed: int = 1) -> Iterator[str]:
    """So many different news texts of 2–4 KB, each with a headline."""
    dice = random.Random(seed)
    found = [p.read_text(encoding="utf-8", errors="replace") for p in sorted((SHARED / "text" / "bbc").glob("*/*.txt"))]
    parts = [re.split(r"\n\s*\n", text.strip()) for text in found]
    titles = [part[0] for part in parts if part]
    sentences = [s for part in parts for p in part[1:] for s in re.split(r"(?<=[.!?])\s+", p)]
    for number in range(count):
        yield _real_text(dice, number, titles, sentences) if sentences else _made_text(dice, number)


def _made_page(dice: random.Random, number: int) -> bytes:
    headline = html.escape(_sentence(dice)[:70])
    links = "".join(f"<li><a href='/{n}'>{html.escape(_sentence(dice)[:50])}</a></li>" for n in range(60))
    body = "".join(f"<p>{html.escape(paragraph(dice))}</p>" for _ in range(dice.randint(8, 20)))
    return (
        f"<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>{headline} | Harbour News</title>"
        f"<link rel='canonical' href='https://news.example/{number}'>"
        f"<meta property='article:published_time' content='2031-03-{number % 28 + 1:02d}T06:30:00Z'></head><body>"
        f"<header><nav><ul>{links}</ul></nav></header><main><article><h1>{headline}</h1>{body}</article></main>"
        f"<aside><ul>{links}</ul></aside><footer><p>© 2031 Harbour News</p><ul>{links}</ul></footer></body></html>"
    ).encode()


_ADDRESS = re.compile(
    rb"(<(?:link|meta)\b[^>]*(?:canonical|og:url)[^>]*?(?:href|content)\s*=\s*[\"']?https?://[^\"'\s>]*)"
)


def pages(count: int, *, seed: int = 1) -> Iterator[bytes]:
    """So many different web pages; real ones come again under another address, with a word more."""
    dice = random.Random(seed)
    found = sorted((SHARED / "html" / "scrapinghub" / "html").glob("*.html*"))
    for number in range(count):
        if not found:
            yield _made_page(dice, number)
            continue
        path = found[number % len(found)]
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        token = b"copy%d" % (number // len(found))
        yield _ADDRESS.sub(rb"\1?" + token, data.replace(b"</p>", b" " + token + b"</p>", 1))


def write_texts(folder: Path, count: int) -> Path:
    """A folder of texts, 250 in each of its folders."""
    for number, text in enumerate(texts(count)):
        path = folder / f"{number // 250:04d}" / f"{number:06d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def write_pages(folder: Path, count: int) -> Path:
    """A folder of pages."""
    folder.mkdir(parents=True)
    for number, page in enumerate(pages(count)):
        (folder / f"{number:05d}.html").write_bytes(page)
    return folder


def write_rows(folder: Path, count: int, *, first: int = 0) -> Path:
    """A folder with one file of short articles, each a row with an address, a date and two tags."""
    folder.mkdir(parents=True)
    dice = random.Random(first)
    with (folder / f"rows-{first}.jsonl").open("w", encoding="utf-8") as file:
        for number in range(first, first + count):
            body = " ".join(_sentence(dice) for _ in range(4))
            row = {
                "url": f"https://rows.example/{number}",
                "headline": _sentence(dice)[:60],
                "text": f"{body}\n\nThe case has the number {number}.",
                "published_at": f"20{number % 30:02d}-{number % 12 + 1:02d}-{number % 28 + 1:02d}T06:30:00Z",
                "tags": [_STEMS[number % len(_STEMS)], _STEMS[number % 7]],
            }
            file.write(json.dumps(row) + "\n")
    return folder
