"""Why an article is in its story: what stands nearest to it there, and the terms that both are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from flows.show import paragraph, short
from warehouse.terms import best_terms, shared_terms

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryEvidence:
    """The story of an article; of one that is a copy, that of its original."""

    story_id: str
    headline: str | None
    state: str
    articles: int
    copies: int
    publishers: int
    score: float
    """How alike the article is to the story's others, on the average."""
    nearest: str | None
    """The id of the article of the story that is most like it; None where it is alone, or a copy."""
    nearest_headline: str | None
    shared_terms: tuple[str, ...]
    """What both are about, the most telling first; words are cut to their stems."""


def story_evidence(lake: duckdb.DuckDBPyConnection, article_id: str) -> StoryEvidence | None:
    """Why the article is in its story; None in a lake that older code made."""
    if not lake.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'story_articles'").fetchall():
        return None
    row = lake.execute(
        """SELECT story_id, s.headline, s.state, s.articles, s.copies, s.publishers, a.score, a.position IS NULL
        FROM (FROM story_articles WHERE article_id = ?) a JOIN stories s USING (story_id)""",
        [article_id],
    ).fetchone()
    if not row:
        return None
    story_id, headline, state, articles, copies, publishers, score, is_copy = row
    nearest = None if is_copy else _nearest(lake, article_id, story_id)
    texts = {
        ident: (title, best_terms(title, body, language))
        for ident, title, body, language in _texts(lake, article_id, nearest)
    }
    is_paired = nearest in texts and article_id in texts
    return StoryEvidence(
        story_id=story_id,
        headline=headline,
        state=state,
        articles=articles,
        copies=copies,
        publishers=publishers,
        score=score,
        nearest=nearest,
        nearest_headline=texts[nearest][0] if nearest and is_paired else None,
        shared_terms=shared_terms(texts[article_id][1], texts[nearest][1]) if nearest and is_paired else (),
    )


def _nearest(lake: duckdb.DuckDBPyConnection, article_id: str, story_id: str) -> str | None:
    row = lake.execute(
        """WITH held AS (
            SELECT article_id, unnest(terms) AS term, unnest(weights) AS weight FROM vectors SEMI JOIN (
                FROM story_articles WHERE story_id = ? AND position IS NOT NULL) USING (article_id)
        )
        SELECT other.article_id FROM held one JOIN held other USING (term)
        WHERE one.article_id = ? AND other.article_id <> one.article_id
        GROUP BY ALL ORDER BY sum(one.weight * other.weight) DESC, other.article_id LIMIT 1""",
        [story_id, article_id],
    ).fetchone()
    return row[0] if row else None


def _texts(
    lake: duckdb.DuckDBPyConnection, article_id: str, nearest: str | None
) -> list[tuple[str, str | None, str, str | None]]:
    if not nearest:
        return []
    return lake.execute(
        "SELECT article_id, headline, body, language FROM articles WHERE article_id IN (?, ?)", [article_id, nearest]
    ).fetchall()


def print_story_evidence(found: StoryEvidence, out: TextIO) -> None:
    """Print it for a person."""
    others = found.articles - 1
    counted = f"with {others:,} other{'s' if others > 1 else ''}" if others else "alone"
    paragraph(f"in the {found.state} story {found.story_id}, {counted}: {short(found.headline or '')}", out)
    if found.nearest:
        paragraph(f"nearest to it: {found.nearest} {short(found.nearest_headline or '')}".rstrip(), out, indent=4)
        paragraph(f"both are about: {', '.join(found.shared_terms)}", out, indent=4)
