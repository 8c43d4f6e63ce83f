"""The documents that are written by the program's own source: ``python -m tools.docs`` writes them anew."""
