"""Where a turn begins and ends, told by a detector on a script: a frame's first sample says how probable speech is."""

import random
import struct

import pytest

from marotte.config import Hearing
from marotte.senses.hearing.endpoint import End, Endpointer, Happening, Onset, Speech
from marotte.senses.hearing.speech import RATE

FRAME = 160
SETTINGS = Hearing(threshold=0.5, pre_roll=0.05, silence=0.1, shortest=0.04, longest=1.0)


class Scripted:
    """Reads the probability of a frame, in thousandths, from its first sample."""

    sure = 2.0
    frame = FRAME

    def speech(self, pcm: bytes) -> float:
        return struct.unpack_from("<h", pcm)[0] / 1_000


def sound(script: str) -> bytes:
    """A frame of 10 ms a letter: ``#`` surely speech, ``+`` rather not, ``.`` silence; its number fills the rest."""
    level = {"#": 900, "+": 400, ".": 10}
    return b"".join(
        struct.pack(f"<{FRAME}h", level[letter], *[number] * (FRAME - 1)) for number, letter in enumerate(script, 1)
    )


def machine(hands_free: bool = True, settings: Hearing = SETTINGS) -> Endpointer:
    return Endpointer(settings, Scripted(), hands_free)


def frames(happened: list[Happening]) -> list[int]:
    """Return the numbers of the frames that were given to an ear."""
    pcm = b"".join(h.pcm for h in happened if isinstance(h, Speech))
    return [struct.unpack_from("<h", pcm, place + 2)[0] for place in range(0, len(pcm), 2 * FRAME)]


def marks(happened: list[Happening]) -> list[str]:
    return ["onset" if isinstance(h, Onset) else h.why for h in happened if isinstance(h, Onset | End)]


def test_speech_comes_with_its_pre_roll_and_ends_by_silence() -> None:
    happened = machine().feed(sound("." * 10 + "#" * 6 + "." * 20))
    assert marks(happened) == ["onset", "silence"]
    assert frames(happened) == list(range(6, 27))  # 5 frames of pre-roll, 6 of speech, 10 of silence
    assert happened[-1] == End("silence", speech=6 * FRAME, ago=10 * FRAME)


def test_the_onset_comes_with_the_second_frame_and_the_first_sound_once_it_is_no_noise() -> None:
    endpointer = machine()
    assert endpointer.feed(sound("..#")) == []
    assert endpointer.feed(sound("#")) == [Onset()]
    assert endpointer.feed(sound("#")) == []
    [first] = endpointer.feed(sound("#"))
    assert isinstance(first, Speech)
    assert len(first.pcm) == 6 * 2 * FRAME


def test_a_click_is_nothing_and_a_cough_is_a_noise_without_sound() -> None:
    assert machine().feed(sound("..#....#..." * 3)) == []
    happened = machine().feed(sound("...###" + "." * 20))
    assert happened == [Onset(), End("noise", speech=3 * FRAME, ago=10 * FRAME)]


def test_a_pause_shorter_than_the_silence_ends_nothing_and_doubt_goes_on() -> None:
    happened = machine().feed(sound("#####" + "." * 9 + "##" + "+" * 30 + "." * 10))
    assert marks(happened) == ["onset", "silence"]
    assert happened[-1] == End("silence", speech=46 * FRAME, ago=10 * FRAME)


def test_doubt_begins_nothing() -> None:
    assert machine().feed(sound("+" * 50)) == []


def test_the_longest_turn_is_cut_and_nothing_begins_before_it_is_quiet() -> None:
    endpointer = machine()
    happened = endpointer.feed(sound("#" * 150))
    assert marks(happened) == ["onset", "too_long"]
    assert len(frames(happened)) == 100
    assert endpointer.feed(sound("#" * 500 + "." * 9 + "#" * 10)) == []
    assert marks(endpointer.feed(sound("." * 10 + "#" * 10 + "." * 10))) == ["onset", "silence"]


def test_two_turns_share_no_sound() -> None:
    happened = machine().feed(sound("#####" + "." * 11 + "#####" + "." * 10))
    assert marks(happened) == ["onset", "silence", "onset", "silence"]
    assert frames(happened) == list(range(1, 32))


def test_a_button_beats_the_detector() -> None:
    endpointer = machine(hands_free=False)
    assert endpointer.feed(sound("#" * 30)) == []
    assert endpointer.press() == [Onset()]
    assert endpointer.press() == []
    happened = endpointer.feed(sound("." * 60))
    assert marks(happened) == []
    happened += endpointer.release()
    assert marks(happened) == ["released"]
    assert len(frames(happened)) == 60 + 7  # the pre-roll and the two frames that an onset looks back
    assert happened[-1] == End("released", speech=60 * FRAME, ago=0)
    assert endpointer.release() == []


