"""Enrich: tags and copies again from the lake, shown before they are kept, and nothing else touched."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

import flows.enrich
from flows.cli import main
from flows.enrich import Part, Selection, enrich, enriched_lines
from flows.replay import Selection as Replays
from flows.replay import replay
from flows.settings import Pipeline, Settings
from tests.lake import load_documents, record
from tests.test_replay import process_here
from warehouse.catalog import Home, open_lake

LEAD = "The two towns share one river, one old bridge and one ferry, and they have argued over all three for longer than anybody can say. "
TEXTS = [
    record(
        "PARIS, March 3 - The French minister for bridges opened the Kenyan ferry, and Kenya thanked France.",
        url="https://courier.example/ferry",
        headline="Kenya and France share a ferry",
        published="2024-03-01T08:00:00Z",
        tags=["USA", "usa", "Ferries", "United States"],
        language="en",
    ),
    record(
        "Der deutsche Minister lobte die Brücke nach Österreich. " * 8,
        url="https://bote.example/bruecke",
        headline="Brücke nach Österreich",
        published="2024-03-02T08:00:00Z",
        source="bote",
    ),
    record(
        "フランスの大臣は火曜日、川にかかる古い橋を日本の技術で建て替えることを決めました。" * 4,
        url="https://nippo.example/hashi",
        headline="フランスの橋",
        published="2024-03-03T08:00:00Z",
    ),
    record(LEAD * 6, url="https://courier.example/towns", published="2024-03-04T08:00:00Z", headline="Two towns"),
    record(LEAD * 6, url="https://herald.example/towns", published="2024-03-05T08:00:00Z", headline="Two old towns"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("enrich")
    with open_lake(Home(folder / "home")) as connection:
        load_documents(connection, folder / "staged", TEXTS)
    return folder / "home"


@pytest.fixture
def home(made, tmp_path) -> Path:
    return shutil.copytree(made, tmp_path / "home")


@pytest.fixture(autouse=True)
def here(monkeypatch) -> None:
    monkeypatch.setattr("flows.run.process", process_here)


def settings(home: Path) -> Settings:
    return Settings(Home(home), pipeline=Pipeline(workers=1))


def change(home: Path, *statements: str) -> None:
    """What older code left behind."""
    with open_lake(Home(home)) as connection:
        for sql in statements:
            connection.execute(sql)


def rows(home: Path, *tables: str) -> list[list[tuple[Any, ...]]]:
    with open_lake(Home(home)) as connection:
        return [sorted(connection.execute(f"FROM lake.{table}").fetchall(), key=repr) for table in tables]


def files(home: Path) -> set[str]:
    return {str(path) for path in (home / "lake").rglob("articles/**/*.parquet")}


OLDER = (
    "DELETE FROM lake.article_tags WHERE code = 'KE'",
    "UPDATE lake.article_tags SET method = 'gazetteer/0', score = 0.1 WHERE code = 'AT'",
    """INSERT INTO lake.article_tags SELECT article_id, 'chad', 'country', 'TD', NULL, 'Chad', 0.9, 'gazetteer/0', 'Chad'
    FROM lake.articles WHERE headline = 'Two towns'""",
)


def test_what_the_pipeline_made_comes_out_the_same(home: Path) -> None:
    before = rows(home, "articles", "article_tags", "duplicates", "sketches")
    result = enrich(settings(home), Selection())
    assert (result.articles, result.changed) == (5, 0)
    assert rows(home, "articles", "article_tags", "duplicates", "sketches") == before


def test_tags_of_older_code_are_made_again_and_no_article_is_touched(home: Path) -> None:
    right, articles = rows(home, "article_tags", "articles")
    change(home, *OLDER)
    before = files(home)
    result = enrich(settings(home), Selection(parts=(Part.TAGS,)))
    assert (result.changed, result.changed_tags, result.changed_copies) == (3, 3, 0)
    assert rows(home, "article_tags", "articles") == [right, articles]
    assert files(home) == before
    with open_lake(Home(home)) as connection:
        counts = "documents, articles_new, articles_changed, articles_unchanged, rejected"
        found = connection.execute(f"SELECT state, {counts} FROM lake.runs WHERE flow = 'enrich'").fetchall()
    assert found == [("done", 5, 0, 3, 2, 0)]


def test_a_difference_is_shown_and_nothing_is_changed(home: Path) -> None:
    change(home, *OLDER, "DELETE FROM lake.duplicates")
    before = rows(home, "articles", "article_tags", "duplicates", "sketches", "runs")
    result = enrich(settings(home), Selection(), is_diff=True)
    assert rows(home, "articles", "article_tags", "duplicates", "sketches", "runs") == before
    shown = {(d.headline, d.part): d for d in result.differences}
    assert shown["Two towns", Part.TAGS].before[0].startswith('country:chad TD "Chad" 0.9 gazetteer/0')
    assert shown["Two towns", Part.TAGS].after == ()
    assert any(line.startswith("country:kenya KE") for line in shown["Kenya and France share a ferry", Part.TAGS].after)
    assert shown["Two old towns", Part.COPIES].after[0].startswith("copy of ")
    assert list(enriched_lines(result, is_diff=True)) == [
        "4 of 5 articles would change: 3 in their tags; 1 in what they are copies of"
    ]


def test_copies_and_their_index_are_made_again(home: Path) -> None:
    right = rows(home, "sketches")
    change(home, "DELETE FROM lake.duplicates", "UPDATE lake.sketches SET sampled = [1, 2, 3]")
    result = enrich(settings(home), Selection(parts=(Part.COPIES,)))
    assert (result.changed_copies, result.new_copies) == (1, 1)
    assert rows(home, "sketches") == right
    [(copy, original, reason, *_)] = rows(home, "duplicates")[0]
    assert copy != original
    assert reason == "content"


def test_a_replay_after_it_sees_no_difference_that_is_none(home: Path) -> None:
    change(home, *OLDER)
    replayed = replay(settings(home), Replays(), is_diff=True)
    assert replayed.tally.details == 3
    assert {key for c in replayed.changes for key in c.after} == {"tags"}
    enrich(settings(home), Selection())
    assert replay(settings(home), Replays(), is_diff=True).tally.changed == 0


def test_a_replay_makes_tags_again_too(home: Path) -> None:
    [right] = rows(home, "article_tags")
    change(home, *OLDER)
    assert replay(settings(home), Replays()).tally.details == 3
    assert rows(home, "article_tags") == [right]


@pytest.mark.parametrize(
    ("selection", "articles"),
    [
        (Selection(since="2024-03-02T08:00", until="2024-03-04T08:00"), 2),
        (Selection(source="bote"), 1),
    ],
)
def test_a_period_or_source_is_chosen(home: Path, selection: Selection, articles: int) -> None:
    assert enrich(settings(home), selection, is_diff=True).articles == articles


def test_batches_are_kept_as_they_are_made_and_ctrl_c_ends_between_them(home: Path, monkeypatch) -> None:
    [right] = rows(home, "article_tags")
    change(home, "DELETE FROM lake.article_tags WHERE scheme <> 'source'")
    monkeypatch.setattr(flows.enrich, "_TAGGED_AT_ONCE", 2)
    stop = threading.Event()
    result = enrich(settings(home), Selection(), stop=stop, report=lambda _: stop.set())
    assert result.is_stopped
    assert 0 < len(rows(home, "article_tags")[0]) < len(right)
    assert "run it again" in "\n".join(enriched_lines(result, is_diff=False))
    assert [row[4] for row in rows(home, "runs")[0] if row[1] == "enrich"] == ["stopped"]
    enrich(settings(home), Selection())
    assert rows(home, "article_tags") == [right]


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(words)
    told = capsys.readouterr()
    return int(left.value.code or 0), told.out, told.err


def test_the_command(home: Path, capsys) -> None:
    change(home, *OLDER)
    code, out, _ = run(capsys, "--home", str(home), "enrich", "--only", "tags", "--diff")
    assert code == 0
    assert 'tags: Two towns\n- country:chad TD "Chad" 0.9 gazetteer/0 (Chad)\n' in out
    assert out.endswith("3 of 5 articles would change: 3 in their tags\n")
    code, out, _ = run(capsys, "--home", str(home), "enrich", "--json")
    assert code == 0
    assert json.loads(out)["changed_tags"] == 3
    assert run(capsys, "--home", str(home), "enrich", "--only", "bodies")[0] == 2


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--since", "nonsense"), 2, "'nonsense' is no time"),
        (("--until", "nonsense"), 2, "'nonsense' is no time"),
        (("--since", "2024-03-03", "--until", "2024-03-03"), 2, "--since 2024-03-03 is not before --until 2024-03-03"),
        (("--source", "nosuch"), 1, "no source is named 'nosuch': see `newsmill sources list`"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_done(home: Path, capsys, words, code, said) -> None:
    change(home, "DELETE FROM lake.vectors")
    before = rows(home, "vectors", "runs")
    found, _, err = run(capsys, "--home", str(home), "enrich", *words)
    assert (found, said in err) == (code, True)
    assert rows(home, "vectors", "runs") == before


def test_a_change_of_the_name_or_the_top_code_of_a_tag_is_shown(home: Path, capsys) -> None:
    change(home, "UPDATE lake.article_tags SET name = 'Kenia', top_code = 'XX' WHERE code = 'KE'")
    _, out, _ = run(capsys, "--home", str(home), "enrich", "--only", "tags", "--diff")
    assert [line.split(" 0")[0] for line in out.splitlines()[1:3]] == [
        '- country:kenya KE of XX "Kenia"',
        '+ country:kenya KE "Kenya"',
    ]


def test_a_difference_of_a_part_is_that_to_a_lake_that_is_caught_up(home: Path) -> None:
    """Of older code, or with lost rows: what any run mends is none of the difference."""
    tables = ("sketches", "duplicates", "vectors", "story_articles", "stories")
    change(home, *(f"DROP TABLE lake.{table}" for table in tables))
    result = enrich(settings(home), Selection(parts=(Part.STORIES,), since="2024-03-05"), is_diff=True)
    assert (result.articles, result.changed, result.differences) == (1, 0, ())
    assert rows(home, "stories", "sketches") == [[], []]
