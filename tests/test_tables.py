"""Tables: delimited text and Parquet become rows, whatever their dialect and whatever is broken between them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tracemalloc
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from connectors.compression import Broken, Limits, Stream
from connectors.connector import FileRead, Passed
from connectors.document import Document
from connectors.fields import FieldsError, mapped, read_mapping
from connectors.folder import Folder
from connectors.formats.table import NoTable, delimited, dialect_of, parquet
from flows import backfill as flow
from flows.cli import app
from flows.replay import Selection, replay
from flows.settings import Pipeline, Settings
from tests.test_folder import Lake
from warehouse.catalog import Home
from warehouse.query import connect
from warehouse.rows import Reason, Role

FERRY = "The ferry to Nordholm stopped at noon, the harbour office said."


def pull(folder: Path, known: Lake | None = None, **options: Any) -> list[Any]:
    return list(Folder(**options).pull("tables", str(folder), None, known or Lake()))


def documents(folder: Path, **options: Any) -> list[Document]:
    return [item for item in pull(folder, **options) if isinstance(item, Document)]


def objects(folder: Path, **options: Any) -> list[Any]:
    return [json.loads(d.data or b"") for d in documents(folder, **options) if not d.failure]


def rejects(folder: Path, **options: Any) -> list[tuple[str, Reason, str]]:
    return [(d.address, d.failure.reason, d.failure.detail) for d in documents(folder, **options) if d.failure]


def written(rows: list[list[str]], **dialect: Any) -> str:
    file = io.StringIO()
    csv.writer(file, **dialect).writerows(rows)
    return file.getvalue()


def rows_of(data: bytes, name: str = "a.csv", *, block: int = 1 << 16, limit: int = 1 << 20, skip: int = 0) -> Any:
    stream = Stream(data[n : n + block] for n in range(0, len(data), block))
    dialect = dialect_of(stream, name)
    assert dialect is not None
    return list(delimited(stream, dialect, limit_bytes=limit, skip=skip))


# Delimited text


def test_each_row_is_a_record_with_its_own_id_or_its_number(tmp_path):
    (tmp_path / "a.csv").write_text(f'id,title,text\nk 1,Ferry,"{FERRY}"\n,Second,"Two\nlines, ""quoted"""\n')
    first, second = documents(tmp_path)
    assert (first.role, first.file, first.media_type) == (Role.RECORD, "a.csv", "application/json")
    assert first.uri == f"{(tmp_path / 'a.csv').as_uri()}#k 1"
    assert first.data == json.dumps({"id": "k 1", "title": "Ferry", "text": FERRY}, separators=(",", ":")).encode()
    assert second.address == "a.csv#2"
    assert json.loads(second.data or b"") == {"title": "Second", "text": 'Two\nlines, "quoted"'}
    assert [(i.records, i.is_complete) for i in pull(tmp_path) if isinstance(i, FileRead)] == [(2, True)]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("semicolons.csv", "title;text\nFähre;Sie fährt, doch spät\n".encode()),
        ("tabs.tsv", "title\ttext\nFähre\tSie fährt, doch spät\n".encode()),
        ("tabs.tab", "title\ttext\r\nFähre\tSie fährt, doch spät\r\n".encode()),
        ("pipes.CSV", "title|text\nFähre|Sie fährt, doch spät\n".encode()),
        ("mac.csv", 'title,text\rFähre,"Sie fährt, doch spät"\r'.encode()),
        ("mark.csv", '\ufefftitle,text\nFähre,"Sie fährt, doch spät"'.encode()),
        ("quoted mark.csv", '\ufeff"title","text"\n"Fähre","Sie fährt, doch spät"'.encode()),
        ("utf16.csv", 'title,text\r\nFähre,"Sie fährt, doch spät"\r\n'.encode("utf-16")),
        ("western.csv", 'title,text\nFähre,"Sie fährt, doch spät"\n'.encode("cp1252")),
        ("excel.csv", "sep=;\r\ntitle;text\r\nFähre;Sie fährt, doch spät\r\n".encode()),
        ("escaped.csv", 'title,text,lead\nFähre,"Sie fährt, doch spät","a \\"b\\", c"\n'.encode()),
        ("packed.csv.gz", gzip.compress('title,text\nFähre,"Sie fährt, doch spät"\n'.encode())),
        ("blank lines.csv", '\n\ntitle,text\n\n,,\nFähre,"Sie fährt, doch spät",,\n'.encode()),
        ("no suffix", 'title,text,date\nFähre,"Sie fährt, doch spät",2024-03-05\n'.encode()),
        ("short.csv", 'title,text,date,tags\nFähre,"Sie fährt, doch spät"\n'.encode()),
        ("blanks.csv", 'title, text, date\n"Fähre", "Sie fährt, doch spät", 2024-03-05\n'.encode()),
        ("nul.csv", 'title,text\nFähre,"Sie fährt, \0doch spät"\n'.encode()),
        ("titled.csv", f'Export of {"all " * 40}articles\n\ntitle,text,date\nFähre,"Sie fährt, doch spät"\n'.encode()),
        ("two headers.csv", 'Head,,Content\ntitle,date,text\nFähre,,"Sie fährt, doch spät"\n'.encode()),
    ],
)
def test_the_dialect_is_found(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    found = objects(tmp_path)
    assert [{key: row[key] for key in ("title", "text")} for row in found] == [
        {"title": "Fähre", "text": "Sie fährt, doch spät"}
    ]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("copy.csv", 'id,title,text,url\n1,Fähre,"Sie fährt.\nSpät.",\\N\n'),
        ("outfile.csv", 'id,title,text,url\n"1","Fähre","\\"Sie\\" fährt.\\\nSpät.",\\N\n'),
        ("copy.tsv", "id\ttitle\ttext\turl\n1\tFähre\tSie fährt.\\nSpät.\t\\N\n"),
        ("batch.tsv", "id\ttitle\ttext\turl\n1\tFähre\tSie fährt.\\nSpät.\tNULL\n"),
        ("pandas.csv", ',title,text,url\n0,Fähre,"Sie fährt.\nSpät.",nan\n'),
        ("excel.csv", 'title;text;url\nFähre;"Sie fährt.\nSpät.";#N/A\n'),
    ],
)
def test_what_stands_for_nothing_is_nothing_and_a_dump_has_its_breaks(tmp_path, name, data):
    (tmp_path / name).write_text(data)
    (row,) = objects(tmp_path)
    assert "url" not in row
    assert row["title"] == "Fähre"
    assert row["text"].replace('"', "") == "Sie fährt.\nSpät."


