"""The rules of the prover: pure functions from a case to what does not hold in it."""

from __future__ import annotations

from typing import Final

from thoth_infra.review.scaling.findings import Rule, of_each
from thoth_infra.review.scaling.rules import pools, queues, schedule, sleep, tracking, zero

RULES: Final[tuple[Rule, ...]] = (
    Rule("bounds", "every queue worker may have a task", of_each(zero.no_minimum_of_start)),
    Rule("wake-missing", "what goes to zero is started again", of_each(zero.missing)),
    Rule("wake-silent", "the first message's alarm fires, whatever was emitted before", of_each(zero.silent)),
    Rule("wake-repeats", "no alarm starts a first task while one works", of_each(zero.repeats)),
    Rule("wake-step", "the alarm's policy adds one task", of_each(zero.adds)),
    Rule("wake-cooldown", "the next task is not started while the first one boots", of_each(zero.cooldown)),
    Rule("wake-slo", "a first message need not wait for a boot longer than wanted", of_each(zero.cold_start)),
    Rule("backlog-missing", "something adds tasks up to the maximum", of_each(tracking.missing)),
    Rule("backlog-division", "messages per task have a value without a task", of_each(tracking.divides_by_zero)),
    Rule("backlog-expression", "the policy sees messages per running task", of_each(tracking.wrong)),
    Rule("backlog-target", "the policy holds the configured messages per task", of_each(tracking.target)),
    Rule("backlog-scale-in", "target tracking takes no task away", of_each(tracking.scales_in)),
    Rule("backlog-cooldown", "tasks are not multiplied before they are counted", of_each(tracking.cooldown)),
    Rule("backlog-alarm", "autoscaling reaches its maximum before a person is called",
         of_each(tracking.alarm_before_maximum)),
    Rule("sleep-missing", "what is done with is stopped", of_each(sleep.missing)),
    Rule("sleep-in-work", "nothing is stopped while a message waits or is in work", of_each(sleep.in_work)),
    Rule("sleep-silence", "no data is no reason to stop", of_each(sleep.on_silence)),
    Rule("sleep-minutes", "tasks stay as long as configured", of_each(sleep.minutes)),
    Rule("sleep-gap", "a pause shorter than a start costs no start", of_each(sleep.gap)),
    Rule("sleep-step", "the policy behind the alarm sets the minimum", of_each(sleep.minimum)),
    Rule("wake-and-sleep", "no numbers start and stop at once", of_each(sleep.fights)),
    Rule("pool-managed", "the capacity providers start hosts", pools.managed),
    Rule("pool-warmup", "a booting host counts as capacity", pools.warmup),
    Rule("pool-spare", "no host is kept for nobody", pools.spare),
    Rule("pool-place", "every task finds a host of its market", of_each(pools.no_place)),
    Rule("spot-only", "no stage depends on spot alone", of_each(pools.spot_only)),
    Rule("spot-unsaved", "long work without checkpoints is not on Fargate Spot", of_each(pools.spot_unsaved)),
    Rule("spot-deliveries", "interruptions make no dead letters", of_each(pools.spot_deliveries)),
    Rule("spot-price", "the highest spot price is one that is offered", pools.spot_price),
    Rule("spot-types", "production's spot has several types to choose from", pools.spot_one_type),
    Rule("visibility", "a message in work is nobody else's", of_each(queues.heartbeat)),
    Rule("job-beyond-sqs", "no job is longer than SQS can hold its message", of_each(queues.beyond_sqs)),
    Rule("one-delivery", "a job is tried again", queues.one_delivery),
    Rule("job-time", "the time-out lets a long job end", of_each(queues.job_time)),
    Rule("checkpoint", "an interruption loses little", of_each(queues.checkpoint)),
    Rule("backlog-slo", "messages that start no task need not wait longer than wanted", of_each(queues.clearing)),
    Rule("capacity", "the most tasks keep up with what comes", of_each(queues.too_small)),
    Rule("schedule-start", "what the schedule stops it starts", of_each(schedule.no_start)),
    Rule("schedule-bounds", "the morning brings back what the evening took", of_each(schedule.other_bounds)),
    Rule("schedule-clock", "stop and start go by one clock", of_each(schedule.time_zones)),
    Rule("schedule-short", "on hours hold a start and a job", of_each(schedule.too_short)),
    Rule("schedule-expiry", "what waits for the morning does not expire", of_each(schedule.expires)),
    Rule("schedule-capacity", "the on hours do the week's work", of_each(schedule.not_done_by_day)),
    Rule("schedule-slo", "nobody waits for the morning longer than wanted", of_each(schedule.waits_for_morning)),
)  # fmt: skip
