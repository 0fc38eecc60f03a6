"""Items of news agencies: NITF, NewsML-G2 and NewsML 1, from files and messages to articles."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.connector import Passed
from connectors.document import Document
from connectors.folder import Folder
from pipelines.read import read
from pipelines.values import Rejected
from pipelines.wire import extract_wire
from tests.lake import way
from tests.test_folder import Lake
from warehouse.rows import Flag, Reason, Role

NITF = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nitf SYSTEM "nitf-3-3.dtd">
<nitf xml:lang="en"><head><title>ferry-slug</title>
<tobject><tobject.subject tobject.subject.refnum="04015001" tobject.subject.type="Economy"/></tobject>
<docdata management-status="usable"><doc-id id-string="quay-17" regsrc="QNA"/><urgency ed-urg="4"/>
<date.issue norm="20240305T101500+0100"/><key-list><keyword key="ferries"/></key-list></docdata>
<pubdata position.section="Coast" name="The Quay Post"/><revision-history norm="20240305T113000+0100"/></head>
<body><body.head><hedline><hl1>Ferry to Nordholm stops</hl1><hl2>Passengers wait</hl2></hedline>
<byline>By <person>Ida Brandt</person><byttl>Harbour correspondent</byttl></byline>
<distributor>Quay News Agency</distributor><dateline><location>NORDHOLM</location></dateline></body.head>
<body.content><block><p>The ferry stopped at noon on Tuesday, the harbour office said &mdash; for now.</p>
<media media-type="image"><media-caption>A picture caption</media-caption></media>
<p>Passengers <em>waited</em> on the pier &amp; drank tea.</p>
<ul>
  <li>Boats: three</li>
  <li>Buses: none</li>
</ul>
<table><tr><th>Day</th><th>Ferries</th></tr><tr><td>Monday</td><td>4</td></tr></table>
<hl2>What is next</hl2><p>The office meets on Friday.</p></block></body.content></body></nitf>"""

G2 = """<newsItem xmlns="http://iptc.org/std/nar/2006-10-01/" guid="urn:newsml:quay.example:20240305:A1" version="2" xml:lang="de">
<itemMeta><itemClass qcode="ninat:text"/><provider qcode="nprov:QNA"><name>Quay News Agency</name></provider>
<versionCreated>2024-03-05T11:00:00+01:00</versionCreated><firstCreated>2024-03-05T09:00:00+01:00</firstCreated>
<pubStatus qcode="stat:usable"/></itemMeta>
<contentMeta><urgency>4</urgency><slugline>FERRY-COAST</slugline><headline>Fähre nach Nordholm fällt aus</headline>
<by>Von Ida Brandt und Ole Voss</by><dateline>NORDHOLM, 5. März</dateline><creditline>QNA</creditline><language tag="de-DE"/>
<subject qcode="medtop:04000000"><name>economy</name></subject><subject qcode="qna:ferry"><name>Fähren</name></subject>
<keyword>Hafen</keyword></contentMeta>
<contentSet><inlineXML contenttype="application/xhtml+xml"><html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head>
<body><h1>Fähre nach Nordholm fällt aus</h1><p>Die Fähre fällt aus.<br/>Das sagt das Amt.</p><ol><li><p>Eins</p></li></ol>
<blockquote><p>„Wir warten.“</p></blockquote></body></html></inlineXML></contentSet></newsItem>"""

NEWSML_1 = """<NewsML><NewsEnvelope/><NewsItem><Identification><NewsIdentifier>
<PublicIdentifier>urn:newsml:quay.example:20240305:B7:1</PublicIdentifier></NewsIdentifier></Identification>
<NewsManagement><FirstCreated>20240305T090000Z</FirstCreated><ThisRevisionCreated>20240305T100000Z</ThisRevisionCreated>
<Status FormalName="Usable"/></NewsManagement><NewsComponent><NewsLines><HeadLine>Bridge reopens</HeadLine>
<ByLine>Ida Brandt</ByLine></NewsLines><AdministrativeMetadata><Provider><Party FormalName="QNA"/></Provider>
</AdministrativeMetadata><DescriptiveMetadata><Language FormalName="en"/></DescriptiveMetadata>
<ContentItem><DataContent><p>The bridge reopened.</p><p>Cars crossed it.</p></DataContent></ContentItem></NewsComponent></NewsItem></NewsML>"""


def item(guid: str, text: str, *, status: str = "stat:usable", version: str = "2024-03-05T11:00:00Z") -> str:
    return f"""<newsItem guid="{guid}" version="1"><itemMeta><versionCreated>{version}</versionCreated>
    <pubStatus qcode="{status}"/></itemMeta><contentMeta><headline>Ferry</headline></contentMeta>
    <contentSet><inlineData contenttype="text/plain">{text}</inlineData></contentSet></newsItem>"""


def message(*items: str) -> str:
    return f"""<?xml version="1.0"?><n:newsMessage xmlns:n="http://iptc.org/std/nar/2006-10-01/"
    xmlns="http://iptc.org/std/nar/2006-10-01/"><n:header/><n:itemSet>{"".join(items)}</n:itemSet></n:newsMessage>"""


