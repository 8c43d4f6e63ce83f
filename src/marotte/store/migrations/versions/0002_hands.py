"""What people do by hand: notes, edits with their history, and viewers that are found by name."""

import sqlalchemy as sa
from alembic import op

from marotte.text.normal import searchable

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables, and write down under which words each viewer is found."""
    op.create_table(
        "notes",
        *_text("viewer", "text", "by"),
        sa.Column("at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("viewer", name="pk_notes"),
    )
    op.create_table(
        "edits",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        *_text("by", "table", "key", "column", "before", "after", "viewers", "floor"),
        sa.PrimaryKeyConstraint("id", name="pk_edits"),
    )
    op.create_index("ix_edits_table_key", "edits", ["table", "key"])
    op.create_index("ix_edits_floor", "edits", ["floor"])
    op.create_index("ix_facts_scope_id", "facts", ["scope", "id"])
    op.add_column("viewers", sa.Column("search", sa.Text, nullable=False, server_default=""))
    viewers = sa.table("viewers", sa.column("id", sa.Text), sa.column("name", sa.Text), sa.column("search", sa.Text))
    found = op.get_bind().execute(sa.select(viewers.c.id, viewers.c.name)).all()
    named = [{"of": id, "terms": searchable(name)} for id, name in found]
    if named:
        change = sa.update(viewers).where(viewers.c.id == sa.bindparam("of")).values(search=sa.bindparam("terms"))
        op.get_bind().execute(change, named)


def downgrade() -> None:
    """Remove all that."""
    op.drop_column("viewers", "search")
    op.drop_index("ix_facts_scope_id", "facts")
    op.drop_table("edits")
    op.drop_table("notes")


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]
