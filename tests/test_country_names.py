"""Countries named in other languages: self-written sentences with the words that only look like names."""

from __future__ import annotations

import time

import pytest

from pipelines.gazetteer import compiled, find_countries, load_gazetteer

GAZETTEER = load_gazetteer()

SENTENCES = [
    ("ar", "افتتح الوزير مكتبة في المغرب وبفرنسا، وشكر لليابان دعمها.", "MA FR JP"),
    ("ar", "قال المدير إن الوضع المالي صعب وإن مالي الأسرة قليل.", ""),
    ("de", "Die Fähre fuhr von Deutschland nach Norwegen; Frankreichs Minister sah zu.", "DE NO FR"),
    ("de", "Der Bäcker hat das Brot noch nie so gern gebacken.", ""),
    ("es", "El puente une España con Francia y Estados Unidos pagó la mitad.", "ES FR US"),
    ("es", "La feria de Granada abrió con lluvia.", ""),
    ("fi", "Silta Ruotsista Suomeen avattiin, ja Venäjällä satoi.", "SE FI RU"),
    ("fi", "Leipuri leipoi sata pullaa.", ""),
    ("fr", "La Norvège et l’Espagne ont signé; la Chine attend.", "NO ES CN"),
    ("fr", "Maurice et Dominique ont ouvert une boulangerie avec M. Salvador.", ""),
    ("he", "השרה ביקרה ביפן ובצרפת.", "JP FR"),
    ("hi", "भारत और जापान ने पुल बनाया।", "IN JP"),
    ("hi", "माली ने बगीचे में फूल लगाए।", ""),
    ("ja", "日本とインドネシアが橋を建設し、米国が支援した。", "JP ID US"),
    ("ja", "日本橋のマリアさんはネクタイを買った。中国地方は雨。", ""),
    ("ko", "일본은 한국에서 다리를 지었다.", "JP KR"),
    ("ko", "수건을 말리는 수단이 없다. 인도 옆에 산다.", ""),
    ("pl", "Most z Polski do Ukrainy otwarto w Rosji.", "PL UA RU"),
    ("pl", "Mali chłopcy biegli. Czad jest groźny.", ""),
    ("pt", "A ponte liga Espanha à Alemanha e aos EUA.", "ES DE US"),
    ("ru", "Мост из России в Индию открыли на Украине, сообщили в Германии.", "RU IN UA DE"),
    ("ru", "Того дня не было дождя. Перу Пушкина строки не принадлежат.", ""),
    ("tr", "Türkiye'nin köprüsü Almanya'da açıldı.", "TR DE"),
    ("tr", "Mali yıl sona erdi.", ""),
    ("uk", "Міст з України до Польщі відкрили в Німеччині.", "UA PL DE"),
    ("vi", "Cầu nối Nhật Bản và Trung Quốc.", "CN JP"),
    ("vi", "Anh Đức và chị Nga mặc Áo mới.", ""),
    ("zh", "中国和美国在上海地区修桥。", "CN US"),
    ("zh", "马里奥在马里兰买面包。", ""),
]


@pytest.mark.parametrize(("language", "text", "expected"), SENTENCES, ids=[f"{s[0]}-{s[2]}" for s in SENTENCES])
def test_countries_of_a_sentence_in_its_language(language: str, text: str, expected: str) -> None:
    found = {code for _, code, *_ in find_countries(text, language, compiled(GAZETTEER))}
    assert found == set(expected.split())


def test_names_of_another_language_are_not_looked_for() -> None:
    assert find_countries("Most z Polski do Niemiec", "de", compiled(GAZETTEER)) == []


def test_a_name_that_two_tables_know_is_one_mention() -> None:
    assert [match[0] for match in find_countries("Portugal y Cuba", "es", compiled(GAZETTEER))] == ["Portugal", "Cuba"]


def test_all_tables_load_soon() -> None:
    started = time.perf_counter()
    for language, _ in GAZETTEER.names:
        find_countries("x", language, compiled(GAZETTEER))
    assert time.perf_counter() - started < 0.5
