"""`make demo`: a folder of small made-up articles goes into a lake, and the lake answers a few questions.

`python -m examples.demo [HOME]`, by default `./demo-news`; run again, it finds all of it there.
"""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.backfill import backfill
from flows.settings import find_home, read_settings
from flows.show import shown, width
from flows.summary import summary
from newsmill import connect

ARTICLES = Path(__file__).parent / "articles"


@dataclass(frozen=True, slots=True)
class Question:
    """What a newcomer may ask the lake."""

    title: str
    sql: str


QUESTIONS = (
    Question(
        "Articles by country",
        "SELECT name, count(*) FROM article_tags WHERE scheme = 'country' GROUP BY name ORDER BY 2 DESC, 1 LIMIT 4",
    ),
    Question(
        "One event, told by six outlets: a footbridge fell in Podgrane",
        "SELECT regexp_extract(d.address, '([^/]+)[.]', 1), coalesce(headline, rtrim(left(body, 60)) || ' …') "
        "FROM articles JOIN documents d USING (document_id) WHERE body LIKE '%Podgrane%' ORDER BY 1",
    ),
    Question(
        "The same text twice: both stay, one is known as the copy",
        "SELECT headline, d.reason FROM duplicates d JOIN articles USING (article_id)",
    ),
    Question(
        "Languages",
        "SELECT string_agg(language || ' ' || n, ', ' ORDER BY n DESC, language) "
        "FROM (SELECT language, count(*) AS n FROM articles GROUP BY language)",
    ),
    Question(
        "Boilerplate taken out, by family",
        "SELECT family, count(*), sum(length) || ' characters' FROM removals GROUP BY family ORDER BY 2 DESC, 1 LIMIT 5",
    ),
    Question(
        "Two of those spans in full; `removals` holds every one, so the text can be put back",
        "SELECT rule, trim(text, chr(10)) FROM removals WHERE family IN ('social', 'wire') "
        "QUALIFY row_number() OVER (PARTITION BY family ORDER BY length DESC, text) = 1 ORDER BY 1",
    ),
    Question(
        "Not articles, and why",
        "SELECT parse_filename(uri), reason, detail FROM rejects ORDER BY 1",
    ),
)


def demo(home: Path) -> Iterator[str]:
    """Lines of the demo, with `home` filled on the way."""
    settings = read_settings(find_home(home, {}))
    there = " (it is there already: nothing will be read twice)" if settings.home.exists else ""
    yield f"A folder of made-up news, {shortened(ARTICLES)}, goes into the lake {shortened(home)}{there}"
    began = time.monotonic()
    result = backfill(settings, [ARTICLES])
    yield from [*summary(settings.home, result, time.monotonic() - began, is_dry=False, is_verbose=False)][:1]
    with connect(home) as lake:
        for question in QUESTIONS:
            yield ""
            yield question.title
            yield from wrapped(question.sql, "  > ", "    ")
            yield from aligned(lake.execute(question.sql).fetchall())
    yield from further(shortened(home))


def aligned(rows: list[tuple[Any, ...]]) -> Iterator[str]:
    """The rows in columns, the last one wrapped."""
    cells = [[shown(value) for value in row] for row in rows]
    sizes = [max(map(width, column)) for column in zip(*cells, strict=True)][:-1]
    for row in cells:
        lead = "".join(cell + " " * (size - width(cell) + 2) for cell, size in zip(row[:-1], sizes, strict=True))
        yield from wrapped(row[-1], "  " + lead, " " * (2 + width(lead)))


def wrapped(text: str, first: str, others: str) -> list[str]:
    """The text in lines of a terminal's width."""
    return textwrap.wrap(text, 118, initial_indent=first, subsequent_indent=others, break_long_words=False) or [first]


def shortened(path: Path) -> str:
    """The path from here, where it lies below."""
    absolute = path.absolute()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else str(absolute)


def further(home: str) -> Iterator[str]:
    """What to type next."""
    command = shortened(Path(sys.prefix) / "bin" / "newsmill")
    yield ""
    yield "Where to go next"
    for words in (
        f'--home {home} sql "SELECT headline, body FROM articles LIMIT 3"',
        f"--home {home} explain {shortened(ARTICLES / 'texts' / 'wire-quake.txt')}",
        f"--home {home} status",
        "backfill YOUR-FOLDER",
    ):
        yield f"  {command} {words}"
    yield "  README.md, and docs/fields.md for every table and column"


def main() -> None:
    home = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("demo-news")
    for line in demo(home):
        print(line, flush=True)


if __name__ == "__main__":
    main()
