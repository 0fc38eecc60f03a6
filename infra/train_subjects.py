# ruff: noqa: INP001  a script of its own
"""Learns from texts how far each term of `subject_terms.txt` is to be trusted: the weights of a linear model.

Usage: `python infra/train_subjects.py TEXTS…`, where each is a folder of `.txt` files or a `.jsonl` file of objects with
`body` and, if known, `headline` and `group` (publisher or story: what a group says counts once). English only. Writes
`pipelines/data/subject_weights.txt`, which holds terms and weights and nothing of the texts.

No labels are needed: the terms are the teacher. A term is worth less where the rest of a text speaks for another
subject, leave-one-out, shrunk to the weight that it was given by hand. That is one round of self-training: Yarowsky,
"Unsupervised word sense disambiguation rivaling supervised methods", ACL 1995.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pipelines import subject_terms  # noqa: E402

TABLE = ROOT / "pipelines" / "data" / "subject_weights.txt"
FEWEST_TEXTS = 1_000
FEWEST_GROUPS = 4
BELIEF = 4.0
"""Groups that the weight given by hand is worth."""
LEAST_TRUST, FULL_TRUST = 0.3, 0.85
AGREES = 0.35
"""The part of the best subject's weight that a term's own subject has without it."""


@dataclass(frozen=True)
class Text:
    group: str
    headline: str
    body: str


def texts(paths: list[Path]) -> Iterator[Text]:
    """Every text of the folders and files."""
    for path in paths:
        if path.is_dir():
            for file in sorted(path.rglob("*.txt")):
                headline, _, body = file.read_text(encoding="utf-8", errors="replace").partition("\n")
                yield Text(str(file), headline, body)
        else:
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
                row = json.loads(line)
                yield Text(str(row.get("group", f"{path}#{number}")), row.get("headline") or "", row["body"])


Agreed = dict[str, dict[str, list[bool]]]
"""Term → group → whether the rest of each text agreed."""


def agreed(all_texts: Iterator[Text]) -> Agreed:
    """Reads the texts with the terms as they were given."""
    ready = subject_terms.terms_of("en", learned=False)
    found: Agreed = defaultdict(lambda: defaultdict(list))
    for text in all_texts:
        counts = subject_terms.count_terms(ready, text.headline, text.body)
        weights = subject_terms.weights_of(counts)
        tops = {code: weight for code, weight in weights.items() if code in subject_terms.LEANING}
        for term, count in counts.items():
            own = {code: weight for code, weight in term.weights.items() if code in tops}
            rest = {code: weight - own.get(code, 0.0) * count for code, weight in tops.items()}
            if own and max(rest.values()) > 0:
                found[term.text][text.group].append(max(rest[code] for code in own) >= AGREES * max(rest.values()))
    return found


def trust(found: Agreed) -> dict[str, float]:
    """How far each term is to be trusted, where that is not nearly wholly."""
    trusted = {}
    for term, by_group in found.items():
        total = sum(sum(each) / len(each) for each in by_group.values())
        part = max(LEAST_TRUST, (BELIEF + total) / (BELIEF + len(by_group)))
        if len(by_group) >= FEWEST_GROUPS and part < FULL_TRUST:
            trusted[term] = part
    return trusted


def main() -> None:
    """Read the texts and write the table."""
    all_texts = list(texts([Path(name) for name in sys.argv[1:]]))
    if len(all_texts) < FEWEST_TEXTS:
        sys.exit(
            f"{len(all_texts)} texts are too few to learn from: {FEWEST_TEXTS:,} are needed; {TABLE} stays as it is"
        )
    trusted = trust(agreed(iter(all_texts)))
    head = "# Made by infra/train_subjects.py: a term of subject_terms.txt, how far it is to be trusted.\n"
    lines = "".join(f"{term}|{part:.2f}\n" for term, part in sorted(trusted.items()))
    TABLE.write_text(head + lines, encoding="utf-8")
    print(f"{len(trusted)} terms are trusted less than was given")


if __name__ == "__main__":
    main()
