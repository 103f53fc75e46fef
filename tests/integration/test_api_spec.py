"""The specification's client loop over HTTP, step by step, with every code and body of its API (A3-A7, A17, A18)."""

import ipaddress
import json
import threading
import time

import pytest

from api import Api, User

OPERATOR = "the-operators-own-token"


@pytest.fixture
def lab(start_server, tmp_path):
    """A daemon with an operator."""
    token = tmp_path / "operator"
    token.write_text(OPERATOR + "\n")
    token.chmod(0o600)
    return start_server("--operator-token-file", token)


def login(server, name, path=None):
    answer = Api(server.url).post(f"/add-user-to-sip-exten-conf/{path or name}")
    assert answer.status == 200, answer
    assert answer.json["User added"] == "Exten Created"
    user = Api(server.url, answer.json["token"])
    user.login, user.name, user.path = answer.json, name, path or name
    return user


def operator(server):
    return Api(server.url, OPERATOR)


def body(answer):
    assert answer.headers["Content-Type"] == "application/json", answer
    return answer.json


def is_problem(answer, status, code):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["status"] == status and answer.json["code"] == code, answer
    return True


def test_the_loop_of_the_specification(lab):
    boss = operator(lab)
    jeden = login(lab, "jeden")
    taken = Api(lab.url).post("/add-user-to-sip-exten-conf/jeden")
    assert (taken.status, body(taken)) == (404, {"User exists": "Exten NOT Created"})
    dwa = login(lab, "dwa")
    assert (jeden.login["exten"], dwa.login["exten"]) == ("111000", "111001")

    # not ready, then alone in the queue
    peer = jeden.get("/get-peer/jeden")
    assert (peer.status, body(peer)) == (226, {"You are not rdy yet": ""})
    ready = jeden.put("/update-status-rdy/jeden")
    assert (ready.status, body(ready)) == (200, {"Status changed": "READY"})
    peer = jeden.get("/get-peer/jeden")
    assert (peer.status, body(peer)) == (208, {"Queue is empty": ""})
    assert jeden.put("/update-status-rdy/jeden").status == 200  # again is allowed

    # ready never draws, get-peer does; the roles are repeated
    assert dwa.put("/update-status-rdy/dwa").status == 200
    assert body(boss.get("/user-status")) == [{"user_name": "jeden", "status": 1}, {"user_name": "dwa", "status": 1}]
    assert body(boss.get("/pair-status")) == {}
    for _ in range(2):
        peer = jeden.get("/get-peer/jeden")
        assert (peer.status, body(peer)) == (202, {"call": "dwa", "exten": "111001", "ip_to_send_data": "127.0.0.1"})
    for _ in range(2):
        peer = dwa.get("/get-peer/dwa")
        assert (peer.status, body(peer)) == (230, {"call": "jeden", "exten": None, "ip_to_send_data": "127.0.0.1"})
    assert body(boss.get("/pair-status")) == {"jeden": "dwa"}

    # the caller waits for the callee's 3
    status = jeden.get("/user-status/dwa")
    assert (status.status, body(status), status.raw) == (200, 2, b"2")
    is_problem(jeden.put("/update-status-rdy-to-talk/jeden"), 409, "wrong_state")  # he is the caller
    is_problem(dwa.put("/update-status-rdy/dwa"), 409, "wrong_state")
    for _ in range(2):
        confirmed = dwa.put("/update-status-rdy-to-talk/dwa")
        assert (confirmed.status, body(confirmed)) == (200, {"Status changed": "READY TO TALK"})
    assert body(jeden.get("/user-status/dwa")) == 3
    assert body(jeden.get("/user-ip/dwa")) == "127.0.0.1"
    assert dwa.get("/get-peer/dwa").status == 230  # repeated at 3, never drawn anew
    is_problem(dwa.put("/update-status-rdy/dwa"), 409, "wrong_state")

    # the end of the conversation, and the last one out
    busy = jeden.put("/update-status-busy/jeden")
    assert (busy.status, body(busy)) == (200, {"Status changed": "BUSY"})
    assert body(boss.get("/user-status")) == [{"user_name": "jeden", "status": 0}, {"user_name": "dwa", "status": 0}]
    assert dwa.put("/update-status-busy/dwa").status == 200
    assert dwa.get("/get-peer/dwa").status == 226
    deleted = jeden.delete("/delete-user/jeden")
    assert (deleted.status, body(deleted)) == (200, {"Deleted": "jeden", "PAIRS": {}, "DIAL": {}, "USERS": []})
    is_problem(jeden.get("/user-status/jeden"), 401, "unauthorized")
    deleted = boss.delete("/delete-user/dwa")
    assert (deleted.status, body(deleted)) == (200, {"Deleted": "dwa", "PAIRS": {}, "DIAL": {}, "USERS": []})
    assert body(boss.get("/user-status")) == []