def test_a_button_takes_over_speech_that_has_begun() -> None:
    endpointer = machine()
    assert marks(endpointer.feed(sound("#####"))) == ["onset"]
    assert endpointer.press() == []
    assert marks(endpointer.feed(sound("." * 50))) == []
    assert marks(endpointer.release()) == ["released"]


def test_a_short_press_is_a_noise_and_the_longest_turn_holds_for_a_button() -> None:
    endpointer = machine(hands_free=False)
    assert endpointer.press() + endpointer.feed(sound("###")) + endpointer.release() == [
        Onset(),
        End("noise", speech=3 * FRAME, ago=0),
    ]
    assert marks(endpointer.press() + endpointer.feed(sound("#" * 300))) == ["onset", "too_long"]
    assert endpointer.release() == []
    assert marks(endpointer.press()) == ["onset"]


def test_the_end_of_a_word_after_the_button_is_no_new_turn() -> None:
    endpointer = machine()
    endpointer.press()
    endpointer.feed(sound("#" * 20))
    assert marks(endpointer.release()) == ["released"]
    assert endpointer.feed(sound("#" * 8 + "." * 9)) == []
    assert marks(endpointer.feed(sound("." + "#" * 5))) == ["onset"]


def test_switching_hands_free_off_ends_what_is_being_said() -> None:
    endpointer = machine()
    endpointer.feed(sound("#" * 20))
    endpointer.hands_free = False
    assert marks(endpointer.feed(sound("#" * 20))) == ["released"]


def test_the_end_of_the_sound_ends_the_turn_with_its_last_sample() -> None:
    endpointer = machine()
    happened = endpointer.feed(sound("#" * 10) + bytes(100))
    happened += endpointer.finish()
    assert marks(happened) == ["onset", "released"]
    assert sum(len(h.pcm) for h in happened if isinstance(h, Speech)) == 10 * 2 * FRAME + 100
    assert endpointer.finish() == []


def test_sound_that_stops_and_comes_again_under_the_button_is_a_new_turn() -> None:
    endpointer = machine(hands_free=False)
    happened = endpointer.press() + endpointer.feed(sound("." * 10)) + endpointer.finish()
    happened += endpointer.feed(sound("." * 10)) + endpointer.release()
    assert marks(happened) == ["onset", "released"] * 2


def test_without_silence_the_first_quiet_frame_ends_the_turn() -> None:
    happened = machine(settings=Hearing(silence=0, pre_roll=0, shortest=0)).feed(sound("####."))
    assert marks(happened) == ["onset", "silence"]
    assert frames(happened) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("seed", range(20))
def test_pieces_of_any_length_give_the_same_turns(seed: int) -> None:
    rng = random.Random(seed)
    pcm = sound("".join(rng.choice("#.") * rng.randrange(1, 25) for _ in range(60)))
    whole = machine().feed(pcm)
    endpointer, cut, place = machine(), [], 0
    while place < len(pcm):
        size = 2 * rng.randrange(1, RATE // 10)
        cut += endpointer.feed(pcm[place : place + size])
        place += size
    assert cut == whole
    assert len(marks(whole)) >= 4
    onsets = marks(whole)[::2]
    assert set(onsets) == {"onset"}
    assert "onset" not in marks(whole)[1::2]


class Sure(Scripted):
    sure = 0.8


def test_of_a_frame_that_the_detector_is_sure_of_one_is_enough() -> None:
    settings = SETTINGS.model_copy(update={"threshold": 0.3})
    pointer = Endpointer(settings, Sure())
    assert marks(pointer.feed(sound("..+"))) == []
    assert marks(pointer.feed(sound(".#"))) == ["onset"]


def fading(loud: int, quiet: int, level: int = 20) -> bytes:
    """Speech that sounds for so many frames, and in so many more is still taken for speech at another level."""
    spoken = struct.pack("<h", 900)
    return b"".join(
        spoken + struct.pack("<h", sample) * (FRAME - 1) for sample in [8_000] * loud + [level] * quiet
    ) + sound("." * 30)


@pytest.mark.parametrize(
    ("faded", "level", "counted"),
    [
        (5, 20, 5),  # it is as quiet as the silence behind it
        (40, 20, 16),  # nobody is cut short who goes on in a whisper
        (5, 1_000, 0),  # softer, and speech all the same
    ],
)
def test_silence_is_counted_from_the_last_sound_and_not_from_when_the_detector_has_noticed(
    faded: int, level: int, counted: int
) -> None:
    settings = SETTINGS.model_copy(update={"silence": 0.2, "settle": 0.19})
    happened = Endpointer(settings, Scripted()).feed(fading(10, faded, level))
    (end,) = [h for h in happened if isinstance(h, End)]
    assert (end.why, end.ago) == ("silence", 20 * FRAME)
    assert end.speech == (10 + faded - counted) * FRAME
