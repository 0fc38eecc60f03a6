# ruff: noqa: INP001  a script of its own
"""Trains the table that finds the article in a whole page's text: `pipelines/data/page_text.tsv`.

    python infra/train_page_text.py PAGES.jsonl --folds 4      cross-validated by site, nothing is written
    python infra/train_page_text.py PAGES.jsonl

Each row of PAGES.jsonl has `site`, `text` (a page as plain text, everything on it), `body` (the article alone) and, if
it should not count as one page, `weight`. The pages themselves are not part of the project. The model is a linear-chain
conditional random field (Lafferty et al. 2001), fitted by Adam (Kingma and Ba 2015); it needs numpy.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from pipelines import page_text
from pipelines.layout import lay_out
from pipelines.normalise import clean
from pipelines.page_lines import Line, describe

TABLE = Path(page_text.__file__).with_name("data") / "page_text.tsv"
_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")
_STATES = page_text.STATES
_COUNT = len(_STATES)
_SHORTEST_MATCH = 4
_GAP_COST = 6.0
_NEVER = -1e9
_TEMPER = 0.3
"""What weights are multiplied by: on other sites' pages a model is far less sure than on its own (Guo et al. 2017)."""


@dataclass
class Example:
    """A page with the state of each of its lines."""

    site: str
    weight: float
    text: str
    body: str
    lines: list[Line]
    states: list[int]


def read_examples(path: Path) -> list[Example]:
    """The pages whose article was found in them."""
    examples = []
    with path.open(encoding="utf-8") as rows:
        for row in map(json.loads, rows):
            text = lay_out(clean(row["text"]))
            lines = describe(text).lines
            states = _states([text[line.start : line.end] for line in lines], row["body"])
            if states:
                examples.append(Example(row["site"], row.get("weight", 1.0), text, row["body"], lines, states))
    return examples


def _states(lines: list[str], body: str) -> list[int]:
    is_article = _in_body(lines, body)
    first, last = _densest(lines, is_article)
    if last < first:
        return []
    before, start, article, gap, behind, rest = range(_COUNT)
    inside = [article if is_in else gap for is_in in is_article[first : last + 1]]
    after = len(lines) - last - 1
    return [before] * first + [start, *inside[1:]] + [behind] * min(after, 1) + [rest] * (after - 1)


def _in_body(lines: list[str], body: str) -> list[bool]:
    """Which lines the article's words run through, in their order."""
    tokens = [_TOKEN.findall(line) for line in lines]
    owners = [number for number, found in enumerate(tokens) for _ in found]
    flat = [token for found in tokens for token in found]
    hits = [0] * len(lines)
    for match in difflib.SequenceMatcher(None, flat, _TOKEN.findall(body), autojunk=False).get_matching_blocks():
        for at in range(match.a, match.a + match.size):
            hits[owners[at]] += match.size >= min(_SHORTEST_MATCH, len(tokens[owners[at]]))
    found = [bool(words) and 2 * hit >= len(words) for hit, words in zip(hits, tokens, strict=True)]
    return [
        is_in or (not words and 0 < at < len(lines) - 1 and found[at - 1] and found[at + 1])
        for at, (is_in, words) in enumerate(zip(found, tokens, strict=True))
    ]


def _densest(lines: list[str], is_article: list[bool]) -> tuple[int, int]:
    best = total = 0.0
    first = start = 0
    last = -1
    for at, (line, is_in) in enumerate(zip(lines, is_article, strict=True)):
        if total <= 0:
            start, total = at, 0.0
        total += len(line) if is_in else -min(len(line), 60) / 4 - _GAP_COST
        if total > best:
            best, first, last = total, start, at
    return first, last


