"""Tags and language: self-written sentences with the traps of place names, hostile input, and pinned figures."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.tag import load_gazetteer, normalise_language, slugify, tag
from pipelines.values import Extracted, Stripped, Tagged
from warehouse.rows import Flag

GAZETTEER = load_gazetteer()
REUTERS = Path(__file__).parents[2] / "shared" / "data" / "tags" / "reuters-places.jsonl"

SENTENCES = [
    ("Georgia wins the right to host the chess games", "Officials in Tbilisi said the Georgian team was ready.", "GE"),
    ("Georgia recounts its votes", "The U.S. state's governor in Atlanta said American voters must wait.", "US"),
    ("Jordan raises the price of bread", "The Jordanian cabinet met in Amman.", "JO"),
    ("Michael Jordan opens a school", "Henry Jordan and Mary Jordan applauded.", ""),
    ("Chad receives grain", "The Chadian harvest had failed.", "TD"),
    ("Chad Miller takes gold", "Chad Miller said he was tired. Then Chad Miller slept.", ""),
    ("Equatorial Guinea votes", "Voters in Equatorial Guinea queued from dawn.", "GQ"),
    ("Papua New Guinea reopens a mine", "Papua New Guinea said the mine was safe.", "PG"),
    ("Guinea-Bissau names a minister", "The minister of Guinea-Bissau took office.", "GW"),
    ("Guinea exports more bauxite", "Guinea sold more, the Guinean ministry said.", "GN"),
    ("Niger closes a pass", "Niger said the pass was unsafe.", "NE"),
    ("Nigeria builds a railway", "The Nigerian railway will be long.", "NG"),
    ("Turkey builds a bridge", "The Turkish minister spoke in Ankara.", "TR"),
    ("How long should a turkey roast", "A turkey needs an oven and patience.", ""),
    ("Turkey for Thanksgiving", "Turkey in the oven, guests at the door.", ""),
    ("Nice weather for reading", "Nice people like Reading and Mobile phones. Male voices Split the song.", ""),
    ("POLISH YOUR SHOES", "Shoes last longer with care.", ""),
    ("GIVE US A BREAK, SAY NURSES", "The nurses want longer breaks.", ""),
    ("FRANCE AND SPAIN AGREE ON FISH", "The two sides met for an hour.", "ES FR"),
    ("The Pentagon delays a plane", "The Pentagon said the plane was late.", "US"),
    ("White House hosts beekeepers", "The bees stayed calm.", "US"),
    ("UK plants trees", "British foresters were pleased.", "GB"),
    ("U.K. counts hedgehogs", "Fewer were seen in Wales.", "GB"),
    ("UAE sends a balloon up", "The Emirati balloon rose quickly.", "AE"),
    ("South Korea tests a ferry", "South Korean engineers said it floats.", "KR"),
    ("North Korea shows a tractor", "North Korean farmers watched.", "KP"),
    ("Sudan and South Sudan talk", "Sudan welcomed the South Sudanese delegation.", "SD SS"),
    ("Latin American poets meet", "Poets from North America and South America read aloud.", ""),
    ("The guinea pig that could dance", "Guinea pig owners cheered.", ""),
    ("A paper reports", "The New York Times and the Washington Post said so, as did the Times of India.", ""),
    ("Dutch bakers strike", "Bakers in the Netherlands want more pay.", "NL"),
    ("Swiss voters say no", "Voters in Switzerland refused the plan.", "CH"),
    ("Ivory Coast sells cocoa", "Ivorian farmers were paid more.", "CI"),
    ("Iran-backed group hits base in Iraq", "US troops left the base in Iraq, which Iran had watched.", "IQ IR"),
    ("Palestinians count olives", "Olive growers in the West Bank had a good year.", "PS"),
    ("Brent rises", "Oil rose a little.", ""),
    ("Peruvians march", "Crowds filled Lima.", "PE"),
    ("A cat returns", "It had walked home from the market.", ""),
    ("Moscow and Kyiv swap stamps", "Russia and Ukraine agreed on stamps.", "RU UA"),
    ("Congo plants trees", "Congolese foresters planted a million.", "CD"),
    ("Korean chip maker hires", "The Korean firm needs engineers.", "KR"),
    ("Burma to issue coins", "Myanmar last issued coins long ago.", "MM"),
    ("Bond of 50 mln Australian dlrs", "The bond in Australian dollars pays ten per cent.", ""),
    ("Shares rise", "The shares, in Swiss francs, are listed in Luxembourg.", ""),
    ("Oxford Energy sells shares", "Oxford Energy Co said it sold shares. Oxford will build.", ""),
    ("Ministers stand by Paris pact", "The Paris accord holds, they said. The Uruguay Round goes on.", ""),
    ("A parade in Peru, Indiana", "The parade in Peru, Ind., was long. Peru, Indiana, has a circus.", "US"),
    ("Fire in Crans-Montana", "A bar in Crans-Montana burnt. Crans-Montana mourns.", ""),
    ("Bundesbank buys marks", "The Bundesbank said so.", "DE"),
    ("The Kremlin says no", "The Kremlin said no.", "RU"),
    ("Downing Street says yes", "Downing Street said yes.", "GB"),
    ("Bank of Japan waits", "The Bank of Japan waited.", "JP"),
    ("A clock comes home", "It was mended in Norway.", ""),
    ("A clock comes home", "It was mended in Norway. A Norwegian smith had the spring.", "NO"),
    ("", "Norway has mended the clock.", "NO"),
    ("A clock comes home", "In Norway a smith has mended the clock, which had stood still for nine years.", "NO"),
    ("A clock comes home", "In Norway a smith has mended the clock, which a Cuban shop had given up.", ""),
    ("Maps for beginners, in Spanish", "The Spanish-language maps are free. There are some in French, too.", ""),
    ("Spanish lessons resume", "The Spanish lessons are on Monday, the French cuisine is on Friday.", ""),
    ("In Spanish towns the bells ring", "Spanish ringers meet in June.", "ES"),
    ("Vladimir Brook and Buffalo Hill meet", "Vladimir Brook met Charlotte Stone over a Toyota.", ""),
]


def tagged(body: str, *, headline: str | None = None, dateline: str | None = None, **fields: object) -> Tagged:
    extracted = Extracted(text=body, extractor="test/1", headline=headline, **fields)  # type: ignore[arg-type]
    return tag(extracted, Stripped(body=body, dateline=dateline), GAZETTEER)


def codes(result: Tagged) -> set[str]:
    return {t.code for t in result.tags if t.scheme == "country" and t.code}


@pytest.mark.parametrize(("headline", "body", "expected"), SENTENCES, ids=[s[0] for s in SENTENCES])
def test_countries_of_a_sentence(headline: str, body: str, expected: str) -> None:
    assert codes(tagged(body, headline=headline)) == set(expected.split())


@pytest.mark.parametrize(
    ("dateline", "expected"),
    [
        ("LONDON, March 3", {"GB"}),
        ("PARIS, Texas, March 3", {"US"}),
        ("LEBANON, Pa., March 3", {"US"}),
        ("LONDON, Ontario, March 3", {"CA"}),
        ("HARBOURTON, March 3", set()),
    ],
)
def test_a_dateline_counts_on_its_own(dateline: str, expected: set[str]) -> None:
    assert codes(tagged("The company said it sold more shoes.", dateline=dateline)) == expected


def test_a_dateline_is_the_last_of_what_is_named() -> None:
    result = tagged("Kenya and the Kenyan ministry agreed.", headline="Kenya signs", dateline="GENEVA, March 3")
    assert [t.code for t in result.tags] == ["KE", "CH"]


def test_countries_are_ranked_and_at_most_three() -> None:
    found = tagged("Peru met the others.", headline="Peru invites Chile, Bolivia, Brazil and Cuba").tags
    assert found[0].code == "PE"
    assert len(found) == 3
    assert all(0 < t.score <= 1 for t in found)
    assert found[0].score > found[1].score
    assert found[0].evidence == "Peru ×2"
    assert found[0].method == "gazetteer/3"


def test_beside_another_a_country_named_below_needs_more_in_a_long_text() -> None:
    aside = "Kenya sent a crate. The Kenyan crate was late."
    assert codes(tagged(f"The Peruvian harbour was full. {aside}", headline="Peru counts crates")) == {"PE", "KE"}
    long = "The harbour master wrote it down. " * 120
    assert codes(tagged(f"The Peruvian harbour was full. {aside} {long}", headline="Peru counts crates")) == {"PE"}
    assert codes(tagged(f"{aside} {long}", headline="Crates counted")) == {"KE"}


def test_stated_tags_are_kept_and_mapped() -> None:
    result = tagged("Rain fell.", stated_tags=("usa", "Iraq", "conflicts", "My Own Tag", "USA"))
    assert [(t.scheme, t.tag, t.code) for t in result.tags] == [
        ("source", "iraq", None),
        ("country", "iraq", "IQ"),
        ("source", "my-own-tag", None),
        ("source", "usa", None),
        ("country", "usa", "US"),
        ("source", "conflicts", None),
        ("mediatopic", "conflicts", "medtop:16000000"),
    ]
    assert result.tags[3].name == "USA"
    assert result.tags[6].top_code == "medtop:16000000"


def test_a_country_stated_and_found_is_one_row_and_the_stated_wins() -> None:
    result = tagged("Iraq and Iraqi farmers.", headline="Iraq plants", stated_tags=("iraq",))
    assert [t.method for t in result.tags if t.code == "IQ"] == ["stated/1"]


def test_a_stated_given_name_is_no_country() -> None:
    assert codes(tagged("He scored twice.", stated_tags=("Jordan",))) == set()
    assert codes(tagged("The Jordanian team met in Jordan.", stated_tags=("Jordan",))) == {"JO"}


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("South  Korea!", "south-korea"),
        ("災害", "災害"),
        ("Экономика и Право", "экономика-и-право"),
        ("ＡＩ", "ai"),
        ("…", ""),
    ],
)
def test_slugs(text: str, slug: str) -> None:
    assert slugify(text) == slug


GERMAN = (
    "Der Gemeinderat hat am Dienstag beschlossen, die alte Brücke über den Bach zu erneuern und zu verbreitern. " * 3
)
JAPANESE = "市議会は火曜日、川にかかる古い橋を建て替えることを決めました。工事は来年の春に始まる予定です。"


def test_language_is_detected_and_compared() -> None:
    assert tagged(GERMAN).language == "de"
    assert tagged(JAPANESE).language == "ja"
    assert tagged(GERMAN, language="de_at").language == "de-AT"
    disputed = tagged(GERMAN, language="en")
    assert disputed.language == "de"
    assert disputed.flags == {Flag.LANGUAGE_DISPUTED}


def test_a_short_text_keeps_the_stated_language() -> None:
    assert tagged("Brücke neu", language="en").language == "en"
    assert tagged("Ok.").language is None
    assert tagged("12 345 678 901 " * 20).language is None


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("en_us", "en-US"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("English", "en"),
        ("deu", "de"),
        ("und", None),
        ("??", None),
        ("", None),
    ],
)
def test_stated_languages_are_bcp_47(stated: str, expected: str | None) -> None:
    assert normalise_language(stated) == expected


def test_the_gazetteer_pickles_and_keeps_its_version() -> None:
    again = pickle.loads(pickle.dumps(GAZETTEER))
    assert again == GAZETTEER
    assert tag(Extracted(text="", extractor="t"), Stripped(body=""), again) == Tagged()


def test_a_very_long_body_is_bounded() -> None:
    assert codes(tagged("word " * 20_000 + "France " * 100_000)) == set()


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=300), st.lists(st.text(max_size=20), max_size=5))
def test_any_text_is_tagged(text: str, stated: list[str]) -> None:
    result = tagged(text, headline=text[:40], stated_tags=tuple(stated))
    assert len({(t.scheme, t.tag) for t in result.tags}) == len(result.tags)
    assert all(0 < t.score <= 1 and t.tag for t in result.tags)


@pytest.mark.skipif(not REUTERS.exists(), reason="the labelled articles are not in the repository")
def test_f1_of_countries_on_labelled_newswire() -> None:
    rows = [json.loads(line) for line in REUTERS.read_text(encoding="utf-8").splitlines()]
    right = wrong = missed = 0
    for row in (r for r in rows if r.get("iso") is not None):
        expected = set(row["iso"]) - {"US"}
        found = codes(tagged(row["body"], headline=row["title"], dateline=row["dateline"])) - {"US"}
        right, wrong, missed = (
            right + len(expected & found),
            wrong + len(found - expected),
            missed + len(expected - found),
        )
    assert 2 * right / (2 * right + wrong + missed) >= 0.86
