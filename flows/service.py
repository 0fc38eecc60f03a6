"""`newsmill up`: a Prefect server and the process that runs its schedule, kept alive until stopped.

Both are children that end with this process. The first signal lets the batch in hand finish, the second ends
everything at once; neither loses anything.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flows.child import Child
from flows.settings import child_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flows.settings import Settings

_HEALTHY_S = 60.0
"""A child that dies sooner than this would only die again."""
_SERVER_ENDS_S = 1.0


class ServiceError(Exception):
    """The service cannot run; the message says why and what to do."""


class _Stop:
    """What was asked of the service: to end, and to end at once."""

    def __init__(self, stop: threading.Event) -> None:
        self.stop, self.now = stop, threading.Event()

    def signalled(self, *_: object) -> None:
        (self.now if self.stop.is_set() else self.stop).set()


def up(settings: Settings, *, stop: threading.Event | None = None) -> int:
    """Serve until SIGINT, SIGTERM or `stop`; gives the exit code. Raises `ServiceError`."""
    folder = settings.home.path.absolute() / "prefect"
    folder.mkdir(parents=True, exist_ok=True)
    asked = _Stop(stop or threading.Event())
    with _alone(folder / "up.lock"), _signals(asked):
        _check_port(settings)
        print("starting the Prefect server, which takes some 10 seconds", file=sys.stderr, flush=True)
        environment = child_environment(prefect_settings(settings))
        children: list[Child] = []
        try:
            port, home = str(settings.service.port), str(settings.home.path.absolute())
            children.append(Child("server", "flows.prefect_server", port, environment, folder / "server.log"))
            children.append(Child("runner", "flows.scheduled", home, environment))
            while not asked.stop.wait(0.2):
                for child in children:
                    _look_after(child)
            return _wind_down(children[0], children[1], asked)
        finally:
            for child in reversed(children):
                child.kill()


def prefect_settings(settings: Settings) -> dict[str, str]:
    """Prefect's settings for the service: everything in the home, on this machine, and nothing told to anybody."""
    port = str(settings.service.port)
    return {
        "DO_NOT_TRACK": "1",
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_HOME": str(settings.home.path.absolute() / "prefect"),
        # Our processes write their own lines; Prefect's logs are in its interface.
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": port,
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(90 * 24 * 3600),
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    }


def _look_after(child: Child) -> None:
    """Start a child again that has died, unless it does so all the time."""
    code = child.exit_code
    if code is None:
        return
    if code and time.monotonic() - child.started < _HEALTHY_S:
        where = f"; {child.log} says why" if child.log else ""
        raise ServiceError(f"the service's {child.name} ended with {code} soon after it was started{where}")
    if code:
        print(f"the service's {child.name} ended with {code} and is started again", file=sys.stderr, flush=True)
    child.start()


def _wind_down(server: Child, runner: Child, asked: _Stop) -> int:
    """Let the runner finish its batch, then end the server, which the runner tells of the end; the exit code."""
    print("finishing the batch in hand; a second signal stops at once", file=sys.stderr, flush=True)
    runner.ask_to_end()
    while runner.exit_code is None and not asked.now.wait(0.05):
        pass
    server.ask_to_end()
    deadline = time.monotonic() + _SERVER_ENDS_S
    while server.exit_code is None and time.monotonic() < deadline and not asked.now.wait(0.05):
        pass
    return 130 if asked.now.is_set() else 0


def _check_port(settings: Settings) -> None:
    port = settings.service.port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ServiceError(
                f"port {port} on 127.0.0.1 cannot be used ({error.strerror}): stop what listens there, or set another "
                f"`port` under [service] in {settings.home.path / 'newsmill.toml'}"
            ) from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the service's lock: a home has one."""
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another"
            raise ServiceError(f"the service is up for this home already, as process {holder}") from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


@contextmanager
def _signals(asked: _Stop) -> Iterator[None]:
    """Take SIGINT and SIGTERM for the while, if this is the thread that gets them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, asked.signalled) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
