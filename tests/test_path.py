"""The whole path: folders and feeds into the lake, run after run, with every document accounted for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from flows.backfill import Result
from flows.settings import Pipeline, Settings
from flows.summary import summary
from tests.fake_feed import pull_all
from tests.kills.corpus import SOURCE, make, text
from tests.kills.lakes import lake_rows, look
from warehouse.catalog import Home
from warehouse.load import Counts
from warehouse.query import connect


def accounted(counts: Counts) -> tuple[int, int, int, int]:
    assert counts.documents == counts.new + counts.changed + counts.unchanged + counts.rejected
    return counts.new, counts.changed, counts.unchanged, counts.rejected


def read(home: Path, query: str) -> list[tuple]:
    with connect(home) as lake:
        return lake.execute(query).fetchall()


def settings(home: Path) -> Settings:
    return Settings(Home(home), pipeline=Pipeline(workers=1))


def backfill(home: Path, *paths: Path, **options) -> Result:
    from flows.backfill import backfill

    return backfill(settings(home), paths, **options)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def loaded(corpus, tmp_path_factory) -> tuple[Path, Result]:
    home = tmp_path_factory.mktemp("path") / "home"
    return home, backfill(home, corpus.before)


@pytest.fixture
def home(loaded, tmp_path) -> Path:
    return shutil.copytree(loaded[0], tmp_path / "home")


@pytest.fixture(scope="module")
def later(loaded, corpus, tmp_path_factory) -> tuple[Path, Result]:
    """The same home after its folder has changed."""
    home = shutil.copytree(loaded[0], tmp_path_factory.mktemp("later") / "home")
    return home, backfill(home, corpus.after, source=SOURCE)


def test_a_run_accounts_for_every_document(loaded):
    home, result = loaded
    new, changed, unchanged, rejected = accounted(result.counts)
    assert (new, changed, unchanged, rejected) == (65, 1, 0, 6)
    assert look(home).problems == []
    assert read(home, "SELECT decision, count(*) FROM outcomes GROUP BY ALL ORDER BY ALL") == [
        ("changed", changed),
        ("new", new),
        ("rejected", rejected),
    ]
    assert read(home, "SELECT documents, articles_new, articles_changed, articles_unchanged, rejected FROM runs") == [
        (result.counts.documents, new, changed, unchanged, rejected)
    ]


def test_every_reject_says_where_and_why_and_keeps_its_bytes(loaded):
    rows = read(
        loaded[0],
        """SELECT regexp_extract(uri, '/news/(.*)', 1), stage, reason, count(sha256) FROM rejects
        LEFT JOIN payloads USING (document_id) GROUP BY ALL ORDER BY ALL""",
    )
    assert rows == [
        ("archive/bundle.zip#week/picture.png", "read", "binary", 1),
        ("odd/blank.txt", "read", "empty", 1),
        ("odd/empty.txt", "read", "empty", 0),
        ("odd/noise.bin", "read", "binary", 1),
        ("rows/a.jsonl#31", "read", "record-broken", 1),
        ("rows/a.jsonl#r109", "extract", "no-text", 1),
    ]


def test_the_same_folder_again_adds_nothing_and_says_so(home, corpus):
    before = lake_rows(home)
    result = backfill(home, corpus.before)
    assert accounted(result.counts) == (0, 0, 72, 0)
    assert lake_rows(home) == before
    said = "\n".join(summary(Home(home), result, 1.0, is_dry=False, is_verbose=False))
    assert "nothing new: all of it is in the lake already" in said


def test_a_changed_file_makes_a_version_and_a_vanished_one_deletes_nothing(later):
    home, result = later
    assert accounted(result.counts)[:2] == (14, 5)
    changed = read(
        home,
        """SELECT v.version, v.cause, count(*) FROM article_versions v JOIN documents d USING (document_id)
        WHERE d.address IN ('texts/07.txt', 'texts/08.txt', 'copies/01.txt') GROUP BY ALL ORDER BY ALL""",
    )
    assert changed == [(1, "source", 3), (2, "source", 3)]
    gone = "SELECT count(*) FROM articles JOIN documents USING (document_id) WHERE address IN ('texts/03.txt', 'texts/04.txt')"
    assert read(home, gone) == [(2,)]
    assert look(home).problems == []


def test_of_one_address_in_many_files_the_last_edit_counts(loaded, later):
    address = "SELECT version, document_id IN (SELECT document_id FROM articles) FROM article_versions WHERE url LIKE '%bridge'"
    assert sorted(read(loaded[0], address)) == [(1, False), (2, True)]
    bodies = read(later[0], "SELECT version, body FROM article_versions WHERE url LIKE '%bridge' ORDER BY version")
    assert [body.split("day ")[1].split()[0] for _, body in bodies] == ["150", "104", "143"]


def test_body_and_removals_give_the_text_back(loaded):
    rows = read(
        loaded[0],
        """SELECT a.body, r.start, r.text FROM articles a JOIN removals r USING (article_id, version)
        WHERE (SELECT count(*) FROM removals o WHERE o.article_id = a.article_id) = 1""",
    )
    assert len(rows) > 30
    for body, start, removed in rows:
        assert "Also read:" in removed
        assert "Also read:" not in body
        whole = body[:start] + removed + body[start:]
        assert whole.count("\n\n") == 2


def test_what_has_one_body_has_one_original(loaded):
    with connect(loaded[0]) as lake:
        groups = lake.execute(
            """SELECT list(DISTINCT coalesce(duplicate_of, article_id)), count(*) FROM articles
            LEFT JOIN duplicates USING (article_id) GROUP BY body_sha256 HAVING count(*) > 1"""
        ).fetchall()
        (chains,) = lake.execute(
            "SELECT count(*) FROM duplicates SEMI JOIN (SELECT article_id AS duplicate_of FROM duplicates) USING (duplicate_of)"
        ).fetchone()
    assert sum(count - 1 for _, count in groups) == 4
    assert all(len(originals) == 1 for originals, _ in groups)
    assert chains == 0


def test_a_dry_run_says_the_same_and_changes_nothing(home, corpus, later):
    before = lake_rows(home)
    dry = backfill(home, corpus.after, source=SOURCE, is_dry=True)
    assert lake_rows(home) == before
    assert dry.counts == later[1].counts


def test_a_limit_is_kept_and_the_next_run_reads_the_rest(corpus, tmp_path, loaded):
    home = tmp_path / "home"
    first = backfill(home, corpus.before, limit=10)
    assert first.counts.documents == 10
    accounted(backfill(home, corpus.before).counts)
    with connect(home) as lake, connect(loaded[0]) as whole:
        ids = "SELECT article_id, version, content_sha256 FROM article_versions ORDER BY ALL"
        assert lake.execute(ids).fetchall() == whole.execute(ids).fetchall()


# Feeds


def poll(home: Path, polls: int) -> Counts:
    """All feeds, from where their cursors stand to so many polls, in one landing."""
    from flows.run import run

    with run(settings(home), "ingest") as current:
        current.take(pull_all(current.connection, current.known, polls))
        return current.counts


@pytest.fixture(scope="module")
def polled(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("feeds") / "home"
    assert accounted(poll(home, 1)) == (200, 0, 0, 0)
    return home


@pytest.fixture(scope="module")
def polled_twice(polled, tmp_path_factory) -> Path:
    home = shutil.copytree(polled, tmp_path_factory.mktemp("twice") / "home")
    assert accounted(poll(home, 2)) == (200, 100, 0, 0)
    return home


def test_a_page_is_a_payload_of_its_entrys_document_and_a_version_where_it_comes_later(polled_twice):
    home = polled_twice
    assert read(home, "SELECT count(*), count(DISTINCT document_id) FROM documents") == [(400, 400)]
    assert read(home, "SELECT role, count(*) FROM payloads GROUP BY ALL ORDER BY ALL") == [
        ("entry", 400),
        ("page", 300),
    ]
    versions = read(home, "SELECT role, version, count(*) FROM article_versions GROUP BY ALL ORDER BY ALL")
    assert versions == [("entry", 1, 200), ("page", 1, 200), ("page", 2, 100)]
    assert look(home).problems == []


def test_the_cursor_stands_where_the_articles_are_and_a_poll_without_news_adds_nothing(polled, tmp_path):
    home = shutil.copytree(polled, tmp_path / "home")
    assert read(home, "SELECT DISTINCT cursor FROM cursors") == [(b"1",)]
    before = lake_rows(home)
    assert accounted(poll(home, 1)) == (0, 0, 0, 0)
    assert lake_rows(home) == before
    assert read(home, "SELECT outcome, count(*), count(DISTINCT source) FROM polls GROUP BY ALL") == [("ok", 200, 200)]


def test_what_is_learnt_of_a_source_stands_with_its_articles_and_it_is_as_old_as_it_was(polled, polled_twice):
    ages = read(polled, "SELECT source, added_at FROM sources ORDER BY ALL")
    assert len(ages) == 200
    assert read(polled_twice, "SELECT source, added_at FROM sources ORDER BY ALL") == ages
    assert read(polled_twice, "SELECT DISTINCT last_polled_at - added_at, error_streak FROM sources") == [
        (timedelta(hours=1), 0)
    ]


def test_a_poll_that_brings_nothing_imports_no_beam(tmp_path):
    code = """
