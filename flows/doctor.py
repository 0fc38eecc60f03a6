"""`newsmill doctor`: checks the installation, the home and its lake, changes nothing, and says what to do."""

from __future__ import annotations

import importlib.metadata
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import time
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO
from urllib.parse import urlsplit

from flows.settings import Settings, SettingsError, read_settings, user_agent
from flows.show import paragraph, printable, size, width
from flows.sources import SourceError, Wanted, read_sources, web_source
from flows.status import lake_files, lock_holder, waiting_batches
from warehouse.catalog import FORMAT_VERSION, Home, HomeError, extension
from warehouse.query import QueryError, connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    import duckdb

_PYTHON = (3, 11)
_FREE_BYTES = 1_000_000_000
_WORKER_S = 30
_EXTENSIONS = ("ducklake", "sqlite_scanner")
_HOSTS = 5
"""So many names are looked up."""
_PROXIES = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY")
# SQLite's write-ahead log needs memory that processes share, and a lock that all of them see (sqlite.org/wal.html).
_REMOTE = frozenset(
    [
        "9p",
        "afs",
        "ceph",
        "cifs",
        "davfs",
        "fuse.rclone",
        "fuse.sshfs",
        "lustre",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
        "vboxsf",
    ]
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str
    advice: str = ""
    """What to do, where something is to be done."""


def doctor(home: Home) -> list[Check]:
    """Check everything; no check raises, and what cannot be checked for want of another is left out."""
    checks = [*_installation(), *_home(home), *_network(home)]
    if home.exists:
        checks += _lake(home)
    return checks


def _check(name: str, is_ok: bool, detail: str, advice: str) -> Check:
    """A check whose advice is for the case that it fails."""
    return Check(name, is_ok, detail, "" if is_ok else advice)


# The installation


def _installation() -> Iterator[Check]:
    found = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    yield _check("python", sys.version_info[:2] >= _PYTHON, found, "newsmill needs Python 3.11 or newer")
    yield _packages()
    yield _loads_extensions()
    yield _worker()


def _packages() -> Check:
    """Whether each package that newsmill names is there, in a version that it takes."""
    from packaging.requirements import Requirement

    wrong = []
    stated = _requirements()
    for requirement in map(Requirement, stated):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} is {version}, not {requirement.specifier}")
    good = f"{len(stated)} packages, each in a version that fits"
    return _check(
        "packages", not wrong, "; ".join(wrong) or good, "install newsmill again, into an environment of its own"
    )


def _requirements() -> list[str]:
    """As the installed distribution states them, else the checkout that the code runs from."""
    try:
        return importlib.metadata.requires("newsmill") or []
    except importlib.metadata.PackageNotFoundError:
        pass
    try:
        text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
        return list(tomllib.loads(text)["project"]["dependencies"])
    except (OSError, KeyError):
        return []


def _loads_extensions() -> Check:
    import duckdb

    advice = f"install newsmill again: its extension wheels are those of duckdb {duckdb.__version__}"
    try:
        with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
            for name in _EXTENSIONS:
                connection.load_extension(extension(name))
    except (duckdb.Error, HomeError, QueryError) as error:
        return Check("duckdb", ok=False, detail=_sentence(error), advice=advice)
    return Check("duckdb", ok=True, detail=f"{duckdb.__version__} loads {' and '.join(_EXTENSIONS)} from its wheels")


def _worker() -> Check:
    """Whether a process can be started the way that documents are processed, and killed."""
    advice = "documents are processed in such processes: look at limits on processes and memory (ulimit -a)"
    began = time.monotonic()
    try:
        code = _exit_code_of_killed()
    except (OSError, EOFError, RuntimeError) as error:
        return Check(
            "workers", ok=False, detail=f"a worker process cannot be started: {_sentence(error)}", advice=advice
        )
    took = f"{time.monotonic() - began:.1f} s"
    if code != -signal.SIGKILL:
        return Check(
            "workers", ok=False, detail=f"a worker process ended with {code} instead of being killed", advice=advice
        )
    return Check("workers", ok=True, detail=f"a worker process starts and can be killed ({took})")


def _exit_code_of_killed() -> int | None:
    context = multiprocessing.get_context("forkserver")
    here, there = context.Pipe()
    process = context.Process(target=_work, args=(there,), daemon=True)
    process.start()
    there.close()
    try:
        if not here.poll(_WORKER_S):
            raise RuntimeError(f"it said nothing for {_WORKER_S} s")
        here.recv()
    finally:
        process.kill()
        process.join(_WORKER_S)
        here.close()
    return process.exitcode


def _work(there: Connection) -> None:
    there.send("started")
    there.recv()  # until it is killed


# The home


def _home(home: Home) -> Iterator[Check]:
    place = home.path.absolute()
    there = _nearest(place)
    if not home.exists and lake_files(home):
        advice = f"bring {home.catalog} back from a copy: the files of the lake cannot be read without it"
        yield Check("home", ok=False, detail=f"{home.catalog} is gone", advice=advice)
    elif not home.exists:
        yield Check(
            "home",
            ok=True,
            detail=f"none yet at {place}",
            advice="`newsmill backfill FOLDER` makes it; --home names another",
        )
    else:
        yield Check("home", ok=True, detail=str(place))
    yield Check("writable", *_writable(there))
    yield _space(there)
    yield _file_system(there)
    yield from _settings(home)


