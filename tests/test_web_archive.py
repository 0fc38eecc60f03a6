from __future__ import annotations

import base64
import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import random
import tarfile
import tempfile
import time
import tracemalloc
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.compression import Limits
from connectors.connector import FileRead, Passed, Unchanged
from tests.lake import load_documents, query, way
from tests.test_folder import SHARED, Lake, documents, failures, pull
from warehouse.catalog import Home, open_lake
from warehouse.rows import Flag, Reason, Role

COMPRESS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
}


def page(text="The weir at Hollen is dry.", title="Weir"):
    return f"<html><head><title>{title}</title></head><body><article><p>{text}</p></article></body></html>".encode()


def http(body, status="200 OK", content_type="text/html", **headers):
    fields = {"Content-Type": content_type, "Content-Length": len(body)} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


def warc(block, number=1, kind="response", url=None, when="2024-03-05T07:30:00Z", version="1.0", length=None, **fields):
    stated = {
        "WARC-Type": kind,
        "WARC-Target-URI": url or f"https://hollen.example/{number}",
        "WARC-Date": when,
        "WARC-Record-ID": f"<urn:uuid:{number}>",
        "Content-Type": "application/http; msgtype=response",
        "Content-Length": len(block) if length is None else length,
    } | {name.replace("_", "-"): value for name, value in fields.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in stated.items() if value is not None)
    return f"WARC/{version}\r\n{lines}\r\n".encode() + block + b"\r\n\r\n"


def arc(block, url="https://hollen.example/1", when="20240305073000", media_type="text/html", length=None):
    size = len(block) if length is None else length
    return f"{url} 192.0.2.1 {when} {media_type} {size}\n".encode() + block + b"\n"


ARC_OPENING = b"filedesc://p.arc 0.0.0.0 20240305073000 text/plain 20\n1 0 Hollen\nURL IP\n\n\n\n\n"


def archive(folder, data, name="pages.warc"):
    (folder / name).write_bytes(data if isinstance(data, bytes) else b"".join(data))
    return folder


def read(folder, data, name="pages.warc", **options):
    return pull(archive(folder, data, name), **options)


def urls(items):
    return [d.url for d in documents(items) if not d.failure]


def left_out(items):
    return {i.why: i.count for i in items if isinstance(i, Passed)}


def some(count):
    return [warc(http(page(f"The weir at Hollen fell by {n} cm.")), n) for n in range(1, count + 1)]


@pytest.fixture
def folder(tmp_path):
    return Path(os.path.realpath(tmp_path))


# What a record becomes


def test_an_answer_is_a_page_with_what_the_server_said(folder):
    block = http(
        page(), content_type="text/html; charset=ISO-8859-1", ETag='"7"', Set_Cookie="a=b", X_Robots_Tag="noai"
    )
    (document, marker) = read(folder, warc(block))
    assert (document.role, document.uri, document.url) == (
        Role.PAGE,
        "https://hollen.example/1",
        "https://hollen.example/1",
    )
    assert (document.address, document.file) == ("pages.warc#urn:uuid:1", "pages.warc")
    assert (document.data, document.http_status) == (page(), 200)
    assert (document.media_type, document.charset) == ("text/html", "ISO-8859-1")
    assert document.fetched_at == datetime(2024, 3, 5, 7, 30, tzinfo=UTC)
    assert json.loads(document.headers) == {
        "content-type": "text/html; charset=ISO-8859-1",
        "etag": '"7"',
        "x-robots-tag": "noai",
    }
    assert document.flags == {Flag.NOAI}
    assert (marker.records, marker.is_complete) == (1, True)


def test_the_page_becomes_an_article_under_its_address(folder):
    text = (
        "The weir at Hollen has been dry since Monday, and the miller does not know when the water will be back. " * 4
    )
    (document, _) = read(folder, warc(http(page(text), content_type="text/html; charset=utf-8")))
    made = way()(document)
    assert made.article is not None
    assert (made.article.url, made.article.role) == ("https://hollen.example/1", "page")
    assert "has been dry since Monday" in made.article.body
    assert (made.document.kind, made.document.media_type, made.document.http_status) == ("page", "text/html", 200)
    assert [p.role for p in made.payloads] == ["page"]


