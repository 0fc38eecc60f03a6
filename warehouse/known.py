"""What the lake knows of a source: the look-up that connectors are given, and the sources themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import zstandard

from warehouse.query import records
from warehouse.rows import KnownFile, Role, SourceRow


class LakeKnown:
    """Look-up of files in the lake; a file with rejects of other code is not known, so it is looked at again."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, pipeline_version: str) -> None:
        self._connection, self._pipeline_version = connection, pipeline_version

    def files(self, source: str, paths: Sequence[str]) -> Mapping[str, KnownFile]:
        """Those of the paths that were read before."""
        if not paths:
            return {}
        # One string: of a list, DuckDB looks at each element for types of libraries that are not installed.
        rows = self._connection.execute(
            """SELECT path, size_bytes, modified_ns, records, is_complete, fields FROM lake.files
            WHERE source = ? AND path IN (SELECT unnest(string_split(?, chr(0))))
            AND coalesce(pipeline_version, ?) = ?""",
            [source, "\0".join(paths), self._pipeline_version, self._pipeline_version],
        ).fetchall()
        return {path: KnownFile(*rest) for path, *rest in rows}

    def entries(self, document_ids: Sequence[str]) -> Mapping[str, bytes]:
        """The feed's entries that the documents began with."""
        return payloads(self._connection, document_ids, Role.ENTRY)


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row of a file, as the lake would know it."""

    document_id: str
    source: str
    file: str
    sha256: str


def articles_of(connection: duckdb.DuckDBPyConnection, rows: Sequence[FileRow]) -> dict[FileRow, tuple[str, str]]:
    """Document and article of those of the rows that the lake holds, be it under another name in their file."""
    if not rows:
        return {}
    found = connection.execute(
        """SELECT d.payload_sha256, d.source, d.document_id, d.address, arg_max(o.article_id, o.seen_at)
        FROM lake.documents d JOIN lake.outcomes o USING (document_id)
        WHERE d.kind = 'record' AND o.article_id IS NOT NULL
        AND d.payload_sha256 IN (SELECT unnest(string_split(?, chr(0)))) GROUP BY ALL ORDER BY d.address""",
        ["\0".join({row.sha256 for row in rows})],
    ).fetchall()
    same: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
    for sha256, source, *rest in found:
        same.setdefault((sha256, source), []).append((rest[0], rest[1], rest[2]))
    known: dict[FileRow, tuple[str, str]] = {}
    for row in rows:
        others = [other for other in same.get((row.sha256, row.source), ()) if other[1].startswith(f"{row.file}#")]
        if others:
            document_id, _, article_id = next((o for o in others if o[0] == row.document_id), others[0])
            known[row] = document_id, article_id
    return known


def cursor(connection: duckdb.DuckDBPyConnection, source: str) -> bytes | None:
    """The source's cursor, as its connector left it."""
    row = connection.execute("SELECT cursor FROM lake.cursors WHERE source = ?", [source]).fetchone()
    return bytes(row[0]) if row else None


def cursors(connection: duckdb.DuckDBPyConnection) -> dict[str, bytes]:
    """The cursors of all sources."""
    return dict(connection.execute("SELECT source, cursor FROM lake.cursors").fetchall())


def payloads(connection: duckdb.DuckDBPyConnection, document_ids: Sequence[str], role: Role) -> dict[str, bytes]:
    """The first payload of the role of each document that has one, as its bytes came."""
    if not document_ids:
        return {}
    wanted = "document_id IN (SELECT unnest(string_split(?, chr(0))))"
    ids = "\0".join(document_ids)
    # Payloads lie by month; the first was pulled with its document.
    first, last = connection.execute(
        f"SELECT min(fetched_at), max(fetched_at) FROM lake.documents WHERE {wanted}", [ids]
    ).fetchall()[0]
    rows = connection.execute(
        f"""SELECT document_id, arg_min(data, fetched_at) FROM lake.payloads
        WHERE role = ? AND fetched_at BETWEEN ? AND ? AND {wanted} GROUP BY document_id""",
        [role, first, last, ids],
    ).fetchall()
    return {document_id: zstandard.decompress(data) for document_id, data in rows}


def sources(connection: duckdb.DuckDBPyConnection) -> dict[str, SourceRow]:
    """The sources that the lake has learnt of, by name."""
    found = records(connection, "SELECT * FROM lake.sources ORDER BY source")
    return {row["source"]: SourceRow(**row) for row in found}


def put_source(connection: duckdb.DuckDBPyConnection, row: SourceRow) -> None:
    """Write a source's row over the one that is there; the caller holds the lock."""
    connection.execute("DELETE FROM lake.sources WHERE source = ?", [row.source])
    names = SourceRow.__slots__
    connection.execute(
        f"INSERT INTO lake.sources ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
        [getattr(row, name) for name in names],
    )