@pytest.mark.parametrize(
    "text",
    [
        "Ferry, tide, text\n\nThe office said so.",
        "id,text,url\n\nThis is what a table begins with, and this is no table.",
        "Dear reader,\nthe text, the date and the title are below.\n",
        "title | text\n",
    ],
)
def test_a_text_with_commas_is_a_text(tmp_path, text):
    (tmp_path / "a.txt").write_text(text)
    (document,) = documents(tmp_path)
    assert (document.role, document.address) == (Role.FILE, "a.txt")


def test_a_row_of_words_that_are_names_is_no_header(tmp_path):
    (tmp_path / "a.csv").write_text(f"Art;Form;Inhalt\nText;HTML;{FERRY}\nArticle;Date;{FERRY}\n")
    mapping = read_mapping(["text=Inhalt"])
    assert [row["Art"] for row in objects(tmp_path, fields=mapping)] == ["Text", "Article"]


def test_a_table_without_a_text_says_which_columns_it_has(tmp_path):
    (tmp_path / "prices.csv").write_text("Titel;Inhalt\nFähre;Sie fährt\n")
    ((address, reason, detail),) = rejects(tmp_path)
    assert (address, reason) == ("prices.csv", Reason.NO_TEXT)
    assert "Titel, Inhalt" in detail
    assert "--fields" in detail
    assert rejects(tmp_path, fields=read_mapping(["text=Inhalt"])) == []


def test_a_table_may_be_too_wide(tmp_path):
    (tmp_path / "wide.csv").write_text("text," + ",".join(f"c{n}" for n in range(20_000)) + "\nA,b\n")
    assert [reason for _, reason, _ in rejects(tmp_path)] == [Reason.UNSUPPORTED]


def test_columns_without_a_name_or_with_the_same(tmp_path):
    (tmp_path / "a.csv").write_text("text,,text,text\nA,b,c,d\n")
    assert objects(tmp_path) == [{"text": "A", "column_2": "b", "text_2": "c", "text_3": "d"}]


