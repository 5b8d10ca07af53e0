"""The plan that stands in the form at the first start: a chat with the sample model, done within minutes."""

from profiler.plan.plan import AS_IS, Load, Models, Need, Plan, Trust
from profiler.plan.use_case import CHAT

FIRST_PLAN = Plan(
    need=Need(slo=CHAT.slo, users=CHAT.users),
    models=Models(quant=(AS_IS, "Q8_0")),
    load=Load(concurrency=(1, 2, 4)),
    trust=Trust(repetitions=3),
)
