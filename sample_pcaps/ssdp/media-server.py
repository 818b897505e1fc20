"""A UPnP media server announces itself, is searched for and found; its description is fetched over HTTP."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

UUID = "4d696e69-444c-164e-9d41-02005e100133"
NAMES = {"friendly_name": "Osprey Lounge", "serial": "OS3-000417", "model_name": "Osprey S3", "model_number": "S3-EU"}


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab() as lab:
        box = lab.host("box", "192.168.1.51")
        phone = lab.host("phone", "192.168.1.52")
        lab.start_dns()
        (box.root / "media").mkdir()
        conf = box.root / "minidlna.conf"
        conf.write_text(f"port=8200\nnetwork_interface=eth0\nmedia_dir={box.root}/media\ndb_dir={box.root}\n"
                        f"log_dir={box.root}\ninotify=no\nnotify_interval=4\nuuid={UUID}\n"
                        + "".join(f"{name}={value}\n" for name, value in NAMES.items()))  # fmt: skip
        tcpdump = lab.capture(phone, capture)
        lab.start(box, "minidlnad", "-S", "-f", str(conf), "-P", str(box.root / "minidlna.pid"), seconds=40)
        time.sleep(2)
        found = lab.run(
            phone, "gssdp-discover", "-i", "eth0", "-n", "3", "-t", "upnp:rootdevice", seconds=20, fine=(0, 1)
        )
        description = lab.run(phone, "curl", "-s", "http://192.168.1.51:8200/rootDesc.xml")
        lab.end_capture(tcpdump)
        lab.tools.add("gssdp-discover")
        lab.truth(
            here.with_suffix(".truth.json"), capture, scenario=__doc__, sessions=[],
            device={"ip": box.ip, "udn": f"uuid:{UUID}", **NAMES}, found=found.strip().splitlines(),
            description=description,
        )  # fmt: skip


if __name__ == "__main__":
    main()
