"""The text of a page's article: what its blocks, its linked data and trafilatura agree on."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipelines.fragment import fragment_text
from pipelines.normalise import clean
from pipelines.page.blocks import Block, Place, blocks_of
from pipelines.page.features import Evidence, Features, flat, is_control, looks_like_prose, size_of
from pipelines.page.judge import scores
from pipelines.page.metadata import Metadata
from pipelines.page.parsed import FAILURES, Page
from pipelines.page.plain import plain, without_copies, without_pull_quotes
from pipelines.page.state import body_in_scripts

TRAFILATURA = "trafilatura/2.3.1"
_BLOCKS = "blocks/1"
_LEAST_SCORE = 0.2
"""Log-odds from which a block is kept."""
_LEAST_OF_HEADING = -2.5
_HEADINGS = frozenset(["h2", "h3", "h4"])
_ALL = 0.95
_FEW = 0.5
"""Share of trafilatura's prose below which the scores are not believed alone."""
_COVERED = 0.25
"""Share of the page's prose below which trafilatura's quick answer is not believed."""
_FEWEST_WORDS = 25
"""Below it the blocks' text is not believed where another candidate has more."""
_FAR_MORE = 3
"""Times as much: else a brief is one, and what the other candidate has more are teasers."""
_MOST_BLOCKS = 6000
_MOST_CHARS = 5_000_000
"""Larger pages take trafilatura minutes: theirs is the text of what looks like prose."""
_ITEM = re.compile(r"^(?:- |\| |\d{1,3}[.)] )")
_SENTENCE = re.compile(r"[.!?…。！？।؟][\"”’»)]*$")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,500}>")


@dataclass(frozen=True, slots=True)
class Body:
    """The text, and what found it."""

    text: str
    """Paragraphs separated by one blank line; empty where the page has none."""
    extractor: str


def find_body(page: Page, metadata: Metadata) -> Body:
    """The text of the page's article."""
    blocks = blocks_of(page.tree)
    if len(blocks) > _MOST_BLOCKS or len(page.html) > _MOST_CHARS:
        return Body(_untitled(plain([block for block in blocks if looks_like_prose(block)]), metadata), "prose/1")
    features, evidence = features_of(page, metadata, blocks)
    kept = without_pull_quotes(without_copies(_shown(_kept(features, scores(features)))))
    body = _judged(plain(kept), _paragraphs(evidence.extracted), evidence.linked_body, metadata)
    if size_of(body.text) < _FEWEST_WORDS and (state := body_in_scripts(page.html)):
        return Body(_untitled(state, metadata), "page state/1")
    return body


def _kept(features: Features, found: Sequence[float]) -> list[Block]:
    """The blocks that score enough; with trafilatura's prose where they are hardly any of it: an odd page."""
    blocks = features.blocks
    is_kept = [score > _LEAST_SCORE and not is_control(block) for block, score in zip(blocks, found, strict=True)]
    beside = {block.place.up for block, is_in in zip(blocks, is_kept, strict=True) if is_in and looks_like_prose(block)}
    lists: set[Place | None] = {
        block.place.up for block in blocks if block.place.up and block.place.up.up in beside and not block.linked
    }
    lists |= {block.place.up for block, is_in in zip(blocks, is_kept, strict=True) if is_in and block.place.tag == "li"}
    has_begun = False
    for at, block in enumerate(blocks):
        has_begun = has_begun or is_kept[at]
        # An item of a list beside paragraphs of the article, or with another item of it, is of the article too, however
        # short, unless trafilatura thinks otherwise.
        if block.place.tag == "li" and block.place.up in lists and features.votes[at] == "+":
            is_kept[at] = True
        elif found[at] > _LEAST_OF_HEADING and _is_subheading(block) and 0 < at < len(blocks) - 1:
            # What heads a paragraph of the article is of it too.
            is_kept[at] = is_kept[at] or (is_kept[at + 1] and has_begun and looks_like_prose(blocks[at + 1]))
    voted = features.voted_prose()
    words = sum(features.sizes[at] for at in voted)
    if sum(features.sizes[at] for at in voted if is_kept[at]) < _FEW * words:
        for at in voted:
            is_kept[at] = True
    _mend_ends(features, is_kept)
    return [block for block, is_in in zip(blocks, is_kept, strict=True) if is_in]


def _is_of_links(block: Block) -> bool:
    return block.linked >= _ALL * len(block.text.replace(" ", "").replace("\n", ""))


def _is_subheading(block: Block) -> bool:
    """Whether the block is a heading, and leads nowhere: a link would lead to another article."""
    return block.place.tag in _HEADINGS and not block.linked and "li" not in block.place.marks


