"""The ops, a module a family; importing this package fills the registry."""

from minisym.ops import elemwise, optimizer
