"""Templates: Jinja's part is rendered, Azure ML's ``${{...}}`` is text.

Whether two braces open an expression is a question for Jinja's lexer, so that is where it is answered: ``{{``
after a ``$`` in the text between expressions opens none. Nothing is put into the template or taken out of the
result; in an expression, a ``{% set %}``, a comment or ``{% raw %}`` Jinja reads ``${{`` as it always has.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from jinja2 import Environment
from jinja2.lexer import TOKEN_DATA, TOKEN_VARIABLE_BEGIN, Lexer
from jinja2.nativetypes import NativeEnvironment

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, Context

    _Task = BaseOperator
else:
    _Task = object


_BRACES = re.compile(r"\{[{%#]")
"""Text without these is left as it is, to its last newline, which Jinja takes away. What is submitted may not
change with a release: a job that runs is found again by it."""


class AzureMLTemplates(_Task):
    """Mixin of a task whose template fields may hold expressions of Azure ML's.

    What holds no Jinja is left as it is, and so are its quotes and digits where a DAG renders to native
    objects (``"1.10"`` would become 1.1). A path of pathlib is rendered as text is.
    """

    text_fields: ClassVar[tuple[str, ...]] = ()
    """Template fields that are text and nothing else, also in a DAG that renders to native objects: Python
    would strip the quotes of a command, and the underscores of digits in a name."""

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """Render with Jinja where there is any."""
        if isinstance(content, PurePath) and type(content).__module__.startswith("pathlib"):
            # Airflow 3.0 and 3.1 would call its resolve(), with the context for an argument.
            return type(content)(self.render_template(str(content), context, jinja_env, seen_oids))
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


class _Lexer(Lexer):
    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        directives, *others = self.rules["root"]
        opens = f"(?P<{TOKEN_VARIABLE_BEGIN}>"
        pattern = directives.pattern.pattern.replace(opens, rf"{opens}(?<!\$)")
        adapted = re.compile(pattern, directives.pattern.flags)
        self.rules["root"] = [directives._replace(pattern=adapted), *others]


class _Environment(Environment):
    """Mixin of an environment that leaves Azure ML's expressions alone."""

    @property
    def lexer(self) -> Lexer:
        """Made anew: Jinja keeps its own by an environment's delimiters alone."""
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


def _render_text(environment: Environment, source: str, context: Context) -> str:
    try:
        from airflow.sdk.definitions.context import render_template_to_string
    except ImportError:  # Airflow 2
        from airflow.utils.helpers import render_template_to_string  # type: ignore[no-redef]

    base = Environment if isinstance(environment, NativeEnvironment) else type(environment)
    return render_template_to_string(_adapted(environment, base).from_string(source), context)
