"""One folder of hard cases taken whole: nothing is lost, nothing is wrong in silence, a second run adds nothing."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.folder import Folder
from flows.run import run
from flows.settings import Settings
from newsmill import connect
from warehouse.catalog import Home

ROOT = Path(__file__).parents[1]
STORY = "Lock gate repaired\n\nThe lock gate at Ondra was repaired on Tuesday, the canal office said.\n\nBoat {}.\n"


def newsmill(
    *words: str | Path, cwd: Path = ROOT, redirect: str = "", wrapped: tuple[str, ...] = (), **environ: str
) -> subprocess.CompletedProcess[str]:
    command = [*wrapped, sys.executable, "-m", "flows.cli", *map(str, words)]
    return subprocess.run(
        ["sh", "-c", f'"$@" {redirect}', "sh", *command],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(cwd)} | environ,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def counts(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """The counts of a run, which must add up."""
    assert done.returncode == 0, done.stderr
    found: dict[str, int] = json.loads(done.stdout)["counts"]
    parts = [found[key] for key in ("new", "changed", "unchanged", "rejected")]
    assert found["documents"] == sum(parts)
    return found


def refused(done: subprocess.CompletedProcess[str], *words: str, code: int = 1) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    for word in words:
        assert word in done.stderr


def story(name: str | bytes, encoding: str = "utf-8") -> bytes:
    return STORY.format(os.fsdecode(name).encode("ascii", "replace").decode()).encode(encoding)


TEXTS: dict[bytes, bytes] = {
    b"utf16-marked.txt": story("marked", "utf-16"),
    b"utf16-le.txt": story("little", "utf-16-le"),
    b"utf16-be.txt": story("big", "utf-16-be"),
    b"crlf.txt": story("crlf").replace(b"\n", b"\r\n"),
    b"cr.txt": story("cr").replace(b"\n", b"\r"),
    b"mixed.txt": story("mixed") + "Café Ondra.\n".encode() + "Café Ondra.\n".encode("latin-1"),
    b"nul.txt": story("n\0ul"),
    b"same-1.txt": story("same"),
    b"same-2.txt": story("same"),
    b"caf\xe9.txt": story("latin"),
    b"new\nline.txt": story("newline"),
    b"quo'te\".txt": story("quotes"),
    b"ha#sh.txt": story("hash"),
    b"per%20cent.txt": story("percent"),
    "moon\N{CRESCENT MOON}.txt".encode(): story("moon"),
    b"-rf.txt": story("dash"),
    b"--help": story("help"),
    b"/".join([b"d" * 40] * 60) + b"/deep.txt": story("deep"),
    b"rule.txt": b"---\nLock gate repaired, a rule above it and no front matter at all.\n\nBoats pass.\n",
    b"bomb.md": b"---\na: &a [x,x,x,x,x,x,x,x,x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(12))
    + b"title: *m\n---\nThe bomb was a text.\n",
    b"tabs.md": b"---\ntitle:\tTabs\n\tdate: 2020-01-01\n---\nThe tabs were a text.\n",
    b"one-line.txt": (b"word another longword " * 1_200_000)[:25_000_000],
}
REJECTED = {
    "empty.txt": "empty",
    "noise.txt": "binary",
    "pipe.txt": "not-a-file",
    "socket.txt": "not-a-file",
    "bomb.zip#big.txt": "ratio",
    "nested.zip#inner.zip": "archive-nested",
    "rows.jsonl#2": "record-broken",
    "table.parquet#archive-broken": "archive-broken",
    "pages.arc#1": "record-broken",
    "pages.warc#1": "record-broken",
}
RECORDS = {
    "mail.eml",
    "nested.zip#outer.txt",
    "rows.jsonl#a",
    "rows.jsonl#b",
    "table.csv#1",
    "up.zip#../../evil.txt",
    "up.zip#/root.txt",
}


def zipped(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def fill(folder: Path) -> None:
    for name, data in TEXTS.items():
        path = os.fsencode(folder) + b"/" + name
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120  not every name is UTF-8
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(data)
    (folder / "empty.txt").touch()
    (folder / "noise.txt").write_bytes(bytes(range(256)) * 20)
    (folder / "rows.jsonl").write_text('{"id":"a","text":"One gate."}\n{broken\n{"id":"b","text":"Two gates."}\n')
    (folder / "mail.eml").write_text("From: a@ondra.example\nSubject: Gate\n\nThe gate.\n")
    (folder / "table.csv").write_text("id,text\n1,A gate in a table.\n")
    (folder / "table.parquet").write_bytes(b"PAR1" + bytes(range(99)) + b"PAR1")
    (folder / "pages.arc").write_text("filedesc://p.arc 0.0.0.0 1 text/plain 5\n1 0 x\n")
    (folder / "pages.warc").write_text("WARC/1.0\r\nWARC-Type: response\r\nContent-Length: 9\r\n\r\nx")
    for link, target in {"circle": ".", "outside.txt": "/etc/hostname", "dangling.txt": "nowhere"}.items():
        (folder / link).symlink_to(target)
    for leftover in (".hidden.txt", "draft.txt~", "draft.swp"):
        (folder / leftover).write_text("left behind")
    os.mkfifo(folder / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(folder / "socket.txt"))
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("in.txt", story("in"))
    zipped(folder / "nested.zip", {"inner.zip": inner.getvalue(), "outer.txt": story("outer")})
    zipped(folder / "up.zip", {"../../evil.txt": story("evil"), "/root.txt": story("root")})
    zipped(folder / "bomb.zip", {"big.txt": bytes(64 << 20)})


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder, and beside it the home that took it, whose own name is one to quote."""
    place = tmp_path_factory.mktemp("hard")
    (place / "in").mkdir()
    fill(place / "in")
    found = counts(newsmill("--home", place / "ho'me %20é", "backfill", place / "in", "--json"))
    assert (found["new"], found["rejected"]) == (len(TEXTS) + len(RECORDS), len(REJECTED))
    return place


