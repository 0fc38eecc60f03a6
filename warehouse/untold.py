"""What the index of stories lacks: articles of older code, and whatever was lost of its tables.

A story is what its rows of `story_articles` say. One of which some are lost, or whose articles are gone from the lake, is
worked out again; one whose row of `stories` is lost gets it again; one that has no articles at all goes.
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from warehouse.stories import PLACED, settle_stories
from warehouse.terms import VECTOR_VERSION

_CATCH_UP = 10_000


def untold(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """The ids of articles to settle, the earliest first and no more than some thousand, and of stories that are not whole.

    They are in the temporary tables `untold` and `unsound` then. Nothing, at once, where all is there.
    """
    numbers = connection.execute(
        f"""SELECT (SELECT count(*) FROM lake.articles), (SELECT count(*) FROM lake.story_articles),
            (SELECT count(*) FROM lake.vectors WHERE vector_version = {VECTOR_VERSION}),
            (SELECT coalesce(sum(articles), 0) FROM lake.stories WHERE state <> 'merged')"""
    ).fetchone()
    if numbers and len(set(numbers)) == 1:
        return frozenset()
    for sql in (_COUNTED, _UNSOUND, _UNTOLD):
        connection.execute(sql)
    return frozenset(row[0] for row in connection.execute("FROM untold UNION FROM unsound").fetchall())


def settle_untold(connection: duckdb.DuckDBPyConnection, *, clock: datetime) -> None:
    """Settle what `untold` has found."""
    gone = f"SELECT article_id FROM ({_GONE}) SEMI JOIN unsound USING (story_id)"
    if connection.execute("SELECT 1 FROM unsound LIMIT 1").fetchone():
        connection.execute(f"DELETE FROM lake.vectors WHERE article_id IN ({gone})")
    for table in ("story_articles", "stories"):
        connection.execute(f"DELETE FROM lake.{table} WHERE story_id IN (FROM unsound)")
    settle_stories(connection, ("untold",), clock=clock)


_COUNTED = """
CREATE OR REPLACE TEMP TABLE counted AS
SELECT story_id, s.articles AS said, t.articles, t.positions, t.last, t.first_article FROM (
    SELECT story_id, count(*) AS articles, count(position) AS positions, max(position) AS last,
        arg_min(article_id, position) AS first_article
    FROM lake.story_articles GROUP BY story_id
) t FULL JOIN (SELECT story_id, articles FROM lake.stories WHERE state <> 'merged') s USING (story_id)
WHERE s.articles IS DISTINCT FROM t.articles
"""
_GONE = "SELECT story_id, article_id FROM lake.story_articles ANTI JOIN lake.articles USING (article_id)"
_UNSOUND = f"""
CREATE OR REPLACE TEMP TABLE unsound AS
SELECT story_id FROM counted WHERE said > 0 OR positions IS DISTINCT FROM last + 1 UNION SELECT story_id FROM ({_GONE})
"""
_UNTOLD = f"""
CREATE OR REPLACE TEMP TABLE untold AS
WITH told AS (
    SELECT article_id FROM lake.story_articles ANTI JOIN unsound USING (story_id)
    ANTI JOIN (SELECT first_article AS article_id FROM counted WHERE said IS NULL) USING (article_id)
), lacking AS (
    SELECT article_id, {PLACED} AS placed_at FROM lake.articles
    ANTI JOIN (FROM lake.vectors WHERE vector_version = {VECTOR_VERSION}) USING (article_id)
    UNION
    SELECT article_id, {PLACED} AS placed_at FROM lake.articles ANTI JOIN told USING (article_id)
    ORDER BY placed_at, article_id LIMIT {_CATCH_UP}
)
SELECT article_id FROM lacking
UNION SELECT duplicate_of FROM lake.duplicates SEMI JOIN lacking USING (article_id)
"""
