"""Pages of every kind in the forms that real sites use, about places and papers that do not exist.

Half of them, by the hash of their names, are put aside: the rules were not tuned on those.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any


@dataclass(frozen=True)
class Case:
    """A page and what it is: `article`, a flag or a reason."""

    name: str
    kind: str
    html: str
    url: str
    status: int | None = None

    @property
    def is_aside(self) -> bool:
        """Whether the rules were not tuned on it."""
        return int(hashlib.sha1(self.name.encode(), usedforsecurity=False).hexdigest(), 16) % 2 == 0


STORIES = {
    "en": [
        "The harbour board of Brenn voted on Monday to close the eastern quay for the whole of the winter.",
        "Engineers had found cracks in eleven of the forty piles that carry the road to the fish market.",
        "“We would rather close it for a season than lose a lorry in the water,” said the chairwoman, Ida Holm.",
        "Traders said that the decision came without warning and would cost them half of their Christmas sales.",
        "The work is to begin in the second week of November and will be paid for out of the storm fund.",
        "A ferry will carry shoppers across the basin every twenty minutes while the road is shut.",
        "The council of the neighbouring town of Oberau offered its own landing stage for the larger boats.",
        "A public meeting about the timetable will be held in the old customs house on Thursday evening.",
    ],
    "de": [
        "Der Hafenrat von Brenn hat am Montag beschlossen, den östlichen Kai den ganzen Winter über zu sperren.",
        "Fachleute hatten an elf der vierzig Pfähle, welche die Straße zum Fischmarkt tragen, Risse gefunden.",
        "„Lieber schließen wir eine Saison, als dass ein Lastwagen ins Wasser fällt“, sagte die Vorsitzende Ida Holm.",
        "Die Händler erklärten, die Entscheidung sei ohne Vorwarnung gekommen und koste sie die Hälfte des Umsatzes.",
        "Die Arbeiten sollen in der zweiten Novemberwoche beginnen und werden aus dem Sturmfonds bezahlt.",
        "Eine Fähre bringt die Kunden alle zwanzig Minuten über das Becken, solange die Straße gesperrt ist.",
    ],
    "fr": [
        "Le conseil du port de Brenn a décidé lundi de fermer le quai de l'est pendant tout l'hiver.",
        "Des ingénieurs avaient trouvé des fissures dans onze des quarante piles qui portent la route du marché.",
        "« Mieux vaut fermer une saison que perdre un camion », a expliqué la présidente du conseil, Ida Holm.",
        "Les marchands affirment que la décision leur coûtera la moitié de leurs ventes de Noël.",
        "Les travaux commenceront la deuxième semaine de novembre et seront payés par le fonds des tempêtes.",
        "Un bac traversera le bassin toutes les vingt minutes tant que la route restera fermée.",
    ],
    "es": [
        "La junta del puerto de Brenn decidió el lunes cerrar el muelle oriental durante todo el invierno.",
        "Los ingenieros habían encontrado grietas en once de los cuarenta pilares que sostienen la carretera.",
        "«Preferimos cerrar una temporada antes que perder un camión», dijo la presidenta, Ida Holm.",
        "Los comerciantes aseguran que la decisión les costará la mitad de sus ventas de Navidad.",
        "Las obras comenzarán en la segunda semana de noviembre y se pagarán con el fondo de tormentas.",
    ],
    "it": [
        "Il consiglio del porto di Brenn ha deciso lunedì di chiudere il molo orientale per tutto l'inverno.",
        "Gli ingegneri avevano trovato crepe in undici dei quaranta pilastri che reggono la strada del mercato.",
        "«Meglio chiudere una stagione che perdere un camion», ha detto la presidente Ida Holm.",
        "I commercianti dicono che la decisione costerà loro la metà delle vendite di Natale.",
        "I lavori cominceranno nella seconda settimana di novembre e saranno pagati dal fondo tempeste.",
    ],
    "nl": [
        "Het havenbestuur van Brenn besloot maandag de oostelijke kade de hele winter te sluiten.",
        "Ingenieurs vonden scheuren in elf van de veertig palen die de weg naar de vismarkt dragen.",
        "“Liever een seizoen dicht dan een vrachtwagen in het water”, zei voorzitter Ida Holm.",
        "De kooplieden zeggen dat het besluit hun de helft van de kerstverkoop kost.",
    ],
    "sv": [
        "Hamnstyrelsen i Brenn beslutade i måndags att stänga den östra kajen under hela vintern.",
        "Ingenjörer hade hittat sprickor i elva av de fyrtio pålar som bär vägen till fiskmarknaden.",
        "– Hellre en stängd säsong än en lastbil i vattnet, säger ordföranden Ida Holm till tidningen.",
        "Handlarna säger att beslutet kostar dem hälften av julhandeln.",
    ],
    "pl": [
        "Rada portu w Brenn postanowiła w poniedziałek zamknąć wschodnie nabrzeże na całą zimę.",
        "Inżynierowie znaleźli pęknięcia w jedenastu z czterdziestu pali, które niosą drogę do targu rybnego.",
        "„Lepiej zamknąć na sezon, niż stracić ciężarówkę”, powiedziała przewodnicząca Ida Holm.",
        "Kupcy twierdzą, że decyzja będzie ich kosztować połowę sprzedaży świątecznej.",
    ],
    "pt": [
        "O conselho do porto de Brenn decidiu na segunda-feira fechar o cais oriental durante todo o inverno.",
        "Engenheiros encontraram rachaduras em onze dos quarenta pilares que sustentam a estrada do mercado.",
        "“Melhor fechar uma temporada do que perder um caminhão”, disse a presidente Ida Holm.",
        "Os comerciantes dizem que a decisão custará metade das vendas de Natal.",
    ],
    "ja": [
        "ブレン港の評議会は月曜日、東側の岸壁を冬の間閉鎖することを決めた。",
        "技術者が、魚市場へ続く道路を支える四十本の杭のうち十一本にひび割れを見つけていた。",
        "「トラックを一台失うより、一季節閉じるほうがよい」と議長のイダ・ホルム氏は話した。",
        "商人たちは、この決定でクリスマスの売り上げの半分が失われると訴えている。",
        "工事は十一月の第二週に始まり、費用は暴風基金から支払われる。",
    ],
    "zh": [
        "布伦港务委员会周一决定，整个冬季关闭东码头。",
        "工程师在支撑通往鱼市道路的四十根桩中，发现十一根有裂缝。",
        "委员会主席伊达·霍尔姆说：“宁可关闭一季，也不愿损失一辆卡车。”",
        "商贩们表示，这一决定将使他们失去圣诞节一半的销售额。",
    ],
}
HEADLINES = {
    "en": "Eastern quay to close for the winter",
    "de": "Östlicher Kai bleibt den Winter über gesperrt",
    "fr": "Le quai de l'est fermé pour l'hiver",
    "es": "El muelle oriental cierra durante el invierno",
    "it": "Il molo orientale chiude per l'inverno",
    "nl": "Oostelijke kade de hele winter dicht",
    "sv": "Östra kajen stängs hela vintern",
    "pl": "Wschodnie nabrzeże zamknięte na zimę",
    "pt": "Cais oriental fecha durante o inverno",
    "ja": "東岸壁、冬季は閉鎖へ",
    "zh": "东码头冬季关闭",
}
PAPER = "Brenn Harbour Herald"
SITE = "https://herald.example"


def story(language: str, *, times: int = 2, of: int | None = None) -> str:
    """Paragraphs of two sentences; `of` of them at most."""
    sentences = STORIES[language] * times
    parts = [f"<p>{sentences[n]} {sentences[n + 1]}</p>" for n in range(0, len(sentences) - 1, 2)]
    return "\n".join(parts[:of])


def page(
    title: str,
    body: str,
    *,
    language: str = "en",
    head: str = "",
    data: Any = None,
    og: str | None = None,
    published: bool = False,
    bare: bool = False,
) -> str:
    """A page with the furniture of a site, or `bare` of it."""
    meta = f'<meta property="og:title" content="{escape(title)}">' if og else ""
    meta += f'<meta property="og:type" content="{og}">' if og else ""
    meta += '<meta property="article:published_time" content="2031-03-03T08:00:00+01:00">' if published else ""
    meta += f'<script type="application/ld+json">{json.dumps(data, ensure_ascii=False)}</script>' if data else ""
    sections = "".join(f'<li><a href="/{n}/">{n.title()}</a></li>' for n in ("harbour", "town", "sport", "letters"))
    header = (
        ""
        if bare
        else f'<header><a href="/"><img alt="{PAPER}" src="/l.svg"></a><nav><ul>{sections}</ul></nav></header>'
    )
    footer = "" if bare else f"<footer><ul>{sections}</ul><p>© 2031 {PAPER}. All rights reserved.</p></footer>"
    return (
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'{meta}{head}<script src="/a.js"></script></head><body>{header}{body}{footer}</body></html>'
    )


def linked(kind: str = "NewsArticle", **more: Any) -> dict[str, Any]:
    """JSON-LD of an article."""
    return {
        "@context": "https://schema.org",
        "@type": kind,
        "headline": HEADLINES["en"],
        "datePublished": "2031-03-03T08:00:00+01:00",
        "author": {"@type": "Person", "name": "Jon Aske"},
    } | more


def article(language: str, inner: str, **more: Any) -> str:
    """A page with an article's furniture about `inner`."""
    headline = more.pop("headline", HEADLINES[language])
    after = more.pop("after", "")
    body = f"<main><article><h1>{headline}</h1><p class='byline'>Jon Aske</p>{inner}</article>{after}</main>"
    return page(f"{headline} | {PAPER}", body, language=language, **({"data": linked(), "og": "article"} | more))


