"""The pictures of emotes, from our own origin: a window may load none from elsewhere."""

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response

from marotte.links.emotes import PATH
from marotte.show import Run

_CACHING = "public, max-age=604800, immutable"


def serve_emotes(app: FastAPI, run: Run) -> None:
    """Add the pictures to the application. They are no secret: whoever may load the page may see them."""

    @app.get(PATH + "{name}", include_in_schema=False)
    async def picture(name: str) -> Response:  # pyright: ignore[reportUnusedFunction]
        found = await run.emotes.picture(name)
        if found is None:
            return JSONResponse({"detail": "there is no such emote"}, 404)
        return Response(found.data, media_type=found.type, headers={"cache-control": _CACHING})
