"""The pool of killable processes, with steps that misbehave on command, and with the real way under hostile input."""

from __future__ import annotations

import ctypes
import fcntl
import os
import random
import re
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.document import Document, Failure
from pipelines.fingerprint import Made, rejected
from pipelines.read import Limits
from pipelines.values import Rejected
from pipelines.way import Way
from pipelines.workers import GROUP_BYTES, GROUP_DOCUMENTS, WorkerLimits, Workers, grouped
from warehouse.rows import Reason, Role, Stage

MIB = 1024 * 1024
NEIGHBOURS = 40


class Unpicklable(Exception):  # noqa: N818
    """Cannot be rebuilt from its `args`, as many an error of a library."""

    def __init__(self, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}")


def misbehave(text: str) -> None:  # noqa: C901  one case for each misdeed
    """Do what the document says."""
    what, _, value = text.partition(" ")
    match what:
        case "hang":
            Path(value or os.devnull).write_text(str(os.getpid()), encoding="utf-8")
            threading.Event().wait()
        case "regex":
            Path(value or os.devnull).write_text(str(os.getpid()), encoding="utf-8")
            re.match(r"(a+)+$", "a" * 40 + "b")  # years, and nothing else in the process gets a turn
        case "exit":
            os._exit(int(value))
        case "segfault":
            ctypes.string_at(0)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "kill-once" if not Path(value).exists():
            Path(value).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        case "eat":
            kept = []
            while True:
                kept.append(bytes(8 * MIB))
        case "recurse":
            misbehave(text)
        case "raise":
            raise KeyError(value)
        case "unpicklable":
            raise Unpicklable(3, 4)
        case "system-exit":
            raise SystemExit(3)


@dataclass(frozen=True)
class Puppet:
    """A way whose documents say what it does; those that say nothing of it become a reject `empty`, one row each."""

    limits: Limits = field(default_factory=Limits)

    def __call__(self, document: Document) -> Made:
        misbehave((document.data or b"").decode())
        return self.reject(document, document.data or b"", Rejected(Stage.READ, Reason.EMPTY, str(os.getpid())))

    def reject(self, document: Document, data: bytes, verdict: Rejected) -> Made:
        return rejected(
            document,
            data,
            verdict,
            media_type=None,
            charset=None,
            pipeline_version="t",
            payload_limit=MIB,
            clock=datetime(2024, 5, 1, tzinfo=UTC),
        )


def document(address: str, data: bytes = b"peace", **more) -> Document:
    return Document(
        source="pool",
        role=more.pop("role", Role.FILE),
        address=address,
        uri=f"urn:{address}",
        fetched_at=datetime(2024, 5, 1, tzinfo=UTC),
        data=data,
        **more,
    )


def among_neighbours(data: bytes) -> list[Document]:
    """Forty peaceful documents with this one among them."""
    peaceful = [document(f"{n:02d}") for n in range(NEIGHBOURS)]
    return [*peaceful[:20], document("bad", data), *peaceful[20:]]


def rows(workers: Workers, documents: list[Document]) -> dict[str, tuple[str, str]]:
    """Reason and detail of each document by its address, in the order of the rows."""
    done = workers.finish(workers.start(documents))
    rejects = done["rejects"]
    assert done["keys"]["document_id"] == done["documents"]["document_id"] == rejects["document_id"]
    names = ("reason", "detail")
    found = zip(*(rejects[name].to_pylist() for name in names), strict=True)
    return dict(zip((uri.removeprefix("urn:") for uri in rejects["uri"].to_pylist()), found, strict=True))


def worker_pids(workers: Workers) -> set[int]:
    return {int(detail) for _, detail in rows(workers, [document(f"{n}") for n in range(64)]).values()}


