"""Pages and texts as nobody would send them: no crash, no hang, and an article in the one spelling of text.

`NEWSMILL_FUZZ_S=300 pytest tests/test_fuzz.py` goes on for that many seconds with mutated pages, those of the
development data too where its folder lies beside the project. A failure names the page and the seed.
"""

from __future__ import annotations

import gzip
import itertools
import os
import random
import re
import time
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.document import Document
from pipelines.extract import extract
from pipelines.normalise import clean
from pipelines.page.article import extract_html
from pipelines.read import decode
from pipelines.strip import restore, strip
from pipelines.text_forms import read_text
from pipelines.values import Extracted, Rejected, Removal
from tests.lake import way
from warehouse.rows import Role

PAGES = Path(__file__).parent / "golden" / "pages"
DATA = Path(__file__).parents[2] / "shared" / "data" / "html"
LONG_S = float(os.environ.get("NEWSMILL_FUZZ_S", "0"))
MUTANTS = 40
MOST_S = 2.0
"""Processor seconds that a page under 200 kB may take."""
few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def document(data: bytes, media_type: str, role: Role = Role.PAGE) -> Document:
    url = "https://fuzz.example/2024/03/05/story"
    fetched_at = datetime(2026, 1, 5, tzinfo=UTC)
    return Document(
        source="fuzz", role=role, address=url, uri=url, url=url, fetched_at=fetched_at, media_type=media_type, data=data
    )


def survives(data: bytes, media_type: str = "text/html", role: Role = Role.PAGE) -> None:
    """The whole way of the bytes gives an article in the one spelling, or a reject."""
    item, run = document(data, media_type, role), way()
    begin = time.process_time()
    made = run(item)
    took_s = time.process_time() - begin
    assert took_s < MOST_S, f"took {took_s:.1f} s"
    assert (made.article is None) != (made.reject is None)
    if made.article:
        is_spelled(made.article.body)
        removals = [Removal(r.rule, r.family, r.start, r.length, r.text) for r in made.removals]
        if removals:
            assert restore(made.article.body, removals) == extract(decode(item, data)).text


def is_spelled(text: str) -> None:
    assert unicodedata.is_normalized("NFC", text)
    assert text.strip("\n") == text
    assert not re.search(r"\n{3}|[ \t]\n|[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]", text)
    text.encode("utf-8")


# What happens to pages

Mutation = Callable[[random.Random, bytes], bytes]
_TAG = re.compile(rb"<[^<>]{1,400}>")
_LEFT = (
    b"<!--",
    b"<script>",
    b"<style>",
    b"<textarea>",
    b"<svg><title>",
    b"<table><tr>",
    b"<![CDATA[",
    b"<noscript>",
    b"&#",
    b"<p " + b"x" * 300,
    b"<select><option>",
    b"</body></html>",
    b"<plaintext>",
    b"<frameset>",
    b"<base href='::'>",
)
_BYTES = (
    b"\0",
    b"\x0b",
    b"\x85",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"&#xD800;",
    b"&#1114112;",
    b"&#0;",
    b"\xe2\x80\xa8",
    b"\x1b[2J",
    b"\xcc\x81" * 40,
    b"\xe2\x80\xae",
    b"&nbsp;" * 30,
    b"\xef\xbf\xbe",
    b"&#x80;",
)
_VALUES = (
    b"null",
    b"{}",
    b"[]",
    b"-1",
    b"1e999",
    b'"\\ud800"',
    b"[[[[[[]]]]]]",
    b'{"@id":"#a"}',
    b"true",
    b'""',
    b'"9999"',
)


def _tags(page: bytes) -> list[tuple[int, int]]:
    return [found.span() for found in _TAG.finditer(page)] or [(0, len(page))]


def delete_tags(chance: random.Random, page: bytes) -> bytes:
    share = chance.choice((0.01, 0.1, 0.5))
    return _TAG.sub(lambda tag: b"" if chance.random() < share else tag[0], page)


def repeat_range(chance: random.Random, page: bytes) -> bytes:
    start, _ = chance.choice(_tags(page))
    piece = page[start : start + chance.randrange(1, 4000)]
    return page[:start] + piece * chance.randrange(2, 12) + page[start:]


def swap_ranges(chance: random.Random, page: bytes) -> bytes:
    a, b, c, d = sorted(chance.choices(range(len(page) + 1), k=4))
    return page[:a] + page[c:d] + page[b:c] + page[a:b] + page[d:]


def truncate(chance: random.Random, page: bytes) -> bytes:
    return page[: chance.randrange(len(page))]


