import hashlib
import io
import random
import time
import tomllib
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from flows.cli import main
from flows.run import run
from flows.settings import Settings
from flows.show import width
from flows.stories import Stories, Story, Told, Wanted, print_stories, print_story, stories, story
from tests.lake import load_documents, new_home, record
from warehouse.catalog import open_lake
from warehouse.clusters import Likes, group, is_torn
from warehouse.copies import settle_copies
from warehouse.rows import TABLES
from warehouse.schema import create_table
from warehouse.stories import WINDOW_DAYS, settle_stories
from warehouse.terms import UNIT, best_terms, shared_terms, vector
from warehouse.untold import settle_untold, untold

DAY = datetime(2024, 3, 12, tzinfo=UTC)
GOLDEN = Path(__file__).parent / "golden" / "stories" / "three_events.toml"
SYLLABLES = "ka lo mi ne ru sa ti vo ban del fir gon hul jor kem lan mor nis pol ras".split()
COMMON = (
    "after again against before early home late left life never night often once people street water week young".split()
)


@dataclass(frozen=True)
class Article:
    article_id: str
    text: str
    headline: str | None = None
    published_at: datetime | None = DAY
    language: str = "en"
    publisher: str | None = None


def names(rng, count):
    return ["".join(rng.choices(SYLLABLES, k=3)).capitalize() for _ in range(count)]


def report(event, telling, *, days=0.0):
    """A made-up report: what is told of an event has its names in common, and little else."""
    facts, rng = names(random.Random(f"event {event}"), 9), random.Random(f"telling {event} {telling}")
    said = [" ".join(rng.sample([*rng.sample(facts, 3), *names(rng, 2), *rng.sample(COMMON, 5)], 10)) for _ in range(9)]
    headline = " ".join(rng.sample(facts, 3))
    published_at = DAY + timedelta(days=days)
    return Article(f"{event}-{telling}", ". ".join(said) + ".", headline, published_at, publisher=f"paper {telling}")


class Lake:
    """The tables that stories are found in, in memory."""

    def __init__(self):
        self.connection = duckdb.connect(config={"threads": 1})
        self.connection.execute("ATTACH ':memory:' AS lake; SET TimeZone = 'UTC'")
        for name, row in TABLES.items():
            self.connection.execute(create_table(name, row).replace(" NOT NULL", ""))

    def put(self, *articles, clock=DAY + timedelta(1)):
        ids = [a.article_id for a in articles]
        self.connection.execute("DELETE FROM lake.articles WHERE article_id IN (SELECT unnest(?))", [ids])
        rows = pa.table(
            {
                "article_id": ids,
                "headline": pa.array([a.headline for a in articles], pa.string()),
                "body": [a.text for a in articles],
                "body_sha256": [_sha256(a.text) for a in articles],
                "content_sha256": [_sha256(f"{a.headline} {a.text}") for a in articles],
                "language": [a.language for a in articles],
                "published_at": pa.array([a.published_at for a in articles], pa.timestamp("us", "UTC")),
                "first_seen_at": pa.array([DAY] * len(ids), pa.timestamp("us", "UTC")),
                "publisher": pa.array([a.publisher for a in articles], pa.string()),
                "source": ["wire"] * len(ids),
                "role": ["file"] * len(ids),
            }
        )
        self.connection.register("rows", rows)
        self.connection.execute("INSERT INTO lake.articles BY NAME FROM rows")
        self.settle(ids, clock)

    def settle(self, ids, clock=DAY + timedelta(1)):
        self.connection.execute(
            "CREATE OR REPLACE TEMP TABLE changed AS SELECT unnest(?::VARCHAR[]) AS article_id", [ids]
        )
        settle_copies(self.connection, "changed", "r")
        settle_stories(self.connection, ("changed", "recopied"), clock=clock)

    def catch_up(self, clock=DAY + timedelta(1)):
        """As a run does when it begins."""
        tried = frozenset()
        while (found := untold(self.connection)) - tried:
            tried = found
            settle_untold(self.connection, clock=clock)

    def rows(self, sql):
        return self.connection.execute(sql).fetchall()

    def story_of(self, article_id):
        ((story_id,),) = self.rows(f"SELECT story_id FROM lake.story_articles WHERE article_id = '{article_id}'")
        return story_id

    def groups(self):
        """The articles of each story; each article is in one."""
        found = defaultdict(set)
        for story_id, article_id in self.rows("SELECT story_id, article_id FROM lake.story_articles"):
            found[story_id].add(article_id)
        named = {story_id for (story_id,) in self.rows("SELECT story_id FROM lake.stories WHERE state <> 'merged'")}
        assert named == found.keys()
        assert sum(map(len, found.values())) == self.rows("SELECT count(*) FROM lake.articles")[0][0]
        return set(map(frozenset, found.values()))

    def whole(self):
        """All that a reader sees of the stories that are, but for their ids."""
        return sorted(
            self.rows(
                """SELECT s.* EXCLUDE (story_id), list((article_id, score) ORDER BY article_id)
                FROM lake.stories s JOIN lake.story_articles USING (story_id) GROUP BY ALL"""
            ),
            key=repr,
        )


def _sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def lake():
    return Lake()


# The twelve articles


def golden():
    found = tomllib.loads(GOLDEN.read_text(encoding="utf-8"))["article"]
    articles = [Article(a["id"], a["text"].strip(), a["headline"], a["published_at"], publisher=a["id"]) for a in found]
    return articles, {a["id"]: a["story"] for a in found}, {(a["id"], a["copy_of"]) for a in found if "copy_of" in a}


