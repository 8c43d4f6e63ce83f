"""Sound over HTTP: whatever form a server sends, and however the network cuts it, the same sound comes out."""

import asyncio
import struct
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marotte.engines.kinds import EngineError, EngineUnavailable, Sound
from marotte.time import Clock, VirtualLoop
from marotte.voice.streamed import streamed
from tests.servers.openai import babble
from tests.servers.speech_servers import float_wav, wav

RATE = 24_000
SOUND = babble(0.7, RATE)
SAMPLES = np.frombuffer(SOUND, "<i2")


class Response:
    """An answer that comes in pieces."""

    def __init__(self, pieces: Iterable[bytes], kind: str) -> None:
        self.content_type = kind.split(";")[0]
        self.headers = {"Content-Type": kind}
        self.content = self
        self._pieces = iter(pieces)

    async def readany(self) -> bytes:
        return next(self._pieces, b"")


def heard(pieces: Iterable[bytes], kind: str = "audio/wav", rate: int = 0, **rest: Any) -> list[Sound]:
    async def hear() -> list[Sound]:
        response: Any = Response((piece for piece in pieces if piece), kind)
        return [sound async for sound in streamed("voice", response, rate, Clock(), **rest)]

    return asyncio.run(hear())


def pcm(sounds: list[Sound]) -> bytes:
    return b"".join(sound.pcm for sound in sounds)


def twice(samples: Any) -> Any:
    return np.repeat(samples, 2)


def of_24_bits(samples: Any) -> bytes:
    return (samples.astype("<i4") << 8).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


FORMS: list[tuple[Callable[[], bytes], int]] = [
    (lambda: wav(SOUND), 0),
    (lambda: wav(of_24_bits(SAMPLES), bits=24), 0),
    (lambda: wav((SAMPLES.astype("<i4") << 16).tobytes(), bits=32), 0),
    (lambda: wav((SAMPLES.astype("<f4") / 32_768).tobytes(), kind=3, bits=32), 0),
    (lambda: wav((SAMPLES.astype("<f8") / 32_768).tobytes(), kind=3, bits=64), 0),
    (lambda: wav(twice(SAMPLES).tobytes(), channels=2), 0),
    (lambda: wav(of_24_bits(twice(SAMPLES)), channels=2, bits=24), 0),
    (lambda: float_wav(SOUND, RATE), 0),
    (lambda: wav((np.round(SAMPLES / 256) + 128).astype(np.uint8).tobytes(), bits=8), 128),
]


@pytest.mark.parametrize(("made", "off"), FORMS)
@given(cuts=st.lists(st.integers(0, 3_000), max_size=8))
def test_every_form_is_the_same_sound_however_it_is_cut(made: Callable[[], bytes], off: int, cuts: list[int]) -> None:
    file, at = made(), 0
    pieces: list[bytes] = []
    for cut in cuts:
        pieces.append(file[at : at + cut])
        at += cut
    sounds = heard([*pieces, file[at:]])
    assert {sound.rate for sound in sounds} == {RATE}
    assert max(len(sound.pcm) for sound in sounds) <= RATE // 10 * 8
    assert len(sounds[0].pcm) <= RATE // 10 * 2, "the first is waited for"
    assert np.abs(np.frombuffer(pcm(sounds), "<i2").astype(int) - SAMPLES).max() <= off


@given(piece=st.integers(400, 20_000))
def test_what_is_far_ahead_is_read_seldom_and_the_ear_never_waits_for_it(piece: int) -> None:
    sound = SOUND * 10

    async def hear() -> list[tuple[float, int]]:
        clock, found, made = Clock(), list[tuple[float, int]](), 0
        response: Any = Response((sound[at : at + piece] for at in range(0, len(sound), piece)), "audio/pcm")
        began = clock.now()
        async for one in streamed("voice", response, RATE, clock):
            found.append((clock.now() - began, made))
            made += len(one.pcm)
        assert made == len(sound)
        return found

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        found = runner.run(hear())
    assert found[0] == (0.0, 0)
    assert all(came <= before / 2 / RATE for came, before in found)
    seconds = len(sound) / 2 / RATE
    assert sum(before / 2 / RATE - came >= 0.3 for came, before in found) <= 10 * seconds + 1


def test_channels_are_mixed() -> None:
    left_only = np.stack([SAMPLES, np.zeros_like(SAMPLES)], axis=1).tobytes()
    mixed = np.frombuffer(pcm(heard([wav(left_only, channels=2)])), "<i2")
    assert np.abs(mixed - SAMPLES / 2).max() <= 1


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF, 0xFFFFFFFF - 36, 0x7FFFFFFF])
def test_a_file_that_does_not_know_its_length_is_heard_to_its_end(length: int) -> None:
    assert pcm(heard([wav(SOUND, length=length)])) == SOUND


