"""Imported once by the fork server: each worker process is forked with code, tables and caches in place."""

from __future__ import annotations

import gc
from datetime import UTC, datetime

import pipelines.workers  # noqa: F401  what the workers are asked to run
from connectors.document import Document
from pipelines.way import Way
from warehouse.rows import Role

_TEXT = b"The mayor of Lyon in France opened a bridge on Monday.\n\nReuters contributed to this report.\n"
_PAGE = b"""<!DOCTYPE html><html><head><title>Bridge</title></head><body><article><p>The mayor of Lyon in France
opened a bridge on Monday, and a crowd of some hundreds crossed it behind a band.</p></article></body></html>"""


def warm() -> None:
    """Take a text and a page the whole way; what they load stays."""
    way = Way()
    for data in (_TEXT, _PAGE):
        way(Document(source="", role=Role.FILE, address="", uri="", fetched_at=datetime.now(UTC), data=data))
    gc.freeze()  # so that the collector does not copy the parent's pages into each worker


warm()
