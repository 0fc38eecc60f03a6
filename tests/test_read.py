import json
import os
import socket
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.document import Document, Failure
from pipelines.read import Limits, decode, fetch, read
from pipelines.values import Rejected
from warehouse.rows import Flag, Reason, Role, Stage

PLAIN = "The harbour of Lindvik was closed on Tuesday.\n\nThe mayor said that it would open again.\n"


def document(data=None, *, address="a.txt", role=Role.FILE, **options):
    stated = {"source": "s", "uri": f"file:///s/{address}", "fetched_at": datetime(2024, 1, 1, tzinfo=UTC)}
    return Document(role=role, address=address, data=data, **stated, **options)


def reject(data=None, step=read, **options):
    with pytest.raises(Rejected) as caught:
        step(document(data, **options))
    assert caught.value.stage is Stage.READ
    return caught.value.reason


# Fetching


def test_a_file_is_read_from_its_path(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.txt")
    path.write_bytes(PLAIN.encode())
    raw = read(document(path=str(path)))
    assert (raw.text.strip(), raw.data, raw.charset) == (PLAIN.strip(), PLAIN.encode(), "utf-8")


def test_what_is_no_file_is_said_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "real").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for name in ("pipe", "link", "socket", "."):
            assert reject(path=str(tmp_path / name)) is Reason.NOT_A_FILE
    assert reject(path="/dev/zero") is Reason.NOT_A_FILE


def test_a_file_that_is_gone_has_vanished(tmp_path):
    assert reject(path=str(tmp_path / "gone.txt")) is Reason.VANISHED
    assert reject(path=str(tmp_path / "a" / "gone.txt")) is Reason.VANISHED


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_unreadable(tmp_path):
    (tmp_path / "a.txt").touch(mode=0)
    assert reject(path=str(tmp_path / "a.txt")) is Reason.UNREADABLE


def test_the_limit_is_in_bytes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 11)
    for options in ({"path": str(path)}, {"data": b"x" * 11}):
        assert reject(**options, step=lambda item: fetch(item, Limits(max_bytes=10))) is Reason.TOO_LARGE
        assert fetch(document(**options), Limits(max_bytes=11)) == b"x" * 11


def test_a_sparse_giant_is_refused_by_its_size(tmp_path):
    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    assert reject(path=str(path)) is Reason.TOO_LARGE


@pytest.mark.parametrize(("writes", "words"), [(0, 1), (1, 2), (2, 3), (99, 3)])
def test_a_file_that_grows_is_read_again_a_few_times(tmp_path, monkeypatch, writes, words):
    path = tmp_path / "a.txt"
    path.write_text("word ")
    real_read, growths = os.read, iter(range(writes))

    def read_beside_a_writer(descriptor, size):
        part = real_read(descriptor, size)
        if not part and next(growths, None) is not None:
            with path.open("a") as file:
                file.write("word ")
        return part

    monkeypatch.setattr(os, "read", read_beside_a_writer)
    assert fetch(document(path=str(path))) == b"word " * words


def test_a_connectors_failure_is_the_reason():
    assert reject(failure=Failure(Reason.RATIO, "a bomb")) is Reason.RATIO


# What the bytes are


@pytest.mark.parametrize(
    "data", [b"", b" \n\t\r\n", b"\0\0\0", "\ufeff".encode(), "\u200b\u00a0 \n".encode(), b"\xff\xfe"]
)
def test_nothing_but_white_space_is_empty(data):
    assert reject(data) is Reason.EMPTY


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3 text text text",
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
        b"PK\x03\x04" + bytes(range(256)),
        b"\x7fELF" + bytes(64),
        bytes(range(256)) * 20,
    ],
)
def test_other_formats_are_binary_whatever_their_name(data):
    assert reject(data, address="page.html") is Reason.BINARY


@pytest.mark.parametrize("text", ["ID3 is a tag of sound files.", "RIFF RAFF left.", "BZh and PAR1 are four letters."])
def test_a_text_may_begin_like_another_format(text):
    assert read(document(text.encode())).media_type == "text/plain"


@pytest.mark.parametrize(
    "text",
    [
        '<?xml version="1.0"?><rss version="2.0"><channel/></rss>',
        "<!-- made by hand -->\n<feed xmlns='http://www.w3.org/2005/Atom'/>",
        "<?xml version='1.0'?><newsMessage xmlns='http://iptc.org/std/nar/2006-10-01/'><itemSet/></newsMessage>",
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>",
    ],
)
def test_xml_is_not_read_yet(text):
    assert reject(text.encode()) is Reason.UNSUPPORTED
    assert reject(text.encode("utf-16")) is Reason.UNSUPPORTED


@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE html><title>x</title><p>Text.",
        "\ufeff\n<!-- saved -->\n<HTML><body>Text</body></HTML>",
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x"><html/>',
        "<div><p>One.</p><p>Two.</p></div>",
        "Warning: it is late in line 1\n<!DOCTYPE html><html><head></head><body><p>Text</body></html>",
    ],
)
def test_pages_are_known_by_their_mark_up(text):
    for data in (text.encode(), text.encode("utf-16")):
        raw = read(document(data))
        assert (raw.media_type, raw.text) == ("text/html", None)