@pytest.fixture(scope="module")
def pool():
    workers = Workers(Puppet(), WorkerLimits(processes=2, timeout_s=2, memory_bytes=700 * MIB))
    yield workers
    workers.close()


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        ("hang", Reason.TIMEOUT, r"not done after 2 s"),
        ("regex", Reason.TIMEOUT, r"not done after 2 s"),
        ("exit 0", Reason.TIMEOUT, r"not done after 2 s"),
        ("exit 7", Reason.CRASHED, r"the worker process ended with 7"),
        ("segfault", Reason.CRASHED, r"the worker process ended with -11"),
        ("kill", Reason.CRASHED, r"the worker process ended with -9"),
        ("eat", Reason.MEMORY, r"more than 700 MiB"),
        ("recurse", Reason.CRASHED, r"RecursionError: maximum recursion depth exceeded.*"),
        ("raise tea", Reason.CRASHED, r"KeyError: 'tea'"),
        ("unpicklable", Reason.CRASHED, r"Unpicklable: line 3, column 4"),
        ("system-exit", Reason.CRASHED, r"SystemExit: 3"),
    ],
)
def test_a_document_that_breaks_its_process_costs_that_document_alone(pool, data, reason, detail):
    documents = among_neighbours(data.encode())
    found = rows(pool, documents)
    assert list(found) == [d.address for d in documents]
    assert found["bad"][0] == reason
    assert re.fullmatch(detail, found["bad"][1])
    assert {found[d.address][0] for d in documents if d.address != "bad"} == {Reason.EMPTY}


def test_several_bad_documents_of_one_group_are_each_named(pool):
    found = rows(pool, [document("a", b"exit 1"), document("b"), document("c", b"raise x"), document("d", b"kill")])
    assert [reason for reason, _ in found.values()] == [Reason.CRASHED, Reason.EMPTY, Reason.CRASHED, Reason.CRASHED]


def test_a_worker_that_something_else_killed_costs_nothing(pool, tmp_path):
    found = rows(pool, [document("alone", f"kill-once {tmp_path / 'was-here'}".encode())])
    assert (tmp_path / "was-here").exists()
    assert found["alone"][0] == Reason.EMPTY


def test_idle_workers_that_are_killed_cost_nothing(pool):
    before = worker_pids(pool)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    pages = [document(f"{n}", b"peace" + bytes(GROUP_BYTES)) for n in range(20)]  # more than the pool's pipe holds
    assert {reason for reason, _ in rows(pool, pages).values()} == {Reason.EMPTY}
    after = worker_pids(pool)
    assert len(after) > 0
    assert not before & after


def test_workers_outlive_the_interrupt_that_is_for_their_parent(pool):
    before = worker_pids(pool)
    for pid in before:
        os.kill(pid, signal.SIGINT)
    worker_pids(pool)
    for pid in before:
        os.kill(pid, 0)  # still there


def test_workers_that_cannot_begin_fail_the_run_and_reject_nothing():
    workers = Workers(Unbeginnable(), WorkerLimits(processes=1, timeout_s=5))
    try:
        with pytest.raises((RuntimeError, OSError)):
            rows(workers, [document("a")])
    finally:
        workers.close()


class Unbeginnable(Puppet):
    def __reduce__(self):
        return os.getenv, (3,)  # raises where it is unpickled


def test_a_document_whose_connector_failed_keeps_that_reason(pool):
    failed = document("failed", b"raise x", failure=Failure(Reason.RATIO, "a bomb"))
    assert rows(pool, [failed])["failed"] == (Reason.RATIO, "a bomb")


PARENT = """
import fcntl, sys
from tests.test_workers import Puppet, WorkerLimits, Workers, document
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
workers = Workers(Puppet(), WorkerLimits(processes=2, timeout_s=600))
started = [workers.start([document(what, f"{what} {sys.argv[1]}.{what}".encode())]) for what in ("hang", "regex")]
workers.finish(started[0])
"""


