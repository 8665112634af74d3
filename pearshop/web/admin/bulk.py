"""Several products at once: what is to change, what would, and then the change."""

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from pearshop.client.bulk import Bulk
from pearshop.client.problem import fields_of
from pearshop.errors import Forbidden, Invalid, Overtaken
from pearshop.web.admin import bulk_form, forms, product_filter
from pearshop.web.admin.audit import changes
from pearshop.web.admin.bulk_form import AWAY, LABELS, MEMBERS, BulkForm
from pearshop.web.admin.desk import Desk, for_staff
from pearshop.web.admin.forms import Form, Words

OVERTAKEN = (
    "Somebody changed some of these products meanwhile, so nothing was done. This is how it \
would be now: look at it again."
)


async def show(desk: Desk) -> Response:
    """Ask what is to change of the chosen products."""
    if not desk.may("editor"):
        raise Forbidden("An editor can change products; your role is to look.")
    query = forms.query(desk.request)
    if query["which"] != "all" and not query.identities("id"):
        said = "Tick the products first that you mean, or choose all that the filter finds."
        return desk.back("/product/", said, good=False)
    return _page(desk, query, BulkForm(Words()))


async def change(desk: Desk) -> Response:
    """Show what would change; once that was seen, change it."""
    sent = await forms.read(desk.request)
    form = bulk_form.read(sent, desk.money)
    if form.problems:
        return _page(desk, sent, form, status=400)
    wish = _chosen(desk, sent) | form.members
    try:
        if not sent["version"]:
            return _page(desk, sent, form, await desk.client.bulks.preview(wish))
        done = await desk.client.bulks.change(wish, sent["version"])
    except Overtaken:
        preview = await desk.client.bulks.preview(wish)
        return _page(desk, sent, form, preview, problem=OVERTAKEN, status=409)
    except Invalid as error:
        named = {MEMBERS[name]: said for name, said in fields_of(error).items() if name in MEMBERS}
        form.problems |= named
        return _page(desk, sent, form, problem="" if named else error.detail, status=400)
    said = f"{done.changed:,} {'product is' if done.changed == 1 else 'products are'} changed."
    filters: dict[str, Any] = product_filter.read(desk, sent).texts
    return desk.go("/product/", said, **filters)


def _chosen(desk: Desk, sent: Form) -> dict[str, Any]:
    """Return the members that tell which products are meant. Raises `Invalid`."""
    if sent["which"] != "all":
        return {"ids": sent.identities("id")}
    found = product_filter.read(desk, sent)
    if found.problems:
        raise Invalid("Mend the filter in the list of products first.")
    members = dict(found.members)
    members["in_category"] = members.pop("category")
    members["off_sale"] = members.pop("hidden") is True
    return members


def _page(
    desk: Desk,
    sent: Form,
    form: BulkForm,
    preview: Bulk | None = None,
    *,
    problem: str = "",
    status: int = 200,
) -> Response:
    edits = preview.edits if preview else []
    return desk.page(
        "bulk.html",
        status=status,
        ids=sent.identities("id") if sent["which"] != "all" else [],
        filters=product_filter.read(desk, sent).texts,
        form=form,
        labels=LABELS,
        away=AWAY,
        preview=preview,
        edits=[(each, changes(desk, each.before, each.after)) for each in edits],
        problem=problem,
    )


routes = [
    Route("/product/bulk", for_staff(show), methods=["GET"]),
    Route("/product/bulk", for_staff(change), methods=["POST"]),
]
