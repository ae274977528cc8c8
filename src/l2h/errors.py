"""The error that is the user's to mend."""


class L2HError(ValueError):
    """Something outside the code is wrong: a config value, a file, the network.

    The message is one line that names the thing, its value and the cure; jobs print it without a traceback.
    """