def test_twelve_articles_on_three_events_are_three_stories(lake):
    articles, events, copies = golden()
    late = next(a for a in articles if a.article_id == "wire")
    lake.put(*(a for a in articles if a is not late))
    assert ("tabloid", "courier") in lake.rows("SELECT article_id, duplicate_of FROM lake.duplicates")
    lake.put(late)
    assert set(lake.rows("SELECT article_id, duplicate_of FROM lake.duplicates")) == copies
    wanted = {frozenset(a for a in events if events[a] == event) for event in events.values()}
    assert lake.groups() == wanted
    told = lake.rows(
        "SELECT headline, articles, copies, publishers FROM lake.stories WHERE state <> 'merged' ORDER BY 2"
    )
    assert [row[1:] for row in told] == [(2, 0, 2), (3, 1, 2), (7, 2, 5)]
    assert told[2][0] == "Lindvik port halted by dockers' strike"


@pytest.mark.parametrize("part", range(4))
def test_the_order_in_which_the_twelve_come_does_not_count(part):
    articles, *_ = golden()
    first = Lake()
    first.put(*articles)
    for seed in range(part, 100, 25):
        rng, lake = random.Random(seed), Lake()
        came = rng.sample(articles, len(articles))
        cut = rng.randrange(1, len(came))
        lake.put(*came[:cut])
        lake.put(*came[cut:])
        assert lake.whole() == first.whole()


# What arrives, what is edited


def crowd(count=40):
    """Reports of ten events on ten days, some of them copies."""
    rng = random.Random(5)
    made = [report(n % 10, n, days=(n % 10) + n / 40) for n in range(count)]
    for n in rng.sample(range(count), 6):
        cut = " ".join(made[n].text.split()[:90])
        made.append(
            replace(made[n], article_id=f"copy-{n}", text=cut, published_at=made[n].published_at + timedelta(1))
        )
    return made


@pytest.mark.parametrize("seed", range(3))
def test_whatever_comes_first_and_is_edited_later_the_stories_are_the_same(seed):
    articles = crowd()
    first = Lake()
    first.put(*articles)
    assert 8 <= len(first.groups()) <= 14
    rng, lake = random.Random(seed), Lake()
    came = [
        a if rng.random() < 0.7 else replace(report(rng.randrange(99), seed), article_id=a.article_id) for a in articles
    ]
    edits = [a for a, came_as in zip(articles, came, strict=True) if a != came_as]
    rng.shuffle(came)
    while came or edits:
        queue = came or edits
        lake.put(*(queue.pop() for _ in range(min(len(queue), rng.randint(1, 20)))))
    assert lake.whole() == first.whole()


@pytest.mark.parametrize("seed", range(3))
def test_of_events_larger_than_a_story_may_be_the_order_does_not_count_either(monkeypatch, seed):
    monkeypatch.setattr("warehouse.stories._MOST", 6)
    articles = [report(n % 2, n, days=n % 10 / 10) for n in range(24)]
    first, lake, rng = Lake(), Lake(), random.Random(seed)
    first.put(*articles)
    assert max(map(len, first.groups())) == 6
    came = rng.sample(articles, len(articles))
    while came:
        lake.put(*(came.pop() for _ in range(min(len(came), rng.randint(1, 9)))))
    assert lake.whole() == first.whole()


def test_a_story_keeps_its_id_while_it_grows_and_when_an_earlier_article_comes(lake):
    lake.put(report(1, 1), report(2, 1))
    began = lake.story_of("1-1")
    lake.put(report(1, 2, days=1))
    lake.put(report(1, 3, days=-1))
    assert {lake.story_of(f"1-{n}") for n in (1, 2, 3)} == {began}
    assert lake.story_of("2-1") != began
    row = "SELECT articles, publishers, first_published_at, last_published_at FROM lake.stories"
    assert (3, 3, DAY - timedelta(1), DAY + timedelta(1)) in lake.rows(row)


def test_stories_that_become_one_forward_without_a_chain(lake):
    one, other, third = (replace(report(1, n), article_id=f"a{n}") for n in (1, 2, 3))
    apart = [replace(report(k, 1), article_id=a.article_id) for k, a in ((5, one), (6, other), (7, third))]
    lake.put(*apart)
    ids = [lake.story_of(a.article_id) for a in (one, other, third)]
    lake.put(one, other)
    kept = lake.story_of(one.article_id)
    assert kept == lake.story_of(other.article_id)
    lake.put(report(7, 2), report(7, 3))
    lake.put(*(replace(report(7, n), article_id=a.article_id) for n, a in ((4, one), (5, other))))
    last = ids[2]
    assert {lake.story_of(a.article_id) for a in (one, other, third)} == {last}
    merged = lake.rows("SELECT story_id, merged_into FROM lake.stories WHERE state = 'merged'")
    assert sorted(merged) == sorted((story_id, last) for story_id in ids[:2])


def test_of_a_story_that_falls_apart_the_larger_part_keeps_the_id(lake):
    lake.put(*(report(1, n) for n in range(5)))
    began = lake.story_of("1-0")
    lake.put(*(replace(report(2, n), article_id=f"1-{n}") for n in (0, 1)))
    assert {lake.story_of(f"1-{n}") for n in (2, 3, 4)} == {began}
    (new,) = {lake.story_of(f"1-{n}") for n in (0, 1)}
    assert new != began
    assert lake.rows("SELECT count(*) FROM lake.stories WHERE state = 'merged'") == [(0,)]


