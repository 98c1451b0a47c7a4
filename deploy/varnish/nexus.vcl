vcl 4.1;

# Varnish before Nexus nodes: keeps public answers as their Cache-Control says, and forgets by tag when a node says so
# (cache.edges: ["http://127.0.0.1:6081/"]). Answers to callers who sign in pass through: they are private.

backend node {
    .host = "127.0.0.1";
    .port = "8000";
}

acl nodes {
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    if (req.method == "PURGE") {
        if (!client.ip ~ nodes) {
            return (synth(403));
        }
        if (!req.http.Nexus-Purge-Tag) {
            return (synth(400));
        }
        if (req.http.Nexus-Purge-Tag == "*") {
            ban("obj.status > 0");
        } else {
            # Every sign that means something in a pattern stands for any one sign.
            ban("obj.http.Cache-Tag ~ (^|,)" + regsuball(req.http.Nexus-Purge-Tag, "[^A-Za-z0-9:/@_-]", ".") + "(,|$)");
        }
        return (synth(200, "Forgotten"));
    }
    if (req.http.X-API-Key) {
        return (pass);
    }
}

sub vcl_backend_response {
    # A node says of each answer how long it may be kept; without a word nothing is.
    if (!beresp.http.Cache-Control) {
        set beresp.uncacheable = true;
    }
}

sub vcl_deliver {
    set resp.http.X-Edge-Cache = "MISS";
    if (obj.hits > 0) {
        set resp.http.X-Edge-Cache = "HIT";
    }
}
