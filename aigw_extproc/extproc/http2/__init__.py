"""A server's side of HTTP/2 without I/O: bytes in and events out, calls in and bytes out. It has no clock either.

`connection` is the protocol, `frames` what bytes are, `headers` what a header block says, `limits` what a peer may do.
It serves gRPC: there are no pushed responses and no priorities. https://www.rfc-editor.org/rfc/rfc9113
"""
