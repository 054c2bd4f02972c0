"""Write a version of a tariff: check it, see what it would do, try it, publish it."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from central.dashboard.form import FieldRefusedError, SentForm
from central.dashboard.page import asked, back_to, pages_of, presenter_of
from central.dashboard.pages.tariff_trials import NAME_MAX, WHOM, shown_trial, usual_month
from central.dashboard.tariff_terms import terms_of
from central.dashboard.tariff_week import draw_weeks
from central.domain.tariff.load.document import load_tariff
from central.domain.tariff.refusal import TariffRefusedError
from central.service.rating.tariff_library import library_names, library_text
from central.service.registry.preview_tariff import TariffPreview, preview_tariff
from central.service.registry.show_tariffs import ShowTariffs, chosen

router = APIRouter(include_in_schema=False)
TEXT_MAX = 200_000
_AROUND = 2
_FIELDS = (*WHOM, "first", "last")


class NotCheckedError(FieldRefusedError):
    """What is to be published is not what was checked, or nobody confirmed it."""

    code = "TARIFF_NOT_CHECKED"
    default_remedy = "Go back, check the document, read what it would do, and confirm it."


@router.get("/tariff-editor")
async def editor(request: Request) -> Response:
    """Begin with a version of a tariff, with a tariff of the library, or with nothing."""
    services = pages_of(request).services
    library, tariff = asked(request, "library", NAME_MAX), asked(request, "tariff", NAME_MAX)
    text = ""
    if library:
        text = library_text(library)
    elif tariff:
        history = await ShowTariffs(services.registry).history(tariff)
        today = services.clock().date()
        text = chosen(history, asked(request, "version"), today).record.document
    return _page(request, text, dict.fromkeys(_FIELDS, ""))


@router.post("/tariff-editor/check")
async def check(request: Request) -> Response:
    """Check a document: its faults with their lines, or what publishing it would do."""
    form = await SentForm.of(request)
    text, given = _text(form), _given(form)
    try:
        preview = await preview_tariff(pages_of(request).services.registry, text)
    except TariffRefusedError as error:
        return _page(request, text, given, refused=error, excerpts=_excerpts(text, error))
    return _page(request, text, given, **_shown(request, preview))


@router.post("/tariff-editor/try")
async def try_draft(request: Request) -> Response:
    """Try a document on real use."""
    form = await SentForm.of(request)
    text, given = _text(form), _given(form)
    try:
        document = load_tariff(text, file="tariff")
    except TariffRefusedError as error:
        return _page(request, text, given, refused=error, excerpts=_excerpts(text, error))
    trial = await shown_trial(request, document, given, form.optional("as", "Form"))
    if isinstance(trial, Response):
        return trial
    preview = await preview_tariff(pages_of(request).services.registry, text)
    return _page(request, text, given, trial=trial, **_shown(request, preview))


@router.post("/tariff-editor/publish")
async def publish(request: Request) -> Response:
    """Add the version, or correct the one of its date; only what was checked, and confirmed."""
    form = await SentForm.of(request)
    text = _text(form)
    services = pages_of(request).services
    preview = await preview_tariff(services.registry, text)
    if form.optional("checked", "Checked") != preview.record.sha256:
        message = "The document is not the one that was checked."
        raise NotCheckedError(message, value=preview.record.sha256)
    if not form.has("confirmed"):
        message = "Nobody confirmed what the document would do."
        raise NotCheckedError(message)
    reason = form.text("reason", "Reason") if preview.corrects is not None else None
    await services.enrol(request.state.actor).tariff(text, reason=reason)
    record = preview.record
    version = record.effective.isoformat()
    return back_to(f"/tariffs/{quote(record.name, safe='')}?version={version}")


def _text(form: SentForm) -> str:
    return form.document("text", "Document", TEXT_MAX)


def _given(form: SentForm) -> dict[str, str]:
    return {name: form.optional(name, name, NAME_MAX) for name in _FIELDS}


def _shown(request: Request, preview: TariffPreview) -> dict[str, object]:
    presenter = presenter_of(request)
    return {
        "preview": preview,
        "weeks": draw_weeks(preview.document, presenter),
        "terms": terms_of(preview.document, presenter),
    }


def _excerpts(text: str, error: TariffRefusedError) -> list[list[tuple[int, str, bool]]]:
    """For each fault its line and those around it: number, text, and whether it is the line."""
    lines = text.splitlines()
    return [
        [
            (number, lines[number - 1], number == fault.line)
            for number in range(fault.line - _AROUND, fault.line + _AROUND + 1)
            if 0 < number <= len(lines)
        ]
        for fault in error.findings
    ]


def _page(request: Request, text: str, given: dict[str, str], **values: object) -> Response:
    usual = {
        "preview": None,
        "refused": None,
        "excerpts": (),
        "trial": None,
        "weeks": (),
        "terms": (),
    }
    return pages_of(request).render(
        request,
        "tariff_editor.html",
        text=text,
        given=given,
        usual=usual_month(request),
        library=library_names(),
        **{**usual, **values},  # type: ignore[arg-type]
    )
