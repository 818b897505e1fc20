"""What a box posts about itself: JSON at an update server (once compressed), a form at a collector of statistics, a
query at a third server. Answers and a page name a portal and a list with a user's name. A telephone then posts a list
of two boxes, which says nothing of the telephone, and the box posts XML, which is not read. Requests by curl."""

import gzip
import json
import sys
from pathlib import Path
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).parents[1]))
import recording as r

MAC, WIFI = "02:00:5E:0A:01:44", "02:00:5E:0A:02:44"
MODEL, SERIAL, FIRMWARE, ANDROID_ID = "SK-X4", "SK4X21070031", "9.1.12", "7c1de90a44b20f63"
AGENT = "Dalvik/2.1.0 (Linux; U; Android 9; SK-X4 Build/PPR1.180610.011)"
LIST = "http://tv.siskin-box.example:8080/get.php?username=siskin31&password=Qm4tZr90&type=m3u_plus"
PORTAL = "http://tv.siskin-box.example:8080/c/"
UPDATE = {
    "device": {"brand": "Siskin", "modelName": MODEL, "serialNumber": SERIAL, "eth0Mac": MAC, "wifi_mac": WIFI,
               "romVersion": FIRMWARE, "androidId": ANDROID_ID},
    "apps": [{"package": "example.siskin.tv", "versionCode": 32}], "locale": "id-ID",
}  # fmt: skip
CRASH = {"model": MODEL, "fingerprint": "siskin/skx4/skx4:9/PPR1.180610.011/912:user", "device_id": ANDROID_ID,
         "trace": "at example.siskin.tv.Player.open\n" * 12}  # fmt: skip
STATISTICS = {"mac": MAC, "sn": SERIAL, "model": MODEL, "fw": FIRMWARE, "uptime": "86012"}
TWO = {"boxes": [{"name": "lounge", "mac": "02:00:5E:10:01:51"}, {"name": "bedroom", "mac": "02:00:5E:10:01:52"}]}
XML = f"<report><mac>{MAC}</mac><model>{MODEL}</model></report>"
REPLY = json.dumps({"update": False, "config": {"list": LIST, "epg": "http://epg.example/x"}}).replace("/", "\\/")
PAGE = f'<p>New portal: <a href="{PORTAL}">here</a>, list: {LIST.replace("&", "&amp;")}</p>'


def serve(lab: r.Lab, host: r.Host) -> Path:
    """Start nginx, which writes down what is posted; return that log."""
    log = host.root / "reports.jsonl"
    lab.start_nginx(host, http=f"""
log_format report escape=json '{{"client_ip":"$remote_addr","host":"$host","target":"$request_uri",'
    '"content_type":"$content_type","content_encoding":"$http_content_encoding","body":"$request_body"}}';
server {{ listen 127.0.0.1:8081; default_type application/json;
    location /api/ {{ return 200 '{REPLY}'; }}
    location /news {{ default_type text/html; return 200 '{PAGE}'; }}
    location / {{ return 204; }} }}
server {{ listen 80; access_log {host.root}/access-0.jsonl truth; access_log {log} report;
    location / {{ proxy_pass http://127.0.0.1:8081; }} }}""")  # fmt: skip
    return log


def main() -> None:
    here = Path(__file__).with_suffix("")
    capture = here.with_suffix(".pcap")
    with r.Lab() as lab:
        box, phone = lab.host("box", "192.168.1.68"), lab.host("phone", "192.168.1.69")
        names = [f"{name}.siskin-box.example" for name in ("ota", "stat", "ads")]
        server = lab.host("server", "203.0.113.68", *names)
        lab.start_dns()
        log = serve(lab, server)
        crash = box.root / "crash.json.gz"
        crash.write_bytes(gzip.compress(json.dumps(CRASH).encode(), mtime=0))
        tcpdump = lab.capture(lab.router, capture, interface="home")
        as_json = ("-H", "Content-Type: application/json; charset=utf-8")
        query = urlencode({"model": MODEL, "mac": MAC, "sn": SERIAL, "slot": "home"})
        for client, agent, url, *options in (
            (box, AGENT, f"http://{names[0]}/api/v2/check", *as_json, "-d", json.dumps(UPDATE)),
            (box, AGENT, f"http://{names[1]}/collect", "-d", urlencode(STATISTICS)),
            (box, AGENT, f"http://{names[1]}/crash", *as_json, "-H", "Content-Encoding: gzip",
             "--data-binary", f"@{crash}"),
            (box, AGENT, f"http://{names[2]}/banner?{query}"),
            (box, "", f"http://{names[0]}/news"),
            (box, AGENT, f"http://{names[1]}/xml", "-H", "Content-Type: text/xml", "-d", XML),
            (phone, "okhttp/4.9.3", f"http://{names[1]}/boxes", *as_json, "-d", json.dumps(TWO)),
        ):  # fmt: skip
            lab.run(client, "curl", "-s", "-m", "20", "-A", agent, *options, "-o", str(client.root / "answer"), url)
        lab.end_capture(tcpdump)
        posted = [row for line in log.read_text("latin-1").splitlines() if (row := json.loads(line))["body"]]
        for row in posted:
            if row["content_encoding"]:
                row["body"] = gzip.decompress(row["body"].encode("latin-1")).decode()
        lab.truth(
            here.with_suffix(".truth.json"), capture, scenario=__doc__, sessions=[],
            posted=posted,
            devices=[{"client_ip": box.ip, "macs": [MAC, WIFI], "serial": SERIAL, "model": MODEL, "firmware": FIRMWARE,
                      "identifier": ANDROID_ID}],
            named=[LIST, PORTAL],
        )  # fmt: skip


if __name__ == "__main__":
    main()
