"""The identity of a connection: which credential it names, and whether everything that it needs is given."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from airflow_provider_amlrest.rest.http.credentials import (
    Ambient,
    AzureCli,
    Chain,
    ClientCertificate,
    ClientSecret,
    IdentitySource,
    ManagedIdentity,
    WorkloadIdentity,
)

log = logging.getLogger(__name__)

Values = Mapping[str, str]
"""The connection's fields, including ``login`` and ``password``; a field that is not given is empty."""


@dataclass(frozen=True)
class Credential:
    """A way to sign in."""

    make: Callable[[Values], IdentitySource]
    advice: str
    """What to check if it is refused."""
    needs: tuple[str, ...] = ()
    """Required fields; a bar separates alternatives, of which exactly one is given."""
    takes: tuple[str, ...] = ()
    variables: Mapping[str, str] | None = None
    """Environment variables that can replace fields."""

    def completed(self, values: Values) -> Values:
        """The values, with environment variables in place of empty fields."""
        found = {name: os.environ.get(variable, "") for name, variable in (self.variables or {}).items()}
        return {**values, **{name: values[name] or value for name, value in found.items()}}

    def uses(self, name: str) -> bool:
        return any(name in need.split("|") for need in (*self.needs, *self.takes))


CREDENTIALS = {
    ClientSecret.name: Credential(
        lambda values: ClientSecret(values["tenant_id"], values["login"], values["password"]),
        "Check client ID, tenant_id and the client secret: its value, not its id; it may have expired.",
        needs=("tenant_id", "login", "password"),
    ),
    ClientCertificate.name: Credential(
        lambda values: ClientCertificate(
            values["tenant_id"],
            values["login"],
            values["certificate_path"] or None,
            _with_line_breaks(values["certificate_private_key"]) or None,
            values["certificate_password"] or None,
        ),
        "Check client ID and tenant_id, and that the application has this certificate; it may have expired.",
        needs=("tenant_id", "login", "certificate_path|certificate_private_key"),
        takes=("certificate_password",),
    ),
    ManagedIdentity.name: Credential(
        lambda values: ManagedIdentity(values["managed_identity_client_id"] or None),
        "Does this machine have a managed identity? managed_identity_client_id chooses a user-assigned one.",
        takes=("managed_identity_client_id",),
    ),
    WorkloadIdentity.name: Credential(
        lambda values: WorkloadIdentity(
            values["tenant_id"], values["login"], values["workload_identity_file"]
        ),
        "Check client ID and tenant_id, and that the application has a federated credential with issuer, "
        "subject and audience of the token in the file.",
        needs=("tenant_id", "login", "workload_identity_file"),
        variables={
            "tenant_id": "AZURE_TENANT_ID",
            "login": "AZURE_CLIENT_ID",
            "workload_identity_file": "AZURE_FEDERATED_TOKEN_FILE",
        },
    ),
    AzureCli.name: Credential(
        lambda values: AzureCli(values["tenant_id"] or None),
        "Is the command az on this machine's PATH, and has the user whom Airflow runs as called 'az login'?",
    ),
    Ambient.name: Credential(
        lambda values: Ambient(values["managed_identity_client_id"] or None),
        "The machine's own identities were tried in azure-identity's order; to use one of them, or one of "
        "the connection, name it in the field credential.",
        takes=("managed_identity_client_id",),
    ),
}
CHAIN_ADVICE = "They were tried in the order of credential_chain; the first available one must be accepted."

FIELDS_OF_CREDENTIALS = (
    *("login", "password", "certificate_path", "certificate_private_key", "certificate_password"),
    *("managed_identity_client_id", "workload_identity_file"),
)
LABELS = {"login": "client ID (login)", "password": "client secret (password)"}


def advice(source: IdentitySource) -> str:
    """What to check if this identity is refused."""
    return CHAIN_ADVICE if isinstance(source, Chain) else CREDENTIALS[source.name].advice


