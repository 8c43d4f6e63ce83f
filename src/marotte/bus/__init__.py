"""The bus: events cross it, and anybody may watch."""
