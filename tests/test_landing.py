"""Batches on their way to the lake: cut only behind markers, whole or absent, read back as they were."""

from __future__ import annotations

import io
import os
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.connector import FileRead, Item, Moved, Passed, Unchanged
from connectors.document import Document, Failure
from connectors.landing import GROUP_BYTES, GROUP_DOCUMENTS, Batch, BatchLimits, discard, land, pending, read_group
from warehouse.rows import Flag, PollRow, Reason, Role, SourceRow

SEEN = datetime(2024, 5, 1, tzinfo=UTC)
MIB = 1024 * 1024


def document(n: int, data: bytes | None = b"A lamp fell in Oberau.", **more) -> Document:
    return Document(source="s", role=Role.ENTRY, address=f"{n}", uri=f"urn:{n}", fetched_at=SEEN, data=data, **more)


def read_file(path: str, records: int = 1, *, is_complete: bool = True) -> FileRead:
    return FileRead("s", path, size_bytes=1, modified_ns=1, records=records, is_complete=is_complete)


def poll(n: int) -> PollRow:
    nothing = dict.fromkeys(
        ("http_status", "entries", "new_entries", "size_bytes", "duration_ms", "next_poll_at", "reason", "error")
    )
    return PollRow(source=f"s{n}", polled_at=SEEN, outcome="ok", **nothing)


def learnt(n: int, **more) -> SourceRow:
    nothing = dict.fromkeys(("interval_s", "interval_reason", "last_success_at", "error"))
    return SourceRow(source=f"s{n}", kind="feed", location="", state="ok", added_at=SEEN, **nothing | more)


def contents(batch: Batch) -> list[Document]:
    if not (batch.folder / "documents.parquet").exists():
        return []
    return [d for n in range(len(batch.groups())) for d in read_group(batch.folder / "documents.parquet", n)]


def addresses(batch: Batch) -> list[str]:
    return [d.address for d in contents(batch)]


def marks(batch: Batch, table: str, column: str) -> list:
    return pq.read_table(batch.folder / f"{table}.parquet").column(column).to_pylist()


def test_a_batch_is_cut_at_the_next_marker_when_it_is_full(tmp_path):
    items: list[Item] = []
    for n in range(0, 9, 3):
        items += [document(n), document(n + 1), document(n + 2), read_file(f"{n}")]
    batches = list(land(items, tmp_path, "r", limits=BatchLimits(documents=2)))
    assert [addresses(b) for b in batches] == [["0", "1", "2"], ["3", "4", "5"], ["6", "7", "8"]]
    assert [marks(b, "files", "path") for b in batches] == [["0"], ["3"], ["6"]]
    assert [b.batch_id for b in batches] == ["r-000000", "r-000001", "r-000002"]
    assert [b.documents for b in batches] == [3, 3, 3]


@given(
    items=st.lists(st.sampled_from("ddddmuUpPs"), max_size=40),
    limits=st.builds(
        BatchLimits, size_bytes=st.integers(1, 200), documents=st.integers(1, 9), markers=st.integers(1, 5)
    ),
)
@settings(max_examples=25, deadline=None)
def test_every_item_is_in_one_batch_and_every_marker_behind_its_documents(tmp_path_factory, items, limits):
    makes = {
        "d": document,
        "m": lambda n: read_file(f"{n}"),
        "u": Unchanged,
        "U": lambda n: Moved(f"s{n}", b"c"),
        "p": poll,
        "s": learnt,
        "P": lambda n: Passed(f"{n}", "a link"),
    }
    made = [makes[kind](n) for n, kind in enumerate(items)]
    passed: list[Passed] = []
    batches = list(land(made, tmp_path_factory.mktemp("l"), "r", limits=limits, passed=passed))
    assert [a for b in batches for a in addresses(b)] == [f"{n}" for n, kind in enumerate(items) if kind == "d"]
    assert [p for b in batches for p in marks(b, "files", "path")] == [m.path for m in made if isinstance(m, FileRead)]
    assert sum(b.unchanged for b in batches) == sum(m.count for m in made if isinstance(m, Unchanged))
    assert passed == [m for m in made if isinstance(m, Passed)]
    assert sum(len(marks(b, "polls", "source")) for b in batches) == items.count("p")
    assert sum(len(marks(b, "sources", "source")) for b in batches) == items.count("s")
    for batch in batches[1:]:
        if taken := numbers(batch):
            before = [m for m in made[: min(taken)] if not isinstance(m, Passed)]
            assert isinstance(before[-1], FileRead | Moved | Unchanged)


