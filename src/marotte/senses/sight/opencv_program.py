"""The program that holds OpenCV: pictures in; out come pictures that are fit to be looked at, or what is seen on them.

``{"ask": "prepare", "longest": 1280, "thumbnail": [48, 36], "size": [w, h]}`` with a file as its payload is answered by
``{"width": …, "height": …}`` and a JPEG with the thumbnail's bytes behind it, or by ``{"refused": "why"}``.
``{"ask": "see"}`` with a JPEG is answered by what ``Seen`` holds. Faces are found with the cascade of Viola and Jones
that comes in OpenCV's package, up to version 4. It runs on one thread and in bounded memory.
"""

import importlib
import os
import resource
from typing import Any

import numpy as np

from marotte.engines.program import Request, serve

# A second wall: the first is the header, which is read before anything is sent here.
os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = "50000000"
os.environ["OPENCV_LOG_LEVEL"] = "SILENT"
cv2: Any = importlib.import_module("cv2")

_MEMORY = 2_000_000_000
"""Bytes of address space: fifty million pixels need 400 MB, and the library's own code and data as much."""
_QUALITY = 85
_REDUCED = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2}
"""Ways to read a picture at a part of its size, which spares JPEG most of the work."""
_FACES_AT = 264
"""Pixels of the longer side where faces are looked for: one of a tenth of the width is found."""
_FIRST, _MORE = 2, 7
"""How many neighbouring places must agree on a face, and on each further one: a sleeve or a badge is soon taken for
another. Measured with one photograph at 240 sizes and places: one face each, from a tenth of the width on."""
_COLOURS_AT = 160
_DARK, _DIM, _BRIGHT = 45, 90, 190
"""Mean brightness, of 255, below which it is very dark, dim, and bright."""
_CLOSE, _FAR = 0.35, 0.12
"""A face's share of the picture's height, above or below which somebody is close by or far off."""
_DOMINATES = 0.2
_WORN = 0.35
"""Shares of the whole, and of what is below a face, that a colour must have to be told."""
_COLOURS = (
    "black", "white", "grey", "red", "pink", "brown", "beige", "orange", "yellow", "green", "turquoise", "blue",
    "purple",
)  # fmt: skip

Image = Any


class Eye:
    """Reads pictures and looks at them."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        self._faces: Any = None

    def handle(self, request: Request) -> None:
        """Answer one request."""
        if request.header["ask"] == "prepare":
            self._prepare(request)
        else:
            request.send(self._see(cv2.imdecode(np.frombuffer(request.payload, np.uint8), cv2.IMREAD_COLOR)))

    def _prepare(self, request: Request) -> None:
        longest, (width, height) = request.header["longest"], request.header["size"]
        part = next((part for part in _REDUCED if max(width, height) // part >= longest), 1)
        image: Image = None
        try:
            image = cv2.imdecode(np.frombuffer(request.payload, np.uint8), _REDUCED.get(part, cv2.IMREAD_COLOR))
        except (cv2.error, MemoryError):
            pass
        if image is None:
            request.send({"refused": "the picture is damaged: it cannot be read"})
            return
        image = _at_most(image, longest)
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        small = cv2.resize(grey, request.header["thumbnail"], interpolation=cv2.INTER_AREA)
        _, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        request.send({"width": image.shape[1], "height": image.shape[0]}, jpeg.tobytes() + small.tobytes())

    def _see(self, image: Image) -> dict[str, Any]:
        if image is None:
            raise ValueError("this is no picture")
        small = cv2.cvtColor(_at_most(image, _COLOURS_AT), cv2.COLOR_BGR2HSV)
        brightness = float(small[..., 2].mean())
        light = ("dark", "dim", "bright", "glaring")[sum(brightness >= limit for limit in (_DARK, _DIM, _BRIGHT))]
        names = _named(small)
        found = self._find(image)
        seen = {
            "light": light,
            "people": len(found),
            "colours": [] if light == "dark" else _told(names, _DOMINATES, 2),
        }
        if found:
            x, y, side = max(found, key=lambda face: face[2])
            middle = x + side / 2 * image.shape[0] / image.shape[1]
            seen["side"] = ("left", "middle", "right")[min(2, int(middle * 3))]
            seen["near"] = "close" if side > _CLOSE else "far" if side < _FAR else ""
            seen["clothes"] = _worn(names, x, y, side, image.shape[0] / image.shape[1])
        return seen

    def _find(self, image: Image) -> list[tuple[float, float, float]]:
        """Return where faces are: left, as a share of the width, top and height, as shares of the height."""
        if self._faces is None:
            self._faces = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
        grey = cv2.cvtColor(_at_most(image, _FACES_AT), cv2.COLOR_BGR2GRAY)
        height, width = grey.shape
        boxes, agree = self._faces.detectMultiScale2(grey, scaleFactor=1.19, minNeighbors=_FIRST, minSize=(20, 20))
        surest: list[Any] = sorted(zip(agree, map(tuple, boxes), strict=True), reverse=True)
        found = [box for place, (agreeing, box) in enumerate(surest) if not place or agreeing >= _MORE]
        return [(float(x / width), float(y / height), float(h / height)) for x, y, _, h in found]


def _at_most(image: Image, longest: int) -> Image:
    height, width = image.shape[:2]
    scale = longest / max(width, height)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _named(hsv: Image) -> Image:
    """Name the colour of each pixel, by its place in ``_COLOURS``. Hues go from 0 to 179."""
    h, s, v = hsv[..., 0], hsv[..., 1], hsv[..., 2]
    red, warm, yellow = (h < 5) | (h >= 172), h < 22, h < 34
    rules = {
        "black": v < 50,
        "white": (s < 40) & (v > 200),
        "grey": s < 40,
        "pink": (red & (s < 120) & (v > 150)) | ((h >= 155) & (h < 172)),
        "red": red,
        "beige": (warm & (s < 110) & (v >= 150)) | (~warm & yellow & (s < 90)),
        "brown": warm & (v < 150),
        "orange": warm,
        "yellow": yellow,
        "green": h < 85,
        "turquoise": h < 100,
        "blue": h < 130,
    }
    return np.select(list(rules.values()), [_COLOURS.index(name) for name in rules], _COLOURS.index("purple"))


def _told(names: Image, least: float, most: int) -> list[str]:
    """Return the commonest colours that have at least such a share."""
    shares = np.bincount(names.ravel(), minlength=len(_COLOURS)) / max(1, names.size)
    return [_COLOURS[i] for i in np.argsort(-shares, kind="stable")[:most] if shares[i] >= least]


def _worn(names: Image, x: float, y: float, side: float, shape: float) -> str:
    """Return the colour that is below a face, or "" where it is not plain or too little of it is in the picture."""
    height, width = names.shape
    across = side * shape
    patch = names[
        round((y + 1.5 * side) * height) : round((y + 2.8 * side) * height),
        round(max(0.0, x - 0.4 * across) * width) : round((x + 1.4 * across) * width),
    ]
    enough = patch.shape[0] >= 0.4 * side * height
    return (_told(patch, _WORN, 1) or [""])[0] if enough and patch.size else ""


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    serve(Eye().handle)
