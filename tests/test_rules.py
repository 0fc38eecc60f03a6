"""Rules of a home: learned from what recurs, accepted and rejected by hand, in force for a source, undone by a replay."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import tomllib
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from flows.backfill import backfill
from flows.cli import app
from flows.learn import learn
from flows.maintain import maintain
from flows.replay import Selection, replay
from flows.rules import decide, listed, print_list, print_rule, print_tried, shown_rule, tried
from flows.run import version, way
from flows.settings import Pipeline, Settings
from flows.settings import Rules as RulesSettings
from pipelines.home_rules import RulesError, entry, rows_in_force
from pipelines.strip import has_match, load_rules, strip
from pipelines.values import Extracted, Stripped
from tests.lake import load_documents, record
from tests.made_articles import SOURCES, made
from warehouse.catalog import Home, open_lake
from warehouse.maintain import Maintained
from warehouse.query import connect
from warehouse.recurring import Recurring, recurring

NOW = datetime(2024, 6, 1, tzinfo=UTC)
MAINTAINED = Maintained(
    files_before=1,
    files_after=1,
    size_before_bytes=1,
    size_after_bytes=1,
    snapshots_expired=0,
    files_removed=0,
    problems=(),
)


@pytest.fixture(scope="module")
def lake_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("lake")
    home = Home(folder / "home")
    documents = [
        record(text, source=source, url=f"https://{source}.example/{n}", headline=f"Story {n}", published=_day(n))
        for source in SOURCES
        for n, text in enumerate(made(source))
    ]
    copied = next(made("tide"))
    copies = [record(copied, source="tide", url=f"https://tide.example/copy{n}", published=_day(n)) for n in range(9)]
    with open_lake(home) as connection:
        load_documents(connection, folder, documents + copies)
    return home


def _day(number: int) -> str:
    return (datetime(2023, 1, 2, tzinfo=UTC) + timedelta(days=number)).isoformat()


@pytest.fixture(scope="module")
def found(lake_home: Home) -> dict[tuple[str, str], Recurring]:
    with connect(lake_home.path) as lake:
        return {(one.source, one.lines[0]): one for one in recurring(lake)}


@pytest.fixture(scope="module")
def proposed(lake_home: Home) -> str:
    """The file of rules that were learned and not accepted."""
    assert learn(Settings(lake_home), NOW).accepted == ()
    text = lake_home.rules.read_text()
    lake_home.rules.unlink()
    return text


@pytest.fixture
def without_lake(tmp_path: Path, proposed: str) -> Settings:
    """A home that holds the rules alone."""
    home = Home(tmp_path / "home")
    home.path.mkdir()
    home.rules.write_text(proposed)
    return Settings(home)


@pytest.fixture
def settings(lake_home: Home) -> Iterator[Settings]:
    lake_home.rules.unlink(missing_ok=True)
    yield Settings(lake_home)
    lake_home.rules.unlink(missing_ok=True)


PLANTED = [(source, one) for source, (count, planted) in SOURCES.items() for one in planted if count >= 20]


def key(source, planted):
    return source, planted.text.replace("{n}", "#").splitlines()[0].replace("’", "'")


def rows(settings):
    return {row["name"]: row for row in listed(settings.home)}


def by_text(settings):
    return {(row["sources"][0], row["text"].splitlines()[0]): row for row in listed(settings.home)}


@pytest.mark.parametrize(("source", "planted"), PLANTED, ids=lambda value: getattr(value, "text", value))
def test_what_recurs_is_found_with_its_evidence(found, source, planted):
    one = found[key(source, planted)]
    standing = [n for n, text in enumerate(made(source)) if _stands(planted, text)]
    assert (one.articles, one.of) == (len(standing), SOURCES[source][0])
    assert (one.first_seen.isoformat(), one.last_seen.isoformat()) == (_day(standing[0]), _day(standing[-1]))
    assert one.position == {"amid": "anywhere"}.get(planted.place, planted.place)
    assert len(one.lines) == len(planted.text.splitlines())
    assert one.examples


def _stands(planted, text):
    return planted.text.splitlines()[0].partition("{n}")[0] in text.split("\n\n") or any(
        line.startswith(planted.text.splitlines()[0].partition("{n}")[0]) for line in text.split("\n\n")
    )


def test_nothing_else_recurs(found):
    assert set(found) == {key(source, one) for source, one in PLANTED}


def test_only_what_is_beyond_doubt_is_accepted(settings):
    learned = learn(settings, NOW, is_accepting=True)
    states = {place: row["state"] for place, row in by_text(settings).items()}
    accepted = {place for place, state in states.items() if state == "accepted"}
    beyond_doubt = {key(s, one) for s, one in PLANTED if one.is_boilerplate and one.share > 0.4 and one.place != "amid"}
    assert accepted == beyond_doubt
    assert len(learned.accepted) == len(accepted)
    proposed = {place for place, state in states.items() if state == "proposed"}
    assert {key(s, one) for s, one in PLANTED if one.is_boilerplate} <= accepted | proposed
    assert not [line for _, line in proposed if "mayor" in line]  # a sentence that is quoted now and then


def test_without_being_asked_nothing_is_accepted(without_lake):
    assert {row["state"] for row in listed(without_lake.home)} == {"proposed"}
    assert rows_in_force(without_lake.home.rules) == []


def test_the_thresholds_are_settings(settings):
    strict = Settings(settings.home, rules=RulesSettings(accept_share=0.6, accept_articles=100))
    learn(strict, NOW, is_accepting=True)
    accepted = {row["text"] for row in listed(settings.home) if row["state"] == "accepted"}
    assert accepted == {"Edition # of the Gull", "Skua paper, printed on the island by its owners"}


def test_learning_again_finds_the_same_rules_and_keeps_what_a_person_wrote(settings, proposed):
    path = settings.home.rules
    path.write_text(proposed)
    before = rows(settings)
    name = min(before)
    decide(settings.home, [name], "rejected", NOW)
    path.write_text(
        path.read_text().replace("[[rule]]", "# ask the desk\n[[rule]]", 1).replace("articles = 1", "articles = 9")
    )
    again = learn(settings, NOW + timedelta(days=1), is_accepting=True)
    assert (again.proposed, again.accepted) == ((), ())
    assert "# ask the desk\n[[rule]]" in path.read_text()
    after = rows(settings)
    assert list(after) == sorted(before)
    assert {n: row["articles"] for n, row in after.items()} == {n: row["articles"] for n, row in before.items()}
    assert after[name]["state"] == "rejected"


def test_rules_are_learned_of_one_source_and_since_a_day(settings):
    learn(settings, NOW, source="tide")
    assert {row["sources"][0] for row in listed(settings.home)} == {"tide"}
    learn(settings, NOW, since=datetime.fromisoformat(_day(95)))  # only one source has as many articles since then
    assert {row["sources"][0] for row in listed(settings.home)} == {"gull", "tide"}
    assert {row["sources"][0] for row in listed(settings.home, source="gull")} == {"gull"}


def test_deciding_makes_a_version_once(without_lake):
    name = by_text(without_lake)["skua", "Skua paper, printed on the island by its owners"]["name"]
    for _ in range(2):
        assert decide(without_lake.home, [name], "accepted", NOW) == ["skua"]
        assert (rows(without_lake)[name]["state"], rows(without_lake)[name]["version"]) == ("accepted", 2)
    assert [row["name"] for row in rows_in_force(without_lake.home.rules)] == [name]
    with pytest.raises(RulesError, match="no rule is named sku"):
        decide(without_lake.home, ["sku"], "accepted", NOW)


def test_the_pipeline_of_a_home_is_named_after_its_rules(without_lake, tmp_path):
    bare = version(without_lake)
    assert bare == version(Settings(Home(tmp_path / "other")))
    names = list(rows(without_lake))
    decide(without_lake.home, names[:1], "accepted", NOW)
    held = way(without_lake)
    assert held.version == version(without_lake) != bare
    assert pickle.loads(pickle.dumps(held)).rules == held.rules != load_rules()
    path = without_lake.home.rules
    path.write_text(path.read_text().replace("articles = ", "articles = 1"))  # other evidence is no other rule
    assert version(without_lake) == held.version
    decide(without_lake.home, names[:1], "rejected", NOW)
    assert version(without_lake) == bare


def test_what_a_rule_is_shown_as(settings, proposed):
    settings.home.rules.write_text(proposed)
    row = by_text(settings)["tide", "The Tide, # Quay Street, Lindholm"]
    shown = shown_rule(settings.home, row["name"])
    assert (shown["removed"], len(shown["example_headlines"])) == (0, len(row["examples"]))
    out = io.StringIO()
    print_rule(settings.home, shown, out)
    print_list(settings.home, listed(settings.home), out)
    text = out.getvalue()
    for part in (row["name"], f"{row['articles']} of 90", "The newsroom answers on #", row["examples"][0], "proposed"):
        assert part in text
    assert shown_rule(settings.home, "market-data-footer")["from"] == "newsmill"
    with pytest.raises(RulesError, match="no rule is named nothing"):
        shown_rule(settings.home, "nothing")


def test_the_commands(without_lake, monkeypatch, tmp_path):
    monkeypatch.setenv("NEWSMILL_HOME", str(without_lake.home.path))
    run = CliRunner().invoke
    rules = json.loads(run(app, ["rules", "list", "--json"]).stdout)
    name = rules[0]["name"]
    assert [rule["name"] for rule in rules] == list(rows(without_lake))
    assert "market-data-footer" in run(app, ["rules", "list", "--all"]).stdout
    assert "replay --source" in run(app, ["rules", "accept", name]).stdout
    assert json.loads(run(app, ["rules", "show", name, "--json"]).stdout)["state"] == "accepted"
    assert f"rejected: {name}" in run(app, ["rules", "reject", name]).stdout
    assert isinstance(run(app, ["rules", "accept", name, "unheard-of"]).exception, RulesError)
    file = tmp_path / "text.txt"
    file.write_text(f"{STORY}\n\nShare this article\n")
    (removal,) = json.loads(run(app, ["rules", "test", str(file), "--json"]).stdout)["removals"]
    assert removal["text"].strip() == "Share this article"
    assert "cannot be read" in str(run(app, ["rules", "test", str(tmp_path / "none")]).exception)


def test_maintenance_learns_where_settings_say_so(settings, monkeypatch):
    monkeypatch.setattr("flows.maintain.run", lambda *_: nullcontext(SimpleNamespace(clock=lambda: NOW)))
    monkeypatch.setattr("flows.maintain._maintain", lambda _: MAINTAINED)
    assert maintain(settings) == MAINTAINED
    assert not settings.home.rules.exists()
    learning = replace(settings, rules=RulesSettings(learn="accept"))
    found = maintain(learning)
    assert (found.rules_proposed + found.rules_accepted, found.rules_accepted) == (len(rows(settings)), 4)


# Rows of the file as rules.

TABLE = """
[[rule]]
name = "tide-address"
sources = ["tide"]
position = "last"
text = '''
The Tide (est. #) {Lindholm} [all of it]
Reader’s desk: 5*5 + #%?
'''
"""
STORY = "The ferry left on Tuesday.\n\nIt came back late, and nobody asked why."


def stripped(path: Path, text: str, source: str) -> Stripped:
    return strip(Extracted(text=text, extractor="test"), load_rules(more=rows_in_force(path)), source)


def test_a_literal_text_holds_for_its_source_at_its_end(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text(TABLE)
    lines = ("THE TIDE (est. 1,907)  {Lindholm} [all of it]", "Reader's desk: 5*5 + 3.5%?")
    footer = "\n\n".join(lines)
    assert stripped(path, f"{STORY}\n\n{footer}", "tide").body == STORY
    assert {removal.family for removal in stripped(path, f"{STORY}\n\n{lines[1]}", "tide").removals} == {"learned"}
    for text, source in ((f"{STORY}\n\n{footer}", "gull"), (f"{footer}\n\n" + "\n\n".join([STORY] * 4), "tide")):
        assert stripped(path, text, source).body == text


@given(
    st.text(min_size=1, max_size=80).map(lambda text: " ".join(text.split())).filter(lambda t: any(map(str.isalpha, t)))
)
def test_any_line_is_a_rule_that_takes_that_line(line):
    rules = load_rules(Path(os.devnull), more=[entry({"name": "made", "text": line})])
    assert has_match(rules.rules[0], line)


FAULTS = {
    "state": ('state = "perhaps"', "state is one of"),
    "unit": ('unit = "page"', "page"),
    "toml": ("state = ", "rules.toml"),
    "text": ("text = 5", "text"),
    "key": ('wrods = ["tide"]', "wrods"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_row_is_named(tmp_path, fault):
    line, message = FAULTS[fault]
    path = tmp_path / "rules.toml"
    path.write_text(
        TABLE.replace("text = '''", f"{line}\ntext = '''") if fault != "text" else f'[[rule]]\nname = "a"\n{line}\n'
    )
    with pytest.raises(RulesError, match=message):
        load_rules(more=rows_in_force(path))


def test_a_text_is_tested_against_the_rules(tmp_path):
    home = Home(tmp_path / "home")
    home.path.mkdir()
    home.rules.write_text(TABLE)
    file = tmp_path / "text.txt"
    file.write_bytes(f"{STORY}\n\nReader’s desk: 5*5 + 1%?\n".replace("\n", "\r\n").encode())
    found = tried(home, file, source="tide")
    assert [removal.rule for removal in found.removals] == ["tide-address"]
    assert found.body.strip() == STORY
    out = io.StringIO()
    print_tried(found, out)
    assert "tide-address  Reader’s desk: 5*5 + 1%?" in out.getvalue()
    table = tmp_path / "table.toml"
    table.write_text(
        '[[rule]]\nname = "left"\nfamily = "related"\nunit = "sentence"\npattern = "the ferry left[^\\n.]*"\n'
        'words = ["ferry"]\nreason = "a test"\nexample = "The ferry left."\ncounterexample = "It came."\n'
    )
    assert [removal.rule for removal in tried(home, file, table=table).removals] == ["left"]
    file.write_text("Reader’s desk: 5*5 + 1%?")
    assert tried(home, file, source="tide").body == ""


# The whole way.


def test_an_accepted_rule_makes_versions_and_a_rejected_one_brings_the_text_back(tmp_path):
    home, folder = Home(tmp_path / "home"), tmp_path / "skua"
    folder.mkdir()
    for number, text in enumerate(list(made("skua"))[:30]):
        (folder / f"{number}.txt").write_text(text)
    settings = Settings(home, pipeline=Pipeline(workers=1))
    backfill(settings, [folder])
    as_found = bodies(home)
    learn(settings, NOW)
    line = "Skua paper, printed on the island by its owners"
    name = by_text(settings)["skua", line]["name"]
    with_line = sum(line in body for _, body in as_found.values())
    decide(home, [name], "accepted", NOW)
    assert replay(settings, Selection(source="skua")).tally.versions == with_line > 15
    assert not [body for _, body in bodies(home).values() if line in body]
    assert sum(changed == 2 for changed, _ in bodies(home).values()) == with_line
    assert shown_rule(home, name)["removed_from"] == with_line
    with connect(home.path) as lake:
        assert lake.execute("SELECT DISTINCT cause FROM articles WHERE version = 2").fetchall() == [("pipeline",)]
    decide(home, [name], "rejected", NOW)
    replay(settings, Selection(source="skua"))
    assert {id_: body for id_, (_, body) in bodies(home).items()} == {id_: body for id_, (_, body) in as_found.items()}


def bodies(home: Home) -> dict[str, tuple[int, str]]:
    with connect(home.path) as lake:
        found = lake.execute("SELECT article_id, version, body FROM articles").fetchall()
    return {id_: (version, body) for id_, version, body in found}


def test_the_file_is_for_people(proposed):
    assert proposed.startswith("# Rules")
    assert [row["name"] for row in tomllib.loads(proposed)["rule"]] == sorted(
        re.findall(r'^name = "(.*)"', proposed, re.MULTILINE)
    )
    assert '"""The Tide, # Quay Street, Lindholm\nThe newsroom answers on #\n"""' in proposed
