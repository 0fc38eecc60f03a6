"""The text of a whole page: what stands around the article goes, and no other text is touched."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.document import Document
from pipelines.extract import extract
from pipelines.page_text import find_page
from pipelines.read import read
from pipelines.strip import load_rules, restore, strip
from warehouse.rows import Flag, Role

RULES = load_rules()

ENGLISH = {
    "title": "Ferry to Ostra Island to run all winter - The Lindvik Courier",
    "above": """Skip to content|Menu|Home|News|Politics|Business|Sport|Opinion|Weather|Obituaries|Log In|Subscribe
Today's Paper|Newsletters|Most Read|Harbour fees to rise in spring|Two held after break-in at museum""",
    "headline": "Ferry to Ostra Island to run all winter",
    "byline": "By Mara Ellison",
    "date": "March 5, 2024",
    "share": "Share|Facebook|Twitter|Email",
    "article": """The ferry between Lindvik and Ostra Island will run through the winter for the first time, the harbour board said on Tuesday.
Until now the boats have stopped in November, when storms close the outer harbour, and the 340 islanders have had to fly.
“We have asked for this for twenty years,” said Jon Peltier, who keeps the island's only shop.
The board has bought a second-hand icebreaker from a yard in the north for 4.2 million crowns, and will pay for it with higher fees.
What will change
Three crossings a day are planned, two of them in daylight, and the last one waits for the evening train.
Critics say that the board has not shown how it would replace the crew when somebody falls ill.
A decision on summer prices is expected in April.""",
    "below": """Related Articles|Harbour fees to rise in spring|Storm damages pier at Vester|Comments
Sign in to comment|About Us|Contact|Advertise|Careers|Privacy Policy|Terms of Use|Cookie Policy
© 2024 Lindvik Courier Media. All rights reserved.""",
}
GERMAN = {
    "title": "Fähre zur Insel Ostra fährt den ganzen Winter | Lindviker Bote",
    "above": """Zum Inhalt springen|Menü|Startseite|Politik|Wirtschaft|Sport|Kultur|Panorama|Wissen|Wetter|Anmelden|Abo
E-Paper|Newsletter|Suche|Meistgelesen|Hafengebühren steigen im Frühjahr""",
    "headline": "Fähre zur Insel Ostra fährt den ganzen Winter",
    "byline": "Von Mara Ellison",
    "date": "5. März 2024",
    "share": "Teilen|Facebook|Twitter|WhatsApp|Drucken",
    "article": """Die Fähre zwischen Lindvik und der Insel Ostra wird zum ersten Mal den ganzen Winter über fahren, teilte die Hafenbehörde am Dienstag mit.
Bisher stellten die Boote ihren Dienst im November ein, wenn Stürme den Außenhafen schließen, und die 340 Bewohner mussten fliegen.
„Darum haben wir zwanzig Jahre lang gebeten“, sagte Jon Peltier, dem der einzige Laden der Insel gehört.
Die Behörde hat für 4,2 Millionen Kronen einen gebrauchten Eisbrecher gekauft und will ihn mit höheren Gebühren bezahlen.
Geplant sind drei Fahrten am Tag, zwei davon bei Tageslicht, und die letzte wartet auf den Abendzug.
Kritiker sagen, die Behörde habe nicht gezeigt, wer einspringt, wenn jemand von der Mannschaft krank wird.""",
    "below": """Mehr zum Thema|Hafengebühren steigen im Frühjahr|Sturm beschädigt Anleger in Vester|Kommentare
Jetzt kommentieren|Kontakt|Impressum|Datenschutz|AGB|Mediadaten|Karriere|Über uns|Hilfe
© 2024 Lindviker Bote Verlag""",
}
SPANISH = {
    "title": "El ferri a la isla de Ostra navegará todo el invierno - El Correo de Lindvik",
    "above": """Ir al contenido|Menú|Portada|Noticias|Política|Economía|Deportes|Cultura|Opinión|Sociedad|Iniciar sesión
Suscríbete|Buscar|Boletines|Lo más leído|Las tasas del puerto subirán en primavera""",
    "headline": "El ferri a la isla de Ostra navegará todo el invierno",
    "byline": "Por Mara Ellison",
    "date": "5 de marzo de 2024",
    "share": "Compartir|Facebook|Twitter|WhatsApp|Imprimir",
    "article": """El ferri entre Lindvik y la isla de Ostra navegará por primera vez durante todo el invierno, según anunció el martes la autoridad del puerto.
Hasta ahora los barcos paraban en noviembre, cuando las tormentas cierran el puerto exterior, y los 340 vecinos tenían que volar.
«Lo hemos pedido durante veinte años», dijo Jon Peltier, dueño de la única tienda de la isla.
La autoridad ha comprado un rompehielos usado por 4,2 millones de coronas y lo pagará con tasas más altas.
Se prevén tres viajes al día, dos de ellos con luz, y el último esperará al tren de la tarde.
Los críticos dicen que la autoridad no ha explicado quién sustituirá a la tripulación cuando alguien enferme.""",
    "below": """Noticias relacionadas|Las tasas del puerto subirán en primavera|Comentarios|Inicia sesión para comentar
Contacto|Quiénes somos|Publicidad|Aviso legal|Política de privacidad|Política de cookies|Ayuda
© 2024 El Correo de Lindvik. Todos los derechos reservados""",
}
JAPANESE = {
    "title": "オストラ島への渡し船、冬も毎日運航へ | リンドヴィク新報",
    "above": """メニュー|検索|ホーム|ニュース|社会|政治|経済|国際|スポーツ|文化|天気|ログイン|会員登録|購読のお申し込み
ランキング|春に港の使用料を値上げ""",
    "headline": "オストラ島への渡し船、冬も毎日運航へ",
    "byline": "記者 山野みどり",
    "date": "2024年3月5日",
    "share": "シェア|ツイート|印刷|Facebook|Twitter|LINE",
    "article": """リンドヴィクとオストラ島を結ぶ渡し船が、今年から初めて冬の間も毎日運航されることになったと、港の委員会が火曜日に発表した。
これまでは嵐で外港が閉鎖される十一月に運航が止まり、三百四十人の島民は飛行機を使うしかなかった。
島にただ一つの店を営むヨン・ペルティエさんは「二十年間、ずっとお願いしてきたことです」と話した。
委員会は北部の造船所から中古の砕氷船を四百二十万クローネで購入し、使用料の値上げでまかなう考えだ。
一日三便が予定され、そのうち二便は明るい時間に出て、最終便は夕方の列車の到着を待って出発する。
一方で、乗組員が病気になった場合の代わりをどうするのか示されていないという批判の声もある。""",
    "below": """関連記事|春に港の使用料を値上げ|ヴェステルの桟橋、嵐で破損|コメント|お問い合わせ|会社概要|広告掲載
利用規約|プライバシーポリシー|著作権について|ヘルプ|© 2024 リンドヴィク新報社""",
}
LANGUAGES = {"English": ENGLISH, "German": GERMAN, "Spanish": SPANISH, "Japanese": JAPANESE}


