"""``python -m marotte`` is the command line."""

from marotte.cli import main

main()
