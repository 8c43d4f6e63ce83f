"""How tests sign in on platforms."""

import asyncio
import threading

from marotte.links.tokens import Token, Tokens


def sign_in(tokens: Tokens, name: str, token: Token) -> None:
    """Keep a token in the same folder as ``marotte login`` does: outside the event loop that may run here."""
    kept = Tokens(tokens.folder)
    thread = threading.Thread(target=lambda: asyncio.run(kept.keep(name, token)))
    thread.start()
    thread.join()
    assert kept.load(name) == token
