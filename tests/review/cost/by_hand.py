"""Estates worked out by hand from AWS's published prices of us-east-1: no line of the estimate's code is used here.

Each bill is US dollars a month of 730 hours (365 / 12 days), by part: at least, expected, at most. Where nothing else
is said, an estate is staging with 100 hours of audio: 150 lessons of 1.5 GB an hour (150 GB uploaded, 165 GB on the
file system with the sound), 200 GB watched again, 200,000 requests; at most is twice that.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Three = tuple[float, float, float]
Bill = dict[str, Three]

H = 730.0
DAYS = 365 / 12
# Staging's workers: from 07:00 to 20:00 on five days, 65 of a week's 168 hours.
OPEN = 730 * 65 / 168


@dataclass(frozen=True)
class Case:
    """An estate: what it is made of, and its bill."""

    name: str
    bill: Bill
    environment: str = "staging"
    settings: tuple[str, ...] = ()
    usage: dict[str, float] = field(default_factory=dict)


def always(amount: float) -> Three:
    """Something that costs the same whatever happens."""
    return (amount, amount, amount)


def used(amount: float) -> Three:
    """Something that costs by use: nothing at least, twice as much at most."""
    return (0, amount, 2 * amount)


def add(*amounts: Three) -> Three:
    """Add position by position."""
    return (sum(a[0] for a in amounts), sum(a[1] for a in amounts), sum(a[2] for a in amounts))


def fargate(vcpu: float, gb: float) -> float:
    """A task's hour: $0.04048 for a vCPU, $0.004445 for a GB."""
    return vcpu * 0.04048 + gb * 0.004445


def host_extras(hours: float, volume_gb: float = 100) -> float:
    """With each host's hours: its gp3 volume, and seven metrics of detailed monitoring."""
    return hours / H * (volume_gb * 0.08 + 7 * 0.30)


def gpu(least: Three, expected: Three, most: Three, volume_gb: float = 100) -> Three:
    """Each bound: hours on demand, at $0.526; hours on spot; the price of spot."""
    bounds = [
        od * 0.526 + spot * price + host_extras(od + spot, volume_gb) for od, spot, price in (least, expected, most)
    ]
    return (bounds[0], bounds[1], bounds[2])


# --- staging, part by part -------------------------------------------------------------------------------------------

# 100 hours of audio, twelve in an hour of work, of which half is waiting: 16.7 task hours; one GPU in each host.
WORK = 100 / 12 / 0.5
SPOT_XLARGE = 0.526 * (1 - 0.60)
# The weights put 20 % on demand. At most three tasks: 0.6 hosts on demand; 2.4 on spot, of which the group allows two,
# at the price of the dearest type, g5.xlarge, as if it were on demand.
HOSTS = gpu((0, 0, 0), (0.2 * WORK, 0.8 * WORK, SPOT_XLARGE), (0.6 * OPEN, 2 * OPEN, 1.006))

API = (H * fargate(0.5, 1), H * fargate(0.5, 1), 3 * H * fargate(0.5, 1))
ORCHESTRATOR = always(H * fargate(0.25, 0.5))
# 60 hours of film in an hour of work; the first task on demand, of three others 20 % there and 80 % on Fargate Spot,
# which takes off 50 % at least.
EXTRACTION_WORK = 100 / 60 / 0.5
EXTRACTION = (0.0, EXTRACTION_WORK * fargate(2, 4), (1.6 + 2.4 * 0.5) * OPEN * fargate(2, 4))
TERMS_WORK = 100 / 600 / 0.5
TERMS = (0.0, TERMS_WORK * fargate(1, 2), (1.2 + 0.8 * 0.5) * OPEN * fargate(1, 2))
CONTAINERS = add(API, ORCHESTRATOR, EXTRACTION, TERMS)

# db.t4g.small; 20 GB that may grow to 100. Two sets of backups (RDS's and the vault's) of seven days in which 2 %
# change: 4 GB × 1.14 × 2 fit into what is free; when all 100 GB are used, 128 GB are beyond it.
DATABASE = (
    H * 0.032 + 20 * 0.115,
    H * 0.032 + 20 * 0.115,
    H * 0.032 + 100 * 0.115 + (100 * 1.14 * 2 - 100) * 0.095,
)

NAT_GATEWAY = always(H * (0.045 + 0.005))  # with its public address
OUT = used(200 * 0.09)
NETWORK = add(NAT_GATEWAY, used(10 * 0.045), OUT)


def edge(zones: int = 3, rules: int = 6) -> Three:
    """A load balancer with an address in each zone, 350 GB through it; a web ACL, its rules, 0.2 million requests."""
    return add(always(H * 0.0225 + zones * H * 0.005 + 5 + rules * 1), used(350 * 0.008 + 0.2 * 0.60))


