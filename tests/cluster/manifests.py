"""The Kubernetes manifests, and what says whether one is well formed."""

import copy
from collections.abc import Iterator
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

from tests.common import ROOT

FOLDER = ROOT / "cluster" / "kubernetes"
FILES = sorted(path.name for path in FOLDER.glob("*.yaml"))
# The oldest version of Kubernetes that the manifests are held to.
OLDEST = "1.29"

_COUNT = {"type": "integer", "minimum": 0}
_REPLICAS = {
    "type": "object",
    "additionalProperties": False,
    "required": ["replicas", "restartPolicy", "template"],
    "properties": {
        "replicas": _COUNT,
        "restartPolicy": {"enum": ["Always", "OnFailure", "Never", "ExitCode"]},
        "template": {"type": "object", "required": ["spec"]},  # Checked as Kubernetes' own PodTemplate.
    },
}
# The part of kubeflow.org/v1 that a job of this program may use, and no more: what the operator does not know it drops
# without a word.
TFJOB: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "kubeflow.org/v1"},
        "kind": {"const": "TFJob"},
        "metadata": {"type": "object", "required": ["name"]},
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "required": ["tfReplicaSpecs"],
            "properties": {
                "runPolicy": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "activeDeadlineSeconds": _COUNT,
                        "backoffLimit": _COUNT,
                        "cleanPodPolicy": {"enum": ["All", "Running", "None"]},
                        "suspend": {"type": "boolean"},
                        "ttlSecondsAfterFinished": _COUNT,
                    },
                },
                "successPolicy": {"enum": ["", "AllWorkers"]},
                "tfReplicaSpecs": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["Chief"],
                    "properties": dict.fromkeys(("Chief", "Worker", "PS", "Evaluator"), _REPLICAS),
                },
            },
        },
    },
}


def read(name: str) -> list[dict[str, Any]]:
    """The documents of a manifest, none of which shares a part with another."""
    return [copy.deepcopy(document) for document in yaml.safe_load_all((FOLDER / name).read_text())]


def one(name: str, kind: str) -> dict[str, Any]:
    """The document of that kind in a manifest."""
    (found,) = (document for document in read(name) if document["kind"] == kind)
    return found


def templates(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every pod that a document describes."""
    if document["kind"] == "TFJob":
        yield from (replicas["template"] for replicas in document["spec"]["tfReplicaSpecs"].values())
    elif "template" in document["spec"]:
        yield document["spec"]["template"]


def container(template: dict[str, Any]) -> dict[str, Any]:
    """The only container of a pod."""
    (found,) = template["spec"]["containers"]
    return found


def check(document: dict[str, Any], version: str) -> None:
    """Checks a document against its schema, in which nothing may stand that the schema does not know.

    Raises:
      jsonschema.ValidationError: it is not well formed.
    """
    if document["kind"] != "TFJob":
        kubernetes_validate.validate(document, version, strict=True)
        return
    jsonschema.validate(document, TFJOB)
    for template in templates(document):
        pod = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": document["metadata"], "template": template}
        kubernetes_validate.validate(pod, version, strict=True)
