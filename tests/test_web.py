"""The tools of a poll under a home's settings: what they remember for others, and what they refuse."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.http import Request
from flows.settings import Network, Settings, SettingsError
from flows.web import tools
from tests.web_server import Reply, WebServer
from warehouse.catalog import Home

NOW = datetime(2031, 5, 14, 12, tzinfo=UTC)


def clock() -> datetime:
    return NOW


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(Home(tmp_path), network=Network(allow=("127.0.0.0/8",), pause_s=0))


def test_of_two_runs_at_once_none_forgets_what_the_other_learnt(settings: Settings) -> None:
    async def run(url: str) -> None:
        async with tools(settings, clock, keeps=True), tools(settings, clock, keeps=True) as other:
            await other.client.get(Request(url=url))
        async with tools(settings, clock) as later:
            assert later.client.not_before(url)

    with WebServer() as server:
        server.script("/f", Reply(429, {"Retry-After": "600"}))
        asyncio.run(run(server.url("/f")))
    assert [path.name for path in settings.home.path.iterdir()] == ["web-memory.json"]


def test_a_look_writes_nothing(settings: Settings) -> None:
    async def run() -> None:
        async with tools(settings, clock):
            pass

    asyncio.run(run())
    assert list(settings.home.path.iterdir()) == []


def test_a_proxy_that_cannot_be_used_is_a_sentence(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:1080")

    async def run() -> None:
        async with tools(settings, clock):
            pass

    with pytest.raises(SettingsError, match="only HTTP proxies are used"):
        asyncio.run(run())
