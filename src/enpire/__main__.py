"""`python -m enpire` is the same as `enpire`."""

from enpire.cli import main

main()
