"""Lists of subscriptions: OPML in and out, as readers write it, and plain lists of addresses.

OPML 2.0: http://opml.org/spec2.opml
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from lxml import etree

from connectors.charset import decode_text
from connectors.formats.links import absolute
from connectors.formats.xml_text import mended, printable

_MAX_BYTES = 4 * 1024 * 1024
_PROBLEMS = 50
"""So many are named."""
_OPENING = re.compile(r"<(?:[\w.-]+:)?(?:opml|head|body|outline)\b", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_BARE = re.compile(r"&(?!(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]\w{1,31});)")
_STATED = re.compile(r"""\bxmlurl\s*=\s*(?:"([^"<>]*)"|'([^'<>]*)'|([^"'\s<>]+)(?=[\s>]))""", re.IGNORECASE)
_FAULTS = {
    "ERR_GT_REQUIRED": "an element has a quote within its text, or does not end",
    "ERR_LT_IN_ATTRIBUTE": "a bare < was read as &lt;",
    "ERR_TAG_NAME_MISMATCH": "a tag is closed that is not open",
    "ERR_TAG_NOT_FINISHED": "the end of the list is missing",
}
"""What the parser finds, for people."""
_AROUND = re.compile(r"</?(?:[\w.-]+:)?(?:opml|body)\b[^<>\n]*>", re.IGNORECASE)
_BEFORE_TAG = re.compile(r"(?=</?(?:[\w.-]+:)?(?:opml|head|body|outline)\b)", re.IGNORECASE)
_ELEMENT = re.compile(r"\A(<[\w.:-]+)(\s.*?)(/?>\s*)\Z", re.DOTALL)
_LONGEST_ELEMENT = 8000
_NAME = re.compile(r"(?<=\s)([A-Za-z_][\w:.-]*)\s*=")
_IN_FRONT = re.compile(r"^(?:feed|rss):(?://)?(?=https?://)", re.IGNORECASE)
_INSTEAD = re.compile(r"^(?:feed|rss)(?=://)", re.IGNORECASE)


class OpmlError(Exception):
    """A list from which nothing could be read; the message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A subscription."""

    feed_url: str
    title: str | None = None
    site_url: str | None = None
    kind: str = "rss"
    """As stated: `rss`, `atom`, …; `link` where only an address is known, which may be a page's."""
    categories: tuple[str, ...] = ()
    """The groups that it is in, as paths: `World/Europe`."""


@dataclass(frozen=True, slots=True)
class Opml:
    """A list of subscriptions, each feed once, in the list's order."""

    title: str | None
    outlines: tuple[Outline, ...]
    problems: tuple[str, ...] = ()
    """What could not be read as it stands, a sentence each."""


def read_opml(data: bytes) -> Opml:
    """The subscriptions in an OPML file, or in a text with an address on each line.

    What a broken file still holds is read, and its problems are named. Raises `OpmlError` where that is nothing.
    """
    if len(data) > _MAX_BYTES:
        raise OpmlError(f"the list is larger than {_MAX_BYTES >> 20} MB: cut it into several files")
    text = decode_text(data, is_html=True).text
    problems: list[str] = []
    if _OPENING.search(text):
        title, outlines = _of_xml(text, problems)
    else:
        title, outlines = None, list(_of_lines(text, problems))
    merged = _merged(outlines)
    if not merged:
        raise OpmlError(_nothing(text, problems))
    if len(problems) > _PROBLEMS:
        problems[_PROBLEMS:] = [f"{len(problems) - _PROBLEMS} further problems."]
    return Opml(title, merged, tuple(problems))


def write_opml(title: str | None, outlines: Iterable[Outline]) -> bytes:
    """OPML 2.0 in UTF-8, the outlines nested by their categories; one in several groups stands in each."""
    root = etree.Element("opml", version="2.0")
    head, body = etree.SubElement(root, "head"), etree.SubElement(root, "body")
    etree.SubElement(head, "title").text = _clean(title)
    groups: dict[str, etree._Element] = {"": body}
    for outline in outlines:
        for category in outline.categories or ("",):
            _write(_group(groups, _path(category)), outline)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _nothing(text: str, problems: Sequence[str]) -> str:
    if not text.strip():
        return "the file is empty: export the subscriptions from your reader once more"
    if re.search(r"<(?:rss|feed|rdf:RDF)\b", text[:65_536]):
        return "this is a feed, not a list of feeds: add its address with `newsmill sources add`"
    if re.search(r"<html\b", text[:65_536], re.IGNORECASE):
        return "this is a web page, not a list of feeds: give the OPML file that your reader exports"
    first = f" ({problems[0].rstrip('.')})" if problems else ""
    return f"no feed is named in it{first}: give an OPML file, or a text with an address on each line"


