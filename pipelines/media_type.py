"""What bytes are, by their content; the name and what was stated only settle what the content leaves open."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

_MAGIC = (
    (b"%PDF-", "a PDF"),
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF87a", "a GIF picture"),
    (b"GIF89a", "a GIF picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"RIFF", "a RIFF container"),
    (b"PK\x03\x04", "a zip archive or office document"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an office document"),
    (b"{\\rtf", "an RTF document"),
    (b"%!PS", "PostScript"),
    (b"\x7fELF", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\0asm", "a program"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\0", "compressed with xz"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"SQLite format 3\0", "a database"),
    (b"PAR1", "a Parquet file"),
    (b"OggS", "sound"),
    (b"ID3", "sound"),
    (b"fLaC", "sound"),
    (b"wOFF", "a font"),
    (b"wOF2", "a font"),
)
_COLLECTIONS = (
    (b"WARC/", "a WARC archive"),
    (b"filedesc://", "an ARC archive"),
    (b"PAR1", "a Parquet file"),
)
_CONTROLS = bytes(n for n in range(32) if n not in b"\t\n\v\f\r\x1b") + b"\x7f"
_WARC = re.compile(rb"WARC/\d\.\d+\r?\n")
_PREAMBLE = re.compile(
    r"(?:\s|<!--.*?-->|<\?.*?\?>|<!doctype(?! html)[^>\[]*(?:\[.*?\]\s*)?>)*", re.DOTALL | re.IGNORECASE
)
_PAGE = re.compile(r"<(?:!doctype html|(?:html|head|body|title|meta|link|script|style|base)[\s/>])", re.IGNORECASE)
_LATE_PAGE = re.compile(r"<(?:!doctype html|html[\s>]).*?<(?:head|body|meta|title)[\s>]", re.DOTALL | re.IGNORECASE)
_ROOT = re.compile(r"<([a-zA-Z_][\w.:-]*)[\s/>]")
_XML_ROOTS = frozenset(
    [
        "channel",
        "feed",
        "newsitem",
        "newsmessage",
        "newsml",
        "nitf",
        "opml",
        "package",
        "rdf",
        "rss",
        "sitemapindex",
        "svg",
        "urlset",
    ]
)
_XML_SUFFIXES = (".atom", ".opml", ".rdf", ".rss", ".xml")
_BLOCK_TAG = re.compile(
    r"</?(?:a|article|blockquote|br|div|em|figure|h[1-6]|img|li|ol|p|section|span|strong|table|td|tr|ul)\b[^<>]{0,2000}>",
    re.IGNORECASE,
)
_CLOSING_BLOCK = re.compile(r"</(?:article|blockquote|div|h[1-6]|li|p|section|table|ul)>|<br\s*/?>|<p>", re.IGNORECASE)
_FIRST_HEADING = re.compile(r"\s*(?:---[ \t]*\n.{0,65536}?\n(?:---|\.\.\.)[ \t]*\n\s*)?#{1,6}[ \t]+\S", re.DOTALL)
_MARKDOWN_SIGNS = (
    re.compile(r"^#{1,6} \S", re.MULTILINE),
    re.compile(r"\]\((?:https?://|/)[^)\s]+\)"),
    re.compile(r"^(?:```|~~~)", re.MULTILINE),
    re.compile(r"(?<!\w)\*\*[^*\n]+\*\*(?!\w)"),
)
_HEAD_CHARS = 65_536


def binary_kind(data: bytes) -> str | None:
    """What a file that is no text is, None for one that may be a text; for bytes not in UTF-16 or UTF-32."""
    for magic, name in _MAGIC:
        if data.startswith(magic):
            # A text may begin with these letters; what follows in a real one is never all text.
            return name if not magic.isalnum() or _control_share(data) > 0.01 else None
    if data[4:8] == b"ftyp":
        return "a film or picture"
    return "control characters that no text has" if _control_share(data) > 0.05 else None


def collection_kind(data: bytes) -> str | None:
    """What bytes that hold several articles are; None where they are themselves the article."""
    for magic, kind in _COLLECTIONS:
        # A text may begin with these letters, and then goes on in the same line.
        if data.startswith(magic) and (magic != b"PAR1" or _control_share(data) > 0.01):
            return kind if magic != b"WARC/" or _WARC.match(data) else None
    return None


def is_page(text: str, name: str, stated: str | None) -> bool:
    """Whether it is an HTML page or a fragment of one."""
    head = text[:_HEAD_CHARS]
    start = head[_end_of_preamble(head) :]
    if _PAGE.match(start) or _LATE_PAGE.search(head[:2048]):
        return True
    if stated in ("text/html", "application/xhtml+xml") or suffix(name) in (".htm", ".html", ".xhtml"):
        return _BLOCK_TAG.search(head) is not None
    return is_fragment(head)


def is_fragment(text: str) -> bool:
    """Whether a text is marked up in HTML: at least three closed blocks or breaks, one tag in every 600 characters."""
    if "<" not in text:
        return False
    head = text[:_HEAD_CHARS]
    begins = head.lstrip().startswith("<")
    closed, tags = len(_CLOSING_BLOCK.findall(head)), len(_BLOCK_TAG.findall(head))
    return closed >= (1 if begins else 3) and tags * 600 >= len(head) and (begins or tags > 4)


def xml_root(text: str, name: str) -> str | None:
    """The root element of an XML document that is not XHTML, None for anything else."""
    head = text[:_HEAD_CHARS]
    start = _end_of_preamble(head)
    root = _ROOT.match(head, start)
    is_stated = head.lstrip().startswith("<?xml") or (suffix(name) in _XML_SUFFIXES and head.lstrip().startswith("<"))
    if root is None:
        return "unknown" if is_stated and not _PAGE.match(head, start) else None
    local = root.group(1).lower().rpartition(":")[2]
    if local in _XML_ROOTS:
        return local
    return local if is_stated and local != "html" and not is_fragment(head[start:]) else None


def is_record(text: str, name: str, stated: str | None) -> bool:
    """Whether it is one JSON object, or says that it is JSON."""
    if suffix(name) == ".json" or (stated or "").endswith("json"):
        return True
    if not text.lstrip().startswith("{") or not text.rstrip().endswith("}"):
        return False
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def is_markdown(text: str, name: str, stated: str | None) -> bool:
    """Whether a text is clearly Markdown: by its name, its first line, or two kinds of mark-up."""
    if suffix(name) in (".md", ".markdown") or stated == "text/markdown" or _FIRST_HEADING.match(text):
        return True
    head = text[:16_384]
    if "](" not in head and "**" not in head and "# " not in head:
        return False
    return sum(sign.search(head) is not None for sign in _MARKDOWN_SIGNS) > 1


def suffix(name: str) -> str:
    """The last suffix of a path, in lower case, that of a compression left out."""
    path = PurePosixPath(name.lower())
    return PurePosixPath(path.stem).suffix if path.suffix in (".bz2", ".gz", ".xz", ".zst") else path.suffix


def _control_share(data: bytes) -> float:
    """Share of control bytes at the beginning and in the middle; padding at the end is no content."""
    body = data.rstrip(b"\0")
    middle = len(body) // 2
    sample = body[:32_768] + (body[middle : middle + 32_768] if len(body) > 65_536 else body[32_768:])
    return (len(sample) - len(sample.translate(None, _CONTROLS))) / len(sample) if sample else 0.0


def _end_of_preamble(head: str) -> int:
    found = _PREAMBLE.match(head)
    return found.end() if found else 0
