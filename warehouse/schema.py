"""Arrow schemas and DDL, derived from the declarations in `warehouse.rows`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from functools import cache
from operator import attrgetter
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pyarrow as pa

from warehouse.rows import Hash32

_ARROW: dict[Any, pa.DataType] = {
    Hash32: pa.uint32(),
    bool: pa.bool_(),
    bytes: pa.binary(),
    datetime: pa.timestamp("us", tz="UTC"),
    float: pa.float64(),
    int: pa.int64(),
    str: pa.string(),
}
_SQL: dict[Any, str] = {
    Hash32: "UINTEGER",
    bool: "BOOLEAN",
    bytes: "BLOB",
    datetime: "TIMESTAMPTZ",
    float: "DOUBLE",
    int: "BIGINT",
    str: "VARCHAR",
}


@cache
def columns(row: type) -> tuple[tuple[str, type, bool, bool], ...]:
    """Name, element type, whether it is a list and whether it may be null, of each column."""
    hints = get_type_hints(row)
    return tuple((f.name, *_split(hints[f.name])) for f in fields(row))


def _split(hint: Any) -> tuple[type, bool, bool]:
    if get_origin(hint) is UnionType:
        (inner,) = (a for a in get_args(hint) if a is not type(None))
        return inner, False, True
    if get_origin(hint) is tuple:
        return get_args(hint)[0], True, False
    return hint, False, False


@cache
def arrow_schema(row: type) -> pa.Schema:
    """Arrow schema of a row type."""
    return pa.schema(
        [
            pa.field(name, pa.list_(_ARROW[kind]) if is_list else _ARROW[kind], nullable=nullable or is_list)
            for name, kind, is_list, nullable in columns(row)
        ]
    )


def sql_type(kind: type, *, is_list: bool) -> str:
    """DuckDB's type of a column."""
    return _SQL[kind] + ("[]" if is_list else "")


def create_table(name: str, row: type) -> str:
    """DDL of a lake table. DuckLake has no keys: that an id is there once is the loader's promise."""
    lines = [
        f"{column} {sql_type(kind, is_list=is_list)}{'' if nullable or is_list else ' NOT NULL'}"
        for column, kind, is_list, nullable in columns(row)
    ]
    return f"CREATE TABLE IF NOT EXISTS lake.{name} ({', '.join(lines)})"


def record_batch(row: type, rows: Sequence[object]) -> pa.RecordBatch:
    """The rows as one Arrow record batch."""
    schema = arrow_schema(row)
    columns = zip(*map(attrgetter(*schema.names), rows), strict=True) if rows else [[]] * len(schema)
    return pa.record_batch([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)
