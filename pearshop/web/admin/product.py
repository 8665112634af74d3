"""Products: the list, and one at a time."""

import asyncio
from collections.abc import Mapping

from starlette.responses import Response
from starlette.routing import Route

from pearshop.client.problem import fields_of
from pearshop.client.product import Found, Product, Seen
from pearshop.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Overtaken,
    Refused,
    Unauthenticated,
)
from pearshop.web.admin import forms, image, product_filter, product_form
from pearshop.web.admin.crossing import changed, differences
from pearshop.web.admin.desk import Desk, for_staff
from pearshop.web.admin.forms import Form
from pearshop.web.admin.product_form import LABELS, ProductForm, texts_of
from pearshop.web.admin.trail import Trail

PAGE = 50
QUICK = ("price", "stock")
"""What can be changed in the list."""
ORDERINGS = {
    "": "Lately changed first",
    "newest": "Newest first",
    "name": "Name, A to Z",
    "-name": "Name, Z to A",
    "price": "Price, lowest first",
    "-price": "Price, highest first",
}


async def show_list(desk: Desk) -> Response:
    """List, search, filter and sort products."""
    query = forms.query(desk.request)
    wanted = product_filter.read(desk, query)
    filters, problems = wanted.texts, wanted.problems
    trail = Trail.of(query)
    listing = desk.client.products.list(
        **wanted.members, ordering=wanted.ordering, limit=PAGE, cursor=trail.cursor
    )
    found, categories = await asyncio.gather(listing, desk.office.categories(desk.client))
    return desk.page(
        "products.html",
        found=found if not problems else Found([]),
        categories=categories,
        filters=filters,
        problems=problems,
        orderings=ORDERINGS,
        trail=trail,
        next=trail.next(filters, found.next),
        previous=trail.previous(filters),
    )


async def show_new(desk: Desk) -> Response:
    """Show the form of a product that is to be."""
    return await _form(desk, product_form.blank(), None)


async def create(desk: Desk) -> Response:
    """Put a product on sale."""
    sent, picture = await forms.read_with_file(desk.request, image.FIELD)
    form = product_form.read(sent, desk.money)
    if picture:
        await _keep(desk, form, picture)
    if not form.problems:
        try:
            made = await desk.client.products.create(form.members)
        except (Invalid, Conflict) as error:
            _blame(form, error)
        else:
            return desk.go(f"/product/{made.id}", f"{made.name} is on sale.")
    return await _form(desk, form, None, status=400)


async def _keep(desk: Desk, form: ProductForm, picture: bytes) -> None:
    """Have the shop keep the image first: what else is wrong is mended without choosing it anew."""
    try:
        kept = await image.keep(desk, picture)
    except (Unauthenticated, Forbidden):
        raise
    except Refused as error:
        form.problems[image.FIELD] = error.detail
    else:
        form.texts["image"] = form.members["image"] = kept
        form.problems.pop("image", None)


async def show(desk: Desk) -> Response:
    """Show a product's form."""
    seen = await desk.client.products.get(_id(desk))
    return await _form(desk, ProductForm(texts_of(seen.product, desk.money)), seen)


async def change(desk: Desk) -> Response:
    """Save what was typed, unless somebody else saved first."""
    sent = await forms.read(desk.request)
    before = {name: sent[f"was_{name}"] for name in LABELS}
    form = product_form.read(_chosen(sent), desk.money)
    if form.problems:
        seen = await desk.client.products.get(_id(desk))
        return await _form(desk, form, seen, status=400, before=before, tag=sent["tag"])
    wanted = changed(before, form.texts)
    if not wanted:
        return desk.go(f"/product/{_id(desk)}", "Nothing was changed, so nothing was saved.")
    members = {name: form.members[name] for name in wanted}
    try:
        saved = await desk.client.products.change(_id(desk), members, sent["tag"])
    except (Overtaken, NotFound):
        return await _crossed(desk, form, before)
    except (Invalid, Conflict) as error:
        _blame(form, error)
        seen = await desk.client.products.get(_id(desk))
        return await _form(desk, form, seen, status=400, before=before, tag=sent["tag"])
    return desk.go(f"/product/{_id(desk)}", f"{saved.product.name} is saved.")


def _chosen(sent: Form) -> Form:
    """Return the form with theirs in the fields where theirs was chosen."""
    pairs = [
        (name, sent[f"theirs_{name}"] if sent[f"take_{name}"] == "theirs" else sent[name])
        for name in LABELS
    ]
    return Form(pairs)


async def _crossed(desk: Desk, form: ProductForm, before: Mapping[str, str]) -> Response:
    """Show both versions, and have theirs or mine chosen field by field."""
    seen, log = await asyncio.gather(
        desk.client.products.get(_id(desk)),
        desk.client.audit.list(subject="product", subject_id=_id(desk), limit=1),
    )
    theirs = texts_of(seen.product, desk.money)
    return desk.page(
        "product_crossed.html",
        status=409,
        product=seen.product,
        tag=seen.tag,
        texts=form.texts,
        theirs=theirs,
        differences=differences(before, form.texts, theirs),
        labels=LABELS,
        last=log.items[0] if log.items else None,
    )


