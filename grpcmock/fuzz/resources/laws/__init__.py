"""What must be true of more than one resource, or of more than one state of it.

A law hears of the calls of a case, one after the other. It is told only of calls that can be read, so that it decodes
their messages without care; whoever tells it leaves out the others (:func:`grpcmock.fuzz.model.readable.is_readable`).
"""