@pytest.mark.parametrize("version", ["0.17", "0.18", "1.0", "1.1"])
def test_versions_and_their_dates(folder, version):
    when = {"0.17": "20240305073000", "1.1": "2024-03-05T07:30:00.250000Z"}.get(version, "2024-03-05T07:30:00Z")
    (document, _) = read(folder, warc(http(page()), version=version, when=when))
    assert document.fetched_at.replace(microsecond=0) == datetime(2024, 3, 5, 7, 30, tzinfo=UTC)


def test_fields_in_any_case_folded_and_with_line_feeds_alone(folder):
    data = warc(http(page())).replace(
        b"WARC-Target-URI: https://hollen.example/1", b"warc-target-uri:\r\n <https://hollen.example/a b>"
    )
    (document, _) = read(folder, data)
    assert document.uri == "https://hollen.example/a b"
    head, block = warc(http(page())).split(b"\r\n\r\n", 1)
    (document, _) = read(folder, head.replace(b"\r\n", b"\n") + b"\n\n" + block)
    assert document.data == page()


def test_what_is_no_page_is_counted_or_silent(folder):
    records = [
        warc(b"software: x\r\n", 1, "warcinfo", Content_Type="application/warc-fields"),
        warc(b"GET / HTTP/1.1\r\n\r\n", 2, "request"),
        warc(b"via: x\r\n", 3, "metadata"),
        warc(
            b"20240305073000\nhollen.example. 60 IN A 192.0.2.1\n", 4, url="dns:hollen.example", Content_Type="text/dns"
        ),
        warc(http(page(), status="404 Not Found"), 5),
        warc(http(b"", status="301 Moved Permanently", Location="/1"), 6),
        warc(http(b"\x89PNG\r\n", content_type="image/png"), 7),
        warc(http(b"\x89PNG\r\n", content_type="image/png"), 8),
        warc(http(page()), 9),
        warc(b"x", 10, "continuation"),
        warc(http(b"", status="204 No Content"), 11),
    ]
    items = read(folder, records)
    assert urls(items) == ["https://hollen.example/9"]
    assert not failures(items)
    assert left_out(items) == {
        "an answer with HTTP status 404": 1,
        "an answer with HTTP status 301": 1,
        "an answer with HTTP status 204": 1,
        "no page: image/png": 2,
        "a record of the type continuation": 1,
    }


def test_resources_and_conversions(folder):
    records = [
        warc(page(), 1, "resource", Content_Type="text/html; charset=utf-8"),
        warc(b"The weir is dry.", 2, "conversion", Content_Type="text/plain"),
        warc(page(), 3, "resource", url="file:///saved/weir.html", Content_Type="text/html"),
        warc(b"a log", 4, "resource", url="metadata://x.example/wget.log", Content_Type="text/plain"),
    ]
    items = read(folder, records)
    assert [(d.uri, d.url, d.http_status) for d in documents(items)] == [
        ("https://hollen.example/1", "https://hollen.example/1", None),
        ("https://hollen.example/2", "https://hollen.example/2", None),
        ("file:///saved/weir.html", None, None),
    ]
    assert left_out(items) == {"no page: text/plain": 1}


def test_an_untyped_answer_is_a_page_if_it_looks_like_one(folder):
    records = [
        warc(http(page(), content_type=None), 1),
        warc(http(b"\0\1\2", content_type="application/octet-stream"), 2),
    ]
    assert urls(read(folder, records)) == ["https://hollen.example/1"]


