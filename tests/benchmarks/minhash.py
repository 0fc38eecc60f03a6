"""Edited copies found by newsmill and by datatrove's MinHash, on the same texts: recall, wrong pairs, processor time.

The texts are real ones where the development data lies beside the project, else made up. Of a part of them a copy is made as
newspapers make them: cut, padded, reworded. Datatrove is left out where `DATATROVE_PYTHON` names no Python that has it.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pyarrow as pa

from pipelines.way import Way
from tests.benchmarks.corpus import SHARED, texts
from tests.benchmarks.figures import Figure
from tests.benchmarks.lake import Lake
from tests.benchmarks.path import Sizes
from warehouse.catalog import Home
from warehouse.copies import settle_copies

_COPIES = 320
_FEWEST_WORDS = 120


@dataclass(frozen=True, slots=True)
class _Text:
    ident: str
    text: str
    story: str
    copied: str | None = None
    """The text that it is an edited copy of."""


def minhash(place: Path, _: Sizes) -> Iterator[Figure]:
    """Newsmill, then datatrove in two settings."""
    found = _set()
    yield from _figures("newsmill", found, *_newsmill(place, found))
    python = os.environ.get("DATATROVE_PYTHON")
    if not python:
        yield Figure("copies: datatrove is not installed (DATATROVE_PYTHON)", float("nan"), "")
        return
    lines = "".join(json.dumps({"id": each.ident, "text": each.text}) + "\n" for each in found)
    script = Path(__file__).with_name("minhash_python.py")
    done = subprocess.run(
        [python, script], input=lines, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True
    )
    for answer in json.loads(done.stdout.splitlines()[-1]):
        name = f"datatrove, {answer['bands']} bands of {answer['hashes']}"
        yield from _figures(name, found, answer["groups"], answer["seconds"])


def _figures(name: str, found: Sequence[_Text], groups: Mapping[str, object], seconds: float) -> Iterator[Figure]:
    copies = [each for each in found if each.copied]
    hits = sum(each.ident in groups and groups[each.ident] == groups.get(str(each.copied)) for each in copies)
    together: dict[object, list[str]] = defaultdict(list)
    for each in found:
        if not each.copied and each.ident in groups:
            together[groups[each.ident]].append(each.story)
    wrong = sum(a != b for stories in together.values() for a, b in combinations(stories, 2))
    is_ours = name == "newsmill"
    yield Figure(
        f"copies: {name}, recall of {len(copies)}", hits / len(copies), "", 0.97 if is_ours else None, is_floor=True
    )
    yield Figure(f"copies: {name}, pairs of two stories called copies", wrong, "", 0 if is_ours else None)
    yield Figure(f"copies: {name}, texts a second a core", len(found) / seconds, "/s")


def _newsmill(place: Path, found: Sequence[_Text]) -> tuple[dict[str, str], float]:
    """Of each text its original, else itself; processor seconds."""
    lake = Lake(Home(place / "home"), Way())
    rows = pa.table(
        {
            "i": range(len(found)),
            "ident": [each.ident for each in found],
            "body": [each.text for each in found],
            "hash": [hashlib.sha256(each.text.encode()).hexdigest() for each in found],
        }
    )
    lake.connection.register("made", rows)
    values = {"article_id": "ident", "body": "body", "body_sha256": "hash", "role": "'file'"}
    lake.insert("articles", len(rows), values, "made")
    lake.connection.execute("CREATE TEMP TABLE changed AS SELECT ident AS article_id FROM made")
    begin = time.process_time()
    settle_copies(lake.connection, "changed", "run")
    seconds = time.process_time() - begin
    pairs = lake.connection.execute("SELECT article_id, duplicate_of FROM lake.duplicates").fetchall()
    return {each.ident: each.ident for each in found} | dict(pairs), seconds


def _set() -> list[_Text]:
    dice = random.Random(5)
    originals = [each for each in _originals() if len(each.text.split()) >= _FEWEST_WORDS]
    dice.shuffle(originals)
    donors = _donors()
    copies = [
        _Text(f"copy-{n}", _EDITS[n % len(_EDITS)](each.text, donors[n % len(donors)], dice), each.story, each.ident)
        for n, each in enumerate(originals[:_COPIES])
    ]
    return originals + copies


def _donors() -> list[str]:
    """Texts that are none of the others, for what is put into copies."""
    pages = SHARED / "html" / "scrapinghub" / "ground-truth.json"
    if not pages.exists():
        return list(texts(_COPIES, seed=9))
    bodies = [row["articleBody"] for row in json.loads(pages.read_text(encoding="utf-8")).values()]
    return [body for body in bodies if len(body.split()) >= _FEWEST_WORDS]


def _originals() -> Iterator[_Text]:
    files = sorted((SHARED / "text").glob("*/*/*.txt"))
    for n, path in enumerate(files):
        yield _Text(f"text-{n}", path.read_text(encoding="utf-8", errors="replace"), f"text-{n}")
    stories = SHARED / "stories" / "ecbplus.jsonl"
    for n, line in enumerate(stories.read_text(encoding="utf-8").splitlines() if stories.exists() else ()):
        row = json.loads(line)
        yield _Text(f"told-{n}", row["text"], row["story"])
    if not files:
        yield from (_Text(f"made-{n}", text, f"made-{n}") for n, text in enumerate(texts(1_000)))


# How a copy is edited: of the text, another text and dice.


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", text)


def _first(share: float) -> Callable[[str, str, random.Random], str]:
    def edit(text: str, _: str, __: random.Random) -> str:
        sentences = _sentences(text)
        return " ".join(sentences[: max(2, int(share * len(sentences)))])

    return edit


def _reworded(share: float) -> Callable[[str, str, random.Random], str]:
    def edit(text: str, _: str, dice: random.Random) -> str:
        words = text.split()
        return " ".join(dice.choice(words) if dice.random() < share else word for word in words)

    return edit


def _padded(text: str, _: str, __: random.Random) -> str:
    return f"LINDVIK (News Desk) - {text} Our reporters in two cities added to this article."


def _plain(text: str, _: str, __: random.Random) -> str:
    return re.sub(r"[\"“”]|-", " ", text) + " Follow us for more. No part of this may be printed elsewhere."


def _inserted(text: str, other: str, dice: random.Random) -> str:
    sentences = _sentences(text)
    at = dice.randint(1, len(sentences))
    return " ".join([*sentences[:at], *_sentences(other)[: max(1, len(sentences) // 4)], *sentences[at:]])


def _half_rewritten(text: str, other: str, dice: random.Random) -> str:
    others = _sentences(other)
    return " ".join(
        sentence if dice.random() < 0.5 else others[n % len(others)] for n, sentence in enumerate(_sentences(text))
    )


_EDITS = (_padded, _plain, _first(0.6), _first(0.3), _inserted, _reworded(0.1), _reworded(0.2), _half_rewritten)
