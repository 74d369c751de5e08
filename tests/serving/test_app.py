"""What the service answers, and what it refuses in which words."""

import asyncio
import io
import json
import logging
import math
import os

import httpx
import numpy as np
import orjson
import pytest
from PIL import Image

from helpers import serving as room
from helpers.serving.intake import Rate
from tests.serving.client import serving
from tests.serving.fake import NAMES, BrightOnly, FakeEngine
from tests.serving.files import form, jpeg, pixels, png, saved

GREEN = np.zeros((4, 4, 3), np.float32)
GREEN[..., 1] = 1
PICTURE = {"image": GREEN.tolist()}
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def ask():
    with serving(room.create_app(FakeEngine)) as client:
        yield client


def tensor(images, **more):
    data = np.asarray(images, np.float32)
    return {"inputs": [{"name": "images", "datatype": "FP32", "shape": data.shape, "data": data.ravel()} | more]}


def infer(ask, body, path="/v2/models/signs/infer"):
    return ask.post(path, content=orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), headers=JSON)


def refused(response, status, kind):
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    problem = response.json()
    assert problem["type"] == f"urn:vigilant-vision:problem:{kind}"
    assert problem["status"] == status
    assert problem["title"]
    assert "Traceback" not in response.text
    return problem["detail"]


# ---- good requests


def test_the_briefs_json_is_answered_with_how_sure_the_model_is(ask):
    answer = ask.post("/predict", json=PICTURE).json()
    truth = FakeEngine().answer(GREEN[None], 0.9)
    assert answer["prediction"] == 1
    assert answer["class"] == "yield"
    assert list(answer["probabilities"]) == list(NAMES)
    assert np.allclose(list(answer["probabilities"].values()), truth.probabilities[0], atol=1e-7)
    assert answer["set"] == ["yield"]
    assert (answer["level"], answer["out_of_distribution"], answer["version"]) == (0.9, False, "fake-1")


def test_what_a_request_does_not_name_is_what_the_contract_says(ask):
    # Without parameters FastAPI is not asked: the answer must be the one that it would have led to.
    operations = ask.get("/openapi.json").json()["paths"]
    level = next(each for each in operations["/predict"]["post"]["parameters"] if each["name"] == "level")
    assert level["schema"]["default"] == 0.9
    assert ask.post("/predict", json=PICTURE).json() == ask.post("/predict?level=0.9", json=PICTURE).json()
    assert ask.post("/explain", json=PICTURE).json() == ask.post("/explain?class=yield", json=PICTURE).json()
    assert ask.post("/predict", json=PICTURE).json() == ask.post("/predict?unknown=1", json=PICTURE).json()
    refused(ask.post("/explain?class=none", json=PICTURE), 422, "unknown-class")
    refused(ask.get("/predict"), 405, "wrong-method")


def test_a_set_grows_with_the_level_and_a_dark_picture_is_strange(ask):
    assert ask.post("/predict?level=0.999", json=PICTURE).json()["set"] == list(NAMES)
    assert ask.post("/predict", json={"image": np.zeros((4, 4, 3)).tolist()}).json()["out_of_distribution"] is True


@pytest.mark.parametrize(
    ("data", "kind"), [(png(), "image/png"), (jpeg(), "image/jpeg"), form(png()), (png(), "IMAGE/PNG; charset=x")]
)
def test_a_file_is_answered_as_its_pixels_in_json_are(ask, data, kind):
    values = np.asarray(Image.open(io.BytesIO(jpeg()))) if kind == "image/jpeg" else pixels()
    by_file = ask.post("/predict", content=data, headers={"content-type": kind})
    by_json = ask.post("/predict", json={"image": (values / 255).tolist()})
    assert by_file.status_code == 200
    assert by_file.json() == by_json.json()


def test_an_explanation_is_of_the_answered_class_or_of_the_one_asked_for(ask):
    assert ask.post("/explain", json=PICTURE).json() == {"class": "yield", "map": [[1.0] * 4] * 4, "version": "fake-1"}
    assert ask.post("/explain?class=stop", json=PICTURE).json()["map"] == [[0.0] * 4] * 4
    assert "Known are stop, yield, speed" in refused(ask.post("/explain?class=x", json=PICTURE), 422, "unknown-class")


