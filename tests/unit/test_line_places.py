"""Lines by numbers that a run and its replay share, whatever of them began to sound."""

from marotte.ops.line_places import LinePlaces


def test_lines_are_counted_as_they_are_written_whichever_begin_to_sound() -> None:
    then, now = LinePlaces(), LinePlaces()
    for places, mark in ((then, "a"), (now, "b")):
        for number in range(3):
            places.written(f"{mark}{number}")
        places.started(f"{mark}0", 100)
    now.started("b1", 900)  # placed in the replay alone, just before everything fell silent
    then.started("a2", 2_000)
    now.started("b2", 1_990)
    assert then.playing(99) is None
    assert then.playing(1_999) == (0, 100)
    assert then.playing(2_010) == (2, 2_000)
    assert [now.start(number) for number in (0, 1, 2, 3)] == [100, 900, 1_990, None]
    assert then.start(1) is None


def test_a_line_that_was_never_written_is_nothing_and_one_that_begins_once_more_begins_there() -> None:
    places = LinePlaces()
    places.started("unknown", 5)
    for line, sample in (("a", 10), ("b", 20)):
        places.written(line)
        places.started(line, sample)
    places.started("b", 60)  # nothing of it was heard, and all fell silent for a while
    assert places.playing(30) == (0, 10)
    assert places.playing(70) == (1, 60)
    assert (places.start(0), places.start(1)) == (10, 60)


def test_only_so_many_lines_are_remembered() -> None:
    places = LinePlaces()
    for number in range(5_000):
        places.written(f"line {number}")
        if number % 2:
            places.started(f"line {number}", number)
    assert places.start(4_999) == 4_999
    assert places.start(1) is None
    assert len(places._numbers) <= 200
