"""What to do about the errors that are met most: one table, which the documentation is tested against."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Hint:
    """A refusal that a person can do something about, and what.

    It fits by one of its codes (innermost, outermost, or Entra ID's AADSTS number in the text), else by
    words of the message. The codes are those that Microsoft documents or that were recorded; where only the
    words are known, they decide.
    """

    problem: str
    """In a few words, as docs/errors.md lists it."""
    codes: tuple[str, ...]
    advice: str
    words: str | None = None
    """Regular expression, searched for in the message."""
    statuses: tuple[int, ...] = ()
    """Which it is for; empty: all."""

    def fits(self, status: int, codes: set[str], message: str) -> bool:
        """Whether it is about an answer."""
        if self.statuses and status not in self.statuses:
            return False
        return bool(codes.intersection(self.codes) or (self.words and re.search(self.words, message)))


_ROLE = "Give the identity the role 'AzureML Data Scientist' on the workspace."
_WORKSPACE = "Check workspace_name and resource_group in the connection."
_TOO_LARGE = "A request has 4 MB at most: put long values into files, and pass those as data."
_THROTTLED = "Too many requests of this identity or subscription: raise poll_interval, or spread the tasks."

NETWORK = Hint(
    "private network",
    (),
    "The network does not let this machine in; no role helps. Run it in the workspace's virtual network, "
    "with the names of its private endpoints resolved there, or allow its address.",
    # As issue trackers quote them; more such words are expected than were seen.
    words=r"(?i)\bprivate[ -](link|endpoint)"
    r"|\bpublic (network )?access\b.{0,40}\b(disabled|not (allowed|permitted))"
    r"|\bip address\b.{0,80}\bnot (allowed|permitted|authorized)",
    statuses=(401, 403, 502),
)
"""Private link and public access: not said with a code of its own, and even with the status of an outage."""

# The first that fits wins: what is particular comes before what is general.
HINTS = (
    # Signing in
    Hint(
        "expired secret",
        ("AADSTS7000222",),
        "The client secret has expired: make a new one for the application, and put it into the connection.",
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
        # msal asks for the tenant's configuration first, and does not hand on Entra ID's own words.
        words="Unable to get authority configuration",
    ),
    Hint(
        "Conditional Access",
        ("AADSTS53003", "AADSTS50076", "AADSTS50079", "insufficient_claims"),
        "A policy of the tenant (Conditional Access) demands more than this identity can show: have its "
        "administrator except the identity, or use one that satisfies the policy.",
    ),
    Hint(
        "wrong tenant",
        ("InvalidAuthenticationTokenTenant",),
        "The workspace's subscription belongs to another tenant: check tenant_id in the connection.",
    ),
    Hint(
        "wrong audience",
        ("AADSTS500011", "InvalidAuthenticationTokenAudience"),
        "The token is asked for something else than this cloud's Resource Manager: check cloud, "
        "resource_manager and scope in the connection.",
    ),
    # The code is azure-identity's word for every sign-in without a token: it comes after what is particular.
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
        "The subscription is disabled, for its bill or its limit: its owner has to enable it again.",
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
        "The service does not take this api_version here: choose another one in the connection.",
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
        "The storage account allows no keys: give the identity the role 'Storage Blob Data Contributor' on "
        "it, so that uploads can go by its token.",
    ),
    Hint(
        "missing role on the storage",
        ("AuthorizationPermissionMismatch",),
        "Give the identity the role 'Storage Blob Data Contributor' on the storage account; a new role takes "
        "some minutes to work.",
    ),
    Hint(
        "storage firewall",
        ("AuthorizationFailure", "PublicAccessNotPermitted", "AuthorizationSourceIPMismatch"),
        "The storage account's firewall does not let this machine in: allow the worker's network.",
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
        "Check compute: it names a compute of this workspace.",
        words=r"(?i)\bcompute\b.{0,80}(not found|does not exist|could not be found)",
    ),
    Hint(
        "quota",
        ("ClusterCoreQuotaReached", "QuotaExceeded"),
        "The quota is used up: ask for more cores (dedicated and low-priority ones count apart), wait until "
        "other nodes are free, or choose another VM size.",
        words=r"(?i)\bquota\b",
    ),
    # Names and versions
    Hint(
        "name taken",
        ("JobPropertyImmutable",),
        "The name is taken by another job: choose another job_name, with something of the run in it.",
        words="A job with this name already exists",
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
        "Versions cannot be changed: leave version out to have it made of the content, or choose a new one.",
        words="Asset paths cannot be updated|is already registered and cannot be changed",
    ),
    Hint(
        "immutable property",
        ("Immutable",),
        "It cannot be changed once it is made: choose another name or version.",
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
        "A proxy that re-signs TLS, or a private authority? ca_bundle in the connection names a file with "
        "the authorities to trust instead of the usual ones.",
    ),
    Hint(
        "no certificate in ca_bundle",
        ("NO_CERTIFICATE_OR_CRL_FOUND",),
        "The file that ca_bundle in the connection names has no certificate in it: it must be PEM.",
    ),
    Hint(
        "proxy",
        ("ProxyError", "Proxy Authentication Required", "Unable to connect to proxy"),
        "Check HTTPS_PROXY and NO_PROXY of the worker.",
    ),
)
"""For requests without an answer; the codes are searched for in the reason."""

_ENTRA = re.compile(r"AADSTS\d+")


def fitting(status: int, codes: Iterable[str], message: str) -> Hint | None:
    """The hint for an answer with these codes; None: nothing is known."""
    said = {*codes, *_ENTRA.findall(message)}
    return next((hint for hint in HINTS if hint.fits(status, said, message)), None)


def advice(status: int, codes: Iterable[str], message: str) -> str:
    """What to do about an answer with these codes; empty if nothing is known."""
    hint = fitting(status, codes, message)
    return hint.advice if hint else _BY_STATUS.get(status, "")


def advice_without_answer(reason: str) -> str:
    """What to do about a request that got no answer; empty if nothing is known."""
    for hint in NO_ANSWER_HINTS:
        if any(code in reason for code in hint.codes):
            return hint.advice
    return ""
