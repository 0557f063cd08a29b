"""The rules of the house, as pure functions: values in, values out.

Nothing in this package opens a file, reads a clock, draws a random number or awaits.
"""
