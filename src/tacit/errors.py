"""The errors that a user meets: one sentence on what is wrong and where, one on what to do."""


class TacitError(Exception):
    """Something the user can mend. The command line prints the message and exits with status 2."""


class InputError(TacitError, ValueError):
    """Bad input: the message names the file, row or column and says what to do."""


class Interrupted(TacitError):
    """A run was interrupted after its last step was saved; the message says how to resume."""
