import hashlib
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from warehouse import copies
from warehouse.copies import HORIZON_DAYS, lacking, settle_copies
from warehouse.rows import TABLES
from warehouse.schema import create_table
from warehouse.shingles import Shingled, compare, shared_passages, shingles

DAY = datetime(2024, 3, 5, tzinfo=UTC)
SYLLABLES = "ka lo mi ne ru sa ti vo ban del fir gon hul jor kem lan mor nis pol ras".split()


def text_of(seed, words=160):
    """A made-up text, like no other one."""
    rng = random.Random(seed)
    made = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 3))) for _ in range(words)]
    return " ".join(word.capitalize() + "." if n % 12 == 11 else word for n, word in enumerate(made))


def cut(text, share):
    words = text.split()
    return " ".join(words[: int(len(words) * share)])


def reworded(text, share, seed=0):
    rng = random.Random(seed)
    return " ".join(word if rng.random() > share else rng.choice(SYLLABLES) for word in text.split())


@dataclass(frozen=True)
class Article:
    article_id: str
    body: str
    published_at: datetime | None = DAY
    url: str | None = None
    headline: str | None = None
    publisher: str | None = None


class Lake:
    """The tables that copies are found in, in memory."""

    def __init__(self):
        self.connection = duckdb.connect()
        self.connection.execute("ATTACH ':memory:' AS lake; SET TimeZone = 'UTC'")
        for name, row in TABLES.items():
            self.connection.execute(create_table(name, row).replace(" NOT NULL", ""))

    def put(self, *articles, run="r"):
        ids = [a.article_id for a in articles]
        self.connection.execute("DELETE FROM lake.articles WHERE article_id IN (SELECT unnest(?))", [ids])
        for a in articles:
            self.connection.execute(
                """INSERT INTO lake.articles (article_id, body, body_sha256, word_count, headline, publisher, published_at,
                    canonical_url, role, first_seen_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'file', ?)""",
                [
                    *(a.article_id, a.body, hashlib.sha256(a.body.encode()).hexdigest(), len(a.body.split())),
                    *(a.headline, a.publisher, a.published_at, a.url, DAY),
                ],
            )
        self.connection.execute("CREATE OR REPLACE TEMP TABLE changed AS SELECT unnest(?) AS article_id", [ids])
        return settle_copies(self.connection, "changed", run)

    def copies(self):
        return {
            (copy, original): (reason, score)
            for copy, original, reason, score in self.connection.execute(
                "SELECT article_id, duplicate_of, reason, score FROM lake.duplicates"
            ).fetchall()
        }

    def pairs(self):
        return set(self.copies())


@pytest.fixture
def lake():
    return Lake()


STRIKE = text_of(1)


@pytest.mark.parametrize(
    "edited",
    [
        "LINDVIK (Nord) -- " + STRIKE + " Staff writers contributed to this report.",
        STRIKE.replace(".", "") + " All rights reserved. Sign up to our newsletter.",
        cut(STRIKE, 0.6),
        cut(STRIKE, 0.3),
        cut(STRIKE, 0.3) + " " + text_of(2, 60) + STRIKE[len(cut(STRIKE, 0.3)) :],
        reworded(STRIKE, 0.1),
        reworded(STRIKE, 0.2),
        cut(STRIKE, 0.5) + " " + text_of(3, 80),
        STRIKE.upper(),
    ],
    ids=["dateline", "footer", "tail", "lead", "inserted", "10 %", "20 %", "half", "capitals"],
)
def test_an_edited_copy_is_a_copy_of_what_came_before(lake, edited):
    lake.put(Article("a", STRIKE), Article("b", edited, DAY + timedelta(hours=2)))
    assert lake.pairs() == {("b", "a")}
    ((reason, score),) = lake.copies().values()
    assert reason == "near"
    assert 0.2 <= score <= 1