def teasers(language: str, count: int, *, lead: bool = True, tag: str = "h3") -> str:
    """Links to other articles as cards."""
    sentences = STORIES[language]
    cards = []
    for n in range(count):
        title = f"{HEADLINES[language]} {n + 1}"
        text = f"<p>{sentences[n % len(sentences)]}</p>" if lead else ""
        cards.append(
            f'<div class="card"><a href="/a/{n}"><img src="/{n}.jpg" alt=""></a>'
            f'<{tag}><a href="/a/{n}/story">{title}</a></{tag}>{text}<span class="time">3 h</span></div>'
        )
    return "\n".join(cards)


def _challenges() -> Iterator[Case]:
    yield Case(
        "cloudflare-managed",
        "challenge",
        "<!DOCTYPE html><html lang='en-US'><head><title>Just a moment...</title>"
        "<meta http-equiv='refresh' content='390'></head><body><div class='main-wrapper'><noscript>"
        "<span id='challenge-error-text'>Enable JavaScript and cookies to continue</span></noscript></div>"
        "<script>(function(){window._cf_chl_opt={cvId:'3',cZone:'herald.example',cType:'managed'};})();</script>"
        "</body></html>",
        f"{SITE}/harbour/quay",
        403,
    )
    yield Case(
        "cloudflare-old-browser-check",
        "challenge",
        page(
            "Just a moment...",
            "<table><tr><td><div class='cf-browser-verification'><noscript><h1>Please turn JavaScript on and reload "
            "the page.</h1></noscript><div id='cf-content'><h1><span>Checking your browser before accessing</span> "
            "herald.example.</h1><p>This process is automatic. Your browser will redirect to your requested content "
            "shortly.</p><p>Please allow up to 5 seconds…</p></div><a href='https://cdn.example/'>DDoS protection by "
            "Sluice</a><br>Ray ID: <code>7c1d2e3f4a5b6c7d</code></div></td></tr></table>",
            bare=True,
        ),
        f"{SITE}/harbour/quay",
    )
    yield Case(
        "cloudflare-blocked",
        "challenge",
        page(
            "Attention Required! | Cloudflare",
            "<div id='cf-wrapper'><h1>Sorry, you have been blocked</h1><h2>You are unable to access herald.example</h2>"
            "<h2>Why have I been blocked?</h2><p>This website is using a security service to protect itself from online "
            "attacks. The action you just performed triggered the security solution. There are several actions that "
            "could trigger this block including submitting a certain word or phrase, a SQL command or malformed data."
            "</p><h2>What can I do to resolve this?</h2><p>You can email the site owner to let them know you were "
            "blocked. Please include what you were doing when this page came up and the Ray ID found at the bottom of "
            "this page.</p><p>Ray ID: 8a1b2c3d4e5f6071</p></div>",
            bare=True,
        ),
        f"{SITE}/harbour/quay",
        403,
    )
    yield Case(
        "datadome",
        "challenge",
        "<html lang='en'><head><title>herald.example</title><style>#cmsg{animation: A 1.5s;}</style></head>"
        "<body style='margin:0'><p id='cmsg'>Please enable JS and disable any ad blocker</p>"
        "<script data-cfasync='false'>var dd={'rt':'c','cid':'AHrl','host':'geo.captcha-delivery.com'}</script>"
        "<script src='https://ct.captcha-delivery.com/c.js'></script></body></html>",
        f"{SITE}/harbour/quay",
        403,
    )
    yield Case(
        "perimeterx",
        "challenge",
        page(
            "Access to this page has been denied",
            "<section class='container'><div class='customer-logo-wrapper'></div><div class='page-title-wrapper'>"
            "<h1>Please verify you are a human</h1></div><div class='content-wrapper'><div id='px-captcha'></div>"
            "<p>Access to this page has been denied because we believe you are using automation tools to browse the "
            "website.</p><p>This may happen as a result of the following:</p><ul><li>Javascript is disabled or blocked "
            "by an extension (ad blockers for example)</li><li>Your browser does not support cookies</li></ul><p>Please "
            "make sure that Javascript and cookies are enabled on your browser and that you are not blocking them from "
            "loading.</p><p>Reference ID: #3f1c2e40-7a11-11ee-8c99-0242ac120002</p></div></section>",
            bare=True,
        ),
        f"{SITE}/harbour/quay",
        403,
    )
    yield Case(
        "akamai-denied",
        "challenge",
        "<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>\n<H1>Access Denied</H1>\n \nYou don't have permission "
        'to access "http&#58;&#47;&#47;herald&#46;example&#47;quay" on this server.<P>\nReference&#32;&#35;18&#46;'
        "2d351ab8&#46;1557333295&#46;a4e16ab\n<P>https&#58;&#47;&#47;errors&#46;edgesuite&#46;net&#47;18</P>\n</BODY></HTML>",
        f"{SITE}/harbour/quay",
    )
    yield Case(
        "incapsula-frame",
        "challenge",
        "<html style='height:100%'><head><META NAME='ROBOTS' CONTENT='NOINDEX, NOFOLLOW'></head><body>"
        "<iframe id='main-iframe' src='/_Incapsula_Resource?SWUDNSAI=31&xinfo=9-1'>Request unsuccessful. Incapsula "
        "incident ID: 877000500191234567-89012345678901234</iframe></body></html>",
        f"{SITE}/harbour/quay",
    )
    yield Case(
        "waf-captcha",
        "challenge",
        page(
            "Human Verification",
            "<noscript><h1>JavaScript is disabled</h1>In order to continue, we need to verify that you're not a robot. "
            "This requires JavaScript. Enable JavaScript and then reload the page.</noscript><div id='captcha'></div>"
            "<script>window.gokuProps={key:'AQIDAHjc',context:'x'};window.awsWafCookieDomainList=[];</script>",
            bare=True,
        ),
        f"{SITE}/harbour/quay",
        405,
    )
    yield Case(
        "unusual-traffic",
        "challenge",
        page(
            "Are you a robot?",
            "<div class='box'><h1>We've detected unusual activity from your computer network</h1><p>To continue, please "
            "click the box below to let us know you're not a robot.</p><div class='g-recaptcha'></div><h2>Why did this "
            "happen?</h2><p>Please make sure your browser supports JavaScript and cookies and that you are not blocking "
            "them from loading. For more information you can review our Terms of Service and Cookie Policy.</p>"
            "<p>For inquiries related to this message please contact our support team and provide the reference ID "
            "below.</p><p>Block reference ID: 5d7a3b10-91ae-11ee</p></div>",
            bare=True,
        ),
        f"{SITE}/harbour/quay",
    )
    yield Case(
        "german-bot-check",
        "challenge",
        page(
            "Sicherheitsüberprüfung",
            "<main><h1>Einen Moment bitte</h1><p>Wir überprüfen Ihren Browser. Bitte bestätigen Sie, dass Sie ein "
            "Mensch sind.</p><form><button>Ich bin kein Roboter</button></form></main>",
            language="de",
            bare=True,
        ),
        f"{SITE}/hafen/kai",
    )
    yield Case(
        "french-bot-check",
        "challenge",
        page(
            "Accès refusé",
            "<div><h1>Accès temporairement restreint</h1><p>Nous avons détecté un trafic inhabituel venant de votre "
            "réseau. Confirmez que vous n’êtes pas un robot pour continuer.</p></div>",
            language="fr",
            bare=True,
        ),
        f"{SITE}/port/quai",
        403,
    )
    yield Case(
        "chinese-bot-check",
        "challenge",
        page(
            "安全验证",
            "<div><h1>请完成验证</h1><p>系统检测到异常访问，请拖动滑块。</p></div>",
            language="zh",
            bare=True,
        ),
        f"{SITE}/gang/1",
    )
    yield Case(
        "plain-forbidden",
        "challenge",
        "<html><head><title>403 Forbidden</title></head><body><center><h1>403 Forbidden</h1></center><hr><center>nginx"
        "</center></body></html>",
        f"{SITE}/harbour/quay",
        403,
    )


