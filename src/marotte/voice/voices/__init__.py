"""Voices: one file an engine."""
