"""Messages to persons, when they want them, and the one-time links by which somebody chooses a password."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, String, Text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Four small tables; nothing that is there changes."""
    op.create_table(
        "invitation",
        Column("digest", String, primary_key=True),
        Column("person", String, nullable=False),
        Column("made_at", String, nullable=False),
        Column("expires_at", String, nullable=False),
        Column("used_at", String),
    )
    op.create_index("ix_invitation_person", "invitation", ["person"])
    op.create_table(
        "message",
        Column("key", String(160), primary_key=True),
        Column("person", String, nullable=False),
        Column("kind", String(16), nullable=False),
        Column("subject", Text, nullable=False),
        Column("body", Text, nullable=False),
        Column("made_at", String, nullable=False),
        Column("next_at", String),
        Column("tries", Integer, nullable=False),
        Column("sent_at", String),
        Column("problem", Text),
    )
    op.create_index("ix_message_next_at", "message", ["next_at"])
    op.create_index("message_of", "message", ["person", "made_at"])
    op.create_table(
        "message_choice",
        Column("person", String, primary_key=True),
        Column("hour", String(5)),
        Column("told_on", String(10)),
    )
    op.create_table(
        "message_mark",
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("position", BigInteger, nullable=False),
    )
