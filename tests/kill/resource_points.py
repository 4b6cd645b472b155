"""The moments at which somebody is killed who brings something to a state, or asks a batch endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.kill.harness import Stage
from tests.kill.resources import Brought, Deploying, GoingBack, RollingOut, Scoring, Stopping, Work
from tests.support.waiting import wait_for

BOTH, SYNC = ("sync", "deferred"), ("sync",)
HALF = {"green": 50, "blue": 50}


@dataclass(frozen=True)
class Point:
    """A moment.

    :param act: begins the work, and kills somebody.
    :param modes: where the task waits.
    :param quick: in which of them it is tested in CI, too.
    :param state: how the run ends.
    :param taken: how many requests are taken; None: as many as if nobody is killed.
    :param settings: of the emulator meanwhile.
    """

    what: type[Work]
    act: Callable[[Any], None]
    modes: tuple[str, ...] = BOTH
    quick: tuple[str, ...] = ()
    state: str = "success"
    taken: int | None = None
    settings: Mapping[str, float] = field(default_factory=dict)


def play(stage: Stage, name: str, mode: str) -> Brought:
    """Let it happen; how the run went."""
    point = POINTS[name]
    work = point.what(stage, mode)
    stage.set(**point.settings)
    try:
        point.act(work)
        work.look()
        return work.end(name, point.state, point.taken)
    finally:
        stage.set(**dict.fromkeys(point.settings, 0))


def killed_at(
    method: str,
    path: Callable[[Any], str],
    once: Callable[[Any], object] | None = None,
    when: str = "before",
) -> Callable[[Any], None]:
    """The task is killed while the emulator holds a request of its.

    :param once: what comes before that request.
    :param when: ``before`` the emulator has read the request, which is lost then; or ``after``.
    """

    def act(work: Work) -> None:
        work.prepare_all()
        if once is None:
            held = work.stage.hold(method, path(work), when=when)
            work.begin()
        else:
            work.begin()
            wait_for(lambda: once(work))
            held = work.stage.hold(method, path(work), when=when)
        work.stage.await_held(held)
        work.stage.kill_tasks()

    return act


def lost_at(once: Callable[[Any], object]) -> Callable[[Any], None]:
    """The process that waits is killed: the task's, or the triggerer."""

    def act(work: Work) -> None:
        work.prepare_all()
        work.begin()
        wait_for(lambda: once(work))
        if work.mode == "sync":
            work.stage.kill_tasks()
        else:
            wait_for(lambda: work.task.state == "deferred")
            work.stage.lose("triggerer")

    return act


def path(work: Work) -> str:
    return work.path


def is_at_half(work: RollingOut) -> bool:
    return work.shares() == HALF


def is_at_full(work: RollingOut) -> bool:
    return work.shares() == {"green": 100}


def pauses(work: RollingOut) -> bool:
    """After the first step. A deferred task has resumed by then, and deferred once more."""
    if not is_at_half(work) or work.is_being_changed():
        return False
    if work.mode == "deferred":
        wait_for(lambda: work.task.state != "deferred")
    return True


def fails_from_now_on(work: GoingBack) -> bool:
    """Once the first step is reached, green answers wrongly."""
    if not is_at_half(work):
        return False
    rule = {"path": f"/inference/{work.name}/score$", "status": 500, "times": None}
    work.stage.emulated.admin("POST", "faults", rule)
    return True


def scoring(work: Work) -> str:
    return f"/inference/{work.name}/score$"


LOST = {"state": "failed", "taken": 0}
"""The service may have been asked: the task fails and says what is known."""

POINTS = {
    "deploy: before the first PUT": Point(
        Deploying, killed_at("GET", lambda work: f"/onlineEndpoints/{work.name}$")
    ),
    "deploy: during the deployment's PUT": Point(Deploying, killed_at("PUT", lambda work: work.deployment)),
    "deploy: after the deployment's PUT": Point(
        Deploying, killed_at("PUT", lambda work: work.deployment, when="after")
    ),
    "deploy: while the deployment is made": Point(Deploying, lost_at(lambda work: work.is_being_made())),
    "stop: before the POST": Point(Stopping, killed_at("GET", lambda work: f"/computes/{work.name}$")),
    "stop: during the POST": Point(Stopping, killed_at("POST", path)),
    "stop: after the POST": Point(Stopping, killed_at("POST", path, when="after"), quick=SYNC),
    "stop: while it stops": Point(Stopping, lost_at(lambda work: work.is_stopping())),
    "rollout: as the shares are read": Point(
        RollingOut, killed_at("GET", lambda work: f"/onlineEndpoints/{work.name}/deployments$")
    ),
    "rollout: in the first smoke test": Point(RollingOut, killed_at("POST", scoring)),
    "rollout: during the first step's PUT": Point(RollingOut, killed_at("PUT", path)),
    "rollout: after the first step's PUT": Point(
        RollingOut, killed_at("PUT", path, when="after"), quick=SYNC
    ),
    "rollout: while the first step is made": Point(RollingOut, lost_at(is_at_half)),
    "rollout: in the pause": Point(RollingOut, lost_at(pauses)),
    "rollout: in the second smoke test": Point(RollingOut, killed_at("POST", scoring, is_at_half)),
    "rollout: during the last step's PUT": Point(RollingOut, killed_at("PUT", path, is_at_half)),
    "rollout: after the last step's PUT": Point(RollingOut, killed_at("PUT", path, is_at_half, "after")),
    "rollout: during the PUT of its end": Point(RollingOut, killed_at("PUT", path, is_at_full)),
    "rollout: after the PUT of its end": Point(
        RollingOut, killed_at("PUT", path, is_at_full, "after"), quick=("deferred",)
    ),
    "rollout: during the PUT of the way back": Point(
        GoingBack, killed_at("PUT", path, fails_from_now_on), state="failed"
    ),
    "rollout: after the PUT of the way back": Point(
        GoingBack, killed_at("PUT", path, fails_from_now_on, "after"), state="failed"
    ),
    "batch: before the note": Point(Scoring, killed_at("GET", lambda work: work.note)),
    "batch: during the PUT of the note": Point(Scoring, killed_at("PUT", lambda work: work.note)),
    "batch: between note and POST": Point(
        Scoring, killed_at("PUT", lambda work: work.note, when="after"), SYNC, **LOST
    ),
    "batch: during the POST": Point(Scoring, killed_at("POST", path), SYNC, **LOST),
    "batch: after the POST": Point(Scoring, killed_at("POST", path, when="after"), quick=SYNC),
    "batch: after the POST, and the list of jobs lags": Point(
        Scoring, killed_at("POST", path, when="after"), settings={"list_lag_seconds": 20}
    ),
    "batch: as its job is tagged": Point(
        Scoring, killed_at("POST", lambda work: "/mlflow/.*/runs/set-tag$", when="after")
    ),
    "batch: while the job runs": Point(Scoring, lost_at(lambda work: work.jobs())),
}
