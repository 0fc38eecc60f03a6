"""The load of one staged batch: one transaction, which decides what is new, changed, unchanged.

DuckLake has no keys and MERGE inserts an id twice that its source holds twice, so every decision is made on temporary
tables of keys, before whole rows are touched. A batch stands in the ledger `batches` from the same
transaction on, so loading it again changes nothing.

Which of an article's contents counts is decided by (modified, seen, hash), never by the order of arrival: the versions
of an article are its contents in that order, and a late old one takes its place among them. The page behind an entry
outranks that entry, and no other one: the two have one place in the order, that of the later of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from pathlib import Path

import duckdb

from warehouse.copies import settle_copies
from warehouse.rows import KeyRow, TagRow
from warehouse.schema import columns, sql_type
from warehouse.stories import settle_stories

_ORDER = "place, document_id, role = 'page', own_place, old_version NULLS LAST"
# What comes from the web and states no edit counts as edited when it was fetched; a file, before all that state one.
_OWN_PLACE = """row(coalesce(modified_at, CASE WHEN role IN ('entry', 'page') THEN seen_at END, '-infinity'::TIMESTAMPTZ),
    seen_at, sha256)"""

_SMALL = 2_000
"""Articles of lake and batch together up to which one thread loads in half of the time that several need."""

_ANSWER = ("media_type", "charset", "final_uri", "http_status", "headers", "flags")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a load did; `documents = new + changed + unchanged + rejected`."""

    documents: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    duplicates: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """A batch that the pipeline has processed: its folder of markers and its folder of staged rows."""

    batch_id: str
    markers: Path | None
    """Holds `files.parquet`, `cursors.parquet`, `polls.parquet` and `sources.parquet`; None for a replay."""
    staged: Path
    unchanged: int = 0


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection, message: str, *, is_dry: bool = False) -> Iterator[None]:
    """One transaction of the lake, with a message that `lake.snapshots()` shows; a dry one is rolled back."""
    connection.execute("BEGIN")
    try:
        yield
        if is_dry:
            connection.execute("ROLLBACK")
            return
        connection.execute("CALL lake.set_commit_message('newsmill', ?)", [message])
        sys.audit("newsmill.point", "before-commit")
        connection.execute("COMMIT")
    except BaseException:
        with suppress(duckdb.TransactionException):  # a commit that failed has ended it
            connection.execute("ROLLBACK")
        raise
    sys.audit("newsmill.point", "after-commit")


def load(
    connection: duckdb.DuckDBPyConnection,
    staging: Staging,
    run_id: str,
    *,
    clock: datetime,
    pipeline_version: str,
    is_dry: bool = False,
    inspect: Callable[[duckdb.DuckDBPyConnection], None] = lambda _: None,
) -> Counts:
    """Load a staged batch; the caller holds the home's lock.

    `inspect` sees the lake as it would be, within the transaction, which a dry load then rolls back.
    """
    try:
        with transaction(connection, f"run {run_id} batch {staging.batch_id}", is_dry=is_dry):
            counts = _Load(connection, staging, run_id, clock, pipeline_version).run()
            inspect(connection)
            return counts
    finally:
        with suppress(duckdb.Error):  # one that cannot go on says so itself
            connection.execute("RESET threads")


