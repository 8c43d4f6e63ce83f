"""Logs: secrets are in neither the terminal's nor the file's."""

import json
import logging
from pathlib import Path

import pytest

from marotte import log
from marotte.gateway.tokens import Tokens


def test_secrets_never_reach_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = "sk-very-secret-0123456789"
    before = logging.getLogger().handlers[:]
    try:
        log.set_up(tmp_path, secrets=[secret])
        logger = logging.getLogger("marotte.links.test")
        logger.warning("password %s", secret)
        logger.warning("nested %s", {"token": secret})
        try:
            raise ValueError(f"the server said {secret}")
        except ValueError:
            logger.exception("failed with %s", secret)
        logging.getLogger("aiohttp").error("url ?key=%s", secret)
    finally:
        written = (tmp_path / "marotte.log").read_text()
        logging.basicConfig(handlers=before, force=True)
    shown = capsys.readouterr().err
    assert secret not in written
    assert secret not in shown
    assert written.count("•••") >= 4
    entries = [json.loads(line) for line in written.splitlines()]
    assert entries[0] == {
        "at": entries[0]["at"],
        "level": "warning",
        "from": "marotte.links.test",
        "message": "password •••",
    }
    assert "ValueError" in entries[2]["trace"]


def test_a_token_that_was_issued_is_known_by_its_shape(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json", lambda: 0.0)
    for number in range(50):
        _, secret = tokens.issue(f"phone {number}", "viewer")
        assert log.redact.clean(f"GET /talk#token={secret}&x: refused") == "GET /talk#token=•••&x: refused"
    for harmless in ("marotte_turns_total", "marotte_event_loop_lag_seconds_count", "nick marotte_ is taken"):
        assert log.redact.clean(harmless) == harmless


def test_log_files_are_bounded(tmp_path: Path) -> None:
    before = logging.getLogger().handlers[:]
    try:
        log.set_up(tmp_path)
        logging.getLogger().handlers[0].setLevel(logging.CRITICAL)
        logger = logging.getLogger("marotte")
        for _ in range(6_500):
            logger.info("x" * 2_000)
    finally:
        logging.basicConfig(handlers=before, force=True)
    assert sum(f.stat().st_size for f in tmp_path.iterdir()) < 10_500_000
    assert len(list(tmp_path.iterdir())) == 5


def test_a_full_disk_is_told_once_and_not_for_each_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger().handlers[:]
    (tmp_path / "marotte.log").symlink_to("/dev/full")
    try:
        log.set_up(tmp_path)
        for number in range(20):
            logging.getLogger("marotte.store").warning("lost %d", number)
    finally:
        with pytest.raises(OSError, match="No space"):
            logging.getLogger().handlers[-1].close()
        logging.basicConfig(handlers=before, force=True)
    shown = capsys.readouterr().err
    assert shown.count("No space left on device") == 1
    assert (shown.count("lost "), "Traceback" in shown) == (20, False)
