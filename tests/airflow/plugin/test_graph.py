"""Where steps are drawn."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from airflow_provider_amlrest.plugin.graph import MAX_DRAWN, Drawing, draw

DIAMOND = ((), (0,), (0,), (1, 2))


def drawn(*waits: tuple[int, ...]) -> Drawing:
    drawing = draw(waits)
    assert drawing is not None
    return drawing


def test_each_step_is_right_of_all_that_it_waits_for() -> None:
    drawing = drawn(*DIAMOND)
    assert [column for column, _ in drawing.places] == [0, 1, 1, 2]
    assert (drawing.columns, drawing.rows) == (3, 2.0)
    # Columns are centred.
    assert drawing.places[0][1] == drawing.places[3][1] == 1.0
    assert {row for column, row in drawing.places if column == 1} == {0.5, 1.5}


def test_a_chain_is_a_straight_line() -> None:
    assert {row for _, row in drawn((), (0,), (1,), (2,)).places} == {0.5}


def test_lines_go_from_step_to_step_with_a_bend_in_each_column_between() -> None:
    drawing = drawn((), (0,), (1,), (0, 2))
    assert drawing.columns == 4
    [long] = [line for line in drawing.lines if len(line) > 2]
    assert [column for column, _ in long] == [0, 1, 2, 3]
    assert (long[0], long[-1]) == (drawing.places[0], drawing.places[3])
    assert not set(long[1:-1]) & set(drawing.places), "it goes around the steps between"


def test_lines_do_not_cross_where_they_need_not() -> None:
    drawing = drawn((), (), (), (2,), (1,), (0,))
    first, last = drawing.places[:3], drawing.places[3:]
    assert [first[2][1], first[1][1], first[0][1]] == [row for _, row in last]


def test_nothing_lies_on_anything_else() -> None:
    choose = random.Random(7)
    waits = tuple(
        tuple(sorted({choose.randrange(number) for _ in range(choose.randrange(3))})) if number else ()
        for number in range(100)
    )
    places = sorted(drawn(*waits).places)
    for (column, row), (next_column, next_row) in pairwise(places):
        assert column != next_column or next_row - row >= 1


def test_the_same_steps_are_drawn_the_same_way() -> None:
    draw.cache_clear()
    one = draw(DIAMOND)
    draw.cache_clear()
    assert draw(DIAMOND) == one


@pytest.mark.parametrize("waits", [((1,), (0,)), ((0,),), ((), (2,), (1,))])
def test_a_circle_is_not_drawn(waits: tuple[tuple[int, ...], ...]) -> None:
    assert draw(waits) is None


def test_what_is_too_large_is_not_drawn_and_costs_nothing() -> None:
    chain = tuple((number - 1,) if number else () for number in range(MAX_DRAWN))
    assert drawn(*chain).columns == MAX_DRAWN
    assert draw((*chain, ())) is None
    # All pairs: each line passes all columns between.
    assert draw(tuple(tuple(range(number)) for number in range(MAX_DRAWN))) is None


def test_none() -> None:
    assert drawn() == Drawing(0, 0.0, (), ())