def _consents() -> Iterator[Case]:
    yield Case(
        "german-pur-wall",
        "consent-wall",
        page(
            f"Weiterlesen mit Werbung | {PAPER}",
            "<main><h1>Willkommen beim Hafenboten</h1><h2>Mit Werbung weiterlesen</h2><p>Besuchen Sie den Hafenboten wie "
            "gewohnt mit Werbung und Tracking. Details zum Tracking finden Sie in der Datenschutzerklärung und im "
            "Privacy Center. Ihre Zustimmung können Sie dort jederzeit widerrufen.</p><button>Zustimmen und weiter"
            "</button><h2>Pur-Abo</h2><p>Nutzen Sie uns ganz ohne Werbetracking und praktisch werbefrei im Pur-Abo für "
            "4,99 € im Monat.</p><a href='/pur'>Zum Angebot</a><p>Wir und unsere bis zu 187 Partner verarbeiten Ihre "
            "Daten, um Anzeigen und Inhalte zu personalisieren.</p></main>",
            language="de",
            bare=True,
        ),
        f"{SITE}/hafen/kai",
    )
    yield Case(
        "german-cmp-over-nothing",
        "consent-wall",
        page(
            f"{PAPER}",
            "<div class='cmp' role='dialog'><h2>Ihre Privatsphäre ist uns wichtig</h2><p>Wir und unsere 212 Partner "
            "speichern und/oder greifen auf Informationen auf einem Gerät zu, z. B. auf eindeutige Kennungen in Cookies, "
            "um personenbezogene Daten zu verarbeiten. Sie können Ihre Auswahl akzeptieren oder verwalten.</p><p>Wir und "
            "unsere Partner verarbeiten Daten, um Folgendes bereitzustellen: genaue Standortdaten, personalisierte "
            "Werbung, Messung von Inhalten.</p><button>Alle akzeptieren</button><button>Einstellungen</button></div>",
            language="de",
        ),
        f"{SITE}/hafen/kai",
    )
    yield Case(
        "before-you-continue",
        "consent-wall",
        page(
            "Before you continue",
            "<form action='/consent'><h1>Before you continue to the Harbour Herald</h1><p>We and our partners use cookies "
            "and similar technologies to store and/or access information on your device.</p><p>If you click 'Accept all', "
            "we and our 236 partners will also use precise geolocation data and browsing data for analytics, personalised "
            "advertising and content, advertising and content measurement, and audience research.</p><p>You can change "
            "your choices at any time by clicking on the 'Privacy dashboard' links. Find out more about how we use your "
            "personal data in our privacy policy and cookie policy.</p><button>Accept all</button><button>Reject all"
            "</button></form>",
            bare=True,
        ),
        "https://consent.herald.example/v2/collectConsent?sessionId=1",
    )
    yield Case(
        "french-wall-or-pay",
        "consent-wall",
        page(
            f"Choisissez comment lire | {PAPER}",
            "<div class='gdpr'><h1>Vous avez choisi de refuser les cookies</h1><p>Avec votre accord, nous et nos 96 "
            "partenaires utilisons des cookies pour stocker et consulter des données personnelles comme votre visite sur "
            "ce site.</p><p>Vous pouvez retirer votre consentement à tout moment dans notre politique de confidentialité."
            "</p><button>Accepter et continuer</button><a href='/abo'>S'abonner pour 1 €</a></div>",
            language="fr",
            bare=True,
        ),
        f"{SITE}/port/quai",
    )
    yield Case(
        "dutch-privacy-gate",
        "consent-wall",
        page(
            "Privacy instellingen",
            "<main><h1>Jouw privacy</h1><p>Wij en onze 140 partners gebruiken cookies en vergelijkbare technieken om "
            "informatie op te slaan en te openen.</p><p>Met jouw toestemming tonen wij persoonlijke advertenties. Lees "
            "meer in ons privacybeleid en cookiebeleid.</p><button>Akkoord</button><button>Instellen</button></main>",
            language="nl",
            bare=True,
        ),
        f"{SITE}/haven/kade",
    )
    yield Case(
        "polish-consent",
        "consent-wall",
        page(
            f"{PAPER}",
            "<div><h1>Twoja prywatność</h1><p>My i nasi zaufani partnerzy używamy plików cookies, aby przetwarzać Twoje "
            "dane osobowe w celach reklamowych.</p><p>Twoja zgoda jest dobrowolna i możesz ją wycofać w polityce "
            "prywatności.</p><button>Akceptuję</button></div>",
            language="pl",
            bare=True,
        ),
        f"{SITE}/port/1",
    )
    yield Case(
        "italian-consent-with-metadata",
        "consent-wall",
        page(
            f"{HEADLINES['it']} | {PAPER}",
            "<div class='wall'><p>Noi e i nostri partner utilizziamo i cookie per archiviare informazioni sul "
            "dispositivo e trattare dati personali con il tuo consenso.</p><p>Per continuare a leggere gratis accetta i "
            "cookie di profilazione, come descritto nella cookie policy e nella privacy policy.</p>"
            "<button>Accetta e continua</button></div>",
            language="it",
            data=linked(headline=HEADLINES["it"]),
            og="article",
            bare=True,
        ),
        f"{SITE}/porto/molo",
    )
    yield Case(
        "swedish-consent",
        "consent-wall",
        page(
            f"{PAPER}",
            "<div role='dialog'><h2>Vi värnar om din integritet</h2><p>Vi och våra samarbetspartner använder cookies för "
            "att lagra information på din enhet och visa personliga annonser.</p><p>Du kan när som helst återkalla ditt "
            "samtycke i vår cookiepolicy.</p><button>Godkänn alla</button></div>",
            language="sv",
            bare=True,
        ),
        f"{SITE}/hamn/kaj",
    )


