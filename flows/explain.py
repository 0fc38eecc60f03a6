"""`newsmill explain`: everything known of one URL, path, document or article.

The lake has no index, so each question filters on one narrow column and only then fetches whole rows: bodies and
payloads are read for the rows found, and nowhere else.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import unquote_to_bytes

from connectors.document import digest
from connectors.names import file_uri, leftover, spelt
from flows.show import command, heading, paragraph, print_record, print_table, printable, short, shown, size
from flows.status import is_replayable, meaning, what_to_do
from flows.story_evidence import StoryEvidence, print_story_evidence, story_evidence
from pipelines.address import normalise
from pipelines.origin import ORIGINS
from warehouse.catalog import Home
from warehouse.known import payloads as first_payloads
from warehouse.query import connect, records
from warehouse.rows import Role
from warehouse.shingles import shared_passages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import duckdb

Record = dict[str, Any]
"""A row by the names of its columns."""

_SHOWN = 20
_PREFIX = re.compile("[0-9a-f]{6,64}")
_SCRAP = 300  # characters of a removal's text or of a paragraph that are shown
_FIELD = 500  # characters of a field that are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentStory:
    """A document: its row, what is kept of it, each decision on it, and why it is no article."""

    document: Record
    payloads: tuple[Record, ...]
    outcomes: tuple[Record, ...]
    reject: Record | None
    entry: Record | None = None
    """What the feed gave, of a document that began as its entry."""
    polls: tuple[Record, ...] = ()
    """Of its feed: the one that brought it, the one before and the one after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of an article, and what is different from the one before."""

    version: int
    seen_at: datetime
    cause: str
    document_id: str
    run_id: str
    role: str
    """Which payload it was made of; `extractor` says how."""
    extractor: str
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleStory:
    """An article: its current row, its versions, tags, copies and the boilerplate taken out of it."""

    article: Record
    versions: tuple[Version, ...]
    tags: tuple[Record, ...]
    copy_of: Record | None
    copies: tuple[Record, ...]
    copies_count: int
    story: StoryEvidence | None
    removals: tuple[Record, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStory:
    """A path on this machine: what the lake knows of it and how it is now."""

    path: str
    source: str | None
    now: str
    """How it compares with what was read, in a sentence."""
    records: int | None = None
    size_bytes: int | None = None
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """All that `newsmill explain` says."""

    home: str
    what: str
    is_found: bool
    file: FileStory | None
    documents: tuple[DocumentStory, ...]
    documents_count: int
    """How many there are; only the first are told."""
    articles: tuple[ArticleStory, ...]
    candidates: tuple[str, ...] = field(default=())
    """What the beginning of an id may stand for, where it stands for several."""
    suggestions: tuple[str, ...] = field(default=())
    """What is there under a name that is near, where nothing was found."""


@dataclass(frozen=True, slots=True)
class _Found:
    document_ids: tuple[str, ...] = ()
    article_ids: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    file: FileStory | None = None


def explain(home: Home, what: str) -> Explanation:
    """Look up a URL, a path (from the working directory), a `file:` URI, or a document's or article's id.

    Ids may be shortened to six characters. Raises `QueryError` for a lake that cannot be opened.
    """
    with connect(home.path) as lake:
        lake.execute("BEGIN")  # one snapshot for all the questions
        found = _find(lake, what)
        documents = dict.fromkeys([*found.document_ids, *_documents_of(lake, list(found.article_ids))])
        many = len(documents) > _SHOWN
        articles = dict.fromkeys([*found.article_ids, *([] if many else _articles_of(lake, list(documents)))])
        is_found = bool(articles or documents or (found.file and found.file.source))
        return Explanation(
            home=str(home.path),
            what=what,
            is_found=is_found,
            file=found.file,
            documents=tuple(_document_stories(lake, list(documents)[:_SHOWN], has_payloads=not many)),
            documents_count=len(documents),
            articles=tuple(_article_story(lake, a) for a in list(articles)[:_SHOWN]),
            candidates=found.candidates,
            suggestions=() if is_found or found.candidates else tuple(_suggestions(lake, what)),
        )


# Finding


def _find(lake: duckdb.DuckDBPyConnection, what: str) -> _Found:
    if _PREFIX.fullmatch(what) and not os.path.lexists(what):
        return _by_id(lake, what)
    if address := normalise(spelt(what)):
        return _by_address(lake, spelt(what), address)
    if what.lower().startswith("file:"):
        place, _, fragment = what.partition("#")
        path = os.fsdecode(unquote_to_bytes(re.sub(r"(?i)^file:(//[^/]*)?", "", place)))
        return _by_path(lake, path, fragment, what)
    if os.path.lexists(what) or "#" not in what:
        return _by_path(lake, what, "", what)
    path, _, fragment = what.partition("#")
    return _by_path(lake, path, fragment, what)


def _by_id(lake: duckdb.DuckDBPyConnection, what: str) -> _Found:
    documents = _column(lake, "SELECT document_id FROM documents WHERE starts_with(document_id, ?)", [what])
    articles = _column(lake, "SELECT article_id FROM articles WHERE starts_with(article_id, ?)", [what])
    if len(documents) + len(articles) > 1:
        named = [f"document {d}" for d in documents] + [f"article {a}" for a in articles]
        return _Found(candidates=tuple(sorted(named)[:_SHOWN]))
    return _Found(tuple(documents), tuple(articles))


def _by_address(lake: duckdb.DuckDBPyConnection, what: str, address: str) -> _Found:
    """By the address as an article's identity hashes it, as a page names it, and as it was asked for."""
    articles = _column(
        lake,
        "SELECT article_id FROM articles WHERE article_id = ? OR canonical_url = ? OR url = ? ORDER BY article_id <> ?",
        [digest("address", address), address, what, digest("address", address)],
    )
    documents = _column(lake, "SELECT document_id FROM documents WHERE uri = $1 OR url = $1 OR final_uri = $1", [what])
    return _Found(tuple(documents), tuple(articles))


