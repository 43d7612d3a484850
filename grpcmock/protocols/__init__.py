"""What does an HTTP request mean? gRPC, gRPC-Web, Connect and JSON between the engine and a transport, without any I/O.

A transport reads the head of a request into a ``RequestHead`` (``http.py``) and asks ``HttpFace.open(head)``
(``face.py``), which chooses the protocol. It gets a ``Response`` whose parts it sends as they are (a preflight, a path
that isn't there), or a ``ServerCall`` (``interface.py``): ``call.opened`` opens the exchange with the engine, what
arrives goes through ``call.receive(chunk)`` and ``call.receive_end()`` and comes out as the engine's events, and each
step of the engine that says something goes through ``call.send(step)`` and comes out as ``Part`` values: ``Head``,
``Body``, ``Trailers``, ``End``, ``Abort``. A ``WireError`` from receiving ends the call with ``call.send(Finish(…))``
and ``exchange.refuse(…)``. There is a class for each protocol: ``GrpcCall`` (``grpc.py``), ``GrpcWebCall``
(``grpc_web.py``), ``ConnectUnaryCall`` and ``ConnectStreamCall`` (``connect/``), ``JsonCall`` (``transcoding/``).
"""
