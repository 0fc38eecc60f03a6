"""`python -m tests.feed_conformance [-v]`: feedparser's own cases, through our way from bytes to feedparser.

Each of them states in a comment what must hold of what feedparser returns. It is evaluated on what feedparser makes
of the text that we decoded and mended, with sanitising and resolving as it does them by default.
"""

from __future__ import annotations

import codecs
import datetime as dt
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connectors.feed import decoded
from connectors.formats.xml_feed import parse

CASES = Path(__file__).parents[2] / "shared" / "data" / "feeds" / "feedparser"
_COMMENT = re.compile(r"Description:\s*.*?\s*Expect:\s*(.*?)\s*-->", re.DOTALL)
_HEADER = re.compile(r"^\s*Header:\s*([\w-]+):\s*(.*?)\s*$", re.MULTILINE)
_DECLARED = re.compile(r"<\?xml[^>]*\sencoding\s*=")
_SUPERSETS = {"gbk": "gb18030", "gb2312": "gb18030", "euc_kr": "cp949", "shift_jis": "cp932", "tis-620": "cp874"}


class _Charset(str):
    """The name of a character set, equal to its other names and to the set that contains it."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and _codec(self) == _codec(other)


class _Scope(dict[str, Any]):
    """The names that an expectation uses."""

    def __init__(self, result: Any) -> None:
        super().__init__(datetime=dt)
        self._result = result

    def __missing__(self, name: str) -> Any:
        return self._result[name]


def failures() -> Iterator[tuple[str, str, str]]:
    """Name, expectation and what came instead, of the cases that do not hold."""
    for path in sorted(CASES.rglob("*.xml")):
        data = path.read_bytes()
        comment = decoded(data, {})[0]
        expected = _COMMENT.search(comment)
        if expected is None:
            continue
        why = _failure(data, dict(_HEADER.findall(comment[: expected.end()])), expected[1])
        if why:
            yield str(path.relative_to(CASES)), expected[1], why


def _failure(data: bytes, headers: dict[str, str], expected: str) -> str | None:
    try:
        text, charset = decoded(data, headers)
        parsed = parse(text, 2000, is_cleaned=True)
        result = parsed.result
        is_stated = "Content-type" in headers or _DECLARED.match(text) or charset.startswith("utf")
        if parsed.is_mended or not is_stated:  # what feedparser calls `bozo`
            result["bozo"] = True
        result["encoding"] = _Charset(charset)
        return None if eval(expected, {}, _Scope(result)) else "it does not hold"
    except Exception as error:  # noqa: BLE001  a case that raises is one that does not hold
        return f"{type(error).__name__}: {error}"


def _codec(label: str) -> str:
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return label
    return _SUPERSETS.get(name, name)


def main() -> None:
    """Print how many hold, and with `-v` which do not."""
    failed = list(failures())
    cases = len(list(CASES.rglob("*.xml")))
    if "-v" in sys.argv:
        for name, expected, why in failed:
            print(f"{name}: {expected}: {why}")
    print(f"{cases - len(failed)} of {cases} hold")


if __name__ == "__main__":
    main()