def _by_path(lake: duckdb.DuckDBPyConnection, path: str, fragment: str, what: str) -> _Found:
    """By the file's URI, and by its place in a source, which stays when the folder is moved."""
    absolute = Path(os.path.normpath(Path.cwd() / path))
    whole = str(
        absolute.parent.resolve() / absolute.name
    )  # a link is no file of a source; a linked folder may hold one
    uri = file_uri(whole)
    if fragment:
        exact, within = [spelt(what), f"{uri}#{spelt(fragment)}"], []
    else:
        exact, within = [spelt(what), uri], [f"{uri}#", f"{uri.rstrip('/')}/"]
    places = _places(lake, whole)
    addresses = [(source, inner + (f"#{spelt(fragment)}" if fragment else "")) for source, inner in places]
    documents = _column(
        lake,
        f"""SELECT document_id FROM documents WHERE uri IN (SELECT unnest(?::VARCHAR[]))
            OR (source, address) IN (SELECT (source, address) FROM {_PAIRS})
            {"OR starts_with(uri, ?)" * len(within)} ORDER BY uri, fetched_at DESC""",
        [exact, [s for s, _ in addresses], [a for _, a in addresses], *within],
    )
    return _Found(tuple(documents), file=_file(lake, whole, places))


_PAIRS = "(SELECT unnest(?::VARCHAR[]) AS source, unnest(?::VARCHAR[]) AS address)"


def _places(lake: duckdb.DuckDBPyConnection, whole: str) -> list[tuple[str, str]]:
    """Source and path in it, for each source whose folder the path lies in; the nearest first."""
    rows = lake.execute("SELECT source, location FROM sources WHERE kind = 'folder'").fetchall()
    found = [(source, os.path.relpath(whole, place)) for source, place in rows if Path(whole).is_relative_to(place)]
    return [(source, spelt(inner)) for source, inner in sorted(found, key=lambda pair: len(pair[1]))]


def _file(lake: duckdb.DuckDBPyConnection, whole: str, places: list[tuple[str, str]]) -> FileStory | None:
    """None for a path that is neither there nor known."""
    row = lake.execute(
        f"""SELECT source, path, size_bytes, modified_ns, records, is_complete FROM files
        WHERE (source, path) IN (SELECT (source, address) FROM {_PAIRS})""",
        [[s for s, _ in places], [p for _, p in places]],
    ).fetchone()
    if row is None:
        return _unread(whole, places) if os.path.lexists(whole) else None
    source, _, size_bytes, modified_ns, records, is_complete = row
    return FileStory(
        path=spelt(whole),
        source=source,
        now=_comparison(whole, size_bytes, modified_ns, is_complete=is_complete),
        records=records,
        size_bytes=size_bytes,
        modified_at=_time(modified_ns),
    )


