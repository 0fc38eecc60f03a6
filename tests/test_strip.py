"""Boilerplate goes, the story stays, and what went can be put back."""

from __future__ import annotations

import json
import pickle
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.strip import Position, RulesError, Unit, has_match, load_rules, restore, strip
from pipelines.values import Extracted, Rejected, Stripped
from warehouse.rows import Reason, Stage

RULES = load_rules()
SHARED = Path(__file__).parents[2] / "shared" / "data"

STORY = (
    "The harbour of Lindholm closed on Tuesday after a crane fell into the water.",
    "Nobody was hurt, the mayor said. Ships wait outside the bay.",
    "“We heard a bang,” said a fisherman, who had just sold his catch.",
    "Work goes on, and the company will sign up for the scheme in May.",
)
FOOTER = (
    "Data & News supplied by www.cloudquote.io",
    "Stock quotes supplied by Barchart",
    "Quotes delayed at least 20 minutes.",
    "By accessing this page, you agree to the following",
    "Privacy Policy and Terms and Conditions.",
)
BODY = "\n\n".join(STORY)


def stripped(text: str, url: str | None = None) -> Stripped:
    result = strip(Extracted(text=text, extractor="test", url=url), RULES)
    assert restore(result.body, result.removals) == text
    return result


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.name)
def test_the_example_matches_and_the_counterexample_does_not(rule):
    assert has_match(rule, rule.example)
    assert not has_match(rule, rule.counterexample)


IN_PLACE = [rule for rule in RULES.rules if rule.unit not in (Unit.OPENING, Unit.HEADLINE)]


@pytest.mark.parametrize("rule", IN_PLACE, ids=lambda rule: rule.name)
def test_every_example_goes_as_a_paragraph_and_the_story_stays(rule):
    text = "\n\n".join([*STORY, rule.example])
    assert stripped(text).body == BODY


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.name)
def test_every_counterexample_stays_inside_the_story(rule):
    text = "\n\n".join([*STORY[:2], rule.counterexample.strip(), *STORY[2:]])
    assert stripped(text).body == text


PHRASES = """
Real-time snapshot. Data is delayed at least 15 minutes.
All quotes delayed a minimum of 15 minutes.
Market data provided by FactSet.
Market data provided by Refinitiv.
Powered and implemented by FactSet Digital Solutions.
Fund data by Lipper
Purchase Licensing Rights
Suggested Topics:
Our Standards: The Lind Trust Principles.
Follow AP's coverage at https://apnews.example/hub
This material may not be published, broadcast, rewritten or redistributed.
™ & © 2031 Lind Network, Inc.
For personal, non-commercial use only
CLICK HERE TO GET THE LIND NEWS APP
GET LIND BUSINESS ON THE GO BY CLICKING HERE
Top headlines are here
Like what you're reading?
Like what you’re reading?
Add us on Google
Watch the clip here:
Follow us on
READ MORE ON THE LINDHOLM CRANE
Recommended Stories
More from Lind News
Also read: A crane is raised
See also: A crane is raised
Story continues below advertisement
Advertisement - Scroll to Continue
End of carousel
Skip past newsletter promotion
Share this article
Click to share on Facebook (Opens in new window)
Print
Comments
Sign in to comment
This site is protected by reCAPTCHA
We use cookies to improve this site.
5 min read
1,204 views
Sign up for our newsletter
Subscribe to our newsletter
Get our daily news
Don't miss a brief. Sign up for our daily email.
By signing up I agree to the terms
Support independent journalism
Already a subscriber?
(Image: AFP)
Photograph: Anna Lind/AFP
Photo by Anna Lind/Getty Images
Image copyright
Media caption
File photo
""".strip().splitlines()


@pytest.mark.parametrize("phrase", PHRASES)
def test_known_phrases_leave_no_residue(phrase):
    text = "\n\n".join([*STORY[:2], phrase, *STORY[2:]])
    assert stripped(text).body == BODY


