"""The program that holds PocketSphinx: English sound in, what its two searches make of it out.

One decoder, and so one acoustic model in memory, carries both searches: a grammar of commands and a language model.
A request is ``{"wake": [names], "commands": [sentences], "pronunciations": {word: "P IH P"}}`` with the whole speech as
its payload, 16 kHz mono 16-bit; the answer ``{"command": "…", "phones": 9, "free": "…", "differ": 2, "unknown": […]}``
holds the whole command that fits best or "", of how many phones it is, what the language model reads, how many phones
must be put in, left out or changed to get from one to the other, and the words whose sound is not known.

The library searches whole speech in one call, which cannot be stopped and lets no other thread run: not even the one
that would see that the request was cancelled. So each search runs in a copy of this process, made by fork in some
milliseconds, and is ended with it; the model stays here, loaded and shared.
"""

import importlib
import json
import os
import re
import select
import signal
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from marotte.engines.program import Request, die_with_parent, serve

_FREE = "_default"
_GRAMMAR = "commands"
_QUICK = {"maxhmmpf": 5_000, "maxwpf": 40}
"""How much the language model's search looks at.

Measured on 45 sentences and 52 commands of clean synthetic speech, and on a human's: it takes half to two thirds of the
time, knows as many commands, and errs in 39 words of a hundred instead of 35.
"""
_GREETINGS = ("", "hey ", "hello ", "hi ", "ok ")
_PATIENCE = 0.02
"""Seconds after which it looks whether it was cut."""


class Decoder:
    """PocketSphinx's decoder with a grammar that may change from request to request."""

    def __init__(self) -> None:
        library: Any = importlib.import_module("pocketsphinx")
        self._decoder = library.Decoder(loglevel="FATAL", **_QUICK)
        # The grammar's search, made later, is small: it can afford to throw away less, and finds more.
        for option, value in (("beam", 1e-80), ("pbeam", 1e-80), ("wbeam", 1e-50), ("bestpath", False)):
            self._decoder.config[option] = value
        self._asked: dict[str, Any] = {}
        self._readings: dict[str, tuple[str, ...]] = {}
        self._unknown: list[str] = []

    def handle(self, request: Request) -> None:
        """Answer one request."""
        asked = {key: request.header[key] for key in ("wake", "commands", "pronunciations")}
        if asked != self._asked:
            self._learn(**asked)
            self._asked = asked
        answer = apart(lambda: self._search(request.payload), request)
        if answer is not None:
            request.send({**answer, "unknown": self._unknown})

    def _search(self, pcm: bytes) -> dict[str, Any]:
        """Return what is found in a speech; this takes as long as a third of the speech, or longer."""
        command = self._decode(_GRAMMAR, pcm) if self._readings else ""
        free = self._decode(_FREE, pcm)
        # A grammar's search also answers with half a sentence where it found no whole one.
        heard = self._phones(free)
        command = min(self._readings.get(command, ("",)), key=lambda reading: _distance(self._phones(reading), heard))
        wanted = self._phones(command)
        return {"command": command, "free": free, "phones": len(wanted), "differ": _distance(wanted, heard)}

    def _phones(self, text: str) -> list[str]:
        return [phone for word in text.split() for phone in (self._decoder.lookup_word(word) or word).split()]

    def _decode(self, search: str, pcm: bytes) -> str:
        """Decode whole speech at once: piece by piece the cepstral mean lags and the words are useless."""
        self._decoder.activate_search(search)
        self._decoder.start_utt()
        self._decoder.process_raw(pcm or bytes(2), False, True)  # it cannot take nothing
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return found.hypstr if found else ""

    def _learn(self, wake: list[str], commands: list[str], pronunciations: dict[str, str]) -> None:
        """Build the grammar: a name, or a command with or without a name. Sentences with unknown words stay out."""
        unknown: dict[str, None] = {}
        for word, phones in pronunciations.items():
            if self._decoder.lookup_word(word) is None:
                self._decoder.add_word(word, phones, True)

        def known(sentences: list[str]) -> list[str]:
            kept: list[str] = []
            for sentence in sentences:
                words = re.findall(r"[\w']+", sentence.lower())
                strange = [word for word in words if self._decoder.lookup_word(word) is None]
                unknown.update(dict.fromkeys(strange))
                if words and not strange:
                    kept.append(" ".join(words))
            return kept

        called = [greeting + name for name in known(wake) for greeting in _GREETINGS]
        acts = known(commands)
        # A short name is soon heard in a breath: without it the command stands unless the free reading needs the name.
        self._readings = {sentence: (sentence,) for sentence in (*called, *acts)}
        self._readings |= {f"{call} {act}": (act, f"{call} {act}") for call in called for act in acts}
        self._unknown = list(unknown)
        if self._readings:
            self._decoder.add_jsgf_string(_GRAMMAR, _jsgf(called, acts))


def apart(work: Callable[[], dict[str, Any]], request: Request) -> dict[str, Any] | None:
    """Do work in a copy of this process; returns what it gives, or None, at once, where the request was cancelled.

    Raises RuntimeError where the copy has failed; why, it has written to standard error.
    """
    ours, theirs = os.pipe()
    copy = os.fork()
    if not copy:
        _do(work, theirs)
    os.close(theirs)
    given, ended = b"", False
    try:
        while not (ended or request.cancelled):
            if select.select((ours,), (), (), _PATIENCE)[0]:
                piece = os.read(ours, 65_536)
                given, ended = given + piece, not piece
    finally:
        os.close(ours)
        if not ended:
            os.kill(copy, signal.SIGKILL)
        _, status = os.waitpid(copy, 0)
    if not ended:
        return None
    if status:
        raise RuntimeError(f"the search ended with status {os.waitstatus_to_exitcode(status)}")
    return json.loads(given)


def _do(work: Callable[[], dict[str, Any]], out: int) -> NoReturn:
    """Write what work gives, and end this process, which is a copy and must never go on as the program."""
    status = 1
    try:
        die_with_parent()
        with open(out, "wb") as pipe:
            pipe.write(json.dumps(work()).encode())
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(status)


def _jsgf(called: list[str], acts: list[str]) -> str:
    """Return the grammar in the Java Speech Grammar Format."""
    rules = {"wake": called, "act": acts}
    told = {(True, True): "<wake> | [<wake>] <act>", (True, False): "<wake>", (False, True): "<act>"}
    lines = ["#JSGF V1.0;", "grammar commands;", f"public <all> = {told[bool(called), bool(acts)]};"]
    lines += [f"<{name}> = {' | '.join(sentences)};" for name, sentences in rules.items() if sentences]
    return "\n".join(lines)


def _distance(a: list[str], b: list[str]) -> int:
    """Return how many items must be put in, left out or changed to get from ``a`` to ``b``."""
    row = list(range(len(b) + 1))
    for i, item in enumerate(a, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (item != other))
    return row[-1]


if __name__ == "__main__":
    serve(Decoder().handle)
