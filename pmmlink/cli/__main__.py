"""``python -m pmmlink.cli``."""

from pmmlink.cli.app import main

main()
