"""A faithful local YouTube: its live chat, as documented, with Google's sign-in for devices, for tests.

Start it by itself with ``python -m tests.servers.youtube``: it prints its addresses and a token, and a viewer chats.
In a test::

    async with YouTubeServer() as youtube:
        token = youtube.grant(SCOPE).access
        youtube.chat("Ada", "Good evening!")
        ...  # a client that is given youtube.url (of Google's clients: ``api_endpoint``) and youtube.chat_id

*What it serves*, below ``youtube.url``, as oauth2.googleapis.com does: ``/device/code``, ``/token``, ``/revoke`` and
``/tokeninfo``; below ``youtube.api``: liveBroadcasts, videos and channels (list), liveChat/messages (list, stream,
insert, delete, transition) and liveChat/bans (insert, delete).

*Its rules.* A scope for every call, or ``key=`` for what is public. Exactly one filter for broadcasts. ``maxResults``
200..2000. Listing again before ``pollingIntervalMillis`` is over: 403 rateLimitExceeded. 200 characters a message. Ten
thousand units a day (list and stream 5, insert, delete and transition 20, others as in ``COSTS``; a refused call 1):
then 403 quotaExceeded until ``new_day()``. A stream is one answer: a JSON array whose objects come as they happen, the
comma before each and never after, resumed by ``pageToken``; one with ``offlineAt`` is its last. Own messages come back,
as everybody's. Devices may ask for the scopes youtube and youtube.readonly only, not for youtube.force-ssl.
What a client does wrong also stands in ``complaints``.

*Its faults*, ``youtube.fault(what, times=1, on="")``, ``on`` one of ``ROUTES``:
``401``, ``404``, ``429``, ``500``, ``503``, ``403:REASON`` refuse; ``hang`` never answers; ``drop`` breaks the
connection (a stream in mid-object); ``garbage``, ``huge``;
``bare:STATUS`` refuses with a page of HTML, as a proxy does; ``cut:STATUS`` breaks in mid-answer; ``error:STATUS``
refuses where a stream's next page belongs; ``half`` stands still in mid-object while ``gate`` is shut;
``silent`` says nothing more; ``end`` closes a stream well, and no ``offlineAt``; ``duplicate``, ``reorder``;
``missing_field:NAME``, ``null_field:NAME``, ``wrong_type:NAME``, ``long_field:NAME`` (a megabyte),
``extra_fields``, ``unknown_type`` bend a message.
``await youtube.down()`` refuses every connection until ``await youtube.up()``, on the same port.

*Its time* is ``clock``, in seconds, for what expires and how often one may ask; tests turn it by hand.

https://developers.google.com/youtube/v3/live/docs/liveChatMessages, its discovery document (revision 20261104), and
https://developers.google.com/identity/protocols/oauth2/limited-input-device. Not known, so chosen here: what a ban
costs (as other writes), the tiers of a Super Chat in other money than dollars, that a stream refuses with an array as
Google's other streams do, and all words that people read.
"""

from tests.servers.youtube.chat import COSTS, LARGEST, ROUTES
from tests.servers.youtube.events import Viewer
from tests.servers.youtube.login import CLIENT, FORCE_SSL, READONLY, SCOPE, SECRET, Grant
from tests.servers.youtube.server import YouTubeServer

__all__ = [
    "CLIENT", "COSTS", "FORCE_SSL", "LARGEST", "READONLY", "ROUTES", "SCOPE", "SECRET", "Grant", "Viewer",
    "YouTubeServer",
]  # fmt: skip
