"""The composite on three runners: bounded, with SDK workers of their own, and fed by `TestStream`."""

from __future__ import annotations

import json
import logging
import os
import pickle
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apache_beam as beam
import cloudpickle
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.localfilesystem import LocalFileSystem
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing import test_stream
from apache_beam.transforms.environments import SubprocessSDKEnvironment
from apache_beam.transforms.window import FixedWindows, TimestampedValue

from connectors.connector import Moved
from connectors.document import Document, Failure
from connectors.landing import land
from pipelines.news import Group, News, ReadLanding
from pipelines.staging import TABLES, staged
from pipelines.way import Way
from pipelines.workers import WorkerLimits
from pipelines.write import write_parquet
from tests.lake import CLOCK, rows_of
from warehouse import runs
from warehouse.catalog import Home, open_lake
from warehouse.load import Staging, load
from warehouse.rows import Reason, Role

LIMITS = WorkerLimits(processes=1, timeout_s=60)
FOOTER = "Sign up for our newsletter to get the day's top stories."
PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title} | Oberau Post</title>
<link rel="canonical" href="https://oberau.example/{n}"><meta property="og:title" content="{title}">
<meta property="article:published_time" content="2024-03-0{n}T08:30:00+01:00"></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/sport">Sport</a></li></ul></nav><main><article><h1>{title}</h1>
<p>The mill at Oberau in Austria ground {n} sacks of rye on Saturday, and the miller said it was too few.</p>
<p>“We had the rye and we had the water,” said the miller, Jutta Brenn. The repair cost four thousand euros.</p>
<p>A second wheel is planned for next year, and the village council has voted for it.</p>
</article></main><footer><p>© 2024 Oberau Post. All rights reserved.</p></footer></body></html>"""


def document(address: str, data: bytes | str, *, minute: int = 0, **more: Any) -> Document:
    return Document(
        source="oberau",
        role=more.pop("role", Role.FILE),
        address=address,
        uri=f"file:///oberau/{address}",
        fetched_at=datetime(2024, 3, 5, 12, minute, tzinfo=UTC),
        data=data if isinstance(data, bytes) else data.encode(),
        **more,
    )


def groups() -> list[Group]:
    """Pages, texts, records and rejects, in four groups."""
    texts = [
        document(f"t{n}.txt", f"Flood {n} at Brenn\n\nThe river Aal rose by {n} metres on Monday.\n\n{FOOTER}\n")
        for n in range(1, 5)
    ]
    pages = [
        document(
            f"{n}.html",
            PAGE.format(n=n, title=f"Mill grinds {n} sacks"),
            role=Role.PAGE,
            url=f"https://oberau.example/{n}?utm_source=x",
            http_status=200,
            media_type="text/html",
        )
        for n in range(1, 4)
    ]
    records = [
        document(
            f"rows.jsonl#{n}",
            json.dumps({"id": str(n), "title": f"Row {n}", "text": f"Ferry {n} sailed to Lunde.", "tags": ["ferries"]}),
            role=Role.RECORD,
        )
        for n in range(1, 4)
    ]
    rejects = [
        document("empty.txt", b"  \n"),
        document("photo.png", b"\x89PNG\r\n\x1a\n" + bytes(64)),
        document("gone.txt", b"", failure=Failure(Reason.VANISHED, "it was gone")),
        document("broken.jsonl#1", b"{", role=Role.RECORD),
    ]
    copy = document("copy.txt", f"Flood 1 at Brenn\n\nThe river Aal rose by 1 metres on Monday.\n\n{FOOTER}\n")
    return [
        Group("b-000000-00000", (*texts[:3], rejects[0])),
        Group("b-000000-00001", (*pages, rejects[1])),
        Group("b-000001-00000", (*records, rejects[3])),
        Group("b-000001-00001", (texts[3], copy, rejects[2])),
    ]


def tables_of(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Rows by table, sorted, less the clock."""
    return {
        table: in_order(pa.concat_tables([pq.read_table(f) for f in sorted((folder / table).glob("*.parquet"))]))
        for table in sorted(TABLES)
        if (folder / table).exists()
    }


def in_order(rows: pa.Table) -> list[dict[str, Any]]:
    return sorted(rows.drop_columns({"rejected_at"} & set(rows.column_names)).to_pylist(), key=repr)


