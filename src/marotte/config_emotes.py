"""``[emotes]`` in ``show.toml``: sets of small pictures that a chat writes as words, and what becomes of them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Emotes(BaseModel):
    """Small pictures that a chat writes as words: a platform's own, and sets of 7TV, BTTV and FrankerFaceZ."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sets: tuple[Annotated[str, Field(min_length=1, max_length=500)], ...] = Field(default=(), max_length=20)
    """Addresses or files with sets as 7TV, BTTV or FrankerFaceZ give them, read at start; where a name is in several,
    the first counts. A file lies beside the show."""
    hosts: tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+(:[0-9]{1,5})?$", max_length=260)], ...] = Field(
        default=(), max_length=20
    )
    """Hosts of pictures besides those of Twitch, Discord, 7TV, BTTV and FrankerFaceZ: a picture from anywhere else is
    not fetched."""
    told: Literal["name", "skip"] = "name"
    """How a brain reads an emote of a chat message: by its name, ``:Kappa:``, or not at all."""
    spoken: Literal["skip", "name"] = "skip"
    """What is heard of an emote that the character writes, and, where it speaks English, of an emoji: nothing, or its
    name."""
