"""How much of what was fetched may wait to be taken: memory is bounded in bytes, not in sources."""

from __future__ import annotations

import asyncio
import threading


class Budget:
    """Bytes held between a loop that fetches and a thread that takes; made in the loop."""

    def __init__(self, limit_bytes: int = 128 * 1024 * 1024) -> None:
        self._limit_bytes, self._held_bytes = limit_bytes, 0
        self._lock, self._room = threading.Lock(), asyncio.Event()
        self._room.set()
        self._loop = asyncio.get_running_loop()

    @property
    def is_overspent(self) -> bool:
        """Whether even what was begun should be put off."""
        return self._held_bytes > 2 * self._limit_bytes

    def hold(self, size_bytes: int) -> None:
        """Called in the loop."""
        with self._lock:
            self._held_bytes += size_bytes
            if self._held_bytes > self._limit_bytes:
                self._room.clear()

    def free(self, size_bytes: int) -> None:
        """Called by whoever took it."""
        with self._lock:
            self._held_bytes = max(self._held_bytes - size_bytes, 0)
            has_room = self._held_bytes <= self._limit_bytes
        if has_room and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._room.set)

    async def room(self) -> None:
        """Wait until something may be begun."""
        await self._room.wait()
