"""Alembic environment of the governance database; run by `governance.migrate`."""
