"""Duplex engines: one file an engine."""