def _not_found() -> Iterator[Case]:
    yield Case(
        "soft-404-plain",
        "soft-404",
        page(
            f"Page not found | {PAPER}",
            "<main><h1>Page not found</h1><p>Sorry, the page you are looking for does not exist or has been moved. Try "
            "searching for it, or go back to the home page.</p><form><input name='q'></form></main>",
        ),
        f"{SITE}/harbour/quay",
        200,
    )
    yield Case(
        "soft-404-with-teasers",
        "soft-404",
        page(
            f"404 - Page not found - {PAPER}",
            "<main><h1>Oops! That page can’t be found.</h1><p>It looks like nothing was found at this location. Maybe "
            f"one of these stories?</p><section><h2>Most read</h2>{teasers('en', 12)}</section></main>",
        ),
        f"{SITE}/harbour/quay",
        200,
    )
    yield Case(
        "wordpress-404-as-article",
        "soft-404",
        page(
            f"Page not found - {PAPER}",
            "<div class='error-404 not-found'><h1>Oops! That page can&rsquo;t be found.</h1><p>It looks like nothing was "
            "found at this location.</p></div>",
            og="article",
            data={"@context": "https://schema.org", "@graph": [{"@type": "WebSite", "name": PAPER}]},
        ),
        f"{SITE}/harbour/quay",
    )
    yield Case(
        "german-404",
        "soft-404",
        page(
            f"Seite nicht gefunden – {PAPER}",
            "<main><h1>Seite nicht gefunden</h1><p>Die Seite, die Sie aufrufen wollten, existiert leider nicht mehr. "
            f"Vielleicht interessiert Sie das hier:</p>{teasers('de', 6)}</main>",
            language="de",
        ),
        f"{SITE}/hafen/kai",
    )
    yield Case(
        "french-404",
        "soft-404",
        page(
            f"Page introuvable | {PAPER}",
            "<main><h1>Erreur 404</h1><p>La page que vous recherchez n’existe plus ou a été déplacée.</p></main>",
            language="fr",
        ),
        f"{SITE}/port/quai",
    )
    yield Case(
        "spanish-404",
        "soft-404",
        page(
            f"Página no encontrada - {PAPER}",
            "<main><h1>¡Ups!</h1><p>La página que buscas no existe o ya no está disponible.</p></main>",
            language="es",
        ),
        f"{SITE}/puerto/muelle",
    )
    yield Case(
        "italian-404",
        "soft-404",
        page(
            f"Pagina non trovata | {PAPER}",
            "<main><h2>Ci dispiace</h2><p>La pagina che stai cercando non esiste o è stata rimossa.</p></main>",
            language="it",
        ),
        f"{SITE}/porto/molo",
    )
    yield Case(
        "norwegian-404",
        "soft-404",
        page(
            "Siden finnes ikke",
            "<main><h1>Beklager, siden finnes ikke</h1><p>Siden du leter etter er flyttet eller slettet.</p></main>",
            language="no",
        ),
        f"{SITE}/havn/kai",
    )
    yield Case(
        "japanese-404",
        "soft-404",
        page(
            f"ページが見つかりません | {PAPER}",
            "<main><h1>ページが見つかりません</h1><p>お探しのページは見つかりませんでした。掲載期間が終了した可能性があります。</p></main>",
            language="ja",
        ),
        f"{SITE}/minato/1",
    )
    yield Case(
        "chinese-404",
        "soft-404",
        page("页面不存在", "<div><h1>404</h1><p>抱歉，您访问的页面不存在。</p></div>", language="zh"),
        f"{SITE}/gang/1",
    )
    yield Case(
        "article-removed",
        "soft-404",
        page(
            f"Article not found | {PAPER}",
            "<main><h1>Sorry, this article is no longer available</h1><p>The article you requested has been removed. "
            f"Here is the latest from the harbour.</p><ul>{teasers('en', 8, lead=False, tag='h4')}</ul></main>",
        ),
        f"{SITE}/harbour/quay",
    )
    yield Case(
        "hard-404-without-words",
        "soft-404",
        page(PAPER, f"<main><h1>Something went wrong</h1><p>Back to the harbour.</p>{teasers('en', 3)}</main>"),
        f"{SITE}/harbour/quay",
        404,
    )


