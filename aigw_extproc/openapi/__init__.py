"""The OpenAPI description of the gateway's endpoints, made from the types that requests are parsed with.

`schemas`: msgspec's types as JSON Schema; `description`: the document. https://spec.openapis.org/oas/v3.1.1.html
"""
