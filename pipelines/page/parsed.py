"""A web page, parsed once for all that read it: its tree, its `<meta>` elements, its linked data."""

from __future__ import annotations

import html as entities
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from lxml import etree
from lxml.html import HtmlElement

_XML_DECLARATION = re.compile(r"\A\s*<\?xml[^>]{0,200}\?>")
_JSON_LD = re.compile(
    r"""<script[^<>]{0,500}?application/ld\+json[^<>]{0,500}>(.*?)</script""", re.IGNORECASE | re.DOTALL
)
_WRAPPING = ("<!--", "-->", "<![CDATA[", "]]>")
_TRAILING_COMMA = re.compile(r",(?=\s{0,100}[\]}])")
_MARKED: Any = etree.XPath("//*[@itemprop][not(self::meta)]")
_MOST_CONTENTS = 100
_MOST_MARKED = 2000
_MOST_SCRIPTS = 50
_MOST_NODES = 500
FAILURES = (etree.LxmlError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What the libraries that read a broken tree were seen to raise, or are to be feared to: what they had to say is lost."""


@dataclass(frozen=True)
class Page:
    """A page; `tree` is shared, and whoever changes it works on a copy."""

    html: str
    url: str | None
    tree: HtmlElement
    latest: datetime | None = None
    """What the page states of a later time cannot be true; None for one that was saved, which may be of any time."""
    status: int | None = None
    """Of the answer that the page came with, where that is known (RFC 9110, 15)."""

    @cached_property
    def metas(self) -> Mapping[str, tuple[str, ...]]:
        """The contents of the `<meta>` elements by `property`, `name` or `itemprop`, in lower case, in their order."""
        found: dict[str, list[str]] = {}
        for meta in self.tree.iter("meta"):
            content = meta.get("content")
            for attribute in ("property", "name", "itemprop"):
                if content and (name := (meta.get(attribute) or "").strip().lower()):
                    found.setdefault(name, []).append(content)
        return {name: tuple(contents[:_MOST_CONTENTS]) for name, contents in found.items()}

    @cached_property
    def microdata(self) -> Mapping[str, tuple[HtmlElement, ...]]:
        """The visible elements with `itemprop`, by its words (https://html.spec.whatwg.org/multipage/microdata.html)."""
        found: dict[str, list[HtmlElement]] = {}
        for element in _MARKED(self.tree)[:_MOST_MARKED]:
            for name in element.get("itemprop").split():
                found.setdefault(name, []).append(element)
        return {name: tuple(elements) for name, elements in found.items()}

    @cached_property
    def linked_data(self) -> tuple[Mapping[str, Any], ...]:
        """The objects of the page's JSON-LD, those of articles first."""
        nodes: list[dict[str, Any]] = []
        for script in _JSON_LD.findall(self.html)[:_MOST_SCRIPTS]:
            pending = [_json(script)]
            while pending and len(nodes) < _MOST_NODES:
                node = pending.pop(0)
                if isinstance(node, list):
                    pending += node[:_MOST_NODES]
                elif isinstance(node, dict):
                    nodes.append(node)
                    pending += [node[name] for name in ("@graph", "mainEntity", "mainEntityOfPage") if name in node]
        return tuple(sorted(nodes, key=lambda node: not is_article(node)))

    @cached_property
    def article_data(self) -> Mapping[str, Any]:
        """The object of the page's own article, empty where there is none: the one with its address, else the first."""
        articles = [node for node in self.linked_data if is_article(node)]
        path = _path(self.url or "")
        own = (node for node in articles if path and node.get("headline") and path in _paths(node))
        return (
            next(own, None)
            or next((node for node in articles if node.get("headline")), None)
            or next(iter(articles), {})
        )

    def things(self, value: object) -> list[Mapping[str, Any] | str]:
        """What a property of linked data holds, as a list; a reference (`@id`) is replaced by what it refers to."""
        found: list[Mapping[str, Any] | str] = []
        for item in value[:_MOST_CONTENTS] if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                known = self._by_id.get(str(item.get("@id")), item)
                found.append(item if item.get("name") and not known.get("@type") else known)
            elif isinstance(item, str) and item.strip():
                found.append(self._by_id.get(item, item))
        return found

    @cached_property
    def _by_id(self) -> Mapping[str, Mapping[str, Any]]:
        return {node["@id"]: node for node in self.linked_data if isinstance(node.get("@id"), str) and len(node) > 2}


def parse(html: str, url: str | None = None, latest: datetime | None = None, status: int | None = None) -> Page | None:
    """The page; None where the parser finds no tree in it."""
    from trafilatura import load_html

    html = _XML_DECLARATION.sub("", html.replace("\0", ""))
    try:
        tree = load_html(html)
    except FAILURES:
        return None
    return None if tree is None else Page(html, url, tree, latest, status)


def is_article(node: Mapping[str, Any]) -> bool:
    """Whether an object of linked data is an article (schema.org's Article and the types below it)."""
    return any(word in str(node.get("@type")) for word in ("Article", "Posting", "Report"))


def _json(script: str) -> object:
    """What the script holds; None for what cannot be read, not even without the comments and commas that are not JSON."""
    try:
        return json.loads(script, strict=False)
    except (ValueError, RecursionError):
        for mark in _WRAPPING:
            script = script.replace(mark, "")
    try:
        return json.loads(_TRAILING_COMMA.sub("", script.strip(" \t\r\n/*;")), strict=False)
    except (ValueError, RecursionError):
        return None


def _paths(node: Mapping[str, Any]) -> set[str]:
    """The paths of the addresses that an object names as its own."""
    own = node.get("mainEntityOfPage")
    values = [node.get("url"), node.get("@id"), own.get("@id") if isinstance(own, dict) else own]
    return {_path(value) for value in values if isinstance(value, str)}


def _path(address: str) -> str:
    try:
        return urlsplit(entities.unescape(address)).path.rstrip("/")
    except ValueError:
        return ""
