"""A web page, parsed once for all that read it: its tree, its `<meta>` elements, its linked data."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lxml.html import HtmlElement

_XML_DECLARATION = re.compile(r"\A\s*<\?xml[^>]{0,200}\?>")
_JSON_LD = re.compile(
    r"""<script[^<>]{0,500}?application/ld\+json[^<>]{0,500}>(.*?)</script""", re.IGNORECASE | re.DOTALL
)
_MOST_SCRIPTS = 50
_MOST_NODES = 500


@dataclass(frozen=True)
class Page:
    """A page; `tree` is shared, and whoever changes it works on a copy."""

    html: str
    url: str | None
    tree: HtmlElement

    @cached_property
    def metas(self) -> Mapping[str, tuple[str, ...]]:
        """The contents of the `<meta>` elements by `property`, `name` or `itemprop`, in lower case, in their order."""
        found: dict[str, list[str]] = {}
        for meta in self.tree.iter("meta"):
            content = meta.get("content")
            for attribute in ("property", "name", "itemprop"):
                if content and (name := (meta.get(attribute) or "").strip().lower()):
                    found.setdefault(name, []).append(content)
        return {name: tuple(contents) for name, contents in found.items()}

    @cached_property
    def linked_data(self) -> tuple[Mapping[str, Any], ...]:
        """The objects of the page's JSON-LD, those of articles first."""
        nodes: list[dict[str, Any]] = []
        for script in _JSON_LD.findall(self.html)[:_MOST_SCRIPTS]:
            try:
                pending = [json.loads(script, strict=False)]
            except (ValueError, RecursionError):
                continue
            while pending and len(nodes) < _MOST_NODES:
                node = pending.pop(0)
                if isinstance(node, list):
                    pending += node
                elif isinstance(node, dict):
                    nodes.append(node)
                    pending += [node[name] for name in ("@graph", "mainEntity", "mainEntityOfPage") if name in node]
        return tuple(sorted(nodes, key=lambda node: not is_article(node)))


def parse(html: str, url: str | None = None) -> Page | None:
    """The page; None where the parser finds no tree in it."""
    from trafilatura import load_html

    html = _XML_DECLARATION.sub("", html.replace("\0", ""))
    tree = load_html(html)
    return None if tree is None else Page(html, url, tree)


def is_article(node: Mapping[str, Any]) -> bool:
    """Whether an object of linked data is an article (schema.org's Article and the types below it)."""
    return any(word in str(node.get("@type")) for word in ("Article", "Posting", "Report"))
