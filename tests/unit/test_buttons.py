"""Whose microphone a button opens, and that the same is shut again."""

from marotte.buttons import Buttons


class Microphone:
    def __init__(self) -> None:
        self.held = False

    def press(self) -> None:
        self.held = True

    def release(self) -> None:
        self.held = False


def test_one_that_is_offered_again_while_it_is_held_is_let_go_all_the_same() -> None:
    buttons, one, other = Buttons(), Microphone(), Microphone()
    buttons.add(one)
    buttons.add(other)
    assert buttons.press()
    assert (one.held, other.held) == (False, True)
    buttons.add(other)
    buttons.add(one)
    assert buttons.release()
    assert not other.held
    assert buttons.press()
    assert one.held, "it is the newest now"


def test_one_that_is_gone_is_held_no_more() -> None:
    buttons, one = Buttons(), Microphone()
    assert not buttons.press()
    buttons.add(one)
    buttons.press()
    buttons.remove(one)
    assert not buttons.release()
    buttons.add(one)
    assert buttons.release(), "it is there, and nobody holds it"
