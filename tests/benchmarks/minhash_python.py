"""Datatrove's MinHash in a Python of its own: texts in as JSON Lines, groups and processor seconds out.

`DATATROVE_PYTHON=/path/to/python python -m tests.benchmarks minhash`, where that Python has datatrove.
"""

from __future__ import annotations

import json
import struct
import sys
import tempfile
import time
from pathlib import Path

_SETTINGS = ((14, 8), (20, 5))
"""Bands and hashes of each: datatrove's own, and such as find texts that have less in common."""


def main() -> None:
    """Read `{"id", "text"}` a line; print for each setting `{"bands", "hashes", "seconds", "groups"}`."""
    from datatrove.data import Document

    rows = [json.loads(line) for line in sys.stdin]
    documents = [Document(text=row["text"], id=row["id"]) for row in rows]
    found = []
    for bands, hashes in _SETTINGS:
        with tempfile.TemporaryDirectory() as folder:
            begin = time.process_time()
            groups = _groups(documents, folder, bands, hashes)
            seconds = time.process_time() - begin
        found.append({"bands": bands, "hashes": hashes, "seconds": seconds, "groups": groups})
    print(json.dumps(found))


def _groups(documents: list, folder: str, bands: int, hashes: int) -> dict[str, int]:
    """Of each text that has a copy the number of its group."""
    from datatrove.pipeline.dedup.minhash import (
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupSignature,
    )
    from datatrove.utils.hashing import HashConfig

    config = MinhashConfig(hash_config=HashConfig(precision=64), num_buckets=bands, hashes_per_bucket=hashes, n_grams=5)
    signatures, buckets, clusters = (f"{folder}/{name}" for name in ("signatures", "buckets", "clusters"))
    MinhashDedupSignature(output_folder=signatures, config=config, language="eng_Latn").run(iter(documents), 0, 1)
    for band in range(bands):
        MinhashDedupBuckets(input_folder=signatures, output_folder=buckets, config=config).run(None, band, bands)
    MinhashDedupCluster(
        input_folder=buckets, output_folder=clusters, config=config, save_cluster_id=True, save_cluster_size=True
    ).run(None, 0, 1)
    data = b"".join(path.read_bytes() for path in sorted(Path(clusters).glob("*.clusters")))
    return {documents[at].id: group for at, group in struct.iter_unpack("<II", data)}


if __name__ == "__main__":
    main()
