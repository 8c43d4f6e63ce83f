"""Who has ever written on a link, so that a first message is known for one."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "wrote",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("link", sa.Text, nullable=False),
        sa.Column("viewer", sa.Text, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_wrote"),
    )
    op.create_index("ix_wrote_viewer_link", "wrote", ["viewer", "link"], unique=True)


def downgrade() -> None:
    """Remove it."""
    op.drop_table("wrote")
