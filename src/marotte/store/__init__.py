"""Rows: what must survive."""