@pytest.mark.parametrize(
    "other",
    [
        text_of(4),
        cut(STRIKE, 0.08),
        text_of(5, 300) + " " + cut(STRIKE, 0.15) + " " + text_of(6, 300),
        " ".join(reversed(STRIKE.split())),
    ],
    ids=["another", "a headline's worth", "a quotation", "the same words"],
)
def test_what_shares_little_is_no_copy(lake, other):
    lake.put(Article("a", STRIKE), Article("b", other))
    assert lake.pairs() == set()


def test_a_text_without_spaces_is_compared_by_characters(lake):
    rng = random.Random(7)
    text = "".join(chr(rng.randrange(0x4E00, 0x5E00)) for _ in range(300))
    other = "".join(chr(rng.randrange(0x4E00, 0x5E00)) for _ in range(300))
    lake.put(Article("a", text), Article("b", text[:200] + other[:50], DAY + timedelta(1)), Article("c", other))
    assert lake.pairs() == {("b", "a")}


def test_the_first_published_is_the_original_whenever_it_comes(lake):
    copies = [Article(f"c{n}", cut(STRIKE, 0.9 - n / 20), DAY + timedelta(hours=n + 1)) for n in range(4)]
    lake.put(*copies)
    assert {original for _, original in lake.pairs()} == {"c0"}
    lake.put(Article("a", STRIKE, DAY))
    assert lake.pairs() == {(c.article_id, "a") for c in copies}


def test_undated_articles_come_last(lake):
    lake.put(Article("a", STRIKE, None), Article("b", STRIKE, DAY))
    assert lake.pairs() == {("a", "b")}


def test_a_copy_matches_its_original_itself(lake):
    """A digest holds parts of several articles, and joins none of them to another."""
    others = [text_of(n, 120) for n in (11, 12, 13)]
    parts = [Article(f"a{n}", text, DAY + timedelta(n)) for n, text in enumerate(others)]
    digest = Article("d", " ".join(cut(text, 0.6) for text in others), DAY + timedelta(5))
    lake.put(digest, *parts)
    assert lake.pairs() == {("d", "a0")}
    lake.put(Article("d", digest.body, DAY - timedelta(5)))
    assert lake.pairs() == {("a0", "d"), ("a1", "d"), ("a2", "d")}


def test_what_is_copied_whole_is_more_than_a_copy_itself(lake):
    """A paper takes a third of an agency's report, and another paper takes what the first one wrote."""
    agency = Article("a", text_of(15, 200))
    paper = Article("b", f"{text_of(16, 150)} {cut(agency.body, 0.5)}", DAY + timedelta(hours=1))
    other = Article("c", cut(paper.body, 0.55), DAY + timedelta(hours=2))
    lake.put(agency, paper)
    assert lake.pairs() == {("b", "a")}
    lake.put(other)
    assert lake.pairs() == {("c", "b")}
    lake.put(Article("c", text_of(17), other.published_at))
    assert lake.pairs() == {("b", "a")}
    lake.put(Article("c", agency.body, other.published_at))
    assert lake.pairs() == {("b", "a"), ("c", "a")}


def test_a_footer_makes_no_copies_however_much_of_a_text_it_is(lake):
    footer = text_of(31, 90)
    lake.put(*(Article(f"a{n}", f"{text_of(50 + n, 100)} {footer}", DAY + timedelta(n)) for n in range(5)))
    assert lake.pairs() == set()
    lake.put(Article("b", f"{cut(text_of(52, 100), 0.5)} {footer}", DAY + timedelta(9)))
    assert lake.pairs() == {("b", "a2")}


def test_a_report_in_the_same_form_is_no_copy(lake):
    """Markets, weather, results: the words come again each day, and other numbers stand in them."""

    def report(seed):
        rng = random.Random(seed)
        form = text_of(40, 160).split()
        return " ".join(f"{rng.uniform(1, 99):.1f}" if n % 7 == 5 else word for n, word in enumerate(form))

    lake.put(*(Article(f"a{n}", report(n), DAY + timedelta(n)) for n in range(3)))
    assert lake.pairs() == set()
    lake.put(Article("b", cut(report(2), 0.4), DAY + timedelta(5)))
    assert lake.pairs() == {("b", "a2")}


