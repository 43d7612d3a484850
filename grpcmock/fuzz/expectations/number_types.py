"""The types of fields with numbers, as C++ has them: fixed and zigzag ones are among them."""

from __future__ import annotations

from google.protobuf.descriptor import FieldDescriptor

SIGNED = frozenset({FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64})
"""Whole numbers that may be below zero."""

WHOLE = SIGNED | {FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64}
NUMBERS = WHOLE | {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}
