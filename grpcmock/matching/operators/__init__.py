"""What can be asked of a value, by its type."""

from grpcmock.matching.operators.spec import Operand, OperatorSpec
from grpcmock.matching.operators.table import OPERATORS

__all__ = ["OPERATORS", "Operand", "OperatorSpec"]
