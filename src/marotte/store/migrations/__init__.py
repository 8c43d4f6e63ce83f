"""Alembic migrations; they travel with the package and are run by ``marotte.store.schema``."""
