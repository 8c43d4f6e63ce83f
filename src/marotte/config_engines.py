"""Which engines a show uses: ``[brain]``, ``[voice]``, ``[duplex]``, ``[hearing]`` and ``[sight]`` in ``show.toml``."""

from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from marotte.mistakes import nearest

Seconds = Annotated[float, Field(ge=0, le=86_400)]


class Chain(BaseModel):
    """Engines in the order in which they are tried; a table of the same name holds an engine's settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    chain: tuple[str, ...] = ()
    rest: Seconds = 15.0
    """How long a failing engine rests before it is probed again; doubles up to ten times that."""

    def settings(self, name: str) -> dict[str, Any]:
        """Return the table of the engine called ``name``; empty where the show has none."""
        return cast("dict[str, Any]", (self.model_extra or {}).get(name, {}))

    @model_validator(mode="after")
    def _tables(self) -> "Chain":
        for key, value in (self.model_extra or {}).items():
            if not isinstance(value, dict):
                raise ValueError(f"{key!r} is no key here" + nearest(key, type(self).model_fields))
        return self


class BrainChain(Chain):
    """Brains, the improviser last."""

    chain: tuple[str, ...] = ("improviser",)
    discover: bool = True
    """Look for a local model server on its usual port at start, and offer it."""


class VoiceChain(Chain):
    """Voices, espeak-ng last."""

    chain: tuple[str, ...] = ("espeak",)
    others: tuple[str, ...] = Field(default=(), max_length=50)
    """Voices that speak only where something asks for them by name, as a reward may."""
    ahead: float = Field(default=6.0, ge=0.5, le=60)
    """Seconds of sound made ahead of what is heard."""
    cache_mb: int = Field(default=200, ge=0, le=100_000)
    """Megabytes of disk for the sound of lines that were said twice, so that they need not be made again; 0: none."""


class DuplexChain(Chain):
    """Duplex engines, which hear, think and speak in one; behind them stand ears, brains and voices. None is usual."""

    release: Literal["sentence", "words"] = "sentence"
    """sentence: its sound is held until the whole sentence has passed moderation · words: a few words at a time, which
    sounds sooner; of a sentence that is stopped its beginning has then been heard."""


class EarChain(Chain):
    """Ears, pocketsphinx last."""

    chain: tuple[str, ...] = ("pocketsphinx",)


class Hearing(EarChain):
    """Ears and the end of speech."""

    detector: Literal["auto", "silero", "webrtc"] = "auto"
    threshold: float = Field(default=0.5, gt=0, lt=1)
    pre_roll: Seconds = 0.3
    """Seconds of sound kept from before the onset."""
    silence: Seconds = 0.6
    """Seconds of silence that end what somebody says, where its words do not tell whether more is to come."""
    settle: Seconds = 0.09
    """Seconds of silence after which it may be all: the words so far are asked for, and an answer is begun on them. It
    doubles with each pause of a turn that was not its end."""
    longest_silence: Seconds = 2.0
    """Seconds of silence that end it whatever its words tell."""
    shortest: Seconds = 0.12
    """Less speech than this is a noise."""
    longest: Seconds = 30.0
    """What somebody says is taken so far and no further."""
    turn_model: str = ""
    """A file ``smart-turn-v3….onnx`` that hears whether somebody has said all; "" goes by their words and habits."""
    cut_after: Seconds = 1.5
    """Seconds of speech that cut in on the character, whatever words come of it; fewer words do so sooner."""
    resume_after: Seconds = 2.0
    """Seconds without words after which an interrupted line goes on."""
    commands: tuple[Annotated[str, Field(max_length=100)], ...] = Field(default=(), max_length=300)
    """Sentences that the embedded ear listens for besides its own."""


class EyeChain(Chain):
    """Eyes, OpenCV last."""

    chain: tuple[str, ...] = ("opencv",)


class Sight(EyeChain):
    """What it sees, and what becomes of it."""

    how: Literal["caption", "picture", "both"] = "caption"
    """caption: an eye puts the picture into words, beside the ear · picture: a brain that sees gets the picture ·
    both."""
    within: Seconds = 1.5
    """How long an answer waits for what an eye sees."""
    fresh: Seconds = 60.0
    """What was seen longer ago is no longer what is there."""
    watch: Seconds = 0
    """Seconds between two looks at what has changed; 0: it looks only when somebody speaks or asks."""
    remark_every: Seconds = 120.0
    """It remarks on what has changed, when it is quiet, at most so often; 0: never."""
    camera: str = Field(default="", pattern=r"^([0-9]{1,2}|/dev/[A-Za-z0-9/_-]+)?$")
    """This machine's camera for the public floor: its number or device file; "": none."""
    keep: int = Field(default=0, ge=0, le=10_000)
    """So many of the last pictures are kept in the data folder; 0: none. All go where somebody is forgotten."""
