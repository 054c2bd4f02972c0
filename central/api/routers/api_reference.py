"""The description of the API as a page, which loads nothing from elsewhere."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.api.contract import operations
from central.dashboard.page import pages_of

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def show_reference(request: Request) -> Response:
    """Show what can be asked, by what it is about, with fields and answers."""
    document = request.app.openapi()
    by_tag: dict[str, list[dict[str, Any]]] = {}
    for path, method, operation in operations(document):
        shown = {"path": path, "method": method.upper(), **operation}
        by_tag.setdefault(operation.get("tags", ["other"])[0], []).append(shown)
    return pages_of(request).render(
        request,
        "api_reference.html",
        by_tag=by_tag,
        schemas=document["components"]["schemas"],
        release=document["info"]["x-release"],
        type_of=type_of,
    )


def type_of(schema: dict[str, Any]) -> str:
    """A schema in a few words, such as `list of BillOut` or `date or null`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for union in ("anyOf", "oneOf", "allOf"):
        if union in schema:
            return " or ".join(map(type_of, schema[union]))
    if schema.get("type") == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    return str(schema.get("format") or schema.get("type") or "anything")