def numbers(batch: Batch) -> list[int]:
    """Places of the batch's items among all, but for those that are only counted."""
    sources = marks(batch, "cursors", "source") + marks(batch, "polls", "source")
    sources += marks(batch, "sources", "source")
    return [int(name.lstrip("s")) for name in addresses(batch) + marks(batch, "files", "path") + sources]


def test_of_several_marks_of_one_file_or_source_the_last_counts(tmp_path):
    items = [read_file("a", 1, is_complete=False), document(1), read_file("a", 2), Moved("s", b"1"), Moved("s", b"2")]
    (batch,) = land(items, tmp_path, "r")
    assert marks(batch, "files", "records") == [2]
    assert marks(batch, "cursors", "cursor") == [b"2"]
    assert marks(batch, "cursors", "batch_id") == ["r-000000"]
    (batch,) = land([learnt(1, error="404"), learnt(1, error="410")], tmp_path, "q")
    assert marks(batch, "sources", "error") == ["410"]


def test_nothing_makes_no_batch(tmp_path):
    assert list(land([], tmp_path, "r")) == []
    assert list(land([Passed("a", "a link")], tmp_path, "r")) == []
    assert list(tmp_path.iterdir()) == []


def test_a_batch_may_hold_no_documents(tmp_path):
    (batch,) = land([Unchanged(7)], tmp_path, "r")
    assert (batch.documents, batch.unchanged) == (0, 7)
    assert batch.groups() == []
    assert contents(batch) == []


def test_batches_are_landed_lazily_and_go_on_from_a_number(tmp_path):
    taken = []

    def items() -> Iterator[Item]:
        for n in range(3):
            taken.append(n)
            yield from (document(n), read_file(f"{n}"))

    landed = land(items(), tmp_path, "r", limits=BatchLimits(documents=1), first=41)
    assert next(landed).batch_id == "r-000041"
    assert taken == [0]
    assert next(landed).batch_id == "r-000042"
    assert [b.batch_id for b in pending(tmp_path)] == ["r-000041", "r-000042"]


def test_a_source_that_fails_leaves_the_batches_before_and_no_half_one(tmp_path):
    def items() -> Iterator[Item]:
        yield from (document(1), read_file("1"), document(2))
        raise ConnectionError

    landed = land(items(), tmp_path, "r", limits=BatchLimits(documents=1))
    (first,) = [next(landed)]
    with pytest.raises(ConnectionError):
        next(landed)
    assert pending(tmp_path) == [first]
    assert [p.name for p in tmp_path.iterdir()] == ["r-000000"]


def test_pending_gives_whole_batches_in_order_and_passes_over_the_unfinished(tmp_path):
    two = [document(1), read_file("1"), document(2), read_file("2")]
    later = list(land(two, tmp_path, "20240502", limits=BatchLimits(documents=1)))
    earlier = list(land(two, tmp_path, "20240501", limits=BatchLimits(documents=1)))
    half = tmp_path / ".20240503-000000"
    half.mkdir()
    (half / "documents.parquet").write_bytes(b"PAR1")
    (tmp_path / "20240501.lock").touch()
    assert pending(tmp_path) == [*earlier, *later]
    assert half.exists()


class Killed(BaseException):
    pass


_point: list[str] = []


