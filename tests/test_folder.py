from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.compression import Limits
from connectors.connector import FileRead, Passed, Unchanged
from connectors.document import Document
from connectors.folder import Folder, modified_at
from connectors.names import file_uri, spelt
from warehouse.rows import KnownFile, Reason, Role

SHARED = Path(__file__).parents[2] / "shared" / "data"


class Lake:
    """What a lake would answer, had it loaded everything up to the markers given."""

    def __init__(self, *markers: FileRead) -> None:
        self.known = {
            m.path: KnownFile(m.size_bytes, m.modified_ns, m.records, m.is_complete)
            for m in markers
            if isinstance(m, FileRead)
        }
        self.asked: list[int] = []

    def files(self, source, paths):
        self.asked.append(len(paths))
        return {p: self.known[p] for p in paths if p in self.known}

    def entries(self, document_ids):
        return {}


def pull(location, known=None, **options):
    return list(Folder(**options).pull("texts", str(location), None, known or Lake()))


def documents(items):
    return [i for i in items if isinstance(i, Document)]


def addresses(items):
    return [d.address for d in documents(items)]


def failures(items):
    return {d.address: d.failure.reason for d in documents(items) if d.failure}


def passed(items):
    return {i.path: i.why for i in items if isinstance(i, Passed)}


def rows(n, **more):
    return "".join(
        json.dumps({"id": f"o{i}", "text": f"The mill at Oberau ground {i} sacks.", **more}) + "\n" for i in range(n)
    )


@pytest.fixture
def folder(tmp_path):
    return Path(os.path.realpath(tmp_path))


def test_a_text_is_one_document_by_reference(folder):
    (folder / "a").mkdir()
    (folder / "a" / "mill.txt").write_text("The mill reopened.")
    os.utime(folder / "a" / "mill.txt", (1_600_000_000, 1_600_000_000))
    document, marker = pull(folder)
    assert (document.address, document.file, document.role) == ("a/mill.txt", "a/mill.txt", Role.FILE)
    assert document.uri == f"file://{folder}/a/mill.txt"
    assert (document.path, document.data, document.size_bytes) == (str(folder / "a" / "mill.txt"), None, 18)
    assert document.fetched_at == datetime.fromtimestamp(1_600_000_000, UTC)
    assert marker == FileRead("texts", "a/mill.txt", 18, 1_600_000_000 * 10**9, 1, is_complete=True)


def test_files_before_folders_in_the_order_of_bytes(folder):
    for name in ("b/1.txt", "B.txt", "a.txt", "é.txt", "a/2.txt", "a/c/3.txt", "z.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    assert addresses(pull(folder)) == ["B.txt", "a.txt", "z.txt", "é.txt", "a/2.txt", "a/c/3.txt", "b/1.txt"]


def test_what_is_known_is_counted_and_what_changed_is_read(folder):
    for name in ("a.txt", "b.txt", "c.txt"):
        (folder / name).write_text(name)
    lake = Lake(*pull(folder))
    assert pull(folder, lake) == [Unchanged(3)]
    (folder / "b.txt").write_text("a longer text")
    items = pull(folder, lake)
    assert addresses(items) == ["b.txt"]
    assert sum(i.count for i in items if isinstance(i, Unchanged)) == 2


def test_the_look_up_is_asked_in_pages_across_folders(folder):
    for number in range(120):
        (folder / f"{number:03}").mkdir()
        for name in range(25):
            (folder / f"{number:03}" / f"{name}.txt").touch()
    lake = Lake()
    assert len(documents(pull(folder, lake))) == 3000
    assert lake.asked == [2000, 1000]


def test_hidden_files_leftovers_and_links_are_passed_over(folder):
    names = [".hidden", "a.txt~", "#a.txt#", ".a.txt.swp", "b.swo", "Thumbs.db", "c.tmp", "d.part", ".DS_Store"]
    for name in (*names, "a.txt"):
        (folder / name).write_text("x")
    (folder / ".git").mkdir()
    (folder / ".git" / "notes.txt").write_text("x")
    (folder / "circle").symlink_to(folder)
    (folder / "out.txt").symlink_to("/etc/passwd")
    (folder / "dangling").symlink_to("nowhere")
    items = pull(folder)
    assert addresses(items) == ["a.txt"]
    assert set(passed(items)) == {*names, ".git", "circle", "out.txt", "dangling"}


def test_pipes_sockets_and_devices_are_never_opened(folder, monkeypatch):
    os.mkfifo(folder / "pipe.txt")
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.txt")
        items = pull(folder)
    assert failures(items) == {"pipe.txt": Reason.NOT_A_FILE, "socket.txt": Reason.NOT_A_FILE}
    assert not [i for i in items if isinstance(i, FileRead)]


def test_a_device_as_the_location():
    assert failures(pull("/dev/null")) == {"null": Reason.NOT_A_FILE}


def test_names_that_are_not_utf8(folder):
    raw = os.fsencode(folder) + b"/m\xfchle\xff.txt"
    Path(os.fsdecode(raw)).write_text("The mill reopened.")
    document, marker = pull(folder)
    assert document.address == document.file == marker.path == r"m\xfchle\xff.txt"
    assert document.uri.endswith("/m%FChle%FF.txt")
    assert Path(document.path).read_text() == "The mill reopened."


def test_decomposed_names_stay_as_they_are(folder):
    (folder / "mu\u0308hle.txt").write_text("x")
    assert addresses(pull(folder)) == ["mu\u0308hle.txt"]


@pytest.fixture
def deep_folder(folder):
    yield folder
    # pytest's own clean-up recurses and would fail.
    subprocess.run(["rm", "-rf", str(folder / "deeper")], check=True)


def test_folders_deeper_than_a_path_may_be_long(deep_folder):
    folder = deep_folder
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("deeper", dir_fd=descriptor)
        below = os.open("deeper", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    written = os.open("mill.txt", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor)
    os.write(written, b"At the bottom.")
    os.close(written)
    os.close(descriptor)
    document, marker = pull(folder)
    assert document.address == "deeper/" * 1200 + "mill.txt"
    assert document.data == b"At the bottom."
    assert marker.is_complete


def test_a_folder_and_a_file_that_the_system_refuses(folder, monkeypatch):
    # Nothing is unreadable to root, so the system's answer is put in its place.
    (folder / "a.txt").write_text("x")
    (folder / "b.txt").write_text("x")
    (folder / "shut").mkdir()
    real = os.open

    def refusing(path, flags, mode=0o777, *, dir_fd=None):
        if str(path).endswith(("a.txt", "shut")):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refusing)
    items = pull(folder)
    assert failures(items) == {"a.txt": Reason.UNREADABLE, "shut/": Reason.UNREADABLE}
    assert [i.path for i in items if isinstance(i, FileRead)] == ["b.txt"]


def test_too_many_open_files_is_not_the_files_fault(folder, monkeypatch):
    (folder / "a.txt").write_text("x")

    def exhausted(*_, **__):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "open", exhausted)
    with pytest.raises(OSError, match="Too many"):
        pull(folder)