def files_of(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def run_bounded(folder: Path, elements: list[Group], runner: Any = None, options: PipelineOptions | None = None) -> Any:
    with beam.Pipeline(runner=runner or FnApiRunner(), options=options) as pipeline:
        _ = pipeline | beam.Create(elements) | News(Way(), str(folder), LIMITS)
    return pipeline.result


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    logging.getLogger("apache_beam").setLevel(logging.ERROR)
    yield
    logging.getLogger("apache_beam").setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def bounded(tmp_path_factory) -> tuple[Path, Any]:
    folder = tmp_path_factory.mktemp("bounded")
    return folder, run_bounded(folder, groups())


def loaded(home: Path, folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The tables of a fresh lake that everything staged was loaded into."""
    with open_lake(Home(home)) as connection:
        runs.begin(connection, "r", "test", clock=CLOCK, pipeline_version="t")
        staging = Staging(batch_id="b", markers=None, staged=folder)
        load(connection, staging, "r", clock=CLOCK, pipeline_version="t")
        return rows_of(connection)


def test_the_composite_stages_what_the_way_makes_of_each_document(bounded):
    folder, _ = bounded
    way = Way()
    direct = staged([way(d) for group in groups() for d in group.documents])
    assert set(direct) == set(TABLES)
    assert tables_of(folder) == {t: in_order(pa.Table.from_batches([b])) for t, b in sorted(direct.items())}


def test_each_group_has_one_file_a_table_named_after_it(bounded):
    folder, _ = bounded
    keys = {g.key for g in groups()}
    assert {Path(f).stem for f in files_of(folder)} == keys
    assert {f for f in files_of(folder) if f.startswith("keys/")} == {f"keys/{key}.parquet" for key in keys}
    assert all(Path(f).suffix == ".parquet" for f in files_of(folder))


def test_the_composite_gives_the_paths_by_table(tmp_path):
    from apache_beam.testing.util import assert_that, equal_to

    (group,) = groups()[:1]
    expected = [(t, f"{tmp_path}/{t}/{group.key}.parquet") for t in TABLES]
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        out = pipeline | beam.Create([group]) | News(Way(), str(tmp_path), LIMITS)
        assert_that(
            out | beam.Filter(lambda found: found[0] != "article_tags"),
            equal_to([e for e in expected if e[0] != "article_tags"]),
        )


def test_documents_are_articles_and_rejects_by_reason_in_the_metrics(bounded):
    folder, result = bounded
    counters = {c.key.metric.name: c.committed for c in result.metrics().query()["counters"]}
    rejects = Counter((r["stage"], r["reason"]) for r in tables_of(folder)["rejects"])
    assert {n: c for n, c in counters.items() if n.startswith("rejected ")} == {
        f"rejected {stage} {reason}": n for (stage, reason), n in rejects.items()
    }
    assert len(rejects) == 4
    assert counters["documents"] == counters["articles"] + rejects.total() == sum(len(g.documents) for g in groups())


def test_sdk_workers_in_processes_of_their_own_stage_the_same_rows(bounded, tmp_path):
    folder, _ = bounded
    begun = tmp_path / "begun"
    command = f"touch '{begun}'; exec {sys.executable} -m apache_beam.runners.worker.sdk_worker_main"
    environment = SubprocessSDKEnvironment.from_command_string(command)
    run_bounded(tmp_path / "staged", groups(), FnApiRunner(default_environment=environment))
    assert begun.exists()
    assert files_of(tmp_path / "staged") == files_of(folder)
    assert tables_of(tmp_path / "staged") == tables_of(folder)


def test_a_stream_in_windows_with_repeats_loads_the_rows_of_the_bounded_run(bounded, tmp_path):
    folder, _ = bounded
    first, second, third, fourth = groups()
    again = Group("b-000002-00000", first.documents)
    stream = (
        test_stream.TestStream()
        .advance_watermark_to(0)
        .add_elements([TimestampedValue(first, 5), TimestampedValue(second, 10)])
        .add_elements([TimestampedValue(second, 20)])  # as a retry repeats it
        .advance_watermark_to(65)
        .add_elements([TimestampedValue(third, 70)])
        .advance_watermark_to(130)
        .add_elements([TimestampedValue(second, 131), TimestampedValue(fourth, 140), TimestampedValue(again, 200)])
        .advance_watermark_to_infinity()
    )
    options = PipelineOptions(streaming=True)
    with beam.Pipeline(runner=BundleBasedDirectRunner(), options=options) as pipeline:
        _ = pipeline | stream | beam.WindowInto(FixedWindows(60)) | News(Way(), str(tmp_path / "staged"), LIMITS)
    minute = 60_000_000
    expected = [(1, first), (1, second), (2, third), (3, second), (3, fourth), (4, again)]
    assert files_of(tmp_path / "staged" / "keys") == {f"{n * minute}-{g.key}.parquet" for n, g in expected}
    assert loaded(tmp_path / "streamed", tmp_path / "staged") == loaded(tmp_path / "bounded", folder)


def test_a_repeated_run_writes_the_same_files_over(bounded, tmp_path):
    folder, _ = bounded
    for _ in range(2):
        run_bounded(tmp_path, groups()[1:2])
    key = groups()[1].key
    assert files_of(tmp_path) == {f for f in files_of(folder) if Path(f).stem == key}
    assert tables_of(tmp_path)["keys"] == in_order(pq.read_table(folder / "keys" / f"{key}.parquet"))


def test_a_landed_batch_is_read_by_its_groups(tmp_path, bounded):
    folder, _ = bounded
    documents = [d for group in groups() for d in group.documents]
    (batch,) = land([*documents, Moved("oberau", b"c")], tmp_path / "landing", "r")
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        keys = pipeline | beam.Create(batch.groups())
        _ = keys | ReadLanding(str(batch.folder)) | News(Way(), str(tmp_path / "staged"), LIMITS)
    assert tables_of(tmp_path / "staged") == tables_of(folder)


def test_the_composite_travels_and_names_no_place_but_its_folder(tmp_path):
    way = Way()
    sent = cloudpickle.dumps(News(way, "memory-of-nowhere", LIMITS))
    steps = pickle.loads(sent)
    assert steps._folder == "memory-of-nowhere"
    places = {os.fsencode(p) for p in (Path.cwd(), Path.home(), tmp_path, Path(sys.prefix)) if str(p) != "/"}
    assert [p for p in places if p in sent] == []
    assert len(sent) < 10 * len(cloudpickle.dumps(way))


class Remote(LocalFileSystem):
    """A file system of another scheme, `remote:///folder`, which will not rename over a file."""

    @classmethod
    def scheme(cls) -> str:
        return "remote"

    def join(self, base: str, *paths: str) -> str:
        return "/".join((base, *paths))

    def split(self, path: str) -> tuple[str, str]:
        head, _, tail = path.rpartition("/")
        return head, tail

    def mkdirs(self, path: str) -> None:
        super().mkdirs(local(path))

    def create(self, path: str, *options: Any) -> Any:
        return super().create(local(path), *options)

    def exists(self, path: str) -> bool:
        return super().exists(local(path))

    def delete(self, paths: list[str]) -> None:
        for path in paths:
            Path(local(path)).unlink()

    def rename(self, sources: list[str], targets: list[str]) -> None:
        if taken := [t for t in targets if self.exists(t)]:
            raise BeamIOError("it is there already", dict.fromkeys(taken))
        super().rename([local(s) for s in sources], [local(t) for t in targets])


def local(path: str) -> str:
    assert path.startswith("remote://")
    return path.removeprefix("remote://")


def test_files_go_through_the_file_system_that_the_folder_names(bounded, tmp_path):
    folder, _ = bounded
    key = groups()[0].key
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        elements = [groups()[0], groups()[0]]
        _ = pipeline | beam.Create(elements) | News(Way(), f"remote://{tmp_path}/staged", LIMITS)
    assert files_of(tmp_path / "staged") == {f for f in files_of(folder) if Path(f).stem == key}
    assert tables_of(tmp_path / "staged")["keys"] == in_order(pq.read_table(folder / "keys" / f"{key}.parquet"))


@pytest.mark.parametrize("place", ["plain", "a [b] *", "žluť 'x'"])
def test_a_file_appears_whole_or_not_at_all(tmp_path, place, monkeypatch):
    path = tmp_path / place / "keys" / "g.parquet"
    rows = staged([Way()(groups()[0].documents[0])])["keys"]

    class Stopped(Exception):  # noqa: N818
        pass

    def stop(*_: Any, **__: Any) -> None:
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr("apache_beam.io.filesystems.FileSystems.rename", stop)
        with pytest.raises(Stopped):
            write_parquet(str(path), rows)
    assert not path.exists()
    assert list(path.parent.glob("*.parquet")) == []
    write_parquet(str(path), rows)
    write_parquet(str(path), rows.slice(0, 0))
    assert pq.read_metadata(path).num_rows == 0
