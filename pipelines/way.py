"""The way of one document, from bytes to rows: the pure steps in their order.

Nothing here knows of Beam, of processes or of the lake.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from connectors.document import Document
from pipelines.extract import extract
from pipelines.fingerprint import Made, fingerprint, rejected
from pipelines.read import Limits, decode, fetch
from pipelines.strip import Rules, load_rules, strip
from pipelines.tag import Gazetteer, load_gazetteer, tag
from pipelines.values import Raw, Rejected
from pipelines.version import pipeline_version


@dataclass(frozen=True)
class Way:
    """The steps with what they are given: rules, gazetteer and limits are arguments, not state."""

    rules: Rules = field(default_factory=load_rules)
    gazetteer: Gazetteer = field(default_factory=load_gazetteer)
    version: str = field(default_factory=pipeline_version)
    limits: Limits = field(default_factory=Limits)
    payload_limit: int = 1024 * 1024
    """Bytes up to which the payload of a reject is kept."""

    def __call__(self, document: Document) -> Made:
        """All rows of the document: an article with its tags and removals, or a reject."""
        data, raw = document.data or b"", None
        try:
            data = fetch(document, self.limits)
            raw = decode(document, data)
            extracted = extract(raw)
            stripped = strip(extracted, self.rules, document.source)
            tagged = tag(extracted, stripped, self.gazetteer)
        except Rejected as verdict:
            return self.reject(document, data, verdict, raw)
        return fingerprint(document, raw, extracted, stripped, tagged, pipeline_version=self.version)

    def reject(self, document: Document, data: bytes, verdict: Rejected, raw: Raw | None = None) -> Made:
        """The rows of a document that became no article."""
        return rejected(
            document,
            data,
            verdict,
            media_type=raw.media_type if raw else None,
            charset=raw.charset if raw else None,
            pipeline_version=self.version,
            payload_limit=self.payload_limit,
            clock=datetime.now(UTC),
        )
