"""`doctor`: all is well in a new home, and each kind of damage is found, named and left as it is."""

from __future__ import annotations

import fcntl
import io
import json
import multiprocessing
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flows import doctor as module
from flows.doctor import Check, doctor, file_system, print_checks
from flows.sources import Wanted, add_source
from tests.lake import new_home
from warehouse.catalog import Home, open_lake, writing

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2031, 5, 4, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose table of payloads has a data file, and which holds one run."""
    made = new_home(tmp_path_factory.mktemp("whole") / "home")
    with open_lake(made) as lake:
        lake.execute(
            "INSERT INTO lake.payloads SELECT 'd' || i, 'file', 's', NULL, '\\xFF'::BLOB, ? FROM range(300) r(i)", [NOW]
        )
        lake.execute(
            "INSERT INTO lake.runs SELECT 'r1', 'backfill', $1, $1, 'done', 3, 1, 1, 1, 0, 0, '1-x', NULL", [NOW]
        )
    return made


@pytest.fixture
def home(whole: Home, tmp_path: Path) -> Home:
    return Home(shutil.copytree(whole.path, tmp_path / "home"))


@pytest.fixture(autouse=True)
def _no_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.name != "test_a_worker_process_starts_and_is_killed":
        monkeypatch.setattr(module, "_exit_code_of_killed", lambda: -9)


def failed(checks: list[Check]) -> dict[str, Check]:
    return {c.name: c for c in checks if not c.ok}


def named(checks: list[Check], name: str) -> Check:
    (found,) = (c for c in checks if c.name == name)
    return found


def data_file(home: Home) -> Path:
    return next(home.lake.rglob("*.parquet"))


def edit(home: Home, statement: str) -> None:
    with open_lake(home) as lake:
        lake.execute(statement)


def test_a_worker_process_starts_and_is_killed() -> None:
    assert module._worker().ok
    assert not multiprocessing.active_children()


def test_a_whole_home_passes_every_check(home: Home) -> None:
    checks = doctor(home)
    assert not failed(checks)
    assert {"python", "packages", "duckdb", "workers", "files", "contents", "landing", "lock"} <= {
        c.name for c in checks
    }
    assert named(checks, "network").detail == "not needed for folders"
    assert named(checks, "files").detail.startswith("1 files")


def test_before_any_home_the_installation_is_checked_and_the_way_in_told(tmp_path: Path) -> None:
    checks = doctor(Home(tmp_path / "none" / "yet"))
    assert not failed(checks)
    assert "newsmill backfill FOLDER" in named(checks, "home").advice
    assert not (tmp_path / "none").exists()


def missing(home: Home) -> None:
    data_file(home).unlink()


def cut(home: Home) -> None:
    with data_file(home).open("ab") as file:
        file.truncate(10)


def no_catalog(home: Home) -> None:
    for file in home.path.glob("catalog.sqlite*"):
        file.unlink()


def torn_catalog(home: Home) -> None:
    for file in home.path.glob("catalog.sqlite-*"):
        file.unlink()
    home.catalog.write_bytes(b"no database at all" * 100)


def twice(home: Home) -> None:
    edit(
        home,
        "INSERT INTO lake.documents BY NAME SELECT 'd' AS document_id, 's' AS source, 'file' AS kind, 'a' AS address, "
        "'u' AS uri, now() AS fetched_at, 's' AS payload_sha256, 1 AS size_bytes, 'r1' AS run_id FROM range(2)",
    )


def copy_of_nothing(home: Home) -> None:
    edit(home, "INSERT INTO lake.duplicates VALUES ('a', 'b', 'content', 1, 'r1')")


def wrong_sum(home: Home) -> None:
    edit(home, "UPDATE lake.runs SET documents = 99")


def newer(home: Home) -> None:
    edit(home, "UPDATE lake.home SET format_version = 99")


def half_made(home: Home) -> None:
    with open_lake(home) as lake:
        lake.execute("DROP TABLE lake.home")
        lake.execute("DROP TABLE lake.runs")


def bad_settings(home: Home) -> None:
    (home.path / "newsmill.toml").write_text("[pipeline]\nworkers = 'two'\n")


def bad_sources(home: Home) -> None:
    (home.path / "sources.toml").write_text("[[source]\n")


def gone_source(home: Home) -> None:
    add_source(home, Wanted("letters", "folder", str(home.path / "letters")))


def dead_batch(home: Home) -> None:
    (home.landing / "r0-000000").mkdir()
    (home.landing / "r0-000000" / "batch.json").write_text(json.dumps({"documents": 3}))


@pytest.mark.parametrize(
    ("damage", "name", "told"),
    [
        (missing, "files", "1 missing"),
        (cut, "files", "1 of another size"),
        (no_catalog, "home", "is gone"),
        (torn_catalog, "catalog", "not a"),
        (twice, "contents", "stand twice"),
        (copy_of_nothing, "contents", "not there"),
        (wrong_sum, "contents", "do not add up"),
        (newer, "catalog", "upgrade newsmill"),
        (half_made, "format", "cut short"),
        (bad_settings, "settings", "line 2"),
        (bad_sources, "sources", "sources.toml"),
        (gone_source, "sources", "letters"),
        (dead_batch, "landing", "the dead run r0"),
    ],
)
def test_each_damage_is_found_named_and_left(home: Home, damage: Callable[[Home], None], name: str, told: str) -> None:
    damage(home)
    before = {p: p.stat().st_size for p in home.path.rglob("*") if not p.name.endswith(("-wal", "-shm"))}
    found = failed(doctor(home))
    assert list(found) == [name]
    assert told in found[name].detail
    assert found[name].advice
    after = {p: p.stat().st_size for p in home.path.rglob("*") if not p.name.endswith(("-wal", "-shm"))}
    assert after == before


def test_files_of_no_snapshot_are_counted_and_no_fault(home: Home) -> None:
    (data_file(home).parent / "ducklake-left.parquet").write_bytes(b"x" * 500)
    check = named(doctor(home), "files")
    assert check.ok
    assert "1 files of no snapshot" in check.detail
    assert "maintain" in check.advice


def test_old_files_that_wait_for_deletion_are_no_orphans(home: Home) -> None:
    with open_lake(home) as lake:
        lake.execute("DELETE FROM lake.payloads WHERE document_id = 'd1'")
        lake.execute("CALL ducklake_rewrite_data_files('lake', delete_threshold => 0.0001)")
        lake.execute("CALL ducklake_expire_snapshots('lake', older_than => now() + INTERVAL 1 DAY)")
    check = named(doctor(home), "files")
    assert check.ok
    assert "no snapshot" not in check.detail


def test_a_live_run_and_its_lock_are_no_fault(home: Home) -> None:
    dead_batch(home)
    with (home.landing / "r0.lock").open("w") as lock, writing(home, "a test"):
        fcntl.flock(lock, fcntl.LOCK_EX)
        checks = doctor(home)
    assert not failed(checks)
    assert "a test" in named(checks, "lock").detail
    assert "the running run r0" in named(checks, "landing").detail


def test_a_package_that_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    stated = ["duckdb==0.0.1", "no-such-package-at-all>=1", "typer", "colour; sys_platform == 'no-such'"]
    monkeypatch.setattr(module, "_requirements", lambda: stated)
    check = module._packages()
    assert not check.ok
    assert check.detail.count(";") == 1
    assert "duckdb is" in check.detail
    assert "no-such-package-at-all is missing" in check.detail


def test_a_worker_that_cannot_start_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(module, "_exit_code_of_killed", refuse)
    check = module._worker()
    assert not check.ok
    assert "Resource temporarily unavailable" in check.detail


def test_a_home_that_is_a_file_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "news").write_text("x")
    assert "is a file" in failed(doctor(Home(tmp_path / "news")))["writable"].detail


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /srv rw - xfs /dev/sdb1 rw
31 22 0:41 / /srv/with\\040space rw - nfs4 host:/x rw
32 22 0:42 / /srv rw - tmpfs none rw
broken
"""


