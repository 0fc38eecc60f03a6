"""The blocks of an article as plain text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pipelines.normalise import clean
from pipelines.page.blocks import Block, Place
from pipelines.page.features import flat

_RUN = 5
_SHORTEST_COPY = 12
"""Words from which on a block that was there already is a copy, not a refrain."""
_COPIED = 0.8
_SHORTEST_QUOTE, _LONGEST_QUOTE = 5, 400
_MOST_BLOCKS = 2000
_APART = frozenset(["aria-hidden", "aside", "blockquote", "figure"])
_PULLED = frozenset(["pull", "pullquote", "pulled", "quote", "callout"])
_CELL = 300
"""Characters beyond which a cell holds no figure or name, but text."""


def plain(blocks: Sequence[Block]) -> str:
    """Paragraphs with one blank line between them; items of a list and rows of a table in lines of one paragraph."""
    parts: list[str] = []
    in_item = Counter(item.number for block in blocks if (item := _above(block.place, ("li",))) is not None)
    layout = _rows_of_layout(blocks)
    before: Place | None = None
    row_before: Place | None = None
    for block in blocks:
        row = _row_of(block)
        row = None if row in layout else row
        item = _above(block.place, ("li",))
        is_item = item is not None and in_item[item.number] == 1
        whole = _table_of(row) if row is not None else item.up if item is not None and is_item else None
        text = f"- {block.text}" if is_item else block.text
        if row is not None and row is row_before:
            parts[-1] += f" | {text}"
        elif whole is not None and whole is before:
            parts[-1] += f"\n{text}"
        else:
            parts.append(text)
        before, row_before = whole, row
    return clean("\n\n".join(parts))


def _row_of(block: Block) -> Place | None:
    return _above(block.place, ("tr",)) if block.place.tag in ("td", "th") else None


def _table_of(row: Place) -> Place | None:
    return _above(row.up, ("table",)) or row.up


def _rows_of_layout(blocks: Sequence[Block]) -> set[Place | None]:
    """The rows that set out a page, not data: those with a cell of several blocks, or of a long text."""
    cells = Counter(block.place for block in blocks if block.place.tag == "td")
    return {
        _row_of(block) for block in blocks if cells[block.place] > 1 or (cells[block.place] and len(block.text) > _CELL)
    }


def _above(place: Place | None, tags: Sequence[str]) -> Place | None:
    """The place itself or the nearest above it, within a few steps, with one of the tags."""
    for _ in range(4):
        if place is None or place.tag in tags:
            return place
        place = place.up
    return None


def without_copies(blocks: Sequence[Block]) -> list[Block]:
    """The blocks without those that stand elsewhere in the page once more, as the same article for small screens does.

    A paragraph that its own container repeats stays.
    """
    kept: list[Block] = []
    seen: dict[tuple[str, ...], Place | None] = {}
    for block in blocks:
        within = block.place.up
        runs = _runs(flat(block.text).split())
        if runs and sum(seen.get(run, within) is not within for run in runs) >= _COPIED * len(runs):
            continue
        kept.append(block)
        for run in runs:
            seen.setdefault(run, within)
    return kept


def without_pull_quotes(blocks: Sequence[Block]) -> list[Block]:
    """The blocks without those set beside the text, to catch the eye, whose words a longer block has too."""
    quotes = {block: flat(block.text) for block in blocks[:_MOST_BLOCKS] if _is_set_apart(block)}
    if not quotes:
        return list(blocks)
    texts = Counter(flat(block.text) for block in blocks[:_MOST_BLOCKS])
    whole = "\n".join(texts)
    return [
        block
        for block in blocks
        if quotes.get(block, "").count(" ") < _SHORTEST_QUOTE or whole.count(quotes[block]) == 1
    ]


def _is_set_apart(block: Block) -> bool:
    """Whether the block is short and stands in an aside, or in what is named after a quotation pulled out."""
    if len(block.text) > _LONGEST_QUOTE:
        return False
    up = block.place.up
    names = block.place.names | (up.names if up else frozenset())
    return bool(_APART & block.place.marks or _PULLED & names)


def _runs(words: Sequence[str]) -> list[tuple[str, ...]]:
    if len(words) < _SHORTEST_COPY:
        return []
    return [tuple(words[at : at + _RUN]) for at in range(len(words) - _RUN + 1)]
