"""Hats lent for some days, and duties that the direction let one person join on one case."""

from alembic import op
from sqlalchemy import Column, Integer, String

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two tables, empty."""
    op.create_table(
        "delegation",
        Column("id", String, primary_key=True),
        Column("delegator", String, nullable=False),
        Column("delegate", String, nullable=False),
        Column("hat", String, nullable=False),
        Column("organisation", String, nullable=False),
        Column("starts_at", String, nullable=False),
        Column("ends_at", String, nullable=False),
        Column("ended_at", String),
    )
    op.create_index("ix_delegation_delegator", "delegation", ["delegator"])
    op.create_index("ix_delegation_delegate", "delegation", ["delegate"])
    op.create_table(
        "case_waiver",
        Column("case_number", String, primary_key=True),
        Column("n", Integer, primary_key=True),
        Column("step", String, nullable=False),
        Column("person", String, nullable=False),
        Column("used", Integer),
    )