@pytest.mark.parametrize(
    ("path", "kind"), [("/home/x", "ext4"), ("/srv/a", "tmpfs"), ("/srv/with space/a", "nfs4"), ("/srvx", "ext4")]
)
def test_the_file_system_of_a_path(tmp_path: Path, path: str, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert file_system(Path(path), mounts) == kind
    assert file_system(Path(path), tmp_path / "none") is None


def test_a_remote_file_system_is_a_fault(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "file_system", lambda *_: "nfs4")
    assert list(failed(doctor(home))) == ["file system"]


def test_checks_are_printed_without_control_characters() -> None:
    out = io.StringIO()
    print_checks([Check("a", True, "fine"), Check("bcd", False, "bad \x1b[31m", "mend\x07 it")], out)
    assert out.getvalue() == (
        "ok    a    fine\nFAIL  bcd  bad \\x1b[31m\n           → mend\\x07 it\n\n1 of 2 checks failed\n"
    )


def test_the_catalog_is_a_plain_database_to_a_reader(home: Home) -> None:
    doctor(home)
    with closing(sqlite3.connect(home.catalog)) as catalog:
        assert catalog.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def feeds(home: Home, *lines: str) -> None:
    head = '[[source]]\nname = "{0}"\nkind = "feed"\nlocation = "https://{0}.example/feed"\n{1}\n'
    (home.path / "sources.toml").write_text("".join(head.format(f"f{n}", line) for n, line in enumerate(lines)))


@pytest.mark.parametrize(("there", "is_ok"), [({"f0.example"}, True), (set(), False)])
def test_the_network_is_looked_at_where_feeds_are(
    home: Home, monkeypatch: pytest.MonkeyPatch, there: set[str], is_ok: bool
) -> None:
    for name in ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(module, "_resolves", lambda host: host in there)
    feeds(home, "", "")
    checks = doctor(home)
    assert named(checks, "network").ok is is_ok
    assert "f1.example" in named(checks, "network").detail
    assert "contact under [network]" in named(checks, "contact").advice
    assert named(checks, "sources").ok
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    assert "HTTPS_PROXY" in named(doctor(home), "network").detail


def test_a_feed_that_cannot_be_asked_is_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_resolves", lambda _: True)
    monkeypatch.delenv("NOT_THERE", raising=False)
    feeds(home, "", 'auth = { type = "bearer", env = "NOT_THERE" }', "every = 5")
    found = failed(doctor(home))["feeds"]
    assert "f1: the environment variable NOT_THERE is not set" in found.detail
    assert "f2: " in found.detail
    assert "f0" not in found.detail
