"""What callers of an endpoint prove themselves with: keys and tokens."""

from __future__ import annotations

import time

from starlette.responses import Response

from airflow_provider_amlrest.emulator.answers import not_emulated, pretty
from airflow_provider_amlrest.emulator.arm import operations
from airflow_provider_amlrest.emulator.arm.call import Call
from airflow_provider_amlrest.emulator.arm.online.endpoints import check_key_mode
from airflow_provider_amlrest.emulator.arm.online.records import ENDPOINT_PREFIX, known_endpoint
from airflow_provider_amlrest.emulator.arm.online.shapes import REGENERATE
from airflow_provider_amlrest.emulator.arm.shapes import read
from airflow_provider_amlrest.emulator.tracked import Tracked

REFRESH_SHARE = 2 / 3
"""After which part of its life a token is to be renewed: a guess."""


def list_keys(call: Call, name: str) -> Response:
    endpoint = known_endpoint(call, name)
    check_key_mode(endpoint, "Key", "listKeys")
    return pretty(call.context.endpoint_keys(endpoint))


def regenerate_keys(call: Call, name: str) -> Response:
    """A key of the client's own choice would have to lie in a file.

    azure-ai-ml 1.35.2 sends the key that is to go as ``keyValue``: that this is not what it is set to is a
    guess.
    """
    endpoint = known_endpoint(call, name)
    check_key_mode(endpoint, "Key", "regenerateKeys")
    sent = read(REGENERATE, call.body or {}, call.version)
    which = f"{sent['keyType'].lower()}Key"
    if sent["keyValue"] not in (None, "", call.context.endpoint_keys(endpoint)[which]):
        raise not_emulated("keys of one's own choice")
    generations = {**endpoint.key_generations, which: endpoint.key_generations.get(which, 0) + 1}
    Tracked(call.store).change(endpoint.workspace, endpoint.path, key_generations=generations)
    return operations.forgotten(call, ENDPOINT_PREFIX)


def get_token(call: Call, name: str) -> Response:
    endpoint = known_endpoint(call, name)
    check_key_mode(endpoint, "AMLToken", "token")
    seconds = call.context.tuning.token_lifetime_seconds
    now = time.time()
    return pretty(
        {
            "accessToken": call.context.tokens.issue_endpoint_token(call.home, endpoint.name, seconds),
            "tokenType": "Bearer",
            "expiryTimeUtc": int(now + seconds),
            "refreshAfterTimeUtc": int(now + seconds * REFRESH_SHARE),
        }
    )
