"""Who published an article, and the plain form of that name, by which one publisher under two names counts once.

The name tells publishers apart, not the domain of the address: a link blog's items lie on the sites that it links to,
and a host of blogs, videos or other papers' news has many publishers' articles under one domain.
"""

from __future__ import annotations

from typing import Final

PUBLISHER: Final = (
    r"""coalesce(publisher, nullif(regexp_extract(url, '^https?://(?:www\.)?([^/:?#]+)', 1), ''), source)"""
)
"""SQL for the name of a row of `articles`: as stated, else the host of its address, else its source."""

_SECOND = r"(?:\.(?:ac|co|com|edu|gob|gov|go|ne|net|or|org))?"
_WITHOUT_SUFFIX = rf"^(\S+?){_SECOND}\.\p{{L}}{{2,}}$|^(.+?){_SECOND}\.(?:\p{{L}}{{2}}|com|net|org)$"
"""A name without blanks that ends like a domain is one; in another, the suffixes that are no words are taken off."""


def plain_publisher(name: str) -> str:
    """SQL for the plain form of a name, given as SQL: `The Coast Post | News`, `www.coastpost.com`, `@CoastPost` are one."""
    first = f"trim(split_part(lower({name}), ' | ', 1), ' /')"
    bare = rf"regexp_replace(regexp_replace({first}, '^(?:https?://)?(?:www\.)?', ''), '{_WITHOUT_SUFFIX}', '\1\2')"
    plain = rf"regexp_replace(regexp_replace({bare}, '[^\p{{L}}\p{{M}}\p{{N}}]+', '', 'g'), '^the', '')"
    return f"coalesce(nullif({plain}, ''), {name})"
