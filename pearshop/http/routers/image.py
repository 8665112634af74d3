"""`/api/image/`: uploads, by staff; and `/api/media/`: where images are shown."""

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pearshop.db import audit
from pearshop.domain.image import PATH
from pearshop.http import body
from pearshop.http.answers import IMMUTABLE, json
from pearshop.http.describe import route
from pearshop.http.media.images import check_name
from pearshop.http.negotiation import is_known
from pearshop.http.services import services, staff
from pearshop.schemas.image import ImageOut

router = APIRouter(tags=["images"])
UPLOAD = "/api/image/"
FIELD = "image"
WEBP = "image/webp"


@router.post(
    UPLOAD,
    status_code=201,
    response_model=ImageOut,
    **route(file=FIELD, signed_in=True, errors=(403,)),
)
async def upload_image(request: Request) -> Response:
    """Keep a JPEG, PNG or WebP, without its metadata; of several frames, the first.

    The same upload twice is the same image. A product shows it once its `image` is set to the URL.
    """
    caller = staff(request)
    images = services(request).images
    content = await body.read_file(request, FIELD)
    if len(content) > images.max_bytes:
        raise HTTPException(413, f"The image is larger than {images.max_bytes:,} bytes: send less.")
    kept = await images.keep(content)
    deed = audit.Deed("image.uploaded", None, None, kept._asdict())
    await services(request).database.run(audit.record, caller.user.id, [deed])
    return json(
        {
            "image": images.address(request.scope, kept.name),
            "thumbnail": images.address(request.scope, kept.thumbnail),
            "width": kept.width,
            "height": kept.height,
        },
        201,
    )


@router.get(
    PATH + "{image_name}/", response_class=Response, **route(media=WEBP, known=True, errors=(404,))
)
async def get_image(request: Request, image_name: str) -> Response:
    """Return an image or a thumbnail, for every cache to keep for good."""
    headers = IMMUTABLE | {"ETag": f'"{check_name(image_name)}"'}
    if is_known(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(await services(request).images.load(image_name), 200, headers, WEBP)
