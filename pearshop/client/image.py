"""Images that the shop keeps."""

from pearshop.client.base import Model, Noun


class Image(Model):
    """Where an image and its thumbnail are; the addresses never change, nor what is there."""

    image: str
    thumbnail: str
    width: int
    height: int


class Images(Noun):
    """Uploads, by staff."""

    async def upload(self, content: bytes, host: str, scheme: str) -> Image:
        """Have the shop keep a JPEG, PNG or WebP; the same twice is one image.

        Its address is at `host`, as people reach the shop. Raises `Invalid` for what is no image.
        """
        answer = await self._caller.call(
            "POST",
            "/api/image/",
            files={"image": content},
            headers={"Host": host, "X-Forwarded-Proto": scheme},
            repeatable=True,
        )
        return Image.model_validate_json(answer.content)
