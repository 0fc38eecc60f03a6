"""The Prefect server of `newsmill up`, as a process: API, interface and the services that schedule.

The same as `prefect server start`, but it ends with its parent, however that dies, so that no port stays taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvicorn
from prefect.server.api.server import create_app

if TYPE_CHECKING:
    from flows.child import Parent


def main(port: str, parent: Parent) -> None:
    """Serve until the parent leaves. The settings come from the environment that the parent chose."""
    config = uvicorn.Config(
        create_app(final=True), host="127.0.0.1", port=int(port), log_level="warning", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    parent.when_gone(lambda: setattr(server, "should_exit", True))
    server.run()
