"""The hand-worked estates, one below the other; each says what it has otherwise than staging."""

from __future__ import annotations

from tests.review.cost.by_hand import (
    ALARMS,
    ALL_SERVICES,
    API,
    DAYS,
    EXTRACTION,
    EXTRACTION_WORK,
    INSIGHTS,
    KEYS,
    LISTENING,
    LOG_LINES,
    NAT_GATEWAY,
    OPEN,
    ORCHESTRATOR,
    OUT,
    SECRETS,
    SPOT_XLARGE,
    STAGING,
    STORAGE,
    TASKS,
    TERMS,
    TERMS_WORK,
    TRAIL,
    WORK,
    Case,
    H,
    add,
    always,
    edge,
    fargate,
    gpu,
    host_extras,
    messages,
    monitoring,
    staging,
    storage,
    used,
)  # fmt: skip
from tests.review.cost.estates import BUSY, DEV, IDLE, PRODUCTION
from tests.switches.switches import BY_NAME as SWITCHES


def switch(name: str) -> tuple[str, ...]:
    """Return the settings of one of the estate's switches."""
    return SWITCHES[name].settings


# Awake all day: the workers' most hours are the month's.
AWAKE_TASKS = (2 * H, TASKS[1], 4 * H + 9 * H)
AWAKE = staging(
    gpu_hosts=gpu((0, 0, 0), (0.2 * WORK, 0.8 * WORK, SPOT_XLARGE), (0.6 * H, 2 * H, 1.006)),
    containers=add(
        API,
        ORCHESTRATOR,
        (0, EXTRACTION[1], (1.6 + 2.4 * 0.5) * H * fargate(2, 4)),
        (0, TERMS[1], (1.2 + 0.8 * 0.5) * H * fargate(1, 2)),
    ),
    messages=messages((H, LISTENING[1], 10 * H)),
    monitoring=monitoring(AWAKE_TASKS, (ALL_SERVICES, INSIGHTS[1], 13 + 125), ALARMS, log_days=30),
)

# Nights only, from 22:00 to 06:00 on seven days: 56 hours a week, a third of the month.
NIGHT = 730 * 56 / 168
NIGHTS = staging(
    gpu_hosts=gpu((0, 0, 0), (0.2 * WORK, 0.8 * WORK, SPOT_XLARGE), (0.6 * NIGHT, 2 * NIGHT, 1.006)),
    containers=add(
        API,
        ORCHESTRATOR,
        (0, EXTRACTION[1], (1.6 + 2.4 * 0.5) * NIGHT * fargate(2, 4)),
        (0, TERMS[1], (1.2 + 0.8 * 0.5) * NIGHT * fargate(1, 2)),
    ),
    messages=messages((H, LISTENING[1], H + 9 * NIGHT)),
    monitoring=monitoring(
        (2 * H, TASKS[1], 4 * H + 9 * NIGHT),
        (ALL_SERVICES, INSIGHTS[1], ALL_SERVICES + 25 * (1 + 1 + 2 * NIGHT / H)),
        ALARMS,
        log_days=30,
    ),
)

# SQLite: no RDS, no orchestrator (the API is alone, and reads the results), a key and a secret less. The vault keeps
# the files alone, seven days.
ALONE_TASKS = (H, H + WORK + EXTRACTION_WORK + TERMS_WORK, H + 9 * OPEN)
SQLITE = {part: cost for part, cost in STAGING.items() if part != "Database"} | {
    "Containers": add(always(H * fargate(0.5, 1)), EXTRACTION, TERMS),
    "Monitoring": monitoring(
        ALONE_TASKS,
        (13 + 25, 38 + 25 * (WORK + EXTRACTION_WORK + TERMS_WORK) / H, 38 + 25 * (1 + 1 + 2 * OPEN / H)),
        ALARMS - 2 - 2,  # neither the database's two nor the API's
        log_days=30,
        database=0,
    ),
    "Security": add((4, 4, 12), used(8 * 0.03), always(0.40), used(0.025), TRAIL),
}

# A transcription task that never goes: on demand by base_tasks, for all open hours. Of three, 1 + 20 % of two there,
# but the group has one host; 1.6 on spot.
ONE_STAYS_TASKS = (2 * H + OPEN, 2 * H + OPEN + EXTRACTION_WORK + TERMS_WORK, TASKS[2])
ONE_STAYS = staging(
    gpu_hosts=gpu((OPEN, 0, 0), (OPEN, 0, 0), (OPEN, 1.6 * OPEN, 1.006)),
    messages=messages((H + OPEN, H + OPEN + EXTRACTION_WORK + TERMS_WORK, LISTENING[2])),
    monitoring=monitoring(
        ONE_STAYS_TASKS,
        (ALL_SERVICES + 25 * OPEN / H, ALL_SERVICES + 25 * (OPEN + EXTRACTION_WORK + TERMS_WORK) / H, INSIGHTS[2]),
        ALARMS,
        log_days=30,
    ),
)