def test_the_next_login_gets_another_extension(lab):
    assert login(lab, "jeden").login["exten"] == "111000"
    operator(lab).delete("/delete-user/jeden")
    assert login(lab, "jeden").login["exten"] == "111001"


def test_the_last_partner_is_not_drawn_while_another_is_there(lab):
    users = {name: login(lab, name) for name in ("jeden", "dwa", "trzy")}
    met = []
    for _ in range(2):
        for name, user in users.items():
            assert user.put(f"/update-status-rdy/{name}").status == 200
        met.append(body(users["jeden"].get("/get-peer/jeden"))["call"])
        assert users["jeden"].put("/update-status-busy/jeden").status == 200
    assert sorted(met) == ["dwa", "trzy"]


def test_the_operator_sees_all_and_a_user_nothing(lab):
    jeden, dwa = login(lab, "jeden"), login(lab, "dwa")
    boss, nobody = operator(lab), Api(lab.url)
    for path in ("/user-status", "/pair-status", "/sip-file-lookup"):
        assert boss.get(path).status == 200
        is_problem(jeden.get(path), 403, "operator_only")
        is_problem(nobody.get(path), 401, "unauthorized")
        is_problem(Api(lab.url, "x" * 43).get(path), 401, "unauthorized")
    # another's resource looks like an unknown one
    for method, path in (("GET", "/user-status/"), ("GET", "/user-ip/"), ("GET", "/get-peer/"), ("DELETE", "/delete-user/"),
                         ("PUT", "/update-status-rdy/"), ("PUT", "/update-status-busy/"),
                         ("PUT", "/update-status-rdy-to-talk/")):
        other, unknown = jeden.call(method, path + "dwa"), jeden.call(method, path + "nobody")
        is_problem(other, 404, "not_found")
        assert other.raw == unknown.raw
        is_problem(nobody.call(method, path + "jeden"), 401, "unauthorized")
        is_problem(boss.call(method, path + "nobody"), 404, "not_found")
    assert body(dwa.get("/user-status/dwa")) == 0
    # the operator's DELETE tells what is left
    assert body(boss.delete("/delete-user/jeden")) == {
        "Deleted": "jeden", "PAIRS": {}, "DIAL": {"dwa": "111001"}, "USERS": [{"user_name": "dwa", "status": 0}]}


def test_the_partner_is_seen_only_while_he_is_one(lab):
    jeden, dwa = login(lab, "jeden"), login(lab, "dwa")
    for user in (jeden, dwa):
        user.put(f"/update-status-rdy/{user.name}")
    assert jeden.get("/get-peer/jeden").status == 202
    assert body(dwa.get("/user-status/jeden")) == 2
    dwa.put("/update-status-busy/dwa")
    is_problem(dwa.get("/user-status/jeden"), 404, "not_found")
    is_problem(jeden.get("/user-ip/dwa"), 404, "not_found")