def _comparison(whole: str, size_bytes: int, modified_ns: int, *, is_complete: bool) -> str:
    try:
        status = os.lstat(whole)
    except OSError as error:
        return f"it was read, and now it cannot be: {error.strerror}"
    if (status.st_size, status.st_mtime_ns) != (size_bytes, modified_ns):
        return "it has changed since it was read: the next run of its source reads it again"
    if not is_complete:
        return "it is read in part: the next run of its source goes on"
    return "unchanged since it was read, so runs count it without reading it again"


def _unread(whole: str, places: list[tuple[str, str]]) -> FileStory:
    source, inner = places[0] if places else (None, Path(whole).name)
    is_folder = Path(whole).is_dir() and not Path(whole).is_symlink()
    if Path(whole).is_symlink():
        now = "a symbolic link: links are passed over"
    elif passed := leftover(inner, is_folder=is_folder):
        now = f"passed over: {passed}"
    elif is_folder:
        now = "a folder: what was read below it follows"
    elif source is None:
        now = "it is in no source: `newsmill backfill` with its path reads it"
    else:
        now = "it is in the source's folder and was not read: it is new, or it could not be read"
    return FileStory(path=spelt(whole), source=source, now=now)


def _time(modified_ns: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(modified_ns / 1e9, UTC)
    except (OverflowError, ValueError, OSError):  # a broken clock's
        return None


def _articles_of(lake: duckdb.DuckDBPyConnection, document_ids: Sequence[str]) -> list[str]:
    if not document_ids:
        return []
    return _column(
        lake,
        """SELECT DISTINCT article_id FROM outcomes
        WHERE article_id IS NOT NULL AND document_id IN (SELECT unnest(?::VARCHAR[])) ORDER BY ALL""",
        [list(document_ids)],
    )


def _documents_of(lake: duckdb.DuckDBPyConnection, article_ids: list[str]) -> list[str]:
    if not article_ids:
        return []
    return _column(
        lake,
        """SELECT document_id FROM outcomes WHERE article_id IN (SELECT unnest(?::VARCHAR[]))
        GROUP BY document_id ORDER BY max(run_id) DESC""",
        [article_ids],
    )


# Telling


def _document_stories(
    lake: duckdb.DuckDBPyConnection, document_ids: list[str], *, has_payloads: bool
) -> Iterator[DocumentStory]:
    if not document_ids:
        return
    documents = {d["document_id"]: d for d in _of(lake, "SELECT * FROM documents", document_ids)}
    outcomes = _of(lake, "SELECT * FROM outcomes", document_ids, "ORDER BY run_id")
    rejects = _of(lake, "SELECT * FROM rejects", document_ids)
    payloads = _payloads(lake, documents) if has_payloads else []
    fetched = [i for i, d in documents.items() if d["kind"] in (Role.ENTRY, Role.PAGE)] if has_payloads else []
    entries = first_payloads(lake, fetched, Role.ENTRY)
    for ident in document_ids:
        if ident in documents:
            yield DocumentStory(
                document=documents[ident],
                payloads=tuple(p for p in payloads if p["document_id"] == ident),
                outcomes=tuple(o for o in outcomes if o["document_id"] == ident),
                reject=next((r for r in rejects if r["document_id"] == ident), None),
                entry=_entry(entries.get(ident)),
                polls=tuple(_polls(lake, documents[ident])) if ident in fetched else (),
            )


def _entry(data: bytes | None) -> Record | None:
    try:
        found = json.loads(data or b"")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _polls(lake: duckdb.DuckDBPyConnection, document: Record) -> list[Record]:
    """The two polls of its source up to when it was fetched, and the next."""
    return records(
        lake,
        """FROM (FROM polls WHERE source = $source AND polled_at <= $at ORDER BY polled_at DESC LIMIT 2)
        UNION ALL FROM (FROM polls WHERE source = $source AND polled_at > $at ORDER BY polled_at LIMIT 1)
        ORDER BY polled_at""",
        source=document["source"],
        at=document["fetched_at"],
    )


def _payloads(lake: duckdb.DuckDBPyConnection, documents: dict[str, Record]) -> list[Record]:
    """What is kept; payloads lie by month, and a page is fetched after its entry: the range leaves other months closed."""
    times = [document["fetched_at"] for document in documents.values()]
    is_fetched = any(document["kind"] in (Role.ENTRY, Role.PAGE) for document in documents.values())
    until = "" if is_fetched else "AND fetched_at <= $until"
    return _of(
        lake,
        f"""SELECT document_id, role, media_type, sha256, octet_length(data) AS stored_bytes, fetched_at
        FROM (SELECT * FROM payloads WHERE fetched_at >= $since {until})""",
        list(documents),
        since=min(times),
        **({} if is_fetched else {"until": max(times)}),
    )


def _article_story(lake: duckdb.DuckDBPyConnection, article_id: str) -> ArticleStory:
    rows = [*_whole_rows(lake, "superseded", article_id), *_whole_rows(lake, "articles", article_id)]
    rows.sort(key=lambda row: row["version"])
    by_article = "WHERE article_id = $id"
    copies = records(
        lake,
        """SELECT d.article_id, d.reason, d.score, a.source, a.publisher, a.credit_line, a.published_at, a.url, a.headline
        FROM duplicates d LEFT JOIN articles a USING (article_id) WHERE d.duplicate_of = $id ORDER BY d.article_id""",
        id=article_id,
    )
    return ArticleStory(
        article=rows[-1] if rows else {"article_id": article_id},
        versions=tuple(_versions(rows)),
        tags=tuple(
            records(lake, f"SELECT * FROM article_tags {by_article} ORDER BY scheme, score DESC", id=article_id)
        ),
        copy_of=_copy_of(lake, article_id, rows[-1]["body"] if rows else ""),
        copies=tuple(copies[:_SHOWN]),
        copies_count=len(copies),
        story=story_evidence(lake, article_id),
        removals=tuple(records(lake, f"SELECT * FROM removals {by_article} ORDER BY version, start", id=article_id)),
    )


def _copy_of(lake: duckdb.DuckDBPyConnection, article_id: str, body: str) -> Record | None:
    """What the article is a copy of, with the longest passages that the two share."""
    found = records(lake, "SELECT * FROM duplicates WHERE article_id = $id", id=article_id)
    if not found:
        return None
    original = _whole_rows(lake, "articles", found[0]["duplicate_of"])
    if not original:
        return found[0]
    names = ("source", "publisher", "credit_line", "published_at", "url", "headline")
    shared = () if found[0]["reason"] == "content" else shared_passages(body, original[0]["body"])
    return found[0] | {"original": {name: original[0][name] for name in names}, "shared_passages": shared}


def _whole_rows(lake: duckdb.DuckDBPyConnection, table: str, article_id: str) -> list[Record]:
    """All columns, bodies too, of an article's rows; their times of publication keep other row groups closed."""
    times = _column(lake, f"SELECT published_at FROM {table} WHERE article_id = ?", [article_id])
    if not times:
        return []
    known = [time for time in times if time is not None]
    ranges = ["published_at BETWEEN $low AND $high"] if known else []
    ranges += ["published_at IS NULL"] if len(known) < len(times) else []
    values: Record = {"low": min(known), "high": max(known)} if known else {}
    return records(
        lake, f"SELECT * FROM {table} WHERE article_id = $id AND ({' OR '.join(ranges)})", id=article_id, **values
    )


def _versions(rows: Sequence[Record]) -> Iterator[Version]:
    before: Record | None = None
    for row in rows:
        yield Version(
            version=row["version"],
            seen_at=row["seen_at"],
            cause=row["cause"],
            document_id=row["document_id"],
            run_id=row["run_id"],
            role=row["role"],
            extractor=row["extractor"],
            changes=tuple(_changes(before, row)) if before else (),
        )
        before = row


def _changes(before: Record, after: Record) -> Iterator[str]:
    for name in ("headline", "subheadline", "byline", "published_at"):
        if before[name] != after[name]:
            yield f"{name}: {_scrap(before[name])} → {_scrap(after[name])}"
    if before["body"] != after["body"]:
        yield from _body_changes(before["body"].split("\n\n"), after["body"].split("\n\n"))


def _body_changes(before: list[str], after: list[str]) -> Iterator[str]:
    """Paragraphs gone and come, and the first few of them."""
    steps = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    gone = [p for kind, low, high, _, _ in steps if kind != "equal" for p in before[low:high]]
    come = [p for kind, _, _, low, high in steps if kind != "equal" for p in after[low:high]]
    yield f"body: {len(gone)} paragraphs out, {len(come)} in"
    yield from (f"- {short(p, 120)}" for p in gone[:3])
    yield from (f"+ {short(p, 120)}" for p in come[:3])


def _scrap(value: Any) -> str:
    return (
        "none"
        if value in (None, [])
        else f"“{short(str(value) if not isinstance(value, list) else ', '.join(value), 120)}”"
    )


# Nothing found


def _suggestions(lake: duckdb.DuckDBPyConnection, what: str) -> Iterator[str]:
    """Up to five addresses whose last part is like the one asked for."""
    tail = _tail(spelt(what))
    rows = lake.execute(
        """SELECT uri, levenshtein(tail, $tail) AS far FROM (
            SELECT uri, lower(parse_filename(uri)) AS tail FROM documents
        ) WHERE abs(length(tail) - length($tail)) <= greatest(2, length($tail) / 3) ORDER BY far, uri LIMIT 50""",
        {"tail": tail},
    ).fetchall()
    near = {_tail(uri): uri for uri, _ in reversed(rows)}
    yield from (near[name] for name in difflib.get_close_matches(tail, list(near), n=5, cutoff=0.6))


def _tail(address: str) -> str:
    return address.rstrip("/").rpartition("/")[2].lower()[:200]


# Rows


def _column(lake: duckdb.DuckDBPyConnection, query: str, values: Any) -> list[Any]:
    return [row[0] for row in lake.execute(query, values).fetchall()]


def _of(
    lake: duckdb.DuckDBPyConnection, query: str, document_ids: list[str], order: str = "", **values: Any
) -> list[Record]:
    marks = [f"$d{n}" for n in range(len(document_ids))]  # an IN list prunes row groups where a join does not
    ids = {f"d{n}": ident for n, ident in enumerate(document_ids)}
    return records(lake, f"{query} WHERE document_id IN ({', '.join(marks)}) {order}", **ids, **values)


# Printing


def print_explanation(found: Explanation, out: TextIO) -> None:
    """Print the explanation for a person."""
    if found.file:
        _print_file(found.file, out)
    if found.documents_count > len(found.documents):
        heading(f"{found.documents_count:,} documents; the first {len(found.documents)}:", out)
        print_table(
            ["document", "decision", "reason", "uri"],
            [[d.document["document_id"], *_last_decision(d), d.document["uri"]] for d in found.documents],
            out,
            indent=2,
        )
        return
    for document in found.documents:
        _print_document(Home(Path(found.home)), document, out)
    for article in found.articles:
        _print_article(article, out)
    _print_nothing(found, out)


def _last_decision(story: DocumentStory) -> tuple[str | None, str | None]:
    last = story.outcomes[-1] if story.outcomes else {}
    return last.get("decision"), last.get("reason")


def _print_nothing(found: Explanation, out: TextIO) -> None:
    if found.candidates:
        out.write(f"{printable(found.what)} is the beginning of several ids:\n")
        out.writelines(f"  {candidate}\n" for candidate in found.candidates)
    elif not found.is_found:
        out.write(f"nothing is known of {printable(found.what)}\n")
        if found.suggestions:
            out.write("perhaps one of these was meant:\n")
            out.writelines(f"  {printable(uri)}\n" for uri in found.suggestions)


def _print_file(file: FileStory, out: TextIO) -> None:
    heading(f"file {file.path}", out)
    paragraph(file.now, out)
    known = {"source": file.source, "records read": file.records, "modified": file.modified_at}
    if file.size_bytes is not None:
        known["size"] = size(file.size_bytes)
    print_record(known, out, indent=2)


def _print_document(home: Home, story: DocumentStory, out: TextIO) -> None:
    document = story.document
    heading(f"document {document['document_id']}", out)
    print_record(
        {
            "came from": f"source {document['source']}, {document['kind']} {document['address']}",
            "uri": document["uri"],
            "final uri": document["final_uri"],
            "stated address": document["url"],
            "fetched": document["fetched_at"],
            "read as": _read_as(document),
            "size": size(document["size_bytes"]),
            "answer": document["http_status"],
            "flags": document["flags"],
            "kept": None if story.payloads else "none of its bytes",
        },
        out,
        indent=2,
    )
    if story.payloads:
        out.write("  kept\n")
        rows = [[p["role"], p["media_type"], size(p["stored_bytes"]), p["fetched_at"]] for p in story.payloads]
        print_table(["payload", "media type", "compressed", "fetched"], rows, out, indent=4)
    if story.entry:
        out.write("  the feed's entry\n")
        lines = {printable(name): _member(value) for name, value in story.entry.items()}
        print_record(lines, out, indent=4)
    _print_polls(story.polls, out)
    _print_outcomes(story.outcomes, out)
    if story.reject:
        _print_reject(home, story.reject, out)


def _read_as(document: Record) -> str:
    charset = f", {document['charset']}" if document["charset"] else ""
    return f"{document['media_type'] or 'unknown'}{charset}"


def _member(value: Any) -> str:
    return short(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), _SCRAP)


