"""The title of a document in other languages than its own."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One column; documents that are there have none."""
    op.add_column("document", Column("titles", Text))
