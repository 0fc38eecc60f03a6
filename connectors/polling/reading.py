"""Reading feeds in worker processes that can be killed: a hostile feed costs its own poll, and the loop never waits."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import TimeoutError as TaskTimeoutError
from functools import cached_property

from pebble import ProcessExpired, ProcessPool

from connectors.feed import Feed, NotAFeedError, read_feed
from connectors.http import Answer
from connectors.killable import begin_worker
from connectors.sitemap import read_sitemap

_TRIES = 2


class FeedReader:
    """A pool that reads the bodies of answers; it is started by the first."""

    def __init__(
        self,
        *,
        processes: int,
        timeout_s: float,
        memory_bytes: int,
        preload: Sequence[str] = ("connectors.polling.reading",),
    ) -> None:
        self._processes, self._timeout_s, self._memory_bytes = processes, timeout_s, memory_bytes
        self._preload = list(preload)

    @cached_property
    def _pool(self) -> ProcessPool:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(self._preload)
        return ProcessPool(
            max_workers=self._processes, initializer=begin_worker, initargs=(self._memory_bytes,), context=context
        )

    async def __call__(self, kind: str, answer: Answer) -> Feed:
        """The feed or sitemap in the answer's body. Raises `NotAFeedError`."""
        for last in range(_TRIES):
            try:
                task = self._pool.schedule(
                    read, args=(kind, answer.data, answer.url, dict(answer.headers)), timeout=self._timeout_s
                )
                return await asyncio.wrap_future(task)
            except TaskTimeoutError:
                raise NotAFeedError(f"reading it took longer than {self._timeout_s:g} s") from None
            except MemoryError:
                raise NotAFeedError(f"reading it took more than {self._memory_bytes >> 20} MiB") from None
            except (ProcessExpired, RuntimeError) as error:  # a worker died, perhaps of another's feed
                if last == _TRIES - 1:
                    raise NotAFeedError(f"reading it ended the worker process ({error})") from None
                if not self._pool.active:
                    self.close()
        raise NotAFeedError("reading it ended the worker process")

    def close(self) -> None:
        """End the processes at once."""
        if "_pool" in self.__dict__:
            self._pool.stop()
            self._pool.join()
            del self._pool


def read(kind: str, data: bytes, url: str, headers: Mapping[str, str]) -> Feed:
    """What a worker does: a pure function of the answer."""
    if kind == "sitemap":
        return read_sitemap(data, url=url)
    return read_feed(data, url=url, headers=headers)