def test_the_open_inference_protocol(ask):
    images = np.random.default_rng(0).random((5, 4, 4, 3), np.float32)
    truth = FakeEngine().answer(images, 0.5)
    body = tensor(images) | {"id": "seven", "parameters": {"level": 0.5, "unknown": True}}
    for path in ("/v2/models/signs/infer", "/v2/models/signs/versions/fake-1/infer"):
        answer = infer(ask, body, path).json()
        assert (answer["model_name"], answer["model_version"], answer["id"]) == ("signs", "fake-1", "seven")
        given = {each["name"]: np.array(each["data"]).reshape(each["shape"]) for each in answer["outputs"]}
        assert [each["datatype"] for each in answer["outputs"]] == ["INT64", "FP32", "BOOL", "BOOL"]
        for name in ("classes", "probabilities", "sets", "strange"):
            assert np.allclose(given[name], getattr(truth, name), atol=1e-7)
    nested = infer(ask, tensor(images, data=images)).json()
    assert nested["outputs"] == infer(ask, tensor(images)).json()["outputs"]
    assert "id" not in nested
    left_out = {"id": None, "parameters": None, "outputs": None}
    assert infer(ask, tensor(images) | left_out).content == infer(ask, tensor(images)).content
    theirs = tensor(images, parameters={"binary_data": False}) | {"outputs": [{"name": "classes", "parameters": {}}]}
    assert infer(ask, theirs).status_code == 200, "what clients say of their own tensors is theirs"
    some = infer(ask, tensor(images) | {"outputs": [{"name": "strange"}]}).json()["outputs"]
    assert [each["name"] for each in some] == ["strange"]


def test_what_the_model_takes_and_answers_is_told(ask):
    told = ask.get("/v2/models/signs").json()
    assert (told["versions"], told["inputs"][0]["shape"]) == (["fake-1"], [-1, 4, 4, 3])
    assert ask.get("/v2").json()["name"] == "vigilant-vision"
    for path in ("/v2/health/ready", "/v2/models/signs/ready", "/readyz"):
        assert ask.get(path).json() == {"ready": True}
    for path in ("/v2/health/live", "/healthz"):
        assert ask.get(path).json() == {"live": True, "process": os.getpid()}
    assert ask.get("/scorecard").json() == {"decision": FakeEngine.decision, "records": FakeEngine.scorecard}
    for path in ("/v2/models/other", "/v2/models/signs/versions/2", "/v2/models/other/ready"):
        refused(ask.get(path), 404, "no-such-model")


def test_the_contract_names_every_route_and_the_models_shape(ask):
    told = ask.get("/openapi.json").json()
    assert {"/predict", "/explain", "/scorecard", "/healthz", "/readyz", "/metrics", "/v2"} <= set(told["paths"])
    rows = told["components"]["schemas"]["Picture"]["properties"]["image"]
    assert (rows["minItems"], rows["items"]["minItems"], rows["items"]["items"]["minItems"]) == (4, 4, 3)
    named = set(told["components"]["schemas"])
    assert {each.rpartition("/")[2] for each in _references(told)} <= named


def _references(value):
    if isinstance(value, dict):
        yield from [value["$ref"]] if "$ref" in value else []
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _references(each)


# ---- what is refused


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"", 400, "not-json"),
        (b"{", 400, "not-json"),
        (b"\xff\xfe", 400, "not-json"),
        (b"[" * 5_000, 400, "not-json"),
        (b'{"image": NaN}', 400, "not-json"),
        (b'{"image": [[[Infinity]]]}', 400, "not-json"),
        (b"[]", 422, "wrong-body"),
        (b"null", 422, "wrong-body"),
        (b"{}", 422, "missing-key"),
        (b'{"picture": 1}', 422, "unknown-key"),
        (b'{"image": []}', 422, "wrong-shape"),
        (b'{"image": {"a": [1]}}', 422, "wrong-shape"),
        (b'{"image": "stop"}', 422, "wrong-shape"),
        (json.dumps({"image": [[[0.5] * 3] * 4] * 3}).encode(), 422, "wrong-shape"),
        (json.dumps({"image": [[[0.5] * 3] * 4] * 3 + [[[0.5] * 3] * 3]}).encode(), 422, "wrong-shape"),
        (json.dumps({"image": [[["a"] * 3] * 4] * 4}).encode(), 422, "not-a-number"),
        (json.dumps({"image": [[["0.5"] * 3] * 4] * 4}).encode(), 422, "not-a-number"),
        (json.dumps({"image": [["abc"] * 4] * 4}).encode(), 422, "wrong-shape"),
        (json.dumps({"image": [[[True, 0.5, 0.5]] * 4] * 4}).encode(), 422, "not-a-number"),
        (json.dumps({"image": [[[None, 0.5, 0.5]] * 4] * 4}).encode(), 422, "not-a-number"),
        (json.dumps({"image": [[[[0.5]] * 3] * 4] * 4}).encode(), 422, "not-a-number"),
        (json.dumps({"image": [[[255, 0, 0]] * 4] * 4}).encode(), 422, "out-of-range"),
        (json.dumps({"image": [[[-0.1, 0, 0]] * 4] * 4}).encode(), 422, "out-of-range"),
        (json.dumps({"image": [[[10**400, 0, 0]] * 4] * 4}).encode(), 400, "not-json"),
        (json.dumps({"image": [[[2**63, 0, 0]] * 4] * 4}).encode(), 422, "out-of-range"),
    ],
)
def test_junk_in_json(ask, body, status, kind):
    detail = refused(ask.post("/predict", content=body, headers=JSON), status, kind)
    assert len(detail) < 400


