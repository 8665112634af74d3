"""Tables: products, orders, and the lines of carts and orders in one."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models


class Product(models.Model):
    """A product. `stock` is null where it is not counted."""

    name = models.CharField(max_length=255)
    price = models.PositiveBigIntegerField()
    image = models.CharField(max_length=2048, blank=True, default="")
    description = models.TextField(blank=True, default="")
    sku = models.CharField(max_length=64, unique=True, null=True)
    category = models.CharField(max_length=100, blank=True, default="")
    stock = models.PositiveBigIntegerField(null=True)
    hidden = models.BooleanField(db_default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    search = models.GeneratedField(
        expression=SearchVector("name", "sku", "description", config="english"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        db_table = "products"
        ordering = ("-updated_at", "-id")
        indexes = (
            models.Index(fields=["-updated_at", "-id"], name="products_newest"),
            GinIndex(fields=["search"], name="products_search"),
        )


class Order(models.Model):
    """An order; the total is that of the prices charged."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_index=False)
    delivery_address = models.CharField(max_length=2000)
    total_price = models.PositiveBigIntegerField()
    status = models.CharField(max_length=20, default="placed")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "orders"
        ordering = ("-id",)
        indexes = (models.Index(fields=["user", "-id"], name="orders_of_user"),)


class OrderItem(models.Model):
    """A line: of its owner's cart while `order` is null, with the price charged afterwards."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, db_index=False)
    product = models.ForeignKey(Product, models.PROTECT, db_index=False)
    order = models.ForeignKey(Order, models.CASCADE, null=True, related_name="order_items")
    quantity = models.PositiveIntegerField()
    price = models.PositiveBigIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "order_items"
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=["user", "product"],
                condition=models.Q(order=None),
                name="one_line_of_a_product_in_a_cart",
            ),
        )

    @property
    def total_price(self) -> int:
        """What the line costs: at the price charged, in a cart at that of today."""
        price = self.product.price if self.price is None else self.price
        return int(price * self.quantity)
