# syntax=docker/dockerfile:1
# The mock server with its native transport: docker build -t grpcmock .

FROM rust:1-slim-bookworm AS build
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends binutils ca-certificates python3 python3-pip
WORKDIR /source
COPY native native
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/source/native/target \
    python3 -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels ./native
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY scripts/constraints.txt scripts/image-root scripts/
COPY grpcmock grpcmock
RUN --mount=type=cache,target=/root/.cache/pip \
    scripts/image-root /image /wheels/*.whl

# No shell, no package manager: just Python, what it needs, and grpcmock.
FROM scratch
LABEL org.opencontainers.image.title="grpcmock" \
      org.opencontainers.image.description="Contract testing and mock servers for gRPC" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image /
# Modules are compiled already, and nothing is written but to /tmp, so that the root can be read-only.
ENV PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 LANG=C.UTF-8
USER 65532:65532
WORKDIR /work
EXPOSE 50051
HEALTHCHECK --interval=5s --timeout=5s --start-period=5s --retries=3 \
    CMD ["/usr/bin/python3", "-m", "grpcmock", "call", "127.0.0.1:50051", "grpc.health.v1.Health/Check", "-d", "{}"]
ENTRYPOINT ["/usr/bin/python3", "-m", "grpcmock"]
# protos/ and stubs/ of /work
CMD ["serve", "--listen", "0.0.0.0:50051"]