def delete_range(chance: random.Random, page: bytes) -> bytes:
    start = chance.randrange(len(page))
    return page[:start] + page[start + chance.randrange(1, 3000) :]


def nest(chance: random.Random, page: bytes) -> bytes:
    start, end = chance.choice(_tags(page))
    name = chance.choice((b"div", b"span", b"b", b"table", b"ul", b"blockquote", b"a", b"font", b"p", b"section"))
    return page[:start] + (b"<" + name + b">") * chance.choice((20, 200, 3000)) + page[end:]


def leave_open(chance: random.Random, page: bytes) -> bytes:
    start, _ = chance.choice(_tags(page))
    return page[:start] + chance.choice(_LEFT) + page[start:]


def inject_bytes(chance: random.Random, page: bytes) -> bytes:
    for _ in range(chance.choice((1, 5, 100))):
        start = chance.randrange(len(page) + 1)
        page = page[:start] + chance.choice(_BYTES) + page[start:]
    return page


def flip_bytes(chance: random.Random, page: bytes) -> bytes:
    changed = bytearray(page)
    for _ in range(chance.choice((1, 20, 500))):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def other_charset(chance: random.Random, page: bytes) -> bytes:
    name = chance.choice((b"utf-16", b"shift_jis", b"utf-7", b"koi8-r", b"nonsense", b"iso-2022-jp", b"gb18030"))
    return re.sub(rb"(?i)(charset=[\"']?)[\w-]+", rb"\g<1>" + name, page)


def break_linked_data(chance: random.Random, page: bytes) -> bytes:
    """A value of JSON-LD, or of a `<meta>`, becomes one of another kind."""
    share = chance.choice((0.1, 0.5, 1.0))
    page = re.sub(
        rb'(":\s?)("[^"\\]{0,200}"|\[|\{|true|false)',
        lambda found: found[1] + chance.choice(_VALUES) if chance.random() < share else found[0],
        page,
    )
    return re.sub(
        rb'content="[^"]*"',
        lambda found: b'content="' + chance.choice(_BYTES) + b'"' if chance.random() < share / 2 else found[0],
        page,
    )


def giant_attribute(chance: random.Random, page: bytes) -> bytes:
    _, end = chance.choice(_tags(page))
    name = chance.choice((b"class", b"style", b"datetime", b"content", b"href", b"id", b"data-x", b"lang"))
    value = chance.choice((b"a ", b"2024-01-01", b"display:", b"-_", b"&amp;", b"((", b"By "))
    return page[: end - 1] + b" " + name + b'="' + value * chance.choice((1000, 12_000)) + b'"' + page[end - 1 :]


MUTATIONS: tuple[Mutation, ...] = (
    delete_tags,
    repeat_range,
    swap_ranges,
    truncate,
    delete_range,
    nest,
    leave_open,
    inject_bytes,
    flip_bytes,
    other_charset,
    break_linked_data,
    giant_attribute,
)


@cache
def pages() -> tuple[tuple[str, bytes], ...]:
    own = [(path.name, path.read_bytes()) for path in sorted(PAGES.glob("*.html"))]
    real = sorted(DATA.rglob("*.html.gz")) if DATA.is_dir() else []
    small = [(path.name, page) for path in real if LONG_S and len(page := gzip.decompress(path.read_bytes())) < 180_000]
    return (*own, *small)


def mutant(seed: int) -> tuple[str, bytes]:
    """A page with one to four things done to it, the same for the same seed."""
    chance = random.Random(seed)
    name, page = chance.choice(pages())
    for mutate in chance.choices(MUTATIONS, k=chance.randrange(1, 5)):
        page = mutate(chance, page or b"<p>")[:200_000]
    return f"{name}, seed {seed}", page


def seeds() -> Iterator[int]:
    yield from range(MUTANTS)
    end = time.monotonic() + LONG_S
    for seed in itertools.count(MUTANTS):
        if time.monotonic() > end:
            return
        yield seed


@pytest.mark.timeout(300 + 2 * LONG_S)
def test_mutated_pages_give_an_article_or_a_reject():
    way()(document(b"<html><body><p>Warm.</p></body></html>", "text/html"))
    failed = []
    for seed in seeds():
        what, page = mutant(seed)
        try:
            survives(page)
        except Exception as error:  # noqa: BLE001  every kind of failure is what is looked for
            failed.append(f"{what}: {error!r:.300}")
    assert failed == []


# Pages and texts made from nothing

