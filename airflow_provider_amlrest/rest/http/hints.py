"""What to do about the most common errors: one table, against which the documentation is tested."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Hint:
    """A refusal that the user can fix, and how.

    It fits an answer by one of its codes (innermost, outermost, or Entra ID's AADSTS number in the text), or
    else by words of the message. Microsoft documents the codes, or they were recorded; if only the words are
    known, they decide.
    """

    problem: str
    """In a few words, as docs/errors.md lists it."""
    codes: tuple[str, ...]
    advice: str
    words: str | None = None
    """Regular expression to search for in the message."""
    statuses: tuple[int, ...] = ()
    """The HTTP statuses that it applies to; empty: all."""

    def fits(self, status: int, codes: set[str], message: str) -> bool:
        """Whether the hint fits an answer."""
        if self.statuses and status not in self.statuses:
            return False
        return bool(codes.intersection(self.codes) or (self.words and re.search(self.words, message)))


_ROLE = "Give the identity the role 'AzureML Data Scientist' on the workspace."
_WORKSPACE = "Check workspace_name and resource_group in the connection."
_TOO_LARGE = "A request can have 4 MB at most: put long values into files, and pass those as data."
_THROTTLED = "Too many requests of this identity or subscription: raise poll_interval, or spread the tasks."

NETWORK = Hint(
    "private network",
    (),
    "The network refuses this machine; a role does not help. Run it in the workspace's virtual network, "
    "with the names of its private endpoints resolved there, or allow its address.",
    # As issue trackers quote them; the service probably has more variants than these.
    words=r"(?i)\bprivate[ -](link|endpoint)"
    r"|\bpublic (network )?access\b.{0,40}\b(disabled|not (allowed|permitted))"
    r"|\bip address\b.{0,80}\bnot (allowed|permitted|authorized)",
    statuses=(401, 403, 502),
)
"""Private link and public access: without their own code, and even with the status of an outage."""

# The first hint that fits wins: specific hints come before general ones.
HINTS = (
    # Signing in
    Hint(
        "expired secret",
        ("AADSTS7000222",),
        "The client secret has expired: create a new one for the application, and put it into the "
        "connection.",
    ),
    Hint(
        "wrong secret",
        ("AADSTS7000215",),
        "The client secret is wrong: the connection needs the secret's value, not its id.",
    ),
    Hint(
        "unknown application or certificate",
        ("AADSTS700016", "AADSTS700027"),
        "The tenant has no such application, or not this certificate of it: check client id and tenant_id.",
    ),
    Hint(
        "unknown tenant",
        ("AADSTS90002", "AADSTS900023"),
        "There is no such tenant: check tenant_id in the connection.",
        # msal asks for the tenant's configuration first, and does not pass on Entra ID's own message.
        words="Unable to get authority configuration",
    ),
    Hint(
        "Conditional Access",
        ("AADSTS53003", "AADSTS50076", "AADSTS50079", "insufficient_claims"),
        "A policy of the tenant (Conditional Access) requires more than this identity can show: ask its "
        "administrator to exclude the identity, or use one that satisfies the policy.",
    ),
    Hint(
        "wrong tenant",
        ("InvalidAuthenticationTokenTenant",),
        "The workspace's subscription belongs to another tenant: check tenant_id in the connection.",
    ),
    Hint(
        "wrong audience",
        ("AADSTS500011", "InvalidAuthenticationTokenAudience"),
        "The token was requested for something other than this cloud's Resource Manager: check cloud, "
        "resource_manager and scope in the connection.",
    ),
    # azure-identity uses this code for every sign-in without a token, so it comes after the specific hints.
    Hint(
        "no token",
        ("CredentialUnavailable",),
        "The credential gave no token: check it, or name another one in the field credential of the "
        "connection.",
    ),
    # The way to the workspace
    Hint(
        "unknown subscription",
        ("SubscriptionNotFound", "InvalidSubscriptionId"),
        "Check subscription_id in the connection, and that the identity may see it.",
    ),
    Hint(
        "disabled subscription",
        ("ReadOnlyDisabledSubscription",),
        "The subscription is disabled, because of its bill or its limit: its owner must enable it again.",
    ),
    Hint("unknown resource group", ("ResourceGroupNotFound",), "Check resource_group in the connection."),
    Hint(
        "deleted workspace",
        (),
        "The workspace was deleted: recover it, or name another one in the connection.",
        words=r"(?i)soft[- ]?deleted",
    ),
    Hint("unknown workspace", ("ResourceNotFound", "ParentResourceNotFound"), _WORKSPACE),
    Hint(
        "unsupported api-version",
        ("NoRegisteredProviderFound", "InvalidResourceType", "InvalidApiVersionParameter"),
        "The service does not support this api_version here: choose another one in the connection.",
    ),
    Hint("missing role", ("AuthorizationFailed", "LinkedAuthorizationFailed"), _ROLE),
    Hint(
        "policy or lock",
        ("RequestDisallowedByPolicy", "ScopeLocked"),
        "A policy or a lock of the subscription forbids it: ask its owner.",
    ),
    # Storage
    Hint(
        "storage keys disabled",
        ("KeyBasedAuthenticationNotPermitted",),
        "The storage account does not allow keys: give the identity the role 'Storage Blob Data Contributor' "
        "on it, so that uploads can use its token.",
    ),
    Hint(
        "missing role on the storage",
        ("AuthorizationPermissionMismatch",),
        "Give the identity the role 'Storage Blob Data Contributor' on the storage account; a new role takes "
        "a few minutes to take effect.",
    ),
    Hint(
        "storage firewall",
        ("AuthorizationFailure", "PublicAccessNotPermitted", "AuthorizationSourceIPMismatch"),
        "The storage account's firewall refuses this machine: allow the worker's network.",
    ),
    Hint(
        "expired signature, or a wrong clock",
        ("AuthenticationFailed", "InvalidAuthenticationInfo"),
        "The storage account refused the key or signature: was the key renewed, has the signature expired, "
        "is this machine's clock right?",
        statuses=(403,),
    ),
    NETWORK,
    # Compute
    Hint(
        "compute missing",
        (),
        "Check compute: it must name a compute of this workspace.",
        words=r"(?i)\bcompute\b.{0,80}(not found|does not exist|could not be found)",
    ),
    Hint(
        "quota",
        ("ClusterCoreQuotaReached", "QuotaExceeded"),
        "The quota is used up: request more cores (dedicated and low-priority cores count separately), wait "
        "until other nodes are free, or choose another VM size.",
        words=r"(?i)\bquota\b",
    ),
    # Names and versions
    Hint(
        "name taken",
        ("JobPropertyImmutable",),
        "Another job has this name: choose another job_name that includes something of the run.",
        words="A job with this name already exists",
    ),
    Hint(
        "endpoint's name taken",
        (),
        "The name is a valid one, but another endpoint has it, perhaps in another workspace: names of "
        "endpoints are unique in an Azure region. Choose another one, such as one with a team in it.",
        words=r"(?i)already an endpoint with this name|endpoint name needs to be unique",
    ),
    Hint(
        "archived asset",
        (),
        "It is archived: restore it in the Studio, or choose another name.",
        words=r"(?i)\barchived\b",
    ),
    Hint(
        "version exists",
        (),
        "Versions cannot be changed: leave version out to derive it from the content, or choose a new one.",
        words="Asset paths cannot be updated|is already registered and cannot be changed",
    ),
    Hint(
        "immutable property",
        ("Immutable",),
        "It cannot be changed after it is created: choose another name or version.",
    ),
    Hint(
        "datastore missing",
        (),
        "Check the name of the datastore in the path.",
        words=r"(?i)could not find datastore|\bdatastore\b.{0,80}(not found|does not exist)",
    ),
    Hint(
        "environment missing",
        (),
        "Register the environment upstream, or check its name and version.",
        words="No environment exists for name",
    ),
    Hint(
        "no version",
        (),
        "Check the name, or register the asset upstream.",
        words=r"has no version\.$",
    ),
    # Traffic
    Hint("request too large", ("RequestEntityTooLarge", "RequestTooLarge"), _TOO_LARGE),
    Hint(
        "throttled",
        ("TooManyRequests", "ResourceRequestsThrottled", "SubscriptionRequestsThrottled", "RequestThrottled"),
        _THROTTLED,
    ),
)

_BY_STATUS = {
    401: "Check the credential and tenant_id in the connection.",
    403: _ROLE,
    413: _TOO_LARGE,
    429: _THROTTLED,
}

NO_ANSWER_HINTS = (
    Hint(
        "untrusted certificate",
        ("CERTIFICATE_VERIFY_FAILED",),
        "Is there a proxy that re-signs TLS, or a private authority? Set ca_bundle in the connection to a "
        "file with the authorities to trust instead of the usual ones.",
    ),
    Hint(
        "no certificate in ca_bundle",
        ("NO_CERTIFICATE_OR_CRL_FOUND",),
        "The file that ca_bundle in the connection names does not contain a certificate: it must be PEM.",
    ),
    Hint(
        "proxy",
        ("ProxyError", "Proxy Authentication Required", "Unable to connect to proxy"),
        "Check HTTPS_PROXY and NO_PROXY of the worker.",
    ),
)
"""For requests without an answer. The codes are searched for in the reason."""

_ENTRA = re.compile(r"AADSTS\d+")


def fitting(status: int, codes: Iterable[str], message: str) -> Hint | None:
    """The hint for an answer with these codes; None if there is none."""
    said = {*codes, *_ENTRA.findall(message)}
    return next((hint for hint in HINTS if hint.fits(status, said, message)), None)


def advice(status: int, codes: Iterable[str], message: str) -> str:
    """What to do about an answer with these codes; empty if there is no hint."""
    hint = fitting(status, codes, message)
    return hint.advice if hint else _BY_STATUS.get(status, "")


def advice_without_answer(reason: str) -> str:
    """What to do about a request that got no answer; empty if there is no hint."""
    for hint in NO_ANSWER_HINTS:
        if any(code in reason for code in hint.codes):
            return hint.advice
    return ""
