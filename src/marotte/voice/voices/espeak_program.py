"""The program that runs espeak-ng, in a process of its own.

espeak-ng is free software under the GNU General Public License, version 3 or later. It comes with the package
``espeakng-loader``, is loaded by this program only and is spoken to over pipes: the rest of Marotte neither links it
nor contains any of it. Its interface: ``espeak-ng/speak_lib.h``, API revision 12.

A request ``{"voices": ["en-us+f5", …], "rate": …, "pitch": …, "range": …, "volume": …}`` with the text as its payload
is answered by pieces of sound (mono, 16 bits) with ``"words": [[sample, offset], …]`` and
``"sounds": [[sample, ipa], …]``; offsets count characters of the text, samples count from its start. Where it has
none of the voices it answers ``{"unknown": true}``. A request ``{"list": true}`` is answered by ``{"languages": […]}``.
"""

import ctypes as C

import espeakng_loader  # pyright: ignore[reportMissingTypeStubs]

from marotte.engines.program import Request, serve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CHUNK_MS = 60
_NO_SOUND_DEVICE, _PHONEMES_IN_IPA, _NEVER_EXIT = 2, 0x1 | 0x2, 0x8000
_WORD, _PHONEME = 1, 7
_UTF8, _PAUSE_AT_END = 1, 0x1000
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4


class _Id(C.Union):
    _fields_ = (("number", C.c_int), ("name", C.c_char_p), ("string", C.c_char * 8))


class _Event(C.Structure):
    _fields_ = (
        ("type", C.c_int),
        ("unique", C.c_uint),
        ("text_position", C.c_int),
        ("length", C.c_int),
        ("audio_position", C.c_int),
        ("sample", C.c_int),
        ("user_data", C.c_void_p),
        ("id", _Id),
    )


class _Voice(C.Structure):
    _fields_ = (
        ("name", C.c_char_p),
        ("languages", C.c_char_p),  # a byte of priority, then the name, then a zero; once or more
        ("identifier", C.c_char_p),
        ("gender", C.c_ubyte),
        ("age", C.c_ubyte),
        ("variant", C.c_ubyte),
        ("unused", C.c_ubyte),
        ("score", C.c_int),
        ("spare", C.c_void_p),
    )


_Callback = C.CFUNCTYPE(C.c_int, C.c_void_p, C.c_int, C.POINTER(_Event))


class Synthesiser:
    """espeak-ng: one text at a time, in whole."""

    def __init__(self) -> None:
        self._library = library = C.CDLL(espeakng_loader.get_library_path())
        library.espeak_Initialize.argtypes = (C.c_int, C.c_int, C.c_char_p, C.c_int)
        library.espeak_Synth.argtypes = (
            C.c_char_p, C.c_size_t, C.c_uint, C.c_int, C.c_uint, C.c_uint, C.c_void_p, C.c_void_p,
        )  # fmt: skip
        library.espeak_ListVoices.restype = C.POINTER(C.POINTER(_Voice))
        data = espeakng_loader.get_data_path().encode()
        self.rate: int = library.espeak_Initialize(_NO_SOUND_DEVICE, CHUNK_MS, data, _PHONEMES_IN_IPA | _NEVER_EXIT)
        if self.rate <= 0:
            raise RuntimeError(f"espeak-ng cannot be initialised with the data in {data.decode()}")
        self._voice = ""
        self._request: Request | None = None
        self._error: Exception | None = None
        self._callback = _Callback(self._made)  # espeak keeps no reference: ours must last
        library.espeak_SetSynthCallback(self._callback)

    def handle(self, request: Request) -> None:
        """Answer one request."""
        if "list" in request.header:
            request.send({"languages": self._languages()})
        elif self._choose(request.header["voices"]):
            self._speak(request)
        else:
            request.send({"unknown": True})

    def _choose(self, voices: list[str]) -> bool:
        """Take the first voice of these that there is."""
        for name in voices:
            if name == self._voice or self._library.espeak_SetVoiceByName(name.encode()) == 0:
                self._voice = name
                return True
        self._voice = ""
        return False

    def _speak(self, request: Request) -> None:
        for number, name in ((_RATE, "rate"), (_VOLUME, "volume"), (_PITCH, "pitch"), (_RANGE, "range")):
            self._library.espeak_SetParameter(number, request.header[name], 0)
        text = request.payload.replace(b"\0", b" ")
        self._request, self._error = request, None
        self._library.espeak_Synth(text, len(text) + 1, 0, 1, 0, _UTF8 | _PAUSE_AT_END, None, None)
        self._library.espeak_Synchronize()
        if self._error:
            raise self._error

    def _made(self, samples: int | None, count: int, events: "Any") -> int:
        """Send a piece of sound and what begins in it; a result of 1 stops espeak, whose callbacks cannot raise."""
        request = self._request
        if request is None or request.cancelled:
            return 1
        try:
            words: list[tuple[int, int]] = []
            sounds: list[tuple[int, str]] = []
            index = 0
            while kind := events[index].type:
                event = events[index]
                index += 1
                if kind == _WORD:
                    words.append((event.sample, event.text_position - 1))
                elif kind == _PHONEME:
                    ipa = event.id.string.decode("utf-8", "ignore")
                    if not ipa.startswith("("):  # "(en)": espeak goes over to another language
                        sounds.append((event.sample, ipa))
            header = {**({"words": words} if words else {}), **({"sounds": sounds} if sounds else {})}
            if samples and count > 0:
                request.send(header, C.string_at(samples, 2 * count))
            elif header:
                request.send(header)
        except Exception as error:
            self._error = error
            return 1
        return 0

    def _languages(self) -> list[str]:
        """List every language that espeak-ng has a voice for, by its own names, which are nearly BCP-47."""
        found: set[str] = set()
        voices = self._library.espeak_ListVoices(None)
        index = 0
        while voices[index]:
            found.add(voices[index].contents.languages[1:].decode("utf-8", "ignore"))
            index += 1
        return sorted(found)


if __name__ == "__main__":
    synthesiser = Synthesiser()
    serve(synthesiser.handle, rate=synthesiser.rate)
