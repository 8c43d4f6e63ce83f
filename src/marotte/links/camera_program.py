"""Takes pictures with a camera of this machine, a program of its own: a driver may block for long, or crash.

``{"source": "0"}`` is answered by a JPEG, or by ``{"refused": "why"}``. A camera is let go when nobody has asked for a
picture for a while, so that its light is out and others may use it.
"""

import threading
import time
from typing import Any

from marotte.engines.program import Request, serve

_LET_GO = 10.0
"""Seconds after the last picture."""
_STALE = 4
"""Frames that a driver may have kept from before."""


class Camera:
    """One camera, opened when it is needed."""

    def __init__(self) -> None:
        self._open: Any = None
        self._source = ""
        self._used = 0.0
        self._lock = threading.Lock()
        threading.Thread(target=self._let_go, daemon=True).start()

    def picture(self, request: Request) -> None:
        """Answer a request."""
        import cv2

        source = str(request.header["source"])
        with self._lock:
            camera: Any = self._open if source == self._source else None
            if camera is None:
                self._close()
                camera = cv2.VideoCapture(int(source) if source.isdigit() else source)
                self._open, self._source = camera, source
            else:
                for _ in range(_STALE):
                    camera.grab()
            done, frame = camera.read()
            self._used = time.monotonic()
            if not done:
                self._close()
        if not done:
            request.send({"refused": "it cannot be opened, or gives no picture: is it plugged in, and free?"})
            return
        _, jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 85])
        request.send({}, jpeg.tobytes())

    def _close(self) -> None:
        if self._open is not None:
            self._open.release()
            self._open = None

    def _let_go(self) -> None:
        while True:
            time.sleep(1)
            with self._lock:
                if self._open is not None and time.monotonic() - self._used > _LET_GO:
                    self._close()


if __name__ == "__main__":
    serve(Camera().picture)