def test_a_copy_is_in_the_story_of_its_original_and_moves_with_it(lake):
    original = report(1, 1, days=1)
    copy = replace(original, article_id="copy", text=original.text + " Subscribe now.", published_at=DAY + timedelta(2))
    lake.put(original, report(1, 2), copy)
    assert lake.story_of("copy") == lake.story_of("1-1") == lake.story_of("1-2")
    assert lake.rows("SELECT articles, copies, publishers FROM lake.stories") == [(3, 1, 2)]
    lake.put(replace(original, text=report(2, 1).text, headline=report(2, 1).headline))
    assert lake.story_of("copy") == lake.story_of("1-2") != lake.story_of("1-1")
    lake.put(replace(copy, published_at=DAY - timedelta(1)), original)
    assert lake.rows("SELECT article_id FROM lake.duplicates") == [("1-1",)]
    assert len(lake.groups()) == 1


def test_an_article_that_becomes_a_copy_leaves_its_story_for_its_original_s(lake):
    lake.put(report(1, 1), report(2, 2))
    began = lake.story_of("2-2")
    lake.put(replace(report(1, 1), article_id="2-2", published_at=DAY + timedelta(1)))
    assert lake.groups() == {frozenset({"1-1", "2-2"})}
    assert lake.rows("SELECT story_id, merged_into FROM lake.stories WHERE state = 'merged'") == [
        (began, lake.story_of("1-1"))
    ]


def test_what_is_weeks_apart_is_another_story(lake):
    lake.put(report(1, 1), report(1, 2, days=WINDOW_DAYS + 1))
    assert len(lake.groups()) == 2


@pytest.mark.parametrize("edge", ["0001-01-01T00:00", "9999-12-31T23:59:59", "9999-12-12T00:00"])
def test_what_is_dated_at_the_edge_of_the_calendar_is_told_as_well(lake, edge):
    published_at = datetime.fromisoformat(edge).replace(tzinfo=UTC)
    one, other = (replace(report(1, n), published_at=published_at) for n in (1, 2))
    lake.put(one, report(2, 1))
    lake.put(other, report(2, 2))
    assert lake.groups() == {frozenset({"1-1", "1-2"}), frozenset({"2-1", "2-2"})}


def test_a_story_is_closed_after_its_window_and_opened_again_by_what_joins_it(lake):
    lake.put(report(1, 1), clock=DAY)
    assert lake.rows("SELECT state FROM lake.stories") == [("open",)]
    later = DAY + timedelta(days=WINDOW_DAYS, hours=20)
    lake.put(report(2, 1, days=15), clock=later)
    assert dict(lake.rows("SELECT story_id, state FROM lake.stories"))[lake.story_of("1-1")] == "closed"
    lake.put(report(1, 2, days=3), clock=later)
    assert dict(lake.rows("SELECT story_id, state FROM lake.stories"))[lake.story_of("1-1")] == "open"


def test_an_article_without_a_date_counts_from_when_it_was_first_seen(lake):
    lake.put(report(1, 1), replace(report(1, 2), published_at=None))
    assert len(lake.groups()) == 1
    assert lake.rows("SELECT last_published_at FROM lake.stories") == [(DAY,)]


def test_two_languages_share_no_story(lake):
    lake.put(report(1, 1), replace(report(1, 2), language="de"))
    assert len(lake.groups()) == 2


def test_articles_without_words_are_alone(lake):
    lake.put(Article("a", "…"), Article("b", "— !"), Article("c", "..."))
    assert len(lake.groups()) == 3


def test_a_lake_without_index_comes_to_the_same(lake):
    lake.put(*crowd())
    stories = "SELECT * FROM lake.stories ORDER BY story_id"
    rows = "SELECT * FROM lake.story_articles ORDER BY article_id"
    vectors = "SELECT * FROM lake.vectors ORDER BY article_id"
    before = [lake.rows(sql) for sql in (stories, rows, vectors)]
    assert not untold(lake.connection)
    for lost, articles in (("vectors",), 46), (("stories", "story_articles"), 46), (("stories",), len(lake.groups())):
        for table in lost:
            lake.connection.execute(f"DELETE FROM lake.{table}")
        assert len(untold(lake.connection)) == articles
        lake.catch_up()
        assert [[row[1:] for row in lake.rows(sql)] for sql in (rows, vectors)] == [
            [row[1:] for row in before[1]],
            [row[1:] for row in before[2]],
        ]
        assert lake.rows(stories) == before[0]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_rows_of_stories_are_lost_they_are_made_again(seed):
    rng, lake = random.Random(seed), Lake()
    articles = crowd()
    lake.put(*articles[:20])
    lake.put(*articles[20:])
    before = lake.whole()
    for _ in range(rng.randint(1, 4)):
        table = rng.choice(["stories", "story_articles"])
        few = f"SELECT article_id FROM lake.story_articles ORDER BY hash(article_id || '{rng.random()}') LIMIT 3"
        lost = f"SELECT story_id FROM lake.story_articles WHERE article_id IN ({few})"
        which = rng.choice([f"story_id IN ({lost})"] + [f"article_id IN ({few})"] * (table == "story_articles"))
        lake.connection.execute(f"DELETE FROM lake.{table} WHERE {which}")
    assert untold(lake.connection)
    lake.catch_up()
    assert not untold(lake.connection)
    assert lake.whole() == before
    lake.put(report(1, 99, days=1), report(2, 99, days=2))
    first = Lake()
    first.put(*articles, report(1, 99, days=1), report(2, 99, days=2))
    assert lake.groups() == first.groups()


