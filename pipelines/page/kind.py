"""What kind of page it is: an article, a part of one, or none.

A real article is never to be lost for what a page around it says, so a page is refused only for signs that agree:
what it states of itself (JSON-LD, OpenGraph, the status of its answer), how it is built (prose, teasers, scripts),
and words of `pipelines/data/page_kinds.toml`. A page that states an article and carries a text of some length is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from urllib.parse import urlsplit

from lxml.etree import iterwalk
from lxml.html import HtmlElement

from connectors.formats.markup import count_words
from pipelines.page.body import Body
from pipelines.page.metadata import Metadata
from pipelines.page.parsed import Page, is_article
from pipelines.page.phrases import Sign, folded, load_phrases
from pipelines.values import Rejected
from warehouse.rows import Flag, Reason, Stage

_MOST_SEEN = 20_000
"""Characters of a page's visible text that are looked at: walls are short."""
_ENOUGH = 120
"""Words from which on the text of a page that states an article is not doubted."""
_SENTENCE = 25
"""Words from which on a paragraph says something, and a text is more than a caption."""
_WALL = 250
"""Visible words up to which a page can be a bot check."""
_SIGN = 90
"""Characters up to which a part of a title can be a sign."""
_REFUSED = frozenset({401, 403, 405, 406, 418, 429, 500, 502, 503, 504})
_GONE = frozenset({404, 410})
_PUBLISHED = ("article:published_time", "og:published_time", "datepublished", "parsely-pub-date")
_PRICED = frozenset({"locked", "metered", "paid", "premium", "subscription"})
_LINE = 30
"""Characters from which on a piece of text is looked at."""
_UNSEEN = frozenset({"head", "noscript", "script", "select", "style", "svg", "template", "textarea", "title"})
_ASIDE = _UNSEEN | {"aside", "button", "footer", "nav"}
_PART = re.compile(r"\s+[|•·»:–—-]+\s+|:\s+|\s*[|•»]\s*")
_MOUNT = re.compile(
    r"""<(?:div|main|app-root|my-app)\b[^<>]{0,200}?(?:\bid=["']?(?:root|app|__next|__nuxt|___gatsby|react-root|main-root|svelte)["']?[^<>]{0,200})?>\s{0,50}</(?:div|main|app-root|my-app)>"""
)
_ELLIPSIS = re.compile(r"(?:…|\.\.\.|\[…\]|\[\.\.\.\])[\s\"'»”)]*$")
_FIGURES = (
    "//figure[not(ancestor::a) and not(descendant::a[h2 or h3 or h4])]"
    " | //li[descendant::img and not(ancestor::a or ancestor::nav or descendant::a)]"
)
_TEASER = (
    "descendant::a[string-length(normalize-space()) > 14][parent::h2 or parent::h3 or parent::h4 or h2 or h3 or h4]"
)


def judge_kind(page: Page, metadata: Metadata, body: Body) -> frozenset[Flag]:
    """Flags that say what is particular of the page; raises `Rejected` for one that is no article."""
    sight = _Sight(page, metadata, body)
    if not (sight.is_stated and sight.words >= _ENOUGH and not sight.is_odd):
        for reason, judge in _REFUSALS.items():
            if why := judge(sight):
                raise Rejected(Stage.EXTRACT, reason, why)
    return frozenset(flag for flag, judge in _FLAGS.items() if judge(sight))