def _shells() -> Iterator[Case]:
    yield Case(
        "react-shell",
        "script-shell",
        "<!doctype html><html lang='en'><head><meta charset='utf-8'/><title>Brenn Harbour Herald</title>"
        "<script defer src='/static/js/main.8a1b.js'></script></head><body><noscript>You need to enable JavaScript to run "
        "this app.</noscript><div id='root'></div></body></html>",
        f"{SITE}/harbour/quay",
    )
    yield Case(
        "nuxt-shell",
        "script-shell",
        "<!doctype html><html><head><title>Hafenbote</title></head><body><div id='__nuxt'></div>"
        f"<script>window.__NUXT__={{config:{{}}}};{'var a=1;' * 900}</script></body></html>",
        f"{SITE}/hafen/kai",
    )
    yield Case(
        "shell-with-metadata",
        "script-shell",
        page(
            f"{HEADLINES['en']} | {PAPER}",
            "<div id='app'></div><script src='/chunk.js'></script>",
            data=linked(),
            og="article",
            published=True,
            bare=True,
        ),
        f"{SITE}/harbour/quay",
    )
    yield Case(
        "german-script-notice",
        "script-shell",
        page(
            PAPER,
            "<div id='main'><p>Bitte aktivieren Sie JavaScript in Ihrem Browser, um diese Seite zu lesen.</p></div>",
            language="de",
            bare=True,
        ),
        f"{SITE}/hafen/kai",
    )
    yield Case(
        "angular-shell",
        "script-shell",
        "<html><head><title>Herald</title></head><body><app-root></app-root><script src='runtime.js'></script>"
        "<script src='polyfills.js'></script><noscript>Please enable JavaScript to continue using this application."
        "</noscript></body></html>",
        f"{SITE}/harbour/quay",
    )
    yield Case(
        "spinner-shell",
        "script-shell",
        page(
            PAPER,
            "<div id='app'><div class='spinner'>Loading…</div></div><noscript>This site requires JavaScript."
            "</noscript>",
            bare=True,
        ),
        f"{SITE}/harbour/quay",
    )


def _fronts() -> Iterator[Case]:
    yield Case("home-page", "section-front", page(PAPER, f"<main>{teasers('en', 24)}</main>", og="website"), f"{SITE}/")
    yield Case(
        "wordpress-category",
        "section-front",
        page(
            f"Harbour Archives - {PAPER}",
            f"<main><h1>Category: Harbour</h1>{teasers('en', 10, tag='h2')}</main>",
            og="article",
            data={"@context": "https://schema.org", "@graph": [{"@type": "CollectionPage", "name": "Harbour"}]},
        ),
        f"{SITE}/category/harbour/",
    )
    yield Case(
        "section-without-leads",
        "section-front",
        page(f"Sport | {PAPER}", f"<main><h1>Sport</h1>{teasers('en', 20, lead=False)}</main>", og="website"),
        f"{SITE}/sport/",
    )
    yield Case(
        "german-section",
        "section-front",
        page(f"Hafen | {PAPER}", f"<main><h1>Hafen</h1>{teasers('de', 15)}</main>", language="de", og="website"),
        f"{SITE}/hafen/",
    )
    yield Case(
        "french-home",
        "section-front",
        page(f"{PAPER} : l'actualité du port", f"<main>{teasers('fr', 18, tag='h2')}</main>", language="fr"),
        f"{SITE}/",
    )
    yield Case(
        "japanese-section",
        "section-front",
        page(f"港 | {PAPER}", f"<main><h1>港</h1>{teasers('ja', 16)}</main>", language="ja", og="website"),
        f"{SITE}/minato/",
    )
    yield Case(
        "author-page",
        "section-front",
        page(
            f"Jon Aske | {PAPER}",
            "<main><h1>Jon Aske</h1><p class='bio'>Jon Aske has written about the harbour since 2019.</p>"
            f"{teasers('en', 12)}</main>",
            og="profile",
            data={"@context": "https://schema.org", "@type": "CollectionPage", "name": "Jon Aske"},
        ),
        f"{SITE}/by/jon-aske/",
    )
    yield Case(
        "search-results",
        "section-front",
        page(
            f"Search results for quay | {PAPER}",
            f"<main><h1>Results for: quay</h1>{teasers('en', 10)}</main>",
            data={"@context": "https://schema.org", "@type": "SearchResultsPage"},
        ),
        f"{SITE}/?s=quay",
    )
    yield Case(
        "front-of-linked-articles",
        "section-front",
        page(
            f"Town news | {PAPER}",
            f"<main><h1>Town</h1>{teasers('en', 14)}</main>",
            og="website",
            data=[linked(headline=f"{HEADLINES['en']} {n}", url=f"{SITE}/a/{n}") for n in range(14)],
        ),
        f"{SITE}/town/",
    )
    yield Case(
        "cards-that-are-links",
        "section-front",
        page(
            f"Letters | {PAPER}",
            "<main><h1>Letters</h1>"
            + "".join(
                f"<a class='card' href='/l/{n}'><h3>{HEADLINES['en']} {n}</h3><p>{STORIES['en'][n % 8]}</p></a>"
                for n in range(14)
            )
            + "</main>",
            og="website",
        ),
        f"{SITE}/letters/",
    )