def test_an_edit_ends_what_was_a_copy_and_what_was_an_original(lake):
    lake.put(
        Article("a", STRIKE),
        Article("b", cut(STRIKE, 0.8), DAY + timedelta(1)),
        Article("c", STRIKE, DAY + timedelta(2)),
    )
    assert lake.pairs() == {("b", "a"), ("c", "a")}
    lake.put(Article("a", text_of(9)))
    assert lake.pairs() == {("c", "b")}
    lake.put(Article("b", text_of(10), DAY + timedelta(1)))
    assert lake.pairs() == set()


def test_far_apart_in_time_only_the_same_body_is_a_copy(lake):
    later = DAY + timedelta(days=HORIZON_DAYS + 1)
    lake.put(Article("a", STRIKE), Article("b", cut(STRIKE, 0.9), later), Article("c", STRIKE, later))
    assert lake.pairs() == {("c", "a")}


def test_a_page_that_names_another_as_canonical_is_its_copy_where_the_texts_say_nothing_against_it(lake):
    same = "https://a.example/strike"
    short = cut(STRIKE, 0.05)
    lake.put(
        Article("a", STRIKE, url=same),
        Article("b", short, DAY + timedelta(1), same),
        Article("c", text_of(21), DAY + timedelta(2), same),
        Article("d", "A brief that names the page of the section.", DAY + timedelta(3), same),
    )
    assert lake.copies() == {("b", "a"): ("canonical", 1.0)}


def test_a_few_words_are_a_copy_under_the_same_headline_only(lake):
    said = "Watch the video below."
    lake.put(
        Article("a", said, headline="Storm closes harbour"),
        Article("b", said, DAY + timedelta(1), headline="Cup final goes to extra time"),
        Article("c", said, DAY + timedelta(2), headline="Storm closes Harbour"),
        Article("d", said, DAY + timedelta(3), headline=None),
    )
    assert lake.copies() == {("c", "a"): ("content", 1.0)}


def test_texts_of_one_publisher_share_its_lists(lake):
    """A programme's pages list the same sponsors and links; another publisher that has as much of it has copied."""
    mine, lists = "The Lindvik Hour", text_of(60, 80)
    shows = [f"{text_of(61 + n, 60)} {lists} {text_of(71 + n, 60)}" for n in range(3)]
    dated = [Article(f"a{n}", body, DAY + timedelta(n), publisher=mine) for n, body in enumerate(shows)]
    lake.put(*dated)
    assert lake.pairs() == set()
    lake.put(replace(dated[2], publisher="Another"))
    assert lake.pairs() == {("a2", "a0")}
    lake.put(Article("b", cut(shows[1], 0.8), DAY + timedelta(9), publisher=mine))
    assert ("b", "a1") in lake.pairs()


def test_a_line_that_thousands_share_makes_no_copies_and_costs_little(lake):
    notice = text_of(30, 40)
    crowd = [
        Article(f"n{n:04d}", text_of(1000 + n, 120) + " " + notice, DAY + timedelta(minutes=n)) for n in range(240)
    ]
    lake.put(*crowd)
    assert lake.pairs() == set()
    lake.put(Article("x", cut(crowd[239].body, 0.7), DAY + timedelta(9)))
    assert lake.pairs() == {("x", "n0239")}


def test_hundreds_of_copies_of_one_report_are_all_found(lake):
    lake.put(*(Article(f"c{n:03d}", reworded(STRIKE, 0.05, n), DAY + timedelta(minutes=n)) for n in range(80)))
    assert lake.pairs() == {(f"c{n:03d}", "c000") for n in range(1, 80)}


def test_hundreds_of_copies_follow_an_original_that_comes_late(lake):
    crowd = [Article(f"c{n:03d}", reworded(STRIKE, 0.05, n), DAY + timedelta(minutes=n)) for n in range(160)]
    for at in range(0, 160, 40):
        lake.put(*reversed(crowd[at : at + 40]))
    lake.put(Article("a", STRIKE, DAY - timedelta(1)))
    assert lake.pairs() == {(copy.article_id, "a") for copy in crowd}


