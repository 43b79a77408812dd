"""Protected brands and the pictures that they are known by."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import Connection

from soc_copilot.domain.brand import (
    MAX_REFERENCES,
    Brand,
    BrandReference,
    check_picture,
    checked_domains,
    checked_name,
)
from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import PolicyError
from soc_copilot.domain.governance import Actor
from soc_copilot.governance.chain import Entry
from soc_copilot.governance.schema import BrandModel, BrandReferenceModel
from soc_copilot.governance.session import Session, WriteTransaction

MAX_BRANDS = 1_000  # chosen: every page is compared with the pictures of all of them

_BRAND = BrandModel.__table__.c
_REFERENCE = BrandReferenceModel.__table__.c


class BrandStore:
    """The brands that pages are compared with; every change is audited."""

    def __init__(self, session: Session, actor: Actor, clock: Clock = SYSTEM_CLOCK) -> None:
        self._session = session
        self._actor = actor
        self._clock = clock

    def all(self) -> tuple[Brand, ...]:
        """Every brand, by name."""
        with self._session.read() as connection:
            return _brands(connection)

    def add(self, name: str, domains: Iterable[str]) -> Brand:
        """Add a brand; it has no pictures yet.

        Raises:
            PolicyError: The name or a domain is not allowed, there is a brand of this name, or
                there are very many.
        """
        new, own = checked_name(name), checked_domains(domains)
        with self._session.write(self._actor) as tx:
            known = _brands(tx.connection)
            _refuse_same_name(known, new, None)
            if len(known) >= MAX_BRANDS:
                raise PolicyError(f"There are at most {MAX_BRANDS} brands. Remove one first.")
            added = tx.connection.execute(
                insert(BrandModel).values(name=new, domains=json.dumps(own), added_us=tx.now_us)
            )
            brand_id = int(added.inserted_primary_key[0])  # type: ignore[index]  # an insert has one
            tx.audit(Entry("brand.added", f"brand {brand_id}", None, _told(new, own)))
        return Brand(brand_id, new, own, 0)

    def change(self, brand_id: int, name: str, domains: Iterable[str]) -> Brand:
        """Give a brand another name or other domains.

        Raises:
            PolicyError: There is none with this id, or as for `add`.
        """
        new, own = checked_name(name), checked_domains(domains)
        with self._session.write(self._actor) as tx:
            known = _brands(tx.connection)
            old = _one(known, brand_id)
            _refuse_same_name(known, new, brand_id)
            if (old.name, old.domains) != (new, own):
                tx.connection.execute(
                    update(BrandModel)
                    .where(_BRAND.id == brand_id)
                    .values(name=new, domains=json.dumps(own))
                )
                told = _told(old.name, old.domains), _told(new, own)
                tx.audit(Entry("brand.changed", f"brand {brand_id}", *told))
        return Brand(brand_id, new, own, old.n_references)

    def remove(self, brand_id: int) -> None:
        """Remove a brand and its pictures.

        Raises:
            PolicyError: There is none with this id.
        """

        def act(tx: WriteTransaction) -> None:
            old = _one(_brands(tx.connection), brand_id)
            tx.connection.execute(
                delete(BrandReferenceModel).where(_REFERENCE.brand_id == brand_id)
            )
            tx.connection.execute(delete(BrandModel).where(_BRAND.id == brand_id))
            told = _told(old.name, old.domains, references=old.n_references)
            tx.audit(Entry("brand.removed", f"brand {brand_id}", told, None))

        self._session.change(self._actor, act)

    def references(self, brand_id: int) -> tuple[BrandReference, ...]:
        """A brand's pictures, in the order added; none for a brand that is not there."""
        query = select(*_REFERENCE).where(_REFERENCE.brand_id == brand_id).order_by(_REFERENCE.id)
        with self._session.read() as connection:
            return tuple(_reference(row) for row in connection.execute(query))

    def add_reference(self, brand_id: int, png: bytes, embedding: bytes) -> BrandReference:
        """Add a picture that a brand is known by.

        Args:
            brand_id: Whose it is.
            png: Small; at most `MAX_PNG_BYTES`.
            embedding: What the model made of it; at most `MAX_EMBEDDING_BYTES`.

        Raises:
            PolicyError: There is no such brand, it has very many pictures, or this is none.
        """
        check_picture(png, embedding)
        at_ns = self._clock.now_ns()
        with self._session.write(self._actor) as tx:
            brand = _one(_brands(tx.connection), brand_id)
            if brand.n_references >= MAX_REFERENCES:
                raise PolicyError(f"A brand has at most {MAX_REFERENCES} pictures.")
            values = {"brand_id": brand_id, "png": png, "embedding": embedding, "added_ns": at_ns}
            added = tx.connection.execute(insert(BrandReferenceModel).values(**values))
            reference_id = int(added.inserted_primary_key[0])  # type: ignore[index]  # as above
            tx.audit(
                Entry(
                    "brand.reference_added", f"brand {brand_id}", None, _picture(reference_id, png)
                )
            )
        return BrandReference(reference_id, brand_id, png, embedding, at_ns)

    def remove_reference(self, reference_id: int) -> None:
        """Remove a picture.

        Raises:
            PolicyError: There is none with this id.
        """

        def act(tx: WriteTransaction) -> None:
            chosen = _REFERENCE.id == reference_id
            row = tx.connection.execute(select(*_REFERENCE).where(chosen)).first()
            if row is None:
                raise PolicyError(f"There is no reference picture {reference_id}.")
            tx.connection.execute(delete(BrandReferenceModel).where(chosen))
            told = _picture(reference_id, row.png)
            tx.audit(Entry("brand.reference_removed", f"brand {row.brand_id}", told, None))

        self._session.change(self._actor, act)

    def revision(self) -> str:
        """A word that is another one after any change; cheap, reads no picture."""
        brands = select(_BRAND.id, _BRAND.name, _BRAND.domains).order_by(_BRAND.id)
        pictures = select(_REFERENCE.id, _REFERENCE.brand_id, _REFERENCE.added_ns)
        with self._session.read() as connection:
            rows = [
                [list(row) for row in connection.execute(query)]
                for query in (brands, pictures.order_by(_REFERENCE.id))
            ]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


