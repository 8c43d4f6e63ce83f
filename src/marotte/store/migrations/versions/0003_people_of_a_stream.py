"""A streamer's people: accounts that are one person's, verdicts, what is counted, and quotes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "accounts",
        *_text("viewer", "main"),
        sa.Column("at", sa.Float, nullable=False),
        *_text("by"),
        sa.PrimaryKeyConstraint("viewer", name="pk_accounts"),
    )
    op.create_index("ix_accounts_main", "accounts", ["main"])
    op.create_table(
        "verdicts",
        *_text("id"),
        sa.Column("at", sa.Float, nullable=False),
        *_text("link", "channel", "viewer", "name", "action"),
        sa.Column("seconds", sa.Float, nullable=False),
        *_text("reason", "source", "evidence", "by", "state", "detail", "appeal"),
        sa.PrimaryKeyConstraint("id", name="pk_verdicts"),
    )
    for column in ("at", "viewer", "state"):
        op.create_index(f"ix_verdicts_{column}", "verdicts", [column])
    op.create_table(
        "tallies",
        _counted(),
        *_text("kind", "name"),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tallies"),
    )
    op.create_index("ix_tallies_kind_name", "tallies", ["kind", "name"], unique=True)
    op.create_table(
        "quotes",
        _counted(),
        sa.Column("at", sa.Float, nullable=False),
        *_text("text", "by"),
        sa.PrimaryKeyConstraint("id", name="pk_quotes"),
    )


def downgrade() -> None:
    """Remove them."""
    for table in ("quotes", "tallies", "verdicts", "accounts"):
        op.drop_table(table)


def _text(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _counted() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False)
