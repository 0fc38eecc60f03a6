"""`make demo` as a newcomer sees it."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples import demo as demos
from examples.demo import demo, shortened


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "demo-news"


@pytest.fixture(scope="module")
def first(home: Path) -> list[str]:
    return list(demo(home))


def test_it_fits_a_screen_or_two(first):
    assert len(first) <= 65
    assert max(map(len, first)) <= 118 + 60  # paths are never broken


def test_it_says_what_landed(first):
    assert first[1].startswith("46 documents = 43 new + 0 changed + 0 unchanged + 3 rejected")


def test_every_question_has_an_answer(first):
    for question in demos.QUESTIONS:
        after = first[first.index(question.title) + 1 :]
        answer = [line for line in after[: after.index("")] if line.startswith("  ")]
        assert len(answer) > len(demos.wrapped(question.sql, "  > ", "    "))


def test_six_outlets_tell_one_event(first):
    start = next(n for n, line in enumerate(first) if "Podgrane" in line)
    outlets = [line.split()[0] for line in first[start : first.index("", start)] if line.startswith(("  b", "  p"))]
    assert len(outlets) == 6


def test_run_again_it_finds_all_of_it_there(home, first):
    again = list(demo(home))
    assert "there already" in again[0]
    assert again[1].startswith("46 documents = 0 new + 0 changed + 46 unchanged + 0 rejected")
    assert again[2:] == first[2:]


def test_a_path_below_is_shown_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shortened(tmp_path / "a" / "b") == "a/b"
    assert shortened(Path("/elsewhere")) == "/elsewhere"