def rows(home: Path, query: str) -> list[tuple[object, ...]]:
    with connect(home) as lake:
        return lake.execute(query).fetchall()


def test_each_hard_file_is_an_article_or_a_reject_by_name(nasty):
    home, base = nasty / "ho'me %20é", f"{(nasty / 'in').resolve().as_uri()}/"
    rejects = {str(uri).removeprefix(base): reason for uri, reason in rows(home, "SELECT uri, reason FROM rejects")}
    assert rejects == REJECTED
    articles = rows(home, "SELECT d.uri FROM articles JOIN documents d USING (document_id)")
    assert len(articles) == len(TEXTS) + len(RECORDS)
    assert {str(uri).removeprefix(base) for (uri,) in articles} >= RECORDS
    assert not (nasty.parent / "evil.txt").exists()


def test_what_was_stored_is_what_the_files_say(nasty):
    found = dict(
        rows(
            nasty / "ho'me %20é",
            "SELECT regexp_extract(d.uri, '[^/]*$'), a FROM articles a JOIN documents d USING (document_id)",
        )
    )
    for name in ("utf16-marked", "utf16-le", "utf16-be", "crlf", "cr", "nul", "caf%E9", "new%0Aline", "deep"):
        article = found[f"{name}.txt"]
        assert article["headline"] == "Lock gate repaired"
        assert article["body"].startswith(
            "The lock gate at Ondra was repaired on Tuesday, the canal office said.\n\nBoat "
        )
        assert not {"\0", "\r", "\ufeff"} & set(article["body"])
    assert found["mixed.txt"]["body"].count("Café Ondra.") == 2
    assert "no front matter at all" in found["rule.txt"]["body"]
    assert "truncated" in found["one-line.txt"]["flags"]
    assert {n for n in found if "front-matter-broken" in found[n]["flags"]} == {"bomb.md", "tabs.md"}


def test_the_same_text_however_it_is_encoded_is_an_article_and_its_copies(nasty):
    found = rows(nasty / "ho'me %20é", "SELECT count(*), count(DISTINCT duplicate_of), min(score) FROM duplicates")
    ((copies, originals, least),) = found
    assert (copies, originals) == (20, 1)
    assert least > 0.9


def test_a_second_run_of_it_adds_nothing(nasty):
    home = nasty / "ho'me %20é"
    before = rows(home, "SELECT * FROM articles ORDER BY ALL")
    found = counts(newsmill("--home", home, "backfill", nasty / "in", f"{nasty / 'in'}/", "--json"))
    assert (found["new"], found["changed"]) == (0, 0)
    assert rows(home, "SELECT * FROM articles ORDER BY ALL") == before
    assert newsmill("--home", home, "maintain").returncode == 0
    assert rows(home, "SELECT * FROM articles ORDER BY ALL") == before


# Small homes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "gate.txt").write_bytes(story("gate"))
    return tmp_path / "in"


