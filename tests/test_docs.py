"""The documentation cannot drift: its sessions are run, its examples executed, its links followed.

`python -m tests.test_docs` writes the sessions' present output into the pages.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import types
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer

from connectors.connector import Moved
from connectors.document import Document
from docs.generate import PAGES
from flows.cli import app
from flows.run import run
from flows.settings import Feeds, Network, Settings, read_settings
from flows.sources import read_sources, web_source
from flows.web_options import OPTIONS
from pipelines.strip import has_match, load_rules
from warehouse.catalog import Home
from warehouse.known import cursor
from warehouse.rows import TABLES, Flag, Reason

ROOT = Path(__file__).parents[1]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PLAYED = ["README.md", "docs/feeds.md"]
SESSION = re.compile(r"^```console\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def block(name: str, language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```\n", read(name), re.MULTILINE | re.DOTALL)
    assert found, f"{name} has no {language} block"
    return found[1]


def prepared(folder: Path) -> Path:
    """A folder as a newcomer has it, every file of one age; `newsmill` leads to this checkout."""
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()
    for path in (folder / "examples").rglob("*"):
        os.utime(path, (moment, moment))
    (folder / "bin").mkdir()
    script = folder / "bin" / "newsmill"
    script.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m flows.cli "$@"\n')
    script.chmod(0o755)
    return folder


def typed(command: str, folder: Path) -> str:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("NEWSMILL_", "PREFECT_"))}
    environ |= {"PATH": f"{folder / 'bin'}:{environ['PATH']}", "PREFECT_API_URL": "", "COLUMNS": "120"}
    done = subprocess.run(
        command, shell=True, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False
    )
    text = done.stdout + done.stderr
    for path in (str(folder.resolve()), str(folder)):
        text = text.replace(path, "/home/you")
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


def steady(page: str) -> str:
    """The page without what differs from run to run: ids, times, versions of the code."""
    page = re.sub(r"\d{8}T\d{6}-[0-9a-f]{8}", "RUN", page)
    page = re.sub(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} UTC", "TIME", page)
    page = re.sub(r"\b[0-9a-f]{32}\b", "ID", page)
    page = re.sub(r"\b\d+-[0-9a-f]{8}\b", "CODE", page)
    return re.sub(r"\b\d+\.\d s\)", "SECONDS)", page)


def played(page: str, folder: Path) -> str:
    """The page with the output that its sessions have now."""

    def play(session: re.Match[str]) -> str:
        commands = [line for line in session[1].splitlines() if line.startswith("$ ")]
        return "```console\n" + "".join(f"{c}\n{typed(c[2:], folder)}" for c in commands) + "```\n"

    return SESSION.sub(play, page)


@pytest.mark.parametrize("name", PLAYED)
def test_pages_show_what_their_commands_print(tmp_path, name):
    page = read(name)
    assert steady(played(page, prepared(tmp_path))) == steady(page), "python -m tests.test_docs writes it anew"


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_up_to_date(name):
    assert read(f"docs/{name}") == PAGES[name](), "python -m docs.generate writes it anew"


@pytest.mark.parametrize("path", DOCS, ids=lambda p: p.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        assert "://" in target or (path.parent / target).exists(), target


def test_links_to_headings_lead_somewhere():
    for path in DOCS:
        for target, anchor in re.findall(r"\]\(([^)#\s]+\.md)#([^)]+)\)", path.read_text(encoding="utf-8")):
            headings = re.findall(r"^#+ (.+)$", (path.parent / target).read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {h.lower().replace(" ", "-") for h in headings}


def test_every_table_is_named():
    readme, page = read("README.md"), read("docs/fields.md")
    for table in [*TABLES, "article_versions", "home"]:
        assert f"`{table}`" in readme
        assert f"### {table}\n" in page


@pytest.mark.parametrize("word", [*Reason, *Flag])
def test_reasons_and_flags_are_explained(word):
    assert f"| `{word}` | {word.doc} |" in read("docs/fields.md")


def test_commands_that_are_shown_exist():
    group = typer.main.get_command(app)
    for path in DOCS:
        for words in re.findall(r"`newsmill (?!-)([a-z]+)", path.read_text(encoding="utf-8")):
            assert words in group.commands, f"{path.name}: newsmill {words}"


def test_the_notebook_example_runs(tmp_path):
    folder = prepared(tmp_path)
    typed("newsmill backfill examples/articles/texts/barley.txt", folder)
    done = subprocess.run(
        [sys.executable, "-c", block("README.md", "python")],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "(1,)\n"


def test_the_example_of_a_connector_goes_on_where_it_stopped(tmp_path):
    module = types.ModuleType("ticker")
    exec(compile(block("docs/adding.md", "python"), "adding.md", "exec"), module.__dict__)
    ticker, lines = module.Ticker(), tmp_path / "lines.txt"
    settings = Settings(Home(tmp_path / "home"))

    def pull() -> tuple[int, int]:
        with run(settings, "ingest") as current:
            there = cursor(current.connection, "ticker")
            items = list(ticker.pull("ticker", str(lines), there, current.known))
            current.take(items)
        assert len([i for i in items if isinstance(i, Document)]) == len([i for i in items if isinstance(i, Moved)])
        return current.counts.documents, current.counts.new

    lines.write_text("The ferry to Orme sails again.\nThe mill at Tarn has a new wheel.\n")
    assert pull() == (2, 2)
    with lines.open("a") as file:
        file.write("The clock of Vell struck thirteen.\n")
    assert pull() == (1, 1)
    assert pull() == (0, 0)


def test_the_example_of_a_rule_is_a_valid_rule(tmp_path):
    table = read("pipelines/boilerplate.toml")
    entry = block("docs/adding.md", "toml")
    name = re.search(r'name = "(.+)"', entry)[1]
    entries = re.split(r"^(?=\[\[rule\]\])", table, flags=re.MULTILINE)
    later = [n for n, e in enumerate(entries[1:], 1) if re.search(r'name = "(.+)"', e)[1] > name]
    entries.insert(later[0] if later else len(entries), entry + "\n")
    (tmp_path / "rules.toml").write_text("".join(entries), encoding="utf-8")
    rules = {rule.name: rule for rule in load_rules(tmp_path / "rules.toml").rules}
    assert has_match(rules[name], "Pinned on the bulletin board of the Tarn Post")


def test_the_example_of_a_column_works(tmp_path):
    """On a copy of the code: each hunk's lines are found and replaced, then a text is read."""
    for part in ("connectors", "flows", "pipelines", "warehouse"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "newsmill.py", tmp_path)
    for hunk in re.split(r"^--- ", block("docs/adding.md", "diff"), flags=re.MULTILINE)[1:]:
        path = tmp_path / re.search(r"^\+\+\+ b/(.+)$", hunk, re.MULTILINE)[1]
        lines = re.split(r"^@@.*\n", hunk, flags=re.MULTILINE)[1].splitlines(keepends=True)
        before, after = ("".join(line[1:] for line in lines if line[0] in f" {sign}") for sign in "-+")
        assert path.read_text(encoding="utf-8").count(before) == 1
        path.write_text(path.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "tale.txt").write_text("The ferry to Orme sails again.\n\nIt was mended over the winter.\n")
    words = [sys.executable, "-m", "flows.cli"]
    environ = {**os.environ, "PYTHONPATH": str(tmp_path), "PREFECT_API_URL": ""}
    subprocess.run([*words, "backfill", "texts"], cwd=tmp_path, env=environ, check=True, capture_output=True)
    done = subprocess.run(
        [*words, "sql", "-f", "csv", "SELECT paragraph_count FROM articles"],
        cwd=tmp_path,
        env=environ,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["paragraph_count", "2"]


def test_the_options_and_settings_of_feeds_are_those_that_there_are(tmp_path):
    options, stated = re.findall(r"^```toml\n(.*?)^```\n", read("docs/feeds.md"), re.MULTILINE | re.DOTALL)
    (tmp_path / "sources.toml").write_text(options, encoding="utf-8")
    home = Home(tmp_path)
    sources = [web_source(w, Settings(home), {"MEMBERS_PASSWORD": "a", "MEMBERS_KEY": "b"}) for w in read_sources(home)]
    assert [len(s.headers) for s in sources] == [0, 3]
    described = {key for table in tomllib.loads(options)["source"] for key in table}
    assert described == set(OPTIONS) - {"paused"}
    (tmp_path / "newsmill.toml").write_text(stated, encoding="utf-8")
    settings = read_settings(home)
    assert (settings.network, settings.feeds) == (Network(), Feeds())
    names = {section: set(values) for section, values in tomllib.loads(stated).items()}
    assert names == {"network": {f.name for f in fields(Network)}, "feeds": {f.name for f in fields(Feeds)}}


if __name__ == "__main__":
    for name in PLAYED:
        with tempfile.TemporaryDirectory() as passing:
            (ROOT / name).write_text(played(read(name), prepared(Path(passing))), encoding="utf-8")
