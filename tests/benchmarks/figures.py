"""A figure with its goal, and the table of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that was measured."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    """None where there is none."""
    is_floor: bool = False
    """Whether the goal is the least, not the most."""

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached, or there is none."""
        if self.goal is None:
            return True
        return self.value >= self.goal if self.is_floor else self.value <= self.goal

    def row(self) -> str:
        """The figure as a row of the table."""
        goal = "" if self.goal is None else f"{'≥' if self.is_floor else '≤'} {self.goal:g} {self.unit}".rstrip()
        met = "" if self.goal is None else ("yes" if self.is_met else "**no**")
        return f"| {self.name} | {self.value:,.3g} {self.unit}".rstrip() + f" | {goal} | {met} |"


def table(figures: Iterable[Figure]) -> str:
    """Markdown."""
    return "\n".join(["| figure | measured | goal | met |", "|---|---|---|---|", *(f.row() for f in figures)])
