"""What stands in an emulated account: listed before the first apply and after the destroy, and compared.

Terraform's own word that it destroyed everything only covers what is in its state. What a create that failed half-way,
a forgotten `force_destroy` or AWS itself left behind is seen only by asking the account.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jmespath  # type: ignore[import-untyped]  # boto3's own query language

from thoth_infra.emulator.access import Emulator
from thoth_infra.emulator.listings import LISTINGS, Listing, Parent
from thoth_infra.errors import EngineError


class Item(NamedTuple):
    """One thing in an account: ``kind`` in words, ``id`` as AWS lists it."""

    account: str
    kind: str
    id: str


class Reason(NamedTuple):
    """Why things of one ``kind`` whose id starts with ``start`` may stay after a destroy."""

    kind: str
    why: str
    start: str = ""

    def covers(self, item: Item) -> bool:
        """Whether ``item`` stays for this reason."""
        return item.kind == self.kind and item.id.startswith(self.start)


@dataclass(frozen=True)
class Kept:
    """What stays by design: how many of one kind, and why."""

    kind: str
    count: int
    why: str


@dataclass(frozen=True)
class Leftovers:
    """What a destroy left: by mistake, and by design."""

    forgotten: tuple[Item, ...] = ()
    kept: tuple[Kept, ...] = ()


def by_design(bucket: str, key: str) -> tuple[Reason, ...]:
    """Return what may stay of an environment whose state is ``key`` in ``bucket``."""
    state = "the bucket is versioned, so that an earlier state can be restored"
    return (
        Reason("task definition", "skip_destroy: a rollback starts an earlier revision"),
        Reason("S3 object", "Terraform's own state, empty after a destroy", f"{bucket}/{key}@"),
        Reason("S3 object version", state, f"{bucket}/{key}@"),
        Reason("S3 object version", "earlier state locks; the bucket is versioned", f"{bucket}/{key}.tflock@"),
        Reason("S3 delete marker", "the last state lock, released; the bucket is versioned", f"{bucket}/{key}.tflock@"),
    )


def compare(before: Iterable[Item], after: Iterable[Item], reasons: Iterable[Reason] = ()) -> Leftovers:
    """Return what is there ``after`` and was not ``before``, apart from what stays for one of ``reasons``."""
    new = set(after) - set(before)
    kept: list[Kept] = []
    for reason in reasons:
        covered = {item for item in new if reason.covers(item)}
        new -= covered
        if covered:
            kept.append(Kept(reason.kind, len(covered), reason.why))
    return Leftovers(tuple(sorted(new)), tuple(kept))


class Surveyor:
    """Lists what stands in ``accounts`` of an emulator, in one region. Its clients are made once."""

    def __init__(self, emulator: Emulator, accounts: Iterable[str], region: str) -> None:
        self._emulator = emulator
        self._accounts = tuple(dict.fromkeys(accounts))
        self._region = region
        self._clients: dict[tuple[str, str], Any] = {}

    def survey(self, listings: Iterable[Listing] = LISTINGS) -> frozenset[Item]:
        """Ask every account for everything in ``listings``.

        Raises EngineError, which names the listing, when the emulator can't answer it.
        """
        asked = tuple(listings)
        return frozenset(
            Item(account, listing.kind, found)
            for account in self._accounts
            for listing in asked
            for found in self._ids(account, listing)
        )

    def _ids(self, account: str, listing: Listing) -> Iterator[str]:
        for parameters in self._each_parent(account, listing.parent):
            fixed = {name: account if value == "ACCOUNT" else value for name, value in listing.parameters.items()}
            found = self._call(account, listing.service, listing.operation, {**fixed, **parameters}, listing.ids)
            yield from ("/".join(dict.fromkeys([*parameters.values(), str(each)])) for each in found)

    def _each_parent(self, account: str, parent: Parent | None) -> Iterator[dict[str, str]]:
        if parent is None:
            yield {}
            return
        for found in self._call(account, parent.service, parent.operation, {}, parent.ids):
            yield {parent.parameter: str(found)}

    def _call(self, account: str, service: str, operation: str, parameters: Mapping[str, Any], ids: str) -> list[Any]:
        from botocore.exceptions import ClientError

        client = self._client(account, service)
        try:
            if client.can_paginate(operation):
                pages: Iterable[Any] = client.get_paginator(operation).paginate(**parameters)
            else:
                pages = [getattr(client, operation)(**parameters)]
            return [found for page in pages for found in jmespath.search(ids, page) or ()]
        except ClientError as error:
            raise EngineError(
                f"the emulator can't list what stands in account {account}: {service} {operation}: {error}",
                "teach it that operation, in thoth_infra/emulator/patches",
            ) from error

    def _client(self, account: str, service: str) -> Any:
        place = (account, service)
        if place not in self._clients:
            self._clients[place] = self._emulator.client(service, account_id=account, region=self._region)
        return self._clients[place]
