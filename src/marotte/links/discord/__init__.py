"""Discord: text chat, voice both ways (extra ``discord``)."""