def descendants(pid: int) -> set[int]:
    found = {int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()}
    return found.union(*(descendants(child) for child in found))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_leave_with_a_parent_that_is_killed_and_hold_no_lock(tmp_path):
    lock = tmp_path / "lock"
    marks = [tmp_path / "lock.hang", tmp_path / "lock.regex"]
    with subprocess.Popen([sys.executable, "-c", PARENT, lock]) as parent:
        while not all(m.exists() and m.read_text() for m in marks):
            assert parent.poll() is None
            select.select([], [], [], 0.02)
        watched = {pid: os.pidfd_open(pid) for pid in descendants(parent.pid)}
        assert {int(m.read_text()) for m in marks} < set(watched)
        parent.kill()
    with lock.open() as again:
        fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
    deadline = time.monotonic() + 2
    remaining = set(watched.values())
    while remaining and time.monotonic() < deadline:
        remaining -= set(select.select(remaining, [], [], deadline - time.monotonic())[0])
    left = {pid for pid, watch in watched.items() if watch in remaining}
    for pid, watch in watched.items():
        if pid in left:
            os.kill(pid, signal.SIGKILL)
        os.close(watch)
    assert left == set()


def test_groups_are_few_texts_or_fewer_pages():
    texts = [document(f"{n}") for n in range(GROUP_DOCUMENTS * 2 + 1)]
    assert [len(g) for g in grouped(texts)] == [GROUP_DOCUMENTS, GROUP_DOCUMENTS, 1]
    pages = [document(f"{n}", bytes(GROUP_BYTES // 2)) for n in range(5)]
    assert [len(g) for g in grouped(pages)] == [2, 2, 1]
    files = [document(f"{n}", None, path=f"/{n}", size_bytes=GROUP_BYTES) for n in range(3)]
    assert [len(g) for g in grouped(files)] == [1, 1, 1]
    assert list(grouped([])) == []


def bomb() -> str:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return "---\ntitle: Bomb\na0: &a0 [x, x]\n" + "\n".join(levels) + "\n---\nThe vault at Brenn was opened.\n"


HOSTILE = {
    "yaml-bomb": bomb(),
    "yaml-deep": "---\ntitle: " + "[" * 20_000 + "\n---\nThe vault at Brenn was opened.\n",
    "json-deep": '{"text": "The vault at Brenn was opened.", "more": ' + "[" * 100_000 + "}",
    "paragraphs": "<html><body>" + "<p>The vault at Brenn was opened." * 300_000 + "</body></html>",
    "nested": "<html><body>" + "<div>" * 5_000 + "The vault at Brenn was opened." + "</div>" * 5_000 + "</body></html>",
    "one-line": "The vault at Brenn was opened and " * 150_000,
    "no-blank": "a" * 5_000_000,
    "quotes": '"' * 400_000,
    "random": random.Random(7).randbytes(300_000),
    "random-text": "".join(random.Random(8).choices("<>&;=\"'/ -#\n\tabé漢", k=200_000)),
}


def test_the_real_way_answers_for_every_hostile_document_and_spares_the_others():
    good = [document(f"good{n}.txt", f"The mill at Oberau ground {n} sacks of rye.".encode()) for n in range(40)]
    bad = [
        document(
            name,
            text if isinstance(text, bytes) else text.encode(),
            role=Role.RECORD if name == "json-deep" else Role.FILE,
        )
        for name, text in HOSTILE.items()
    ]
    documents = [*good[:20], *bad, *good[20:]]
    workers = Workers(Way(), WorkerLimits(processes=2, timeout_s=3))
    try:
        done = workers.finish(workers.start(documents))
    finally:
        workers.close()
    assert done["documents"]["address"].to_pylist() == [d.address for d in documents]
    answered = done["keys"].select(["article_id", "reason"]).to_pylist()
    assert all((row["article_id"] is None) != (row["reason"] is None) for row in answered)
    by_address = dict(zip((d.address for d in documents), answered, strict=True))
    assert all(by_address[d.address]["article_id"] for d in good)
    reasons = {name: by_address[name]["reason"] for name in HOSTILE}
    assert reasons["random"] == Reason.BINARY
    assert reasons["json-deep"] == Reason.RECORD_BROKEN
    assert set(reasons.values()) <= {None, Reason.BINARY, Reason.NO_TEXT, Reason.RECORD_BROKEN, Reason.TIMEOUT}
