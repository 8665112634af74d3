"""What changes carts, orders and stock."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from rest_framework.exceptions import ValidationError

from loadtests.peers.django_shop.models import Order, OrderItem, Product
from loadtests.peers.django_shop.refusals import OutOfStock
from loadtests.peers.django_shop.serializers import MAX_QUANTITY


def cart_of(user_id: int) -> Any:
    """Return the query for the lines in a cart, each with its product."""
    lines = OrderItem.objects.filter(user_id=user_id, order=None)
    return lines.select_related("product").defer("product__search")


@transaction.atomic
def add_to_cart(user_id: int, product: Product, quantity: int) -> OrderItem:
    """Put a product into a cart; one that is there already becomes more."""
    line: OrderItem
    line, is_new = OrderItem.objects.select_for_update(no_key=True).get_or_create(
        user_id=user_id, product=product, order=None, defaults={"quantity": quantity}
    )
    if not is_new:
        line.quantity += quantity
        if line.quantity > MAX_QUANTITY:
            raise ValidationError({"quantity": [f"At most {MAX_QUANTITY} for each line."]})
        line.save(update_fields=["quantity", "updated_at"])
        line.product = product
    return line


@transaction.atomic
def place_order(user_id: int, delivery_address: str, order_item_ids: Sequence[int]) -> Order:
    """Order lines of a cart and take their stock, all or nothing."""
    wanted = set(order_item_ids)
    lines = list(
        cart_of(user_id).filter(id__in=wanted).select_for_update(of=("self",), no_key=True)
    )
    if len(lines) < len(wanted):
        raise ValidationError({"order_item_ids": ["Some of these lines are not in your cart."]})
    _take_stock(lines)
    for line in lines:
        line.price = line.product.price
    order: Order = Order.objects.create(
        user_id=user_id,
        delivery_address=delivery_address,
        total_price=sum(line.total_price for line in lines),
    )
    for line in lines:
        line.order = order
        line.updated_at = order.created_at
    OrderItem.objects.bulk_update(lines, ["order", "price", "updated_at"])
    order.lines = lines
    return order


def _take_stock(lines: Sequence[OrderItem]) -> None:
    quantities = {line.product_id: line.quantity for line in lines}
    counted = list(
        Product.objects.filter(id__in=quantities, stock__isnull=False)
        .defer("search")
        .order_by("id")
        .select_for_update(no_key=True)
    )
    for product in counted:
        if product.stock < quantities[product.id]:
            raise OutOfStock
        product.stock -= quantities[product.id]
    Product.objects.bulk_update(counted, ["stock"])
    stock = {product.id: product.stock for product in counted}
    for line in lines:
        line.product.stock = stock.get(line.product_id)
