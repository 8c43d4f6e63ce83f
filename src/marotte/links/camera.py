"""This machine's camera, opened by OpenCV in a program of its own and only while pictures are taken of late."""

from contextlib import aclosing

from marotte.engines.child import Child
from marotte.engines.kinds import EngineError
from marotte.ports import CameraError


class LocalCamera:
    """Takes pictures with a camera of this machine."""

    def __init__(self, source: str) -> None:
        """``source`` is its number, or its device file."""
        self.name = f"camera {source}"
        self._source = source
        self._child = Child("camera", "marotte.links.camera_program", start_within=30.0)

    async def picture(self) -> bytes:
        """Take a picture now, as a JPEG. Raises CameraError."""
        try:
            async with aclosing(self._child.request({"source": self._source})) as answers:
                async for told, jpeg in answers:
                    if "refused" in told:
                        raise CameraError(f"{self.name}: {told['refused']}")
                    return jpeg
        except EngineError as error:
            raise CameraError(f"{self.name}: {error}") from None
        raise CameraError(f"{self.name}: it gave no picture")

    async def close(self) -> None:
        """Let the camera go."""
        await self._child.close()
