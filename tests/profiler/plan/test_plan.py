import pytest

from profiler.errors import BadFile, EnvironmentFault, UnusableArguments
from profiler.plan.plan import Plan, field_problems
from profiler.plan.plan_file import load_plan, plan_text, save_plan
from profiler.plan.slo import Limit, parse_slo
from profiler.plan.use_case import OWN, USE_CASES, use_case_of


def test_the_defaults_are_a_plan_of_the_sample():
    assert Plan().models.paths == ("sample",)
    assert field_problems(Plan().to_document()) == {}


def test_a_plan_file_gives_the_same_plan_back(tmp_path):
    plan = Plan.from_document(
        {
            "title": "Zwölf Leute",
            "need": {"slo": "ttft_ms.p95<=1000", "users": 4},
            "models": {"paths": ["a.gguf"], "quant": ["as-is", "q8_0"]},
            "load": {"concurrency": [1, 4], "duration": 2.5},
            "engine": {"flash_attn": ["on", "off"], "mmap": "off"},
            "trust": {"repetitions": 2, "seed": 7},
        }
    )
    assert plan.models.quant == ("as-is", "Q8_0")
    save_plan(plan, tmp_path / "plan.toml")
    assert load_plan(tmp_path / "plan.toml") == plan
    assert "concurrency = [1, 4]" in plan_text(plan)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"load": {"concurrency": [0]}}, "load.concurrency"),
        ({"load": {"concurrency": []}}, "load.concurrency"),
        ({"load": {"concurrency": [2, 2]}}, "load.concurrency"),
        ({"load": {"users": [2]}}, "load.users"),
        ({"engine": {"flash_attn": ["maybe"]}}, "engine.flash_attn"),
        ({"trust": {"repetitions": "six"}}, "trust.repetitions"),
        ({"need": {"slo": "ttft<=1"}}, "need.slo"),
        ({"load": {"think_time": [float("nan")]}}, "load.think_time"),
        ({"load": {"arrival": "offline", "requests_per_user": 3}}, "load"),
        ({"load": {"prompt_tokens": ["uniform:9:3"]}}, "load.prompt_tokens"),
        ({"load": {"prompt_tokens": [True]}}, "load.prompt_tokens"),
        ({"load": {"output_tokens": ["trace"]}}, "load"),
        ({"load": {"arrival": "poisson"}}, "load"),
        ({"load": {"arrival": "poisson", "rate": [0, 1]}}, "load"),
        ({"load": {"arrival": "ramp", "rate": 0, "rate_to": 0}}, "load"),
        ({"load": {"arrival": "spike", "rate": 1, "rate_to": 5}}, "load"),
        ({"load": {"arrival": "ramp", "rate": 1}}, "load"),
        ({"load": {"arrival": "trace"}}, "load"),
        ({"load": {"arrival": "trace", "trace": "x", "trace_columns": "a,b"}}, "load.trace_columns"),
        ({"load": {"arrival": "offline", "turns": 2}}, "load"),
        ({"load": {"arrival": "offline", "think_time": 2}}, "load"),
        ({"load": {"shared_prefix": 1.5}}, "load.shared_prefix"),
        ({"load": {"classes": [{"name": "a"}, {"name": "a", "users": 2}]}}, "load"),
        ({"load": {"classes": [{"name": "a", "slo": "x"}]}}, "load.classes.slo"),
        ({"engine": {"tensor_split": "3/x"}}, "engine.tensor_split"),
    ],
)
def test_what_is_wrong_names_its_field(document, field):
    assert list(field_problems(document)) == [field]
    with pytest.raises(UnusableArguments, match=field.replace(".", r"\.")):
        Plan.from_document(document)


def test_one_value_is_an_axis_of_one():
    plan = Plan.from_document(
        {"load": {"arrival": "poisson", "rate": 2, "prompt_tokens": "uniform:8:16"}, "engine": {"mmap": "off"}}
    )
    assert (plan.load.arrival, plan.load.rate, plan.load.prompt_tokens) == (("poisson",), (2.0,), ("uniform:8:16",))
    assert plan.engine.mmap == ("off",)
    assert Plan.from_document(plan.to_document()) == plan


def test_a_mix_of_classes_is_read_and_written(tmp_path):
    classes = [
        {"name": "chats", "users": 4, "prompt_tokens": 64, "slo": "tpot_ms.p95<=100", "duration": 10},
        {"name": "paste", "arrival": "constant", "rate": 0.5, "requests": 1, "start": 3, "prompt_tokens": 2000},
    ]
    plan = Plan.from_document({"load": {"classes": classes}})
    save_plan(plan, tmp_path / "mix.toml")
    assert load_plan(tmp_path / "mix.toml") == plan
    assert "[[load.classes]]" in (tmp_path / "mix.toml").read_text()


def test_every_use_case_sets_a_valid_plan_that_is_recognized_as_it():
    for case in USE_CASES:
        plan = Plan.from_document(case.document())
        assert use_case_of(plan) is case, case.name
        assert case.reason.endswith((".", ":", "theirs."))
    assert use_case_of(Plan.from_document({"need": {"slo": "ttft_ms.max<=3"}})) is OWN


def test_a_file_that_is_no_plan_is_told(tmp_path):
    with pytest.raises(EnvironmentFault, match="cannot be read"):
        load_plan(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("a = [")
    with pytest.raises(BadFile, match="not a TOML file"):
        load_plan(tmp_path / "bad.toml")
    (tmp_path / "number.toml").write_text(f"version = {'9' * 5000}")
    with pytest.raises(BadFile, match="a number or a date that no plan can have"):
        load_plan(tmp_path / "number.toml")
    (tmp_path / "long.toml").write_text(f"[load]\n{'a' * 9999} = 1\n")
    with pytest.raises(UnusableArguments, match=r"load\.a+…: is not a field") as told:
        load_plan(tmp_path / "long.toml")
    assert len(told.value.sentence) < 200
    (tmp_path / "many.toml").write_text("".join(f"a{number} = 1\n" for number in range(500)))
    with pytest.raises(UnusableArguments, match=r"; and 494 more$"):
        load_plan(tmp_path / "many.toml")
    (tmp_path / "large.toml").write_bytes(b"#" * (2 << 20))
    with pytest.raises(BadFile, match="larger than 1 MB"):
        load_plan(tmp_path / "large.toml")
    (tmp_path / "other.toml").write_text("[load]\nthread = [1]\n")
    with pytest.raises(UnusableArguments, match=r"load\.thread: is not a field"):
        load_plan(tmp_path / "other.toml")


def test_limits_are_read():
    assert parse_slo(" ttft_ms.p95<=1000 , tpot_ms.max <= 62.5 ") == (
        Limit("ttft_ms", "p95", 1000),
        Limit("tpot_ms", "max", 62.5),
    )
    assert parse_slo("") == ()
    for threshold in (1000.0, 62.5, 3_600_000.0):
        assert parse_slo(str(Limit("ttft_ms", "p95", threshold))) == (Limit("ttft_ms", "p95", threshold),)
    assert str(Limit("ttft_ms", "p95", 1000.0)) == "ttft_ms.p95<=1000"


@pytest.mark.parametrize(
    "text", ["ttft_ms<=1", "ttft_ms.p95>=1", "ttft_ms.p12<=1", "output_tok_s.p95<=1", "x", "ttft_ms.p95<=-1"]
)
def test_what_is_no_limit_is_told(text):
    with pytest.raises(ValueError, match="is not a"):
        parse_slo(text)
