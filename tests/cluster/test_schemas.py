"""Compose and Kubernetes files against the publishers' schemas, where somebody has fetched them.

They are large and not ours, so they are not kept here.  SURVEY_SCHEMAS names a folder with
``compose-spec.json`` (compose-spec/compose-spec, schema/) and ``daskcluster.yaml`` (the operator's
custom resource definition: dask/dask-kubernetes, deployment/manifests or the chart's crds/), whose
pod schema holds for the job's pod, too.  What they ask for is checked without them, piece by piece,
in test_infra.py.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

INFRA = Path(__file__).parents[2] / "infra" / "cluster"
DOCUMENTS: list[dict[str, Any]] = [
    document
    for path in sorted((INFRA / "kubernetes").iterdir())
    for document in yaml.safe_load_all(path.read_text())
]


def schema(name: str) -> Any:
    """One of the schemas, or the test is skipped."""
    folder = os.environ.get("SURVEY_SCHEMAS")
    if not folder or not (Path(folder) / name).is_file():
        pytest.skip(f"SURVEY_SCHEMAS has no {name}")
    text = (Path(folder) / name).read_text()
    return json.loads(text) if name.endswith(".json") else yaml.safe_load(text)


def problems(document: Any, wanted: Any) -> list[str]:
    """Where the document is not as it should be."""
    jsonschema = pytest.importorskip("jsonschema")
    found = jsonschema.Draft7Validator(wanted).iter_errors(document)
    return [f"{'.'.join(map(str, each.path))}: {each.message[:200]}" for each in found]


def closed(node: Any) -> Any:
    """An API server's reading of a resource definition: no field but those that it names."""
    if isinstance(node, list):
        return [closed(each) for each in node]
    if not isinstance(node, dict):
        return node
    made = {key: closed(each) for key, each in node.items()}
    free = {"additionalProperties", "x-kubernetes-preserve-unknown-fields"} & made.keys()
    if made.get("type") == "object" and "properties" in made and not free:
        made["additionalProperties"] = False
    if made.get("x-kubernetes-int-or-string"):
        made = {"type": ["integer", "string"]}
    return made


def test_compose_file_is_one_by_the_specification() -> None:
    """Every key is known, every value of its kind."""
    compose = yaml.safe_load((INFRA / "compose.yaml").read_text())

    assert problems(compose, schema("compose-spec.json")) == []


def test_manifests_are_what_the_operator_and_pods_ask_for() -> None:
    """The cluster whole, the job by its pod."""
    (version,) = schema("daskcluster.yaml")["spec"]["versions"]
    cluster = closed(version["schema"]["openAPIV3Schema"]["properties"]["spec"])
    pod = cluster["properties"]["worker"]["properties"]["spec"]
    parts = {document["kind"]: document["spec"] for document in DOCUMENTS}

    assert problems(parts["DaskCluster"], cluster) == []
    assert problems(parts["Job"]["template"]["spec"], pod) == []
