"""The language of a text: self-written sentences in thirty languages, wrong statements, and what stands before a text."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.language import find_language
from warehouse.rows import Flag

SAVED = Path(__file__).parents[2] / "shared" / "data" / "html" / "newspaper4k"

TEXTS = {
    "ar": "أعلن مجلس المدينة يوم الثلاثاء أن الجسر القديم فوق النهر سيعاد بناؤه في الربيع المقبل. وقالت رئيسة البلدية إن الأعمال ستستمر عاما كاملا وإن المشاة سيعبرون على جسر مؤقت.",
    "bg": "Общинският съвет реши във вторник старият мост над реката да бъде построен отново през пролетта. Кметицата каза, че работата ще продължи една година и че пешеходците ще минават по временен мост.",
    "ca": "L'ajuntament va decidir dimarts que el pont vell damunt del riu es tornarà a construir la primavera que ve. L'alcaldessa va dir que les obres duraran un any i que els vianants passaran per un pont provisional.",
    "cs": "Zastupitelstvo v úterý rozhodlo, že starý most přes řeku bude na jaře postaven znovu. Starostka řekla, že práce potrvají rok a že chodci budou zatím chodit po dočasné lávce.",
    "da": "Byrådet besluttede tirsdag, at den gamle bro over åen skal bygges op igen til foråret. Borgmesteren sagde, at arbejdet vil vare et år, og at fodgængere imens må bruge en midlertidig bro.",
    "de": "Der Gemeinderat hat am Dienstag beschlossen, die alte Brücke über den Fluss im Frühjahr neu zu bauen. Die Bürgermeisterin sagte, die Arbeiten dauerten ein Jahr, Fußgänger gingen solange über einen Steg.",
    "el": "Το δημοτικό συμβούλιο αποφάσισε την Τρίτη να ξαναχτίσει την άνοιξη την παλιά γέφυρα πάνω από το ποτάμι. Η δήμαρχος είπε ότι τα έργα θα διαρκέσουν έναν χρόνο.",
    "en": "The town council decided on Tuesday to rebuild the old bridge over the river next spring. The mayor said that the work would take a year and that people on foot would use a footbridge meanwhile.",
    "es": "El ayuntamiento decidió el martes reconstruir en primavera el viejo puente sobre el río. La alcaldesa dijo que las obras durarán un año y que los peatones cruzarán mientras tanto por una pasarela.",
    "fa": "شورای شهر روز سه‌شنبه تصمیم گرفت پل قدیمی روی رودخانه را بهار آینده از نو بسازد. شهردار گفت که این کار یک سال طول می‌کشد و عابران تا آن زمان از پل موقت خواهند گذشت.",
    "fi": "Kaupunginvaltuusto päätti tiistaina, että joen ylittävä vanha silta rakennetaan keväällä uudelleen. Kaupunginjohtaja sanoi, että työ kestää vuoden ja että jalankulkijat käyttävät sillä välin väliaikaista siltaa.",
    "fr": "Le conseil municipal a décidé mardi de reconstruire au printemps le vieux pont sur la rivière. La maire a déclaré que les travaux dureraient un an et que les piétons passeraient par une passerelle.",
    "he": "מועצת העיר החליטה ביום שלישי לבנות מחדש באביב את הגשר הישן שמעל הנהר. ראש העיר אמרה שהעבודות יימשכו שנה ושהולכי הרגל יעברו בינתיים על גשר זמני.",
    "hi": "नगर परिषद ने मंगलवार को तय किया कि नदी पर बना पुराना पुल अगले वसंत में फिर से बनाया जाएगा। महापौर ने कहा कि काम एक साल चलेगा और पैदल चलने वाले अस्थायी पुल से गुज़रेंगे।",
    "hu": "A városi tanács kedden úgy döntött, hogy tavasszal újjáépíti a folyó fölötti régi hidat. A polgármester azt mondta, hogy a munka egy évig tart, és a gyalogosok addig ideiglenes hídon kelnek át.",
    "id": "Dewan kota memutuskan pada hari Selasa untuk membangun kembali jembatan tua di atas sungai pada musim depan. Wali kota mengatakan pekerjaan itu akan berlangsung satu tahun dan pejalan kaki memakai jembatan sementara.",
    "it": "Il consiglio comunale ha deciso martedì di ricostruire in primavera il vecchio ponte sul fiume. La sindaca ha detto che i lavori dureranno un anno e che i pedoni useranno una passerella.",
    "ja": "市議会は火曜日、川にかかる古い橋を来年の春に建て替えることを決めました。市長は、工事には一年かかり、その間、歩行者は仮の橋を渡ることになると述べました。費用は市と県が半分ずつ負担し、完成した橋には自転車のための道も設けられる予定です。",
    "ko": "시의회는 화요일 강 위의 오래된 다리를 내년 봄에 다시 짓기로 결정했다. 시장은 공사가 일 년 걸리며 그동안 보행자는 임시 다리를 이용하게 될 것이라고 말했다. 비용은 시와 도가 절반씩 부담하고 새 다리에는 자전거 길도 생긴다.",
    "nl": "De gemeenteraad heeft dinsdag besloten de oude brug over de rivier in het voorjaar opnieuw te bouwen. De burgemeester zei dat het werk een jaar duurt en dat voetgangers zolang een noodbrug gebruiken.",
    "no": "Bystyret bestemte tirsdag at den gamle brua over elva skal bygges opp igjen til våren. Ordføreren sa at arbeidet vil vare et år, og at fotgjengere må bruke ei midlertidig bru imens.",
    "pl": "Rada miasta zdecydowała we wtorek, że stary most na rzece zostanie wiosną zbudowany od nowa. Burmistrzyni powiedziała, że prace potrwają rok, a piesi będą chodzić po kładce.",
    "pt": "A câmara municipal decidiu na terça-feira reconstruir na primavera a velha ponte sobre o rio. A prefeita disse que as obras vão durar um ano e que os pedestres usarão uma passarela.",
    "ro": "Consiliul local a hotărât marți ca vechiul pod de peste râu să fie construit din nou la primăvară. Primărița a spus că lucrările vor dura un an și că pietonii vor trece pe un pod provizoriu.",
    "ru": "Городской совет решил во вторник весной заново построить старый мост через реку. Глава города сказала, что работы продлятся год, а пешеходы пока будут ходить по временному мосту.",
    "sv": "Kommunfullmäktige beslutade på tisdagen att den gamla bron över ån ska byggas upp igen till våren. Borgmästaren sade att arbetet tar ett år och att fotgängare får använda en tillfällig bro.",
    "th": "สภาเมืองมีมติเมื่อวันอังคารให้สร้างสะพานเก่าข้ามแม่น้ำขึ้นใหม่ในฤดูใบไม้ผลิหน้า นายกเทศมนตรีกล่าวว่างานจะใช้เวลาหนึ่งปี และคนเดินเท้าจะใช้สะพานชั่วคราวไปก่อน",
    "tr": "Belediye meclisi salı günü nehrin üzerindeki eski köprünün ilkbaharda yeniden yapılmasına karar verdi. Başkan, çalışmaların bir yıl süreceğini ve yayaların bu arada geçici bir köprü kullanacağını söyledi.",
    "uk": "Міська рада вирішила у вівторок навесні наново збудувати старий міст через річку. Міська голова сказала, що роботи триватимуть рік, а пішоходи поки що ходитимуть тимчасовим містком.",
    "vi": "Hội đồng thành phố hôm thứ Ba quyết định xây lại cây cầu cũ bắc qua sông vào mùa xuân tới. Thị trưởng nói công việc sẽ kéo dài một năm và người đi bộ sẽ dùng cầu tạm.",
    "zh": "市议会星期二决定，明年春天重建河上的旧桥。市长说，工程将持续一年，在此期间行人可以走临时搭建的便桥。费用由市政府和省政府各承担一半，新桥上还将设有自行车道和两条人行道，预计后年春天向公众开放。",
}
"""The same short report, made up, in each language."""


@pytest.mark.parametrize("language", TEXTS)
def test_a_text_tells_its_language(language: str) -> None:
    assert find_language(None, TEXTS[language]) == (language, frozenset())
    assert find_language(language, TEXTS[language]) == (language, frozenset())


@pytest.mark.parametrize("language", TEXTS.keys() - {"en"})
def test_a_text_outweighs_a_wrong_statement(language: str) -> None:
    assert find_language("en-US", TEXTS[language] * 2) == (language, {Flag.LANGUAGE_DISPUTED})


@pytest.mark.parametrize("language", ["de", "ja", "ru"])
@pytest.mark.parametrize(
    "before",
    [
        "https://news.example/en/the-old-bridge-over-the-river-will-be-rebuilt-next-spring.html www.bridge.example/about-us ",
        "John Smith, Mary Brown, Peter White, Anne Taylor and George Miller, The Daily Bridge. " * 14,
        "select name, id from bridges where river = 'old' order by id; print(result) " * 14,
    ],
    ids=["address", "names", "program"],
)
def test_what_stands_before_a_text_does_not_hide_its_language(language: str, before: str) -> None:
    assert find_language(language, before + TEXTS[language] * 20)[0] == language


@pytest.mark.parametrize("stated", [None, "en", "de"])
def test_a_quotation_that_opens_a_text_is_not_its_language(stated: str | None) -> None:
    said = (TEXTS["en"] + " ") * 2
    assert find_language(stated, said + (TEXTS["de"] + " ") * 16)[0] == "de"


def test_a_region_or_script_of_the_stated_language_is_kept() -> None:
    assert find_language("pt_br", TEXTS["pt"])[0] == "pt-BR"
    assert find_language("zh-Hans", TEXTS["zh"])[0] == "zh-Hans"
    assert find_language("nb-NO", TEXTS["no"]) == ("nb-NO", frozenset())
    assert find_language("ms", TEXTS["id"]) == ("ms", frozenset())


def test_a_language_that_the_detector_does_not_know_is_not_denied() -> None:
    zulu = "Umkhandlu wedolobha unqume ngoLwesibili ukwakha kabusha ibhuloho elidala elisemfuleni entwasahlobo ezayo. "
    assert find_language("zu", zulu * 3)[0] == "zu"
    language, flags = find_language("en-US", zulu * 3)
    assert language != "en-US"
    assert flags == {Flag.LANGUAGE_DISPUTED}


def test_capitals_do_not_mislead() -> None:
    assert find_language(None, TEXTS["en"].upper())[0] == "en"
    assert find_language(None, TEXTS["de"].upper())[0] == "de"


@pytest.mark.skipif(not SAVED.exists(), reason="the saved articles are not in the repository")
@pytest.mark.parametrize(
    ("name", "language"),
    [("arabic_article", "ar"), ("chinese_article_001", "zh"), ("japanese_article2", "ja"), ("thai_article", "th")],
)
def test_saved_articles(name: str, language: str) -> None:
    assert find_language("en", (SAVED / f"{name}.txt").read_text(encoding="utf-8"))[0] == language