@pytest.mark.parametrize("level", ["0", "1", "nan", "inf", "-1", "", "x", "1e400"])
def test_a_level_that_is_none(ask, level):
    refused(ask.post(f"/predict?level={level}", json=PICTURE), 422, "wrong-parameter")


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ({"content-type": "text/plain"}, "content-type"),
        ({}, "content-type"),
        ({"content-type": "image/gif"}, "content-type"),
        ({**JSON, "content-encoding": "gzip"}, "encoded"),
    ],
)
def test_a_content_type_that_is_not_known(ask, headers, kind):
    refused(ask.post("/predict", content=b"x", headers=headers), 415, kind)


PALETTE = Image.fromarray(pixels()).convert("P")
TURNED = Image.Exif()
TURNED[0x0112] = 6
SIXTEEN_BITS = png()[:24] + b"\x10" + png()[25:]


@pytest.mark.parametrize(
    ("data", "status", "kind"),
    [
        (b"GIF89a" + bytes(20), 415, "not-a-picture"),
        (b"", 415, "not-a-picture"),
        (saved(Image.fromarray(pixels()), "BMP"), 415, "not-a-picture"),
        (png()[:20], 422, "broken-picture"),
        (png()[:60], 422, "broken-picture"),
        (jpeg()[:-200], 422, "broken-picture"),
        (SIXTEEN_BITS, 422, "wrong-mode"),
        (saved(PALETTE), 422, "wrong-mode"),
        (saved(Image.fromarray(pixels(channels=4))), 422, "wrong-mode"),
        (saved(Image.fromarray(pixels()[..., 0])), 422, "wrong-mode"),
        (saved(Image.fromarray(pixels()[..., 0].astype(np.uint16))), 422, "wrong-mode"),
        (saved(Image.fromarray(pixels()[..., 0]), "JPEG"), 422, "wrong-mode"),
        (saved(Image.fromarray(pixels()).convert("CMYK"), "JPEG"), 422, "wrong-mode"),
        (saved(Image.new("RGB", (5, 4))), 422, "wrong-shape"),
        (saved(Image.new("RGB", (8, 8)), "JPEG"), 422, "wrong-shape"),
        (
            saved(Image.new("RGB", (4, 4)), save_all=True, append_images=[Image.new("RGB", (4, 4), "red")]),
            422,
            "several-frames",
        ),
        (
            saved(Image.new("RGB", (4, 4)), "MPO", save_all=True, append_images=[Image.new("RGB", (4, 4), "red")]),
            422,
            "several-frames",
        ),
        (saved(Image.fromarray(pixels()), "JPEG", exif=TURNED), 422, "turned"),
        (saved(Image.fromarray(pixels()), exif=TURNED), 422, "turned"),
    ],
)
def test_a_file_that_is_no_picture_for_this_model(ask, data, status, kind):
    given = "image/jpeg" if data[:2] == b"\xff\xd8" else "image/png"
    refused(ask.post("/predict", content=data, headers={"content-type": given}), status, kind)


def bomb(side):
    """A PNG file whose header promises side x side pixels, a few bytes long."""
    import struct
    import zlib

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels_packed = zlib.compress(bytes(10_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels_packed) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [2_000, 60_000])
def test_a_decompression_bomb_is_never_unpacked(ask, side, monkeypatch):
    from PIL import ImageFile

    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("unpacked"))
    data = bomb(side)
    assert len(data) < 17_000
    response = ask.post("/predict", content=data, headers={"content-type": "image/png"})
    refused(response, 422, "wrong-shape")


