import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.pages.plan.arrivals_ahead import MOST_DUE, draw_ahead
from app.pages.plan.problems import field_words, in_form_words, placed
from app.plots.arrivals_plot import ArrivalsDrawing
from app.widgets.axis_field import typed_values
from profiler.plan.cells import expand
from profiler.plan.limits import Limits
from profiler.plan.load_words import class_arrivals_in_words
from profiler.plan.plan import Engine, Load, Models, Need, Plan, RequestMix, Search, Trust, field_problems
from profiler.plan.slo import parse_slo
from profiler.plan.use_case import BATCH, CHAT, OWN, VOICE, use_case_of
from profiler.plan.words import in_words, listed, title_of

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


MIX = Load(
    classes=(
        RequestMix(name="chats", users=4, prompt_tokens=48),
        RequestMix(name="pasted document", arrival="constant", rate=0.2, requests=1, start=4, prompt_tokens=2000),
    )
)


def test_the_use_case_is_told_by_the_fields() -> None:
    chat = Plan(need=Need(slo=CHAT_SLO, users=4))
    assert use_case_of(chat) is CHAT
    assert title_of(chat) == "4 users chatting"
    assert title_of(Plan(need=Need(slo=CHAT_SLO, users=1))) == "1 user chatting"
    batch = Plan(load=Load(arrival=("offline",)))
    assert use_case_of(batch) is BATCH
    assert title_of(batch) == "Overnight batch"
    assert use_case_of(Plan()) is OWN
    assert title_of(Plan()) == "Speed test"
    assert use_case_of(Plan(need=Need(slo="ttft_ms.p95<=900", users=4))) is OWN
    voice = Plan.from_document(VOICE.document())
    assert title_of(voice) == "Voice"
    assert title_of(voice.model_copy(update={"need": Need(slo=VOICE.slo, users=3)})) == "Voice, 3 users"
    assert title_of(Plan(load=MIX)) == "4 chats and 1 pasted document"


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
            Plan(load=Load(arrival=("offline",), concurrency=(8,)), trust=Trust(repetitions=1, budget=600)),
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
        (
            Plan(
                load=Load(
                    arrival=("poisson", "spike"),
                    rate=(2.0, 40.0),
                    rate_to=30.0,
                    spike_at=4.0,
                    spike_for=2.0,
                    duration=14.0,
                    batching=("sequential", "static"),
                    prefix_cache=("off", "on"),
                    shared_prefix=(0.0, 0.8),
                ),
                trust=Trust(repetitions=2),
            ),
            "Measure **SmolLM2** with **2 and 40 requests a second** at random and with **2 and 40 requests a second**, **30** "
            "from 4 to 6 s, for 14 s, at most **8** answered at once, over shared beginning 0 and 0.8, prefix cache off and "
            "on and batching one at a time and static, twice each in mixed order.",
        ),
        (
            Plan(load=MIX.model_copy(update={"prefill_chunk": (32, 512)}), trust=Trust(repetitions=2)),
            "Measure **SmolLM2** with **4 chats** of 48 tokens and **1 pasted document** of 2000 tokens, over prefill chunk 32 "
            "and 512, twice each in mixed order.",
        ),
        (
            Plan(
                load=Load(
                    concurrency=(4,),
                    turns=(3,),
                    shared_prefix=(0.8,),
                    prefix_cache=("on",),
                    batching=("static",),
                    static_batch_size=(2, 4),
                    queue_limit=10,
                    timeout=60,
                ),
                trust=Trust(repetitions=1),
            ),
            "Measure **SmolLM2** with **4 users** who ask again as soon as an answer is there, in conversations of **3 turns**, "
            "**80 %** of each prompt shared, with the **prefix cache**, in **static batches**, at most 10 waiting, given up "
            "after 60 s, over static batch 2 and 4, once each in mixed order.",
        ),
    ],
)
def test_a_plan_in_words(plan: Plan, sentence: str) -> None:
    assert in_words(plan, ["SmolLM2"]) == sentence


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (Load(arrival=("constant",), rate=(1.0,)), "with **1 request a second** at even gaps, for 30 s,"),
        (Load(arrival=("gamma",), rate=(2.0,), burstiness=(0.3,)), "in clumps (burstiness 0.3), for 30 s,"),
        (
            Load(arrival=("burst",), rate=(8.0,), burst_on=5, burst_off=15),
            "**8 requests a second** for 5 s and none for 15 s in turn",
        ),
        (
            Load(arrival=("burst",), rate=(2.0,), rate_to=9, burst_on=5, burst_off=15),
            "**9** for 5 s and **2 requests a second** for 15 s in turn",
        ),
        (Load(arrival=("ramp",), rate=(2.0,), rate_to=8, requests=40), "rising to **8**, up to 40 requests, at most **8**"),
        (
            Load(arrival=("poisson",), rate=(2.0,), turns=(3,), slots=(4,)),
            "**2 conversations a second** at random, for 30 s, at most",
        ),
        (
            Load(arrival=("trace",), trace="/a/monday.csv", time_scale=2),
            "the requests of **monday.csv** replayed, 2 times slower, at most **8** answered at once",
        ),
    ],
)
def test_arrivals_in_words(load: Load, words: str) -> None:
    assert words in in_words(Plan(load=load), ["SmolLM2"])


