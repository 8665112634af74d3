"""The application and its endpoints."""

from typing import Annotated

from fastapi import APIRouter, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload

from loadtests.peers.fastapi_shop import selling
from loadtests.peers.fastapi_shop.dependencies import Paged, Reader, Session, SignedIn
from loadtests.peers.fastapi_shop.models import Order, OrderItem, Product
from loadtests.peers.fastapi_shop.schemas import LineIn, LineOut, OrderIn, OrderOut, ProductOut

router = APIRouter(prefix="/api")


@router.get("/product/")
async def list_products(
    reader: Reader, page: Paged, search: Annotated[str, Query(max_length=200)] = ""
) -> list[ProductOut]:
    """List the catalogue, most recently updated first; `search`: those with all of the words."""
    query = select(Product).order_by(Product.updated_at.desc(), Product.id.desc())
    if search.strip():
        words = func.websearch_to_tsquery("english", search)
        query = query.where(Product.search.bool_op("@@")(words))
    found = (await reader.scalars(page.query(query))).all()
    return [ProductOut.model_validate(product) for product in page.cut(found)]


@router.get("/product/{product_id}/")
async def get_product(product_id: int, reader: Reader) -> ProductOut:
    """Return a product."""
    product = await reader.get(Product, product_id)
    if product is None:
        raise HTTPException(404, "There is no such product.")
    return ProductOut.model_validate(product)


@router.get("/order-item/")
async def list_lines(shopper: SignedIn, reader: Reader) -> list[LineOut]:
    """List the lines in one's cart."""
    lines = await reader.scalars(selling.cart_of(shopper.id))
    return [LineOut.of(line, shopper) for line in lines]


@router.post("/order-item/", status_code=201)
async def add_line(wish: LineIn, shopper: SignedIn, session: Session) -> LineOut:
    """Put a product into the cart."""
    product = await session.get(Product, wish.product_id)
    if product is None:
        raise HTTPException(404, "There is no such product.")
    line = await selling.add_to_cart(session, shopper.id, product, wish.quantity)
    await session.commit()
    return LineOut.of(line, shopper)


@router.get("/order/")
async def list_orders(shopper: SignedIn, reader: Reader, page: Paged) -> list[OrderOut]:
    """List one's orders, newest first."""
    with_products = joinedload(OrderItem.product, innerjoin=True)
    query = (
        select(Order)
        .where(Order.user_id == shopper.id)
        .order_by(Order.id.desc())
        .options(selectinload(Order.order_items).options(with_products))
    )
    found = (await reader.scalars(page.query(query))).all()
    return [OrderOut.of(order, order.order_items, shopper) for order in page.cut(found)]


@router.post("/order/", status_code=201)
async def place_order(wish: OrderIn, shopper: SignedIn, session: Session) -> OrderOut:
    """Order lines of one's cart."""
    order, lines = await selling.place_order(
        session, shopper.id, wish.delivery_address, wish.order_item_ids
    )
    await session.commit()
    return OrderOut.of(order, lines, shopper)


async def refuse(_: Request, error: Exception) -> JSONResponse:
    """Answer 400 for what breaks a rule, with each field's name."""
    assert isinstance(error, RequestValidationError)
    fields = {str(each["loc"][-1]): [each["msg"]] for each in error.errors()}
    return JSONResponse({"detail": f"Some fields are wrong: {', '.join(fields)}", **fields}, 400)


app = FastAPI(title="Peer")
app.include_router(router)
app.add_exception_handler(RequestValidationError, refuse)
