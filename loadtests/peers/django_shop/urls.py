"""Addresses."""

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from loadtests.peers.django_shop.views import CartViewSet, OrderViewSet, ProductViewSet

router = SimpleRouter()
router.register("product", ProductViewSet, "product")
router.register("order-item", CartViewSet, "order-item")
router.register("order", OrderViewSet, "order")

urlpatterns = [path("api/", include(router.urls))]
