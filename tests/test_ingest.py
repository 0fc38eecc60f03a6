"""`newsmill ingest` as a user runs it, against feeds and pages on 127.0.0.1."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.settings import read_settings
from flows.sources import add_web
from tests.test_fleet import Item, page, rss
from tests.web_server import Reply, WebServer
from warehouse.catalog import Home
from warehouse.query import connect

ROOT = Path(__file__).parents[1]
FEEDS, ENTRIES = 6, 5
SETTINGS = """
[network]
allow = ["127.0.0.0/8"]
pause_s = 0
per_host = 50
per_domain = 50
"""


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer() as running:
        for feed in range(FEEDS):
            items = [Item(100 * feed + n, "127.0.0.1") for n in range(ENTRIES)]
            body = rss(items).replace(b"https://127.0.0.1/", running.url("/").encode())
            running.script(f"/{feed}.xml", Reply(body=body, delay_s=0.05))
            for item in items:
                reply = Reply(body=page(f"Page {item.number}."), headers={"Content-Type": "text/html"}, delay_s=0.05)
                running.script(f"/news/{item.number}", reply)
        yield running


@pytest.fixture
def home(tmp_path: Path, server: WebServer) -> Path:
    found = tmp_path / "home"
    found.mkdir()
    (found / "newsmill.toml").write_text(SETTINGS, encoding="utf-8")
    for feed in range(FEEDS):
        add_web(Home(found), server.url(f"/{feed}.xml"), "feed", name=f"feed-{feed}")
    assert read_settings(Home(found)).network.allow
    return found


def ingest(home: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "--home", str(home), "ingest", *words],
        cwd=ROOT,
        env={**os.environ, "PREFECT_API_URL": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def rows(home: Path, query: str) -> list[tuple[Any, ...]]:
    with connect(home) as lake:
        return lake.execute(query).fetchall()


def test_killed_at_any_moment_it_goes_on_and_holds_each_article_once(home: Path) -> None:
    for seconds in (0.4, 0.9, 1.4, 1.9, 2.4, 2.9, 3.4):
        process = ingest(home)
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    process = ingest(home, *(f"feed-{n}" for n in range(FEEDS)))
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    held = rows(
        home, "SELECT url, count(*), any_value(role), count(DISTINCT version) FROM article_versions GROUP BY url"
    )
    assert len(held) == FEEDS * ENTRIES
    assert {found[1:] for found in held} == {(1, "page", 1)}
    assert rows(home, "SELECT count(*) FROM documents") == [(FEEDS * ENTRIES,)]
    assert rows(home, "SELECT role, count(*) FROM payloads GROUP BY role ORDER BY role") == [
        ("entry", FEEDS * ENTRIES),
        ("page", FEEDS * ENTRIES),
    ]
    assert rows(home, "SELECT decision, count(*) FROM outcomes GROUP BY decision") == [("new", FEEDS * ENTRIES)]
    wrong = "SELECT * FROM runs WHERE documents <> articles_new + articles_changed + articles_unchanged + rejected"
    assert rows(home, wrong) == []
    assert rows(home, "SELECT count(*), count(next_poll_at) FROM sources WHERE state = 'ok'") == [(FEEDS, FEEDS)]


def test_ctrl_c_ends_a_cycle_whose_hosts_hang(home: Path, server: WebServer) -> None:
    for feed in range(FEEDS):
        server.script(f"/{feed}.xml", Reply(is_hanging=True))
    process = ingest(home)
    server.wait_for(FEEDS)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=15)
    assert process.returncode in (0, 130)
    assert "Traceback" not in errors


def test_a_source_without_its_credentials_does_not_stop_the_others(home: Path) -> None:
    with (home / "sources.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[[source]]\nname = "members"\nkind = "feed"\nlocation = "https://members.example/feed.xml"\n'
            'auth = { type = "bearer", env = "NEWSMILL_TEST_TOKEN_THAT_IS_NOT_SET" }\n'
        )
    process = ingest(home)
    output, errors = process.communicate(timeout=120)
    assert f"{FEEDS * ENTRIES} new" in output
    assert "NEWSMILL_TEST_TOKEN_THAT_IS_NOT_SET" in errors
    assert process.returncode == 1
