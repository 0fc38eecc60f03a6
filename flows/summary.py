"""What a run did, in a few lines."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator

from flows.backfill import Result
from warehouse.catalog import Home


def summary(home: Home, result: Result, seconds: float, *, is_dry: bool, is_verbose: bool) -> Iterator[str]:
    """Lines for a person: counts, what was dropped, what was passed over, where to look next."""
    c = result.counts
    would = "would land: " if is_dry else ""
    yield (
        f"{would}{c.documents:,} documents = {c.new:,} new + {c.changed:,} changed + {c.unchanged:,} unchanged "
        f"+ {c.rejected:,} rejected  ({c.duplicates:,} {'copy' if c.duplicates == 1 else 'copies'}, {seconds:.1f} s)"
    )
    if c.documents and c.unchanged == c.documents:
        yield "nothing new: all of it is in the lake already"
    if result.waiting and not result.sources:
        are = "source is" if result.waiting == 1 else "sources are"
        yield f"{result.waiting:,} {are} not due yet: newsmill sources list; one that is named is pulled at once"
    elif not result.sources and not c.documents:
        yield "no sources to pull: add one with newsmill sources add LOCATION"
    elif not c.documents and not result.errors:
        yield "nothing new was found there"
    if result.resumed:
        yield f"{result.resumed} batches of a run that was cut short were loaded first"
    if c.rejected and not is_dry:
        yield "why some were rejected: newsmill status; one of them: newsmill explain PATH"
    yield from _passed(result, is_verbose=is_verbose)
    if c.new and not is_dry:
        yield f'query it: newsmill --home {shlex.quote(str(home.path))} sql "SELECT headline, source FROM articles LIMIT 10"'


def _passed(result: Result, *, is_verbose: bool) -> Iterator[str]:
    if not result.passed:
        return
    why: Counter[str] = Counter()
    for passed in result.passed:
        why[passed.why] += passed.count
    yield "passed over: " + ", ".join(f"{count:,} × {reason}" for reason, count in why.most_common())
    if is_verbose:
        for passed in result.passed:
            yield f"  {passed.path}: {passed.why}{f' ({passed.count:,})' if passed.count > 1 else ''}"
