"""Measuring a command from outside: processor time of all its processes, time on the clock, peak of memory."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command cost."""

    cpu_s: float
    """User and system, of the process and all that it waited for."""
    wall_s: float
    peak_bytes: int
    """Greatest sum of the proportional set sizes of its processes; 0 where it was not sampled."""
    output: str


class CommandError(Exception):
    """The command that was to be measured failed."""


def cost(arguments: Sequence[str | Path], *, sample_s: float = 0.0) -> Cost:
    """Run `python …` in a fresh process, its memory sampled every `sample_s`; raises `CommandError`."""
    _adopt_orphans()
    others = _children()
    before, begin = _children_s(), time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    peak = _watch(process.pid, sample_s) if sample_s else 0
    output = process.stdout.read() if process.stdout else ""
    status = process.wait()
    wall_s = time.perf_counter() - begin
    _wait_for_orphans(others)
    if status:
        raise CommandError(f"{' '.join(map(str, arguments))} ended with {status}")
    return Cost(_children_s() - before, wall_s, peak, output)


def _adopt_orphans() -> None:
    """Become the parent of orphans below: the fork server outlives the command, and its workers' times come with it."""
    pr_set_child_subreaper = 36
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


def _wait_for_orphans(others: set[int]) -> None:
    """Wait for all children but those that were there before."""
    while ours := _children() - others:
        os.waitpid(ours.pop(), 0)


def _children() -> set[int]:
    task = Path("/proc/self/task")
    return {int(pid) for thread in task.iterdir() for pid in (thread / "children").read_text().split()}


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _watch(pid: int, sample_s: float) -> int:
    peak = 0
    while not _is_over(pid):
        peak = max(peak, sum(_proportional_bytes(p) for p in _tree(pid)))
        time.sleep(sample_s)
    return peak


def _is_over(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _tree(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for parent in found:
        try:
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def _proportional_bytes(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))