def test_the_device_file_has_the_form_of_the_specification(lab):
    login(lab, "jeden")
    answer = operator(lab).get("/sip-file-lookup")
    assert answer.headers["Content-Type"].startswith("text/plain")
    text = answer.raw.decode()
    general, device = text.split("\n\n")
    assert general.split("\n") == ["[general]", "context=public", "allowoverlap=no", "udpbindaddr=0.0.0.0", "tcpenable=no",
                                   "tcpbindaddr=0.0.0.0", "transport=udp", "srvlookup=yes", "qualify=yes", "callcounter=yes"]
    assert device.strip().split("\n") == ["[jeden]", "type=friend", "context=phones", "allow=ulaw,alaw", "secret=***", "host=dynamic"]


def test_names_in_paths_are_percent_encoded(lab):
    user = login(lab, "Zażółć", "Za%C5%BC%C3%B3%C5%82%C4%87")
    assert user.login["name"] == "Zażółć"
    assert user.login["sip"]["uri"].startswith("sip:Za%C5%BC%C3%B3%C5%82%C4%87@")
    assert body(user.get("/user-status/za%c5%bc%c3%b3%c5%82%c4%87")) == 0  # found by case folding
    assert body(operator(lab).get("/user-status")) == [{"user_name": "Zażółć", "status": 0}]
    assert Api(lab.url).post("/add-user-to-sip-exten-conf/ZA%C5%BB%C3%93%C5%81%C4%86").status == 404


@pytest.mark.parametrize("path,code", [
    ("a%20b", "invalid_name"), (".a", "invalid_name"), ("a" * 33, "invalid_name"), ("operator", "invalid_name"),
    ("%D0%B0dmin", "invalid_name"), ("%FF", "invalid_name"), ("a%0Ab", "invalid_name"), ("a%5D", "invalid_name"),
    ("123456", "invalid_name"), ("a%", "bad_request"), ("a%zz", "bad_request"), ("a%00b", "bad_request")])
def test_bad_names_are_refused(server, path, code):
    is_problem(Api(server.url).post(f"/add-user-to-sip-exten-conf/{path}"), 400, code)


@pytest.mark.parametrize("path", ["/add-user-to-sip-exten-conf/", "/add-user-to-sip-exten-conf/a/b", "/user-status/", "/", "/nothing",
                                  "/v1", "/v1/", "/get-peer", "//", "/delete-user/%2e%2e/x"])
def test_unknown_routes_are_404_in_json(server, path):
    if path == "/":
        is_problem(Api(server.url).post(path), 405, "method_not_allowed")
        return
    is_problem(Api(server.url).post(path), 404, "not_found")


@pytest.mark.parametrize("method,path,allow", [
    ("GET", "/add-user-to-sip-exten-conf/jeden", "POST"), ("PUT", "/add-user-to-sip-exten-conf/jeden", "POST"),
    ("POST", "/user-status", "GET, HEAD"), ("PUT", "/user-status/jeden", "GET, HEAD"), ("DELETE", "/user-ip/jeden", "GET, HEAD"),
    ("POST", "/pair-status", "GET, HEAD"), ("GET", "/update-status-rdy/jeden", "PUT"),
    ("POST", "/update-status-busy/jeden", "PUT"), ("GET", "/update-status-rdy-to-talk/jeden", "PUT"),
    ("POST", "/get-peer/jeden", "GET"), ("GET", "/delete-user/jeden", "DELETE"), ("PUT", "/v1/turn", "POST, DELETE"),
    ("PUT", "/v1/me", "GET, HEAD, DELETE"), ("PUT", "/v1/users", "GET, HEAD, POST"), ("OPTIONS", "/v1/users", "GET, HEAD, POST"),
    ("PATCH", "/healthz", "GET, HEAD"), ("DELETE", "/", "GET, HEAD")])
