"""What revisions are made of that keep no shop waiting."""

from alembic import op


def create_index(name: str, on: str) -> None:
    """Make an index while rows are written; `on` is what follows ON.

    It has no transaction. What an attempt left that was broken off goes first, for it is no index.
    """
    with op.get_context().autocommit_block():
        # It waits for those who write, and nobody waits for it.
        op.execute("SET lock_timeout = 0")
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {on}")


def drop_index(name: str) -> None:
    """Drop an index while rows are written."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
