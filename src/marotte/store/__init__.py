"""Rows that last: on SQLite by default, on PostgreSQL where there is one."""

from marotte.store.database import StoreError
from marotte.store.rows import Exchange, Fact, TimerRow, TurnRow, person
from marotte.store.store import Store

__all__ = ["Exchange", "Fact", "Store", "StoreError", "TimerRow", "TurnRow", "person"]
