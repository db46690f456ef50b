"""How a step of the database's shape is run: on the connection, and in the transaction, that ``qms.migrations`` handed over."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
