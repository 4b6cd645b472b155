"""The deliberate faults in the code of models, endpoints, deployments and computes."""

from __future__ import annotations

from tools.wire_faults import Fault

_COMPUTE, _ONLINE, _BATCH = (f"resources/{name}.py" for name in ("compute", "online", "batch"))
_REQUEST, _SCORING = "resources/batch_request.py", "resources/scoring.py"
_OPERATIONS, _RESOURCE, _EQUALITY = (
    f"resources/{name}.py" for name in ("operations", "resource", "equality")
)
_ENDPOINTS, _TRAFFIC, _GOAL = (f"resources/{name}.py" for name in ("endpoints", "traffic", "goal"))
_REGISTRIES, _SPEC = "resources/registries.py", "resources/spec.py"

RESOURCE_FAULTS = (
    # Computes
    Fault("a login's name in another case", _COMPUTE, '"adminUserName"', '"adminUsername"'),
    Fault("a login that is closed", _COMPUTE, '"disableLocalAuth": blank(', '"disableLocalAuth": not blank('),
    Fault("a tier misspelt", _COMPUTE, '"LowPriority"', '"Lowpriority"'),
    Fault("the most nodes as the least", _COMPUTE, '"minNodeCount": least', '"minNodeCount": most'),
    Fault(
        "seconds for a node's idle time",
        _COMPUTE,
        '"nodeIdleTimeBeforeScaleDown": _duration(seconds)',
        '"nodeIdleTimeBeforeScaleDown": seconds',
    ),
    Fault("minutes for seconds", _COMPUTE, "60.0 * whole(", "1.0 * whole("),
    Fault("a kind of compute misspelt", _COMPUTE, '_cluster, "AmlCompute"', '_cluster, "Amlcompute"'),
    Fault(
        "a machine that is nowhere",
        _COMPUTE,
        """        "resourceId": _resource_id(given),\n        "properties\"""",
        """        "properties\"""",
    ),
    Fault(
        "detached, not deleted",
        _COMPUTE,
        '"underlyingResourceAction": "Delete"',
        '"underlyingResourceAction": "Detach"',
    ),
    Fault("another action", _COMPUTE, '"stop", STOPPED', '"start", STOPPED'),
    Fault("a schedule's trigger misspelt", _COMPUTE, '"triggerType": "Cron"', '"triggerType": "cron"'),
    Fault("a public key by another name", _COMPUTE, "adminPublicKey=settings", "publicKey=settings"),
    Fault("a subnet that is a text", _COMPUTE, 'return {"id": subnet}', "return subnet"),
    Fault(
        "schedules where there are none",
        _COMPUTE,
        '"2023-04-01", PREVIEW_2021_03',
        '"2022-05-01", PREVIEW_2021_03',
    ),
    Fault("a switch as by default", _COMPUTE, "boolean(name, given[name]) != default", "True"),
    Fault(
        "an owner by another name", _COMPUTE, '"user_tenant_id": "tenantId"', '"user_tenant_id": "tenantID"'
    ),
    # Online endpoints
    Fault("a way to sign in as we write it", _ONLINE, '"key": "Key"', '"key": "key"'),
    Fault("a capacity by another name", _ONLINE, '"capacity": _instances(', '"count": _instances('),
    Fault("a size lost", _ONLINE, "instanceType=read_vm_size(", "vmSize=read_vm_size("),
    Fault("thousandths as seconds", _ONLINE, "2**31 - 1) / 1000)", "2**31 - 1))"),
    Fault(
        "a probe's member as we write it",
        _ONLINE,
        '("failureThreshold", _count)',
        '("failure_threshold", _count)',
    ),
    Fault("two members of a probe swapped", _ONLINE, '("initialDelay", _seconds)', '("period", _seconds)'),
    Fault(
        "a way to scale misspelt",
        _ONLINE,
        '"target_utilization": "TargetUtilization"',
        '"target_utilization": "targetUtilization"',
    ),
    Fault("a share of the requests lost", _ONLINE, "        samplingRate=share,\n", ""),
    Fault(
        "variables that stay",
        _ONLINE,
        """    body["properties"]["environmentVariables"] =""",
        """    body["properties"]["variables"] =""",
    ),
    Fault(
        "mirrored traffic too early",
        _ONLINE,
        '"mirrored traffic", "2023-04-01"',
        '"mirrored traffic", "2022-05-01"',
    ),
    Fault("traffic that is reset", _ONLINE, 'kept = ("traffic", "mirrorTraffic")', "kept = ()"),
    Fault("a deployment without its kind", _ONLINE, '            endpointComputeType="Managed",\n', ""),
    Fault(
        "no identity",
        _ONLINE,
        'read_identity(given["identity"] or "system_assigned")',
        'read_identity(given["identity"])',
    ),
    Fault(
        "traffic of another deployment's",
        _ONLINE,
        'traffic=read_weights("traffic", given["traffic"])',
        'traffic=_mirror(given["mirror_traffic"])',
    ),
    # Batch endpoints
    Fault(
        "a model without its kind of reference",
        _BATCH,
        '{"referenceType": "Id", "assetId": model}',
        '{"assetId": model}',
    ),
    Fault("an output's word misspelt", _BATCH, '"AppendRow"', '"Appendrow"'),
    Fault("a batch's size by another name", _BATCH, "miniBatchSize=number(", "batchSize=number("),
    Fault(
        "a pipeline's kind misspelt",
        _BATCH,
        'deploymentConfigurationType="PipelineComponent"',
        'deploymentConfigurationType="Pipeline"',
    ),
    Fault(
        "a default at the wrong level",
        _BATCH,
        'defaults={"deploymentName": default} if default else None',
        "defaultDeployment=default",
    ),
    Fault(
        "seconds for a retry's time", _BATCH, "timeout=timeout and exact_duration(timeout)", "timeout=timeout"
    ),
    Fault(
        "an error threshold lost",
        _BATCH,
        'errorThreshold=number("error_threshold"',
        'threshold=number("error_threshold"',
    ),
    Fault("a batch endpoint with keys", _BATCH, 'authMode="aadToken"', 'authMode="key"'),
    # Requests to endpoints
    Fault("inputs by another name", _REQUEST, '"inputData": inputs', '"inputs": inputs'),
    Fault("a folder for a file", _REQUEST, '"UriFolder" if uri.endswith("/") else "UriFile"', '"UriFolder"'),
    Fault("a type in another version's spelling", _REQUEST, "TYPES_2022_02[found.type]", "found.type"),
    Fault("a header misspelt", _SCORING, '"azureml-model-deployment"', '"azureml-deployment"'),
    Fault("a request's id by another name", _SCORING, '"repeatability-request-id"]', '"request-id"]'),
    Fault("another key", _SCORING, '("listKeys", "primaryKey")', '("listKeys", "secondaryKey")'),
    Fault("a token that is not found", _SCORING, '("token", "accessToken")', '("token", "token")'),
    Fault("a key without its scheme", _SCORING, 'f"Bearer {access.secret}"', "access.secret"),
    Fault("a body that is not JSON", _SCORING, "else json.dumps(body)", "else str(body)"),
    # Operations and states
    Fault(
        "an operation by its result",
        _OPERATIONS,
        'answer.headers.get("Azure-AsyncOperation")',
        'answer.headers.get("Azure-Operation")',
    ),
    Fault("a resource for an operation", _OPERATIONS, " if answer.status_code == 202 else None", ""),
    Fault("a 202 that is the end", _OPERATIONS, 'return "Updating", ""', 'return "Succeeded", ""'),
    Fault("a 404 that is a failure", _OPERATIONS, 'return None, ""', 'return "Failed", "lost"'),
    Fault("the log's length by another name", _OPERATIONS, '"tail": lines', '"lines": lines'),
    Fault("a log that is not found", _OPERATIONS, '.get("content")', '.get("log")'),
    Fault(
        "a state that is not read",
        _RESOURCE,
        'properties.get("provisioningState")',
        'properties.get("state")',
    ),
    Fault(
        "an instance's state that is not read", _RESOURCE, '.get("state") or state', '.get("status") or state'
    ),
    Fault(
        "a state that is an end",
        _RESOURCE,
        'READY = frozenset({"Succeeded"',
        'READY = frozenset({"Succeeded", "Creating"',
    ),
    # When a resource is as wanted
    Fault("capitals that make a difference", _EQUALITY, "str(value).lower().split()", "str(value).split()"),
    Fault(
        "a duration's spelling that makes one", _EQUALITY, " or (duration(wanted) or -1) == duration(now)", ""
    ),
    Fault("a password that is compared", _EQUALITY, '"adminUserPassword", ', ""),
    Fault(
        "a variable too many that makes none", _EQUALITY, '{"environmentVariables", "traffic"', '{"traffic"'
    ),
    Fault("members of the service that go back", _ENDPOINTS, '("AzureAsyncOperationUri", ', "("),
    Fault(
        "an identity's own members that go back",
        _ENDPOINTS,
        "{name: {} for name in object_in(identity",
        '{name: {"clientId": "c"} for name in object_in(identity',
    ),
    Fault("a description that goes", _ENDPOINTS, '"authMode", "description", ', '"authMode", '),
    Fault(
        "another default's place",
        _ENDPOINTS,
        'defaults={"deploymentName": self.deployment}',
        "default=self.deployment",
    ),
    Fault("shares by another name", _TRAFFIC, "traffic=dict(self.shares)", "mirrorTraffic=dict(self.shares)"),
    Fault("a note that stays", _TRAFFIC, "if name != ROLLOUT}", "}"),
    Fault("a wrong way to delete", _GOAL, 'Change("DELETE", self.path', 'Change("POST", self.path'),
    Fault(
        "an action's wrong path",
        _GOAL,
        '"POST", f"{self.path}/{self.action}"',
        '"POST", f"{self.path}:{self.action}"',
    ),
    Fault(
        "an identity as we write it",
        _SPEC,
        '"system_assigned": "SystemAssigned"',
        '"system_assigned": "systemAssigned"',
    ),
    Fault("identities in a list", _SPEC, "{name: {} for name in names}", "[*names]"),
    # Registries and models
    Fault("a source by another name", _REGISTRIES, '"sourceAssetId": origin', '"assetId": origin'),
    Fault("a version by another name", _REGISTRIES, '"destinationVersion": version', '"version": version'),
    Fault(
        "an import without its envelope",
        _REGISTRIES,
        'body if api_version >= PUBLISH else {"properties": body}',
        "body",
    ),
    Fault("a publish that is nowhere", _REGISTRIES, '/publish"', '/share"'),
    Fault("an origin that is not read", _REGISTRIES, '.get("originAssetId")', '.get("origin")'),
    Fault(
        "a registry's host that is not read",
        _REGISTRIES,
        '"primaryRegionResourceProviderUri"',
        '"resourceProviderUri"',
    ),
    Fault("a model's place by another name", "assets/model.py", "modelUri=model.uri", "uri=model.uri"),
    Fault("a model's job lost", "assets/model.py", "        jobName=model.job_name,\n", ""),
    Fault("flavors without their data", "assets/model.py", '{"data": dict(data)}', "dict(data)"),
    Fault(
        "a stage too early",
        "assets/model.py",
        '"the stage of a model", "2023-04-01"',
        '"the stage of a model", "2022-05-01"',
    ),
)
