"""The centre in Kubernetes: objects that a cluster takes, and pods that may do nothing else."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.support.data import REPOSITORY

FOLDER = REPOSITORY / "deploy" / "kubernetes"
PROCESSES = ("ingest", "worker", "serve")
VERSION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]


def listed() -> dict[str, Any]:
    """Every object that is applied, by kind and name."""
    files = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    assert {*files, "kustomization.yaml"} == {each.name for each in FOLDER.glob("*.yaml")}
    objects = [each for file in files for each in yaml.safe_load_all((FOLDER / file).read_text())]
    by_name = {f"{each['kind']}/{each['metadata']['name']}": each for each in objects}
    assert len(by_name) == len(objects)
    return by_name


OBJECTS = listed()
PODS: dict[str, Any] = {
    name: each["spec"]["template"]
    for name, each in OBJECTS.items()
    if each["kind"] in {"Deployment", "StatefulSet", "Job"}
}
POLICIES = {
    each["metadata"]["name"]: each["spec"]
    for each in OBJECTS.values()
    if each["kind"] == "NetworkPolicy"
}


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]]


@pytest.mark.parametrize("name", OBJECTS)
def test_a_cluster_takes_the_object(name: str) -> None:
    kubernetes_validate.validate(OBJECTS[name], kubernetes_validate.latest_version(), strict=True)


def test_what_a_cluster_refuses_is_refused_here() -> None:
    wrong = {**OBJECTS["Service/serve"], "spec": {"ports": [{"port": "eighty"}]}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def test_all_is_in_one_namespace_that_refuses_what_a_pod_does_not_need() -> None:
    space = OBJECTS["Namespace/meterline"]["metadata"]
    assert space["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    others = [each for name, each in OBJECTS.items() if not name.startswith("Namespace/")]
    assert {each["metadata"]["namespace"] for each in others} == {"meterline"}


@pytest.mark.parametrize("name", PODS)
def test_a_pod_is_confined_and_bounded(name: str) -> None:
    pod = PODS[name]["spec"]
    assert pod["automountServiceAccountToken"] is False
    own = pod["securityContext"]
    assert own["runAsNonRoot"] is True
    assert own["runAsUser"] > 0
    assert own["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in containers(PODS[name]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(container["resources"]["limits"]) == {"cpu", "memory"}
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_is_asked_how_it_is_and_runs_more_than_once(process: str) -> None:
    (container,) = PODS[f"Deployment/{process}"]["spec"]["containers"]
    assert container["args"] == [process]
    paths = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("liveness", "readiness")}
    assert {kind: each["path"] for kind, each in paths.items()} == {
        "liveness": "/live",
        "readiness": "/ready",
    }
    (port,) = (each for each in container["ports"] if each["name"] == "health")
    settings = OBJECTS["ConfigMap/meterline-settings"]["data"]
    assert str(port["containerPort"]) == settings["METERLINE_HEALTH_PORT"]
    assert OBJECTS[f"Deployment/{process}"]["spec"]["replicas"] >= 2
    assert OBJECTS[f"PodDisruptionBudget/{process}"]["spec"]["maxUnavailable"] == 1


def test_the_images_and_the_migration_are_of_this_release() -> None:
    images = {
        container["image"]
        for pod in PODS.values()
        for container in containers(pod)
        if "mosquitto" not in container["image"]
    }
    assert images == {f"meterline-central:{VERSION}"}
    assert f"Job/meterline-migrate-{VERSION}" in PODS


def test_what_is_not_secret_are_settings_that_there_are() -> None:
    reference = (REPOSITORY / "docs" / "reference" / "settings.md").read_text()
    there = set(re.findall(r"^\| `(METERLINE_\w+)`", reference, re.MULTILINE))
    data = OBJECTS["ConfigMap/meterline-settings"]["data"]
    assert set(data) <= there
    assert not [name for name in data if re.search("TOKEN|PASSWORD|DATABASE$|SECRET$", name)]


def test_the_owner_of_the_tables_is_known_to_the_migration_alone() -> None:
    holders = {
        name
        for name, pod in PODS.items()
        for volume in pod["spec"]["volumes"]
        if volume.get("secret", {}).get("secretName") == "meterline-owner"
    }
    assert holders == {f"Job/meterline-migrate-{VERSION}"}


def chosen(selector: dict[str, Any]) -> set[str]:
    """Names of the processes whose pods a selector takes."""
    found = set()
    for pod in PODS.values():
        labels = pod["metadata"]["labels"]
        named = selector.get("matchLabels", {}).items() <= labels.items()
        among = all(
            labels.get(each["key"]) in each["values"]
            for each in selector.get("matchExpressions", ())
        )
        if named and among:
            found.add(labels["process"])
    return found


def test_nothing_reaches_anything_but_what_is_named() -> None:
    assert POLICIES["nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert all(chosen(spec["podSelector"]) for spec in POLICIES.values())
    into = {
        name: {
            port["port"]
            for spec in POLICIES.values()
            if name in chosen(spec["podSelector"])
            for rule in spec.get("ingress", ())
            for port in rule["ports"]
        }
        for name in (*PROCESSES, "broker", "migrate")
    }
    assert into == {
        "ingest": {9200},
        "worker": {9200},
        "serve": {8080, 9200},
        "broker": {8883, 8884},
        "migrate": set(),
    }


def test_a_process_reaches_what_it_needs_and_no_more() -> None:
    out_of = {
        name: {
            port["port"]
            for spec in POLICIES.values()
            if name in chosen(spec["podSelector"])
            for rule in spec.get("egress", ())
            for port in rule["ports"]
        }
        for name in (*PROCESSES, "broker", "migrate")
    }
    assert out_of == {
        "ingest": {53, 5432, 8884},
        "worker": {53, 5432},
        "serve": {53, 443, 5432},  # 443: the identity provider
        "broker": {53},
        "migrate": {53, 5432},
    }


def test_the_authoritys_key_is_known_to_the_pages_alone() -> None:
    holders = {
        name: volume["secret"]
        for name, pod in PODS.items()
        for volume in pod["spec"]["volumes"]
        if volume.get("secret", {}).get("secretName") == "meterline-authority"
    }
    assert list(holders) == ["Deployment/serve"]
    assert holders["Deployment/serve"]["optional"] is True


def test_gateways_reach_the_broker_and_nobody_else_from_anywhere() -> None:
    anywhere = [
        (name, port["port"])
        for name, spec in POLICIES.items()
        for rule in spec.get("ingress", ())
        if "from" not in rule
        for port in rule["ports"]
    ]
    assert anywhere == [("broker", 8883)]


def test_every_service_and_budget_takes_pods() -> None:
    for name, each in OBJECTS.items():
        kind, _, own = name.partition("/")
        if kind == "Service":
            assert chosen({"matchLabels": each["spec"]["selector"]})
        elif kind == "PodDisruptionBudget":
            assert chosen(each["spec"]["selector"]) == {own}
        elif kind == "HorizontalPodAutoscaler":
            assert f"Deployment/{each['spec']['scaleTargetRef']['name']}" in OBJECTS
