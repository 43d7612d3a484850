"""The bill of materials inside the wheel (PEP 770), as CycloneDX: what the wheel is, and which packages it asks for.

A wheel for all platforms doesn't know which versions it will meet: they are left open, and what is asked of them is
told. ``scripts/sbom`` writes what one installation has.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from hatchling.metadata.core import ProjectMetadata


class BillOfMaterials(BuildHookInterface):
    """Puts the bill into ``.dist-info/sboms/``. It is made of pyproject.toml alone, so that a build can be repeated."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the interface has it
        """Write the bill where the builder takes it from."""
        self._folder = TemporaryDirectory()
        path = Path(self._folder.name) / f"{self.metadata.name}.cdx.json"
        path.write_text(json.dumps(_bill(self.metadata), indent=2) + "\n", "utf-8")
        build_data["sbom_files"].append(str(path))

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - as above
        """Remove what was written."""
        self._folder.cleanup()


def _bill(metadata: ProjectMetadata[Any]) -> dict[str, Any]:
    core = metadata.core
    wheel = f"pkg:pypi/{canonicalize_name(core.name)}@{metadata.version}"
    asked: dict[str, dict[str, Any]] = {}
    for group, texts in {"": core.dependencies, **core.optional_dependencies}.items():
        for requirement in map(Requirement, texts):
            name = canonicalize_name(requirement.name)
            if name == canonicalize_name(core.name):
                continue  # an extra made of others
            one = asked.setdefault(name, _component(name))
            if not group:
                one["scope"] = "required"
            one["properties"].append({"name": _property(metadata, group), "value": str(requirement)})
    components = sorted(asked.values(), key=lambda one: str(one["name"]))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "lifecycles": [{"phase": "build"}],
            "component": {
                "bom-ref": wheel,
                "type": "application",
                "name": core.name,
                "version": metadata.version,
                "description": core.description,
                "licenses": [{"expression": core.license_expression}],
                "purl": wheel,
            },
        },
        "components": components,
        "dependencies": [
            {"ref": wheel, "dependsOn": [one["bom-ref"] for one in components]},
            *({"ref": one["bom-ref"]} for one in components),
        ],
    }


def _component(name: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{name}"
    return {"bom-ref": purl, "type": "library", "name": name, "scope": "optional", "purl": purl, "properties": []}


def _property(metadata: ProjectMetadata[Any], group: str) -> str:
    return f"{metadata.name}:requirement" + (f":{group}" if group else "")
