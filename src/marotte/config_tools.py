"""``[tools]`` in ``show.toml``: what the brain may do besides talking."""

import zoneinfo
from collections.abc import Collection
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_Lanes = Annotated[tuple[str, ...], Field(max_length=50)]


class MCPServer(BaseModel):
    """An MCP server, whose tools the brain may use (extra ``mcp``): a program that is started, or an address."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """The program and its arguments; it is started with the show and speaks over its standard input and output."""
    url: str = Field(default="", pattern=r"^(https?://[^\s/@]+(/\S*)?)?$")
    """Where it is reached over HTTP, instead of ``command``."""
    secret: str = Field(default="", pattern=r"^([A-Z][A-Z0-9_]*(_KEY|_TOKEN|_SECRET|_PASSWORD|_PASS))?$")
    """Name of the environment variable with its key: a program finds it there, a server is sent it as bearer token."""
    lanes: _Lanes = ("operator",)
    """The lanes whose turns may cause its tools; ``*`` are all."""
    only: tuple[str, ...] = ()
    """Those of its tools that are offered; empty: all."""
    deadline: float = Field(default=10.0, gt=0, le=600)
    """Seconds that a use may take."""

    @model_validator(mode="after")
    def _one_way(self) -> "MCPServer":
        if bool(self.command) == bool(self.url):
            raise ValueError("must have either a command or a url")
        return self


class Tools(BaseModel):
    """What the brain may do besides talking."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    on: bool = True
    """Let brains that can use tools use them."""
    zone: str = ""
    """The show's time zone, for example ``Europe/Madrid``; empty: this machine's."""
    lanes: dict[str, _Lanes] = Field(default_factory=dict[str, _Lanes])
    """Which lanes may cause a tool, by the tool's name, where not its own choice: ``{look = ["operator"]}``; ``*`` are
    all lanes, and an empty list is none."""
    mcp: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,24}$")], MCPServer] = Field(
        default_factory=dict[str, MCPServer]
    )
    """MCP servers, a table each: ``[tools.mcp.NAME]``."""

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            if zone:
                zoneinfo.ZoneInfo(zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{zone!r} is no time zone that this machine knows") from None
        return zone

    def unknown_lane(self, lanes: Collection[str]) -> tuple[str, str]:
        """Return the first key that names a lane which is not among ``lanes``, and that lane; else two empty texts."""
        named = {f"tools.lanes.{tool}": names for tool, names in self.lanes.items()}
        named |= {f"tools.mcp.{name}.lanes": server.lanes for name, server in self.mcp.items()}
        for key, names in named.items():
            for lane in names:
                if lane != "*" and lane not in lanes:
                    return key, lane
        return "", ""
