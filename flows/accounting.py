"""A run's accounting as Markdown: what the Prefect run shows, and no more than the lake knows anyway."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from warehouse.maintain import Maintained

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from flows.backfill import Result


def accounting(result: Result, rejects: Mapping[str, int]) -> str:
    """A pulling run: its documents, the rejects by reason, the sources that failed, what was resumed."""
    return "\n".join([f"Run `{result.run_id}`", "", *_documents(result), *_rejects(rejects), *_sources(result)])


def maintenance(found: Maintained) -> str:
    """A maintenance run: sizes before and after, and what the check found."""
    lines = [
        *_table(
            ("", "before", "after"),
            [
                ("files", f"{found.files_before:,}", f"{found.files_after:,}"),
                ("MiB", _mib(found.size_before_bytes), _mib(found.size_after_bytes)),
            ],
        ),
        "",
        f"{found.snapshots_expired:,} snapshots expired, {found.files_removed:,} files removed.",
    ]
    return "\n".join([*lines, *_list("Problems", found.problems)])


def one_line(found: Result | Maintained) -> str:
    """The same for a log."""
    if isinstance(found, Maintained):
        problems = f"; problems: {'; '.join(found.problems)}" if found.problems else ""
        return f"{found.files_before:,} files before, {found.files_after:,} after{problems}"
    c = found.counts
    failed = f"; failed: {'; '.join(found.errors)}" if found.errors else ""
    return (
        f"{c.documents:,} documents = {c.new:,} new + {c.changed:,} changed + {c.unchanged:,} unchanged "
        f"+ {c.rejected:,} rejected{failed}"
    )


def _documents(result: Result) -> Iterator[str]:
    c = result.counts
    yield from _table(
        ("documents", "= new", "+ changed", "+ unchanged", "+ rejected", "copies"),
        [tuple(f"{n:,}" for n in (c.documents, c.new, c.changed, c.unchanged, c.rejected, c.duplicates))],
    )
    if result.resumed:
        yield from ("", f"{result.resumed:,} batches of runs that were cut short were loaded first.")


def _rejects(rejects: Mapping[str, int]) -> Iterator[str]:
    if rejects:
        rows = sorted(rejects.items(), key=lambda item: (-item[1], item[0]))
        yield from ("", "## Rejected", "")
        yield from _table(("reason", "documents"), [(reason, f"{count:,}") for reason, count in rows])


def _sources(result: Result) -> Iterator[str]:
    yield from _list("Sources that failed", result.errors)
    yield from _list("Sources", result.sources)
    why: Counter[str] = Counter()
    for passed in result.passed:
        why[passed.why] += passed.count
    yield from _list("Passed over", [f"{count:,} × {reason}" for reason, count in why.most_common()])


def _list(title: str, items: Sequence[str]) -> Iterator[str]:
    if items:
        yield from ("", f"## {title}", "")
        yield from (f"- {_plain(item)}" for item in items)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(_plain(cell) for cell in row)} |" for row in rows)


def _plain(text: str) -> str:
    """Text that Markdown leaves as it is: names of sources and paths may hold anything."""
    escaped = "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in text)
    return " ".join(escaped.split())


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:,.1f}"