class Model:
    """Weights of features and of steps between states, fitted to examples."""

    def __init__(self, examples: list[Example], fewest: int) -> None:
        examples = sorted(examples, key=lambda example: -len(example.lines))
        counts = Counter(feature for example in examples for line in example.lines for feature in line.features)
        self.names = sorted(name for name, count in counts.items() if count >= fewest)
        numbers = {name: number for number, name in enumerate(self.names)}
        self.features: list[int] = []
        begins = []
        for line in (line for example in examples for line in example.lines):
            begins.append(len(self.features))
            self.features += [numbers[name] for name in line.features if name in numbers]
        self.index = np.array(self.features)
        self.begins = np.array(begins)
        self.row = np.repeat(np.arange(len(begins)), np.diff([*begins, len(self.features)]))
        self.gold = np.array([state for example in examples for state in example.states])
        self.lengths = np.array([len(example.lines) for example in examples])
        self.offsets = np.concatenate([[0], np.cumsum(self.lengths)[:-1]])
        self.page_weights = np.array([example.weight for example in examples])
        self.line_weights = np.repeat(self.page_weights, self.lengths)
        self.weights = np.zeros((len(self.names), _COUNT))
        self.then = np.zeros((_COUNT, _COUNT))
        self.starts = np.zeros(_COUNT)
        self.ends = np.zeros(_COUNT)

    def fit(self, steps: int, decay: float, rate: float = 0.25) -> None:
        """Climb the likelihood of the states, less `decay` times half the squared weights."""
        values = [self.weights, self.then, self.starts, self.ends]
        means = [np.zeros_like(value) for value in values]
        squares = [np.zeros_like(value) for value in values]
        for step in range(1, steps + 1):
            pace = rate * (1 - step / (steps + 1)) ** 0.5
            for value, slope, mean, square in zip(values, self._slopes(), means, squares, strict=True):
                climb = slope - decay * value
                np.add(mean, 0.1 * (climb - mean), out=mean)
                np.add(square, 0.02 * (climb**2 - square), out=square)
                scale = np.sqrt(square / (1 - 0.98**step)) + 1e-8
                np.add(value, pace * mean / (1 - 0.9**step) / scale, out=value)

    def _slopes(self) -> list[Any]:
        allowed = np.array([[0.0 if b in page_text.NEXT[a] else _NEVER for b in _STATES] for a in _STATES])
        then = self.then + allowed
        starts = self.starts + np.array([0.0, 0.0, _NEVER, _NEVER, _NEVER, _NEVER])
        ends = self.ends + np.array([_NEVER, 0.0, 0.0, _NEVER, 0.0, 0.0])
        score = np.add.reduceat(self.weights[self.index], self.begins, axis=0)
        forward, backward = np.empty_like(score), np.empty_like(score)
        final = self.offsets + self.lengths - 1
        forward[self.offsets] = starts + score[self.offsets]
        backward[final] = ends
        alive = [int((self.lengths > at).sum()) for at in range(self.lengths.max())]
        for at, count in enumerate(alive[1:], 1):
            here = self.offsets[:count] + at
            forward[here] = _log_sum(forward[here - 1][:, :, None] + then, 1) + score[here]
        for at in range(len(alive) - 2, -1, -1):
            here = self.offsets[: alive[at + 1]] + at
            backward[here] = _log_sum(then + (score[here + 1] + backward[here + 1])[:, None, :], 2)
        total = np.repeat(_log_sum(forward[final] + ends, 1), self.lengths)
        chance = np.exp(forward + backward - total[:, None]) * self.line_weights[:, None]
        slope = -chance
        slope[np.arange(len(self.gold)), self.gold] += self.line_weights
        by_feature = [np.bincount(self.index, slope[self.row, state], len(self.names)) for state in range(_COUNT)]
        later = np.setdiff1d(np.arange(len(self.gold)), self.offsets)
        steps = forward[later - 1][:, :, None] + then + (score[later] + backward[later])[:, None, :]
        by_step = -(np.exp(steps - total[later][:, None, None]) * self.line_weights[later][:, None, None]).sum(0)
        np.add.at(by_step, (self.gold[later - 1], self.gold[later]), self.line_weights[later])
        return [np.stack(by_feature, 1), by_step, slope[self.offsets].sum(0), slope[final].sum(0)]

    def write(self, path: Path) -> None:
        """The table that `pipelines.page_text` reads."""
        rows = {"starts": self.starts, "ends": self.ends}
        rows |= {f"then:{state}": row for state, row in zip(_STATES, self.then, strict=True)}
        rows |= dict(zip(self.names, self.weights, strict=True))
        head = ["# Made by infra/train_page_text.py: what each sign of a line says for each state.", "# feature\t"]
        head[1] += "\t".join(_STATES)
        lines = [
            "\t".join([name, *(f"{number * _TEMPER:.3f}" for number in numbers)]) for name, numbers in rows.items()
        ]
        path.write_text("\n".join([*head, *lines, ""]), encoding="utf-8")


def _log_sum(values: Any, axis: int) -> Any:
    top = values.max(axis=axis, keepdims=True)
    return (top + np.log(np.exp(values - top).sum(axis=axis, keepdims=True))).squeeze(axis)


def overlap(gold: str, found: str) -> tuple[float, float]:
    """Precision and recall of the runs of four words."""
    wanted, had = _runs(gold), _runs(found)
    both = sum((wanted & had).values())
    return both / max(1, sum(had.values())), both / max(1, sum(wanted.values()))


def _runs(text: str) -> Counter[tuple[str, ...]]:
    words = re.findall(r"\w+", text)
    return Counter(tuple(words[at : at + 4]) for at in range(max(1, len(words) - 3)))


def evaluate(model: page_text.Model, examples: list[Example]) -> list[tuple[float, float]]:
    """Precision and recall of each page's lines that a model would keep."""
    found = []
    for example in examples:
        keeps = page_text.kept_lines(example.lines, page_text.article_chances(example.lines, model), model)
        kept = [line for line, is_kept in zip(example.lines, keeps, strict=True) if is_kept]
        found.append(overlap(example.body, "\n".join(example.text[line.start : line.end] for line in kept)))
    return found


def _fold(site: str, folds: int) -> int:
    return int(hashlib.sha256(site.encode()).hexdigest(), 16) % folds


def main() -> None:
    """Train on all pages and write the table, or cross-validate."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("pages", type=Path)
    parser.add_argument("--folds", type=int, default=0)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--decay", type=float, default=2.0, help="how strongly weights are drawn to 0")
    parser.add_argument("--fewest", type=int, default=5, help="lines that a feature must have been seen in")
    parser.add_argument("--out", type=Path, default=TABLE)
    options = parser.parse_args()
    examples = read_examples(options.pages)
    found: list[tuple[float, float]] = []
    for fold in range(options.folds or 1):
        train = [e for e in examples if not options.folds or _fold(e.site, options.folds) != fold]
        model = Model(train, options.fewest)
        model.fit(options.steps, options.decay)
        out = options.out if not options.folds else options.out.with_suffix(".fold")
        model.write(out)
        if options.folds:
            found += evaluate(page_text.read_model(out), [e for e in examples if _fold(e.site, options.folds) == fold])
            out.unlink()
    if found:
        precision, recall = (sum(values) / len(values) for values in zip(*found, strict=True))
        print(f"{len(found)} pages: F1 {2 * precision * recall / (precision + recall):.3f}", end=", ")
        print(f"precision {precision:.3f}, recall {recall:.3f}")


if __name__ == "__main__":
    main()