def test_a_load_into_a_lake_that_has_lost_rows_of_stories_goes_on(lake):
    lake.put(report(1, 1), report(1, 2), report(2, 1))
    lake.connection.execute("DELETE FROM lake.stories")
    lake.put(report(1, 3), report(2, 2))
    assert lake.groups() == {frozenset({"1-1", "1-2", "1-3"}), frozenset({"2-1", "2-2"})}


def test_an_article_that_was_taken_out_by_hand_holds_nothing_up(lake):
    lake.put(*crowd())
    ((original,),) = lake.rows("SELECT duplicate_of FROM lake.duplicates ORDER BY 1 LIMIT 1")
    lake.connection.execute("DELETE FROM lake.articles WHERE article_id IN (?, '1-11')", [original])
    lake.catch_up()
    lake.put(report(1, 99, days=1))
    assert lake.story_of("1-99") == lake.story_of("1-21")
    assert lake.rows("FROM lake.story_articles ANTI JOIN lake.articles USING (article_id)") == []
    assert lake.rows("SELECT count(*) FROM lake.vectors") == lake.rows("SELECT count(*) FROM lake.articles")
    assert not lake.rows(
        "FROM lake.stories WHERE state <> 'merged' AND articles <> (SELECT count(*) FROM lake.story_articles s WHERE s.story_id = stories.story_id)"
    )


def test_the_rows_of_a_story_follow_the_tags_of_its_articles(lake):
    lake.put(report(1, 1), report(1, 2))
    for article_id, scheme, tag in (
        *(("1-1", "country", "iraq"), ("1-2", "country", "iraq"), ("1-2", "country", "usa")),
        *(("1-1", "mediatopic", "conflicts"), ("1-1", "source", "front-page")),
    ):
        lake.connection.execute(
            "INSERT INTO lake.article_tags (article_id, tag, scheme, score) VALUES (?, ?, ?, 0.9)",
            [article_id, tag, scheme],
        )
    lake.settle(["1-1"])
    assert lake.rows("SELECT countries, subjects FROM lake.stories") == [(["iraq", "usa"], ["conflicts"])]


# Groups


def likenesses(rng, count, *, density=0.6, top=100):
    alike = defaultdict(dict)
    for a in range(count):
        for b in range(a):
            if rng.random() < density:
                alike[a][b] = alike[b][a] = rng.choice([rng.randint(1, 10), rng.randint(1, top)])
    return alike


def likes(alike, count):
    return {a: Likes.of(*(np.array(list(of), np.int64) for of in (alike[a], alike[a].values()))) for a in range(count)}


def joined(count, alike, least, most):
    """By the definition: the two groups that are most alike, over and over. Leaves and levels of each."""
    groups = {thing: ([thing], []) for thing in range(count)}
    while True:
        found = []
        for a, (one, _) in groups.items():
            for b, (other, _) in groups.items():
                average = sum(alike[x].get(y, 0) for x in one for y in other) / (len(one) * len(other))
                if a < b and average >= least and len(one) + len(other) <= most:
                    found.append((-average, a, b))
        if not found:
            return {(tuple(leaves), tuple(levels)) for leaves, levels in groups.values()}
        negative, a, b = min(found)
        leaves, levels = groups.pop(b)
        groups[a] = groups[a][0] + leaves, [*groups[a][1], -negative, *levels]


@pytest.mark.parametrize("density", [0.1, 0.5, 1])
@pytest.mark.parametrize("most", [3, 8, 100])
def test_groups_and_how_they_came_together_are_those_of_the_definition(density, most):
    for seed in range(8):
        rng = random.Random(seed)
        alike = likenesses(rng, 16, density=density, top=rng.choice([3, 100]))
        made = group(range(16), likes(alike, 16), least=2, most=most)
        assert {(tree.leaves, tree.levels) for tree in made} == joined(16, alike, 2, most)


@pytest.mark.parametrize("seed", range(60))
def test_groups_that_are_worked_out_where_they_are_torn_are_those_of_all_together(seed):
    rng = random.Random(seed)
    count, limits = rng.randint(2, 14), {"least": rng.choice([3, 20, 40]), "most": rng.choice([3, 5, 100])}
    alike = likenesses(rng, count)
    wanted = {frozenset(leaves) for leaves, _ in joined(count, alike, **limits)}
    alike = likes(alike, count)
    trees = []
    for thing in rng.sample(range(count), count):
        dirty, torn = {thing}, [None]
        while torn:
            made = group(sorted(dirty), alike, **limits)
            trees = [tree for tree in trees if not dirty & set(tree.leaves)]
            torn = [tree for tree in trees if any(is_torn(one, tree, alike, **limits) for one in made)]
            dirty = dirty.union(*(tree.leaves for tree in torn))
        trees += made
    assert {frozenset(tree.leaves) for tree in trees} == wanted


