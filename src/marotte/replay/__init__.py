"""Living through the log of a run again."""

from marotte.replay.replay import Difference, Replayed, replay, told

__all__ = ["Difference", "Replayed", "replay", "told"]
