"""Turns and pauses, on a clock that does not wait."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from connectors.exchange.manners import Peace, Turns, registered_domain


class SkippingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next thing that is to happen."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        select = self._selector.select

        def skip(timeout: float | None = None) -> list[object]:
            self._now += timeout or 0.0
            return select(0)

        self._selector.select = skip

    def time(self) -> float:
        return self._now


def run(main) -> object:
    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        return runner.run(main)


async def visit(turns: Turns, host: str, log: list[tuple[float, str]], *, work_s: float = 0.0, pause_s=0.0) -> None:
    async with turns.turn(host, pause_s):
        log.append((round(asyncio.get_running_loop().time(), 6), host))
        await asyncio.sleep(work_s)


def visits(turns: Turns, hosts: list[str], **options) -> list[tuple[float, str]]:
    log: list[tuple[float, str]] = []

    async def main() -> None:
        await asyncio.gather(*(visit(turns, host, log, **options) for host in hosts))

    run(main())
    return log


def test_a_pause_lies_between_two_requests_to_a_host_and_not_between_hosts():
    log = visits(Turns(2, 4, 1.0), ["a.example"] * 3 + ["b.example"] * 2)
    assert [at for at, host in log if host == "a.example"] == [0, 1, 2]
    assert [at for at, host in log if host == "b.example"] == [0, 1]


def test_a_longer_pause_is_kept_where_one_is_asked_for():
    assert [at for at, _ in visits(Turns(2, 4, 1.0), ["a.example"] * 3, pause_s=30)] == [0, 30, 60]


def test_no_more_than_so_many_at_a_time():
    log = visits(Turns(2, 4, 0.0), [f"{h}.news.example" for h in "aaabbbccc"], work_s=10)
    assert Counter(at for at, _ in log) == {0: 4, 10: 4, 20: 1}
    for at in (0, 10):
        assert max(Counter(host for when, host in log if when == at).values()) == 2


def test_hosts_of_a_domain_take_turns():
    log = visits(Turns(1, 1, 0.0), ["a.news.example"] * 50 + ["b.news.example"], work_s=1)
    assert log.index((2, "b.news.example")) == 2


def test_who_came_first_to_a_host_is_served_first():
    order: list[int] = []

    async def one(turns: Turns, number: int) -> None:
        async with turns.turn("a.example"):
            order.append(number)

    async def main() -> None:
        turns = Turns(2, 4, 1.0)
        await asyncio.gather(*(one(turns, n) for n in range(20)))

    run(main())
    assert order == list(range(20))


def test_a_host_in_its_pause_does_not_hold_the_domain():
    hosts = ["a.news.example"] * 8 + ["b.news.example", "c.news.example"]
    log = visits(Turns(2, 4, 10.0), hosts)
    assert {host for at, host in log if at == 0} == {"a.news.example", "b.news.example", "c.news.example"}


def test_thousands_that_wait_are_all_served_and_forgotten():
    turns = Turns(2, 4, 1.0)
    log = visits(turns, [f"h{n}.example" for n in range(3000)] * 2 + ["one.example"] * 500)
    assert len(log) == 6500
    assert max(at for at, _ in log) == 499


def test_hosts_that_nobody_asks_any_more_are_forgotten():
    turns = Turns(2, 4, 1.0)

    async def main() -> None:
        for start in range(0, 20_000, 1000):
            await asyncio.gather(*(visit(turns, f"h{start + n}.example", []) for n in range(1000)))
            await asyncio.sleep(2)

    run(main())
    assert len(turns._domains) <= 2000


def test_who_is_cancelled_while_waiting_is_passed_over():
    log: list[tuple[float, str]] = []

    async def main() -> None:
        turns = Turns(1, 1, 0.0)
        tasks = [asyncio.create_task(visit(turns, "a.example", log, work_s=10)) for _ in range(3)]
        await asyncio.sleep(1)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(main())
    assert [at for at, _ in log] == [0, 10]


@pytest.mark.parametrize("when", [0.0, 0.5, 1.0])
def test_the_cancelled_leave_no_trace(when):
    log: list[tuple[float, str]] = []

    async def main() -> None:
        turns = Turns(1, 1, 1.0)
        tasks = [asyncio.create_task(visit(turns, "a.example", log, work_s=100)) for _ in range(10)]
        await asyncio.sleep(when)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        before = len(log)
        await visit(turns, "a.example", log)
        assert len(log) == before + 1
        assert log[-1][0] <= when + 1

    run(main())


def test_one_cancelled_as_its_turn_comes_passes_it_on():
    log: list[tuple[float, str]] = []

    async def main() -> None:
        turns = Turns(1, 1, 0.0)
        first = asyncio.create_task(visit(turns, "a.example", log, work_s=1))
        second = asyncio.create_task(visit(turns, "a.example", log))
        third = asyncio.create_task(visit(turns, "a.example", log))
        await asyncio.sleep(0.5)
        first.add_done_callback(lambda _: second.cancel())
        await asyncio.gather(first, second, third, return_exceptions=True)

    run(main())
    assert len(log) in (2, 3)
    assert log[-1][0] == 1


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("feeds.bbc.co.uk", "bbc.co.uk"),
        ("a.blogspot.com", "blogspot.com"),
        ("a.b.news.example", "news.example"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("news.xn--fiqs8s", "news.xn--fiqs8s"),
    ],
)
def test_registered_domains(host, domain):
    assert registered_domain(host) == domain


def test_peace_lasts_until_its_time_and_the_longest_counts():
    now = datetime(2026, 3, 1, tzinfo=UTC)
    peace = Peace(lambda: now)
    peace.keep("a.news.example", now + timedelta(minutes=5))
    peace.keep("b.news.example", now + timedelta(minutes=2))
    assert peace.until("c.news.example") == now + timedelta(minutes=5)
    assert peace.until("other.example") is None
    now += timedelta(minutes=5)
    assert peace.until("a.news.example") is None


def test_peace_that_another_process_kept_counts_where_it_is_longer_and_can_be_true():
    now = datetime(2026, 3, 1, tzinfo=UTC)
    peace, ahead = Peace(lambda: now), Peace(lambda: now + timedelta(days=3000))
    peace.keep("a.example", now + timedelta(hours=2))
    ahead.keep("b.example", now + timedelta(days=3001))
    peace.restore({"a.example": (now + timedelta(hours=1)).isoformat()} | ahead.kept())
    assert peace.until("a.example") == now + timedelta(hours=2)
    assert peace.until("b.example") is None
