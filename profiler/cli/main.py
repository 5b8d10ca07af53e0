"""The command line's entry: runs one command and turns what went wrong into a sentence and an exit status."""

import os
import sys
from collections.abc import Callable, Sequence

from profiler.errors import InferometerError

VERBS = (
    "run",
    "show",
    "compare",
    "export",
    "import",
    "inspect",
    "models",
    "machine",
    "quality",
    "quantize",
    "breakdown",
    "resume",
    "repair",
)
"""The commands; anything else on `inferometer`'s line is a file for the window."""

INTERRUPTED = 130


def main(arguments: Sequence[str], rasterize: Callable[[str, float], bytes] | None = None) -> int:
    """Run `inferometer ARGUMENTS`; returns the exit status of design.md: 0, 1, 2 or 130.

    Args:
        arguments: the command and its own.
        rasterize: draws SVG as PNG (`exchange.figure_export.Rasterize`); None where nothing can.
    """
    import typer
    from typer._click.exceptions import ClickException

    from profiler.cli.application import application

    try:
        status = application(args=list(arguments), prog_name="inferometer", standalone_mode=False, obj=rasterize)
    except ClickException as error:
        error.show()
        return error.exit_code
    except InferometerError as error:
        print(f"inferometer: {error.sentence}", file=sys.stderr)
        return error.exit_status
    except (KeyboardInterrupt, typer.Abort):
        print("inferometer: interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; what is left in the buffer has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception:  # a bug of ours: told calmly, with the traceback where a report can take it from
        print(f"inferometer: {_keep_report()}", file=sys.stderr)
        return 1
    return status if isinstance(status, int) else 0


def _keep_report() -> str:
    """Write the traceback of the exception being handled to the log folder; returns the sentence that says where."""
    import traceback

    from profiler.paths import log_folder

    apology = "this is a fault of Inferometer, not of what you did"
    report = log_folder() / "command-fault.txt"
    try:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(traceback.format_exc(), encoding="utf-8")
    except OSError:
        return f"{apology}: {traceback.format_exc(limit=0).strip().splitlines()[-1]}"
    return f"{apology}; please report it with {report}."
