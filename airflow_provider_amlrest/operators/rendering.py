"""Renders Jinja in templates, and leaves Azure ML's ``${{...}}`` as text.

Jinja's lexer decides whether two braces open an expression, so this changes the lexer: ``{{`` after a ``$``
in the text between expressions does not open one. The template and the result are not changed otherwise; in
an expression, a ``{% set %}``, a comment or ``{% raw %}``, Jinja reads ``${{`` as usual.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import PurePath
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, ClassVar

from jinja2 import Environment, TemplateSyntaxError, UndefinedError
from jinja2.lexer import TOKEN_DATA, TOKEN_VARIABLE_BEGIN, Lexer
from jinja2.nativetypes import NativeEnvironment

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, Context

    _Task = BaseOperator
else:
    _Task = object


_BRACES = re.compile(r"\{[{%#]")
"""Text without these does not change, including its last newline, which Jinja would remove. A release must
not change what is submitted, because a running job is recognised by it."""


class AzureMLTemplates(_Task):
    """Mixin for a task whose template fields may contain Azure ML's expressions.

    Text without Jinja does not change, including its quotes and digits if a DAG renders to native objects
    (``"1.10"`` would become 1.1). A ``pathlib`` path is rendered like text.
    """

    text_fields: ClassVar[tuple[str, ...]] = ()
    """Template fields that are always text, also in a DAG that renders to native objects: Python would remove
    the quotes of a command, and the underscores between digits in a name."""

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """Render a value that contains Jinja."""
        if isinstance(content, PurePath) and type(content).__module__.startswith("pathlib"):
            # Airflow 3.0 and 3.1 would call its resolve(), with the context as argument.
            return type(content)(self.render_template(str(content), context, jinja_env, seen_oids))
        if type(content) is dict:
            # Airflow renders only values; names of outputs, tags and deployments may be templates, too.
            values = super().render_template(content, context, jinja_env, seen_oids)
            keys = (
                key if not isinstance(key, str) else self.render_template(key, context, jinja_env, seen_oids)
                for key in values
            )
            return dict(zip(keys, values.values(), strict=True))
        if not isinstance(content, str) or (seen_oids is not None and id(content) in seen_oids):
            return super().render_template(content, context, jinja_env, seen_oids)
        environment = jinja_env or self.get_template_env()
        adapted = _adapted(environment, type(environment))
        if not content.endswith(tuple(self.template_ext)):
            tokens = list(adapted.lexer.tokeniter(content, None))
            if all(token == TOKEN_DATA for _, token, _ in tokens):
                return "".join(data for *_, data in tokens) if _BRACES.search(content) else content
            if any(content is getattr(self, field, None) for field in self.text_fields):
                return _render_text(environment, content, context)
        return super().render_template(content, context, adapted, seen_oids)

    def render_file(self, field: str, text: str, context: Context) -> str:
        """Render the text of a file, which stays text: native rendering would make a dict of one in JSON.

        :raises InvalidSpecError: for mistakes in Jinja and for what is undefined, with their line.
        """
        from airflow_provider_amlrest.rest.http.errors import InvalidSpecError

        if not _BRACES.search(text):
            return text
        try:
            return _render_text(self.get_template_env(), text, context)
        except TemplateSyntaxError as error:
            raise InvalidSpecError(
                f"{field}, line {error.lineno}", f"its Jinja is not valid: {error.message}."
            ) from None
        except UndefinedError as error:
            raise InvalidSpecError(
                f"{field}{_line(error)}", f"its Jinja cannot be rendered: {error}."
            ) from None


class _Lexer(Lexer):
    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        directives, *others = self.rules["root"]
        opens = f"(?P<{TOKEN_VARIABLE_BEGIN}>"
        pattern = directives.pattern.pattern.replace(opens, rf"{opens}(?<!\$)")
        adapted = re.compile(pattern, directives.pattern.flags)
        self.rules["root"] = [directives._replace(pattern=adapted), *others]


class _Environment(Environment):
    """Mixin for a Jinja environment that leaves Azure ML's expressions alone."""

    @property
    def lexer(self) -> Lexer:
        """Always a new lexer: Jinja caches its own only by an environment's delimiters."""
        return _Lexer(self)


@cache
def _environment_class(base: Any) -> Any:
    return type(base.__name__, (_Environment, base), {})


def _adapted(environment: Environment, base: Any) -> Environment:
    """The DAG's environment, with its filters, globals and files, and another lexer."""
    overlay: Any = environment.overlay()
    overlay.__class__ = _environment_class(base)
    adapted: Environment = overlay
    return adapted


def _line(error: Exception) -> str:
    """The line of a template in which an error was raised, which Airflow's way of rendering does not tell."""
    for frame, line in walk_tb(error.__traceback__):
        if template := frame.f_globals.get("__jinja_template__"):
            return f", line {template.get_corresponding_lineno(line)}"
    return ""


def _render_text(environment: Environment, source: str, context: Context) -> str:
    try:
        from airflow.sdk.definitions.context import render_template_to_string
    except ImportError:  # Airflow 2
        from airflow.utils.helpers import render_template_to_string  # type: ignore[no-redef]

    base = Environment if isinstance(environment, NativeEnvironment) else type(environment)
    return render_template_to_string(_adapted(environment, base).from_string(source), context)
