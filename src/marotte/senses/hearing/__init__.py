"""Hearing: voice activity, end of speech, ears."""