def test_an_event_of_which_everybody_writes_costs_little():
    """The likenesses of a thousand articles are a million; to keep a queue of them took twice as long as is allowed here."""
    count, rng = 1_000, np.random.default_rng(1)
    numbers = rng.integers(200, 500, (count, count))
    numbers = np.triu(numbers, 1) + np.triu(numbers, 1).T
    everyone = np.arange(count)
    alike = {a: Likes(np.delete(everyone, a), np.delete(numbers[a], a)) for a in range(count)}
    before = time.process_time()
    trees = group(range(count), alike, least=200, most=500)
    assert time.process_time() - before < 2
    assert sum(len(tree.leaves) for tree in trees) == count
    assert 450 < max(len(tree.leaves) for tree in trees) <= 500


# Terms


@pytest.mark.parametrize(
    ("language", "one", "other", "unlike"),
    [
        ("en", "Dockers struck at the port of Lindvik.", "Lindvik: a strike of dockers", "A storm hit the orchard."),
        ("de", "Hafenarbeiter in Lindvik streiken.", "Streik der Hafenarbeiter von Lindvik", "Sturm über dem Garten"),
        ("ja", "東京港で労働者がストライキを行った。", "東京港の労働者ストライキ", "果樹園に嵐が来た。"),
        ("zh", "码头工人在港口罢工。", "港口的码头工人罢工", "暴风雨袭击了果园。"),
        ("ko", "부두 노동자들이 파업했다.", "부두 노동자 파업", "폭풍이 과수원을 덮쳤다."),
        ("th", "คนงานท่าเรือนัดหยุดงาน", "คนงานท่าเรือหยุดงานประท้วง", "พายุพัดถล่มสวนผลไม้"),
        ("ar", "أضرب عمال الميناء في المدينة", "إضراب عمال الميناء", "عاصفة في البستان"),
        ("hi", "बंदरगाह के मज़दूर हड़ताल पर", "बंदरगाह मज़दूर हड़ताल", "बाग में तूफ़ान आया"),
        ("sw", "Wafanyakazi wa bandari wamegoma", "Mgomo wa wafanyakazi wa bandari", "Dhoruba katika bustani"),
    ],
)
def test_terms_are_found_in_any_script(language, one, other, unlike):
    vectors = [vector(None, text, language) for text in (one, other, unlike)]
    assert all(sum(w * w for w in v.weights) == pytest.approx(UNIT**2, rel=0.02) for v in vectors)
    near, far = (likeness(vectors[0], v) for v in vectors[1:])
    assert near > 0.2 > far


def likeness(one, other):
    weights = dict(zip(one.terms, one.weights, strict=True))
    return sum(weights.get(term, 0) * w for term, w in zip(other.terms, other.weights, strict=True)) / UNIT**2


def test_common_words_and_round_numbers_say_little():
    one = best_terms(None, "The storm of Lindvik drove 1,000 people out in 2024, and 31,427 have not returned.", "en")
    assert one["1000"] < one["31427"]
    assert one["2024"] < one["31427"]
    assert one["people"] < one["lindvik"]
    assert shared_terms(one, best_terms(None, "Lindvik counts 31,427 homeless.", "en")) == ("31427", "lindvik")


def test_vectors_are_the_same_on_every_machine():
    found = vector("Harbour closed", "The harbour of Lindvik was closed.", "en-GB")
    assert found.language == "en"
    assert found.terms == (854620917, 1981493893, 2140658886, 2342477293, 2899307948, 4109025365)
    assert found.weights == (12, 573, 689, 40, 4, 441)


# On a terminal


def told(ident, minute, *, copy_of=None, versions=1):
    seen = tuple(DAY + timedelta(hours=n) for n in range(versions))
    return Told(
        article_id=ident * 16,
        headline=f"Headline {ident}",
        publisher=f"Paper {ident}",
        url=f"https://{ident}.example/",
        published_at=DAY + timedelta(minutes=minute),
        score=0.5,
        copy_of=copy_of,
        seen_at=seen,
    )


STORY = Story(
    story_id="5" * 32,
    headline="Dock strike\x1b[31m at Lindvik",
    language="en",
    first_published_at=DAY,
    last_published_at=DAY + timedelta(minutes=90),
    articles=3,
    copies=1,
    publishers=2,
    countries=("uk",),
    subjects=("strike", "transport"),
    state="open",
    merged_into=None,
    told=(told("aa", 0, versions=2), told("cc", 30, copy_of="aa" * 16), told("bb", 90)),
)


def test_a_story_is_told_in_the_order_of_time_with_copies_under_their_originals():
    out = io.StringIO()
    print_story(STORY, out)
    assert out.getvalue().splitlines() == [
        "Dock strike\\x1b[31m at Lindvik",
        "  2024-03-12 00:00 to 01:30 UTC · 3 articles (1 copy) · 2 publishers",
        "  55555555 · uk · strike, transport",
        "  2024-03-12 00:00  Paper aa: Headline aa (first; 2 versions, the last of 2024-03-12 01:00)",
        "                    aaaaaaaa https://aa.example/",
        "  2024-03-12 00:30      Paper cc: Headline cc (copy)",
        "                        cccccccc https://cc.example/",
        "  2024-03-12 01:30  Paper bb: Headline bb",
        "                    bbbbbbbb https://bb.example/",
    ]


def test_stories_are_listed_with_what_is_left_out():
    out = io.StringIO()
    print_stories(Stories(home="h", stories=(STORY,), count=3), out)
    lines = out.getvalue().splitlines()
    assert lines[3] == "    Paper aa: Headline aa"
    assert lines[-2].startswith("and 2 more")
    assert lines[-1] == "all that was told of one, from the first: newsmill --home h stories 55555555"


# Times that are known, publishers under two names


