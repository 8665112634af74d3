"""The API's typed client: used by the staff admin, and by whoever writes another.

    async with Transport("http://127.0.0.1:8000") as transport:
        client = Client(transport)
        await client.sign_in("ada", "correct horse battery")
        page = await client.products.list(search="tote")

It knows the shop by its HTTP interface alone. What the shop refuses is raised as the shop raised
it, as one of `pearshop.errors`.
"""

from pearshop.client.client import Client, Tokens
from pearshop.client.transport import Transport

__all__ = ["Client", "Tokens", "Transport"]