def _print_polls(polls: Sequence[Record], out: TextIO) -> None:
    if polls:
        out.write("  polls of its feed around then\n")
        rows = [[p["polled_at"], p["outcome"], p["http_status"], p["new_entries"], p["next_poll_at"]] for p in polls]
        print_table(["polled", "outcome", "answer", "new", "next"], rows, out, indent=4)


def _print_outcomes(outcomes: Iterable[Record], out: TextIO) -> None:
    rows = [[o["run_id"], o["decision"], o["reason"], o["article_id"], o["version"]] for o in outcomes]
    if rows:
        out.write("  decisions\n")
        print_table(["run", "decision", "reason", "article", "version"], rows, out, indent=4)


def _print_reject(home: Home, reject: Record, out: TextIO) -> None:
    out.write("  rejected\n")
    print_record(
        {
            "why": f"{reject['reason']} at {reject['stage']}: {meaning(reject['reason'])}",
            "detail": reject["detail"],
            "when": reject["rejected_at"],
            "by code": reject["pipeline_version"],
            "what to do": what_to_do(reject["reason"]),
        },
        out,
        indent=4,
    )
    if is_replayable(reject["reason"]):
        out.write(f"    try again: {command(home, 'replay', '--reason', reject['reason'])}\n")


_ARTICLE_LINES = (
    *("headline", "subheadline", "byline", "dateline", "credit_line", "section", "publisher", "source", "url"),
    *("canonical_url", "language", "published_at", "modified_at", "first_seen_at", "word_count"),
    *("summary", "image_url", "stated_sources", "flags", "extractor", "pipeline_version"),
)