@dataclass(frozen=True)
class _Sight:
    """What is seen of a page, each thing when it is first looked for."""

    page: Page
    metadata: Metadata
    body: Body

    @cached_property
    def words(self) -> int:
        """Words of the text that was found."""
        return count_words(self.body.text)

    @cached_property
    def types(self) -> frozenset[str]:
        """Types of the page's linked data, in lower case, and that of OpenGraph as `og:…`."""
        found = {
            str(name).rpartition("/")[2].lower() for node in self.page.linked_data for name in _listed(node, "@type")
        }
        return frozenset(found | {f"og:{value.strip().lower()}" for value in self.page.metas.get("og:type", ())[:1]})

    @cached_property
    def is_stated(self) -> bool:
        """Whether the page says of itself that it is one article; several are the teasers of a front."""
        articles = sum(map(is_article, self.page.linked_data))
        stated = any(name in self.page.metas for name in _PUBLISHED) and "og:article" in self.types
        return 1 <= articles <= 3 or (stated and articles == 0 and "collectionpage" not in self.types)

    @cached_property
    def is_odd(self) -> bool:
        """Whether the title or the opening of the text is that of a wall."""
        return self.asks or self.title(Sign.NOT_FOUND_TITLE) is not None

    @cached_property
    def asks(self) -> bool:
        """Whether the opening of the text speaks of consent, to the reader."""
        return load_phrases().find(Sign.CONSENT_TEXT, folded(self.body.text[:800])) is not None

    @cached_property
    def titles(self) -> tuple[str, ...]:
        """The title and the first headings, folded, whole and in parts, those that are short enough for a sign."""
        tree = self.page.tree
        elements = [*islice(tree.iter("title"), 1), *islice(tree.iter("h1"), 2)]
        texts = {folded(" ".join(element.itertext())[:300]): None for element in elements}
        texts[folded(self.metadata.headline or "")] = None
        found = [part.strip(" .!?…:-–—|") for text in texts for part in (text, *_PART.split(text))]
        return tuple(dict.fromkeys(part for part in found if 0 < len(part) <= _SIGN))

    @cached_property
    def text(self) -> str:
        """The visible text, folded, its beginning."""
        return folded(" ".join(_seen(self.page.tree)))

    @cached_property
    def without_script(self) -> str:
        """What is shown where scripts do not run, folded."""
        texts = (" ".join(e.itertext())[:1000] for e in self.page.tree.findall(".//noscript")[:20])
        return folded(" ".join(texts))

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What buttons and links say, folded."""
        found = self.page.tree.xpath("(//button | //input[@type='submit' or @type='button'] | //a)[position() <= 400]")
        return tuple(folded((e.get("value") or "".join(e.itertext()))[:60]).strip(" .!»>›→") for e in found)

    @cached_property
    def prose(self) -> int:
        """Words of the longest run of paragraphs in one place, less those of links."""
        return max(_prose(self.page.tree).values(), default=0)

    @cached_property
    def teasers(self) -> int:
        """Headings of the second rank and lower that are links."""
        return len(self.page.tree.xpath(_TEASER))

    @cached_property
    def own_words(self) -> int:
        """Words of the text less the paragraphs that are links' labels, and those that are a word or two."""
        links = {folded("".join(a.itertext())[:400]) for a in self.page.tree.xpath("(//a)[position() <= 2000]")}
        parts = [part for part in self.body.text.split("\n\n") if folded(part[:400]) not in links]
        return sum(words for part in parts if (words := count_words(part)) > 4)

    def title(self, sign: Sign) -> str | None:
        """A part of the title or heading that is the sign."""
        return next((part for part in self.titles if load_phrases().find(sign, part)), None)

    def says(self, sign: Sign) -> str | None:
        """What of the visible text is the sign."""
        return load_phrases().find(sign, self.text)


# Pages that are no articles


def _challenge(sight: _Sight) -> str | None:
    """A bot check: two signs of it, or one and hardly a word."""
    if sight.words > (_SENTENCE if sight.is_stated else _WALL):
        return None
    words = count_words(sight.text)
    if words > _WALL:
        return None
    phrases = load_phrases()
    signs = [
        title := sight.title(Sign.CHALLENGE_TITLE),
        sight.says(Sign.CHALLENGE_TEXT) or phrases.find(Sign.CHALLENGE_TEXT, sight.without_script),
        phrases.find(Sign.CHALLENGE_MARK, sight.page.html[: _MOST_SEEN * 5].lower()),
    ]
    found = [sign for sign in signs if sign]
    is_refused = sight.page.status in _REFUSED
    is_told = len(found) >= 2 and (title or is_refused or sight.prose < 2 * _SENTENCE)
    if is_told or (found and words < (2 * _SENTENCE if is_refused else _SENTENCE)):
        return "a check for robots: " + ", ".join(repr(sign) for sign in found)
    return None


def _not_found(sight: _Sight) -> str | None:
    """A page that says that there is none."""
    status = sight.page.status
    if status in _GONE and not (sight.is_stated and sight.words >= _ENOUGH):
        return f"the server answered with {status}"
    title = sight.title(Sign.NOT_FOUND_TITLE)
    is_short = sight.words < _WALL and sight.prose < _ENOUGH
    if not title or not (is_short or sight.prose < _SENTENCE) or _has_linked_article(sight):
        return None
    text = sight.says(Sign.NOT_FOUND_TEXT)
    if text or sight.prose < _SENTENCE:
        return f"its title says {title!r}" + (f", its text {text!r}" if text else "")
    return None


