"""Where the steps of a pipeline are drawn: in columns, each to the right of all that it waits for. Pure.

The method is Sugiyama's: longest paths make columns, a line that passes a column gets a place in it (a bend),
and each column is ordered by the mean place of what its members are connected to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

MAX_DRAWN = 200
"""Steps in a drawing: nobody finds anything in a larger one."""
MAX_BENDS = 5000
"""Bends in a drawing."""
PASSES = 4
"""How often all columns are ordered, to the right and back."""
BEND_HEIGHT = 0.25
"""Height of a bend; that of a step is 1."""

Place = tuple[int, float]
"""A column, and the middle of a row in it. Both count from 0; the height of a step is 1."""


@dataclass(frozen=True)
class Drawing:
    """Where everything is."""

    columns: int
    rows: float
    places: tuple[Place, ...]
    """Of each step."""
    lines: tuple[tuple[Place, ...], ...]
    """From a step to one that waits for it, over a place in each column between."""


@lru_cache(maxsize=256)
def draw(waits: tuple[tuple[int, ...], ...]) -> Drawing | None:
    """A drawing of steps; None if they are too many, or wait for each other in a circle.

    :param waits: for each step, the numbers of those that it waits for.
    """
    columns = _columns(waits) if len(waits) <= MAX_DRAWN else None
    if columns is None:
        return None
    bends = sum(columns[step] - columns[other] - 1 for step, others in enumerate(waits) for other in others)
    return _Columns(waits, columns).drawing() if bends <= MAX_BENDS else None


def _columns(waits: Sequence[Sequence[int]]) -> list[int] | None:
    """The column of each step; None if there is a circle."""
    columns: dict[int, int] = {}
    left = set(range(len(waits)))
    while left:
        ready = [step for step in left if columns.keys() >= set(waits[step])]
        if not ready:
            return None
        found = {step: 1 + max((columns[other] for other in waits[step]), default=-1) for step in ready}
        columns |= found
        left -= found.keys()
    return [columns[step] for step in range(len(waits))]


@dataclass
class _Columns:
    """Steps and bends; a step's number is its own, those of bends come after."""

    waits: Sequence[Sequence[int]]
    column_of: list[int]
    members: list[list[int]] = field(default_factory=list)
    before: list[list[int]] = field(default_factory=list)
    """Of each member, those in the column before that it is connected to."""
    after: list[list[int]] = field(default_factory=list)
    ways: list[list[int]] = field(default_factory=list)

    def drawing(self) -> Drawing:
        """Put everything in its place."""
        self.members = [[] for _ in range(max(self.column_of, default=-1) + 1)]
        for step in range(len(self.waits)):
            self._add(step)
        for step, others in enumerate(self.waits):
            for other in others:
                self._connect(other, step)
        for _ in range(PASSES):
            self._order(self.members[1:], self.before)
            self._order(self.members[-2::-1], self.after)
        heights = [sum(map(self._height, column)) for column in self.members]
        places: dict[int, Place] = {}
        for number, column in enumerate(self.members):
            top = (max(heights) - heights[number]) / 2
            for member in column:
                places[member] = number, round(top + self._height(member) / 2, 3)
                top += self._height(member)
        return Drawing(
            len(self.members),
            max(heights, default=0.0),
            tuple(places[step] for step in range(len(self.waits))),
            tuple(tuple(places[member] for member in way) for way in self.ways),
        )

    def _add(self, member: int) -> None:
        self.members[self.column_of[member]].append(member)
        self.before.append([])
        self.after.append([])

    def _connect(self, start: int, end: int) -> None:
        way = [start]
        for column in range(self.column_of[start] + 1, self.column_of[end]):
            way.append(len(self.column_of))
            self.column_of.append(column)
            self._add(way[-1])
        way.append(end)
        for one, next_ in pairwise(way):
            self.after[one].append(next_)
            self.before[next_].append(one)
        self.ways.append(way)

    def _order(self, columns: Sequence[list[int]], connected: Sequence[Sequence[int]]) -> None:
        rank = {member: place for column in self.members for place, member in enumerate(column)}
        for column in columns:
            means = {
                member: sum(rank[other] for other in connected[member]) / len(connected[member])
                if connected[member]
                else rank[member]
                for member in column
            }
            column.sort(key=lambda member: means[member])
            rank |= {member: place for place, member in enumerate(column)}

    def _height(self, member: int) -> float:
        return 1.0 if member < len(self.waits) else BEND_HEIGHT
