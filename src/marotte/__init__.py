"""Marotte brings a character to life."""

__version__ = "0.1.0"