def test_a_class_of_a_mix_in_words() -> None:
    chats = RequestMix(name="chats", users=4, think_time=2, turns=3, duration=14)
    assert class_arrivals_in_words(chats) == "each asks again 2 s after an answer, until 14 s, 3 turns each"
    document = RequestMix(name="document", arrival="poisson", rate=0.5, start=4, requests=3, shared_prefix=0.5)
    assert class_arrivals_in_words(document) == "0.5 requests a second at random, from 4 s on, 3 in all, 50 % shared"


@pytest.mark.parametrize(
    ("load", "told"),
    [
        (
            {"arrival": "spike", "spike_for": 2},
            {
                "load.rate": "must be given for arrival spike",
                "load.rate_to": "must be given for arrival spike",
                "load.spike_at": "must be given for arrival spike",
            },
        ),
        (
            {"arrival": ["closed", "offline"], "think_time": 1},
            {"load.think_time": "has no meaning offline: nobody waits for an answer there"},
        ),
        ({"output_tokens": "trace"}, {"load.prompt_tokens": "lengths from a trace need arrival trace"}),
        ({"classes": [{"name": "a"}, {"name": "a", "users": 2}]}, {"load.classes": "has a name twice"}),
        (
            {"queue_limit": 2, "batching": "static"},
            {"load.queue_limit": "leaves no room for a static batch to gather; give “Static batch” or more"},
        ),
        ({"rate": "x"}, {"load.rate": "is not a number (given: x)"}),
    ],
)
def test_a_problem_stands_beside_the_fields_that_it_names(load: dict[str, object], told: dict[str, str]) -> None:
    assert placed(field_problems({"load": load})) == told


def test_fields_by_the_words_of_the_form() -> None:
    assert field_words("load.rate_to") == "Other rate"
    assert field_words("load.classes.prompt_tokens") == "Mix, prompt"
    assert field_words("engine.kv_unified") == "Unified KV"


def drawn(load: Load) -> tuple[ArrivalsDrawing | None, str]:
    plan = Plan(load=load)
    return draw_ahead(plan, expand(plan, ["m"], 2))


def test_constant_arrivals_are_drawn_where_they_are_due() -> None:
    drawing, words = drawn(Load(arrival=("constant",), rate=(2.0,), duration=3))
    assert drawing is not None
    (row,) = drawing.rows
    assert row.due_s.tolist() == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]
    assert (row.times_s[0], row.times_s[-1], set(row.rates_s)) == (0.0, 3.0, {2.0})
    assert drawing.span_s == 3.0
    assert words == drawing.words == "Constant 2/s: 6 requests, up to 2 in one second."


