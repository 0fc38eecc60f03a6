"""The version of the pipeline: its code's, raised by hand, and a hash of its tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

CODE_VERSION = "3"
"""Raised whenever a step gives something else for the same bytes: what the older code rejected is then looked at again."""


def pipeline_version(home_rules: Sequence[Mapping[str, Any]] = ()) -> str:
    """Version that the rows name, such as `1-3f9a1c2e`, with a second hash where the home has rules of its own.

    Cheap: it loads no table.
    """
    summary = hashlib.sha256()
    package = resources.files("pipelines")
    tables = [package / "boilerplate.toml", *(package / "data").iterdir()]
    for table in sorted(tables, key=lambda t: t.name):
        if table.is_file():
            summary.update(table.read_bytes())
    version = f"{CODE_VERSION}-{summary.hexdigest()[:8]}"
    if not home_rules:
        return version
    described = json.dumps(home_rules, sort_keys=True, default=str)
    return f"{version}-{hashlib.sha256(described.encode()).hexdigest()[:8]}"
