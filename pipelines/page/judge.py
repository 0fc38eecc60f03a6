"""Which blocks of a page are its article: two logistic regressions over `pipelines.page.features`.

The first sees each block alone, the second also what its neighbours were taken for (Wolpert, "Stacked generalization",
1992). The table of weights is made by `infra/train_blocks.py`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pipelines.page.features import Context, Features

_TABLE = Path(__file__).resolve().parents[1] / "data" / "block_weights.tsv"
_NOTHING = (0.0, 0.0)


@cache
def weights() -> dict[str, tuple[float, float]]:
    """The weight of each feature for a block alone and in context; that of the empty name counts for all blocks."""
    lines = _TABLE.read_text("utf-8").splitlines()
    return {name: (float(alone), float(both)) for name, alone, both in (line.split("\t") for line in lines)}


def scores(features: Features) -> list[float]:
    """Log-odds of each block that it is part of the article."""
    table = weights()
    bias = table.get("", _NOTHING)
    of_places: dict[int, tuple[float, float]] = {}
    alone, both = [], []
    for at, block in enumerate(features.blocks):
        place = block.place
        of_place = of_places.get(place.number)
        if of_place is None:
            of_place = of_places[place.number] = _sum(table, features.of_place(place))
        of_text = _sum(table, features.of_text(at))
        alone.append(bias[0] + of_place[0] + of_text[0])
        both.append(bias[1] + of_place[1] + of_text[1])
    context = Context(features, alone)
    return [score + _sum(table, context.of_block(at))[1] for at, score in enumerate(both)]


def _sum(table: dict[str, tuple[float, float]], names: list[str]) -> tuple[float, float]:
    alone = both = 0.0
    for name in names:
        weight = table.get(name)
        if weight:
            alone += weight[0]
            both += weight[1]
    return alone, both