def split(lines: str) -> list[str]:
    return lines.replace("|", "\n").split("\n")


def page(parts: dict[str, str], style: str) -> str:
    """A page's text as the tools write it that make text of pages."""
    head = [parts["headline"], parts["byline"], parts["date"], *split(parts["share"])]
    article = parts["article"].split("\n")
    above, below = split(parts["above"]), split(parts["below"])
    if style == "blocks":
        blocks = [parts["title"], "\n".join(above), *head[:1], "\n".join(head[1:]), *article, "\n".join(below)]
        return "\n\n".join(blocks) + "\n"
    if style == "bullets":
        above, below = ([f"  * {line}" for line in lines] for lines in (above, below))
        blocks = ["\n".join(above), f"# {head[0]}", "\n".join(head[1:]), *article, "\n".join(below)]
        return "\n\n".join([parts["title"], *blocks])
    lines = [parts["title"], *above, *head, *article, *below]
    return ("\n" if style == "lines" else "\n\n").join(lines)


def extracted(text: str, role: Role = Role.FILE):
    return extract(
        read(
            Document(
                role=role,
                address="a.txt",
                data=text.encode(),
                source="s",
                uri="file:///s/a.txt",
                fetched_at=datetime(2024, 3, 5, tzinfo=UTC),
            )
        )
    )


def cleaned(text: str):
    article = extracted(text)
    return article, strip(article, RULES)


