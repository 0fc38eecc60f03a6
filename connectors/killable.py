"""How a process begins that does hostile work: bounded in memory, deaf to Ctrl-C, and gone when its parent is."""

from __future__ import annotations

import fcntl
import multiprocessing
import multiprocessing.connection
import os
import resource
import signal
import threading


def begin_worker(memory_bytes: int) -> None:
    """Called first in a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which finishes the batch in hand
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # pebble's handler waits for the interpreter, which a regex may hold
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        # Linux ends the process by SIGIO at once; elsewhere, and for want of it, this thread does when it gets its turn.
        fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, fcntl.fcntl(parent.sentinel, fcntl.F_GETFL) | os.O_ASYNC)
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
