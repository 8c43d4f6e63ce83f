"""``python -m marotte`` for tests: a machine that stalls for seconds is no fault of an engine's.

What a show sets for an engine stays as it is. ``TESTS_KEEP_SESSIONS`` in the environment says for how many seconds a
window that left is waited for, where a test would have to wait for it, too.
"""

import os

from marotte.engines.kinds import EngineSettings, VoiceSettings
from tests.waiting import PATIENCE

for kind in (EngineSettings, VoiceSettings):
    for field in ("first_within", "next_within"):
        kind.model_fields[field].default = PATIENCE
    kind.model_rebuild(force=True)

if seconds := os.environ.get("TESTS_KEEP_SESSIONS"):
    from marotte.gateway import live

    live.KEPT_SECONDS = float(seconds)


if __name__ == "__main__":
    from marotte.cli import main

    main()
