"""The command line's entry: runs one command and turns what went wrong into a sentence and an exit status."""

import os
import sys
from collections.abc import Sequence

from profiler.errors import InferometerError

VERBS = ("run", "show", "export", "inspect", "models", "machine")
"""The commands; anything else on `inferometer`'s line is a file for the window."""

INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    """Run `inferometer ARGUMENTS`; returns the exit status of design.md: 0, 1, 2 or 130."""
    import typer
    from typer._click.exceptions import ClickException

    from profiler.cli.application import application

    try:
        status = application(args=list(arguments), prog_name="inferometer", standalone_mode=False)
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
    return status if isinstance(status, int) else 0
