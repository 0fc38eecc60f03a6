"""Tagging and fingerprinting: articles a second, a core, and what the subjects take of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from connectors.document import Document
from pipelines.extract import extract
from pipelines.fingerprint import fingerprint
from pipelines.read import decode
from pipelines.strip import Rules, load_rules, strip
from pipelines.subject_terms import find_subjects
from pipelines.tag import load_gazetteer, tag
from pipelines.values import Extracted, Raw, Stripped
from tests.benchmarks.corpus import texts
from tests.benchmarks.figures import Figure
from tests.benchmarks.path import Sizes
from warehouse.rows import Role

_TEXTS = 1_000
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class _Sample:
    document: Document
    raw: Raw
    extracted: Extracted
    stripped: Stripped


def tagging(_: Path, sizes: Sizes) -> Iterator[Figure]:
    """Texts of 2–4 KB, already read and stripped: tagged and fingerprinted, and their subjects found alone."""
    rules = load_rules()
    samples = [_sample(number, text, rules) for number, text in enumerate(texts(_TEXTS))]
    words = sum(len(sample.stripped.body.split()) for sample in samples) / len(samples)
    gazetteer = load_gazetteer()

    def whole(sample: _Sample) -> None:
        tagged = tag(sample.extracted, sample.stripped, gazetteer)
        fingerprint(sample.document, sample.raw, sample.extracted, sample.stripped, tagged, pipeline_version="bench")

    def subjects(sample: _Sample) -> None:
        find_subjects(sample.extracted.headline, sample.stripped.body, "en")

    rounds = max(sizes.rounds, _ROUNDS)
    name = f"texts of {words:.0f} words"
    yield Figure(
        f"{name} tagged and fingerprinted a core", 1e6 / _us(whole, samples, rounds), "/s", 1_500, is_floor=True
    )
    yield Figure(f"subjects of {name}", _us(subjects, samples, rounds), "µs", 200)


def _sample(number: int, text: str, rules: Rules) -> _Sample:
    data = text.encode()
    document = Document(
        source="bench",
        role=Role.FILE,
        address=f"{number}.txt",
        uri="",
        fetched_at=datetime(2031, 3, 1, tzinfo=UTC),
        data=data,
    )
    raw = decode(document, data)
    extracted = extract(raw)
    return _Sample(document, raw, extracted, strip(extracted, rules, "bench"))


def _us(step: Callable[[_Sample], None], samples: list[_Sample], rounds: int) -> float:
    """Microseconds of processor time that the step takes for a sample, in the best round."""
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        for sample in samples:
            step(sample)
        times.append(time.process_time() - begin)
    return 1e6 * min(times) / len(samples)
