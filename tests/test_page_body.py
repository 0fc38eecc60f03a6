"""The text of a page's article: what of the page is kept, and in which form."""

from __future__ import annotations

import json
import time
import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.page.article import extract_html
from pipelines.page.state import body_in_scripts
from pipelines.values import Rejected

URL = "https://harbour.example/2031/ferry-returns"
FIRST = (
    "The ferry between Wexholm and the island of Tarn will sail again on Monday, the harbour master said, "
    "three months after a storm tore its ramp away."
)
SECOND = (
    "Divers had worked through the winter to free the slipway of stones, and the new ramp was lowered into place "
    "on Friday night, watched by about two hundred people."
)
THIRD = (
    "“We were told it could not be done before summer,” said Ada Brinkmann, who runs the bakery on the quay. "
    "“Now my flour comes by water again, and not by helicopter.”"
)
FOURTH = "The council will decide in April whether the line gets a second ship, which would cost nine million crowns."
WHOLE = f"{FIRST}\n\n{SECOND}\n\n{THIRD}\n\n{FOURTH}"
MENU = "".join(f'<li><a href="/{name}">{name.title()}</a></li>' for name in ("news", "sport", "culture", "weather"))


def page(article: str, *, head: str = "", after: str = "") -> str:
    return (
        f"<!doctype html><html lang=en><head><title>Ferry returns - The Harbour Post</title>{head}</head><body>"
        f"<nav><ul>{MENU}</ul></nav><main><article><h1>Ferry returns to Tarn</h1>{article}</article></main>{after}"
        "<footer><p>© 2031 The Harbour Post</p><a href=/terms>Terms of use</a></footer></body></html>"
    )


def paragraphs(*texts: str) -> str:
    return "".join(f"<p>{text}</p>" for text in texts)


STORY = paragraphs(FIRST, SECOND, THIRD, FOURTH)


def text_of(html: str) -> str:
    return extract_html(html, URL).text


def test_the_body_is_the_paragraphs_with_one_blank_line_between_them_and_without_the_headline():
    assert text_of(page(STORY)) == WHOLE


@pytest.mark.parametrize(
    "rubbish",
    [
        '<figure><img src=a.jpg><figcaption class="caption">The new ramp. Photo: Nils Aker/Harbour Pictures</figcaption></figure>',
        '<aside class="related"><h3>Related stories</h3><ul><li><a href=/a>Storm tears ramp away</a></li></ul></aside>',
        '<div class="newsletter-signup"><h4>Sign up for our newsletter</h4><form><label>Email</label></form></div>',
        '<div class="share-buttons"><a href=#>Facebook</a> <a href=#>Twitter</a></div>',
        "<noscript><p>Please enable JavaScript to see this page as it was made.</p></noscript>",
        "<template><p>A card that scripts fill in with another story of the day.</p></template>",
        "<script>var words = 'The words of a script are no words of the story.';</script>",
    ],
)
def test_what_stands_between_paragraphs_and_is_not_of_the_article_goes(rubbish):
    html = page(paragraphs(FIRST, SECOND) + rubbish + paragraphs(THIRD, FOURTH))
    assert text_of(html) == WHOLE


def test_two_line_breaks_are_a_paragraph_break_and_one_is_a_line_break():
    html = page(f"<div>{FIRST}<br><br>{SECOND}<br> <br>{THIRD}<br>{FOURTH}</div>")
    assert text_of(html) == f"{FIRST}\n\n{SECOND}\n\n{THIRD}\n{FOURTH}"


def test_inline_mark_up_neither_glues_nor_splits_words():
    marked = FIRST.replace("Wexholm", "<b>Wex</b><i>holm</i>").replace("ferry", '<a href="/f">ferry</a>')
    marked = marked.replace("island of Tarn", "island\xa0of\n <em>Tarn</em>")
    dropped = SECOND.replace("Divers", '<span class="dropcap">D</span>ivers')
    assert text_of(page(paragraphs(marked, dropped, THIRD, FOURTH))) == WHOLE


def test_what_is_only_read_out_is_no_part_of_a_sentence():
    marked = FIRST.replace(
        "Tarn will", '<a href=/t>Tarn<span class="visually-hidden">(opens in a new window)</span></a> <!-- x -->will'
    )
    assert text_of(page(paragraphs(marked, SECOND, THIRD))).startswith(FIRST)