def undated(article):
    """First seen on `DAY`."""
    return replace(article, published_at=None)


def test_the_times_of_a_story_are_those_of_its_dated_articles(lake):
    lake.put(report(1, 1, days=-9), report(1, 2, days=-6), undated(report(1, 3)), undated(report(2, 1)))
    times = "SELECT first_published_at, last_published_at FROM lake.stories ORDER BY articles"
    assert lake.rows(times) == [(DAY, DAY), (DAY - timedelta(9), DAY - timedelta(6))]


@pytest.mark.parametrize("last", range(4))
def test_an_undated_article_far_from_the_dated_ones_is_placed_whatever_comes_first(last):
    articles = [report(1, 1, days=-12), report(1, 2, days=-8), undated(report(1, 3)), undated(report(1, 4))]
    first, lake = Lake(), Lake()
    first.put(*articles)
    lake.put(*(a for at, a in enumerate(articles) if at != last))
    lake.put(articles[last])
    assert len(first.groups()) == 1
    assert lake.whole() == first.whole()


@pytest.mark.parametrize(
    ("names", "publishers"),
    [
        (("Coast Post", "coastpost.example", "www.coastpost.example", "@CoastPost", "https://coastpost.example/"), 1),
        (("The Coast Post", "Coast Post | All of the coast", "CoastPost", "CoastPost.co.uk"), 1),
        (("Küsten-Blatt", "Küstenblatt.de", "küstenblatt"), 1),
        (("海岸新聞", "山岳新聞", "तट समाचार", "तट समचर"), 4),
        (("Coast Post", "Coast Post of Lind", "Hill Post"), 3),
        (("Tagblatt St.Lind", "Tagblatt St.Berg", "…", "!"), 4),
    ],
)
def test_a_publisher_under_several_names_counts_once(lake, names, publishers):
    lake.put(*(replace(report(1, n), publisher=name) for n, name in enumerate(names)))
    assert lake.rows("SELECT publishers FROM lake.stories") == [(publishers,)]


def test_an_article_that_names_no_publisher_counts_by_its_host(lake):
    lake.put(*(replace(report(1, n), publisher=name) for n, name in enumerate([None, None, None, "Hill Post"])))
    for n, url in enumerate(["https://www.coastpost.example/a", "https://coastpost.example/b", None]):
        lake.connection.execute("UPDATE lake.articles SET url = ? WHERE article_id = ?", [url, f"1-{n}"])
    lake.settle(["1-0"])
    assert lake.rows("SELECT publishers FROM lake.stories") == [(3,)]


# What a reader sees


def printed(one):
    out = io.StringIO()
    print_story(one, out)
    return out.getvalue().splitlines()


def listed(*some, count=None):
    out = io.StringIO()
    print_stories(Stories(home="h", stories=some, count=count or len(some)), out)
    return out.getvalue().splitlines()


@pytest.mark.parametrize(
    ("first", "last", "known", "said"),
    [
        (0, 40, "time time", "2024-03-12 00:00 UTC"),
        (0, 60, "time time", "2024-03-12 00:00 to 00:01 UTC"),
        (0, 86_400, "time time", "2024-03-12 00:00 to 2024-03-13 00:00 UTC"),
        (0, 86_400, "day time", "2024-03-12 to 2024-03-13 00:00 UTC"),
        (0, 86_400, "day day", "2024-03-12 to 2024-03-13"),
        (0, 0, "day day", "2024-03-12"),
        (0, 600, "day time", "2024-03-12"),
        (0, 600, "seen seen", "seen 2024-03-12 00:00 to 00:10 UTC"),
        (0, 86_400, "seen seen", "seen 2024-03-12 00:00 to 2024-03-13 00:00 UTC"),
    ],
)
def test_times_are_said_as_far_as_they_are_known(first, last, known, said):
    first_known, last_known = known.split()
    times = {"first_published_at": DAY + timedelta(seconds=first), "last_published_at": DAY + timedelta(seconds=last)}
    one = replace(STORY, **times, first_known=first_known, last_known=last_known)
    assert printed(one)[1].split(" · ")[0].strip() == said


@pytest.mark.parametrize(
    ("known", "seconds", "is_first"),
    [
        ("time time", 60, True),
        ("time time", 59, False),
        ("time seen", 60, True),
        ("seen time", 60, False),
        ("seen seen", 60, False),
        ("day time", 60, False),
        ("day time", 86_400, True),
        ("day day", 86_400, True),
    ],
)
def test_who_was_first_is_said_only_where_it_is_known(known, seconds, is_first):
    one, other = (replace(told(ident, 0), known=word) for ident, word in zip(("aa", "bb"), known.split(), strict=True))
    lines = printed(replace(STORY, told=(one, replace(other, published_at=DAY + timedelta(seconds=seconds)))))
    assert ("(first)" in lines[3]) == is_first
    assert not any("(first)" in line for line in lines[4:])


def test_a_story_of_one_article_has_no_first():
    assert not any("first" in line for line in printed(replace(STORY, told=(told("aa", 0),))))


def test_a_time_line_marks_what_has_no_date_and_names_a_single_publisher_once():
    aa, bb, cc = (replace(told(i, n), publisher="Coast Post") for n, i in enumerate(("aa", "bb", "cc")))
    lines = printed(replace(STORY, publishers=1, told=(aa, replace(bb, known="seen"), replace(cc, known="day"))))
    assert lines[1].endswith("· 3 articles (1 copy) · Coast Post")
    assert lines[3::2] == [
        "       2024-03-12 00:00  Headline aa (first)",
        "  seen 2024-03-12 00:01  Headline bb",
        "       2024-03-12        Headline cc",
    ]


