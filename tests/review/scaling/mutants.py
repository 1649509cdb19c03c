# ruff: noqa: E501 - a table: a mutant has a line
"""Configurations and rendered policies that are good but for one thing, and the rule that must find it.

``WAKE_ALARM`` and the others are the first lines of the blocks that an edit is made in. A rule ``config`` is the
loader's own: the configuration is refused before anything is rendered.
"""

from __future__ import annotations

from dataclasses import dataclass, field

AUTOSCALING = "modules/ai-services/autoscaling.tf"
POOLS = "modules/ecs-gpu-cluster/main.tf"
QUEUES = "25-queues.tf"
REFUSED = "config"


@dataclass(frozen=True)
class Edit:
    """A text of a rendered file that stands for another; ``after`` is a line of its block."""

    old: str
    new: str
    after: str = ""
    file: str = AUTOSCALING


@dataclass(frozen=True)
class Mutant:
    """One line of the table; ``jobs_per_hour`` and ``slo`` as given to the check."""

    name: str
    rule: str
    settings: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = field(default=())
    environment: str = "staging"
    jobs_per_hour: float | None = None
    slo: float | None = None


def _tree(
    name: str, rule: str, old: str, new: str, after: str = "", file: str = AUTOSCALING, env: str = "staging"
) -> Mutant:
    return Mutant(name, rule, edits=(Edit(old, new, after, file),), environment=env)


def _config(
    name: str, rule: str, *settings: str, env: str = "staging", jobs: float | None = None, slo: float | None = None
) -> Mutant:
    return Mutant(name, rule, settings, environment=env, jobs_per_hour=jobs, slo=slo)


WAKE_ALARM = 'resource "aws_cloudwatch_metric_alarm" "wake"'
WAKE_POLICY = 'resource "aws_appautoscaling_policy" "wake"'
SLEEP_ALARM = 'resource "aws_cloudwatch_metric_alarm" "sleep"'
SLEEP_POLICY = 'resource "aws_appautoscaling_policy" "sleep"'
BACKLOG = 'resource "aws_appautoscaling_policy" "backlog"'
START = 'resource "aws_appautoscaling_scheduled_action" "start"'
STOP = 'resource "aws_appautoscaling_scheduled_action" "stop"'
WAKE = "IF(0 * visible + inflight + tasks < 1, visible, 0)"
ACTION = "alarm_actions       = [aws_appautoscaling_policy.wake[each.key].arn]"
MAIN, TRANSCRIPTION = "gpu_pools.main", "services.transcription"

