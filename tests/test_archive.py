from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import random
import stat
import struct
import tarfile
import tempfile
import tracemalloc
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.compression import BLOCK_BYTES, Limits, Stream, compression_of, unpack
from connectors.connector import FileRead
from connectors.records import Form, form_of, records
from tests.test_folder import Lake, addresses, documents, failures, passed, pull, rows
from warehouse.rows import Reason, Role

COMPRESS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.ZstdCompressor().compress,
}
TEXT = b"The mill at Oberau reopened on Monday.\n"


def zipped(**members):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2021, 5, 6, 7, 8, 10)), data, zipfile.ZIP_DEFLATED)
    return made.getvalue()


def tarred(members, mode="w", form=tarfile.PAX_FORMAT):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode, format=form) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1_600_000_000
            archive.addfile(info, io.BytesIO(data))
    return made.getvalue()


def noise(size):
    return random.Random(7).randbytes(size)


def write(folder, name, data):
    (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize("ending", COMPRESS)
@pytest.mark.parametrize("name", ["mill.txt", "mill.txt.{}"])
def test_a_compressed_text_is_found_by_its_content(tmp_path, ending, name):
    write(tmp_path, name.format(ending), COMPRESS[ending](TEXT))
    (document, marker) = pull(tmp_path)
    assert (document.address, document.data, document.role) == (name.format(ending), TEXT, Role.FILE)
    assert marker.records == 1


def test_a_text_that_is_called_compressed(tmp_path):
    write(tmp_path, "mill.gz", TEXT)
    write(tmp_path, "BZh.txt", b"BZh9 is how a bzip2 file opens.")
    assert [(d.address, d.data) for d in documents(pull(tmp_path))] == [("BZh.txt", None), ("mill.gz", None)]


@pytest.mark.parametrize("ending", COMPRESS)
def test_joined_streams_are_one(tmp_path, ending):
    write(tmp_path, "mill", COMPRESS[ending](TEXT) + COMPRESS[ending](TEXT))
    assert documents(pull(tmp_path))[0].data == TEXT * 2


@pytest.mark.parametrize("ending", COMPRESS)
@pytest.mark.parametrize("rest", [b"\0" * 100, b"something else"])
def test_padding_behind_the_last_stream(tmp_path, ending, rest):
    write(tmp_path, "mill", COMPRESS[ending](TEXT) + rest)
    assert documents(pull(tmp_path))[0].data == TEXT


@pytest.mark.parametrize("ending", COMPRESS)
def test_a_text_cut_off_is_broken(tmp_path, ending):
    data = COMPRESS[ending](TEXT + noise(300_000))
    write(tmp_path, "cut", data[:-200])
    write(tmp_path, "header", data[:12])
    assert failures(pull(tmp_path)) == {"cut": Reason.ARCHIVE_BROKEN, "header": Reason.ARCHIVE_BROKEN}


@pytest.mark.parametrize("ending", COMPRESS)
def test_rows_before_the_damage_are_read(tmp_path, ending):
    # bzip2 gives nothing before a block of 900 kB is whole.
    made = noise(1_300_000).hex()
    whole = "".join(json.dumps({"id": f"o{i}", "text": made[i * 1000 : i * 1000 + 1000]}) + "\n" for i in range(2600))
    data = COMPRESS[ending](whole.encode())
    write(tmp_path, "rows.jsonl." + ending, data[: len(data) // 2])
    found = documents(pull(tmp_path))
    assert len(found) > 500
    assert [d.failure.reason for d in found if d.failure] == [Reason.ARCHIVE_BROKEN]
    assert found[-1].address == f"rows.jsonl.{ending}#archive-broken"


@pytest.mark.parametrize("ending", COMPRESS)
def test_a_bomb_is_stopped_in_bounded_memory(tmp_path, ending):
    one = COMPRESS[ending](b"\0" * (64 << 20))
    write(tmp_path, "bomb", one * 4)
    del one
    tracemalloc.start()
    found = failures(pull(tmp_path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == {"bomb": Reason.RATIO}
    assert peak < 64 << 20


def test_an_unpacked_file_beyond_the_limit(tmp_path):
    write(tmp_path, "large.gz", gzip.compress(noise(200_000)))
    assert failures(pull(tmp_path, limits=Limits(record_bytes=100_000))) == {"large.gz": Reason.TOO_LARGE}


def test_members_of_a_zip(tmp_path):
    write(
        tmp_path, "c.zip", zipped(**{"path/in/zip.txt": TEXT, "rows.jsonl": rows(2), "a.html.gz": gzip.compress(TEXT)})
    )
    *found, marker = pull(tmp_path)
    assert addresses(found) == [
        "c.zip#path/in/zip.txt",
        "c.zip#rows.jsonl::o0",
        "c.zip#rows.jsonl::o1",
        "c.zip#a.html.gz",
    ]
    assert found[0].uri == f"file://{os.path.realpath(tmp_path)}/c.zip#path/in/zip.txt"
    assert found[0].data == found[3].data == TEXT
    assert {d.file for d in found} == {"c.zip"}
    assert {d.fetched_at for d in found} == {datetime(2021, 5, 6, 7, 8, 10, tzinfo=UTC)}
    assert (marker.path, marker.records, marker.is_complete) == ("c.zip", 4, True)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_members_of_a_tar(tmp_path, mode, form):
    long = "a-folder-of-a-mill/" * 11 + "m.txt" if form != tarfile.USTAR_FORMAT else "m.txt"
    write(
        tmp_path,
        "c",
        tarred({"a.txt": TEXT, "é.txt": b"x" * 512, long: TEXT, "rows.ndjson": rows(2).encode()}, mode, form),
    )
    found = documents(pull(tmp_path))
    assert addresses(found) == ["c#a.txt", "c#é.txt", f"c#{long}", "c#rows.ndjson::o0", "c#rows.ndjson::o1"]
    assert [d.data for d in found[:3]] == [TEXT, b"x" * 512, TEXT]
    assert found[0].fetched_at == datetime.fromtimestamp(1_600_000_000, UTC)


def test_names_that_try_to_leave_are_only_names(tmp_path):
    (tmp_path / "in").mkdir()
    write(tmp_path / "in", "c.zip", zipped(**{"../../out.txt": TEXT, "/etc/out.txt": TEXT}))
    assert addresses(pull(tmp_path)) == ["in/c.zip#../../out.txt", "in/c.zip#/etc/out.txt"]
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["c.zip", "in"]


def test_two_members_of_one_name_are_both_kept(tmp_path):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.txt", "one")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.txt", "two")
    write(tmp_path, "c.zip", made.getvalue())
    found = documents(pull(tmp_path))
    assert [(d.address, d.data) for d in found] == [("c.zip#a.txt", b"one"), ("c.zip#a.txt~2", b"two")]


@pytest.mark.parametrize(
    "inner",
    [zipped(a=TEXT), tarred({"a": TEXT}), tarred({"a": TEXT}, "w:gz"), gzip.compress(gzip.compress(TEXT))],
    ids=["zip", "tar", "tar.gz", "gz.gz"],
)
def test_an_archive_in_an_archive_is_named(tmp_path, inner):
    write(tmp_path, "c.zip", zipped(inner=inner, after=TEXT))
    assert failures(pull(tmp_path)) == {"c.zip#inner": Reason.ARCHIVE_NESTED}
    assert addresses(pull(tmp_path)) == ["c.zip#inner", "c.zip#after"]


def test_links_and_hidden_members_are_passed_over(tmp_path):
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    made = io.BytesIO(zipped(**{"__MACOSX/._a.txt": "x", "b/.hidden": "x", "a.txt~": "x", "a.txt": TEXT}))
    with zipfile.ZipFile(made, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    write(tmp_path, "c.zip", made.getvalue())
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, kind in (
            ("l", tarfile.SYMTYPE),
            ("h", tarfile.LNKTYPE),
            ("p", tarfile.FIFOTYPE),
            ("d", tarfile.DIRTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
    write(tmp_path, "d.tar", made.getvalue() + b"")
    items = pull(tmp_path)
    assert [d.address for d in documents(items) if not d.failure] == ["c.zip#a.txt"]
    assert set(passed(items)) == {
        *("c.zip#__MACOSX/._a.txt", "c.zip#b/.hidden", "c.zip#a.txt~", "c.zip#link.txt"),
        *("d.tar#l", "d.tar#h", "d.tar#p"),
    }
    assert failures(items) == {"d.tar": Reason.EMPTY}


def test_a_member_with_a_wrong_checksum_costs_one_member(tmp_path):
    data = bytearray(zipped(a=TEXT, b=TEXT))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        crc = struct.pack("<I", archive.getinfo("a").CRC)
    place = data.rindex(b"PK\x01\x02", 0, data.rindex(b"PK\x01\x02"))
    assert data[place + 16 : place + 20] == crc
    data[place + 16] ^= 0xFF
    write(tmp_path, "c.zip", bytes(data))
    assert failures(pull(tmp_path)) == {"c.zip#a": Reason.ARCHIVE_BROKEN}
    assert addresses(pull(tmp_path)) == ["c.zip#a", "c.zip#b"]


def test_a_member_that_is_not_where_the_archive_says(tmp_path):
    data = bytearray(zipped(a=TEXT, b=TEXT))
    first = data.index(b"PK\x01\x02")
    data[first + 42 : first + 46] = b"\xff\xff\xff\x7f"
    write(tmp_path, "c.zip", bytes(data))
    data[-6:-2] = b"\xff\xff\xff\x7f"
    write(tmp_path, "d.zip", bytes(data))
    assert failures(pull(tmp_path, only="c.zip")) == {"c.zip#a": Reason.ARCHIVE_BROKEN}
    assert addresses(pull(tmp_path, only="c.zip")) == ["c.zip#a", "c.zip#b"]
    assert set(failures(pull(tmp_path, only="d.zip")).values()) == {Reason.ARCHIVE_BROKEN}


def test_encrypted_members_and_unknown_methods_are_named(tmp_path):
    data = bytearray(zipped(a=TEXT, b=TEXT, c=TEXT))
    first = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", first + 1)
    data[first + 8] |= 1
    data[second + 10] = 9
    write(tmp_path, "c.zip", bytes(data))
    items = pull(tmp_path)
    assert failures(items) == {"c.zip#a": Reason.UNREADABLE, "c.zip#b": Reason.UNSUPPORTED}
    assert items[-1].is_complete


def test_members_that_overlap_are_a_bomb(tmp_path):
    data = bytearray(zipped(a=b"\0" * (2 << 20) + noise(12_000)))
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entry, tail = bytes(data[start:end]), data[end:]
    body = bytes(data[:start]) + entry * 400
    tail[8:20] = struct.pack("<HHII", 400, 400, len(entry) * 400, start)
    write(tmp_path, "c.zip", body + bytes(tail))
    found = failures(pull(tmp_path))
    assert found == {"c.zip#ratio": Reason.RATIO}
    assert len(addresses(pull(tmp_path))) < 10


def test_a_zip_bomb_of_one_member(tmp_path):
    write(tmp_path, "c.zip", zipped(a=b"\0" * (64 << 20)))
    assert set(failures(pull(tmp_path)).values()) == {Reason.RATIO}


@pytest.mark.parametrize("cut", [40, -30])
def test_a_zip_cut_off_is_broken(tmp_path, cut):
    write(tmp_path, "c.zip", zipped(a=TEXT, b=TEXT)[:cut])
    assert failures(pull(tmp_path)) == {"c.zip#archive-broken": Reason.ARCHIVE_BROKEN}


def test_a_tar_cut_off_gives_what_came_before(tmp_path):
    data = tarred({"a.txt": TEXT, "b.txt": noise(2000), "c.txt": TEXT}, form=tarfile.USTAR_FORMAT)
    write(tmp_path, "in-body.tar", data[: 512 * 4])
    write(tmp_path, "in-header.tar", data[:1100])
    broken = data[:1024] + b"garbage!" * 64 + data[1536:]
    write(tmp_path, "wrong.tar", broken)
    found = pull(tmp_path)
    assert failures(found) == {
        "in-body.tar#b.txt": Reason.ARCHIVE_BROKEN,
        "in-header.tar#archive-broken": Reason.ARCHIVE_BROKEN,
        "wrong.tar#archive-broken": Reason.ARCHIVE_BROKEN,
    }
    assert [a for a in addresses(found) if a.endswith("#a.txt")] == [
        f"{n}.tar#a.txt" for n in ("in-body", "in-header", "wrong")
    ]


def test_a_tar_whose_header_claims_gigabytes(tmp_path):
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 10 << 30
    write(tmp_path, "c.tar", info.tobuf(tarfile.GNU_FORMAT) + b"a" * 4096)
    assert failures(pull(tmp_path)) == {"c.tar#archive-broken": Reason.ARCHIVE_BROKEN}


def test_office_documents_are_no_folders(tmp_path):
    write(tmp_path, "letter.docx", zipped(**{"[Content_Types].xml": "<x/>", "word/document.xml": "<x/>"}))
    assert addresses(pull(tmp_path)) == ["letter.docx"]


def test_names_in_a_zip_without_the_flag_of_utf8(tmp_path):
    data = zipped(**{"mühle.txt": TEXT})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.infolist()[0].flag_bits & 0x800
    data = bytearray(data)
    data[7] &= 0xF7
    data[data.index(b"PK\x01\x02") + 9] &= 0xF7
    write(tmp_path, "c.zip", bytes(data))
    assert addresses(pull(tmp_path)) == ["c.zip#mühle.txt"]


def test_names_in_a_tar_that_are_not_utf8(tmp_path):
    write(tmp_path, "c.tar", tarred({"m\udcfchle.txt": TEXT}, form=tarfile.GNU_FORMAT))
    assert addresses(pull(tmp_path)) == [r"c.tar#m\xfchle.txt"]


def test_an_archive_resumes_behind_its_marker(tmp_path):
    members = {f"{i}.txt": TEXT for i in range(600)} | {"rows.jsonl": rows(600).encode()}
    write(tmp_path, "c.tgz", tarred(members, "w:gz"))
    items = pull(tmp_path)
    markers = [i for i in items if isinstance(i, FileRead)]
    assert [m.records for m in markers] == [500, 1000, 1200]
    for marker in markers:
        assert documents(pull(tmp_path, Lake(marker))) == documents(items)[marker.records :]


def test_a_tar_whose_compression_tells_of_damage_at_the_end(tmp_path):
    data = bytearray(gzip.compress(tarred({"a.txt": noise(100_000)}) + b"\0" * 300_000))
    data[-6] ^= 1
    write(tmp_path, "c.tgz", bytes(data))
    assert addresses(pull(tmp_path)) == ["c.tgz#a.txt", "c.tgz#archive-broken"]


SOUND = [
    zipped(**{"a.txt": TEXT, "rows.jsonl": rows(3), "b.gz": gzip.compress(TEXT)}),
    tarred({"a.txt": TEXT, "rows.jsonl": rows(3).encode(), "é" * 120: TEXT}),
    tarred({"a.txt": TEXT, "rows.jsonl": rows(3).encode()}, "w:gz"),
    *(pack(rows(20).encode()) for pack in COMPRESS.values()),
    f"[{','.join(rows(5).splitlines())}]".encode(),
]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(SOUND),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(1, 255)), max_size=4),
    st.integers(0, 99),
)
def test_no_damage_ends_the_walk(sound, flips, cut):
    data = bytearray(sound)
    for place, mask in flips:
        data[place % len(data)] ^= mask
    with tempfile.TemporaryDirectory() as made:
        Path(made, "rows.jsonl").write_bytes(data[: len(data) - cut])
        items = pull(made)
        assert documents(items) or passed(items)
        assert items[-1].is_complete
        assert items[-1].records == len(documents(items))


# Rows


def taken(data, name="x", limit_bytes=1 << 20, block=7, **options):
    blocks = (data[i : i + block] for i in range(0, len(data), block))
    stream = Stream(blocks)
    form = form_of(stream, name, limit_bytes)
    return form, list(records(stream, form, limit_bytes=limit_bytes, **options)) if form else []


@pytest.mark.parametrize(
    ("data", "name", "form"),
    [
        (b'{"a": 1}\n{"b": 2}\n', "x.txt", Form.LINES),
        (b'\n\n{"a": 1}\n\n{"b": 2}', "x", Form.LINES),
        (b'{"a": 1}\n', "x.jsonl", Form.LINES),
        (b'{"a": 1}\n', "x.jsonl.gz", Form.LINES),
        (b'garbage\n{"a": 1}\n', "x.ndjson", Form.LINES),
        (b'{"a": 1}\n', "x.json", None),
        (b'{"a": 1}\n{broken', "x.txt", None),
        (b'{\n "a": 1\n}\n', "x.jsonl", None),
        (b'{\n "a": 1\n}\n', "x.json", None),
        (b'[{"a": 1}]', "x.json", Form.ARRAY),
        (b'\xef\xbb\xbf [\n {\n"a": 1}]', "x.json", Form.ARRAY),
        (b"[1, 2]", "x.json", None),
        (b"[]", "x.json", None),
        (b"{curly} quotes open this text", "x.txt", None),
        (b'[Music] {"', "x.txt", None),
        (b'{"a": "' + b"x" * 9000 + b'"}\n{"b": 2}', "x", Form.LINES),
        (b"", "x.jsonl", None),
    ],
)
def test_rows_are_known_by_their_content(data, name, form):
    assert taken(data, name)[0] is form


def test_a_line_that_is_no_object_says_where_and_what():
    _, found = taken(b'{"a": 1}\n\nnot a row\n[3]\n{"id": "x"}\n', "x.jsonl")
    assert [r.failure.reason if r.failure else None for r in found] == [None, *[Reason.RECORD_BROKEN] * 2, None]
    assert found[1].failure.detail == "line 3 is no JSON object: not a row"


@pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16"])
def test_byte_order_marks(charset):
    for name, text in (("x.jsonl", '{"id": "é"}\r\n{"id": "\u4e2d"}'), ("x.json", '[{"id": "é"}, {"id": "\u4e2d"}]')):
        found = taken(text.encode(charset), name)[1]
        assert [(r.name, r.failure) for r in found] == [("é", None), ("\u4e2d", None)]
        assert found[0].data == '{"id": "é"}'.encode()


def test_ids_are_verbatim():
    lines = [
        b'{"id": 1e5}',
        b'{"id": 90071992547409930001}',
        b'{"id": "\\ud800"}',
        b'{"id": ""}',
        b'{"id": null}',
        b'{"id": true}',
    ]
    assert [r.name for r in taken(b"\n".join(lines), "x.jsonl")[1]] == [
        "1e5",
        "90071992547409930001",
        "\\ud800",
        "4",
        "5",
        "6",
    ]
    assert [r.name for r in taken(b'{"n": "a"}\n{"n": "b"}', id_field="n")[1]] == ["a", "b"]


def test_a_row_that_nests_too_deep_is_broken():
    found = taken(b'{"a": 1}\n{"a": ' + b"[" * 200_000 + b"\n", "x.jsonl", block=1 << 16)[1]
    assert found[1].failure.reason is Reason.RECORD_BROKEN


def test_a_damaged_array_gives_what_came_before():
    assert [(r.name, bool(r.failure)) for r in taken(b'[{"id": "a"}, {"id": "b"}, {"id": ')[1]] == [
        ("a", 0),
        ("b", 0),
        ("3", 1),
    ]
    assert [(r.name, bool(r.failure)) for r in taken(b'[{"id": "a"}, 7, {oops}, {"id": "d"}]')[1]] == [
        *(("a", 0), ("2", 1), ("3", 1), ("d", 0))
    ]
    assert [bool(r.failure) for r in taken(b'[{"id": "a"}] and more')[1]] == [0, 1]


@settings(deadline=None)
@given(
    st.lists(
        st.dictionaries(st.text(max_size=3), st.recursive(st.text(max_size=8), lambda v: st.lists(v, max_size=3))),
        min_size=1,
    ),
    st.integers(1, 50),
    st.booleans(),
    st.sampled_from([None, 1]),
)
def test_an_array_is_taken_apart_wherever_it_is_cut(values, block, is_ascii, indent):
    written = json.dumps(values, ensure_ascii=is_ascii, indent=indent).encode("utf-8", "surrogatepass")
    form, found = taken(written, block=block)
    assert form is Form.ARRAY
    assert [json.loads(r.data) for r in found] == values
    assert all(r.data in written for r in found)


def test_an_endless_line_is_read_in_bounded_memory():
    tracemalloc.start()
    blocks = iter([b'{"a": 1}\n{"a": "', *([b"x" * BLOCK_BYTES] * 2000), b'"}\n{"b": 1}'])
    found = list(records(Stream(blocks), Form.LINES, limit_bytes=1 << 20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [r.failure.reason if r.failure else None for r in found] == [None, Reason.TOO_LARGE, None]
    assert peak < 8 << 20


@settings(deadline=None)
@given(st.binary(max_size=2000), st.sampled_from(sorted(COMPRESS)), st.integers(1, 64))
def test_unpacking_gives_the_bytes_back(data, ending, block):
    packed = COMPRESS[ending](data)
    blocks = (packed[i : i + block] for i in range(0, len(packed), block))
    compression = compression_of(packed[:10])
    assert b"".join(unpack(compression, Stream(blocks), Limits())) == data
