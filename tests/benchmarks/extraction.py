"""Extraction beside the libraries it could be left to, on the same pages in one run: pages a second a core, and F1."""

from __future__ import annotations

import gzip
import html
import json
import os
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from statistics import mean, median

from connectors.document import Document
from pipelines.page.article import extract_html
from pipelines.values import Rejected
from pipelines.way import Way
from pipelines.workers import WorkerLimits, Workers
from tests.benchmarks.corpus import SHARED, texts
from tests.benchmarks.figures import Figure
from tests.benchmarks.path import Sizes
from warehouse.rows import Role

_GOLDEN = Path(__file__).parents[1] / "golden" / "pages"
_GROUP = 20
Reader = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Sample:
    """A page, and the text of its article as a person marked it."""

    url: str
    html: str
    gold: str


def extraction(_: Path, sizes: Sizes) -> Iterator[Figure]:
    """Each set in turn: speed of each, the ratio to trafilatura alone, and the F1 of the bodies."""
    for name, samples in _sets().items():
        yield from _compared(name, samples[: sizes.pages], sizes.rounds)
    yield from _by_workers(sizes)


def _sets() -> dict[str, list[Sample]]:
    if SHARED.is_dir():
        return {"scrapinghub": _scrapinghub(), "fundus": _fundus()}
    return {"golden pages": _golden()}


def _scrapinghub() -> list[Sample]:
    base = SHARED / "html" / "scrapinghub"
    gold = json.loads((base / "ground-truth.json").read_text())
    return [
        Sample(row["url"], _unpacked(base / "html" / f"{key}.html.gz"), row["articleBody"]) for key, row in gold.items()
    ]


def _fundus() -> list[Sample]:
    base, found = SHARED / "html" / "fundus-tests", []
    for key, row in json.loads((base / "index.json").read_text()).items():
        if not (base / row["expected"]).exists():
            continue
        versions = json.loads((base / row["expected"]).read_text()).values()
        golds = [_section_text(v["body"]) for v in versions if isinstance(v, dict) and v.get("body")]
        if golds:
            page = _unpacked(base / key)
            found.append(Sample(row["url"], page, max(golds, key=lambda gold: _share_within(gold, page))))
    return found


def _golden() -> list[Sample]:
    found = []
    for path in sorted(_GOLDEN.glob("*.html")):
        want = json.loads(path.with_name(f"{path.stem}.expected.json").read_text(encoding="utf-8"))
        try:
            page = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # of another character set: decoding is not what is measured
            continue
        found.append(Sample(want["url"], page, "\n\n".join(want["body"])))
    return found


