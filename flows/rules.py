"""`newsmill rules`: the rules for boilerplate, those that come with newsmill and the home's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from flows.learn import Learned, read_document, write_document
from flows.show import command, heading, paragraph, print_record, print_table, short, shown
from pipelines.home_rules import RulesError, entry, read_rows, rows_in_force
from pipelines.strip import Rule, load_rules, strip
from pipelines.values import Extracted, Rejected, Removal
from warehouse.query import connect

if TYPE_CHECKING:
    from warehouse.catalog import Home

_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Tried:
    """What the rules take out of a text."""

    file: str
    rules: int
    removals: tuple[Removal, ...]
    body: str
    """What stays; empty where nothing does."""


def listed(home: Home, *, source: str | None = None, everything: bool = False) -> list[dict[str, Any]]:
    """The home's own rules with their evidence, of a source those that hold for it; with `everything` also newsmill's."""
    own = [_own(row) for row in read_rows(home.rules) if source is None or source in row.get("sources", (source,))]
    return own + [_shipped(rule) for rule in load_rules().rules] if everything else own


def _own(row: Mapping[str, Any]) -> dict[str, Any]:
    stated = {"state": "accepted", "position": "anywhere", "sources": [], "sites": [], **row}
    return {"name": "without a name", "from": "learned" if "articles" in row else "home", **stated}


def _shipped(rule: Rule) -> dict[str, Any]:
    return {"from": "newsmill", "state": "accepted"} | {
        key: value for key, value in asdict(rule).items() if value not in ((), None, False)
    }


def shown_rule(home: Home, name: str) -> dict[str, Any]:
    """What is known of a rule, and what it has taken out of the articles of the lake. Raises `RulesError`."""
    found = next((row for row in listed(home, everything=True) if row["name"] == name), None)
    if found is None:
        raise _unknown(home, [name])
    removed: dict[str, Any] = {"removed": 0, "removed_from": 0}
    headlines: list[str] = []
    if home.exists:
        with connect(home.path) as lake:
            removed = _removed(lake, name)
            headlines = _headlines(lake, found.get("examples", ()))
    return found | removed | {"example_headlines": headlines}


def _removed(lake: Any, name: str) -> dict[str, Any]:
    """How often it took something out of the articles as they are now."""
    spans, articles = lake.execute(
        "SELECT count(*), count(DISTINCT article_id) FROM removals SEMI JOIN articles USING (article_id, version) "
        "WHERE rule = ?",
        [name],
    ).fetchone()
    return {"removed": spans, "removed_from": articles}


def _headlines(lake: Any, ids: Sequence[str]) -> list[str]:
    rows = lake.execute(
        "SELECT article_id, coalesce(headline, left(body, 80)) FROM articles "
        "WHERE article_id IN (SELECT unnest(string_split(?, chr(0))))",
        ["\0".join(ids)],
    ).fetchall()
    by_id = dict(rows)
    return [by_id[id_] for id_ in ids if id_ in by_id]


def decide(home: Home, names: Iterable[str], state: str, now: datetime) -> list[str]:
    """Accept or reject rules of the home; gives the sources that they hold for. Raises `RulesError`."""
    wanted = set(names)
    document = read_document(home)
    rows = {row.get("name"): row for row in document.get("rule", ())}
    if missing := sorted(wanted - set(rows)):
        raise _unknown(home, missing)
    if state == "accepted":
        load_rules(more=[entry(dict(row.unwrap()) | {"state": state}) for name, row in rows.items() if name in wanted])
    sources: set[str] = set()
    for name in wanted:
        row = rows[name]
        sources |= set(row.get("sources", ()))
        if row.get("state", "accepted") != state:
            row["state"] = state
            row["version"] = int(row.get("version", 0)) + 1
            row["decided_at"] = now.replace(microsecond=0)
    write_document(home, document)
    return sorted(sources)


def _unknown(home: Home, names: Sequence[str]) -> RulesError:
    known = [str(row.get("name")) for row in read_rows(home.rules)]
    near = [match for name in names for match in get_close_matches(name, known, n=3, cutoff=0.4)]
    hint = f"do you mean {' or '.join(dict.fromkeys(near))}?" if near else "newsmill rules list shows them"
    return RulesError(f"no rule is named {', '.join(names)} in {home.rules}: {hint}")


def tried(home: Home, file: Path, *, table: Path | None = None, source: str = "") -> Tried:
    """What the rules in force, or those of one table, take out of the text of a file. Changes nothing."""
    text = file.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    rules = load_rules(table) if table else load_rules(more=rows_in_force(home.rules))
    extracted = Extracted(text=text, extractor="test")
    try:
        stripped = strip(extracted, rules, source)
    except Rejected as verdict:
        everything = Removal(verdict.detail, "", 0, len(text), text)
        return Tried(str(file), len(rules.rules), (everything,), "")
    return Tried(str(file), len(rules.rules), stripped.removals, stripped.body)


def print_list(home: Home, rows: Sequence[Mapping[str, Any]], out: TextIO) -> None:
    """A line a rule: state, evidence, what it takes."""
    if not rows:
        paragraph(f"no rules of its own: {command(home, 'rules', 'learn')} looks for what recurs", out, indent=0)
        return
    cells = [
        (row["name"], row["state"], row.get("sources"), _seen(row), _days(row), row["position"], short(_taken(row), 60))
        for row in rows
    ]
    print_table(("name", "state", "source", "articles", "seen", "position", "takes out"), cells, out)
    if any(row["state"] == "proposed" for row in rows):
        paragraph(
            f"a proposed rule holds once it is accepted: {command(home, 'rules', 'accept', 'NAME')}", out, indent=0
        )


def _seen(row: Mapping[str, Any]) -> str | None:
    return f"{row['articles']:,} of {row['of']:,}" if "articles" in row and "of" in row else None


def _days(row: Mapping[str, Any]) -> str | None:
    return f"{row['first_seen']} – {row['last_seen']}" if "first_seen" in row and "last_seen" in row else None


def _taken(row: Mapping[str, Any]) -> str:
    return str(row.get("text") or row.get("pattern") or "").strip()


def print_rule(home: Home, row: Mapping[str, Any], out: TextIO) -> None:
    """All that is known of a rule."""
    ids = list(row.get("examples", ()))
    left_out = {"text", "examples", "example_headlines", "articles", "of", "first_seen", "last_seen", "share_at_end"}
    share = row.get("share_at_end")
    evidence = {
        "seen in": _seen(row) and f"{_seen(row)} articles of its source",
        "seen": _days(row),
        "at its end": f"{share:.0%} of them"
        if isinstance(share, float) and row.get("position") != "anywhere"
        else None,
    }
    print_record({key: value for key, value in row.items() if key not in left_out} | evidence, out)
    if row.get("text"):
        heading("takes out", out)
        for line in str(row["text"]).strip().splitlines():
            paragraph(line, out)
    if ids:
        heading("examples", out)
        headlines = dict(zip(ids, row.get("example_headlines", ()), strict=False))
        for id_ in ids:
            paragraph(f"{id_}  {short(headlines.get(id_, ''), 80)}".rstrip(), out)
    for source in row.get("sources", ()):
        if row["state"] != "accepted":
            paragraph(f"to hold: {command(home, 'rules', 'accept', row['name'])}", out, indent=0)
        else:
            paragraph(f"what it changes: {command(home, 'replay', '--source', source, '--diff')}", out, indent=0)


def print_learned(home: Home, found: Learned, out: TextIO) -> None:
    """What was learned, and what to do next."""
    print_record(
        {
            "proposed": len(found.proposed),
            "accepted": len(found.accepted),
            "known already": len(found.seen_again),
        },
        out,
    )
    if found.proposed or found.accepted:
        names = {*found.proposed, *found.accepted}
        print_list(home, [row for row in listed(home) if row["name"] in names], out)


def print_decided(home: Home, names: Sequence[str], sources: Sequence[str], state: str, out: TextIO) -> None:
    """What was decided, and how it comes to hold for what is in the lake."""
    paragraph(f"{state}: {', '.join(names)}", out, indent=0)
    selections: list[tuple[str, ...]] = [("--source", source) for source in sources]
    for words in selections or [("--all",)]:
        paragraph(
            f"new documents follow; for those in the lake: {command(home, 'replay', *words, '--diff')}", out, indent=0
        )


def print_tried(found: Tried, out: TextIO) -> None:
    """Each span with its rule, and how much stays."""
    for removal in found.removals:
        place = f"{removal.start:,}-{removal.start + removal.length:,}"
        paragraph(f"{place}  {removal.rule}  {shown(short(removal.text.strip(), _SHOWN))}", out, indent=0)
    gone = sum(removal.length for removal in found.removals)
    paragraph(f"{gone:,} characters go in {len(found.removals):,} spans, {len(found.body):,} stay", out, indent=0)
