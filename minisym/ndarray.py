"""MXNet's other name of `nd`: `import minisym.ndarray` is `minisym.nd`.

Pickles of earlier versions look for `NDArray` here, too.
"""

import sys

from minisym import nd

sys.modules[__name__] = nd
