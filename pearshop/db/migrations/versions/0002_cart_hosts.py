"""Which process carries the carts of each host number, and which release the shop runs."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UP = """
ALTER TABLE placement ADD COLUMN release TEXT DEFAULT '' NOT NULL;

CREATE TABLE cart_hosts (
    number INTEGER NOT NULL,
    incarnation BIGINT NOT NULL,
    actor TEXT NOT NULL,
    claimed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_cart_hosts PRIMARY KEY (number),
    CONSTRAINT ck_cart_hosts_number CHECK (number >= 0)
);
COMMENT ON TABLE cart_hosts IS 'The last process that claimed each host number; only its saves count.';
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute("DROP TABLE cart_hosts; ALTER TABLE placement DROP COLUMN release")