def test_what_comes_newest_first_is_compared_as_often_as_what_comes_oldest_first(monkeypatch):
    notice, compared = text_of(30, 40), []
    monkeypatch.setattr(copies, "compare", lambda *of, **how: compared.append(of) or compare(*of, **how))
    crowd = [Article(f"n{n:04d}", f"{text_of(1000 + n, 120)} {notice}", DAY + timedelta(minutes=n)) for n in range(400)]
    counts = []
    for line in (crowd, crowd[::-1]):
        lake, before = Lake(), len(compared)
        for at in range(0, 400, 50):
            lake.put(*line[at : at + 50])
        assert lake.pairs() == set()
        counts.append(len(compared) - before)
    assert counts[1] < 2.5 * counts[0]


def test_a_lake_without_index_comes_to_the_same(lake):
    lake.put(Article("a", STRIKE), Article("b", cut(STRIKE, 0.5), DAY + timedelta(1)), Article("c", text_of(2)))
    before = lake.copies()
    assert lacking(lake.connection) == 0
    lake.connection.execute("DELETE FROM lake.sketches; DELETE FROM lake.duplicates")
    assert lacking(lake.connection) == 3
    settle_copies(lake.connection, "lacking", "r")
    assert (lacking(lake.connection), lake.copies()) == (0, before)


def test_what_was_a_copy_by_way_of_another_is_none_when_that_one_is_edited(lake):
    words = text_of(1, 200).split()
    own, notes = text_of(3, 120).split(), text_of(2, 60)
    original = Article("o", " ".join(words))
    between = Article("c", f"{' '.join(words[80:])} {notes}", DAY + timedelta(hours=1))
    last = f"{' '.join(own[:60])} {' '.join(words[150:])} {notes} {' '.join(own[60:])}"
    lake.put(original, between, Article("z", last, DAY + timedelta(hours=2)))
    assert lake.pairs() == {("c", "o"), ("z", "o")}
    lake.put(replace(between, body=text_of(9)))
    assert lake.pairs() == set()


def test_what_held_an_article_as_an_original_frees_it_when_edited(lake):
    agency, paper, others, own = (text_of(n, size).split() for n, size in ((11, 200), (12, 120), (13, 300), (15, 35)))
    said = Article("o", " ".join(agency))
    held = Article("x", " ".join(paper + agency[:80]), DAY + timedelta(hours=1))
    later = Article("z", " ".join(others[:150] + paper[20:65] + own + others[150:]), DAY + timedelta(hours=2))
    holder = Article("y", " ".join(paper[:65] + own), DAY + timedelta(hours=3))
    lake.put(said, held, later, holder)
    assert ("x", "o") not in lake.pairs()
    lake.put(replace(holder, body=text_of(9)))
    assert ("x", "o") in lake.pairs()


def test_a_lost_index_is_made_anew_a_part_at_a_time(lake, monkeypatch):
    lake.put(*(Article(f"a{n}", cut(STRIKE, 1 - n / 20), DAY + timedelta(hours=n)) for n in range(6)))
    before = lake.copies()
    lake.connection.execute("DELETE FROM lake.sketches")
    monkeypatch.setattr(copies, "_CATCH_UP", 2)
    while lacking(lake.connection):
        settle_copies(lake.connection, "lacking", "r")
    assert lake.copies() == before


def crowd_of(seed):
    """Originals, copies of them, copies of those, mixtures: with dates that are alike, or missing."""
    rng = random.Random(seed)
    articles = []
    for n in range(14):
        base = rng.choice(articles).body if articles and rng.random() < 0.7 else text_of(rng.random(), 100)
        body = rng.choice(
            [
                lambda t: t,
                lambda t: cut(t, rng.uniform(0.4, 0.95)),
                lambda t: reworded(t, rng.uniform(0.05, 0.2), rng.random()),
                lambda t: t + " " + text_of(rng.random(), rng.choice((30, 150))),
                lambda t: cut(t, 0.5) + " " + cut(rng.choice(articles).body if articles else t, 0.5),
            ]
        )(base)
        when = None if rng.random() < 0.15 else DAY + timedelta(hours=rng.randrange(4))
        articles.append(Article(f"a{rng.randrange(10**6):06d}-{n}", body, when))
    return articles


