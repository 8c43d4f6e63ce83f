"""Doors that open both ways."""
