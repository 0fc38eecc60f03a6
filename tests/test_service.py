"""The service, its flows and a command's run: with no Prefect, with a server of ours, and when things are killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from connectors.connector import Passed
from flows.accounting import accounting, maintenance, one_line
from flows.backfill import Result
from flows.child import Child
from flows.service import ServiceError, prefect_settings, up
from flows.settings import Service, Settings, child_environment, prefect_api
from flows.sources import Wanted, add_source
from warehouse.catalog import Home
from warehouse.load import Counts
from warehouse.maintain import Maintained

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
STORY = "Ferry to Alvik sails again\n\nThe ferry to Alvik sailed again on Monday after a winter in the yard, its owner said.\n"
COUNTS = Counts(documents=1234, new=1000, changed=200, unchanged=30, rejected=4, duplicates=7)
RESULT = Result("r1", COUNTS, 2, (Passed("a~", "an editor's copy"),), ("wire",), ("evil|name`: <b>gone</b>\n# no",))


def test_accounting_tells_the_counts_the_rejects_and_each_failed_source() -> None:
    lines = accounting(RESULT, {"no_text": 1, "not_text": 3}).splitlines()
    head = lines.index("| documents | = new | + changed | + unchanged | + rejected | copies |")
    assert lines[head + 2] == "| 1,234 | 1,000 | 200 | 30 | 4 | 7 |"
    assert lines.index(r"| not\_text | 3 |") < lines.index(r"| no\_text | 1 |")
    assert r"- evil\|name\`: \<b\>gone\</b\> \# no" in lines
    assert "2 batches of runs that were cut short were loaded first." in lines
    assert "- 1 × an editor's copy" in lines


def test_accounting_leaves_out_what_did_not_happen() -> None:
    text = accounting(Result("r2", Counts(), 0, (), ()), {})
    assert "Rejected" not in text
    assert "failed" not in text
    assert "cut short" not in text


def test_maintenance_is_told_with_its_problems() -> None:
    found = Maintained(
        files_before=20,
        files_after=2,
        size_before_bytes=2**21,
        size_after_bytes=2**20,
        snapshots_expired=5,
        files_removed=3,
        problems=("2 runs do not add up",),
    )
    assert "| MiB | 2.0 | 1.0 |" in maintenance(found)
    assert "- 2 runs do not add up" in maintenance(found)
    assert one_line(found) == "20 files before, 2 after; problems: 2 runs do not add up"
    assert "failed: evil" in one_line(RESULT)


def test_the_api_is_taken_from_the_environment_else_from_the_active_profile(tmp_path: Path) -> None:
    environ = {"PREFECT_HOME": str(tmp_path)}
    assert prefect_api(environ) is None
    profiles = tmp_path / "profiles.toml"
    profiles.write_text('active = "b"\n[profiles.a]\n[profiles.b]\nPREFECT_API_URL = "http://b/api"\n')
    assert prefect_api(environ) == "http://b/api"
    assert prefect_api(environ | {"PREFECT_PROFILE": "a"}) is None
    assert prefect_api(environ | {"PREFECT_API_URL": "http://c/api"}) == "http://c/api"
    assert prefect_api(environ | {"PREFECT_API_URL": ""}) is None
    profiles.write_text("active = [")
    assert prefect_api(environ) is None


def test_the_service_tells_nobody_and_keeps_all_in_the_home(tmp_path: Path) -> None:
    ours = prefect_settings(Settings(Home(tmp_path)))
    chosen = child_environment(ours, {"PATH": "/bin", "PREFECT_API_URL": "https://elsewhere", "PREFECT_PROFILE": "x"})
    assert chosen["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"
    assert chosen["PREFECT_HOME"] == str(tmp_path / "prefect")
    assert chosen["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert chosen["PATH"] == "/bin"
    assert "PREFECT_PROFILE" not in chosen


def test_a_port_that_is_taken_is_said_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError, match=rf"port {port} on 127.0.0.1 cannot be used .*\[service\]"):
            up(Settings(Home(tmp_path), service=Service(port=port)))


def test_a_child_ends_with_its_parents_hand_even_while_it_imports() -> None:
    child = Child("test", "flows.scheduled", "nowhere", child_environment({}))
    child.ask_to_end()
    assert child._process.wait(timeout=20) == 0


def test_without_an_api_a_command_runs_without_prefect(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from flows.one_off import run_flow_or_direct as run\n"
        "from flows.settings import read_settings; from warehouse.catalog import Home\n"
        f"result = run('ingest', read_settings(Home(Path({str(tmp_path / 'home')!r}))), names=())\n"
        "print(result.counts.documents, 'prefect' in sys.modules)\n"
    )
    environment = child_environment({"PREFECT_HOME": str(tmp_path)})
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0", "False"]


@pytest.mark.slow
def test_an_api_that_is_away_is_said_in_a_sentence(tmp_path: Path) -> None:
    environment = child_environment({"PREFECT_API_URL": "http://127.0.0.1:9/api", "PREFECT_HOME": str(tmp_path)})
    script = (
        "from pathlib import Path; from flows.one_off import PrefectError, run_flow_or_direct as run\n"
        "from flows.settings import Settings; from warehouse.catalog import Home\n"
        f"try: run('ingest', Settings(Home(Path({str(tmp_path / 'home')!r}))))\n"
        "except PrefectError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("the Prefect API at http://127.0.0.1:9/api does not answer")
    assert not (tmp_path / "home").exists()


def test_a_batch_whose_load_died_is_carried_again_and_counted_once(tmp_path: Path) -> None:
    # An audit hook stays for the life of its process, so it is given one.
    (tmp_path / "ferry.txt").write_text(STORY)
    script = (
        "import sys; from pathlib import Path; from flows.backfill import backfill\n"
        "from flows.settings import Settings; from warehouse.catalog import Home; from warehouse.query import connect\n"
        "failures = []\n"
        "def die(event, args):\n"
        "    if event == 'newsmill.point' and args == ('loaded-articles',) and not failures:\n"
        "        failures.append(args); raise OSError('the disk was away')\n"
        "sys.addaudithook(die)\n"
        "def twice(load, batch):\n"
        "    try: load(batch)\n"
        "    except OSError: load(batch)\n"
        f"home = Home(Path({str(tmp_path / 'home')!r}))\n"
        f"result = backfill(Settings(home), [Path({str(tmp_path / 'ferry.txt')!r})], step=twice)\n"
        "stored = connect(home.path).execute('SELECT count(*) FROM articles').fetchone()[0]\n"
        "print(len(failures), result.counts.documents, result.counts.new, stored)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (["1", "1", "1", "1"], "")


@pytest.mark.slow
def test_of_scheduled_runs_that_are_due_only_the_newest_is_done() -> None:
    # In a process of its own: what Prefect warns of while it is imported is not ours to mend.
    ingest, maintain = str(uuid4()), str(uuid4())
    script = (
        "import sys; from types import SimpleNamespace as N; from flows.scheduled import superseded\n"
        f"due = [N(id=i, deployment_id=d, auto_scheduled=a) for i, d, a in [(1, {ingest!r}, True), (2, {maintain!r}, True),"
        f" (3, {ingest!r}, False), (4, {ingest!r}, True), (5, {ingest!r}, True), (6, {ingest!r}, False)]]\n"
        "print([run.id for run in superseded(due)])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [1, 4]


class Running:
    """`up` in a process, and the API of its server."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        script = (
            "import sys; from pathlib import Path; from flows.service import up\n"
            "from flows.settings import read_settings; from warehouse.catalog import Home\n"
            f"sys.exit(up(read_settings(Home(Path({str(home)!r})))))\n"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    def line(self, part: str) -> str:
        """The next line that holds `part`; fails when the service ends before."""
        assert self.process.stderr
        seen = []
        for line in self.process.stderr:
            seen.append(line)
            if part in line:
                return line
        pytest.fail(f"no line with {part!r} in {seen}")

    def ask(self, what: str) -> list[SimpleNamespace]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/{what}/filter", b"{}", {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return [SimpleNamespace(**row) for row in json.load(answer)]

    def descendants(self) -> set[int]:
        table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        parents = {int(pid): int(parent) for pid, parent in map(str.split, table.splitlines())}
        found, new = set(), {self.process.pid}
        while new := {pid for pid, parent in parents.items() if parent in new}:
            found |= new
        return found

    def kill(self) -> None:
        for pid in [*self.descendants(), self.process.pid]:
            if is_there(pid):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        assert self.process.stderr
        self.process.stderr.close()


