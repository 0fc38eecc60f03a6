from __future__ import annotations

import gzip
import os
import tempfile
import time
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.compression import Limits
from connectors.connector import FileRead
from connectors.document import Document
from tests.lake import way
from tests.test_folder import Lake, documents, failures, pull
from warehouse.rows import Reason, Role

NEWSLETTER = """<!DOCTYPE html><html><head><title>Quay Post</title><style>td {font: 1px}</style></head><body>
<div style="display:none; max-height:0">Who pays for the boat &#847;&zwnj;&nbsp;&#847;&zwnj;</div>
<table><tr><td><table><tr><td><h1>The boat to Ondra stops</h1></td></tr>
<tr><td><p>The last boat of the year left on Friday with eleven passengers, two of them dogs.</p>
<p>The council decides on Tuesday.</p><ul><li>A lighthouse for sale</li><li>Herring is cheap again</li></ul></td></tr>
</table></td></tr></table></body></html>"""

FLOWED = "Content-Type: text/plain; charset=utf-8; format=flowed"


def mail(text="The weir at Hollen is dry.\n", html=None, **fields):
    made = EmailMessage()
    stated = {
        "From": "Jonas Weir <jonas@hollen.example>",
        "To": "all@hollen.example",
        "Subject": "The weir",
        "Date": "Tue, 05 Mar 2024 08:30:00 +0100",
        "Message-ID": "<1@hollen.example>",
    } | {name.replace("_", "-"): value for name, value in fields.items()}
    for name, value in stated.items():
        if value is not None:
            made[name] = value
    made.set_content(text)
    if html:
        made.add_alternative(html, subtype="html")
    return made


def raw(lines, body):
    return ("\n".join(lines) + "\n\n").encode("utf-8", "surrogateescape") + body


def document(data, role=Role.FILE, address="a.eml", media_type=None):
    return Document(
        source="post",
        role=role,
        address=address,
        uri=f"file:///{address}",
        fetched_at=datetime(2024, 3, 6, tzinfo=UTC),
        data=data if isinstance(data, bytes) else data.as_bytes(),
        file=address,
        media_type=media_type,
    )


def article(data, **fields):
    made = way()(document(data, **fields))
    assert made.reject is None, made.reject
    assert made.document.media_type == "message/rfc822"
    return made.article


def reject(data):
    return way()(document(data)).reject


def mbox(*mails, opening="From jonas@hollen.example Tue Mar  5 08:30:00 2024"):
    return b"".join(opening.encode() + b"\n" + bytes(m) + b"\n\n" for m in mails)


def box(folder, data, name="a.mbox", **options):
    (folder / name).write_bytes(data)
    return pull(folder, **options)


def quoted(text, number=1):
    return f"From: a@hollen.example\nMessage-ID: <{number}@hollen.example>\n\n{text}\n".encode()


@pytest.fixture
def folder(tmp_path):
    return Path(os.path.realpath(tmp_path))


# One message


def test_a_newsletter():
    found = article(
        mail(
            "Read this on the web.\n",
            NEWSLETTER,
            From='"Quay Post" <newsletter@ondra.example>',
            Subject="Das Boot nach Ondra – für den Winter",
            List_Unsubscribe="<https://ondra.example/u>",
        )
    )
    assert found.body == (
        "The boat to Ondra stops\n\n"
        "The last boat of the year left on Friday with eleven passengers, two of them dogs.\n\n"
        "The council decides on Tuesday.\n\n"
        "- A lighthouse for sale\n- Herring is cheap again"
    )
    assert found.headline == "Das Boot nach Ondra – für den Winter"
    assert (found.byline, found.publisher) == ((), "Quay Post")
    assert (found.published_at, found.published_from) == (datetime(2024, 3, 5, 7, 30, tzinfo=UTC), "field")
    assert (found.url, found.role) == (None, "file")