def pull(folder: Path) -> list[Any]:
    return list(Folder().pull("wire", str(folder), None, Lake()))


def documents(folder: Path) -> list[Document]:
    return [i for i in pull(folder) if isinstance(i, Document)]


def extracted(folder: Path, data: str | bytes, name: str = "item.xml") -> Any:
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    (document,) = documents(folder)
    return extract_wire(read(document))


def test_nitf(tmp_path):
    found = extracted(tmp_path, NITF)
    assert (found.headline, found.subheadline, found.byline) == (
        "Ferry to Nordholm stops",
        "Passengers wait",
        ("Ida Brandt",),
    )
    assert (found.dateline, found.credit_line, found.publisher) == ("NORDHOLM", "Quay News Agency", "The Quay Post")
    assert (found.section, found.language, found.guid) == ("Coast", "en", "quay-17")
    assert (found.published_at, found.published_from) == (datetime(2024, 3, 5, 9, 15, tzinfo=UTC), "field")
    assert found.modified_at == datetime(2024, 3, 5, 10, 30, tzinfo=UTC)
    assert found.stated_tags == ("subj:04015001", "ferries")
    assert found.text.split("\n\n") == [
        "The ferry stopped at noon on Tuesday, the harbour office said — for now.",
        "Passengers waited on the pier & drank tea.",
        "- Boats: three\n- Buses: none",
        "Day | Ferries\nMonday | 4",
        "What is next",
        "The office meets on Friday.",
    ]


def test_g2(tmp_path):
    found = extracted(tmp_path, G2)
    assert (found.headline, found.byline) == ("Fähre nach Nordholm fällt aus", ("Ida Brandt", "Ole Voss"))
    assert (found.dateline, found.credit_line, found.publisher) == ("NORDHOLM, 5. März", "QNA", "Quay News Agency")
    assert (found.language, found.guid) == ("de-DE", "urn:newsml:quay.example:20240305:A1")
    assert found.published_at == datetime(2024, 3, 5, 8, tzinfo=UTC)
    assert found.modified_at == datetime(2024, 3, 5, 10, tzinfo=UTC)
    assert found.stated_tags == ("medtop:04000000", "qna:ferry", "Fähren", "Hafen")
    assert found.text == "Die Fähre fällt aus.\nDas sagt das Amt.\n\n- Eins\n\n„Wir warten.“"


def test_g2_around_nitf(tmp_path):
    body = NITF[NITF.index("<body>") :]
    inner = f'<inlineXML contenttype="application/nitf+xml"><nitf xmlns="http://iptc.org/std/NITF/2006-10-18/">{body}</inlineXML>'
    outer = G2[: G2.index("<inlineXML")] + inner + "</contentSet></newsItem>"
    found = extracted(tmp_path, outer)
    assert (found.headline, found.subheadline) == ("Fähre nach Nordholm fällt aus", "Passengers wait")
    assert found.text.startswith("The ferry stopped at noon")


def test_newsml_1(tmp_path):
    found = extracted(tmp_path, NEWSML_1)
    assert (found.headline, found.byline, found.publisher) == ("Bridge reopens", ("Ida Brandt",), "QNA")
    assert found.guid == "urn:newsml:quay.example:20240305:B7"
    assert found.text == "The bridge reopened.\n\nCars crossed it."


@pytest.mark.parametrize(
    ("name", "charset"), [("a.xml", "utf-8"), ("a", "utf-16"), ("a.xml", "iso-8859-1"), ("feed.txt", "utf-8")]
)
def test_an_item_in_any_set_and_under_any_name(tmp_path, name, charset):
    data = (f'<?xml version="1.0" encoding="{charset}"?>' + G2.replace("„", "").replace("“", "")).encode(charset)
    assert extracted(tmp_path, data, name).headline == "Fähre nach Nordholm fällt aus"


def test_a_message_is_taken_apart_into_its_items(tmp_path):
    package = '<packageItem guid="p1" version="1"><itemMeta/></packageItem>'
    text = message(item("urn:a", "The first &amp; one."), package, item("urn:b", "The second.")).encode()
    (tmp_path / "m.xml").write_bytes(text)
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as packed:
        packed.writestr("m.xml", text)
    found = documents(tmp_path)
    assert [d.address for d in found] == ["m.xml#urn:a", "m.xml#urn:b", "z.zip#m.xml::urn:a", "z.zip#m.xml::urn:b"]
    assert found[0].uri == f"{(tmp_path / 'm.xml').as_uri()}#urn:a"
    assert {(d.role, d.media_type) for d in found} == {(Role.RECORD, "application/vnd.iptc.g2.newsitem+xml")}
    assert [extract_wire(read(d)).text for d in found[:2]] == ["The first & one.", "The second."]
    assert [i.why for i in pull(tmp_path) if isinstance(i, Passed)] == ["a packageItem, which is no article"] * 2


