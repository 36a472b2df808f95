"""The one exception that is meant for the person at the keyboard."""


class UserError(ValueError):
    """Bad input, told in one line: the file or value, what is wrong, and the way out.

    The command line prints the message without a traceback and exits with status 2.
    """