def test_a_form_that_is_none(ask):
    body, kind = form(png())
    refused(ask.post("/predict", content=body, headers={"content-type": "multipart/form-data"}), 400, "not-a-form")
    refused(ask.post("/predict", content=b"junk", headers={"content-type": kind}), 400, "not-a-form")
    other = form(png(), b"picture")[0]
    refused(ask.post("/predict", content=other, headers={"content-type": kind}), 422, "wrong-form")
    twice = body.replace(b"--xyz--", b"--xyz") + body[7:]
    refused(ask.post("/predict", content=twice, headers={"content-type": kind}), 422, "wrong-form")
    refused(ask.post("/predict", content=body[:-20], headers={"content-type": kind}), 400, "not-a-form")


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"inputs": []}, "wrong-body"),
        ({"inputs": None}, "wrong-body"),
        ({"inputs": [1]}, "wrong-body"),
        ({"inputs": tensor(GREEN[None], name="x")["inputs"]}, "wrong-body"),
        ({"inputs": tensor(GREEN[None], datatype="INT8")["inputs"]}, "wrong-body"),
        ({"inputs": tensor(GREEN[None], shape=[1, 3, 4, 4])["inputs"]}, "wrong-shape"),
        ({"inputs": tensor(GREEN[None], shape=[True, 4, 4, 3])["inputs"]}, "wrong-shape"),
        ({"inputs": tensor(GREEN[None], shape=[10**9, 4, 4, 3])["inputs"]}, "too-many"),
        ({"inputs": tensor(GREEN[None], shape=[-1, 4, 4, 3])["inputs"]}, "too-many"),
        ({"inputs": tensor(GREEN[None], shape=[2, 4, 4, 3])["inputs"]}, "wrong-shape"),
        ({"inputs": tensor(GREEN[None], data="abc")["inputs"]}, "wrong-shape"),
        ({"inputs": tensor(GREEN[None], data=["1"] * 48)["inputs"]}, "not-a-number"),
        ({"id": 3}, "wrong-body"),
        ({"parameters": [1]}, "wrong-body"),
        ({"parameters": {"level": "0.9"}}, "wrong-level"),
        ({"parameters": {"level": True}}, "wrong-level"),
        ({"parameters": {"level": 1}}, "wrong-level"),
        ({"outputs": [{"name": "logits"}]}, "unknown-output"),
        ({"outputs": [{"name": []}]}, "unknown-output"),
        ({"outputs": 3}, "unknown-output"),
        ({"more": 1}, "unknown-key"),
    ],
)
def test_junk_in_the_open_inference_protocol(ask, change, kind):
    detail = refused(infer(ask, tensor(GREEN[None]) | change), 422, kind)
    assert infer(ask, tensor(GREEN[None]) | change).json()["error"] == detail


def test_binary_tensors_are_not_known(ask):
    headers = JSON | {"Inference-Header-Content-Length": "3"}
    refused(ask.post("/v2/models/signs/infer", content=b"{}", headers=headers), 415, "binary-tensors")


def test_routes_and_methods_that_there_are_not(ask):
    refused(ask.get("/predict/"), 404, "no-such-route")
    response = ask("DELETE", "/predict")
    refused(response, 405, "wrong-method")
    assert response.headers["allow"] == "POST"


# ---- limits


def sent_in_parts(ask, parts, **headers):
    async def body():
        for part in parts:
            yield part

    return ask.post("/predict", content=body(), headers=JSON | headers)


def test_a_body_is_measured_while_it_comes_and_not_by_its_header(ask):
    most = room.Limits().body_bytes((4, 4, 3))
    sent = []

    def parts():
        for _ in range(2_000):
            sent.append(1)
            yield b" " * 10_000

    for headers in ({}, {"content-length": "5"}):
        sent.clear()
        response = sent_in_parts(ask, parts(), **headers)
        assert f"{most:,}" in refused(response, 413, "too-large")
        assert len(sent) < 1_000, "the rest of 20 MB is not read"
    refused(sent_in_parts(ask, [b"{}"], **{"content-length": "9" * 15}), 413, "too-large")
    refused(sent_in_parts(ask, [b"{}"], **{"content-length": "9" * 30}), 413, "too-large")
    padded = json.dumps(PICTURE).encode().ljust(most)
    assert ask.post("/predict", content=padded, headers=JSON).status_code == 200
    refused(ask.post("/predict", content=padded + b" ", headers=JSON), 413, "too-large")


