"""Bills of whole environments, and of staging without anybody and with ten times the lessons."""

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
    LOG_LINES,
    NAT_GATEWAY,
    OPEN,
    ORCHESTRATOR,
    OUT,
    SECRETS,
    SPOT_XLARGE,
    STAGING,
    TASKS,
    TERMS,
    TERMS_WORK,
    WORK,
    H,
    add,
    always,
    edge,
    fargate,
    gpu,
    host_extras,
    messages,
    monitoring,
    storage,
    used,
)  # fmt: skip

# --- dev: two zones, small tasks, no trail, no domain, everything from zero --------------------

# At most two transcription tasks, all of them on spot, whose group has one host.
DEV_TASKS = (2 * H, 2 * H + WORK + EXTRACTION_WORK + TERMS_WORK, 2 * H + 5 * OPEN)
DEV = {
    "GPU hosts": gpu((0, 0, 0), (0, WORK, SPOT_XLARGE), (0, 2 * OPEN, 1.006)),
    # API and orchestrator fixed; extraction at most two (one on demand, 20 % and 80 % of the other); terms at most one.
    "Containers": add(
        always(H * fargate(0.5, 1)),
        ORCHESTRATOR,
        (0, EXTRACTION_WORK * fargate(2, 4), (1.2 + 0.8 * 0.5) * OPEN * fargate(2, 4)),
        (0, TERMS_WORK * fargate(1, 2), OPEN * fargate(1, 2)),
    ),
    # db.t4g.micro, 20 to 40 GB; a day of RDS's backups, seven of the vault's.
    "Database": (
        H * 0.016 + 20 * 0.115,
        H * 0.016 + 20 * 0.115,
        H * 0.016 + 40 * 0.115 + (40 * (1.02 + 1.14) - 40) * 0.095,
    ),
    "Network": STAGING["Network"],
    "Edge": edge(zones=2),
    # A job's files stay seven days, older versions seven, the archive sixty (thirty in Standard), logs ninety.
    "Storage": storage(
        files_gb=3 + 165 / DAYS * 7,
        infrequent_gb=0,
        copies_gb=3 + 165 / DAYS * 14,
        standard_gb=150 / DAYS * (8 + 30) + 200_000 * 1e-6 / DAYS * 97,
        glacier_gb=150 / DAYS * (60 + 7 - 30),
    ),
    "Messages": messages((H, H + WORK + EXTRACTION_WORK + TERMS_WORK, H + 5 * OPEN)),
    # One host group less (an alarm and a capacity provider's two stay: dev has both groups), no certificate; the API's
    # number is fixed, so AWS keeps no alarms for it.
    "Monitoring": monitoring(
        DEV_TASKS,
        (ALL_SERVICES, INSIGHTS[1], ALL_SERVICES + 25 * (2 * 2 * OPEN / H + OPEN / H)),
        ALARMS - 1 - 2,
        log_days=14,
        audit_days=90,
    ),
    "Security": add(KEYS, SECRETS),
}

# --- production: three zones with a gateway each, endpoints, Multi-AZ, workers that never rest ------------------------

# One task stays on demand; of eight, 1 + 30 % of seven are on demand and 4.9 on spot (at most g5.2xlarge's $1.212).
PRODUCTION_ON_DEMAND, PRODUCTION_SPOT = 1 + 0.3 * 7, 0.7 * 7
PRODUCTION_TASKS = (7 * H, 7 * H, (8 + 2 + 10 + 8 + 4) * H)
PRODUCTION = {
    "GPU hosts": (
        H * 0.752 + host_extras(H, 150),
        H * 0.752 + host_extras(H, 150),
        H * (min(PRODUCTION_ON_DEMAND, 3) * 0.752 + PRODUCTION_SPOT * 1.212)
        + host_extras(H * (min(PRODUCTION_ON_DEMAND, 3) + PRODUCTION_SPOT), 150),
    ),
    "Containers": add(
        (2 * H * fargate(1, 2), 2 * H * fargate(1, 2), 8 * H * fargate(1, 2)),
        always(2 * H * fargate(0.5, 1)),
        # One task on demand is always there; of nine more, 20 % on demand.
        (H * fargate(2, 4), H * fargate(2, 4), (1 + 9 * 0.2 + 9 * 0.8 * 0.5) * H * fargate(2, 4)),
        (H * fargate(1, 2), H * fargate(1, 2), (1 + 3 * 0.2 + 3 * 0.8 * 0.5) * H * fargate(1, 2)),
    ),
    # db.t4g.medium in two zones; 21 days of backups in both sets: 2 × 1.42 of 500 GB, less 500.
    "Database": (
        H * 0.129 + 50 * 0.23,
        H * 0.129 + 50 * 0.23,
        H * 0.129 + 500 * 0.23 + (500 * 1.42 * 2 - 500) * 0.095,
    ),
    # Three gateways with addresses; five endpoints in three zones, which take what AWS is told; a tenth goes on.
    "Network": add(always(3 * H * (0.045 + 0.005) + 5 * 3 * H * 0.01), used(1 * 0.045 + 10 * 0.01), OUT),
    "Edge": edge(),
    # A job's files stay thirty days, copies 21 more; older versions ninety; the archive three years, ninety days of it
    # in Standard; logs 731 days.
    "Storage": storage(
        files_gb=3 + 165 / DAYS * 30,
        infrequent_gb=0,
        copies_gb=3 + 165 / DAYS * (30 + 21),
        standard_gb=150 / DAYS * (91 + 90) + LOG_LINES * (731 + 90),
        glacier_gb=150 / DAYS * (1095 + 90 - 90),
    ),
    # Orchestrator two, each worker one.
    "Messages": messages((5 * H, 5 * H, (2 + 10 + 8 + 4) * H)),
    "Monitoring": monitoring(PRODUCTION_TASKS, always(13 + 5 * 25), ALARMS, log_days=365, audit_days=731),
    "Security": STAGING["Security"],
}

