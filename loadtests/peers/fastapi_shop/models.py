"""Tables: products, orders, and the lines of carts and orders in one."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Computed, ForeignKey, Index, String, func, text
from sqlalchemy.dialects.postgresql import TIMESTAMP, TSVECTOR
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

SEARCH = """
to_tsvector('english', name || ' ' || coalesce(sku, '') || ' ' || description)
"""


class Base(DeclarativeBase):
    """All tables. Whole numbers are of 64 bits, times have a zone."""

    type_annotation_map: ClassVar = {int: BigInteger, datetime: TIMESTAMP(timezone=True)}


class Timed(Base):
    """A row that knows since when it is so."""

    __abstract__ = True

    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class User(Base):
    """A shopper."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(150), unique=True)


class Product(Timed):
    """A product. `stock` is null where it is not counted."""

    __tablename__ = "products"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    price: Mapped[int] = mapped_column(CheckConstraint("price >= 0"))
    image: Mapped[str] = mapped_column(String(2048), server_default="")
    description: Mapped[str] = mapped_column(server_default="")
    sku: Mapped[str | None] = mapped_column(String(64), unique=True)
    category: Mapped[str] = mapped_column(String(100), server_default="")
    stock: Mapped[int | None] = mapped_column(CheckConstraint("stock >= 0"))
    hidden: Mapped[bool] = mapped_column(server_default="false")
    search: Mapped[Any] = mapped_column(TSVECTOR, Computed(SEARCH, persisted=True), deferred=True)


Index("products_newest", Product.updated_at.desc(), Product.id.desc())
Index("products_search", Product.search, postgresql_using="gin")


class Order(Timed):
    """An order; the total is that of the prices charged."""

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    delivery_address: Mapped[str] = mapped_column(String(2000))
    total_price: Mapped[int]
    status: Mapped[str] = mapped_column(String(20), default="placed")
    order_items: Mapped[list["OrderItem"]] = relationship(order_by="OrderItem.id")


Index("orders_of_user", Order.user_id, Order.id.desc())


class OrderItem(Timed):
    """A line: of its owner's cart while `order_id` is null, with the price charged afterwards."""

    __tablename__ = "order_items"
    __table_args__ = (
        Index(
            "one_line_of_a_product_in_a_cart",
            "user_id",
            "product_id",
            unique=True,
            postgresql_where=text("order_id IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"), index=True)
    quantity: Mapped[int] = mapped_column(CheckConstraint("quantity > 0"))
    price: Mapped[int | None]
    product: Mapped[Product] = relationship()

    @property
    def total_price(self) -> int:
        """What the line costs: at the price charged, in a cart at that of today."""
        return (self.product.price if self.price is None else self.price) * self.quantity