def _consent(sight: _Sight) -> str | None:
    """A wall that asks for consent: a button to give it, and a text that speaks of little else, to the reader."""
    if sight.words < _SENTENCE:
        is_wall = not sight.is_stated and count_words(sight.text) < 4 * _WALL and bool(sight.says(Sign.CONSENT_TEXT))
    else:
        is_wall = sight.asks and _speaks_of_consent(sight)
    if not is_wall:
        return None
    find = load_phrases().find
    button = next((label for label in sight.labels if label and find(Sign.CONSENT_BUTTON, label)), None)
    return f"it asks for consent ({button!r}) and holds no article" if button else None


def _speaks_of_consent(sight: _Sight) -> bool:
    """Whether the text speaks of little else, and of nothing else at length."""
    asking, others = 0, [0]
    for part in sight.body.text.split("\n\n")[:60]:
        if load_phrases().find(Sign.CONSENT_TEXT, folded(part[:2000])):
            asking += count_words(part)
        else:
            others.append(count_words(part))
    return asking >= (0.8 if sight.is_stated else 0.5) * sight.words and max(others) < 2 * _SENTENCE


def _script_shell(sight: _Sight) -> str | None:
    """A page that scripts would fill: next to nothing to be seen, and a place for it or a word on scripts."""
    if (
        sight.words >= 2 * _SENTENCE
        or count_words(sight.text) >= 4 * _SENTENCE
        or sight.page.tree.find(".//script") is None
    ):
        return None
    phrases = load_phrases()
    if phrases.find(Sign.SCRIPT_TEXT, folded(sight.body.text)):
        return "it holds no text, only that scripts are needed"
    if sight.words >= _SENTENCE // 2:
        return None
    if phrases.find(Sign.SCRIPT_TEXT, f"{sight.text} {sight.without_script}"):
        return "it holds no text, only that scripts are needed"
    return (
        "it holds no text, only a place that scripts would fill" if _MOUNT.search(sight.page.html[:200_000]) else None
    )


def _video(sight: _Sight) -> str | None:
    return "a video, and no text with it" if _is_video(sight) and _is_bare(sight) else None


def _gallery(sight: _Sight) -> str | None:
    return "a gallery, and no text with it" if _is_gallery(sight) and _is_bare(sight) else None


def _section_front(sight: _Sight) -> str | None:
    """A list of teasers: one by its own word or address, or for want of any that it is an article, and no prose."""
    if sight.is_stated:
        return None
    is_root = bool(sight.page.url) and urlsplit(sight.page.url or "").path.strip("/") == ""
    says_so = bool(sight.types & {"collectionpage", "itemlist", "searchresultspage"}) or is_root
    if "og:article" in sight.types and not says_so:
        return None
    if sight.teasers >= (5 if says_so else 8) and sight.prose < (3 if says_so else 2) * _SENTENCE:
        return f"{sight.teasers} headings that lead elsewhere, and no prose of its own"
    return None


def _no_text(sight: _Sight) -> str | None:
    return None if any(map(str.isalnum, sight.body.text)) else "the page holds no article"


_REFUSALS = {
    Reason.CHALLENGE: _challenge,
    Reason.SOFT_404: _not_found,
    Reason.CONSENT_WALL: _consent,
    Reason.VIDEO_ONLY: _video,
    Reason.GALLERY_ONLY: _gallery,
    Reason.SCRIPT_SHELL: _script_shell,
    Reason.SECTION_FRONT: _section_front,
    Reason.NO_TEXT: _no_text,
}


# Articles that are partial or particular


def _is_live(sight: _Sight) -> bool:
    if "liveblogposting" in sight.types or "schema.org/LiveBlogPosting" in sight.page.html:
        return True
    return bool(sight.title(Sign.LIVE_TITLE)) and len(sight.page.tree.findall(".//time")) >= 6


def _is_gallery(sight: _Sight) -> bool:
    if sight.types & {"imagegallery", "mediagallery", "og:gallery", "og:image_gallery"}:
        return sight.words < 3 * _SENTENCE or not _has_linked_article(sight)
    if sight.words >= 2 * _WALL or not sight.title(Sign.GALLERY_TITLE):
        return False
    return len(sight.page.tree.xpath(_FIGURES)) >= 5


def _is_video(sight: _Sight) -> bool:
    is_stated = "videoobject" in sight.types or any(name.startswith("og:video") for name in sight.types)
    is_article_too = _has_linked_article(sight) or "og:article" in sight.types
    return is_stated and (sight.words < 3 * _SENTENCE or not is_article_too)


