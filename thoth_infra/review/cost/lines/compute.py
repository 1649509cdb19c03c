"""GPU hosts and Fargate tasks."""

from __future__ import annotations

from decimal import Decimal

from thoth_infra.config.prices import Band, Prices
from thoth_infra.review.cost.estate import ON_DEMAND, SPOT, Pool, Service
from thoth_infra.review.cost.hours import MONTH, host_hours, markets, on_market, open_hours, task_hours
from thoth_infra.review.cost.lines import Basis, Lines
from thoth_infra.review.cost.money import Spread, line

HOSTS, CONTAINERS = "GPU hosts", "Containers"
# EC2 publishes seven metrics of an instance with detailed monitoring (CloudWatch pricing, its own example).
DETAILED_METRICS = 7


def hosts(basis: Basis) -> Lines:
    """Yield the GPU instances of each pool by market, their volumes and their detailed monitoring."""
    for pool in basis.estate.pools:
        hours = host_hours(pool, basis.estate, basis.usage)
        for market in markets(pool):
            own = hours.spot if market == SPOT else hours.on_demand
            price = spot_price(pool, basis.prices) if market == SPOT else basis.prices.hourly(pool.instance_types[0])
            name = f"{pool.name}: {pool.instance_types[0]} {'spot' if market == SPOT else 'on demand'}"
            yield line(HOSTS, "EC2", name, "hour", own, price)
        volumes = hours.all * pool.volume_gib / MONTH
        yield line(HOSTS, "EBS", f"{pool.name}: volumes", "GB-month", volumes, basis.prices.usd("ebs.gp3"))
        metrics = hours.all * DETAILED_METRICS / MONTH
        price = basis.prices.usd("cloudwatch.metric")
        yield line(HOSTS, "CloudWatch", f"{pool.name}: detailed monitoring", "metric-month", metrics, price)


def spot_price(pool: Pool, prices: Prices) -> Spread:
    """Return US dollars per hour of a spot host, never above the highest price that the pool is willing to pay.

    At least: the cheapest type in a good hour. Expected: the pool's own type. At most: the dearest, on a bad day.
    """
    band = prices.spot
    every = [prices.hourly(name) for name in pool.instance_types]
    found = Spread.of(min(every) * (1 - band.most), every[0] * (1 - band.typical), max(every) * (1 - band.least))
    if pool.max_price is None:
        return found
    return Spread(*(min(one, pool.max_price) for one in (found.least, found.expected, found.most)))


def containers(basis: Basis) -> Lines:
    """Yield the Fargate tasks of each service by market."""
    for one in basis.estate.services:
        if one.pool:
            continue
        hours = task_hours(one, basis.estate, basis.usage)
        on = open_hours(basis.estate.schedule if one.scheduled else None)
        for market in (ON_DEMAND, SPOT):
            if any(share.market == market for share in one.shares):
                own = Spread(*(on_market(one, market, h, on) for h in (hours.least, hours.expected, hours.most)))
                name = f"{one.name}: {_size(one)} {'spot' if market == SPOT else 'on demand'}"
                price = _task_price(one, basis.prices, market)
                yield line(CONTAINERS, "Fargate", name, "task-hour", own, price)


def _size(one: Service) -> str:
    return f"{Decimal(one.cpu) / 1024:f} vCPU, {Decimal(one.memory_mib) / 1024:f} GB"


def _task_price(one: Service, prices: Prices, market: str) -> Spread:
    full = (one.cpu * prices.usd("fargate.vcpu") + one.memory_mib * prices.usd("fargate.gb")) / 1024
    return _discounted(full, prices.fargate_spot) if market == SPOT else Spread.fixed(full)


def _discounted(price: Decimal, band: Band) -> Spread:
    return Spread(price * (1 - band.most), price * (1 - band.typical), price * (1 - band.least))
