"""AWS's price list: what the API says of each product that the price table can have from it.

Not everything: spot prices are no list prices, and what AWS lists under names that we could not check stays as the
packaged table has it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from thoth_infra.aws.clients import explained
from thoth_infra.config.prices import Group, Overlay, Prices
from thoth_infra.errors import ThothError

# The price list API answers in a few regions only, about all of them.
REGION: Final = "us-east-1"
SOURCE: Final = "AWS price list API"
# A price that moved by more is more likely another product's.
LIKELY: Final = Decimal(5)

_EC2 = {"operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA", "capacitystatus": "Used"}
# By our own names; usage types as us-east-1 has them.
_PRODUCTS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "fargate.vcpu": ("AmazonECS", {"usagetype": "USE1-Fargate-vCPU-Hours:perCPU"}),
    "fargate.gb": ("AmazonECS", {"usagetype": "USE1-Fargate-GB-Hours"}),
    "ebs.gp3": ("AmazonEC2", {"usagetype": "EBS:VolumeUsage.gp3"}),
    "efs.standard": ("AmazonEFS", {"usagetype": "TimedStorage-ByteHrs"}),
    "s3.standard": ("AmazonS3", {"usagetype": "TimedStorage-ByteHrs", "volumeType": "Standard"}),
    "s3.glacier_ir": ("AmazonS3", {"usagetype": "TimedStorage-GIR-ByteHrs"}),
    "rds_storage.gp3": ("AmazonRDS", {"usagetype": "RDS:GP3-Storage", "databaseEngine": "PostgreSQL"}),
    "rds_storage.gp3_multi_az": (
        "AmazonRDS",
        {"usagetype": "RDS:Multi-AZ-GP3-Storage", "databaseEngine": "PostgreSQL"},
    ),
    "nat.hour": ("AmazonEC2", {"usagetype": "NatGateway-Hours"}),
    "nat.gb": ("AmazonEC2", {"usagetype": "NatGateway-Bytes"}),
    "endpoint.hour": ("AmazonVPC", {"usagetype": "VpcEndpoint-Hours"}),
    "endpoint.gb": ("AmazonVPC", {"usagetype": "VpcEndpoint-Bytes"}),
    "ipv4.address": ("AmazonVPC", {"usagetype": "PublicIPv4:InUseAddress"}),
    "alb.hour": ("AWSELB", {"usagetype": "LoadBalancerUsage", "operation": "LoadBalancing:Application"}),
    "alb.lcu": ("AWSELB", {"usagetype": "LCUUsage", "operation": "LoadBalancing:Application"}),
    "kms.key": ("awskms", {"usagetype": "us-east-1-KMS-Keys"}),
    "secrets.secret": ("AWSSecretsManager", {"usagetype": "USE1-AWSSecretsManager-Secrets"}),
    "cloudwatch.metric": ("AmazonCloudWatch", {"usagetype": "CW:MetricMonitorUsage"}),
    "cloudwatch.alarm": ("AmazonCloudWatch", {"usagetype": "CW:AlarmMonitorUsage"}),
    "ecr.stored": ("AmazonECR", {"usagetype": "TimedStorage-ByteHrs"}),
}
_DEPLOYMENT = {"rds": "Single-AZ", "rds_multi_az": "Multi-AZ"}


@dataclass(frozen=True)
class Product:
    """What to ask of the list for one price of ours."""

    key: str
    service: str
    attributes: tuple[tuple[str, str], ...]

    @property
    def described(self) -> str:
        """Service and attributes, for an error."""
        return f"{self.service} " + ", ".join(f"{name}={value}" for name, value in self.attributes)


@dataclass(frozen=True)
class Changed:
    """A price that differs from the table's."""

    key: str
    per: str
    before: Decimal
    after: Decimal


@dataclass(frozen=True)
class Refreshed:
    """What the list says: every price that was asked for, and which of them differ from the table's."""

    overlay: Overlay
    asked: int
    changed: tuple[Changed, ...]


