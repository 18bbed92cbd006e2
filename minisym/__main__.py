"""`python -m minisym`: the command `minisym`."""

from minisym.cli import main

if __name__ == "__main__":
    main()
