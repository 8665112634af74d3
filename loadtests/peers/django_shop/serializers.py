"""What travels."""

from typing import Any

from rest_framework import serializers

from loadtests.peers.django_shop.models import Order, OrderItem, Product

MAX_QUANTITY = 10_000


class ProductSerializer(serializers.ModelSerializer):
    """A product."""

    class Meta:
        model = Product
        exclude = ("search",)


class OwnSerializer(serializers.ModelSerializer):
    """Something of the caller's: all that shoppers see of carts and orders is their own."""

    user = serializers.SerializerMethodField()

    def get_user(self, _: Any) -> dict[str, Any]:
        """Return the caller."""
        caller = self.context["request"].user
        return {"id": caller.id, "username": caller.username}


class LineSerializer(OwnSerializer):
    """A line of a cart or an order."""

    product = ProductSerializer()

    class Meta:
        model = OrderItem
        fields = ("id", "product", "quantity", "total_price", "user", "created_at", "updated_at")


class OrderSerializer(OwnSerializer):
    """An order with its lines, which the view has put into `lines`."""

    order_items = LineSerializer(source="lines", many=True)
    events = serializers.SerializerMethodField()

    def get_events(self, order: Order) -> list[dict[str, Any]]:
        """Return what has happened to it: here it is only placed."""
        return [{"status": order.status, "created_at": order.created_at}]

    class Meta:
        model = Order
        fields = (
            "id",
            "user",
            "delivery_address",
            "order_items",
            "total_price",
            "status",
            "events",
            "created_at",
            "updated_at",
        )


class LineInSerializer(serializers.Serializer):
    """A product and how many of it."""

    product_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_QUANTITY)


class OrderInSerializer(serializers.Serializer):
    """Lines of one's cart to order."""

    delivery_address = serializers.CharField(max_length=2000)
    order_item_ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        min_length=1,
        max_length=1000,
    )
