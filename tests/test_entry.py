"""The article of an entry, and which of an entry and its page is the article."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.document import Document
from pipelines.extract import extract
from pipelines.read import read
from pipelines.values import Extracted, Rejected
from tests.lake import way
from warehouse.rows import Flag, Reason, Role

PULLED = datetime(2024, 3, 5, 12, tzinfo=UTC)
STORY = [
    "The ferry to the outer islands sails again from Wednesday, the harbour office said.",
    "It had lain still for three weeks after its rudder broke in the January storm.",
    "Islanders had been flown to the mainland in the meantime, at the county's expense.",
]
HTML = "".join(f"<p>{p}</p>" for p in STORY)


def entry(**fields) -> bytes:
    given = {"id": "f-1", "title": "Ferry to the islands sails again", "url": "https://harbour.example/ferry"}
    return json.dumps(given | fields).encode()


def document(record: bytes, **fields) -> Document:
    given = {
        "source": "harbour",
        "role": Role.ENTRY,
        "address": "f-1",
        "uri": "https://harbour.example/ferry",
        "data": record,
    }
    return Document(
        **{
            **given,
            "fetched_at": PULLED,
            "url": "https://harbour.example/ferry",
            "media_type": "application/feed+json",
            **fields,
        }
    )


def behind(record: bytes, data: bytes | str, **fields) -> Document:
    """The entry with the page behind it."""
    page = data.encode() if isinstance(data, str) else data
    return document(page, role=Role.PAGE, entry=record, **{"media_type": "text/html", **fields})


def article(found: Document) -> Extracted:
    return extract(read(found))


def page(paragraphs: list[str], head: str = "", title: str = "Ferry to the islands sails again") -> str:
    body = "".join(f"<p>{p}</p>" for p in paragraphs)
    return f"<!doctype html><html lang='en'><head><title>{title}</title>{head}</head><body><article><h1>{title}</h1>{body}</article></body></html>"


# An entry


def test_an_entry_is_an_article_with_all_that_it_states():
    made = way()(
        document(
            entry(
                content_html=f"<h1>Ferry to the islands sails again</h1>{HTML}<script>x()</script>",
                summary="The ferry is back.",
                authors=[{"name": "Jane Doe"}, {"name": "By John Roe"}],
                tags=["Islands", "Transport"],
                language="en-GB",
                image="https://harbour.example/f.jpg",
                date_published="Tue, 5 Mar 2024 07:30:00 +0100",
                date_modified="2024-03-05T08:00:00Z",
                _newsmill={"feed": "Harbour News", "source": {"title": "Island Wire"}},
            )
        )
    )
    row = made.article
    assert row is not None
    assert (row.body, row.headline, row.byline) == (
        "\n\n".join(STORY),
        "Ferry to the islands sails again",
        ("Jane Doe", "John Roe"),
    )
    assert (row.publisher, row.summary, row.language) == ("Island Wire", "The ferry is back.", "en-GB")
    assert (row.published_at, row.published_from) == (datetime(2024, 3, 5, 6, 30, tzinfo=UTC), "feed")
    assert (row.modified_at, row.image_url) == (datetime(2024, 3, 5, 8, tzinfo=UTC), "https://harbour.example/f.jpg")
    assert (row.role, row.extractor, row.flags) == ("entry", "entry/1", ())
    assert {tag.name for tag in made.tags if tag.scheme == "source"} == {"Islands", "Transport"}
    assert [p.media_type for p in made.payloads] == ["application/feed+json"]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"content_html": HTML, "summary": "Short."}, "\n\n".join(STORY)),
        ({"content_html": "<img src='x.jpg'>", "content_text": "Plain.", "summary": "Short."}, "Plain."),
        ({"content_text": "One\nline & <b>.\n\nTwo."}, "One\nline & <b>.\n\nTwo."),
        ({"content_text": HTML}, "\n\n".join(STORY)),
        ({"summary": "Only this."}, "Only this."),
        ({"content_html": "<html><head><title>x</title></head><body><p>In a page.</p></body></html>"}, "In a page."),
    ],
)
def test_the_text_is_the_first_that_is_there(fields, text):
    assert article(document(entry(**fields))).text == text


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (entry(), Reason.NO_TEXT),
        (entry(content_html="<img src='x.jpg'>", summary=" "), Reason.NO_TEXT),
        (b"[]", Reason.RECORD_BROKEN),
        (b'{"title": ', Reason.RECORD_BROKEN),
        (b"\xff\xfe", Reason.RECORD_BROKEN),
    ],
)
def test_an_entry_without_text_is_rejected_with_a_sentence(record, reason):
    with pytest.raises(Rejected) as verdict:
        article(document(record))
    assert verdict.value.reason is reason
    assert len(verdict.value.detail) > 10


@pytest.mark.parametrize(
    ("fields", "published", "flags"),
    [
        ({"date_published": "2024-03-05T07:30:00Z"}, datetime(2024, 3, 5, 7, 30, tzinfo=UTC), set()),
        ({"date_published": "1709623800"}, datetime(2024, 3, 5, 7, 30, tzinfo=UTC), set()),
        ({"date_published": "5 Mar 2024"}, datetime(2024, 3, 5, tzinfo=UTC), {Flag.DATE_ONLY}),
        ({"date_modified": "2024-03-05T07:30:00Z"}, datetime(2024, 3, 5, 7, 30, tzinfo=UTC), set()),
        ({"date_published": "2024-03-06T11:59:00Z"}, datetime(2024, 3, 6, 11, 59, tzinfo=UTC), set()),
        ({"date_published": "2024-03-06T12:01:00Z"}, None, {Flag.DATE_IMPLAUSIBLE}),
        ({"date_published": "Thu, 01 Jan 1970 00:00:00 GMT"}, None, {Flag.DATE_IMPLAUSIBLE}),
        ({"date_published": "soon", "date_modified": "2024-03-05T07:30:00Z"}, None, {Flag.DATE_IMPLAUSIBLE}),
        ({}, None, set()),
    ],
)
def test_a_date_that_cannot_be_true_is_none(fields, published, flags):
    found = article(document(entry(summary="Short.", **fields)))
    assert (found.published_at, found.flags) == (published, flags)
    assert found.published_from == ("feed" if published else None)


def test_in_a_saved_feed_any_year_may_be_true():
    record = entry(summary="Short.", date_published="2031-03-05T07:30:00Z")
    assert article(document(record, file="saved.xml")).published_at == datetime(2031, 3, 5, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize("address", ["rows.csv", "mail.eml", "a.xml", "page.html", "x.warc"])
def test_an_entry_is_one_whatever_its_id_looks_like(address):
    assert article(document(entry(summary="Short."), address=address)).text == "Short."


def test_the_flags_of_the_connector_are_those_of_the_article():
    made = way()(document(entry(summary="The ferry is back."), flags=frozenset({Flag.PAGE_MISSING})))
    assert made.article is not None
    assert made.article.flags == ("page-missing",)


# With its page


def test_the_page_wins_over_a_summary_and_has_from_the_entry_what_it_lacks():
    record = entry(
        summary="The ferry is back.",
        tags=["Islands"],
        date_published="2024-03-05T07:30:00Z",
        _newsmill={"feed": "Harbour News"},
    )
    made = way()(behind(record, page([*STORY, "The winter timetable holds until the end of the month."])))
    row = made.article
    assert row is not None
    assert row.body.startswith(STORY[0])
    assert "winter timetable" in row.body
    assert row.extractor.endswith(" over entry/1")
    assert (row.summary, row.publisher) == ("The ferry is back.", "Harbour News")
    assert (row.published_at, row.published_from) == (datetime(2024, 3, 5, 7, 30, tzinfo=UTC), "feed")
    assert {tag.name for tag in made.tags if tag.scheme == "source"} == {"Islands"}
    assert [p.role for p in made.payloads] == ["entry", "page"]


def test_the_entry_wins_over_a_page_that_shows_its_beginning_and_teasers_stay_out():
    shown = page([STORY[0], "Subscribe to read the rest of this story."], "<meta name='author' content='Jane Doe'>")
    found = article(behind(entry(content_html=HTML), shown))
    assert found.text == "\n\n".join(STORY)
    assert found.extractor.startswith("entry/1 over ")
    assert found.byline == ("Jane Doe",)
    assert Flag.PAGE_MISSING not in found.flags


@pytest.mark.parametrize(
    "wall",
    [
        "We value your privacy. We and our partners store cookies on this device and process personal data such as unique identifiers.",
        "Sorry, nothing was found under this address. Perhaps searching will help you to discover what you came for here today.",
    ],
)
def test_a_page_that_is_of_something_else_is_no_page(wall):
    found = article(behind(entry(content_html=HTML), page([wall, f"{wall} Again."], title="Notice")))
    assert found.text == "\n\n".join(STORY)
    assert Flag.PAGE_MISSING in found.flags


JAPANESE = [
    "外島へのフェリーが水曜日から運航を再開すると、港湾事務所が月曜日に発表した。",
    "一月の嵐で舵が壊れ、船は三週間にわたって桟橋に係留されていた。",
    "その間、島民は郡の費用で本土まで空路で運ばれていた。",
]


@pytest.mark.parametrize(
    ("title", "summary", "story"),
    [
        (
            "外島フェリー再開へ",
            "港湾事務所は、外島行きフェリーの運航が水曜日に再開されると発表した。嵐で舵が壊れていた。",
            JAPANESE,
        ),
        (
            "섬 여객선 운항 재개",
            "항만 사무소는 바깥섬으로 가는 여객선이 수요일부터 다시 운항한다고 밝혔다.",
            [
                "바깥섬으로 가는 여객선의 운항이 수요일에 재개된다고 항만 사무소가 월요일에 발표했다.",
                "배는 폭풍으로 키가 부러져 삼 주 동안 묶여 있었다.",
            ],
        ),
    ],
)
def test_a_summary_in_other_words_does_not_cost_the_page_in_a_script_without_spaces(title, summary, story):
    found = article(behind(entry(title=title, summary=summary), page(story, title=title)))
    assert found.text == "\n\n".join(story)
    assert Flag.PAGE_MISSING not in found.flags


def test_a_wall_in_a_script_without_spaces_is_no_page():
    wall = "当社はプライバシーを尊重します。閲覧を続けるにはクッキーの保存に同意してください。"
    shown = page([wall, "同意しない場合はこちら。"], title="お知らせ")
    record = entry(title="外島フェリー再開へ", content_text="\n\n".join(JAPANESE))
    assert article(behind(record, shown)).text == "\n\n".join(JAPANESE)


@pytest.mark.parametrize(
    "data",
    [b"%PDF-1.4 \x00\x01", b"", b"\x89PNG\r\n\x1a\n" + b"\0" * 50, page([]).encode(), b"<rss version='2.0'></rss>"],
)
def test_a_page_that_cannot_be_read_leaves_the_article_of_its_entry(data):
    made = way()(behind(entry(content_html=HTML), data))
    assert made.article is not None
    assert made.article.body == "\n\n".join(STORY)
    assert made.article.flags == ("page-missing",)
    assert made.article.extractor.startswith("entry/1")


def test_where_neither_has_a_text_the_pages_verdict_stands():
    made = way()(behind(entry(), b"%PDF-1.4 \x00\x01"))
    assert made.reject is not None
    assert (made.reject.reason, made.reject.stage) == ("binary", "read")


@pytest.mark.parametrize(
    ("stated", "in_feed", "published", "source"),
    [
        ("2024-03-05T06:00:00Z", "2024-03-05T07:30:00Z", datetime(2024, 3, 5, 6, tzinfo=UTC), "opengraph"),
        ("2024-03-05", "2024-03-05T07:30:00Z", datetime(2024, 3, 5, 7, 30, tzinfo=UTC), "feed"),
        ("2024-03-05", "2024-03-04", datetime(2024, 3, 5, tzinfo=UTC), "opengraph"),
        (None, "2024-03-05T07:30:00Z", datetime(2024, 3, 5, 7, 30, tzinfo=UTC), "feed"),
    ],
)
def test_whose_date_counts(stated, in_feed, published, source):
    head = f"<meta property='article:published_time' content='{stated}'>" if stated else ""
    found = article(behind(entry(summary=STORY[0], date_published=in_feed), page(STORY, head)))
    assert (found.published_at, found.published_from) == (published, source)
    assert (Flag.DATE_ONLY in found.flags) == (published.hour == 0)


def test_an_entry_without_text_still_gives_its_fields_to_the_page():
    found = article(behind(entry(tags=["Islands"], date_published="2024-03-05T07:30:00Z"), page(STORY)))
    assert (found.stated_tags, found.published_from) == (("Islands",), "feed")


def test_what_the_page_lacks_is_the_entrys_and_says_so():
    found = article(behind(entry(summary=STORY[0], authors=[{"name": "Ann Berg"}]), page(STORY)))
    assert (found.byline, found.byline_from) == (("Ann Berg",), "feed")
    assert (found.headline_from, found.language_from) == ("visible", "meta")


def test_the_same_page_later_is_of_the_same_document():
    record = entry(summary="The ferry is back.")
    first = way()(document(record))
    later = replace(behind(record, page(STORY)), document_id=first.document.document_id)
    made = way()(later)
    assert made.article is not None
    assert first.article is not None
    assert made.article.article_id == first.article.article_id
    assert made.document.document_id == first.document.document_id
