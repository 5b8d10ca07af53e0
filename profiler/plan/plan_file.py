"""Plans as TOML files, for `run --plan` and the Plan page."""

import tomllib
from pathlib import Path

import tomlkit

from profiler.errors import BadFile, EnvironmentFault
from profiler.plan.plan import Plan

_LARGEST_PLAN_BYTES = 1 << 20


def load_plan(path: Path) -> Plan:
    """Read a plan; raises BadFile for what is no TOML, UnusableArguments naming each wrong field."""
    try:
        if path.stat().st_size > _LARGEST_PLAN_BYTES:
            raise BadFile(f"{path} is larger than 1 MB; a plan is a short TOML file.")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(f"The plan {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadFile(f"{path} is not a TOML file: {error}.") from error
    return plan_of_text(text, str(path))


def plan_of_text(text: str, name: str) -> Plan:
    """The plan in a TOML text that came from a file of that name; raises as `load_plan`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadFile(f"{name} is not a TOML file: {error}.") from error
    except ValueError:
        raise BadFile(f"{name} holds a number or a date that no plan can have.") from None
    except RecursionError:
        raise BadFile(f"{name} is nested too deeply for a plan.") from None
    return Plan.from_document(document)


def save_plan(plan: Plan, path: Path) -> None:
    """Write a plan, replacing the file at once or not at all; raises EnvironmentFault when it cannot be written."""
    temporary = path.with_name(path.name + ".part")
    try:
        temporary.write_text(plan_text(plan), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise EnvironmentFault(f"The plan cannot be written to {path}: {error.strerror}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def plan_text(plan: Plan) -> str:
    """The plan as TOML."""
    return tomlkit.dumps(plan.to_document())