def _print_article(story: ArticleStory, out: TextIO) -> None:
    article = story.article
    heading(f"article {article['article_id']}", out)
    lines = {name.replace("_", " "): _with_origin(article, name) for name in _ARTICLE_LINES}
    print_record(lines | {"body": short(article.get("body") or "", _SCRAP)}, out, indent=2)
    _print_versions(story.versions, out)
    if story.tags:
        out.write("  tags\n")
        rows = [[t["scheme"], t["name"], t["code"], f"{t['score']:.2f}", t["evidence"]] for t in story.tags]
        print_table(["scheme", "name", "code", "score", "evidence"], rows, out, indent=4)
    if story.copy_of:
        _print_copy(story.copy_of, out)
    if story.copies:
        out.write(f"  copies of it: {story.copies_count:,}\n")
        rows = [[c["article_id"], c["reason"], c["source"], c["url"] or c["headline"]] for c in story.copies]
        print_table(["article", "reason", "source", "what"], rows, out, indent=4)
    if story.story:
        print_story_evidence(story.story, out)
    _print_removals(story, out)


def _print_copy(copy: Record, out: TextIO) -> None:
    paragraph(f"a copy of {copy['duplicate_of']} ({copy['reason']}, score {copy['score']:.2f})", out)
    original = copy.get("original", {})
    said = [original.get("publisher") or original.get("source"), original.get("credit_line"), original.get("headline")]
    if any(said):
        paragraph("the original: " + ", ".join(short(each, _SCRAP) for each in said if each), out, indent=4)
    for passage in copy.get("shared_passages", ()):
        paragraph(f"both have: {short(passage, _SCRAP)}", out, indent=4)


