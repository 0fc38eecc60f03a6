"""Saved feeds, found by content in folders and archives, are taken apart into their entries."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest

from connectors.connector import FileRead, Item, Passed
from connectors.document import Document
from connectors.folder import Folder
from pipelines.read import read
from pipelines.values import Rejected
from warehouse.rows import Role

RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>Harbour News</title><link>https://harbour.example/</link>
<item><title>Ferry</title><link>/ferry</link><guid isPermaLink="false">f-1</guid><description>It sails.</description></item>
<item><title>Tide</title><guid isPermaLink="false">t 2</guid><description>It rises.</description></item>
<item><title>Nothing</title><link>javascript:x</link></item></channel></rss>"""
JSON = json.dumps(
    {
        "version": "https://jsonfeed.org/version/1.1",
        "items": [{"id": "1", "url": "https://a.example/1", "content_text": "A."}],
    }
)


class Nothing:
    def files(self, source, paths):
        return {}


def pull(folder: Path) -> list[Item]:
    return list(Folder().pull("saved", str(folder), None, Nothing()))


def documents(folder: Path) -> list[Document]:
    return [item for item in pull(folder) if isinstance(item, Document)]


def test_each_entry_is_a_document_with_its_link(tmp_path):
    (tmp_path / "feed.xml").write_text(RSS)
    items = pull(tmp_path)
    ferry, tide = [i for i in items if isinstance(i, Document)]
    assert (ferry.role, ferry.address, ferry.file) == (Role.ENTRY, "feed.xml#f-1", "feed.xml")
    assert (ferry.uri, ferry.url) == ("https://harbour.example/ferry",) * 2
    assert (tide.address, tide.uri, tide.url) == ("feed.xml#t 2", f"{(tmp_path / 'feed.xml').as_uri()}#t 2", None)
    assert json.loads(ferry.data or b"")["summary"] == "It sails."
    assert ferry.fetched_at.timestamp() == pytest.approx((tmp_path / "feed.xml").stat().st_mtime, abs=1)
    assert [i.why for i in items if isinstance(i, Passed)] == [
        "an entry: its link is no address that can be fetched, and it carries no text"
    ]
    assert [(i.records, i.is_complete) for i in items if isinstance(i, FileRead)] == [(2, True)]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("feed.rss", RSS.encode()),
        ("no suffix", RSS.encode()),
        ("feed.txt", RSS.encode("utf-16")),
        ("feed.xml.gz", gzip.compress(RSS.encode())),
        ("long.xml", RSS.replace("<rss", f"<!-- {'licence ' * 2000} --><rss").encode()),
        ("cut.xml", RSS[:-60].encode()),
        ("feed.json", JSON.encode()),
        ("indented.json", json.dumps(json.loads(JSON), indent=2, sort_keys=True).encode()),
        ("bom.json", b"\xef\xbb\xbf" + JSON.encode()),
    ],
)
def test_a_feed_is_known_by_its_content(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    found = documents(tmp_path)
    assert {d.role for d in found} == {Role.ENTRY}
    assert all(d.file == name for d in found)


def test_feeds_in_archives_are_read_too(tmp_path):
    with zipfile.ZipFile(tmp_path / "feeds.zip", "w") as archive:
        archive.writestr("a/feed.xml", RSS)
        archive.writestr("b.json", JSON)
    addresses = ["feeds.zip#a/feed.xml::f-1", "feeds.zip#a/feed.xml::t 2", "feeds.zip#b.json::1"]
    assert [d.address for d in documents(tmp_path)] == addresses


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("page.html", "<!doctype html><html><body><p>A page about <rss>.</p></body></html>"),
        ("row.json", '{"id": "1", "text": "A row."}'),
        ("map.xml", "<urlset><url><loc>https://a.example/</loc></url></urlset>"),
        ("story.xml", "<nitf><body><p>Text.</p></body></nitf>"),
        ("people.rdf", "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><person/></rdf:RDF>"),
        ("angle.txt", "<3 is how the note began, and so it went on."),
    ],
)
def test_what_is_no_feed_is_one_document(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert [(d.role, d.address, d.failure) for d in documents(tmp_path)] == [(Role.FILE, name, None)]


def test_a_feed_without_entries_is_rejected_with_a_sentence(tmp_path):
    (tmp_path / "feed.xml").write_text("<rss version='2.0'><channel><title>T</title></channel></rss>")
    (found,) = documents(tmp_path)
    with pytest.raises(Rejected, match="a feed without an entry"):
        read(found)


def test_a_file_that_was_read_in_part_is_read_on(tmp_path):
    from connectors.contents import Contents, Limits, Place

    (tmp_path / "feed.xml").write_text(RSS)
    place = Place("saved", "feed.xml", "feed.xml", "file:///feed.xml", "feed.xml", documents(tmp_path)[0].fetched_at)
    with (tmp_path / "feed.xml").open("rb") as file:
        rest = Contents(Limits()).documents(place, file, skip=1)
        assert rest is not None
        assert [d.address for d in rest if isinstance(d, Document)] == ["feed.xml#t 2"]