@pytest.mark.parametrize(
    ("how", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("br", brotli.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
        ("gzip, br", lambda data: brotli.compress(gzip.compress(data))),
    ],
)
def test_a_coded_body_is_decoded_and_one_that_was_stored_decoded_is_taken_as_it_is(folder, how, compress):
    records = [
        warc(http(compress(page()), Content_Encoding=how), 1),
        warc(http(page(), Content_Encoding=how), 2),
    ]
    assert [d.data for d in documents(read(folder, records))] == [page(), page()]


def test_chunks_are_joined_and_a_body_stored_without_them_is_taken_as_it_is(folder):
    body = page()
    chunked = b"1f;x=y\r\n" + body[:31] + b"\r\n" + f"{len(body) - 31:X}\r\n".encode() + body[31:] + b"\r\n0\r\n\r\n"
    how = {"Transfer_Encoding": "chunked", "Content_Length": None}
    records = [
        warc(http(chunked, **how), 1),
        warc(http(body, **how), 2),
        warc(http(chunked.replace(b"1f;x=y", b"1f;x=y").replace(b"\r\n0\r\n\r\n", b"\r\nzz\r\n"), **how), 3),
    ]
    found = documents(read(folder, records))
    assert [d.data for d in found[:2]] == [body, body]
    assert found[2].data.startswith(body)
    assert [sorted(d.flags) for d in found] == [[], [], [Flag.TRUNCATED]]


def test_a_body_that_unpacks_to_too_much_is_refused(folder):
    limits = Limits(record_bytes=3 << 20)
    records = [
        warc(http(gzip.compress(bytes(5 << 19)), Content_Encoding="gzip"), 1),
        warc(http(gzip.compress(random.Random(1).randbytes(1 << 20) * 4), Content_Encoding="gzip"), 2),
        warc(http(page()), 3),
    ]
    items = read(folder, records, limits=limits)
    assert failures(items) == {
        "pages.warc#urn:uuid:1": Reason.RATIO,
        "pages.warc#urn:uuid:2": Reason.TOO_LARGE,
    }
    assert urls(items) == ["https://hollen.example/3"]


def test_a_cut_capture_and_a_wrong_checksum_are_flagged(folder):
    block = http(page())
    good = hashlib.sha1(block, usedforsecurity=False)
    spellings = (base64.b32encode(good.digest()).decode(), good.hexdigest(), base64.b64encode(good.digest()).decode())
    records = [warc(block, n, WARC_Block_Digest=f"sha1:{digest}") for n, digest in enumerate(spellings, 1)]
    records += [
        warc(block, 4, WARC_Block_Digest=f"sha1:{'A' * 32}"),
        warc(block, 5, WARC_Block_Digest="blake9:xyz"),
        warc(block, 6, WARC_Truncated="length"),
        warc(http(page(), Content_Length=9999), 7),
        warc(http(page(), status="206 Partial Content"), 8),
    ]
    assert [set(d.flags) for d in documents(read(folder, records))] == [
        *[set()] * 3,
        {Flag.RECORD_DAMAGED},
        set(),
        *[{Flag.TRUNCATED}] * 3,
    ]


# Revisits


def test_a_revisit_is_the_page_again_at_a_later_time(folder):
    profile = {"WARC_Profile": "http://netpreserve.org/warc/1.0/revisit/identical-payload-digest"}
    first = http(page("one"))
    records = [
        warc(first, 1, WARC_Payload_Digest="sha1:ONE"),
        warc(http(page("two")), 2, url="https://hollen.example/1", when="2024-03-06T00:00:00Z"),
        warc(
            http(b""),
            3,
            "revisit",
            "https://hollen.example/1",
            "2024-03-07T00:00:00Z",
            WARC_Payload_Digest="sha1:ONE",
            **profile,
        ),
        warc(
            http(b"", status="304 Not Modified"),
            4,
            "revisit",
            when="2024-03-08T00:00:00Z",
            WARC_Refers_To="<urn:uuid:2>",
        ),
        warc(http(b""), 5, "revisit", WARC_Payload_Digest="sha1:ELSEWHERE", **profile),
    ]
    items = read(folder, records)
    assert [(d.address[-1], d.data, d.http_status) for d in documents(items)] == [
        ("1", page("one"), 200),
        ("2", page("two"), 200),
        ("3", page("one"), 200),
        ("4", page("two"), 200),
    ]
    assert documents(items)[2].fetched_at == datetime(2024, 3, 7, tzinfo=UTC)
    assert left_out(items) == {"unchanged since a record that is not at hand (revisit)": 1}


def test_what_revisits_may_refer_to_is_bounded(folder):
    limits = Limits(record_bytes=4000)
    records = [warc(http(page("x" * 3000)), n, WARC_Payload_Digest=f"sha1:{n}") for n in range(1, 9)]
    records += [warc(http(b""), 10 + n, "revisit", WARC_Payload_Digest=f"sha1:{n}") for n in (1, 8)]
    items = read(folder, records, limits=limits)
    assert [d.address for d in documents(items)][-1] == "pages.warc#urn:uuid:18"
    assert left_out(items) == {"unchanged since a record that is not at hand (revisit)": 1}


def test_captures_of_one_address_are_versions_in_the_order_of_their_dates(folder, tmp_path):
    texts = {
        day: f"On day {day} the weir at Hollen fell by {day * 3} centimetres, said the miller. " * 5
        for day in (1, 2, 3)
    }
    records = [
        warc(http(page(texts[day])), day, url="https://hollen.example/weir", when=f"2024-03-0{day}T00:00:00Z")
        for day in (2, 3, 1)
    ]
    with open_lake(Home(tmp_path / "home")) as lake:
        load_documents(lake, tmp_path / "staged", documents(read(folder, records)))
        (article,) = query(lake, "SELECT body, version FROM lake.articles")
        assert (texts[3].strip() in article[0], article[1]) == (True, 3)


# ARC


def test_arc_of_both_versions(folder):
    block = http(page())
    second = f"https://hollen.example/2 192.0.2.1 20240305073000 text/html 200 - - 0 p.arc {len(block)}\n".encode()
    data = ARC_OPENING + arc(block, "https://hollen.example/a b?c=d e") + second + block + b"\n"
    items = read(folder, data, "pages.arc")
    assert [(d.address, d.uri, d.data) for d in documents(items)] == [
        ("pages.arc#2", "https://hollen.example/a b?c=d e", page()),
        ("pages.arc#3", "https://hollen.example/2", page()),
    ]
    assert documents(items)[0].fetched_at == datetime(2024, 3, 5, 7, 30, tzinfo=UTC)


def test_arc_records_of_wrong_length_are_found_again(folder):
    block = http(page())
    blocks = [
        arc(block, f"https://hollen.example/{n}", length=size) for n, size in enumerate((-1, 7, "abc", 10**9, None))
    ]
    items = read(folder, [ARC_OPENING, *blocks], "pages.arc")
    assert [d.data for d in documents(items)] == [page()] * 5
    assert [Flag.RECORD_DAMAGED in d.flags for d in documents(items)] == [True] * 4 + [False]


# Damage


@pytest.mark.parametrize("packed", ["", ".gz", ".bz2", ".xz", ".zst"])
def test_the_archive_however_it_is_compressed_whole_or_record_by_record(folder, packed):
    compress = COMPRESS.get(packed[1:], bytes)
    wanted = [f"https://hollen.example/{n}" for n in range(1, 6)]
    assert urls(read(folder, compress(b"".join(some(5))), f"a.warc{packed}")) == wanted
    assert urls(read(folder, [compress(r) for r in some(5)], f"a.warc{packed}")) == wanted


def test_members_of_archives(folder):
    with zipfile.ZipFile(folder / "a.zip", "w") as made:
        made.writestr("in/a.warc.gz", b"".join(map(gzip.compress, some(2))))
    with tarfile.open(folder / "b.tar", "w") as made:
        info = tarfile.TarInfo("b.warc")
        info.size = len(data := b"".join(some(1)))
        made.addfile(info, io.BytesIO(data))
    assert [d.address for d in documents(pull(folder))] == [
        "a.zip#in/a.warc.gz::urn:uuid:1",
        "a.zip#in/a.warc.gz::urn:uuid:2",
        "b.tar#b.warc::urn:uuid:1",
    ]


@pytest.mark.parametrize("packed", [".gz", ".xz", ".zst"])
@pytest.mark.parametrize("at", [1, 12, 0.5, -6])
def test_a_damaged_member_costs_itself_alone(folder, packed, at):
    members = [COMPRESS[packed[1:]](r) for r in some(9)]
    broken = bytearray(members[4])
    position = int(at * len(broken)) if isinstance(at, float) else at
    broken[position : position + 4 or None] = b"\xff\x00\xaa\x55"
    members[4] = bytes(broken)
    items = read(folder, members, f"a.warc{packed}")
    assert {url[-1] for url in urls(items)} >= set("12346789")
    if "5" not in {url[-1] for url in urls(items)}:
        assert len(failures(items)) == 1


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9])
def test_a_member_that_was_cut_and_went_on_costs_itself_alone(folder, cut):
    members = [gzip.compress(r) for r in some(9)]
    members[4] = members[4][: int(cut * len(members[4]))]
    items = read(folder, members, "a.warc.gz")
    assert [url[-1] for url in urls(items)] == list("12346789")
    assert len(failures(items)) == 1


