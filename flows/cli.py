"""The command line. Heavy modules are imported by the command that needs them: `--help` answers at once."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, Self

import typer

if TYPE_CHECKING:
    from connectors.polling.fleet import Progress
    from flows.backfill import Result
    from flows.enrich import Progress as Enrichment
    from flows.settings import Settings
    from warehouse.load import Counts

_ERRORS_SHOWN = 10
app = typer.Typer(
    name="newsmill",
    help="From feeds and folders of news to SQL: a lake of clean articles in which nothing is lost or doubled.",
    epilog="Every command takes --home DIR (default: $NEWSMILL_HOME, else ./news), -q, -v and --debug.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
sources_app = typer.Typer(help="Manage what is pulled: feeds, sitemaps and folders.", rich_markup_mode=None)
app.add_typer(sources_app, name="sources", no_args_is_help=True)
rules_app = typer.Typer(help="Rules for boilerplate: look at them, learn them from the lake.", rich_markup_mode=None)
app.add_typer(rules_app, name="rules", no_args_is_help=True)

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


class Failed(Exception):  # noqa: N818  how a command ends, not an error of its own
    """Ends a command with a sentence and an exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class _Options:
    """The options that every command takes, wherever they stand."""

    home: Path | None = None
    is_debug = False
    verbosity = 0


_options = _Options()


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line; errors that a user can mend are one sentence, a traceback needs `--debug`."""
    _steady_streams()
    try:
        _run(argv)
    finally:
        vars(_options).clear()


def _run(argv: Sequence[str] | None) -> NoReturn:
    words = _hoist(list(sys.argv[1:] if argv is None else argv))
    command = typer.main.get_command(app)
    try:
        command.main(words, prog_name="newsmill", standalone_mode=True)
    except Failed as failure:
        _leave(str(failure), failure.code)
    except KeyboardInterrupt:
        _leave("stopped; nothing is lost, the next run goes on", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:
        if _options.is_debug:
            raise
        if type(error).__module__ in ("duckdb", "_duckdb"):
            _leave(f"the lake cannot be used: {str(error).splitlines()[0]} (newsmill doctor looks closer)", 1)
        if not _is_ours(error):
            raise
        _leave(str(error), 1)
    sys.exit(0)


def _steady_streams() -> None:
    """Stand in for streams that the shell closed, and write UTF-8 whatever the locale says."""
    sys.stdin = sys.stdin or Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(encoding="utf-8")


def _is_ours(error: Exception) -> bool:
    """Whether the error's message is meant for the user."""
    package = type(error).__module__.partition(".")[0]
    return package in ("connectors", "flows", "pipelines", "warehouse") or isinstance(error, OSError)


def _leave(message: str, code: int) -> NoReturn:
    if message:
        print(f"newsmill: {message}", file=sys.stderr)
    sys.exit(code)


def _hoist(words: list[str]) -> list[str]:
    """Take the options off that may stand before or after the command."""
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            return [*kept, word, *rest]
        if word == "--home":
            _options.home = Path(next(rest, ""))
            if str(_options.home) in ("", "."):
                _leave("--home needs a folder", 2)
        elif word.startswith("--home="):
            _options.home = Path(word.partition("=")[2])
        elif word == "--debug":
            _options.is_debug = True
        elif word in ("-q", "--quiet"):
            _options.verbosity = -1
        elif word in ("-v", "--verbose"):
            _options.verbosity = 1
        else:
            kept.append(word)
    return kept


def _settings() -> Settings:
    from flows.settings import find_home, read_settings

    return read_settings(find_home(_options.home, os.environ))


def _existing() -> Settings:
    settings = _settings()
    if not settings.home.exists:
        raise Failed(
            f"there is no home at {settings.home.path}: `newsmill backfill FOLDER` or `newsmill ingest` makes one, "
            "--home names another"
        )
    return settings


def _version(is_wanted: bool) -> None:
    if is_wanted:
        from newsmill import __version__

        print(f"newsmill {__version__}")
        raise typer.Exit


