"""Runs killed, starved of disk, interrupted and set against each other: the lake comes out the same.

The children do real runs (`tests.kills.work`); a kill is SIGKILL to the process of the run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest

from tests.kills.corpus import SOURCE, make
from tests.kills.driver import KILLED, Driver, at
from tests.kills.lakes import differences, lake_rows, look
from tests.kills.random_kills import random_kills, report
from tests.kills.scenario import (
    ONE_BATCH,
    Homes,
    Scene,
    borrowed,
    finished_after,
    killed_at_each,
    later,
    make_homes,
    make_scenes,
    two_drivers,
)
from warehouse.query import connect

pytestmark = pytest.mark.kills
FEED_POINTS = {
    *("loaded-payloads", "loaded-articles", "loaded-outcomes", "loaded-cursors", "loaded-polls", "loaded-sources"),
    *("before-commit", "after-commit", "batch-unmarked"),
}
PRODUCT = ("connectors", "flows", "pipelines", "warehouse")


@pytest.fixture(scope="module")
def drivers() -> Iterator[Queue[Driver]]:
    with two_drivers() as found:
        yield found


@pytest.fixture
def driver(drivers) -> Iterator[Driver]:
    with borrowed(drivers) as found:
        yield found


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("kills")


@pytest.fixture(scope="module")
def homes(drivers, folder) -> Homes:
    with borrowed(drivers) as driver:
        return make_homes(driver, make(folder / "corpus"), folder)


@pytest.fixture(scope="module")
def scenes(drivers, homes, folder) -> dict[str, Scene]:
    return make_scenes(drivers, homes, folder / "scenes")


# Killed


def test_the_scenes_reach_every_point_that_the_code_names(scenes):
    texts = [path.read_text(encoding="utf-8") for name in PRODUCT for path in Path(name).glob("*.py")]
    named = {name for text in texts for name in re.findall(r'"newsmill\.point", f?"([^"]+)"', text)}
    patterns = {name: re.sub(r"\{\w+\}", "[a-z_]+", name) for name in named}
    reached = {point for scene in scenes.values() for point in scene.undisturbed.points} - {"first staged byte"}
    assert {name for name, pattern in patterns.items() if not any(re.fullmatch(pattern, p) for p in reached)} == set()
    assert {p for p in reached if not any(re.fullmatch(pattern, p) for pattern in patterns.values())} == set()


def test_killed_at_each_step_of_making_a_home(drivers, scenes, tmp_path):
    assert killed_at_each(drivers, scenes["create"], tmp_path, lambda point, _: point.startswith("home-")) == []


def test_killed_while_a_home_of_older_code_gets_its_new_columns(drivers, scenes, tmp_path):
    assert killed_at_each(drivers, scenes["grow"], tmp_path, lambda point, _: point == "home-columns") == []


def test_killed_at_each_point_before_the_load(drivers, scenes, tmp_path):
    points = scenes["pull"].undisturbed.points
    first = points[: points.index("batch-processed") + 1]
    cut = {point for point in first if first.count(point) == points.count(point)}
    assert {"run-begun", "batch-written", "batch-landed", "first staged byte", "staged-rejects"} <= cut
    assert killed_at_each(drivers, scenes["pull"], tmp_path, lambda point, _: point in cut) == []


def test_killed_at_each_point_of_the_load_and_around_it(drivers, scenes, tmp_path):
    assert {"loaded-superseded-fresh", "loaded-rejects", "loaded-duplicates"} <= set(scenes["load"].undisturbed.points)
    # The load that finds nothing new comes second; only its commit is another matter.
    wanted = lambda point, nth: nth == 1 or point.endswith("-commit")  # noqa: E731
    assert killed_at_each(drivers, scenes["load"], tmp_path, wanted) == []


def test_killed_while_two_hundred_feeds_are_loaded(drivers, scenes, tmp_path):
    assert killed_at_each(drivers, scenes["feed"], tmp_path, lambda point, _: point in FEED_POINTS) == []


def test_killed_at_each_step_of_maintenance(drivers, scenes, tmp_path):
    wanted = lambda point, _: not point.startswith("run-")  # noqa: E731
    assert killed_at_each(drivers, scenes["maintain"], tmp_path, wanted) == []


def test_killed_at_thirty_random_moments(drivers, homes, tmp_path):
    hits = random_kills(drivers, homes, tmp_path, count=30, seed=1)
    print(report(hits))
    assert [hit.wrong for hit in hits if hit.wrong] == []
    assert sum(hit.is_between for hit in hits) >= 15


def test_a_run_killed_three_times_over_is_finished_by_the_fourth(driver, homes, scenes, tmp_path):
    home = scenes["pull"].fresh(tmp_path / "home")
    for stop in (at("staged-articles"), at("staged-rejects"), at("loaded-outcomes")):
        assert driver.run("backfill", [stop], home=home, **scenes["pull"].arguments).code == KILLED
    assert finished_after(driver, scenes["pull"], home) == []


# A full disk


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path, left_bytes: int) -> Path:
    """Leave so many bytes on the disk."""
    filler = place / "filler"
    free = os.statvfs(place)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - left_bytes)
    return filler


def cli_backfill(home: Path, homes: Homes) -> list[str]:
    return ["--home", str(home), "backfill", str(homes.corpus.after), "--source", SOURCE]


@pytest.mark.parametrize("left_kib", [0, 8, 40, 80, 160, 320])
def test_a_full_disk_is_said_in_a_sentence_and_the_next_run_with_room_finishes(
    left_kib, driver, homes, scenes, small_disk
):
    home = scenes["pull"].fresh(small_disk / "home")
    filler = fill(small_disk, left_kib * 1024)
    ended = driver.run("cli", argv=cli_backfill(home, homes))
    assert ended.code == 1, ended.output
    said = [line for line in ended.output.splitlines() if line]
    assert len(said) == 1, ended.output
    assert re.match("newsmill: no space left on device: .* the next run goes on$", said[0])
    filler.unlink()
    assert finished_after(driver, scenes["pull"], home) == []


# Ctrl-C


def test_ctrl_c_once_finishes_the_batch_in_hand(driver, homes, scenes, tmp_path):
    home = scenes["pull"].fresh(tmp_path / "home")
    (home / "newsmill.toml").write_text("[pipeline]\nbatch_documents = 5\n")
    ended = driver.run("cli", [at("staged-keys", "interrupt")], argv=cli_backfill(home, homes))
    assert "Ctrl-C again stops at once" in ended.output
    assert (ended.points.count("batch-landed"), ended.points.count("batch-removed")) == (1, 1)
    with connect(home) as lake:
        assert lake.execute("SELECT state FROM runs ORDER BY started_at DESC LIMIT 1").fetchall() == [("stopped",)]
    (home / "newsmill.toml").unlink()
    assert driver.do("backfill", home=home, **scenes["pull"].arguments)
    found, expected = lake_rows(home), scenes["pull"].ends_with
    assert differences(found | {"outcomes": []}, expected | {"outcomes": []}) == []
    assert look(home).problems == []


@pytest.mark.parametrize("points", [("batch-landed", "staged-articles"), ("loaded-articles", "loaded-files")])
def test_ctrl_c_twice_stops_at_once_and_loses_nothing(points, driver, homes, scenes, tmp_path):
    home = scenes["pull"].fresh(tmp_path / "home")
    ended = driver.run("cli", [at(point, "interrupt") for point in points], argv=cli_backfill(home, homes))
    assert ended.code == 130, ended.output
    assert "Traceback" not in ended.output
    assert "nothing is lost" in ended.output
    assert finished_after(driver, scenes["pull"], home) == []


# Two at once


def test_two_runs_of_one_folder_at_once_make_the_lake_of_one(drivers, homes, scenes, tmp_path):
    home = scenes["pull"].fresh(tmp_path / "home")
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with borrowed(drivers) as one, borrowed(drivers) as other:
        holds = one.start("backfill", [at("before-commit", "hold", 3, until=gate)], home=home, **later(homes.corpus))
        assert one.noticed(holds)
        waits = other.start("backfill", [at("flock", "notify", 3)], home=home, **later(homes.corpus))
        assert other.noticed(waits)
        gate.write_bytes(b"go")
        assert (one.wait(holds).code, other.wait(waits).code) == (0, 0)
    assert look(home).problems == []
    once = {"outcomes": []}  # each run speaks of what it read
    assert differences(lake_rows(home) | once, scenes["pull"].ends_with | once) == []
    expected, found = scenes["pull"].totals, look(home).totals
    assert [found[k] for k in ("new", "changed")] == [expected[k] for k in ("new", "changed")]


def test_two_runs_of_different_folders_at_once_both_land(drivers, homes, tmp_path):
    home = tmp_path / "home"
    parts = [homes.corpus.before / "texts", homes.corpus.before / "rows"]
    with borrowed(drivers) as one, borrowed(drivers) as other:
        started = [(d, d.start("backfill", home=home, paths=[p])) for d, p in zip((one, other), parts, strict=True)]
        for d, child in started:
            assert d.wait(child).code == 0
        alone = tmp_path / "alone"
        for part in parts:
            one.do("backfill", home=alone, paths=[part])
    assert look(home).problems == []
    assert differences(lake_rows(home), lake_rows(alone)) == []


def test_a_run_that_cannot_wait_says_who_holds_the_home(drivers, homes, scenes, tmp_path):
    home = scenes["load"].fresh(tmp_path / "home")
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with borrowed(drivers) as one, borrowed(drivers) as other:
        holds = one.start("backfill", [at("loaded-outcomes", "hold", until=gate)], home=home, **later(homes.corpus))
        assert one.noticed(holds)
        (home / "newsmill.toml").write_text("[lake]\nlock_timeout_s = 0.2\n")
        ended = other.run("cli", argv=cli_backfill(home, homes))
        assert ended.code == 1
        assert re.fullmatch(
            rf"newsmill: the home {home} is being written by process {holds.pid} "
            r"\(backfill run [-0-9a-fT]+, since [-0-9T:]+Z\)\n",
            ended.output,
        )
        gate.write_bytes(b"go")
        assert one.wait(holds).code == 0
    assert differences(lake_rows(home), scenes["load"].ends_with) == []


def test_readers_never_wait_and_never_fail_while_a_run_writes(driver, homes, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(homes.before, home)
    child = driver.start("backfill", home=home, **later(homes.corpus, batch_documents=10))
    seen, longest_s = [], 0.0
    while not child.log.exists() or "run-finished" not in child.log.read_text():
        began = time.monotonic()
        with connect(home) as lake:
            seen += lake.execute("SELECT count(*), count(DISTINCT article_id) FROM articles").fetchall()
        longest_s = max(longest_s, time.monotonic() - began)
        assert Path(f"/proc/{child.pid}").exists()
    assert driver.wait(child).code == 0
    assert len(seen) > 5
    assert all(rows == distinct for rows, distinct in seen)
    assert seen == sorted(seen)
    assert longest_s < 2
    held = json.dumps(sorted({rows for rows, _ in seen}))
    print(f"{len(seen)} reads, the longest {longest_s:.2f} s, articles seen: {held}")


def test_a_reader_within_the_load_sees_the_lake_before_it(driver, scenes, tmp_path):
    home = scenes["load"].fresh(tmp_path / "home")
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    child = driver.start(
        "backfill", [at("before-commit", "hold", 3, until=gate)], home=home, **scenes["load"].arguments
    )
    assert driver.noticed(child)
    during = lake_rows(home)
    gate.write_bytes(b"go")
    assert driver.wait(child).code == 0
    assert differences(during, scenes["load"].begins_with) == []
    assert differences(lake_rows(home), scenes["load"].ends_with) == []


def test_one_batch_or_many_one_worker_or_two_any_order_of_files(driver, homes, tmp_path):
    place = str(homes.corpus.before)
    expected = lake_rows(homes.before)
    ways = {
        "two workers": ("backfill", {"paths": [place], "workers": 2, "batch_documents": ONE_BATCH}),
        "small batches": ("backfill", {"paths": [place], "batch_documents": 7}),
        "another order": ("shuffled", {"place": place, "source": SOURCE, "seed": 7, "batch_documents": ONE_BATCH}),
        "another order in small batches": (
            "shuffled",
            {"place": place, "source": SOURCE, "seed": 8, "batch_documents": 7},
        ),
    }
    for name, (work, arguments) in ways.items():
        home = tmp_path / name
        driver.do(work, home=home, **arguments)
        found = lake_rows(home)
        if work == "shuffled":
            found["sources"] = expected["sources"]  # nobody registered one
        assert differences(decided(found), decided(expected)) == [], name
        assert look(home).problems == [], name


def decided(rows):
    """Which article and version a document came to be; whether that was news when it came depends on the order."""
    return rows | {"outcomes": sorted({row[:3] for row in rows["outcomes"]}, key=repr)}
