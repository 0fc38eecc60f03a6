"""Subjects: self-written articles in six languages with what each is about, the traps, and what publishers state."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.subject_terms import LANGUAGES, find_subjects, terms_of
from pipelines.subjects import chosen, named_by_section, rows, subjects
from pipelines.tag import load_gazetteer, slugify, tag
from pipelines.values import Extracted, Stripped, Tag

ARTS, ECONOMY, POLITICS, SCIENCE, SPORT, CONFLICT = "01", "04", "11", "13", "15", "16"

ARTICLES = tomllib.loads((Path(__file__).parent / "golden" / "subjects" / "articles.toml").read_text(encoding="utf-8"))[
    "article"
]
BY_HEADLINE = {article["headline"]: article for article in ARTICLES}
ENGLISH = [article for article in ARTICLES if article["language"] == "en"]
BATTLE = BY_HEADLINE["Troops retake bridge from rebels"]
ORCHARD = BY_HEADLINE["Growers expect a fine crop of apples"]


def top(found: Tag) -> str:
    assert found.top_code
    return found.top_code[7:9]


@pytest.mark.parametrize("article", ARTICLES, ids=BY_HEADLINE)
def test_what_an_article_is_about(article):
    found = find_subjects(article["headline"], article["body"], article["language"])
    assert top(found[0]) == article["first"], found
    assert article.get("also") in {None, *(tag.name for tag in found)}, found
    assert not set(article["never"]) & {top(tag) for tag in found}, found


def test_a_row_names_code_slug_method_score_and_the_terms_that_counted():
    found = find_subjects(BATTLE["headline"], BATTLE["body"], "en")
    assert (found[0].scheme, found[0].tag, found[0].code) == ("mediatopic", "conflicts", "medtop:16000000")
    assert found[0].method == "terms/2"
    assert {"troops", "rebels"} <= set((found[0].evidence or "").split(", "))
    assert all(0.5 < tag.score < 1 for tag in found)


IN_PASSING = [
    ("en", "A walk on the Harlow downs", "Yellow broom is spreading: an invasion, say the wardens, who cut it back."),
    ("en", "Cake sale in Harlow", "The stalls stood by the library. One visitor spoke of the treaty, another of cake."),
    ("en", "Notes from the shed", "The invasion of slugs goes on. Last year's invasion was smaller."),
    ("de", "Gerichte für kalte Tage", "Die drei Gerichte stehen in einer Stunde auf dem Tisch."),
    ("de", "Frau Müller zieht um", "Der Transport der Kisten dauert; zur Auswahl standen zwei Wohnungen."),
    ("de", "Skizze eines Gartenhauses", "Ich glaube, die Skizze ist gut, und ich glaube an das Haus."),
    ("fr", "Trois questions à Maud Perrin", "Au cours de la semaine, les cours reprennent; au cours du mois aussi."),
    ("it", "Lo sportello cambia orario", "Lo sportello di Monaco apre alle nove e pretende un modulo."),
    ("es", "Zoom sobre el golfo", "El golfo y otro golfo, vistos con zoom."),
]


@pytest.mark.parametrize(("language", "headline", "body"), IN_PASSING, ids=[each[1] for each in IN_PASSING])
def test_a_word_in_passing_is_no_subject(language, headline, body):
    assert find_subjects(headline, body, language) == []


def test_one_word_is_enough_where_the_text_is_about_it():
    once = "The lifeboat crew had tea. Somebody mentioned a vaccine."
    assert find_subjects("A quiet afternoon", once, "en") == []
    again = "The vaccine is kept cold, and the vaccine arrives on Monday. Nobody paid for the vaccine."
    assert "vaccine" in {tag.tag for tag in find_subjects("Vaccine reaches the islands", again, "en")}


def test_words_of_one_stem_count_once():
    assert find_subjects(None, "The tourist met a baker; the tourists met another.", "en") == []
    assert find_subjects(None, "Die Touristin grüßt; Tourismus ist ihr Fach.", "de") == []


def test_a_long_text_says_a_concept_with_more_words_than_a_short_one():
    aside = "Her bank holds the mortgage, a home loan of the usual kind; the lender offered the mortgage in May."
    assert "mortgage" in {tag.tag for tag in find_subjects(None, aside, "en")}
    others = " ".join(article["body"] for article in ENGLISH)
    assert "mortgage" not in {tag.tag for tag in find_subjects(None, f"{others} {aside}", "en")}


def test_a_deeper_concept_brings_all_above_it():
    for article in ENGLISH:
        codes = {tag.code for tag in find_subjects(article["headline"], article["body"], "en")}
        assert all(set(subjects()[code].chain) <= codes for code in codes if code)


def test_at_most_three_subjects_best_first():
    headline, body = "The week", " ".join(article["body"] for article in ENGLISH)
    tops = [tag for tag in find_subjects(headline, body, "en") if tag.code == tag.top_code]
    assert 1 <= len(tops) <= 3
    assert all(one.score >= two.score for one, two in pairwise(tops))


def test_a_headline_counts_more_than_the_text():
    sport, music = "The coach praised the goalkeeper.", "The singer recorded an album."
    assert top(find_subjects(music, sport, "en")[0]) == ARTS
    assert top(find_subjects(sport, music, "en")[0]) == SPORT


def test_whole_words_in_any_dress():
    plain = [tag.tag for tag in find_subjects(None, "The striker and the goalkeepers met the midfielder.", "en")]
    assert "soccer" in plain
    dressed = "“STRIKER’S” goalkeepers—and the “midfielder”…"
    assert [tag.tag for tag in find_subjects(None, dressed, "en")] == plain
    assert find_subjects(None, "Strikerless goalkeeping midfieldwork.", "en") == []


def test_a_name_asks_for_its_capital():
    assert {"science-and-technology"} <= {tag.tag for tag in find_subjects("Intel and Oracle", "Intel and Dell.", "en")}
    assert find_subjects("intel and oracle", "intel and dell.", "en") == []


def test_other_languages_are_left_alone():
    assert find_subjects("Regeringen", "Statsministern talade i riksdagen om budgeten.", "sv") == []
    assert find_subjects("Election", "The voters and the prime minister.", None)


def tagged(body: str, section: str | None = None, *stated: str, headline: str | None = None) -> list[Tag]:
    extracted = Extracted(text=body, extractor="t", headline=headline, section=section, stated_tags=stated)
    found = tag(extracted, Stripped(body=body), load_gazetteer()).tags
    return [each for each in found if each.scheme == "mediatopic"]


def test_the_section_wins_over_the_text():
    found = tagged(ORCHARD["body"], "News / Environment", headline=ORCHARD["headline"])
    assert (found[0].tag, found[0].method, found[0].score) == ("environment", "stated/1", 1.0)
    assert "economy-business-and-finance" in {t.tag for t in found}


def test_stated_concepts_bring_their_chain_and_stay_within_three_subjects():
    stated = ("Football", "Elections", "medtop:20000018", "Weather", "Opinion")
    found = tagged("Rain fell.", None, *stated)
    assert len({t.top_code for t in found}) == 3
    assert all(set(subjects()[t.code].chain) <= {other.code for other in found} for t in found if t.code)


def test_of_many_stated_those_that_the_text_speaks_of_stay():
    assert {"conflicts", "education"} <= {
        t.tag for t in tagged(BATTLE["body"], "Education", "Art", "Health", "Sport", "War")
    }


@pytest.mark.parametrize(
    ("section", "name"),
    [
        ("Sport", "sport"),
        ("Wirtschaft", "economy, business and finance"),
        ("Économie", "economy, business and finance"),
        ("Cultura y espectáculos", "arts, culture, entertainment and media"),
        ("Home › Sport › Tennis", "tennis"),
        ("News/Politics", "politics"),
        ("medtop:20001065", "soccer"),
        ("World", None),
        ("Opinion", None),
        ("", None),
    ],
)
def test_sections_by_their_names(section, name):
    assert [subject.name for subject in named_by_section(section)] == ([name] if name else [])


def test_slugs_are_stable_and_each_concept_s_own():
    slugs = [subject.slug for subject in subjects().values()]
    assert len(set(slugs)) == len(slugs)
    assert all(slug == slugify(slug) for slug in slugs)
    assert subjects()["medtop:16000000"].slug == "conflicts"
    assert subjects()["medtop:20001065"].chain == ("medtop:20001065", "medtop:20000822", "medtop:15000000")


def test_the_tables_name_concepts_in_use_and_no_term_is_in_vain():
    numbers = {code[7:] for code in subjects()}
    strengths = set()
    for language, number, strength, terms in rows("subject_terms.txt"):
        assert language in LANGUAGES
        assert number in numbers or number == "-"
        strengths.add(strength)
        assert all(len(term.strip("*")) > 1 and term == term.strip() for term in terms.split(", ")), terms
    assert strengths == {"4", "2", "1", "0"}
    assert all(0 < float(trust) < 1 for _, trust in rows("subject_weights.txt"))
    for language in LANGUAGES:
        spoken_for = {subjects()[code].chain[-1] for term in terms_of(language).terms for code in term.weights}
        assert len(spoken_for) == 17


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=400), st.text(max_size=60), st.sampled_from(sorted(LANGUAGES)), st.text(max_size=40))
def test_any_text_is_read(body, headline, language, section):
    found = chosen(section, [headline], find_subjects(headline, body, language))
    assert len({tag.code for tag in found}) == len(found)


def test_a_hostile_text_costs_no_more_than_its_first_part():
    found = find_subjects("war " * 100_000, "\x00\ud800 goal " * 300_000, "en")
    assert {top(tag) for tag in found} <= {SPORT, CONFLICT}
