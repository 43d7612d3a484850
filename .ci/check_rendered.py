#!/usr/bin/env python3
"""Hold what the chart renders against the schemas of Kubernetes, in which an unknown key is wrong, too."""

from __future__ import annotations

import sys
from pathlib import Path

import kubernetes_validate
import yaml

FOREIGN = ("monitoring.coreos.com/",)
"""What others define: no schema of Kubernetes has it."""


def main(path: str) -> int:
    documents = [document for document in yaml.safe_load_all(Path(path).read_text("utf-8")) if document]
    wrong = 0
    for document in documents:
        name = f"{document['kind']} {document['metadata']['name']}"
        if document["apiVersion"].startswith(FOREIGN):
            print(f"{name}: not looked at")
            continue
        try:
            kubernetes_validate.validate(document, "1.32", strict=True)
        except kubernetes_validate.ValidationError as error:
            print(f"{name}: {'.'.join(map(str, error.path))}: {error.message}")
            wrong += 1
    print(f"{len(documents)} objects, {wrong} wrong")
    return int(bool(wrong) or not documents)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
