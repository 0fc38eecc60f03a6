"""newsmill: from news sources to a lake one can query."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

__version__ = "0.1.0"


def connect(home: str | os.PathLike[str] = "news") -> duckdb.DuckDBPyConnection:
    """A read-only DuckDB connection with the home's lake as its default catalog, for notebooks.

    Raises `warehouse.query.QueryError` where there is no lake at `home`.
    """
    from warehouse.query import connect as connect_lake

    return connect_lake(Path(home))
