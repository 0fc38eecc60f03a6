# ruff: noqa: INP001  a script of its own
"""Trains the table of weights that tells an article's blocks from the rest of its page.

Usage: `python infra/train_blocks.py PAGES.jsonl [--check]`, where each line holds `url`, `html` and `text` (the article
as it should come out). Prints how well blocks are told on sites that were
left out, then writes `pipelines/data/block_weights.tsv`; `--check` only prints. The project's own golden pages are
learned from too, and are not among those that are counted.

Two logistic regressions, one on top of the other: the first sees a block alone, the second also what its neighbours
were taken for (stacking: Wolpert, "Stacked generalization", Neural Networks 5, 1992).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha1
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from connectors.charset import decode_as  # noqa: E402
from connectors.document import Document  # noqa: E402
from pipelines.page.blocks import Block  # noqa: E402
from pipelines.page.body import features_of  # noqa: E402
from pipelines.page.features import Context, Features  # noqa: E402
from pipelines.page.metadata import read_metadata  # noqa: E402
from pipelines.page.parsed import parse  # noqa: E402
from pipelines.read import decode  # noqa: E402
from warehouse.rows import Role  # noqa: E402

FOLDS = 5
FEWEST_SITES = 4
PENALTY = 8.0
SMALLEST = 0.02
N_GRAM = 4
_WORD = re.compile(r"\w+")


@dataclass
class Example:
    site: str
    blocks: Sequence[Block]
    features: Features
    labels: list[bool]
    weights: list[float]
    gold: str
    alone: list[list[str]] = field(default_factory=list)

    @property
    def fold(self) -> int:
        return int(sha1(self.site.encode()).hexdigest(), 16) // 4 % FOLDS  # noqa: S324  no secret


Model = dict[str, float]


def site_of(url: str) -> str:
    """The registered domain, near enough."""
    parts = (urlsplit(url).hostname or "").split(".")
    return ".".join(parts[-3:] if len(parts) > 2 and len(parts[-2]) <= 3 else parts[-2:])


def examples(path: Path) -> Iterator[Example]:
    """The pages of a file of JSON lines."""
    return of_rows(json.loads(line) for line in path.open(encoding="utf-8"))


def golden() -> Iterator[Example]:
    """The project's own pages."""
    return of_rows(map(golden_row, sorted((ROOT / "tests/golden/pages").glob("*.html"))))


def golden_row(path: Path) -> dict[str, str]:
    """The page, with its URL and text."""
    wanted = json.loads(path.with_name(f"{path.stem}.expected.json").read_text(encoding="utf-8"))
    data, url = path.read_bytes(), wanted["url"]
    document = Document(
        source="golden",
        role=Role.PAGE,
        address=url,
        uri=url,
        url=url,
        fetched_at=datetime.now(UTC),
        media_type="text/html",
        data=data,
    )
    raw = decode(document, data)
    html = decode_as(raw.data, raw.charset or "utf-8")
    return {"url": url, "html": html, "text": "\n\n".join(wanted["body"])}


def of_rows(rows: Iterable[dict[str, str]]) -> Iterator[Example]:
    for row in rows:
        page = parse(row["html"], row["url"])
        if page is None:
            continue
        metadata = read_metadata(page)
        features, _ = features_of(page, metadata)
        blocks = features.blocks
        labels = labelled([_WORD.findall(block.text) for block in blocks], _WORD.findall(row["text"]))
        if not any(labels):
            continue
        words = sum(size for size, is_kept in zip(features.sizes, labels, strict=True) if is_kept)
        weights = [min(3.0, 100 * (size + 3) / (words + 100)) for size in features.sizes]
        alone = [features.of_text(at) + features.of_place(block.place) for at, block in enumerate(blocks)]
        yield Example(site_of(row["url"]), blocks, features, labels, weights, row["text"], alone)