@pytest.mark.parametrize(
    ("fields", "byline", "publisher"),
    [
        ({}, ("Jonas Weir",), None),
        ({"From": "no-reply@ondra.example"}, (), "ondra.example"),
        ({"From": "Quay Post <noreply+7@ondra.example>"}, (), "Quay Post"),
        ({"From": "Redaktion Ondra <redaktion@ondra.example>"}, (), "Redaktion Ondra"),
        ({"From": "Mara Lind from The Ledger <ledger@post.example>", "List_Unsubscribe": "<x>"}, ("Mara Lind",), "The Ledger"),
        ({"From": "News from Ondra <x@ondra.example>", "List_Unsubscribe": "<x>"}, (), "News from Ondra"),
        ({"From": "Quay Post <q@ondra.example>", "List_Unsubscribe": "<x>"}, (), "Quay Post"),
        ({"List_Unsubscribe": "<x>", "List_Id": '"The Ledger" <ledger.post.example>'}, ("Jonas Weir",), "The Ledger"),
        ({"List_Unsubscribe": "<x>", "List_Id": "Hollen <hollen.lists.example>", "List_Post": "<mailto:h@lists.example>"}, ("Jonas Weir",), "Hollen"),
    ],
)  # fmt: skip
def test_who_wrote_and_who_published(fields, byline, publisher):
    found = article(mail(**fields))
    assert (found.byline, found.publisher) == (byline, publisher)


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"Archived_At": "<https://lists.example/weir/1>"}, "https://lists.example/weir/1"),
        ({"List_Post": "<https://ledger.post.example/p/weir>"}, "https://ledger.post.example/p/weir"),
        ({"List_Post": "<mailto:all@lists.example>"}, None),
    ],
)
def test_where_it_stands_on_the_web(fields, url):
    assert article(mail(**fields)).url == url


def test_words_and_character_sets():
    lines = ["From: =?iso-8859-1?Q?J=FCrgen?= Weir <j@hollen.example>", "Message-ID: <2@x>"]
    lines += ["Subject: =?utf-8?B?RGllIE3DvGhsZQ==?=", " =?utf-8?Q?_steht?=", "MIME-Version: 1.0"]
    lines += ["Content-Type: text/plain; charset=koi8-r", "Content-Transfer-Encoding: quoted-printable"]
    found = article(raw(lines, b"=ED=C5=CC=D8=CE=C9=C3=C1 =D3=D4=CF=C9=D4=\n =D3 =D7=DE=C5=D2=C1."))
    assert (found.headline, found.byline) == ("Die Mühle steht", ("Jürgen Weir",))
    assert found.body == "Мельница стоит с вчера."


def test_raw_bytes_in_headers_and_a_wrong_charset():
    lines = ["From: a@hollen.example", "Date: no date", "Message-ID: <3@x>", "MIME-Version: 1.0"]
    lines += ["Subject: Die M\udcfchle", "Content-Type: text/plain; charset=x-none"]
    found = article(raw(lines, "Die Mühle steht.".encode()))
    assert (found.headline, found.body, found.published_at) == ("Die Mühle", "Die Mühle steht.", None)


def test_flowed_text_and_its_signature():
    text = (
        "The boat was late again, and nobody on the quay could \nsay when it would come.\n\n"
        "> It is the \n> custom here.\n\n From here it flows.\n\n-- \nJonas\n"
    )
    data = raw(
        ["From: Jonas Weir <j@hollen.example>", "Date: Tue, 05 Mar 2024 08:30:00 -0000", "MIME-Version: 1.0", FLOWED],
        text.encode(),
    )
    assert article(data).body == (
        "The boat was late again, and nobody on the quay could say when it would come.\n\n"
        "> It is the custom here.\n\nFrom here it flows."
    )


def test_attachments_are_left_and_what_was_forwarded_is_read():
    with_file = mail()
    with_file.add_attachment("Not the text.", filename="notes.txt")
    assert article(with_file).body == "The weir at Hollen is dry."
    outer = EmailMessage()
    outer["From"], outer["Subject"] = "Jonas Weir <jonas@hollen.example>", "Fwd"
    outer["Message-ID"] = "<9@hollen.example>"
    outer.add_attachment(mail("The weir at Hollen is full.\n"))
    assert article(outer).body == "The weir at Hollen is full."


