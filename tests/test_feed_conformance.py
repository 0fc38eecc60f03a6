"""All feeds of the development data go through, and feedparser's own cases hold."""

from __future__ import annotations

from collections import Counter

import pytest

from connectors.feed import NotAFeedError, read_feed
from tests.feed_conformance import CASES, failures

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the development data is not beside the project")


def test_every_feed_goes_through():
    found: Counter[str] = Counter()
    for path in CASES.parent.rglob("*"):
        if path.is_file():
            try:
                feed = read_feed(path.read_bytes(), url="https://feeds.example/feed.xml")
            except NotAFeedError:
                found["none"] += 1
            else:
                found["feeds"] += 1
                found["entries"] += len(feed.entries)
    assert found["feeds"] >= 1990
    assert found["entries"] >= 3640
    assert found["none"] <= 40


def test_the_cases_of_feedparser_hold():
    failed = list(failures())
    assert len(list(CASES.rglob("*.xml"))) - len(failed) >= 1659
    assert not [name for name, _, _ in failed if "/chardet/" in name]
    assert not [why for _, _, why in failed if why != "it does not hold"]
