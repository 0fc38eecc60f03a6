"""The command line as a user meets it: one clear sentence for what went wrong, the right exit code, nothing changed."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from flows.cli import main
from tests.lake import load_documents, record
from warehouse.catalog import Home, attach, open_lake

ROOT = Path(__file__).parents[1]
STORY = "The lighthouse of Skarvik was lit again on Sunday after eleven dark years.\n"


def newsmill(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *map(str, words)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def here(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """The command in this process, which has imported all that it needs."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
        main(list(map(str, words)))
    return subprocess.CompletedProcess(words, int(left.value.code or 0), out.getvalue(), err.getvalue())


@pytest.fixture(autouse=True)
def without_prefect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "")
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    with open_lake(Home(folder / "home")) as lake:
        load_documents(lake, folder, [record(STORY, url="https://coast.example/light", headline="Lit again")])
    return folder / "home"


@pytest.fixture
def copied(home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(home, tmp_path / "home"))


def refused(done: subprocess.CompletedProcess[str], *words: str, code: int = 1) -> None:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("newsmill: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_a_path_that_is_not_there(tmp_path):
    refused(here("--home", tmp_path / "h", "backfill", tmp_path / "nowhere"), "nowhere does not exist")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_nothing_usable(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / ".hidden").write_text("x")
    refused(here("--home", tmp_path / "h", "backfill", tmp_path / "texts"), "nothing there")
    assert not (tmp_path / "h").exists()


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ('[pipeline]\n\nworkers = "two"\n', "line 3", "whole number"),
        ("[pipeline\nworkers = 2\n", "line 1", "Expected ']'"),
        ("[pipeline]\nworker = 2\n", "line 2", "workers"),
        ("[lakes]\n", "line 1", "lake"),
        ("[pipeline]\nworkers = -1\n", "line 2", "negative"),
        ("[pipeline]\nworkers = true\n", "line 2", "whole number"),
        ("[network]\nallow = '127.0.0.0/8'\n", "line 2", "list"),
        ("[network]\nallow = ['localhost']\n", "line 2", "networks"),
        ("[network]\nskip = ['nofollow']\n", "line 2", "noindex"),
        ("[feeds]\npages = 'sometimes'\n", "line 2", "always, short, never"),
        ("[network]\nper_host = 0\n", "line 2", "at least 1"),
        ('[network]\ncontact = "a\\nb"\n', "line 2", "ASCII"),
        ("lake = 3\n", "line 1", "[lake]"),
    ],
)
def test_a_broken_settings_file_names_the_line_and_what_was_expected(copied, text, line, expected):
    (copied / "newsmill.toml").write_text(text)
    refused(here("--home", copied, "status"), "newsmill.toml", line, expected)


def test_a_home_of_a_newer_version_is_left_alone(copied):
    with attach(Home(copied)) as lake:
        lake.execute("UPDATE lake.home SET format_version = 99")
    before = tree(copied)
    for command in (["sql", "SELECT 1"], ["status"], ["backfill", ROOT / "examples"], ["maintain"]):
        refused(here("--home", copied, *command), "newer newsmill", "upgrade")
    after = tree(copied)
    assert {k: v for k, v in after.items() if "sqlite-" not in k} == {
        k: v for k, v in before.items() if "sqlite-" not in k
    }


@pytest.mark.parametrize("command", [["sql", "SELECT 1"], ["status"], ["backfill", "examples"], ["maintain"]])
def test_a_catalog_that_is_none_is_left_alone(tmp_path, command):
    (tmp_path / "catalog.sqlite").write_text("these are not the bytes of a catalog")
    refused(here("--home", tmp_path, *command), "catalog.sqlite", "not a catalog")
    assert (tmp_path / "catalog.sqlite").read_text() == "these are not the bytes of a catalog"


def test_a_home_that_is_not_there(tmp_path):
    for command in (["sql", "SELECT 1"], ["status"], ["explain", "x"], ["maintain"], ["replay", "--all"]):
        refused(here("--home", tmp_path / "h", *command), "no home", "backfill")
    assert not (tmp_path / "h").exists()


def test_a_wrong_query_says_where_and_what_was_meant(home):
    done = here("--home", home, "sql", "SELECT headlin FROM articles")
    assert done.returncode == 1
    assert "headline" in done.stderr
    assert "column 8" in done.stderr
    done = here("--home", home, "sql", "SELECT 1 FROM article")
    assert "articles" in done.stderr


