"""The ``survey`` command: parse, call a flow, print.  Holds no logic of its own."""
