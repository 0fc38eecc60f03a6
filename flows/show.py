"""Plain text for a person and JSON for a program: tables, records, times, sizes; nothing steers the terminal."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

from flows.sql import as_json, as_text, fitted, visible

if TYPE_CHECKING:
    from warehouse.catalog import Home

_GAP = 2
# What JSON may hold as it is, and a terminal should not see: C1 controls and characters that reorder a line.
_UNSEEN = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def print_json(value: Any, out: TextIO) -> None:
    """Print the value as JSON: dataclasses as objects, times in UTC with `Z`."""
    text = json.dumps(_plain(value), ensure_ascii=False, indent=2)
    text = _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    # A lone surrogate has no UTF-8, and `\udc80` means the same in JSON.
    out.write(text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return as_json(value)


def print_table(names: Sequence[str], rows: Sequence[Sequence[Any]], out: TextIO, *, indent: int = 0) -> None:
    """Print rows under the names of their columns, numbers to the right; on a terminal cut to its width."""
    cells = [[shown(value) for value in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(names, *cells, strict=True)]
    if out.isatty():
        room = shutil.get_terminal_size().columns - indent
        widths = fitted(widths, room + len(names))  # it counts three columns between two, here are two
    right = [_is_number([row[n] for row in rows]) for n in range(len(names))]
    for line in [list(names), *cells]:
        padded = [_padded(text, size, to_right=r) for text, size, r in zip(line, widths, right, strict=True)]
        out.write(" " * indent + (" " * _GAP).join(padded).rstrip() + "\n")


def print_record(record: Mapping[str, Any], out: TextIO, *, indent: int = 0) -> None:
    """Print each name with its value, one a line; what is not known is left out."""
    known = {name: value for name, value in record.items() if value not in (None, "", (), [])}
    size = max((width(name) for name in known), default=0)
    out.writelines(f"{' ' * indent}{_padded(name, size)}  {shown(value)}\n" for name, value in known.items())


def shown(value: Any) -> str:
    """The value on one line, safe for a terminal: lists with commas, times to the second, `-` for null."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S} UTC"
        case list() | tuple():
            return ", ".join(map(shown, value))
        case _:
            return printable(as_text(value))


def printable(text: str) -> str:
    """The text on one line without anything that steers a terminal or that UTF-8 cannot hold."""
    return visible(text).encode("utf-8", "backslashreplace").decode("utf-8")


def short(text: str, size: int = 100) -> str:
    """The text's beginning on one line, white space folded."""
    folded = " ".join(text[: 4 * size].split())
    is_cut = len(folded) > size or len(text) > 4 * size
    return folded[: size - 1].rstrip() + "…" if is_cut else folded


def width(text: str) -> int:
    """Columns that the text takes on a terminal."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    return max(wcswidth(text), 0)


def heading(text: str, out: TextIO) -> None:
    out.write(f"\n{printable(text)}\n")


def paragraph(text: str, out: TextIO, *, indent: int = 2, hang: int = 0) -> None:
    """Print a sentence, wrapped on a terminal only, so that a pipe gets whole lines; all but the first further in by `hang`."""
    text = printable(text)
    lines = [text]
    if out.isatty():
        lines = _wrapped(text, max(shutil.get_terminal_size().columns - indent, 20), " " * hang)
    out.writelines(f"{' ' * indent}{line}\n" for line in lines)


def _wrapped(text: str, columns: int, hang: str) -> list[str]:
    text = text.replace(" ·", "\xa0·")  # which begins no line
    if width(text) == len(text):
        lines = textwrap.wrap(text, columns, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False)
    else:
        lines = _wrapped_anywhere(text, columns, hang)
    return [line.replace("\xa0", " ") for line in lines]


def _wrapped_anywhere(text: str, columns: int, hang: str) -> list[str]:
    """The text in lines that may break after any wide character, as Chinese and Japanese do."""
    words = text.lstrip(" ")
    lines = [" " * (len(text) - len(words))]
    for word in words.split(" "):
        blank = " "
        for part in word if width(word) > len(word) else (word,):
            if width(lines[-1] + blank + part) > columns and lines[-1].strip():
                lines.append(hang)
            lines[-1] += (blank if lines[-1].strip() else "") + part
            blank = ""
    return lines


def ago(then: datetime | None, now: datetime) -> str:
    """How long ago in words: `3 minutes ago`, `never` for None."""
    if then is None:
        return "never"
    seconds = (now - then).total_seconds()
    if abs(seconds) < 1:
        return "just now"
    words = duration(abs(seconds))
    return f"{words} ago" if seconds > 0 else f"in {words}"


def duration(seconds: float) -> str:
    """The largest unit that fits, in words: `2 hours`, `40 seconds`."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count:,} {unit}{'s' if count != 1 else ''}"
    count = round(seconds)
    return f"{count} second{'s' if count != 1 else ''}" if count else "under a second"


def size(size_bytes: int) -> str:
    """Megabytes, or bytes and kilobytes where that is less than a tenth of one."""
    if size_bytes < 1000:
        return f"{size_bytes} bytes"
    if size_bytes < 100_000:
        return f"{size_bytes / 1e3:.1f} kB"
    return f"{size_bytes / 1e6:,.{1 if size_bytes < 1e8 else 0}f} MB"


def command(home: Home, *words: str) -> str:
    """A command of ours to copy into a shell; the home is named where it is not the default."""
    place = () if str(home.path) == "news" else ("--home", str(home.path))
    return printable(shlex.join(["newsmill", *place, *words]))


def _is_number(values: Sequence[Any]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in known)


def _padded(text: str, size: int, *, to_right: bool = False) -> str:
    if width(text) > size:
        text = _cut(text, size)
    pad = " " * (size - width(text))
    return pad + text if to_right else text + pad


def _cut(text: str, size: int) -> str:
    kept = text[:size]
    while kept and width(kept) > size - 1:
        kept = kept[:-1]
    return kept + "…"