def test_the_same_guid_is_one_article_in_any_file(tmp_path):
    (tmp_path / "1.xml").write_text(item("urn:a", "The first."))
    (tmp_path / "2.xml").write_text(message(item("urn:a", "The first, mended.", version="2024-03-05T12:00:00Z")))
    (tmp_path / "3.xml").write_text(item("urn:c", "The first."))
    keys = [way()(d).key for d in documents(tmp_path)]
    assert keys[0].article_id == keys[1].article_id != keys[2].article_id
    assert keys[0].modified_at < keys[1].modified_at


def test_what_is_stated_goes_before_what_the_text_says(tmp_path):
    (tmp_path / "a.xml").write_text(G2.replace("Die Fähre fällt aus.", "HAMBURG (dpa) - Die Fähre fällt aus."))
    made = way()(documents(tmp_path)[0])
    assert made.article is not None
    assert (made.article.dateline, made.article.credit_line) == ("NORDHOLM, 5. März", "QNA")
    assert ("mediatopic", "medtop:04000000") in {(t.scheme, t.code) for t in made.tags if t.method == "stated/1"}
    assert "medtop:04000000" in {t.name for t in made.tags if t.scheme == "source"}


def test_what_the_agency_withdrew_is_flagged(tmp_path):
    assert extracted(tmp_path, item("urn:a", "Do not use.", status="stat:canceled")).flags == {Flag.WITHDRAWN}
    with pytest.raises(Rejected) as rejected:
        extracted(tmp_path, item("urn:a", "", status="stat:canceled"))
    assert (rejected.value.reason, "withdrew" in rejected.value.detail) == (Reason.NO_TEXT, True)


def test_an_embargo_is_when_it_is_published(tmp_path):
    data = G2.replace("<pubStatus", "<embargoed>2024-03-06T06:00:00+01:00</embargoed><pubStatus")
    assert extracted(tmp_path, data).published_at == datetime(2024, 3, 6, 5, tzinfo=UTC)


def test_what_the_file_s_end_cuts_off_is_flagged(tmp_path):
    (tmp_path / "a.xml").write_text(NITF[: NITF.index("on the pier")])
    (tmp_path / "b.xml").write_text(
        f"<newsMessage><itemSet>{G2.replace('A1', 'A2')}{G2[: G2.index('Das sagt')]}", encoding="utf-8"
    )
    (tmp_path / "c.xml").write_text(NITF)
    flags = {d.address: way()(d).article.flags for d in documents(tmp_path)}
    assert {name: Flag.TRUNCATED in found for name, found in flags.items()} == {
        "a.xml": True,
        "b.xml#urn:newsml:quay.example:20240305:A1": True,
        "b.xml#urn:newsml:quay.example:20240305:A2": False,
        "c.xml": False,
    }


def test_no_item_of_a_message_is_left_behind(tmp_path):
    (tmp_path / "a.xml").write_text(f"<newsMessage><itemSet>{'<conceptItem/>' * 100_000}{G2}</itemSet></newsMessage>")
    (document,) = documents(tmp_path)
    assert document.address == "a.xml#urn:newsml:quay.example:20240305:A1"


def test_a_message_without_items_is_refused_by_name(tmp_path):
    (tmp_path / "m.xml").write_text(message())
    (document,) = documents(tmp_path)
    with pytest.raises(Rejected, match="unsupported"):
        read(document)


HOSTILE = {
    "a bomb of entities": '<!DOCTYPE nitf [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;"><!ENTITY c "&b;&b;&b;">]>',
    "an entity of the machine": '<!DOCTYPE nitf [<!ENTITY c SYSTEM "file:///etc/passwd">]>',
}


@pytest.mark.parametrize("doctype", HOSTILE.values(), ids=HOSTILE)
def test_no_entity_is_expanded(tmp_path, doctype):
    data = NITF.replace('<!DOCTYPE nitf SYSTEM "nitf-3-3.dtd">', doctype).replace("drank tea", "drank &c; tea")
    text = extracted(tmp_path, data).text
    assert "haha" not in text
    assert "root:" not in text
    assert "The office meets on Friday." in text


def test_deep_and_long_items_end(tmp_path):
    deep = NITF.replace("<p>The office", "<block>" * 20_000 + "<p>The office")
    assert "Passengers waited" in extracted(tmp_path, deep).text
    long = NITF.replace("<p>The office", "<p>A paragraph.</p>" * 50_000 + "<p>The office")
    assert extracted(tmp_path, long).text.count("A paragraph.") == 50_000


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from([NITF, G2, NEWSML_1]),
    st.integers(0, 2500),
    st.text("<>&;/\"'= a\0é", max_size=6),
    st.integers(0, 40),
)
def test_a_mutated_item_is_an_article_or_a_named_reject(data, place, inserted, cut):
    data = data[:place] + inserted + data[place + cut :]
    document = Document(
        source="wire",
        role=Role.RECORD,
        address="a#1",
        uri="file:///a#1",
        fetched_at=datetime(2024, 3, 5, tzinfo=UTC),
        data=data.encode(),
        media_type="application/nitf+xml",
    )
    try:
        assert extract_wire(read(document)).text.strip()
    except Rejected as rejected:
        assert rejected.detail  # noqa: PT017