def _media() -> Iterator[Case]:
    video = {"@context": "https://schema.org", "@type": "VideoObject", "name": "Crane lifts pile", "duration": "PT1M"}
    yield Case(
        "video-without-text",
        "video-only",
        page(
            f"Watch: crane lifts pile | {PAPER}",
            "<main><h1>Crane lifts pile</h1><video src='/v.mp4'></video><h2>More videos</h2>"
            f"{teasers('en', 6, lead=False)}</main>",
            og="video.other",
            data=video,
        ),
        f"{SITE}/video/1",
    )
    yield Case(
        "german-video-without-text",
        "video-only",
        page(
            f"Kran hebt Pfahl – Video | {PAPER}",
            "<main><h1>Kran hebt Pfahl</h1><div class='player' data-id='9'></div><span>01:12</span></main>",
            language="de",
            og="video.other",
            data=video,
        ),
        f"{SITE}/video/2",
    )
    yield Case(
        "video-with-description",
        "video",
        page(
            f"Watch: crane lifts pile | {PAPER}",
            f"<main><h1>Crane lifts pile</h1><video src='/v.mp4'></video><div class='desc'>{story('en', of=1)}</div></main>",
            og="video.other",
            data=video,
        ),
        f"{SITE}/video/3",
    )
    yield Case(
        "video-with-transcript",
        "video",
        page(
            f"Interview: the chairwoman on the quay | {PAPER}",
            "<main><h1>The chairwoman on the quay</h1><video src='/v.mp4'></video><h2>Transcript</h2>"
            f"<div class='transcript'>{story('en', times=4)}</div></main>",
            og="video.other",
            data=video,
        ),
        f"{SITE}/video/4",
    )
    gallery = {"@context": "https://schema.org", "@type": "ImageGallery", "name": "Storm over Brenn"}
    figures = "".join(f"<figure><img src='/{n}.jpg'></figure>" for n in range(9))
    captioned = "".join(
        f"<figure><img src='/{n}.jpg'><figcaption>{text}</figcaption></figure>" for n, text in enumerate(STORIES["en"])
    )
    yield Case(
        "gallery-without-text",
        "gallery-only",
        page(f"In pictures | {PAPER}", f"<main><h1>Storm over Brenn</h1>{figures}</main>", data=gallery, og="gallery"),
        f"{SITE}/gallery/1",
    )
    yield Case(
        "gallery-with-captions",
        "gallery",
        page(
            f"Storm over Brenn – in pictures | {PAPER}",
            f"<main><article><h1>Storm over Brenn</h1><p>{STORIES['en'][0]} {STORIES['en'][1]}</p>{captioned}</article></main>",
            data=gallery,
            og="article",
        ),
        f"{SITE}/gallery/2",
    )
    yield Case(
        "gallery-by-title",
        "gallery",
        article(
            "en", f"<p>{STORIES['en'][0]} {STORIES['en'][1]}</p>{captioned}", headline="Storm over Brenn: in pictures"
        ),
        f"{SITE}/gallery/3",
    )


def _live() -> Iterator[Case]:
    def updates(language: str, count: int) -> str:
        return "".join(
            f"<section class='entry'><time datetime='2031-03-03T{8 + n // 4:02d}:{n % 4 * 15:02d}:00+01:00'>{8 + n // 4}.{n % 4 * 15:02d}"
            f"</time><h2>{HEADLINES[language]}</h2><p>{STORIES[language][n % len(STORIES[language])]}</p></section>"
            for n in range(count)
        )

    live = linked("LiveBlogPosting", coverageStartTime="2031-03-03T08:00:00+01:00")
    yield Case("live-linked", "live-blog", article("en", updates("en", 12), data=live), f"{SITE}/live/1")
    yield Case(
        "live-long-lead",
        "live-blog",
        article("en", story("en") + updates("en", 4), data=[live, {"@type": "BreadcrumbList"}]),
        f"{SITE}/live/2",
    )
    yield Case(
        "live-microdata",
        "live-blog",
        page(
            f"Quay closes | {PAPER}",
            "<main itemscope itemtype='https://schema.org/LiveBlogPosting'><h1 itemprop='headline'>Quay closes</h1>"
            f"{updates('en', 9)}</main>",
            og="article",
        ),
        f"{SITE}/live/3",
    )
    yield Case(
        "german-ticker",
        "live-blog",
        article("de", updates("de", 10), headline="Liveticker: Kai wird gesperrt"),
        f"{SITE}/ticker/1",
    )
    yield Case(
        "spanish-live",
        "live-blog",
        article("es", updates("es", 10), headline="Cierre del muelle, en directo: última hora"),
        f"{SITE}/directo/1",
    )


