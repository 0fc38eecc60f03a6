"""An e-mail as an article: a newsletter, a press release, a message of a list (RFC 5322, MIME: RFC 2045 to 2047)."""

from __future__ import annotations

import email
import email.header
import email.utils
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.errors import MessageError
from email.message import Message
from email.policy import Compat32

from connectors.charset import decode_as, decode_text
from pipelines.dates import parse_date
from pipelines.fragment import fragment_text
from pipelines.layout import lay_out
from pipelines.normalise import clean, cut, one_line
from pipelines.page.article import extract_html
from pipelines.values import Extracted, Raw, Rejected
from warehouse.rows import Flag, Reason, Stage

EXTRACTOR = "message/1"
_MAX_CHARS = 2_000_000
_MOST_PARTS = 2000
_MOST_FIELD_CHARS = 20_000
"""Of a header's field: the standard library takes the square of its length to read one."""
_MOST_SENDER_CHARS = 300
_ROLE = re.compile(
    r"(?:abo|admin|alerts?|bounces?|briefings?|contact|daily|desk|digest|do-?not-?reply|editors?|edition|hello|hi|info|"
    r"kontakt|mail(?:er|ing)?|media|members?|news(?:desk|letters?|room)?|no-?reply|notifications?|office|post|"
    r"presse?(?:stelle)?|redaktion|redaction|service|subscriptions?|support|team|updates?|weekly)s?(?:[+._-].*)?",
    re.IGNORECASE,
)
"""Mailboxes of an office: who writes from one is no person."""
_FROM_WHERE = re.compile(r"\s+(?:from|at|of|via|von|@|\|)\s+", re.IGNORECASE)
_HIDDEN = re.compile(r"display\s*:\s*none|max-height\s*:\s*0(?:px)?\s*(?:;|$)|mso-hide\s*:\s*all", re.IGNORECASE)
_INVISIBLE = "\u034f\u00ad\u200b-\u200d\u2007\u2060\ufeff"
_SPACER = re.compile(f"(?<![{_INVISIBLE}])[{_INVISIBLE}]++(?=\\s|$)", re.MULTILINE)
_SIGNATURE = re.compile(r"\n-- \r?\n(?:[^\n]*(?:\n|\Z)){0,12}\Z")
"""RFC 3676, 4.3."""
_WORDS = re.compile(r"\w [\w-]+ \w")
_WEB = re.compile(r"<?\s*(https?://[^\s<>]+)", re.IGNORECASE)


class _Short(Compat32):
    """The standard library's lenient policy, with fields of bounded length."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_MOST_FIELD_CHARS]


_POLICY = _Short()


def extract_message(raw: Raw) -> Extracted:
    """The article of a message; raises `Rejected` for one without text: a delivery report, a picture alone."""
    try:
        message = email.message_from_bytes(raw.data, policy=_POLICY)
        if message.get_content_type() == "multipart/report":
            raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, "a report on the delivery of another message")
        return _article(message)
    except (MessageError, LookupError, RecursionError, TypeError, ValueError) as error:
        # Seen of the standard library on broken messages, or to be feared.
        raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, f"a message that cannot be read: {error!r:.200}") from error


def _article(message: Message) -> Extracted:
    page = _saved_page(message)
    if page:
        return page
    text, flags = _text(message)
    if not any(char.isalnum() for char in text):
        raise Rejected(Stage.EXTRACT, Reason.NO_TEXT, "the message holds no text")
    text, is_cut = cut(text, _MAX_CHARS)
    byline, publisher = _sender(message)
    published_at = _date(message)
    return Extracted(
        text=text,
        extractor=EXTRACTOR,
        url=_address(message),
        record_id=_field(message, "message-id").strip("<> ") or None,
        headline=_field(message, "subject") or None,
        byline=byline,
        language=_field(message, "content-language").split(",")[0].strip() or None,
        publisher=publisher,
        published_at=published_at,
        published_from="field" if published_at else None,
        flags=flags | ({Flag.TRUNCATED} if is_cut else set()),
    )


# Headers


def _field(message: Message, name: str) -> str:
    """The field's first value on one line, its encoded words (RFC 2047) and raw bytes decoded."""
    value = next((str(value) for key, value in message.raw_items() if key.lower() == name), "")
    return one_line(_unencoded(re.sub(r"\r?\n(?=[ \t])", "", value)))


def _unencoded(value: str) -> str:
    if not value.isascii():
        return decode_text(value.encode("utf-8", "surrogateescape")).text
    try:
        parts = email.header.decode_header(value)
    except (MessageError, ValueError):
        return value
    return "".join(part if isinstance(part, str) else decode_text(part, stated=charset).text for part, charset in parts)


def _sender(message: Message) -> tuple[tuple[str, ...], str | None]:
    """Byline and publisher: a person writes for herself, or for whom her name says; an office or a bulk mailing publishes."""
    name, address = email.utils.parseaddr(_field(message, "from")[:_MOST_SENDER_CHARS])
    name = name.strip(" '\"") or ""
    of_list = one_line(re.sub(r"<[^>]*>?", "", _field(message, "list-id"))).strip(" '\"") or None
    is_office = _ROLE.fullmatch(address.partition("@")[0]) is not None
    is_bulk = message.get("list-unsubscribe") is not None and "mailto:" not in _field(message, "list-post")
    person, *where = _FROM_WHERE.split(name, maxsplit=1)
    if where and _is_person(person):
        return (person,), where[0]
    if name and not is_office and (not is_bulk or (of_list not in (None, name) and _is_person(name))):
        return (name,), of_list
    return (), name or of_list or address.rpartition("@")[2] or None


