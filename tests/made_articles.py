"""Articles of made-up sources, with what recurs in them: planted boilerplate, and text that only looks like it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

_WORDS = """anchor barge beacon berth boat bridge buoy captain cargo channel chart clerk coast council crane crew
current deck dock engine ferry fisher fleet fog harbour hull island keel lamp ledger lighthouse mast mayor mooring
net oar pilot pier port quay rain rope sail sailor salt shore signal storm strait tide tower trawler vessel wave
wharf wind yard bought carried closed counted drew found held kept lost mended moved named opened raised reached
saw sold sought towed turned watched weighed""".split()


@dataclass(frozen=True)
class Planted:
    """A text that stands in a share of a source's articles; `{n}` is another number each time."""

    text: str
    share: float
    place: str
    """`first`, `last` or `amid`."""
    is_boilerplate: bool = True


SOURCES: dict[str, tuple[int, tuple[Planted, ...]]] = {
    "tide": (
        90,
        (
            Planted("The Tide, {n} Quay Street, Lindholm\nThe newsroom answers on {n}", 0.95, "last"),
            Planted(
                "“We never close the harbour, whatever the weather brings,” the mayor of Lindholm said.",
                0.1,
                "amid",
                False,
            ),
        ),
    ),
    "gull": (
        120,
        (
            Planted("Edition {n} of the Gull", 0.9, "first"),
            Planted("Weather and tides: see page {n}", 0.45, "last"),
            Planted("Swimmers, do meet the Gull at the beach on Sunday", 0.2, "amid"),
            Planted(
                "The ferry sank in the strait three winters ago, and nobody was ever charged for it.",
                0.35,
                "last",
                False,
            ),
        ),
    ),
    "skua": (
        100,
        (
            Planted("By Anna Lind", 0.6, "first", False),
            Planted("Letters from the mole", 0.25, "first", False),
            Planted("Anna Lind", 0.5, "last", False),
            Planted("Skua paper, printed on the island by its owners", 0.7, "last"),
        ),
    ),
    "kelp": (15, (Planted("The Kelp comes out on Fridays", 1.0, "last"),)),
}


def made(source: str, seed: int = 7) -> Iterator[str]:
    """The texts of a source, in the order of their days."""
    count, planted = SOURCES[source]
    dice = random.Random(f"{source}{seed}")
    for _ in range(count):
        parts = [_paragraph(dice) for _ in range(dice.randint(4, 9))]
        if dice.random() < 0.05:  # a song, whose refrain recurs in it alone
            refrain = _sentence(dice)
            parts = [part for paragraph in parts for part in (paragraph, refrain)]
        for one in planted:
            if dice.random() < one.share:
                text = one.text.replace("{n}", str(dice.randint(1, 9999))).replace("\n", "\n\n")
                at = {"first": 0, "last": len(parts), "amid": dice.randint(1, len(parts) - 1)}[one.place]
                parts.insert(at, text)
        yield "\n\n".join(parts)


def _paragraph(dice: random.Random) -> str:
    return " ".join(_sentence(dice) for _ in range(dice.randint(2, 4)))


def _sentence(dice: random.Random) -> str:
    words = [dice.choice(_WORDS) for _ in range(dice.randint(7, 14))]
    return f"The {' '.join(words)}."
