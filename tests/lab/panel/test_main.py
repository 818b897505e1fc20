"""The panel as a program: its options, its end, and TLS with a key log."""

import datetime
import json
import ssl
import subprocess
import sys
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from .conftest import EXAMPLE, ROOT, free_port


def run(*arguments):
    argv = [sys.executable, "-m", "tests.lab.panel", *map(str, arguments)]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


def test_check_says_what_is_on_offer(tmp_path):
    file = tmp_path / "panel.json"
    file.write_text(json.dumps(EXAMPLE))
    done = run("--config", file, "--check")
    assert json.loads(done.stdout) | {"sha256": ""} == {"live": 4, "vod": 120, "series": 10, "sha256": ""}
    file.write_text("{}")
    done = run("--config", file)
    assert (done.returncode, done.stderr.startswith("panel: panel: ")) == (1, True)
    assert "required" in done.stderr


def self_signed(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tv.heron.example")])
    today = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), today,
                                   today + datetime.timedelta(days=1)).sign(key, hashes.SHA256())  # fmt: skip
    (folder / "x.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "x.key").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption(),
    ))  # fmt: skip
    return {"certificate": str(folder / "x.pem"), "key": str(folder / "x.key"), "key_log": str(folder / "keys")}


def test_tls_with_a_key_log(tmp_path, programs, example):
    port = free_port()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with programs(tmp_path, example | {"tls": self_signed(tmp_path), "https_port": port}) as started:
        url = f"https://127.0.0.1:{port}/player_api.php?username=viewer1&password=pw1word"
        with urllib.request.urlopen(url, timeout=10, context=context) as reply:
            assert json.load(reply)["server_info"]["https_port"] == str(port)
        row = started["panel"].row(did="player_api:login")
        assert (row["tls"], row["server_port"], row["line"]) == (True, port, "viewer1")
        assert started["panel"].row_of("start")["catalogue"]["live"] == 4
    assert (tmp_path / "keys").read_text().count("TRAFFIC_SECRET") >= 4
    assert started["panel"].rows("stop")
