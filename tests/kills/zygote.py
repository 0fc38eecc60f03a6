"""A process that has imported everything and forks a child for each piece of work: a kill then costs no import.

It reads JSON lines: `start` forks a child that does a piece of work, `wait` gives how a child ended. The child writes
every point that it reaches to its log, and at a point or a while after it, does to itself what the order says.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import select
import signal
import sys
import time
import traceback
from dataclasses import dataclass, field
from multiprocessing import forkserver
from pathlib import Path
from typing import Any, NoReturn

FIRST_STAGED_BYTE = "first staged byte"


@dataclass
class Watch:
    """An audit hook that follows the points."""

    log: int
    stops: list[dict[str, Any]]
    """Each with `point`, `nth` (from 1) and `action`: kill, interrupt, notify, or hold until the file `until` is there."""
    notify: int
    reached: dict[str, int] = field(default_factory=dict)

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "newsmill.point":
            self.reach(args[0])
        elif event == "open" and isinstance(args[0], str) and "/staged/" in args[0] and "w" in (args[1] or ""):
            if self.reached.get("batch-processed", 0) == self.reached.get(FIRST_STAGED_BYTE, 0):
                self.reach(FIRST_STAGED_BYTE)
        elif event == "fcntl.flock":
            self.reach("flock", is_logged=False)

    def reach(self, point: str, *, is_logged: bool = True) -> None:
        self.reached[point] = self.reached.get(point, 0) + 1
        if is_logged:
            os.write(self.log, f"{time.monotonic():.6f} {point}\n".encode())
        for stop in self.stops:
            if stop["point"] == point and stop.get("nth", 1) == self.reached[point]:
                self.act(stop)

    def act(self, stop: dict[str, Any]) -> None:
        match stop["action"]:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "interrupt":
                os.killpg(0, signal.SIGINT)  # as a terminal does
            case "notify":
                os.write(self.notify, b"!")
            case "hold":
                os.write(self.notify, b"!")
                with Path(stop["until"]).open("rb") as fifo:  # opens when somebody lets go
                    fifo.read()


def main() -> None:
    import apache_beam  # noqa: F401
    import trafilatura  # noqa: F401

    import pipelines.news  # noqa: F401
    from tests.kills.work import WORK  # noqa: F401

    _start_forkserver()
    notices: dict[int, int] = {}
    for line in sys.stdin:
        order = json.loads(line)
        if order["order"] == "start":
            answer: Any = _start(order, notices)
        elif order["order"] == "noticed":
            answer = os.read(notices[order["pid"]], 1).decode()
        else:
            answer = _wait(order, notices)
        print(json.dumps(answer), flush=True)


def _start_forkserver() -> None:
    """One that all children share: a worker still leaves with the child that asked for it, by its pipe.

    The children are no parents of it, so they cannot ask whether it is alive.
    """
    multiprocessing.set_forkserver_preload(["pipelines.way", "pipelines.warm"])
    forkserver._forkserver.ensure_running()
    forkserver._forkserver.ensure_running = lambda: None


def _start(order: dict[str, Any], notices: dict[int, int]) -> int:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _child(order, writing)
    os.close(writing)
    notices[pid] = reading
    return pid


def _wait(order: dict[str, Any], notices: dict[int, int]) -> int:
    """The child's exit code, negative for a signal; with `delay_s`, it is killed so long after its notice."""
    pid, reading = order["pid"], notices.pop(order["pid"])
    if order.get("delay_s") is not None:
        if order["is_noticed"]:
            os.read(reading, 1)  # nothing at all when the child ended before
        _sleep_or_end(pid, order["delay_s"])
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(reading)
    return os.waitstatus_to_exitcode(status)


def _sleep_or_end(pid: int, delay_s: float) -> None:
    handle = os.pidfd_open(pid)
    try:
        select.select([handle], [], [], delay_s)
    finally:
        os.close(handle)


def _child(order: dict[str, Any], notify: int) -> NoReturn:
    code = 70
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        output = os.open(order["log"] + ".out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.addaudithook(Watch(log, order["stops"], notify))
        code = _work(order)
    except BaseException:  # noqa: BLE001  a forked child must never return into the loop of its parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _work(order: dict[str, Any]) -> int:
    from tests.kills.work import WORK

    try:
        result = WORK[order["work"]](**order["arguments"])
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 1
    with Path(order["log"] + ".result").open("w", encoding="utf-8") as file:
        json.dump(result, file, default=str)
    return 0


if __name__ == "__main__":
    main()