def test_a_spike_has_its_rate_where_it_is() -> None:
    drawing, _ = drawn(Load(arrival=("spike",), rate=(1.0,), rate_to=9, spike_at=4, spike_for=2, duration=10))
    assert drawing is not None
    (row,) = drawing.rows
    inside = (row.times_s >= 4) & (row.times_s < 6)
    assert set(row.rates_s[inside]) == {9.0}
    assert set(row.rates_s[~inside]) == {1.0}


def test_loops_are_told_in_words_and_not_drawn() -> None:
    assert drawn(Load(concurrency=(1, 2, 4))) == (None, "1, 2 and 4 users, each asks again when answered.")
    assert drawn(Load(concurrency=(1,), think_time=(0.5,))) == (None, "1 user, who asks again 0.5 s after an answer.")
    assert drawn(Load(arrival=("offline",)))[1] == "64 requests, all there at the start."
    both, words = drawn(Load(arrival=("closed", "constant"), rate=(1.0,), concurrency=(2,), duration=4))
    assert both is not None
    assert [row.label for row in both.rows] == ["Constant 1/s"]
    assert words == "2 users, each asks again when answered; Constant 1/s: 4 requests, up to 1 in one second."


def test_each_class_of_a_mix_is_a_row() -> None:
    drawing, _ = drawn(MIX.model_copy(update={"duration": 12.0}))
    assert drawing is not None
    chats, document = drawing.rows
    assert (chats.label, chats.lane_s, chats.lane_words) == ("chats", (0.0, 12.0), "4 users, each asks again when answered")
    assert (document.label, document.due_s.tolist()) == ("pasted document", [4.0])
    assert drawing.span_s == 12.0


def test_a_flood_is_drawn_in_part_and_never_computed_whole() -> None:
    drawing, words = drawn(Load(arrival=("poisson",), rate=(1e6,), duration=1e5))
    assert drawing is not None
    assert len(drawing.rows[0].due_s) == MOST_DUE
    assert words == f"Poisson 1e+06/s: the first {MOST_DUE} requests are drawn."


def test_more_kinds_than_rows_are_counted() -> None:
    drawing, words = drawn(Load(arrival=("constant",), rate=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), duration=2))
    assert drawing is not None
    assert len(drawing.rows) == 4
    assert words.endswith("; 2 more are not drawn.")


def test_requests_that_would_never_come_are_told() -> None:
    drawing, words = drawn(Load(arrival=("ramp",), rate=(1.0,), rate_to=0, requests=500))
    assert drawing is None or not len(drawing.rows[0].due_s)
    assert "may never come" in words


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (
            Plan(need=Need(slo="ttft_ms.p95<=1000"), load=Load(concurrency=(1, 4, 16))),
            "Search **m**, for the most users, between **1 and 16**, each asking again as soon as answered, with a first token "
            "within **1 s** for 95 % of requests; then confirm the winner and the runner-up by **six fresh runs** each.",
        ),
        (
            Plan(
                models=Models(quant=("as-is", "Q8_0")),
                load=Load(arrival=("poisson",), rate=(0.5, 8.0)),
                engine=Engine(threads=(1, 2)),
                trust=Trust(budget=600.0),
            ),
            "Search **m**, as it is and as **Q8_0**, for the rate from which more requests gain little, between **0.5 and 8** "
            "requests a second, for 30 s, over threads 1 and 2, for 10 min at the most; then confirm the winner and the "
            "runner-up by **six fresh runs** each.",
        ),
        (
            Plan(load=Load(concurrency=(4,), think_time=(2.0,))),
            "Search **m**, for the fastest with **4 users**, each asking again 2 s after an answer; then confirm the winner and "
            "the runner-up by **six fresh runs** each.",
        ),
        (
            Plan(load=Load(arrival=("offline",))),
            "Search **m** with **64 requests** that are all there at the start, **1, 2 and 4** of them decoded together.",
        ),
    ],
)
def test_a_search_in_words(plan: Plan, words: str) -> None:
    assert in_words(plan.model_copy(update={"search": Search(enabled=True)}), ["m"]) == words


def test_options_of_the_command_line_are_fields_of_the_form() -> None:
    assert in_form_words("give --ctx-size 512 or --rate two numbers") == "give “Context of a slot” 512 or “Rate” two numbers"