def _nearest(path: Path) -> Path:
    """The path, else the nearest folder above it that is there."""
    return next((p for p in (path, *path.parents) if p.exists()), Path("/"))


def _writable(there: Path) -> tuple[bool, str, str]:
    if not there.is_dir():
        return False, f"{there} is a file; a home is a folder", "name another with --home"
    if not os.access(there, os.W_OK | os.X_OK):
        return (
            False,
            f"{there} may not be written",
            "let this user write to it (chown, chmod) or name another with --home",
        )
    return True, str(there), ""


def _space(there: Path) -> Check:
    free = shutil.disk_usage(there).free
    return _check("disk", free >= _FREE_BYTES, f"{size(free)} free", "a load needs room: make some, or move the home")


def _file_system(there: Path) -> Check:
    kind = file_system(there, Path("/proc/self/mountinfo"))
    if kind is None:
        return Check("file system", ok=True, detail="of unknown type: locks were not looked at")
    return _check(
        "file system",
        kind not in _REMOTE,
        f"{kind}: {'locks and SQLite are not safe on it' if kind in _REMOTE else 'locks work'}",
        "put the home on a disk of this machine",
    )


def file_system(path: Path, mounts: Path) -> str | None:
    """Type of the file system that the path is on, by `/proc/self/mountinfo` (proc(5)); None where there is none."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    best: tuple[int, str] | None = None
    for line in lines:
        before, _, after = line.partition(" - ")
        words = before.split(" ")
        if len(words) < 5 or not after:
            continue
        point = Path(words[4].replace(r"\040", " ").replace(r"\011", "\t").replace(r"\134", "\\"))
        # Of two mounts at one place the later hides the other.
        if path.resolve().is_relative_to(point) and (best is None or len(point.parts) >= best[0]):
            best = (len(point.parts), after.split(" ")[0])
    return best[1] if best else None


def _settings(home: Home) -> Iterator[Check]:
    try:
        read_settings(home)
        yield Check("settings", ok=True, detail="newsmill.toml is valid, or not there")
    except (SettingsError, OSError) as error:
        yield Check("settings", ok=False, detail=_sentence(error), advice="mend that line of newsmill.toml")
    try:
        wanted = read_sources(home)
    except (SettingsError, OSError) as error:
        yield Check("sources", ok=False, detail=_sentence(error), advice="mend that line of sources.toml")
        return
    folders = [w for w in wanted if not w.is_paused and not w.is_web]
    gone = [f"{w.name}: {w.location}" for w in folders if not Path(w.location).exists()]
    detail = f"not there: {'; '.join(gone)}" if gone else f"{len(wanted)} in sources.toml"
    yield _check("sources", not gone, detail, "bring the folder back, or `newsmill sources pause NAME`")


# The network


def _network(home: Home) -> Iterator[Check]:
    """Whether the hosts of feeds have addresses, and each feed its credentials. Nothing is asked of the hosts."""
    try:
        settings, wanted = read_settings(home), read_sources(home)
    except (SettingsError, OSError):  # said already
        return
    web = [w for w in wanted if w.is_web and not w.is_paused]
    if not web:
        yield Check("network", ok=True, detail="not needed for folders")
        return
    proxies = [name for name in _PROXIES if os.environ.get(name) or os.environ.get(name.lower())]
    hosts = list(dict.fromkeys(urlsplit(w.location).hostname or "" for w in web))
    if proxies:
        yield Check("network", ok=True, detail=f"through the proxy of {', '.join(proxies)}: names were not looked up")
    else:
        yield _names(hosts)
    yield from _sendable(settings, web)
    if not settings.network.contact and not settings.network.user_agent:
        advice = (
            "set contact under [network] in newsmill.toml to a page or mailbox, so that publishers can write to you"
        )
        yield Check("contact", ok=True, detail=f"none: requests go out as {user_agent(settings)}", advice=advice)


def _names(hosts: list[str]) -> Check:
    """Whether a name of the first few resolves; one of them may be gone, all of them are this machine's trouble."""
    tried = hosts[:_HOSTS]
    with ThreadPoolExecutor(_HOSTS) as pool:
        found = [host for host, is_there in zip(tried, pool.map(_resolves, tried), strict=True) if is_there]
    missing = [host for host in tried if host not in found]
    detail = f"{len(found)} of {len(tried)} names resolve" + (f", not {', '.join(missing)}" if missing else "")
    advice = "look at this machine's network and name server, or set HTTPS_PROXY if there is a proxy"
    return _check("network", bool(found), detail, advice)


