"""The identity provider that vouches for people, from the environment (`METERLINE_OIDC_...`)."""

from __future__ import annotations

from pydantic import Field, SecretStr

from central.config.secret import FiledSettings


class ProviderSettings(FiledSettings):
    """A provider of OpenID Connect; without an issuer nobody is sent to any.

    Args:
        oidc_issuer: Its address, as its own documents say it.
        oidc_client: This centre's identifier there.
        oidc_secret: This centre's secret there.
        oidc_label: What the sign-in page calls it.
        oidc_roles: Roles here of groups there, such as {"billing": "billing-clerk"}.
        oidc_name_claim: Claim that says how somebody is called here.
        oidc_groups_claim: Claim that says which groups they are in.
        oidc_scopes: What is asked for.
    """

    oidc_issuer: str = ""
    oidc_client: str = ""
    oidc_secret: SecretStr = SecretStr("")
    oidc_label: str = Field(default="single sign-on", min_length=1, max_length=60)
    oidc_roles: dict[str, str] = Field(default_factory=dict)
    oidc_name_claim: str = "preferred_username"
    oidc_groups_claim: str = "groups"
    oidc_scopes: str = "openid profile email"
