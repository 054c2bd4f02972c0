"""`meterline-central`: run, feed and bill from the command line.

Exit codes: 0 done; 1 the environment is in the way, try again; 2 refused or wrong usage; 3 done,
but bills are held or batches not stored; 130 stopped by the keyboard.

Owns the arguments and what is printed. It does not hold rules; it calls `central.process` and
`central.service`.
"""

from central.cli.app import main

__all__ = ["main"]