def test_items_of_a_list_are_lines_of_one_paragraph():
    items = (
        "Monday to Friday it sails at seven, twelve and five.",
        "On Saturday it sails at nine and six.",
        "On Sunday it does not sail at all.",
    )
    html = page(
        paragraphs(FIRST, SECOND)
        + "<ul>"
        + "".join(f"<li>{i}</li>" for i in items)
        + "</ul>"
        + paragraphs(THIRD, FOURTH)
    )
    assert f"{SECOND}\n\n- {items[0]}\n- {items[1]}\n- {items[2]}\n\n{THIRD}" in text_of(html)


def test_subheadings_and_quotations_stay():
    html = page(
        f"{paragraphs(FIRST, SECOND)}<h2>A winter of work</h2><blockquote><p>{THIRD}</p></blockquote><p>{FOURTH}</p>"
    )
    assert text_of(html) == WHOLE.replace(THIRD, f"A winter of work\n\n{THIRD}")


def test_a_paragraph_that_the_article_repeats_stays():
    refrain = (
        "Row, said the old man, and we rowed against the grey water until our hands were open and the gulls had gone."
    )
    html = page(paragraphs(FIRST, refrain, SECOND, refrain, THIRD))
    assert text_of(html) == f"{FIRST}\n\n{refrain}\n\n{SECOND}\n\n{refrain}\n\n{THIRD}"


def test_the_article_that_the_page_holds_twice_comes_once():
    html = page(
        f"<div class=desktop><div class=text>{STORY}</div></div><div class=mobile><div class=text>{STORY}</div></div>"
    )
    assert text_of(html) == WHOLE


def test_what_the_page_hides_goes_unless_it_is_most_of_the_text():
    hidden = f"<p>{FIRST}</p><p hidden>{THIRD}</p><p style='display: none'>{THIRD}</p>"
    assert text_of(page(f"{hidden}{paragraphs(SECOND, FOURTH)}")) == f"{FIRST}\n\n{SECOND}\n\n{FOURTH}"
    unfolded = f"<p>{FIRST}</p><div class=rest style='display:none'>{paragraphs(SECOND, THIRD, FOURTH)}</div>"
    assert text_of(page(unfolded)) == WHOLE


@pytest.mark.parametrize("tag", ["aside", "blockquote"])
def test_a_quotation_that_is_pulled_out_of_the_text_comes_once(tag):
    pulled = f'<{tag} class="pull-quote"><p>“Now my flour comes by water again, and not by helicopter.”</p></{tag}>'
    assert text_of(page(paragraphs(FIRST, SECOND) + pulled + paragraphs(THIRD, FOURTH))) == WHOLE


def test_the_line_under_the_headline_is_the_first_paragraph():
    line = "Divers freed the slipway in a winter of work"
    assert text_of(page(f'<h2 class="dek">{line}</h2>{STORY}')) == f"{line}\n\n{WHOLE}"


def test_lines_of_names_and_dates_about_the_text_go():
    head = '<meta name="author" content="Ada Finch"><meta name="date" content="2031-03-07">'
    html = page(f"<p>Words Ada Finch</p><p>7 March 2031, 10:15</p>{STORY}<p>Ada Finch (Wexholm)</p>", head=head)
    assert text_of(html) == WHOLE


def test_a_table_of_data_is_lines_and_a_table_that_sets_out_the_page_is_paragraphs():
    rows = "<thead><tr><th>Line<th>Sails</thead><tbody><tr><td>Tarn<td>7:00<tr><td>Sarn<td>9:30</tbody>"
    data = page(f"{paragraphs(FIRST, SECOND)}<table>{rows}</table>{paragraphs(THIRD, FOURTH)}")
    assert f"{SECOND}\n\nLine | Sails\nTarn | 7:00\nSarn | 9:30\n\n{THIRD}" in text_of(data)
    cell = f"{FIRST}<br><br>{SECOND}<br><br>{THIRD}<br><br>{FOURTH}"
    layout = f"<table><tr><td><a href=/>Front</a><br><a href=/a>Sport</a></td><td>{cell}</td></tr></table>"
    assert text_of(f"<html><head><title>Ferry</title></head><body>{layout}</body></html>") == WHOLE