def _of_xml(text: str, problems: list[str]) -> tuple[str | None, list[Outline]]:
    text = _COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), text)
    bare = [("a bare & was read as &amp;", n) for n, line in enumerate(text.split("\n"), 1) if _BARE.search(line)]
    text = _rooted(mended(text), problems)
    root, broken = _parsed(text)
    problems += [f"Line {line}: {fault}." for fault, line in sorted([*bare, *broken], key=lambda one: one[1])]
    if broken:
        root, broken = _parsed(_requoted(text))
    title = next((e.text for e in root.iter() if _local(e.tag) == "title"), None) if root is not None else None
    outlines = list(_outlines(root, problems)) if root is not None else []
    return _clean(title), [*outlines, *(_salvaged(text, outlines, problems) if broken else ())]


def _parsed(text: str) -> tuple[etree._Element | None, list[tuple[str, int]]]:
    """The tree, as far as there is one, and its faults with their lines."""
    parser = etree.XMLParser(encoding="utf-8", recover=True, resolve_entities=False, no_network=True)
    root = etree.fromstring(text.encode(), parser)
    errors = [error for error in parser.error_log if error.domain_name != "NAMESPACE"]
    by_line = {error.line: _FAULTS.get(error.type_name, error.message.strip().rstrip(".")) for error in errors}
    # One tag too many puts all after it out of order: it is named once.
    wrong = [line for line, fault in by_line.items() if fault == _FAULTS["ERR_TAG_NAME_MISMATCH"]]
    return root, [(fault, line) for line, fault in by_line.items() if line not in wrong[1:]]


def _requoted(text: str) -> str:
    """The text with the quotes and tags escaped that people leave in attributes: `description="the "new" <b>site</b>"`.

    The elements around the outlines are made new, since one that is closed too early ends the list.
    """
    pieces = _BEFORE_TAG.split(_AROUND.sub("", text))
    whole = (_ELEMENT.sub(_requoted_element, piece) if len(piece) < _LONGEST_ELEMENT else piece for piece in pieces)
    return f"<opml>{''.join(whole)}</opml>"


def _requoted_element(element: re.Match[str]) -> str:
    _, *rest = _NAME.split(element[2])
    stated: dict[str, str] = {}
    for name, value in zip(rest[::2], rest[1::2], strict=True):
        stated.setdefault(name, value.strip().removeprefix('"').removesuffix('"').strip("'"))
    escaped = {name: value.replace("<", "&lt;").replace('"', "&quot;") for name, value in stated.items()}
    return element[1] + "".join(f' {name}="{value}"' for name, value in escaped.items()) + element[3]


def _rooted(text: str, problems: list[str]) -> str:
    """The text from its first element on, within <opml>, at the lines where it was."""
    opening = _OPENING.search(text)
    start = opening.start() if opening else 0
    before, text = "\n" * text.count("\n", 0, start), text[start:]
    if re.match(r"<(?:[\w.-]+:)?opml\b", text, re.IGNORECASE):
        return before + text
    problems.append("The element <opml> is missing around the list.")
    return f"{before}<opml>{text}</opml>"


def _outlines(root: etree._Element, problems: list[str]) -> Iterator[Outline]:
    """The feeds below the element, each with the groups above it."""
    groups: list[str] = []
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if _local(element.tag) != "outline":
            continue
        if event == "end":
            groups.pop()
            continue
        stated = {_local(name): str(value) for name, value in element.attrib.items() if value.strip()}
        outline = _outline(stated, groups, element.sourceline or 0, problems)
        groups.append("" if outline else _path(stated.get("title") or stated.get("text") or ""))
        if outline:
            yield outline


