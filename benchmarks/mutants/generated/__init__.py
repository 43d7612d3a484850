"""Bugs that operators make: changes of the syntax tree of a service, each small, none of them thought of by anybody."""