def test_a_file_that_vanishes_or_becomes_a_link_before_it_is_read(folder):
    for name in ("a.txt", "b.txt", "c.txt"):
        (folder / name).write_text("x")
    items = Folder().pull("texts", str(folder), None, Lake())
    first = next(items)
    (folder / "b.txt").unlink()
    (folder / "c.txt").unlink()
    (folder / "c.txt").symlink_to("/etc/passwd")
    rest = list(items)
    assert first.address == "a.txt"
    assert failures(rest) == {"b.txt": Reason.VANISHED, "c.txt": Reason.VANISHED}


def test_a_file_that_grew_before_it_is_read_is_marked_as_it_was_read(folder):
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text("x")
    items = Folder().pull("texts", str(folder), None, Lake())
    next(items)
    (folder / "b.txt").write_text("x" * 1000)
    marker = list(items)[-1]
    assert (marker.path, marker.size_bytes) == ("b.txt", 1000)


def test_empty_files_and_empty_folders(folder):
    assert pull(folder) == []
    (folder / "empty.txt").touch()
    (folder / "void").mkdir()
    document, _ = pull(folder)
    assert (document.address, document.size_bytes, document.failure) == ("empty.txt", 0, None)


@pytest.mark.parametrize("modified_ns", [-(2**63) * 10**9, -62135596800 * 10**9 - 1, 0, 2**63 * 10**9, 2**63 - 1])
def test_no_time_is_too_absurd(modified_ns):
    assert 1 <= modified_at(modified_ns).year <= 9999
    assert modified_at(modified_ns).tzinfo is UTC


