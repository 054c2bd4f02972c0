"""Import a customer book: all of it or nothing, and twice is once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from central.service.ports.registry import RegistryStore
from central.service.registry.customer_file import Book
from central.service.registry.register import Effect, Enrol


async def import_book(
    store: RegistryStore, enrol: Enrol, book: Book, tariffs: Sequence[tuple[str, str]]
) -> Counter[tuple[str, Effect]]:
    """Bring the books to what a book says.

    Args:
        store: Where the books are kept.
        enrol: The use-cases, with the actor.
        book: What to import; what it does not name stays.
        tariffs: File name and text of its tariffs.

    Returns:
        How many of each kind were added, changed or left as they were.

    Raises:
        InvalidValueError: A value of the book cannot be.
        RegistryConflictError: It contradicts what is there; nothing was imported.
        NotRegisteredError: It names something that is nowhere; nothing was imported.
        TariffRefusedError: A tariff is refused; nothing was imported.
    """
    done: Counter[tuple[str, Effect]] = Counter()
    async with store.transaction() as books:
        if book.seller is not None:
            done["seller", await enrol.seller_in(books, book.seller.party())] += 1
        for file, text in tariffs:
            done["tariff", await enrol.tariff_in(books, text, file)] += 1
        for point in book.service_points:
            channels = tuple(channel.record() for channel in point.channels)
            effect = await enrol.point_in(books, point.record(), channels)
            done["service point", effect] += 1
            for meter in point.meters:
                record = meter.record(point.name, point.zone)
                done["meter", await enrol.installation_in(books, record)] += 1
        for account in book.accounts:
            done["account", await enrol.account_in(books, account.record())] += 1
            for agreement in account.agreements:
                record_ = agreement.record(account.number)
                done["agreement", await enrol.agreement_in(books, record_)] += 1
    return done