def labelled(blocks: Sequence[list[str]], gold: list[str]) -> list[bool]:
    """Which blocks are in the text: the longer ones by their words, the short ones by standing beside such a one."""
    known = Counter(tuple(gold[at : at + N_GRAM]) for at in range(len(gold) - N_GRAM + 1))
    text = f" {' '.join(gold)} "
    labels: list[bool | None] = [None] * len(blocks)
    for at, words in enumerate(blocks):
        if len(words) >= N_GRAM + 2:
            grams = [tuple(words[n : n + N_GRAM]) for n in range(len(words) - N_GRAM + 1)]
            labels[at] = sum(gram in known for gram in grams) >= 0.6 * len(grams)
    for order in (range(len(blocks)), range(len(blocks) - 1, -1, -1)):
        beside: list[str] | None = None
        for at in order:
            if labels[at] is None and beside is not None:
                run = beside[-4:] + blocks[at] if order.step > 0 else blocks[at] + beside[:4]
                labels[at] = f" {' '.join(run)} " in text or None
            if labels[at]:
                beside = blocks[at]
    return _once(blocks, [bool(label) for label in labels], text)


def _once(blocks: Sequence[list[str]], labels: list[bool], text: str) -> list[bool]:
    """Of copies of a block, as many are in the text as the text has: those among the most others that are."""
    copies: dict[str, list[int]] = defaultdict(list)
    for at, words in enumerate(blocks):
        if labels[at] and len(words) >= N_GRAM:
            copies[f" {' '.join(words)} "].append(at)
    for run, places in copies.items():
        spare = len(places) - max(1, text.count(run))
        for at in sorted(places, key=lambda at: sum(labels[max(0, at - 6) : at + 7]))[: max(0, spare)]:
            labels[at] = False
    return labels


class Matrix:
    """Rows of features that are present, by number."""

    def __init__(self, rows: Sequence[Sequence[str]], names: Sequence[str]) -> None:
        number = {name: at for at, name in enumerate(names)}
        found = [sorted({number[name] for name in row if name in number}) for row in rows]
        self.width = len(names)
        self.lengths = np.array([len(row) for row in found])
        self.columns = np.array([column for row in found for column in row], dtype=np.int64)
        self.rows = np.repeat(np.arange(len(found)), self.lengths)

    def times(self, weights: Any) -> Any:
        return np.bincount(self.rows, weights=weights[self.columns], minlength=len(self.lengths))

    def transposed_times(self, values: Any) -> Any:
        return np.bincount(self.columns, weights=values[self.rows], minlength=self.width)


def fit(pages: Sequence[Example], rows: Sequence[Sequence[Sequence[str]]]) -> Model:
    """Weights of the features that several sites have, by L2-regularised maximum likelihood."""
    sites: dict[str, set[str]] = defaultdict(set)
    for page, lines in zip(pages, rows, strict=True):
        for line in lines:
            for name in line:
                sites[name].add(page.site)
    names = ["", *sorted(name for name, found in sites.items() if len(found) >= FEWEST_SITES)]
    matrix = Matrix([["", *line] for lines in rows for line in lines], names)
    wanted = np.array([label for page in pages for label in page.labels], dtype=float)
    shares = np.array([weight for page in pages for weight in page.weights])
    penalty = np.full(len(names), PENALTY)

    def loss(weights: Any) -> tuple[float, Any]:
        scores = matrix.times(weights)
        value = np.sum(shares * (np.logaddexp(0, scores) - wanted * scores)) + np.sum(penalty * weights**2) / 2
        slope = matrix.transposed_times(shares * (1 / (1 + np.exp(-np.clip(scores, -40, 40))) - wanted))
        return float(value), slope + penalty * weights

    found = minimised(loss, np.zeros(len(names)))
    return {name: weight for name, weight in zip(names, found, strict=True) if abs(weight) >= SMALLEST or not name}