@pytest.mark.parametrize("style", ["blocks", "lines", "paragraphs", "bullets"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_article_of_a_whole_page_stays_and_what_is_around_it_goes(language, style):
    parts = LANGUAGES[language]
    article, stripped = cleaned(page(parts, style))
    assert stripped.body.replace("\n\n", "\n") == parts["article"]
    assert (article.extractor, Flag.PAGE_TEXT in article.flags) == ("text/1", True)
    assert "whole-page-text" in {removal.rule for removal in stripped.removals}
    assert restore(stripped.body, stripped.removals) == article.text


@pytest.mark.parametrize("style", ["blocks", "lines", "paragraphs", "bullets"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_headline_is_the_article_s_and_not_the_page_s_title(language, style):
    assert extracted(page(LANGUAGES[language], style)).headline == LANGUAGES[language]["headline"]


def test_byline_and_date_stand_between_headline_and_article():
    article = extracted(page(ENGLISH, "blocks"))
    assert article.byline == ("Mara Ellison",)
    assert article.published_at == datetime(2024, 3, 5, tzinfo=UTC)


def test_without_a_title_the_headline_is_found_above_the_article():
    text = page(ENGLISH, "blocks").partition("\n\n")[2]
    assert extracted(text).headline == ENGLISH["headline"]


def test_where_no_line_is_the_headline_the_title_is_without_the_site_s_name():
    text = page(ENGLISH, "blocks").replace(f"\n\n{ENGLISH['headline']}\n\n", "\n\n")
    assert extracted(text).headline == ENGLISH["headline"]


def test_a_button_s_label_before_the_headline_is_no_part_of_it():
    label = f"Share All sharing options for: {ENGLISH['headline']}"
    text = page(ENGLISH, "blocks").replace(f"\n\n{ENGLISH['headline']}\n\n", f"\n\n{label}\n\n")
    assert extracted(text).headline == ENGLISH["headline"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_behind_an_interruption_stay(language):
    parts = LANGUAGES[language]
    interruption = ["Advertisement", *split(parts["share"])[:2], "Advertisement"]
    lines = parts["article"].split("\n")
    _, stripped = cleaned(page({**parts, "article": "\n".join(lines[:3] + interruption + lines[3:])}, "blocks"))
    assert all(line in stripped.body for line in lines)


def test_teasers_and_forms_inside_the_article_go():
    lines = ENGLISH["article"].split("\n")
    lines[3:3] = ["Advertisement", "Sign up for our newsletter", "Read more", "Privacy Policy"]
    _, stripped = cleaned(page({**ENGLISH, "article": "\n".join(lines)}, "blocks"))
    assert "newsletter" not in stripped.body
    assert "Privacy Policy" not in stripped.body
    assert all(line in stripped.body for line in ENGLISH["article"].split("\n"))


def test_the_rules_see_the_article_s_first_line_as_the_first():
    text = page(ENGLISH, "blocks").replace("\n\nThe ferry between", "\n\nLINDVIK (Reuters) - The ferry between")
    _, stripped = cleaned(text)
    assert stripped.dateline == "LINDVIK"
    assert stripped.body.startswith("The ferry between")


def test_a_page_whose_article_is_boilerplate_keeps_all():
    credit = "This material may not be published, broadcast, rewritten or redistributed. All rights reserved."
    article, stripped = cleaned(page({**ENGLISH, "article": credit}, "blocks"))
    assert stripped.body
    assert restore(stripped.body, stripped.removals) == article.text


def test_a_row_s_text_is_cleaned_too_and_its_headline_is_the_row_s():
    row = json.dumps({"id": "1", "headline": "A ferry for the winter", "text": page(ENGLISH, "blocks")})
    article = extracted(row, role=Role.RECORD)
    assert article.headline == "A ferry for the winter"
    assert strip(article, RULES).body.replace("\n\n", "\n") == ENGLISH["article"]


POEM = "\n".join(
    f"{line}"
    for line in [
        "The harbour sleeps", "and no boat leaves", "the water keeps", "what it receives", "", "A lamp is lit",
        "beside the wall", "the gulls that sit", "on it recall", "", "the summer days", "when sails came home",
        "across the bays", "through wind and foam", "", "and all the men", "who shared the bread",
        "are young again", "inside my head",
    ]
)  # fmt: skip
ARTICLE = ENGLISH["article"].replace("\n", "\n\n")
CLEAN = {
    "article": ARTICLE,
    "article with title": f"{ENGLISH['headline']}\n\n{ARTICLE}",
    "article with title, byline and date": f"{ENGLISH['headline']}\n\nBy Mara Ellison\n\nMarch 5, 2024\n\n{ARTICLE}",
    "German article": GERMAN["article"].replace("\n", "\n\n"),
    "Japanese article": JAPANESE["article"].replace("\n", "\n\n"),
    "poem": POEM,
    "football results": "Results of the Northern League\n\n"
    + "\n".join(f"{a} 2 {b} 1" for a in ("Vester", "Lindvik", "Ostra", "Hamn") for b in ("Solvik", "Nordby", "Sund")),
    "table": "Votes by district\n\n" + "\n".join(f"District {n}\t{n * 137}\t{n * 91}" for n in range(1, 25)),
    "tour dates": "The band returns to the stage in June, its singer said on Tuesday in a short statement.\n\n"
    + "\n".join(f"June {n} – Hall {n}, Lindvik" for n in range(1, 28)),
    "recipe": "Fish soup as on Ostra\n\nIngredients\n"
    + "\n".join(f"{n} g {x}" for n, x in enumerate(("cod", "leek", "butter", "cream", "dill", "salt", "flour"), 100))
    + "\n\nMethod\nCut the fish and the leek.\nMelt the butter.\nAdd the rest and let it boil for ten minutes.",
    "interview": "\n\n".join(
        f"Courier: What do you say to point {n}?\n\nPeltier: We have said all along that it is right, and we stand by it."
        for n in range(1, 12)
    ),
    "questions and answers": "\n\n".join(
        f"What about ticket {n}?\n\nIt stays valid until the end of the year and can be changed at the counter."
        for n in range(1, 12)
    ),
    "briefs": "\n\n".join(
        f"{place}\n\nThe council of {place} voted on Monday for a new school, which will open in two years."
        for place in ("Lindvik", "Vester", "Ostra", "Hamn", "Solvik", "Nordby", "Sund", "Holm", "Vik")
    ),
    "chat": "\n".join(f"[12:{n:02}] {'mara' if n % 2 else 'jon'}: are you coming home" for n in range(40)),
    "list of shops": "Where to buy tickets\n\n"
    + "\n".join(f"{n}. Kiosk at {x} Street" for n, x in enumerate(["Mill", "Sea", "Fish", "Church"] * 6, 1)),
    "screenplay": "\n".join(["INT. HARBOUR - NIGHT", "", "MARA", "We should go.", "", "JON", "Not yet.", ""] * 8),
    "obituaries": "\n\n".join(f"Anna Holm, {n}\n\nTeacher in Vester" for n in range(70, 84)),
    "market report": "\n".join(f"{x} 1{n}.25 +0.{n}" for n, x in enumerate(["Copper", "Zinc", "Wheat", "Oil"] * 6, 10)),
    "schedule": "Television tonight\n\n"
    + "\n".join(f"{n}.30 The News\n{n}.45 Weather and Sport" for n in range(10, 24)),
    "about social networks": "\n\n".join(
        [
            "Facebook, Twitter and Instagram must tell their users more about advertising, the court said.",
            "The privacy policy and the terms of use of all three were looked at.",
            "Subscribe buttons and newsletters were no part of the case, a lawyer for the board said.",
        ]
        * 6
    ),
    "list of networks in an article": "These services were examined by the board over the course of last year.\n\n"
    "Facebook\nTwitter\nInstagram\nTikTok\nYouTube\nLinkedIn\nReddit\nTelegram\nWhatsApp\nSnapchat\nPinterest\n\n"
    "The board wants to look at them again in two years, it said in its report on Tuesday.",
    "Markdown list": "# Packing list\n\n" + "\n".join(f"- {x}" for x in ["boots", "rope", "map", "lamp", "tea"] * 6),
    "one short line": "Ferry cancelled",
    "Arabic article": "\n\n".join(["أعلنت هيئة الميناء يوم الثلاثاء أن العبارة ستعمل طوال الشتاء لأول مرة."] * 20),
    "Chinese article": "\n\n".join(["港务局周二宣布，林德维克与奥斯特拉岛之间的渡轮今年冬季将首次全程运营。"] * 20),
}


@pytest.mark.parametrize("name", CLEAN)
def test_a_text_that_is_no_page_loses_nothing(name):
    assert find_page(CLEAN[name]) is None
    article, stripped = cleaned(CLEAN[name])
    assert (article.furniture, stripped.removals) == ((), ())


@pytest.mark.parametrize(
    "text",
    ["word " * 400_000, "Menu\n" * 1_000_000, "Home\n\nSubscribe\n\n" * 9000, "Sign in. " * 200_000, "a\n" * 19_999],
    ids=["one line", "a million lines", "a page of menus", "sentences on one line", "lines of one letter"],
)
def test_hostile_texts_take_seconds(text):
    began = time.process_time()
    find_page(text)
    assert time.process_time() - began < 5


LINES = st.sampled_from([line for parts in LANGUAGES.values() for value in parts.values() for line in split(value)])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(LINES | st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), max_size=40), max_size=60),
    st.sampled_from(["\n", "\n\n"]),
)
def test_whatever_goes_can_be_put_back(lines, between):
    text = between.join(["Ferry", *lines, "The ferry will run all winter."])
    article, stripped = cleaned(text)
    assert restore(stripped.body, stripped.removals) == article.text
    assert stripped.body.strip()
