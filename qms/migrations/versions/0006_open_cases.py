"""Cases are found by their definition and the day they were closed (those still open, those closed longest, those of a period), and by
their workflow and the day they were opened."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two indexes."""
    op.create_index("case_file_definition", "case_file", ["definition", "closed_at", "number"])
    op.create_index("case_file_opened", "case_file", ["workflow", "opened_at"])
