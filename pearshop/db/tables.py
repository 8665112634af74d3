"""The tables, as SQLAlchemy Core. Migrations create them; a test holds the two to each other.

Times are `timestamptz`. Prices and totals are integers in the shop's price unit.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP, TSVECTOR

from pearshop.domain.cart import MAX_USER_ID

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

INSTANT = TIMESTAMP(timezone=True)


def _created_at() -> "Column[object]":
    return Column("created_at", INSTANT, nullable=False, server_default=func.now())


shop = Table(
    "shop",
    metadata,
    Column("id", SmallInteger, primary_key=True, server_default="1", autoincrement=False),
    Column("currency", Text, nullable=False),
    Column("currency_exponent", SmallInteger, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
    comment="What the shop is; one row.",
)

placement = Table(
    "placement",
    metadata,
    Column("id", SmallInteger, primary_key=True, server_default="1", autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("hosts", Integer, nullable=False),
    Column("release", Text, nullable=False, server_default=""),
    CheckConstraint("id = 1", name="one_row"),
    CheckConstraint("hosts >= 1", name="hosts"),
    comment="How many cart hosts there are; the epoch grows with each change. One row.",
)

cart_hosts = Table(
    "cart_hosts",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("incarnation", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("claimed_at", INSTANT, nullable=False, server_default=func.now()),
    CheckConstraint("number >= 0", name="number"),
    comment="The last process that claimed each host number; only its saves count.",
)

users = Table(
    "users",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("username", Text, nullable=False),
    Column("username_key", Text, nullable=False, unique=True, comment="case-folded username"),
    Column("password_hash", Text, nullable=False),
    Column("is_staff", Boolean, nullable=False, server_default="false"),
    Column("role", Text, nullable=False, server_default="owner", comment="counts for staff"),
    Column("deactivated_at", INSTANT),
    Column("is_guest", Boolean, nullable=False, server_default="false"),
    Column("merged_into", ForeignKey("users.id"), comment="whose cart a guest's went into"),
    _created_at(),
    CheckConstraint(f"id <= {MAX_USER_ID}", name="id_fits_line_ids"),
    CheckConstraint("role IN ('viewer', 'editor', 'owner')", name="role"),
    Index("ix_users_staff", "id", postgresql_where="is_staff"),
    Index(
        "ix_users_username_pattern",
        "username_key",
        postgresql_ops={"username_key": "text_pattern_ops"},
    ),
    Index("ix_users_merged_into", "merged_into", postgresql_where="merged_into IS NOT NULL"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    _created_at(),
    Column("expires_at", INSTANT, nullable=False),
    Column("revoked_at", INSTANT),
    Column("device", Text, nullable=False, server_default=""),
    Index("ix_sessions_revoked_at", "revoked_at", postgresql_where="revoked_at IS NOT NULL"),
)

SORTED_BY = (("updated_at", "id"), ("name_key", "id"), ("price", "id"))
SEARCH = """
setweight(to_tsvector('simple', in_words(name || ' ' || COALESCE(sku, ''))), 'A')
|| setweight(to_tsvector('english', in_words(name || ' ' || COALESCE(sku, ''))), 'B')
|| setweight(to_tsvector('english', in_words(description)), 'D')
"""


def _on_sale(*columns: str) -> Index:
    name = "ix_products_" + "_".join(columns)
    return Index(name, *columns, postgresql_where="NOT hidden")


products = Table(
    "products",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("sku", Text),
    Column("name", Text, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("image", Text, nullable=False, server_default=""),
    Column("description", Text, nullable=False, server_default=""),
    Column("category", Text, nullable=False, server_default=""),
    Column("stock", BigInteger, comment="null: not counted"),
    Column("hidden", Boolean, nullable=False, server_default="false"),
    _created_at(),
    Column("updated_at", INSTANT, nullable=False, server_default=func.now()),
    Column("in_stock", Boolean, Computed("stock IS NULL OR stock > 0"), nullable=False),
    Column("name_key", Text(collation="C"), Computed("left(folded(name), 100)"), nullable=False),
    Column("search", TSVECTOR, Computed(SEARCH), nullable=False),
    CheckConstraint("price >= 0", name="price"),
    CheckConstraint("stock >= 0", name="stock"),
    Index("uq_products_sku", func.upper(Column("sku", Text)), unique=True),
    *(_on_sale(*columns) for columns in SORTED_BY),
    *(_on_sale("category", *columns) for columns in (*SORTED_BY, ("id",))),
    Index("ix_products_in_stock", "updated_at", "id", postgresql_where="NOT hidden AND in_stock"),
    Index(
        "ix_products_sold_out", "updated_at", "id", postgresql_where="NOT hidden AND NOT in_stock"
    ),
    Index("ix_products_off_sale", "updated_at", postgresql_where="hidden"),
    Index(
        "ix_products_search",
        "search",
        postgresql_using="gin",
        postgresql_where="NOT hidden",
        postgresql_with={"fastupdate": "off"},
    ),
    Index(
        "ix_products_search_names",
        text("ts_filter(search, '{a,b}')"),
        postgresql_using="gin",
        postgresql_where="NOT hidden",
        postgresql_with={"fastupdate": "off"},
    ),
    postgresql_with={"fillfactor": "85"},
    # An order changes `stock`, which no index has: the row's new version stays on its page (HOT).
)

search_words = Table(
    "search_words",
    metadata,
    Column("word", Text(collation="C"), primary_key=True),
    Column(
        "trigrams",
        ARRAY(Text),
        Computed("CASE WHEN length(word) >= 4 AND word !~ '[0-9]' THEN trigrams(word) END"),
    ),
    Index(
        "ix_search_words_trigrams",
        "trigrams",
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    ),
    comment="Words of product names and skus: what a word may be the beginning of, or a slip for.",
)

carts = Table(
    "carts",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("next_number", Integer, nullable=False),
    Column(
        "lines",
        JSONB,
        nullable=False,
        comment="[[number, product id, quantity, created, updated], …], times in µs since 1970",
    ),
    Column("updated_at", INSTANT, nullable=False, server_default=func.now()),
    postgresql_with={"fillfactor": "70"},
)

cart_commands = Table(
    "cart_commands",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("key", LargeBinary, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("line", JSONB, comment="the line as the command left it; null when it was removed"),
    _created_at(),
    Index("ix_cart_commands_created_at", "created_at"),
    comment="Commands carried out, by idempotency key: a repeat finds its first answer here.",
)

orders = Table(
    "orders",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("delivery_address", Text, nullable=False),
    Column("total_price", BigInteger, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("updated_at", INSTANT, nullable=False),
    Column("status", Text, nullable=False, server_default="placed"),
    UniqueConstraint("user_id", "key"),
    CheckConstraint(
        "status IN ('placed', 'packed', 'shipped', 'delivered', 'cancelled')", name="status"
    ),
    Index("ix_orders_user_id_id", "user_id", "id"),
    Index("ix_orders_status_id", "status", "id"),
    Index("ix_orders_created_at", "created_at"),
)

order_events = Table(
    "order_events",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False, index=True),
    Column("status", Text, nullable=False),
    _created_at(),
    Index("ix_order_events_created_at", "created_at"),
    comment="Where orders moved on to, and when; that they were placed is not among them.",
)

order_lines = Table(
    "order_lines",
    metadata,
    Column(
        "id",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="the id that the line had in the cart",
    ),
    Column("order_id", ForeignKey("orders.id"), nullable=False, index=True),
    Column("product_id", ForeignKey("products.id"), nullable=False, index=True),
    Column("quantity", Integer, nullable=False),
    Column("price", BigInteger, nullable=False, comment="charged for one"),
    Column("product_name", Text, nullable=False, comment="as it was called when it was sold"),
    Column("created_at", INSTANT, nullable=False),
    Column("updated_at", INSTANT, nullable=False),
    CheckConstraint("quantity >= 1", name="quantity"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("topic", Text, nullable=False),
    Column("subject_id", BigInteger, nullable=False),
    Column("payload", JSONB, nullable=False),
    _created_at(),
    Column("sent_at", INSTANT),
    UniqueConstraint("topic", "subject_id"),
    Index("ix_outbox_unsent", "id", postgresql_where="sent_at IS NULL"),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("user_id", ForeignKey("users.id")),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("subject_id", BigInteger),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("created_at", INSTANT, nullable=False, server_default=func.clock_timestamp()),
    Index("ix_audit_log_subject_subject_id_id", "subject", "subject_id", "id"),
    Index("ix_audit_log_user_id_id", "user_id", "id"),
    comment="What staff did; a trigger refuses to change it.",
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("topics", ARRAY(Text), nullable=False),
    Column("active", Boolean, nullable=False, server_default="true"),
    _created_at(),
    Column("updated_at", INSTANT, nullable=False, server_default=func.now()),
    Column("deleted_at", INSTANT),
    Column("failures", Integer, nullable=False, server_default="0", comment="since a success"),
    Column("failing_since", INSTANT),
    Column("claim", BigInteger, nullable=False, server_default="0"),
    Column(
        "next_attempt_at",
        INSTANT,
        nullable=False,
        server_default=func.now(),
        comment="nothing is sent before: the lease of who sends, or a pause after a failure",
    ),
    Index("uq_webhooks_url", "url", unique=True, postgresql_where="deleted_at IS NULL"),
    comment="Who is told of events.",
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("webhook_id", ForeignKey("webhooks.id"), primary_key=True),
    Column("event_id", ForeignKey("outbox.id"), primary_key=True, index=True),
    Column("subject_id", BigInteger, nullable=False, comment="its events are told in their order"),
    Column("state", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", INSTANT, server_default=func.now()),
    Column("last_attempt_at", INSTANT),
    Column("last_status", SmallInteger),
    Column("last_error", Text, nullable=False, server_default=""),
    Column("last_duration_ms", Integer),
    _created_at(),
    Column("delivered_at", INSTANT),
    CheckConstraint("state IN ('pending', 'delivered', 'failed')", name="state"),
    CheckConstraint("(state = 'pending') = (next_attempt_at IS NOT NULL)", name="next_attempt"),
    Index(
        "ix_webhook_deliveries_due",
        *("webhook_id", "next_attempt_at", "event_id"),
        postgresql_where="state = 'pending'",
    ),
    Index(
        "ix_webhook_deliveries_subject",
        *("webhook_id", "subject_id", "event_id"),
        postgresql_where="state = 'pending'",
    ),
    Index(
        "ix_webhook_deliveries_open",
        *("webhook_id", "event_id"),
        postgresql_where="state <> 'delivered'",
    ),
    comment="An event that a subscriber is to be told of, or was.",
)

report = Table(
    "report",
    metadata,
    Column("id", SmallInteger, primary_key=True, server_default="1", autoincrement=False),
    Column("since", INSTANT, nullable=False),
    Column("until", INSTANT, nullable=False),
    Column("products", INSTANT, nullable=False),
    Column("statuses", JSONB, nullable=False, comment="orders by status, as of `until`"),
    CheckConstraint("id = 1", name="one_row"),
    comment="From and until when `sales` has orders; from when on `product_sales`. One row.",
)

sales = Table(
    "sales",
    metadata,
    Column("quarter", INSTANT, primary_key=True),
    Column("orders", BigInteger, nullable=False),
    Column("revenue", BigInteger, nullable=False),
    comment="What was sold in each quarter of an hour, without what had been cancelled.",
)

product_sales = Table(
    "product_sales",
    metadata,
    Column("product_id", BigInteger, primary_key=True, autoincrement=False),
    Column("pieces", BigInteger, nullable=False),
    Column("revenue", BigInteger, nullable=False),
    Index("ix_product_sales_pieces", "pieces", "revenue", "product_id"),
    comment="What was sold of each product in the 30 days before `report.until`.",
)