def test_a_bomb_among_the_members_costs_itself_alone(folder):
    members = [gzip.compress(r) for r in some(3)]
    members[1] = gzip.compress(warc(http(bytes(40 << 20)), 2))
    items = read(folder, members, "a.warc.gz")
    assert [url[-1] for url in urls(items)] == ["1", "3"]
    assert list(failures(items).values()) == [Reason.RATIO]


@pytest.mark.parametrize("length", [0, 10, 5000, 10**8, 10**18, "x", "-5", None])
def test_a_wrong_length_is_set_right_by_the_next_header(folder, length):
    records = some(4)
    stated = f"Content-Length: {len(http(page('The weir at Hollen fell by 2 cm.')))}\r\n".encode()
    records[1] = records[1].replace(stated, b"" if length is None else f"Content-Length: {length}\r\n".encode(), 1)
    items = read(folder, records)
    assert [url[-1] for url in urls(items)] == list("1234")
    assert [Flag.RECORD_DAMAGED in d.flags for d in documents(items)] == [False, True, False, False]
    assert documents(items)[1].data == page("The weir at Hollen fell by 2 cm.")


def test_lengths_that_are_all_wrong_are_not_believed_for_long(folder):
    records = [warc(http(page()), n, length=30 << 20) for n in range(1, 400)]
    items = read(folder, records)
    assert len(urls(items)) == 399