BROKEN = {
    "a quote that nobody closes": '9,"Open,and no end\n',
    "a quote that nobody closes in the last column": '9,Open,"and,no end\n',
    "more cells than names": "9,a,b,c,d\n",
    "a quote in the wrong place": '9,"a" b,"c" d,e\n',
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_a_broken_row_loses_only_itself(broken, quoting):
    good = [[str(n), f"Title {n}", f"Text {n}, of two\nlines"] for n in range(40)]
    before, after = written([["id", "title", "text"], *good[:20]], quoting=quoting), written(good[20:], quoting=quoting)
    found = rows_of((before + broken + after).encode())
    whole = [json.loads(r.data) for r in found if not r.failure]
    assert [list(row.values()) for row in whole if row["id"] != "9" or row["title"] == "Title 9"] == good
    failures = [r.failure for r in found if r.failure]
    assert [(f.reason, f.detail.split()[:2]) for f in failures] == [(Reason.RECORD_BROKEN, ["line", "42"])]


def test_a_line_beyond_the_limit_is_skipped_by_number():
    data = f"id,text\n1,A\n2,{'x' * 5000}\n3,C\n"
    found = rows_of(data.encode(), limit=1000, block=100)
    assert [(r.name, r.failure and r.failure.reason) for r in found] == [
        ("1", None),
        ("2", Reason.TOO_LARGE),
        ("3", None),
    ]


def test_bytes_of_another_set_between_lines_that_are_utf8():
    lines = ["id,text", *(f"{n},Größe" for n in range(20_000))]
    data = "\n".join(lines).encode() + "\n20000,Fähre".encode("cp1252")
    assert json.loads(rows_of(data)[-1].data)["text"] == "Fähre"


def test_reading_goes_on_behind_a_marker(tmp_path):
    (tmp_path / "a.csv").write_text("id,text\n" + "".join(f"r{n},Text {n}\n" for n in range(1200)))
    pq.write_table(pa.table({"text": [f"Text {n}" for n in range(1200)]}), tmp_path / "b.parquet", row_group_size=100)
    items = pull(tmp_path)
    markers = {
        name: next(i for i in items if isinstance(i, FileRead) and i.path == name) for name in ("a.csv", "b.parquet")
    }
    assert {m.records for m in markers.values()} == {500}
    rest = [d.address for d in pull(tmp_path, Lake(*markers.values())) if isinstance(d, Document)]
    assert rest == [f"a.csv#r{n}" for n in range(500, 1200)] + [f"b.parquet#{n}" for n in range(501, 1201)]


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=30).map(str.strip)
CELL = CELL.filter(lambda cell: cell not in {"NULL", "NaN", "None", "nan"})
WORD = st.text("abcdefgh", min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(WORD, CELL, CELL), min_size=1, max_size=12),
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.integers(5, 3000),
)
def test_what_a_writer_wrote_comes_back(rows, delimiter, quoting, line_end, charset, block):
    table = [["id", "title", "text"], *map(list, rows)]
    data = written(table, delimiter=delimiter, quoting=quoting, lineterminator=line_end).encode(charset)
    found = rows_of(data, block=block)
    assert [r.failure for r in found if r.failure] == []
    expected = [{name: cell for name, cell in zip(table[0], row, strict=True) if cell} for row in rows]
    assert [json.loads(r.data) for r in found] == expected
    assert [r.name for r in found] == [row[0] for row in rows]


@settings(max_examples=150, deadline=None)
@given(st.text('a,;"\n\r\t\\|é ', max_size=200), st.integers(1, 60))
def test_any_text_named_a_table_is_read_to_its_end(text, limit):
    data = ("id,text\n" + text + "\nlast,one\n").encode()
    found = rows_of(data, block=7, limit=limit)
    assert len(found) <= len(text) + 1
    skipped = rows_of(data, block=7, limit=limit, skip=1)
    assert [r.data for r in skipped] == [r.data for r in found[1:]]


