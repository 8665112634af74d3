"""Images on the wire."""

from pydantic import BaseModel, Field


class ImageOut(BaseModel):
    """An image that the shop keeps. Its addresses never change, nor what is there."""

    image: str = Field(description="URL, for a product's `image`.")
    thumbnail: str = Field(description="URL of the same in small, for lists.")
    width: int = Field(description="Of the image, in pixels.")
    height: int