def test_headers_of_an_answer_without_end_take_no_time(folder):
    began = time.process_time()
    items = read(folder, [warc(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300_000, 1), *some(2)[1:]])
    assert urls(items)[-1] == "https://hollen.example/2"
    assert time.process_time() - began < 5


def test_a_damaged_header_costs_its_record_alone(folder):
    records = some(4)
    records[1] = b"XARC/1.0" + records[1][8:]
    items = read(folder, records)
    assert [url[-1] for url in urls(items)] == ["1", "3", "4"]
    assert [(d.failure.reason, d.address) for d in documents(items) if d.failure] == [
        (Reason.RECORD_BROKEN, "pages.warc#2")
    ]


def test_an_archive_that_begins_in_the_middle(folder):
    items = read(folder, b"".join(some(3))[200:])
    assert [url[-1] for url in urls(items)] == ["2", "3"]
    assert failures(items) == {"pages.warc#1": Reason.RECORD_BROKEN}


def test_what_an_archive_ends_in_is_rejected_unless_the_page_is_whole(folder):
    (record,) = some(1)
    items = read(folder, record[:-60])
    assert failures(items) == {"pages.warc#urn:uuid:1": Reason.RECORD_BROKEN}
    end = record.index(b"</body>") + 7
    (document, _) = read(folder, record[:end])
    assert Flag.RECORD_DAMAGED in document.flags
    assert way()(document).reject is None


def test_an_archive_without_records(folder):
    assert list(failures(read(folder, b"\n\n", "a.warc")).values()) == [Reason.EMPTY]
    (folder / "a.warc").unlink()
    assert list(failures(read(folder, b"nothing of the kind", "a.arc")).values()) == [Reason.RECORD_BROKEN]


def test_a_text_about_archives_is_a_text(folder):
    (folder / "a.txt").write_text("WARC/1.0 is a version of a format that archives of the web are written in.")
    (document, _) = pull(folder)
    assert document.path is not None


