"""The program that holds CMU Flite: English text in, sound with its words and phones out, as it is made.

A request is ``{"voice": "slt", "speed": 1.0, "pitch": semitones}`` with the text as its payload; the answers are those
of ``marotte.voice.placed``. Flite's interface: ``flite.h`` and ``cst_audio.h`` of version 2.2.
"""

import ctypes as C
import unicodedata
from ctypes.util import find_library
from typing import Any

from marotte.engines.program import Request, serve
from marotte.voice.placed import send

_BUFFER = 1_600
"""Samples of one piece."""
_GO_ON, _STOP = 0, -1
_IPA = {
    "aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "a", "ax": "ə", "ay": "a", "b": "b", "ch": "tʃ", "d": "d",
    "dh": "ð", "eh": "ɛ", "er": "ɝ", "ey": "e", "f": "f", "g": "ɡ", "hh": "h", "ih": "ɪ", "iy": "i", "jh": "dʒ",
    "k": "k", "l": "l", "m": "m", "n": "n", "ng": "ŋ", "ow": "o", "oy": "ɔ", "p": "p", "r": "ɹ", "s": "s", "sh": "ʃ",
    "t": "t", "th": "θ", "uh": "ʊ", "uw": "u", "v": "v", "w": "w", "y": "j", "z": "z", "zh": "ʒ",
}  # fmt: skip
"""Its phones, which are those of radio news; ``pau`` is a pause."""

_PLAIN = {"’": "'", "‘": "'", "“": '"', "”": '"', "«": '"', "»": '"', "–": "-", "—": "-", "…": "."}


class _Wave(C.Structure):
    _fields_ = (
        ("type", C.c_char_p),
        ("rate", C.c_int),
        ("count", C.c_int),
        ("channels", C.c_int),
        ("samples", C.POINTER(C.c_short)),
    )


_Callback = C.CFUNCTYPE(C.c_int, C.POINTER(_Wave), C.c_int, C.c_int, C.c_int, C.c_void_p)


class _Streaming(C.Structure):
    _fields_ = (
        ("least", C.c_int),
        ("callback", _Callback),
        ("utterance", C.c_void_p),
        ("item", C.c_void_p),
        ("userdata", C.c_void_p),
    )


class _Voice(C.Structure):
    _fields_ = (("name", C.c_char_p), ("features", C.c_void_p))


class Flite:
    """Flite's library, with the voices that were asked for."""

    def __init__(self) -> None:
        for name in ("flite_usenglish", "flite_cmulex"):
            C.CDLL(_found(name), C.RTLD_GLOBAL)
        self._library = library = C.CDLL(_found("flite"), C.RTLD_GLOBAL)
        handle, text = C.c_void_p, C.c_char_p
        for name, result, *arguments in (
            ("new_audio_streaming_info", C.POINTER(_Streaming)), ("audio_streaming_info_val", handle, handle),
            ("feat_set", None, handle, text, handle), ("feat_set_float", None, handle, text, C.c_float),
            ("flite_synth_text", handle, text, handle), ("delete_utterance", None, handle),
            ("utt_relation", handle, handle, text), ("relation_head", handle, handle), ("item_next", handle, handle),
            ("item_feat_string", text, handle, text), ("item_feat_float", C.c_float, handle, text),
            ("path_to_item", handle, handle, text),
        ):  # fmt: skip
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
        library.flite_init()
        self._callback = _Callback(self._made)  # Flite keeps no reference: ours must last
        self._voices: dict[str, Any] = {}
        self._text = ""
        self._request: Request | None = None
        self._error: Exception | None = None
        self._placed: tuple[list[tuple[int, int]], list[tuple[int, str]]] | None = None

    def handle(self, request: Request) -> None:
        """Answer one request."""
        voice = self._voice(request.header["voice"])
        self._library.feat_set_float(voice.contents.features, b"duration_stretch", 1 / request.header["speed"])
        self._library.feat_set_float(voice.contents.features, b"f0_shift", 2 ** (request.header["pitch"] / 12))
        # It knows ASCII only, and a zero would end the text; each sign stays one sign, so that words keep their places.
        plain = (_PLAIN.get(sign) or unicodedata.normalize("NFD", sign)[0] for sign in request.payload.decode())
        self._text = "".join(sign if " " <= sign <= "~" else " " for sign in plain)
        if not any(sign.isalnum() for sign in self._text):
            return
        self._request, self._error, self._placed = request, None, None
        utterance = self._library.flite_synth_text(self._text.encode(), C.cast(voice, C.c_void_p))
        if utterance:
            self._library.delete_utterance(utterance)
        if self._error:
            raise self._error

    def _voice(self, name: str) -> Any:
        if name not in self._voices:
            library: Any = C.CDLL(_found(f"flite_cmu_us_{name}"))
            register = library[f"register_cmu_us_{name}"]
            register.restype, register.argtypes = C.POINTER(_Voice), (C.c_void_p,)
            voice = register(None)
            streaming = self._library.new_audio_streaming_info()
            streaming.contents.least, streaming.contents.callback = _BUFFER, self._callback
            value = self._library.audio_streaming_info_val(streaming)
            self._library.feat_set(voice.contents.features, b"streaming_info", value)
            self._voices[name] = voice
        return self._voices[name]

    def _made(self, wave: Any, start: int, count: int, last: int, info: int) -> int:
        """Send a piece of sound and what begins in it; exceptions cannot pass through the library."""
        request = self._request
        if request is None or request.cancelled:
            return _STOP
        try:
            rate: int = wave.contents.rate
            if self._placed is None:
                utterance = C.cast(info, C.POINTER(_Streaming)).contents.utterance
                self._placed = self._place(utterance, rate, self._text)
            pcm = C.string_at(C.addressof(wave.contents.samples.contents) + 2 * start, 2 * count)
            send(request, pcm, rate, start, *self._placed)
        except Exception as error:
            self._error = error
            return _STOP
        return _GO_ON

    def _place(self, utterance: int, rate: int, text: str) -> tuple[list[tuple[int, int]], list[tuple[int, str]]]:
        """Read from the utterance when its words and phones begin: they are known before there is any sound."""
        library = self._library
        words: list[tuple[int, int]] = []
        sounds: list[tuple[int, str]] = []
        begin, place, before = 0, 0, None
        segment = library.relation_head(library.utt_relation(utterance, b"Segment"))
        while segment:
            name = library.item_feat_string(segment, b"name").decode()
            token = library.path_to_item(segment, b"R:SylStructure.parent.parent.R:Token.parent")
            sounds.append((begin, _IPA.get(name, "")))
            if token and token != before:
                word = library.item_feat_string(token, b"name").decode()
                found = text.find(word, place)
                if found >= 0:
                    words.append((begin, found))
                    place = found + len(word)
                before = token
            begin = round(library.item_feat_float(segment, b"end") * rate)
            segment = library.item_next(segment)
        return words, sounds


def _found(name: str) -> str:
    path = find_library(name)
    if not path:
        raise RuntimeError(f"the library {name} is missing: apt install flite")
    return path


if __name__ == "__main__":
    serve(Flite().handle)
