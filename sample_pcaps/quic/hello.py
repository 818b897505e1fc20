"""QUIC by aioquic: versions 1 and 2, a connection after Retry, and an answer in version 2 to a hello in version 1."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

NAME = "q.harrier-tv.example"
PORTS = {443: {}, 4433: {"retry": True}, 4434: {"versions": [2]}}
ASKED = [(443, [1]), (4434, [2]), (4433, [1]), (4434, [1, 2])]


def serve(port: int, folder: str) -> None:
    """Answer on one port, until killed; write down each connection."""
    from aioquic.asyncio import QuicConnectionProtocol, serve
    from aioquic.quic.configuration import QuicConfiguration
    from aioquic.quic.events import HandshakeCompleted

    options = PORTS[port]
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3", "hq-interop"])
    configuration.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
    configuration.supported_versions = [numbers()[v] for v in options.get("versions", [1, 2])]
    if "versions" in options:
        configuration.supported_versions.append(numbers()[1])

    class Answer(QuicConnectionProtocol):
        def quic_event_received(self, event: object) -> None:
            if isinstance(event, HandshakeCompleted):
                told = {"port": port, "alpn": event.alpn_protocol, "version": f"{self._quic._version:08x}"}
                with open(f"{folder}/quic.jsonl", "a", encoding="utf-8") as log:
                    log.write(json.dumps(told) + "\n")

    async def run() -> None:
        await serve(
            "0.0.0.0", port, configuration=configuration, create_protocol=Answer, retry=bool(options.get("retry"))
        )
        await asyncio.Event().wait()

    asyncio.run(run())


def ask(port: int, versions: list[int]) -> None:
    """Connect, ping, and close; print what was agreed on."""
    import ssl

    from aioquic.asyncio import connect
    from aioquic.quic.configuration import QuicConfiguration

    configuration = QuicConfiguration(is_client=True, alpn_protocols=["h3"], verify_mode=ssl.CERT_NONE)
    configuration.original_version = numbers()[versions[0]]
    configuration.supported_versions = [numbers()[v] for v in reversed(versions)]

    async def run() -> None:
        async with connect(NAME, port, configuration=configuration) as client:
            await client.ping()

    asyncio.run(run())


def numbers() -> dict[int, int]:
    from aioquic.quic.packet import QuicProtocolVersion

    return {1: QuicProtocolVersion.VERSION_1, 2: QuicProtocolVersion.VERSION_2}


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.62")
        edge = lab.host("edge", "203.0.113.62", NAME)
        lab.start_dns()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "3650", "-subj", f"/CN={NAME}", "-keyout", str(edge.root / "key.pem"),
                        "-out", str(edge.root / "cert.pem")], check=True, capture_output=True, timeout=20)  # fmt: skip
        for port in PORTS:
            lab.start(edge, sys.executable, __file__, "serve", str(port), str(edge.root), seconds=60)
        r.time.sleep(2)
        tcpdump = lab.capture(box, capture)
        for port, versions in ASKED:
            lab.run(box, sys.executable, __file__, "ask", str(port), *map(str, versions), seconds=20)
        lab.end_capture(tcpdump)
        rows = [json.loads(line) for line in (edge.root / "quic.jsonl").read_text().splitlines()]
        asked = [
            {"port": p, "server_name": NAME, "versions": v, "alpn": ["h3"], "retry": bool(PORTS[p].get("retry"))}
            for p, v in ASKED
        ]
        truth = here.with_suffix(".truth.json")
        lab.truth(truth, capture, scenario=__doc__, sessions=[], asked_by_quic=asked, quic=rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]), sys.argv[3])
    elif sys.argv[1:2] == ["ask"]:
        ask(int(sys.argv[2]), [int(v) for v in sys.argv[3:]])
    else:
        main()