def test_without_text_it_is_rejected():
    empty = reject(mail("\n"))
    assert (empty.stage, empty.reason) == ("extract", Reason.NO_TEXT)
    report = mail().as_bytes().replace(b"Content-Type: text/plain", b"Content-Type: multipart/report; boundary=x", 1)
    assert "delivery" in reject(report).detail


def test_nesting_and_boundaries_without_end_take_no_time():
    began = time.monotonic()
    lines = [
        "From: a@hollen.example",
        "Date: Tue, 05 Mar 2024 08:30:00 +0100",
        "Message-ID: <4@x>",
        "MIME-Version: 1.0",
    ]
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000))
    made = way()(document(raw(lines, b"")[:-1] + nested + b"Content-Type: text/plain\n\nThe weir.\n"))
    assert made.reject is None or made.reject.reason == Reason.NO_TEXT
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "field",
    [
        b"Subject: " + b"=?utf-8?q?a?= " * 200_000,
        b"Content-Type: text/plain; " + b"a*0=x; " * 100_000,
        b"From: " + b"(" * 200_000,
    ],
    ids=["subject", "parameters", "sender"],
)
def test_a_field_without_end_takes_no_time_and_costs_no_article(field):
    began = time.process_time()
    made = way()(document(b"Message-ID: <4@x>\nMIME-Version: 1.0\n" + field + b"\n\nThe weir at Hollen fell.\n"))
    assert made.article.body == "The weir at Hollen fell."
    assert time.process_time() - began < 5


def test_words_that_are_said_to_be_base64_are_words():
    head = ["From: a@hollen.example", "Message-ID: <4@x>", "Content-Transfer-Encoding: base64"]
    found = way()(document(raw(head, b"The weir at Hollen fell.\n"))).article
    assert found.body == "The weir at Hollen fell."


def test_a_page_that_a_browser_saved_as_a_message():
    html = f"<html><head><title>Weir</title></head><body><article><p>{'The weir at Hollen has been dry since Monday. ' * 6}</p></article></body></html>"
    saved = mail("x", html, From="<Saved by Blink>", Snapshot_Content_Location="https://hollen.example/weir")
    found = way()(document(saved)).article
    assert found.body.startswith("The weir at Hollen has been dry")
    assert found.byline == ()


def test_what_is_a_message_is_told_by_its_head(folder):
    texts = {
        "a.eml": b"From: a@ondra.example\nSubject: Gate\n\nThe gate.\n",
        "b": mail("<p>The weir.</p>").as_bytes(),
        "c.txt": b"From: the quay\nTo: the hill\n\nThe path is steep.\n",
        "d.txt": b"From the quay at 10:30 one sees 2024 boats.\nNote: they are late.\n",
        "e.txt": b"Subject: Ferries\nDate: Monday\n\nA note.\n",
    }
    for name, data in texts.items():
        (folder / name).write_bytes(data)
    assert {d.address: way()(d).document.media_type for d in documents(pull(folder))} == {
        "a.eml": "message/rfc822",
        "b": "message/rfc822",
        "c.txt": "text/plain",
        "d.txt": "text/plain",
        "e.txt": "text/plain",
    }


# Mailboxes


def test_a_mailbox_is_its_messages(folder):
    data = mbox(
        mail(),
        mail("Second.\n", Message_ID="<2@hollen.example>"),
        quoted("Third.", 3).replace(b"<3@hollen.example>", b""),
    )
    items = box(folder, data)
    assert [(d.address, d.role, d.media_type) for d in documents(items)] == [
        ("a.mbox#1@hollen.example", Role.RECORD, "message/rfc822"),
        ("a.mbox#2@hollen.example", Role.RECORD, "message/rfc822"),
        ("a.mbox#3", Role.RECORD, "message/rfc822"),
    ]
    assert documents(items)[0].uri.endswith("/a.mbox#1@hollen.example")
    made = [way()(d) for d in documents(items)]
    assert [m.article.body for m in made] == ["The weir at Hollen is dry.", "Second.", "Third."]
    assert len({m.article.article_id for m in made}) == 3
    assert isinstance(items[-1], FileRead)


