"""The microphones of a floor, as others than their owners may open them: a stream deck, a foot switch, a script."""

from typing import Protocol


class Button(Protocol):
    """Opens and closes one microphone, as its owner's own button does. To press it twice is to press it once."""

    def press(self) -> None:
        """Somebody begins to speak there."""
        ...

    def release(self) -> None:
        """They have said it."""
        ...


class Buttons:
    """Presses the newest microphone of one floor."""

    def __init__(self) -> None:
        self._there: list[Button] = []
        self._held: Button | None = None

    def add(self, button: Button) -> None:
        """There is one more microphone, or its owner has used it again: it is the newest."""
        if button in self._there:
            self._there.remove(button)
        self._there.append(button)

    def remove(self, button: Button) -> None:
        """It is there no more."""
        if button in self._there:
            self._there.remove(button)
        if button is self._held:
            self._held = None

    def press(self) -> bool:
        """Let somebody speak; returns whether there is a microphone."""
        if self._held is None and self._there:
            self._held = self._there[-1]
        if self._held is not None:
            self._held.press()
        return self._held is not None

    def release(self) -> bool:
        """End what ``press`` began, if anything; returns whether there is a microphone."""
        if self._held is not None:
            self._held.release()
            self._held = None
        return bool(self._there)
