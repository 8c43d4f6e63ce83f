"""A voice for Marotte that hums each word on a kazoo."""