import sys
from pathlib import Path
from connectors.connector import Moved, Unchanged
from flows.run import run
from flows.settings import Settings
from warehouse.catalog import Home
with run(Settings(Home(Path(sys.argv[1]))), "ingest") as current:
    current.take([Unchanged(20), Moved("a", b"1")])
    assert current.counts.unchanged == 20
assert not {"apache_beam", "lxml", "pebble"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "home")], check=True)


def test_a_flag_of_the_entry_goes_when_its_page_comes(polled, polled_twice):
    missing = "SELECT count(*) FROM {} WHERE list_contains(flags, 'page-missing')"
    for home in (polled, polled_twice):
        assert [read(home, missing.format(t)) for t in ("articles", "documents")] == [[(100,)]] * 2
    first = (
        "SELECT DISTINCT d.flags, a.flags FROM articles a JOIN documents d USING (document_id) WHERE address = 'guid-0'"
    )
    assert read(polled_twice, first) == [([], [])]


def test_a_replay_by_the_same_code_changes_nothing(polled_twice, tmp_path):
    from flows.replay import Selection, replay

    home = shutil.copytree(polled_twice, tmp_path / "home")
    before = lake_rows(home)
    counts = replay(settings(home), Selection()).counts
    assert (counts.documents, counts.unchanged) == (400, 400)
    after = lake_rows(home)
    assert after | {"outcomes": []} == before | {"outcomes": []}