def is_there(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Running]:
    folder, home = tmp_path / "wire", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    (folder / "ferry.txt").write_text(STORY)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (home / "newsmill.toml").write_text(f"[service]\nport = {port}\n[pipeline]\nworkers = 1\n")
    add_source(Home(home), Wanted("wire", "folder", str(folder)))
    running = Running(home, port)
    yield running
    running.kill()


@pytest.mark.slow
def test_up_ingests_at_once_shows_it_and_leaves_nothing_behind(service: Running) -> None:
    assert f"http://127.0.0.1:{service.port}" in service.line("up:")
    assert "1 documents = 1 new + 0 changed + 0 unchanged + 0 rejected" in service.line("ingest:")
    service.line("maintain:")

    (ingest,) = [a for a in service.ask("artifacts") if a.key == "newsmill-ingest"]
    assert "| 1 | 1 | 0 | 0 | 0 | 0 |" in ingest.data
    assert "- wire" in ingest.data
    schedules = {d.name: [s["schedule"]["interval"] for s in d.schedules] for d in service.ask("deployments")}
    assert schedules == {"backfill": [], "ingest": [300.0], "maintain": [86400.0]}
    tasks = {t.name: t.state_name for t in service.ask("task_runs")}
    assert {name.split()[0] for name in tasks} >= {"batch"}

    _a_command_shows_as_a_flow_run(service)

    before = service.descendants()
    assert len(before) >= 2
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(timeout=30) == 0
    assert not [pid for pid in before if is_there(pid)]
    with socket.create_server(("127.0.0.1", service.port)):
        pass


