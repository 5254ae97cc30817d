"""A server's side of HTTP/2 without I/O: bytes in and events out, calls in and bytes out. It has no clock either.

`connection` is what a server uses; its `receiver` turns the peer's frames into events, and its `outbox` holds what is
to be sent until windows allow it. `frames` takes bytes apart, `headers` decodes header blocks, `limits` says what a
peer may do. There are no pushed responses and no priorities, which gRPC does not need.
https://www.rfc-editor.org/rfc/rfc9113
"""