def test_a_part_of_a_folder_keeps_its_addresses(folder):
    for name in ("a/1.txt", "a/2.txt", "b/3.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(name)
    assert addresses(pull(folder, only="a")) == ["a/1.txt", "a/2.txt"]
    assert addresses(pull(folder, only="b/3.txt")) == ["b/3.txt"]
    assert addresses(pull(folder / "b" / "3.txt")) == ["3.txt"]
    with pytest.raises(FileNotFoundError):
        pull(folder, only="c")
    with pytest.raises(ValueError, match="not below"):
        pull(folder / "a", only="../b")


def test_a_link_to_the_folder_itself_is_the_folder(folder):
    (folder / "real").mkdir()
    (folder / "real" / "a.txt").write_text("x")
    (folder / "link").symlink_to("real")
    assert documents(pull(folder / "link"))[0].uri.endswith("/real/a.txt")
    assert passed(pull(folder, only="link")) == {"link": "a symbolic link"}


def test_a_home_in_the_folder_is_left_out(folder):
    (folder / "news").mkdir()
    (folder / "news" / "sources.toml").write_text("x")
    assert addresses(pull(folder, leave_out=[str(folder / "news")])) == []


def test_the_same_text_under_two_names_is_two_documents(folder):
    (folder / "a.txt").write_text("The mill reopened.")
    (folder / "b.txt").write_text("The mill reopened.")
    assert addresses(pull(folder)) == ["a.txt", "b.txt"]


def test_rows_are_records_with_their_ids(folder):
    (folder / "rows.jsonl").write_text('{"id": "o12", "text": "a"}\n\n{"id": 7, "text": "b"}\r\n{"text": "c"}\n')
    *found, marker = pull(folder)
    assert [d.uri.rpartition("/")[2] for d in found] == ["rows.jsonl#o12", "rows.jsonl#7", "rows.jsonl#3"]
    assert [d.data for d in found] == [b'{"id": "o12", "text": "a"}', b'{"id": 7, "text": "b"}', b'{"text": "c"}']
    assert {(d.role, d.media_type, d.path) for d in found} == {(Role.RECORD, "application/json", None)}
    assert (marker.records, marker.is_complete) == (3, True)


def test_markers_every_five_hundred_records(folder):
    (folder / "rows.jsonl").write_text(rows(1000))
    markers = [i for i in pull(folder) if isinstance(i, FileRead)]
    assert [(m.records, m.is_complete) for m in markers] == [(500, False), (1000, True)]


def test_markers_before_eight_megabytes_have_gathered(folder):
    (folder / "rows.jsonl").write_text(rows(5, body="x" * (3 << 20)))
    assert [i.records for i in pull(folder) if isinstance(i, FileRead)] == [3, 5]


def test_resuming_goes_on_behind_the_marker(folder):
    (folder / "rows.jsonl").write_text(rows(1200))
    items = pull(folder)
    marker = next(i for i in items if isinstance(i, FileRead))
    rest = pull(folder, Lake(marker))
    assert rest[0] == Unchanged(500)
    assert documents(rest) == documents(items)[500:]
    os.utime(folder / "rows.jsonl", (1, 1))
    assert len(documents(pull(folder, Lake(marker)))) == 1200


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=12)
ROW = st.one_of(
    st.fixed_dictionaries(
        {"text": st.text(max_size=30)}, optional={"id": st.one_of(st.text(max_size=4), st.integers())}
    ).map(lambda row: json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")),
    st.sampled_from([b"{broken", b"[1]", b"null", b'{"a": "\xff"}']),
)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(NAMES, st.binary(max_size=20).filter(lambda b: b[:1] not in b"[{P\x1f\xfe\xff\xfd("), max_size=6)
)
def test_every_file_of_any_name_comes_once_or_is_passed(files):
    with tempfile.TemporaryDirectory() as made:
        written = set()
        for name, data in files.items():
            if name not in (".", ".."):
                Path(made, name).write_bytes(data)
                written.add(name)
        items = pull(made)
        assert sorted([*addresses(items), *passed(items)]) == sorted(written)
        again = pull(made, Lake(*items))
        assert passed(again) == passed(items)
        known = [item for item in again if not isinstance(item, Passed)]
        assert all(isinstance(item, Unchanged) for item in known)
        assert sum(item.count for item in known) == len(documents(items))


@settings(max_examples=25, deadline=None)
@given(st.lists(ROW, min_size=1, max_size=8), st.integers(1, 150), st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n"]))
def test_every_record_comes_once_and_every_marker_resumes(lines, times, line_end):
    with tempfile.TemporaryDirectory() as made:
        whole = [b'{"id": "first"}', *(lines * times)]
        Path(made, "rows.jsonl").write_bytes(line_end.join(whole))
        items = pull(made)
        assert [d.data for d in documents(items)] == [line.strip() for line in whole]
        for position, item in enumerate(items):
            if isinstance(item, FileRead):
                assert documents(pull(made, Lake(item))) == documents(items[position:])


@given(st.binary(max_size=30).filter(lambda b: b"\0" not in b))
def test_any_name_can_be_spelt_and_addressed(raw):
    path = os.fsdecode(b"/" + raw)
    spelt(path).encode()
    assert file_uri(path).isascii()


def test_a_row_beyond_the_limit_is_skipped_by_name(folder):
    (folder / "rows.jsonl").write_text(rows(1) + rows(1, body="x" * 300_000) + rows(1))
    found = documents(pull(folder, limits=Limits(record_bytes=100_000)))
    assert [d.failure.reason if d.failure else None for d in found] == [None, Reason.TOO_LARGE, None]


@pytest.mark.skipif(not SHARED.exists(), reason="no development data")
def test_the_development_data_comes_whole():
    items = pull(SHARED)
    files = {str(p.relative_to(SHARED)) for p in SHARED.rglob("*") if p.is_file()}
    assert {i.path for i in items if isinstance(i, FileRead) and i.is_complete} == files - set(passed(items))
    assert failures(items) == {"MANIFEST.tsv": Reason.NO_TEXT}  # a table, of no articles
