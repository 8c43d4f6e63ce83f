"""TikTok: somebody's LIVE, which can only be read."""
