"""A product's image: uploaded from its page."""

from starlette.responses import Response
from starlette.routing import Route

from pearshop.errors import Invalid, Refused, Unauthenticated
from pearshop.web.admin import cookies, forms
from pearshop.web.admin.desk import Desk, for_staff

FIELD = "file"
LARGE = "The image is too large to be sent: make it smaller, and choose it again."


async def upload(desk: Desk) -> Response:
    """Have the shop keep an image, and the product show it."""
    product_id: int = desk.request.path_params["id"]
    path = f"/product/{product_id}"
    try:
        image = await keep(desk, await forms.read_file(desk.request, FIELD))
        saved = await desk.client.products.change(product_id, {"image": image})
    except Unauthenticated:
        raise
    except Refused as error:
        return desk.go(path, error.detail, good=False)
    return desk.go(path, f"{saved.product.name} shows the new image.")


async def keep(desk: Desk, content: bytes) -> str:
    """Have the shop keep an image; return its address. Raises `Refused` for what is none."""
    scheme = "https" if cookies.is_secure(desk.request) else "http"
    try:
        kept = await desk.client.images.upload(content, desk.request.headers["host"], scheme)
    except Refused as error:
        if error.code == forms.TOO_LARGE:
            raise Invalid(LARGE, forms.TOO_LARGE) from None
        raise
    return kept.image


routes = [Route("/product/{id:int}/image", for_staff(upload), methods=["POST"])]
