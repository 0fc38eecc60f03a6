"""Processes of the service that leave with their parent: each ends when its standard input does."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ROOT = Path(__file__).parents[1]


class Child:
    """A module of ours in a process of its own; its `main` is given the argument and the `Parent`."""

    def __init__(
        self, name: str, module: str, argument: str, environment: Mapping[str, str], log: Path | None = None
    ) -> None:
        self.name, self.log = name, log
        # -P: a folder `flows` where the user happens to be is not ours.
        self._command = [sys.executable, "-P", "-m", __name__, module, argument]
        self._environment = {**environment, "PYTHONPATH": str(_ROOT)}
        self.start()

    def start(self) -> None:
        """Start the process, in a session of its own: Ctrl-C on the terminal is for the parent alone."""
        self.started = time.monotonic()
        output = self.log.open("wb") if self.log else None
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=self._environment,
                start_new_session=True,
            )
        finally:
            if output:
                output.close()

    @property
    def exit_code(self) -> int | None:
        """How the process ended; None while it runs."""
        return self._process.poll()

    def ask_to_end(self) -> None:
        """Let it finish what it has in hand."""
        if self._process.stdin:
            self._process.stdin.close()

    def kill(self) -> None:
        """End it at once."""
        self.ask_to_end()
        with suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()


class Parent:
    """The process that started this one: when it closes our standard input we end, and when it dies, at once."""

    def __init__(self) -> None:
        self._id = os.getppid()
        self._is_gone = threading.Event()
        self._then: Callable[[], object] = lambda: os._exit(0)
        threading.Thread(target=self._watch, name="parent", daemon=True).start()

    def when_gone(self, then: Callable[[], object]) -> None:
        """When we are asked to end, do this instead of ending at once."""
        self._then = then
        if self._is_gone.is_set():
            then()

    def _watch(self) -> None:
        # Not sys.stdin: a thread that holds its lock stops the interpreter from ending.
        while os.read(0, 4096):
            pass
        self._is_gone.set()
        self._then()
        # A parent that died has taken the server along, and Prefect would wait for that for minutes.
        while os.getppid() == self._id:
            time.sleep(0.2)
        os._exit(1)


if __name__ == "__main__":
    # The parent is watched before the imports, which take seconds.
    watched = Parent()
    importlib.import_module(sys.argv[1]).main(sys.argv[2], watched)
