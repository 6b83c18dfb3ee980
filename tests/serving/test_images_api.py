"""``/v1`` over real HTTP: responses agree with the bundle itself, for every kind of body."""

from __future__ import annotations

import base64
import io
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

import clearsight
from support.command_line import run_cli
from support.server_process import Server, assert_error, png_of, serving

PREDICT = "/v1/models/fashion:predict"
PNG = {"Content-Type": "image/png"}


def probabilities_in(answer: httpx.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.array([row["probabilities"] for row in answer.json()["predictions"]], np.float32)


def test_every_kind_of_body_gets_the_bundles_predictions(
    client: httpx.Client, files: list[bytes], images: np.ndarray, expected: np.ndarray
) -> None:
    several = [("image", (f"../{index}.png", file)) for index, file in enumerate(files[:9])]
    encoded = [{"b64": base64.b64encode(file).decode()} for file in files[:9]]
    answers = (
        client.post(PREDICT, content=files[0], headers=PNG),
        client.post(
            PREDICT, content=files[0], headers={"Content-Type": "application/octet-stream"}
        ),
        client.post(PREDICT, files=several),
        client.post(PREDICT, json={"instances": encoded}),
        client.post(PREDICT, json={"instances": images[:9].tolist()}),
    )
    for answer in answers:
        found = probabilities_in(answer)
        assert len(found) in (1, 9)
        np.testing.assert_allclose(found, expected[: len(found)], atol=1e-5)
        first = answer.json()["predictions"][0]
        assert first["label"] == expected[0].argmax()
        assert first["probability"] == max(first["probabilities"])


def test_photographs_of_other_formats_and_sizes(
    client: httpx.Client, images: np.ndarray, small_bundle: clearsight.Bundle
) -> None:
    large = Image.fromarray(images[1, ..., 0]).resize((300, 200)).convert("RGB")
    for form in ("JPEG", "WEBP", "BMP", "GIF", "TIFF"):
        file = io.BytesIO()
        large.save(file, form)
        answer = client.post(PREDICT, content=file.getvalue(), headers=PNG)
        right = small_bundle.predict(file.getvalue()).probabilities
        np.testing.assert_allclose(probabilities_in(answer), right, atol=1e-5)
    array = np.asarray(large)
    answer = client.post(PREDICT, json={"instances": [array.tolist()]})
    right = small_bundle.predict([array]).probabilities
    np.testing.assert_allclose(probabilities_in(answer), right, atol=1e-5)


def test_options(
    client: httpx.Client, files: list[bytes], images: np.ndarray, small_bundle: clearsight.Bundle
) -> None:
    top = client.post(PREDICT, params={"top": 3}, content=files[0], headers=PNG).json()
    (row,) = top["predictions"]
    right = small_bundle.predict(files[0]).top(3)[0]
    assert [each["class"] for each in row["top"]] == [name for name, _ in right]
    assert "probabilities" not in row
    assert row["is_inverted"] is False
    inverted = png_of(255 - images[0, ..., 0])
    (row,) = client.post(PREDICT, content=inverted, headers=PNG).json()["predictions"]
    assert row["is_inverted"] is True
    turned = client.post(PREDICT, params={"invert": True}, content=inverted, headers=PNG)
    right = small_bundle.predict(files[0]).probabilities
    np.testing.assert_allclose(probabilities_in(turned), right, atol=1e-5)
    tempered = client.post(PREDICT, params={"temperature": True}, content=files[0], headers=PNG)
    right = small_bundle.predict(files[0], temperature=True).probabilities
    np.testing.assert_allclose(probabilities_in(tempered), right, atol=1e-5)


def test_what_was_left_out_of_a_file_is_reported(client: httpx.Client, files: list[bytes]) -> None:
    frames = [Image.open(io.BytesIO(content)) for content in files[:2]]
    animation = io.BytesIO()
    frames[0].save(animation, "GIF", save_all=True, append_images=frames[1:])
    uploads = [("image", animation.getvalue()), ("image", files[0])]
    first, second = client.post(PREDICT, files=uploads).json()["predictions"]
    (warning,) = first["warnings"]
    assert warning == "The image has several frames or pages, of which only the first was used."
    assert second["warnings"] == []


def test_models_are_listed(client: httpx.Client, small_bundle: clearsight.Bundle) -> None:
    (model,) = client.get("/v1/models").json()["models"]
    assert model["name"] == "fashion"
    assert model["class_names"] == list(small_bundle.class_names)
    assert model["input_shape"] == [28, 28, 1]


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"no image", "image/png", 422, "unreadable_image"),
        (b"", "image/png", 422, "unreadable_image"),
        (b"x", "text/plain", 415, "unsupported_content_type"),
        (b"{", "application/json", 400, "invalid_json"),
        (b"[" * 100_000, "application/json", 400, "invalid_json"),
        (b'{"instances": [[NaN]]}', "application/json", 400, "invalid_json"),
        (b"\xff\xfe", "application/json", 400, "invalid_json"),
        (b'{"instances": []}', "application/json", 422, "invalid_request"),
        (b'{"images": [1]}', "application/json", 422, "invalid_request"),
        (b'{"instances": [{"b64": "*"}]}', "application/json", 422, "invalid_base64"),
        (b'{"instances": [{"b64": "eA=="}]}', "application/json", 422, "unreadable_image"),
        (b'{"instances": [{"b64": "eA=="}, [[[1]]]]}', "application/json", 422, "mixed_instances"),
        (b'{"instances": [[[[0.5]]]]}', "application/json", 422, "invalid_array"),
        (b'{"instances": [[[[256]]]]}', "application/json", 422, "invalid_array"),
        (b'{"instances": [[[[1]], [[1], [2]]]]}', "application/json", 422, "invalid_array"),
        (b'{"instances": [[["/etc/passwd"]]]}', "application/json", 422, "invalid_array"),
        (b'{"instances": ["/etc/passwd"]}', "application/json", 422, "invalid_request"),
        (b"x", "multipart/form-data", 400, "invalid_multipart"),
        (b"x", "multipart/form-data; boundary=b", 400, "invalid_multipart"),
        (b"--b--\r\n", "multipart/form-data; boundary=b", 422, "missing_image"),
        (b"--b\r\nA: b\r\n\r\nx", "multipart/form-data; boundary=b", 400, "invalid_multipart"),
    ],
)
def test_invalid_bodies_get_one_sentence(
    client: httpx.Client, content: bytes, kind: str, status: int, code: str
) -> None:
    answer = client.post(PREDICT, content=content, headers={"Content-Type": kind})
    sentence = assert_error(answer, status, code)
    assert sentence.endswith((".", "?"))