def test_the_home_may_stand_before_or_after_the_command(home):
    for words in (["--home", home, "sql", "SELECT 7 AS n"], ["sql", f"--home={home}", "SELECT 7 AS n"]):
        done = here(*words, "--format", "csv")
        assert done.stdout.split() == ["n", "7"]


def test_usage_errors_exit_with_two(tmp_path):
    assert here("backfil").returncode == 2
    assert here("backfill").returncode == 2
    assert here("--home").returncode == 2
    with_home = here("--home", tmp_path, "replay")
    assert with_home.returncode == 2


def test_help_answers_at_once():
    newsmill("--help")
    began = time.monotonic()
    done = newsmill("--help")
    assert done.returncode == 0
    assert "backfill" in done.stdout
    heavy = "duckdb", "pyarrow", "apache_beam", "prefect", "trafilatura"
    code = f"import sys, flows.cli; assert not set({heavy!r}) & set(sys.modules), 'heavy'"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
    assert time.monotonic() - began < 5  # of a machine under load; 0.1 s on an idle one


@pytest.mark.slow
def test_backfill_counts_every_document_once_and_resumes(tmp_path):
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "a.txt").write_text(STORY)
    (texts / "b.txt").write_text("Skarvik lights its lamp\n\n" + STORY)
    (texts / "photo.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))

    def run(*words: str, code: int = 0) -> dict[str, int]:
        done = newsmill("--home", tmp_path / "home", "backfill", texts, "--json", *words)
        assert done.returncode == code, done.stderr
        counts: dict[str, int] = json.loads(done.stdout)["counts"]
        assert counts["documents"] == counts["new"] + counts["changed"] + counts["unchanged"] + counts["rejected"]
        return counts

    dry = run("--dry-run")
    assert not (tmp_path / "home").exists()
    first = run("--strict", code=3)
    assert first == dry
    assert (first["new"], first["rejected"], first["duplicates"]) == (2, 1, 1)
    assert run()["unchanged"] == 3
    (texts / "a.txt").write_text(STORY + "\nA crowd of forty cheered from the mole.\n")
    (texts / "b.txt").unlink()
    second = run("--strict")
    assert (second["changed"], second["unchanged"], second["documents"]) == (1, 1, 2)
    done = here("--home", tmp_path / "home", "sql", "SELECT count(*) FROM articles", "--format", "csv")
    assert done.stdout.split()[1] == "2"


@pytest.mark.slow
def test_a_folder_that_was_backfilled_is_watched_under_its_own_name(tmp_path):
    folder = tmp_path / "papers" / "texts"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text(STORY)
    home = tmp_path / "home"
    assert newsmill("--home", home, "backfill", folder).returncode == 0
    refused(here("--home", home, "sources", "add", folder, "--name", "other"), "'texts'")
    assert here("--home", home, "sources", "add", folder.parent).returncode == 0
    (folder / "b.txt").write_text("The pilot boat of Skarvik was sold on Monday.\n")
    (folder.parent / "c.txt").write_text("The harbour master of Skarvik retired on Friday.\n")
    counts = json.loads(newsmill("--home", home, "ingest", "--json").stdout)["counts"]
    assert (counts["documents"], counts["new"], counts["unchanged"]) == (3, 2, 1)
    done = here("--home", home, "sql", "SELECT source, count(*) FROM articles GROUP BY ALL ORDER BY ALL", "-f", "csv")
    assert done.stdout.split()[1:] == ["papers,1", "texts,2"]
    refused(here("--home", home, "sources", "add", "coast.example/feed"), "https://coast.example/feed")


def test_a_home_of_older_code_gets_the_columns_that_it_lacks(copied):
    with attach(Home(copied)) as lake:
        lake.execute("DROP VIEW lake.article_versions")
        lake.execute("ALTER TABLE lake.articles DROP COLUMN image_url")
        lake.execute("CREATE VIEW lake.article_versions AS SELECT * FROM lake.articles")
        lake.execute("DROP TABLE lake.polls")
    with open_lake(Home(copied)) as lake:
        assert lake.execute("SELECT image_url FROM lake.article_versions").fetchall() == [(None,)]
        load_documents(lake, copied.parent, [record("A second story of Skarvik.", url="https://coast.example/2")], "b9")
        assert lake.execute("SELECT count(image_url), count(*) FROM lake.articles").fetchall() == [(0, 2)]
