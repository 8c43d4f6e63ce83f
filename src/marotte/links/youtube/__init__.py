"""YouTube: the live chat of the account that signed in, over the Live Streaming API."""
