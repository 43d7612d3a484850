"""Examples are to be read: however large a type is, its example isn't."""

from __future__ import annotations

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet

from grpcmock.schema import Registry
from grpcmock.synthesis.answers import answer
from grpcmock.synthesis.examples import example_file

DEPTH, WIDTH = 5, 5


def registry() -> Registry:
    """Return messages that hold each other in five levels, each in five fields: thousands of texts in the whole."""
    file = FileDescriptorProto(name="large.proto", package="large", syntax="proto3")
    for level in range(DEPTH):
        message = file.message_type.add(name=f"Level{level}")
        for number in range(1, WIDTH + 1):
            field = message.field.add(name=f"part_{number}", number=number, label=FieldDescriptorProto.LABEL_OPTIONAL)
            if level == DEPTH - 1:
                field.type = FieldDescriptorProto.TYPE_STRING
            else:
                field.type = FieldDescriptorProto.TYPE_MESSAGE
                field.type_name = f".large.Level{level + 1}"
    file.message_type.add(name="Request")
    method = file.service.add(name="Large").method.add(name="Get")
    method.input_type, method.output_type = ".large.Request", ".large.Level0"
    return Registry(FileDescriptorSet(file=[file]))


def test_the_example_of_a_large_type_shows_its_beginning_and_is_valid() -> None:
    known = registry()
    (method,) = known.methods.values()
    whole = len(str(answer(method, known, 0, [])).splitlines())
    shown = len(example_file([method], known).splitlines())
    assert whole > 2_000
    assert 50 < shown < 400
