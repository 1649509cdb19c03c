"""Prices from AWS's price list: all of them good, or none."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_main import Run
from tests.cli.test_main import run as run
from tests.render.support import copy_project
from thoth_infra.aws import price_list
from thoth_infra.aws.clients import Clients
from thoth_infra.cli import cost
from thoth_infra.config import prices
from thoth_infra.config.prices import OVERLAY
from thoth_infra.errors import ThothError

TODAY = date(2026, 11, 1)
# A NAT gateway's hour in the form in which the API answers (GetProducts, FormatVersion aws_v1), written by hand after
# its documentation; what nobody reads is left out.
ANSWER: dict[str, Any] = {
    "product": {
        "productFamily": "NAT Gateway",
        "attributes": {
            "regionCode": "us-east-1",
            "servicecode": "AmazonEC2",
            "group": "NGW:NatGateway",
            "groupDescription": "Hourly charge for NAT Gateways",
            "usagetype": "NatGateway-Hours",
            "location": "US East (N. Virginia)",
            "operation": "NatGateway",
        },
        "sku": "M2YSHUBETB3JX4M4",
    },
    "serviceCode": "AmazonEC2",
    "terms": {
        "OnDemand": {
            "M2YSHUBETB3JX4M4.JRTCKXETXF": {
                "priceDimensions": {
                    "M2YSHUBETB3JX4M4.JRTCKXETXF.6YS6EN2CT7": {
                        "unit": "Hrs",
                        "endRange": "Inf",
                        "description": "$0.045 per NAT Gateway Hour",
                        "appliesTo": [],
                        "rateCode": "M2YSHUBETB3JX4M4.JRTCKXETXF.6YS6EN2CT7",
                        "beginRange": "0",
                        "pricePerUnit": {"USD": "0.0450000000"},
                    }
                },
                "sku": "M2YSHUBETB3JX4M4",
                "effectiveDate": "2025-10-01T00:00:00Z",
                "offerTermCode": "JRTCKXETXF",
                "termAttributes": {},
            }
        }
    },
    "version": "20251024205134",
    "publicationDate": "2025-10-24T20:51:34Z",
}


def product(usd: str, **tiers: str) -> str:
    """Return such an answer with another price; ``tiers``: further ones, by where they begin (``from_10``)."""
    made = copy.deepcopy(ANSWER)
    (term,) = made["terms"]["OnDemand"].values()
    (first,) = term["priceDimensions"].values()
    first["pricePerUnit"]["USD"] = usd
    for begin, price in tiers.items():
        term["priceDimensions"][begin] = {**first, "beginRange": begin[5:], "pricePerUnit": {"USD": price}}
    return json.dumps(made)


Answer = Callable[[str], list[str]]


@contextmanager
def listing(answer: Answer) -> Iterator[Any]:
    """Serve the price list on loopback: ``answer`` gets our name of a price; yields botocore's client."""
    by_filters = {(one.service, frozenset(one.attributes)): one.key for one in price_list.products(prices.packaged())}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            filters = frozenset((one["Field"], one["Value"]) for one in asked["Filters"])
            found = answer(by_filters[(asked["ServiceCode"], filters)])
            # A page for each product, as the API pages too.
            page = int(asked.get("NextToken") or 0)
            made = {"FormatVersion": "aws_v1", "PriceList": found[page : page + 1]}
            if page + 1 < len(found):
                made["NextToken"] = str(page + 1)
            body = json.dumps(made).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    variables = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    try:
        yield Clients(variables, price_list.REGION)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def as_now(key: str) -> list[str]:
    """Answer what the table has."""
    return [product(f"{prices.packaged().usd(key):.10f}")]


def but(**other: list[str]) -> Answer:
    """Answer what the table has, and something else for some prices: ``nat_hour=…``."""
    return lambda key: other.get(key.replace(".", "_"), as_now(key))


def test_new_prices_are_told_beside_the_old_ones() -> None:
    free_tier_first = [product("0.0000000000", from_10="0.0500000000", from_99="0.0400000000")]
    with listing(but(nat_hour=[product("0.0500000000")], cloudwatch_alarm=[*free_tier_first])) as clients:
        found = price_list.refresh(clients("pricing"), prices.packaged(), TODAY)
    assert [(one.key, one.before, one.after) for one in found.changed] == [
        ("cloudwatch.alarm", Decimal("0.10"), Decimal("0.05")),
        ("nat.hour", Decimal("0.045"), Decimal("0.05")),
    ]
    assert found.asked == len(price_list.products(prices.packaged())) > 60
    group = found.overlay.groups["nat"]
    assert (group.as_of, group.usd["hour"], group.unit("gb")) == (TODAY, Decimal("0.05"), "GB")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ([], "no product for nat.hour"),
        ([product("0.045"), product("0.046")], "2 products for nat.hour"),
        ([product("0.0000000000")], "no product for nat.hour"),
        ([product("4.5")], "says 4.5 for nat.hour, where the table has 0.045"),
        ([product("NaN")], "nat.hour can't be understood"),
        ([product("-0.045")], "nat.hour can't be understood"),
        ([product("cheap")], "nat.hour can't be understood"),
        (['{"terms": []}'], "nat.hour can't be understood"),
        (["<html>"], "nat.hour can't be understood"),
    ],
    ids=["missing", "ambiguous", "free", "far off", "no number", "below nought", "words", "another shape", "no JSON"],
)
def test_a_product_that_is_not_surely_ours_is_named_and_nothing_is_kept(answer: list[str], said: str) -> None:
    with listing(but(nat_hour=answer)) as clients, pytest.raises(ThothError) as caught:
        price_list.refresh(clients("pricing"), prices.packaged(), TODAY)
    assert said in caught.value.message
    assert "usagetype=NatGateway-Hours" in caught.value.message
    assert "stays as it was" in str(caught.value.hint)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_project(tmp_path / "project")


def refresh(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer) -> tuple[int, str, str]:
    """Run ``cost --refresh`` as somebody who is signed in."""
    with listing(answer) as clients:

        @contextmanager
        def signed_in(*_: object, **__: object) -> Iterator[Clients]:
            yield clients

        monkeypatch.setattr(cost, "signed_in_clients", signed_in)
        return run("--root", str(project), "cost", "--env", "staging", "--refresh")


def test_the_project_gets_the_new_prices_and_the_package_keeps_its_own(
    run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged = prices.PACKAGED.read_bytes()
    code, out, err = refresh(run, project, monkeypatch, but(nat_hour=[product("0.0500000000")]))
    assert code == 0
    assert "nat.hour: 0.045 → 0.05 US dollars per hour" in err
    assert "1 of them new, in environments/_prices.json: commit it" in err
    # 730 hours at half a cent more.
    assert "staging: $266.64 a month expected" in out
    assert prices.load(project).usd("nat.hour") == Decimal("0.05")
    assert prices.PACKAGED.read_bytes() == packaged


def test_a_refresh_that_fails_leaves_the_older_one(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refresh(run, project, monkeypatch, but(nat_hour=[product("0.0500000000")]))[0] == 0
    kept = (project / OVERLAY).read_bytes()
    code, out, err = refresh(run, project, monkeypatch, but(nat_hour=[]))
    assert (code, out) == (1, "")
    assert "no product for nat.hour" in err
    assert (project / OVERLAY).read_bytes() == kept
    assert not list((project / "environments").glob(".*"))
