"""
What goes wrong with such sites, each found by a probe of its own.

A probe returns one sentence on what it saw. It raises Fault with what is wrong and what to do, or NotChecked with what
it could not look at, and why that is no fault. It changes nothing.
"""