# Four GPUs in a host: up to eight tasks, two hosts. One task alone pays for the whole host only while it is alone; in
# the mean four share it. 20 % of two hosts on demand, 80 % on spot; no other type has four GPUs here.
FOUR_WORK = WORK / 4
FOUR_TASKS = (2 * H, TASKS[1], 4 * H + (8 + 4 + 2) * OPEN)
FOUR_HOSTS = (
    0.0,
    FOUR_WORK * (0.2 * 3.912 + 0.8 * 3.912 * 0.4) + host_extras(FOUR_WORK),
    2 * OPEN * (0.2 * 3.912 + 0.8 * 3.912) + host_extras(2 * OPEN),
)
FOUR_GPUS = staging(
    gpu_hosts=FOUR_HOSTS,
    messages=messages((H, LISTENING[1], H + 14 * OPEN)),
    monitoring=monitoring(FOUR_TASKS, INSIGHTS, ALARMS, log_days=30),
)

# The API alone on bigger tasks: two at least, six at most.
BIG_API = fargate(2, 4)
BIG_TASKS = (3 * H, 3 * H + WORK + EXTRACTION_WORK + TERMS_WORK, 7 * H + 9 * OPEN)

# Two extraction tasks for ever, on demand: they don't follow the queue any more, nor the office hours.
FIXED_TASKS = (4 * H, 4 * H + WORK + TERMS_WORK, 4 * H + 2 * H + 5 * OPEN)
FIXED = staging(
    containers=add(API, ORCHESTRATOR, always(2 * H * fargate(2, 4)), TERMS),
    messages=messages((3 * H, 3 * H + WORK + TERMS_WORK, 3 * H + 5 * OPEN)),
    monitoring=monitoring(
        FIXED_TASKS,
        (
            ALL_SERVICES + 25,
            ALL_SERVICES + 25 + 25 * (WORK + TERMS_WORK) / H,
            ALL_SERVICES + 25 + 25 * (1 + 2 * OPEN / H),
        ),
        ALARMS - 7 - 2,  # failed, wake and sleep of extraction, and AWS's own for its backlog
        log_days=30,
        trackers=2,
    ),
)

# Extraction on hosts of a second pool, g4dn.xlarge on spot, at most two: four tasks of 2 vCPU and 4 GB are two hosts
# (two interfaces for tasks in each).
TWO_POOLS = staging(
    gpu_hosts=add(
        STAGING["GPU hosts"],
        (0.0, EXTRACTION_WORK * SPOT_XLARGE + host_extras(EXTRACTION_WORK), 0.0),
        (0.0, -(EXTRACTION_WORK - EXTRACTION_WORK / 2) * SPOT_XLARGE - host_extras(EXTRACTION_WORK / 2), 0.0),
        (0.0, 0.0, 2 * OPEN * 0.526 + host_extras(2 * OPEN)),
    ),
    containers=add(API, ORCHESTRATOR, TERMS),
    monitoring=monitoring(TASKS, INSIGHTS, ALARMS + 1 + 2, log_days=30),
)

