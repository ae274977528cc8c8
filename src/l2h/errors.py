"""The error that is the user's to mend."""


class L2HError(ValueError):
    """Something outside the code is wrong: a config value, a file, the network.

    The message is one line that names the thing, its value and the cure; jobs print it without a traceback.
    """


def line(error: Exception) -> str:
    """The first line of what another library's error says, or its kind where it says nothing."""
    return next(iter(str(error).splitlines()), type(error).__name__)
