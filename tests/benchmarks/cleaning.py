"""Finding the article in the text of a whole page."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

from pipelines.layout import lay_out
from pipelines.page_text import find_page
from tests.benchmarks.corpus import SHARED
from tests.benchmarks.figures import Figure
from tests.benchmarks.path import Sizes
from tests.kills.corpus import text

_ROUNDS = 5
_WORDS = (
    "Home News World Politics Business Sport Culture Weather Opinion Video Podcasts Subscribe Newsletters Contact "
    "About Careers Privacy Cookies Terms Help Share Facebook Twitter Comments Related Trending Search Menu Login"
).split()


def cleaning(_: Path, sizes: Sizes) -> Iterator[Figure]:
    """Whole pages a second, a core: of real ones, or self-made ones of 9 KiB where there are none."""
    folder = SHARED / "text" / "fullpage-html-text"
    real = [path.read_text("utf-8") for path in sorted(folder.glob("*.txt"))]
    pages = [lay_out(page) for page in real or map(_page, range(168))]
    rates = []
    for _round in range(max(sizes.rounds, _ROUNDS)):
        begin = time.process_time()
        found = sum(find_page(page) is not None for page in pages)
        rates.append(len(pages) / (time.process_time() - begin))
        if found * 10 < len(pages) * 9:
            raise AssertionError(f"{found} of {len(pages)} pages were recognised")
    size = sum(map(len, pages)) / len(pages) / 1000
    name = f"whole pages cleaned a core, {size:.0f},000 characters, {'real' if real else 'made'}"
    yield Figure(name, max(rates), "/s", 400, is_floor=True)


def _page(number: int) -> str:
    dice = random.Random(number)
    menu = [" ".join(dice.choices(_WORDS, k=dice.randint(1, 4))) for _ in range(150)]
    article = "\n\n".join(text(number + other) for other in range(3))
    return "\n\n".join([f"Story {number} of the day", "\n".join(menu[:90]), article, "\n".join(menu[90:])])
