"""Open cases of a definition, and those closed longest, are found without a look at all the others."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One index."""
    op.create_index("case_file_definition", "case_file", ["definition", "closed_at", "number"])