def test_homes_within_the_folder_are_not_read_whosever_they_are(folder):
    (folder / "other" / "lake").mkdir(parents=True)
    (folder / "other" / "landing").mkdir()
    for name in ("catalog.sqlite", "init.sql", "lock", "lake/a.txt"):
        (folder / "other" / name).write_text("not for reading")
    (folder / "other" / "mine.txt").write_bytes(story("mine"))
    for _ in range(2):
        assert counts(newsmill("--home", folder, "backfill", folder, "--json"))["documents"] == 2
    assert len(rows(folder, "SELECT * FROM articles")) == 2


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x1b[31m", b"\xff"])
def test_a_source_needs_a_name_that_can_be_read(folder, name):
    refused(newsmill("--home", folder.parent / "home", "backfill", folder, "--source", os.fsdecode(name)), "no name")
    assert not (folder.parent / "home").exists()


def test_two_folders_are_not_one_source(folder):
    shutil.copytree(folder, folder.parent / "in2")
    home = folder.parent / "home"
    refused(newsmill("--home", home, "backfill", folder, folder.parent / "in2", "--source", "canal"), "one at a time")
    assert not home.exists()


def test_overlapping_paths_are_counted_and_stored_once(folder):
    found = counts(newsmill("--home", folder.parent / "home", "backfill", folder, folder / "gate.txt", "--json"))
    assert found["new"] == 1
    assert len(rows(folder.parent / "home", "SELECT * FROM articles")) == 1


@pytest.fixture
def read_only(folder: Path) -> Iterator[Path]:
    """A home on a file system that is read-only."""
    place = folder.parent / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], capture_output=True, check=False).returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        counts(newsmill("--home", place / "home", "backfill", folder, "--json"))
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        yield place / "home"
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_a_read_only_home_is_read_and_refuses_to_be_written_in_a_sentence(folder, read_only):
    (folder / "more.txt").write_bytes(story("more"))
    for command in (["backfill", folder], ["maintain"]):
        refused(newsmill("--home", read_only, *command), "can be read and not written")
    assert (
        newsmill("--home", read_only, "sql", "--format", "csv", "SELECT count(*) AS n FROM articles").stdout == "n\n1\n"
    )


@pytest.mark.parametrize("text", [b"[[source\n", b'source = "x"', b'source = ["x"]', b"\xff\xfe"])
def test_broken_sources_name_the_file(folder, text):
    home = folder.parent / "home"
    counts(newsmill("--home", home, "backfill", folder, "--json"))
    (home / "sources.toml").write_bytes(text)
    refused(newsmill("--home", home, "sources", "list"), "sources.toml")
    assert (home / "sources.toml").read_bytes() == text


def test_streams_that_the_shell_closed_or_that_speak_ascii(folder):
    home = folder.parent / "home"
    counts(newsmill("--home", home, "backfill", folder, "--json", redirect="<&-"))
    assert newsmill("--home", home, "backfill", folder, redirect=">&- 2>&-").returncode == 0
    assert newsmill("--home", home, "status", redirect=">&-").returncode == 0
    refused(newsmill("--home", home, "sql", "-", redirect="<&-"), "the query is empty")
    spoken = newsmill("--home", home, "sql", "--format", "jsonl", "SELECT 'é' AS x", PYTHONIOENCODING="ascii")
    assert json.loads(spoken.stdout) == {"x": "é"}


def test_the_hint_can_be_pasted_into_a_shell(folder):
    done = newsmill("--home", folder.parent / "ho'me $x", "backfill", folder)
    hint = next(line for line in done.stdout.splitlines() if line.startswith("query it: newsmill "))
    shell = f'newsmill() {{ "{sys.executable}" -m flows.cli "$@"; }}; {hint.removeprefix("query it: ")}'
    pasted = subprocess.run(["sh", "-c", shell], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Lock gate repaired" in pasted.stdout, pasted.stderr


def test_a_clock_that_jumps_back_loses_and_doubles_nothing(folder):
    settings = Settings(Home(folder.parent / "home"))
    for year in (2030, 1995, 2030):
        with run(settings, "backfill", clock=lambda year=year: datetime(year, 1, 1, tzinfo=UTC)) as current:
            current.take(Folder().pull("canal", str(folder), None, current.known))
        (folder / f"{year}.txt").write_bytes(story(str(year)))
    states = rows(settings.home.path, "SELECT state, documents, articles_new, articles_unchanged FROM runs ORDER BY 2")
    assert states == [("done", 1, 1, 0), ("done", 2, 1, 1), ("done", 3, 1, 2)]
    assert rows(settings.home.path, "SELECT DISTINCT version, count(*) FROM articles GROUP BY 1") == [(1, 3)]