def test_wrong_methods_are_405_and_say_which(server, method, path, allow):
    answer = Api(server.url).call(method, path)
    assert is_problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == allow
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_open_api_counts_everybody_as_operator(start_server):
    server = start_server("--open-api")
    anybody = Api(server.url)
    server.logged("EVERYBODY IS OPERATOR")
    for name in ("jeden", "dwa"):
        assert anybody.post(f"/add-user-to-sip-exten-conf/{name}").status == 200
        assert anybody.put(f"/update-status-rdy/{name}").status == 200
    assert anybody.get("/get-peer/jeden").status == 202
    assert anybody.get("/get-peer/dwa").status == 230
    assert anybody.put("/update-status-rdy-to-talk/dwa").status == 200
    assert anybody.get("/user-status/dwa").raw == b"3"
    assert anybody.get("/pair-status").json == {"jeden": "dwa"}
    left = anybody.delete("/delete-user/jeden").json
    assert left == {"Deleted": "jeden", "PAIRS": {}, "DIAL": {"dwa": "111001"}, "USERS": [{"user_name": "dwa", "status": 0}]}


def test_the_address_is_that_of_the_last_request(lab):
    jeden, dwa = login(lab, "jeden"), login(lab, "dwa")
    jeden.source, dwa.source = "127.0.0.2", "127.0.0.3"
    for user in (jeden, dwa):
        assert user.put(f"/update-status-rdy/{user.name}").status == 200
    assert body(jeden.get("/get-peer/jeden"))["ip_to_send_data"] == "127.0.0.3"
    assert body(dwa.get("/get-peer/dwa"))["ip_to_send_data"] == "127.0.0.2"
    assert ipaddress.ip_address(body(dwa.get("/user-ip/jeden")))
    # asking about him, the operator does not become his address
    boss = operator(lab)
    boss.source = "127.0.0.9"
    assert boss.put("/update-status-rdy/dwa").status == 409
    assert body(boss.get("/user-ip/dwa")) == "127.0.0.3"


def test_nothing_of_a_talk_outlives_the_daemon_in_its_log(start_server):
    server = start_server("--log-level", "info")
    jeden, other = login(server, "jeden"), login(server, "lolo")  # no random label has an l or an o
    for user in (jeden, other):
        user.put(f"/update-status-rdy/{user.name}")
    assert jeden.get("/get-peer/jeden").status == 202
    jeden.delete("/delete-user/jeden")
    log = server.logged("login", "ready", "drawn", "pair over", "logout")
    for secret in ("jeden", "lolo", "127.0.0.1", jeden.token, jeden.login["sip"]["password"]):
        assert secret not in log, log


def test_names_appear_in_the_log_where_asked(start_server):
    server = start_server("--log-names")
    jeden, dwa = login(server, "jeden"), login(server, "dwa")
    for user in (jeden, dwa):
        user.put(f"/update-status-rdy/{user.name}")
    assert jeden.get("/get-peer/jeden").status == 202
    drawn = [line for line in server.logged("drawn").split("\n") if "drawn" in line]
    assert len(drawn) == 1 and "jeden" in drawn[0] and "dwa" in drawn[0]


def test_a_user_of_v1_and_one_of_the_specification_meet(lab):
    """The faces are two, the pool is one."""
    old, new = login(lab, "jeden"), User(lab.url, "dwa")
    assert old.put("/update-status-rdy/jeden").status == 200
    answers = []
    turn = threading.Thread(target=lambda: answers.append(new.wait_turn(8)))
    turn.start()
    until = time.monotonic() + 5
    while (peer := old.get("/get-peer/jeden")).status in (208, 226) and time.monotonic() < until:
        time.sleep(0.01)
    if peer.status == 230:  # the /v1 user drew: he is told once the callee has confirmed
        time.sleep(0.1)
        assert not answers
        assert old.put("/update-status-rdy-to-talk/jeden").status == 200
    turn.join()
    assert answers[0].json["state"] == "paired"
    assert {peer.status: "caller", 202: "callee", 230: "caller"}[peer.status] == answers[0].json["role"]
    assert json.loads(peer.raw)["call"] == "dwa"
