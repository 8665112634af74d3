"""What reports read: sums of orders by quarter of an hour, by product and by status."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UP = """
CREATE INDEX ix_order_events_created_at ON order_events (created_at);

CREATE TABLE report (
    id SMALLINT DEFAULT 1 NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    products TIMESTAMP WITH TIME ZONE NOT NULL,
    statuses JSONB NOT NULL,
    CONSTRAINT pk_report PRIMARY KEY (id),
    CONSTRAINT ck_report_one_row CHECK (id = 1)
);
COMMENT ON COLUMN report.statuses IS 'orders by status, as of `until`';
COMMENT ON TABLE report IS 'From and until when `sales` has orders; from when on `product_sales`. One row.';

CREATE TABLE sales (
    quarter TIMESTAMP WITH TIME ZONE NOT NULL,
    orders BIGINT NOT NULL,
    revenue BIGINT NOT NULL,
    CONSTRAINT pk_sales PRIMARY KEY (quarter)
);
COMMENT ON TABLE sales IS 'What was sold in each quarter of an hour, without what had been cancelled.';

CREATE TABLE product_sales (
    product_id BIGINT NOT NULL,
    pieces BIGINT NOT NULL,
    revenue BIGINT NOT NULL,
    CONSTRAINT pk_product_sales PRIMARY KEY (product_id)
);
CREATE INDEX ix_product_sales_pieces ON product_sales (pieces, revenue, product_id);
COMMENT ON TABLE product_sales IS 'What was sold of each product in the 30 days before `report.until`.';
"""

DOWN = """
DROP TABLE product_sales;
DROP TABLE sales;
DROP TABLE report;
DROP INDEX ix_order_events_created_at;
"""


def upgrade() -> None:
    op.execute(UP)


def downgrade() -> None:
    op.execute(DOWN)
