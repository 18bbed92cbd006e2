"""What carries a script over from MXNet: which names are not there, and how imports find others.

`python -m minisym.port FILE` lists the names of a script that are missing, without running it.
"""
