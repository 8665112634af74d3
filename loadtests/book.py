"""What the shop acknowledged, kept by its shoppers: the other side of every audit."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, order=True)
class SoldLine:
    """A line of an order as the shop answered it, or as the database holds it."""

    id: int
    product_id: int
    quantity: int
    price: int


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """An order that the shop said it took."""

    order_id: int
    username: str
    total_price: int
    lines: tuple[SoldLine, ...]


@dataclass
class Book:
    """All shoppers' notes. `carts` holds pieces by product id for each username.

    `problems` are answers that differ from what the shopper asked for, one sentence each.
    """

    orders: dict[int, Acknowledged] = field(default_factory=dict)
    carts: dict[str, dict[int, int]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add_order(self, order: Acknowledged) -> None:
        """Note an order. One id for two orders is a problem."""
        if order.order_id in self.orders:
            self.problems.append(f"order {order.order_id} was acknowledged for two orders")
        self.orders[order.order_id] = order