@pytest.mark.parametrize(
    ("text", "media_type"),
    [
        ("if a < b and c > d, she said, then <html> is a tag.", "text/plain"),
        ("# Ferry lost\n\nThe ferry was lost.", "text/markdown"),
        ("---\ntags: [sea]\n---\n\n# Ferry lost\n\nThe ferry was lost.", "text/markdown"),
        ("#ferry is what people write\n\nThe ferry was lost.", "text/plain"),
        ('{"id": 1, "text": "<p>a</p><p>b</p>"}', "application/json"),
        ("{sic} was written on the wall, and {sic}", "text/plain"),
    ],
)
def test_texts_are_known_by_their_form(text, media_type):
    assert read(document(text.encode())).media_type == media_type


def test_a_record_is_json_whatever_it_looks_like():
    data = json.dumps({"html": "<html><body><p>x</p></body></html>"}).encode()
    assert read(document(data, role=Role.RECORD)).media_type == "application/json"
    assert read(document(b"[1]", role=Role.RECORD)).media_type == "application/json"


# Character sets


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        "Das Schiff „Möwe“ fährt – für 5 €.\n",
        "Порт закрыт во вторник.\n",
        "港は火曜日に閉鎖されたと、市長が水曜日に発表した。\n",
    ],
)
def test_unicode_is_read_with_and_without_mark(charset, text):
    raw = read(document(text.encode(charset)))
    assert (raw.text, raw.flags) == (text, frozenset())


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("cp1252", "The café’s owner said “no” — twice."),
        ("latin-1", "Für das Schiff gibt es in Öresund keine Anlegestelle."),
        ("cp1251", "Порт был закрыт во вторник, сообщил мэр города."),
        ("koi8-r", "Порт был закрыт во вторник, сообщил мэр города."),
        ("shift_jis", "港は火曜日に閉鎖されたと、市長が水曜日に発表した。"),
        ("gb2312", "港口星期二关闭，市长星期三宣布了这一消息。"),
        ("euc-kr", "항구는 화요일에 폐쇄되었다고 시장이 수요일에 발표했다."),
    ],
)
def test_older_sets_are_guessed_and_flagged_or_stated(charset, text):
    guessed = read(document(text.encode(charset)))
    assert (guessed.text, guessed.flags) == (text, frozenset({Flag.CHARSET_GUESSED}))
    stated = read(document(text.encode(charset), charset=charset))
    assert (stated.text, stated.flags) == (text, frozenset())


def test_bytes_of_two_sets_in_one_file_are_both_read():
    data = "Zoë wrote naïve letters — often. ".encode() + "A café in Öland.".encode("cp1252")
    raw = read(document(data))
    assert raw.text == "Zoë wrote naïve letters — often. A café in Öland."
    assert raw.flags == {Flag.CHARSET_MIXED}


def test_a_page_may_state_its_set_and_may_lie():
    page = '<html><head><meta charset="windows-1251"></head><body><p>Порт</p></body></html>'
    assert read(document(page.encode("cp1251"))).charset == "cp1251"
    lie = '<html><head><meta charset="utf-16"></head><body><p>Möwe</p></body></html>'
    assert read(document(lie.encode())).charset == "utf-8"


# The text


def test_line_ends_and_invisible_characters_have_one_spelling():
    data = "One.\r\nTwo. \u00a0\rThree\x00\x07.\u2028Fo\u200bur.\u0085Cafe\u0301.\ufeff".encode()
    assert read(document(data)).text == "One.\nTwo.\nThree.\nFour.\nCafé."


def test_marks_that_scripts_need_stay():
    text = "می\u200cخواهم \u200fx"
    assert read(document(text.encode())).text == text


@pytest.mark.parametrize("unit", ["word ", "wort", "字"])
def test_one_endless_line_is_cut_where_a_word_ends(unit):
    raw = read(document((unit * 1_000_000 if len(unit) > 1 else unit * 3_000_000).encode()))
    assert raw.flags == {Flag.TRUNCATED}
    assert 1_800_000 <= len(raw.text) <= 2_000_000


@given(
    st.one_of(st.binary(max_size=400), st.text(max_size=200).map(lambda text: text.encode("utf-16", "surrogatepass")))
)
def test_any_bytes_are_a_text_or_a_reject(data):
    try:
        raw = decode(document(data), data)
    except Rejected as verdict:
        assert verdict.stage is Stage.READ  # noqa: PT017  either end is right
        return
    if raw.media_type.startswith("text/") and raw.text is not None:
        assert unicodedata.is_normalized("NFC", raw.text)
        assert not any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t" for char in raw.text)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=200))
def test_utf_8_text_comes_back(text):
    shown = f"Words first: {text.replace('<', '').replace('{', '')}"
    raw = read(document(shown.encode()))
    assert raw.charset == "utf-8"
    assert raw.text.startswith("Words first:")
