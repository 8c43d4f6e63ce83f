"""A small faithful fake of Twitch's IRC (dev.twitch.tv/docs/chat/irc): tags, limits, RECONNECT, refusals.

Like the real one it sends no echo of one's own PRIVMSG, only USERSTATE, and it silences an account that sends too
much. With ``sasl`` it is a plain IRC server that asks for SASL PLAIN over and above that.
"""

import asyncio
import base64
import ssl
from collections import deque

TOKEN = "oauth:right"
HOST = "tmi.twitch.tv"


class TwitchIRC:
    """One server on a free loopback port; use as ``async with``."""

    def __init__(
        self,
        *,
        limit: int = 20,
        window: float = 30.0,
        sasl: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.limit, self.window = limit, window
        self.sasl = sasl
        self.tls = tls
        self.port = 0
        self.heard: list[tuple[str, str, str]] = []
        """(nick, channel, text) of every PRIVMSG that was passed on."""
        self.lines: list[str] = []
        self.silenced: set[str] = set()
        self.banned: set[str] = set()
        """Nicks that may not write."""
        self.logins = 0
        self.joined = asyncio.Event()
        self._writers: dict[asyncio.StreamWriter, str] = {}
        self._times: dict[str, deque[float]] = {}

    async def __aenter__(self) -> "TwitchIRC":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.drop()
        await asyncio.sleep(0)

    def drop(self) -> None:
        """Break every connection without a word."""
        for writer in list(self._writers):
            writer.transport.abort()

    def raw(self, *lines: str) -> None:
        """Send lines to everybody who is logged in."""
        for writer in self._writers:
            writer.write("".join(f"{line}\r\n" for line in lines).encode())

    def chat(self, channel: str, nick: str, text: str, **tags: str) -> None:
        """Let a viewer write something."""
        full = {
            "badge-info": "", "badges": "", "color": "#1E90FF", "display-name": nick.title(), "emotes": "",
            "first-msg": "0", "flags": "", "id": f"{nick}-{len(text)}", "mod": "0", "room-id": "1", "subscriber": "0",
            "tmi-sent-ts": "1700000000000", "turbo": "0", "user-id": "42", "user-type": "",
        } | {name.replace("_", "-"): value for name, value in tags.items()}  # fmt: skip
        packed = ";".join(f"{name}={value}" for name, value in full.items())
        self.raw(f"@{packed} :{nick}!{nick}@{nick}.{HOST} PRIVMSG {channel} :{text}")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers[writer] = ""
        state: dict[str, str] = {}
        try:
            async for raw in reader:
                line = raw.decode().rstrip("\r\n")
                self.lines.append(line)
                if not self._answer(writer, state, line):
                    break
        except ConnectionError:
            pass
        finally:
            self._writers.pop(writer, None)
            writer.close()

    def _answer(self, writer: asyncio.StreamWriter, state: dict[str, str], line: str) -> bool:
        def send(*lines: str) -> None:
            writer.write("".join(f"{one}\r\n" for one in lines).encode())

        verb, _, rest = line.partition(" ")
        nick = state.get("NICK", "*")
        match verb:
            case "CAP" if rest.startswith("LS"):
                state["CAP"] = "open"
                offered = "sasl=PLAIN" if self.sasl else "twitch.tv/commands twitch.tv/membership twitch.tv/tags"
                send(f":{HOST} CAP * LS :{offered}")
            case "CAP" if rest.startswith("REQ"):
                send(f":{HOST} CAP * ACK {rest[4:]}")
            case "CAP":
                state["CAP"] = "done"
            case "AUTHENTICATE" if rest == "PLAIN":
                send("AUTHENTICATE +")
            case "AUTHENTICATE":
                _, account, password = base64.b64decode(rest).decode().split("\0")
                good = (account, password) == self.sasl
                send(f":{HOST} 903 * :Logged in" if good else f":{HOST} 904 * :SASL authentication failed")
            case "PASS" | "NICK" | "USER":
                state[verb] = rest
            case "JOIN":
                channel = rest
                send(
                    f":{nick}!{nick}@{nick}.{HOST} JOIN {channel}",
                    f":{nick}.{HOST} 353 {nick} = {channel} :{nick}",
                    f":{nick}.{HOST} 366 {nick} {channel} :End of /NAMES list",
                    f"@badge-info=;badges=;color=;display-name={nick};mod=0;user-type= :{HOST} USERSTATE {channel}",
                    f"@emote-only=0;followers-only=-1;r9k=0;room-id=1;slow=0;subs-only=0 :{HOST} ROOMSTATE {channel}",
                )
                self.joined.set()
                return True
            case "PING":
                send(f":{HOST} PONG {HOST} {rest}")
            case "PRIVMSG":
                send(*self._take(nick, *rest.split(" :", 1)))
            case "QUIT":
                return False
            case _:
                pass
        return self._login(state, send) if "001" not in state else True

    def _login(self, state: dict[str, str], send: object) -> bool:
        if "NICK" not in state or "USER" not in state or state.get("CAP") == "open":
            return True
        assert callable(send)
        nick = state["NICK"]
        self.logins += 1
        if not self.sasl and not nick.startswith("justinfan") and state.get("PASS") != TOKEN:
            send(f":{HOST} NOTICE * :Login authentication failed")
            return False
        state["001"] = nick
        send(
            f":{HOST} 001 {nick} :Welcome, GLHF!", f":{HOST} 002 {nick} :Your host is {HOST}",
            f":{HOST} 003 {nick} :This server is rather new", f":{HOST} 004 {nick} :-", f":{HOST} 375 {nick} :-",
            f":{HOST} 372 {nick} :You are in a maze of twisty passages, all alike.", f":{HOST} 376 {nick} :>",
        )  # fmt: skip
        return True

    def _take(self, nick: str, channel: str, text: str) -> list[str]:
        """Pass a message on, unless the account has sent too many or may not write at all."""
        if nick.startswith("justinfan"):
            return []
        if nick in self.banned:
            told = f"You are permanently banned from talking in {channel[1:]}."
            return [f"@msg-id=msg_banned :{HOST} NOTICE {channel} :{told}"]
        now = asyncio.get_running_loop().time()
        times = self._times.setdefault(nick, deque())
        while times and times[0] <= now - self.window:
            times.popleft()
        times.append(now)
        if len(times) > self.limit:
            self.silenced.add(nick)
        if nick in self.silenced:
            return [f"@msg-id=msg_ratelimit :{HOST} NOTICE {channel} :Your message was not sent: too many messages."]
        self.heard.append((nick, channel, text))
        return [f"@badge-info=;badges=;color=;display-name={nick};mod=0;user-type= :{HOST} USERSTATE {channel}"]
