"""What stands in ``skull.json``, beside the program: read, completed and kept.

Runs on MicroPython and on Python 3.9 and later.
"""

import json
import os

DEFAULTS = {
    "url": "ws://127.0.0.1:8765/ws",
    "ca": "",  # the file of the authority that vouches for wss://, as fetched from /ca.crt
    "token": "",
    "name": "skull",
    "partner": "",  # made once
    "language": "en",
    "can": ["button", "microphone", "loudspeaker", "camera", "light", "jaw"],
    "jaw": {
        "mode": "track",  # "live": from the sound, on the board itself
        "closed": 90,  # degrees
        "open": 60,
        "latency": 80,  # milliseconds from a command to the movement
        "speed": 400,  # degrees a second
        "dead": 1,  # smaller changes, in degrees, are not made
        "stride": 1,  # live: take every so manieth sample
    },
}


class SettingsError(Exception):
    """A setting is wrong; the message names the file, the key and what it must be."""


def load(file, more=None):
    """Return the settings of a file, completed by ``more`` and by what is usual. Raises SettingsError."""
    settings = _merged(DEFAULTS, more or {})
    try:
        with open(file) as handle:
            given = json.load(handle)
    except OSError:
        given = {}
    except ValueError as error:
        raise SettingsError(f"{file}: is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise SettingsError(f"{file}: must be a JSON object")
    known = ", ".join(sorted(settings))
    for key in given:
        if key not in settings:
            raise SettingsError(f"{file}: there is no key {key}; there are {known}")
    settings = _merged(settings, given)
    _check(file, settings)
    return settings


def _check(file, settings):
    jaw = settings["jaw"]
    for key in ("closed", "open"):
        if not _number(jaw[key]) or not 0 <= jaw[key] <= 180:
            raise SettingsError(f"{file}: jaw.{key}: must be degrees from 0 to 180")
    for key, least, most in (("latency", 0, 240), ("speed", 10, 2000), ("dead", 0, 20), ("stride", 1, 16)):
        if not _number(jaw[key]) or not least <= jaw[key] <= most:
            raise SettingsError(f"{file}: jaw.{key}: must be from {least} to {most}")
    if jaw["mode"] not in ("track", "live"):
        raise SettingsError(f'{file}: jaw.mode: must be "track" or "live"')
    if not str(settings["url"]).startswith(("ws://", "wss://")):
        raise SettingsError(f"{file}: url: must begin with ws:// or wss://")


def _number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _merged(under, over):
    """Put one table over another, one level deep."""
    result = {}
    for key in under:
        result[key] = dict(under[key]) if isinstance(under[key], dict) else under[key]
    for key in over:
        if isinstance(over[key], dict) and isinstance(result.get(key), dict):
            result[key].update(over[key])
        else:
            result[key] = over[key]
    return result


def keep(file, changed, dumps=json.dumps):
    """Write what has changed into the file; a loss of power leaves the old one or the new one."""
    try:
        with open(file) as handle:
            given = json.load(handle)
    except OSError:
        given = {}
    new = file + ".new"
    with open(new, "w") as handle:
        handle.write(dumps(_merged(given, changed)))
    os.rename(new, file)
