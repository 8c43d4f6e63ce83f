"""The program that speaks with Microsoft's Speech SDK, in a process of its own.

A request ``{"service": {…}, "rate": …, "language": "ja-JP", "voice": …, "style": …, "degree": …, "speed": …,
"pitch": …, "tail": …}`` with the text as its payload is answered as ``voice/placed.py`` wants it. One with
``"ahead": true`` only connects. What is spoken is SSML, built as XML and never from strings:
https://learn.microsoft.com/azure/ai-services/speech-service/speech-synthesis-markup-voice
"""

import queue
import re
from typing import Any
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from marotte.engines.azure_sdk import TICKS, Refusal, config, connect, refusal, sdk
from marotte.engines.program import Request, serve
from marotte.voice.reading import Reading

LARGEST = 64_000_000
"""Bytes of sound for one line."""
_PATIENCE = 0.02
"""Seconds after which it looks whether it was cut."""
_SYNTHESIS, _MSTTS = "http://www.w3.org/2001/10/synthesis", "https://www.w3.org/2001/mstts"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What may not stand in XML, however it is escaped."""
VISEMES = dict(enumerate((
    "", "ə", "ɑ", "ɔ", "ɛ", "ɝ", "i", "u", "o", "aʊ", "ɔɪ", "aɪ", "h", "ɹ", "l", "s", "ʃ", "ð", "f", "t", "k", "p",
)))  # fmt: skip
"""A sound of speech for each of the 22 visemes by its number.
https://learn.microsoft.com/azure/ai-services/speech-service/how-to-speech-synthesis-viseme"""


class Synthesizer:
    """The SDK's synthesizer for one service, with its connection; speaks one text after another."""

    def __init__(self, service: dict[str, str], rate: int) -> None:
        self._service, self._rate = service, rate
        self._events: queue.SimpleQueue[tuple[str, int, Any]] = queue.SimpleQueue()  # bounded by the longest line
        settings = config(service)
        form = getattr(sdk.SpeechSynthesisOutputFormat, f"Raw{rate // 1_000}Khz16BitMonoPcm")
        settings.set_speech_synthesis_output_format(form)
        self._sdk = voice = sdk.SpeechSynthesizer(settings, audio_config=None)
        self._connection = sdk.Connection.from_speech_synthesizer(voice)
        word, put = sdk.SpeechSynthesisBoundaryType.Word, self._events.put
        connect(voice.synthesizing, lambda told: put(("sound", 0, told.result.audio_data)))
        connect(
            voice.synthesis_word_boundary,
            lambda told: told.boundary_type == word and put(("word", told.audio_offset, told.text)),
        )
        connect(voice.viseme_received, lambda told: put(("viseme", told.audio_offset, told.viseme_id)))
        connect(voice.synthesis_completed, lambda told: put(("end", 0, None)))
        connect(
            voice.synthesis_canceled,
            lambda told: put(("end", 0, refusal(self._service, told.result.cancellation_details))),
        )

    def connect(self) -> None:
        """Connect before there is anything to say; with a line to say, a second connection would be made."""
        self._connection.open(True)

    def speak(self, request: Request) -> None:
        """Answer a request until its end or until it is cut."""
        text = request.payload.decode()
        speaking = self._sdk.speak_ssml_async(ssml(text, request.header))
        placer = _Placer(text, self._rate)
        while not request.cancelled:
            try:
                what, ticks, value = self._events.get(timeout=_PATIENCE)
            except queue.Empty:
                continue
            if what == "sound":
                placer.sound(request, value)
            elif what != "end":
                placer.note(what, ticks, value)
            elif value is not None:
                raise value
            else:
                placer.finish(request)
                speaking.get()
                return
        self._sdk.stop_speaking_async().get()
        # Its end comes later, and must not be taken for that of the next; what does not end is killed.
        while self._events.get()[0] != "end":
            pass


class _Placer:
    """Sends the sound of a text on, with the words and the sounds of speech that begin in it."""

    def __init__(self, text: str, rate: int) -> None:
        self._reading, self._rate = Reading(text), rate
        self._words: list[tuple[int, int]] = []
        self._sounds: list[tuple[int, str]] = []
        self._rest, self._sent = b"", 0

    def note(self, what: str, ticks: int, value: Any) -> None:
        """Take a word or a viseme, which are told ahead of their sound."""
        at = ticks * self._rate // TICKS
        if what == "word" and (offset := self._reading.goes_on(value)) is not None:
            self._words.append((at, offset))
        elif what == "viseme" and value in VISEMES:
            self._sounds.append((at, VISEMES[value]))

    def sound(self, request: Request, more: bytes) -> None:
        """Send whole samples, 100 ms at a time."""
        pcm = self._rest + more
        whole, step = len(pcm) // 2 * 2, self._rate // 5
        self._rest = pcm[whole:]
        for at in range(0, whole, step):
            self._send(request, pcm[at : min(at + step, whole)])
        self._sent += whole
        if self._sent > LARGEST:
            raise Refusal(f"sent more than {LARGEST // 1_000_000} MB for one line")

    def finish(self, request: Request) -> None:
        """Send what is left to place."""
        if self._sent < self._rate // 25:
            raise Refusal("sent no sound")
        self._send(request, b"")

    def _send(self, request: Request, pcm: bytes) -> None:
        told = {"words": self._words, "sounds": self._sounds}
        request.send({name: placed for name, placed in told.items() if placed}, pcm)
        self._words, self._sounds = [], []


def ssml(text: str, how: dict[str, Any]) -> str:
    """Return how a text is spoken, as SSML; whatever it is, it is text there."""
    register_namespace("", _SYNTHESIS)
    register_namespace("mstts", _MSTTS)
    speak = Element(f"{{{_SYNTHESIS}}}speak", {"version": "1.0", _LANG: how["language"]})
    inner = voice = SubElement(speak, f"{{{_SYNTHESIS}}}voice", {"name": how["voice"]})
    for where, silence in (("Leading", 0), ("Tailing", how["tail"])):
        SubElement(voice, f"{{{_MSTTS}}}silence", {"type": f"{where}-exact", "value": f"{silence}ms"})
    if how["style"]:
        style = {"style": how["style"], "styledegree": f"{how['degree']:g}"}
        inner = SubElement(inner, f"{{{_MSTTS}}}express-as", style)
    if "Multilingual" in how["voice"]:
        inner = SubElement(inner, f"{{{_SYNTHESIS}}}lang", {_LANG: how["language"]})
    prosody = {"rate": f"{100 * (how['speed'] - 1):+.0f}%"} if how["speed"] != 1 else {}
    prosody |= {"pitch": f"{how['pitch']:+g}st"} if how["pitch"] else {}
    if prosody:
        inner = SubElement(inner, f"{{{_SYNTHESIS}}}prosody", prosody)
    inner.text = _NO_XML.sub(" ", text)
    return tostring(speak, encoding="unicode")


class _Program:
    """Answers requests with one synthesizer for all of them."""

    def __init__(self) -> None:
        self._made: Synthesizer | None = None

    def answer(self, request: Request) -> None:
        """Answer a request."""
        if self._made is None:
            self._made = Synthesizer(request.header["service"], request.header["rate"])
        if request.header.get("ahead"):
            self._made.connect()
        else:
            self._made.speak(request)


if __name__ == "__main__":
    serve(_Program().answer)
