"""The program that holds Open JTalk: Japanese text in, sound with its words and phones out.

A request is ``{"voice": path or "", "speed": 1.0, "pitch": semitones, "volume": decibels}`` with the text as its
payload; the answers are those of ``marotte.voice.placed``.

The package's own interface makes sound without telling when it says what. Its extension module carries the whole of
hts_engine API 1.10, which does: ``HTS_Engine_get_state_duration`` of each state of each label, in frames
(https://hts-engine.sourceforge.net, ``HTS_engine.h``). So the text is read by the package, and the sound made here.
"""

import ctypes as C
import os.path
import threading
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import pyopenjtalk  # pyright: ignore[reportMissingImports]

from marotte.engines.program import Request, serve
from marotte.voice.placed import send

_openjtalk: Any = pyopenjtalk
RATE = 48_000
_SIZE = 16_384
"""Bytes for the library's ``HTS_Engine``, some 400 in 1.10: it fills in what it is given room for."""
_MOST = 8
"""Voices kept in memory, about 2 MB each."""
_LOOK = 0.02
"""Seconds between two looks at whether a request was cancelled."""
_IPA = {
    "sh": "ɕ", "ch": "tɕ", "j": "dʑ", "y": "j", "f": "ɸ", "r": "ɾ", "ry": "ɾ", "N": "n", "cl": "t",
    "u": "ɯ", "U": "ɯ", "pau": "", "sil": "",
}  # fmt: skip
"""Open JTalk's phones that are written otherwise than they begin; capitals are whispered vowels."""

_system = C.CDLL(None)
_system.open_memstream.restype = C.c_void_p
_system.fclose.argtypes = _system.free.argtypes = (C.c_void_p,)


class Voice:
    """One HTS voice in hts_engine."""

    def __init__(self, path: bytes) -> None:
        self._library = library = C.CDLL(_openjtalk.htsengine.__file__)
        size, real = C.c_size_t, C.c_double
        for name, result, *arguments in (
            ("initialize", None), ("load", C.c_char, C.POINTER(C.c_char_p), size), ("clear", None),
            ("get_sampling_frequency", size), ("get_fperiod", size), ("get_nstate", size),
            ("set_speed", None, real), ("add_half_tone", None, real), ("set_volume", None, real), ("refresh", None),
            ("synthesize_from_strings", C.c_char, C.POINTER(C.c_char_p), size),
            ("get_state_duration", size, size), ("save_generated_speech", None, C.c_void_p),
            ("set_stop_flag", None, C.c_char),
        ):  # fmt: skip
            function = getattr(library, f"HTS_Engine_{name}")
            function.restype, function.argtypes = result, (C.c_void_p, *arguments)
        self._engine = C.create_string_buffer(_SIZE)
        library.HTS_Engine_initialize(self._engine)
        if library.HTS_Engine_load(self._engine, (C.c_char_p * 1)(path), 1) == b"\0":
            raise ValueError(f"{path.decode()} is no HTS voice")
        if (rate := library.HTS_Engine_get_sampling_frequency(self._engine)) != RATE:
            raise ValueError(f"the voice {path.decode()} speaks at {rate} Hz, not at {RATE}")

    def close(self) -> None:
        """Give back its memory."""
        self._library.HTS_Engine_clear(self._engine)

    def set(self, speed: float, pitch: float, volume: float) -> None:
        """Speak from now on so much faster, so many semitones higher and decibels louder."""
        self._library.HTS_Engine_set_speed(self._engine, speed)
        self._library.HTS_Engine_add_half_tone(self._engine, pitch)
        self._library.HTS_Engine_set_volume(self._engine, volume)

    def make(self, labels: list[str], request: Request) -> tuple[bytes, list[int]]:
        """Return the sound of some labels, and the sample at which each begins; stops when the request is cancelled."""
        library, engine = self._library, self._engine
        array = (C.c_char_p * len(labels))(*(label.encode() for label in labels))
        made = threading.Event()
        watching = threading.Thread(target=self._watch, args=(request, made))
        watching.start()
        try:
            if library.HTS_Engine_synthesize_from_strings(engine, array, len(labels)) == b"\0":
                raise ValueError("the voice cannot speak this")
            states, frame = library.HTS_Engine_get_nstate(engine), library.HTS_Engine_get_fperiod(engine)
            lengths = [library.HTS_Engine_get_state_duration(engine, i) * frame for i in range(states * len(labels))]
            return self._sound(), list(accumulate(lengths, initial=0))[:-1:states]
        finally:
            made.set()
            watching.join()
            library.HTS_Engine_refresh(engine)

    def _watch(self, request: Request, made: threading.Event) -> None:
        """Stop the library when nobody waits for what it makes: a long phrase takes seconds."""
        while not (made.wait(_LOOK) or request.cancelled):
            pass
        if not made.is_set():
            self._library.HTS_Engine_set_stop_flag(self._engine, b"\1")  # cleared by HTS_Engine_refresh

    def _sound(self) -> bytes:
        """Return the sound that was made, through a file in memory: to ask for each sample takes long."""
        data, size = C.c_void_p(), C.c_size_t()
        file = _system.open_memstream(C.byref(data), C.byref(size))
        self._library.HTS_Engine_save_generated_speech(self._engine, file)
        _system.fclose(file)
        try:
            return C.string_at(data, size.value) if data.value else b""
        finally:
            _system.free(data)