def _is_paywalled(sight: _Sight) -> bool:
    """Stated to cost and visibly cut, or cut where a wall says so."""
    says_so = _ends_at_wall(sight)
    if _is_priced(sight):
        return says_so or _is_cut(sight)
    return says_so and (sight.words < 2 * _WALL)


_FLAGS = {
    Flag.GALLERY: _is_gallery,
    Flag.LIVE_BLOG: _is_live,
    Flag.PAYWALLED: _is_paywalled,
    Flag.VIDEO: _is_video,
}


def _is_priced(sight: _Sight) -> bool:
    """Whether the page says that its text is not free (schema.org: `isAccessibleForFree`; Facebook: `content_tier`)."""
    for node in sight.page.linked_data:
        for value in _listed(node, "isAccessibleForFree"):
            if str(value).rpartition("/")[2].strip().lower() in ("false", "no", "0"):
                return True
    return any(tier.strip().lower() in _PRICED for tier in sight.page.metas.get("article:content_tier", ()))


def _is_cut(sight: _Sight) -> bool:
    """Whether the text of a page that is not free is a part of it."""
    if _ELLIPSIS.search(sight.body.text):
        return True
    for node in filter(is_article, sight.page.linked_data):
        stated = str(node.get("wordCount") or "").strip()
        if stated.isdecimal() and int(stated[:6]) > 1.6 * sight.words + 50:
            return True
        told = node.get("articleBody")
        if isinstance(told, str) and _ELLIPSIS.search(told) and sight.words <= 1.3 * count_words(told):
            return True
    return sight.words < _ENOUGH


def _ends_at_wall(sight: _Sight) -> bool:
    """Whether the text ends, or a short one is followed, by words that the rest is to be had elsewhere."""
    ending = " ".join(part for part in sight.body.text[-2000:].split("\n\n")[-4:] if len(part) < 400)
    if load_phrases().find(Sign.PAYWALL_TEXT, folded(ending)):
        return True
    return sight.words < _WALL and bool(sight.says(Sign.PAYWALL_TEXT))


# What a page is made of


def _has_linked_article(sight: _Sight) -> bool:
    return any(map(is_article, sight.page.linked_data))


def _is_bare(sight: _Sight) -> bool:
    """Whether there is no text but links and a line or two."""
    return sight.words < _SENTENCE // 2 or (sight.own_words < _SENTENCE // 2 and sight.prose < _SENTENCE)


def _listed(node: object, key: str) -> list[object]:
    value = node.get(key) if hasattr(node, "get") else None
    return value if isinstance(value, list) else [] if value is None else [value]


def _seen(tree: HtmlElement) -> Iterator[str]:
    """The pieces of visible text in their order, of `_MOST_SEEN` characters in all."""
    left = _MOST_SEEN
    walk = iterwalk(tree, events=("start", "end"))
    for event, element in walk:
        piece = element.tail if event == "end" else element.text
        if event == "start" and (element.tag in _UNSEEN or "hidden" in element.attrib):
            walk.skip_subtree()
            continue
        if piece:
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                return


def _prose(tree: HtmlElement) -> dict[HtmlElement, int]:
    """Words outside links by the place in which they stand: of a paragraph, where it has neighbours; of bare text, its parent."""
    found: dict[HtmlElement, int] = {}
    walk = iterwalk(tree, events=("start",))
    for _, element in walk:
        if element.tag in _ASIDE:
            walk.skip_subtree()
            continue
        if element.tag == "p":
            text, place = _unlinked(element), _place(element)
            walk.skip_subtree()
        else:
            text, place = " ".join(filter(None, [element.text, *(child.tail for child in element)])), element
        if len(text) > _LINE and not load_phrases().find(Sign.CONSENT_TEXT, folded(text[:_MOST_SEEN])):
            found[place] = found.get(place, 0) + count_words(text)
    return found


def _unlinked(paragraph: HtmlElement) -> str:
    linked = sum(len("".join(a.itertext())) for a in paragraph.iter("a"))
    text = "".join(paragraph.itertext())
    return text if linked <= len(text) / 2 else ""


def _place(paragraph: HtmlElement) -> HtmlElement:
    """The nearest element in which the paragraph is not alone."""
    place = paragraph
    for _ in range(4):
        parent = place.getparent()
        if parent is None:
            break
        if place.getnext() is not None or place.getprevious() is not None:
            return parent
        place = parent
    return place
