"""The price table: complete, dated, the same by both readers, and never half a project's own."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from thoth_infra.config import catalogue, prices
from thoth_infra.errors import ThothError


def overlay(root: Path, **changes: Any) -> Path:
    """Write a project's own prices: a cheaper NAT gateway of the year after."""
    group = {"as_of": "2026-06-01", "source": "the price list", "checked": "the list itself", "per": "hour"}
    made = {"region": "us-east-1", "groups": {"nat": {**group, "usd": {"hour": "0.040"}}}} | changes
    path = root / prices.OVERLAY
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(made))
    return path


def test_the_packaged_table_is_what_its_model_says() -> None:
    table = prices.Table.model_validate_json(prices.PACKAGED.read_bytes())
    by_model = {
        f"{group}.{name}": (usd, rows.unit(name), rows.as_of, rows.source)
        for group, rows in table.groups.items()
        for name, usd in rows.usd.items()
    }
    read = {key: (row.usd, row.per, row.as_of, row.source) for key, row in prices.packaged().rows.items()}
    assert read == by_model
    assert all(not isinstance(rows.per, dict) or rows.per.keys() == rows.usd.keys() for rows in table.groups.values())
    for band in (table.discounts.spot, table.discounts.fargate_spot):
        assert band.most >= band.typical >= band.least


def test_every_gpu_instance_has_a_price_and_both_names_say_the_same() -> None:
    for name, kind in catalogue.GPU_INSTANCE_TYPES.items():
        assert float(prices.packaged().hourly(name)) == kind.hourly


def test_every_database_costs_about_twice_as_much_in_two_zones() -> None:
    rows = prices.packaged().rows
    classes = [key.partition(".")[2] for key in rows if key.startswith("rds.db")]
    assert len(classes) > 15
    for one in classes:
        assert float(rows[f"rds_multi_az.{one}"].usd) == pytest.approx(2 * float(rows[f"rds.{one}"].usd), rel=0.02)


def test_an_unknown_price_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ThothError, match=r"no rds\.db\.t4g\.medum") as caught:
        prices.packaged().usd("rds.db.t4g.medum")
    assert "did you mean 'rds.db.t4g.medium'?" in str(caught.value.hint)


def test_a_project_lays_newer_prices_over_the_packaged_ones(tmp_path: Path) -> None:
    overlay(tmp_path)
    found = prices.load(tmp_path)
    assert (found.usd("nat.hour"), found.usd("nat.gb")) == (Decimal("0.040"), Decimal("0.045"))
    assert found.newest.key == "nat.hour"
    assert found.age_days(date(2025, 6, 11)) == 10
    assert prices.load().usd("nat.hour") == Decimal("0.045")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"region": "eu-west-1"}, "eu-west-1, not us-east-1"),
        ({"groups": {}}, "groups"),
        ({"extra": 1}, "extra"),
        ({"groups": {"nat": {"usd": {"hour": "-1"}}}}, "groups.nat"),
    ],
)
def test_a_project_s_file_that_is_no_table_is_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    path = overlay(tmp_path, **changes)
    with pytest.raises(ThothError) as caught:
        prices.load(tmp_path)
    assert str(path) in caught.value.message
    assert said in caught.value.message


def test_half_a_file_is_refused(tmp_path: Path) -> None:
    path = overlay(tmp_path)
    path.write_text(path.read_text()[:40])
    with pytest.raises(ThothError, match="is no table of prices"):
        prices.load(tmp_path)
