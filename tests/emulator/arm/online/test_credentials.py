"""Keys and tokens of online endpoints."""

from __future__ import annotations

from tests.emulator.online import make_endpoint, score
from tests.emulator.running import Running


def keys(emulator: Running, name: str) -> dict[str, str]:
    return dict(emulator.ml("POST", f"onlineEndpoints/{name}/listKeys").json())


def test_a_new_key_replaces_the_old_one_although_its_operation_is_not_found(quick: Running) -> None:
    make_endpoint(quick, "locked", "blue", traffic={"blue": 100})
    before = keys(quick, "locked")
    answer = quick.ml("POST", "onlineEndpoints/locked/regenerateKeys", {"keyType": "Primary"})
    assert (answer.status_code, answer.text) == (202, "null")
    found = quick.http.get(answer.headers["location"])
    assert found.status_code == 404
    assert found.json()["error"]["details"][0]["code"] == "OperationNotFound"
    after = keys(quick, "locked")
    assert after["primaryKey"] != before["primaryKey"]
    assert after["secondaryKey"] == before["secondaryKey"]
    assert score(quick, "locked", {}, key=before["primaryKey"]).status_code == 401
    assert score(quick, "locked", {}, key=after["primaryKey"]).status_code == 200


def test_the_key_that_is_to_go_may_be_sent_along(quick: Running) -> None:
    make_endpoint(quick, "locked")
    before = keys(quick, "locked")
    body = {"keyType": "Secondary", "keyValue": before["secondaryKey"]}
    assert quick.ml("POST", "onlineEndpoints/locked/regenerateKeys", body).status_code == 202
    assert keys(quick, "locked")["secondaryKey"] != before["secondaryKey"]
    body["keyValue"] = "of my own"
    assert quick.ml("POST", "onlineEndpoints/locked/regenerateKeys", body).status_code == 501


def test_each_mode_has_its_own_proof(quick: Running) -> None:
    make_endpoint(quick, "token", "blue", authMode="AMLToken", traffic={"blue": 100})
    make_endpoint(quick, "other", authMode="AMLToken")
    for name, operation in (("token", "listKeys"), ("token", "regenerateKeys")):
        assert quick.ml("POST", f"onlineEndpoints/{name}/{operation}").status_code == 400
    answer = quick.ml("POST", "onlineEndpoints/token/token").json()
    assert answer["tokenType"] == "Bearer"
    assert answer["refreshAfterTimeUtc"] < answer["expiryTimeUtc"]
    assert score(quick, "token", {}, key=answer["accessToken"]).status_code == 200
    foreign = quick.ml("POST", "onlineEndpoints/other/token").json()["accessToken"]
    for proof in (foreign, quick.token(), "nonsense"):
        assert score(quick, "token", {}, key=proof).status_code == 401
    make_endpoint(quick, "entra", "blue", authMode="AADToken", traffic={"blue": 100})
    assert score(quick, "entra", {}, key=quick.token("https://ml.azure.com/.default")).status_code == 200
    assert score(quick, "entra", {}, key=answer["accessToken"]).status_code == 401


def test_keys_are_in_no_file(quick: Running) -> None:
    make_endpoint(quick, "secret")
    shown = keys(quick, "secret")
    content = b"".join(path.read_bytes() for path in quick.data_dir.rglob("*") if path.is_file())
    assert not any(key.encode() in content for key in shown.values())