def test_lines_that_begin_with_from(folder):
    data = mbox(
        quoted(">From here.\n>>From there.\n\nFrom the quay at 10:30, in 2024.\nIt was late."), quoted("Next.", 2)
    )
    first, second = documents(box(folder, data))
    assert first.data.endswith(b"\n\nFrom here.\n>From there.\n\nFrom the quay at 10:30, in 2024.\nIt was late.\n")
    assert second.data.endswith(b"\n\nNext.\n")


@pytest.mark.parametrize(
    "opening",
    [
        "From MAILER-DAEMON Tue Mar  5 08:30:00 2024",
        "From 1792@xxx Tue Mar 05 08:30:00 +0000 2024",
        "From jonas at hollen.example  Tue Mar  5 08:30:00 2024",
        "From - Tue Mar 05 08:30:00 2024\r",
        "From jonas@hollen.example",
    ],
)
def test_the_lines_that_writers_put_before_a_message(folder, opening):
    assert len(documents(box(folder, mbox(quoted("One."), quoted("Two.", 2), opening=opening), "inbox"))) == 2


def test_compressed_and_cut_off(folder):
    data = gzip.compress(mbox(*(quoted(os.urandom(300).hex(), n) for n in range(40))))
    assert len(documents(box(folder, data, "a.mbox.gz"))) == 40
    items = box(folder, data[: len(data) // 2], "a.mbox.gz")
    assert 5 < len(documents(items)) < 40
    assert list(failures(items).values()) == [Reason.ARCHIVE_BROKEN]


def test_a_message_larger_than_the_limit_costs_itself_alone(folder):
    data = mbox(quoted("One."), quoted("x" * 200_000, 2), quoted("Three.", 3))
    items = box(folder, data, limits=Limits(record_bytes=100_000))
    assert [d.address for d in documents(items)] == ["a.mbox#1@hollen.example", "a.mbox#2", "a.mbox#3@hollen.example"]
    assert failures(items) == {"a.mbox#2": Reason.TOO_LARGE}


def test_reading_a_mailbox_goes_on_where_it_stopped(folder):
    items = box(folder, mbox(*(quoted(f"Number {n}.", n) for n in range(1200))))
    marker = next(i for i in items if isinstance(i, FileRead))
    assert 0 < marker.records < 1200
    rest = documents(pull(folder, Lake(marker)))
    assert [d.address for d in rest] == [d.address for d in documents(items)][marker.records :]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_message_crashes_the_way(data):
    message = bytearray(mail("The weir.\n", NEWSLETTER, Subject="Die Mühle").as_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(message) - 1))
        size = data.draw(st.integers(0, 60))
        message[at : at + size] = data.draw(st.binary(max_size=30))
        if not message:
            message = bytearray(b"\n")
    made = way()(document(bytes(message), role=Role.RECORD, media_type="message/rfc822"))
    assert made.article or made.reject


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_damage_in_one_message_leaves_the_others(data):
    mails = [mbox(quoted(f"Number {n}.", n)) for n in range(6)]
    victim = bytearray(mails[2])
    at = data.draw(st.integers(0, len(victim) - 2))
    victim[at : at + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=20))
    mails[2] = bytes(victim) if victim.endswith(b"\n") else bytes(victim) + b"\n"
    with tempfile.TemporaryDirectory() as name:
        items = box(Path(os.path.realpath(name)), b"".join(mails))
    found = b"".join(d.data or b"" for d in documents(items))
    assert all(f"Number {n}.".encode() in found for n in (0, 1, 3, 4, 5))