def _walls() -> Iterator[Case]:
    priced = {"isAccessibleForFree": False, "hasPart": {"@type": "WebPageElement", "cssSelector": ".paywall"}}
    for language, words in {
        "en": "Subscribe now to read the rest of this article. Already a subscriber? Log in.",
        "de": "Jetzt weiterlesen mit H+. Dieser Artikel ist exklusiv für Abonnenten. Bereits Abonnent? Hier anmelden.",
        "fr": "Il vous reste 72 % de cet article à lire. La suite est réservée aux abonnés.",
        "es": "Suscríbete para seguir leyendo. Contenido exclusivo para suscriptores.",
        "it": "Contenuto riservato agli abbonati. Abbonati per leggere tutto l’articolo. Sei già abbonato? Accedi.",
        "nl": "Verder lezen? Dit artikel is exclusief voor abonnees. Al abonnee? Log in.",
        "sv": "Läs vidare med ett abonnemang. Artikeln är för prenumeranter. Redan prenumerant? Logga in.",
        "pl": "Dalsza część artykułu dostępna dla prenumeratorów. Aby czytać dalej, wykup dostęp.",
        "pt": "Continue lendo: conteúdo exclusivo para assinantes. Já é assinante? Entre.",
        "ja": "この記事は有料会員限定です。残り1203文字",
        "zh": "本文仅限订阅用户阅读，登录后继续阅读。",
    }.items():
        wall = f"<div class='wall'><p>{words}</p><a href='/abo'>+</a></div>"
        inner = story(language, of=2) + wall
        yield Case(
            f"wall-{language}",
            "paywalled",
            article(language, inner, data=linked(**priced)),
            f"{SITE}/plus/{language}",
        )
    yield Case(
        "wall-unstated",
        "paywalled",
        article("en", story("en", of=2) + "<p>To continue reading this article, please sign in or subscribe.</p>"),
        f"{SITE}/plus/unstated",
    )
    yield Case(
        "wall-by-word-count",
        "paywalled",
        article("en", story("en", of=5), data=linked(**priced, wordCount=1240)),
        f"{SITE}/plus/count",
    )
    yield Case(
        "wall-ellipsis",
        "paywalled",
        article("de", story("de", of=2) + "<p>Am Donnerstag aber wird im alten Zollhaus …</p>", data=linked(**priced)),
        f"{SITE}/plus/ellipsis",
    )