class _Load:
    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        staging: Staging,
        run_id: str,
        clock: datetime,
        pipeline_version: str,
    ) -> None:
        self._connection, self._staging, self._run_id = connection, staging, run_id
        self._clock, self._pipeline_version = clock, pipeline_version

    def run(self) -> Counts:
        if self._count("lake.batches WHERE batch_id = ?", self._staging.batch_id):
            return Counts()
        self._read_keys()
        if self._count("keys") + self._count("lake.articles") <= _SMALL:
            self._execute("SET threads = 1")
        duplicates = self._insert_read() if self._count("keys") else 0
        self._insert_markers()
        return self._account(duplicates)

    def _insert_read(self) -> int:
        """All that was read, as opposed to known without; gives the number of copies found."""
        self._line_up()
        self._settle()
        self._insert_documents()
        self._insert_rejects()
        self._insert_articles()
        self._insert_outcomes()
        return self._insert_duplicates()

    def _execute(self, sql: str, *values: object) -> duckdb.DuckDBPyConnection:
        return self._connection.execute(sql, list(values) or None)

    def _count(self, what: str, *values: object) -> int:
        row = self._execute(f"SELECT count(*) FROM {what}", *values).fetchone()
        return int(row[0]) if row else 0

    def _has(self, table: str) -> bool:
        return any((self._staging.staged / table).glob("*.parquet"))

    def _rows(self, table: str) -> str:
        # Named one by one: a glob would read brackets in the home's own path as a pattern.
        return _parquet(*sorted((self._staging.staged / table).glob("*.parquet")))

    def _read_keys(self) -> None:
        """`keys`: a row for each payload of the batch, once; what comes twice is only counted."""
        if not self._has("keys"):
            self._execute(f"CREATE OR REPLACE TEMP TABLE keys AS {_empty_keys()}")
            self._repeated = 0
        else:
            self._execute(
                f"CREATE OR REPLACE TEMP TABLE keys AS SELECT * FROM {self._rows('keys')} "
                "QUALIFY row_number() OVER (PARTITION BY document_id, role, sha256 ORDER BY seen_at DESC) = 1"
            )
            self._repeated = self._count(self._rows("keys")) - self._count("keys")
        self._execute(
            """CREATE OR REPLACE TEMP TABLE pages AS SELECT DISTINCT document_id, seen_at AS fetched_at
            FROM keys WHERE role = 'page' AND article_id IS NOT NULL"""
        )

    def _line_up(self) -> None:
        """`line`: each affected article's versions in the lake and contents of the batch, in the order that counts."""
        self._execute(
            "CREATE OR REPLACE TEMP TABLE ids AS SELECT DISTINCT article_id FROM lake.articles SEMI JOIN keys USING (article_id)"
        )
        # By ids first: the second read decodes every hash of the lake, and is not begun where no article is known.
        self._execute(
            """CREATE OR REPLACE TEMP TABLE old AS
            SELECT article_id, version AS old_version, document_id, source, role, modified_at, seen_at,
                payload_sha256 AS sha256, content_sha256, derived_sha256, cause, first_seen_at, body_sha256
            FROM lake.articles SEMI JOIN ids USING (article_id)"""
        )
        self._execute(
            """INSERT INTO old
            SELECT article_id, version, document_id, source, role, modified_at, seen_at,
                payload_sha256, content_sha256, derived_sha256, cause, first_seen_at, NULL
            FROM lake.superseded SEMI JOIN (SELECT DISTINCT article_id FROM old) USING (article_id)"""
        )
        # A document that was seen again unchanged counts from its last sight on.
        self._execute(
            """UPDATE old SET seen_at = greatest(old.seen_at, o.seen_at) FROM (
                SELECT article_id, version, document_id, max(seen_at) AS seen_at FROM lake.outcomes
                SEMI JOIN (SELECT DISTINCT article_id FROM old) USING (article_id) GROUP BY ALL
            ) o WHERE (o.article_id, o.version, o.document_id) = (old.article_id, old.old_version, old.document_id)"""
        )
        # The same payload read by other code: only the order of arrival may part the two, never a date read anew.
        same = "(k.article_id, k.document_id, k.role, k.sha256) = (o.article_id, o.document_id, o.role, o.sha256)"
        self._execute(
            f"UPDATE old AS o SET modified_at = k.modified_at FROM keys k WHERE {same} AND k.seen_at <= o.seen_at"
        )
        self._execute(f"UPDATE keys AS k SET seen_at = o.seen_at FROM old o WHERE {same} AND k.seen_at <= o.seen_at")
        self._execute(
            """CREATE OR REPLACE TEMP TABLE owners AS
            SELECT article_id, coalesce(any_value(o.source), arg_min(k.source, (k.seen_at, k.source))) AS source
            FROM keys k LEFT JOIN (SELECT DISTINCT article_id, source FROM old) o USING (article_id)
            WHERE article_id IS NOT NULL GROUP BY article_id"""
        )
        self._execute(
            f"""CREATE OR REPLACE TEMP TABLE line AS
            WITH lined AS (
                SELECT article_id, old_version, document_id, role, modified_at, seen_at, sha256, content_sha256,
                    derived_sha256, cause AS old_cause, first_seen_at FROM old
                UNION ALL
                SELECT article_id, NULL, document_id, role, modified_at, seen_at, sha256, content_sha256,
                    derived_sha256, NULL, seen_at FROM keys SEMI JOIN owners USING (article_id, source)
            ), single AS (
                SELECT *, {_OWN_PLACE} AS own_place FROM lined
            ), placed AS (
                SELECT *, CASE WHEN bool_or(role = 'page') OVER d THEN max(own_place) OVER d ELSE own_place END AS place
                FROM single WINDOW d AS (PARTITION BY article_id, document_id)
            ), neighbours AS (
                SELECT *, row_number() OVER w AS n, content_sha256 IS DISTINCT FROM lag(content_sha256) OVER w AS starts,
                    (document_id, sha256) IS NOT DISTINCT FROM (lag(document_id) OVER w, lag(sha256) OVER w) AS is_again
                FROM placed WINDOW w AS (PARTITION BY article_id ORDER BY {_ORDER})
            )
            SELECT * EXCLUDE (place, own_place),
                sum(starts::INT) OVER (PARTITION BY article_id ORDER BY n)::BIGINT AS version
            FROM neighbours"""
        )

    def _settle(self) -> None:
        """`final`: the row of each version; `affected`: articles of the lake that have to be written again."""
        self._execute(
            """CREATE OR REPLACE TEMP TABLE final AS
            WITH last AS (
                SELECT article_id, version, arg_max(document_id, n) AS document_id, arg_max(sha256, n) AS sha256,
                    arg_max(derived_sha256, n) AS derived_sha256, arg_max(old_version IS NULL, n) AS is_fresh,
                    arg_max(seen_at, n) AS seen_at, max(old_version) AS old_version,
                    arg_max(document_id, coalesce(old_version, 0)) AS old_document_id,
                    arg_max(derived_sha256, coalesce(old_version, 0)) AS old_derived_sha256,
                    arg_max(old_cause, coalesce(old_version, 0)) AS old_cause,
                    arg_min(is_again, n) AS is_again
                FROM line GROUP BY article_id, version
            )
            SELECT article_id, version, document_id, sha256, seen_at,
                version = max(version) OVER (PARTITION BY article_id) AS is_current,
                old_version IS NOT NULL AS is_known,
                CASE WHEN NOT is_fresh OR (old_version IS NOT NULL AND old_document_id = document_id
                    AND old_derived_sha256 = derived_sha256) THEN old_version END AS old_version,
                coalesce(old_cause, CASE WHEN is_again THEN 'pipeline' ELSE 'source' END) AS cause
            FROM last"""
        )
        self._execute(
            """CREATE OR REPLACE TEMP TABLE firsts AS
            SELECT article_id, min(least(seen_at, first_seen_at)) AS first_seen_at, any_value(old_cause) IS NOT NULL AS is_old
            FROM line GROUP BY article_id"""
        )
        self._execute(
            """CREATE OR REPLACE TEMP TABLE affected AS
            SELECT DISTINCT article_id FROM final JOIN firsts USING (article_id)
            WHERE is_old AND (old_version IS NULL OR old_version <> version
                OR first_seen_at < (SELECT min(o.first_seen_at) FROM old o WHERE o.article_id = final.article_id))"""
        )

    def _insert_documents(self) -> None:
        if not self._has("documents"):
            return
        self._execute(
            "CREATE OR REPLACE TEMP TABLE unseen AS SELECT DISTINCT document_id FROM keys "
            "ANTI JOIN (SELECT document_id FROM lake.documents SEMI JOIN keys USING (document_id)) USING (document_id)"
        )
        answers, answer = "", ""
        if self._has_pages():
            self._renew_answers()
            answers = "LEFT JOIN answers n USING (document_id)"
            answer = "".join(f", if(n.document_id IS NULL, d.{c}, n.{c}) AS {c}" for c in _ANSWER)
        distinct = "QUALIFY row_number() OVER (PARTITION BY document_id ORDER BY d.kind = 'page', d.fetched_at) = 1"
        self._execute(
            f"INSERT INTO lake.documents BY NAME SELECT d.* REPLACE (? AS run_id{answer}) "
            f"FROM {self._rows('documents')} d SEMI JOIN unseen USING (document_id) {answers} "
            f"{distinct if self._is_repeated() else ''}",
            self._run_id,
        )
        self._renew_fields()
        sys.audit("newsmill.point", "loaded-documents")
        self._insert_payloads()

    def _renew_fields(self) -> None:
        """Rows that were read again with other columns for their fields are replayed with those."""
        if not self._count("keys ANTI JOIN unseen USING (document_id) WHERE role = 'record'"):
            return
        self._execute(
            f"""CREATE OR REPLACE TEMP TABLE renewed AS SELECT DISTINCT d.document_id, d.fields
            FROM {self._rows("documents")} d JOIN lake.documents o USING (document_id)
            WHERE d.fields IS DISTINCT FROM o.fields"""
        )
        if self._count("renewed"):
            self._execute(
                "UPDATE lake.documents AS d SET fields = n.fields FROM renewed n WHERE n.document_id = d.document_id"
            )

    def _has_pages(self) -> bool:
        return self._count("keys WHERE role = 'page'") > 0

    def _renew_answers(self) -> None:
        """`answers`: of documents whose page was fetched, the last answer; a page that comes after its entry brings it."""
        self._execute(
            f"""CREATE OR REPLACE TEMP TABLE answers AS
            SELECT document_id, {", ".join(_ANSWER)} FROM {self._rows("documents")}
            SEMI JOIN pages USING (document_id, fetched_at)
            QUALIFY row_number() OVER (PARTITION BY document_id ORDER BY fetched_at DESC) = 1"""
        )
        if not self._count("answers ANTI JOIN unseen USING (document_id)"):
            return
        read_with = "media_type, charset, final_uri, flags"  # what reading the page again goes by
        self._execute(
            f"""CREATE OR REPLACE TEMP TABLE renewed AS FROM answers SEMI JOIN (
                SELECT document_id, {read_with} FROM answers EXCEPT SELECT document_id, {read_with} FROM lake.documents
                SEMI JOIN answers USING (document_id)
            ) USING (document_id) ANTI JOIN unseen USING (document_id)"""
        )
        if self._count("renewed"):
            values = ", ".join(f"{c} = n.{c}" for c in _ANSWER)
            self._execute(f"UPDATE lake.documents AS d SET {values} FROM renewed n WHERE n.document_id = d.document_id")

    def _is_repeated(self) -> bool:
        return self._repeated > 0 or self._count("keys") > self._count("(SELECT DISTINCT document_id FROM keys)")

    def _insert_payloads(self) -> None:
        """Those of new documents, and pages that came later; the bytes of a known document are there already."""
        if not self._has("payloads"):
            return
        rows = f"INSERT INTO lake.payloads BY NAME SELECT * FROM {self._rows('payloads')}"
        once = "QUALIFY row_number() OVER (PARTITION BY document_id, role, sha256 ORDER BY fetched_at) = 1"
        distinct = once if self._is_repeated() else ""
        if self._has_pages():
            self._execute(
                f"{rows} ANTI JOIN (SELECT document_id, role, sha256 FROM lake.payloads "
                f"SEMI JOIN keys USING (document_id)) USING (document_id, role, sha256) {distinct}"
            )
        else:
            self._execute(f"{rows} SEMI JOIN unseen USING (document_id) {distinct}")
        sys.audit("newsmill.point", "loaded-payloads")

    def _insert_rejects(self) -> None:
        """The same reject again is counted, not stored again; a document that became an article has none."""
        self._execute(
            "DELETE FROM lake.rejects WHERE document_id IN (SELECT document_id FROM keys WHERE reason IS NULL)"
        )
        self._forgive_unread()
        self._forgive_whole()
        if self._has("rejects"):
            self._execute(
                f"CREATE OR REPLACE TEMP TABLE dropped AS SELECT DISTINCT ON (document_id) * "
                f"FROM {self._rows('rejects')} WHERE document_id NOT IN (SELECT document_id FROM keys WHERE reason IS NULL) "
                "AND document_id NOT IN (SELECT document_id FROM lake.outcomes SEMI JOIN keys USING (document_id) "
                "WHERE article_id IS NOT NULL)"
            )
            self._execute(
                "DELETE FROM lake.rejects r WHERE EXISTS (SELECT 1 FROM dropped d WHERE d.document_id = r.document_id "
                "AND (d.reason, d.pipeline_version) <> (r.reason, r.pipeline_version))"
            )
            self._execute(
                "INSERT INTO lake.rejects BY NAME SELECT * REPLACE (? AS run_id) FROM dropped "
                "ANTI JOIN (SELECT document_id FROM lake.rejects) USING (document_id)",
                self._run_id,
            )
        sys.audit("newsmill.point", "loaded-rejects")

    def _forgive_unread(self) -> None:
        """A file that could not be read has no bytes, so no id by them: once it is read, its reject goes by address."""
        unread = "reason IN ('unreadable', 'vanished', 'too-large')"
        if self._has("documents") and self._count(f"lake.rejects WHERE {unread}"):
            self._execute(
                f"DELETE FROM lake.rejects r WHERE {unread} AND EXISTS (SELECT 1 FROM {self._rows('documents')} d "
                "WHERE (d.source, d.uri) = (r.source, r.uri) AND d.document_id <> r.document_id)"
            )

    def _forgive_whole(self) -> None:
        """A file that was rejected whole, and of which articles are read now: other code, or other `--fields`."""
        parts = "SELECT DISTINCT source, file AS address FROM keys WHERE reason IS NULL AND file IS NOT NULL"
        whole = "lake.rejects WHERE reason IN ('no-text', 'unsupported')"
        if not self._count(whole) or not self._count(f"({parts})"):
            return
        self._execute(
            f"""DELETE FROM {whole} AND document_id IN (
                SELECT document_id FROM lake.documents SEMI JOIN ({parts}) USING (source, address)
                WHERE kind = 'file') AND document_id NOT IN (SELECT document_id FROM keys)"""
        )

    def _insert_articles(self) -> None:
        rewrites = self._count("affected") > 0
        if rewrites:
            self._take_out()
        if self._has("articles"):
            self._insert_fresh()
        if rewrites:
            self._put_back()
        self._renew_tags()
        sys.audit("newsmill.point", "loaded-articles")

    def _renew_tags(self) -> None:
        """`retagged`: articles whose row stays as it is, and whose tags other code finds different."""
        self._execute("CREATE OR REPLACE TEMP TABLE retagged (article_id VARCHAR)")
        self._execute(
            """CREATE OR REPLACE TEMP TABLE kept AS SELECT article_id, document_id, sha256 AS payload_sha256
            FROM final SEMI JOIN keys USING (article_id, document_id, sha256)
            WHERE is_current AND old_version IS NOT NULL"""
        )
        if not self._count("kept"):
            return
        made = "lake.article_tags WHERE false"
        if self._has("article_tags"):
            made = f"{self._rows('article_tags')} SEMI JOIN kept USING (article_id, document_id, payload_sha256)"
        replace_tags(self._connection, "kept", f"SELECT DISTINCT {TAGS} FROM {made}")

    def _take_out(self) -> None:
        for table in ("articles", "superseded", "removals"):
            self._execute(
                f"CREATE OR REPLACE TEMP TABLE old_{table} AS FROM lake.{table} SEMI JOIN affected USING (article_id)"
            )
            self._execute(f"DELETE FROM lake.{table} WHERE article_id IN (SELECT article_id FROM affected)")
        self._execute(
            """DELETE FROM lake.article_tags WHERE article_id IN (SELECT article_id FROM final
                SEMI JOIN affected USING (article_id) WHERE is_current AND old_version IS NULL)"""
        )

    def _insert_fresh(self) -> None:
        """Versions whose content is in this batch, with their removals, and the tags of those that are current."""
        fresh = "final f USING (article_id, document_id) JOIN firsts USING (article_id)"
        is_fresh = "f.old_version IS NULL AND f.sha256 = a.payload_sha256"
        distinct = "QUALIFY row_number() OVER (PARTITION BY article_id, f.version) = 1" if self._is_repeated() else ""
        for table, is_current in (("articles", "f.is_current"), ("superseded", "NOT f.is_current")):
            if not self._count(f"final f WHERE old_version IS NULL AND {is_current}"):
                continue
            self._execute(
                f"""INSERT INTO lake.{table} BY NAME SELECT a.* REPLACE (f.version AS version, f.cause AS cause,
                    f.seen_at AS seen_at, firsts.first_seen_at AS first_seen_at, ? AS run_id)
                FROM {self._rows("articles")} a JOIN {fresh} WHERE {is_fresh} AND {is_current} {distinct}""",
                self._run_id,
            )
            sys.audit("newsmill.point", f"loaded-{table}-fresh")
        for table, version, is_wanted in (
            ("article_tags", "", "f.is_current"),
            ("removals", "REPLACE (f.version AS version)", "true"),
        ):
            if self._has(table):
                again = "DISTINCT" if self._is_repeated() else ""
                self._execute(
                    f"""INSERT INTO lake.{table} BY NAME
                    SELECT {again} a.* EXCLUDE (document_id, payload_sha256) {version}
                    FROM {self._rows(table)} a JOIN final f USING (article_id, document_id)
                    WHERE {is_fresh} AND {is_wanted}"""
                )
                sys.audit("newsmill.point", f"loaded-{table}")

    def _put_back(self) -> None:
        """Versions of rewritten articles that keep their content, under their place among the versions."""
        self._execute("CREATE OR REPLACE TEMP TABLE old_versions AS FROM old_articles UNION ALL FROM old_superseded")
        kept = "old_versions a JOIN final f ON f.article_id = a.article_id AND f.old_version = a.version"
        for table, is_current in (("articles", "f.is_current"), ("superseded", "NOT f.is_current")):
            self._execute(
                f"""INSERT INTO lake.{table} BY NAME SELECT a.* REPLACE (f.version AS version,
                    firsts.first_seen_at AS first_seen_at)
                FROM {kept} JOIN firsts ON firsts.article_id = a.article_id WHERE {is_current}"""
            )
        self._execute(
            """INSERT INTO lake.removals BY NAME SELECT a.* REPLACE (f.version AS version) FROM old_removals a
            JOIN final f ON f.article_id = a.article_id AND f.old_version = a.version"""
        )
        self._renumber_outcomes()

    def _renumber_outcomes(self) -> None:
        """A late old content moves the versions after it on; what their documents became moves with them."""
        self._execute(
            """CREATE OR REPLACE TEMP TABLE moved AS SELECT DISTINCT article_id, o.old_version, l.version
            FROM old o JOIN line l USING (article_id, old_version) WHERE o.old_version <> l.version"""
        )
        if self._count("moved"):
            self._execute(
                """UPDATE lake.outcomes AS o SET version = m.version FROM moved m
                WHERE o.article_id = m.article_id AND o.version = m.old_version"""
            )

    def _insert_outcomes(self) -> None:
        self._execute(
            """CREATE OR REPLACE TEMP TABLE decided AS
            WITH spoken AS (
                SELECT l.document_id, l.article_id, l.version,
                    CASE WHEN f.is_known OR l.n > min(l.n) OVER (PARTITION BY l.article_id, l.version) THEN 'unchanged'
                        WHEN NOT is_old AND l.n = min(l.n) OVER (PARTITION BY l.article_id) THEN 'new'
                        ELSE 'changed' END AS decision,
                    CASE WHEN f.is_known OR l.n > min(l.n) OVER (PARTITION BY l.article_id, l.version)
                        THEN 'same content' END AS reason
                FROM line l JOIN final f USING (article_id, version) JOIN firsts USING (article_id)
                WHERE l.old_version IS NULL
                UNION ALL
                SELECT document_id, article_id, NULL, 'unchanged', 'another source brought the article'
                FROM keys ANTI JOIN owners USING (article_id, source) WHERE article_id IS NOT NULL
                UNION ALL
                SELECT document_id, NULL, NULL, 'rejected', reason FROM keys WHERE reason IS NOT NULL
            )
            SELECT spoken.*, k.seen_at FROM spoken
            JOIN (SELECT document_id, max(seen_at) AS seen_at FROM keys GROUP BY ALL) k USING (document_id) QUALIFY row_number() OVER (PARTITION BY document_id
                ORDER BY list_position(['new', 'changed', 'unchanged', 'rejected'], decision), version DESC) = 1"""
        )
        self._execute(
            """INSERT INTO lake.outcomes BY NAME
            SELECT document_id, ? AS run_id, article_id, version, decision, reason, seen_at FROM decided""",
            self._run_id,
        )
        sys.audit("newsmill.point", "loaded-outcomes")

    def _insert_duplicates(self) -> int:
        """Copies and stories of the articles that this batch brought or changed; gives the number of copies that it found."""
        self._execute(
            """CREATE OR REPLACE TEMP TABLE touched AS
            SELECT article_id FROM final WHERE old_version IS NULL OR old_version <> version UNION FROM affected"""
        )
        if not self._count("touched"):
            settle_stories(self._connection, ("retagged",), clock=self._clock)
            return 0
        sketches = self._rows("sketches") if self._has("sketches") else None
        count = settle_copies(self._connection, "touched", self._run_id, sketches)
        vectors = self._rows("vectors") if self._has("vectors") else None
        settle_stories(self._connection, ("touched", "recopied", "retagged"), clock=self._clock, staged=vectors)
        return count

    def _insert_markers(self) -> None:
        markers = self._staging.markers
        if markers is None:
            return
        self._upsert_files(_parquet(markers / "files.parquet"))
        self._execute("CREATE OR REPLACE TEMP TABLE overtaken (source VARCHAR)")
        if (markers / "sources.parquet").exists():  # not in a batch that older code landed
            self._upsert_sources(_parquet(markers / "sources.parquet"))
        for table in ("cursors", "polls"):
            rows = _parquet(markers / f"{table}.parquet")
            if not self._count(rows):
                continue
            if table == "cursors":
                rows = f"{rows} ANTI JOIN overtaken USING (source)"
                self._execute(f"DELETE FROM lake.cursors WHERE source IN (SELECT source FROM {rows})")
            self._execute(f"INSERT INTO lake.{table} BY NAME FROM {rows}")
            sys.audit("newsmill.point", f"loaded-{table}")

    def _upsert_files(self, rows: str) -> None:
        if not self._count(rows):
            return
        self._execute(
            f"""CREATE OR REPLACE TEMP TABLE seen AS
            SELECT r.* REPLACE (coalesce(k.version, CASE WHEN r.records > 1 THEN f.pipeline_version END) AS pipeline_version)
            FROM {rows} r
            LEFT JOIN (SELECT DISTINCT source, file, ? AS version FROM keys WHERE reason IS NOT NULL) k
                ON k.source = r.source AND k.file = r.path
            LEFT JOIN (FROM lake.files SEMI JOIN {rows} USING (source, path)) f
                ON f.source = r.source AND f.path = r.path AND f.modified_ns = r.modified_ns AND NOT f.is_complete""",
            self._pipeline_version,
        )
        self._execute(
            "DELETE FROM lake.files f WHERE EXISTS (SELECT 1 FROM seen s WHERE s.source = f.source AND s.path = f.path)"
        )
        self._execute("INSERT INTO lake.files BY NAME FROM seen")
        sys.audit("newsmill.point", "loaded-files")

    def _upsert_sources(self, rows: str) -> None:
        """What was learnt of sources, but for those that another run has polled later and loaded first: `overtaken`.

        A poll that lies in the future was made by a wrong clock, and overtakes nothing.
        """
        if not self._count(rows):
            return
        self._execute(
            f"""INSERT INTO overtaken SELECT source FROM {rows} r JOIN lake.sources s USING (source)
            WHERE s.last_polled_at > r.last_polled_at AND s.last_polled_at <= ?""",
            self._clock,
        )
        self._execute(
            f"""CREATE OR REPLACE TEMP TABLE learnt AS SELECT r.* REPLACE (coalesce(s.added_at, r.added_at) AS added_at)
            FROM {rows} r LEFT JOIN lake.sources s USING (source) ANTI JOIN overtaken USING (source)"""
        )
        self._execute("DELETE FROM lake.sources WHERE source IN (SELECT source FROM learnt)")
        self._execute("INSERT INTO lake.sources BY NAME FROM learnt")
        sys.audit("newsmill.point", "loaded-sources")

    def _account(self, duplicates: int) -> Counts:
        query = "SELECT decision, count(*) FROM decided GROUP BY decision"
        decisions = dict(self._execute(query).fetchall()) if self._count("keys") else {}
        repeated = self._repeated
        counts = Counts(
            documents=sum(decisions.values()) + repeated + self._staging.unchanged,
            new=decisions.get("new", 0),
            changed=decisions.get("changed", 0),
            unchanged=decisions.get("unchanged", 0) + repeated + self._staging.unchanged,
            rejected=decisions.get("rejected", 0),
            duplicates=duplicates,
        )
        self._execute(
            "INSERT INTO lake.batches VALUES (?, ?, ?, ?)",
            self._staging.batch_id,
            self._run_id,
            self._clock,
            counts.documents,
        )
        add_counts(self._connection, self._run_id, counts)
        sys.audit("newsmill.point", "loaded-ledger")
        return counts