# What pages of many publishers set between and behind their paragraphs.
LINES = """
Sign up for The Morning newsletter from the Lind Times
Sign up to get the best stories of the week
Subscribe to Lind Weekly
Subscribe today and save 50%
Subscribe now for full access
Start your free trial today
Get unlimited access for just $1
Want to stay informed? Sign up for our free newsletter
Sign up for Breaking News Alerts
Get breaking news alerts in your inbox
Never miss a story: subscribe to our newsletter
Delivered to your inbox every weekday morning.
To receive our newsletter, enter your email below
Your email address will not be published. Required fields are marked *
Thank you for subscribing!
Please enter a valid email address
You have successfully subscribed
By subscribing you agree to our Terms of Use and Privacy Policy
I would like to receive offers and promotions
Newsletter Sign-up
Email newsletters
Subscribe to our RSS feed
Subscribe to our YouTube channel
Subscribe to the podcast on Apple Podcasts
Like us on Facebook
Follow us on Facebook, Twitter and Instagram
Follow @annalind on Twitter
Follow Anna Lind on Twitter: @annalind
Connect with us on Facebook
Join the conversation on Twitter
Download our app
Download the Lind News app for iOS and Android
Get the app
Tweet us @lindnews
Email the author at anna@lind.example
Contact Anna Lind at anna@lind.example
Reach Anna Lind at 555-0199 or anna@lind.example
Have a tip? Email us at tips@lind.example
Got a story? Contact our newsroom
Do you have a story for us? Get in touch
Send tips to tips@lind.example
Related Stories
Related Articles
Related Content
Related Topics
Related: The crane rises again
READ MORE: The crane rises again
READ: The crane rises again
MORE: The crane rises again
SEE ALSO: The crane rises again
WATCH: The crane rises again
Watch: The crane rises again
ALSO READ | The crane rises again
Read also: The crane rises again
Don't miss: The crane rises again
Don’t Miss
You might also like
You May Like
Trending
Trending Now
Most Read
Most Popular
Popular on Lind News
Editors' Picks
Recommended for you
Recommended
What to Read Next
Up Next
Top Stories
Latest News
Latest Stories
More Stories
More News
More from Sports
More on this story
More on this topic
Read the full story here
Read full article
Continue reading
Click to expand
Tap to unmute
Show more
Load more
View gallery
View all
See more
Next article
Previous article
Advertisement
ADVERTISEMENT
Advertisement - story continues below
Article continues below advertisement
Story continues
Sponsored
Sponsored Content
Promoted
Paid Post
Close
Loading...
Loading
Share
Share on Facebook
Share on Twitter
Share via Email
Share this story
Share this:
Tweet
Pin it
Print this page
Email this article
Copy URL
Save
0 Comments
Leave a comment
Leave a Reply
Post a comment
View comments
Comments are closed.
Show Comments
Log in to comment
Report an error
Report a typo
Send feedback
Listen to this article
3 min read
Read time: 3 minutes
Published 3 hours ago
Image:
Photo:
Photo: Anna Lind
Photo by Anna Lind
Photo credit: Anna Lind
Photo courtesy of Lind Museum
(Photo by Anna Lind/AFP)
(AP Photo/Anna Lind)
(Anna Lind/Reuters)
Getty Images
Getty
REUTERS
AFP
Image credit: Getty
Image source: Getty Images
Image caption The crane
File photo: the crane
Credit: Anna Lind
Anna Lind / Getty Images
Anna Lind | AFP
Anna Lind, AP
Copyright 2031 The Associated Press. All rights reserved.
Copyright 2031 Lind Media
© 2031 Lind Media
©2031 Lind Media
© Lind Media 2031. All rights reserved.
(c) 2031 Lind Media
All rights reserved.
This material may not be published, broadcast, rewritten, or redistributed without permission.
Reproduction without permission is prohibited.
Reprinted with permission.
The Associated Press contributed to this report.
AP writer Anna Lind contributed.
Anna Lind contributed reporting.
Reporting by Anna Lind; editing by Per Holm
Editing by Per Holm
(Reporting by Anna Lind)
Our Standards: The Thomson Reuters Trust Principles.
With files from The Canadian Press
— With files from Anna Lind
With AFP
-AFP
– Reuters
(AFP)
(Reuters)
(PTI)
This is a developing story. Check back for updates.
This is a breaking news story and will be updated.
We use cookies to give you the best experience.
Accept all cookies
Cookie settings
Privacy Policy
Terms of Use
Terms of Service
Terms and Conditions
Contact us
About us
Advertise with us
Subscribe
Log in
Sign in
Register
My account
Already a subscriber? Log in
Already have an account?
Create a free account to continue reading
This article is for subscribers only
Subscribe to read the full article
To continue reading, please subscribe
You have 3 free articles remaining
Support our journalism
Support local journalism. Subscribe today.
Support us
Donate
Donate now
Become a member
Make a donation
If you like this story, share it with a friend.
Enable JavaScript to view this page
JavaScript is disabled
Your browser does not support the video tag.
This video is not available in your country
Video player loading
Play video
Watch video
Watch the video above
View this post on Instagram
A post shared by Anna Lind (@annalind)
Follow Lind News on WhatsApp
Join our WhatsApp channel
Click here to join our WhatsApp channel
Catch all the latest news on the Lind app
For more news, visit lind.example
For the latest news, follow us on Google News
Stay tuned for more updates
This site is protected by reCAPTCHA and the Google Privacy Policy and Terms of Service apply.
Back to top
Skip to main content
Skip to content
Menu
Search
Teilen
Artikel teilen
Kommentare
3 Kommentare
Anzeige
Werbung
Lesen Sie auch: Der Kran steht
Lesen Sie auch
Lies auch: Der Kran steht
Mehr zum Thema
Auch interessant:
Das könnte Sie auch interessieren
Weitere Artikel
Weiterlesen
Weiterlesen nach der Anzeige
Newsletter
Newsletter abonnieren
Jetzt abonnieren
Jetzt kostenlos anmelden
Bereits Abonnent?
Foto: dpa
Foto: Anna Lind
Quelle: dpa
(dpa)
© dpa
Alle Rechte vorbehalten
Zur Startseite
Nach oben
Empfohlener externer Inhalt
Folgen Sie uns auf Facebook
Lire aussi : La grue se relève
À lire aussi
LIRE AUSSI >> La grue se relève
À découvrir aussi
Lire la suite
Publicité
La suite après la publicité
Partager
Partager sur Facebook
Commentaires
Abonnez-vous
S'abonner
Article réservé aux abonnés
Inscrivez-vous à notre newsletter
Suivez-nous sur Facebook
Crédit photo : Anna Lind
(Avec AFP)
Tous droits réservés
Lee también
Te puede interesar
Te puede interesar: La grúa
Lee más
Publicidad
Compartir
Comentarios
Suscríbete
Síguenos en Twitter
Noticias relacionadas
Leggi anche: La gru
Leggi anche
Pubblicità
Condividi
Iscriviti alla newsletter
Riproduzione riservata
Leia também
Leia mais
Compartilhe
Lees ook
Lees ook: De kraan
Les også: Kranen
Annonse
Læs også
Annonce
Läs mer
Läs även
Annons
Dela artikeln
""".strip().splitlines()


