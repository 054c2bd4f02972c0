"""The centre in containers: what each may do, and that what it is given is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from central.config.provider import ProviderSettings
from central.config.settings import Settings
from tests.support.data import REPOSITORY

COMPOSE = REPOSITORY / "deploy" / "compose"
# Of the image that is built here.
OWN_USER = "USER 65532"
# From outside, or from this machine alone.
PUBLISHED = {
    "broker": ["8883:8883"],
    "proxy": ["80:8080", "443:8443", "443:8443/udp"],
    "grafana": ["127.0.0.1:3000:3000"],
}


class _Overriding(yaml.SafeLoader):
    """Reads what a second file of compose puts in the place of the first one's."""


_Overriding.add_multi_constructor("!override", lambda loader, _, node: _built(loader, node))


def _built(loader: yaml.SafeLoader, node: yaml.Node) -> object:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


def read(name: str) -> dict[str, Any]:
    text = (COMPOSE / name).read_text(encoding="utf-8")
    found = yaml.load(text, _Overriding)  # noqa: S506 - of the repository, by a safe loader
    assert isinstance(found, dict)
    return found


SERVICES = read("compose.yaml")["services"]


def test_the_centre_starts_after_its_migrations() -> None:
    for name in ("ingest", "worker", "serve"):
        done = {"condition": "service_completed_successfully"}
        assert SERVICES[name]["depends_on"]["migrate"] == done
        assert SERVICES[name]["command"] == [name]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_container_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert not service.get("privileged")
    assert service["security_opt"] == ["no-new-privileges:true"]
    if "build" in service:
        assert OWN_USER in (COMPOSE / "Dockerfile").read_text().splitlines()
    else:
        assert re.fullmatch(r"postgres|[1-9]\d*:\d+", service["user"])


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
def test_a_container_says_how_it_is(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_no_more_is_reached_from_outside_than_is_meant() -> None:
    found = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}
    assert found == PUBLISHED


def test_every_image_is_named_by_a_version() -> None:
    for service in SERVICES.values():
        assert "build" in service or re.search(r":v?\d[\w.-]*$", service["image"])


def test_the_example_names_each_secret_that_is_asked_for() -> None:
    text = (COMPOSE / "compose.yaml").read_text()
    asked = set(re.findall(r"\$\{(\w+):\?", text))
    example = (COMPOSE / ".env.example").read_text()
    assert set(re.findall(r"^(\w+)=$", example, re.MULTILINE)) == asked


def test_what_is_mounted_from_the_repository_is_there() -> None:
    mounted = [
        line.partition(":")[0]
        for service in SERVICES.values()
        for line in service.get("volumes", ())
        if line.startswith(".") and line.endswith(":ro")
    ]
    # The installer's own.
    given = {"./certs"}
    assert set(mounted) > given
    missing = [each for each in mounted if each not in given and not (COMPOSE / each).exists()]
    assert missing == []


def test_only_the_service_that_needs_a_secret_has_it() -> None:
    holders = {
        name: {
            secret
            for secret in ("DATABASE_ADMIN", "DATABASE_OWNER", "METERLINE_WEB_TOKEN", "GRAFANA")
            if f"${{{secret}" in str(service.get("environment"))
        }
        for name, service in SERVICES.items()
    }
    assert {name: held for name, held in holders.items() if held} == {
        "database": {"DATABASE_ADMIN", "DATABASE_OWNER"},
        "migrate": {"DATABASE_OWNER"},
        "serve": {"METERLINE_WEB_TOKEN"},
        "grafana": {"GRAFANA"},
    }


def asked_by_prometheus(file: Path) -> set[str]:
    jobs = yaml.safe_load(file.read_text())["scrape_configs"]
    return {
        f"{name}:{each['port']}"
        for job in jobs
        for each in job["dns_sd_configs"]
        for name in each["names"]
    }


def test_prometheus_asks_every_process() -> None:
    port = SERVICES["ingest"]["environment"]["METERLINE_HEALTH_PORT"]
    found = asked_by_prometheus(COMPOSE / "watch" / "prometheus.yml")
    assert found == {f"{name}:{port}" for name in ("ingest", "worker", "serve")}


def test_a_second_broker_has_an_ingest_and_a_store_of_its_own() -> None:
    both = read("compose.two-brokers.yaml")
    broker, ingest = both["services"]["broker-b"], both["services"]["ingest-b"]
    for service, like in ((broker, "broker"), (ingest, "ingest")):
        assert service["extends"] == {"file": "compose.yaml", "service": like}
    assert set(broker["ports"]).isdisjoint(PUBLISHED["broker"])
    assert ingest["environment"] == {"METERLINE_BROKER_HOST": "broker-b"}
    assert set(ingest["depends_on"]) == {"migrate", "broker-b"}
    stores = {line.partition(":")[0] for line in broker["volumes"] if not line.startswith(".")}
    assert stores == set(both["volumes"])
    assert stores.isdisjoint(read("compose.yaml")["volumes"])


def test_the_authoritys_key_and_the_providers_secret_are_files_of_the_pages_alone() -> None:
    added = read("compose.doors.yaml")
    assert list(added["services"]) == ["serve"]
    serve = added["services"]["serve"]
    assert sorted(serve["secrets"]) == sorted(added["secrets"])
    settings = {**SERVICES["serve"]["environment"], **serve["environment"]}
    folder = settings["METERLINE_SECRETS_DIR"]
    assert settings["METERLINE_AUTHORITY_KEY"].removeprefix(f"{folder}/") in added["secrets"]
    secret = {name for name in ProviderSettings.model_fields if "secret" in name}
    named = {f"METERLINE_{name}".upper() for name in secret}
    assert named <= set(added["secrets"])
    assert not named & set(settings), "a secret of the environment is seen by whoever inspects it"
    known = {f"METERLINE_{name}".upper() for name in Settings.model_fields}
    assert set(serve["environment"]) - {"METERLINE_SECRETS_DIR"} <= known