MUTANTS: tuple[Mutant, ...] = (
    # Scale-from-zero deadlock
    _tree("the wake alarm calls nobody", "wake-missing", ACTION, "alarm_actions       = []", WAKE_ALARM),
    _tree("no wake alarm for services on Fargate", "wake-missing", "for_each = local.backlog",
          'for_each = { for name, service in local.backlog : name => service if service.launch_type == "EC2" }', WAKE_ALARM),
    _tree("FILL of a task count that was never emitted", "wake-silent", WAKE, "IF(FILL(tasks, 0) < 1, visible, 0)"),
    _tree("a comparison with a missing task count", "wake-silent", WAKE, "IF(tasks < 1, visible, 0)"),
    _tree("both FILLed", "wake-silent", WAKE, "IF(FILL(tasks, 0) + FILL(inflight, 0) < 1, visible, 0)"),
    _tree("wake waits for five messages", "wake-silent", "threshold           = 1", "threshold           = 5", WAKE_ALARM),
    _tree("wake asks for more than one message", "wake-silent", "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", WAKE_ALARM),
    _tree("wake after half an hour", "wake-silent", "evaluation_periods  = 1", "evaluation_periods  = 30", WAKE_ALARM),
    _tree("wake never fires", "wake-silent", WAKE, "IF(0 * visible + inflight + tasks < 1, 0, 0)"),
    _tree("wake reads a metric that nobody emits", "wake-silent", '"ApproximateNumberOfMessagesVisible"', '"NumberOfVisibleMessages"', WAKE_ALARM),
    _tree("wake reads another queue", "wake-silent", "var.queue_names[each.value.queue]", 'var.queue_names["results"]', WAKE_ALARM),
    _tree("the wake step begins above five messages", "wake-step", "metric_interval_lower_bound = 0", "metric_interval_lower_bound = 5", WAKE_POLICY),
    _tree("the wake step ends at ten messages", "wake-step", "metric_interval_lower_bound = 0", "metric_interval_lower_bound = 0\n      metric_interval_upper_bound = 10", WAKE_POLICY),
    _tree("waking adds nothing", "wake-step", "scaling_adjustment          = 1", "scaling_adjustment          = 0", WAKE_POLICY),
    _config("max 0", REFUSED, f"{TRANSCRIPTION}.scaling.max=0"),
    _config("a pool without instances", REFUSED, f"{MAIN}.on_demand.max=0", f"{MAIN}.spot.enabled=false"),
    _config("a host too small for its task", REFUSED, f"{TRANSCRIPTION}.launch.memory_mib=20000"),
    _config("a service on CPU from zero", REFUSED, "services.music_terms.scaling={kind: cpu, min: 0, max: 2, target_percent: 50}"),
    _tree("nobody starts GPU hosts", "pool-managed", 'status                    = "ENABLED"', 'status                    = "DISABLED"', file=POOLS),
    # Places
    _config("all tasks for a spot group of one", "pool-place", f"{MAIN}.spot.weight_percent=100", f"{MAIN}.spot.max=1", f"{MAIN}.on_demand.max=2"),
    _config("more base tasks than on-demand hosts", "pool-place", f"{MAIN}.on_demand.base_tasks=3", f"{MAIN}.on_demand.max=1"),
    _config("spot that nobody uses", "pool-place", f"{MAIN}.spot.weight_percent=0"),
    _config("a spot price that is never offered", "spot-price", f"{MAIN}.spot.max_price=0.05"),
    # Division by zero, and other wrong expressions
    _tree("messages divided by running tasks", "backlog-division", "m1/IF(m2<1,1,m2)", "m1/m2"),
    _tree("a guard that lets zero through", "backlog-division", "m1/IF(m2<1,1,m2)", "m1/IF(m2<0,1,m2)"),
    _tree("tasks by message", "backlog-expression", "m1/IF(m2<1,1,m2)", "IF(m2<1,1,m2)/m1"),
    _tree("messages alone", "backlog-expression", "m1/IF(m2<1,1,m2)", "m1"),
    _tree("a task count that nobody emits", "backlog-expression", '"RunningTaskCount"', '"RunningTasks"', BACKLOG),
    _tree("no policy above one task", "backlog-missing", "for_each = local.backlog", "for_each = {}", BACKLOG),
    _tree("another target than configured", "backlog-target", "target_value       = each.value.scaling.target", "target_value       = 100", BACKLOG),
    # Flapping
    _tree("wake again each minute", "wake-cooldown", 'each.value.launch_type == "EC2" ? 900 : 300', "60", WAKE_POLICY),
    _tree("a GPU host has Fargate's cooldown", "wake-cooldown", 'each.value.launch_type == "EC2" ? 900 : 300', "300", WAKE_POLICY),
    _tree("wake by visible messages alone", "wake-repeats", WAKE, "visible"),
    _tree("wake by a late task count", "wake-repeats", WAKE, "IF(0 * visible + tasks < 1, visible, 0)"),
    _tree("wake by messages in flight alone", "wake-repeats", WAKE, "IF(0 * visible + inflight < 1, visible, 0)"),
    _tree("one message starts five tasks", "wake-step", "scaling_adjustment          = 1", "scaling_adjustment          = 5", WAKE_POLICY),
    _tree("target tracking takes tasks away", "backlog-scale-in", "disable_scale_in   = true", "disable_scale_in   = false"),
    _tree("tasks multiplied each half minute", "backlog-cooldown", "scale_out_cooldown = 120", "scale_out_cooldown = 30"),
    _tree("a booting host counts as missing", "pool-warmup", "instance_warmup_period    = 300", "instance_warmup_period    = 30", file=POOLS),
    _tree("GPU hosts kept for nobody", "pool-spare", "target_capacity           = 100", "target_capacity           = 50", file=POOLS),
    _config("asleep after a pause of two minutes", "sleep-gap", f"{TRANSCRIPTION}.scaling.scale_in_minutes=2"),
    _config("min above max", REFUSED, f"{TRANSCRIPTION}.scaling.min=5"),
    # Scale-in
    _tree("asleep when nothing is visible", "sleep-in-work", "visible + inflight", "visible", SLEEP_ALARM),
    _tree("asleep while one message waits", "sleep-in-work", "threshold           = 0", "threshold           = 1", SLEEP_ALARM),
    _tree("asleep as no data comes", "sleep-silence", 'treat_missing_data  = "ignore"', 'treat_missing_data  = "breaching"', SLEEP_ALARM),
    _tree("never asleep", "sleep-missing", "threshold           = 0", "threshold           = -1", SLEEP_ALARM),
    _tree("never asleep without messages in flight", "sleep-missing", "visible + inflight", "IF(inflight < 1, visible, 1)", SLEEP_ALARM),
    _tree("the sleep alarm calls nobody", "sleep-missing", "alarm_actions       = [aws_appautoscaling_policy.sleep[each.key].arn]", "alarm_actions       = []", SLEEP_ALARM),
    _tree("asleep after one minute", "sleep-minutes", "each.value.scaling.scale_in_minutes", "1", SLEEP_ALARM),
    _tree("sleep goes to one task", "sleep-step", "each.value.scaling.min", "1", SLEEP_POLICY),
    _tree("the sleep step misses zero", "sleep-step", "metric_interval_upper_bound = 0", "metric_interval_upper_bound = -1", SLEEP_POLICY),
    _tree("up and down at once", "wake-and-sleep", "visible + inflight", "inflight - visible", SLEEP_ALARM),
    # Schedule against backlog
    _tree("stopped, never started", "schedule-start", "for_each = local.scheduled", "for_each = {}", START),
    _tree("started with nothing", "schedule-start", "max_capacity = each.value.scaling.max", "max_capacity = 0", START),
    _tree("started with one task", "schedule-bounds", "max_capacity = each.value.scaling.max", "max_capacity = 1", START),
    _tree("stop by another clock", "schedule-clock", "timezone           = var.off_hours.time_zone", 'timezone           = "UTC"', STOP),
    _config("a weekend outlives the message", "schedule-expiry", "queues.retention_days=3"),
    _config("open on Mondays only", "schedule-expiry", "off_hours.days=MON"),
    _config("an hour of work a day", "schedule-short", "off_hours.stop_at=08:00"),
    _config("the week's work in few hours", "schedule-capacity", jobs=20),
    _config("nobody waits till the morning", "schedule-slo", slo=60),
    # Too small for what comes
    _config("ten times the lessons", "capacity", jobs=200, env="production"),
    _config("one GPU for them all", "capacity", f"{TRANSCRIPTION}.scaling.max=1", jobs=60, env="production"),
    _config("a hundred messages for one task", "backlog-alarm", f"{TRANSCRIPTION}.scaling.messages_per_task=60", env="production"),
    _config("a backlog that waits too long", "backlog-slo", f"{TRANSCRIPTION}.scaling.messages_per_task=14", env="production", jobs=5, slo=30),
    _config("a boot longer than the wait wanted", "wake-slo", f"{TRANSCRIPTION}.scaling.min=0", env="production", slo=5),
    # Visibility and time-outs
    _config("visible again after a minute", REFUSED, "timeouts.transcription.visibility_seconds=60"),
    _config("an outage of a minute doubles the work", "visibility", "timeouts.stop_seconds=30", "timeouts.transcription.visibility_seconds=90"),
    _tree("the queue knows another time-out than its worker", "visibility", "each.value.visibility_seconds", "60", file=QUEUES),
    _config("longer than SQS holds a message", "job-beyond-sqs", "timeouts.transcription.job_seconds=50000", "queues.retention_days=14"),
    _config("tries that outlive the message", REFUSED, "queues.retention_days=1", "timeouts.transcription.job_seconds=43200"),
    _config("one delivery", "one-delivery", "queues.max_receive_count=1"),
    _config("two deliveries on spot", "spot-deliveries", "queues.max_receive_count=2"),
    _config("a long lesson is given up", "job-time", "timeouts.transcription.job_seconds=600", jobs=5, env="production"),
    _config("half an hour between checkpoints", "checkpoint", "whisper.checkpoint_seconds=1800"),
    # Spot
    _config("production on spot alone", "spot-only", f"{MAIN}.on_demand.base_tasks=0", f"{MAIN}.on_demand.max=0", f"{MAIN}.spot.max=8", env="production"),
    _config("hours of FFmpeg on a spot pool", "spot-only", "gpu_pools.burst.instance_type=g4dn.xlarge", "gpu_pools.burst.on_demand.max=0",
            "gpu_pools.burst.spot={enabled: true, max: 2}", "services.audio_extraction.launch={type: gpu, pool: burst, gpus: 0, cpu: 2048, memory_mib: 4096}",
            "timeouts.audio_extraction.job_seconds=14400"),
    _config("hours of FFmpeg on Fargate Spot", "spot-unsaved", "timeouts.audio_extraction.job_seconds=14400"),
    _config("one type of spot instance", "spot-types", f"{MAIN}.spot.alternatives=[]", env="production"),
)  # fmt: skip

