"""Bytes to text: which character set, and what to do where none fits.

Labels are read as browsers read them (https://encoding.spec.whatwg.org/#names-and-labels).
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from dataclasses import dataclass

from warehouse.rows import Flag

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDER = {
    "ascii": "windows-1252",
    "cp1252": "windows-1252",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "windows-1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "shift_jis": "cp932",
    "tis-620": "cp874",
}
"""Python's name of a stated set, and the set that pages so labelled are really in."""
_SMALL = ("cp125", "iso8859", "koi8")
_NOT_TEXT = {"base64", "bz2", "hex", "idna", "punycode", "quopri", "rot13", "uu", "zlib"}
_GUESSED = [
    "big5",
    "cp1250",
    "cp1251",
    "cp1252",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "cp874",
    "cp932",
    "cp949",
    "euc_jp",
    "gb18030",
    "koi8_r",
]
_GUESSED_LATIN = ["cp1250", "cp1252", "cp1254", "cp1257"]
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_SAMPLE_BYTES = 65_536
_STATED = re.compile(
    rb"""<meta[^>]{0,300}?charset\s*=\s*["']?\s*([\w.:-]{2,40})|<\?xml[^>]{0,100}?encoding\s*=\s*["']([\w.:-]{2,40})""",
    re.IGNORECASE,
)
_EAST_ASIAN = re.compile("[\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]")
_ESCAPED = re.compile("[\udc80-\udcff]")
# The five bytes that windows-1252 leaves open are controls, as in the WHATWG table.
_WINDOWS_1252 = "".join(bytes([n]).decode("cp1252", "ignore") or chr(n) for n in range(256))


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text, the character set it was in, and what a reader should know of that."""

    text: str
    charset: str
    flags: frozenset[Flag] = frozenset()


def decode_text(data: bytes, *, stated: str | None = None, is_html: bool = False) -> Decoded:
    """The text of the bytes; never raises, and puts no U+FFFD where a byte can be read in any way."""
    wide = wide_charset(data)
    if wide:
        return Decoded(_decode_wide(data, wide), wide)
    for label in (stated, stated_in_page(data) if is_html else None):
        name = canonical(label)
        if name and name != "windows-1252" and (text := _strict(data, name)) is not None and not _is_utf8(data, name):
            return Decoded(text, name)
    try:
        return Decoded(data.decode("utf-8-sig"), "utf-8")
    except UnicodeDecodeError:
        is_western = "windows-1252" in (canonical(stated), canonical(stated_in_page(data)) if is_html else None)
        return _decode_odd(data, is_western=is_western)


def _is_utf8(data: bytes, name: str) -> bool:
    """Whether bytes that are stated to be of a set of 256 characters are UTF-8: by chance they are hardly ever."""
    return name.startswith(_SMALL) and not data.isascii() and _strict(data, "utf-8") is not None


def decode_as(data: bytes, charset: str) -> str:
    """The text of bytes whose set `decode_text` has found."""
    if charset.startswith(("utf-16", "utf-32")):
        return _decode_wide(data, charset)
    if charset == "windows-1252":
        return codecs.charmap_decode(data, "strict", _WINDOWS_1252)[0]
    text = _strict(data, charset)
    return text if text is not None else _mixed(data)[0]


def wide_charset(data: bytes) -> str | None:
    """UTF-16 or UTF-32, by byte order mark or by where the NULs stand."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return name if name != "utf-8" else None
    sample = data[:4096]
    if len(sample) < 4 or b"\0" not in sample:
        return None
    at = [sample[n::4].count(0) * 4 / len(sample) for n in range(4)]
    if min(at[2:]) > 0.9 and at[0] < 0.2:
        return "utf-32-le"
    if min(at[:2]) > 0.9 and at[3] < 0.2:
        return "utf-32-be"
    return _unmarked_utf16(sample[: len(sample) // 2 * 2])


def _unmarked_utf16(sample: bytes) -> str | None:
    """UTF-16 without a mark: every other byte is the same small one (alphabets), or the text is Chinese, Japanese or Korean."""
    (byte, count), (other_byte, other_count) = (Counter(sample[n::2]).most_common(1)[0] for n in range(2))
    share, other_share = count * 2 / len(sample), other_count * 2 / len(sample)
    if other_byte < 32 and other_share > 0.6 and share < 0.4:
        return "utf-16-le"
    if byte < 32 and share > 0.6 and other_share < 0.4:
        return "utf-16-be"
    if _strict(sample[:-4], "utf-8") is not None:
        return None
    for name, column in (("utf-16-le", 0), ("utf-16-be", 1)):
        text = sample.decode(name, "ignore")
        if sample[column::2].count(0) < len(text) / 20 and len(_EAST_ASIAN.findall(text)) > 0.7 * len(text):
            return name
    return None


def canonical(label: str | None) -> str | None:
    """The set that a stated label means, None for one that is unknown or means bytes, not text."""
    try:
        name = codecs.lookup(label.strip().strip("\"'").lower()).name if label else ""
    except (LookupError, ValueError):
        return None
    # A page that can say "utf-16" in ASCII is not in UTF-16 (WHATWG, prescan).
    if not name or name in _NOT_TEXT or name.startswith(("utf-16", "utf-32", "utf-7", "unicode", "raw")):
        return None
    return _WIDER.get(name, name)


def stated_in_page(data: bytes) -> str | None:
    """The label in the page's `<meta>` or XML declaration."""
    found = _STATED.search(data[:4096])
    return (found.group(1) or found.group(2)).decode("ascii", "ignore") if found else None


def _strict(data: bytes, name: str) -> str | None:
    try:
        return data.decode("utf-8-sig" if name == "utf-8" else name)
    except (UnicodeError, LookupError):
        return None


def _decode_wide(data: bytes, name: str) -> str:
    unit = 4 if "32" in name else 2
    whole = data[: len(data) - len(data) % unit]
    return whole.decode(name, "surrogatepass" if unit == 2 else "ignore").removeprefix("\ufeff")


def _mixed(data: bytes) -> tuple[str, int, int]:
    """Valid UTF-8 as such, other bytes one by one as windows-1252; how many characters each gave."""
    escaped = data.decode("utf-8-sig", "surrogateescape")
    text, strays = _ESCAPED.subn(lambda found: _WINDOWS_1252[ord(found.group()) - 0xDC00], escaped)
    return text, sum(not char.isascii() for char in escaped[:_SAMPLE_BYTES]) - strays, strays


def _decode_odd(data: bytes, *, is_western: bool) -> Decoded:
    """Bytes that are not UTF-8 throughout."""
    text, good, strays = _mixed(data)
    if good >= max(1, strays):
        return Decoded(text, "utf-8", frozenset({Flag.CHARSET_MIXED}))
    name = "windows-1252" if is_western else _guess(data)
    decoded = _strict(data, name) if name != "windows-1252" else None
    if decoded is None:
        name, decoded = "windows-1252", decode_as(data, "windows-1252")
    return Decoded(decoded, name, frozenset() if is_western else frozenset({Flag.CHARSET_GUESSED}))


def _guess(data: bytes) -> str:
    from charset_normalizer import from_bytes

    first = next((n for n, byte in enumerate(data) if byte > 127), 0)
    sample = data[max(0, first - 1024) :][:_SAMPLE_BYTES]
    # Single bytes between ASCII letters: a Latin alphabet; other scripts come in runs.
    runs = _HIGH_RUN.findall(sample)
    is_latin = sum(map(len, runs)) < len(runs) * 1.5
    names = _GUESSED_LATIN if is_latin else _GUESSED
    best = from_bytes(sample, cp_isolation=names, preemptive_behaviour=False, enable_fallback=False).best()
    if best is None or (is_latin and (len(runs) < 4 or str(best) == sample.decode("cp1252", "replace"))):
        return "windows-1252"
    return _WIDER.get(best.encoding, best.encoding)