def _mend_ends(features: Features, is_kept: list[bool]) -> None:
    """Keeps the line under the headline, and leaves out lines of names and dates before and after the sentences."""
    standfirst = features.standfirst_at()
    signed = {at for at, is_in in enumerate(is_kept) if is_in and features.is_signature(at)}
    prose = [at for at, is_in in enumerate(is_kept) if is_in and looks_like_prose(features.blocks[at])]
    prose = [at for at in prose if at not in signed and at != standfirst]
    if not prose:
        return
    for at in (*range(prose[0]), *range(prose[-1] + 1, len(is_kept))):
        is_kept[at] = is_kept[at] and at not in signed and not _is_of_links(features.blocks[at])
    if standfirst is not None and standfirst < prose[0]:
        is_kept[standfirst] = True


def _shown(blocks: list[Block]) -> list[Block]:
    """The blocks without the hidden ones, unless most of the text waits for a click to be shown."""
    shown = [block for block in blocks if "hidden" not in block.place.marks]
    return shown if 2 * sum(len(block.text) for block in shown) > sum(len(block.text) for block in blocks) else blocks


def features_of(page: Page, metadata: Metadata, blocks: Sequence[Block] | None = None) -> tuple[Features, Evidence]:
    """The features of the page's blocks, and the other evidence of its article that they rest on."""
    blocks = blocks_of(page.tree) if blocks is None else blocks
    evidence = Evidence(
        headline=metadata.headline or "",
        description=metadata.summary or "",
        linked_body=linked_body(page),
        extracted=_trafilatura(page, is_fast=True),
        standfirst=metadata.subheadline or "",
        section=metadata.section or "",
        names=metadata.byline,
    )
    features = Features(blocks, evidence)
    if features.covered >= _COVERED:
        return features, evidence
    evidence = replace(evidence, extracted=_trafilatura(page, is_fast=False))
    return Features(blocks, evidence), evidence


def _judged(of_blocks: str, extracted: str, linked: str, metadata: Metadata) -> Body:
    """The blocks' text, unless it holds hardly any of what the page's linked data or trafilatura have."""
    sizes = {name: size_of(text) for name, text in (("", of_blocks), (TRAFILATURA, extracted), ("json-ld", linked))}
    if sizes["json-ld"] > max(2 * _FEWEST_WORDS, 2 * sizes[""]):
        return Body(_untitled(linked, metadata), f"json-ld over {_BLOCKS}")
    if sizes[""] < _FEWEST_WORDS < sizes[TRAFILATURA] and sizes[TRAFILATURA] > _FAR_MORE * sizes[""]:
        return Body(_untitled(extracted, metadata), f"{TRAFILATURA} over {_BLOCKS}")
    if not sizes[""] and (sentences := [p for p in extracted.split("\n\n") if _SENTENCE.search(p)]):
        # A page of a sentence or two, which is little to judge by.
        return Body(_untitled("\n\n".join(sentences), metadata), f"{TRAFILATURA} over {_BLOCKS}")
    agreeing = [name for name, text in ((TRAFILATURA, extracted), ("json-ld", linked)) if _agrees(of_blocks, text)]
    return Body(_untitled(of_blocks, metadata), "+".join([_BLOCKS, *agreeing]))


def _agrees(text: str, other: str) -> bool:
    """Whether nine in ten of the words of each are in the other."""
    words, others = set(flat(text).split()), set(flat(other).split())
    return bool(others) and len(words & others) >= 0.9 * max(len(words), len(others))


def _untitled(text: str, metadata: Metadata) -> str:
    """The text without the headline at its top."""
    first, _, rest = text.partition("\n\n")
    return rest if rest and metadata.headline and flat(first) == flat(metadata.headline) else text


def _trafilatura(page: Page, *, is_fast: bool) -> str:
    from trafilatura import bare_extraction

    try:
        found: Any = bare_extraction(page.tree, url=page.url, fast=is_fast, include_comments=False, with_metadata=False)
    except FAILURES:
        return ""
    return (found.text or "") if found else ""


def _paragraphs(text: str) -> str:
    """Trafilatura's lines as paragraphs; items of a list and rows of a table stay together."""
    joined: list[str] = []
    was_item = False
    for line in filter(None, clean(text).split("\n")):
        is_item = _ITEM.match(line) is not None
        if is_item and was_item:
            joined[-1] += "\n" + line.strip()
        elif line.strip():
            joined.append(line.strip())
        was_item = is_item
    return clean("\n\n".join(joined))


def linked_body(page: Page) -> str:
    """The body in the page's linked data, as plain text."""
    bodies = [body for node in page.linked_data if isinstance(body := node.get("articleBody"), str)]
    text = max(bodies, key=len, default="")
    if "&" in text:
        text = html.unescape(text)
    if _TAG.search(text):
        return fragment_text(text)
    return clean("\n\n".join(filter(None, (line.strip() for line in clean(text).split("\n")))))
