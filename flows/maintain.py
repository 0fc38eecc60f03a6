"""The flow `maintain`: keeps the lake small and fast, by hand, on a schedule, and after so many commits."""

from __future__ import annotations

from dataclasses import replace

from flows.full_disk import says_full_disk
from flows.run import Run, run
from flows.settings import Settings
from warehouse.maintain import Maintained, commits_since
from warehouse.maintain import maintain as maintain_lake


@says_full_disk
def maintain(settings: Settings) -> Maintained:
    """Maintain the home's lake now."""
    with run(settings, "maintain") as current:
        found = _maintain(current)
    if settings.rules.learn == "never":
        return found
    from flows.learn import learn

    learned = learn(settings, current.clock(), is_accepting=settings.rules.learn == "accept")
    return replace(found, rules_proposed=len(learned.proposed), rules_accepted=len(learned.accepted))


def merge_if_due(current: Run) -> None:
    """Maintain once enough commits have been made since the last time, at the end of a run that made some."""
    if commits_since(current.connection) >= current.settings.lake.merge_after_commits:
        _maintain(current)


def _maintain(current: Run) -> Maintained:
    with current.writing():
        return maintain_lake(
            current.connection,
            current.home,
            clock=current.clock(),
            snapshot_days=current.settings.lake.snapshot_days,
        )
