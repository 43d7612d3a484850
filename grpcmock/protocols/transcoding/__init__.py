"""JSON over HTTP by the annotations ``google.api.http`` of the protos.

The rules are those of ``google/api/http.proto``; what it leaves open is as grpc-gateway has it.
"""