def _outline(stated: Mapping[str, str], groups: Sequence[str], line: int, problems: list[str]) -> Outline | None:
    """The feed that an element's attributes name; None for a group, and for what names none."""
    link = stated.get("xmlurl") or stated.get("feedurl") or stated.get("url")
    kind = (_clean(stated.get("type")) or ("rss" if "xmlurl" in stated else "link")).lower()
    site_url = _address(stated.get("htmlurl", ""))
    title = _clean(stated.get("title")) or _clean(stated.get("text"))
    if link is None:
        if site_url:
            problems.append(
                f"Line {line}: {site_url} is a site, and its feed is not named: find it with `sources discover`."
            )
        return None
    feed_url = _address(link)
    if feed_url is None:
        problems.append(f"Line {line}: {link.strip()!s:.200} is no address of the web.")
    elif kind == "include" or (kind == "link" and urlsplit(feed_url).path.endswith(".opml")):
        problems.append(f"Line {line}: {feed_url} is a further list: import it too.")
        return None
    if feed_url is None:
        return None
    named = map(_path, stated.get("category", "").split(","))
    return Outline(
        feed_url=feed_url,
        title=title if title != feed_url else None,
        site_url=site_url,
        kind=kind,
        categories=tuple(dict.fromkeys(filter(None, ("/".join(filter(None, groups)), *named)))),
    )


def _salvaged(text: str, outlines: Iterable[Outline], problems: list[str]) -> Iterator[Outline]:
    """Feeds whose elements were too damaged for the parser: their addresses at least."""
    known = {outline.feed_url for outline in outlines}
    for number, line in enumerate(text.split("\n"), 1):
        for stated in _STATED.finditer(line):
            feed_url = _address(html.unescape(stated[1] or stated[2] or stated[3] or ""))
            if feed_url and feed_url not in known:
                known.add(feed_url)
                problems.append(f"Line {number}: of {feed_url} only the address could be read.")
                yield Outline(feed_url=feed_url)


def _of_lines(text: str, problems: list[str]) -> Iterator[Outline]:
    """The addresses in a text, one a line; what stands behind one, and what begins with #, is a remark."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        feed_url = _address(line.split()[0])
        if feed_url:
            yield Outline(feed_url=feed_url, kind="link")
        else:
            problems.append(f"Line {number}: {line.strip()!s:.80} is no address of the web.")


def _merged(outlines: Iterable[Outline]) -> tuple[Outline, ...]:
    """Each feed once, in all its groups."""
    found: dict[str, Outline] = {}
    for one in outlines:
        first = found.setdefault(one.feed_url, one)
        found[one.feed_url] = replace(
            first,
            title=first.title or one.title,
            site_url=first.site_url or one.site_url,
            categories=tuple(dict.fromkeys((*first.categories, *one.categories))),
        )
    return tuple(found.values())


def _group(groups: dict[str, etree._Element], path: str) -> etree._Element:
    """The element of a group, made with those above it where it is new."""
    if path not in groups:
        above, _, name = path.rpartition("/")
        groups[path] = etree.SubElement(_group(groups, above), "outline", text=name, title=name)
    return groups[path]


def _write(group: etree._Element, outline: Outline) -> None:
    title = _clean(outline.title)
    element = etree.SubElement(group, "outline", type=outline.kind, text=title or outline.feed_url)
    if title:
        element.set("title", title)
    element.set("url" if outline.kind == "link" else "xmlUrl", outline.feed_url)
    if outline.site_url:
        element.set("htmlUrl", outline.site_url)


def _address(stated: str) -> str | None:
    """The address of the web that is meant, with the spellings that browsers hand to readers (`feed://`, `feed:https://`)."""
    link = _INSTEAD.sub("http", _IN_FRONT.sub("", stated.strip()))
    if any(char in link for char in '"<>'):  # the rest of an element that does not end
        return None
    return absolute(f"https://{link}" if link.startswith("www.") else link, "")


def _path(stated: str) -> str:
    return "/".join(filter(None, map(_clean, stated.split("/"))))


def _clean(stated: str | None) -> str | None:
    return " ".join(printable(stated or "").split()) or None


def _local(name: object) -> str:
    """An element's or attribute's name, whatever its namespace and its case."""
    return name.rpartition("}")[2].rpartition(":")[2].lower() if isinstance(name, str) else ""
