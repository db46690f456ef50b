"""``python -m qms`` is the command ``qms``."""

from qms.cli import main

main()
