"""The ops, a module a family; importing this package fills the registry."""

from minisym.ops import arithmetic
from minisym.ops import axes
from minisym.ops import basic
from minisym.ops import broadcast
from minisym.ops import channels
from minisym.ops import comparison
from minisym.ops import ctc
from minisym.ops import elemwise
from minisym.ops import indexing
from minisym.ops import layout
from minisym.ops import linalg
from minisym.ops import loss
from minisym.ops import nn
from minisym.ops import optimizer
from minisym.ops import pieces
from minisym.ops import reduce
from minisym.ops import scalars
from minisym.ops import slices
from minisym.ops import softmax
from minisym.ops import sources
from minisym.ops import stretch
