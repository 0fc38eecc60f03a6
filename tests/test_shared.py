import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from warehouse import shared
from warehouse.shared import EARLIEST, near_pairs
from warehouse.shingles import SHARED_SAMPLES, rate_of

HORIZON_DAYS = 300
BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
TYPES = (pa.string(), pa.timestamp("us", "UTC"), pa.int64(), pa.list_(pa.uint32()))
SIZES = (20, 70, 150, 300)

NEXT = 7


def sketches(dice, count, pool):
    """Id, time, number of shingles and sample of so many articles; of the pool's shingles the first are the most common."""
    found = []
    for n in range(count):
        sample = {pool[int(len(pool) * dice.random() ** 2)] for _ in range(dice.choice((0, 1, 5, 30)))}
        days = dice.choice((dice.randrange(5), 700 * dice.random()))
        at = None if dice.random() < 0.05 else BEGIN + timedelta(days=days)
        found.append((f"{dice.randrange(1000)}-{n}", at, dice.choice(SIZES), sorted(sample)))
    return found


def expected(rows, wanted):
    """The pairs by their definition, one by one."""
    line = sorted(rows, key=lambda row: (row[1] is None, row[1] or BEGIN, row[0]))
    having = defaultdict(list)
    for at, (*_, sample) in enumerate(line):
        for shingle in sample:
            having[shingle].append(at)
    common = defaultdict(int)
    for group in having.values():
        for n, earlier in enumerate(group[:EARLIEST]):
            others = [later for later in group[n + 1 :] if line[later][0] not in wanted]
            if line[earlier][0] in wanted:
                others = others[:NEXT]
            for later in group[n + 1 :]:
                if line[later][0] in wanted or (line[earlier][0] in wanted and later in others):
                    common[earlier, later] += 1
    found = defaultdict(list)
    for (earlier, later), count in sorted(common.items()):
        (a, at, size, _), (b, later_at, later_size, _) = line[earlier], line[later]
        is_enough = count * max(rate_of(size), rate_of(later_size)) >= 0.1 * min(size, later_size)
        is_in_time = not (at and later_at) or later_at - at <= timedelta(days=HORIZON_DAYS)
        if count >= SHARED_SAMPLES and is_enough and is_in_time:
            share = count * max(rate_of(size), rate_of(later_size)) / min(size, later_size)
            found[b].append((-share, earlier, (a, at, b, later_at)))
    kept = {pair for pairs in found.values() for *_, pair in sorted(pairs, key=lambda pair: pair[1])[:12]}
    kept |= {pair for pairs in found.values() for *_, pair in sorted(pairs)[:12]}
    return sorted(kept, key=repr)


@pytest.mark.parametrize("seed", range(8))
def test_the_pairs_are_those_of_the_definition_however_the_index_streams_by(seed, monkeypatch):
    dice = random.Random(seed)
    pool = [dice.randrange(2**32) for _ in range(dice.choice((30, 300)))]
    rows = sketches(dice, dice.choice((60, 250)), pool)
    line = sorted(rows, key=lambda row: (row[1] is None, row[1] or BEGIN))
    wanted = {row[0] for row in (line[:20], line[-20:], dice.sample(rows, len(rows) // 3), rows)[seed % 4]}
    monkeypatch.setattr(shared, "_NEXT", NEXT)
    monkeypatch.setattr(shared, "_PRUNED_AT", dice.choice((10, 10**6)))
    monkeypatch.setattr(shared, "_AT_A_TIME", dice.choice((50, 5000)))
    monkeypatch.setattr(shared, "_PAIRS_AT_A_TIME", dice.choice((50, 10**6)))
    monkeypatch.setattr(shared, "_BEGINNING", np.uint32(dice.choice((10, 20))))
    connection = duckdb.connect()
    connection.execute("ATTACH ':memory:' AS lake; SET TimeZone = 'UTC'")
    columns = zip(("article_id", "placed_at", "shingles", "sampled"), zip(*rows, strict=True), TYPES, strict=True)
    connection.register("made", pa.table({name: pa.array(of, kind) for name, of, kind in columns}))
    connection.execute("CREATE TABLE lake.sketches AS FROM made")
    connection.execute(
        "CREATE TEMP TABLE wanted AS FROM lake.sketches WHERE article_id IN (SELECT unnest(?))", [list(wanted)]
    )
    found = sorted(near_pairs(connection, horizon_days=HORIZON_DAYS), key=repr)
    assert found
    assert found == expected(rows, wanted)
