"""robots.txt, asked for when needed and kept as long as it may be."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from connectors.exchange.robots import Robots, Verdict

RULES = b"User-agent: *\nDisallow: /\n\nUser-agent: NewsMill\nDisallow: /private\nCrawl-delay: 7\n"


class Site:
    """What a site answers for its robots.txt, and how often it was asked."""

    def __init__(self, *answers: tuple[int, bytes] | None) -> None:
        self.answers, self.asked = list(answers), []
        self.now = datetime(2026, 3, 1, tzinfo=UTC)
        self.robots = Robots("newsmill", self.fetch, lambda: self.now)

    async def fetch(self, url: str) -> tuple[int, bytes] | None:
        self.asked.append(url)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def verdict(self, path: str = "/page", *, after: timedelta = timedelta()) -> Verdict:
        self.now += after
        return asyncio.run(self.robots.verdict(f"https://a.example:8443{path}"))


def test_the_rules_for_us_count_and_are_asked_for_once():
    site = Site((200, RULES))
    assert [site.verdict(p) for p in ("/page", "/private/1", "/")] == [Verdict.YES, Verdict.NO, Verdict.YES]
    assert site.asked == ["https://a.example:8443/robots.txt"]
    assert site.robots.delay_s("https://a.example:8443/x") == 7
    assert site.robots.delay_s("https://b.example/") == 0


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_a_4xx_is_leave_to_fetch(status):
    assert Site((status, RULES)).verdict("/private") is Verdict.YES


@pytest.mark.parametrize("trouble", [None, (500, b""), (503, b""), (429, b""), (304, b"")])
def test_trouble_means_not_now_and_is_not_asked_about_again_at_once(trouble):
    site = Site(trouble, (404, b""))
    assert site.verdict() is Verdict.NOT_NOW
    assert site.verdict(after=timedelta(minutes=9)) is Verdict.NOT_NOW
    assert len(site.asked) == 1
    assert site.verdict(after=timedelta(minutes=1)) is Verdict.YES


def test_a_good_copy_stands_in_for_a_day():
    site = Site((200, RULES), (500, b""))
    assert site.verdict("/private") is Verdict.NO
    assert site.verdict(after=timedelta(hours=12)) is Verdict.YES
    assert len(site.asked) == 2
    assert site.verdict("/private", after=timedelta(hours=11, minutes=59)) is Verdict.NO
    assert site.verdict(after=timedelta(minutes=11)) is Verdict.NOT_NOW


def test_new_rules_are_seen_within_half_a_day():
    site = Site((200, RULES), (200, b""))
    assert site.verdict("/private") is Verdict.NO
    assert site.verdict("/private", after=timedelta(hours=12)) is Verdict.YES


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe\x00", b"<html>", b"Disallow", b"\xef\xbb\xbf" + RULES, b"\n" * 9_999_999]
)
def test_odd_files(data):
    assert Site((200, data)).verdict() is Verdict.YES


def test_only_the_beginning_of_a_huge_file_is_read():
    late = b"#" * (500 * 1024) + b"\nUser-agent: *\nDisallow: /\n"
    assert Site((200, late)).verdict() is Verdict.YES
    early = b"User-agent: *\nDisallow: /\n" + b"# filler\n" * 100_000
    assert Site((200, early)).verdict() is Verdict.NO


def test_delays_without_measure():
    site = Site((200, b"User-agent: *\nCrawl-delay: 86400\n"))
    site.verdict()
    assert site.robots.delay_s("https://a.example:8443/") == 60


def test_pages_that_come_together_ask_once():
    site = Site((200, RULES))

    async def main() -> list[Verdict]:
        return await asyncio.gather(*(site.robots.verdict("https://a.example/x") for _ in range(50)))

    assert set(asyncio.run(main())) == {Verdict.YES}
    assert len(site.asked) == 1


def test_who_is_cancelled_while_asking_does_not_stop_the_others():
    site = Site((200, RULES))
    asked = site.fetch

    async def slow(url: str) -> tuple[int, bytes] | None:
        await asyncio.sleep(0.01)
        return await asked(url)

    async def main() -> Verdict:
        robots = Robots("newsmill", slow, lambda: site.now)
        first = asyncio.create_task(robots.verdict("https://a.example/x"))
        second = asyncio.create_task(robots.verdict("https://a.example/x"))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(main()) is Verdict.YES


def test_what_is_kept_for_a_later_process_grows_old_all_the_same():
    first, later = Site((200, RULES)), Site((404, b""))
    first.verdict()
    later.robots.restore(first.robots.kept())
    assert later.verdict("/private", after=timedelta(hours=11)) is Verdict.NO
    assert later.asked == []
    assert later.verdict("/private", after=timedelta(hours=1)) is Verdict.YES
    first.now += timedelta(days=1)
    assert first.robots.kept() == {}


def test_of_two_copies_the_newer_counts_and_none_that_is_yet_to_come():
    older, newer, ahead = Site((200, RULES)), Site((404, b"")), Site((200, RULES))
    newer.now += timedelta(hours=1)
    ahead.now += timedelta(days=900)
    for site in (older, newer, ahead):
        site.verdict("/private")
    for first, second in ((older, newer), (newer, older)):
        later = Site((500, b""))
        later.now = newer.now
        for site in (first, second, ahead):
            later.robots.restore(site.robots.kept())
        assert later.verdict("/private") is Verdict.YES


def test_copies_are_bounded_by_their_size_and_who_was_asked_about_last_stays():
    size = 30_000
    site = Site((200, b"#" * size))

    async def ask(*numbers: int) -> None:
        for n in numbers:
            await site.robots.verdict(f"https://s{n}.example/")

    asyncio.run(ask(*range(2000), 0))
    kept = site.robots.kept()
    assert 100 < len(kept) <= (4 << 20) // size
    asyncio.run(ask(*range(2000, 2300), 0))
    assert len(site.asked) == 2300, "the first was asked about again and again"
    asyncio.run(ask(1))
    assert len(site.asked) == 2301, "the second was forgotten"