@app.callback()
def _global(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


@app.command()
def backfill(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders and archives.", metavar="PATH...")],
    source: Annotated[
        str | None, typer.Option(help="Name of the source; binds a folder that was moved to its old name.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many documents.")] = None,
    fields: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=COLUMN,...",
            help="Which columns of rows (JSON Lines, CSV, Parquet) stand for which fields; dots go into objects. "
            "Files that were read with others are read again.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would land, and change nothing.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 when documents were rejected.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Read files, folders and archives into the lake; what is there already is not read again."""
    from connectors.fields import FieldsError, read_mapping
    from flows.backfill import backfill as run_here
    from flows.one_off import run_flow_or_direct

    try:
        mapping = read_mapping(fields or ())
    except FieldsError as error:
        raise typer.BadParameter(str(error), param_hint="--fields") from error
    settings = _settings()
    with _Progress() as progress:
        hooks: dict[str, Any] = {"report": progress.show, "stop": progress.stop}
        if dry_run:
            result = run_here(settings, paths, source=source, limit=limit, fields=mapping, is_dry=True, **hooks)
        else:
            result = run_flow_or_direct(
                "backfill", settings, paths=paths, source=source, limit=limit, fields=mapping, **hooks
            )
    _print_result(settings, result, progress.seconds, as_json=as_json, is_dry=dry_run)
    _exit_for(result, strict=strict)


@app.command()
def ingest(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Sources, due or not; all that are due and not paused if none is named."),
    ] = None,
    archive: Annotated[
        bool, typer.Option("--archive", help="Also the past of the named sources, as far as they offer it.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 when documents were rejected.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Pull the sources of sources.toml, once."""
    from flows.one_off import run_flow_or_direct

    if archive and not names:
        raise typer.BadParameter("name the sources whose past is to be read", param_hint="--archive")
    settings = _settings()
    with _Progress() as progress:
        result = run_flow_or_direct(
            "ingest",
            settings,
            names=tuple(names or ()),
            with_archive=archive,
            report=progress.show,
            polling=progress.show_polls,
            stop=progress.stop,
        )
    _print_result(settings, result, progress.seconds, as_json=as_json)
    _exit_for(result, strict=strict)


@app.command()
def sql(
    query: Annotated[
        str | None, typer.Argument(help="A query; - reads it from standard input; none: a prompt.")
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", "-f", help="table, csv, json, jsonl, parquet or markdown.")
    ] = "table",
    as_of: Annotated[str | None, typer.Option(help="The lake as it was at this time (or snapshot number).")] = None,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Allow files outside the lake; never a change of it.")
    ] = False,
) -> None:
    """Query the lake, read-only."""
    from flows.sql import run_sql

    settings = _existing()
    code = run_sql(settings.home.path, query, format=format_, as_of=as_of, unsafe=unsafe)
    if code:
        sys.exit(code)


@app.command()
def status(
    source: Annotated[str | None, typer.Option(help="Of this source alone.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every source, not only those that need a person.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only what needs a person, a line each on standard error; exit with 1 then.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Sources and their health, the last runs, what was dropped and why."""
    from flows.show import print_json
    from flows.status import print_check, print_status
    from flows.status import status as read_status

    found = read_status(_existing().home, check=check, source=source)
    if as_json:
        print_json(found, sys.stdout)
    elif check:
        print_check(found, sys.stdout, sys.stderr)
    else:
        print_status(found, sys.stdout, show_all=everything or source is not None)
    if check and found.problems:
        sys.exit(1)


@app.command()
def stories(
    story_id: Annotated[
        str | None, typer.Argument(help="One story, from its first article on; the first characters of its id do.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="With an article since then: 2026-01-31, 7d, 12h.")] = None,
    source: Annotated[str | None, typer.Option(help="With an article of this source or publisher.")] = None,
    country: Annotated[str | None, typer.Option(help="About this country: Iraq, or IQ.")] = None,
    subject: Annotated[str | None, typer.Option(help="About this subject: conflicts, or medtop:16000000.")] = None,
    least: Annotated[
        int, typer.Option("--min", min=1, max=1_000_000, help="Of so many articles or more, copies not counted.")
    ] = 1,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="So many at the most.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Stories: articles about one event, those of most publishers first."""
    from flows.show import print_json
    from flows.since import parse_since
    from flows.stories import Wanted, print_stories, print_story
    from flows.stories import stories as read_stories
    from flows.stories import story as read_story

    home = _existing().home
    if story_id:
        one = read_story(home, story_id)
        print_json(one, sys.stdout) if as_json else print_story(one, sys.stdout)
        return
    moment = parse_since(since, datetime.now(UTC)) if since else None
    wanted = Wanted(since=moment, source=source, country=country, subject=subject, least=least, limit=limit)
    found = read_stories(home, wanted)
    print_json(found, sys.stdout) if as_json else print_stories(found, sys.stdout)


@app.command()
def explain(
    what: Annotated[str, typer.Argument(help="A URL, a path, a document or an article.")],
    as_json: JsonOption = False,
) -> None:
    """Everything known of one document or article: where it came from, and each decision on the way."""
    from flows.explain import explain as read_explanation
    from flows.explain import print_explanation
    from flows.show import print_json

    found = read_explanation(_existing().home, what)
    if as_json:
        print_json(found, sys.stdout)
    else:
        print_explanation(found, sys.stdout)
    if not found.is_found:
        sys.exit(1)


@app.command()
def replay(
    wanted: Annotated[str | None, typer.Argument(metavar="[REASON]", help="As --reason, after --rejected.")] = None,
    rejected: Annotated[bool, typer.Option("--rejected", help="Documents that became no article.")] = False,
    reason: Annotated[str | None, typer.Option(help="Of the rejected, those with this reason.")] = None,
    source: Annotated[str | None, typer.Option(help="Documents of this source.")] = None,
    since: Annotated[str | None, typer.Option(help="Documents pulled since then: 2026-01-31, 7d, 12h.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every stored document.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show what would change, and change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Extract again from the stored documents; what comes out the same is not touched."""
    from flows.changes import Change, print_change
    from flows.replay import Selection, replayed_lines
    from flows.replay import replay as run_replay
    from warehouse.rows import Reason

    if wanted and (reason or not rejected):
        raise Failed(f"{wanted} is no option; a reason follows --rejected or --reason", 2)
    reason = reason or wanted
    if reason and reason not in set(Reason):
        raise Failed(f"no reason {reason!r}; expected one of {', '.join(sorted(Reason))}", 2)
    if not (rejected or reason or source or since or everything):
        raise Failed("say what to replay: --rejected, --reason R, --source NAME, --since TIME or --all", 2)
    settings = _existing()
    selection = Selection(rejected=rejected or reason is not None, reason=reason, source=source, since=since)
    is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def show(change: Change) -> None:
        print_change(change, sys.stdout, is_coloured=is_coloured)

    with _Progress() as progress:
        result = run_replay(
            settings,
            selection,
            is_diff=diff,
            report=progress.show,
            stop=progress.stop,
            show=None if as_json else show,
        )
    _print_result(settings, result, progress.seconds, as_json=as_json, is_dry=diff)
    if not as_json and _options.verbosity >= 0:
        print("\n".join(replayed_lines(result, is_diff=diff)))


@app.command()
def enrich(
    only: Annotated[
        list[str] | None, typer.Option(help="Make this again: tags, copies, stories. All three, where none is named.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Articles from then on: 2026-01-31, 7d, 12h.")] = None,
    until: Annotated[str | None, typer.Option(help="Articles before then.")] = None,
    source: Annotated[str | None, typer.Option(help="Articles of this source.")] = None,
    diff: Annotated[bool, typer.Option("--diff", help="Show what would change, and change nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make tags, copies and stories again; no body is touched, nor what comes out the same."""
    from flows.enrich import Difference, Part, Selection, enriched_lines, print_difference, read_period
    from flows.enrich import enrich as run_enrich
    from flows.show import print_json
    from flows.since import TimeError

    if unknown := set(only or ()) - set(Part):
        raise Failed(f"nothing is named {min(unknown)!r}; expected one of {', '.join(Part)}", 2)
    parts = tuple(part for part in Part if not only or part in only)
    selection = Selection(parts=parts, source=source, since=since, until=until)
    try:
        read_period(selection, datetime.now(UTC))
    except TimeError as error:
        raise Failed(str(error), 2) from error
    settings = _existing()
    is_coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    def show(difference: Difference) -> None:
        print_difference(difference, sys.stdout, is_coloured=is_coloured)

    with _Progress() as progress:
        result = run_enrich(
            settings,
            selection,
            is_diff=diff,
            report=progress.show_enriched,
            stop=progress.stop,
            show=None if as_json else show,
        )
    if as_json:
        print_json(result, sys.stdout)
    elif _options.verbosity >= 0:
        print("\n".join(enriched_lines(result, is_diff=diff)))


@app.command()
def maintain(as_json: JsonOption = False) -> None:
    """Merge small files, expire old snapshots, clean up, check. Safe beside readers and runs."""
    from flows.one_off import run_flow_or_direct
    from flows.show import print_json

    found = run_flow_or_direct("maintain", _existing())
    if as_json:
        print_json(found, sys.stdout)
    else:
        megabytes = found.size_after_bytes / 1e6
        print(f"Parquet files: {found.files_before:,} before, {found.files_after:,} now ({megabytes:,.1f} MB)")
        print(f"old snapshots expired: {found.snapshots_expired:,}; files removed: {found.files_removed:,}")
        if found.rules_proposed or found.rules_accepted:
            print(f"rules learned: {found.rules_proposed:,} proposed, {found.rules_accepted:,} accepted")
        print("\n".join(found.problems) or "checked: all is well")
    if found.problems:
        sys.exit(1)


@app.command()
def up() -> None:
    """Run the service: a Prefect server on 127.0.0.1 and the scheduled flows, until stopped."""
    from flows.service import up as run_up

    sys.exit(run_up(_settings()))


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Check the installation, the home and the catalog, and say what to do."""
    from flows.doctor import doctor as run_doctor
    from flows.doctor import print_checks
    from flows.settings import find_home
    from flows.show import print_json

    checks = run_doctor(find_home(_options.home, os.environ))
    if as_json:
        print_json(checks, sys.stdout)
    else:
        print_checks(checks, sys.stdout)
    if not all(c.ok for c in checks):
        sys.exit(1)


@sources_app.command("add")
def sources_add(
    locations: Annotated[
        list[str], typer.Argument(help="Addresses of sites, feeds or sitemaps; folders.", metavar="LOCATION...")
    ],
    name: Annotated[
        str | None, typer.Option(help="Name of the source; else of the feed's title or the folder.")
    ] = None,
    pages: Annotated[
        str | None, typer.Option(help="Pages behind a feed's entries that are fetched: always, short or never.")
    ] = None,
    no_check: Annotated[bool, typer.Option("--no-check", help="Add the address as it is, without asking it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Watch feeds, sitemaps and folders; of a site's address the feed is found, and what it would bring is shown."""
    from flows.add import add, print_added
    from flows.show import print_json

    settings = _settings()
    if name and len(locations) > 1:
        raise Failed("--name goes with one location", 2)
    added = []
    for found in add(settings, locations, name=name, pages=pages, is_checked=not no_check):
        added.append(found)
        if not as_json:
            print_added(settings.home, found, sys.stdout, sys.stderr)
    if as_json:
        print_json(added, sys.stdout)
    if any(found.error for found in added):
        sys.exit(1)


@sources_app.command("discover")
def sources_discover(
    url: Annotated[str, typer.Argument(help="Address of a site.", metavar="URL")], as_json: JsonOption = False
) -> None:
    """Look for the feeds and sitemaps of a site, and add none."""
    from flows.add import discover, print_candidates
    from flows.show import print_json

    settings = _settings()
    found = discover(settings, url)
    if as_json:
        print_json(found, sys.stdout)
    else:
        print_candidates(settings.home, found, sys.stdout)


@sources_app.command("check")
def sources_check(
    what: Annotated[
        str | None, typer.Argument(help="A source or an address; every source if none is named.", metavar="[NAME|URL]")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Ask for all of it, even if nothing is new.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Poll a source, explain what was asked, answered and found, and write nothing."""
    from flows.check import check, print_checked
    from flows.show import print_json

    settings = _settings()
    found = check(settings, what, is_full=full)
    if as_json:
        print_json(found, sys.stdout)
    else:
        print_checked(found, datetime.now(UTC), sys.stdout, is_brief=what is None)
    if any(one.error for one in found):
        sys.exit(1)


@sources_app.command("list")
def sources_list(as_json: JsonOption = False) -> None:
    """The sources of sources.toml with their health, and others that the lake holds articles of."""
    from flows.show import print_json
    from flows.source_list import listed, print_list

    now = datetime.now(UTC)
    rows = listed(_settings().home, now)
    if as_json:
        print_json(rows, sys.stdout)
    else:
        print_list(rows, now, sys.stdout)


@sources_app.command("show")
def sources_show(name: str, as_json: JsonOption = False) -> None:
    """What is known of a source: what is wanted, what was learnt, its last polls, when it is asked next and why then."""
    from flows.show import print_json
    from flows.source_list import print_source, shown_source

    now = datetime.now(UTC)
    found = shown_source(_settings().home, name, now)
    if as_json:
        print_json(found, sys.stdout)
    else:
        print_source(found, now, sys.stdout)


@sources_app.command("import")
def sources_import(
    file: Annotated[str, typer.Argument(help="OPML, or a text with an address on each line; - for standard input.")],
    as_json: JsonOption = False,
) -> None:
    """Add the feeds of a list of subscriptions; its groups become categories. Asks none of them."""
    from flows.show import print_json
    from flows.subscriptions import import_list, print_imported

    settings = _settings()
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error.strerror or error}") from error
    found = import_list(settings.home, data)
    if as_json:
        print_json(found, sys.stdout)
    else:
        print_imported(settings.home, found, sys.stdout, sys.stderr)
    if not found.added and not found.there:
        sys.exit(1)


@sources_app.command("export")
def sources_export(
    out: Annotated[Path | None, typer.Option(help="File to write; else standard output.")] = None,
) -> None:
    """Write the feeds and sitemaps of sources.toml as OPML."""
    from flows.subscriptions import export_opml

    data = export_opml(_settings().home)
    if out:
        out.write_bytes(data)
    else:
        sys.stdout.write(data.decode())


@sources_app.command("pause")
def sources_pause(name: str) -> None:
    """Leave a source out of scheduled runs."""
    from flows.sources import set_paused

    set_paused(_settings().home, name, is_paused=True)
    print(f"paused {name}")


@sources_app.command("resume")
def sources_resume(name: str) -> None:
    """Take a paused source in again."""
    from flows.sources import set_paused

    set_paused(_settings().home, name, is_paused=False)
    print(f"resumed {name}")


@sources_app.command("remove")
def sources_remove(name: str) -> None:
    """Take a source out of sources.toml; its articles stay."""
    from flows.sources import remove_source

    remove_source(_settings().home, name)
    print(f"removed {name}; its articles stay in the lake")


@rules_app.command("list")
def rules_list(
    source: Annotated[str | None, typer.Option(help="Those that hold for this source.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that come with newsmill.")] = False,
    as_json: JsonOption = False,
) -> None:
    """The home's own rules: their state, in how many articles they were seen and when, what they take out."""
    from flows.rules import listed, print_list
    from flows.show import print_json

    home = _settings().home
    rows = listed(home, source=source, everything=everything)
    if as_json:
        print_json(rows, sys.stdout)
    else:
        print_list(home, rows, sys.stdout)


@rules_app.command("show")
def rules_show(name: str, as_json: JsonOption = False) -> None:
    """What is known of a rule: its evidence with examples, and what it has taken out."""
    from flows.rules import print_rule, shown_rule
    from flows.show import print_json

    home = _settings().home
    found = shown_rule(home, name)
    if as_json:
        print_json(found, sys.stdout)
    else:
        print_rule(home, found, sys.stdout)


@rules_app.command("test")
def rules_test(
    file: Annotated[Path, typer.Argument(help="A text.")],
    table: Annotated[Path | None, typer.Option("--rules", help="Only the rules of this table.")] = None,
    source: Annotated[str, typer.Option(help="As an article of this source.")] = "",
    as_json: JsonOption = False,
) -> None:
    """What the rules take out of a text, span by span; changes nothing."""
    from flows.rules import print_tried, tried
    from flows.show import print_json

    try:
        found = tried(_settings().home, file, table=table, source=source)
    except OSError as error:
        raise Failed(f"{error.filename} cannot be read: {error.strerror or error}") from error
    if as_json:
        print_json(found, sys.stdout)
    else:
        print_tried(found, sys.stdout)


@rules_app.command("learn")
def rules_learn(
    source: Annotated[str | None, typer.Option(help="From the articles of this source alone.")] = None,
    since: Annotated[str | None, typer.Option(help="From articles since then: 2026-01-31, 7d, 12h.")] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Accept those whose evidence is beyond doubt.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Look for lines that recur across a source's articles, and propose rules that take them out."""
    from flows.learn import learn
    from flows.rules import print_learned
    from flows.show import print_json
    from flows.since import parse_since

    settings, now = _existing(), datetime.now(UTC)
    found = learn(settings, now, source=source, since=parse_since(since, now) if since else None, is_accepting=accept)
    if as_json:
        print_json(found, sys.stdout)
    else:
        print_learned(settings.home, found, sys.stdout)


@rules_app.command("accept")
def rules_accept(names: Annotated[list[str], typer.Argument(metavar="NAME...")]) -> None:
    """Let rules hold: for new documents at once, for those in the lake after a replay."""
    _decide(names, "accepted")


@rules_app.command("reject")
def rules_reject(names: Annotated[list[str], typer.Argument(metavar="NAME...")]) -> None:
    """Let rules hold no more, and never propose them again; a replay brings the text back."""
    _decide(names, "rejected")


def _decide(names: list[str], state: str) -> None:
    from flows.rules import decide, print_decided

    home = _settings().home
    sources = decide(home, names, state, datetime.now(UTC))
    print_decided(home, names, sources, state, sys.stdout)


class _Progress:
    """A line of progress on a terminal, and the two meanings of Ctrl-C."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._began = time.monotonic()
        self._is_shown = sys.stderr.isatty() and _options.verbosity >= 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)
        if self._is_shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        if kind is KeyboardInterrupt:  # Typer would leave without a word
            raise Failed("stopped; nothing is lost, the next run goes on", 130)

    def show(self, counts: Counts) -> None:
        rate = counts.documents / max(self.seconds, 0.001)
        self._print(
            f"{counts.documents:,} documents, {counts.new:,} new, {counts.rejected:,} rejected, {rate:,.0f} a second"
        )

    def show_polls(self, polls: Progress) -> None:
        failed = f", {polls.failed:,} failed" if polls.failed else ""
        self._print(f"{polls.done:,} of {polls.all:,} sources polled{failed}")

    def show_enriched(self, enriched: Enrichment) -> None:
        self._print(f"{enriched.part}: {enriched.done:,} of {enriched.all:,} articles, {enriched.changed:,} changed")

    def _print(self, line: str) -> None:
        if self._is_shown:
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    def _interrupted(self, *_: object) -> None:
        if self.stop.is_set():
            raise KeyboardInterrupt("stopped")  # Beam raises again as it is only what has a message
        self.stop.set()
        print("\nfinishing the batch in hand; Ctrl-C again stops at once", file=sys.stderr)


def _print_result(settings: Settings, result: Result, seconds: float, *, as_json: bool, is_dry: bool = False) -> None:
    from flows.show import print_json

    if as_json:
        print_json(result, sys.stdout)
        return
    from flows.summary import summary

    if _options.verbosity < 0:
        return
    for line in summary(settings.home, result, seconds, is_dry=is_dry, is_verbose=_options.verbosity > 0):
        print(line)
    shown = result.errors if _options.verbosity > 0 else result.errors[:_ERRORS_SHOWN]
    for error in shown:
        print(f"newsmill: {error}", file=sys.stderr)
    if len(shown) < len(result.errors):
        print(f"newsmill: and {len(result.errors) - len(shown):,} more: newsmill status --all", file=sys.stderr)
    if len(result.errors) > 1 and all("does not resolve" in error for error in result.errors):
        print("newsmill: no name resolves: is the network there? newsmill doctor looks", file=sys.stderr)


def _exit_for(result: Result, *, strict: bool) -> None:
    if result.errors:
        sys.exit(1)
    if strict and result.counts.rejected:
        sys.exit(3)


if __name__ == "__main__":
    main()