class Reader:
    """Reads texts and speaks them."""

    def __init__(self) -> None:
        self._voices: dict[str, Voice] = {}
        self._voice("")
        _openjtalk.run_frontend_detailed("今日")  # loads the dictionaries

    def handle(self, request: Request) -> None:
        """Answer one request, a phrase at a time."""
        text = request.payload.decode()
        voice = self._voice(os.path.expanduser(request.header["voice"]))
        voice.set(request.header["speed"], request.header["pitch"], request.header["volume"])
        features, morphs = _openjtalk.run_frontend_detailed(text)
        labels: list[str] = _openjtalk.make_label(features)
        words = dict(_words(_openjtalk.make_phoneme_mapping(features, morphs, caller_text=text), labels))
        start = begin = 0
        for end in range(1, len(labels) + 1):
            # A phrase ends with its pause; its labels still tell of the whole sentence, so that its melody stays.
            if request.cancelled or (end < len(labels) and _phone(labels[end - 1]) != "pau"):
                continue
            pcm, starts = voice.make(labels[begin:end], request)
            placed = [(start + sample, begin + index) for index, sample in enumerate(starts)]
            send(
                request, pcm, RATE, start,
                [(sample, words[index]) for sample, index in placed if index in words],
                [(sample, _ipa(_phone(labels[index]))) for sample, index in placed],
            )  # fmt: skip
            start, begin = start + len(pcm) // 2, end

    def _voice(self, path: str) -> Voice:
        """Return a voice, loaded where it is not; the one that was used longest ago makes room."""
        voice = self._voices.pop(path, None) or Voice(path.encode() or _openjtalk.DEFAULT_HTS_VOICE)
        if len(self._voices) >= _MOST:
            self._voices.pop(next(iter(self._voices))).close()
        self._voices[path] = voice
        return voice


def _phone(label: str) -> str:
    """Return the phone that a full-context label is for: ``p1^p2-p3+p4=p5/A:…`` is for ``p3``."""
    return label.split("-", 1)[1].split("+", 1)[0]


def _ipa(phone: str) -> str:
    return _IPA.get(phone, phone[:1].lower())


def _words(mapping: list[dict[str, Any]], labels: list[str]) -> Iterator[tuple[int, int]]:
    """Yield the label with which each word begins and the word's place in the text, as far as the two agree."""
    spoken = [(i, phone) for i, label in enumerate(labels) if (phone := _phone(label)) not in ("pau", "sil")]
    for word in mapping:
        phones = [phone for phone in word["phonemes"] if phone not in ("pau", "unk", "sp")]
        if [phone for _, phone in spoken[: len(phones)]] != phones:
            return
        if phones:
            yield spoken[0][0], word["char_span"][0]
        del spoken[: len(phones)]


if __name__ == "__main__":
    serve(Reader().handle, rate=RATE)