def test_the_widest_numbers_of_python_fit(ask):
    widest = np.full((4, 4, 3), 2.2250738585072014e-308).tolist()
    assert ask.post("/predict", json={"image": widest}).status_code == 200
    many = np.full((32, 4, 4, 3), 0.12345678901234567)
    assert infer(ask, tensor(many, data=many.tolist())).status_code == 200


def test_a_slow_body_is_given_up():
    async def drip():
        while True:
            yield b" "
            await asyncio.sleep(0.01)

    with serving(room.create_app(FakeEngine, room.Limits(body_seconds=0.2))) as ask:
        response = ask.post("/predict", content=drip(), headers=JSON)
        refused(response, 408, "too-slow")
        assert response.headers["connection"] == "close"
        assert ask.post("/predict", json=PICTURE).status_code == 200


@pytest.mark.parametrize(
    ("limits", "kind"), [(room.Limits(waiting=2), "queue-full"), (room.Limits(held_bytes=500), "memory-full")]
)
def test_a_full_queue_says_when_to_come_again_and_is_empty_afterwards(limits, kind):
    gate = asyncio.Event()
    text = json.dumps(PICTURE).encode()

    async def held_up():
        yield text[:200]
        await gate.wait()
        yield text[200:]

    async def scene(client):
        waiting = [asyncio.create_task(client.post("/predict", content=held_up(), headers=JSON)) for _ in range(2)]
        for _ in range(20):
            await asyncio.sleep(0)
        turned_away = await client.post("/predict", json=PICTURE)
        alive = await client.get("/healthz")
        gate.set()
        return turned_away, alive, await asyncio.gather(*waiting)

    app = room.create_app(FakeEngine, limits)
    with serving(app) as ask:

        async def whole():
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://served") as client:
                return await scene(client)

        turned_away, alive, waited = ask._runner.run(whole())
        refused(turned_away, 503, kind)
        assert int(turned_away.headers["retry-after"]) >= 1
        assert alive.status_code == 200
        if kind == "queue-full":
            assert [each.status_code for each in waited] == [200, 200]
            assert ask.post("/predict", json=PICTURE).status_code == 200
        intake = app.state.service.intake
        assert (intake._waiting, intake._held) == (0, 0)


def test_a_client_that_comes_too_often_is_told_when_to_come_again():
    with serving(room.create_app(FakeEngine, room.Limits(rate=0.001))) as ask:
        assert ask.post("/predict", json=PICTURE).status_code == 200
        response = ask.post("/predict", json=PICTURE)
        refused(response, 429, "too-often")
        assert 900 < int(response.headers["retry-after"]) <= 1000
        assert ask.get("/readyz").status_code == 200


def test_the_rate_of_one_address_is_its_own():
    now = [0.0]
    rate = Rate(10, clock=lambda: now[0])
    for _ in range(10):
        rate.take("a")
    with pytest.raises(room.Problem) as refused_one:
        rate.take("a")
    assert refused_one.value.headers == {"Retry-After": "1"}
    rate.take("b")
    now[0] = 0.1
    rate.take("a")
    for number in range(20_000):
        rate.take(str(number))
    assert len(rate._buckets) <= 10_000


@pytest.mark.parametrize("name", ["pictures", "waiting", "rate", "body_seconds"])
def test_limits_that_are_none(name):
    with pytest.raises(ValueError, match=f"{name} must be above 0, got 0"):
        room.Limits(**{name: 0})


# ---- the engine behind


def test_requests_that_arrive_together_are_answered_in_one_call_and_each_with_its_own():
    made = []

    def opened():
        made.append(FakeEngine())
        return made[0]

    images = np.random.default_rng(0).random((9, 4, 4, 3), np.float32)
    with serving(room.create_app(opened)) as ask:
        engine = made[0]
        engine.batches.clear()
        answers = ask.together([("POST", "/predict", {"json": {"image": image.tolist()}}) for image in images])
        assert max(engine.batches) > 1
        assert sum(engine.batches) == 9
        truth = FakeEngine().answer(images, 0.9)
        given = [list(each.json()["probabilities"].values()) for each in answers]
        assert np.allclose(given, truth.probabilities, atol=1e-7)
        levels = [f"/predict?level={level}" for level in (0.5, 0.9, 0.5, 0.999)]
        alone = [ask.post(path, json=PICTURE).json() for path in levels]
        assert [each.json() for each in ask.together([("POST", path, {"json": PICTURE}) for path in levels])] == alone