def _brands(connection: Connection) -> tuple[Brand, ...]:
    counts = (
        select(_REFERENCE.brand_id, func.count().label("n"))
        .group_by(_REFERENCE.brand_id)
        .subquery()
    )
    query = select(_BRAND.id, _BRAND.name, _BRAND.domains, counts.c.n)
    rows = connection.execute(query.outerjoin(counts, counts.c.brand_id == _BRAND.id))
    found = [Brand(row.id, row.name, tuple(json.loads(row.domains)), row.n or 0) for row in rows]
    return tuple(sorted(found, key=lambda brand: (brand.name.casefold(), brand.id)))


def _one(brands: Iterable[Brand], brand_id: int) -> Brand:
    found = next((brand for brand in brands if brand.id == brand_id), None)
    if found is None:
        raise PolicyError(f"There is no brand {brand_id}.")
    return found


def _refuse_same_name(brands: Iterable[Brand], name: str, but: int | None) -> None:
    if any(brand.name.casefold() == name.casefold() and brand.id != but for brand in brands):
        raise PolicyError(f'There is a brand "{name}" already.')


def _reference(row: Any) -> BrandReference:
    return BrandReference(row.id, row.brand_id, row.png, row.embedding, row.added_ns)


def _told(name: str, domains: Iterable[str], **more: int) -> str:
    return json.dumps({"name": name, "domains": list(domains), **more}, ensure_ascii=False)


def _picture(reference_id: int, png: bytes) -> str:
    return json.dumps({"reference": reference_id, "sha256": hashlib.sha256(png).hexdigest()})
