"""What AWS asks for: one dated table, with its sources, in ``prices.json``; a project may lay a newer one over it.

A price is named by its group and its own name, like ``nat.hour`` or ``ec2.g4dn.xlarge``. All are US dollars without
taxes, free tiers (which a whole account shares) and agreements (savings plans, reserved instances).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from thoth_infra.errors import ThothError, did_you_mean

PACKAGED = Path(__file__).with_name("prices.json")
# What `cost --refresh` writes, beside the environments: a table of the same form, which may hold fewer groups.
OVERLAY = Path("environments/_prices.json")
# A table that is older deserves a warning.
OLD_AFTER_DAYS = 180

Usd = Annotated[Decimal, Field(ge=0, lt=100_000, allow_inf_nan=False)]
Share = Annotated[Decimal, Field(ge=0, le=1, allow_inf_nan=False)]
Line = Annotated[str, Field(min_length=1, max_length=300)]


class _Part(BaseModel):
    # Built when they are first used: every command reads the packaged table, and few a project's own.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Group(_Part):
    """Prices of one service, that were published together."""

    as_of: date
    source: Line
    checked: Line
    """When and with what they were compared, or "no"."""
    per: Line | dict[str, Line]
    """What a price is for: one unit for all, or one for each name."""
    usd: Annotated[dict[str, Usd], Field(min_length=1)]

    def unit(self, name: str) -> str:
        """Return what the price ``name`` is for, like ``hour`` or ``1,000,000 requests``."""
        return self.per if isinstance(self.per, str) else self.per.get(name, "unit")


class Overlay(_Part):
    """The file that a project lays over the table: whole prices only, no discount."""

    region: Line
    groups: Annotated[dict[str, Group], Field(min_length=1)]


class Discount(_Part):
    """What a market that changes all the time takes off the fixed price: shares of it, from 0 to 1."""

    most: Share
    typical: Share
    least: Share
    as_of: date
    source: Line
    checked: Line


class Discounts(_Part):
    """The two spot markets."""

    spot: Discount
    fargate_spot: Discount


class Table(Overlay):
    """The packaged file."""

    currency: Annotated[str, Field(pattern="^USD$")]
    discounts: Discounts


@dataclass(frozen=True)
class Price:
    """One price, where it is from and of when."""

    key: str
    usd: Decimal
    per: str
    as_of: date
    source: str


@dataclass(frozen=True)
class Band:
    """What a spot market takes off the fixed price: shares of it, from 0 to 1, the lowest price first."""

    most: Decimal
    typical: Decimal
    least: Decimal


@dataclass(frozen=True)
class Prices:
    """Every price that an estimate needs."""

    region: str
    rows: Mapping[str, Price]
    spot: Band
    """Of EC2's on-demand price."""
    fargate_spot: Band
    """Of Fargate's price."""

    def usd(self, key: str) -> Decimal:
        """Return US dollars per the price's unit; ThothError when there is no such price."""
        return self.price(key).usd

    def price(self, key: str) -> Price:
        """Return the price with its unit, date and source; ThothError when there is no such price."""
        if key not in self.rows:
            group = key.partition(".")[0]
            known = [other for other in self.rows if other.startswith(f"{group}.")]
            raise ThothError(
                f"the price table knows no {key}", f"{did_you_mean(key, known)}; or add it to {OVERLAY.as_posix()}"
            )
        return self.rows[key]

    def hourly(self, instance_type: str) -> Decimal:
        """Return US dollars per hour of an EC2 instance, Linux on demand."""
        return self.usd(f"ec2.{instance_type}")

    @property
    def oldest(self) -> Price:
        """The price that was looked up longest ago."""
        return min(self.rows.values(), key=lambda price: (price.as_of, price.key))

    @property
    def newest(self) -> Price:
        """The price that was looked up last."""
        return max(self.rows.values(), key=lambda price: (price.as_of, price.key))

    def age_days(self, today: date) -> int:
        """Return the days since the oldest price was looked up."""
        return (today - self.oldest.as_of).days


def load(root: Path | None = None) -> Prices:
    """Return the packaged prices, with those of the project at ``root`` over them.

    ThothError when the project's file is no table of prices.
    """
    path = root / OVERLAY if root else None
    return _over(packaged(), path) if path is not None and path.is_file() else packaged()


@cache
def packaged() -> Prices:
    """Return the prices that came with this version."""
    # Not by way of the models, which take twenty times as long: a test holds the file against them.
    made = json.loads(PACKAGED.read_bytes())
    rows: dict[str, Price] = {}
    for name, group in made["groups"].items():
        when, per = date.fromisoformat(group["as_of"]), group["per"]
        for one, usd in group["usd"].items():
            key, unit = f"{name}.{one}", per if isinstance(per, str) else per[one]
            rows[key] = Price(key, Decimal(usd), unit, when, group["source"])
    return Prices(made["region"], rows, _band(made["discounts"]["spot"]), _band(made["discounts"]["fargate_spot"]))


def _band(made: Mapping[str, str]) -> Band:
    return Band(Decimal(made["most"]), Decimal(made["typical"]), Decimal(made["least"]))


def _over(base: Prices, path: Path) -> Prices:
    overlay = overlay_of(path)
    if overlay.region != base.region:
        raise ThothError(
            f"{path}: the prices are those of {overlay.region}, not {base.region}",
            "delete it, and run `thoth-infra cost --refresh`",
        )
    return replace(base, rows={**base.rows, **_rows(overlay.groups)})


def overlay_of(path: Path) -> Overlay:
    """Return a project's file; ThothError when it is no table of prices."""
    try:
        return Overlay.model_validate_json(path.read_bytes())
    except (ValidationError, ValueError) as error:
        first = _first(error)
        raise ThothError(f"{path} is no table of prices: {first}", "delete it, or mend it by hand") from error


def _first(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, found['loc']))}: {found['msg']}".removeprefix(": ")
    return str(error)


def _rows(groups: Mapping[str, Group]) -> dict[str, Price]:
    return {
        f"{group}.{name}": Price(f"{group}.{name}", usd, rows.unit(name), rows.as_of, rows.source)
        for group, rows in groups.items()
        for name, usd in rows.usd.items()
    }


def text(overlay: Overlay) -> str:
    """Return the file's text; prices as decimals in quotes, so that none is rounded."""
    made: dict[str, Any] = overlay.model_dump(mode="json")
    return json.dumps(made, indent=2) + "\n"