def storage(
    files_gb: float, infrequent_gb: float, copies_gb: float, standard_gb: float, glacier_gb: float, images_gb: float = 0
) -> Three:
    """Files, 165 GB written, 330 read, a model of 3 GB read 60 times; copies; objects and their requests; images."""
    files = files_gb * 0.30 + infrequent_gb * 0.016 + 165 * 0.06 + (330 + 180) * 0.03
    requests = 37.5 * 0.005 + 25 * 0.0004 + 0.75 * 0.02  # thousands: written, read, moved to the archive
    objects = standard_gb * 0.023 + glacier_gb * 0.004 + requests
    return used(files + copies_gb * 0.05 + objects + images_gb * 0.10)


# A job's files stay 14 days; copies are kept seven more. Uploads are gone after a day and kept as older versions for
# 30; the archive moves to Glacier Instant Retrieval after 30 days and is kept for 180 and 30 more. The log bucket is
# small: 220,000 lines of a kilobyte a month, 210 days.
LOG_LINES = 220_000 * 1e-6 / DAYS
STORAGE = storage(
    files_gb=3 + 165 / DAYS * 14,
    infrequent_gb=0,
    copies_gb=3 + 165 / DAYS * (14 + 7),
    standard_gb=150 / DAYS * 31 + 150 / DAYS * 30 + LOG_LINES * 210,
    glacier_gb=150 / DAYS * 180,
)

# The orchestrator alone listens all the time.
LISTENING = (H, H + WORK + EXTRACTION_WORK + TERMS_WORK, H + (3 + 4 + 2) * OPEN)


def messages(hours: Three) -> Three:
    """A waiting task receives 180 times an hour; a job takes 40 calls; $0.40 for a million."""
    return add((hours[0] * 72e-6, hours[1] * 72e-6, hours[2] * 72e-6), used(150 * 40 * 0.4e-6))


def monitoring(
    hours: Three,
    insights: Three,
    alarms: int,
    log_days: int,
    audit_days: int = 180,
    flow: float = 5,
    database: float = 0.5,
    trackers: int = 3,
) -> Three:
    """Sixteen metrics of the workers, Container Insights, alarms by metric, one composite, one dashboard, logs.

    A task hour writes 2 MB of its own and 0.12 MB of Container Insights; requests 1.5 kB each into the firewall's log.
    Kept logs are compressed to 15 %.
    """
    written = add((hours[0] * 0.00212, hours[1] * 0.00212, hours[2] * 0.00212), used(database))
    firewall = 0.3

    def bound(n: int) -> float:
        vpc, waf = used(flow)[n], used(firewall)[n]
        kept = ((written[n] + vpc) * log_days + waf * audit_days) / DAYS * 0.15
        metrics = (0 if n == 0 else 16 * 0.30) + insights[n] * 0.30
        alarm = (alarms + (2 * trackers if n == 2 else 0)) * 0.10 + 0.50 + 3
        return metrics + alarm + (written[n] + vpc + waf) * 0.50 + kept * 0.03

    return (bound(0), bound(1), bound(2))


# Container Insights: 13 metrics of the cluster, 25 of each service with its family in the hours in which it runs.
ALL_SERVICES = 13 + 2 * 25
INSIGHTS = (
    ALL_SERVICES,
    ALL_SERVICES + 25 * (WORK + EXTRACTION_WORK + TERMS_WORK) / H,
    # One worker's tasks are open for 13 hours, but three of them are more task hours than a month has hours.
    ALL_SERVICES + 25 * (1 + 1 + 2 * OPEN / H),
)
TASKS = (2 * H, 2 * H + WORK + EXTRACTION_WORK + TERMS_WORK, 4 * H + 9 * OPEN)
# Four queues with two alarms each; GPU use and processing time; database CPU and storage; unhealthy blue and green;
# errors (two metrics); two host groups; file system, load balancer, certificate; failed jobs, wake and sleep of three
# workers (2 + 3 + 2 metrics each): 42. AWS's own: two for the API's CPU, one of two metrics for each of three
# workers' backlog, two for each of two capacity providers: 12.
ALARMS = 8 + 2 + 2 + 2 + 2 + 2 + 3 + 3 * 7 + (2 + 3 * 2 + 2 * 2)
MONITORING = monitoring(TASKS, INSIGHTS, ALARMS, log_days=30)

# Five keys, each of which two rotations make three times as dear; 80,000 requests; the API's secret and the database's,
# 5,000 calls; 20,000 events of the trail.
SECRETS = add(always(2 * 0.40), used(0.5 * 0.05))
KEYS = add((5.0, 5.0, 15.0), used(8 * 0.03))
TRAIL = used(0.2 * 0.10)
SECURITY = add(KEYS, SECRETS, TRAIL)

STAGING: Bill = {
    "GPU hosts": HOSTS,
    "Containers": CONTAINERS,
    "Database": DATABASE,
    "Network": NETWORK,
    "Edge": edge(),
    "Storage": STORAGE,
    "Messages": messages(LISTENING),
    "Monitoring": MONITORING,
    "Security": SECURITY,
}


def staging(**changed: Three) -> Bill:
    """Staging's bill with some parts worked out anew: ``gpu_hosts=…`` is the part "GPU hosts"."""
    names = {part.replace(" ", "_").lower(): part for part in STAGING}
    return STAGING | {names[name]: amount for name, amount in changed.items()}
