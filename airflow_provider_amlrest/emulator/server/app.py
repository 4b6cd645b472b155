"""Which part of the emulator answers which path."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from airflow_provider_amlrest.emulator.answers import not_emulated, pretty
from airflow_provider_amlrest.emulator.behaviour.faults import FaultRules
from airflow_provider_amlrest.emulator.context import BATCH_PATH, INFERENCE_PATH, Context
from airflow_provider_amlrest.emulator.data_plane.history import History
from airflow_provider_amlrest.emulator.data_plane.mlflow import Mlflow
from airflow_provider_amlrest.emulator.data_plane.registries import Registries
from airflow_provider_amlrest.emulator.server.admin import Admin
from airflow_provider_amlrest.emulator.server.batch import Batch
from airflow_provider_amlrest.emulator.server.gateway import REGISTRY_HOST, Gateway
from airflow_provider_amlrest.emulator.server.inference import Inference
from airflow_provider_amlrest.emulator.sign_in.entra import Entra, Proofs


def build_app(context: Context, faults: FaultRules, *, proofs: Proofs, admin_key: str) -> ASGIApp:
    """The emulator as one ASGI application, without what stands in front of it (see front.py)."""
    entra = Entra(context.tokens, proofs, context.blobs.endpoint, context.tuning, context.need_blobs)
    return Root(
        {
            "/subscriptions": (gateway := Gateway(context)),
            "/registrymanagement/v1.0": (registries := Registries(context)),
            "/assetstore/v1.0": registries,
            "/history/v1.0": (history := History(context)),
            "/data/v1.0": history,
            "/artifact/v2.0": history,
            "/mlflow/v1.0": (mlflow := Mlflow(context)),
            "/mlflow/v2.0": mlflow,
            INFERENCE_PATH: Inference(context),
            BATCH_PATH: (batch := Batch(context, gateway)),
            REGISTRY_HOST: batch,
            "/_emulator": Admin(context, faults, admin_key),
        },
        Router([*entra.routes(), *_public_routes(context)], default=_unknown),
    )


class Root:
    """Chooses by the beginning of the path; ARM's paths have no case."""

    def __init__(self, parts: dict[str, ASGIApp], default: ASGIApp) -> None:
        self._parts = parts
        self._default = default

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].lower()
        for prefix, part in self._parts.items():
            if path.startswith(f"{prefix}/"):
                await part(scope, receive, send)
                return
        await self._default(scope, receive, send)


def _public_routes(context: Context) -> list[Route]:
    """What needs no token: service discovery and the description of this cloud."""
    endpoint = context.endpoint

    async def discovery(request: Request) -> Response:
        names = ("api", "experimentation", "history", "hyperdrive", "modelmanagement", "pipelines", "studio")
        return pretty({**dict.fromkeys(names, endpoint), "studio": "https://ml.azure.com"})

    async def metadata(request: Request) -> Response:
        return JSONResponse(
            [
                {
                    "name": "AmlrestEmulator",
                    # Clients derive names of other services from it: ml.azure..., api.ml.azure...
                    "portal": f"https://portal.{context.tokens.cloud}",
                    "resourceManager": endpoint,
                    "authentication": {
                        "loginEndpoint": endpoint,
                        "audiences": [endpoint],
                        "tenant": context.tokens.tenant_id,
                    },
                    "suffixes": {"storage": context.blobs.suffix},
                }
            ]
        )

    return [Route("/discovery", discovery), Route("/metadata/endpoints", metadata)]


async def _unknown(scope: Scope, receive: Receive, send: Send) -> None:
    await not_emulated(f"{scope['method']} {scope['path']}").answer("")(scope, receive, send)
