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
    ("ar", "قال الرئيس الأمريكي في واشنطن إن الإسرائيليين والفلسطينيين وافقوا.", "US IL PS"),
    ("cs", "Ruský ministr mluvil o ukrajinských mostech.", "RU UA"),
    ("da", "Russiske og ukrainske brobyggere mødtes i København.", "RU UA DK"),
    ("de", "Die ukrainischen Brücken lobten der Franzose, die Französin und Israelis in Mailand.", "UA FR IL IT"),
    ("de", "Bayern baut: Schweizerinnen und Österreicher kamen aus Kiew und Moskau.", "DE CH AT UA RU"),
    ("de", "Das Essen war gut; die Pest war schlimm. Die Chinesischlehrerin reiste.", ""),
    ("es", "El ministro alemán y las ucranianas vieron el puente ruso en Pekín.", "DE UA RU CN"),
    ("es", "La rusticidad del chinchorro no es un problema.", ""),
    ("fr", "Des Ukrainiennes et un Américain à Londres; la presse grecque et les Belges.", "UA US GB GR BE"),
    ("it", "I tedeschi e le ucraine a Londra con un greco e due svizzere.", "DE UA GB GR CH"),
    ("ja", "ワシントンとベルリンで会談。パリも歓迎。", "US DE FR"),
    ("ja", "パリパリのパンを食べた。", ""),
    ("ko", "워싱턴과 베를린에서 다리를 지었다.", "US DE"),
    ("nl", "De Oekraïense en Duitse ministers; Frans Bakker zag het in Londen.", "UA DE GB"),
    ("no", "Russerne og amerikanske gjester i København.", "RU US DK"),
    ("nb-NO", "Sør-Korea og Nord-Korea bygde bru.", "KR KP"),
    ("pl", "Rosyjskiego ministra i ukraińskie mosty chwalono w Waszyngtonie.", "RU UA US"),
    ("pt", "Os alemães e a britânica viram a ponte russa em Pequim.", "DE GB RU CN"),
    ("ru", "Украинские и немецкие строители; в Киеве и Лондоне ждут американцев.", "UA DE GB"),
    ("sv", "Ryska och ukrainska brobyggare i Köpenhamn.", "RU UA DK"),
    ("tr", "Almanlar ve Rus bakan Londra'da.", "DE RU GB"),
    ("uk", "Українських і німецьких будівельників чекали в Києві.", "UA DE"),
    ("zh", "华盛顿和柏林会谈，加沙停火。公里加速，自由市场开放。", "US DE PS"),
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
