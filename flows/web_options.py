"""Options of a source on the web, as `sources.toml` states them; credentials stand in the environment alone."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.settings import PAGES

OPTIONS = "name kind location paused pages conditional interval_minutes headers auth title categories".split()
_AUTH_KEYS = {
    "basic": ("user",),
    "bearer": (),
    "cookie": (),
    "header": ("name",),
}
"""Kinds of credentials, and what they take besides `type` and `env`."""
_OPEN = frozenset({"accept", "accept-language", "referer", "user-agent"})
"""Headers whose value is no secret."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""Name of a header (RFC 9110, 5.6.2)."""


class OptionError(Exception):
    """An option that cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Auth:
    """Credentials: their kind, and the environment variable that holds them."""

    type: str
    env: str
    user: str | None = None
    """Of `basic`, the user; without it the variable holds `user:password`."""
    name: str | None = None
    """Of `header`, the header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `sources.toml` may say of a feed or sitemap besides its place."""

    pages: str | None = None
    """`always`, `short` or `never`; None for what the settings say."""
    is_conditional: bool = True
    interval_minutes: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """Names and values; `env:NAME` stands for the value of that variable."""
    auth: Auth | None = None
    title: str | None = None
    categories: tuple[str, ...] = ()


def read_options(entry: Mapping[str, Any]) -> Options:
    """The options of a `[[source]]` table. Raises `OptionError`."""
    if unknown := set(entry) - set(OPTIONS):
        raise OptionError(f"it has no option {min(unknown)!r}; there are: {', '.join(OPTIONS)}")
    pages, interval = entry.get("pages"), entry.get("interval_minutes")
    if pages is not None and pages not in PAGES:
        raise OptionError(f"pages is one of {', '.join(PAGES)}, not {pages!r}")
    if interval is not None and (isinstance(interval, bool) or not isinstance(interval, int) or interval < 1):
        raise OptionError(f"interval_minutes is a whole number from 1, not {interval!r}")
    if not isinstance(entry.get("conditional", True), bool):
        raise OptionError("conditional is true or false")
    title, categories = entry.get("title"), entry.get("categories", [])
    if title is not None and not isinstance(title, str):
        raise OptionError("title is a string in quotes")
    if not isinstance(categories, list) or not all(isinstance(c, str) for c in categories):
        raise OptionError("categories is a list of strings")
    return Options(
        pages=pages,
        is_conditional=entry.get("conditional", True),
        interval_minutes=interval,
        headers=tuple(_header(*pair) for pair in _table(entry, "headers").items()),
        auth=_auth(_table(entry, "auth")) if "auth" in entry else None,
        title=title,
        categories=tuple(categories),
    )


def request_headers(options: Options, environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Headers to send, credentials among them. Raises `OptionError` for a variable that is not there."""
    found = [
        (name, _secret(value.removeprefix("env:"), environ) if value.startswith("env:") else value)
        for name, value in options.headers
    ]
    if options.auth:
        found.append(_credentials(options.auth, _secret(options.auth.env, environ)))
    return tuple(found)


def _credentials(auth: Auth, secret: str) -> tuple[str, str]:
    match auth.type:
        case "basic":  # RFC 7617
            pair = secret if auth.user is None else f"{auth.user}:{secret}"
            return "Authorization", "Basic " + base64.b64encode(pair.encode()).decode()
        case "bearer":  # RFC 6750
            return "Authorization", f"Bearer {secret}"
        case "cookie":
            return "Cookie", secret
        case _:
            return auth.name or "", secret


def _secret(name: str, environ: Mapping[str, str]) -> str:
    secret = environ.get(name, "").strip()
    if not secret:
        raise OptionError(f"the environment variable {name} is not set, and its credentials are in it: set it")
    if not secret.isprintable():
        raise OptionError(f"the environment variable {name} holds control characters, which no header may")
    return secret


def _table(entry: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = entry.get(key, {})
    if not isinstance(table, Mapping) or not all(isinstance(value, str) for value in table.values()):
        raise OptionError(f'{key} is a table of strings: {key} = {{ … = "…" }}')
    return table


def _header(name: str, value: str) -> tuple[str, str]:
    if not _TOKEN.fullmatch(name):
        raise OptionError(f"{name!r} is no name of a header")
    if value.startswith("env:") and value != "env:":
        return name, value
    if name.lower() not in _OPEN:
        raise OptionError(
            f"the value of the header {name} stands in sources.toml, where secrets do not belong: "
            f'put it into an environment variable and write "env:NAME"'
        )
    if not value.isascii() or not value.isprintable():
        raise OptionError(f"the header {name} needs a value of printable ASCII")
    return name, value


def _auth(stated: Mapping[str, str]) -> Auth:
    kind = stated.get("type", "")
    if kind not in _AUTH_KEYS:
        raise OptionError(f'auth needs type = "…", one of {", ".join(_AUTH_KEYS)}')
    wanted = ("type", "env", *_AUTH_KEYS[kind])
    if unknown := set(stated) - set(wanted):
        hint = "; a secret belongs into the environment variable that env names"
        raise OptionError(f"auth of type {kind} has no {min(unknown)!r}, only {', '.join(wanted)}{hint}")
    if not re.fullmatch(r"[A-Za-z_]\w*", stated.get("env", ""), re.ASCII):
        raise OptionError('auth needs env = "NAME", the environment variable that holds the secret')
    if kind == "header" and not _TOKEN.fullmatch(stated.get("name", "")):
        raise OptionError('auth of type header needs name = "…", the header')
    return Auth(kind, stated["env"], stated.get("user"), stated.get("name"))
