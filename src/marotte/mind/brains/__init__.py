"""Brains: one file an engine."""