def test_what_follows_the_sound_in_a_file_is_not_heard() -> None:
    assert pcm(heard([wav(SOUND) + b"LIST" + struct.pack("<I", 4_000) + b"\x7f" * 4_000])) == SOUND


def test_what_stands_before_the_sound_is_passed_over() -> None:
    noted = b"LIST" + struct.pack("<I", 25) + b"INFOISFT has data fmt in " + b"\0"
    file = wav(SOUND)
    for at in (12, 36):  # before the format and after it; the odd length is padded
        assert pcm(heard([file[:at] + noted + file[at:]])) == SOUND


def test_an_extensible_header_tells_its_form_further_on() -> None:
    guid = struct.pack("<H", 3) + bytes.fromhex("000000001000800000aa00389b71")
    form = struct.pack("<HHIIHHHHI", 0xFFFE, 1, RATE, 4 * RATE, 4, 32, 22, 32, 4) + guid
    sound = (SAMPLES.astype("<f4") / 32_768).tobytes()
    file = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<I", len(form)) + form + b"data\xff\xff\xff\xff" + sound
    assert pcm(heard([file])) == SOUND


def test_sound_goes_on_before_the_file_is_whole() -> None:
    taken: list[int] = []

    def pieces() -> Iterable[bytes]:
        file = float_wav(SOUND, RATE)
        for at in range(0, len(file), 4_801):
            taken.append(at)
            yield file[at : at + 4_801]

    async def first() -> Sound:
        response: Any = Response(pieces(), "audio/wav")
        return await anext(aiter(streamed("voice", response, 0, Clock())))

    assert asyncio.run(first()).pcm == SOUND[: (4_801 - 44) // 8 * 2]
    assert len(taken) == 1


@pytest.mark.parametrize(
    ("kind", "rate"),
    [("audio/pcm;rate=44100;channels=1", 44_100), ("audio/L16; rate=16000", 16_000), ("audio/pcm", 8_000)],
)
def test_raw_sound_has_the_rate_that_its_type_tells(kind: str, rate: int) -> None:
    sounds = heard([SOUND[:5], SOUND[5:]], kind, 8_000)
    assert ({sound.rate for sound in sounds}, pcm(sounds)) == ({rate}, SOUND)


@pytest.mark.parametrize(
    ("file", "kind", "error", "told"),
    [
        (b"", "audio/wav", EngineError, "sent no sound"),
        (wav(b"\0\0" * 100), "audio/wav", EngineError, "sent no sound"),
        (wav(SOUND)[:30], "audio/wav", EngineError, "a WAV file without sound"),
        (b"RIFF\0\0\0\0WAVELIST\xff\xff\xff\x7f" + bytes(100_000), "audio/wav", EngineError, "without sound"),
        (wav(SOUND, kind=0x55), "audio/wav", EngineUnavailable, r"a WAV file that is compressed.*format 85"),
        (wav(SOUND, channels=99), "audio/wav", EngineUnavailable, "a WAV file that has 99 channels"),
        (wav(SOUND, rate=1), "audio/wav", EngineUnavailable, "has 1 samples a second"),
        (wav(b"\xff" * 9_600, kind=3, bits=32), "audio/wav", EngineError, "sent sound that holds samples that are no"),
        (SOUND, "audio/wav", EngineUnavailable, "sent audio/wav that is no WAV file"),
        (b"fLaC" + SOUND, "audio/flac", EngineUnavailable, "compressed"),
        (b"<h1>Hello  from\nthe proxy</h1>", "text/html", EngineUnavailable, "instead of sound: <h1>Hello from t"),
        (b'{"error": "no"}', "application/json", EngineUnavailable, 'instead of sound: {"error": "no"}'),
    ],
)  # fmt: skip
def test_what_is_no_such_sound(file: bytes, kind: str, error: type[EngineError], told: str) -> None:
    with pytest.raises(EngineError, match=told) as failure:
        heard([file[:3], file[3:]], kind)
    assert type(failure.value) is error


def test_a_wav_file_that_calls_itself_a_page_is_heard() -> None:
    assert pcm(heard([wav(SOUND)], "text/html; charset=utf-8")) == SOUND


def test_a_complaint_is_told_in_the_servers_words_and_not_at_length() -> None:
    with pytest.raises(EngineUnavailable, match="instead of sound: 16384 x"):
        heard([b"x" * 60_000], "text/plain", message=lambda said: f"{len(said)} x")