# --- without anybody --------------------


# At most the workers run all their hours, but no gigabyte moves; the model and the API's calls are still there.
IDLE = {
    "GPU hosts": (0.0, 0.0, STAGING["GPU hosts"][2]),
    "Containers": (STAGING["Containers"][0], STAGING["Containers"][0], STAGING["Containers"][2]),
    "Database": STAGING["Database"],
    "Network": add(NAT_GATEWAY, used(10 * 0.045)),
    "Edge": always(H * 0.0225 + 3 * H * 0.005 + 5 + 6),
    # The model: kept, copied, and read sixty times.
    "Storage": used(3 * 0.30 + 180 * 0.03 + 3 * 0.05),
    "Messages": (H * 72e-6, H * 72e-6, (H + 9 * OPEN) * 72e-6),
    "Monitoring": add(
        monitoring((2 * H, 2 * H, TASKS[2]), (ALL_SERVICES, ALL_SERVICES, INSIGHTS[2]), ALARMS, log_days=30),
        # Neither the workers' own metrics nor requests in the firewall's log, which is kept for 180 days.
        (0, -16 * 0.30 - 0.3 * 0.50 - 0.3 * 180 / DAYS * 0.15 * 0.03, -0.6 * 0.50 - 0.6 * 180 / DAYS * 0.15 * 0.03),
    ),
    "Security": add((5, 5, 15), always(0.80), used(5 * 0.03 + 0.025)),
}

# Ten times the lessons: what is used, ten times over; the workers from 167, 33 and 3.3 hours.
W10, E10, T10 = 10 * WORK, 10 * EXTRACTION_WORK, 10 * TERMS_WORK
FILES10 = 3 + 1650 / DAYS * 14
BUSY = {
    "GPU hosts": gpu((0, 0, 0), (0.2 * W10, 0.8 * W10, SPOT_XLARGE), (0.6 * OPEN, 2 * OPEN, 1.006)),
    "Containers": add(
        API,
        ORCHESTRATOR,
        (0, E10 * fargate(2, 4), EXTRACTION[2]),
        (0, T10 * fargate(1, 2), TERMS[2]),
    ),
    "Database": STAGING["Database"],
    "Network": add(NAT_GATEWAY, used(10 * 0.045 + 2000 * 0.09)),
    "Edge": add(always(H * 0.0225 + 3 * H * 0.005 + 11), used(3500 * 0.008 + 2 * 0.60)),
    "Storage": used(
        FILES10 * 0.30
        + 1650 * 0.06
        + (3300 + 180) * 0.03
        + (3 + 1650 / DAYS * 21) * 0.05
        + (1500 / DAYS * 61 + 2_200_000 * 1e-6 / DAYS * 210) * 0.023
        + 1500 / DAYS * 180 * 0.004
        + 375 * 0.005
        + 250 * 0.0004
        + 7.5 * 0.02
    ),
    "Messages": add((H * 72e-6, (H + W10 + E10 + T10) * 72e-6, (H + 9 * OPEN) * 72e-6), used(1500 * 40 * 0.4e-6)),
    "Monitoring": add(
        monitoring(
            (2 * H, 2 * H + W10 + E10 + T10, TASKS[2]),
            (ALL_SERVICES, ALL_SERVICES + 25 * (W10 + E10 + T10) / H, INSIGHTS[2]),
            ALARMS,
            log_days=30,
        ),
        used(2.7 * 0.50 + 2.7 * 180 / DAYS * 0.15 * 0.03),  # 3 GB of the firewall's log in place of 0.3
    ),
    "Security": add((5, 5, 15), always(0.80), used((5 + 1500 * 200 / 10_000) * 0.03 + 0.025 + 2 * 0.10)),
}