_words = st.sampled_from(
    "By Ada Finch~The ferry sailed.~Advertisement~Read more: Ducks~2024-03-05~—~…~«A»~記事~خبر~e\u0301~\ud800~\0~"
    "pic.twitter.com/x~(Reuters) -~© 2024~Sign up~&#xD800;~- a~| a |~1.~".split("~")
)
_names = st.sampled_from("p div article h1 h2 time ul li table td figure a span main script".split())
_attributes = st.sampled_from(
    """~ class="article-body"~ itemprop="articleBody"~ hidden~ class="byline"~ datetime="x"~ style="display:none"~
 type="application/ld+json"~ class="subhead ad related"~ itemprop="author" itemscope""".split("~")
)
_trees = st.recursive(
    _words,
    lambda below: st.builds(
        lambda name, attributes, inner: f"<{name}{attributes}>{' '.join(inner)}</{name}>",
        _names,
        _attributes,
        st.lists(below, max_size=5),
    ),
    max_leaves=30,
)


@few
@given(_trees)
def test_any_tree_gives_an_article_or_a_reject(tree: str):
    try:
        extracted: Extracted | None = extract_html(f"<html><body>{tree}</body></html>", "https://fuzz.example/a")
    except Rejected:
        extracted = None
    if extracted:
        is_spelled(extracted.text)


_lines = st.lists(
    st.one_of(
        _words,
        st.text(max_size=30),
        st.sampled_from(
            "---~title: A day at sea~tags: [a, b~date 2024-03-05 ~# Heading~Heading~===~By: x~Published: 5 March 2024~    ~\t~"
            "CLICK HERE TO GET THE APP~Quotes delayed at least 20 minutes.~Reporting by Ada Finch; Editing by Bo Lund".split(
                "~"
            )
        ),
    ),
    max_size=30,
)


@few
@given(_lines, st.sampled_from(["\n", "\n\n", "\r\n", "\r", " "]), st.sampled_from(["text/plain", "text/markdown"]))
def test_any_text_gives_an_article_or_a_reject(lines: list[str], between: str, media_type: str):
    survives(between.join(lines).encode("utf-8", "surrogatepass"), media_type, Role.FILE)


@few
@given(_lines, st.booleans())
def test_the_form_of_a_text_loses_no_word(lines: list[str], is_markdown: bool):
    text = "\n".join(line.replace("\0", "").replace("\ud800", "") for line in lines)
    form = read_text(text, is_markdown=is_markdown)
    assert len(form.text) <= 2 * len(text) + 2


@few
@given(_lines)
def test_what_the_rules_take_can_be_put_back(lines: list[str]):
    text = clean("\n\n".join(line.strip() for line in clean("\n".join(lines)).split("\n") if line.strip()))
    try:
        stripped = strip(Extracted(text=text, extractor="x"), way().rules)
    except Rejected:
        return
    assert restore(stripped.body, stripped.removals) == text
    spans = [(r.start, r.start + r.length) for r in stripped.removals]
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))


@pytest.mark.parametrize(
    "page",
    [
        b"<html><body>" + b"<p>A word." * 15_000,
        b"<html><body><article>" + b"<div>" * 30_000 + b"deep",
        b"<html><body><p>" + b"a" * 190_000,
        b"<html><body><p>" + b"A sentence. " * 15_000,
        b"<html><body><p>By " + b"Ada Finch, " * 15_000,
        b"<html><head><title>" + b"A | B - " * 20_000 + b"</title></head><body><h1>A</h1><p>A sentence of a story.</p>",
        b"<html><body>" + b"<br><br>A line of words here." * 6000,
        b"<html><body>" + b"<h1>A</h1><p>Story text.</p>" * 6000,
        b"<html><body>" + b"<figure><figcaption>Ca" * 6000,
        b'<html><body><script type="application/ld+json">' + b"[" * 100_000 + b"</script><p>Story text.</p>",
        b'<html><body><script type="application/ld+json">{"@graph":['
        + b'{"@id":"#a","author":{"@id":"#a"}},' * 4000
        + b"{}]}</script>",
        b"<html><body>" + b'<time datetime="2024-01-01">' * 6000 + b"<p>Story text.</p>",
        b"<html><body>" + b"<a href=/a>More stories from here</a> " * 4000,
        b"<html><body><article>" + b"<li>An item of a list." * 8000,
        b"<html><body>" + "<p>日本語の文章です。".encode() * 5000,
        b"<html><body><p>" + "ب".encode() * 90_000,
        b"<html><body><p>" + b"a&#769;" * 25_000,
    ],
    ids=lambda page: page[12:40].decode("utf-8", "replace"),
)
def test_large_pages_of_one_kind_take_no_longer_than_they_may(page: bytes):
    survives(page)
