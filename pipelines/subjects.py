"""IPTC Media Topics: the concepts, what publishers call them, and which of them an article is tagged with."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.gazetteer import slugify
from pipelines.values import Tag

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence

DATA = Path(__file__).parent / "data"
MAX_TOPS = 3
MAX_NAME_CHARS = 200


@dataclass(frozen=True, slots=True)
class Subject:
    """A concept of the Media Topics."""

    code: str
    """`medtop:…`"""
    slug: str
    name: str
    chain: tuple[str, ...]
    """Codes of this concept and of those above it, the top-level subject last."""

    def tag(self, *, score: float, method: str, evidence: str) -> Tag:
        """The row of an article that this concept is about."""
        top = self.chain[-1]
        given: dict[str, Any] = {"score": score, "method": method, "evidence": evidence}
        return Tag(tag=self.slug, scheme="mediatopic", code=self.code, top_code=top, name=self.name, **given)


@lru_cache(maxsize=1)
def subjects() -> dict[str, Subject]:
    """Every concept in use by its code."""
    table = {row[0]: row for row in rows("mediatopics.txt")}
    found = {}
    for number, _, name, _ in table.values():
        chain, above = [], number
        while above:
            chain.append(f"medtop:{above}")
            above = table[above][3]
        # The slug that newsrooms use for medtop:16000000.
        slug = "conflicts" if number == "16000000" else slugify(name)
        found[chain[0]] = Subject(chain[0], slug, name, tuple(chain))
    return found


@lru_cache(maxsize=1)
def subject_slugs() -> dict[str, Subject]:
    """The concept that a tag or a section of a publisher names, by slug without accents, in whichever language."""
    known = subjects()
    slugs = {_plain(subject.name): subject for subject in known.values()}
    for number, names in rows("mediatopic_synonyms.txt"):
        slugs |= dict.fromkeys(names.split(","), known[f"medtop:{number}"])
    return slugs


def rows(table: str) -> Iterator[list[str]]:
    """The fields of each line of a table."""
    for line in (DATA / table).read_text(encoding="utf-8").splitlines():
        if line and line[0] != "#":
            yield line.split("|")


_PARTS = re.compile(r"\s*[/|>,;:»›]\s*")
_AND = re.compile(r"\s+(?:&|\+|and|und|et|y|e)\s+", re.IGNORECASE)


def named(name: str) -> Subject | None:
    """The concept that a publisher's tag or section names by code, name or synonym."""
    return subjects().get(name) or subject_slugs().get(_plain(name))


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name)
    return slugify("".join(letter for letter in letters if not unicodedata.combining(letter)))


def named_by_section(section: str) -> list[Subject]:
    """The concepts that a section names: as a whole, by the last part of its path, or by each of two words."""
    parts = [part for part in _PARTS.split(section[:MAX_NAME_CHARS]) if part]
    for name in (section[:MAX_NAME_CHARS], *reversed(parts)):
        if found := named(name):
            return [found]
    return [found for part in reversed(parts) for word in _AND.split(part) if (found := named(word))]


def _stated(section: str | None, stated: Sequence[str], hinted: Container[str] | None) -> Iterator[Tag]:
    """The rows of the concepts that a publisher's section and tags name, and of those above them."""
    by_section = named_by_section(section) if section else []
    if len(by_section) > 1 and hinted is not None:
        by_section = [subject for subject in by_section if subject.chain[-1] in hinted] or by_section
    by_name = [(subject, name) for name in stated if (subject := named(name))]
    kept = [(subject, section or "") for subject in by_section[:1]]
    kept += [
        (subject, name)
        for subject, name in by_name
        if hinted is None or subject.chain[-1] in hinted or name == subject.code
    ]
    for subject, name in kept:
        for code in subject.chain:
            yield subjects()[code].tag(score=1.0, method="stated/1", evidence=name)


def chosen(
    section: str | None, stated: Sequence[str], found: Sequence[Tag], hinted: Container[str] | None = None
) -> list[Tag]:
    """The rows of an article's subjects: what its publisher stated, then what was found in its text, best first.

    `hinted` are the top-level subjects of which the text has any word worth the name; None where it cannot tell. A
    publisher's list of many words names what the text is about among much else. At most three subjects are at the top
    level: the section's, those of the publisher's tags that were found too, the text's own first, then the rest.
    """
    told = list(_stated(section, stated, hinted))
    in_text = _tops(found)
    by_section = [tag.top_code for tag in told[:1]] if section and told and told[0].evidence == section else []
    agreed = [top for top in _tops(told) if top in in_text]
    tops = list(dict.fromkeys([*by_section, *agreed, *in_text[:1], *_tops(told), *in_text]))[:MAX_TOPS]
    by_code: dict[str | None, Tag] = {}
    for tag in (*told, *found):
        if tag.top_code in tops:
            by_code.setdefault(tag.code, tag)
    return list(by_code.values())


def _tops(tags: Iterable[Tag]) -> list[str | None]:
    return list(dict.fromkeys(tag.top_code for tag in tags))