def expected(articles):
    """By the definition, all pairs compared."""
    line = sorted(articles, key=lambda a: (a.published_at is None, a.published_at or DAY, a.article_id))
    bodies = [Shingled.of(a.body) for a in line]
    original = {}
    for n, a in enumerate(line):
        found = []
        for m, b in enumerate(line[:n]):
            likeness, of = compare(bodies[n], bodies[m]), original.get(m, m)
            own = compare(bodies[n], bodies[of])
            if a.body == b.body:
                found.append((of != m, -1.0, of))
            elif likeness.is_copy and (own.is_alike or of == m):
                found.append((of != m, -round(own.share, 4), of))
        later = [(k, compare(bodies[k], bodies[n])) for k in range(n + 1, len(line)) if a.body != line[k].body]
        for _, score, of in sorted(found):
            nearer = [k for k, to in later if to.is_alike and round(to.share, 4) >= max(0.6, 0.0001 - score)]
            if a.body == line[of].body or all(compare(bodies[k], bodies[of]).is_alike for k in nearer):
                original[n] = of
                break
    return {(line[copy].article_id, line[of].article_id) for copy, of in original.items()}


def edited(rng, article, others):
    """As an article may have been before its last edit: another text, or one like its own or another's, at another time."""
    body = rng.choice(
        [
            text_of(rng.random()),
            f"{text_of(rng.random(), 120)} {cut(rng.choice(others).body, 0.6)}",
            cut(rng.choice(others).body, rng.uniform(0.4, 0.95)),
            reworded(article.body, 0.1, rng.random()),
        ]
    )
    return replace(article, body=body, published_at=rng.choice([None, DAY, DAY + timedelta(hours=rng.randrange(4))]))


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_arrival_does_not_count(seed):
    articles = crowd_of(seed)
    wanted = expected(articles)
    for shuffle in range(4):
        rng = random.Random(shuffle)
        came = [a if rng.random() < 0.6 else edited(rng, a, articles) for a in articles]
        edits = [a for a, first in zip(articles, came, strict=True) if a != first]
        rng.shuffle(came)
        lake = Lake()
        while came or edits:
            queue = came or edits
            lake.put(*(queue.pop() for _ in range(min(len(queue), rng.randint(1, 6)))))
        assert lake.pairs() == wanted


def test_shared_passages_are_what_a_person_would_mark():
    one = "The harbour of Lindvik was closed on Tuesday after a storm, the mayor said. Nobody was hurt."
    other = "Officials confirmed that the harbour of Lindvik was closed on Tuesday after a storm. Ferries wait."
    assert shared_passages(one, other) == ("The harbour of Lindvik was closed on Tuesday after a storm",)
    assert shared_passages(one, text_of(1)) == ()


def test_shingles_are_the_same_on_every_machine():
    assert shingles("One, two three four FIVE").tolist() == [578944778, 866308435]


@given(st.text(st.characters(max_codepoint=0x2100), max_size=60))
@example("«Łódź» – über 3½ €, it’s a\u0301 x² ⁿ İstanbul Ω; И мир")
def test_words_are_the_same_beside_another_script(text):
    opening = "one two three four five six seven eight nine ten "
    assert set(shingles(opening + text).tolist()) <= set(shingles(f"{opening}{text} 東 {opening}").tolist())


def test_a_long_text_has_the_shingles_of_its_parts():
    words = [f"w{n}" for n in range(20_000)]
    whole = shingles(" ".join(words))
    assert len(whole) == 20_000 - 3
    for at in (0, 8_190, 16_380, 19_990):
        assert set(shingles(" ".join(words[at : at + 10])).tolist()) <= set(whole.tolist())
    assert len(shingles("x" * 200_000 + " b c d " + "x" * 200_000)) == 2