def test_a_page_outranks_an_entry_that_comes_after_it(polled, tmp_path):
    home = shutil.copytree(polled, tmp_path / "home")
    poll(home, 3)
    latest = read(home, "SELECT url, role FROM articles WHERE source = 'feed-007' ORDER BY url")
    assert [role for _, role in latest] == ["page", "page", "entry"]


# The command line


def test_the_command_says_what_it_did_and_how_it_ended(tmp_path, monkeypatch, capsys):
    from flows.cli import main

    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "one.txt").write_text(text(1))
    (folder / "none.txt").write_text("")
    monkeypatch.setenv("PREFECT_API_URL", "")
    command = ["--home", str(tmp_path / "home"), "backfill", str(folder)]
    assert ended(main, [*command, "--strict"]) == 3
    assert capsys.readouterr().out.startswith("2 documents = 1 new + 0 changed + 0 unchanged + 1 rejected")
    assert ended(main, [*command, "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)["counts"]
    assert (counts["documents"], counts["unchanged"]) == (2, 2)
    assert ended(main, [*command[:-1], str(folder / "nowhere")]) == 1
    assert "does not exist" in capsys.readouterr().err


def ended(main, argv: list[str]) -> int:
    with pytest.raises(SystemExit) as left:
        main(argv)
    return int(left.value.code or 0)


def test_a_file_that_grows_is_read_on(tmp_path):
    folder = tmp_path / "rows"
    folder.mkdir()
    rows = [json.dumps({"id": f"r{n}", "text": text(n)}) for n in range(4)]
    (folder / "log.jsonl").write_text("\n".join(rows[:3]) + "\n")
    os.utime(folder / "log.jsonl", (1, 1))
    home = tmp_path / "home"
    assert accounted(backfill(home, folder).counts) == (3, 0, 0, 0)
    (folder / "log.jsonl").write_text("\n".join(rows) + "\n")
    assert accounted(backfill(home, folder).counts) == (1, 0, 3, 0)
