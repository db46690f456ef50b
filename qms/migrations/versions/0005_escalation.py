"""Past deadlines that nobody has seen to are found by those who are told of them."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One index."""
    op.create_index("timer_past", "timer", ["due_fired_at", "done_at"])
