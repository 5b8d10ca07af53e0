import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pages.plan.limits import Limits
from app.pages.plan.use_case import BATCH, CHAT, OWN, title_of, use_case_of
from app.pages.plan.words import in_words, listed
from app.widgets.axis_field import typed_values
from profiler.plan.plan import Engine, Load, Models, Need, Plan, Trust
from profiler.plan.slo import parse_slo

CHAT_SLO = "ttft_ms.p95<=1000,tpot_ms.p95<=142.857"


def test_a_reading_speed_is_a_limit_on_the_time_of_each_token() -> None:
    assert Limits(1000.0, "p95", 7.0).to_text() == CHAT_SLO
    assert Limits.from_text(CHAT_SLO) == Limits(1000.0, "p95", 7.0)
    assert Limits.from_text("tpot_ms.p95<=20").reading_tok_s == 50.0


def test_limits_without_a_field_stay_as_they_are_written() -> None:
    text = "e2e_ms.p99 <= 5000, ttft_ms.p50<=300,ttft_ms.p99<=900,tpot_ms.p90<=100"
    limits = Limits.from_text(text)
    assert (limits.first_token_ms, limits.first_token_statistic, limits.reading_tok_s) == (300.0, "p50", None)
    assert limits.others == "e2e_ms.p99 <= 5000,ttft_ms.p99<=900,tpot_ms.p90<=100"


@given(
    st.lists(
        st.builds(
            "{}.{}<={}".format,
            st.sampled_from(["ttft_ms", "tpot_ms", "itl_ms", "e2e_ms"]),
            st.sampled_from(["p50", "p95", "max"]),
            st.one_of(st.integers(0, 10**9), st.decimals(0, 5000, places=3, allow_nan=False)),
        ),
        max_size=4,
    )
)
def test_no_limit_is_lost_or_changed_on_the_way_through_the_form(parts: list[str]) -> None:
    text = ",".join(parts)
    there_and_back = Limits.from_text(text).to_text()
    assert sorted(map(str, parse_slo(there_and_back))) == sorted(map(str, parse_slo(text)))


def test_what_is_typed_becomes_values() -> None:
    assert typed_values(" 1, 2 4;;8,") == ["1", "2", "4", "8"]
    assert typed_values("") == []


def test_the_use_case_is_told_by_the_fields() -> None:
    chat = Plan(need=Need(slo=CHAT_SLO, users=4))
    assert use_case_of(chat) is CHAT
    assert title_of(chat) == "4 users chatting"
    assert title_of(Plan(need=Need(slo=CHAT_SLO, users=1))) == "1 user chatting"
    batch = Plan(load=Load(arrival="offline"))
    assert use_case_of(batch) is BATCH
    assert title_of(batch) == "Overnight batch"
    assert use_case_of(Plan()) is OWN
    assert title_of(Plan()) == "Speed test"
    assert use_case_of(Plan(need=Need(slo="ttft_ms.p95<=900", users=4))) is OWN


def test_several_as_one_says_them() -> None:
    assert [listed(words) for words in (["1"], ["1", "2"], ["1", "2", "4"])] == ["1", "1 and 2", "1, 2 and 4"]


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        (
            Plan(need=Need(slo=CHAT_SLO, users=4), models=Models(quant=("as-is", "Q8_0")), trust=Trust(repetitions=3)),
            "Measure **SmolLM2**, as it is and as **Q8_0**, with **1, 2 and 4 users** who ask again as soon as an answer is "
            "there, three times each in mixed order, and see which serves **4 users** with a first token within **1 s** for 95 % "
            "of requests and **7 tok/s** or more for each.",
        ),
        (
            Plan(load=Load(arrival="offline", concurrency=(8,)), trust=Trust(repetitions=1, budget=600)),
            "Measure **SmolLM2** with **64 requests** that are all there at the start, **8** of them decoded together, "
            "once each in mixed order, for 10 min at the most.",
        ),
        (
            Plan(
                need=Need(slo="ttft_ms.max<=800"),
                models=Models(quant=("Q4_K_M",)),
                load=Load(concurrency=(1,), think_time=(2.5,), prompt_tokens=(64, 128)),
                engine=Engine(threads=(1, 2), flash_attn=("on", "off")),
                trust=Trust(repetitions=20),
            ),
            "Measure **SmolLM2** as **Q4_K_M** with **1 user** who asks again 2.5 s after each answer, over prompts of 64 and "
            "128 tokens, threads 1 and 2 and flash attention on and off, 20 times each in mixed order, and see which keeps to a "
            "first token within **800 ms** for every request.",
        ),
    ],
)
def test_a_plan_in_words(plan: Plan, sentence: str) -> None:
    assert in_words(plan, ["SmolLM2"]) == sentence