def test_lines_of_many_publishers_and_languages_leave_no_residue():
    left = [line for line in LINES if stripped("\n\n".join([*STORY[:2], line, *STORY[2:]])).body != BODY]
    assert left == []


PROSE = """
Lesen Sie das Urteil genau, sagte der Richter, und sprechen Sie dann.
Die Anzeige gegen den Reeder wurde am Montag zurückgezogen.
Mehr als 300 Boote liegen im Hafen, weitere Schiffe warten draußen.
Der Newsletter der Gemeinde erreicht 400 Haushalte.
Folgen hat das für alle, die am Kai arbeiten.
Le maire lit la lettre, et la publicité du port change de ton.
Partager le quai avec les pêcheurs, voilà ce que demande la ville.
La suite est connue : le bateau a coulé.
El puerto comparte sus ingresos con el pueblo, y la publicidad ayuda.
Lee la carta en voz alta y la guarda.
Leggi e decreti sul porto cambiano ogni anno, dice il sindaco.
Les pêcheurs ont donné leur accord lundi.
De reacties op het plan waren fel, zei de burgemeester.
Annonsen ble trukket tilbake av rederiet på mandag.
The agency AFP and others were told of the crane.
Search teams found the boat, and closed the harbour.
Updated plans for the quay were shown on Monday.
Contact with the ferry was lost at five, the guard said.
The form asks for an e-mail address and a name.
She donated her boat to the museum, and became a member of its board.
Watch: the word means a night on the quay here.
More news will come with the tide, they say.
""".strip().splitlines()


@pytest.mark.parametrize("sentence", PROSE)
def test_prose_of_many_languages_stays(sentence):
    text = "\n\n".join([*STORY[:2], sentence, *STORY[2:], sentence])
    assert stripped(text).body == text


def test_rules_are_a_value():
    assert pickle.loads(pickle.dumps(RULES)) == RULES
    assert load_rules().version == RULES.version