async def hide(desk: Desk) -> Response:
    """Take a product off sale."""
    return await _set_hidden(desk, hidden=True)


async def restore(desk: Desk) -> Response:
    """Put a product on sale again."""
    return await _set_hidden(desk, hidden=False)


async def _set_hidden(desk: Desk, *, hidden: bool) -> Response:
    try:
        saved = await desk.client.products.change(_id(desk), {"hidden": hidden})
    except NotFound:  # hidden already, if it is there at all
        saved = await desk.client.products.get(_id(desk))
    state = "off sale. Past orders keep it" if hidden else "on sale again"
    return desk.go(f"/product/{_id(desk)}", f"{saved.product.name} is {state}.")


async def change_quickly(desk: Desk) -> Response:
    """Save a price and a stock that were typed in the list."""
    sent = await forms.read(desk.request)
    form = product_form.read(sent, desk.money, QUICK)
    seen = await desk.client.products.get(_id(desk))
    now = texts_of(seen.product, desk.money)
    before = {name: sent[f"was_{name}"] for name in QUICK}
    wanted = changed(before, form.texts)
    crossed = {
        each.name: each.theirs
        for each in differences(before, form.texts, {name: now[name] for name in QUICK})
        if each.name in wanted and each.theirs != before[each.name]
    }
    problem = ""
    if not form.problems and not crossed and wanted:
        members = {name: form.members[name] for name in wanted}
        try:
            seen = await desk.client.products.change(_id(desk), members, seen.tag)
        except Overtaken:
            problem = "It was changed this very moment: save again."
        except (Invalid, Conflict, NotFound) as error:
            problem = error.detail
        else:
            return _saved_quickly(desk, seen)
    if not wanted:
        return _saved_quickly(desk, seen)
    return _row(desk, seen.product, form, crossed, problem)


def _saved_quickly(desk: Desk, seen: Seen) -> Response:
    product = seen.product
    stock = "not counted" if product.stock is None else f"{product.stock:,}"
    said = f"{product.name}: price {desk.money.show(product.price)}, stock {stock}. Saved."
    if desk.wants_part:
        return desk.page("product_row.html", product=product, said_now=said, form=None)
    return desk.back("/product/", said)


def _row(
    desk: Desk, product: Product, form: ProductForm, crossed: Mapping[str, str], problem: str
) -> Response:
    """Return the row with what is wrong in it; where no script is, the product's own page."""
    words = [problem, *form.problems.values()]
    words += [
        f"Somebody else has set the {name} to {theirs or 'not counted'} meanwhile."
        for name, theirs in crossed.items()
    ]
    said = " ".join(filter(None, words))
    if desk.wants_part:
        return desk.page(
            "product_row.html",
            status=409 if crossed else 400,
            product=product,
            said_now=f"{product.name} is not saved. {said}",
            form=form,
            crossed=crossed,
            problem=problem,
        )
    return desk.go(f"/product/{product.id}", f"Not saved. {said}", good=False)


def _blame(form: ProductForm, error: Refused) -> None:
    """Put what the shop says beside the fields that it names."""
    named = fields_of(error)
    form.problems |= {name: f"This {said}" for name, said in named.items() if name in LABELS}
    if error.code == "sku_taken":
        form.problems["sku"] = error.detail
    if not form.problems:
        form.problems["name"] = error.detail


async def _form(
    desk: Desk,
    form: ProductForm,
    seen: Seen | None,
    *,
    status: int = 200,
    before: Mapping[str, str] | None = None,
    tag: str = "",
) -> Response:
    categories = await desk.office.categories(desk.client)
    return desk.page(
        "product.html",
        status=status,
        product=seen.product if seen else None,
        tag=tag or (seen.tag if seen else ""),
        form=form,
        before=before or form.texts,
        labels=LABELS,
        longest=product_form.LONGEST,
        categories=categories,
    )


def _id(desk: Desk) -> int:
    found: int = desk.request.path_params["id"]
    return found


routes = [
    Route("/product/", for_staff(show_list), methods=["GET"]),
    Route("/product/new", for_staff(show_new), methods=["GET"]),
    Route("/product/new", for_staff(create), methods=["POST"]),
    Route("/product/{id:int}", for_staff(show), methods=["GET"]),
    Route("/product/{id:int}", for_staff(change), methods=["POST"]),
    Route("/product/{id:int}/hide", for_staff(hide), methods=["POST"]),
    Route("/product/{id:int}/restore", for_staff(restore), methods=["POST"]),
    Route("/product/{id:int}/quick", for_staff(change_quickly), methods=["POST"]),
]