def test_errors_of_the_framework_have_the_same_form(client: httpx.Client) -> None:
    assert_error(client.get("/nowhere"), 404, "not_found")
    assert_error(client.get("/v1/models/../../etc/passwd"), 404, "not_found")
    assert_error(client.post("/v1/models/absent:predict"), 404, "model_not_found")
    answer = client.get(PREDICT)
    assert_error(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"
    assert_error(client.post(PREDICT, params={"top": "x"}), 422, "invalid_request")


def test_the_index_of_an_unreadable_image_is_reported(
    client: httpx.Client, files: list[bytes]
) -> None:
    answer = client.post(PREDICT, files=[("a", files[0]), ("b", files[1][:90])])
    assert assert_error(answer, 422, "unreadable_image").startswith("Image 1: ")


def test_a_tag_of_a_wrong_type_counts_as_damage(client: httpx.Client, images: np.ndarray) -> None:
    """A TIFF whose data begin at a fraction of a byte: Pillow raises a TypeError."""
    file = io.BytesIO()
    Image.fromarray(images[0, ..., 0]).save(file, "TIFF")
    content = bytearray(file.getvalue())
    offset = content.index(struct.pack("<H", 273), 8)
    content[offset + 2 : offset + 4] = struct.pack("<H", 12)
    answer = client.post(PREDICT, content=bytes(content), headers=PNG)
    assert "damaged or cut short" in assert_error(answer, 422, "unreadable_image")


def test_the_page_loads_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert policy.endswith("frame-ancestors 'none'")
    assert "unsafe" not in policy
    for name in re.findall(r'(?:href|src)="([a-z]+\.[a-z]+)"', page.text):
        file = client.get(f"/{name}")
        assert file.status_code == 200, name
        assert file.headers["x-content-type-options"] == "nosniff"
        for address in re.findall(r"https?://[^/]+/", file.text):
            assert address == "http://www.w3.org/", "a namespace"
    paths = client.get("/openapi.json").json()["paths"]
    assert "/v1/models/{name}:predict" in paths
    assert_error(client.get("/docs"), 404, "not_found")


def test_two_bundles_predict_as_themselves(
    small_bundle: clearsight.Bundle, other_bundle: clearsight.Bundle, files: list[bytes]
) -> None:
    with serving(f"a={small_bundle.path}", f"b={other_bundle.path}") as server:
        for name, bundle in (("a", small_bundle), ("b", other_bundle)):
            with server.client() as client:
                answer = client.post(f"/v1/models/{name}:predict", content=files[0], headers=PNG)
            right = bundle.predict(files[0]).probabilities
            np.testing.assert_allclose(probabilities_in(answer), right, atol=1e-5)


def test_invalid_options_get_one_sentence(server: Server, small_bundle: clearsight.Bundle) -> None:
    path = str(small_bundle.path)
    for arguments, message in (
        ((path, "--port", str(server.port)), "cannot (Address already in use)"),
        ((path, "--host", "0.0.0.0"), "should have a token"),
        ((path, path), "should have different names"),
        ((f"a/b={path}",), "letters, digits"),
        (("nowhere",), "does not exist"),
        (
            (path, "--deadline-seconds", "0"),
            "deadline_seconds = '0': input should be greater than or equal to 0.001",
        ),
    ):
        done = run_cli("serve", *arguments)
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stderr.count("\n") == 1


def test_serving_loads_neither_keras_nor_torch(small_bundle: clearsight.Bundle) -> None:
    program = (
        "import sys\n"
        "from clearsight.serving.named_bundle import open_named_bundles\n"
        "from clearsight.serving.server import Service, make_app\n"
        "from clearsight.serving.settings import ServerSettings\n"
        f"bundles = open_named_bundles([{str(small_bundle.path)!r}], 1)\n"
        "make_app(Service(ServerSettings(), bundles))\n"
        "print('LOADED', {'keras', 'torch', 'tensorflow'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "LOADED set()"


def test_a_missing_extra_gives_the_install_line(tmp_path: Path) -> None:
    """Importing fastapi fails, as if the extra were not installed."""
    (tmp_path / "fastapi.py").write_text("raise ModuleNotFoundError(name='fastapi')\n")
    done = run_cli("serve", "bundle", PYTHONPATH=f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    assert done.returncode == 2
    assert done.stderr == (
        "clearsight: Serving needs the optional part 'serve', which is not installed: run pip "
        "install 'clearsight[serve]'.\n"
    )
