"""The operator behind ``@task.azureml``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar, cast

from airflow.providers.common.compat.sdk import DecoratedOperator

from airflow_provider_amlrest.operators.base import dag_folder
from airflow_provider_amlrest.operators.commands import AzureMLSubmitCommandJobOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_amlrest.rest import AzureMLClient
    from airflow_provider_amlrest.rest.jobs.command import CommandJob
    from airflow_provider_amlrest.rest.jobs.job import Job


COMMAND = "python run_function.py"


class AzureMLFunctionOperator(DecoratedOperator, AzureMLSubmitCommandJobOperator):
    """Run a function as a command job, once, and wait for its end: what ``@task.azureml`` makes of it.

    The function travels as its source: what it uses, it imports itself. Arguments and return value travel as
    JSON. A parameter that is named as one of the ``inputs`` or ``outputs`` has its path: callers leave it
    out.

    Every parameter of :class:`AzureMLSubmitCommandJobOperator` but ``command`` and ``code``, and:

    :param packages: what pip installs in the job before the function runs: ``["pandas==2.2.3"]``.

    XCom: what the function returned, or the URI of a file with it, if it is larger than 8 KB as JSON; with
    ``wait_for_completion=False`` that of a command job. Metrics and outputs are in the XComs
    ``azureml_result`` and ``outputs.<name>``.
    """

    template_fields = (
        *DecoratedOperator.template_fields,
        *AzureMLSubmitCommandJobOperator.template_fields,
        "packages",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **DecoratedOperator.template_fields_renderers,
        **AzureMLSubmitCommandJobOperator.template_fields_renderers,
        "packages": "json",
    }
    shallow_copy_attrs: Sequence[str] = ("python_callable",)
    custom_operator_name = "@task.azureml"
    each_output = True
    is_async = False  # Whether the function is one is the job's affair.

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        packages: Sequence[str] | str = (),
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        for name in sorted({"command", "code"} & kwargs.keys()):
            raise TypeError(f"@task.azureml makes {name} of the function: leave it out, or use an operator.")
        # What Airflow checks calls against: without what the job fills.
        seen = _as_called(python_callable, inputs, outputs)
        super().__init__(
            python_callable=seen, command=COMMAND, code=None, inputs=inputs, outputs=outputs, **kwargs
        )
        self.python_callable = python_callable
        self.packages = packages
        self._folder = Path()

    def execute(self, context: Context) -> Any:
        """Submit the function's job, or find that of an earlier try; wait for its end unless told not to."""
        with TemporaryDirectory(prefix="azureml-function-") as folder:
            self._folder = Path(folder)
            return super().execute(context)

    def _read(self, context: Context) -> CommandJob:
        from airflow_provider_amlrest.decorators.folder import read_packages, travel

        job = cast("CommandJob", super()._read(context))
        packages = read_packages(self.packages, dag_folder(context))
        call = (self.python_callable, self.op_args, self.op_kwargs)
        return travel(job, *call, packages, context, self._folder)

    def _submit_in_time(self, *args: Any) -> Job:
        try:
            return super()._submit_in_time(*args)
        finally:
            # Not after the wait, which may end with the process.
            rmtree(self._folder, ignore_errors=True)

    def _why_failed(self, client: AzureMLClient, job: Job) -> str:
        from airflow_provider_amlrest.decorators.ending import why_failed

        return why_failed(client, job)

    def _value(self, client: AzureMLClient, job: Job, result: dict[str, Any]) -> Any:
        from airflow_provider_amlrest.decorators.ending import return_value

        return return_value(client, job)


def _as_called(function: Callable[..., Any], *filled: Mapping[str, Any] | None) -> Callable[..., Any]:
    """The function with the signature that callers see.

    :param filled: inputs and outputs, whose names the job fills. Those of a template or an XComArg are not
        known yet: what a call lacks, its task finds then.
    """
    names = {name for given in filled if isinstance(given, Mapping) for name in given}
    if all(given is None for given in filled):
        return function

    @wraps(function)
    def as_called(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("It runs in Azure ML.")

    kept = [one for one in signature(function).parameters.values() if one.name not in names]
    if not all(given is None or isinstance(given, Mapping) for given in filled):
        fixed = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
        kept = [one if one.kind in fixed else one.replace(default=None) for one in kept]
    as_called.__signature__ = Signature(kept)  # type: ignore[attr-defined]
    return as_called
