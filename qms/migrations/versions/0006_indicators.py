"""The cases of a period are found by the workflow and the day they were opened or closed."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two indexes."""
    op.create_index("case_file_closed", "case_file", ["workflow", "closed_at"])
    op.create_index("case_file_opened", "case_file", ["workflow", "opened_at"])