def test_a_list_names_who_wrote_the_headline_and_says_nothing_twice():
    aa, bb, cc = told("aa", 0), told("bb", 1), told("cc", 2)
    one = replace(STORY, headline=bb.headline, told=(bb, aa, replace(aa, article_id="a2"), cc))
    assert listed(one)[:6] == [
        "Headline bb (Paper bb)",
        "  2024-03-12 00:00 to 01:30 UTC · 3 articles (1 copy) · 2 publishers",
        "  55555555 · uk · strike, transport",
        "    Paper aa: Headline aa",
        "    Paper cc: Headline cc",
        "",
    ]


def test_what_was_told_but_once_is_listed_in_short_after_the_rest():
    once = replace(STORY, articles=2, publishers=1, last_published_at=DAY, told=(told("aa", 0),))
    lines = listed(STORY, once, once, count=9)
    at = lines.index("Told but once:")
    assert lines[at + 2 : at + 7] == [
        "Dock strike\\x1b[31m at Lindvik",
        "  55555555 · 2024-03-12 00:00 UTC · 2 articles (1 copy) · Paper aa · uk · strike, transport",
        *lines[at + 2 : at + 4],
        "",
    ]
    assert lines[-2] == "and 6 more: --limit shows more of them, --min 2 leaves out what is told but once"
    assert "Told but once:" not in listed(once)
    assert "--min" not in listed(STORY, count=2)[-2]


def test_of_subjects_the_narrowest_are_shown():
    slugs = ("economy-business-and-finance", "business-information", "politics", "corporate-earnings")
    assert printed(replace(STORY, subjects=slugs))[2] == "  55555555 · uk · politics, corporate-earnings"


def test_long_names_of_publishers_are_cut():
    one = replace(told("aa", 0), publisher="All about the harbours of the coast, their ships and their people")
    assert "    All about the harbours of the coast, th…: Headline aa" in listed(
        replace(STORY, told=(one, told("bb", 1)))
    )


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    "headline", ["Dock strike at Lindvik enters its second week", "港湾労働者のストライキが二週目に入り船が沖で待つ"]
)
def test_lines_fit_a_narrow_terminal(monkeypatch, headline):
    monkeypatch.setenv("COLUMNS", "40")
    out = Terminal()
    one = replace(STORY, headline=headline, told=tuple(replace(one, headline=headline, url=None) for one in STORY.told))
    print_story(one, out)
    print_stories(Stories(home="h", stories=(one, replace(one, articles=1)), count=2), out)
    lines = out.getvalue().splitlines()[:-1]
    assert max(map(width, lines)) <= 40
    assert not any(line.lstrip().startswith("·") for line in lines)
    assert headline.replace(" ", "") in "".join(lines).replace(" ", "")


# Out of a lake


def document(telling, publisher, published, host):
    made = report(1, telling)
    given = {"published": published} if published else {}
    given |= {"_newsmill": {"feed": publisher}} if publisher else {}
    return record(made.text, url=f"https://{host}/{telling}", headline=f"Telling {telling}", language="en", **given)


def test_a_story_is_read_from_the_lake_with_what_is_known_of_its_times(tmp_path):
    home = new_home(tmp_path / "home")
    documents = [
        document(1, "Coast Post", "2024-03-02", "coastpost.example"),
        document(2, "coastpost.example", "2024-03-03T08:00:00Z", "coastpost.example"),
        document(3, "CoastPost", "2024-03-03T09:00:00Z", "coastpost.example"),
        document(4, None, None, "www.hill.example"),
        document(5, "Lowland Courier", "2024-03-03T10:00:00Z", "lowland.example"),
    ]
    with open_lake(home) as connection:
        load_documents(connection, tmp_path / "staged", documents)
    (found,) = stories(home, Wanted()).stories
    assert (found.articles, found.publishers) == (5, 3)
    assert {one.publisher for one in found.told} >= {"hill.example", "Lowland Courier"}
    assert (found.first_known, found.last_known) == ("day", "time")
    assert found.last_published_at == datetime(2024, 3, 3, 10, tzinfo=UTC)
    one = story(home, found.story_id[:8])
    assert [told.known for told in one.told] == ["day", "time", "time", "time", "seen"]
    assert one.told[-1].published_at == datetime(2024, 3, 5, tzinfo=UTC)
    lines = printed(one)
    assert lines[1] == "  2024-03-02 to 2024-03-03 10:00 UTC · 5 articles · 3 publishers"
    assert lines[3] == "       2024-03-02        Coast Post: Telling 1 (first)"
    assert lines[-2] == "  seen 2024-03-05 00:00  hill.example: Telling 4"


