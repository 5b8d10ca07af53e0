"""What can go wrong, sorted by whose fault it is: the environment's, the caller's, or a bug of ours (any other exception)."""


class InferometerError(Exception):
    """A failure with one sentence for the user: what, where and what to do. Exit status 1."""

    exit_status = 1

    @property
    def sentence(self) -> str:
        """The whole story in one sentence, ready to be shown."""
        return str(self)


class EnvironmentFault(InferometerError):
    """The machine or a file stands in the way: disk full, no permission, a library missing, a damaged file."""


class BadFile(EnvironmentFault):
    """A file is not what it claims to be: truncated, of another kind, from a newer version."""


class UnusableArguments(InferometerError):
    """What was asked for makes no sense; nothing was started. Exit status 2."""

    exit_status = 2


class Interrupted(InferometerError):
    """The user stopped the work; all that was measured is saved. Exit status 130."""

    exit_status = 130
