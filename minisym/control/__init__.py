"""Control flow: ops that hold graphs."""
