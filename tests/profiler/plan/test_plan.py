import pytest

from profiler.errors import BadFile, EnvironmentFault, UnusableArguments
from profiler.plan.plan import Plan, field_problems
from profiler.plan.plan_file import load_plan, plan_text, save_plan
from profiler.plan.slo import Limit, parse_slo


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
        ({"load": {"arrival": "offline", "requests_per_user": 3}}, ""),
    ],
)
def test_what_is_wrong_names_its_field(document, field):
    assert list(field_problems(document)) == [field]
    with pytest.raises(UnusableArguments, match=field.replace(".", r"\.") or "no meaning offline"):
        Plan.from_document(document)


def test_a_file_that_is_no_plan_is_told(tmp_path):
    with pytest.raises(EnvironmentFault, match="cannot be read"):
        load_plan(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("a = [")
    with pytest.raises(BadFile, match="not a TOML file"):
        load_plan(tmp_path / "bad.toml")
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