def _a_command_shows_as_a_flow_run(service: Running) -> None:
    path = service.home.parent / "more.txt"
    path.write_text(STORY.replace("Monday", "Friday").replace("Alvik", "Norvik"))
    script = (
        "from pathlib import Path; from flows.one_off import run_flow_or_direct as run\n"
        "from flows.settings import read_settings; from warehouse.catalog import Home\n"
        f"result = run('backfill', read_settings(Home(Path({str(service.home)!r}))), paths=[Path({str(path)!r})])\n"
        "print(result.counts.new)\n"
    )
    environment = child_environment(
        {"PREFECT_API_URL": f"http://127.0.0.1:{service.port}/api", "PREFECT_HOME": str(service.home / "other")}
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"
    assert done.stderr == ""
    (run,) = [r for r in service.ask("flow_runs") if "paths" in r.parameters]
    assert run.state_name == "Completed"
    assert run.parameters["paths"] == [str(path)]


@pytest.mark.slow
@pytest.mark.kills
def test_when_up_is_killed_its_processes_leave(service: Running) -> None:
    service.line("ingest:")
    left = service.descendants()
    service.process.kill()
    service.process.wait()
    assert len(left) >= 2
    deadline = time.monotonic() + 15
    while any(is_there(pid) for pid in left):
        assert time.monotonic() < deadline, "a process of the service outlives it"
    with socket.create_server(("127.0.0.1", service.port)):
        pass


@pytest.mark.slow
@pytest.mark.kills
def test_a_second_service_is_refused_and_a_second_signal_ends_at_once(service: Running) -> None:
    service.line("up:")
    with pytest.raises(ServiceError, match=f"up for this home already, as process {service.process.pid}"):
        up(Settings(Home(service.home), service=Service(port=service.port)))
    service.process.send_signal(signal.SIGINT)
    service.line("finishing")
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(timeout=10) in (0, 130)


@pytest.mark.slow
@pytest.mark.kills
def test_a_server_that_dies_soon_ends_the_service_with_a_sentence(service: Running) -> None:
    service.line("up:")
    left = service.descendants()
    table = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    (server,) = [int(row.split()[0]) for row in table.splitlines() if f"flows.prefect_server {service.port}" in row]
    os.kill(server, signal.SIGKILL)
    assert "server.log" in service.line("the service's server ended with -9 soon after")
    assert service.process.wait(timeout=10) == 1
    assert not [pid for pid in left if is_there(pid)]