def _unpacked(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode("utf-8", "replace")


def _section_text(body: dict[str, list[dict[str, list[str]]]]) -> str:
    parts = [*body.get("summary", [])]
    for section in body["sections"]:
        parts += [*section["headline"], *section["paragraphs"]]
    return "\n".join(map(str, parts))


def _share_within(text: str, page: str) -> float:
    """Which of several gold texts belongs to a saved page: the one whose shingles it holds."""
    wanted = _shingles(text)
    return (wanted & _shingles(html.unescape(re.sub(r"<[^>]+>", " ", page)))).total() / max(1, wanted.total())


# Speed and quality of each


def _newsmill(page: str, url: str) -> str:
    try:
        return extract_html(page, url).text
    except Rejected:
        return ""


def _trafilatura(page: str, url: str) -> str:
    from trafilatura import bare_extraction

    found = bare_extraction(page, url=url, include_comments=False, with_metadata=True)
    return (found.text or "") if found else ""


def _resiliparse(page: str, _: str) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    return extract_plain_text(page, main_content=True)


_READERS: dict[str, Reader] = {"newsmill": _newsmill, "trafilatura": _trafilatura}
if find_spec("resiliparse"):
    _READERS["resiliparse"] = _resiliparse


def _compared(name: str, samples: Sequence[Sample], rounds: int) -> Iterator[Figure]:
    """Page by page in turn, so that a busy machine weighs on all of them."""
    seconds: dict[str, list[float]] = {reader: [] for reader in _READERS}
    found: dict[str, list[str]] = {}
    for reader in _READERS.values():
        reader(samples[0].html, samples[0].url)
    for _ in range(rounds):
        spent = dict.fromkeys(_READERS, 0.0)
        found = {reader: [] for reader in _READERS}
        for sample in samples:
            for reader, read in _READERS.items():
                begin = time.process_time()
                text = read(sample.html, sample.url)
                spent[reader] += time.process_time() - begin
                found[reader].append(text)
        for reader, spent_s in spent.items():
            seconds[reader].append(spent_s)
        if newspaper := _newspaper(samples):
            seconds.setdefault("newspaper4k", []).append(newspaper[0])
            found["newspaper4k"] = newspaper[1]
    for reader, spent_s in seconds.items():
        yield Figure(f"{name}: {reader}, pages a second a core", len(samples) / median(spent_s), "/s")
        yield Figure(f"{name}: {reader}, F1 of bodies", _f1(samples, found[reader]), "")
    if "newspaper4k" not in seconds:
        yield Figure(f"{name}: newspaper4k is not installed (NEWSPAPER_PYTHON)", float("nan"), "")
    if "resiliparse" not in seconds:
        yield Figure(f"{name}: resiliparse is not installed", float("nan"), "")
    ratios = [ours / theirs for ours, theirs in zip(seconds["newsmill"], seconds["trafilatura"], strict=True)]
    yield Figure(f"{name}: newsmill to trafilatura alone, CPU", median(ratios), "×", 1.35)


def _newspaper(samples: Sequence[Sample]) -> tuple[float, list[str]] | None:
    python = os.environ.get("NEWSPAPER_PYTHON")
    if not python:
        return None
    lines = "".join(json.dumps({"url": sample.url, "html": sample.html}) + "\n" for sample in samples)
    script = Path(__file__).with_name("other_python.py")
    done = subprocess.run([python, script], input=lines, stdout=subprocess.PIPE, text=True, check=True)
    answer = json.loads(done.stdout)
    return answer["seconds"], answer["texts"]


def _shingles(text: str) -> Counter[tuple[str, ...]]:
    words = re.findall(r"\w+", text)
    return Counter(tuple(words[i : i + 4]) for i in range(max(1, len(words) - 3)) if words)


def _f1(samples: Sequence[Sample], found: Sequence[str]) -> float:
    """Of the mean precision over pages with a text and the mean recall over those with a gold one."""
    precisions, recalls = [], []
    for sample, text in zip(samples, found, strict=True):
        gold, got = _shingles(sample.gold), _shingles(text)
        both = (gold & got).total()
        if got:
            precisions.append(both / got.total())
        if gold:
            recalls.append(both / gold.total())
    p, r = mean(precisions), mean(recalls)
    return 2 * p * r / (p + r)


# Worker processes


def _by_workers(sizes: Sizes) -> Iterator[Figure]:
    """Two worker processes against one, by the clock, without what comes before and after them."""
    samples = [sample for found in _sets().values() for sample in found][: sizes.pages]
    pages = [_document(n, sample.url, sample.html.encode(), "text/html") for n, sample in enumerate(samples)]
    plain = [_document(n, None, text.encode(), "text/plain") for n, text in enumerate(texts(sizes.texts // 10))]
    for what, documents, goal in (("pages", pages, 1.7), ("texts", plain, None)):
        ratios = [_workers_s(documents, 1) / _workers_s(documents, 2) for _ in range(sizes.rounds)]
        yield Figure(f"two workers to one, {len(documents):,} {what}", median(ratios), "×", goal, is_floor=True)


def _document(number: int, url: str | None, data: bytes, media_type: str) -> Document:
    address = url or f"{number}.txt"
    role = Role.PAGE if url else Role.FILE
    now = datetime.now(UTC)
    return Document(
        source="bench",
        role=role,
        address=address,
        uri=address,
        url=url,
        fetched_at=now,
        media_type=media_type,
        data=data,
    )


def _workers_s(documents: Sequence[Document], processes: int) -> float:
    """Seconds on the clock from the first group to the last, the processes warm."""
    groups = [tuple(documents[n : n + _GROUP]) for n in range(0, len(documents), _GROUP)]
    workers = Workers(Way(), WorkerLimits(processes=processes))
    try:
        for started in [workers.start(groups[0]) for _ in range(2 * processes)]:
            workers.finish(started)
        begin = time.perf_counter()
        for started in [workers.start(group) for group in groups]:
            workers.finish(started)
        return time.perf_counter() - begin
    finally:
        workers.close()