CASES: tuple[Case, ...] = (
    Case("staging", STAGING),
    Case("dev", DEV, environment="dev"),
    Case("production", PRODUCTION, environment="production"),
    Case("nobody uploads", IDLE, usage={"audio_hours": 0}),
    Case("a thousand hours of audio", BUSY, usage={"audio_hours": 1000}),
    # Somebody else's network: no gateway, no address of one, no flow log; the load balancer stands in two subnets.
    Case(
        "an existing VPC",
        staging(network=OUT, edge=edge(zones=2), monitoring=monitoring(TASKS, INSIGHTS, ALARMS, log_days=30, flow=0)),
        settings=switch("existing-vpc"),
    ),
    # No certificate, so one alarm less.
    Case(
        "no domain",
        staging(monitoring=monitoring(TASKS, INSIGHTS, ALARMS - 1, log_days=30)),
        settings=switch("no-domain"),
    ),
    Case("an allow list", staging(edge=edge(rules=7)), settings=switch("allow-list")),
    # Three hosts on demand at most; one group less: its health alarm and its capacity provider's two.
    Case(
        "no spot",
        staging(
            gpu_hosts=gpu((0, 0, 0), (WORK, 0, 0), (3 * OPEN, 0, 0)),
            monitoring=monitoring(TASKS, INSIGHTS, ALARMS - 3, log_days=30),
        ),
        settings=switch("spot-off"),
    ),
    Case(
        "spot alone",
        staging(
            gpu_hosts=gpu((0, 0, 0), (0, WORK, SPOT_XLARGE), (0, 3 * OPEN, 1.006)),
            monitoring=monitoring(TASKS, INSIGHTS, ALARMS - 3, log_days=30),
        ),
        settings=switch("spot-only"),
    ),
    # A type of $1.204 on demand, which is the dearest on spot, too.
    Case(
        "g4dn.4xlarge",
        staging(
            gpu_hosts=(
                0,
                WORK * (0.2 * 1.204 + 0.8 * 1.204 * 0.4) + host_extras(WORK),
                OPEN * (0.6 * 1.204 + 2 * 1.204) + host_extras(2.6 * OPEN),
            )
        ),
        settings=switch("g4dn-4xlarge"),
    ),
    # Four repositories of 15 GB.
    Case("images in our own account", staging(storage=add(STORAGE, used(60 * 0.10))),
         settings=switch("images-in-own-account")),
    # Five in three zones; they take the gateway's traffic but a tenth.
    Case(
        "interface endpoints",
        staging(network=add(NAT_GATEWAY, OUT, always(15 * H * 0.01), used(1 * 0.045 + 10 * 0.01))),
        settings=switch("interface-endpoints"),
    ),
    Case("no off hours", AWAKE, settings=switch("no-off-hours")),
    # Nor are there lines of the trail in the log bucket.
    Case(
        "no audit trail",
        staging(security=add(KEYS, SECRETS), storage=add(STORAGE, used(-20_000 * 1e-6 / DAYS * 210 * 0.023))),
        settings=switch("no-audit-trail"),
    ),
    Case("SQLite", SQLITE, settings=switch("no-rds")),
    Case(
        "a bigger database in two zones",
        staging(
            database=(
                H * 0.258 + 200 * 0.23,
                H * 0.258 + 200 * 0.23,
                H * 0.258 + 1000 * 0.23 + (1000 * (1.14 + 1.14) - 1000) * 0.095,
            )
        ),
        settings=("database.instance_class=db.t4g.large", "database.multi_az=true", "database.allocated_gib=200",
                  "database.max_allocated_gib=1000"),
    ),
    Case(
        "a gateway in each zone",
        staging(network=add(always(3 * H * (0.045 + 0.005)), used(10 * 0.045), OUT)),
        settings=("network.nat=per_zone",),
    ),
    Case(
        "at night",
        NIGHTS,
        settings=("off_hours.time_zone=Europe/Berlin", "off_hours.start_at=22:00", "off_hours.stop_at=06:00",
                  "off_hours.days=MON,TUE,WED,THU,FRI,SAT,SUN"),
    ),
    Case(
        "a task that stays",
        ONE_STAYS,
        settings=("services.transcription.scaling.min=1", "gpu_pools.main.on_demand.base_tasks=1"),
    ),
    # Nobody pays more than $0.20 an hour for spot: less than what is expected of g4dn.xlarge.
    Case(
        "a highest spot price",
        staging(gpu_hosts=gpu((0, 0, 0), (0.2 * WORK, 0.8 * WORK, 0.20), (0.6 * OPEN, 2 * OPEN, 0.20))),
        settings=("gpu_pools.main.spot.max_price=0.2",),
    ),
    # Sixty days on the file system, thirty of them as infrequent access; two years in the archive.
    Case(
        "long retention",
        staging(
            storage=storage(
                files_gb=3 + 165 / DAYS * 30,
                infrequent_gb=165 / DAYS * 30,
                copies_gb=3 + 165 / DAYS * 67,
                standard_gb=150 / DAYS * (31 + 30) + LOG_LINES * 210,
                glacier_gb=150 / DAYS * (730 + 30 - 30),
            )
        ),
        settings=("retention.job_files_days=60", "retention.transcripts_days=730"),
    ),
    Case(
        "four GPUs in a host",
        FOUR_GPUS,
        settings=("gpu_pools.main.instance_type=g4dn.12xlarge", "gpu_pools.main.spot.alternatives=[]",
                  "gpu_pools.main.on_demand.max=2", "services.transcription.scaling.max=8"),
    ),
    Case(
        "bigger disks and a bigger API",
        staging(
            gpu_hosts=gpu(
                (0, 0, 0), (0.2 * WORK, 0.8 * WORK, SPOT_XLARGE), (0.6 * OPEN, 2 * OPEN, 1.006), volume_gb=500
            ),
            containers=add((2 * H * BIG_API, 2 * H * BIG_API, 6 * H * BIG_API), ORCHESTRATOR, EXTRACTION, TERMS),
            monitoring=monitoring(BIG_TASKS, INSIGHTS, ALARMS, log_days=30),
        ),
        settings=("gpu_pools.main.volume_gib=500", "services.api.launch.cpu=2048",
                  "services.api.launch.memory_mib=4096",
                  "services.api.scaling.min=2", "services.api.scaling.max=6"),
    ),
    Case(
        "extraction that neither scales nor rests",
        FIXED,
        settings=("services.audio_extraction.scaling.kind=fixed", "services.audio_extraction.scaling.tasks=2",
                  "services.audio_extraction.launch.spot_percent=0"),
    ),
    Case("a second pool", TWO_POOLS, settings=switch("two-pools")),
    # Slack, peering and another image cost nothing.
    Case("peering", STAGING, settings=switch("peering")),
    Case("another API", STAGING, settings=switch("another-api-image")),
)  # fmt: skip