def read_identity(values: Values) -> tuple[IdentitySource | None, list[str]]:
    """The identity that a connection names, or everything that is wrong with it.

    Without ``credential``, it is client_secret if there is a client id or secret, else the machine's own.
    """
    names, problems = _chosen(values)
    problems += [
        f"{LABELS.get(name, name)} is given, but the credential {' and '.join(names)} does not use it; "
        "leave it out, or name another credential"
        for name in FIELDS_OF_CREDENTIALS
        if names and values[name] and not any(CREDENTIALS[each].uses(name) for each in names)
    ]
    sources = []
    for name in names:
        credential = CREDENTIALS[name]
        completed = credential.completed(values)
        missing = _missing(name, credential, completed)
        if missing and len(names) > 1 and credential.variables:
            # Such a chain is for several machines: on this one, there is no federated token.
            log.info("The chain skips %s: %s.", name, "; ".join(missing))
            continue
        problems += missing
        sources.append(credential.make(completed))
    if names and not sources and not problems:
        problems.append("credential_chain names nothing that is available on this machine")
    if problems or not sources:
        return None, problems
    return (Chain(tuple(sources)) if values["credential"] == Chain.name else sources[0]), []


def _chosen(values: Values) -> tuple[list[str], list[str]]:
    """The names of the credentials to use, and what is wrong with the choice."""
    named, chain = values["credential"], re.split(r"[,\s]+", values["credential_chain"])
    if named != Chain.name:
        problems = ["credential_chain is given, but credential is not 'chain'"] if chain != [""] else []
        if not named:
            named = ClientSecret.name if values["login"] or values["password"] else Ambient.name
        return ([named] if named in CREDENTIALS else []), problems
    if chain == [""]:
        return [], [
            f"credential_chain is missing; give some of {', '.join(CREDENTIALS)}, separated by commas"
        ]
    problems = [
        f"credential_chain has {name!r}, which is not one of {', '.join(CREDENTIALS)}"
        for name in chain
        if name not in CREDENTIALS
    ]
    known = list(dict.fromkeys(name for name in chain if name in CREDENTIALS))
    if not problems and len(known) < len(chain):
        problems.append("credential_chain names a credential twice")
    return known, problems


def _missing(name: str, credential: Credential, values: Values) -> list[str]:
    """What a credential needs and does not have."""
    problems = []
    for need in credential.needs:
        fields = need.split("|")
        given = [field for field in fields if values[field]]
        variable = (credential.variables or {}).get(need)
        if not given:
            wanted = " or ".join(LABELS.get(field, field) for field in fields)
            elsewhere = f" here and {variable} in the environment" if variable else ""
            problems.append(
                f"{wanted} is missing{elsewhere}; the credential {name} needs it{_way_out(values)}"
            )
        elif len(given) > 1:
            problems.append(f"{' and '.join(given)} are given; the credential {name} needs one of them")
    return problems + [
        f"{field} {problem}"
        for field in ("certificate_path", "workload_identity_file")
        if credential.uses(field) and (problem := file_problem(values[field]))
    ]


def _way_out(values: Values) -> str:
    if values["credential"]:
        return ""
    return (
        ", which a client ID or a secret selects if credential is empty: give both, or neither "
        "to use the machine's own identity, or name another credential"
    )


def file_problem(path: str) -> str | None:
    """What is wrong with a file's path, or None; an empty path is valid."""
    if "-----BEGIN" in path:
        return "holds a PEM text, which may be a secret; it must be the path of a file"
    if path and not os.path.isfile(path):  # noqa: PTH113 (pathlib raises if the path is too long)
        return f"{path!r} is not a file on this machine"
    return None


_PEM_LINE = re.compile(r"\s*(-----(?:BEGIN|END) [A-Z0-9 ]+-----)\s*")


def _with_line_breaks(pem: str) -> str:
    """PEM text with its line breaks, which one-line form fields remove and URLs write as ``\\n``."""
    return _PEM_LINE.sub(r"\n\1\n", pem.replace("\\n", "\n")).lstrip()
