"""Texts in other scripts and languages: datelines taken off them, countries, word counts and passages found in them."""

from __future__ import annotations

import pytest

from pipelines.fingerprint import count_words
from pipelines.strip import load_rules, strip
from pipelines.tag import load_gazetteer, tag
from pipelines.values import Extracted, Stripped

RULES = load_rules()
OPENINGS = [
    ("de", "Berlin (dpa) - Die Ministerin lobte die Brücke.", "Berlin", "DE", "Die Ministerin"),
    ("fr", "Paris, 3 mars (AFP) - La ministre a loué le pont.", "Paris, 3 mars", "FR", "La ministre"),
    ("es", "Madrid, 3 mar (EFE).- La ministra elogió el puente.", "Madrid, 3 mar", "ES", "La ministra"),
    ("it", "ROMA (ANSA) - La ministra ha lodato il ponte.", "ROMA", "IT", "La ministra"),
    ("pt", "BRASÍLIA (Reuters) - A ministra elogiou a ponte.", "BRASÍLIA", "BR", "A ministra"),
    ("nl", "Den Haag (ANP) - De minister prees de brug.", "Den Haag", "NL", "De minister"),
    ("tr", "İSTANBUL (AA) - Bakan köprüyü övdü.", "İSTANBUL", "TR", "Bakan"),
    ("ru", "МОСКВА, 3 марта. /ТАСС/. Министр похвалила мост.", "МОСКВА, 3 марта", "RU", "Министр"),
    ("ja", "【北京共同】大臣は橋をほめた。", "北京", "CN", "大臣は"),
    ("ja", "[東京 3日 ロイター] - 大臣は橋をほめた。", "東京", "JP", "大臣は"),
    ("ja", "【ワシントン=田中一郎】大臣は橋をほめた。", "ワシントン", "US", "大臣は"),
    ("zh", "新华社北京3月3日电（记者张三）部长称赞了大桥。", "北京", "CN", "部长"),
    ("ko", "(서울=연합뉴스) 홍길동 기자 = 장관이 다리를 칭찬했다.", "서울", "KR", "장관이"),
]


@pytest.mark.parametrize(("language", "text", "dateline", "country", "body"), OPENINGS, ids=[o[0] for o in OPENINGS])
def test_a_dateline_is_taken_off_and_counts(language: str, text: str, dateline: str, country: str, body: str) -> None:
    extracted = Extracted(text=text, extractor="test/1", language=language)
    stripped = strip(extracted, RULES)
    assert stripped.dateline == dateline
    assert stripped.body.startswith(body)
    assert country in {t.code for t in tag(extracted, stripped, load_gazetteer()).tags}


@pytest.mark.parametrize(
    "text",
    [
        "США – Россия: кто построит мост первым, решат в мае.",
        "【写真】大橋が開通した。",
        "新华社记者昨日到访大桥。",
        "(다리) 장관이 칭찬했다.",
        "Brücken (alt und neu) - Eine Ausstellung.",
    ],
)
def test_what_only_looks_like_a_dateline_stays(text: str) -> None:
    assert strip(Extracted(text=text, extractor="test/1"), RULES).body == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("大臣は橋をほめた。", 8),
        ("รัฐมนตรีชมสะพาน", 15),
        ("장관이 다리를 칭찬했다.", 3),
        ("افتتح الوزير الجسر.", 3),
        ("Die Brücke ist offen.", 4),
    ],
)
def test_words_are_counted_in_every_script(text: str, words: int) -> None:
    assert count_words(text) == words


def test_headlines_in_capitals_name_countries_in_every_language() -> None:
    for language, headline, code in (
        ("es", "UCRANIA PIDE UN PUENTE A FRANCIA", "UA"),
        ("ru", "УКРАИНА И ФРАНЦИЯ СТРОЯТ МОСТ", "UA"),
        ("de", "ÖSTERREICH LOBT UKRAINISCHE BRÜCKE", "AT"),
    ):
        extracted = Extracted(text="1", extractor="test/1", headline=headline, language=language)
        assert code in {t.code for t in tag(extracted, Stripped(body="1"), load_gazetteer()).tags}
