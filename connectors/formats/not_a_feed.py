"""What an answer is that is no feed, although its status was 200: a phrase for people."""

from __future__ import annotations

import re

from connectors.formats.markup import title_text

_HEAD_CHARS = 200_000
_TOO_MANY = re.compile(
    r"too many requests|rate.?limit(?:ed| exceeded)|request limit|slow down|error 1015", re.IGNORECASE
)
_CHALLENGE = re.compile(
    r"cf-chl|cf_chl_|challenge-platform|just a moment\.\.\.|attention required|captcha|checking your browser"
    r"|verify(?:ing)? (?:that )?you are (?:a )?human|are you (?:a )?(?:human|robot)|ddos protection|_incapsula_resource"
    r"|enable javascript and cookies|datadome|px-captcha|/\.well-known/sgcaptcha",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"<input\b[^<>]*\btype\s*=\s*[\"']?password", re.IGNORECASE)
_LOGIN_TITLE = re.compile(
    r"\b(?:log ?in|sign ?in|log ?on|anmelden|anmeldung|connexion|se connecter|iniciar sesi[oó]n|accedi|inloggen"
    r"|authentication required|unauthori[sz]ed)\b|ログイン|登录|вход",
    re.IGNORECASE,
)
_TITLE = re.compile(r"<title\b[^>]{0,500}>(.{0,2000}?)</title", re.DOTALL | re.IGNORECASE)
_PREAMBLE = re.compile(r"(?:\s|<!--.*?-->|<\?.*?\?>|<!doctype\b[^>\[]*(?:\[.*?\]\s*)?>)*", re.DOTALL | re.IGNORECASE)
_HTML = re.compile(
    r"<(?:a|body|br|center|div|form|h[1-6]|head|html|link|meta|p|script|style|table|title)[\s/>]", re.IGNORECASE
)
_FEED_INSIDE = re.compile(r"<(?:rss\s[^<>]*version\s*=|feed\s[^<>]*http://www\.w3\.org/2005/Atom)", re.IGNORECASE)
_ELEMENT = re.compile(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)")
_OTHERS = {
    "opml": "an OPML list of sources: `newsmill sources import` reads it",
    "sitemapindex": "a sitemap index: give the source the kind `sitemap`",
    "urlset": "a sitemap: give the source the kind `sitemap`",
}


def is_html(text: str) -> bool:
    """Whether the text opens like an HTML page, and has no feed right behind that (as a browser saves one)."""
    start = _start(text)
    return _HTML.match(text, start) is not None and not _FEED_INSIDE.search(text[start : start + 2000])


def root_of(text: str) -> str | None:
    """The root element in lower case, without its prefix."""
    found = _ELEMENT.match(text, _start(text))
    return found[1].lower() if found else None


def described(text: str) -> str:
    """What the text is, where it is no feed."""
    if not text.strip("\0\ufeff \t\r\n"):
        return "an empty body"
    if is_html(text):
        return _page(text[:_HEAD_CHARS])
    if text.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
        return f"JSON that is no JSON Feed{_quoted(text)}"
    if root := root_of(text):
        return _OTHERS.get(root, f"XML with the root element `{root}` and no feed in it")
    return ("a message of too many requests" if _TOO_MANY.search(text[:2000]) else "a text") + _quoted(text)


def _page(head: str) -> str:
    found = _TITLE.search(head)
    title = title_text(found[1], is_html=True)[:100] if found else ""
    what = "an HTML page"
    if _TOO_MANY.search(title) or (len(head) < 5000 and _TOO_MANY.search(head)):
        what = "an HTML page that says “too many requests”"
    elif _CHALLENGE.search(title) or (_CHALLENGE.search(head) and len(head) < 100_000 and "<article" not in head):
        what = "a challenge page that wants to see a browser"
    elif _LOGIN_TITLE.search(title) or _LOGIN.search(head):
        what = "a login page"
    return f"{what}, “{title}”" if title else what


def _quoted(text: str) -> str:
    return f", “{' '.join(text[:400].replace(chr(0), ' ').split())[:80]}”"


def _start(text: str) -> int:
    found = _PREAMBLE.match(text[:_HEAD_CHARS].removeprefix("\ufeff"))
    return (found.end() if found else 0) + text.startswith("\ufeff")
