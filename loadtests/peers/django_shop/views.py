"""The endpoints."""

from typing import Any

from django.contrib.postgres.search import SearchQuery
from django.db.models import Prefetch
from django.shortcuts import get_object_or_404
from rest_framework.filters import BaseFilterBackend
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ReadOnlyModelViewSet

from loadtests.peers.django_shop.models import Order, OrderItem, Product
from loadtests.peers.django_shop.selling import add_to_cart, cart_of, place_order
from loadtests.peers.django_shop.serializers import (
    LineInSerializer,
    LineSerializer,
    OrderInSerializer,
    OrderSerializer,
    ProductSerializer,
)

PRODUCTS = Product.objects.defer("search")
LINES = OrderItem.objects.select_related("product").defer("product__search")


class WordSearch(BaseFilterBackend):
    """PostgreSQL's full text: all words of `?search=`."""

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        """Return the query for what matches."""
        words = request.query_params.get("search", "").strip()
        if not words:
            return queryset
        query = SearchQuery(words, config="english", search_type="websearch")
        return queryset.filter(search=query)


class ProductViewSet(ReadOnlyModelViewSet):
    """The catalogue, most recently updated first; anyone may read it."""

    authentication_classes = ()
    permission_classes = ()
    queryset = PRODUCTS
    serializer_class = ProductSerializer
    filter_backends = (WordSearch,)


class CartViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet):
    """One's cart."""

    serializer_class = LineSerializer
    pagination_class = None

    def get_queryset(self) -> Any:
        """Return the query for the lines of the cart."""
        return cart_of(self.request.user.id)

    def create(self, request: Request) -> Response:
        """Put a product into the cart."""
        wish = LineInSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        product = get_object_or_404(PRODUCTS, pk=wish.validated_data["product_id"])
        line = add_to_cart(request.user.id, product, wish.validated_data["quantity"])
        return Response(self.get_serializer(line).data, status=201)


class OrderViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet):
    """One's orders, newest first."""

    serializer_class = OrderSerializer

    def get_queryset(self) -> Any:
        """Return the query for one's orders with their lines."""
        lines = Prefetch("order_items", LINES, to_attr="lines")
        return Order.objects.filter(user_id=self.request.user.id).prefetch_related(lines)

    def create(self, request: Request) -> Response:
        """Order lines of one's cart."""
        wish = OrderInSerializer(data=request.data)
        wish.is_valid(raise_exception=True)
        order = place_order(request.user.id, **wish.validated_data)
        return Response(self.get_serializer(order).data, status=201)