def test_a_record_larger_than_the_limit_is_refused_unread(folder):
    big = b"x" * (24 << 20)
    records = [*some(1), warc(http(big), 2), warc(http(page()), 3)]
    path = archive(folder, records)
    del big, records
    tracemalloc.start()
    items = pull(path, limits=Limits(record_bytes=1 << 20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert failures(items) == {"pages.warc#urn:uuid:2": Reason.TOO_LARGE}
    assert [url[-1] for url in urls(items)] == ["1", "3"]
    assert peak < 6 << 20


def test_memory_stays_bounded_over_many_records(folder):
    with (folder / "a.warc.gz").open("wb") as file:
        for number in range(600):
            file.write(gzip.compress(warc(http(page("The weir. " * 4000)), number), 1))
    seen = 0
    from connectors.folder import Folder

    tracemalloc.start()
    for item in Folder(limits=Limits(record_bytes=1 << 20)).pull("texts", str(folder), None, Lake()):
        seen += getattr(item, "size_bytes", 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen > 20 << 20
    assert peak < 9 << 20


# Again


def test_reading_goes_on_where_it_stopped_and_gives_the_same_ids(folder):
    path = archive(folder, map(gzip.compress, some(1200)), "a.warc.gz")
    items = pull(path)
    marker = next(i for i in items if isinstance(i, FileRead))
    assert 0 < marker.records < 1200
    rest = pull(path, Lake(marker))
    assert next(i for i in rest if isinstance(i, Unchanged)).count == marker.records
    ids = [d.identity("") for d in documents(items)]
    assert [d.identity("") for d in documents(rest)] == ids[marker.records :]
    assert len(set(ids)) == 1200


# Noise


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_damage_crashes_or_costs_what_lies_apart_from_it(data):
    packed = data.draw(st.sampled_from(["", ".gz", ".zst"]))
    is_arc = data.draw(st.booleans())
    if is_arc:
        records = [ARC_OPENING, *(arc(http(page(f"fell {n} cm")), f"https://hollen.example/{n}") for n in range(1, 12))]
    else:
        records = [b"", *(warc(http(page(f"fell {n} cm")), n) for n in range(1, 12))]
    compress = COMPRESS.get(packed[1:], bytes)
    members = [bytearray(compress(r)) if r else bytearray() for r in records]
    victim = data.draw(st.integers(2, 8))
    member = members[victim]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(member) - 1))
        what = data.draw(st.sampled_from(["flip", "cut", "insert", "blank"]))
        size = data.draw(st.integers(1, 40))
        if what == "flip":
            member[at] ^= 1 << (size % 8)
        elif what == "cut" and len(member) > size + 1:
            del member[at : at + size]
            at = 0
        elif what == "insert":
            member[at:at] = data.draw(st.binary(min_size=size, max_size=size))
        else:
            member[at : at + size] = bytes(len(member[at : at + size]))
        if not member:
            break
    with tempfile.TemporaryDirectory() as name:
        items = read(
            Path(os.path.realpath(name)), [bytes(m) for m in members], f"a.{'arc' if is_arc else 'warc'}{packed}"
        )
    found = {int(url.rpartition("/")[2]) for url in urls(items) if url and url.rpartition("/")[2].isdigit()}
    lost = set(range(1, 12)) - {victim} - found
    # Without the line end before it, the header of an ARC record is no line.
    assert lost <= ({victim + 1} if is_arc and not packed else set())
    for document in documents(items):
        assert document.failure or document.data is not None


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["a.warc", "a.arc", "a.warc.gz"]), st.booleans())
def test_noise_in_an_archives_name_is_read_to_its_end(noise, name, is_packed):
    with tempfile.TemporaryDirectory() as made:
        folder = Path(os.path.realpath(made))
        items = read(folder, gzip.compress(noise) if is_packed else noise, name)
    assert isinstance(items[-1], FileRead)


@pytest.mark.skipif(not (SHARED / "warc").exists(), reason="the development data is not here")
def test_the_archives_of_the_development_data():
    items = pull(SHARED / "warc")
    found = {}
    for document in documents(items):
        if not document.failure:
            found.setdefault(Path(document.file).name, []).append((document.uri, len(document.data)))
    example = ("http://example.com/", 1270)
    assert found == {
        "bad.arc": [("http://example.com/", 0), ("http://example.com/", 0)],
        "example-bad-non-chunked.warc.gz": [example, example],
        "example-bad.warc.gz.bad": [("http://example.com?example=1", 1270)] * 2,
        "example-iana.org-chunked.warc": [("http://www.iana.org/", 7223)],
        "example-resource.warc.gz": [("http://example.com/", 1303)],
        "example-space-in-url.arc": [
            (
                "http://example.com/index.cfm?FuseAction=Email&EmailTitle=Examples From The Live Web&IsPopUp=False",
                1271,
            )
        ],
        "example-trunc.warc": [example],
        "example-wget-bad-target-uri.warc.gz": [example],
        "example-wrong-chunks.warc.gz": [example],
        "example.arc": [example],
        "example.arc.gz": [example],
        "example.warc": [example, example],
        "example.warc.gz": [example, example],
    }
    assert not failures(items)