def _articles() -> Iterator[Case]:
    for language in ("en", "de", "ja", "pl"):
        yield Case(f"plain-{language}", "article", article(language, story(language, times=3)), f"{SITE}/a/{language}")
    yield Case(
        "priced-and-whole",
        "article",
        article("en", story("en", times=5), data=linked(isAccessibleForFree=False, wordCount=340)),
        f"{SITE}/plus/whole",
    )
    yield Case(
        "priced-with-marked-part",
        "article",
        article(
            "de",
            f"{story('de', of=1)}<div class='paywall'>{story('de', times=4)}</div>",
            data=linked(
                isAccessibleForFree="False", hasPart={"cssSelector": ".paywall", "isAccessibleForFree": "False"}
            ),
        ),
        f"{SITE}/plus/part",
    )
    yield Case(
        "about-captchas",
        "article",
        article(
            "en",
            "<p>“Verify you are human”: four words that millions read every day. The library of Brenn has measured how "
            "much time its readers lose over captchas, and is to do without them.</p><p>Whoever opened its catalogue had "
            "to complete the security check first. “Checking your browser” stood on the screen for six seconds, on the "
            "old computers in the reading room for twenty.</p><p>Now the library asks a single question about books. "
            "Robots, says its director Una Reed, have not yet learnt to answer it.</p>",
            headline="Why a library gave up asking whether its readers are robots",
            data=None,
        ),
        f"{SITE}/town/captcha",
    )
    yield Case(
        "brief-about-access",
        "article",
        page(
            f"Access denied at the lighthouse | {PAPER}",
            "<main><h1>Access denied at the lighthouse</h1><p>Visitors found the door of Brenn lighthouse locked on Sunday. "
            "The keeper said that the stairs were wet and that nobody would be let in before Wednesday, when a joiner from "
            "Oberau is to look at them.</p></main>",
        ),
        f"{SITE}/town/lighthouse",
    )
    yield Case(
        "about-cookies",
        "article",
        article(
            "en",
            "<p>“We and our 800 partners value your privacy”: with such sentences sites ask for consent, and hardly anyone "
            "reads on. A court in Oberau has now ruled on what a button may say.</p><p>The baker Tom Lind had sued his "
            "newspaper because its cookie banner offered “Accept all” in green and “Reject all” in pale grey. That is no "
            "free choice, the judge found.</p><p>The newspaper must show both buttons alike from May. It said that it would "
            "appeal, for advertising paid for its reporters.</p><p>The ruling does not touch the question whether sites may "
            "ask for money instead of consent.</p>",
            headline="Court: green button for cookies is no free choice",
            after="<div class='cmp'><p>We use cookies.</p><button>Accept all</button><button>Reject all</button></div>",
        ),
        f"{SITE}/town/cookies",
    )
    yield Case(
        "german-about-cookies-unstated",
        "article",
        page(
            "Gericht: Grüner Knopf ist keine freie Wahl",
            "<div class='text'><h1>Grüner Knopf ist keine freie Wahl</h1><p>Mit Sätzen wie „Wir und unsere 800 Partner“ "
            "bitten Seiten um Zustimmung, und kaum jemand liest weiter. Das Landgericht Oberau hat nun entschieden, wie ein "
            "solcher Knopf aussehen darf.</p><p>Der Bäcker Tom Lind hatte seine Zeitung verklagt, weil sie den einen Knopf "
            "grün und den anderen blassgrau gefärbt hatte. Das sei keine freie Wahl, befand die Richterin am Dienstag in "
            "ihrer mündlichen Begründung vor vollem Saal.</p><p>Die Zeitung muss beide Knöpfe ab Mai gleich zeigen. Sie "
            "kündigte Berufung an, denn von der Werbung lebten ihre Reporter.</p></div>"
            "<div id='banner'><p>Wir verwenden Cookies.</p><button>Alle akzeptieren</button></div>",
            language="de",
        ),
        f"{SITE}/stadt/cookies",
    )
    yield Case(
        "banner-over-article",
        "article",
        article(
            "en",
            story("en", times=2),
            after="<div id='onetrust'><h2>We value your privacy</h2><p>We and our 650 partners store and/or access information "
            "on a device, such as cookies and process personal data, such as unique identifiers and standard information sent "
            "by a device for personalised advertising and content. With your permission we and our partners may use precise "
            "geolocation data.</p><button>Accept all</button><button>Reject all</button></div>",
        ),
        f"{SITE}/a/banner",
    )
    yield Case(
        "banner-over-brief",
        "article",
        page(
            f"Ferry late | {PAPER}",
            "<div class='cookie'><p>We use cookies to improve your visit. See our cookie policy.</p><button>Accept</button></div>"
            "<main><h1>Ferry late</h1><p>The morning ferry from Oberau reached Brenn forty minutes late on Friday because of fog. "
            "Nobody was hurt, the company said, and the afternoon boats sailed on time. Tickets for the late crossing are "
            "valid until Sunday night.</p></main>",
        ),
        f"{SITE}/town/ferry",
    )
    yield Case(
        "letter-not-found",
        "article",
        page(
            f"Not found | Letters | {PAPER}",
            "<main><h1>Not found</h1><p>Sir, I have now asked three times at the town hall for the plan of the eastern quay, and "
            "three times I was told that it could not be found. The first clerk sent me to the cellar, the second to the "
            "attic, and the third asked me whether I was sure that there had ever been a plan.</p><p>There was: my "
            "grandfather drew it, and I remember it on our kitchen table in the summer of 1958. If the town has lost it, "
            "let it say so.</p><p>Edda Moor, Brenn</p></main>",
        ),
        f"{SITE}/letters/12",
        200,
    )
    yield Case(
        "about-404",
        "article",
        article(
            "en",
            "<p>Room 404 of the Grand Hotel at Brenn was never there. Between 403 and 405 the corridor has a blank wall, and "
            "guests have asked why since the house opened in 1931.</p><p>Now builders have found a door behind the plaster. "
            "“The page you are looking for does not exist” is what the owner, Lou Bran, had hung on the wall as a joke; behind "
            "it there was a wash-stand, a bed and a newspaper of 1934.</p>" + story("en", of=2),
            headline="404",
            data=None,
        ),
        f"{SITE}/town/404",
    )
    yield Case(
        "brief-of-forty-words",
        "article",
        page(
            f"Crane arrives | {PAPER}",
            "<main><h1>Crane arrives</h1><p>The floating crane that is to draw the cracked piles of the eastern quay reached Brenn "
            "on Saturday night. It came from Oberau behind two tugs and is moored at the coal pier until the work begins in "
            "November, the harbour master said.</p></main>",
        ),
        f"{SITE}/harbour/crane",
    )
    yield Case(
        "many-related-links",
        "article",
        article(
            "en", story("en"), after=f"<section><h2>More from the harbour</h2>{teasers('en', 30)}</section>", data=None
        ),
        f"{SITE}/a/related",
    )
    yield Case(
        "many-related-links-unstated",
        "article",
        page(
            f"{HEADLINES['fr']} | {PAPER}",
            f"<div class='c'><h1>{HEADLINES['fr']}</h1>{story('fr')}</div><div>{teasers('fr', 25)}</div>",
            language="fr",
        ),
        f"{SITE}/a/liens",
    )
    yield Case(
        "round-up-of-linked-headings",
        "article",
        page(
            f"Five things to do in Brenn | {PAPER}",
            "<main><h1>Five things to do in Brenn</h1><p>Rain or shine, the town has something on this weekend. Our reporters "
            "have walked its streets and put together what they would do themselves, with or without children.</p>"
            + "".join(
                f"<h2><a href='https://place{n}.example/'>Visit place number {n} in the town</a></h2><p>{a} {b}</p>"
                for n, (a, b) in enumerate(zip(STORIES["en"], STORIES["en"][1:], strict=False))
            )
            + "</main>",
            og="article",
        ),
        f"{SITE}/town/five-things",
    )
    yield Case(
        "newsletter-promotion-at-the-end",
        "article",
        article("en", story("en") + "<p>Subscribe to our newsletter for more stories from the harbour.</p>"),
        f"{SITE}/a/newsletter",
    )
    yield Case(
        "about-paywalls",
        "article",
        article(
            "en",
            story("en", times=3)
            + "<p>The Herald itself will put its archive behind a wall: from May the years before 2020 are for subscribers only. "
            "“It is a step that we owe to those who pay,” its editor said.</p>" + story("en", times=2),
        ),
        f"{SITE}/town/wall",
    )
    yield Case(
        "live-music",
        "article",
        article("en", story("en"), headline="Live music returns to Brenn"),
        f"{SITE}/town/music",
    )
    yield Case(
        "article-with-video",
        "article",
        article(
            "en",
            "<video src='/v.mp4'></video>" + story("en"),
            data=[linked(), {"@type": "VideoObject", "name": "Quay"}],
        ),
        f"{SITE}/a/video",
    )
    yield Case(
        "breaks-not-paragraphs",
        "article",
        page(
            HEADLINES["en"],
            "<table><tr><td><h1>Eastern quay</h1>"
            + "<br><br>".join(STORIES["en"])
            + f"</td><td>{teasers('en', 12)}</td></tr></table>",
        ),
        f"{SITE}/old/quay.html",
    )
    yield Case(
        "wrapped-paragraphs",
        "article",
        page(
            HEADLINES["de"],
            "<div><h1>Kai gesperrt</h1>"
            + "".join(f"<div class='block'><div><p>{s}</p></div></div>" for s in STORIES["de"])
            + f"</div><div>{teasers('de', 14)}</div>",
            language="de",
        ),
        f"{SITE}/hafen/kai-2",
    )
    yield Case(
        "script-story-server-rendered",
        "article",
        page(
            f"{HEADLINES['en']}",
            f"<noscript>Please enable JavaScript.</noscript><div id='root'><main><h1>{HEADLINES['en']}</h1>{story('en')}</main></div>",
            bare=True,
        ),
        f"{SITE}/a/rendered",
    )
    yield Case(
        "403-with-an-article",
        "article",
        article("en", story("en")),
        f"{SITE}/a/403",
        403,
    )
    yield Case(
        "story-at-the-root",
        "article",
        page(HEADLINES["en"], f"<h1>Quay</h1><div>{story('en')}</div>"),
        "https://quay.example/",
    )


CASES = [
    *_challenges(),
    *_consents(),
    *_not_found(),
    *_shells(),
    *_fronts(),
    *_media(),
    *_live(),
    *_walls(),
    *_articles(),
]
