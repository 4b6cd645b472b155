"""Keys of Spark jobs."""

from __future__ import annotations

from tests.support.job_keys.shared import Members

_RESOURCES = {"instance_type": "standard_e4s_v3", "runtime_version": "3.4"}
MINIMAL = {"code": "src", "entry": {"file": "main.py"}, "compute": "azureml:pool"}
KEYS = {
    "entry": {"file": "main.py"},
    "conf": {"spark.driver.cores": 1},
    "args": "--x 1",
    "resources": _RESOURCES,
    **{key: ["a"] for key in ("py_files", "jars", "files", "archives")},
}
MEMBERS = (
    Members("entry", {"file": "main.py", "class_name": "a.Main"}),
    Members("resources", _RESOURCES),
)
