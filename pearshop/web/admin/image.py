"""A product's image: uploaded from its page."""

from starlette.responses import Response
from starlette.routing import Route

from pearshop.errors import Refused, Unauthenticated
from pearshop.web.admin import cookies, forms
from pearshop.web.admin.desk import Desk, for_staff

FIELD = "file"


async def upload(desk: Desk) -> Response:
    """Have the shop keep an image, and the product show it."""
    product_id: int = desk.request.path_params["id"]
    path = f"/product/{product_id}"
    scheme = "https" if cookies.is_secure(desk.request) else "http"
    try:
        content = await forms.read_file(desk.request, FIELD)
        kept = await desk.client.images.upload(content, desk.request.headers["host"], scheme)
        saved = await desk.client.products.change(product_id, {"image": kept.image})
    except Unauthenticated:
        raise
    except Refused as error:
        return desk.go(path, error.detail, good=False)
    return desk.go(path, f"{saved.product.name} shows the new image.")


routes = [Route("/product/{id:int}/image", for_staff(upload), methods=["POST"])]