FAULTS = {
    "unit": ('unit = "line"', 'unit = "page"', "page"),
    "pattern": ("'read on'", "'read (on'", "compile"),
    "example": ('example = "Read on"', 'example = "Other"', "example"),
    "counterexample": ('"She read on."', '"Read on"', "counterexample matches"),
    "family": ('"related"', '"unheard-of"', "unheard-of"),
    "key": ('reason = "a link"', 'cause = "a link"', "cause"),
}
TABLE = """
[[rule]]
name = "read-on"
family = "related"
unit = "line"
pattern = 'read on'
words = ["read"]
reason = "a link"
example = "Read on"
counterexample = "She read on."
"""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_table_is_refused(tmp_path, fault):
    old, new, message = FAULTS[fault]
    path = tmp_path / "rules.toml"
    path.write_text(TABLE)
    assert [rule.name for rule in load_rules(path).rules] == ["read-on"]
    path.write_text(TABLE.replace(old, new))
    with pytest.raises(RulesError, match=message):
        load_rules(path)


def test_names_are_unique(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(TABLE + TABLE)
    with pytest.raises(RulesError, match="unique"):
        load_rules(path)


def test_rules_of_a_site_hold_there_only(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(TABLE + 'sites = ["lind.example"]\n')
    rules = load_rules(path)
    text = f"{STORY[0]}\n\nRead on\n\n{STORY[1]}"
    for url, lines in (("https://www.lind.example/a", 2), ("https://other.example/a", 3), (None, 3)):
        assert len(strip(Extracted(text=text, extractor="test", url=url), rules).body.split("\n\n")) == lines


@pytest.mark.parametrize(("position", "stays"), [("first", False), ("last", True)])
def test_positions_are_held(tmp_path, position, stays):
    path = tmp_path / "rules.toml"
    path.write_text(TABLE + f'position = "{position}"\n')
    text = "\n\n".join(["Read on", *STORY, *STORY])
    result = strip(Extracted(text=text, extractor="test"), load_rules(path))
    assert ("Read on" in result.body) is stays
    assert Position(position) is load_rules(path).rules[0].position


MUTILATIONS = {
    "whole": "\n".join(FOOTER),
    "without its first line": "\n".join(FOOTER[1:]),
    "without its last lines": "\n".join(FOOTER[:3]),
    "without its middle": "\n".join([*FOOTER[:1], *FOOTER[3:]]),
    "last line only": FOOTER[-1],
    "cut inside a word at the start": "\n".join(FOOTER)[25:],
    "cut inside a word at the end": "\n".join(FOOTER)[:-9],
    "cut after the first words": "\n".join(FOOTER)[:21],
    "on one line": " ".join(FOOTER),
    "other line ends": " ".join(FOOTER).replace(" by ", " by\n").replace("you ", "you\n"),
    "blank lines between": "\n\n".join(FOOTER),
    "another delay": "\n".join(FOOTER).replace("20", "15"),
    "upper case": "\n".join(FOOTER).upper(),
    "lower case": "\n".join(FOOTER).lower(),
    "with a scheme": "\n".join(FOOTER).replace("www.", "https://www."),
    "without punctuation": "\n".join(FOOTER).replace(".\n", "\n").rstrip("."),
}


@pytest.mark.parametrize("mutilation", MUTILATIONS)
@pytest.mark.parametrize("joint", ["\n\n", "\n"])
def test_the_market_data_footer_goes_in_every_mutilation(mutilation, joint):
    assert stripped(BODY + joint + MUTILATIONS[mutilation]).body == BODY


@pytest.mark.parametrize("joint", [" ", ""])
@pytest.mark.parametrize("mutilation", ["whole", "on one line", "without its last lines", "without its middle"])
def test_the_footer_goes_when_it_is_glued_to_the_story(mutilation, joint):
    assert stripped(BODY + joint + MUTILATIONS[mutilation]).body == BODY


@given(st.integers(0, 120), st.integers(60, 190), st.sampled_from(["\n", " ", "\n\n"]))
def test_any_cut_of_the_footer_goes(start, end, between):
    part = between.join(FOOTER)[start:end].strip()
    if len(part) > 40:
        assert stripped(f"{BODY}\n\n{part}").body == BODY


@pytest.mark.parametrize(
    "prose",
    [
        "Barchart said wheat rose on Tuesday.",
        "The exchange said that quotes were delayed by at least 20 minutes.",
        "The site changed its privacy policy and terms and conditions.",
        "Traders look at stock quotes on this page.",
        "The company will sign up for the scheme.",
        "He asked readers to share this article of faith with their children.",
        "More from the fleet will follow.",
        "Comments by the minister were read out.",
    ],
)
def test_prose_that_mentions_such_words_stays(prose):
    for text in (f"{BODY}\n\n{prose}", f"{prose}\n\n{BODY}", f"{BODY} {prose}"):
        assert stripped(text).body == text


DATELINES = {
    "LINDHOLM, Nov 21 (Reuters) - ": ("LINDHOLM, Nov 21", "Reuters"),
    "LINDHOLM (AP) — ": ("LINDHOLM", "AP"),
    "(AP) — ": (None, "AP"),
    "(Reuters) - ": (None, "Reuters"),
    "SANTA LIND, Feb 26 - ": ("SANTA LIND, Feb 26", None),
    "Lindholm, Nov 21 (PTI): ": ("Lindholm, Nov 21", "PTI"),
    "LINDHOLM, N.Y. — ": ("LINDHOLM, N.Y.", None),
    "Lind Bay (CNN) ": ("Lind Bay", "CNN"),
    "LINDHOLM, Oct. 12, 2031 (GLOBE NEWSWIRE) -- ": ("LINDHOLM, Oct. 12, 2031", "GLOBE NEWSWIRE"),
}


@pytest.mark.parametrize("dateline", DATELINES)
def test_the_dateline_moves_and_its_sentence_stays(dateline):
    result = stripped(dateline + BODY)
    assert (result.body, result.dateline, result.credit_line) == (BODY, *DATELINES[dateline])


CREDITS = {
    "Reuters contributed to this report.": ("Reuters", ()),
    "The Associated Press contributed to this report.": ("The Associated Press", ()),
    "Lind News' Anna Berg and Reuters contributed to this report.": ("Reuters", ()),
    "Associated Press writers Anna Berg in Lindholm and Per Holm contributed to this report.": (
        "Associated Press",
        (),
    ),
    "Reporting by Anna Berg; Editing by Per Holm": (None, ("Anna Berg",)),
    "(Reporting by Anna Berg and Olaf J. Lund in Lindholm; Editing by Per Holm)": (None, ("Anna Berg", "Olaf J. Lund")),
}


@pytest.mark.parametrize("credit", CREDITS)
@pytest.mark.parametrize("joint", ["\n\n", "\n", " "])
def test_credits_name_agency_and_reporters(credit, joint):
    result = stripped(BODY + joint + credit)
    assert (result.body, result.credit_line, result.byline) == (BODY, *CREDITS[credit])


def test_a_parenthesis_goes_and_leaves_one_space():
    result = stripped("The crane fell. (RELATED: Mayor (72) Resigns) Nobody was hurt.\n\nThe end (RELATED: More).")
    assert result.body == "The crane fell. Nobody was hurt.\n\nThe end."


def test_sentences_around_an_app_promotion_stay():
    result = stripped("The crane fell. CLICK HERE TO GET THE LIND NEWS APP\n\nNobody was hurt.")
    assert result.body == "The crane fell.\n\nNobody was hurt."


POST = "Our divers are at the crane. All safe… "


@pytest.mark.parametrize(
    "post",
    [
        POST + "pic.twitter.com/KGse3Agi — Lind Guard (@LindGuard) March 4, 2031",
        POST + "https://t.co/KGse3Agi — Lind Guard (@LindGuard) March 4, 2031",
        POST + "— Lind Guard (@LindGuard) 4 March 2031",
        POST + "pic.twitter.com/KGse3Agi\n\n— Lind Guard (@LindGuard) March 4, 2031",
        POST + "\nMore soon. pic.twitter.com/KGse3Agi\n— Lind Guard (@LindGuard) March 4, 2031",
    ],
)
def test_an_embedded_post_goes_whole(post):
    assert stripped("\n\n".join([*STORY[:2], post, *STORY[2:]])).body == BODY


PROMOTED = "HARBOUR FEES WILL RISE AGAIN IN SPRING, COUNCIL SAYS: ‘TOO MUCH’"


def test_the_headline_of_another_article_goes():
    assert stripped("\n\n".join([*STORY[:2], PROMOTED, *STORY[2:]])).body == BODY


@pytest.mark.parametrize(
    "text",
    [
        "\n\n".join([PROMOTED, *STORY]),
        "\n\n".join([STORY[0], "WHAT HAPPENS NEXT", *STORY[1:]]),
        BODY.upper(),
        "\n\n".join(
            [STORY[0], "WHAT THE COUNCIL WANTS TO DO NOW?", *STORY[1:3], "WHO PAYS FOR ALL OF IT NOW?", STORY[3]]
        ),
        "\n\n".join([STORY[0], "港口在星期二关闭因为一台起重机掉进了水里没有人受伤市长说船只在海湾外等待", *STORY[1:]]),
    ],
)
def test_headings_and_texts_in_capitals_stay(text):
    assert stripped(text).body == text


def test_nothing_left_is_a_verdict():
    with pytest.raises(Rejected) as caught:
        stripped("\n".join(FOOTER))
    assert (caught.value.stage, caught.value.reason) == (Stage.STRIP, Reason.BOILERPLATE_ONLY)


FRAGMENTS = [rule.example for rule in RULES.rules] + [*PHRASES, *FOOTER, *STORY, *DATELINES, *CREDITS, PROMOTED, POST]
PIECES = st.sampled_from(FRAGMENTS) | st.text(max_size=30)


@given(st.lists(st.tuples(PIECES, st.sampled_from(["\n\n", "\n", " ", "", ". "])), max_size=12))
def test_body_and_removals_give_the_text_back(pieces):
    text = "".join(part for pair in pieces for part in pair)
    try:
        result = stripped(text)
    except Rejected:
        return
    spans = [(removal.start, removal.start + removal.length) for removal in result.removals]
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert all(text[start:end] == removal.text for (start, end), removal in zip(spans, result.removals, strict=True))


@given(st.lists(st.sampled_from([*STORY, *PHRASES, *FOOTER]), min_size=1, max_size=10))
def test_the_body_has_single_blank_lines_and_every_story_sentence(parts):
    story = [part for part in parts if part in STORY]
    if story:
        body = stripped("\n\n".join(parts)).body
        assert body == body.strip()
        assert "\n\n\n" not in body
        assert [paragraph for paragraph in body.split("\n\n") if paragraph in STORY] == story


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        " ",
        "(",
        "(RELATED: ",
        "© ",
        "Click here to ",
        "— (@x) ",
        "READ MORE ",
        "Aa, and Bb ",
        "Print\n",
        "A\n\n",
        ".",
    ],
)
def test_hostile_text_takes_linear_time(unit):
    text = "Lind. " + unit * (1_000_000 // len(unit)) + " Reporting by Lind"
    started = time.process_time()
    stripped(text)
    assert time.process_time() - started < 4


@pytest.mark.skipif(not (SHARED / "text/bbc").is_dir(), reason="development data is not there")
def test_clean_articles_lose_nothing():
    paths = sorted((SHARED / "text/bbc").glob("*/*.txt"))
    texts = ["\n\n".join(path.read_text("utf-8", "replace").split("\n\n")).strip() for path in paths]
    lost = [removal.text for text in texts for removal in stripped(text).removals]
    assert len(lost) <= sum(text.count(". ") for text in texts) / 1000, json.dumps(lost)


@pytest.mark.skipif(not (SHARED / "seeds").is_dir(), reason="development data is not there")
def test_the_seeds_lose_only_boilerplate():
    residue = ("cloudquote", "Barchart", "Quotes delayed", "RELATED", "pic.twitter", "contributed to this", "CRITICS")
    for path in sorted((SHARED / "seeds").glob("*.txt")):
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
        text = "\n\n".join(line for line in lines if line)
        body = stripped(text).body
        assert not [word for word in residue if word in body]
        kept = [
            line for line in text.split("\n\n") if not any(word in line for word in (*residue, "accessing", "Policy"))
        ]
        assert [paragraph for paragraph in body.split("\n\n") if paragraph in kept] == kept


def test_a_great_many_lines_of_one_rule_are_one_removal():
    text = "The ferry left.\n\n" + "Print\n\n" * 3000 + "It came back."
    stripped = strip(Extracted(text=text, extractor="test/1"), load_rules())
    assert stripped.body == "The ferry left.\n\nIt came back."
    assert len(stripped.removals) == 1
    assert restore(stripped.body, stripped.removals) == text