@pytest.mark.parametrize(
    ("decision", "said"),
    [(None, []), ({"verdict": "go"}, []), ({"verdict": "no-go"}, ["served despite the verdict on this model: no-go"])],
)
def test_what_is_served_in_spite_of_its_verdict_is_said_in_the_log_and_counted(caplog, decision, said):
    engine = FakeEngine()
    engine.decision = decision
    with caplog.at_level(logging.INFO, "vigilant.serving"), serving(room.create_app(lambda: engine)) as ask:
        page = ask.get("/metrics").text
    assert [record.message for record in caplog.records if "verdict" in record.message] == said
    shown = [
        line for line in page.splitlines() if line.startswith("vigilant_release_verdict{") and line.endswith(" 1.0")
    ]
    assert shown == ([f'vigilant_release_verdict{{verdict="{decision["verdict"]}"}} 1.0'] if decision else [])


def test_a_fault_of_the_engine_is_said_without_its_trace_and_hits_nobody_else(caplog):
    white = {"image": np.ones((4, 4, 3)).tolist()}
    with serving(room.create_app(BrightOnly)) as ask:
        answers = ask.together([("POST", "/predict", {"json": body}) for body in (PICTURE, white, PICTURE)])
        assert [each.status_code for each in answers] == [200, 500, 200]
        detail = refused(answers[1], 500, "fault")
        assert "secret" not in answers[1].text
        assert "planted" not in detail
    assert "planted: /secret/path" in caplog.text


def test_ready_only_when_the_engine_is_open_and_warm_and_not_when_it_stops():
    app = room.create_app(FakeEngine)
    service = app.state.service
    with serving(app) as ask:
        open_engine, service._engine = service._engine, None
        refused(ask.get("/readyz"), 503, "starting")
        refused(ask.post("/predict", json=PICTURE), 503, "starting")
        assert ask.get("/healthz").status_code == 200
        service._engine = open_engine
        assert open_engine.batches == [1, 32, 1], "it has answered: one picture, many, and an explanation"
        assert ask.get("/readyz").status_code == 200
        service.stopping = True
        response = ask.get("/readyz")
        refused(response, 503, "stopping")
        assert response.headers["connection"] == "close"
        assert ask.post("/predict", json=PICTURE).status_code == 200, "what arrives is answered to the end"


def test_an_engine_that_does_not_open_stops_the_start():
    def refuses():
        raise ValueError("model.onnx is not the file that was signed")

    with pytest.raises(ValueError, match="was signed"), serving(room.create_app(refuses)):
        pass


# ---- what is counted


def counted(ask):
    lines = [line.rsplit(" ", 1) for line in ask.get("/metrics").text.splitlines() if line[0] != "#"]
    return {name: float(value) for name, value in lines}


def test_answers_are_counted_by_route_and_status_and_pictures_by_class():
    with serving(room.create_app(FakeEngine)) as ask:
        before = counted(ask)
        assert before['vigilant_requests_total{route="/predict",status="200"}'] == 0, "there before the first event"
        for _ in range(3):
            ask.post("/predict", json=PICTURE)
        ask.post("/predict", content=b"{", headers=JSON)
        ask.get("/.env")
        ask.post("/predict", json={"image": np.zeros((4, 4, 3)).tolist()})
        infer(ask, tensor(np.stack([GREEN] * 5)))
        after = counted(ask)
    assert after['vigilant_requests_total{route="/predict",status="200"}'] == 4
    assert after['vigilant_requests_total{route="/predict",status="400"}'] == 1
    assert after['vigilant_requests_total{route="other",status="404"}'] == 1
    assert after['vigilant_requests_total{route="/v2/models/{model}/infer",status="200"}'] == 1
    assert after['vigilant_pictures_total{class_name="yield"}'] == 8
    assert after["vigilant_strange_pictures_total"] == 1
    assert after["vigilant_set_size_count"] == after["vigilant_confidence_count"] == 9
    assert after['vigilant_request_seconds_count{route="/predict"}'] == 5
    assert after["vigilant_requests_in_flight"] == 1, "the scrape itself"
    assert not any(name.startswith("process_") for name in after)
    assert not any(math.isnan(value) for value in after.values())
