"""What kind of page it is: an article, a part of one, or none."""

from __future__ import annotations

from pipelines.page.body import Body
from pipelines.page.metadata import Metadata
from pipelines.page.parsed import Page
from pipelines.values import Rejected
from warehouse.rows import Flag, Reason, Stage


def judge_kind(page: Page, metadata: Metadata, body: Body) -> frozenset[Flag]:  # noqa: ARG001
    """Flags that say what is particular of the page; raises `Rejected` for one that is no article."""
    if not any(char.isalnum() for char in body.text):
        raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, "the page holds no article")
    return frozenset()