def products(prices: Prices) -> tuple[Product, ...]:
    """Return what can be asked for, of the prices that the table has."""
    return tuple(product for key in sorted(prices.rows) if (product := _product(key)))


def _product(key: str) -> Product | None:
    group, _, name = key.partition(".")
    if group == "ec2":
        service, attributes = "AmazonEC2", {"instanceType": name, **_EC2}
    elif group in _DEPLOYMENT:
        deployment = {"databaseEngine": "PostgreSQL", "deploymentOption": _DEPLOYMENT[group]}
        service, attributes = "AmazonRDS", {"instanceType": name, **deployment}
    elif key in _PRODUCTS:
        service, attributes = _PRODUCTS[key][0], dict(_PRODUCTS[key][1])
    else:
        return None
    return Product(key, service, tuple({**attributes, "regionCode": REGION}.items()))


def refresh(client: Any, prices: Prices, today: date) -> Refreshed:
    """Ask the list for every product, and return the new prices; nothing is written.

    ``client`` is botocore's for ``pricing``. ThothError names the product that is missing, ambiguous, without a price
    in US dollars, or far from what it was.
    """
    found = {product.key: _price(client, product, prices.usd(product.key)) for product in products(prices)}
    rows = {key: prices.price(key) for key in found}
    changed = (Changed(key, rows[key].per, rows[key].usd, usd) for key, usd in found.items() if usd != rows[key].usd)
    return Refreshed(_overlay(found, prices, today), len(found), tuple(changed))


def _overlay(found: Mapping[str, Decimal], prices: Prices, today: date) -> Overlay:
    groups: dict[str, Group] = {}
    for group in dict.fromkeys(key.partition(".")[0] for key in found):
        own = {key.partition(".")[2]: usd for key, usd in found.items() if key.startswith(f"{group}.")}
        per = {name: prices.price(f"{group}.{name}").per for name in own}
        unit: Any = next(iter(per.values())) if len(set(per.values())) == 1 else per
        groups[group] = Group(as_of=today, source=SOURCE, checked="the list itself", per=unit, usd=own)
    return Overlay(region=prices.region, groups=groups)


def _price(client: Any, product: Product, before: Decimal) -> Decimal:
    listed = [price for text in _answers(client, product) if (price := _listed(text, product)) is not None]
    if len(listed) != 1:
        what = "no product" if not listed else f"{len(listed)} products"
        raise ThothError(
            f"the price list has {what} for {product.key} ({product.described})", "the table stays as it was"
        )
    after = listed[0]
    if before and not before / LIKELY <= after <= before * LIKELY:
        raise ThothError(
            f"the price list says {after} for {product.key}, where the table has {before} ({product.described})",
            "that is hardly the same product: the table stays as it was",
        )
    return after


def _answers(client: Any, product: Product) -> Iterator[str]:
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in product.attributes]
    with explained():
        pages = client.get_paginator("get_products").paginate(ServiceCode=product.service, Filters=filters)
        for page in pages:
            yield from page["PriceList"]


def _listed(text: str, product: Product) -> Decimal | None:
    """Return a product's price on demand, of its first tier that costs anything; None when it costs nothing."""
    try:
        terms = json.loads(text)["terms"].get("OnDemand", {}).values()
        rows = [row for term in terms for row in term["priceDimensions"].values()]
        tiers = sorted((_amount(row["beginRange"]), _amount(row["pricePerUnit"]["USD"])) for row in rows)
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as error:
        raise ThothError(
            f"the price list's answer for {product.key} can't be understood ({product.described})",
            "the table stays as it was",
        ) from error
    return _first(price for _, price in tiers if price)


def _amount(text: str) -> Decimal:
    made = Decimal(text)
    if not made.is_finite() or made < 0:
        raise ValueError(text)
    return made


def _first(prices: Iterable[Decimal]) -> Decimal | None:
    # The list pads with zeros: 0.0450000000.
    return next((Decimal(f"{price.normalize():f}") for price in prices), None)