def test_many_rows_take_little_memory():
    def blocks() -> Any:
        yield b'id,text\n1,"Open\n'
        for n in range(400):
            yield f'{n},"{FERRY * 200}"\n'.encode() * 4

    stream = Stream(blocks())
    dialect = dialect_of(stream, "a.csv")
    assert dialect is not None
    tracemalloc.start()
    count = sum(not record.failure for record in delimited(stream, dialect, limit_bytes=1 << 20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 1600
    assert peak < 40 << 20  # the page is read as it is stored


# Parquet


def table(**more: Any) -> pa.Table:
    return pa.table({"id": ["k1", None], "headline": ["Ferry", "Tide"], "text": [FERRY, "It rises."], **more})


def test_rows_of_parquet_are_objects_of_plain_values(tmp_path):
    more = {
        "published_at": pa.array([datetime(2024, 3, 5, 10, tzinfo=UTC), None], pa.timestamp("ns", "UTC")),
        "day": [date(2024, 3, 5), None],
        "price": [Decimal("1.50"), None],
        "tags": [["sea", "ferry", None], []],
        "at": [{"name": "Nordholm", "more": None}, None],
        "share": [0.5, float("nan")],
        "name": [b"plain", b"\xff\xfe"],
        "n": [2**60, 0],
    }
    pq.write_table(table(**more), tmp_path / "a.parquet")
    first, second = documents(tmp_path)
    assert (first.address, second.address) == ("a.parquet#k1", "a.parquet#2")
    assert json.loads(first.data or b"") == {
        "id": "k1",
        "headline": "Ferry",
        "text": FERRY,
        "published_at": "2024-03-05T10:00:00+00:00",
        "day": "2024-03-05",
        "price": "1.50",
        "tags": ["sea", "ferry"],
        "at": {"name": "Nordholm"},
        "share": 0.5,
        "name": "plain",
        "n": 2**60,
    }
    assert json.loads(second.data or b"") == {"headline": "Tide", "text": "It rises.", "tags": [], "n": 0}


def test_a_text_of_parquet_in_another_set_is_read(tmp_path):
    western = pa.array(["Fähre".encode("cp1252"), b"Zug"], pa.binary())
    texts = pa.StringArray.from_buffers(2, *western.buffers()[1:])
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet")
    assert objects(tmp_path) == [{"text": "Fähre"}, {"text": "Zug"}]


def test_parquet_that_is_packed(tmp_path):
    pq.write_table(table(), tmp_path / "a.data")
    data = (tmp_path / "a.data").read_bytes()
    (tmp_path / "b.gz").write_bytes(gzip.compress(data))
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as packed:
        packed.writestr("in/rows", data)
        packed.writestr("in/rows.csv", "id,text\nk1,Plain\n")
    assert [d.address for d in documents(tmp_path)] == [
        "a.data#k1",
        "a.data#2",
        "b.gz#k1",
        "b.gz#2",
        "c.zip#in/rows::k1",
        "c.zip#in/rows::2",
        "c.zip#in/rows.csv::k1",
    ]
    assert [r for _, r, _ in rejects(tmp_path, limits=Limits(spool_bytes=100))] == [Reason.TOO_LARGE] * 2


def test_parquet_that_is_broken_encrypted_or_holds_no_text(tmp_path):
    pq.write_table(table(), tmp_path / "whole")
    data = (tmp_path / "whole").read_bytes()
    (tmp_path / "whole").unlink()
    (tmp_path / "cut.parquet").write_bytes(data[:-20])
    (tmp_path / "encrypted.parquet").write_bytes(b"PARE" + data[4:-4] + b"PARE")
    pq.write_table(pa.table({"Titel": ["a"]}), tmp_path / "titles.parquet")
    assert [(address, reason) for address, reason, _ in rejects(tmp_path)] == [
        ("cut.parquet#archive-broken", Reason.ARCHIVE_BROKEN),
        ("encrypted.parquet", Reason.UNSUPPORTED),
        ("titles.parquet", Reason.NO_TEXT),
    ]


def test_damage_inside_parquet_leaves_what_came_before(tmp_path):
    path = tmp_path / "a.parquet"
    texts = pa.table({"text": [f"Text {n} " + "x" * 200 for n in range(3000)]})
    pq.write_table(texts, path, row_group_size=1000, compression="zstd", use_dictionary=False)
    start = pq.ParquetFile(path).metadata.row_group(2).column(0).data_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + 40] = b"\xff" * 40
    path.write_bytes(data)
    found = documents(tmp_path)
    assert len(found) == 2001
    assert found[-1].failure is not None
    assert found[-1].failure.reason is Reason.ARCHIVE_BROKEN


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=8))
def test_parquet_with_any_bytes_changed_ends(changes):
    file = io.BytesIO()
    pq.write_table(table(), file)
    data = bytearray(file.getvalue())
    for place, value in changes:
        data[4 + place % (len(data) - 4)] = value
    try:
        found = list(parquet(io.BytesIO(data), limits=Limits(record_bytes=1 << 20)))
    except (Broken, NoTable) as found_out:
        assert found_out.failure.detail  # noqa: PT017
    else:
        assert len(found) <= 2


def test_a_cell_that_stands_in_every_row_is_a_bomb(tmp_path):
    text = f"{FERRY} " * 2_000
    pq.write_table(pa.table({"text": [text] * 400}), tmp_path / "a.parquet", compression="zstd")
    *rows, bomb = documents(tmp_path)
    assert len(rows) < 20
    assert (bomb.address, bomb.failure and bomb.failure.reason) == ("a.parquet#ratio", Reason.RATIO)


