"""The side of the tests: children of one zygote, how they ended, which points they reached."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

KILLED = -signal.SIGKILL


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended."""

    code: int
    points: tuple[str, ...]
    times_s: tuple[float, ...]
    """When each point was reached, since the start of the machine."""
    output: str
    result: Any

    @property
    def last(self) -> str:
        return self.points[-1] if self.points else "nothing yet"


@dataclass(frozen=True, slots=True)
class Child:
    pid: int
    log: Path


def at(point: str, action: str = "kill", nth: int = 1, **more: Any) -> dict[str, Any]:
    """What a child is to do when it reaches the point for the nth time."""
    return {"point": point, "nth": nth, "action": action, **more}


class Driver:
    """Starts children, each doing one piece of work of `tests.kills.work`."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="newsmill-kills-")
        self._count = 0
        self._zygote = subprocess.Popen(
            [sys.executable, "-m", "tests.kills.zygote"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zygote.communicate()
        self._folder.cleanup()

    def _ask(self, **order: Any) -> Any:
        assert self._zygote.stdin
        assert self._zygote.stdout
        self._zygote.stdin.write(json.dumps(order, default=str) + "\n")
        self._zygote.stdin.flush()
        return json.loads(self._zygote.stdout.readline())

    def start(self, work: str, stops: Sequence[dict[str, Any]] = (), **arguments: Any) -> Child:
        self._count += 1
        log = Path(self._folder.name) / str(self._count)
        return Child(self._ask(order="start", work=work, arguments=arguments, stops=list(stops), log=str(log)), log)

    def noticed(self, child: Child) -> bool:
        """Wait until the child says so, at a stop that notifies or holds; False when it ended before."""
        return bool(self._ask(order="noticed", pid=child.pid))

    def wait(self, child: Child, *, kill_after_s: float | None = None, is_noticed: bool = False) -> Ended:
        """Wait for its end; or kill it so many seconds after now, or after its notice."""
        code = self._ask(order="wait", pid=child.pid, delay_s=kill_after_s, is_noticed=is_noticed)
        lines = [line.split(" ", 1) for line in child.log.read_text().splitlines()] if child.log.exists() else []
        result = child.log.with_name(child.log.name + ".result")
        output = child.log.with_name(child.log.name + ".out")
        return Ended(
            code,
            tuple(point for _, point in lines),
            tuple(float(when) for when, _ in lines),
            output.read_text(encoding="utf-8") if output.exists() else "",
            json.loads(result.read_text(encoding="utf-8")) if result.exists() else None,
        )

    def run(self, work: str, stops: Sequence[dict[str, Any]] = (), **arguments: Any) -> Ended:
        return self.wait(self.start(work, stops, **arguments))

    def do(self, work: str, **arguments: Any) -> Ended:
        """Undisturbed: anything but success is an error of the test."""
        ended = self.run(work, **arguments)
        assert ended.code == 0, ended.output
        return ended
