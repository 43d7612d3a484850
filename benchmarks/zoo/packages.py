"""The packages of the zoo, by their names at PyPI, and where each keeps its descriptors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Source(Enum):
    """Where a package keeps its descriptors; the value is what the table says."""

    PROTOS = "protos"
    """In ``.proto`` files, which grpcmock compiles."""

    MODULES = "modules"
    """In generated modules, ``*_pb2.py``: the descriptor is read out of the source text."""

    CLASSES = "classes"
    """In classes of proto-plus, as Google's clients have them: these are imported, by the zoo's own Python."""


@dataclass(frozen=True, slots=True)
class Package:
    """One package, and which part of it is shown."""

    name: str
    source: Source = Source.MODULES
    under: str = ""
    """Only what lies below this folder of site-packages: some packages hold several versions of the same files."""

    modules: tuple[str, ...] = ()
    """For classes: the packages of Python to import."""

    companions: tuple[str, ...] = ()
    """Other packages that hold files which this one imports."""


PACKAGES = (
    Package("googleapis-common-protos", Source.PROTOS),
    Package("grpcio-health-checking"),
    Package("grpcio-reflection"),
    Package("grpcio-channelz"),
    Package("xds-protos"),
    Package("opentelemetry-proto"),
    Package("google-cloud-pubsub", Source.CLASSES, modules=("google.pubsub_v1",)),
    Package(
        "google-cloud-spanner",
        Source.CLASSES,
        modules=(
            "google.cloud.spanner_v1",
            "google.cloud.spanner_admin_database_v1",
            "google.cloud.spanner_admin_instance_v1",
        ),
    ),
    Package(
        "google-cloud-bigtable", Source.CLASSES, modules=("google.cloud.bigtable_v2", "google.cloud.bigtable_admin_v2")
    ),
    Package("google-cloud-firestore", Source.CLASSES, modules=("google.cloud.firestore_v1",)),
    Package("google-cloud-tasks", Source.CLASSES, modules=("google.cloud.tasks_v2",)),
    Package("google-cloud-kms", Source.CLASSES, modules=("google.cloud.kms_v1",)),
    Package("temporalio"),
    Package("qdrant-client", Source.PROTOS),
    Package("pymilvus"),
    Package("etcd3"),
    Package("tensorflow-serving-api", companions=("tensorflow-protobuf",)),
    Package("yandexcloud"),
    Package("zeebe-grpc"),
    Package("spiffe"),
    Package("weaviate-client"),
    Package("dapr"),
    Package("authzed"),
    Package("cerbos"),
    Package("flyteidl"),
    Package("chirpstack-api"),
    Package("clarifai-grpc"),
    Package("nvidia-riva-client"),
    Package("vald-client-python", under="vald"),
    Package("viam-sdk"),
    Package("ydb"),
    Package("buildgrid"),
    Package("kserve"),
    Package("ansys-api-mapdl", Source.PROTOS),
    Package("modal"),
    Package("pulumi"),
    Package("cosmpy"),
    Package("pydgraph"),
    Package("lnd-grpc-client", Source.PROTOS),
    Package("hiero-sdk-python"),
    Package("momento-wire-types"),
    Package("tritonclient"),
    Package("pygnmi"),
    Package("sift-stack-py"),
)


def package(name: str) -> Package:
    """Return the package of this name. Raises :class:`KeyError`, which names those that there are."""
    for one in PACKAGES:
        if one.name == name:
            return one
    raise KeyError(f"There is no {name!r} in the zoo, only {', '.join(one.name for one in PACKAGES)}.")