def _is_person(name: str) -> bool:
    words = name.split()
    return 2 <= len(words) <= 4 and all(word[:1].isupper() and not word.isupper() for word in (words[0], words[-1]))


def _date(message: Message) -> datetime | None:
    stated = _field(message, "date")
    try:
        found = email.utils.parsedate_to_datetime(stated)
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (IndexError, OverflowError, TypeError, ValueError):
        parsed = parse_date(stated)
        return parsed[0] if parsed else None


def _address(message: Message) -> str | None:
    """Where the message stands on the web, as its sender states it (RFC 5064; some newsletters put it in `List-Post`).

    Links "view in browser" are left: they are made for each reader.
    """
    for name in ("archived-at", "list-post"):
        if found := _WEB.match(_field(message, name)):
            return found[1]
    return None


# Text


def _text(message: Message) -> tuple[str, frozenset[Flag]]:
    """The text of the first HTML part that has any, else of all plain parts, else of what was forwarded."""
    for parts in (_parts(message), _parts(message, is_inside=True)):
        texts = [part for part in parts if part.get_content_type() in ("text/html", "text/plain")]
        for part in texts:
            if part.get_content_type() == "text/html" and (text := _html_text(part)):
                return text, frozenset()
        plain = [_plain_text(part) for part in texts if part.get_content_type() == "text/plain"]
        if joined := "\n\n".join(filter(None, plain)):
            return joined, frozenset()
    return "", frozenset()


def _parts(message: Message, *, is_inside: bool = False) -> list[Message]:
    """The parts that are shown, in order; those of messages that are attached where `is_inside`."""
    return [part for part in _leaves(message, is_inside=is_inside) if not _is_attached(part)]


def _leaves(message: Message, *, is_inside: bool) -> Iterator[Message]:
    """Every part that holds no others, without recursion."""
    pending = [message]
    for _ in range(_MOST_PARTS):
        if not pending:
            return
        part = pending.pop()
        content = part.get_payload()
        if not isinstance(content, list):
            yield part
        elif is_inside or part.get_content_maintype() == "multipart":
            pending.extend(inner for inner in reversed(content) if isinstance(inner, Message))


def _is_attached(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or bool(part.get_filename())


def _decoded(part: Message, *, is_html: bool) -> str:
    stored = part.get_payload()
    if isinstance(stored, str) and _is_mislabelled(part, stored):
        data = stored.encode("utf-8", "surrogateescape")
    else:
        content = part.get_payload(decode=True)
        data = content if isinstance(content, bytes) else b""
    decoded = decode_text(data, stated=_charset(part), is_html=is_html)
    return decode_as(data, decoded.charset) if is_html else decoded.text


def _is_mislabelled(part: Message, stored: str) -> bool:
    """Whether what is said to be in base64 is words with blanks between them."""
    coding = str(part.get("content-transfer-encoding", "")).strip().lower()
    return coding == "base64" and _WORDS.search(stored[:2000]) is not None


def _charset(part: Message) -> str | None:
    stated = part.get_param("charset")
    return stated if isinstance(stated, str) else stated[2] if isinstance(stated, tuple) else None


def _plain_text(part: Message) -> str:
    text = _SIGNATURE.sub("", _decoded(part, is_html=False))
    if str(part.get_param("format", "")).lower() == "flowed":
        text = _unflowed(text, is_blank_part=str(part.get_param("delsp", "")).lower() != "yes")
    return lay_out(clean(text)).strip()


def _unflowed(text: str, *, is_blank_part: bool) -> str:
    """The lines that flow on joined to paragraphs (RFC 3676); `is_blank_part` where the blank that says so is one of the text."""
    paragraphs: list[list[str]] = []
    flowing: str | None = None
    for line in text.replace("\r\n", "\n").split("\n"):
        content = line.lstrip(">")
        quotes = line[: len(line) - len(content)]
        content = content.removeprefix(" ")
        flows = content.endswith(" ") and content != "-- "
        shown = content if is_blank_part or not flows else content[:-1]
        if flowing == quotes:
            paragraphs[-1].append(shown)
        else:
            paragraphs.append([f"{quotes} {shown}" if quotes else shown])
        flowing = quotes if flows else None
    return "\n".join("".join(paragraph) for paragraph in paragraphs)


def _html_text(part: Message) -> str:
    """The text of the part's blocks, without what is hidden to hold a preview."""
    from lxml import etree
    from lxml.html import HtmlElement, document_fromstring, tostring

    source = _decoded(part, is_html=True).replace("\0", "")
    try:
        root = document_fromstring(re.sub(r"^\s*<\?xml[^>]*>", "", source))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return ""
    body = root.find("body")
    for element in list(root.iter()):
        if (
            isinstance(element, HtmlElement)
            and _HIDDEN.search(element.get("style", ""))
            and element.getparent() is not None
        ):
            element.drop_tree()
    text = fragment_text(tostring(root if body is None else body, encoding="unicode"))
    text = clean(_SPACER.sub("", text)).strip()
    return re.sub(r"\n{3,}", "\n\n", text) if any(char.isalnum() for char in text) else ""


def _saved_page(message: Message) -> Extracted | None:
    """The article of a web page that a browser saved as a message (MHTML, RFC 2557)."""
    url = _field(message, "snapshot-content-location")
    if not url:
        return None
    part = next((part for part in _leaves(message, is_inside=False) if part.get_content_type() == "text/html"), None)
    return extract_html(_decoded(part, is_html=True), url) if part else None
