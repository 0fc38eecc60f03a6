"""Replay: what better code finds in kept documents, shown before it is done, and nothing else touched."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

import flows.run
from connectors.document import Document
from connectors.landing import Batch, read_group
from flows.cli import main
from flows.replay import Selection, replay
from flows.settings import Pipeline, Settings
from pipelines.extract import extract
from pipelines.fingerprint import Made, fingerprint
from pipelines.read import decode, fetch
from pipelines.staging import staged
from pipelines.strip import strip
from pipelines.tag import tag
from pipelines.values import Rejected
from pipelines.way import Way
from pipelines.write import write_parquet
from warehouse.catalog import Home, open_lake
from warehouse.query import connect
from warehouse.rows import Reason, Stage

STORY = "The ferry sailed from {place} at noon, and {count} people watched it go.\n\nIt came back late, {name} said."
PLACES = ("Harrow", "Millbrook", "Denholm", "Kelm", "Corrie", "Tern")


@dataclass(frozen=True)
class OlderWay(Way):
    """The way as it was: it knew of no rules, took one byline for none, no date, and made a reject of a good text."""

    def __call__(self, document: Document) -> Made:
        data = fetch(document, self.limits)
        raw = decode(document, data)
        found = extract(raw)
        name = Path(document.address).stem
        if name == "Corrie":
            return self.reject(document, data, Rejected(Stage.EXTRACT, Reason.NO_TEXT, "not seen"), raw)
        if name == "Millbrook":
            found = replace(found, headline="Millbrook | The Courier", byline=())
        elif name == "Denholm":
            found = replace(found, section="wrong", published_from="url")
        elif name == "Kelm":
            found = replace(found, text=f"{found.text}\n\nA line of the page's foot.", published_at=None)
        stripped = strip(found, self.rules)
        tagged = tag(found, stripped, self.gazetteer)
        if name == "Denholm":
            tagged = replace(tagged, tags=())
        return fingerprint(document, raw, found, stripped, tagged, pipeline_version="older")


def settings(home: Path) -> Settings:
    return Settings(Home(home), pipeline=Pipeline(workers=1))


def process_here(settings: Settings, batch: Batch) -> Path:
    """As `flows.run.process`, without Beam and worker processes, which take longer to start than all of this takes."""
    path, folder = batch.folder / "documents.parquet", batch.folder / "staged"
    with path.open("rb") as stream:
        documents = [d for n in range(len(batch.groups())) for d in read_group(stream, n)]
    way = flows.run.way(settings)
    for table, rows in staged([way(d) for d in documents]).items():
        write_parquet(str(folder / table / "0.parquet"), rows)
    return folder


@pytest.fixture(autouse=True, scope="module")
def here() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flows.run, "process", process_here)
        yield


@pytest.fixture(scope="module")
def older(here, tmp_path_factory) -> Path:
    """A lake that older code made of six texts."""
    folder = tmp_path_factory.mktemp("texts") / "texts"
    folder.mkdir()
    for count, place in enumerate(PLACES):
        front = f"---\ntitle: Ferry leaves {place}\nauthor: Ada Finch\ndate: 2024-03-0{count + 1}T08:00:00Z\ntags: [ferries]\n---\n\n"
        (folder / f"{place}.md").write_text(front + STORY.format(place=place, count=count + 10, name="Ada Finch"))
    home = tmp_path_factory.mktemp("older") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flows.run, "way", lambda _: OlderWay())
        patch.setattr(flows.run, "pipeline_version", lambda *_: "older")
        from flows.backfill import backfill

        counts = backfill(settings(home), [folder]).counts
    assert (counts.new, counts.rejected) == (5, 1)
    return home


@pytest.fixture
def home(older, tmp_path) -> Path:
    return shutil.copytree(older, tmp_path / "home")


def read(home: Path, query: str) -> list[tuple[Any, ...]]:
    with connect(home) as lake:
        return lake.execute(query).fetchall()


def everything(home: Path) -> list[list[tuple[Any, ...]]]:
    tables = ("articles", "article_versions", "article_tags", "removals", "rejects", "outcomes", "runs")
    with connect(home) as lake:
        return [sorted(lake.execute(f"FROM {table}").fetchall(), key=repr) for table in tables]


def command(capsys: pytest.CaptureFixture[str], home: Path, *words: str) -> str:
    (home / "newsmill.toml").write_text("[pipeline]\nworkers = 1\n")
    with pytest.raises(SystemExit) as left:
        main(["--home", str(home), "replay", *words])
    assert not left.value.code
    return capsys.readouterr().out


def test_the_difference_is_shown_first_and_nothing_changes(home, capsys):
    before = everything(home)
    said = command(capsys, home, "--all", "--diff")
    assert everything(home) == before
    for line in (
        "-headline: Millbrook | The Courier",
        "+headline: Ferry leaves Millbrook",
        "+byline: Ada Finch",
        "-section: wrong",
        "-published_from: url",
        "+published_at: 2024-03-04T08:00:00Z",
        "-A line of the page's foot.",
    ):
        assert f"\n{line}\n" in said, line
    assert "+tags: " in said
    assert "--- no article\n" in said
    assert "+headline: Ferry leaves Corrie\n" in said
    assert "Harrow" not in said
    assert "\x1b" not in said
    assert "4 of 6 articles would change: 2 in what a reader sees, which makes a version; 1 in other fields" in said


def test_the_difference_as_json(home, capsys):
    said = json.loads(command(capsys, home, "--all", "--diff", "--json"))
    found = {
        change["after"].get("headline", change["address"].rsplit("/", 1)[-1]): change for change in said["changes"]
    }
    millbrook = found["Ferry leaves Millbrook"]
    assert (millbrook["before"]["headline"], millbrook["before"]["byline"]) == ("Millbrook | The Courier", [])
    assert millbrook["after"]["byline"] == ["Ada Finch"]
    assert "body" not in millbrook["after"]
    assert said["tally"] == {"new": 1, "versions": 2, "details": 1, "rejected": 0}


def versions(home: Path) -> list[tuple[Any, ...]]:
    return read(home, "SELECT headline, version, cause, section, byline FROM article_versions ORDER BY ALL")


AFTERWARDS = [
    ("Ferry leaves Corrie", 1, "source", None, ["Ada Finch"]),
    ("Ferry leaves Denholm", 1, "source", None, ["Ada Finch"]),
    ("Ferry leaves Harrow", 1, "source", None, ["Ada Finch"]),
    ("Ferry leaves Kelm", 1, "source", None, ["Ada Finch"]),
    ("Ferry leaves Kelm", 2, "pipeline", None, ["Ada Finch"]),
    ("Ferry leaves Millbrook", 2, "pipeline", None, ["Ada Finch"]),
    ("Ferry leaves Tern", 1, "source", None, ["Ada Finch"]),
    ("Millbrook | The Courier", 1, "source", None, []),
]


def test_a_replay_makes_versions_of_what_differs_and_touches_nothing_else(home, capsys):
    whole = "FROM articles WHERE headline IN ('Ferry leaves Harrow', 'Ferry leaves Tern') ORDER BY ALL"
    kept, stored = read(home, whole), {path.name for path in (home / "lake").rglob("*.parquet")}
    runs_before = dict(read(home, "SELECT article_id, run_id FROM articles"))
    assert "4 of 6 articles changed" in command(capsys, home, "--all")
    assert versions(home) == AFTERWARDS
    assert read(home, whole) == kept
    assert stored <= {path.name for path in (home / "lake").rglob("*.parquet")}
    runs = dict(read(home, "SELECT article_id, run_id FROM articles"))
    assert sum(runs[ident] != run for ident, run in runs_before.items()) == 3
    assert read(home, "FROM rejects") == []


def test_one_that_was_cut_short_is_taken_up_by_the_next(home, monkeypatch):
    monkeypatch.setattr("flows.replay._GROUP", 2)
    small = replace(settings(home), pipeline=Pipeline(workers=1, batch_documents=2))
    carried, carry = [], flows.run.Run.pass_on

    def carry_one(self: flows.run.Run, batch: Batch) -> None:
        if carried:
            raise KeyboardInterrupt("killed")
        carried.append(batch)
        carry(self, batch)

    monkeypatch.setattr(flows.run.Run, "pass_on", carry_one)
    with pytest.raises(KeyboardInterrupt):
        replay(small, Selection())
    monkeypatch.setattr(flows.run.Run, "pass_on", carry)
    assert replay(small, Selection()).resumed == 1
    assert versions(home) == AFTERWARDS


@dataclass(frozen=True)
class StricterWay(Way):
    def __call__(self, document: Document) -> Made:
        if document.address == "Tern.md":
            return self.reject(
                document, document.data or b"", Rejected(Stage.EXTRACT, Reason.NO_TEXT, "a section front")
            )
        return super().__call__(document)


def test_what_stays_as_it_is_is_said(home, monkeypatch, capsys):
    """An article that would be rejected today, and one whose bytes are not kept."""
    monkeypatch.setattr(flows.run, "way", lambda _: StricterWay())
    with open_lake(Home(home)) as lake:
        lake.execute(
            "DELETE FROM lake.payloads WHERE document_id = (SELECT document_id FROM lake.articles WHERE headline LIKE '%Harrow')"
        )
    said = command(capsys, home, "--all")
    assert "1 would be rejected today, and stay as they are\n" in said
    assert "passed over: 1 × their bytes are not kept, so they stay as they are\n" in said
    assert versions(home) == AFTERWARDS


def test_a_terminal_gets_colours_and_no_orders():
    from flows.changes import Change, print_change

    out = io.StringIO()
    change = Change("a1", "https://a.example/1", {"headline": "Old\x1b[2J"}, {"headline": "New"})
    print_change(change, out, is_coloured=True)
    lines = out.getvalue().split("\n")
    assert lines[2].startswith("\x1b[31m-headline: Old")
    assert "\x1b[2J" not in out.getvalue()
    assert lines[3] == "\x1b[32m+headline: New\x1b[0m"
