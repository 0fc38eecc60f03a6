"""`python -m tests.benchmarks [NAME…]`: measures, and prints a Markdown table of figures with their goals.

python -m tests.benchmarks --quick            a tenth of the sizes, in some minutes
python -m tests.benchmarks texts --texts 5000
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import fields, replace
from pathlib import Path

from tests.benchmarks import (
    archives,
    cleaning,
    extraction,
    feeds,
    fleet,
    horizon,
    isolation,
    lake,
    minhash,
    path,
    schedule,
    tables,
    tagging,
)
from tests.benchmarks.figures import table

_MEASUREMENTS = {
    "extraction": extraction.extraction,
    "cleaning": cleaning.cleaning,
    "pages": path.pages,
    "texts": path.texts,
    "workers": path.workers,
    "memory": path.memory,
    "worker": isolation.worker,
    "lake": lake.lake,
    "horizon": horizon.horizon,
    "minhash": minhash.minhash,
    "feeds": feeds.feeds,
    "fleet": fleet.fleet,
    "schedule": schedule.schedule,
    "tables": tables.tables,
    "tagging": tagging.tagging,
    "archives": archives.archives,
}


def main() -> None:
    """Measure what was asked for, and end with 1 where a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(_MEASUREMENTS)}; all, if none is named")
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes, once")
    for size in fields(path.Sizes):
        parser.add_argument(f"--{size.name.replace('_', '-')}", type=int, metavar="N")
    options = parser.parse_args()
    if unknown := set(options.names) - set(_MEASUREMENTS):
        parser.error(f"there is no {min(unknown)}; there are: {', '.join(_MEASUREMENTS)}")
    stated = {s.name: getattr(options, s.name) for s in fields(path.Sizes) if getattr(options, s.name) is not None}
    sizes = replace(path.QUICK if options.quick else path.Sizes(), **stated)
    found = []
    for name in options.names or _MEASUREMENTS:
        with tempfile.TemporaryDirectory(prefix="newsmill-benchmark-") as place:
            for figure in _MEASUREMENTS[name](Path(place), sizes):
                found.append(figure)
                print(f"{figure.name}: {figure.value:.3g} {figure.unit}", file=sys.stderr, flush=True)
    print(table(found))
    sys.exit(not all(figure.is_met for figure in found))


if __name__ == "__main__":
    main()