def minimised(loss: Callable[[Any], tuple[float, Any]], start: Any, steps: int = 150, memory: int = 10) -> Any:
    """Where the loss is least (L-BFGS: Nocedal and Wright, Numerical Optimization, algorithm 7.4)."""
    at, (value, slope) = start, loss(start)
    pairs: list[tuple[Any, Any]] = []
    for _ in range(steps):
        direction = slope.copy()
        factors = []
        for move, change in reversed(pairs):
            factors.append((move @ direction) / (change @ move))
            direction -= factors[-1] * change
        if pairs:
            direction *= (pairs[-1][0] @ pairs[-1][1]) / (pairs[-1][1] @ pairs[-1][1])
        else:
            direction /= max(1.0, float(np.linalg.norm(direction)))
        for (move, change), factor in zip(pairs, reversed(factors), strict=True):
            direction += (factor - (change @ direction) / (change @ move)) * move
        length, fall = 1.0, float(direction @ slope)
        while True:
            next_at = at - length * direction
            next_value, next_slope = loss(next_at)
            if next_value <= value - 1e-4 * length * fall or length < 1e-6:
                break
            length /= 2
        move, change = next_at - at, next_slope - slope
        if change @ move > 1e-10:
            pairs = [*pairs[1 - memory :], (move, change)]
        is_done = value - next_value < 1e-5 * abs(value)
        at, value, slope = next_at, next_value, next_slope
        if is_done:
            break
    return at


def scored(rows: Sequence[Sequence[str]], model: Model) -> list[float]:
    bias = model.get("", 0.0)
    return [bias + sum(model.get(name, 0.0) for name in set(row)) for row in rows]


def in_context(page: Example, scores: Sequence[float]) -> list[list[str]]:
    context = Context(page.features, scores)
    return [[*row, *context.of_block(at)] for at, row in enumerate(page.alone)]


def left_out(
    pages: Sequence[Example],
    rows: Sequence[Sequence[Sequence[str]]],
    own: Sequence[Example] = (),
    own_rows: Sequence[Sequence[Sequence[str]]] = (),
) -> list[list[float]]:
    """Scores of each page by a model that has not seen its site; what is our own is in all models."""
    found: list[list[float]] = [[] for _ in pages]
    for fold in range(FOLDS):
        kept = [at for at, page in enumerate(pages) if page.fold != fold]
        model = fit([*(pages[at] for at in kept), *own], [*(rows[at] for at in kept), *own_rows])
        for at, page in enumerate(pages):
            if page.fold == fold:
                found[at] = scored(rows[at], model)
    return found


def told(pages: Sequence[Example], scores: Sequence[Sequence[float]]) -> str:
    """Precision and recall by words, each page alike."""
    precision, recall = [], []
    for page, found in zip(pages, scores, strict=True):
        kept = sum(size for size, score in zip(page.features.sizes, found, strict=True) if score > 0)
        right = [label and score > 0 for label, score in zip(page.labels, found, strict=True)]
        both = sum(size for size, is_right in zip(page.features.sizes, right, strict=True) if is_right)
        gold = sum(size for size, label in zip(page.features.sizes, page.labels, strict=True) if label)
        precision.append(both / kept if kept else 0.0)
        recall.append(both / gold)
    return f"precision {np.mean(precision):.4f}, recall {np.mean(recall):.4f}, {len(pages)} pages"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", type=Path)
    parser.add_argument("--check", action="store_true", help="write no table")
    options = parser.parse_args()
    pages, own = list(examples(options.pages)), list(golden())
    alone, own_alone = [page.alone for page in pages], [page.alone for page in own]
    scores = left_out(pages, alone, own, own_alone)
    print("alone, sites left out:", told(pages, scores))
    first = fit([*pages, *own], [*alone, *own_alone])
    together = [in_context(page, found) for page, found in zip(pages, scores, strict=True)]
    own_together = [in_context(page, scored(page.alone, first)) for page in own]
    print("in context, sites left out:", told(pages, left_out(pages, together, own, own_together)))
    if not options.check:
        write(first, fit([*pages, *own], [*together, *own_together]))


def write(alone: Model, together: Model) -> None:
    names = sorted({*alone, *together})
    lines = [f"{name}\t{alone.get(name, 0):.2f}\t{together.get(name, 0):.2f}\n" for name in names]
    path = ROOT / "pipelines/data/block_weights.tsv"
    path.write_text("".join(lines), encoding="utf-8")
    print(f"{len(names)} features in {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