def _resolves(host: str) -> bool:
    try:
        return bool(socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        return False


def _sendable(settings: Settings, web: list[Wanted]) -> Iterator[Check]:
    """Whether each source has the options and credentials to be asked with."""
    wrong = []
    for w in web:
        try:
            web_source(w, settings, os.environ)
        except SourceError as error:
            wrong.append(f"{w.name}: {error}")
    detail = "; ".join(wrong) or f"{len(web)} on the web, each with what it needs to be asked"
    yield _check("feeds", not wrong, detail, "the other sources are pulled all the same")


# The lake


def _lake(home: Home) -> Iterator[Check]:
    import duckdb

    try:
        with connect(home.path) as lake:
            form = _format(lake)
            yield form
            if form.ok:
                yield _files(lake, home)
                yield from _contents(lake)
    except (HomeError, QueryError, duckdb.Error) as error:
        yield Check(
            "catalog",
            ok=False,
            detail=_sentence(error),
            advice=f"if {home.catalog} is damaged, bring it back from a copy, or begin a new home and backfill again",
        )
    yield from _landing(home)
    holder = lock_holder(home)
    yield Check("lock", ok=True, detail=f"held by {holder}" if holder else "free")


def _format(lake: duckdb.DuckDBPyConnection) -> Check:
    import duckdb

    try:
        row = lake.execute("SELECT max(format_version) FROM home").fetchone()
    except duckdb.CatalogException:
        row = None
    if row is None or row[0] is None:
        return Check("format", ok=False, detail="the home's creation was cut short", advice="any run completes it")
    detail = f"format {row[0]}, this newsmill's is {FORMAT_VERSION}"
    return _check("format", row[0] == FORMAT_VERSION, detail, "any run migrates it")


_KNOWN_FILES = """
SELECT path, file_size_bytes FROM __ducklake_metadata_lake.ducklake_data_file
UNION ALL SELECT path, file_size_bytes FROM __ducklake_metadata_lake.ducklake_delete_file
"""
_OLD_FILES = "SELECT path, NULL FROM __ducklake_metadata_lake.ducklake_files_scheduled_for_deletion"


def _files(lake: duckdb.DuckDBPyConnection, home: Home) -> Check:
    """Whether each file of the catalog, of older snapshots too, is on disk with its size; files of none are counted."""
    known, found = _known(lake, _KNOWN_FILES), lake_files(home)
    missing = {name for name in known if name not in found}
    if missing:  # unless maintenance took them out of catalog and folder meanwhile
        missing &= _known(lake, _KNOWN_FILES).keys()
    cut = [name for name, stated in known.items() if name in found and found[name][1] != stated]
    orphans = [found[n][1] for n in found.keys() - known.keys() - _known(lake, _OLD_FILES).keys()]
    detail = f"{len(known):,} files, {size(sum(s or 0 for s in known.values()))}, all there with their sizes"
    if missing or cut:
        detail = f"{len(missing)} missing, {len(cut)} of another size, such as {min([*missing, *cut])}"
    if orphans:
        detail += f"; {len(orphans):,} files of no snapshot ({size(sum(orphans))})"
    advice = "bring the files back from a copy of the home" if missing or cut else ""
    if orphans and not advice:
        advice = "`newsmill maintain` removes what no snapshot holds once it is a day old"
    return Check("files", not (missing or cut), detail, advice)


def _known(lake: duckdb.DuckDBPyConnection, query: str) -> dict[str, int | None]:
    return {path.rpartition("/")[2]: stated for path, stated in lake.execute(query).fetchall()}


def _contents(lake: duckdb.DuckDBPyConnection) -> Iterator[Check]:
    """Ids that stand twice, copies of copies or of nothing, runs whose counts do not add up."""
    from warehouse.maintain import check

    row = lake.execute(
        "SELECT count(*) FROM duplicates ANTI JOIN (SELECT article_id AS duplicate_of FROM articles) USING (duplicate_of)"
    ).fetchone()
    problems = check(lake)
    if row and row[0]:
        problems.append(f"{row[0]} copies are of articles that are not there")
    detail = "; ".join(problems) or "ids stand once, copies have their originals, runs add up"
    yield _check("contents", not problems, detail, "report this, with the output of `newsmill status --json`")


def _landing(home: Home) -> Iterator[Check]:
    waiting = Counter((b.run_id, b.is_run_alive) for b in waiting_batches(home.landing))
    dead = sum(count for (_, is_alive), count in waiting.items() if not is_alive)
    of = [
        f"{count} of {'the running' if is_alive else 'the dead'} run {run}"
        for (run, is_alive), count in waiting.items()
    ]
    detail = f"batches wait: {', '.join(of)}" if waiting else "no batches wait"
    yield _check("landing", not dead, detail, "any run loads them first, such as `newsmill ingest`")


def _sentence(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def print_checks(checks: list[Check], out: TextIO) -> None:
    """Print the checks for a person, with what to do below those that need it."""
    size_of_names = max((width(c.name) for c in checks), default=0)
    for c in checks:
        out.write(f"{'ok  ' if c.ok else 'FAIL'}  {c.name:<{size_of_names}}  {printable(c.detail)}\n")
        if c.advice:
            paragraph(f"→ {c.advice}", out, indent=8 + size_of_names)
    failed = sum(not c.ok for c in checks)
    out.write(f"\n{failed} of {len(checks)} checks failed\n" if failed else f"\nall {len(checks)} checks passed\n")