# Good as they are: across markets, sizes, schedules and time-outs.
GOOD: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("staging", (f"{MAIN}.spot.enabled=false", f"{MAIN}.on_demand.max=3")),
    ("staging", (f"{MAIN}.on_demand.max=0", f"{MAIN}.spot.max=3")),
    ("staging", (f"{MAIN}.instance_type=g4dn.4xlarge",)),
    ("staging", (f"{MAIN}.instance_type=g5.xlarge", f"{MAIN}.spot.alternatives=g5.2xlarge")),
    ("staging", ("gpu_pools.burst.instance_type=g4dn.xlarge", "gpu_pools.burst.on_demand.max=0", "gpu_pools.burst.spot={enabled: true, max: 2}",
                 "services.audio_extraction.launch={type: gpu, pool: burst, gpus: 0, cpu: 2048, memory_mib: 4096}")),
    ("staging", ("services.music_terms.launch={type: gpu, pool: main, gpus: 0, cpu: 1024, memory_mib: 2048}", f"{TRANSCRIPTION}.launch.memory_mib=12288")),
    ("staging", ("off_hours=null",)),
    ("staging", ("off_hours.days=[MON, TUE, WED, THU, FRI, SAT, SUN]",)),
    ("staging", ("off_hours.start_at=06:00", "off_hours.stop_at=23:30", "off_hours.time_zone=Europe/Berlin")),
    ("staging", ("off_hours.start_at=22:00", "off_hours.stop_at=06:00")),
    ("staging", ("services.transcription.scaling={kind: fixed, tasks: 1}",)),
    ("staging", (f"{TRANSCRIPTION}.scaling.min=1", f"{TRANSCRIPTION}.scaling.scale_in_minutes=30")),
    ("staging", (f"{TRANSCRIPTION}.scaling.max=1",)),
    ("staging", (f"{TRANSCRIPTION}.scaling.messages_per_task=1",)),
    ("staging", ("services.audio_extraction.launch.spot_percent=0", "services.music_terms.launch.spot_percent=100")),
    ("staging", ("timeouts.transcription={job_seconds: 7200, visibility_seconds: 900}", "queues.max_receive_count=5")),
    ("staging", ("queues.retention_days=14", "whisper.checkpoint_seconds=300")),
    ("staging", ("alarms.backlog_jobs=60", "database.engine=sqlite", "services.api.scaling.kind=fixed", "services.api.scaling.tasks=1")),
    ("production", (f"{MAIN}.spot.enabled=false", f"{MAIN}.on_demand.max=8")),
    ("production", (f"{MAIN}.on_demand={{base_tasks: 2, max: 6}}", f"{MAIN}.spot={{max: 6, weight_percent: 50}}", f"{TRANSCRIPTION}.scaling.max=10")),
    ("production", (f"{TRANSCRIPTION}.scaling.min=0", f"{TRANSCRIPTION}.scaling.scale_in_minutes=45")),
    ("production", (f"{MAIN}.spot.max_price=0.4", "services.audio_extraction.scaling={min: 2, max: 20, messages_per_task: 2}")),
    ("production", ("off_hours={time_zone: America/Chicago, stop_at: '21:00', start_at: '06:00', days: [MON, TUE, WED, THU, FRI, SAT]}",)),
    ("dev", ("off_hours=null", "services.transcription.scaling.max=1")),
)  # fmt: skip
