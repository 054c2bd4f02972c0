"""Findings that no rule raises: what validation and estimation have to say about a day."""

from __future__ import annotations

from central.domain.vee.finding import ClerkText, FindingKind, Severity, VeeCode

UNREADABLE_DAY = FindingKind(
    code=VeeCode("UNREADABLE_DAY"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "the day cannot be computed: a value does not fit into 64 bits, or intervals do not fill"
        " the day",
        "el día no se puede calcular: un valor no cabe en 64 bits, o los intervalos no llenan el"
        " día",
    ),
)
VALIDATION_FAILED = FindingKind(
    code=VeeCode("VALIDATION_FAILED"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "an unexpected error, given in the evidence; the day waits to be closed",
        "un error inesperado, indicado en la evidencia; el día espera a ser cerrado",
    ),
)
ESTIMATED_GAP = FindingKind(
    code=VeeCode("ESTIMATED_GAP"),
    severity=Severity.WARNING,
    text=ClerkText(
        "a day of a held bill was estimated after its window, with the evidence",
        "un día de una factura retenida se estimó tras su plazo, con la evidencia",
    ),
)
FIELD_ORDER = FindingKind(
    code=VeeCode("FIELD_ORDER"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "a held bill is past its window and is not estimated: nothing to go by, or as many bills"
        " in a row as allowed were estimated already; read the meter on site",
        "una factura retenida ha superado su plazo y no se estima: no hay datos en que basarse, o"
        " ya se estimaron tantas facturas seguidas como se permite; lea el contador en el sitio",
    ),
)
STORM_MODE = FindingKind(
    code=VeeCode("STORM_MODE"),
    severity=Severity.INFO,
    text=ClerkText(
        "rules were suspended for a group of points during a storm; the evidence names them and"
        " what they found",
        "se suspendieron reglas para un grupo de puntos durante un temporal; la evidencia las"
        " nombra, con lo que encontraron",
    ),
)
EDITED_DAY = FindingKind(
    code=VeeCode("EDITED_DAY"),
    severity=Severity.INFO,
    text=ClerkText(
        "a person decided what a day says, whatever its readings say; the evidence has the reason",
        "una persona decidió lo que dice un día, digan lo que digan sus lecturas; la evidencia"
        " tiene el motivo",
    ),
)
EDIT_OVERTAKEN = FindingKind(
    code=VeeCode("EDIT_OVERTAKEN"),
    severity=Severity.CRITICAL,
    text=ClerkText(
        "readings under a day that a person decided have changed since: accept it as it is, decide"
        " it anew, or restore what its readings say",
        "las lecturas de un día que decidió una persona han cambiado desde entonces: acéptelo como"
        " está, decídalo de nuevo o restaure lo que dicen sus lecturas",
    ),
)

NOTICES = (
    UNREADABLE_DAY,
    VALIDATION_FAILED,
    ESTIMATED_GAP,
    FIELD_ORDER,
    STORM_MODE,
    EDITED_DAY,
    EDIT_OVERTAKEN,
)
