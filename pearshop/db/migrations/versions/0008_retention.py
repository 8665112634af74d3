"""By what retention finds what has had its time, and deletes it without looking far."""

from pearshop.db.migrations.online import create_index, drop_index

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_index("ix_cart_commands_created_at", "cart_commands (created_at)")
    create_index("ix_webhook_deliveries_event_id", "webhook_deliveries (event_id)")
    create_index("ix_users_merged_into", "users (merged_into) WHERE merged_into IS NOT NULL")


def downgrade() -> None:
    drop_index("ix_users_merged_into")
    drop_index("ix_webhook_deliveries_event_id")
    drop_index("ix_cart_commands_created_at")
