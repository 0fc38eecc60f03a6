"""The rows of a group of documents as Arrow record batches, one a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from pipelines.fingerprint import Made
from warehouse.rows import (
    ArticleRow,
    DocumentRow,
    KeyRow,
    PayloadRow,
    RejectRow,
    RemovalRow,
    SketchRow,
    TagRow,
    VectorRow,
)
from warehouse.schema import record_batch

Staged = dict[str, pa.RecordBatch]
"""Rows by table; a table without rows is left out."""

TABLES: dict[str, type] = {
    "keys": KeyRow,
    "documents": DocumentRow,
    "payloads": PayloadRow,
    "articles": ArticleRow,
    "article_tags": TagRow,
    "removals": RemovalRow,
    "rejects": RejectRow,
    "sketches": SketchRow,
    "vectors": VectorRow,
}


def staged(made: Sequence[Made]) -> Staged:
    """The rows of the documents; those of an article's parts also name document and payload, since several may share an article."""
    rows: dict[str, list[Any]] = {
        "keys": [m.key for m in made],
        "documents": [m.document for m in made],
        "payloads": [p for m in made for p in m.payloads],
        "articles": [m.article for m in made if m.article],
        "article_tags": [t for m in made for t in m.tags],
        "removals": [r for m in made for r in m.removals],
        "rejects": [m.reject for m in made if m.reject],
        "sketches": [m.sketch for m in made if m.sketch],
        "vectors": [m.vector for m in made if m.vector],
    }
    batches = {table: record_batch(TABLES[table], found) for table, found in rows.items() if found}
    for table, owners in (
        ("article_tags", [m.key for m in made for _ in m.tags]),
        ("removals", [m.key for m in made for _ in m.removals]),
    ):
        if table in batches:
            batches[table] = (
                batches[table]
                .append_column("document_id", pa.array([k.document_id for k in owners], pa.string()))
                .append_column("payload_sha256", pa.array([k.sha256 for k in owners], pa.string()))
            )
    return batches