def test_a_text_below_thousands_of_elements_is_found():
    assert text_of(page("<div>" * 4000 + FIRST + "</div>" * 4000)).strip() == FIRST


def linked(body: str) -> str:
    data = {"@type": "NewsArticle", "headline": "Ferry returns to Tarn", "articleBody": body}
    return f'<script type="application/ld+json">{json.dumps(data)}</script>'


def test_the_linked_data_has_the_article_where_the_page_shows_only_its_start():
    whole = "\n".join(
        [FIRST, SECOND, THIRD, FOURTH] + [f"{FOURTH} It was the plan of year {year}." for year in range(4)]
    )
    extracted = extract_html(page(paragraphs(FIRST), head=linked(whole)), URL)
    assert extracted.text == whole.replace("\n", "\n\n")
    assert extracted.extractor.startswith("json-ld over blocks/1")


def test_mark_up_and_entities_in_linked_data_are_read():
    body = "".join(f"&lt;p&gt;{text}&lt;/p&gt;" for text in (FIRST, SECOND, THIRD.replace("“", "&ldquo;"), FOURTH))
    assert text_of(page(paragraphs(FIRST[:40]), head=linked(body))).startswith(f"{FIRST}\n\n{SECOND}\n\n“We were told")


def test_the_article_that_only_the_data_of_scripts_hold_is_found():
    state = json.dumps({"props": {"story": {"html": STORY}}}).replace("<", "\\u003c")
    html = page("<div id=root></div>", after=f'<script id="__DATA__" type="application/json">{state}</script>')
    assert body_in_scripts(html) == WHOLE
    streamed = f"<script>push([1,{json.dumps(state)}])</script>"
    assert body_in_scripts(page("", after=streamed)) == WHOLE


def test_what_found_the_body_is_said():
    assert extract_html(page(STORY), URL).extractor == "blocks/1+trafilatura/2.3.1"


@pytest.mark.parametrize(
    "paragraph",
    [
        "タルン島とヴェクスホルムを結ぶ渡し船が月曜日に運航を再開すると、港長が発表した。嵐で桟橋が壊れてから三か月になる。",
        "أعلن مدير الميناء أن العبّارة بين فيكسهولم وجزيرة تارن ستبحر من جديد يوم الاثنين، بعد ثلاثة أشهر من العاصفة التي اقتلعت المنحدر.",
        "Die Fähre zwischen Wexholm und der Insel Tarn fährt am Montag wieder, sagte der Hafenmeister, drei Monate nach dem Sturm.",
    ],
)
def test_other_scripts_and_languages_are_articles_too(paragraph):
    texts = [f"{paragraph} {number}." for number in range(1, 6)]
    assert text_of(page(paragraphs(*texts))) == "\n\n".join(texts)


@pytest.mark.parametrize(
    "hostile",
    [
        page("".join(f"<p>A short paragraph, number {n}, of a page without an end.</p>" for n in range(6_500))),
        page(f"<p>{FIRST} " * 500 + "</p>"),
        page(STORY + "<script>" + '"a\\' * 100_000),
    ],
    ids=["paragraphs", "unclosed", "script"],
)
def test_a_hostile_page_ends_in_seconds(hostile):
    began = time.process_time()
    with suppress(Rejected):
        assert text_of(hostile)
    assert time.process_time() - began < 15


_PIECES = (
    "<p>",
    "</p>",
    "<br>",
    "<li>",
    "</ul>",
    "<td>",
    "<b>",
    "</div>",
    "<!--",
    "é",
    "e\u0301",
    "\xa0",
    "\0",
    FIRST,
    SECOND,
    "日本語。",
    "&#x110000;",
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(_PIECES), max_size=25), st.integers(0, 400))
def test_a_page_cut_and_mixed_up_gives_a_text_in_its_form_or_a_reject(pieces, at):
    whole = page(STORY)
    try:
        text = text_of(whole[: at + 60] + "".join(pieces) + whole[at + 60 :])
    except Rejected:
        return
    assert text == unicodedata.normalize("NFC", text)
    assert "\n\n\n" not in text
    assert text == text.strip("\n")
    assert all(line == line.rstrip() for line in text.split("\n"))
