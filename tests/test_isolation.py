"""Isolation through the whole path: a page that breaks its worker is one reject, and no page beside it suffers."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.document import Document
from flows.run import run, worker_limits
from flows.settings import Pipeline, Settings, defaults_toml, read_settings
from newsmill import connect
from pipelines.fingerprint import Made
from pipelines.way import Way
from pipelines.workers import Workers
from tests.lake import way
from warehouse.catalog import Home
from warehouse.rows import Reason, Role

MIB = 1024 * 1024
TIMEOUT_S = 4.0
"""Less than the large pages take on any machine, many times what a good one takes on a busy one."""
MEMORY_MIB = 900
PATIENCE_S = 120.0
"""Far more than the few seconds that each bad page costs; without limits the large ones take minutes."""
SENTENCE = "The lock keeper of Ondra raised the gate on Tuesday, and forty boats went down to the sea before noon."


def page(inner: str, head: str = "") -> bytes:
    return f"<!DOCTYPE html><html><head><title>Gate</title>{head}</head><body>{inner}</body></html>".encode()


def good(number: int) -> bytes:
    return page(f"<article><h1>Gate {number}</h1><p>{SENTENCE}</p><p>Boat {number} was the last of them.</p></article>")


ANY = frozenset({None, Reason.NO_TEXT, Reason.TIMEOUT, Reason.MEMORY})
"""What may become of a page that is only large or deep: an article, or one named reject."""
HARD = {
    "paragraphs": page("<p>The gate at Ondra was raised." * 300_000),
    "deep": page("<div>" * 5_000 + SENTENCE + "</div>" * 5_000),
    "deeper": page("<div>" * 100_000 + SENTENCE + "</div>" * 100_000),
    "large": page(f"<div class='x'>{SENTENCE} <a href='/a'>more</a></div>\n" * 112_000)[: 15 * MIB],
    "attribute": page(f"<article><p data-x='{'harbour ' * 1_310_720}'>{SENTENCE}</p></article>"),
    "entities": page(f"<article><p>{SENTENCE}</p><p>{'&amp;' * 1_000_000}</p></article>"),
}
MISDEEDS = {
    "killed": Reason.CRASHED,
    "fault": Reason.CRASHED,
    "leak": Reason.MEMORY,
    "hang": Reason.TIMEOUT,
    "panic": Reason.CRASHED,
}


class Panic(BaseException):
    """As a library in Rust raises it: no `Exception`."""


@dataclass(frozen=True)
class Treacherous(Way):
    """The real way, whose parser fails on pages that are named for it."""

    def __call__(self, document: Document) -> Made:
        match document.address:
            case "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            case "fault":
                ctypes.string_at(0)
            case "leak":
                kept = []
                while True:
                    kept.append(bytes(16 * MIB))
            case "hang":
                threading.Event().wait()
            case "panic":
                raise Panic("index out of bounds")
        return super().__call__(document)


def settings_of(home: Path) -> Settings:
    return Settings(Home(home), pipeline=Pipeline(workers=2, timeout_s=TIMEOUT_S, memory_mib=MEMORY_MIB))


def document(address: str, data: bytes) -> Document:
    return Document(
        source="canal",
        role=Role.PAGE,
        address=address,
        uri=f"https://ondra.example/{address}",
        url=f"https://ondra.example/{address}",
        fetched_at=datetime(2031, 3, 3, tzinfo=UTC),
        data=data,
    )


def among(bad: dict[str, bytes]) -> Iterator[Document]:
    """Each bad page between two good ones."""
    for number, (address, data) in enumerate(bad.items()):
        yield document(f"good-{number}", good(number))
        yield document(address, data)
    yield document("good-last", good(len(bad)))


@dataclass(frozen=True)
class Taken:
    """What came of the pages: the reason of each reject, None for an article."""

    reasons: dict[str, str | None]
    details: dict[str, str | None]
    bodies: dict[str, str]
    seconds: float


def taken(home: Path, bad: dict[str, bytes]) -> Taken:
    started = time.monotonic()
    with run(settings_of(home), "backfill") as current:
        current.take(among(bad))
    seconds = time.monotonic() - started
    with connect(home) as lake:
        rows = lake.execute(
            "SELECT d.address, r.reason, r.detail, a.body FROM documents d LEFT JOIN rejects r USING (document_id) "
            "LEFT JOIN articles a USING (document_id)"
        ).fetchall()
    assert all((reason is None) != (body is None) for _, reason, _, body in rows)
    return Taken(
        {address: reason for address, reason, _, _ in rows},
        {address: detail for address, _, detail, _ in rows},
        {address: body for address, _, _, body in rows if body},
        seconds,
    )


def assert_neighbours_stand(found: Taken, bad: dict[str, bytes]) -> None:
    expected = {f"good-{number}": number for number in range(len(bad))} | {"good-last": len(bad)}
    assert set(found.reasons) == set(bad) | set(expected)
    for address, number in expected.items():
        assert found.bodies[address] == f"{SENTENCE}\n\nBoat {number} was the last of them."


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    return taken(tmp_path_factory.mktemp("hard") / "home", HARD)


@pytest.mark.slow
@pytest.mark.parametrize("name", HARD)
def test_a_hard_page_is_an_article_or_a_reject_by_name(hard, name):
    assert hard.reasons[name] in ANY


@pytest.mark.slow
def test_hard_pages_leave_their_neighbours_and_the_clock_alone(hard):
    assert_neighbours_stand(hard, HARD)
    assert hard.seconds < PATIENCE_S


def test_a_large_attribute_hides_no_text():
    made = way()(document("picture", page(f"<article><p data-x='{'harbour ' * 250_000}'>{SENTENCE}</p></article>")))
    assert made.article is not None
    assert made.article.body == SENTENCE


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taken]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.run.way", lambda _: Treacherous())
        yield taken(tmp_path_factory.mktemp("broken") / "home", dict.fromkeys(MISDEEDS, good(0)))


@pytest.mark.slow
def test_a_parser_that_fails_costs_its_page_alone(broken):
    assert {name: broken.reasons[name] for name in MISDEEDS} == MISDEEDS
    assert_neighbours_stand(broken, dict.fromkeys(MISDEEDS, b""))
    assert broken.seconds < PATIENCE_S


@pytest.mark.slow
def test_a_reject_says_what_the_worker_died_of(broken):
    assert broken.details["killed"] == "the worker process ended with -9"
    assert broken.details["fault"] == "the worker process ended with -11"
    assert broken.details["leak"] == f"more than {MEMORY_MIB} MiB"
    assert broken.details["hang"] == f"not done after {TIMEOUT_S:g} s"
    assert broken.details["panic"] == "Panic: index out of bounds"


@pytest.mark.slow
def test_the_pool_is_healthy_after_all_of_it(tmp_path):
    workers = Workers(Treacherous(), worker_limits(settings_of(tmp_path)))
    try:
        misdeeds = ("killed", "fault", "panic")
        workers.finish(workers.start([document(name, good(0)) for name in misdeeds]))
        done = workers.finish(workers.start([document(f"good-{number}", good(number)) for number in range(40)]))
    finally:
        workers.close()
    assert done["articles"].num_rows == 40
    assert "rejects" not in done or done["rejects"].num_rows == 0


def test_the_limits_are_settings(tmp_path):
    (tmp_path / "newsmill.toml").write_text("[pipeline]\nworkers = 3\ntimeout_s = 7.5\nmemory_mib = 512\n")
    limits = worker_limits(read_settings(Home(tmp_path)))
    assert (limits.processes, limits.timeout_s, limits.memory_bytes) == (3, 7.5, 512 * MIB)
    assert worker_limits(Settings(Home(tmp_path / "other"))).timeout_s == 30
    for setting in ("timeout_s = 30.0", "memory_mib = 2048"):
        assert setting in defaults_toml()
