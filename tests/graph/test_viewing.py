from __future__ import annotations

CLIENT, HOST, ADDRESS = "client:192.168.1.20", "host:edge.example", "address:203.0.113.10"


def test_session_joins_client_stream_and_host_with_its_evidence(lab, edges_of):
    session = lab.session()
    lab.evidence(session, 8, 3, 5)
    graph = lab.graph()
    stream = "stream:http://edge.example/live/1.m3u8"
    watched = edges_of(graph, "watched")[CLIENT, stream]
    assert watched["evidence"] == ["aaaaaaaaaaaaaaaa#3", "aaaaaaaaaaaaaaaa#5", "aaaaaaaaaaaaaaaa#8"]
    assert (watched["strength"], watched["rule"], watched["bytes"]) == ("conclusive", "session-hls", 1000)
    assert (watched["first_ns"], watched["last_ns"]) == (session["start_ns"], session["end_ns"])
    assert (stream, HOST) in edges_of(graph, "served-by")
    assert (CLIENT, HOST) in edges_of(graph, "streams-from")
    assert edges_of(graph, "resolves-to")[HOST, ADDRESS]["rule"] == "session-edge"


def test_session_without_evidence_rows_cites_its_first_frame(lab, edges_of):
    session = lab.session()
    (edge,) = edges_of(lab.graph(), "watched").values()
    assert edge["evidence"] == [f"aaaaaaaaaaaaaaaa#{session['first_frame']}"]


def test_session_of_which_no_media_were_captured_is_not_conclusive(lab, edges_of):
    lab.session(bytes=0)
    (edge,) = edges_of(lab.graph(), "watched").values()
    assert edge["strength"] == "supporting"


def test_session_that_was_inferred_is_not_conclusive(lab, edges_of):
    lab.session(basis="shape", delivery="segmented", stream=None)
    graph = lab.graph()
    (edge,) = edges_of(graph, "streams-from").values()
    assert (edge["strength"], edge["rule"]) == ("supporting", "session-segmented")
    assert edges_of(graph, "resolves-to") == {}


def test_unknown_number_of_bytes_counts_as_none(lab):
    lab.session(bytes=None)
    assert lab.graph().nodes[CLIENT]["bytes"] == 0


def test_two_sessions_of_one_stream_make_one_edge(lab, edges_of):
    lab.session()
    lab.session()
    lab.session(client_ip="192.168.1.21")
    watched = edges_of(lab.graph(), "watched")
    assert sorted(edge["count"] for edge in watched.values()) == [1, 2]
    assert lab.graph().nodes[HOST]["bytes"] == 3000


def test_unnamed_streams_of_one_server_stay_apart(lab):
    lab.session(stream=None, edge_host=None)
    lab.session(stream=None, edge_host=None)
    graph = lab.graph()
    streams = [n for n, a in graph.nodes(data=True) if a["kind"] == "stream"]
    assert len(streams) == 2
    assert graph.nodes[streams[0]]["label"] == "unnamed, from 203.0.113.10:80"
    assert all(graph.has_edge(stream, ADDRESS) for stream in streams)


def test_rtmp_names_belong_to_their_server(lab):
    lab.session(delivery="rtmp", stream="live/one", edge_host="a.example")
    lab.session(delivery="rtmp", stream="live/one", edge_host="b.example")
    streams = {n for n, a in lab.graph().nodes(data=True) if a["kind"] == "stream"}
    assert streams == {"stream:live/one@a.example", "stream:live/one@b.example"}


def test_publisher_and_viewer_meet_at_the_stream(lab, edges_of):
    lab.session(delivery="rtmp-publish", stream="live/k", client_ip="192.0.2.60", edge_host="in.example")
    lab.session(delivery="rtmp", stream="live/k", client_ip="192.0.2.61", edge_host="in.example")
    graph = lab.graph()
    assert list(edges_of(graph, "publishes")) == [("client:192.0.2.60", "stream:live/k@in.example")]
    assert list(edges_of(graph, "pushes-to")) == [("client:192.0.2.60", "host:in.example")]
    assert list(edges_of(graph, "watched")) == [("client:192.0.2.61", "stream:live/k@in.example")]
    assert edges_of(graph, "served-by")["stream:live/k@in.example", "host:in.example"]["count"] == 1


def test_multicast_without_a_known_client_hangs_on_its_capture(lab, edges_of):
    lab.session(client_ip=None, delivery="udp-ts", stream="udp://239.1.1.1:5000", edge_host=None)
    graph = lab.graph()
    assert list(edges_of(graph, "recorded")) == [("capture:aaaaaaaaaaaaaaaa", "stream:udp://239.1.1.1:5000")]
    assert not edges_of(graph, "watched")
    assert graph.nodes["stream:udp://239.1.1.1:5000"]["label"] == "udp://239.1.1.1:5000"


def test_playlist_from_another_host_is_served_by_it_too(lab, edges_of):
    url = "http://lists.example:8080/1.m3u8?token=x"
    lab.session(variants=[url, "http://edge.example/other.m3u8"], flow_ids=[4])
    lab.add("playlists", url=url, flow_id=4, frame_no=44, ts_ns=1)
    lab.add("playlists", url=url, flow_id=4, frame_no=45, ts_ns=2)
    lab.add("playlists", url=url, flow_id=99, frame_no=46, ts_ns=3)
    served = edges_of(lab.graph(), "served-by")
    edge = served["stream:http://edge.example/live/1.m3u8", "host:lists.example"]
    assert edge["evidence"] == ["aaaaaaaaaaaaaaaa#44", "aaaaaaaaaaaaaaaa#45"]
    assert (edge["rule"], edge["strength"], edge["bytes"]) == ("playlist-response", "strong", 0)
    assert len(served) == 2


def test_label_of_a_stream_names_the_channel(lab):
    lab.session(channel="News", kind="live")
    node = lab.graph().nodes["stream:http://edge.example/live/1.m3u8"]
    assert node["label"] == "News · /live/1.m3u8"
    assert (node["channel"], node["delivery"], node["media"]) == ("News", "hls", "live")


def test_host_given_as_an_address_is_an_address(lab, edges_of):
    lab.session(edge_host="203.0.113.10")
    graph = lab.graph()
    assert (CLIENT, ADDRESS) in edges_of(graph, "streams-from")
    assert not any(a["kind"] == "host" for _, a in graph.nodes(data=True))
    assert graph.nodes[ADDRESS]["bytes"] == 1000


def test_evidence_of_other_rows_is_not_taken(lab, edges_of):
    session = lab.session()
    lab.evidence(session, 3)
    lab.add("evidence", row_id="d-other", frame_no=77)
    lab.add("evidence", capture_id="bbbbbbbbbbbbbbbb", row_id=session["session_id"], frame_no=78)
    (edge,) = edges_of(lab.graph(), "watched").values()
    assert edge["evidence"] == ["aaaaaaaaaaaaaaaa#3"]
