"""Load the package before any of its modules is collected for its doctests.

Without that, pytest, asked for one module of `minisym/ops`, would run it twice and register its ops
twice.
"""

import minisym  # noqa: F401
