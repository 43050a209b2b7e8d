"""`python -m polycypher`."""

from polycypher.cli import main

main()
