"""Writes the pages that follow from the code: `python -m docs.generate` (or `--check`, which only compares)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer

from pipelines.strip import Family
from warehouse.rows import TABLES, Decision, Flag, Found, HomeRow, Reason, Role, Stage
from warehouse.schema import columns, sql_type

FOLDER = Path(__file__).parent
_NOTE = "Written by `python -m docs.generate`; do not edit.\n"
_LISTS: dict[str, type[StrEnum]] = {
    "Roles": Role,
    "Decisions": Decision,
    "Stages": Stage,
    "Reasons": Reason,
    "Flags": Flag,
    "Where a field was found": Found,
    "Families of rules": Family,
}
_READ = (
    "articles article_versions article_tags documents payloads outcomes removals rejects duplicates stories story_articles sources polls runs"
).split()


def fields_page() -> str:
    """The page of tables, columns and closed lists."""
    rest = sorted((set(TABLES) | {"home"}) - set(_READ))
    lines = [
        "# Tables, columns and words",
        "",
        _NOTE,
        "Times are UTC. Lists are DuckDB lists. `null` marks what may be null.",
        "",
    ]
    lines += ["## Tables to read", "", *_tables(_READ), "## The loader's own tables", "", *_tables(rest)]
    lines += ["## Closed lists", ""]
    for title, words in _LISTS.items():
        lines += [f"### {title}", "", *_table(("word", "meaning"), ((f"`{w}`", getattr(w, "doc", "")) for w in words))]
    return "\n".join(lines).rstrip() + "\n"


def _tables(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield from (f"### {name}", "")
        if name == "article_versions":
            yield from ("A view: every version of every article, the current one included. Columns of `articles`.", "")
            continue
        row = TABLES.get(name, HomeRow)
        sentence = (row.__doc__ or "").partition("\n")[0]
        if name == "superseded":
            sentence = "Version of an article before its current one. Columns of `articles`."
        yield from (sentence, "")
        if name != "superseded":
            yield from _table(("column", "type", "meaning"), _columns(row))


def _columns(row: type) -> Iterator[tuple[str, str, str]]:
    docs = {f.name: f.metadata["doc"] for f in fields(row)}
    for name, kind, is_list, nullable in columns(row):
        yield f"`{name}`", sql_type(kind, is_list=is_list) + (", null" if nullable else ""), docs[name]


def _table(names: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    cells = [[c.replace("|", "\\|") for c in row] for row in rows]
    return [f"| {' | '.join(line)} |" for line in (list(names), ["---"] * len(names), *cells)] + [""]


def commands_page() -> str:
    """The page of commands: the help of each."""
    from flows.cli import app

    lines = ["# Commands", "", _NOTE, "`--home`, `-q`, `-v` and `--debug` may stand before or after every command.", ""]
    for words, text in _helps(typer.main.get_command(app), None, "newsmill"):
        lines += [f"## {words}", "", "```text", text.rstrip(), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def _helps(command: Any, parent: Any, words: str) -> Iterator[tuple[str, str]]:
    context = command.make_context(
        words.rpartition(" ")[2], [], parent=parent, resilient_parsing=True, terminal_width=110, max_content_width=110
    )
    yield words, "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    for name, child in getattr(command, "commands", {}).items():
        yield from _helps(child, context, f"{words} {name}")


PAGES = {"fields.md": fields_page, "commands.md": commands_page}


def main() -> None:
    stale = []
    for name, page in PAGES.items():
        path, text = FOLDER / name, page()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    print("changed: " + ", ".join(stale) if stale else "up to date")
    sys.exit(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    main()