@contextmanager
def killed_at(point: str) -> Iterator[None]:
    """The code ends at this point as a killed process does, but for what `finally` would do."""
    if not _point:
        sys.addaudithook(_kill)
    _point[:] = [point]
    try:
        with pytest.raises(Killed):
            yield
    finally:
        _point[:] = [""]


def _kill(event: str, args: tuple) -> None:
    if event == "newsmill.point" and args[0] == _point[0]:
        raise Killed


@pytest.mark.parametrize("point", ["batch-unmarked", "batch-removed"])
def test_a_batch_is_discarded_wherever_that_was_cut_short(tmp_path, point):
    (batch,) = land([document(1), read_file("1")], tmp_path, "r")
    (batch.folder / "staged").mkdir()
    (batch.folder / "staged" / "keys.parquet").touch()
    with killed_at(point):
        discard(batch)
    assert pending(tmp_path) == []
    assert not batch.folder.exists()
    discard(batch)


def test_a_batch_cut_short_before_its_rename_is_nothing(tmp_path):
    with killed_at("batch-written"):
        list(land([document(1), read_file("1")], tmp_path, "r"))
    assert pending(tmp_path) == []
    (batch,) = land([document(1), read_file("1")], tmp_path, "r")
    assert pending(tmp_path) == [batch]


def test_a_batch_cut_short_behind_its_rename_is_whole(tmp_path):
    with killed_at("batch-landed"):
        list(land([document(1), read_file("1")], tmp_path, "r"))
    (batch,) = pending(tmp_path)
    assert addresses(batch) == ["1"]
    assert marks(batch, "files", "path") == ["1"]


text = st.text(st.characters(codec="utf-8"), max_size=12)
maybe = st.none() | text
documents = st.builds(
    Document,
    source=text,
    role=st.sampled_from(Role),
    address=text,
    uri=text,
    fetched_at=st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    data=st.none() | st.binary(max_size=20),
    path=st.none() | st.binary(min_size=1, max_size=12).map(os.fsdecode),
    file=maybe,
    size_bytes=st.integers(0, 2**62),
    url=maybe,
    media_type=maybe,
    charset=maybe,
    final_uri=maybe,
    http_status=st.none() | st.integers(100, 599),
    headers=maybe,
    flags=st.frozensets(st.sampled_from(Flag)),
    entry=st.none() | st.binary(max_size=20),
    document_id=maybe,
    failure=st.none() | st.builds(Failure, st.sampled_from(Reason), text),
)


@given(given=st.lists(documents, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_documents_come_back_as_they_were(tmp_path_factory, given):
    (batch,) = land(given, tmp_path_factory.mktemp("l"), "r")
    assert contents(batch) == given
    (again,) = pending(batch.folder.parent)
    assert again == batch


def test_a_group_is_read_from_a_stream_too(tmp_path):
    (batch,) = land([document(1)], tmp_path, "r")
    stream = io.BytesIO((batch.folder / "documents.parquet").read_bytes())
    assert read_group(stream, 0) == [document(1)]


def test_documents_are_cut_into_groups_of_bounded_number_and_size(tmp_path):
    many = [document(n) for n in range(GROUP_DOCUMENTS + 1)]
    (batch,) = land(many, tmp_path, "many")
    assert batch.groups() == ["many-000000-00000", "many-000000-00001"]
    assert addresses(batch) == [d.address for d in many]
    files = [document(n, None, path=f"/{n}", size_bytes=GROUP_BYTES // 2) for n in range(5)]
    (batch,) = land(files, tmp_path, "files")
    assert len(batch.groups()) == 3


def test_bytes_are_written_as_they_come_and_not_held(tmp_path):
    def items() -> Iterator[Item]:
        for n in range(24):
            yield document(n, os.urandom(2 * MIB))

    tracemalloc.start()
    try:
        (batch,) = land(items(), tmp_path, "r")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert batch.documents == 24
    assert peak < 3 * GROUP_BYTES