def test_a_cell_beyond_the_limit_costs_its_row_and_little_memory(tmp_path):
    texts = [FERRY, f"{FERRY} " * 500_000, FERRY]
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", compression="none")
    del texts
    tracemalloc.start()
    found = documents(tmp_path, limits=Limits(record_bytes=1 << 20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(d.address, d.failure and d.failure.reason) for d in found] == [
        ("a.parquet#1", None),
        ("a.parquet#2", Reason.TOO_LARGE),
        ("a.parquet#3", None),
    ]
    assert peak < 40 << 20  # the page is read as it is stored


def test_a_large_row_group_is_not_read_whole(tmp_path):
    texts = pa.table({"text": [f"{n} {FERRY * 150}" for n in range(8000)]})
    pq.write_table(texts, tmp_path / "a.parquet", row_group_size=8000, compression="none", use_dictionary=False)
    del texts
    pa.default_memory_pool().release_unused()
    before = pa.total_allocated_bytes()
    peak = 0
    with (tmp_path / "a.parquet").open("rb") as file:
        for record in parquet(file, limits=Limits(record_bytes=1 << 20)):
            assert record.failure is None
            peak = max(peak, pa.total_allocated_bytes() - before)
    assert peak < 16 << 20 < (tmp_path / "a.parquet").stat().st_size


# Fields


def test_a_mapping_is_read_and_checked():
    assert read_mapping(["text=b,headline=a.b", "id= k"]) == '{"headline": "a.b", "id": "k", "text": "b"}'
    assert read_mapping([]) is None
    for wrong in ("text", "text=", "=a", "nothing=a", "text=a,text=b"):
        with pytest.raises(FieldsError):
            read_mapping([wrong])


def test_mapped_columns_win_and_others_stay():
    row = {"html": "<p>old</p>", "TITLE": "t", "Headline": "x", "a": {"b": ["One.", "Two."]}, "a.c": "dotted", "n": 1}
    assert mapped(row, read_mapping(["text=a.b,headline=a.c,url=none"])) == {
        "TITLE": "t",
        "a": row["a"],
        "a.c": "dotted",
        "n": 1,
        "text": ["One.", "Two."],
        "headline": "dotted",
    }
    assert mapped(row, None) is row


def test_a_column_that_no_row_has_is_said(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "A", "a": {"b": "c"}}\n{"text": "B"}\n')
    passed = [i.why for i in pull(tmp_path, fields=read_mapping(["id=a.b,url=a.c"])) if isinstance(i, Passed)]
    assert passed == ["no row has the column 'a.c' that --fields names"]
    assert [d.address for d in documents(tmp_path, fields=read_mapping(["id=a.b"]))] == ["a.jsonl#c", "a.jsonl#2"]


def test_fields_from_the_command_line_to_replay(tmp_path, monkeypatch):
    path, home = tmp_path / "rows.jsonl", tmp_path / "home"
    rows = [
        {"nr": f"f{n}", "Kopf": f"Fähre {n}", "Kurz": f"Kurz {n}.", "art": {"rumpf": f"Die Fähre {n} hält."}}
        for n in range(3)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    place = Settings(Home(home), pipeline=Pipeline(workers=1))
    home.mkdir()
    (home / "newsmill.toml").write_text("[pipeline]\nworkers = 1\n")
    monkeypatch.setenv("NEWSMILL_HOME", str(home))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    ask = ["backfill", str(path), "--json", "--fields"]
    wrong = CliRunner().invoke(app, [*ask, "titel=Kopf"])
    assert wrong.exit_code == 2
    assert "headline" in wrong.output
    done = CliRunner().invoke(app, [*ask, "headline=Kopf,text=art.rumpf"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["counts"]["new"] == 3

    other = read_mapping(["headline=Kurz", "text=art.rumpf", "id=nr"])

    def again(fields: str | None) -> tuple[int, int, int, int]:
        c = flow.backfill(place, [path], fields=fields).counts
        return c.new, c.changed, c.unchanged, c.rejected

    assert again(None) == (0, 0, 3, 0)
    assert again(other) == (0, 3, 0, 0)
    assert again(other) == (0, 0, 3, 0)
    replayed = replay(place, Selection()).counts
    assert (replayed.new, replayed.changed, replayed.unchanged, replayed.rejected) == (0, 0, 3, 0)
    with connect(home) as lake:
        versions = lake.execute("SELECT headline, version, cause FROM article_versions ORDER BY version, 1").fetchall()
        files = lake.execute("SELECT fields FROM lake.files").fetchall()
    assert versions == [(f"Fähre {n}", 1, "source") for n in range(3)] + [
        (f"Kurz {n}.", 2, "pipeline") for n in range(3)
    ]
    assert files == [(other,)]
