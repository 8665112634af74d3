"""Errors as the contract has them."""

from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler


class OutOfStock(APIException):
    """Not enough is left."""

    status_code = 409
    default_detail = "Not enough is left of some products."
    default_code = "out_of_stock"


def with_detail(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer as REST framework does, with `detail` beside the fields that are wrong."""
    answer = exception_handler(error, context)
    if answer is not None and isinstance(answer.data, dict) and "detail" not in answer.data:
        answer.data["detail"] = "Some fields are wrong: " + ", ".join(answer.data)
    return answer
