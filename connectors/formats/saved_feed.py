"""A feed that was saved to a file: found by content, taken apart into its entries."""

from __future__ import annotations

import codecs
import re

from connectors.charset import decode_text
from connectors.compression import Stream
from connectors.feed import Feed, NotAFeedError, read_feed
from connectors.formats.not_a_feed import root_of

MAX_ENTRIES = 100_000
"""Of a saved feed, which may be the export of a whole site."""
_HEAD_BYTES = 65_536
_ROOTS = frozenset({"channel", "feed", "rdf", "rss"})
_JSON_FEED = re.compile(rb'"https?:(?:\\?/){2}(?:www\.)?jsonfeed\.org\\?/version\\?/1')
_MARKED = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\0 \t\r\n]*<")


def may_be_feed(head: bytes) -> bool:
    """Whether it is worth looking closer: the first bytes open XML, with the root of a feed or none yet."""
    return _MARKED.match(head) is not None and _root(head) in (*_ROOTS, None)


def saved_feed(stream: Stream, limit_bytes: int) -> Feed | None:
    """The feed that the stream holds, looking ahead only; None where it holds none, or an empty or too large one."""
    head = stream.peek(_HEAD_BYTES)
    is_json = head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"{"
    if not is_json and not (_MARKED.match(head) and _root(head) in _ROOTS):
        return None
    data = stream.peek(limit_bytes + 1)
    if len(data) > limit_bytes or stream.is_broken or (is_json and not _JSON_FEED.search(data)):
        return None
    try:
        feed = read_feed(data, url="", limit=MAX_ENTRIES)
    except NotAFeedError:
        return None
    return feed if feed.entries or feed.dropped else None


def _root(head: bytes) -> str | None:
    return root_of(decode_text(head, is_html=True).text)
