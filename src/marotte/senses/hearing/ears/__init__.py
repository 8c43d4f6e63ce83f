"""Ears: one file an engine."""