TAGS = ", ".join(name for name, *_ in columns(TagRow))


def replace_tags(connection: duckdb.DuckDBPyConnection, articles: str, made: str) -> None:
    """Write the tags that the query `made` gives in place of those of the articles in a table, where they differ.

    Fills the temporary table `retagged` with the ids of the articles whose tags differ.
    """
    connection.execute(f"CREATE OR REPLACE TEMP TABLE made_tags AS {made}")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE old_tags AS SELECT {TAGS} FROM lake.article_tags SEMI JOIN {articles} USING (article_id)"
    )
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE retagged AS SELECT DISTINCT article_id
        FROM ((FROM made_tags EXCEPT FROM old_tags) UNION ALL (FROM old_tags EXCEPT FROM made_tags))"""
    )
    if connection.execute("FROM retagged LIMIT 1").fetchall():
        connection.execute("DELETE FROM lake.article_tags WHERE article_id IN (FROM retagged)")
        connection.execute("INSERT INTO lake.article_tags BY NAME FROM made_tags SEMI JOIN retagged USING (article_id)")


def add_counts(connection: duckdb.DuckDBPyConnection, run_id: str, counts: Counts) -> None:
    """Add what was done to the run's row."""
    connection.execute(
        """UPDATE lake.runs SET documents = documents + ?, articles_new = articles_new + ?,
            articles_changed = articles_changed + ?, articles_unchanged = articles_unchanged + ?,
            rejected = rejected + ?, duplicates = duplicates + ? WHERE run_id = ?""",
        [*astuple(counts), run_id],
    )


def _parquet(*paths: Path) -> str:
    literals = ("'" + str(path).replace("'", "''") + "'" for path in paths)
    return f"read_parquet([{', '.join(literals)}])"


def _empty_keys() -> str:
    wanted = ", ".join(
        f"NULL::{sql_type(kind, is_list=is_list)} AS {name}" for name, kind, is_list, _ in columns(KeyRow)
    )
    return f"SELECT {wanted} WHERE false"