def test_a_run_that_brings_nothing_closes_old_stories_and_makes_lost_ones_again(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.lake.CLOCK", datetime(2024, 3, 5, tzinfo=UTC))
    home = new_home(tmp_path / "home")
    with open_lake(home) as connection:
        load_documents(connection, tmp_path / "staged", [document(1, "Coast Post", "2024-03-02", "coastpost.example")])
    states = []
    for day in ("2024-05-01", "2024-03-06"):
        with run(Settings(home), "ingest", clock=lambda day=day: datetime.fromisoformat(day).replace(tzinfo=UTC)):
            pass
        with open_lake(home) as connection:
            states += connection.execute("SELECT state FROM lake.stories").fetchall()
            connection.execute("DROP TABLE lake.stories")
    assert states == [("closed",), ("open",)]


@pytest.fixture(scope="module")
def told_home(tmp_path_factory):
    """Two stories, one about a country and a subject, and a third that was merged into the second."""
    folder = tmp_path_factory.mktemp("told")
    home = new_home(folder / "home")
    made = report(2, 1)
    documents = [
        document(1, "Coast Post", "2024-03-02", "coastpost.example"),
        record(made.text, url="https://hill.example/2", headline="Hill", published="2024-03-02", language="en"),
    ]
    with open_lake(home) as connection:
        load_documents(connection, folder / "staged", documents)
        for sql in (
            """INSERT INTO lake.article_tags SELECT article_id, 'uk', 'country', 'GB', NULL, 'United Kingdom', 0.9, 'm', 'e'
            FROM lake.articles WHERE publisher = 'Coast Post'""",
            """INSERT INTO lake.article_tags SELECT article_id, 'politics', 'mediatopic', 'medtop:11000000',
                'medtop:11000000', 'Politics', 0.9, 'm', 'e' FROM lake.articles WHERE publisher = 'Coast Post'""",
            "UPDATE lake.stories SET countries = ['uk'], subjects = ['politics'] WHERE story_id = (" + _STORY_1 + ")",
            f"UPDATE lake.stories SET state = 'open' WHERE story_id = ({_STORY_1})",
            f"""INSERT INTO lake.stories SELECT * REPLACE ('abcd' || left(story_id, 28) AS story_id, 'merged' AS state,
                story_id AS merged_into) FROM lake.stories WHERE story_id = ({_STORY_1})""",
        ):
            connection.execute(sql)
    return home


_STORY_1 = (
    "SELECT story_id FROM lake.story_articles JOIN lake.articles USING (article_id) WHERE publisher = 'Coast Post'"
)


@pytest.mark.parametrize(
    "wanted",
    [
        *({"country": name} for name in ("uk", "UK", "gb", "GB", "United Kingdom", "united kingdom ")),
        *({"subject": name} for name in ("politics", "Politics", "medtop:11000000", "MEDTOP:11000000")),
        {"source": "Coast Post"},
    ],
)
def test_stories_are_chosen_by_tags_codes_and_names_in_any_case(told_home, wanted):
    assert stories(told_home, Wanted(**wanted)).count == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--country", "Nowhere"), 1, "no country 'Nowhere' is in the lake"),
        (("--subject", "nothing"), 1, "no subject 'nothing' is in the lake"),
        (("--source", "nosuch"), 1, "no source is named 'nosuch': see `newsmill sources list`"),
        (("--limit", "0"), 2, "--limit"),
        (("--limit", "-1"), 2, "--limit"),
        (("--limit", "99999999999999999999"), 2, "--limit"),
        (("--min", "-1"), 2, "--min"),
        (("abc",), 1, "'abc' is too short: give 4 characters of the id or more"),
        (("abce",), 1, "no story 'abce'"),
    ],
)
def test_what_is_not_there_is_said(told_home, capsys, words, code, said):
    with pytest.raises(SystemExit) as left:
        main(["--home", str(told_home.path), "stories", *words])
    assert left.value.code == code
    assert said in " ".join(capsys.readouterr().err.split())


def test_an_id_of_a_story_that_was_merged_leads_to_the_other_and_says_so(told_home):
    found = story(told_home, "ABCD")
    assert (found.asked_id[:4], found.story_id) == ("abcd", story(told_home, found.story_id.upper()).story_id)
    assert f"  {found.asked_id[:8]} was merged into it" in printed(found)
    assert not any("merged" in line for line in printed(story(told_home, found.story_id)))


def test_the_beginning_of_a_text_stands_for_a_headline_once(tmp_path):
    home = new_home(tmp_path / "home")
    with open_lake(home) as connection:
        texts = {n: f"Lindvik, Tuesday\n\n{report(1, n).text}" for n in (1, 2)}
        documents = [record(text, url=f"https://coast.example/{n}", language="en") for n, text in texts.items()]
        load_documents(connection, tmp_path / "staged", documents)
    (found,) = stories(home, Wanted()).stories
    beginnings = {f"Lindvik, Tuesday {report(1, n).text}"[:60] for n in (1, 2)}
    assert found.headline[:60] in beginnings
    assert {line.strip()[:60] for line in listed(found) if "Lindvik" in line} == beginnings
    assert len([line for line in listed(found) if "Lindvik" in line]) == 2


def test_times_stand_under_each_other_whatever_the_script(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    out = Terminal()
    headlines = (
        "Dock strike at Lindvik",
        "港湾労働者のストライキが二週目に入り、船が沖で待つ。組合は夜勤手当を求めている",
    )
    one, other = (replace(t, headline=h) for t, h in zip((told("aa", 0), told("bb", 1)), headlines, strict=True))
    print_story(
        replace(STORY, told=(one, replace(other, known="seen"), replace(other, article_id="c", known="day"))), out
    )
    lines = out.getvalue().splitlines()[3:]
    assert [line[:25] for line in lines if "2024" in line] == [
        "       2024-03-12 00:00  ",
        "  seen 2024-03-12 00:01  ",
        "       2024-03-12        ",
    ]
    assert max(map(width, lines)) <= 80
    assert not any(line[:25].strip() for line in lines if "2024" not in line)