def _with_origin(article: Record, name: str) -> object:
    """The value, with where it was found for those fields that say it."""
    value, origin = article.get(name), article.get(ORIGINS.get(name, ""))
    if isinstance(value, str):
        value = short(value, _FIELD)
    if not value or not origin:
        return value
    return f"{shown(value)} ({origin})"


def _print_versions(versions: Sequence[Version], out: TextIO) -> None:
    causes = {"source": "the publisher's", "pipeline": "better extraction's"}
    out.write("  versions\n" if versions else "")
    for v in versions:
        paragraph(
            f"{v.version}, {causes.get(v.cause, v.cause)}, of the {v.role} by {v.extractor}, "
            f"seen {v.seen_at:%Y-%m-%d %H:%M:%S} UTC, run {v.run_id}",
            out,
            indent=4,
        )
        for change in v.changes:
            paragraph(change, out, indent=6)


def _print_removals(story: ArticleStory, out: TextIO) -> None:
    current = [r for r in story.removals if r["version"] == story.article.get("version")]
    if not current:
        return
    out.write("  boilerplate taken out\n")
    rows = [[r["rule"], r["family"], r["start"], r["length"], short(r["text"], 80)] for r in current]
    print_table(["rule", "family", "start", "length", "text"], rows, out, indent=4)
