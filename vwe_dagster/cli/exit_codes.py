"""The exit codes of ``vwe`` besides 0.

The entry point loads this module before it handles interrupts, so it imports nothing.
"""

from __future__ import annotations

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130

INTERRUPTED_MESSAGE = "Interrupted."
"""The last line of standard error after Ctrl-C."""
