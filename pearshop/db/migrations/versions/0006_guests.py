"""Visitors with a cart, and what sessions are called by."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE users
ADD COLUMN is_guest BOOLEAN DEFAULT false NOT NULL,
ADD COLUMN merged_into BIGINT,
ADD CONSTRAINT fk_users_merged_into FOREIGN KEY (merged_into) REFERENCES users (id);
COMMENT ON COLUMN users.merged_into IS 'whose cart a guest''s went into';
ALTER TABLE sessions ADD COLUMN device TEXT DEFAULT '' NOT NULL;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(
        "ALTER TABLE users DROP COLUMN merged_into, DROP COLUMN is_guest;"
        "ALTER TABLE sessions DROP COLUMN device"
    )
