"""A small folder of news with everything in it that a load treats in its own way, as it was and as it is later."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SOURCE = "news"
BRIDGE = "https://daily-lantern.example/bridge"
FERRY = "https://daily-lantern.example/ferry"
_PLACES = ("Podgrane", "Lisund", "Marrow Bay", "Old Ferry", "Tarnfield", "Upper Aske", "Venn", "Quillport")
_EVENTS = (
    "the council closed the swing bridge for repairs after an inspection found rust in two of its bearings",
    "a barge ran aground below the lock and blocked the river for most of the working day",
    "the orchestra opened its season with a symphony that nobody in the hall had heard before",
    "voters rejected the plan for a second tram line by a margin of four hundred ballots",
    "a late frost took half of the plum blossom, and growers asked the province for help",
)


@dataclass(frozen=True, slots=True)
class Corpus:
    """The folder in two states, at two places: the second is backfilled under the first one's name."""

    before: Path
    after: Path


def make(folder: Path) -> Corpus:
    """Write both states below `folder`; the times of files are fixed, so every home learns the same of them."""
    corpus = Corpus(folder / "before" / SOURCE, folder / "after" / SOURCE)
    files = _texts() | _copies() | _rejects() | _rows() | {"archive/bundle.zip": _archive(7)}
    _write(corpus.before, files, minute=0)
    _write(corpus.after, files, minute=0)
    for name in ("texts/03.txt", "texts/04.txt"):
        (corpus.after / name).unlink()
    _write(corpus.after, _changes(), minute=60)
    return corpus


def text(number: int, extra: str = "") -> str:
    """A text of three paragraphs that no other number gives."""
    place, event = _PLACES[number % 8], _EVENTS[number % 5]
    return (
        f"{place} turns a page, part {number}\n\n"
        f"On day {number} of the month {event}. People in {place} spoke of little else{extra}.\n\n"
        f"Also read: What {place} did last year, in {number} pictures\n\n"
        f"The mayor of {place} promised an answer within {number + 2} weeks and thanked everyone who had helped.\n"
    )


def _texts() -> dict[str, bytes]:
    return {f"texts/{n:02}.txt": text(n).encode() for n in range(20)}


def _copies() -> dict[str, bytes]:
    return {f"copies/{n:02}.txt": text(n).encode() for n in (1, 2, 5)} | {"copies/again-05.txt": text(5).encode()}


def _rejects() -> dict[str, bytes]:
    return {"odd/empty.txt": b"", "odd/blank.txt": b" \n\n \n", "odd/noise.bin": bytes(range(256)) * 8}


def _rows() -> dict[str, bytes]:
    rows = [_row(n) for n in range(100, 130)]
    rows[4] |= {"url": BRIDGE, "modified": "2024-03-02T10:00:00Z"}
    rows[9] = {"id": "r109", "tags": ["empty"]}
    rows[20] |= {"url": FERRY}
    later = [_row(n) for n in range(140, 146)]
    later[3] |= {"url": BRIDGE, "modified": "2024-03-04T10:00:00Z"}
    return {"rows/a.jsonl": _lines(rows) + b"{broken\n", "rows/b.jsonl": _lines(later)}


def _changes() -> dict[str, bytes]:
    """Edits, a mended reject, a copy that is none any more, new files, and an old content that comes late."""
    rows = [_row(n, ", as they had the year before") if n == 102 else _row(n) for n in range(100, 133)]
    rows[4] |= {"url": BRIDGE, "modified": "2024-03-02T10:00:00Z"}
    rows[20] |= {"url": FERRY}
    early = _row(150) | {"url": BRIDGE, "modified": "2024-03-01T10:00:00Z"}
    return {
        "texts/07.txt": text(7, ", and some of nothing else").encode(),
        "texts/08.txt": text(8, ", and some of nothing else").encode(),
        "copies/01.txt": text(1, ", even in the next valley").encode(),
        "odd/empty.txt": text(60).encode(),
        "odd/void.txt": b"\n",
        "rows/a.jsonl": _lines(rows),
        "rows/c.jsonl": _lines([early, _row(151)]),
        "archive/bundle.zip": _archive(9),
        **{f"texts/{n}.txt": text(n).encode() for n in range(70, 75)},
        "copies/70.txt": text(70).encode(),
    }


def _row(number: int, extra: str = "") -> dict[str, Any]:
    return {"id": f"r{number}", "text": text(number, extra), "tags": ["province", f"series {number % 3}"]}


def _lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def _archive(members: int) -> bytes:
    from io import BytesIO

    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(members):
            info = zipfile.ZipInfo(f"week/{number}.txt", (2024, 3, 1, 8, number, 0))
            archive.writestr(info, text(200 + number))
        archive.writestr(zipfile.ZipInfo("week/picture.png", (2024, 3, 1, 8, 0, 0)), b"\x89PNG\r\n\x1a\n" + bytes(64))
    return stream.getvalue()


def _write(folder: Path, files: Mapping[str, bytes], *, minute: int) -> None:
    start = datetime(2024, 3, 5, tzinfo=UTC).timestamp() + 60 * minute
    for number, (name, data) in enumerate(sorted(files.items())):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (start + number, start + number))
