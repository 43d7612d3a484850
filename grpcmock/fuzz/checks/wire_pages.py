"""What ``grpcmock explain`` says of the checks below the messages: why, what causes it, how it is mended."""

from __future__ import annotations

PAGES = {
    "G106": """\
gRPC has the statuses 0 to 16. Clients turn any other number into UNKNOWN, or fail in ways of their own, and a call
that ends without `grpc-status` looks to them like a broken connection. A response beside an error is seen by some
clients and dropped by others.

**Causes.** An application's own error numbers put into `grpc-status`; a proxy or a middleware that ends calls with
HTTP's statuses; a handler that sends its response and fails after that.

**Mend it** by mapping errors to the seventeen statuses, with the application's own in the details.""",
    "G111": """\
A unary or server streaming method takes exactly one request. A client that sends none, or two, is broken or hostile,
and the call must end with an error; the rules of gRPC name UNIMPLEMENTED. A server that answers OK has dropped a
request without a word.

**Causes.** Most often the library: those built on gRPC's C core (Python, C++, Ruby, PHP) hand the first request to
the handler and never look for a second one. With these it can only be mended by a handler that reads the stream
itself; if you don't, accept it: `--exclude-checks request_count`, or a baseline.""",
    "G115": """\
Bytes that aren't a message of the request's type have no meaning, so a handler must never see them. Libraries refuse
them with INTERNAL; INVALID_ARGUMENT is as good.

**Causes.** A raw or generic handler that parses by itself and goes on with an empty message when that fails, or with
what could be read before the fault; a parser that stops at the first byte it doesn't know; a gateway that forwards
bytes it hasn't looked at. UNKNOWN means that the parser's exception reached the library; where the library itself may
have parsed (grpc.aio and grpc-java then say UNKNOWN), that is a warning, unless another method of the server does better.

**Mend it** by refusing the call where parsing fails. Wrong framing (a length that isn't the message's, a message cut
short by the end of the stream, flags other than 0 and 1) is a warning: it is the library that lets it pass, not the
handler.""",
    "G116": """\
protobuf allows one message to be written in many ways: fields in any order, unknown fields, numbers padded, lists
packed or not, a submessage in parts. Libraries of other languages, and newer versions of the protos, do write them
so. All of them must get the answer that the canonical bytes get.

Each odd message is sent three times, and the canonical one twice between; only what stays the same from call to call
is compared.

**Causes.** A parser by hand; a cache or a signature that takes the bytes for the message; a proxy that drops unknown
fields. Records whose wire type isn't their field's are warnings: by protobuf's conformance suite they are unknown
fields, but some parsers refuse them.""",
    "G117": """\
A message can hold messages inside each other as deep as it has bytes: a few kilobytes are thousands of levels.
Parsers that go down by recursion need a limit (most take 100 levels), else such a request overflows the stack and
takes the server down with it.

**Causes.** A limit that was raised or switched off; a parser or converter of one's own; recursion in the handler.

**Mend it** by leaving protobuf's limit as it is, and by bounding your own recursion. A parser whose limit is higher
(Go takes 10,000 levels) is fine.""",
    "G118": """\
`string` fields hold UTF-8 in proto3 and, unless a feature says otherwise, in editions. Bytes that aren't must be
refused: passed on, they break whoever reads them next, often far away. Fields of proto2 aren't looked at.

**Causes.** A parser that doesn't validate, or replaces what it can't read; bytes forwarded as they came.""",
    "G119": """\
A server takes messages up to a limit, 4 MiB by default in all gRPC libraries, and must refuse what is larger with
RESOURCE_EXHAUSTED before it keeps it in memory. What is smaller, and breaks no rule of the contract, is not too large.

**Causes.** `max_receive_message_length` of -1; a limit below what the contract promises; a proxy with a limit of its
own.

**Mend it** by setting the limit on purpose, and tell this tool: `--size-limit`.""",
    "G120": """\
A server may take compressed messages or not. If not, it says UNIMPLEMENTED, and names in `grpc-accept-encoding` what
it takes. What can't be unpacked is refused; what unpacks to more than the limit is refused *while* it is unpacked: 64
KiB of gzip can hold 64 MiB of zeros.

**Causes.** A compression flag that is ignored, so that compressed bytes are parsed as a message; a limit that is
applied to the compressed size.""",
    "G121": """\
Metadata comes from clients, proxies and tracers, and may hold binary values, a key several times, empty values, and
kilobytes of it all. None of that is a reason for UNKNOWN or INTERNAL, nor to die of.

**Causes.** An interceptor that turns metadata into a dict or decodes it as text; a token, a trace or an address
parsed without care.

**Mend it** by treating what can't be parsed as absent, or with UNAUTHENTICATED or INVALID_ARGUMENT.""",
    "G144": """\
A path that names no method must get UNIMPLEMENTED: clients rely on it to tell an old server from a broken one. A
method that the contract declares and the server doesn't have is a warning: it may be on its way.

**Causes.** A catch-all handler or proxy that answers every path; names matched without regard to case or slashes.""",
    "G145": """\
Tools trust what the reflection service says. Where it describes other methods, fields or types than the protos, or
where its versions v1 and v1alpha disagree, they make calls that the server doesn't understand.

**Causes.** Protos that are newer or older than the server; two versions of a generated file in one program; a
reflection service with a list of its own.""",
}
"""By the codes of the checks."""
